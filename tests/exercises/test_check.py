"""Checkers accept right answers, whatever they look like, and name the mistake in wrong ones."""

import answers_01
import answers_02
import answers_03
import answers_04
import answers_05
import answers_06
import pytest

from reading_faces.exercises import check
from reading_faces.exercises.verdict import Verdict

LESSONS = (answers_01, answers_02, answers_03, answers_04, answers_05, answers_06)


def cases(lessons, kind):
    """Spread the tables of answers by checker into one test each, named after its checker."""
    return [
        pytest.param(
            checker,
            *(case if isinstance(case, tuple) else (case,)),
            id=f"{checker.__name__}-{case[-1] if isinstance(case, tuple) else case.__name__}",
        )
        for lesson in lessons
        for checker, answers in getattr(lesson, kind).items()
        for case in answers
    ]


@pytest.mark.parametrize(("checker", "answer"), cases(LESSONS, "RIGHT"))
def test_a_right_answer_is_accepted(checker, answer):
    assert checker(answer).passed


@pytest.mark.parametrize(("checker", "answer", "hint"), cases(LESSONS, "WRONG"))
def test_a_wrong_answer_is_told_what_is_wrong(checker, answer, hint):
    verdict = checker(answer)
    assert not verdict.passed
    assert hint in verdict.message
    with pytest.raises(AssertionError, match="."):
        verdict.require()


def test_a_verdict_shows_itself():
    assert repr(Verdict(True, "Yes.")) == "✅ Yes."
    assert repr(Verdict(False, "No.")) == "❌ No."


def test_each_checker_has_two_right_answers_and_three_wrong_ones():
    checkers = {value for name, value in vars(check).items() if not name.startswith("_")}
    for kind, least in (("RIGHT", 2), ("WRONG", 3)):
        tables = {c: a for lesson in LESSONS for c, a in getattr(lesson, kind).items()}
        assert set(tables) == checkers
        assert min(map(len, tables.values())) >= least
