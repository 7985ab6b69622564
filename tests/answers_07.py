"""Right answers to the exercises of lesson 7, and wrong ones with a piece of what they are told."""

import numpy as np
import pandas as pd

from reading_faces.exercises import check

QUIZ = {1: "B", 2: "D", 3: "A", 4: "C", 5: "A"}


def by_the_inverse_matrix(points, matrix):
    return (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def by_solving(points, matrix):
    return np.linalg.solve(matrix[:, :2], (points - matrix[:, 2]).T).T


def by_the_frame_before(frames):
    """Number boxes by the nearest in the frame before."""
    before, given, numbers = {}, 0, []
    for boxes in frames:
        now = {}
        for box in boxes:
            near = [n for n, old in before.items() if n not in now and abs(old[0] - box[0]) < 30]
            given += not near
            now[near[0] if near else given] = box
        before = now
        numbers.append([*now])
    return numbers


def by_a_straight_line(frames):
    """Number boxes by whose straight walk they fit: one goes to the right, one to the left."""
    spots = [(n, box[0]) for n, boxes in enumerate(frames) for box in boxes]
    begins = [min(x for n, x in spots if n < 4), max(x for n, x in spots if n < 4)]
    ends = [max(x for n, x in spots if n > 55), min(x for n, x in spots if n > 55)]
    numbers = []
    for n, boxes in enumerate(frames):
        where = [a + (b - a) * n / len(frames) for a, b in zip(begins, ends, strict=True)]
        row = [int(abs(box[0] - where[1]) < abs(box[0] - where[0])) for box in boxes]
        numbers.append([0, 1] if len({*row}) < len(row) else row)
    return numbers


def by_size(frames):
    """Number boxes by their size, which a person keeps."""
    sizes = sorted({box[2:] for boxes in frames for box in boxes})
    return [[sizes.index(box[2:]) for box in boxes] for boxes in frames]


def shared(one, other):
    """Return the sides of what two boxes share; below 0 is a gap."""
    (a, b, c, d), (e, f, g, h) = one, other
    return min(a + c, e + g) - max(a, e), min(b + d, f + h) - max(b, f)


def union(one, other):
    width, height = (max(0, side) for side in shared(one, other))
    both = one[2] * one[3] + other[2] * other[3]
    return width * height / (both - width * height)


def by_counting(one, other):
    grid = np.zeros((2, 20, 20), bool)
    for layer, (x, y, width, height) in zip(grid, (one, other), strict=True):
        layer[y : y + height, x : x + width] = True
    return grid.all(axis=0).sum() / grid.any(axis=0).sum()


def area(one, other):
    return max(0, shared(one, other)[0]) * max(0, shared(one, other)[1])


def apart_counts(one, other):
    width, height = shared(one, other)
    return width * height / (one[2] * one[3] + other[2] * other[3] - width * height)


def by_corners(one, other):
    (a, b, c, d), (e, f, g, h) = one, other
    both = max(0, min(c, g) - max(a, e)) * max(0, min(d, h) - max(b, f))
    return both / ((c - a) * (d - b) + (g - e) * (h - f) - both)


def exponential(values, keep, start=None):
    mean, means = values[0] if start is None else start, []
    for value in values:
        mean = keep * mean + (1 - keep) * value
        means.append(mean)
    return np.array(means)


def by_pandas(values, keep):
    return pd.Series(values).ewm(alpha=1 - keep, adjust=False).mean().to_numpy()


def one_step(values, keep):
    return np.array([values[0], *(keep * values[:-1] + (1 - keep) * values[1:])])


RIGHT = {
    check.overlap: [union, by_counting],
    check.smooth: [exponential, by_pandas],
    check.keypoints_to_photo: [by_the_inverse_matrix, by_solving],
    check.shifts: [
        {-0.3: 0.4, -0.1: 0.2, 0: 0.0, 0.1: 0.2, 0.3: 0.5},
        {"-0.2": "0.3", "-0.1": "0.1", "0": "0", "0.1": "0.1", "0.2": "0.2"},
    ],
    check.walks: [by_size, by_a_straight_line],
    check.quiz_07: [QUIZ, {number: f" {letter.lower()})" for number, letter in QUIZ.items()}],
}
WRONG = {
    check.overlap: [
        (lambda one, other: ..., "gives nothing back"),
        (area, "the shared area; divide"),
        (
            lambda one, other: area(one, other) / (area(one, one) + area(other, other)),
            "counts twice",
        ),
        (lambda one, other: area(one, other) / area(one, one), "not of one of them"),
        (apart_counts, "neither side"),
        (by_corners, "right edge is x + width"),
        (lambda one, other: union((0, 0, *one[2:]), (0, 0, *other[2:])), "should be 0.176"),
        (
            lambda one, other: union(one, other) - 0.5 * (min(shared(one, other)) == 0),
            "For boxes side by side it should be 0.000; yours is -0.500",
        ),
    ],
    check.smooth: [
        (lambda values, keep: ..., "gives nothing back"),
        (lambda values, keep: values, "Nothing is smoothed"),
        (lambda values, keep: exponential(values, 1 - keep), "share of the old mean"),
        (lambda values, keep: exponential(values, keep, 0.0), "Begin with the first value"),
        (one_step, "with the last mean"),
        (lambda values, keep: exponential(values[::-1], keep)[::-1], "backwards"),
        (
            lambda values, keep: np.full_like(values, values.mean()),
            "In row 0 you got 0.6667",
        ),
        (lambda values, keep: exponential(values, keep)[1:], "shape"),
    ],
    check.keypoints_to_photo: [
        (lambda points, m: ..., "gives nothing back"),
        (lambda points, m: points, "Nothing moved"),
        (lambda points, m: points @ m[:, :2].T + m[:, 2], "the way back"),
        (lambda points, m: points @ np.linalg.inv(m[:, :2]).T, "not shifted"),
        (lambda points, m: points - m[:, 2], "not turned and scaled"),
        (lambda points, m: points @ np.linalg.inv(m[:, :2]).T - m[:, 2], "wrong order"),
        (lambda points, m: (points - m[:, 2]) / np.hypot(*m[0, :2]), "not turned: divide"),
        (lambda points, m: (points - m[:, 2]) @ np.linalg.inv(m[:, :2]), "the wrong side"),
        (lambda points, m: by_the_inverse_matrix(points, m)[:, ::-1], "changed places"),
        (lambda points, m: by_the_inverse_matrix(points, m) + 1, "In row 0 you got [342.5009"),
        (lambda points, m: points[0], "shape"),
        (lambda points, m: m @ points, "ValueError"),
    ],
    check.shifts: [
        ({}, "Nothing here yet"),
        ([0.3, 0.1, 0, 0.1, 0.3], "Give a dictionary"),
        ({-0.3: 40, -0.1: 20, 0: 0, 0.1: 20, 0.3: 40}, "between 0 and 1"),
        ({-0.3: 0.4, 0: 0.0, 0.3: 0.4}, "you have 3"),
        ({0: 0.0, 0.05: 0.1, 0.1: 0.2, 0.2: 0.3, 0.3: 0.4}, "to both sides"),
        ({-0.3: 0.4, -0.1: 0.2, 0.05: 0.1, 0.1: 0.2, 0.3: 0.4}, "and 0 itself"),
        ({-0.3: 0.4, -0.1: 0.2, 0: 0.1, 0.1: 0.2, 0.3: 0.4}, "no emotion changes"),
        ({-0.3: 0.0, -0.1: 0.0, 0: 0.0, 0.1: 0.0, 0.3: 0.0}, "nothing changes"),
        ({-0.3: "many", -0.1: 0.2, 0: 0.0, 0.1: 0.2, 0.3: 0.4}, "dictionary of numbers"),
    ],
    check.walks: [
        (None, "Nothing here yet"),
        ([[1, 2]] * 60, "Give a function"),
        (lambda frames: [[]] * len(frames), "one number for each"),
        (lambda frames: [[1] * len(boxes) for boxes in frames], "the same number"),
        (lambda frames: [[*range(len(boxes))] for boxes in frames], "is asked"),
        (by_the_frame_before, "is asked"),
        (lambda frames: ["ab"[: len(boxes)] for boxes in frames], "stopped with ValueError"),
    ],
    check.quiz_07: [
        ({number: ... for number in QUIZ}, "Nothing here yet"),
        (QUIZ | {2: "A"}, "Question 2"),
        (QUIZ | {5: "B"}, "how late"),
        ({1: "B", 2: "D"}, "Not answered yet: 3, 4, 5"),
        (QUIZ | {4: "often"}, "Question 4"),
    ],
}
