"""Checkers accept right answers, whatever they look like, and name the mistake in wrong ones."""

import importlib
from pathlib import Path

import answers_02
import answers_03
import answers_04
import numpy as np
import pandas as pd
import pytest

from helpers import data
from reading_faces.exercises import (
    check,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_05,
    lesson_06,
    verdict,
)
from reading_faces.exercises.verdict import Verdict
from reading_faces.made_faces import UNIT_NAMES

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


ERRORS = {1: 4.5, 3: 3.8, 10: 3.6, 30: 3.7, 300: 4.0}  # by the number of neighbours
CALIBRATION = {0.5: 0.1, 0.8: 0.095, 1: 0.089, 2: 0.095, 3: 0.1}
AUCS = {0.05: 0.69, 0.2: 0.7, 0.5: 0.69, 0.8: 0.68}


@pytest.mark.parametrize(
    ("checker", "just_right"),
    [
        (check.neighbours, {1: 4.5, 3: 3.8, 5: 3.6, 30: 3.7, 100: 4.0}),
        (check.neighbours, {1: 4.5, 3: 3.8, 20: 3.6, 30: 3.7, 100: 4.0}),
        (check.neighbours, {1: 1.2, 3: 1.1, 10: 1.01, 30: 1.05, 300: 1.1}),
        (check.neighbours, ERRORS | {1: 9.9}),
        (check.neighbours, ERRORS | {1: 3.71}),
        (check.neighbours, ERRORS | {300: 3.61}),
        (check.keypoint_rates, {1e-4: 21, 1e-3: 8.1, 1e-2: 9}),
        (check.keypoint_rates, {1e-5: 21, 1e-3: 0.51, 1: 30}),
        (check.keypoint_rates, {1e-5: 8.6, 1e-3: 8.1, 1: 30}),
        (check.emotion_rates, {1e-5: 0.15, 1e-3: 0.26, 1e-1: 0.15}),
        (check.emotion_rates, {1e-5: 0.35, 1e-3: 0.41, 1e-1: 0.15}),
        (check.emotion_rates, {1e-5: 0, 1e-3: 1, 10: 0.5}),
        (check.temperatures, CALIBRATION),
        (check.temperatures, CALIBRATION | {0.5: 1, 1: 0}),
        (check.fine_rates, {1e-6: 0.7, 1e-5: 0.71, 1e-4: 0.75, 1e-3: 0.8}),
        (check.margins, AUCS),
        (check.margins, AUCS | {4: 0, 0.2: 1}),
        (check.shifts, {-0.3: 0, -0.1: 0, 0: 0, 0.1: 0.1, 0.3: 1}),
        (check.shifts, {-0.3: 1, -0.1: 0, 0: 0, 0.1: 0.1, 0.3: 0}),
    ],
)
def test_results_just_within_a_limit_are_accepted(checker, just_right):
    assert checker(just_right).passed, checker(just_right)


@pytest.mark.parametrize(
    ("checker", "just_wrong", "hint"),
    [
        (check.neighbours, {1: 4.5, 4: 3.6, 21: 3.7, 30: 3.8, 100: 4.0}, "from 5 to 20"),
        (check.neighbours, {1: 4.5, 3: 3.8, 10: 3.6, 30: 3.7, 99: 4.0}, "at least 100"),
        (check.neighbours, {1: 4.5, 3: 3.8, 10: 3.6, 300: 4.0}, "at least five"),
        (check.neighbours, ERRORS | {10: 0.99}, "training faces only"),
        (check.neighbours, ERRORS | {1: 10.1}, "above 10 px"),
        (check.neighbours, ERRORS | {1: 3.69}, "One neighbour"),
        (check.neighbours, ERRORS | {300: 3.6}, "A large k"),
        (check.keypoint_rates, {1e-4: 21, 1e-3: 8.1, 9e-3: 9}, "close together"),
        (check.keypoint_rates, {1e-5: 21, 1e-3: 8.1, 10.1: 9}, "learning rates"),
        (check.keypoint_rates, {1e-5: 21, 1e-3: 0.49, 1: 30}, "square pixels"),
        (check.keypoint_rates, {1e-5: 8.4, 1e-3: 8.1, 1: 30}, "as good as the best"),
        (check.emotion_rates, {1e-5: 0.15, 1e-3: 0.24, 1e-1: 0.15}, "learnt much"),
        (check.emotion_rates, {1e-5: 0.37, 1e-3: 0.41, 1e-1: 0.15}, "as good as the best"),
        (check.emotion_rates, {1e-5: 0.15, 1e-3: 1.01, 1e-1: 0.15}, "between 0 and 1"),
        (check.temperatures, CALIBRATION | {1: 0.091}, "All errors are alike"),
        (check.temperatures, CALIBRATION | {0: 0.2}, "above 0"),
        (check.fine_rates, {1e-6: 0.8, 1e-5: 0.793, 1e-4: 0.8, 1e-3: 0.802}, "All losses"),
        (check.margins, AUCS | {0.2: 0.695}, "learnt much"),
        (check.margins, AUCS | {4.1: 0.6}, "at most 4"),
        (check.margins, AUCS | {4: 1.1}, "between 0 and 1"),
        (check.shifts, {-0.3: 1.1, -0.1: 0, 0: 0, 0.1: 0.1, 0.3: 0}, "between 0 and 1"),
    ],
)
def test_results_just_beyond_a_limit_are_told_so(checker, just_wrong, hint):
    said = checker(just_wrong)
    assert not said.passed and hint in said.message


def network_off_by(share: float) -> answers_02.Network:
    """Return a network whose mean error is this share of the eye distance."""
    points = data.load_keypoints().select("val").keypoints
    eyes = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
    return answers_02.Network(share / (np.sqrt(2) * np.mean(1 / eyes)))


@pytest.mark.parametrize(
    ("checker", "model", "hint"),
    [
        (check.point_model, lambda images: lesson_01.hidden_faces()[1] + 3.09, ""),
        (check.point_model, lambda images: lesson_01.hidden_faces()[1] + 3.11, "the bar is"),
        (check.point_model, lambda images: lesson_01.hidden_faces()[1] - 4.46, "even the mean"),
        (check.better_keypoints, network_off_by(0.0525), ""),
        (check.better_keypoints, network_off_by(0.0535), "at most"),
        (check.beat_the_lesson, answers_03.Network(wrong=0.29), ""),
        (check.beat_the_lesson, answers_03.Network(wrong=0.31), "70% is asked"),
        (check.hard_faces, answers_04.that_knows(0.55, 0.5), ""),
        (check.hard_faces, answers_04.that_knows(0.53, 0.5), "54% is asked"),
        (check.hard_faces, answers_04.that_knows(0.6, 0.69), ""),
        (check.hard_faces, answers_04.that_knows(0.6, 0.71), "its calibration error is"),
    ],
)
def test_a_model_passes_from_the_bar_on(checker, model, hint):
    said = checker(model)
    assert said.passed == (not hint) and hint in said.message, said


def test_the_mean_face_is_the_baseline_of_an_experiment_with_rates():
    baseline = lesson_02.mean_face_loss()
    train, val = (data.load_keypoints().select(split) for split in ("train", "val"))
    typical = np.nanmean(train.keypoints, axis=0)
    assert baseline == pytest.approx(np.nanmean(np.square(val.keypoints - typical)))
    assert check.keypoint_rates({1e-5: 2 * baseline, 1e-3: 0.99 * baseline, 1: 90}).passed
    said = check.keypoint_rates({1e-5: 2 * baseline, 1e-3: 1.01 * baseline, 1: 90}).message
    assert "beats the mean face" in said


@pytest.mark.parametrize(
    ("checker", "results", "praise"),
    [
        (check.temperatures, CALIBRATION | {1: 0.0123}, "lowest at 1, 0.012."),
        (check.keypoint_rates, {2e-3: 6.5, 1e-6: 21.2, 10: np.nan}, "lowest at 0.002, 6.500."),
        (check.fine_rates, {1e-6: 1.1, 3e-4: 0.8, 1e-2: np.inf, 1e-5: 1}, "lowest at 0.0003"),
        (
            check.shifts,
            {-0.3: 0.4, -0.1: 0.2, 0: 0, 0.1: 0.2, 0.2: 0.5},
            "40% at -0.3 and 50% at 0.2",
        ),
    ],
)
def test_what_came_out_of_an_experiment_is_said(checker, results, praise):
    assert praise in checker(results).message


@verdict.checker("Right: the input stayed.")
def leaves_its_input(answer):
    array = np.arange(3.0)
    frame = pd.DataFrame({"a": [1]})
    answer(array, frame, [1], {1: 1}, {1})
    if array.sum() != 3 or len(frame.columns) != 1:
        yield "What the checker holds was changed."


CHANGES = {
    "array": lambda array, frame, some, table, kinds: array.sort() or array.__setitem__(0, 9),
    "frame": lambda array, frame, some, table, kinds: frame.insert(0, "b", 1),
    "list": lambda array, frame, some, table, kinds: some.append(2),
    "dict": lambda array, frame, some, table, kinds: table.update({1: 2}),
    "set": lambda array, frame, some, table, kinds: kinds.add(2),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_function_that_changes_what_it_is_given_is_told_so(kind):
    def answer(*given):
        CHANGES[kind](*given)
        return 1

    said = f"❌ Your function changed the {kind} it was given; work on a copy."
    assert repr(leaves_its_input(answer)) == said
    assert leaves_its_input(lambda *given: 1).passed


def test_what_is_required_and_right_is_shown(capsys):
    Verdict(True, "Yes.").require()
    assert capsys.readouterr().out == "✅ Yes.\n"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_people_walk_past_each_other_and_are_missed_for_a_few_frames(seed):
    boxes, truth = check.people_walking(seed)
    assert (boxes, truth) == check.people_walking(seed) != check.people_walking(seed + 1)
    assert len(boxes) == len(truth) == 60
    for who in (0, 1):
        seen = [n for n, people in enumerate(truth) if who in people]
        mine = np.array([boxes[n][truth[n].index(who)] for n in seen])
        assert len(np.unique(mine[:, 2:], axis=0)) == 1, "of one size"
        assert len(seen) > 40 and (mine[-1, 0] > mine[0, 0]) == (who == 0), "to the other side"
        longest = np.diff(seen).max() - 1
        assert 1 <= longest <= (6 if who == 0 else 20)
    assert any(people == [1, 0] for people in truth), "in any order"
    hidden = [n for n, people in enumerate(truth) if people == [0]]
    assert max(np.diff(hidden).tolist().count(1), 0) >= 4, "who is behind is hidden for a while"


def rows_of(images: np.ndarray) -> np.ndarray:
    """Return which of the made faces these small pictures are."""
    rows = {image.tobytes(): row for row, image in enumerate(data.load_set().small_images)}
    return np.array([rows[image.tobytes()] for image in images])


@pytest.mark.parametrize("split", ["val", "test"])
def test_clear_faces_are_strong_and_neither_turned_nor_hidden_and_all_others_are_hard(split):
    made = data.load_set()
    (clear, said), (hard, said_too) = (
        lesson_03.emotional_faces(split, clear=clear) for clear in (True, False)
    )
    easy, rest = rows_of(clear), rows_of(hard)
    assert sorted([*easy, *rest]) == np.flatnonzero(made.split == split).tolist()
    np.testing.assert_array_equal([*said, *said_too], made.emotions[[*easy, *rest]])
    strength = made.action_units.max(axis=(1, 2))
    strength[made.emotions == data.EMOTIONS.index("neutral")] = 1
    turned = np.abs(made.pose).max(axis=1)
    assert 0.5 <= strength[easy].min() < 0.53 and 19 < turned[easy].max() <= 20
    assert not made.occluded[easy].any()
    assert ((strength < 0.5) | (turned > 20) | made.occluded)[rest].all()


def test_units_of_the_challenge_are_those_of_the_drawn_test_faces():
    made = data.load_set()
    images, present = lesson_05.test_faces()
    rows = rows_of(images)
    assert rows.tolist() == np.flatnonzero(made.split == "test").tolist()
    for column, name in zip(present.T, ("AU1", "AU4", "AU12", "AU25", "AU26"), strict=True):
        drawn = made.action_units[rows, UNIT_NAMES.index(name)].max(axis=1)
        np.testing.assert_array_equal(column, drawn >= 0.2, err_msg=name)


def test_who_knows_nobody_names_one_of_all_people_by_chance():
    images, who = lesson_06.new_faces()
    made = data.load_set()
    assert set(made.split[rows_of(images)]) == {"test"}
    np.testing.assert_array_equal(made.subjects[rows_of(images)], who)
    points = np.random.default_rng(0).normal(size=(len(who), 9))
    share = lesson_06.named_from_one(lambda faces: points)
    assert share == pytest.approx(1 / len(set(who)), abs=0.02)


def test_hidden_faces_are_those_whose_points_the_lesson_does_not_have():
    images, truth = lesson_01.hidden_faces()
    made, given = data.load_set(), data.load_keypoints("made")
    rows = {image.tobytes(): row for row, image in enumerate(given.images)}
    rows = [rows[image.tobytes()] for image in images]
    np.testing.assert_array_equal(truth, made.keypoints[rows])
    assert np.isnan(given.keypoints[rows]).any(axis=(1, 2)).all()
    people = set(made.subjects)
    assert len(set(made.subjects[rows])) == pytest.approx(len(people) / 5, abs=1)
