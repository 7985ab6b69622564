"""Checkers of lesson 1: labels of faces, and how they change with the picture."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from helpers.augment import MIRRORED
from helpers.data import KEYPOINT_COLUMNS
from reading_faces.exercises.verdict import NOTHING, Verdict, judge, wrong_form


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
            yield NOTHING
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


def most_unusual(answer: Callable[[pd.DataFrame, int], list]) -> Verdict:
    """Check a function that gives the rows farthest from the mean in standard deviations."""
    rng = np.random.default_rng(5)
    spread = np.where(np.arange(30) < 4, 1.0, 6.0)  # the eyes' points vary least
    values = 48 + spread * rng.uniform(-1.7, 1.7, (40, 30))
    values[7, 0] += 9
    values[21, 2] -= 8
    values[30, 20] += 16
    values[:16, 4:20] = np.nan
    frame = pd.DataFrame(values, columns=list(KEYPOINT_COLUMNS)).assign(split="train")
    deviations = (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0, ddof=1)
    expected = np.nanmax(np.abs(deviations), axis=1).argsort()[::-1][:3].tolist()

    def problems() -> Iterator[str]:
        given = frame.copy()
        result = answer(given, 3)
        if result is None or result is ...:
            yield NOTHING
        elif np.ndim(result) != 1 or len(result) != 3:
            yield "Give the labels of the rows alone, as many as `count` says."
        elif not given.equals(frame):
            yield "Your function changed the frame it was given; work on a copy."
        else:
            yield from wrong_rows(list(result))
        if list(answer(frame.copy(), 1)) != expected[:1]:
            yield "Right for three faces; for one it should give the most unusual: use `count`."

    def wrong_rows(rows: list) -> Iterator[str]:
        if rows == expected:
            return
        if sorted(rows) == sorted(expected):
            yield "These are the right faces in another order: the most unusual comes first."
        elif rows[0] == 30:
            yield "You compared pixels: divide by each column's own standard deviation."
        elif 7 not in rows:
            yield "Row 7 has gaps and a very odd left eye; skip what is missing, keep its row."
        elif 21 not in rows:
            yield "Row 21 has a point too far left, and that is as odd as too far right: use abs."
        else:
            yield f"The most unusual rows are {expected}, by their oddest coordinate, not {rows}."

    return judge(
        problems, "Right: the oddest coordinate of each face decides, and gaps are no bar."
    )


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


def brighten(answer: Callable[[np.ndarray, float], np.ndarray]) -> Verdict:
    """Check a function that multiplies uint8 pictures by a factor and clips at white."""
    images = np.array([[[0, 1, 2, 60], [101, 128, 200, 255]]], np.uint8).repeat(3, axis=0)

    def right(factor: float) -> np.ndarray:
        return np.clip(np.rint(images * float(factor)), 0, 255).astype(np.uint8)

    def problems() -> Iterator[str]:
        given = images.copy()
        result = answer(given, 1.3)
        yield from wrong_form(result, given, images)
        doubled = np.asarray(answer(images.copy(), 2))
        result, expected = np.asarray(result), right(1.3)
        if result.dtype != np.uint8:
            yield f"The result is {result.dtype}; pictures are uint8, so turn it back at the end."
        elif np.array_equal(result, images):
            yield "Nothing became brighter."
        elif (result < images).any():
            yield "A bright pixel became dark: it passed 255 and began again at 0. Clip first."
        elif (result[images == 0] > 0).any():
            yield "Black should stay black: multiply, do not add."
        elif np.array_equal(result, np.clip(images * 1.3, 0, 255).astype(np.uint8)):
            yield "2 × 1.3 = 2.6 became 2: round before you turn it into whole numbers."
        elif (result[images == 255] < 255).any():
            yield "White should stay white: 255 is the largest value, so clip there."
        elif not np.array_equal(result, expected):
            yield f"60 × 1.3 should give 78, yours gives {result[0, 0, 3]}."
        elif (doubled < images).any():
            yield "Right for 1.3, but uint8 × 2 stays uint8, and begins again at 0 before you clip."
        elif not np.array_equal(doubled, right(2)):
            yield "Right for a factor of 1.3, wrong for 2: use `factor`."

    return judge(problems, "Right: multiplied, rounded, clipped at 255, and still uint8.")


def move_keypoints(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Verdict:
    """Check a function that moves keypoints `(n, 15, 2)` by a `(2, 3)` matrix."""
    points = np.random.default_rng(4).uniform(20, 75, (4, 15, 2)).astype(np.float32)
    points[2, 4:9] = np.nan
    matrix = np.array([[0.9, 0.3, -7.0], [-0.2, 0.95, 12.0]])
    turn, shift = matrix[:, :2], matrix[:, 2]

    def same(result: np.ndarray, expected: np.ndarray) -> bool:
        return np.allclose(result, expected, atol=1e-2, equal_nan=True)

    def problems() -> Iterator[str]:
        given = points.copy()
        result = answer(given, matrix)
        yield from wrong_form(result, given, points)
        result = np.asarray(result, float)
        if same(result, points):
            yield "Nothing moved: the points are where they were."
        elif not np.array_equal(np.isnan(result), np.isnan(points)):
            yield "An unmarked point is NaN before and after; nothing else may become NaN."
        elif same(result, points @ turn.T):
            yield "Turned, but not shifted: the last column of the matrix is still to be added."
        elif same(result, points + shift):
            yield "Shifted, but not turned: multiply by the first two columns as well."
        elif same(result, points @ turn + shift):
            yield "The points turn the other way than the picture: transpose the (2, 2) part."
        elif same(result, (points + shift) @ turn.T):
            yield "First turn, then shift; you shifted first, and then turned the shift as well."
        elif same(result, points[..., ::-1] @ turn.T + shift):
            yield "x and y are exchanged: a point is (x, y)."
        elif not same(result, points @ turn.T + shift):
            yield "A point (x, y) goes to (a·x + b·y + c, d·x + e·y + f); yours goes elsewhere."

    return judge(problems, "Right: turned first, shifted after, and gaps are still gaps.")
