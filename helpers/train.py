"""Train a network, keep its best epoch, and go on where an interrupted run stopped.

A run lives in a folder: `history.csv` with one row an epoch, `best.weights.h5`, and `resume/` with
the state of the last epoch. What is trained on what stands in `helpers.recipes`.
"""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import ops

from helpers.models import standardize

Augment = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that changes the result and is worth writing on the card.

    `rows` limits how many training pictures are used; `precision` is a Keras dtype policy, or
    `auto`: bfloat16 where the processor has it, which halves an epoch there and makes it many times
    longer elsewhere. The weights are float32 either way.
    """

    epochs: int
    learning_rate: float
    optimizer: str = "adamw"
    batch_size: int = 64
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    warmup_epochs: float = 1.0
    rows: int | None = None
    precision: str = "auto"


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented, standardised batches; the same ones for the same seed and epoch."""

    def __init__(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        augment: Augment | None = None,
        batch_size: int = 64,
        seed: int = 0,
        encode: Callable[[np.ndarray], np.ndarray] = lambda targets: targets,
    ):
        super().__init__()
        self.images, self.targets, self.augment = images, targets, augment
        self.batch_size, self.seed, self.encode = batch_size, seed, encode
        self.start_epoch(0)

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index: int):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images, targets = self.images[rows], self.targets[rows]
        if self.augment:
            rng = np.random.default_rng([self.seed, self.epoch, index])
            images, targets = self.augment(images, targets, rng)
        return standardize(images), self.encode(targets)

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for `epoch`; told from outside, so that a resumed run sees what it would have."""
        self.epoch = epoch
        self.order = np.arange(len(self.images))
        if self.augment:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(self.order)


def fit(
    network: keras.Model,
    batches: Batches,
    validation: Batches,
    recipe: Recipe,
    out: Path,
    monitor: str = "val_loss",
) -> pd.DataFrame:
    """Train a compiled network in folder `out`, load its best epoch, and return the history.

    If `out` holds an unfinished run of the same recipe, training goes on after its last epoch, with
    the same batches as if nothing had happened; only dropout draws other noise.

    Parameters
    ----------
    monitor : the column that decides which epoch is best: lowest for a loss, highest otherwise.
    """
    out.mkdir(parents=True, exist_ok=True)
    mode = "min" if monitor.endswith("loss") else "max"
    past = read_history(out)
    best_so_far = past[monitor].agg(mode) if len(past) else None
    network.fit(
        batches,
        validation_data=validation,
        epochs=recipe.epochs,
        shuffle=False,  # `Batches` shuffles, by a seed that a resumed run knows too
        verbose=2,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: batches.start_epoch(epoch)
            ),
            keras.callbacks.CSVLogger(out / "history.csv", append=True),
            keras.callbacks.ModelCheckpoint(
                out / "best.weights.h5",
                monitor=monitor,
                mode=mode,
                save_best_only=True,
                save_weights_only=True,
                initial_value_threshold=best_so_far,
            ),
            keras.callbacks.TerminateOnNaN(),
            # Last, so that an epoch counts as done only when its history and best weights are safe.
            keras.callbacks.BackupAndRestore(
                out / "resume", double_checkpoint=True, delete_checkpoint=False
            ),
        ],
    )
    network.load_weights(out / "best.weights.h5")
    return read_history(out)


def read_history(out: Path) -> pd.DataFrame:
    """Return one row an epoch; an epoch that was cut and run again counts once."""
    path = out / "history.csv"
    if not path.exists() or not path.stat().st_size:
        return pd.DataFrame()
    return pd.read_csv(path).drop_duplicates("epoch", keep="last").reset_index(drop=True)


def build_optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Return the optimizer with a short warm-up and a learning rate that falls to 0 by cosine."""
    warmup = int(recipe.warmup_epochs * steps_per_epoch)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 20,
        decay_steps=max(1, recipe.epochs * steps_per_epoch - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
        )
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)


@contextlib.contextmanager
def precision(policy: str):
    """Build layers under a dtype policy, and put back the one that was there."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(fastest_policy() if policy == "auto" else policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def fastest_policy() -> str:
    """Return `mixed_bfloat16` where the processor computes with it, else `float32`."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux: the safe choice
        flags = ""
    fast = "avx512_bf16" in flags or "amx_bf16" in flags
    return "mixed_bfloat16" if fast else "float32"


def masked_distance(true, predicted):
    """Mean distance between true and predicted points over the points that are labelled.

    Both are `(n, points, 2)`; a true point that is NaN takes no part. Distance rather than its
    square, so that a few loose labels do not steer the training.
    """
    labelled = ops.all(ops.isfinite(true), axis=-1)
    error = ops.where(labelled[..., None], true, predicted) - predicted
    # The small constant keeps the gradient of the root finite where the error is 0.
    distance = ops.sqrt(ops.sum(ops.square(error), axis=-1) + 1e-8)
    labelled = ops.cast(labelled, distance.dtype)
    return ops.sum(distance * labelled) / ops.maximum(ops.sum(labelled), 1.0)
