"""Checkers of lesson 3: class weights, macro-F1, and fewer classes."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import softmax
from sklearn.preprocessing import normalize

from reading_faces.exercises.verdict import as_array, checker, compare

__all__ = ["class_weights", "keep_classes", "macro_f1"]


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


@checker("Right: a rare class counts as much as a frequent one.")
def macro_f1(answer: Callable[[np.ndarray], float]) -> Iterator[str]:
    """Check a function that gives the mean F1 over classes from a confusion matrix."""
    confusion = np.array([[50, 3, 2], [10, 5, 5], [4, 1, 20]])
    hits, faces = np.diag(confusion), confusion.sum(axis=1)
    precision, recall = hits / confusion.sum(axis=0), hits / faces

    def f1(p, r):
        return 2 * p * r / (p + r)

    each, means = f1(precision, recall), (precision.mean(), recall.mean())
    right = each.mean()
    mistakes = {
        "That is the accuracy: hits over all faces.": hits.sum() / confusion.sum(),
        "That is the mean recall; precision is missing.": recall.mean(),
        "That is the mean precision; recall is missing.": precision.mean(),
        "You weighed classes by their faces; each class counts alike.": each @ faces / faces.sum(),
        "F1 of each class first, then the mean, not F1 of the means.": f1(*means),
        "The mean of precision and recall is not F1: 2 · p · r / (p + r).": np.mean(means),
    }

    form = "Give one number: from the F1 of each class, their mean"
    yield from compare(answer(confusion), right, mistakes, form=form)
    never = float(answer(np.array([[5, 0], [5, 0]])))
    if not np.isfinite(never):
        yield "If a class is never named and never hit, its F1 is 0, not 0 / 0."
    elif not np.isclose(never, 1 / 3):
        yield f"A class that is never named has F1 0; the mean should be 1/3, not {never:.3f}."


@checker("Right: what is left is shared out among the classes that stay.")
def keep_classes(answer: Callable) -> Iterator[str]:
    """Check a function `(probabilities, classes, kept)` that leaves out all other classes."""
    classes, kept = ("angry", "fear", "happy", "sad"), ("sad", "angry", "happy")
    probabilities = np.random.default_rng(9).dirichlet(np.ones(4), 5)
    chosen, in_order = probabilities[:, [3, 0, 2]], probabilities[:, [0, 2, 3]]
    right = normalize(chosen, "l1")
    mistakes = {
        "The rows do not add up to 1 any more; divide each by its sum.": chosen,
        "Columns in the order of `kept`, please: sad, angry, happy.": normalize(in_order, "l1"),
        "The order is that of `classes`, and rows do not add up to 1.": in_order,
        "Divide each row by its own sum, not all by one.": chosen / chosen.sum(),
        "These are probabilities already; divide by the sum, no softmax.": softmax(chosen, axis=1),
    }

    form = "Take only the columns of `kept`, three for each of five faces"
    yield from compare(answer(probabilities, classes, kept), right, mistakes, form=form)
