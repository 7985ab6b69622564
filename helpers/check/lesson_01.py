"""Checkers of lesson 1: labels of faces, and how they change with the picture."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from helpers.augment import MIRRORED
from helpers.check.verdict import Verdict, judge, wrong_form
from helpers.data import KEYPOINT_COLUMNS


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
