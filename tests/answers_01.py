"""Right answers to the exercises of lesson 1, and wrong ones with a piece of what they are told."""

import functools

import cv2
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

from helpers.augment import MIRRORED, flip_keypoints
from helpers.data import load_keypoints
from reading_faces.exercises import check


def another_right_flip(points, width):
    result = np.empty_like(points)
    for here, there in enumerate(MIRRORED):
        result[:, here, 0] = (width - 1) - points[:, there, 0]
        result[:, here, 1] = points[:, there, 1]
    return result


def changes_its_input(points, width):
    points[..., 0] = width - 1 - points[..., 0]
    return points[:, MIRRORED]


def swaps_only_the_eyes(points, width):
    order = [1, 0, *range(2, 15)]
    return points[:, order] * [-1, 1] + [width - 1, 0]


def brightened(images, factor):
    return np.clip(np.rint(images * float(factor)), 0, 255).astype(np.uint8)


def clips_what_has_wrapped(images, factor):
    return np.clip(np.rint(images * factor), 0, 255).astype(np.uint8)


def brightens_in_place(images, factor):
    images[:] = brightened(images, factor)
    return images


@functools.cache
def train_faces():
    """Return the complete faces of all but the lesson's test people."""
    faces = load_keypoints("made")
    _, aside = train_test_split(np.unique(faces.subjects), test_size=0.2, random_state=0)
    gaps = np.isnan(faces.keypoints).any(axis=(1, 2))
    return faces.select(~gaps & ~np.isin(faces.subjects, aside))


@functools.cache
def linear_regression(mirror):
    images, points = train_faces().images, train_faces().keypoints
    if mirror:
        images = np.concatenate([images, images[:, :, ::-1]])
        points = np.concatenate([points, flip_keypoints(points)])
    return Ridge(alpha=100).fit(as_vectors(images), points.reshape(-1, 30))


def linear_model(images, mirror=True):
    return linear_regression(mirror).predict(as_vectors(images)).reshape(-1, 15, 2)


def always_typical(images):
    return np.repeat(train_faces().keypoints.mean(axis=0)[None], len(images), axis=0)


def halfway(images):
    return 0.5 * always_typical(images) + 0.5 * linear_model(images)


def as_vectors(images):
    small = [cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA) for image in images]
    vectors = np.reshape(small, (len(images), 256)).astype(np.float32)
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    return centred / centred.std(axis=1, keepdims=True)


MEASURED = {1: 4.54, 3: 3.78, 10: 3.58, 30: 3.66, 100: 3.83, 300: 4.04}
LETTERS = {1: "B", 2: "C", 3: "D", 4: "A", 5: "B", 6: "C"}


RIGHT = {
    check.flip_keypoints: [flip_keypoints, another_right_flip],
    check.count_complete: [
        lambda frame: len(frame.dropna()),
        lambda frame: (frame.isna().sum(axis=1) == 0).sum(),
    ],
    check.brighten: [
        brightened,
        lambda images, factor: np.minimum(images * float(factor) + 0.5, 255).astype(np.uint8),
    ],
    check.neighbours: [
        MEASURED,
        {1: 4.6, 2: 4.1, 5: 3.6, 20: 3.6, 200: 4.0, 1000: 4.3},
    ],
    check.point_model: [linear_model, lambda images: linear_model(images, mirror=False)],
    check.quiz_01: [LETTERS, {number: letter.lower() for number, letter in LETTERS.items()}],
}
WRONG = {
    check.flip_keypoints: [
        (lambda points, width: ..., "gives nothing back"),
        (lambda points, width: points, "Nothing moved"),
        (lambda points, width: points * [-1, 1] + [width, 0], "One pixel off"),
        (lambda points, width: points * [-1, 1] + [width - 1, 0], "swap pairs"),
        (lambda points, width: points[:, MIRRORED] * [-1, 1] + [width, 0], "One pixel off"),
        (lambda points, width: points[:, MIRRORED], "x was not mirrored"),
        (lambda points, width: points[:, MIRRORED] * [-1, 1] + [95, 0], "use `width`"),
        (lambda points, width: points[:, MIRRORED] * [-1, -1] + width - 1, "Heights changed"),
        (lambda points, width: points[0], "shape"),
        (swaps_only_the_eyes, "Point 2"),
        (changes_its_input, "changed the array"),
        (lambda points, width: undefined_name, "NameError"),  # noqa: F821
    ],
    check.count_complete: [
        (lambda frame: None, "gives nothing back"),
        (len, "every row"),
        (lambda frame: frame.isna().any(axis=1).sum(), "without one"),
        (lambda frame: frame.drop(columns="split").notna().any(axis=1).sum(), "ask for all"),
        (lambda frame: frame.count(), "one number"),
        (lambda frame: 3, "gives 3"),
        (lambda frame: 2, "should give 1"),
        (lambda frame: frame["no such column"], "KeyError"),
    ],
    check.brighten: [
        (lambda images, factor: ..., "gives nothing back"),
        (lambda images, factor: images, "Nothing became brighter"),
        (lambda images, factor: images * factor, "uint8"),
        (lambda images, factor: (images * float(factor) % 256).astype(np.uint8), "Clip first"),
        (lambda images, factor: np.clip(images + 30.0, 0, 255).astype(np.uint8), "do not add"),
        (lambda images, factor: np.clip(images * factor, 0, 255).astype(np.uint8), "round"),
        (clips_what_has_wrapped, "before you clip"),
        (lambda images, factor: brightened(images, 1.3), "use `factor`"),
        (lambda images, factor: brightened(images, 1.2), "should give 78"),
        (lambda images, factor: images[0], "shape"),
        (brightens_in_place, "changed the array"),
        (
            lambda images, factor: np.clip(np.rint(images * float(factor)), 0, 254).astype(
                np.uint8
            ),
            "White should stay white",
        ),
    ],
    check.neighbours: [
        ({10: 3.6, **{k: 4.0 for k in (2, 3, 100, 300)}}, "1 is missing"),
        ({1: 4.5, 10: 3.6, 30: 3.7}, "at least 100"),
        ({1: 4.5, 10: 3.6, 300: 4.0}, "at least five"),
        ({1: 0.0, 3: 2.0, 10: 2.6, 30: 3.0, 300: 4.0}, "training faces only"),
        ({1: 16.9, 3: 15.0, 10: 12.8, 30: 12.3, 300: 12.4}, "left and right"),
        (dict.fromkeys(MEASURED, 4.54), "give k"),
        ({1: 3.5, 3: 3.5, 10: 3.6, 30: 3.7, 300: 4.0}, "One neighbour"),
        ({1: 4.5, 3: 3.8, 10: 3.6, 30: 3.5, 300: 3.4}, "A large k"),
        ([4.5, 3.6], "Give a dict"),
        ({"one": 4.5}, "Give a dict"),
    ],
    check.point_model: [
        (always_typical, "mean face"),
        (lambda images: always_typical(images)[0], "shape"),
        (lambda images: always_typical(images) * np.nan, "NaN"),
        (lambda images: 0 * always_typical(images), "not in pixels"),
        (halfway, "bar"),
        (lambda images: undefined_name, "NameError"),  # noqa: F821
        (3.0, "the function itself"),
    ],
    check.quiz_01: [
        (LETTERS | {2: "D"}, "Question 2"),
        (LETTERS | {5: "D"}, "Question 5"),
        (LETTERS | {1: "right"}, "letters A to D"),
        ({1: "B", 2: "C"}, "Not answered yet"),
        (LETTERS | {4: "B", 6: "A"}, "Question 6"),
    ],
}
