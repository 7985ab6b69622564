"""Checkers of lesson 4: copies, and temperature."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import softmax

from reading_faces.exercises.verdict import as_array, checker, compare

__all__ = ["find_copies", "soften"]


@checker("Right: only what is the same in every pixel is a copy.")
def find_copies(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that says which pictures occur among others, pixel for pixel."""
    rng = np.random.default_rng(3)
    others = rng.integers(0, 256, (8, 6, 6), dtype=np.uint8)
    images = rng.integers(0, 256, (6, 6, 6), dtype=np.uint8)
    images[1], images[4] = others[6], others[0]
    images[2] = others[2]
    images[2, 3, 3] ^= 1  # nearly the same
    images[3] = others[5, ::-1]  # the same pixels in another order
    right = np.array([False, True, False, False, True, False])
    some_pixel = np.array([(others == image).any() for image in images])

    form = "One answer for each picture of `images`, which are six, not of `others`"
    result = as_array(answer(images, others), (6,), form).astype(bool)
    if np.array_equal(result, some_pixel):
        yield "One pixel that is equal makes no copy: ask for all, not any."
    elif result[3]:
        yield "Picture 3 has the same pixels in another order, so sums and means deceive you."
    elif result[2]:
        yield "Picture 2 differs from another in one pixel: it is alike, and no copy."
    elif not result.any():
        yield "You found none; a copy need not be in the same row of both arrays."
    elif not np.array_equal(result, right):
        yield f"You found {np.flatnonzero(result).tolist()}; pictures 1 and 4 are copies."
    if np.any(answer(images[:1], images[1:])):
        yield "Right once; but a picture without a copy should not be found."


@checker("Right: above 1 less sure, below 1 surer, and the order stays.")
def soften(answer: Callable[[np.ndarray, float], np.ndarray]) -> Iterator[str]:
    """Check a function that turns logits into probabilities at a temperature."""
    logits = np.random.default_rng(7).normal(0, 3, (5, 4))
    plain, right = softmax(logits, axis=1), softmax(logits / 2.5, axis=1)
    mistakes = {
        "The temperature does nothing yet.": plain,
        "Divide the logits by the temperature; you multiplied.": softmax(logits * 2.5, axis=1),
        "Divide before the softmax: after it probabilities add up to less than 1.": plain / 2.5,
        "Probabilities of one face add up to 1: work along axis 1.": softmax(logits / 2.5, axis=0),
        "Divide each row by its sum; exponentials are no probabilities.": np.exp(logits / 2.5),
    }

    yield from compare(answer(logits, 2.5), right, mistakes)
    with np.errstate(over="ignore", invalid="ignore"):
        large = np.asarray(answer(np.array([[1000.0, 999.0]]), 1.0))
    if not np.isfinite(large).all():
        yield "Large logits overflow: subtract each row's largest number first."
