"""The training loop: keep the best epoch, and go on where an interrupted run stopped.

A run with a folder leaves there `history.csv` with one row an epoch, `best.weights.h5`, and
`resume/` with the state of the last epoch. What is trained and how stands in `tasks`.
"""

import contextlib
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import ops

from helpers.files import whole_file
from reading_faces.training.recipes import Schedule


def fit(
    network: keras.Model,
    batches: keras.utils.PyDataset,
    epochs: int,
    validation: keras.utils.PyDataset | None = None,
    out: Path | None = None,
    monitor: str = "val_loss",
    verbose: int = 2,
) -> pd.DataFrame:
    """Train a compiled network and return its history, one row an epoch.

    Without a folder `out` nothing is written, and the weights are those of the last epoch. With
    one, they are those of the best epoch; and if it holds an unfinished run, training goes on after
    its last epoch with the same batches as if nothing had happened. Only dropout draws other noise.

    Parameters
    ----------
    monitor : the column that decides which epoch is best: lowest for a loss, highest otherwise.
    verbose : 2 prints a line an epoch, 0 nothing.

    Raises
    ------
    ValueError
        If the loss is no number, so that no weights are worth keeping.
    """
    callbacks = [keras.callbacks.TerminateOnNaN(), *(bookkeeping(out, monitor) if out else [])]
    if hasattr(batches, "start_epoch"):  # it shuffles by a seed that a resumed run knows too
        start = keras.callbacks.LambdaCallback(lambda epoch, logs: batches.start_epoch(epoch))
        callbacks.insert(0, start)
    past = network.fit(
        batches,
        validation_data=validation,
        epochs=epochs,
        shuffle=False,
        verbose=verbose,
        callbacks=callbacks,
    )
    kept = not out or (out / "best.weights.h5").exists()
    if out and kept:
        network.load_weights(out / "best.weights.h5")
    if not kept or not all(np.isfinite(values).all() for values in network.get_weights()):
        raise ValueError(
            "The training stopped without a result: its loss is no number any more. Look for odd "
            "values in what it learns from, or learn at a lower rate."
        )
    return read_history(out) if out else pd.DataFrame(past.history)


def once(path: Path, work: Callable):
    """Return what is stored at `path`; if there is nothing, do the work and store it as JSON."""
    if not path.exists():
        done = work()
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(json.dumps(done))
    return json.loads(path.read_text())


def bookkeeping(out: Path, monitor: str) -> list[keras.callbacks.Callback]:
    """Return what keeps history, best epoch and state of a run in folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    past = read_history(out)
    return [
        keras.callbacks.CSVLogger(out / "history.csv", append=True),
        keras.callbacks.ModelCheckpoint(
            out / "best.weights.h5",
            monitor=monitor,
            mode=better(monitor),
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=past[monitor].agg(better(monitor)) if len(past) else None,
        ),
        # Last, so that an epoch counts as done only when its history and best weights are safe.
        keras.callbacks.BackupAndRestore(
            out / "resume", double_checkpoint=True, delete_checkpoint=False
        ),
    ]


def better(monitor: str) -> str:
    """Return what is better of a column of the history, `min` or `max`."""
    return "min" if monitor.endswith("loss") else "max"


def read_history(out: Path) -> pd.DataFrame:
    """Return one row an epoch; an epoch that was cut and run again counts once."""
    path = out / "history.csv"
    if not path.exists() or not path.stat().st_size:
        return pd.DataFrame()
    return pd.read_csv(path).drop_duplicates("epoch", keep="last").reset_index(drop=True)


def take_over(network: keras.Model, learnt: keras.Model) -> None:
    """Take over the weights of a trained network.

    If the network has that one inside, only what is around it goes on learning: a few thousand
    drawn faces would soon unlearn what makes it work on real ones.
    """
    inside = next((layer for layer in network.layers if layer.name == learnt.name), None)
    (inside or network).set_weights(learnt.get_weights())
    if inside:
        inside.trainable = False


def build_optimizer(schedule: Schedule, steps_per_epoch: int | None) -> keras.optimizers.Optimizer:
    """Return the optimizer, its rate falling as planned; without steps it stays as it is."""
    rate, decay = schedule.learning_rate, schedule.weight_decay
    if steps_per_epoch is not None:
        rate = FallingRate(schedule, steps_per_epoch)
    if schedule.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
    if schedule.optimizer == "nadam":
        return keras.optimizers.Nadam(rate)
    return keras.optimizers.AdamW(rate, weight_decay=decay)


class FallingRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that warms up and falls to 0 by cosine, and does so again at each restart.

    Source of the restarts: Loshchilov and Hutter, SGDR, ICLR 2017.
    """

    def __init__(self, schedule: Schedule, steps_per_epoch: int):
        restarts = [epoch for epoch in schedule.restarts if epoch < schedule.epochs]
        warmup = int(schedule.warmup_epochs * steps_per_epoch)
        self.falls = []
        for start, end in pairwise([0, *restarts, schedule.epochs]):
            peak = schedule.learning_rate / (2 if start else 1)
            fall = keras.optimizers.schedules.CosineDecay(
                initial_learning_rate=peak / 20,
                decay_steps=max(1, (end - start) * steps_per_epoch - warmup),
                warmup_target=peak,
                warmup_steps=warmup,
            )
            self.falls.append((start * steps_per_epoch, fall))

    def __call__(self, step):
        """Return the learning rate of a step."""
        rate = 0.0
        for start, fall in self.falls:
            rate = ops.where(step < start, rate, fall(ops.maximum(step - start, 0)))
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
