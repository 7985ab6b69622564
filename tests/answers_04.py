"""Right answers to the exercises of lesson 4, and wrong ones with a piece of what they are told."""

import numpy as np
from scipy.special import softmax
from sklearn.utils.class_weight import compute_class_weight

from reading_faces.exercises import check, lesson_04

QUIZ = {1: "B", 2: "C", 3: "A", 4: "B", 5: "D"}


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


def softened(logits, temperature):
    scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return scaled / scaled.sum(axis=1, keepdims=True)


def softened_without_care(logits, temperature):
    scaled = np.exp(logits / temperature)
    return scaled / scaled.sum(axis=1, keepdims=True)


def that_knows(share_right, sure):
    """Return a model that knows so many of the hard test faces, and says how sure it is."""
    images, labels = lesson_04.emotional_faces("test", clear=False)
    rows = {image.tobytes(): row for row, image in enumerate(images)}
    answers = np.where(np.arange(len(labels)) < share_right * len(labels), labels, labels + 1) % 7
    probabilities = np.where(np.eye(7, dtype=bool)[answers], sure, (1 - sure) / 6)
    return lambda images: probabilities[[rows[image.tobytes()] for image in images]]


RIGHT = {
    check.find_copies: [copies, copies_by_comparing_all],
    check.class_weights: [weights, weights_by_loop],
    check.soften: [softened, lambda logits, t: softmax(np.asarray(logits) / t, axis=1)],
    check.temperatures: [
        {0.5: 0.4, 1: 0.26, 2: 0.08, 3: 0.05, 5: 0.2},
        {"4": 0.19, "1": 0.26, "0.8": 0.3, "2.5": 0.04, "1.5": 0.1, "2": 0.06},
    ],
    check.hard_faces: [that_knows(0.6, 0.6), that_knows(0.8, 0.75)],
    check.quiz_04: [QUIZ, {number: letter.lower() for number, letter in QUIZ.items()}],
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
        (lambda images, others: [image in others for image in images], "ask for all pixels"),
        (lambda images, others: np.arange(len(images)) == 1, "You found [1]; images 1 and 4"),
        (
            lambda images, others: copies(images, others) | (len(images) == 1),
            "an image without a copy",
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
    check.soften: [
        (lambda logits, t: ..., "gives nothing back"),
        (lambda logits, t: softmax(logits, axis=1), "does nothing"),
        (lambda logits, t: softmax(logits * t, axis=1), "you multiplied"),
        (lambda logits, t: softmax(logits, axis=1) / t, "before the softmax"),
        (lambda logits, t: softmax(logits / t, axis=0), "axis 1"),
        (lambda logits, t: np.exp(logits / t), "no probabilities"),
        (softened_without_care, "overflow"),
    ],
    check.temperatures: [
        ({}, "Nothing here yet"),
        ([0.3, 0.2, 0.1, 0.2, 0.3], "Give a dictionary"),
        ({-1: 0.4, 1: 0.26, 2: 0.08, 3: 0.05, 5: 0.2}, "above 0"),
        ({0.5: 40, 1: 26, 2: 8, 3: 5, 5: 20}, "between 0 and 1"),
        ({0.5: 0.4, 2: 0.05, 5: 0.2}, "you have 3"),
        ({1: 0.26, 2: 0.08, 3: 0.05, 4: 0.1, 5: 0.2}, "below 1 and above 1"),
        ({0.5: 0.2, 1: 0.2, 2: 0.2, 3: 0.2, 5: 0.2}, "All errors are alike"),
        ({0.5: 0.4, 0.8: 0.3, 1: 0.26, 1.5: 0.15, 2: 0.08}, "go further"),
        ({0.5: 0.01, 0.8: 0.3, 1: 0.26, 1.5: 0.3, 2: 0.4}, "The best, 0.5, is at the end"),
        ({0.5: "much", 1: 0.2, 2: 0.1, 3: 0.1, 4: 0.2}, "dictionary of numbers"),
    ],
    check.hard_faces: [
        (None, "Nothing here yet"),
        (np.full((175, 7), 1 / 7), "Give a function"),
        (that_knows(0.4, 0.4), "is asked"),
        (that_knows(0.6, 0.95), "its calibration error is"),
        (lambda images: np.eye(7)[0], "yours has shape (7,)"),
        (lambda images: np.full((len(images), 7), np.nan), "no numbers"),
        (lambda images: np.ones((len(images), 7)), "forget the softmax"),
        (lambda images: np.full((min(len(images), 9), 7), 1 / 7), "give n rows"),
    ],
    check.quiz_04: [
        ({number: ... for number in QUIZ}, "Nothing here yet"),
        (QUIZ | {2: "A"}, "Question 2"),
        (QUIZ | {4: "C"}, "no proof of equality"),
        ({1: "B", 2: "C"}, "Not answered yet: 3, 4, 5"),
        (QUIZ | {3: "above 1"}, "Question 3"),
    ],
}
