"""Checkers accept right answers, whatever they look like, and name the mistake in wrong ones."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from reading_faces.exercises import check, verdict
from reading_faces.exercises.verdict import Verdict

TABLES = sorted(Path(__file__).parents[1].glob("answers_0*.py"))
LESSONS = [importlib.import_module(path.stem) for path in TABLES]


def cases(lessons, kind):
    """Spread the tables of answers by checker into one test each, named after its checker."""
    return [
        pytest.param(checker, *answer, id=f"{checker.__name__}-{name_of(answer[-1])}")
        for lesson in lessons
        for checker, answers in getattr(lesson, kind).items()
        for answer in (case if isinstance(case, tuple) else (case,) for case in answers)
    ]


def name_of(answer) -> str:
    """Return what a test of an answer is called: a hint, or the name of a function."""
    return answer if isinstance(answer, str) else getattr(answer, "__name__", "")


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
    "count_complete": 1,
    "flip_keypoints": 0.02,
    "gradient_step": 1e-4,
    "masked_loss": 1e-5,
    "error_in_eye_distances": 1e-4,
    "class_weights": 1e-3,
    "soften": 1e-4,
    "triplet_loss": 1e-4,
    "semi_hard": 1,
    "keypoints_to_photo": 0.02,
    "overlap": 1e-4,
    "smooth": 1e-4,
}
TOO_FAR |= {name: off for one in LESSONS for name, off in getattr(one, "TOO_FAR", {}).items()}
RIGHT = {c: answers[0] for lesson in LESSONS for c, answers in lesson.RIGHT.items()}


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("name", TOO_FAR)
def test_a_near_miss_is_refused(name, sign):
    checker, off = getattr(check, name), sign * TOO_FAR[name]
    assert not checker(lambda *given: np.asarray(RIGHT[checker](*given)) + off).passed


def test_results_of_another_shape_are_never_the_same():
    assert verdict.same([1.0, np.nan], np.array([1, np.nan]))
    assert not verdict.same([1.0], np.ones(3))
    assert not verdict.same(1.0, np.ones(3))


def test_a_verdict_shows_itself():
    assert repr(Verdict(True, "Yes.")) == "✅ Yes."
    assert repr(Verdict(False, "No.")) == "❌ No."


def untouched(labels, classes):
    """Do what a stub does."""
    ...


def forgets_to_return(x):
    x + 1


def test_an_untouched_stub_is_no_answer_yet_and_a_forgotten_return_is_a_mistake():
    said = check.class_weights(untouched)
    assert (said.passed, repr(said)) == (False, f"⬜ {verdict.NOTHING}")
    assert repr(check.class_weights(lambda labels, classes: None)).startswith("❌")
    assert not verdict.is_stub(forgets_to_return)


QUIZ = verdict.quiz(
    "99",
    {
        "1": {"right": verdict.digest("99", 1, "B"), "hint": "look at the first figure."},
        "2": {"right": verdict.digest("99", 2, "D"), "hint": "look at the second."},
    },
)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({1: "B", 2: "D"}, "✅ Right: all 2 answers."),
        ({1: " b) ", 2: "d"}, "✅ Right: all 2 answers."),
        ({1: ..., 2: ...}, f"⬜ {verdict.NOTHING}"),
        ({}, f"⬜ {verdict.NOTHING}"),
        ({1: "B", 2: ...}, "⬜ Right so far. Not answered yet: 2."),
        ({1: "A", 2: "D"}, "❌ Question 1: look at the first figure."),
        ({1: "A"}, "❌ Question 1: look at the first figure. Not answered yet: 2."),
        ({1: "B", 2: "E"}, "❌ Question 2: give one of the letters A to D, in quotes."),
        (["B", "D"], '❌ Answer with a dictionary of letters in quotes: {1: "A", 2: "B"}.'),
    ],
)
def test_a_quiz_says_what_is_wrong_and_what_is_open(answers, said):
    assert repr(QUIZ(answers)) == said
    assert QUIZ(answers).passed == said.startswith("✅")


def test_a_key_differs_from_lesson_to_lesson_and_from_question_to_question():
    keys = {verdict.digest(n, q, x) for n in ("01", "02") for q in (1, 2) for x in verdict.LETTERS}
    assert len(keys) == 16


@verdict.value_checker(lambda results: f"Right: {results[1]}.")
def one_is_small(results):
    if results[1] > 1:
        yield "Too large."


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({1: 0.5}, "✅ Right: 0.5."),
        ({1: 2}, "❌ Too large."),
        ({2: 2}, "❌ Checking your answer stopped with KeyError: 1."),
        *((empty, f"⬜ {verdict.NOTHING}") for empty in (None, ..., {}, [], {1: None})),
    ],
)
def test_a_value_is_judged_once_it_is_there(results, said):
    assert repr(one_is_small(results)) == said


def test_the_best_margin_is_named_and_what_that_is_worth():
    said = check.margins({"0.05": 0.88, "0.2": 0.9, "0.5": 0.895, "1": 0.88}).message
    assert "at a margin of 0.2, 0.900" in said and "chance" in said


def test_each_checker_has_two_right_answers_and_three_wrong_ones():
    checkers = {value for name, value in vars(check).items() if callable(value)}
    checkers -= {verdict.unless_yours, verdict.quiz, check.people_walking}
    for kind, least in (("RIGHT", 2), ("WRONG", 3)):
        tables = {c: a for lesson in LESSONS for c, a in getattr(lesson, kind).items()}
        assert set(tables) == checkers
        assert min(map(len, tables.values())) >= least
