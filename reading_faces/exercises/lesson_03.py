"""Checkers of lesson 3: softmax, cross-entropy, merged classes, rates, a better network."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import softmax as scipy_softmax

from helpers import data
from helpers.models import standardize
from reading_faces.exercises.verdict import as_array, checker, compare, rates_tried, value_checker

__all__ = ["beat_the_lesson", "cross_entropy", "emotion_rates", "merged_accuracy", "softmax"]

BAR = 0.7  # of the clear validation faces: the lesson's own network is right on 66 %, ours on 73 %


@checker("Right: every row is positive and adds up to 1.")
def softmax(answer: Callable[[np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that turns logits `(n, classes)` into probabilities."""
    logits = np.random.default_rng(7).normal(0, 3, (5, 4))
    right, grown = scipy_softmax(logits, axis=1), np.exp(logits)
    shares = logits / logits.sum(axis=1, keepdims=True)
    mistakes = {
        "These are the exponentials; divide each row by its sum.": grown,
        "Probabilities of one face add up to 1: sum along axis 1, not 0.": grown / grown.sum(0),
        "Divide each row by its own sum, not all rows by one.": grown / grown.sum(),
        "Logits can be negative: take np.exp of them before you divide.": shares,
    }

    try:
        result = answer(logits)
    except ValueError as error:
        if "broadcast" in str(error):
            yield "One number a row, (5,), does not fit (5, 4): write keepdims=True, for (5, 1)."
        raise
    yield from compare(result, right, mistakes)
    with np.errstate(all="ignore"):
        large = np.asarray(answer(np.array([[1000.0, 999.0], [1.0, 0.0]])))
    if not np.isfinite(large).all():
        yield "Right, but exp(1000) overflows: subtract from each row its own largest logit first."


@checker("Right: sure and wrong costs most, and the loss is a mean over the faces.")
def cross_entropy(answer: Callable[[np.ndarray, np.ndarray], float]) -> Iterator[str]:
    """Check a function that gives the mean loss of probabilities and one-hot targets."""
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.9, 0.05], [0.2, 0.5, 0.3]])
    one_hot = np.eye(3)[[0, 2, 0, 1]]
    true = (probabilities * one_hot).sum(axis=1)
    losses = -np.log(true)
    right, largest = losses.mean(), -np.log(probabilities.max(axis=1)).mean()
    added_first = -np.log(true.sum())
    again = scipy_softmax(probabilities, axis=1)[one_hot == 1]
    mistakes = {
        "The loss is minus the logarithm; yours has the other sign.": -right,
        "That is the sum over the faces; take the mean.": losses.sum(),
        "Give one number: the mean over the faces.": losses,
        "You divided by faces times classes; there is one loss a face.": losses.sum() / 12,
        "First the logarithm of each probability, then the mean.": -np.log(true.mean()),
        "np.log is the natural logarithm; you took another base.": -np.log10(true).mean(),
        "np.log is the natural logarithm; you took base 2.": -np.log2(true).mean(),
        "The logarithm is missing: this is the mean of 1 - p.": (1 - true).mean(),
        "This is the squared error of lesson 2.": ((probabilities - one_hot) ** 2).mean(),
        "Take only the probability of the right class.": -np.log(probabilities).sum(1).mean(),
        "That is the largest probability's loss; take the right class's.": largest,
        "Those are probabilities already: no second softmax.": -np.log(again).mean(),
        "One logarithm for each face, then the mean; you added the faces first.": added_first,
        "A product with 0 gives log(0): add up each row, then take the logarithm.": np.inf,
    }

    yield from compare(answer(probabilities, one_hot), right, mistakes, form="Give one number")
    with np.errstate(all="ignore"):
        sure = float(answer(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])))
    if not np.isclose(sure, 0, atol=1e-5):  # some add 1e-7 against log(0)
        yield "Sure and right, p = 1 and 0, costs 0: pick the right class before the logarithm."


@checker("Right: the two classes' mutual mistakes have become hits.")
def merged_accuracy(answer: Callable[[np.ndarray, int, int], float]) -> Iterator[str]:
    """Check a function that gives the accuracy if two classes of a confusion matrix were one."""
    confusion = np.array([[50, 3, 2, 9], [10, 5, 5, 1], [4, 1, 20, 6], [2, 7, 3, 30]])
    hits, faces = np.trace(confusion), confusion.sum()
    right = (hits + confusion[0, 1] + confusion[1, 0]) / faces
    mistakes = {
        "That is the accuracy as it was: the two are not merged yet.": hits / faces,
        "Both mistakes become hits: [first, second] and [second, first].": (hits + 3) / faces,
        "Both mistakes become hits, not only [second, first].": (hits + 10) / faces,
        "Give a share between 0 and 1, not a percentage.": 100 * right,
        "Divide by all faces; that is a count.": hits + 13,
        "Only the mistakes become hits; the hits were hits before.": 13 / faces,
    }

    yield from compare(answer(confusion, 0, 1), right, mistakes, form="Give one number")
    if not np.isclose(answer(confusion, 3, 2), (hits + 9) / faces):
        yield "Right for classes 0 and 1; use `first` and `second`, whatever they are."


@value_checker("Right: too small learns nothing in the time, and there is a best one between.")
def emotion_rates(results: dict[float, float]) -> Iterator[str]:
    """Check an experiment: validation accuracies by learning rate."""
    rates, accuracies = rates_tried(results, "validation accuracy", least=3)
    if not ((accuracies >= 0) & (accuracies <= 1)).all():
        yield "The values are shares of the validation faces, between 0 and 1."
    if accuracies.max() < 0.25:
        yield "None of these networks learnt much: try a rate between 1e-4 and 1e-2 as well."
    if accuracies[0] > accuracies.max() - 0.05:
        yield (
            f"The smallest rate, {rates[0]:g}, is as good as the best. Did each training start "
            "from a new network? If so, try a smaller rate too."
        )


@value_checker(f"Yes: at least {BAR:.0%} of the clear validation faces: the lesson is beaten.")
def beat_the_lesson(network) -> Iterator[str]:
    """Check a trained network on the clear validation faces, standardised."""
    images, labels = emotional_faces("val", clear=True)
    if not hasattr(network, "predict"):
        yield "Give a trained Keras network; it needs a method `predict`."
    form = "For n faces (n, 48, 48, 1) give n rows of 7 numbers, one for each emotion"
    scores = as_array(network.predict(standardize(images), verbose=0), (len(labels), 7), form)
    if not np.isfinite(scores).all():
        yield "Some of its answers are NaN or infinite."
    accuracy = np.mean(scores.argmax(axis=1) == labels)
    if accuracy < BAR:
        found = f"It is right on {accuracy:.1%} of {len(labels)} clear validation faces"
        yield f"{found}; {BAR:.0%} is asked. Change one thing at a time."


@functools.cache
def emotional_faces(split: str, clear: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a split's faces `(n, 48, 48) uint8` that are clear, or are not, and their labels."""
    drawn = data.load_set()
    plain = (drawn.action_units.max(axis=(1, 2)) >= 0.5) | (drawn.emotions == 6)
    shown = plain & (np.abs(drawn.pose).max(axis=1) <= 20) & ~drawn.occluded
    rows = (shown == clear) & (drawn.split == split)
    return drawn.small_images[rows], drawn.emotions[rows].astype(int)
