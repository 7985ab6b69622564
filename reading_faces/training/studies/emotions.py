"""Emotion networks side by side: four networks, and what each habit of training is worth.

All are measured on the validation faces of FER-2013: its PublicTest is opened only for the model
that ships.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers

from helpers import models, settings
from helpers.batches import Batches
from helpers.data import EMOTIONS
from helpers.models import TrainedModel
from helpers.transfer import class_weights
from reading_faces.training.loop import build_optimizer, fit, once
from reading_faces.training.losses import cross_entropy
from reading_faces.training.measure import evaluate
from reading_faces.training.recipes import Recipe, Schedule, Targets
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
    return keras.Model(inputs, models.mean_and_logits(x, 7, dropout=0.3), name="residual")


CURVES = ["loss", "accuracy", "val_loss", "val_accuracy"]
LABELS, HALF_VOTES = Targets(), Targets(votes_weight=0.5)
STUDIES = {
    "emotion-models": {
        "four layers": {},
        "residual": {"build": build_residual},
        "deep, ELU": {"build": models.build_deep_emotion_model, "optimizer": "nadam"},
        "ours": {
            "build": models.build_emotion_model,
            "targets": HALF_VOTES,
            "optimizer": "sgd",
            "learning_rate": 0.05,
            "weight_decay": 5e-3,
        },
    },
    "emotion-craft": {
        "baseline": {},
        "no augmentation": {"augment": False},
        "class weights": {"weigh_classes": True},
        "label smoothing 0.1": {"targets": Targets(label_smoothing=0.1)},
        "half of the votes": {"targets": HALF_VOTES},
        "learning rate 1e-4": {"learning_rate": 1e-4},
        "learning rate 1e-5": {"learning_rate": 1e-5},
    },
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


def train_variant(
    out: Path,
    budget: dict,
    build: Callable[[], keras.Model] = build_four_layers,
    targets: Targets = LABELS,
    augment: bool = True,
    weigh_classes: bool = False,
    learning_rate: float = 1e-3,
    **schedule,
) -> dict:
    """Train one network in folder `out` and measure it on faces that it has not seen.

    Parameters
    ----------
    weigh_classes : let a face count by its class, so that all classes count alike.
    **schedule : more of `Schedule`.
    """
    epochs, rows = budget.get("epochs", 1), budget.get("rows", 25_000)
    recipe = Recipe(Schedule(epochs, learning_rate, **schedule), targets=targets)
    batch_size = recipe.schedule.batch_size
    stored = out / "seconds_per_step.json"
    seconds = once(stored, lambda: seconds_per_step(build(), recipe.schedule))
    if "processor_minutes" in budget:
        pictures = int(60 * budget["processor_minutes"] / seconds * batch_size)
        epochs = max(1, round(pictures / rows))
        rows = max(64, min(rows, pictures // epochs))
        recipe = recipe.with_epochs(epochs)
    source = budget.get("source", "fer2013")
    training, validation, n_train = learn_from(source, recipe, rows, augment)
    weights = class_weights(training.targets) if weigh_classes else None
    keras.utils.set_random_seed(settings.SEED)
    network = build()
    network.compile(
        build_optimizer(recipe.schedule, len(training)),
        loss=cross_entropy(targets.label_smoothing, weights),
        metrics=["accuracy"],
    )
    history = fit(network, training, epochs, validation, out, "val_accuracy")
    card = {"task": "emotion", "input": {"size": 48}, "classes": EMOTIONS}
    measured = evaluate(TrainedModel(network, card), source, "val").result
    return {
        "n_train": n_train,
        "pictures_seen": epochs * len(training.images),
        "n": measured["n"],
        "parameters": network.count_params(),
        "flops": models.count_flops(network),
        "seconds_per_epoch": round(seconds * n_train / batch_size / (os.cpu_count() or 1)),
        "history": history[CURVES].round(4).to_dict("list"),
        "metrics": measured["metrics"],
    }


def learn_from(
    source: str, recipe: Recipe, rows: int, augment: bool = True
) -> tuple[Batches, Batches, int]:
    """Return training and validation faces, and how many training faces there are in all.

    Of them `rows` are taken by chance, the same for the same number.
    """
    training, validation, _ = emotion_data((source,), recipe, settings.SEED)
    n_train = len(training.images)
    chosen = np.random.default_rng(settings.SEED).permutation(n_train)[:rows]
    training.images, training.targets = training.images[chosen], training.targets[chosen]
    if not augment:  # the batches are shuffled all the same
        training.augment = lambda images, targets, rng: (images, targets)
    training.start_epoch(0)
    return training, validation, n_train


def seconds_per_step(network: keras.Model, schedule: Schedule) -> float:
    """Return the processor time of a training step, all cores added up.

    Processor time, so that whatever else the machine does takes nothing from a network's share.
    """
    network.compile(build_optimizer(schedule, 1), loss=cross_entropy(), metrics=["accuracy"])
    images = np.zeros((schedule.batch_size, 48, 48, 1), np.float32)
    targets = np.eye(7, dtype=np.float32)[np.arange(schedule.batch_size) % 7]
    network.train_on_batch(images, targets)
    started, steps = time.process_time(), 3
    for _ in range(steps):
        network.train_on_batch(images, targets)
    return (time.process_time() - started) / steps
