"""Keypoint networks side by side: with and without skips, with and without the incomplete rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from helpers import settings
from helpers.batches import Batches
from helpers.data import KEYPOINT_NAMES, KeypointData, load_keypoints
from helpers.models import TrainedModel, convolution, keypoints_to_network
from reading_faces.training import scores
from reading_faces.training.augment import mirror_half
from reading_faces.training.loop import Recipe, build_optimizer, fit, masked_distance, read_history
from reading_faces.training.networks import build_keypoint_model

SMALL = (16, 32, 48)  # channels of the compared networks' stages
BUDGET = Recipe(epochs=6, learning_rate=1e-3, batch_size=32, rows=4000, precision="float32")
SMOKE = replace(BUDGET, epochs=1, rows=64)


@dataclass(frozen=True)
class Variant:
    """One network of a comparison; `source` and `complete_only` say which faces it learns from."""

    name: str
    build: Callable[[], keras.Model]
    source: str = "facial-keypoints"
    complete_only: bool = False


def build_plain_model(
    size: int = 96,
    points: int = 15,
    filters: tuple[int, ...] = SMALL,
    identity_blocks: int = 2,
    dropout: float = 0.2,
) -> keras.Model:
    """Build `networks.build_keypoint_model` without its short paths: the same depth, no skips."""
    inputs = keras.Input((size, size, 1), name="face")
    x = convolution(inputs, 32, kernel=5, stride=2)
    for width in filters:
        for block in range(1 + identity_blocks):
            x = convolution(x, width, stride=1 if block else 2)
            x = convolution(x, width)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    head = layers.Dense(2 * points, kernel_initializer="zeros", dtype="float32", name="coordinates")
    return keras.Model(inputs, layers.Reshape((points, 2))(head(x)), name="plain")


def build_five_layers(size: int = 96, points: int = 15) -> keras.Model:
    """Build the usual first network: three convolutions with max-pooling and two dense layers."""
    inputs = keras.Input((size, size, 1), name="face")
    x = inputs
    for width in (16, 32, 64):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    x = layers.Dense(2 * points, dtype="float32", name="coordinates")(layers.Dropout(0.2)(x))
    return keras.Model(inputs, layers.Reshape((points, 2))(x), name="five_layers")


def deep(build: Callable, identity_blocks: int) -> Callable[[], keras.Model]:
    """Return a builder of a network with so many identity blocks a stage."""
    return lambda: build(filters=SMALL, identity_blocks=identity_blocks)


# 20 layers with weights are 1 + 3 stages × 3 blocks × 2 convolutions + 1; 44 have 7 blocks a stage.
STUDIES = {
    "depth": (
        Variant("five layers", build_five_layers),
        Variant("20 layers, no skips", deep(build_plain_model, 2)),
        Variant("20 layers, skips", deep(build_keypoint_model, 2)),
        Variant("44 layers, no skips", deep(build_plain_model, 6)),
        Variant("44 layers, skips", deep(build_keypoint_model, 6)),
    ),
    "masked-loss": (
        Variant("complete rows only", deep(build_keypoint_model, 2), "made", complete_only=True),
        Variant("all rows, masked loss", deep(build_keypoint_model, 2), "made"),
        Variant("the same, five layers", build_five_layers, "made"),
    ),
}


def budget(name: str, smoke: bool = False) -> dict:
    """Return what every variant gets."""
    recipe = SMOKE if smoke else BUDGET
    return {"epochs": recipe.epochs, "rows": recipe.rows, "batch_size": recipe.batch_size}


def summary(row: dict) -> str:
    """Say in a line how a variant did."""
    error = row["metrics"]["mean_error_interocular"]
    return (
        f"{row['parameters']:10,} parameters   mean error {error:.1%} of the interocular distance"
    )


def run_variant(name: str, variant: Variant, out: Path, smoke: bool = False) -> dict:
    """Train one network in folder `out` and measure it on faces that it has not seen."""
    recipe = SMOKE if smoke else BUDGET
    # Real faces: chosen on and shown for validation, because the test split is opened only for the
    # model that ships. Made faces: people that nothing else is chosen by.
    data = load_keypoints("made" if smoke else variant.source)
    measured = data.select("val" if variant.source != "made" else "test")
    training, validation = learn_from(data, variant, recipe)
    keras.utils.set_random_seed(settings.SEED)
    network = variant.build()
    network.compile(build_optimizer(recipe, len(training)), loss=masked_distance)
    started = time.perf_counter()
    done = len(read_history(out))
    history = fit(network, training, validation, recipe, out)
    seconds, trained = time.perf_counter() - started, len(history) - done
    model = TrainedModel(network, {"task": "keypoints", "input": {"size": 96}})
    predicted = model.predict(measured.images)
    found = scores.keypoint_metrics(measured.keypoints, predicted, KEYPOINT_NAMES)
    return {
        "name": variant.name,
        "source": data.source,
        "n_train": len({image.tobytes() for image in training.images}),
        "n": len(measured),
        "parameters": network.count_params(),
        "seconds_per_epoch": round(seconds / trained, 1) if trained > 0 else None,
        "val_loss": [round(float(loss), 5) for loss in history["val_loss"]],
        "metrics": found,
    }


def learn_from(data: KeypointData, variant: Variant, recipe: Recipe) -> tuple[Batches, Batches]:
    """Return training and validation faces; rows are repeated until there are as many as asked."""
    training, validation = data.select("train"), data.select("val")
    rows = np.arange(len(training))
    if variant.complete_only:
        rows = np.flatnonzero(np.isfinite(training.keypoints).all(axis=(1, 2)))
    # Equally many steps for each variant, however many faces it may see.
    rows = np.resize(np.random.default_rng(settings.SEED).permutation(rows), recipe.rows)
    kinds = ((training, rows, mirror_half), (validation, slice(None), None))
    training, validation = (
        Batches(
            part.images[chosen],
            part.keypoints[chosen],
            change,
            recipe.batch_size,
            settings.SEED,
            keypoints_to_network,
        )
        for part, chosen, change in kinds
    )
    return training, validation
