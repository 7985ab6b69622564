"""Checkers of lesson 7: from photos to crops and back, and from frame to frame."""

from collections.abc import Callable, Iterator

import numpy as np

from reading_faces.exercises.verdict import as_array, checker, compare

__all__ = ["hand_out", "keypoints_to_photo", "overlap", "smooth"]


@checker("Right: what was added is subtracted, what was multiplied is divided.")
def keypoints_to_photo(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that brings points `(15, 2)` of a crop back into the photo.

    It is given the `(2, 3)` matrix that took the photo's points into the crop: x and y times the
    zoom, plus the last column.
    """
    in_photo = np.random.default_rng(5).uniform(100, 400, (15, 2))
    zoom, shift = 0.4, np.array([-60.0, -25.0])
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    in_crop = in_photo * zoom + shift
    disorder = in_crop / zoom - shift
    mistakes = {
        "Nothing moved: the points are still where they were in the crop.": in_crop,
        "You went from photo to crop once more; we want the way back.": in_crop * zoom + shift,
        "Scaled back, but not shifted: subtract the last column first.": in_crop / zoom,
        "Shifted back, but not scaled: divide by the zoom as well.": in_crop - shift,
        "Both steps are there, in the wrong order: what was added last is undone first.": disorder,
        "x and y have changed places.": in_photo[:, ::-1],
    }

    yield from compare(answer(in_crop, matrix), in_photo, mistakes)


@checker("Right: each photo has its own faces back, and none is lost or doubled.")
def hand_out(answer: Callable[[list, list[int]], list[list]]) -> Iterator[str]:
    """Check a function that gives each photo its part of the results of all faces in a row.

    It is given the results, and how many faces each photo has; photos without faces are among them.
    """
    results, counts = ["a", "b", "c", "d", "e", "f"], [2, 0, 3, 1]
    right = [["a", "b"], [], ["c", "d", "e"], ["f"]]
    from_first, not_empty = [results[:n] for n in counts], [part for part in right if part]
    mistakes = {
        "A photo without faces still gets its list: an empty one.": not_empty,
        "Each photo begins again at the first face; begin where the one before ended.": from_first,
    }

    parts = [list(part) for part in answer(results, counts)]
    other = "Each photo gets the right number of faces, but not its own."
    if (lengths := list(map(len, parts))) != counts:
        other = f"The lists should be {counts} long, one for each photo; yours are {lengths}."
    yield from compare(parts, right, mistakes, other)


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
