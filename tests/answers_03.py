"""Right answers to the exercises of lesson 3, and wrong ones with a piece of what they are told."""

import numpy as np
from scipy.special import softmax

from helpers.models import standardize
from reading_faces.exercises import check
from reading_faces.exercises.lesson_03 import emotional_faces


def shares(logits):
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def shares_without_care(logits):
    grown = np.exp(logits)
    return grown / grown.sum(axis=1, keepdims=True)


def shares_by_the_largest_of_all(logits):
    grown = np.exp(logits - logits.max())
    return grown / grown.sum(axis=1, keepdims=True)


def picked(probabilities, one_hot):
    return (probabilities * one_hot).sum(axis=1)


def mean_loss(probabilities, one_hot):
    return -np.log(picked(probabilities, one_hot)).mean()


def loss_by_row(probabilities, one_hot):
    rows = zip(probabilities, one_hot.argmax(axis=1), strict=True)
    return np.mean([-np.log(row[right]) for row, right in rows])


def loss_with_a_small_number(probabilities, one_hot):
    return -(one_hot * np.log(probabilities + 1e-7)).sum(axis=1).mean()


def loss_of_every_class(probabilities, one_hot):
    return -(one_hot * np.log(probabilities)).sum(axis=1).mean()


def merged(confusion, first, second):
    hits = np.trace(confusion) + confusion[first, second] + confusion[second, first]
    return hits / confusion.sum()


def merged_by_renaming(confusion, first, second):
    true, answer = (np.repeat(a.ravel(), confusion.ravel()) for a in np.indices(confusion.shape))
    true, answer = (np.where(labels == second, first, labels) for labels in (true, answer))
    return (true == answer).mean()


class Network:
    """What a checker sees of a trained network: one that knows the faces, or does not."""

    def __init__(self, wrong: float = 0.0, columns: int = 7, scale: float = 1.0):
        self.wrong, self.columns, self.scale = wrong, columns, scale

    def predict(self, images, verbose=1):
        known, labels = emotional_faces("val", clear=True)
        assert np.array_equal(images, standardize(known))
        spoiled = np.arange(len(labels)) < self.wrong * len(labels)
        return self.scale * np.eye(self.columns)[(labels + spoiled) % 7 % self.columns]


GOOD_RATES = {2e-5: 0.17, 2e-3: 0.41, 2e-1: 0.15}

RIGHT = {
    check.softmax: [shares, lambda logits: softmax(logits, axis=1)],
    check.cross_entropy: [mean_loss, loss_by_row, loss_with_a_small_number],
    check.merged_accuracy: [merged, merged_by_renaming],
    check.emotion_rates: [GOOD_RATES, {1e-4: 0.3, 1e-3: 0.44, 1e-2: 0.42, 1e-5: 0.15}],
    check.beat_the_lesson: [Network(), Network(wrong=0.25, scale=9.0)],
    check.quiz_03: [
        {1: "C", 2: "B", 3: "A", 4: "D", 5: "C"},
        {1: "c", 2: "b", 3: "a", 4: "d.", 5: "c"},
    ],
}

WRONG = {
    check.softmax: [
        (lambda logits: ..., "gives nothing back"),
        (np.exp, "divide each row by its sum"),
        (lambda logits: softmax(logits, axis=0), "axis 1"),
        (softmax, "Divide each row by its own sum"),
        (lambda logits: logits / logits.sum(axis=1, keepdims=True), "take np.exp"),
        (lambda logits: softmax(logits / 2, axis=1), "In row 0"),
        (shares_without_care, "overflows"),
        (shares_by_the_largest_of_all, "its own largest logit"),
        (lambda logits: np.exp(logits) / np.exp(logits).sum(axis=1), "keepdims=True"),
        (lambda logits: int("one"), "stopped with ValueError"),
        (lambda logits: shares(logits)[0], "shape (5, 4)"),
    ],
    check.cross_entropy: [
        (lambda p, one_hot: None, "gives nothing back"),
        (lambda p, one_hot: -mean_loss(p, one_hot), "other sign"),
        (lambda p, one_hot: len(p) * mean_loss(p, one_hot), "take the mean"),
        (lambda p, one_hot: -np.log(picked(p, one_hot)), "Give one number"),
        (lambda p, one_hot: mean_loss(p, one_hot) / 3, "one loss a face"),
        (lambda p, one_hot: -np.log(picked(p, one_hot).mean()), "then the mean"),
        (lambda p, one_hot: mean_loss(p, one_hot) / np.log(10), "another base"),
        (lambda p, one_hot: mean_loss(p, one_hot) / np.log(2), "base 2"),
        (lambda p, one_hot: (1 - picked(p, one_hot)).mean(), "logarithm is missing"),
        (lambda p, one_hot: ((p - one_hot) ** 2).mean(), "squared error"),
        (lambda p, one_hot: -np.log(p).sum(axis=1).mean(), "probability of the right class"),
        (loss_of_every_class, "before the logarithm"),
        (lambda p, one_hot: -np.log(p.max(axis=1)).mean(), "the right class's"),
        (lambda p, one_hot: mean_loss(softmax(p, axis=1), one_hot), "no second softmax"),
        (lambda p, one_hot: -np.log(picked(p, one_hot).sum()), "added the faces first"),
        (lambda p, one_hot: -np.log(p * one_hot).mean(), "add up each row"),
        (lambda p, one_hot: 2 * mean_loss(p, one_hot), "it should be"),
    ],
    check.merged_accuracy: [
        (lambda *given: None, "gives nothing back"),
        (lambda confusion, a, b: np.trace(confusion) / confusion.sum(), "not merged yet"),
        (
            lambda confusion, a, b: (np.trace(confusion) + confusion[a, b]) / confusion.sum(),
            "[second, first]",
        ),
        (
            lambda confusion, a, b: (np.trace(confusion) + confusion[b, a]) / confusion.sum(),
            "not only [second, first]",
        ),
        (lambda *given: 100 * merged(*given), "not a percentage"),
        (lambda confusion, a, b: merged(confusion, a, b) * confusion.sum(), "a count"),
        (
            lambda confusion, a, b: (confusion[a, b] + confusion[b, a]) / confusion.sum(),
            "hits before",
        ),
        (lambda confusion, a, b: merged(confusion, 0, 1), "whatever they are"),
    ],
    check.emotion_rates: [
        ({}, "Nothing here yet"),
        ([0.1, 0.2, 0.3], "Give a dictionary"),
        ({2e-5: 0.17, 2e-3: 0.41}, "at least three"),
        ({1e-3: 0.3, 2e-3: 0.41, 3e-3: 0.4}, "close together"),
        ({2e-5: 17, 2e-3: 41, 2e-1: 15}, "between 0 and 1"),
        ({-1: 0.2, 2e-3: 0.41, 2e-1: 0.15}, "learning rates"),
        ({1e-7: 0.15, 1e-6: 0.15, 1e-5: 0.16}, "learnt much"),
        ({2e-5: 0.45, 2e-3: 0.41, 2e-1: 0.15}, "start from a new network"),
    ],
    check.beat_the_lesson: [
        (None, "Nothing here yet"),
        (shares, "method `predict`"),
        (Network(wrong=0.4), "is asked"),
        (Network(columns=5), "7 numbers"),
        (Network(scale=np.nan), "NaN"),
    ],
    check.quiz_03: [
        ({1: ..., 2: ..., 3: ..., 4: ..., 5: ...}, "Nothing here yet"),
        ({1: "C", 2: "B", 3: "A", 4: "D", 5: "A"}, "Question 5"),
        ({1: "A", 2: "B", 3: "A", 4: "D", 5: "C"}, "curve of the loss"),
        ({1: "C", 2: "B"}, "Not answered yet: 3, 4, 5"),
    ],
}

TOO_FAR = {"softmax": 1e-4, "cross_entropy": 1e-4, "merged_accuracy": 1e-3}
