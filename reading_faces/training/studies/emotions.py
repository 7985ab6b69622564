"""Emotion networks side by side: four networks, and what each habit of training is worth.

All are measured on the validation faces of FER-2013: its PublicTest is opened only for the model
that ships.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
from keras import layers, ops
from scipy.special import softmax

from helpers import models, settings
from helpers.augment import augment_faces
from helpers.batches import Batches
from helpers.data import EMOTIONS
from helpers.transfer import class_weights
from reading_faces.training import scores
from reading_faces.training.loop import Recipe, build_optimizer, fit
from reading_faces.training.training_data import emotion_data

BUDGET = Recipe(epochs=8, learning_rate=1e-3, rows=8000, precision="float32")
SMOKE = replace(BUDGET, epochs=1, rows=64)
# What each of the four networks may use of one processor core; ten minutes on two idle ones.
PROCESSOR_MINUTES, SMOKE_MINUTES = 20, 0.02


def build_four_layers(size: int = 48, classes: int = 7) -> keras.Model:
    """Build the usual first network: four convolutions, max-pooling between them, and a mean.

    Input `(n, size, size, 1) float`, standardised; output `(n, classes) float32` logits.
    """
    inputs = keras.Input((size, size, 1), name="face")
    x = models.convolution(inputs, 32, kernel=5, stride=2)
    for width in (64, 128, 256):
        x = models.convolution(layers.MaxPooling2D()(x), width)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    outputs = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="four_layers")


def build_residual(size: int = 48, classes: int = 7) -> keras.Model:
    """Build stages of lesson 2's blocks, which shrink the picture by stride 2, and a mean."""
    inputs = keras.Input((size, size, 1), name="face")
    x = models.convolution(inputs, 32)
    for width in (32, 64, 128):
        x = models.residual_stage(x, width, stride=2, identity_blocks=2)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    outputs = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name="residual")


@dataclass(frozen=True)
class EmotionVariant:
    """One training of a comparison: a network, and what its recipe changes of the common one."""

    name: str
    build: Callable[[], keras.Model] = build_four_layers
    recipe: dict = field(default_factory=dict)
    augment: bool = True
    weigh_classes: bool = False


STUDIES = {
    "emotion-models": (
        EmotionVariant("four layers", build_four_layers),
        EmotionVariant("residual", build_residual),
        EmotionVariant("deep, ELU", models.build_deep_emotion_model, {"optimizer": "nadam"}),
        EmotionVariant(
            "ours",
            models.build_emotion_model,
            {"optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 5e-3, "votes_weight": 0.5},
        ),
    ),
    "emotion-craft": (
        EmotionVariant("baseline"),
        EmotionVariant("no augmentation", augment=False),
        EmotionVariant("class weights", weigh_classes=True),
        EmotionVariant("label smoothing 0.1", recipe={"label_smoothing": 0.1}),
        EmotionVariant("half of the votes", recipe={"votes_weight": 0.5}),
        EmotionVariant("learning rate 1e-4", recipe={"learning_rate": 1e-4}),
        EmotionVariant("learning rate 1e-5", recipe={"learning_rate": 1e-5}),
    ),
}


def budget(name: str, smoke: bool = False) -> dict:
    """Return what every variant gets: equal processor time, or equally many pictures."""
    if name == "emotion-models":
        return {"processor_minutes": SMOKE_MINUTES if smoke else PROCESSOR_MINUTES}
    recipe = SMOKE if smoke else BUDGET
    return {"epochs": recipe.epochs, "rows": recipe.rows, "batch_size": recipe.batch_size}


def summary(row: dict) -> str:
    """Say in a line how a variant did."""
    return f"{row['parameters']:10,} parameters   accuracy {row['metrics']['accuracy']:.1%}"


def run_variant(name: str, variant: EmotionVariant, out: Path, smoke: bool = False) -> dict:
    """Train one network in folder `out` and measure it on faces that it has not seen."""
    recipe = replace(SMOKE if smoke else BUDGET, **variant.recipe)
    keras.utils.set_random_seed(settings.SEED)
    network = variant.build()
    start = network.get_weights()
    # The step is timed with a stand-in for the optimizer's schedule, then all starts anew.
    compile_network(network, recipe, None, steps=1)
    seconds = seconds_per_step(network, recipe.batch_size, out)
    if "processor_minutes" in budget(name, smoke):
        pictures = 60 * budget(name, smoke)["processor_minutes"] / seconds * recipe.batch_size
        recipe = replace(recipe, **spread(int(pictures), smoke))
    training, validation, n_train = learn_from(variant, recipe, smoke)
    weights = class_weights(training.targets) if variant.weigh_classes else None
    network.set_weights(start)
    compile_network(network, recipe, weights, steps=len(training))
    history = fit(network, training, validation, recipe, out, "val_accuracy")
    logits = network.predict(models.standardize(validation.images), batch_size=64, verbose=0)
    labels = validation.targets.argmax(axis=1)
    return {
        "name": variant.name,
        "n_train": n_train,
        "pictures_seen": recipe.epochs * len(training.images),
        "n": len(labels),
        "parameters": network.count_params(),
        "flops": models.count_flops(network),
        "seconds_per_epoch": round(seconds * n_train / recipe.batch_size / (os.cpu_count() or 1)),
        "history": {
            column: [round(float(value), 4) for value in history[column]]
            for column in ("loss", "accuracy", "val_loss", "val_accuracy")
        },
        "metrics": scores.emotion_metrics(labels, softmax(logits, axis=1), EMOTIONS),
    }


def learn_from(
    variant: EmotionVariant, recipe: Recipe, smoke: bool
) -> tuple[Batches, Batches, int]:
    """Return training and validation faces, and how many training faces there are in all.

    Of them `recipe.rows` are taken by chance, the same for the same number.
    """
    run = SimpleNamespace(
        sources=("made" if smoke else "fer2013",),
        recipe=replace(recipe, rows=None),
        seed=settings.SEED,
    )
    training, validation = emotion_data(run)
    n_train = len(training.images)
    rows = np.random.default_rng(settings.SEED).permutation(n_train)[: recipe.rows]
    training = Batches(
        training.images[rows],
        training.targets[rows],
        augment_faces if variant.augment else as_they_are,
        recipe.batch_size,
        settings.SEED,
    )
    return training, validation, n_train


def as_they_are(images: np.ndarray, targets: np.ndarray, rng: np.random.Generator):
    """Change nothing: the batches are shuffled all the same."""
    return images, targets


def spread(pictures: int, smoke: bool) -> dict:
    """Return how many epochs of how many rows show about so many pictures to a network."""
    n_train = 25_000 if not smoke else 64
    epochs = max(1, round(pictures / n_train))
    return {"epochs": epochs, "rows": max(64, min(n_train, pictures // epochs))}


def compile_network(
    network: keras.Model, recipe: Recipe, weights: np.ndarray | None, steps: int
) -> None:
    """Give the network its optimizer, and cross-entropy as its loss, each class weighed if told."""
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True,
        label_smoothing=recipe.label_smoothing,
        reduction="sum_over_batch_size" if weights is None else None,
    )

    def weighed(true, predicted):
        return loss(true, predicted) * ops.sum(true * weights, axis=-1)

    network.compile(
        build_optimizer(recipe, steps),
        loss=loss if weights is None else weighed,
        metrics=["accuracy"],
    )


def seconds_per_step(network: keras.Model, batch_size: int, out: Path) -> float:
    """Return the processor time of a training step, all cores added up; measured once for `out`.

    Processor time, so that whatever else the machine does takes nothing from a network's share.
    """
    path = out / "seconds_per_step.json"
    if path.exists():
        return json.loads(path.read_text())
    images = np.zeros((batch_size, 48, 48, 1), np.float32)
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[np.arange(batch_size) % len(EMOTIONS)]
    network.train_on_batch(images, targets)
    started, steps = time.process_time(), 3
    for _ in range(steps):
        network.train_on_batch(images, targets)
    seconds = (time.process_time() - started) / steps
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(seconds))
    return seconds
