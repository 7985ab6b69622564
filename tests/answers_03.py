"""Right answers to the exercises of lesson 3, and wrong ones with a piece of what they are told."""

import numpy as np
from scipy.special import softmax
from sklearn.metrics import f1_score
from sklearn.utils.class_weight import compute_class_weight

from reading_faces.exercises import check


def copies(images, others):
    there = {other.tobytes() for other in others}
    return np.array([image.tobytes() in there for image in images])


def copies_by_comparing_all(images, others):
    return [bool((others == image).all(axis=(1, 2)).any()) for image in images]


def weights(labels, classes):
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, len(labels) / (classes * np.maximum(counts, 1)), 0)


def weights_by_loop(labels, classes):
    found = []
    for number in range(classes):
        count = sum(label == number for label in labels)
        found.append(len(labels) / classes / count if count else 0)
    return found


def f1_of_each(confusion):
    hits = np.diag(confusion)
    return 2 * hits / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)


def f1_by_scikit_learn(confusion):
    true, predicted = (
        np.repeat(axis.ravel(), confusion.ravel()) for axis in np.indices(confusion.shape)
    )
    return f1_score(true, predicted, average="macro", zero_division=0)


def precision_and_recall(confusion):
    hits = np.diag(confusion)
    return hits / confusion.sum(axis=0), hits / confusion.sum(axis=1)


def f1(precision, recall):
    return 2 * precision * recall / (precision + recall)


def f1_from_precision_and_recall(confusion):
    return f1(*precision_and_recall(confusion)).mean()


def softened(logits, temperature):
    scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return scaled / scaled.sum(axis=1, keepdims=True)


def softened_without_care(logits, temperature):
    scaled = np.exp(logits / temperature)
    return scaled / scaled.sum(axis=1, keepdims=True)


def columns(probabilities, classes, kept):
    return probabilities[:, [classes.index(name) for name in kept]]


def kept_classes(probabilities, classes, kept):
    chosen = columns(probabilities, classes, kept)
    return chosen / chosen.sum(axis=1, keepdims=True)


def kept_classes_by_row(probabilities, classes, kept):
    rows = [dict(zip(classes, row, strict=True)) for row in probabilities]
    rows = [[row[name] for name in kept] for row in rows]
    return [[p / sum(row) for p in row] for row in rows]


def kept_in_order(probabilities, classes, kept):
    mask = np.isin(classes, kept)
    return probabilities[:, mask] / probabilities[:, mask].sum(axis=1, keepdims=True)


RIGHT = {
    check.find_copies: [copies, copies_by_comparing_all],
    check.class_weights: [weights, weights_by_loop],
    check.macro_f1: [lambda confusion: f1_of_each(confusion).mean(), f1_by_scikit_learn],
    check.soften: [softened, lambda logits, t: softmax(np.asarray(logits) / t, axis=1)],
    check.keep_classes: [kept_classes, kept_classes_by_row],
}

WRONG = {
    check.find_copies: [
        (lambda images, others: ..., "gives nothing back"),
        (lambda images, others: copies(others, images), "not of `others`"),
        (lambda images, others: copies(images, others).sum(), "which are six"),
        (
            lambda images, others: np.isin(images.sum(axis=(1, 2)), others.sum(axis=(1, 2))),
            "another order",
        ),
        (
            lambda images, others: [
                np.abs(others.astype(int) - image).sum(axis=(1, 2)).min() < 5 for image in images
            ],
            "differs from another in one pixel",
        ),
        (
            lambda images, others: (images == others[: len(images)]).all(axis=(1, 2)),
            "need not be in the same row",
        ),
        (lambda images, others: [image in others for image in images], "ask for all, not any"),
        (lambda images, others: np.arange(len(images)) == 1, "You found [1]; pictures 1 and 4"),
        (
            lambda images, others: copies(images, others) | (len(images) == 1),
            "a picture without a copy",
        ),
    ],
    check.class_weights: [
        (lambda labels, classes: None, "gives nothing back"),
        (
            lambda labels, classes: compute_class_weight(
                "balanced", classes=np.unique(labels), y=labels
            ),
            "seen or not (np.bincount takes `minlength`); yours has shape (3,)",
        ),
        (
            lambda labels, classes: weights(labels, classes)[labels],
            "each of 4 classes, seen or not",
        ),
        (
            lambda labels, classes: np.bincount(labels, minlength=classes) / len(labels),
            "more, not less",
        ),
        (lambda labels, classes: weights(labels, classes) * 4, "number of classes too"),
        (lambda labels, classes: weights(labels, classes) / 3, "Mind the scale"),
        (lambda labels, classes: weights(labels, classes) * 2, "not by the largest class"),
        (lambda labels, classes: dict(enumerate(weights(labels, classes))), "not a dictionary"),
        (
            lambda labels, classes: np.maximum(weights(labels, classes), 0.1),
            "give it weight 0",
        ),
        (
            lambda labels, classes: len(labels) / classes / np.bincount(labels, minlength=classes),
            "do not divide by 0",
        ),
        (lambda labels, classes: weights(labels, classes) * 4 / 3, "divide by `classes`"),
        (lambda labels, classes: np.array([0.5, 1.5, 0, 0.75])[:classes], "Right once"),
        (lambda labels, classes: weights(labels, classes)[[1, 0, 2, 3]], "In row 0 you got 1.5"),
    ],
    check.macro_f1: [
        (lambda confusion: None, "gives nothing back"),
        (f1_of_each, "from the F1 of each class, their mean"),
        (lambda confusion: np.trace(confusion) / confusion.sum(), "the accuracy"),
        (lambda confusion: np.mean(np.diag(confusion) / confusion.sum(axis=1)), "mean recall"),
        (lambda confusion: np.mean(np.diag(confusion) / confusion.sum(axis=0)), "mean precision"),
        (
            lambda confusion: np.average(f1_of_each(confusion), weights=confusion.sum(axis=1)),
            "counts alike",
        ),
        (f1_from_precision_and_recall, "never named"),
        (
            lambda confusion: f1(*(rate.mean() for rate in precision_and_recall(confusion))),
            "not F1 of the means",
        ),
        (
            lambda confusion: np.mean(precision_and_recall(confusion)),
            "mean of precision and recall",
        ),
        (
            lambda confusion: np.mean([value for value in f1_of_each(confusion) if value > 0]),
            "should be 1/3, not 0.667",
        ),
    ],
    check.soften: [
        (lambda logits, t: ..., "gives nothing back"),
        (lambda logits, t: softmax(logits, axis=1), "does nothing"),
        (lambda logits, t: softmax(logits * t, axis=1), "you multiplied"),
        (lambda logits, t: softmax(logits, axis=1) / t, "before the softmax"),
        (lambda logits, t: softmax(logits / t, axis=0), "axis 1"),
        (lambda logits, t: np.exp(logits / t), "no probabilities"),
        (softened_without_care, "overflow"),
    ],
    check.keep_classes: [
        (lambda probabilities, classes, kept: None, "gives nothing back"),
        (lambda probabilities, classes, kept: probabilities, "Take only the columns of `kept`"),
        (columns, "divide each by its sum"),
        (kept_in_order, "order of `kept`"),
        (lambda *given: columns(*given) / columns(*given).sum(), "its own sum"),
        (lambda *given: softmax(columns(*given), axis=1), "no softmax"),
        (
            lambda probabilities, classes, kept: probabilities[:, np.isin(classes, kept)],
            "order is that of `classes`",
        ),
    ],
}
