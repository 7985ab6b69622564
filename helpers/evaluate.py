"""Measure a trained model on one split of one data set, and keep what it predicted.

The result is a plain dictionary, as `python -m helpers evaluate … --json` prints it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers import metrics
from helpers.augment import flip_images, flip_keypoints
from helpers.data import KEYPOINT_NAMES, DataError, load_emotions, load_keypoints
from helpers.models import TrainedModel


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and the predictions row by row in the source's order."""

    result: dict
    predictions: dict[str, np.ndarray]

    def save_predictions(self, path: Path) -> None:
        """Write the predictions as an `.npz`, complete or not at all."""
        temporary = path.with_name(f".{path.name}.part")
        try:
            with temporary.open("wb") as file:
                np.savez_compressed(file, **self.predictions)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def evaluate(
    model: TrainedModel, source: str, split: str | None = None, tta: bool = False
) -> Evaluation:
    """Measure a model on `split` of `source`; without one, on `test`, or on all if it has no split.

    Parameters
    ----------
    tta : average the prediction with that of the mirrored picture (test-time augmentation).
    """
    measure = {"keypoints": evaluate_keypoints, "emotion": evaluate_emotion}[model.card["task"]]
    return measure(model, source, split, tta)


def evaluate_keypoints(
    model: TrainedModel, source: str, split: str | None, tta: bool
) -> Evaluation:
    """Measure keypoints on the points that are labelled."""
    split, data = choose_split(load_keypoints(source), split)
    predicted = model.predict(data.images)
    if tta:
        mirrored = model.predict(flip_images(data.images))
        predicted = (predicted + flip_keypoints(mirrored, model.input_size)) / 2
    measured = metrics.keypoint_metrics(data.keypoints, predicted, KEYPOINT_NAMES)
    result = describe("keypoints", source, split, len(data), tta, measured)
    return Evaluation(result, {"keypoints": predicted})


def evaluate_emotion(model: TrainedModel, source: str, split: str | None, tta: bool) -> Evaluation:
    """Measure emotions on the faces whose class the model knows; classes are matched by name."""
    split, data = choose_split(load_emotions(source), split)
    classes = tuple(model.card["classes"])
    probabilities = model.predict(data.images)
    if tta:
        probabilities = (probabilities + model.predict(flip_images(data.images))) / 2
    position = {name: index for index, name in enumerate(classes)}
    labels = np.array([position.get(name, -1) for name in data.classes])[data.labels]
    known = labels >= 0
    if not known.any():
        raise DataError(
            f"{source} has the classes {', '.join(data.classes)}, of which the model knows none."
        )
    measured = metrics.emotion_metrics(labels[known], probabilities[known], classes)
    result = describe("emotion", source, split, int(known.sum()), tta, measured)
    if not known.all():
        result["left_out"] = {"n": int((~known).sum()), "reason": "classes the model does not know"}
    return Evaluation(result, {"probabilities": probabilities, "classes": np.array(classes)})


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
