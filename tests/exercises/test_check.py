"""Checkers accept right answers, whatever they look like, and name the mistake in wrong ones."""

import answers_01
import answers_02
import answers_03
import answers_05
import answers_06
import answers_07
import numpy as np
import pytest

from reading_faces.exercises import check, verdict
from reading_faces.exercises.verdict import Verdict

LESSONS = (answers_01, answers_02, answers_03, answers_05, answers_06, answers_07)


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
    said = checker(answer)
    assert not said.passed
    assert hint in said.message
    with pytest.raises(AssertionError, match="."):
        said.require()


# By how much the numbers of an answer may not be off.
TOO_FAR = {
    check.count_complete: 1,
    check.flip_keypoints: 0.02,
    check.move_keypoints: 0.05,
    check.gradient_step: 1e-4,
    check.masked_loss: 1e-5,
    check.error_in_eye_distances: 1e-4,
    check.average_with_mirror: 0.02,
    check.class_weights: 1e-3,
    check.macro_f1: 1e-4,
    check.soften: 1e-4,
    check.keep_classes: 1e-4,
    check.focal_loss: 1e-5,
    check.unit_sphere: 1e-3,
    check.triplet_loss: 1e-4,
    check.semi_hard: 1,
    check.equal_error_rate: 0.01,
    check.keypoints_to_photo: 0.02,
    check.overlap: 1e-4,
    check.smooth: 1e-4,
}
RIGHT = {c: answers[0] for lesson in LESSONS for c, answers in lesson.RIGHT.items()}


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("checker", TOO_FAR, ids=lambda checker: checker.__name__)
def test_a_near_miss_is_refused(checker, sign):
    off = sign * TOO_FAR[checker]
    assert not checker(lambda *given: np.asarray(RIGHT[checker](*given)) + off).passed


def test_results_of_another_shape_are_never_the_same():
    assert verdict.same([1.0, np.nan], np.array([1, np.nan]))
    assert not verdict.same([1.0], np.ones(3))
    assert not verdict.same(1.0, np.ones(3))


def test_a_verdict_shows_itself():
    assert repr(Verdict(True, "Yes.")) == "✅ Yes."
    assert repr(Verdict(False, "No.")) == "❌ No."


def test_each_checker_has_two_right_answers_and_three_wrong_ones():
    checkers = {value for name, value in vars(check).items() if not name.startswith("_")}
    for kind, least in (("RIGHT", 2), ("WRONG", 3)):
        tables = {c: a for lesson in LESSONS for c, a in getattr(lesson, kind).items()}
        assert set(tables) == checkers
        assert min(map(len, tables.values())) >= least
