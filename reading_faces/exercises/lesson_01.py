"""Checkers of lesson 1: labels of faces, how they change with the picture, and simple models."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from helpers.augment import MIRRORED
from helpers.data import KEYPOINT_COLUMNS, load_keypoints, load_set
from reading_faces.exercises.verdict import (
    Wrong,
    as_array,
    checker,
    compare,
    pairs,
    same,
    value_checker,
)

__all__ = ["brighten", "count_complete", "flip_keypoints", "neighbours", "point_model"]

# Of the hidden faces the mean face is 4.5 px off, the mean of ten neighbours 3.4, and a linear
# regression with mirrored faces 2.9.
MEAN_FACE_PX, BAR_PX = 4.45, 3.1


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


@value_checker("Right: one neighbour is unsteady, too many come close to the mean face.")
def neighbours(results: dict[int, float]) -> Iterator[str]:
    """Check errors in pixels by the number of neighbours that a prediction is the mean of."""
    errors = dict(zip(*pairs(results, "number of neighbours", "error"), strict=True))
    lacking = [text for text, found in (
        ("1", 1 in errors),
        ("a value from 5 to 20", any(5 <= k <= 20 for k in errors)),
        ("one of at least 100", any(k >= 100 for k in errors)),
    ) if not found]  # fmt: skip
    if lacking:
        yield f"Measure more values of k: {', '.join(lacking)} is missing."
    elif len(errors) < 5:
        yield f"You measured {len(errors)} values of k; measure at least five."
    best, most = min(errors, key=errors.get), max(errors)
    if errors[best] < 1:
        yield f"k = {best:g} gives {errors[best]:.1f} px: search the training faces only."
    elif max(errors.values()) > 10:
        yield "An error above 10 px: check that left and right are swapped in mirrored faces."
    elif max(errors.values()) - errors[best] < 0.05:
        yield "All errors are the same; give k to copy_points."
    elif errors[1] - errors[best] < 0.1:
        yield "One neighbour should be worse than the mean of several; measure on `val`."
    elif errors[most] <= errors[best]:
        yield "A large k should be worse than a moderate one; measure on `val`."


@functools.cache
def hidden_faces() -> tuple[np.ndarray, np.ndarray]:
    """Return faces of the lesson's test people, `(n, 96, 96) uint8`, and their true points.

    They are those whose labels the lesson lacks, so no answer can have learnt from them.
    """
    from sklearn.model_selection import train_test_split

    faces, truth = load_keypoints("made"), load_set().keypoints
    lacking = np.isnan(faces.keypoints).any(axis=(1, 2))
    _, people = train_test_split(np.unique(faces.subjects), test_size=0.2, random_state=0)
    chosen = lacking & np.isin(faces.subjects, people)
    return faces.images[chosen], truth[chosen]


@value_checker(f"Well done: below {BAR_PX} px on faces that your model has never seen.")
def point_model(model: Callable[[np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that finds the keypoints of pictures, by its error on hidden faces."""
    if not callable(model):
        raise Wrong("Give the function itself, as in check.point_model(my_model).")
    images, truth = hidden_faces()
    found = as_array(model(images.copy()), truth.shape).astype(float)
    if np.isnan(found).any():
        raise Wrong("Some of the points are NaN; find all 15 of each face.")
    error = float(np.sqrt(np.mean((found - truth) ** 2)))
    if error > 10:
        yield f"{error:.1f} px: are left and right swapped, or is the result not in pixels?"
    elif error > MEAN_FACE_PX:
        yield f"{error:.2f} px; even the mean face has {MEAN_FACE_PX} px."
    elif error >= BAR_PX:
        yield f"{error:.2f} px: better than the mean face; the bar is {BAR_PX} px."
