"""How good predictions are, in the field's own measures; rates and errors are fractions of 1.

Keypoints are `(n, 15, 2)` in pixels, NaN where unlabelled; probabilities are `(n, classes)`.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

LEFT_EYE, RIGHT_EYE = 0, 1


def keypoint_errors(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the distance of each point, as a fraction of the distance between the eye centres.

    Returns
    -------
    `(n, 15) float`, NaN where a point, or one of the two eye centres, is not labelled.
    """
    eyes = np.linalg.norm(true[:, LEFT_EYE] - true[:, RIGHT_EYE], axis=-1)
    eyes = np.where(eyes > 0, eyes, np.nan)
    return np.linalg.norm(predicted - true, axis=-1) / eyes[:, np.newaxis]


def rmse(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return the root of the mean squared error over the labelled coordinates, in pixels."""
    return float(np.sqrt(np.nanmean((np.asarray(predicted, float) - true) ** 2)))


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> dict:
    """Compare how sure a model is with how often it is right.

    Faces are put into `bins` equally wide bins of their highest probability.

    Returns
    -------
    For each bin that is not empty: `n` faces, their mean `confidence` and their `accuracy`.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    n = np.bincount(bin_of, minlength=bins)
    sums = (np.bincount(bin_of, weights, bins)[n > 0] for weights in (confidence, correct))
    sure, right = (total / n[n > 0] for total in sums)
    return {"n": n[n > 0].tolist(), "confidence": sure.tolist(), "accuracy": right.tolist()}


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Return the expected calibration error: the gap between confidence and accuracy, by bins.

    The gap of each bin of `reliability` counts by its share of faces (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599).
    """
    found = reliability(labels, probabilities, bins)
    gaps = np.abs(np.subtract(found["confidence"], found["accuracy"]))
    return float((gaps * found["n"]).sum() / len(labels))


def action_unit_metrics(
    present: np.ndarray, probabilities: np.ndarray, names: tuple[str, ...], thresholds: np.ndarray
) -> dict:
    """Measure the probability of each unit against whether it is there.

    Parameters
    ----------
    present : `(n, units)` of 0 and 1; NaN where nobody said, and such a face does not count.
    probabilities : `(n, units)` from 0 to 1.
    thresholds : `(units,)`, from which on a unit is called present, or `(n, units)`.

    Returns
    -------
    `macro_auc` (area under the ROC curve) and `macro_f1`, each the mean over the units that occur;
    `per_unit` for those units, and the names of those that are `never_seen`.
    """
    calls, per_unit = probabilities >= thresholds, {}
    shown, absent = ((present == value).any(axis=0) for value in (1, 0))
    for unit in np.flatnonzero(shown & absent):
        rows = np.isfinite(present[:, unit])
        true, p, called = present[rows, unit], probabilities[rows, unit], calls[rows, unit]
        precision, recall, f1, _ = precision_recall_fscore_support(
            true, called, average="binary", zero_division=0
        )
        per_unit[names[unit]] = {
            "n": int(true.sum()),
            "auc": float(roc_auc_score(true, p)),
            "f1": float(f1),
            "precision": float(precision),
            "recall": float(recall),
        }
    if not per_unit:
        raise ValueError("No unit is there on one face and not on another: nothing to measure.")
    return {
        "macro_auc": float(np.mean([unit["auc"] for unit in per_unit.values()])),
        "macro_f1": float(np.mean([unit["f1"] for unit in per_unit.values()])),
        "per_unit": per_unit,
        "never_seen": [names[unit] for unit in np.flatnonzero(absent & ~shown)],
    }


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature at which answers are on average as sure as they are often right.

    `labels (n,) int` and `logits (n, classes)` are of pictures that were not trained on. It is
    between exp(-2) and exp(2), whatever the logits (expectation consistency, Clarté et al. 2023,
    https://arxiv.org/abs/2303.02644).
    """
    logits = np.asarray(logits, float)
    right = np.mean(logits.argmax(axis=1) == labels)

    def too_sure(log_temperature: float) -> float:
        return softmax(logits / np.exp(log_temperature), axis=1).max(axis=1).mean() - right

    coldest, warmest = -2.0, 2.0
    if too_sure(coldest) <= 0:
        return float(np.exp(coldest))
    if too_sure(warmest) >= 0:
        return float(np.exp(warmest))
    return float(np.exp(brentq(too_sure, coldest, warmest)))


def bootstrap_interval(values: np.ndarray, draws: int = 2000, seed: int = 0) -> list[float]:
    """Return the 95 % percentile interval of the mean of `values (n,)`, by resampling them."""
    values = np.asarray(values, float)
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(draws)]
    return [float(bound) for bound in np.percentile(means, [2.5, 97.5])]
