"""Checkers of lesson 6: from photos to crops and back, and from frame to frame."""

from collections.abc import Callable, Iterator

import numpy as np

from reading_faces.exercises.verdict import NOTHING, Verdict, judge, wrong_form


def keypoints_to_photo(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Verdict:
    """Check a function that brings points `(15, 2)` of a crop back into the photo.

    It is given the `(2, 3)` matrix that took the photo's points into the crop: x and y times the
    zoom, plus the last column.
    """
    rng = np.random.default_rng(5)
    in_photo = rng.uniform(100, 400, (15, 2))
    zoom, shift = 0.4, np.array([-60.0, -25.0])
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    in_crop = in_photo * zoom + shift

    def problems() -> Iterator[str]:
        given = in_crop.copy()
        result = answer(given, matrix.copy())
        yield from wrong_form(result, given, in_crop)
        result = np.asarray(result, float)
        if np.allclose(result, in_crop):
            yield "Nothing moved: the points are still where they were in the crop."
        elif np.allclose(result, in_crop * zoom + shift):
            yield "You went from photo to crop once more; we want the way back."
        elif np.allclose(result, in_crop / zoom):
            yield "Scaled back, but not shifted: subtract the last column first."
        elif np.allclose(result, in_crop - shift):
            yield "Shifted back, but not scaled: divide by the zoom as well."
        elif np.allclose(result, in_crop / zoom - shift):
            yield "Both steps are there, in the wrong order: what was added last is undone first."
        elif np.allclose(result, in_photo[:, ::-1]):
            yield "x and y have changed places."
        elif not np.allclose(result, in_photo):
            far = np.linalg.norm(result - in_photo, axis=1).max()
            yield f"Some points are up to {far:.1f} px from where they should be."

    return judge(problems, "Right: what was added is subtracted, what was multiplied is divided.")


def hand_out(answer: Callable[[list, list[int]], list[list]]) -> Verdict:
    """Check a function that gives each photo its part of the results of all faces in a row.

    It is given the results, and how many faces each photo has; photos without faces are among them.
    """
    results, counts = ["a", "b", "c", "d", "e", "f"], [2, 0, 3, 1]
    right = [["a", "b"], [], ["c", "d", "e"], ["f"]]

    def problems() -> Iterator[str]:
        given = list(results)
        result = answer(given, list(counts))
        if result is None or result is ...:
            yield NOTHING
            return
        parts = [list(part) for part in result]
        if given != results:
            yield "Your function emptied the list it was given; work with places in it instead."
        elif parts == [part for part in right if part]:
            yield "A photo without faces still gets its list: an empty one."
        elif len(parts) != len(counts):
            yield f"{len(counts)} photos need {len(counts)} lists; yours gives {len(parts)}."
        elif parts == [results[:n] for n in counts]:
            yield "Each photo begins again at the first face; begin where the one before ended."
        elif list(map(len, parts)) != counts:
            yield f"The lists should be {counts} long; yours are {list(map(len, parts))}."
        elif parts != right:
            yield "Each photo gets the right number of faces, but not its own."

    return judge(problems, "Right: each photo has its own faces back, and none is lost or doubled.")


def overlap(answer: Callable[[tuple, tuple], float]) -> Verdict:
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

    def problems() -> Iterator[str]:
        for one, other, expected, what in cases:
            result = answer(one, other)
            if result is None or result is ...:
                yield NOTHING
                return
            value = float(result)
            if np.isclose(value, expected):
                continue
            if "apart" in what:
                yield "Two gaps multiplied look like an area: let neither side fall below 0."
            elif value < 0:
                yield f"For {what} the overlap is {value:.2f}: a length cannot be below 0."
            elif "part" in what and np.isclose(value, 6):
                yield "That is the shared area; divide it by the area that both cover together."
            elif "part" in what and np.isclose(value, 6 / 40):
                yield "The shared area counts twice in the sum of both areas; take it off once."
            elif "part" in what and np.isclose(value, 6 / 16):
                yield "Divide by the area of both together, not of one of them."
            else:
                yield f"For {what} it should be {expected:.3f}; yours is {value:.3f}."

    return judge(problems, "Right: 1 for the same box, 0 for boxes that share nothing.")


def smooth(answer: Callable[[np.ndarray, float], np.ndarray]) -> Verdict:
    """Check a function that smooths values `(frames,)` over time by an exponential mean.

    It is given the values and which share of the old mean is kept at each frame.
    """
    values = np.array([0.0, 1.0, 1.0, 0.2, 0.9, 0.9])
    keep = 0.8

    def mean_of(values, keep, start):
        mean, means = start, []
        for value in values:
            mean = keep * mean + (1 - keep) * value
            means.append(mean)
        return np.array(means)

    def problems() -> Iterator[str]:
        for row in (values, values + 0.5):
            right = mean_of(row, keep, row[0])
            given = row.copy()
            result = answer(given, keep)
            yield from wrong_form(result, given, row)
            result = np.asarray(result, float)
            if np.allclose(result, right):
                continue
            if np.allclose(result, row):
                yield "Nothing is smoothed: the values are as they were."
            elif np.allclose(result, mean_of(row, 1 - keep, row[0])):
                yield "keep is the share of the old mean; yours gives it to the new value."
            elif np.allclose(result, mean_of(row, keep, 0.0)):
                yield "Begin with the first value: a mean that begins at 0 is too low at first."
            elif np.allclose(result, [row[0], *(keep * row[:-1] + (1 - keep) * row[1:])]):
                yield "Mix each value with the last mean, not with the last value."
            elif np.allclose(result, mean_of(row[::-1], keep, row[-1])[::-1]):
                yield "You went backwards in time; a live video does not know what comes."
            else:
                worst = np.abs(result - right).max()
                yield f"Some values are up to {worst:.2f} from the exponential mean."

    return judge(problems, "Right: a step in the values becomes a slope, and a flicker a ripple.")
