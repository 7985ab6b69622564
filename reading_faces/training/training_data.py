"""What a network learns from: pictures and targets of each task, by its recipe."""

import warnings
from dataclasses import replace

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
from helpers.images import resize_square
from helpers.models import keypoints_to_network
from reading_faces.made_faces.expression import PRESENT_FROM, UNIT_NAMES
from reading_faces.training.augment import augment_action_units, augment_keypoints
from reading_faces.training.loop import Recipe
from reading_faces.training.made_sets import training_set
from reading_faces.training.mixup import MixedBatches
from reading_faces.training.recipes import Run
from reading_faces.training.soft_labels import soft_labels


def keypoint_data(run: Run) -> tuple[Batches, Batches]:
    """Return augmented training faces and plain validation faces, with points as targets."""
    parts = [load_faces(source, run.recipe) for source in run.sources]
    return as_batches(
        run, parts, lambda faces, _: faces.keypoints, augment_keypoints, keypoints_to_network
    )


def load_faces(source: str, recipe: Recipe) -> KeypointData:
    """Load faces with their points; in place of the made faces that ship, draw more if told to."""
    if source != "made" or not recipe.drawn:
        return load_keypoints(source)
    faces = training_set(recipe.drawn, pose="turned")
    return KeypointData(faces.images, faces.keypoints, faces.split, faces.subjects, source)


def emotion_data(run: Run) -> tuple[Batches, Batches]:
    """Return augmented training faces and plain validation faces, with probabilities as targets.

    Validation has the labels as they are; training mixes in what votes say, where there are any.
    """
    parts = [load_emotions(source).among_classes(EMOTIONS) for source in run.sources]

    def targets(faces: EmotionData, training: bool) -> np.ndarray:
        return soft_labels(faces.labels, faces.votes, run.recipe.votes_weight * training)

    return as_batches(run, parts, targets, augment_faces)


def unlabelled_faces(run: Run) -> np.ndarray:
    """Return faces `(n, 48, 48) uint8` that emotion may be learnt from without labels, or none.

    Test faces are not among them; nor is any real face where only made ones are trained on.
    """
    faces = [np.zeros((0, 48, 48), np.uint8)]
    sources = {source for recipe in run.recipe.in_turn() for source in recipe.unlabelled}
    for source in () if run.on_made_faces_only else sorted(sources):
        try:
            data = load_keypoints(source)
        except DataError as error:
            warnings.warn(f"Nothing is learnt from unlabelled faces: {error}", stacklevel=2)
        else:
            learnt_from = data.images[data.split != "test"]
            faces.append(np.stack([resize_square(face, 48) for face in learnt_from]))
    return np.concatenate(faces)


def action_unit_data(run: Run) -> tuple[Batches, Batches]:
    """Return augmented training faces and plain validation faces, with units as targets.

    Units are those of the made faces, in their order. A target is 0 or 1 where a unit is clearly
    absent or present, and between for a weak one, 0.5 where it begins to count as present: two
    nearly equal faces on either side of that border shall not pull in opposite directions.
    """
    parts = [load_units(source, run.recipe) for source in run.sources]
    extra = []
    if run.recipe.drawn_mixed and "made" in run.sources:
        extra = [of_made_faces(training_set(run.recipe.drawn_mixed, seed=2, mixed=True))]

    def targets(faces: ActionUnitData, _) -> np.ndarray:
        columns = [faces.unit_names.index(name) for name in UNIT_NAMES]
        present, intensity = faces.action_units[:, columns], faces.intensities[:, columns]
        soft = np.clip(intensity / (2 * PRESENT_FROM), 0, 1)
        return np.where(np.isfinite(intensity), soft, present).astype(np.float32)

    return as_batches(run, parts, targets, augment_action_units, extra=extra)


def load_units(source: str, recipe: Recipe) -> ActionUnitData:
    """Load faces with action units; in place of the made faces that ship, draw more if told to."""
    if source == "made" and recipe.drawn:
        drawn = of_made_faces(training_set(recipe.drawn))
        # Nobody is tested on these: so there are twice as many faces to set thresholds by.
        return replace(drawn, split=np.where(drawn.split == "test", "val", drawn.split))
    faces = load_action_units(source)
    lacking = [name for name in UNIT_NAMES if name not in faces.unit_names]
    if lacking:
        raise DataError(f"{source} does not code {', '.join(lacking)}; the model learns all 18.")
    return faces


DATA = {"keypoints": keypoint_data, "emotion": emotion_data, "action_units": action_unit_data}


def as_batches(
    run: Run, parts: list, targets, augment, encode=lambda targets: targets, extra: list = ()
) -> tuple[Batches, Batches]:
    """Join the sources; `targets(part, training)` is what to learn. Only training is augmented.

    All of `extra` is learnt from, and none of it validated on.
    """
    chosen = [train_and_val(part, run) for part in parts]
    chosen += [(part, part.select(np.zeros(len(part), bool))) for part in extra]
    training, validation = (
        MixedBatches(
            np.concatenate([part.images for part in side]),
            np.concatenate([targets(part, augment is not None) for part in side]),
            augment=augment,
            batch_size=run.recipe.batch_size,
            seed=run.seed,
            encode=encode,
            mixup=run.recipe.mixup,
            mixup_from=min(run.recipe.restarts, default=0),
        )
        for side, augment in zip(zip(*chosen, strict=True), (augment, None), strict=True)
    )
    return training, validation


def train_and_val(data, run: Run):
    """Return the training and validation rows; a source without a split gives a tenth to `val`.

    Training pictures that occur in any other split, pixel for pixel, are left out.
    """
    training = data.split == "train"
    if set(data.split) == {"all"}:
        training = np.random.default_rng(run.seed).random(len(data)) >= 0.1
        validation = ~training
    else:
        validation = data.split == "val"
    training &= ~occur_among(data.images, data.images[~training])
    if not training.any() or not validation.any():
        raise DataError(f"{data.source} has too few rows for a training and a validation split.")
    rows = np.random.default_rng(run.seed).permutation(np.flatnonzero(training))
    return data.select(np.sort(rows[: run.recipe.rows])), data.select(validation)
