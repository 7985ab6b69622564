"""Checkers accept right answers, whatever they look like, and name the mistake in wrong ones."""

import numpy as np
import pytest

from helpers import check
from helpers.augment import MIRRORED, flip_keypoints


def another_right_flip(points, width):
    result = np.empty_like(points)
    for here, there in enumerate(MIRRORED):
        result[:, here, 0] = (width - 1) - points[:, there, 0]
        result[:, here, 1] = points[:, there, 1]
    return result


def changes_its_input(points, width):
    points[..., 0] = width - 1 - points[..., 0]
    return points[:, MIRRORED]


def swaps_only_the_eyes(points, width):
    order = [1, 0, *range(2, 15)]
    return points[:, order] * [-1, 1] + [width - 1, 0]


def by_the_inverse_matrix(points, matrix):
    return (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


RIGHT = {
    check.flip_keypoints: [flip_keypoints, another_right_flip],
    check.count_complete: [
        lambda frame: len(frame.dropna()),
        lambda frame: (frame.isna().sum(axis=1) == 0).sum(),
    ],
    check.keypoints_to_photo: [
        lambda points, m: (points - m[:, 2]) / m[0, 0],
        by_the_inverse_matrix,
    ],
}
WRONG = {
    check.flip_keypoints: [
        (lambda points, width: ..., "gives nothing back"),
        (lambda points, width: points, "Nothing moved"),
        (lambda points, width: points * [-1, 1] + [width, 0], "One pixel off"),
        (lambda points, width: points * [-1, 1] + [width - 1, 0], "swap pairs"),
        (lambda points, width: points[:, MIRRORED] * [-1, 1] + [width, 0], "One pixel off"),
        (lambda points, width: points[:, MIRRORED], "x was not mirrored"),
        (lambda points, width: points[:, MIRRORED] * [-1, 1] + [95, 0], "use `width`"),
        (lambda points, width: points[:, MIRRORED] * [-1, -1] + width - 1, "Heights changed"),
        (lambda points, width: points[0], "shape"),
        (swaps_only_the_eyes, "Point 2"),
        (changes_its_input, "changed the array"),
        (lambda points, width: undefined_name, "NameError"),  # noqa: F821
    ],
    check.count_complete: [
        (lambda frame: None, "gives nothing back"),
        (len, "every row"),
        (lambda frame: frame.isna().any(axis=1).sum(), "without one"),
        (lambda frame: frame.drop(columns="split").notna().any(axis=1).sum(), "ask for all"),
        (lambda frame: frame.count(), "one number"),
        (lambda frame: 3, "gives 3"),
        (lambda frame: 2, "should give 1"),
        (lambda frame: frame["no such column"], "KeyError"),
    ],
    check.keypoints_to_photo: [
        (lambda points, m: ..., "gives nothing back"),
        (lambda points, m: points, "Nothing moved"),
        (lambda points, m: points @ m[:, :2].T + m[:, 2], "the way back"),
        (lambda points, m: points / m[0, 0], "not shifted"),
        (lambda points, m: points - m[:, 2], "not scaled"),
        (lambda points, m: points / m[0, 0] - m[:, 2], "wrong order"),
        (lambda points, m: ((points - m[:, 2]) / m[0, 0])[:, ::-1], "changed places"),
        (lambda points, m: (points - m[:, 2]) / m[0, 0] + 1, "1.4 px"),
        (lambda points, m: points[0], "shape"),
        (lambda points, m: m @ points, "ValueError"),
    ],
}


def cases(table):
    """Spread a table of answers by checker into one test each, named after its checker."""
    return [
        pytest.param(checker, *(case if isinstance(case, tuple) else (case,)), id=checker.__name__)
        for checker, answers in table.items()
        for case in answers
    ]


@pytest.mark.parametrize(("checker", "answer"), cases(RIGHT))
def test_a_right_answer_is_accepted(checker, answer):
    assert checker(answer).passed


@pytest.mark.parametrize(("checker", "answer", "hint"), cases(WRONG))
def test_a_wrong_answer_is_told_what_is_wrong(checker, answer, hint):
    verdict = checker(answer)
    assert not verdict.passed
    assert hint in verdict.message
    with pytest.raises(AssertionError, match="."):
        verdict.require()


def test_a_verdict_shows_itself():
    assert repr(check.Verdict(True, "Yes.")) == "✅ Yes."
    assert repr(check.Verdict(False, "No.")) == "❌ No."
