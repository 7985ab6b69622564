"""Measure a trained model on one split of one data set, and keep what it predicted.

The result is a plain dictionary, as `python -m reading_faces evaluate … --json` prints it.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from helpers import metrics, models
from helpers.augment import (
    affine_matrices,
    flip_images,
    flip_keypoints,
    warp_images,
    warp_keypoints,
)
from helpers.data import (
    EMOTIONS,
    FIVE_CLASSES,
    KEYPOINT_NAMES,
    ActionUnitData,
    DataError,
    NoActionUnits,
    kaggle_coordinates,
    load_action_units,
    load_emotions,
    load_keypoints,
    occur_among,
)
from helpers.files import whole_file
from helpers.images import resize_square
from helpers.models import TrainedModel
from reading_faces.training import prototypes as facs
from reading_faces.training import scores
from reading_faces.training.shape_prior import JUDGED, fit_shape_model
from reading_faces.training.soft_labels import agreement

TRAINED_ON = ("train", "val")


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and the predictions row by row in the source's order."""

    result: dict
    predictions: dict[str, np.ndarray]

    def save_predictions(self, path: Path) -> None:
        """Write the predictions as an `.npz`, complete or not at all."""
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **self.predictions)


def evaluate(
    model: TrainedModel,
    source: str,
    split: str | None = None,
    tta: bool = False,
    jitter: float = 0.0,
) -> Evaluation:
    """Measure a model on `split` of `source`; without one, on `test`, or on all if it has no split.

    Parameters
    ----------
    tta : average the prediction with that of the mirrored picture (test-time augmentation).
    jitter : for keypoints: move and scale each picture by up to this share of its side first.

    Raises
    ------
    ValueError
        If anything but keypoints is to be measured with `jitter`.
    """
    if model.card["task"] == "keypoints":
        return evaluate_keypoints(model, source, split, tta, jitter)
    if jitter:
        raise ValueError("Only keypoints are measured with --jitter.")
    measure = {"emotion": evaluate_emotion, "action_units": evaluate_action_units}
    return measure[model.card["task"]](model, source, split, tta)


def evaluate_keypoints(
    model: TrainedModel, source: str, split: str | None, tta: bool, jitter: float = 0.0
) -> Evaluation:
    """Measure keypoints on the points that are labelled, and how likely the others lie."""
    split, data = choose_split(load_keypoints(source), split)
    moved = loose_boxes(len(data), model.input_size, jitter)
    images = warp_images(data.images, moved) if jitter else data.images
    true = warp_keypoints(data.keypoints, moved)
    predicted = model.predict(images)
    if tta:
        mirrored = model.predict(flip_images(images))
        predicted = (predicted + flip_keypoints(mirrored, model.input_size)) / 2
    measured = scores.keypoint_metrics(true, predicted, KEYPOINT_NAMES)
    measured |= unlabelled_points(source, true, predicted)
    result = describe("keypoints", source, split, len(data), tta, measured)
    if jitter:
        result["jitter"] = jitter
    # What is stored belongs to the pictures as the source has them.
    return Evaluation(result, {"keypoints": warp_keypoints(predicted, undo(moved))})


def loose_boxes(n: int, size: int, jitter: float, seed: int = 0) -> np.ndarray:
    """Return `(n, 2, 3)` matrices that move and scale pictures as a loose box would."""
    rng = np.random.default_rng(seed)
    zoom = 1 / (1 + rng.uniform(-jitter, jitter, n))
    shift = rng.uniform(-jitter, jitter, (n, 2)) * size
    return affine_matrices(size, np.zeros(n), zoom, shift)


def undo(matrices: np.ndarray) -> np.ndarray:
    """Return the matrices `(n, 2, 3)` that lead back."""
    back = np.linalg.inv(matrices[:, :, :2])
    return np.concatenate([back, -back @ matrices[:, :, 2:]], axis=2)


def unlabelled_points(source: str, true: np.ndarray, predicted: np.ndarray) -> dict:
    """Say on how many faces the points without labels lie where no real face has them.

    Returns
    -------
    Empty if all points are labelled, or the source brings no faces with all 15 points along; else
    `unlabelled_outside_99`, the share of faces outside the region of 99 % (`shapes.ShapeModel`).
    """
    unlabelled = np.isnan(true[:, JUDGED]).any(axis=(1, 2))
    if not unlabelled.any():
        return {}
    try:
        shapes = fit_shape_model(kaggle_coordinates(source))
    except (DataError, ValueError):
        return {}
    return {"unlabelled_outside_99": float(shapes.outside(predicted[unlabelled]).mean())}


def evaluate_emotion(model: TrainedModel, source: str, split: str | None, tta: bool) -> Evaluation:
    """Measure emotions on the faces whose class the model knows; classes are matched by name."""
    whole = load_emotions(source)
    split, data = choose_split(whole, split)
    classes = tuple(model.card["classes"])
    probabilities = model.predict(data.images)
    if tta:
        probabilities = (probabilities + model.predict(flip_images(data.images))) / 2
    labels = data.labels_among(classes)
    known = labels >= 0
    if not known.any():
        raise DataError(
            f"{source} has the classes {', '.join(data.classes)}, of which the model knows none."
        )
    measured = scores.emotion_metrics(labels[known], probabilities[known], classes)
    measured["five_classes"] = scores.among_classes(
        labels[known], probabilities[known], classes, FIVE_CLASSES
    )
    predicted, training = probabilities.argmax(axis=1), np.isin(whole.split, TRAINED_ON)
    if training.any() and split not in TRAINED_ON:
        fresh = known & ~occur_among(data.images, whole.images[training])
        measured["without_copies"] = {
            "n": int(fresh.sum()),
            "accuracy": float((predicted == labels)[fresh].mean()),
            "macro_f1": scores.macro_f1(labels[fresh], predicted[fresh]),
        }
    if data.votes is not None:
        measured["by_agreement"] = by_agreement(data.votes[known], (predicted == labels)[known])
    result = describe("emotion", source, split, int(known.sum()), tta, measured)
    if not known.all():
        result["left_out"] = {"n": int((~known).sum()), "reason": "classes the model does not know"}
    return Evaluation(result, {"probabilities": probabilities, "classes": np.array(classes)})


def evaluate_action_units(
    model: TrainedModel, source: str, split: str | None, tta: bool
) -> Evaluation:
    """Measure action units where the source has them, and how well they go with its emotions.

    Units are matched by name. `prototype_agreement` is the share of faces whose units are nearest
    to the prototype of their emotion (`facs.emotions_of_units`): a weak check, for real faces too.
    Where all units are known, `ceiling` is the same share for the true ones.
    """
    units = tuple(model.card["units"])
    try:
        split, data = choose_split(load_action_units(source), split)
        images, emotions = data.images, data.emotions
    except NoActionUnits:
        split, data = choose_split(load_emotions(source), split)
        images = np.stack([resize_square(image, model.input_size) for image in data.images])
        emotions = np.array(data.classes)[data.labels]
    probabilities = model.predict(images)
    if tta:
        probabilities = (probabilities + model.predict(flip_images(images))) / 2
    measured, true = {}, None
    if isinstance(data, ActionUnitData):
        both = [name for name in units if name in data.unit_names]
        mine = [units.index(name) for name in both]
        theirs = [data.unit_names.index(name) for name in both]
        measured = metrics.action_unit_metrics(
            data.action_units[:, theirs],
            probabilities[:, mine],
            tuple(both),
            np.array(model.card["thresholds"])[mine],
            data.intensities[:, theirs],
        )
        true = data.action_units[:, theirs] if both == list(units) else None
    measured |= prototype_agreement(probabilities, emotions, true)
    result = describe("action-units", source, split, len(data), tta, measured)
    return Evaluation(result, {"probabilities": probabilities, "classes": np.array(units)})


def prototype_agreement(
    probabilities: np.ndarray, emotions: np.ndarray, true: np.ndarray | None = None
) -> dict:
    """Compare the emotion that units `(n, 18)` are nearest to with the emotion `(n,) str` given.

    Among the emotions that occur; faces without one of the course's seven take no part. With the
    `true` units of 0 and 1 also how often those would agree.
    """
    classes = tuple(emotion for emotion in EMOTIONS if emotion in emotions)
    if not classes:
        return {}
    known = np.isin(emotions, classes)
    labels = np.array([classes.index(emotion) for emotion in emotions[known].tolist()])
    nearest = facs.emotions_of_units(probabilities[known], classes)
    ceiling = {}
    if true is not None:
        by_truth = facs.emotions_of_units(true[known], classes)
        ceiling = {"ceiling": float((by_truth == labels).mean())}
    return {
        "prototype_agreement": {
            **ceiling,
            "n": int(known.sum()),
            "classes": list(classes),
            "agreement": float((nearest == labels).mean()),
            "agreement_interval_95": metrics.bootstrap_interval(nearest == labels),
            "most_frequent_class": float(np.bincount(labels).max() / len(labels)),
            "confusion": confusion_matrix(labels, nearest, labels=range(len(classes))).tolist(),
        }
    }


def by_agreement(votes: np.ndarray, correct: np.ndarray) -> list[dict]:
    """Say how often the model is right where voters agree little, and where they agree.

    Returns
    -------
    A row for each range of the share of votes `(n, 10)` that the most frequent answer got.
    """
    shares = agreement(votes)
    edges = [0.0, 0.5, 0.7, 0.9, 1.0]
    rows = []
    for low, high in zip(edges, edges[1:], strict=False):
        chosen = (shares >= low) & ((shares < high) | (high == 1.0))
        if chosen.any():
            accuracy = float(correct[chosen].mean())
            rows.append({"from": low, "to": high, "n": int(chosen.sum()), "accuracy": accuracy})
    return rows


def measure_speed(model: TrainedModel, batch: int = 64, seconds: float = 2.0) -> dict:
    """Time a model on this machine: a batch of faces, one face, and one by Keras' own `predict`."""
    size = model.input_size
    faces = np.random.default_rng(0).integers(0, 256, (batch, size, size), dtype=np.uint8)
    one = models.standardize(faces[:1])
    many_s = time_call(lambda: model.predict(faces), seconds)
    single_s = time_call(lambda: model.predict(faces[:1]), seconds)
    keras_s = time_call(lambda: model.network.predict(one, verbose=0), seconds)
    return {
        "processors": os.cpu_count(),
        f"faces_per_second_batch_{batch}": batch / many_s,
        "one_face_ms": 1000 * single_s,
        "one_face_by_keras_predict_ms": 1000 * keras_s,
        "times_faster_than_keras_predict": keras_s / single_s,
    }


def time_call(call, seconds: float) -> float:
    """Return the median time of a call, repeated for so many seconds after a first one."""
    call()
    times, started = [], time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return float(np.median(times))


def choose_split(data, split: str | None):
    """Return the split's name and its rows; a source without splits is taken whole."""
    if split is None and set(data.split) == {"all"}:
        split = "all"
    return split or "test", data.select(split or "test")


def describe(task: str, source: str, split: str, n: int, tta: bool, measured: dict) -> dict:
    """Put what was measured beside what it was measured on."""
    return {
        "task": task,
        "source": str(source),
        "split": split,
        "n": n,
        "tta": "mean of the picture and its mirror image" if tta else None,
        "metrics": measured,
    }
