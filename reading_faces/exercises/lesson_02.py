"""Checkers of lesson 2: a step of learning, the masked loss, errors of faces, a better network."""

from collections.abc import Callable, Iterator

import numpy as np

from helpers import data
from helpers.metrics import keypoint_errors
from helpers.models import standardize
from reading_faces.exercises import verdict
from reading_faces.exercises.verdict import as_array, checker, compare, rates_tried, value_checker

__all__ = [
    "better_keypoints",
    "error_in_eye_distances",
    "gradient_step",
    "keypoint_rates",
    "masked_loss",
]

BAR = 0.053  # of the eye distance, on the validation faces; the lesson's own network stays above


@checker("Right: one step downhill for both numbers at once.")
def gradient_step(answer: Callable) -> Iterator[str]:
    """Check a function that takes `(weight, bias, x, y, rate)` and returns the next two numbers."""
    x, y = np.array([0.5, 1.0, 2.0, -1.0]), np.array([1.0, 0.0, 3.0, 1.0])
    weight, bias, rate = 0.7, -0.2, 0.1

    def step(weight: float = weight, share: float = 2 / len(x), sign: int = -1) -> np.ndarray:
        error = weight * x + bias - y
        return np.array([weight, bias]) + sign * rate * share * np.array([error @ x, error.sum()])

    right, summed = step(), step(share=2)
    then = step(right[0])[1]  # the bias, if the weight has moved already
    mistakes = {
        "Nothing moved: weight and bias are what they were.": (weight, bias),
        "Uphill: the loss grows along the gradient, so subtract it.": step(sign=1),
        "You added up over the faces; the loss is a mean, so divide by their number.": summed,
        "The factor 2 is missing: the slope of error² is 2 · error.": step(share=1 / len(x)),
        "Your bias already used the new weight; work out both slopes first.": (right[0], then),
        "Weight and bias have changed places.": right[::-1],
    }

    form = "Give back two numbers: the new weight and the new bias"
    yield from compare(answer(weight, bias, x, y, rate), right, mistakes, form=form)


@checker("Right: only what is labelled is compared.")
def masked_loss(answer: Callable) -> Iterator[str]:
    """Check a loss of true and predicted points `(n, 15, 2)`, where a true NaN takes no part."""
    rng = np.random.default_rng(4)
    true = rng.normal(0, 0.5, (6, 15, 2)).astype(np.float32)
    predicted = (true + rng.normal(0, 0.2, true.shape)).astype(np.float32)
    true[1:4, 2:] = np.nan
    labelled = np.isfinite(true)
    squares = np.where(labelled, (true - predicted) ** 2, 0)
    right = squares.sum() / labelled.sum()
    with_zeros = (np.nan_to_num(true) - predicted) ** 2
    of_faces = squares.sum(axis=(1, 2)) / labelled.sum(axis=(1, 2))
    mistakes = {
        "Gaps count as 0, as if the point were the mean face's: leave them out.": with_zeros.mean(),
        "Divide by the number of labelled coordinates, not by all of them.": squares.mean(),
        "That is the sum; divide by the number of labelled coordinates.": squares.sum(),
        "A mean of the faces' means: one with few labels counts like a full one.": of_faces.mean(),
        "That is the root of the mean square; leave the root away for a loss.": np.sqrt(right),
    }

    form = "A loss is one number for the whole batch"
    loss = as_array(np.squeeze(np.asarray(answer(true, predicted))), (), form)
    if np.isnan(loss):
        yield "NaN: one gap spoils the sum. NaN · 0 is NaN too; choose with ops.where."
    yield from compare(loss, right, mistakes, atol=1e-6)
    if not np.isfinite(np.asarray(answer(np.full_like(true, np.nan), predicted))).all():
        yield "A batch without any label divides by zero; divide by at least 1."


@checker("Right: each face measured by its own eyes.")
def error_in_eye_distances(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Iterator[str]:
    """Check a function that gives the mean error of each face, with gaps, in eye distances."""
    rng = np.random.default_rng(6)
    true = rng.uniform(10, 86, (5, 15, 2))
    true[:, 0], true[:, 1] = (66, 38), (30, 36)
    true[:, 1, 0] += np.arange(5) * 3  # heads turned more and more
    predicted = true + rng.normal(0, 2, true.shape)
    true[2, 4:9] = np.nan
    away = np.nanmean(np.linalg.norm(predicted - true, axis=2), axis=1)
    sides = np.nanmean(np.abs(predicted - true), axis=(1, 2))
    across = true[:, 0] - true[:, 1]
    eyes = np.linalg.norm(across, axis=1)
    right = away / eyes
    mistakes = {
        "That is in pixels; divide by the distance between the eye centres.": away,
        "Fractions, not per cent: 5 % is 0.05.": right * 100,
        "Divide each face by its own eye distance, not by the mean of all.": away / eyes.mean(),
        "The eye distance has a height as well: use x and y.": away / np.abs(across[:, 0]),
        "Distances first: x and y of a point go together, by Pythagoras.": sides / eyes,
    }

    result = as_array(answer(true, predicted), (5,), "One number for each face, please, here five")
    if np.isnan(result[2]) and np.isfinite(result[0]):
        yield "Face 2 has gaps; take the mean over the points that are there (np.nanmean)."
    yield from compare(result, right, mistakes)


@value_checker(verdict.lowest("the validation loss in square pixels"))
def keypoint_rates(results: dict[float, float]) -> Iterator[str]:
    """Check an experiment: validation losses in square pixels by learning rate."""
    rates, losses = rates_tried(results, "validation loss", least=3)
    losses = np.where(np.isnan(losses), np.inf, losses)
    if (losses <= 0).any():
        yield "A mean of squares is not 0 or less; note the validation loss."
    if losses.min() < 0.5:
        yield "Less than half a square pixel is too good to be true: are these square pixels?"
    if losses.min() > mean_face_loss():
        yield "None of these beats the mean face: try a rate between 1e-4 and 1e-2 as well."
    if losses[0] < 1.05 * losses.min():
        yield (
            f"The smallest rate, {rates[0]:g}, is as good as the best. Did each training start "
            "from a new network? If so, try a smaller rate too."
        )


def mean_face_loss() -> float:
    """Return the lesson's baseline on the validation faces, in square pixels."""
    train, val = (data.load_keypoints().select(split) for split in ("train", "val"))
    return float(np.nanmean((val.keypoints - np.nanmean(train.keypoints, axis=0)) ** 2))


@value_checker(f"Yes: at most {BAR:.1%} of the eye distance. You have beaten the lesson.")
def better_keypoints(network) -> Iterator[str]:
    """Check a trained network on the validation faces, in pixels from the mean face."""
    if not hasattr(network, "predict"):
        yield "Give a trained Keras network; it needs a method `predict`."
    train, val = (data.load_keypoints().select(split) for split in ("train", "val"))
    faces = standardize(val.images)
    form = "For n faces (n, 96, 96, 1) give n × 15 points, x and y"
    moves = as_array(network.predict(faces, verbose=0), (len(faces), 15, 2), form)
    if not np.isfinite(moves).all():
        yield "Some of its answers are NaN or infinite."
    points = moves + np.nanmean(train.keypoints, axis=0)
    error = np.nanmean(np.nanmean(keypoint_errors(val.keypoints, points), axis=1))
    if error > BAR:
        found = (
            f"Its mean error on {len(faces)} validation faces is {error:.1%} of the eye distance"
        )
        yield f"{found}; at most {BAR:.1%} is asked. Is the output in pixels from the mean face?"
