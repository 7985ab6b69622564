"""Right answers to the exercises of lesson 2, and wrong ones with a piece of what they are told."""

import numpy as np

from helpers import data
from reading_faces.exercises import check


def step(weight, bias, x, y, rate):
    error = weight * x + bias - y
    return weight - rate * 2 * (error * x).mean(), bias - rate * 2 * error.mean()


def step_by_fit(weight, bias, x, y, rate):
    inputs = np.column_stack([x, np.ones_like(x)])
    before = np.array([weight, bias])
    return before - 2 * rate * inputs.T @ (inputs @ before - y) / len(x)


def step_one_after_the_other(weight, bias, x, y, rate):
    weight = weight - rate * 2 * ((weight * x + bias - y) * x).mean()
    return weight, bias - rate * 2 * (weight * x + bias - y).mean()


def masked(true, predicted):
    labelled = np.isfinite(true)
    squares = np.where(labelled, true - predicted, 0) ** 2
    return squares.sum() / max(labelled.sum(), 1)


def masked_by_index(true, predicted):
    labelled = ~np.isnan(true)
    return ((true - predicted)[labelled] ** 2).mean() if labelled.any() else 0.0


def eyes_of(true):
    return np.linalg.norm(true[:, 0] - true[:, 1], axis=1)


def away(true, predicted):
    return np.linalg.norm(predicted - true, axis=2)


class Network:
    """Says of the validation faces where their points are, so many pixels off."""

    def __init__(self, off: float = 0.0, points: int = 15):
        train, val = (data.load_keypoints().select(split) for split in ("train", "val"))
        moves = val.keypoints - np.nanmean(train.keypoints, axis=0)
        self.moves = (np.nan_to_num(moves) + off)[:, :points]

    def predict(self, faces, verbose):
        assert abs(faces.mean()) < 0.01 and 0.9 < faces.std() < 1.1
        return self.moves[: len(faces)]


class Unstable(Network):
    def predict(self, faces, verbose):
        return self.moves[: len(faces)] * np.nan


RIGHT = {
    check.gradient_step: [step, step_by_fit],
    check.masked_loss: [masked, masked_by_index],
    check.error_in_eye_distances: [
        lambda true, predicted: np.nanmean(away(true, predicted), axis=1) / eyes_of(true),
        lambda true, predicted: np.nanmean(away(true, predicted) / eyes_of(true)[:, None], axis=1),
    ],
    check.keypoint_rates: [
        {1e-5: 21.0, 2e-3: 8.1, 1.0: 4e4},
        {2e-3: 6.5, 1e-4: 14.0, 1e-6: 21.2, 10: float("nan")},
    ],
    check.better_keypoints: [Network(), Network(off=0.8)],
    check.quiz_02: [
        {1: "B", 2: "C", 3: "A", 4: "D", 5: "B"},
        {1: "b", 2: " c", 3: "A)", 4: "D.", 5: "B"},
    ],
}
WRONG = {
    check.gradient_step: [
        (lambda w, b, x, y, r: ..., "gives nothing back"),
        (lambda w, b, x, y, r: (w, b), "Nothing moved"),
        (lambda w, b, x, y, r: step(w, b, x, y, -r), "Uphill"),
        (lambda w, b, x, y, r: step(w, b, x, y, r * len(x)), "divide by their number"),
        (lambda w, b, x, y, r: step(w, b, x, y, r / 2), "factor 2"),
        (step_one_after_the_other, "both slopes first"),
        (lambda w, b, x, y, r: step(w, b, x, y, r)[::-1], "changed places"),
        (lambda w, b, x, y, r: step(w, b, x, y, r)[0], "two numbers"),
        (lambda w, b, x, y, r: (0.0, 0.0), "it should be"),
    ],
    check.masked_loss: [
        (lambda true, predicted: ..., "gives nothing back"),
        (lambda true, predicted: ((true - predicted) ** 2).mean(), "NaN"),
        (lambda true, predicted: ((np.nan_to_num(true) - predicted) ** 2).mean(), "count as 0"),
        (lambda true, predicted: np.nan_to_num((true - predicted) ** 2).mean(), "not by all"),
        (lambda true, predicted: np.nansum((true - predicted) ** 2), "the sum"),
        (lambda true, predicted: np.sqrt(masked(true, predicted)), "root"),
        (
            lambda true, predicted: np.nanmean((true - predicted) ** 2, axis=(1, 2)).mean(),
            "mean of the faces' means",
        ),
        (lambda true, predicted: np.nanmean((true - predicted) ** 2), "divides by zero"),
        (lambda true, predicted: np.abs(true - predicted), "one number"),
        (lambda true, predicted: masked(true, predicted) + 1, "it should be"),
    ],
    check.error_in_eye_distances: [
        (lambda true, predicted: ..., "gives nothing back"),
        (lambda true, predicted: np.nanmean(away(true, predicted)), "One number for each face"),
        (lambda true, predicted: away(true, predicted), "shape"),
        (lambda true, predicted: away(true, predicted).mean(axis=1) / eyes_of(true), "nanmean"),
        (lambda true, predicted: np.nanmean(away(true, predicted), axis=1), "in pixels"),
        (
            lambda true, predicted: 100 * np.nanmean(away(true, predicted), 1) / eyes_of(true),
            "per cent",
        ),
        (
            lambda true, predicted: np.nanmean(away(true, predicted), 1) / eyes_of(true).mean(),
            "its own eye distance",
        ),
        (
            lambda true, predicted: (
                np.nanmean(away(true, predicted), 1) / (true[:, 0, 0] - true[:, 1, 0])
            ),
            "use x and y",
        ),
        (
            lambda true, predicted: (
                np.nanmean(np.abs(true - predicted), axis=(1, 2)) / eyes_of(true)
            ),
            "Pythagoras",
        ),
        (lambda true, predicted: np.ones(5), "In row 0 you got 1.0; it should be"),
    ],
    check.keypoint_rates: [
        ({}, "Nothing here yet"),
        ([1e-5, 1e-3, 1e-1], "dictionary"),
        ({-1e-3: 9.0, 1e-2: 8.0, 1.0: 30.0}, "keys are learning rates"),
        ({1e-5: 21.0, 1e-3: 8.0}, "at least three"),
        ({1e-3: 8.0, 2e-3: 7.0, 3e-3: 9.0}, "close together"),
        ({1e-5: 21.0, 1e-3: -8.0, 1.0: 90.0}, "not 0 or less"),
        ({1e-5: 0.02, 1e-3: 0.003, 1.0: 90.0}, "square pixels"),
        ({1e-7: 23.0, 1e-6: 22.5, 1.0: float("nan")}, "beats the mean face"),
        ({1e-5: 8.0, 1e-3: 8.0, 1.0: 90.0}, "as good as the best"),
    ],
    check.better_keypoints: [
        (None, "Nothing here yet"),
        (lambda faces: faces, "predict"),
        (Network(points=14), "x and y"),
        (Unstable(), "NaN"),
        (Network(off=3.0), "at most 5.3% is asked"),
    ],
    check.quiz_02: [
        ({1: ..., 2: ...}, "Nothing here yet"),
        ({1: "A", 2: "C", 3: "A", 4: "D", 5: "B"}, "learning curves"),
        ({1: "B", 2: "B", 3: "A", 4: "D", 5: "B"}, "faces of one step"),
        ({1: "B", 2: "C", 3: "A", 4: "B", 5: "E"}, "letters A to D"),
        ({1: "B", 2: "C", 3: "A"}, "Not answered yet: 4, 5"),
    ],
}
