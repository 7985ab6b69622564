"""What a network learns from: pictures and targets of each task, by its recipe."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.augment import augment_faces
from helpers.batches import Batches
from helpers.data import (
    EMOTIONS,
    ActionUnitData,
    DataError,
    EmotionData,
    KeypointData,
    load_action_units,
    load_emotions,
    load_keypoints,
    occur_among,
    of_made_faces,
)
from helpers.data.archives import is_made_set
from helpers.images import resize_square
from helpers.models import keypoints_to_network
from reading_faces.made_faces.expression import PRESENT_FROM, UNIT_NAMES
from reading_faces.training.augment import augment_action_units, augment_keypoints
from reading_faces.training.made_sets import training_set
from reading_faces.training.mixup import MixedBatches
from reading_faces.training.recipes import Data, Recipe
from reading_faces.training.soft_labels import soft_labels


class Examples(NamedTuple):
    """Augmented training faces, plain validation faces, and faces without labels, if any."""

    training: Batches
    validation: Batches
    unlabelled: np.ndarray = np.zeros((0, 48, 48), np.uint8)


def drawn_only(sources: tuple[str, ...]) -> bool:
    """Whether there is no real face in any of them."""
    return all(source == "made" or is_made_set(Path(source)) for source in sources)


def keypoint_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> Examples:
    """Return faces with their points as targets."""
    parts = [load_faces(source, recipe.data) for source in sources]
    return as_examples(
        parts, lambda part, _: part.keypoints, recipe, seed, augment_keypoints, keypoints_to_network
    )


def load_faces(source: str, data: Data) -> KeypointData:
    """Load faces with their points; in place of the made faces that ship, draw more if told to."""
    if source != "made" or not data.drawn:
        return load_keypoints(source)
    faces = training_set(data.drawn, pose="turned")
    return KeypointData(faces.images, faces.keypoints, faces.split, faces.subjects, source)


def emotion_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> Examples:
    """Return faces with probabilities of emotions as targets.

    Validation has the labels as they are; training mixes in what votes say, where there are any.
    """
    parts = [load_emotions(source).among_classes(EMOTIONS) for source in sources]

    def targets(faces: EmotionData, training: bool) -> np.ndarray:
        return soft_labels(faces.labels, faces.votes, recipe.targets.votes_weight * training)

    examples = as_examples(parts, targets, recipe, seed, augment_faces)
    return examples._replace(unlabelled=unlabelled_faces(sources, recipe))


def unlabelled_faces(sources: tuple[str, ...], recipe: Recipe) -> np.ndarray:
    """Return faces `(n, 48, 48) uint8` that emotion may be learnt from without labels, or none.

    Test faces are not among them; nor is any real face where only made ones are trained on.
    """
    asked = {name for part in recipe.in_turn() for name in part.data.unlabelled}
    faces = [np.zeros((0, 48, 48), np.uint8)]
    for source in () if drawn_only(sources) else sorted(asked):
        try:
            data = load_keypoints(source)
        except DataError as error:
            warnings.warn(f"Nothing is learnt from unlabelled faces: {error}", stacklevel=2)
        else:
            learnt_from = data.images[data.split != "test"]
            faces.append(np.stack([resize_square(face, 48) for face in learnt_from]))
    return np.concatenate(faces)


def action_unit_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> Examples:
    """Return faces with action units as targets: those of the made faces, in their order.

    A target is 0 or 1 where a unit is clearly absent or present, and between for a weak one, 0.5
    where it begins to count as present: two nearly equal faces on either side of that border shall
    not pull in opposite directions.
    """
    parts = [load_units(source, recipe.data) for source in sources]
    extra = []
    if recipe.data.drawn_mixed and "made" in sources:
        extra = [of_made_faces(training_set(recipe.data.drawn_mixed, seed=2, mixed=True))]

    def targets(faces: ActionUnitData, _) -> np.ndarray:
        columns = [faces.unit_names.index(name) for name in UNIT_NAMES]
        present, intensity = faces.action_units[:, columns], faces.intensities[:, columns]
        soft = np.clip(intensity / (2 * PRESENT_FROM), 0, 1)
        return np.where(np.isfinite(intensity), soft, present).astype(np.float32)

    return as_examples(parts, targets, recipe, seed, augment_action_units, extra=extra)


def load_units(source: str, data: Data) -> ActionUnitData:
    """Load faces with action units; in place of the made faces that ship, draw more if told to."""
    if source == "made" and data.drawn:
        drawn = of_made_faces(training_set(data.drawn))
        # Nobody is tested on these: so there are twice as many faces to set thresholds by.
        return replace(drawn, split=np.where(drawn.split == "test", "val", drawn.split))
    faces = load_action_units(source)
    lacking = [name for name in UNIT_NAMES if name not in faces.unit_names]
    if lacking:
        raise DataError(f"{source} does not code {', '.join(lacking)}; the model learns all 18.")
    return faces


def as_examples(
    parts, targets, recipe: Recipe, seed: int, augment, encode=lambda targets: targets, extra=()
) -> Examples:
    """Join the sources; `targets(part, training)` is what to learn. Only training is augmented.

    All of `extra` is learnt from, and none of it validated on.
    """
    chosen = [train_and_val(part, recipe.data.rows, seed) for part in parts]
    chosen += [(part, part.select(np.zeros(len(part), bool))) for part in extra]
    training, validation = (
        MixedBatches(
            np.concatenate([part.images for part in side]),
            np.concatenate([targets(part, change is not None) for part in side]),
            augment=change,
            batch_size=recipe.schedule.batch_size,
            seed=seed,
            mixup=recipe.data.mixup,
            mixup_from=min(recipe.schedule.restarts, default=0),
            encode=encode,
        )
        for side, change in zip(zip(*chosen, strict=True), (augment, None), strict=True)
    )
    return Examples(training, validation)


def train_and_val(data, rows: int | None, seed: int):
    """Return at most `rows` training rows, and the validation rows; a tenth, if there is no split.

    Training pictures that occur in any other split, pixel for pixel, are left out.
    """
    training = data.split == "train"
    if set(data.split) == {"all"}:
        training = np.random.default_rng(seed).random(len(data)) >= 0.1
        validation = ~training
    else:
        validation = data.split == "val"
    training &= ~occur_among(data.images, data.images[~training])
    if not training.any() or not validation.any():
        raise DataError(f"{data.source} has too few rows for a training and a validation split.")
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(training))[:rows]
    return data.select(np.sort(chosen)), data.select(validation)
