"""What a network learns from: pictures and targets of each task, by its recipe."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from helpers import models
from helpers.augment import augment_faces
from helpers.batches import Batches
from helpers.data import EMOTIONS, DataError, kaggle_coordinates, load_emotions, load_keypoints
from helpers.data.parsing import is_made_set
from helpers.data.records import KeypointData
from helpers.data.splits import occur_among, tenth_of_people
from helpers.images import resize_square
from helpers.models import keypoints_to_network
from reading_faces.made_faces.expression import PRESENT_FROM, UNIT_NAMES
from reading_faces.training import definitions
from reading_faces.training.action_units import ActionUnitData, load_action_units
from reading_faces.training.augment import MixedBatches, augment_action_units, augment_keypoints
from reading_faces.training.made_sets import training_set
from reading_faces.training.recipes import Recipe


class Examples(NamedTuple):
    """Augmented training faces, plain validation faces, and faces without labels, if any."""

    training: Batches
    validation: Batches
    unlabelled: np.ndarray = np.zeros((0, 48, 48), np.uint8)


def drawn_only(sources: tuple[str, ...]) -> bool:
    """Whether there is no real face in any of them."""
    return all(source == "made" or is_made_set(Path(source)) for source in sources)


def keypoint_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> Examples:
    """Return faces with their points as targets; all points of those drawn for the recipe.

    Labels of another definition are moved to Kaggle's. They are the only ones of all 15 points on
    real faces, and few: beside other sources, and where rows are not limited, they are learnt three
    times, and of people for validation, too.
    """
    more = recipe.drawn and "made" in sources
    drawn = {"made": training_set(recipe.drawn, pose="turned")} if more else {}
    parts = [as_kaggle(load_keypoints(drawn.get(source, source))) for source in sources]
    few = [bool(definitions.marks_otherwise(part.source)) for part in parts]
    if recipe.rows or all(few):
        few = [False] * len(parts)
    many = [part for part, rare in zip(parts, few, strict=True) if not rare]
    again = [learnt_from(part) for part, rare in zip(parts, few, strict=True) if rare] * 3
    return as_examples(
        many, lambda part, _: part.keypoints, recipe, seed, augment_keypoints,
        keypoints_to_network, again,
    )  # fmt: skip


def as_kaggle(faces: KeypointData) -> KeypointData:
    """Return faces with their points where Kaggle's annotators would have marked them."""
    if not definitions.marks_otherwise(faces.source):
        return faces
    offsets = offsets_from_kaggle(learnt_from(faces))
    points = definitions.add_offsets(faces.keypoints, -offsets, faces.keypoints)
    return replace(faces, keypoints=points)


def learnt_from(faces: KeypointData) -> KeypointData:
    """Return the faces of all but the people for the test."""
    return faces.select(faces.split != "test")


def offsets_from_kaggle(faces: KeypointData) -> np.ndarray:
    """Return how far labels lie from where Kaggle's annotators mark, as `definitions` says.

    Of the five points that other sets mark too, the model that ships tells it, which learnt from
    those. Of the ten, only typical places can, here and in Kaggle's table; those of Kaggle are
    stretched until its mouths are as low, for cameras look at people from different heights.

    Raises DataError if Kaggle's coordinates are not at hand.
    """
    five, ten = definitions.FIVE, definitions.TEN
    seen = models.load("keypoints").predict(faces.images, mirrored=True)
    offsets = definitions.fit_offsets(seen, faces.keypoints)
    offsets[ten] = 0
    moved = definitions.add_offsets(faces.keypoints, -offsets, faces.keypoints)
    kaggle = kaggle_coordinates()
    # Those with few points were marked by others, the lower lip a tenth of the unit higher.
    whole = kaggle[np.isfinite(kaggle).all(axis=(1, 2))]
    here, there = map(definitions.typical_places, (moved, whole))
    mouth = five[-1]
    there[:, 1] *= here[mouth, 1] / there[mouth, 1]
    offsets[ten] = (here - there)[ten]
    return offsets


def action_unit_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> Examples:
    """Return faces with action units as targets: those of the made faces, in their order.

    A target is 0 or 1 where a unit is clearly absent or present, and between for a weak one, 0.5
    where it begins to count as present: two nearly equal faces on either side of that border shall
    not pull in opposite directions. It is NaN where nobody coded the unit.
    """
    parts = [load_units(source, recipe.drawn) for source in sources]
    extra = []
    if recipe.drawn_mixed and "made" in sources:
        extra = [load_action_units(training_set(recipe.drawn_mixed, seed=2, mixed=True))]
    return unit_examples(parts, recipe, seed, extra)


def unit_examples(parts: list[ActionUnitData], recipe: Recipe, seed: int, extra=()) -> Examples:
    """Join faces with action units as `action_unit_data` says."""

    def targets(faces, _) -> np.ndarray:
        present, intensity = faces.among_units(UNIT_NAMES)
        soft = np.clip(intensity / (2 * PRESENT_FROM), 0, 1)
        return np.where(np.isfinite(intensity), soft, present)

    return as_examples(parts, targets, recipe, seed, augment_action_units, extra=extra)


def load_units(source: str, drawn: int | None) -> ActionUnitData:
    """Load faces with units; in place of the made faces that ship, draw so many if told to."""
    if source == "made" and drawn:
        faces = load_action_units(training_set(drawn))
        # Nobody is tested on these: so there are twice as many faces to set thresholds by.
        return replace(faces, split=np.where(faces.split == "test", "val", faces.split))
    faces = load_action_units(source)
    if not set(UNIT_NAMES) & set(faces.unit_names):
        raise DataError(f"{source} codes none of the units that the model learns.")
    return faces


def emotion_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> Examples:
    """Return faces with probabilities of emotions as targets.

    Validation has the labels as they are; training mixes in what votes say, where there are any.
    """
    parts = [load_emotions(source).among_classes(EMOTIONS) for source in sources]

    def targets(faces, training: bool) -> np.ndarray:
        return soft_labels(faces.labels, faces.votes, recipe.votes_weight * training)

    examples = as_examples(parts, targets, recipe, seed, augment_faces)
    return examples._replace(unlabelled=unlabelled_faces(sources, recipe))


def soft_labels(labels: np.ndarray, votes: np.ndarray | None, weight: float) -> np.ndarray:
    """Mix each label with how often faces with such votes carry each label, `(n, 7) float32`.

    One label is one person's hasty guess; the votes of ten others tell what else it might have
    been, and learning that too is worth more than smoothing all labels alike.

    Parameters
    ----------
    labels : `(n,) int`, positions in `EMOTIONS`.
    votes : `(n, 10)` counts as FER+ has them (Barsoum et al. 2016,
        https://arxiv.org/abs/1608.01041), or None: then the labels alone are taken.
    weight : share of the votes in the result, 0 to 1.
    """
    one_hot = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    if votes is None or not weight:
        return one_hot
    return (1 - weight) * one_hot + np.float32(weight) * label_by_votes(labels, votes)


def label_by_votes(labels: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Estimate by logistic regression which label a face with such votes carries, `(n, 7) float32`.

    Of a label that never occurs the probability is 0.
    """
    model = LogisticRegression(max_iter=2000).fit(votes, labels)
    probabilities = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    probabilities[:, model.classes_] = model.predict_proba(votes)
    return probabilities


def agreement(votes: np.ndarray) -> np.ndarray:
    """Return the share of votes `(n, 10)` that the most frequent answer got, `(n,)`, 0 if none."""
    return votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)


def unlabelled_faces(sources: tuple[str, ...], recipe: Recipe) -> np.ndarray:
    """Return faces `(n, 48, 48) uint8` that emotion may be learnt from without labels, or none.

    Test faces are not among them; nor is any real face where only made ones are trained on.
    """
    asked = {name for part in recipe.in_turn() for name in part.unlabelled}
    faces = [np.zeros((0, 48, 48), np.uint8)]
    for source in () if drawn_only(sources) else sorted(asked):
        try:
            data = load_keypoints(source)
        except DataError as error:
            warnings.warn(f"Nothing is learnt from unlabelled faces: {error}", stacklevel=2)
        else:
            usable = data.images[data.split != "test"]
            faces.append(np.stack([resize_square(face, 48) for face in usable]))
    return np.concatenate(faces)


def as_examples(
    parts, targets, recipe: Recipe, seed: int, augment, encode=lambda targets: targets, extra=()
) -> Examples:
    """Join the sources; `targets(part, training)` is what to learn. Only training is augmented.

    All of `extra` is learnt from, and none of it validated on.
    """
    chosen = [train_and_val(part, recipe.rows, seed) for part in parts]
    chosen += [(part, part.select(np.zeros(len(part), bool))) for part in extra]
    training, validation = (
        MixedBatches(
            np.concatenate([part.images for part in side]),
            np.concatenate([targets(part, change is not None) for part in side]),
            augment=change,
            batch_size=recipe.schedule.batch_size,
            seed=seed,
            mixup=recipe.mixup,
            mixup_from=min(recipe.schedule.restarts, default=0),
            encode=encode,
        )
        for side, change in zip(zip(*chosen, strict=True), (augment, None), strict=True)
    )
    return Examples(training, validation)


def train_and_val(data, rows: int | None, seed: int):
    """Return at most `rows` training rows, and the validation rows; a tenth, if there is no split.

    That is a tenth of the people, where the source says who they are. Training pictures that occur
    in any other split, pixel for pixel, are left out.
    """
    split = data.split
    if set(split) == {"all"}:
        people = np.arange(len(data)).astype(str) if data.subjects is None else data.subjects
        split = np.where(tenth_of_people(people), "val", "train")
    training, validation = split == "train", split == "val"
    training &= ~occur_among(data.images, data.images[~training])
    if not training.any() or not validation.any():
        raise DataError(f"{data.source} has too few rows for a training and a validation split.")
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(training))[:rows]
    return data.select(np.sort(chosen)), data.select(validation)
