"""Keypoint networks side by side: with and without skips, with and without the incomplete rows."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from helpers import settings
from helpers.batches import Batches
from helpers.data import KeypointData, load_keypoints
from helpers.models import TrainedModel, convolution, keypoints_to_network
from reading_faces.training.augment import mirror_half
from reading_faces.training.loop import build_optimizer, fit
from reading_faces.training.losses import masked_distance
from reading_faces.training.measure import evaluate
from reading_faces.training.networks import build_keypoint_model
from reading_faces.training.recipes import Schedule

SMALL = (16, 32, 48)  # channels of the compared networks' stages
RATE = 1e-3


def plain_stage(x, filters: int, stride: int, identity_blocks: int):
    """Stack as many convolutions as `models.residual_stage`, without its short paths."""
    for block in range(1 + identity_blocks):
        x = convolution(x, filters, stride=1 if block else stride)
        x = convolution(x, filters)
    return x


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
SKIPS_20, SKIPS_44 = (
    partial(build_keypoint_model, filters=SMALL, identity_blocks=n) for n in (2, 6)
)
PLAIN_20, PLAIN_44 = (partial(build, stage=plain_stage) for build in (SKIPS_20, SKIPS_44))
STUDIES = {
    "depth": {
        "five layers": {"build": build_five_layers},
        "20 layers, no skips": {"build": PLAIN_20},
        "20 layers, skips": {"build": SKIPS_20},
        "44 layers, no skips": {"build": PLAIN_44},
        "44 layers, skips": {"build": SKIPS_44},
    },
    "masked-loss": {
        "complete rows only": {"build": SKIPS_20, "source": "made", "complete_only": True},
        "all rows, masked loss": {"build": SKIPS_20, "source": "made"},
        "the same, five layers": {"build": build_five_layers, "source": "made"},
    },
}
BUDGET = {
    "full": {"epochs": 6, "rows": 4000, "batch_size": 32},
    "smoke": {"epochs": 1, "rows": 64, "batch_size": 32, "source": "made"},
}
BUDGETS = dict.fromkeys(STUDIES, BUDGET)


def train_variant(
    out: Path,
    budget: dict,
    build: Callable[[], keras.Model],
    source: str = "facial-keypoints",
    complete_only: bool = False,
) -> dict:
    """Train one network in folder `out` and measure it on faces that it has not seen."""
    # Real faces: chosen on and shown for validation, because the test split is opened only for the
    # model that ships. Made faces: people that nothing else is chosen by.
    split = "test" if source == "made" else "val"
    source = budget.get("source", source)
    training, validation = learn_from(load_keypoints(source), budget, complete_only)
    keras.utils.set_random_seed(settings.SEED)
    network = build()
    schedule = Schedule(budget["epochs"], RATE)
    network.compile(build_optimizer(schedule, len(training)), loss=masked_distance)
    history = fit(network, training, schedule.epochs, validation, out)
    card = {"task": "keypoints", "input": {"size": 96}}
    measured = evaluate(TrainedModel(network, card), source, split).result
    return {
        "source": source,
        "n_train": len({image.tobytes() for image in training.images}),
        "n": measured["n"],
        "parameters": network.count_params(),
        "val_loss": history["val_loss"].round(5).tolist(),
        "metrics": measured["metrics"],
    }


def learn_from(data: KeypointData, budget: dict, complete_only: bool) -> tuple[Batches, Batches]:
    """Return training and validation faces; rows are repeated until there are as many as asked."""
    training, validation = data.select("train"), data.select("val")
    rows = np.arange(len(training))
    if complete_only:
        rows = np.flatnonzero(np.isfinite(training.keypoints).all(axis=(1, 2)))
    # Equally many steps for each variant, however many faces it may see.
    rows = np.resize(np.random.default_rng(settings.SEED).permutation(rows), budget["rows"])
    how = {
        "batch_size": budget["batch_size"],
        "seed": settings.SEED,
        "encode": keypoints_to_network,
    }
    learnt = training.select(rows)
    return (
        Batches(learnt.images, learnt.keypoints, mirror_half, **how),
        Batches(validation.images, validation.keypoints, **how),
    )
