"""Networks of keypoints, or of emotions, side by side, each from random weights.

Real faces are chosen on and shown for validation, because what is kept aside is opened only for the
model that ships.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from helpers import models, settings
from helpers.batches import Batches
from helpers.data import load_keypoints
from reading_faces.training import tasks
from reading_faces.training.augment import mirror_half
from reading_faces.training.loop import fit, once
from reading_faces.training.losses import cross_entropy, masked_distance
from reading_faces.training.measure import evaluate
from reading_faces.training.recipes import Recipe, Schedule, build_optimizer
from reading_faces.training.storage import build_keypoint_model
from reading_faces.training.training_data import emotion_data


def plain_stage(x, filters: int, stride: int, identity_blocks: int):
    """Stack as many convolutions as `models.residual_stage`, without its short paths."""
    for block in range(1 + identity_blocks):
        x = models.convolution(x, filters, stride=1 if block else stride)
        x = models.convolution(x, filters)
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
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D(name="mean")(x))
    return keras.Model(inputs, layers.Dense(7, name="logits")(x))


def build_residual() -> keras.Model:
    """Build stages of lesson 2's blocks, which shrink the picture by stride 2, and a mean."""
    inputs = keras.Input((48, 48, 1), name="face")
    x = models.convolution(inputs, 32)
    for width in (32, 64, 128):
        x = models.residual_stage(x, width, stride=2, identity_blocks=2)
    return keras.Model(inputs, models.mean_and_logits(x, 7, dropout=0.3), name="residual")


def train(
    out: Path,
    budget: dict,
    task: tasks.Task,
    source: str,
    build: Callable[[], keras.Model],
    batches: Callable,
    loss: Callable,
    learning_rate: float = 1e-3,
    metrics: Iterable[str] = (),
    **schedule,
) -> dict:
    """Train one network in folder `out` and measure it on faces that it has not seen.

    Parameters
    ----------
    batches : `(source, schedule, rows)` to training and validation faces, and how many there are
        to learn from.
    loss : `(targets of the training faces)` to a loss for Keras.
    **schedule : more of `Schedule`.
    """
    source, rows = budget.get("source", source), budget.get("rows", 25_000)
    batch_size = budget.get("batch_size", 64)
    plan = Schedule(budget.get("epochs", 1), learning_rate, batch_size=batch_size, **schedule)
    if "processor_minutes" in budget:
        step = out / "seconds_per_step.json"
        seconds = once(step, lambda: seconds_per_step(build(), plan, loss))
        pictures = int(60 * budget["processor_minutes"] / seconds * batch_size)
        plan = replace(plan, epochs=max(1, round(pictures / rows)))
        rows = max(64, min(rows, pictures // plan.epochs))
    training, validation, n_train = batches(source, plan, rows)
    keras.utils.set_random_seed(settings.SEED)
    network = build()
    optimizer = build_optimizer(plan, len(training))
    network.compile(optimizer, loss=loss(training.targets), metrics=list(metrics))
    history = fit(network, training, plan.epochs, validation, out, task.monitor)
    curves = history.filter(regex="loss|accuracy").round(5).to_dict("list")
    card = {"task": task.name, "input": {"size": task.size}} | task.outputs
    measured = evaluate(models.TrainedModel(network, card), source, "val").result
    return {
        "source": source,
        "n_train": n_train,
        "pictures_seen": plan.epochs * len(training.images),
        "n": measured["n"],
        "parameters": network.count_params(),
        "flops": models.count_flops(network),
        "history": curves,
        "metrics": measured["metrics"],
    }


def class_weights(targets: np.ndarray) -> np.ndarray:
    """Return a weight for each class of targets `(n, classes)`, so that all count alike in sum."""
    counts = targets.sum(axis=0)
    return (len(targets) / (len(counts) * np.maximum(counts, 1))).astype(np.float32)


def seconds_per_step(network: keras.Model, schedule: Schedule, loss: Callable) -> float:
    """Return the processor time of a training step, all cores added up.

    Processor time, so that whatever else the machine does takes nothing from a network's share.
    """
    images, targets = (
        np.zeros((schedule.batch_size, *shape[1:]), np.float32)
        for shape in (network.input_shape, network.output_shape)
    )
    network.compile(build_optimizer(schedule, 1), loss=loss(targets))
    network.train_on_batch(images, targets)
    started, steps = time.process_time(), 3
    for _ in range(steps):
        network.train_on_batch(images, targets)
    return (time.process_time() - started) / steps


def keypoint_batches(source: str, schedule: Schedule, rows: int) -> tuple[Batches, Batches, int]:
    """Return faces with their points; rows are repeated until there are as many as asked.

    So a study takes equally many steps, however many faces there are.
    """
    data = load_keypoints(source)
    faces, validation = data.select("train"), data.select("val")
    order = np.random.default_rng(settings.SEED).permutation(len(faces))
    faces = faces.select(np.resize(order, rows))
    how = (schedule.batch_size, settings.SEED, models.keypoints_to_network)
    return (
        Batches(faces.images, faces.keypoints, mirror_half, *how),
        Batches(validation.images, validation.keypoints, None, *how),
        len({image.tobytes() for image in faces.images}),
    )


def emotion_batches(
    source: str,
    schedule: Schedule,
    rows: int | None,
    augment: bool = True,
    votes_weight: float = 0.0,
) -> tuple[Batches, Batches, int]:
    """Return faces with their emotions; `rows` are taken by chance, the same for the same number.

    The validation faces have their labels alone, whatever weight votes have in training.
    """
    recipe = Recipe(schedule, votes_weight=votes_weight)
    training, validation, _ = emotion_data((source,), recipe, settings.SEED)
    n_train = len(training.images)
    chosen = np.random.default_rng(settings.SEED).permutation(n_train)[:rows]
    training.images, training.targets = training.images[chosen], training.targets[chosen]
    if not augment:  # the batches are shuffled all the same
        training.augment = lambda images, targets, rng: (images, targets)
    training.start_epoch(0)
    return training, validation, n_train


# 20 layers with weights are 1 + 3 stages × 3 blocks × 2 convolutions + 1; 44 have 7 blocks a stage.
SKIPS_20, SKIPS_44 = (
    partial(build_keypoint_model, filters=(16, 32, 48), identity_blocks=n) for n in (2, 6)
)
PLAIN_20, PLAIN_44 = (partial(build, stage=plain_stage) for build in (SKIPS_20, SKIPS_44))
FIVE_LAYERS = {
    "task": tasks.KEYPOINTS,
    "source": "facial-keypoints",
    "build": build_five_layers,
    "batches": keypoint_batches,
    "loss": lambda targets: masked_distance,
}
DEPTH = {
    "five layers": FIVE_LAYERS,
    "20 layers, no skips": FIVE_LAYERS | {"build": PLAIN_20},
    "20 layers, skips": FIVE_LAYERS | {"build": SKIPS_20},
    "44 layers, no skips": FIVE_LAYERS | {"build": PLAIN_44},
    "44 layers, skips": FIVE_LAYERS | {"build": SKIPS_44},
}
FOUR_LAYERS = {
    "task": tasks.EMOTION,
    "source": "fer2013",
    "build": build_four_layers,
    "batches": emotion_batches,
    "loss": lambda targets: cross_entropy(),
    "metrics": ["accuracy"],
}
HALF_VOTES = {"batches": partial(emotion_batches, votes_weight=0.5)}
OURS = {"build": models.build_emotion_model, "learning_rate": 0.05, "weight_decay": 5e-3}
DEEP = {"build": models.build_deep_emotion_model, "optimizer": "nadam"}
EMOTION_MODELS = {
    "four layers": FOUR_LAYERS,
    "residual": FOUR_LAYERS | {"build": build_residual},
    "deep, ELU": FOUR_LAYERS | DEEP,
    "ours": FOUR_LAYERS | HALF_VOTES | OURS | {"optimizer": "sgd"},
}
EMOTION_CRAFT = {
    "baseline": FOUR_LAYERS,
    "no augmentation": FOUR_LAYERS | {"batches": partial(emotion_batches, augment=False)},
    "class weights": FOUR_LAYERS | {"loss": lambda seen: cross_entropy(0, class_weights(seen))},
    "label smoothing 0.1": FOUR_LAYERS | {"loss": lambda targets: cross_entropy(0.1)},
    "half of the votes": FOUR_LAYERS | HALF_VOTES,
    "learning rate 1e-4": FOUR_LAYERS | {"learning_rate": 1e-4},
    "learning rate 1e-5": FOUR_LAYERS | {"learning_rate": 1e-5},
}
