"""Checkers of lesson 3: copies, class weights, macro-F1, temperature, and fewer classes."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import softmax

from reading_faces.exercises.verdict import NOTHING, Verdict, judge, known_mistakes


def find_copies(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Verdict:
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

    def problems() -> Iterator[str]:
        result = answer(images.copy(), others.copy())
        if result is None or result is ...:
            yield NOTHING
            return
        if np.shape(result) == (8,):
            yield "One answer for each picture of `images`, not of `others`."
        elif np.shape(result) != (6,):
            yield f"Six pictures should give six answers; yours have shape {np.shape(result)}."
        result = np.asarray(result).astype(bool)
        if np.array_equal(result, some_pixel):
            yield "One pixel that is equal makes no copy: ask for all, not any."
        elif result[3] and not right[3]:
            yield "Picture 3 has the same pixels in another order, so sums and means deceive you."
        elif result[2]:
            yield "Picture 2 differs from another in one pixel: it is alike, and no copy."
        elif not result.any():
            yield "You found none; a copy need not be in the same row of both arrays."
        elif not np.array_equal(result, right):
            yield f"You found {np.flatnonzero(result).tolist()}; pictures 1 and 4 are copies."
        if np.any(answer(images[:1].copy(), images[1:].copy())):
            yield "Right once; but a picture without a copy should not be found."

    return judge(problems, "Right: only what is the same in every pixel is a copy.")


def class_weights(answer: Callable[[np.ndarray, int], np.ndarray]) -> Verdict:
    """Check a function that gives each class a weight so that all count alike in sum."""
    labels = np.repeat([0, 1, 3], [6, 2, 4])
    counts = np.array([6, 2, 0, 4])
    seen = counts > 0
    right = np.divide(12, 4 * counts, out=np.zeros(4), where=seen)

    def problems() -> Iterator[str]:
        result = answer(labels.copy(), 4)
        if result is None or result is ...:
            yield NOTHING
            return
        if isinstance(result, dict):
            yield "Give an array with one weight for each class, in order, not a dictionary."
        result = np.asarray(result, float)
        if result.shape == (3,):
            yield "A class that never occurs has a place too: np.bincount takes `minlength`."
        elif result.shape == (12,):
            yield "One weight for each class, not for each face."
        elif result.shape != (4,):
            yield f"Four classes should give four weights; yours have shape {result.shape}."
        elif not np.isfinite(result).all():
            yield "Class 2 never occurs, and you divided by 0; give it weight 0."
        elif np.allclose(result, counts / 12):
            yield "That is how often each class occurs; rare classes should weigh more, not less."
        elif np.allclose(result[seen], 1 / counts[seen]):
            yield "Nearly: with 1 / count the loss shrinks by the number of faces. Mind the scale."
        elif np.allclose(result[seen], 12 / counts[seen]):
            yield "Divide by the number of classes too, so that weights are 1 when all are equal."
        elif np.allclose(result[seen], 6 / counts[seen]):
            yield "Scale by faces / classes, not by the largest class."
        elif np.allclose(result[seen], 12 / (3 * counts[seen])):
            yield "There are 4 classes, of which one is never seen: divide by `classes`."
        elif result[2] != 0:
            yield "Class 2 never occurs; give it weight 0."
        elif not np.allclose(result, right):
            yield f"You got {np.round(result, 3)}; it should be {np.round(right, 3)}."
        elif not np.allclose(answer(np.array([0, 1, 2]), 3), 1):
            yield "Right once; for labels 0, 1, 2 all three weights should be 1."

    return judge(problems, "Right: each class, rare or not, weighs as much as any other.")


def macro_f1(answer: Callable[[np.ndarray], float]) -> Verdict:
    """Check a function that gives the mean F1 over classes from a confusion matrix."""
    confusion = np.array([[50, 3, 2], [10, 5, 5], [4, 1, 20]])
    hits = np.diag(confusion)
    precision, recall = hits / confusion.sum(axis=0), hits / confusion.sum(axis=1)
    f1 = 2 * precision * recall / (precision + recall)
    of_means = 2 * precision.mean() * recall.mean() / (precision.mean() + recall.mean())

    def problems() -> Iterator[str]:
        result = answer(confusion.copy())
        if result is None or result is ...:
            yield NOTHING
            return
        if np.shape(result) == (3,):
            yield "Those are the F1 of each class; give their mean."
        elif np.ndim(result) != 0:
            yield f"Give one number; yours has shape {np.shape(result)}."
        mistakes = {
            "That is the accuracy: hits over all faces.": hits.sum() / confusion.sum(),
            "That is the mean recall; precision is missing.": recall.mean(),
            "That is the mean precision; recall is missing.": precision.mean(),
            "You weighed classes by their faces; each class counts alike.": np.average(
                f1, weights=confusion.sum(axis=1)
            ),
            "F1 of each class first, then the mean, not F1 of the means.": of_means,
            "The mean of precision and recall is not F1: 2 · p · r / (p + r).": np.mean(
                (precision + recall) / 2
            ),
        }
        yield from known_mistakes(result, mistakes)
        if not np.isclose(result, f1.mean()):
            yield f"You got {float(result):.4f}; it should be {f1.mean():.4f}."
        never = float(answer(np.array([[5, 0], [5, 0]])))
        if not np.isfinite(never):
            yield "If a class is never named and never hit, its F1 is 0, not 0 / 0."
        elif not np.isclose(never, 1 / 3):
            yield f"A class that is never named has F1 0; the mean should be 1/3, not {never:.3f}."

    return judge(problems, "Right: a rare class counts as much as a frequent one.")


def soften(answer: Callable[[np.ndarray, float], np.ndarray]) -> Verdict:
    """Check a function that turns logits into probabilities at a temperature."""
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 3, (5, 4))
    right = softmax(logits / 2.5, axis=1)
    plain = softmax(logits, axis=1)

    def problems() -> Iterator[str]:
        given = logits.copy()
        result = answer(given, 2.5)
        if result is None or result is ...:
            yield NOTHING
            return
        result = np.asarray(result, float)
        if result.shape != logits.shape:
            yield f"The result has shape {result.shape}; it should stay {logits.shape}."
        elif not np.array_equal(given, logits):
            yield "Your function changed the array it was given; work on a copy."
        mistakes = {
            "The temperature does nothing yet.": plain,
            "Divide the logits by the temperature; you multiplied.": softmax(logits * 2.5, axis=1),
            "Divide before the softmax: afterwards the probabilities add up to less than 1.": plain
            / 2.5,
            "The probabilities of one face add up to 1: work along axis 1.": softmax(
                logits / 2.5, axis=0
            ),
            "Divide each row by its sum; exponentials alone are no probabilities.": np.exp(
                logits / 2.5
            ),
        }
        yield from known_mistakes(result, mistakes)
        if not np.allclose(result, right):
            yield f"The first row is {np.round(result[0], 3)}, not {np.round(right[0], 3)}."
        with np.errstate(over="ignore", invalid="ignore"):
            large = np.asarray(answer(np.array([[1000.0, 999.0]]), 1.0))
        if not np.isfinite(large).all():
            yield "Large logits overflow: subtract each row's largest number first."

    return judge(problems, "Right: above 1 less sure, below 1 surer, and the order stays.")


def keep_classes(answer: Callable) -> Verdict:
    """Check a function `(probabilities, classes, kept)` that leaves out all other classes."""
    rng = np.random.default_rng(9)
    classes, kept = ("angry", "fear", "happy", "sad"), ("sad", "angry", "happy")
    probabilities = rng.dirichlet(np.ones(4), 5)
    chosen = probabilities[:, [3, 0, 2]]
    right = chosen / chosen.sum(axis=1, keepdims=True)
    in_order = probabilities[:, [0, 2, 3]]

    def problems() -> Iterator[str]:
        result = answer(probabilities.copy(), classes, kept)
        if result is None or result is ...:
            yield NOTHING
            return
        result = np.asarray(result, float)
        if result.shape == probabilities.shape:
            yield "All classes are still there; take only the columns of `kept`."
        elif result.shape != right.shape:
            yield f"The result has shape {result.shape}; it should be {right.shape}."
        mistakes = {
            "The rows do not add up to 1 any more; divide each by its sum.": chosen,
            "Columns in the order of `kept`, please: sad, angry, happy.": in_order
            / in_order.sum(axis=1, keepdims=True),
            "The order is that of `classes`, and rows do not add up to 1.": in_order,
            "Divide each row by its own sum, not all by one.": chosen / chosen.sum(),
            "Those are probabilities already; no softmax, only divide by the sum.": softmax(
                chosen, axis=1
            ),
        }
        yield from known_mistakes(result, mistakes)
        if not np.allclose(result, right):
            yield f"The first row is {np.round(result[0], 3)}, not {np.round(right[0], 3)}."

    return judge(problems, "Right: what is left is shared out among the classes that stay.")
