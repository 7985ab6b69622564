"""Emotion networks side by side: four networks, and what each habit of training is worth.

All are measured on the validation faces of FER-2013: its PublicTest is opened only for the model
that ships.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
from keras import layers
from scipy.special import softmax

from helpers import models, settings
from helpers.augment import augment_faces
from helpers.batches import Batches
from helpers.data import EMOTIONS
from helpers.transfer import class_weights
from reading_faces.training.loop import build_optimizer, fit
from reading_faces.training.losses import cross_entropy
from reading_faces.training.recipes import Recipe, Schedule, Targets
from reading_faces.training.scores import emotion_metrics
from reading_faces.training.studies.once import once
from reading_faces.training.training_data import emotion_data


def build_four_layers() -> keras.Model:
    """Build the network of lesson 3: four convolutions, max-pooling between them, and a mean.

    Input `(n, 48, 48, 1) float`, standardised; output `(n, 7) float32` logits.
    """
    inputs = keras.Input((48, 48, 1), name="face")
    x = inputs
    for channels in (32, 64, 128, 256):
        if channels > 32:
            x = layers.MaxPooling2D()(x)
        size, stride = (5, 2) if channels == 32 else (3, 1)
        x = layers.Conv2D(channels, size, stride, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D(name="mean")(x))
    return keras.Model(inputs, layers.Dense(7, name="logits")(x))


def build_residual() -> keras.Model:
    """Build stages of lesson 2's blocks, which shrink the picture by stride 2, and a mean."""
    inputs = keras.Input((48, 48, 1), name="face")
    x = models.convolution(inputs, 32)
    for width in (32, 64, 128):
        x = models.residual_stage(x, width, stride=2, identity_blocks=2)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(7, dtype="float32", name="logits")(x), name="residual")


@dataclass(frozen=True)
class EmotionVariant:
    """One training of a comparison: a network, and what it changes of the common `SCHEDULE`."""

    name: str
    build: Callable[[], keras.Model] = build_four_layers
    schedule: dict = field(default_factory=dict)
    targets: Targets = Targets()
    augment: bool = True
    weigh_classes: bool = False


SCHEDULE = Schedule(epochs=8, learning_rate=1e-3)
OURS = {"optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 5e-3}
VOTES = Targets(votes_weight=0.5)
STUDIES = {
    "emotion-models": (
        EmotionVariant("four layers", build_four_layers),
        EmotionVariant("residual", build_residual),
        EmotionVariant("deep, ELU", models.build_deep_emotion_model, {"optimizer": "nadam"}),
        EmotionVariant("ours", models.build_emotion_model, OURS, VOTES),
    ),
    "emotion-craft": (
        EmotionVariant("baseline"),
        EmotionVariant("no augmentation", augment=False),
        EmotionVariant("class weights", weigh_classes=True),
        EmotionVariant("label smoothing 0.1", targets=Targets(label_smoothing=0.1)),
        EmotionVariant("half of the votes", targets=VOTES),
        EmotionVariant("learning rate 1e-4", schedule={"learning_rate": 1e-4}),
        EmotionVariant("learning rate 1e-5", schedule={"learning_rate": 1e-5}),
    ),
}
# Equal time on one processor core, ten minutes on two idle ones; or equally many pictures.
BUDGETS = {
    "emotion-models": {
        "full": {"processor_minutes": 20},
        "smoke": {"processor_minutes": 0.02, "rows": 64, "source": "made"},
    },
    "emotion-craft": {
        "full": {"epochs": 8, "rows": 8000, "batch_size": 64},
        "smoke": {"epochs": 1, "rows": 64, "batch_size": 64, "source": "made"},
    },
}


def run_variant(variant: EmotionVariant, out: Path, budget: dict) -> dict:
    """Train one network in folder `out` and measure it on faces that it has not seen."""
    schedule = replace(SCHEDULE, **variant.schedule)
    keras.utils.set_random_seed(settings.SEED)
    network = variant.build()
    start = network.get_weights()
    # The step is timed with a stand-in for the optimizer's schedule, then all starts anew.
    compile_network(network, variant, schedule, steps=1)
    seconds = once(
        out / "seconds_per_step.json", lambda: seconds_per_step(network, schedule.batch_size)
    )
    epochs, rows = budget.get("epochs"), budget.get("rows", 25_000)
    if "processor_minutes" in budget:
        pictures = int(60 * budget["processor_minutes"] / seconds * schedule.batch_size)
        epochs = max(1, round(pictures / rows))
        rows = max(64, min(rows, pictures // epochs))
    schedule = replace(schedule, epochs=epochs)
    training, validation, n_train = learn_from(
        budget.get("source", "fer2013"), variant, schedule, rows
    )
    network.set_weights(start)
    weights = class_weights(training.targets) if variant.weigh_classes else None
    compile_network(network, variant, schedule, len(training), weights)
    history = fit(network, training, epochs, validation, out, "val_accuracy")
    logits = network.predict(models.standardize(validation.images), batch_size=64, verbose=0)
    labels = validation.targets.argmax(axis=1)
    return {
        "name": variant.name,
        "n_train": n_train,
        "pictures_seen": epochs * len(training.images),
        "n": len(labels),
        "parameters": network.count_params(),
        "flops": models.count_flops(network),
        "seconds_per_epoch": round(seconds * n_train / schedule.batch_size / (os.cpu_count() or 1)),
        "history": {
            column: [round(float(value), 4) for value in history[column]]
            for column in ("loss", "accuracy", "val_loss", "val_accuracy")
        },
        "metrics": emotion_metrics(labels, softmax(logits, axis=1), EMOTIONS),
    }


def learn_from(
    source: str, variant: EmotionVariant, schedule: Schedule, rows: int
) -> tuple[Batches, Batches, int]:
    """Return training and validation faces, and how many training faces there are in all.

    Of them `rows` are taken by chance, the same for the same number.
    """
    recipe = Recipe(schedule, targets=variant.targets)
    everything, validation, _ = emotion_data((source,), recipe, settings.SEED)
    n_train = len(everything.images)
    chosen = np.random.default_rng(settings.SEED).permutation(n_train)[:rows]
    training = Batches(
        everything.images[chosen],
        everything.targets[chosen],
        # The batches are shuffled all the same.
        augment_faces if variant.augment else lambda images, targets, rng: (images, targets),
        schedule.batch_size,
        settings.SEED,
    )
    return training, validation, n_train


def compile_network(
    network: keras.Model,
    variant: EmotionVariant,
    schedule: Schedule,
    steps: int,
    weights: np.ndarray | None = None,
) -> None:
    """Give the network its optimizer and loss; with `weights`, a face counts by its class."""
    loss = cross_entropy(variant.targets.label_smoothing, weights)
    network.compile(build_optimizer(schedule, steps), loss=loss, metrics=["accuracy"])


def seconds_per_step(network: keras.Model, batch_size: int) -> float:
    """Return the processor time of a training step, all cores added up.

    Processor time, so that whatever else the machine does takes nothing from a network's share.
    """
    images = np.zeros((batch_size, 48, 48, 1), np.float32)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[np.arange(batch_size) % len(EMOTIONS)]
    network.train_on_batch(images, targets)
    started, steps = time.process_time(), 3
    for _ in range(steps):
        network.train_on_batch(images, targets)
    return (time.process_time() - started) / steps
