"""Checkers of lesson 7: from photos to crops and back, and from frame to frame."""

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np
from scipy.optimize import linear_sum_assignment

from reading_faces.exercises.verdict import Wrong, as_array, checker, compare, pairs, value_checker

__all__ = ["keypoints_to_photo", "overlap", "people_walking", "shifts", "smooth", "walks"]
# Of the boxes of a walk, so many are to have the number of their person; on so many walks.
RIGHT_NUMBERS, WALKS = 0.95, range(1, 21)


@checker("Right: what was added is subtracted, then the turn and the zoom are undone.")
def keypoints_to_photo(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that brings points `(15, 2)` of a crop back into the photo.

    It is given the `(2, 3)` matrix that took the photo's points into the crop: a turn with a zoom,
    then a shift, the last column.
    """
    in_photo = np.random.default_rng(5).uniform(100, 400, (15, 2))
    zoom, angle, shift = 0.4, np.deg2rad(20), np.array([-60.0, -25.0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * zoom
    matrix, back = np.column_stack([turn, shift]), np.linalg.inv(turn)
    in_crop = in_photo @ turn.T + shift
    turned, shifted = in_crop @ back.T, in_crop - shift
    disorder = turned - shift
    mistakes = {
        "Nothing moved: the points are still where they were in the crop.": in_crop,
        "You went from photo to crop once more; we want the way back.": in_crop @ turn.T + shift,
        "Turned and scaled back, but not shifted: subtract the last column first.": turned,
        "Shifted back, but not turned and scaled: use the inverse as well.": shifted,
        "Both steps are there, in the wrong order: what was added last is undone first.": disorder,
        "Scaled back, but not turned: divide by no number, use the inverse.": shifted / zoom,
        "Turned to the wrong side: with points in rows, A @ x becomes x @ A.T.": shifted @ back,
        "x and y have changed places.": in_photo[:, ::-1],
    }

    yield from compare(answer(in_crop, matrix), in_photo, mistakes)


@checker("Right: 1 for the same box, 0 for boxes that share nothing.")
def overlap(answer: Callable[[tuple, tuple], float]) -> Iterator[str]:
    """Check a function that gives the intersection over union of two boxes.

    Boxes are (x, y, width, height).
    """
    cases = (
        ((0, 0, 4, 4), (2, 1, 4, 6), 6 / 34, "boxes that cover each other in part"),
        ((0, 0, 4, 4), (0, 0, 4, 4), 1.0, "a box and itself"),
        ((1, 1, 2, 2), (0, 0, 4, 4), 0.25, "a box inside another"),
        ((0, 0, 4, 4), (4, 0, 4, 4), 0.0, "boxes side by side"),
        ((0, 0, 2, 2), (5, 6, 2, 2), 0.0, "boxes apart in both directions"),
    )
    mistakes = {
        "That is the shared area; divide it by the area that both cover together.": 6,
        "The shared area counts twice in the sum of both areas; take it off once.": 6 / 40,
        "Divide by the area of both together, not of one of them.": 6 / 16,
        "A box is (x, y, width, height): its right edge is x + width.": 6 / 20,
    }

    for one, another, expected, what in cases:
        value = as_array(answer(one, another), (), "Give back one number")
        other = f"For {what} it should be {expected:.3f}; yours is {value:.3f}."
        if expected == 0:
            other += " Let neither side of what they share fall below 0."
        yield from compare(value, expected, mistakes, other)


@checker("Right: a step in the values becomes a slope, and a flicker a ripple.")
def smooth(answer: Callable[[np.ndarray, float], np.ndarray]) -> Iterator[str]:
    """Check a function that smooths values `(frames,)` over time by an exponential mean.

    It is given the values and which share of the old mean is kept at each frame.
    """
    flicker = np.array([0.0, 1.0, 1.0, 0.2, 0.9, 0.9])
    keep = 0.8

    def mean_of(values: np.ndarray, keep: float, start: float) -> np.ndarray:
        mean, means = start, []
        for value in values:
            mean = keep * mean + (1 - keep) * value
            means.append(mean)
        return np.array(means)

    for values in (flicker, flicker + 0.5):  # the first begins at 0, the second does not
        right, from_zero = (mean_of(values, keep, start) for start in (values[0], 0.0))
        exchanged = mean_of(values, 1 - keep, values[0])
        one_back = np.array([values[0], *(keep * values[:-1] + (1 - keep) * values[1:])])
        backwards = mean_of(values[::-1], keep, values[-1])[::-1]
        mistakes = {
            "Nothing is smoothed: the values are as they were.": values,
            "keep is the share of the old mean; yours gives it to the new value.": exchanged,
            "Begin with the first value: a mean that begins at 0 is too low.": from_zero,
            "Mix each value with the last mean, not with the last value.": one_back,
            "You went backwards in time; a live video does not know what comes.": backwards,
        }
        yield from compare(answer(values, keep), right, mistakes)


def both_ends(results: dict[float, float]) -> str:
    """Say what came out at both ends of an experiment with shifts."""
    tried, shares = pairs(results, "shift", "share")
    ends = " and ".join(f"{shares[end]:.0%} at {tried[end]:g}" for end in (0, -1))
    return f"Right: {ends} change. One face of 32 is 3%, so small differences prove little."


@value_checker(both_ends)
def shifts(results: dict[float, float]) -> Iterator[str]:
    """Check an experiment: by shift of the box, the share of faces whose emotion changes."""
    tried, shares = pairs(results, "shift", "share of faces whose emotion changes", least=5)
    if not ((shares >= 0) & (shares <= 1)).all():
        yield "A share lies between 0 and 1."
    if not tried[0] < 0 < tried[-1] or 0 not in tried:
        yield "Try shifts to both sides, and 0 itself."
    if shares[tried == 0].max() > 0:
        yield "Without a shift no emotion changes: compare with `usual_words`."
    if max(shares[0], shares[-1]) <= 0:
        yield "At the ends of your range nothing changes: are the boxes shifted at all?"


def people_walking(seed: int) -> tuple[list[list[tuple]], list[list[int]]]:
    """Return 60 frames of two people who walk past each other, and who each box is.

    Boxes are (x, y, width, height), in any order. The person behind is not seen while the other
    covers half of them; now and then the detector misses a face.
    """
    rng = np.random.default_rng([7, seed])
    start = np.array([[40.0, 100.0], [420.0, 100.0]]) + rng.uniform(-20, 20, (2, 2))
    speed = np.array([[1.0, 0.0], [-1.0, 0.0]]) * rng.uniform(5, 8, (2, 1))
    speed[:, 1] = rng.uniform(-0.5, 0.5, 2)
    size = rng.uniform([55, 70], [70, 85], (2, 2))
    missing, boxes, truth = np.zeros(2, int), [], []
    for frame in range(60):
        corners = start + frame * speed + rng.normal(0, 1.0, (2, 2))
        hidden = abs(corners[0] - corners[1]).max() < 32
        missing = np.where((missing == 0) & (rng.random(2) < 0.04), rng.integers(1, 4, 2), missing)
        seen = [i for i in rng.permutation(2) if not (missing[i] or (hidden and i == 1))]
        missing = np.maximum(missing - 1, 0)
        boxes.append([(*map(float, corners[i]), *map(float, size[i])) for i in seen])
        truth.append([int(i) for i in seen])
    return boxes, truth


def share_right(numbers: list[list[int]], truth: list[list[int]]) -> float:
    """Return the share of boxes with their person's number, if each has one that suits best."""
    given = list(zip(chain(*numbers), chain(*truth), strict=True))
    kinds = sorted({number for number, _ in given})
    counts = np.array([[given.count((kind, who)) for who in (0, 1)] for kind in kinds])
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(given))


def kept(answer: Callable) -> float:
    """Return the mean share of right numbers on the walks."""
    shares = []
    for seed in WALKS:
        boxes, truth = people_walking(seed)
        numbers = [[int(number) for number in row] for row in answer(boxes)]
        if [*map(len, numbers)] != [*map(len, truth)]:
            raise Wrong("Give a list for each frame, with one number for each of its boxes.")
        if any(len({*row}) < len(row) for row in numbers):
            raise Wrong("Two boxes of one frame have the same number.")
        shares.append(share_right(numbers, truth))
    return float(np.mean(shares))


@value_checker(lambda answer: f"Yes: {kept(answer):.1%} of the boxes have their person's number.")
def walks(answer: Callable[[list[list[tuple]]], list[list[int]]]) -> Iterator[str]:
    """Check a function from the boxes of each frame to their numbers."""
    if not callable(answer):
        raise Wrong("Give a function that takes the boxes of each frame and returns their numbers.")
    if (share := kept(answer)) < RIGHT_NUMBERS:
        yield f"{share:.1%} of the boxes have their person's number; {RIGHT_NUMBERS:.0%} is asked."
