"""Keypoint networks side by side: with and without skips, with and without the incomplete rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from helpers import settings
from helpers.batches import Batches
from helpers.data import KEYPOINT_NAMES, KeypointData, load_keypoints
from helpers.models import TrainedModel, convolution, keypoints_to_network
from reading_faces.training.augment import mirror_half
from reading_faces.training.loop import build_optimizer, fit, read_history
from reading_faces.training.losses import masked_distance
from reading_faces.training.networks import build_keypoint_model
from reading_faces.training.recipes import Schedule
from reading_faces.training.scores import keypoint_metrics

SMALL = (16, 32, 48)  # channels of the compared networks' stages
RATE = 1e-3


@dataclass(frozen=True)
class Variant:
    """One network of a comparison; `source` and `complete_only` say which faces it learns from."""

    name: str
    build: Callable[[], keras.Model]
    source: str = "facial-keypoints"
    complete_only: bool = False


def build_plain_model(identity_blocks: int) -> keras.Model:
    """Build `networks.build_keypoint_model` without its short paths: the same depth, no skips."""
    inputs = keras.Input((96, 96, 1), name="face")
    x = convolution(inputs, 32, kernel=5, stride=2)
    for width in SMALL:
        for block in range(1 + identity_blocks):
            x = convolution(x, width, stride=1 if block else 2)
            x = convolution(x, width)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    x = layers.Dense(30, kernel_initializer="zeros", dtype="float32", name="coordinates")(x)
    return keras.Model(inputs, layers.Reshape((15, 2))(x), name="plain")


def build_five_layers() -> keras.Model:
    """Build the usual first network: three convolutions with max-pooling and two dense layers."""
    inputs = keras.Input((96, 96, 1), name="face")
    x = inputs
    for width in (16, 32, 64):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.2)(layers.Dense(128, activation="relu")(layers.Flatten()(x)))
    x = layers.Dense(30, dtype="float32", name="coordinates")(x)
    return keras.Model(inputs, layers.Reshape((15, 2))(x), name="five_layers")


# 20 layers with weights are 1 + 3 stages × 3 blocks × 2 convolutions + 1; 44 have 7 blocks a stage.
PLAIN_20, PLAIN_44 = (partial(build_plain_model, identity_blocks=n) for n in (2, 6))
SKIPS_20, SKIPS_44 = (
    partial(build_keypoint_model, filters=SMALL, identity_blocks=n) for n in (2, 6)
)
STUDIES = {
    "depth": (
        Variant("five layers", build_five_layers),
        Variant("20 layers, no skips", PLAIN_20),
        Variant("20 layers, skips", SKIPS_20),
        Variant("44 layers, no skips", PLAIN_44),
        Variant("44 layers, skips", SKIPS_44),
    ),
    "masked-loss": (
        Variant("complete rows only", SKIPS_20, "made", complete_only=True),
        Variant("all rows, masked loss", SKIPS_20, "made"),
        Variant("the same, five layers", build_five_layers, "made"),
    ),
}
BUDGET = {
    "full": {"epochs": 6, "rows": 4000, "batch_size": 32},
    "smoke": {"epochs": 1, "rows": 64, "batch_size": 32, "source": "made"},
}
BUDGETS = dict.fromkeys(STUDIES, BUDGET)


def run_variant(variant: Variant, out: Path, budget: dict) -> dict:
    """Train one network in folder `out` and measure it on faces that it has not seen."""
    # Real faces: chosen on and shown for validation, because the test split is opened only for the
    # model that ships. Made faces: people that nothing else is chosen by.
    data = load_keypoints(budget.get("source", variant.source))
    measured = data.select("val" if variant.source != "made" else "test")
    training, validation = learn_from(data, variant, budget)
    keras.utils.set_random_seed(settings.SEED)
    network = variant.build()
    schedule = Schedule(budget["epochs"], RATE)
    network.compile(build_optimizer(schedule, len(training)), loss=masked_distance)
    started = time.perf_counter()
    done = len(read_history(out))
    history = fit(network, training, schedule.epochs, validation, out)
    seconds, trained = time.perf_counter() - started, len(history) - done
    model = TrainedModel(network, {"task": "keypoints", "input": {"size": 96}})
    predicted = model.predict(measured.images)
    return {
        "name": variant.name,
        "source": data.source,
        "n_train": len({image.tobytes() for image in training.images}),
        "n": len(measured),
        "parameters": network.count_params(),
        "seconds_per_epoch": round(seconds / trained, 1) if trained > 0 else None,
        "val_loss": [round(float(loss), 5) for loss in history["val_loss"]],
        "metrics": keypoint_metrics(measured.keypoints, predicted, KEYPOINT_NAMES),
    }


def learn_from(data: KeypointData, variant: Variant, budget: dict) -> tuple[Batches, Batches]:
    """Return training and validation faces; rows are repeated until there are as many as asked."""
    training, validation = data.select("train"), data.select("val")
    rows = np.arange(len(training))
    if variant.complete_only:
        rows = np.flatnonzero(np.isfinite(training.keypoints).all(axis=(1, 2)))
    # Equally many steps for each variant, however many faces it may see.
    rows = np.resize(np.random.default_rng(settings.SEED).permutation(rows), budget["rows"])
    return tuple(
        Batches(
            part.images,
            part.keypoints,
            change,
            budget["batch_size"],
            settings.SEED,
            keypoints_to_network,
        )
        for part, change in ((training.select(rows), mirror_half), (validation, None))
    )
