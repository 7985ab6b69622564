"""Checkers of lesson 1: labels of faces, and how they change with the picture."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from helpers.augment import MIRRORED
from helpers.data import KEYPOINT_COLUMNS
from reading_faces.exercises.verdict import as_array, checker, compare, same

__all__ = ["brighten", "count_complete", "flip_keypoints", "most_unusual", "move_keypoints"]


@checker("Right: a row counts only if all 30 coordinates are there.")
def count_complete(answer: Callable[[pd.DataFrame], int]) -> Iterator[str]:
    """Check a function that counts the rows of a frame in which every coordinate is labelled."""
    frame = pd.DataFrame(np.ones((6, 30)), columns=list(KEYPOINT_COLUMNS)).assign(split="train")
    frame.iloc[1, 4:30] = np.nan
    frame.iloc[2, :30] = np.nan
    frame.iloc[3, 0] = np.nan
    frame.iloc[4, 29] = np.nan
    mistakes = {
        "You counted every row; leave out those with a missing coordinate.": 6,
        "You counted the rows with a gap; we want those without one.": 4,
        "A row with even one missing coordinate is not complete; ask for all, not any.": 5,
    }

    form = "Give one number for the whole frame, not one for each row or column"
    count = as_array(answer(frame), (), form)
    other = f"On a frame with 2 complete rows of 6 your function gives {count}."
    yield from compare(count, 2, mistakes, other)
    if answer(frame.iloc[:1]) != 1:
        yield "On a frame of one complete row your function should give 1."


@checker("Right: the oddest coordinate of each face decides, and gaps are no bar.")
def most_unusual(answer: Callable[[pd.DataFrame, int], list]) -> Iterator[str]:
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

    form = "Give the labels of the rows alone, as many as `count` says"
    rows = as_array(answer(frame, 3), (3,), form).tolist()
    if rows != expected:
        if sorted(rows) == sorted(expected):
            yield "These are the right faces in another order: the most unusual comes first."
        elif rows[0] == 30:
            yield "You compared pixels: divide by each column's own standard deviation."
        elif 7 not in rows:
            yield "Row 7 has gaps and a very odd left eye; skip what is missing, keep its row."
        elif 21 not in rows:
            yield "Row 21 has a point too far left, as odd as one too far right: use abs."
        yield f"The most unusual rows are {expected}, by their oddest coordinate, not {rows}."
    if list(answer(frame, 1)) != expected[:1]:
        yield "Right for three faces; for one it should give the most unusual: use `count`."


@checker("Right: mirrored about the middle, and every left point is a left point.")
def flip_keypoints(answer: Callable[[np.ndarray, int], np.ndarray]) -> Iterator[str]:
    """Check a function that mirrors keypoints `(n, 15, 2)` along with pictures `width` wide."""
    rng = np.random.default_rng(3)
    points = rng.uniform(5, 90, (4, 15, 2)).astype(np.float32)
    points[1, 2] = np.nan

    def right(width: int) -> np.ndarray:
        return points[:, MIRRORED] * [-1, 1] + [width - 1, 0]

    expected = right(96)
    unpaired = expected[:, MIRRORED]
    mistakes = {
        "Nothing moved: the points are where they were.": points,
        "x is right, but the left eye still has the name of the right one: swap pairs.": unpaired,
        "Left and right are swapped, but x was not mirrored.": points[:, MIRRORED],
        "One pixel off: the first pixel is 0 and the last is width - 1.": expected + [1, 0],
        "One pixel off (the last is width - 1), and the pairs are not swapped.": unpaired + [1, 0],
    }

    result = as_array(answer(points, 96), points.shape)
    wrong = int(np.argmax(~np.isclose(result, expected, equal_nan=True).all(axis=(0, 2))))
    other = f"Point {wrong} is not where its partner was, mirrored."
    if not same(np.sort(result[..., 1]), np.sort(expected[..., 1]), atol=1e-3):
        other = "Heights changed: a mirror image moves points sideways only."
    yield from compare(result, expected, mistakes, other, atol=1e-3)
    if not same(answer(points, 48), right(48), atol=1e-3):
        yield "Right for pictures 96 pixels wide, wrong for others: use `width`."


@checker("Right: multiplied, rounded, clipped at 255, and still uint8.")
def brighten(answer: Callable[[np.ndarray, float], np.ndarray]) -> Iterator[str]:
    """Check a function that multiplies uint8 pictures by a factor and clips at white."""
    images = np.array([[[0, 1, 2, 60], [101, 128, 200, 255]]], np.uint8).repeat(3, axis=0)

    def right(factor: float) -> np.ndarray:
        return np.clip(np.rint(images * float(factor)), 0, 255).astype(np.uint8)

    result = as_array(answer(images, 1.3), images.shape)
    doubled = np.asarray(answer(images, 2))
    if result.dtype != np.uint8:
        yield f"The result is {result.dtype}; pictures are uint8, so turn it back at the end."
    elif np.array_equal(result, images):
        yield "Nothing became brighter."
    elif (result < images)[images < 255].any():
        yield "A bright pixel became dark: it passed 255 and began again at 0. Clip first."
    elif (result[images == 255] < 255).any():
        yield "White should stay white: 255 is the largest value, so clip there."
    elif (result[images == 0] > 0).any():
        yield "Black should stay black: multiply, do not add."
    elif np.array_equal(result, np.clip(images * 1.3, 0, 255).astype(np.uint8)):
        yield "2 × 1.3 = 2.6 became 2: round before you turn it into whole numbers."
    elif not np.array_equal(result, right(1.3)):
        yield f"60 × 1.3 should give 78, yours gives {result[0, 0, 3]}."
    elif (doubled < images).any():
        yield "Right for 1.3, but uint8 × 2 stays uint8, and begins again at 0 before you clip."
    elif not np.array_equal(doubled, right(2)):
        yield "Right for a factor of 1.3, wrong for 2: use `factor`."


@checker("Right: turned first, shifted after, and gaps are still gaps.")
def move_keypoints(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that moves keypoints `(n, 15, 2)` by a `(2, 3)` matrix."""
    points = np.random.default_rng(4).uniform(20, 75, (4, 15, 2)).astype(np.float32)
    points[2, 4:9] = np.nan
    matrix = np.array([[0.9, 0.3, -7.0], [-0.2, 0.95, 12.0]])
    turn, shift = matrix[:, :2], matrix[:, 2]
    other_way, too_late = points @ turn + shift, (points + shift) @ turn.T
    mistakes = {
        "Nothing moved: the points are where they were.": points,
        "Turned, but not shifted: the matrix's last column is still to be added.": points @ turn.T,
        "Shifted, but not turned: multiply by the first two columns as well.": points + shift,
        "The points turn the other way than the picture: transpose the (2, 2) part.": other_way,
        "First turn, then shift; you shifted first, and then turned the shift as well.": too_late,
        "x and y are exchanged: a point is (x, y).": points[..., ::-1] @ turn.T + shift,
    }

    result = as_array(answer(points, matrix), points.shape)
    other = "A point (x, y) goes to (a·x + b·y + c, d·x + e·y + f); yours goes elsewhere."
    if not np.array_equal(np.isnan(result), np.isnan(points)):
        other = "An unmarked point is NaN before and after; nothing else may become NaN."
    yield from compare(result, points @ turn.T + shift, mistakes, other, atol=1e-2)
