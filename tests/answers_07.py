"""Right answers to the exercises of lesson 7, and wrong ones with a piece of what they are told."""

import numpy as np
import pandas as pd

from reading_faces.exercises import check


def by_the_inverse_matrix(points, matrix):
    return (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def by_slices(results, counts):
    ends = np.cumsum(counts)
    return [results[end - n : end] for end, n in zip(ends, counts, strict=True)]


def by_an_iterator(results, counts):
    left = iter(results)
    return [[next(left) for _ in range(n)] for n in counts]


def emptying(results, counts):
    return [[results.pop(0) for _ in range(n)] for n in counts]


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
    check.hand_out: [by_slices, by_an_iterator],
    check.overlap: [union, by_counting],
    check.smooth: [exponential, by_pandas],
    check.keypoints_to_photo: [
        lambda points, m: (points - m[:, 2]) / m[0, 0],
        by_the_inverse_matrix,
    ],
}
WRONG = {
    check.hand_out: [
        (lambda results, counts: ..., "gives nothing back"),
        (emptying, "changed the list"),
        (lambda results, counts: [p for p in by_slices(results, counts) if p], "an empty one"),
        (lambda results, counts: [results], "[2, 0, 3, 1] long, one for each photo; yours are [6]"),
        (lambda results, counts: [results[:n] for n in counts], "begins again"),
        (lambda results, counts: [results[n : n + 1] for n in counts], "should be"),
        (lambda results, counts: by_slices(results[::-1], counts), "not its own"),
    ],
    check.overlap: [
        (lambda one, other: ..., "gives nothing back"),
        (area, "the shared area; divide"),
        (
            lambda one, other: area(one, other) / (area(one, one) + area(other, other)),
            "counts twice",
        ),
        (lambda one, other: area(one, other) / area(one, one), "not of one of them"),
        (apart_counts, "neither side"),
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
        (lambda points, m: points / m[0, 0], "not shifted"),
        (lambda points, m: points - m[:, 2], "not scaled"),
        (lambda points, m: points / m[0, 0] - m[:, 2], "wrong order"),
        (lambda points, m: ((points - m[:, 2]) / m[0, 0])[:, ::-1], "changed places"),
        (lambda points, m: (points - m[:, 2]) / m[0, 0] + 1, "In row 0 you got [342.5009"),
        (lambda points, m: points[0], "shape"),
        (lambda points, m: m @ points, "ValueError"),
    ],
}
