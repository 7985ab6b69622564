"""Train a network, keep its best epoch, and go on where an interrupted run stopped.

A run lives in a folder: `history.csv` with one row an epoch, `best.weights.h5`, and `resume/` with
the state of the last epoch. What is trained, how and on what, stands in `helpers.recipes`.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import ops

from helpers.batches import Batches
from reading_faces.training.shape_prior import ALIGNED_BY, JUDGED, ShapeModel

Augment = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that changes the result and is worth writing on the card.

    `rows` limits how many training pictures are used. `drawn` says how many made faces are drawn
    for this training, of other people than those that ship and turned farther; `drawn_mixed` how
    many more with action units in any combination, only to learn from. `shape_weight` is
    the price of an unlikely shape (`distance_within_shape`). `votes_weight` is how much of an
    emotion's target comes from people's votes (`votes.soft_labels`). At each epoch of `restarts`
    the learning rate rises again, to half its first height, and falls once more; from the first
    of them on, pictures are mixed in pairs, as strongly as `mixup` says (`mixup.mix_pairs`).
    `then` is trained by next, on from the weights that came out, with `teacher_weight` of each
    target from what the network said after the trainings before, also of faces from `unlabelled`,
    and pictures changed `reach` times as far as usual (`helpers.distill`). `precision` is a Keras
    dtype policy, or `auto`: bfloat16 where the processor has it, which halves an epoch there and
    makes it many times longer elsewhere. The weights are float32 either way.

    Keras takes `weight_decay` of a weight at each step, times the learning rate and no momentum: to
    decay as fast as elsewhere with momentum 0.9, it has to be ten times as large.
    """

    epochs: int
    learning_rate: float
    optimizer: str = "adamw"
    batch_size: int = 64
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    votes_weight: float = 0.0
    warmup_epochs: float = 1.0
    restarts: tuple[int, ...] = ()
    mixup: float = 0.0
    rows: int | None = None
    drawn: int | None = None
    drawn_mixed: int | None = None
    shape_weight: float = 0.0
    teacher_weight: float = 0.0
    unlabelled: tuple[str, ...] = ()
    reach: float = 1.0
    precision: str = "auto"
    then: "Recipe | None" = None

    def in_turn(self) -> list["Recipe"]:
        """Return this recipe and those that follow it."""
        return [self, *(self.then.in_turn() if self.then else [])]


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
    """Return the optimizer with a learning rate that falls to 0 by cosine, after each restart too.

    Source of the restarts: Loshchilov and Hutter, SGDR, ICLR 2017.
    """
    restarts = [epoch for epoch in recipe.restarts if epoch < recipe.epochs]  # `--epochs`: fewer
    starts, ends = [0, *restarts], [*restarts, recipe.epochs]
    falls = [
        warm_up_and_fall(
            recipe.learning_rate / (2 if start else 1),
            (end - start) * steps_per_epoch,
            int(recipe.warmup_epochs * steps_per_epoch),
        )
        for start, end in zip(starts, ends, strict=True)
    ]
    rate = OneAfterTheOther(falls, [start * steps_per_epoch for start in starts])
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
        )
    if recipe.optimizer == "nadam":
        return keras.optimizers.Nadam(rate)
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)


def warm_up_and_fall(peak: float, steps: int, warmup: int):
    """Return a schedule of `steps`: `warmup` of them up to `peak`, then down to 0 by cosine."""
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 20,
        decay_steps=max(1, steps - warmup),
        warmup_target=peak,
        warmup_steps=warmup,
    )


class OneAfterTheOther(keras.optimizers.schedules.LearningRateSchedule):
    """Follows each of `schedules` from its step of `starts` on, until the next one starts."""

    def __init__(self, schedules: list, starts: list[int]):
        self.schedules, self.starts = schedules, starts

    def __call__(self, step):
        """Return the learning rate of a step."""
        rate = self.schedules[0](step)
        for schedule, start in zip(self.schedules[1:], self.starts[1:], strict=True):
            rate = ops.where(step < start, rate, schedule(ops.maximum(step - start, 0)))
        return rate


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

    Both are `(n, points, 2)`; a true point that is NaN takes no part, and a face counts as much as
    another whose points are all labelled. Distance rather than its square, so that a few loose
    labels do not steer the training.
    """
    labelled = ops.all(ops.isfinite(true), axis=-1)
    error = ops.where(labelled[..., None], true, predicted) - predicted
    # The small constant keeps the gradient of the root finite where the error is 0.
    distance = ops.sqrt(ops.sum(ops.square(error), axis=-1) + 1e-8)
    labelled = ops.cast(labelled, distance.dtype)
    marked = ops.sum(labelled, axis=-1)
    of_face = ops.sum(distance * labelled, axis=-1) / ops.maximum(marked, 1.0)
    faces = ops.cast(marked > 0, distance.dtype)
    return ops.sum(of_face * faces) / ops.maximum(ops.sum(faces), 1.0)


def distance_within_shape(shapes: ShapeModel, typical: float, weight: float) -> Callable:
    """Return `masked_distance` plus a price on faces that no real face looks like.

    Only faces whose five points of `shapes.ALIGNED_BY` are labelled and some of the others are not
    pay it: `weight` for each unit of Mahalanobis distance beyond `typical`. So an unlabelled point
    may follow what is seen in the picture as far as points of real faces have done.
    """
    size, half = 96, 48.0  # of `models.keypoints_to_network`
    reference = (shapes.reference[ALIGNED_BY] - (size - 1) / 2) / half
    middle = ops.cast(reference.mean(axis=0), "float32")
    offsets = ops.cast(reference - reference.mean(axis=0), "float32")
    mean = ops.cast((shapes.mean.reshape(-1, 2) - (size - 1) / 2) / half, "float32")
    # Whitening: the length of what it gives is the Mahalanobis distance.
    whiten = ops.cast(half * np.linalg.cholesky(shapes.precision), "float32")

    def loss(true, predicted):
        judged = ops.any(ops.isnan(ops.take(true, JUDGED, axis=1)), axis=(1, 2))
        five = ops.take(true, ALIGNED_BY, axis=1)
        judged = judged & ops.all(ops.isfinite(five), axis=(1, 2))
        five = ops.where(judged[:, None, None], five, offsets)
        centre = ops.mean(five, axis=1, keepdims=True)
        five, ten = five - centre, ops.take(predicted, JUDGED, axis=1) - centre
        spread = ops.sum(ops.square(five), axis=(1, 2))[:, None]
        along = ops.sum(five * offsets, axis=(1, 2))[:, None] / spread
        across = five[..., 0] * offsets[:, 1] - five[..., 1] * offsets[:, 0]
        across = ops.sum(across, axis=1, keepdims=True) / spread
        x = along * ten[..., 0] - across * ten[..., 1]
        y = across * ten[..., 0] + along * ten[..., 1]
        away = ops.reshape(ops.stack([x, y], axis=-1) + middle - mean, (-1, 2 * len(JUDGED)))
        distance = ops.sqrt(ops.sum(ops.square(away @ whiten), axis=1) + 1e-6)
        beyond = ops.relu(distance - typical) * ops.cast(judged, "float32")
        return masked_distance(true, predicted) + weight * ops.mean(beyond)

    return loss
