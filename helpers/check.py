"""Checkers of the exercises: each runs a learner's function and says what is right or wrong.

A checker returns a `Verdict`, which shows itself as ✅ or ❌ in a notebook and never raises; in an
assignment `verdict.require()` does, so that the cell fails and no point is given.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.augment import MIRRORED
from helpers.data import KEYPOINT_COLUMNS


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and one sentence about it."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'✅' if self.passed else '❌'} {self.message}"

    def require(self) -> None:
        """Raise AssertionError with the message if the answer is wrong."""
        if not self.passed:
            raise AssertionError(self.message)


def judge(problems: Callable[[], Iterator[str]], praise: str) -> Verdict:
    """Return the first problem as the verdict; an answer that raises is a problem too."""
    try:
        problem = next(iter(problems()), None)
    except Exception as error:  # the learner's own code may raise anything
        problem = f"Your function stopped with {type(error).__name__}: {error}."
    return Verdict(problem is None, problem or praise)


def wrong_form(result, given: np.ndarray, before: np.ndarray) -> Iterator[str]:
    """Yield what is wrong before any number is looked at; `given` was `before` when handed over."""
    if result is None or result is ...:
        yield "Your function gives nothing back yet; end it with return."
    elif np.shape(result) != before.shape:
        yield f"The result has shape {np.shape(result)}; it should stay {before.shape}."
    elif not np.array_equal(given, before, equal_nan=True):
        yield "Your function changed the array it was given; work on a copy."


def count_complete(answer: Callable[[pd.DataFrame], int]) -> Verdict:
    """Check a function that counts the rows of a frame in which every coordinate is labelled."""
    frame = pd.DataFrame(np.ones((6, 30)), columns=list(KEYPOINT_COLUMNS)).assign(split="train")
    frame.iloc[1, 4:30] = np.nan
    frame.iloc[2, :30] = np.nan
    frame.iloc[3, 0] = np.nan
    frame.iloc[4, 29] = np.nan

    def problems() -> Iterator[str]:
        count = answer(frame.copy())
        if count is None or count is ...:
            yield "Your function gives nothing back yet; end it with return."
        elif np.ndim(count) > 0:
            yield "Give one number for the whole frame, not one for each row or column."
        elif count == 6:
            yield "You counted every row; leave out those with a missing coordinate."
        elif count == 4:
            yield "You counted the rows with a gap; we want those without one."
        elif count == 5:
            yield "A row with even one missing coordinate is not complete; ask for all, not any."
        elif count != 2:
            yield f"On a frame with 2 complete rows of 6 your function gives {count}."
        elif answer(frame.iloc[:1].copy()) != 1:
            yield "On a frame of one complete row your function should give 1."

    return judge(problems, "Right: a row counts only if all 30 coordinates are there.")


def flip_keypoints(answer: Callable[[np.ndarray, int], np.ndarray]) -> Verdict:
    """Check a function that mirrors keypoints `(n, 15, 2)` along with pictures `width` wide."""
    rng = np.random.default_rng(3)
    points = rng.uniform(5, 90, (4, 15, 2)).astype(np.float32)
    points[1, 2] = np.nan

    def right(points: np.ndarray, width: int) -> np.ndarray:
        mirrored = points[:, MIRRORED].copy()
        mirrored[..., 0] = width - 1 - mirrored[..., 0]
        return mirrored

    def same(result: np.ndarray, expected: np.ndarray) -> bool:
        return np.allclose(result, expected, atol=1e-3, equal_nan=True)

    def problems() -> Iterator[str]:
        given = points.copy()
        result = answer(given, 96)
        yield from wrong_form(result, given, points)
        result, expected = np.asarray(result, float), right(points, 96)
        if same(result, points):
            yield "Nothing moved: the points are where they were."
        elif same(result, expected[:, MIRRORED]):
            yield "x is right, but the left eye still has the name of the right one: swap pairs."
        elif same(result, points[:, MIRRORED]):
            yield "Left and right are swapped, but x was not mirrored."
        elif same(result[..., 0] - 1, expected[..., 0]):
            yield "One pixel off: the first pixel is 0 and the last is width - 1."
        elif same(result[..., 0] - 1, expected[:, MIRRORED, 0]):
            yield "One pixel off (the last pixel is width - 1), and the pairs are not swapped."
        elif not same(np.sort(result[..., 1]), np.sort(expected[..., 1])):
            yield "Heights changed: a mirror image moves points sideways only."
        elif not same(result, expected):
            wrong = int(np.argmax(~np.isclose(result, expected, equal_nan=True).all(axis=(0, 2))))
            yield f"Point {wrong} is not where its partner was, mirrored."
        elif not same(answer(points.copy(), 48), right(points, 48)):
            yield "Right for pictures 96 pixels wide, wrong for others: use `width`."

    return judge(
        problems, "Right: mirrored about the middle, and every left point is a left point."
    )


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
