"""Right answers to the exercises of lesson 1, and wrong ones with a piece of what they are told."""

import numpy as np

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


RIGHT = {
    check.flip_keypoints: [flip_keypoints, another_right_flip],
    check.count_complete: [
        lambda frame: len(frame.dropna()),
        lambda frame: (frame.isna().sum(axis=1) == 0).sum(),
    ],
    check.count_complete: [
        lambda frame: len(frame.dropna()),
        lambda frame: (frame.isna().sum(axis=1) == 0).sum(),
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
}
