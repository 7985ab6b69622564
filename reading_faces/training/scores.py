"""All numbers that a result quotes of keypoints, emotions and units, and what is fitted to them.

Keypoints are `(n, 15, 2)` in pixels, NaN where unlabelled; probabilities are `(n, classes)`. What
one number means is said in `helpers.metrics`.
"""

import numpy as np
from scipy.special import rel_entr
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_curve, roc_auc_score

from helpers import metrics
from helpers.data import EMOTIONS
from reading_faces.made_faces.expression import PROTOTYPES, with_units
from reading_faces.training import definitions

# An action unit below this intensity is called weak.
WEAK = 0.4
# An action unit that fewer faces of people show is not judged, nor counted as learnt from them.
ENOUGH, DRAWS = 15, 200
# By a prototype, no unit is expected for certain, or ruled out for certain.
SUREST = 0.95


def keypoint_metrics(
    true: np.ndarray, predicted: np.ndarray, names: tuple[str, ...], offsets=None
) -> dict:
    """Measure predicted keypoints against the labelled ones; ValueError if there are none.

    That is `rmse_px` (root of the mean squared error over all labelled x and y),
    `mean_error_interocular` (mean over faces of their mean error), its 95 % bootstrap interval, the
    same error for the mean of these labels as the answer to all (`mean_face_error_interocular`),
    `failure_rate_10pct` (share of faces whose mean error is above 0.10), the mean error of the
    `five` points that most data sets mark and of the other `ten`, and `per_point`, both where any
    is labelled. Errors are None where no face has both eye centres labelled.

    With `offsets` `(15, 2)`, by which labels mark other places (`definitions`), `offset_removed` is
    the mean error of predictions that were moved by them.
    """
    labelled = np.isfinite(true)
    if not labelled.any():
        raise ValueError("No keypoint is labelled here, so nothing can be measured.")
    errors = metrics.keypoint_errors(true, predicted)
    kinds = {"mean_error_interocular": errors}
    if offsets is not None:
        moved = definitions.add_offsets(predicted, offsets, true)
        kinds["offset_removed"] = metrics.keypoint_errors(true, moved)
    faces = face_errors(errors)
    mean_face = np.nansum(true, axis=0) / np.maximum(labelled.sum(axis=0), 1)
    guesses = face_errors(metrics.keypoint_errors(true, mean_face))
    return {
        "rmse_px": metrics.rmse(true, predicted),
        **{kind: mean_or_none(face_errors(values)) for kind, values in kinds.items()},
        "mean_error_interval_95": metrics.bootstrap_interval(faces) if len(faces) else None,
        "mean_face_error_interocular": mean_or_none(guesses),
        "failure_rate_10pct": mean_or_none(faces > 0.10),
        **{
            group: {kind: mean_or_none(face_errors(of[:, points])) for kind, of in kinds.items()}
            for group, points in (("five", definitions.FIVE), ("ten", definitions.TEN))
            if labelled[:, points].any()
        },
        "per_point": {
            name: {
                "n": int(labelled[:, point, 0].sum()),
                "rmse_px": metrics.rmse(true[:, point], predicted[:, point]),
                "mean_error_interocular": mean_or_none(errors[:, point]),
            }
            for point, name in enumerate(names)
            if labelled[:, point].any()
        },
    }


def face_errors(errors: np.ndarray) -> np.ndarray:
    """Return the mean error of each face that has one, of errors `(n, 15)` with NaN."""
    return np.nanmean(errors[np.isfinite(errors).any(axis=1)], axis=1)


def mean_or_none(values: np.ndarray) -> float | None:
    """Return the mean of the values that are numbers; None if there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def emotion_metrics(
    labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]
) -> dict:
    """Measure predicted probabilities `(n, classes)` against labels `(n,) int`.

    That is `accuracy` with its 95 % bootstrap interval, `macro_f1` over the classes that occur,
    `ece` (`calibration_error`) with the bins it comes from (`reliability`), and `confusion`: rows
    are true classes, columns predicted, as counts.
    """
    predicted = probabilities.argmax(axis=1)
    correct = predicted == labels
    return {
        "accuracy": float(correct.mean()),
        "accuracy_interval_95": metrics.bootstrap_interval(correct),
        "macro_f1": f1_score(labels, predicted, labels=np.unique(labels), average="macro"),
        "ece": metrics.calibration_error(labels, probabilities),
        "reliability": metrics.reliability(labels, probabilities),
        "classes": list(classes),
        "confusion": confusion_matrix(labels, predicted, labels=range(len(classes))).tolist(),
    }


def share_right(correct: np.ndarray) -> dict:
    """Return how many faces there are in `correct (n,) bool`, and their `accuracy`, or None."""
    return {"n": len(correct), "accuracy": mean_or_none(correct)}


def among_classes(
    labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...], kept: tuple[str, ...]
) -> dict:
    """Measure as if only the classes `kept` existed: others' faces go, and others' probabilities.

    What is left is `share_right`; empty if a kept class is unknown or no face is left.
    """
    columns = np.array([classes.index(name) for name in kept if name in classes])
    rows = np.isin(labels, columns)
    if len(columns) < len(kept) or not rows.any():
        return {}
    predicted = columns[probabilities[rows][:, columns].argmax(axis=1)]
    return share_right(predicted == labels[rows])


def action_unit_metrics(
    present: np.ndarray,
    probabilities: np.ndarray,
    names: tuple[str, ...],
    thresholds: np.ndarray,
    intensities: np.ndarray,
) -> dict:
    """Measure units as `metrics.action_unit_metrics` does, and how well weak ones are seen.

    `macro_auc_weak` is the mean area under the ROC curve of those units that are seen weak, where
    of the faces with the unit only those weaker than `WEAK` count. `intensities` are `(n, units)`
    from 0 to 1, NaN where not known.
    """
    measured = metrics.action_unit_metrics(present, probabilities, names, thresholds)
    weak = []
    for unit in map(names.index, measured["per_unit"]):
        there = present[:, unit] == 1
        counts = (present[:, unit] == 0) | there & (intensities[:, unit] < WEAK)
        if present[counts, unit].any():
            weak.append(roc_auc_score(present[counts, unit], probabilities[counts, unit]))
    return measured | {"macro_auc_weak": mean_or_none(np.array(weak))}


def common_units(
    present: np.ndarray,
    probabilities: np.ndarray,
    names: list[str],
    thresholds: np.ndarray,
    subjects: np.ndarray,
) -> dict:
    """Measure as `metrics.action_unit_metrics` the units that at least `ENOUGH` faces show.

    Pictures of one person are alike, so the 95 % intervals of the two means come from drawing the
    subjects `(n,)` anew. `too_rare` says how many faces show each unit that is left out.
    """
    n = np.nansum(present, axis=0).astype(int)
    kept, limits = np.flatnonzero(n >= ENOUGH), np.broadcast_to(thresholds, present.shape)
    often = [names[unit] for unit in kept]

    def measure(rows: np.ndarray) -> dict:
        there, said, from_here = (a[rows][:, kept] for a in (present, probabilities, limits))
        return metrics.action_unit_metrics(there, said, often, from_here)

    measured = measure(np.arange(len(present)))
    drawn = [measure(rows) for rows in draw_people(subjects, DRAWS)]
    for mean in ("macro_auc", "macro_f1"):
        bounds = np.percentile([found[mean] for found in drawn], [2.5, 97.5])
        measured[f"{mean}_interval_95"] = bounds.tolist()
    coded = np.isfinite(present).any(axis=0)
    rare = {names[unit]: int(n[unit]) for unit in np.flatnonzero(coded & (n < ENOUGH))}
    return measured | {"too_rare": rare}


def draw_people(subjects: np.ndarray, draws: int) -> list[np.ndarray]:
    """Return the rows of as many subjects as there are in `(n,)`, drawn anew, for each draw."""
    rows = [np.flatnonzero(subjects == who) for who in np.unique(subjects)]
    chosen = np.random.default_rng(0).choice(len(rows), (draws, len(rows)))
    return [np.concatenate([rows[who] for who in draw]) for draw in chosen]


def fit_thresholds(present: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return for each unit the threshold `(units,)` of the highest F1; 0.5 for one that is absent.

    Fit on pictures that were not trained on; `present` (NaN where nobody said) and `probabilities`
    are `(n, units)`.
    """
    thresholds = np.full(present.shape[1], 0.5)
    for unit in np.flatnonzero((present == 1).any(axis=0)):
        rows = np.isfinite(present[:, unit])
        true, p = present[rows, unit], probabilities[rows, unit]
        precision, recall, at = precision_recall_curve(true, p)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
        best = int(np.argmax(f1[:-1]))
        # Half way to the next lower probability, so that rounding does not decide.
        below = at[best - 1] if best else at[best]
        thresholds[unit] = (at[best] + below) / 2
    return thresholds


def prototype_agreement(probabilities: np.ndarray, emotions: np.ndarray) -> dict:
    """Compare the emotion that units `(n, 18)` are nearest to with the emotion `(n,) str` given.

    Among the emotions that occur; faces without one of the course's seven take no part, and if
    there are no others, the result is empty. Else it is `prototype_agreement`, and in there
    `agreement`, the share of the `n` faces where both are the same.
    """
    classes = tuple(emotion for emotion in EMOTIONS if emotion in emotions)
    if not classes:
        return {}
    known = np.isin(emotions, classes)
    labels = np.array([classes.index(emotion) for emotion in emotions[known].tolist()])
    same = emotions_of_units(probabilities[known], classes) == labels
    return {
        "prototype_agreement": {
            "n": len(labels),
            "agreement": float(same.mean()),
            "agreement_interval_95": metrics.bootstrap_interval(same),
            "most_frequent_class": float(np.bincount(labels).max() / len(labels)),
        }
    }


def emotions_of_units(probabilities: np.ndarray, emotions: tuple[str, ...]) -> np.ndarray:
    """Name for each face the emotion whose prototype its units are nearest to.

    `probabilities` are `(n, 18)` from 0 to 1, in the order of `UNIT_NAMES`; `emotions` those to
    choose from, of which positions `(n,)` are returned. Nearest is the smallest Kullback–Leibler
    divergence of what a variant of the prototype expects from what was found, summed over units.
    """
    found = np.clip(probabilities, 1e-3, 1 - 1e-3)[:, np.newaxis]
    distances = []
    for emotion in emotions:
        variants = [{f"AU{unit}": size for unit, size in v.items()} for v in PROTOTYPES[emotion]]
        expected = np.stack([with_units(**variant)[:, 0] for variant in variants])
        expected = np.clip(expected, 1 - SUREST, SUREST)
        divergence = rel_entr(expected, found) + rel_entr(1 - expected, 1 - found)
        distances.append(divergence.sum(axis=2).min(axis=1))
    return np.argmin(distances, axis=0)
