"""Checkers of the exercises: each runs a learner's function and says what is right or what is wrong.

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
    """Return the first problem as the verdict; an answer that raises is a problem like any other."""
    try:
        problem = next(iter(problems()), None)
    except Exception as error:  # the learner's own code may raise anything
        problem = f"Your function stopped with {type(error).__name__}: {error}."
    return Verdict(problem is None, problem or praise)


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
        if result is None or result is ...:
            yield "Your function gives nothing back yet; end it with return."
            return
        result, expected = np.asarray(result, float), right(points, 96)
        if result.shape != points.shape:
            yield f"The result has shape {result.shape}; it should stay {points.shape}."
        elif not np.array_equal(given, points, equal_nan=True):
            yield "Your function changed the array it was given; work on a copy."
        elif same(result, points):
            yield "Nothing moved: the points are where they were."
        elif same(result, expected[:, MIRRORED]):
            yield "x is right, but the left eye still carries the name of the right one: swap pairs."
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

    return judge(problems, "Right: mirrored about the middle, and every left point is a left point.")


def keypoints_to_photo(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Verdict:
    """Check a function that moves `(15, 2)` points of a crop into the photo by a `(2, 3)` matrix."""
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 95, (15, 2))
    transform = np.array([[2.0, 0.6, 300.0], [-0.6, 2.0, 120.0]])
    turn, shift = transform[:, :2], transform[:, 2]
    expected = points @ turn.T + shift

    def problems() -> Iterator[str]:
        given = points.copy()
        result = answer(given, transform.copy())
        if result is None or result is ...:
            yield "Your function gives nothing back yet; end it with return."
            return
        result = np.asarray(result, float)
        if result.shape != points.shape:
            yield f"The result has shape {result.shape}; it should stay {points.shape}."
        elif not np.array_equal(given, points):
            yield "Your function changed the array it was given; work on a copy."
        elif np.allclose(result, points):
            yield "Nothing moved: the points are still where they were in the crop."
        elif np.allclose(result, points @ turn.T):
            yield "Turned and scaled, but not shifted: add the last column of the matrix."
        elif np.allclose(result, points + shift):
            yield "Shifted, but not scaled: the first two columns of the matrix are missing."
        elif np.allclose(result, points @ turn + shift):
            yield "The matrix is the wrong way round: points are rows here, so it needs a transpose."
        elif np.allclose(result, expected[:, ::-1]):
            yield "x and y have changed places."
        elif not np.allclose(result, expected):
            far = np.linalg.norm(result - expected, axis=1).max()
            yield f"Some points are up to {far:.1f} px from where they should be."

    return judge(problems, "Right: scaled and turned by the first two columns, shifted by the last.")
