"""Checkers of lesson 4: copies, class weights, temperature, calibration, and harder faces."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import softmax

from helpers import metrics
from reading_faces.exercises import verdict
from reading_faces.exercises.lesson_03 import emotional_faces
from reading_faces.exercises.verdict import Wrong, as_array, checker, compare, pairs, value_checker

__all__ = ["class_weights", "find_copies", "hard_faces", "soften", "temperatures"]

BINS = 5
# What the challenge asks for on the hard test faces; the lesson's own networks miss it.
ACCURACY, CALIBRATION_ERROR = 0.54, 0.1


@checker("Right: only what is the same in every pixel is a copy.")
def find_copies(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that says which images occur among others, pixel for pixel."""
    rng = np.random.default_rng(3)
    others = rng.integers(0, 256, (8, 6, 6), dtype=np.uint8)
    images = rng.integers(0, 256, (6, 6, 6), dtype=np.uint8)
    images[1], images[4] = others[6], others[0]
    images[2] = others[2]
    images[2, 3, 3] ^= 1  # nearly the same
    images[3] = others[5, ::-1]  # the same pixels in another order
    right = np.array([False, True, False, False, True, False])
    some_pixel = np.array([(others == image).any() for image in images])

    form = "One answer for each image of `images`, which are six, not of `others`"
    result = as_array(answer(images, others), (6,), form).astype(bool)
    if np.array_equal(result, some_pixel):
        yield "One equal pixel makes no copy: ask for all pixels, not any."
    elif result[3]:
        yield "Image 3 has the same pixels in another order, so sums and means deceive you."
    elif result[2]:
        yield "Image 2 differs from another in one pixel: it is alike, and no copy."
    elif not result.any():
        yield "You found none; a copy need not be in the same row of both arrays."
    elif not np.array_equal(result, right):
        yield f"You found {np.flatnonzero(result).tolist()}; images 1 and 4 are copies."
    if np.any(answer(images[:1], images[1:])):
        yield "Right once; but an image without a copy should not be found."


@checker("Right: each class, rare or not, weighs as much as any other.")
def class_weights(answer: Callable[[np.ndarray, int], np.ndarray]) -> Iterator[str]:
    """Check a function that gives each class a weight so that all count alike in sum."""
    labels = np.repeat([0, 1, 3], [6, 2, 4])
    counts = np.array([6, 2, 0, 4])

    def scaled(number: float) -> np.ndarray:
        return np.divide(number, counts, out=np.zeros(4), where=counts > 0)

    right = scaled(12 / 4)
    mistakes = {
        "That is how often a class occurs; rare classes should weigh more, not less.": counts / 12,
        "Nearly: by 1 / count the loss shrinks by the number of faces. Mind the scale.": scaled(1),
        "Divide by the number of classes too, so that equal classes all weigh 1.": scaled(12),
        "Scale by faces / classes, not by the largest class.": scaled(6),
        "There are 4 classes, of which one is never seen: divide by `classes`.": scaled(12 / 3),
    }

    result = answer(labels, 4)
    if isinstance(result, dict):
        yield "Give an array with one weight for each class, in order, not a dictionary."
    form = "Give a weight for each of 4 classes, seen or not (np.bincount takes `minlength`)"
    if as_array(result, (4,), form)[2] != 0:
        yield "Class 2 never occurs; give it weight 0, and do not divide by 0."
    yield from compare(result, right, mistakes)
    if not np.allclose(answer(np.array([0, 1, 2]), 3), 1):
        yield "Right once; for labels 0, 1, 2 all three weights should be 1."


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
        large = np.asarray(answer(np.array([[1000.0, 999.0], [1.0, 0.0]]), 1.0))
    if not np.isfinite(large).all():
        yield "Large logits overflow: subtract from each row its own largest number first."


@value_checker(verdict.lowest("the calibration error"))
def temperatures(results: dict[float, float]) -> Iterator[str]:
    """Check an experiment: calibration errors by temperature."""
    tried, errors = pairs(results, "temperature", "calibration error", least=5)
    if not (tried > 0).all():
        yield "A temperature divides logits, so it must be above 0."
    if not ((errors >= 0) & (errors <= 1)).all():
        yield "A calibration error is a mean gap between shares: it lies between 0 and 1."
    if not tried[0] < 1 < tried[-1]:
        yield "Try temperatures below 1 and above 1."
    if np.ptp(errors) < 0.01:
        yield "All errors are alike: does each use its own temperature?"
    if errors.argmin() in (0, len(errors) - 1):
        yield (
            f"The best, {tried[errors.argmin()]:g}, is at the end of your range: "
            "go further until the error grows again."
        )


def judged(answer: Callable) -> tuple[float, float]:
    """Return a model's accuracy and calibration error on the hard test faces."""
    images, labels = emotional_faces("test", clear=False)
    form = "For n faces (n, 48, 48) give n rows of 7 probabilities"
    probabilities = as_array(answer(images), (len(labels), 7), form).astype(float)
    accuracy = np.mean(probabilities.argmax(axis=1) == labels)
    return float(accuracy), metrics.calibration_error(labels, probabilities, BINS)


def reached(answer: Callable) -> str:
    """Say what a model reaches on the hard test faces."""
    accuracy, error = judged(answer)
    return f"Yes: accuracy {accuracy:.1%}, calibration error {error:.3f} on the hard faces."


@value_checker(reached)
def hard_faces(answer: Callable[[np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function from faces `(n, 48, 48) uint8` to probabilities `(n, 7)`."""
    if not callable(answer):
        form = "Give a function that takes faces (n, 48, 48) and returns probabilities (n, 7)."
        raise Wrong(form)
    few = np.asarray(answer(emotional_faces("test", clear=False)[0][:3]), float)
    if few.shape != (3, 7):
        yield f"For 3 faces give 3 rows of 7 probabilities; yours has shape {few.shape}."
    if not (np.isfinite(few).all() and (few >= 0).all()):
        yield "Some of its answers are negative or no numbers."
    if not np.allclose(few.sum(axis=1), 1, atol=1e-3):
        yield "The probabilities of one face should add up to 1: did you forget the softmax?"
    accuracy, error = judged(answer)
    if accuracy < ACCURACY:
        yield f"It is right on {accuracy:.1%} of the hard faces; {ACCURACY:.0%} is asked."
    if error > CALIBRATION_ERROR:
        yield (
            f"Accuracy {accuracy:.1%} is enough, but its calibration error is {error:.3f}; "
            f"at most {CALIBRATION_ERROR} is asked."
        )
