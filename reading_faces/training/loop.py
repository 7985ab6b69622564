"""Train by a recipe: keep the best epoch, go on where a run was cut, and teach what comes after.

A run with a folder leaves there `history.csv` with one row an epoch, `best.weights.h5`, and
`resume/` with the state of the last epoch. What is trained and how stands in `tasks`.
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from helpers.augment import augment_faces
from helpers.batches import Batches
from helpers.files import whole_file
from helpers.models import TrainedModel
from reading_faces.training.augment import MixedBatches
from reading_faces.training.recipes import Recipe, build_optimizer
from reading_faces.training.training_data import Examples


def train_in_turn(network: keras.Model, examples: Examples, run) -> tuple[keras.Model, dict]:
    """Train by the recipe of a run (`make.Run`) and by those that follow it.

    Each after the first learns from what was said after all before it, too, and has a folder inside
    that of the one before. Returns the network, and what its card says of the training.
    """
    task, out, said, histories = run.task, run.out, [], []
    metrics = [] if task.monitor == "val_loss" else [task.monitor.removeprefix("val_")]
    batches, validation, unlabelled = examples
    faces = np.concatenate([batches.images, unlabelled]) if run.recipe.then else None
    for recipe in run.recipe.in_turn():
        if said:
            batches = taught_batches(examples.training, faces, said, recipe)
        if recipe.last_stages:
            # What the first stages see was learnt from far more faces, and few would teach worse.
            thaw(network, recipe.last_stages)
        optimizer, epochs = build_optimizer(recipe.schedule, len(batches)), recipe.schedule.epochs
        network.compile(optimizer, task.loss(run.sources, recipe), metrics=metrics)
        histories.append(fit(network, batches, epochs, validation, out, task.monitor))
        if recipe.then:
            teacher = TrainedModel(network, {"task": task.name, "input": {"size": task.size}})
            said.append(teacher.predict(faces, mirrored=True))
            # A copy, because a network that was resumed at an epoch starts from it ever after.
            learnt, network = network.get_weights(), keras.Model.from_config(network.get_config())
            network.set_weights(learnt)
            out = out / "then"
    facts = {"n_train": len(examples.training.images), "n_val": len(validation.images)}
    if len(unlabelled):
        facts["n_unlabelled"] = len(unlabelled)
    best = [history[task.monitor].agg(better(task.monitor)) for history in histories]
    facts[task.monitor] = [round(float(value), 4) for value in best]
    return network, facts | {"epochs_run": sum(map(len, histories))}


def thaw(network: keras.Model, stages: int) -> None:
    """Let the last `stages` stages learn, but for batch normalisation; all others stay frozen.

    A stage begins where the picture becomes smaller. Batch normalisation goes on using what it
    knows of many thousand faces. (To call a network with `training=False` is not enough for that,
    https://github.com/keras-team/keras/issues/20285.)
    """
    sides = [layer.output.shape[1] if layer.output.ndim == 4 else 0 for layer in network.layers]
    starts = [i for i in range(1, len(sides)) if 0 < sides[i] < sides[i - 1]]
    first = starts[-stages] if stages <= len(starts) else 0
    network.trainable = True
    for number, layer in enumerate(network.layers):
        layer.trainable = number >= first and not isinstance(layer, layers.BatchNormalization)


def taught_batches(
    training: Batches, faces: np.ndarray, said: list[np.ndarray], recipe: Recipe
) -> Batches:
    """Return batches whose targets are in part what teachers said (self-distillation).

    What a network says of a face, all its probabilities, tells more than one person's hasty label,
    and it can be asked of faces that nobody has labelled. A pupil who sees them in harder views can
    come out better than its teacher (Furlanello et al. 2018, https://arxiv.org/abs/1805.04770; Xie
    et al. 2020, https://arxiv.org/abs/1911.04252).

    `said` are probabilities `(m, classes)` of each teacher, whose mean is taken, for the `faces`
    `(m, h, w) uint8`. Those of `training` come first: they have labels, and there the teachers'
    share is the recipe's `teacher_weight`.
    """
    labelled, weight = len(training.images), recipe.teacher_weight
    targets = np.mean(said, axis=0, dtype=np.float32)
    targets[:labelled] = weight * targets[:labelled] + (1 - weight) * training.targets
    return MixedBatches(
        faces,
        targets,
        augment=partial(augment_faces, reach=recipe.reach),
        batch_size=recipe.schedule.batch_size,
        seed=training.seed + len(said),  # so that each sees other views than the one before
        mixup=recipe.mixup,
    )


def fit(
    network: keras.Model,
    batches: keras.utils.PyDataset,
    epochs: int,
    validation: keras.utils.PyDataset | None = None,
    out: Path | None = None,
    monitor: str = "val_loss",
    verbose: int = 2,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> pd.DataFrame:
    """Train a compiled network and return its history, one row an epoch.

    Without a folder `out` nothing is written, and the weights are those of the last epoch. With
    one, they are those of the epoch that is best by the column `monitor` (the lowest loss, the
    highest of anything else); and if it holds an unfinished run, training goes on after its last
    epoch with the same batches as if nothing had happened. Only dropout draws other noise, and
    further `callbacks` start anew.

    Raises ValueError if the loss is no number, so that no weights are worth keeping.
    """
    callbacks = [keras.callbacks.TerminateOnNaN(), *callbacks]
    callbacks += bookkeeping(out, monitor) if out else []
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


def bookkeeping(out: Path, monitor: str) -> list[keras.callbacks.Callback]:
    """Return what keeps history, best epoch and state of a run in folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    past = read_history(out)
    return [
        keras.callbacks.ModelCheckpoint(
            out / "best.weights.h5",
            monitor=monitor,
            mode=better(monitor),
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=past[monitor].agg(better(monitor)) if len(past) else None,
        ),
        # After the weights, because what it holds is the best so far of a run that goes on.
        keras.callbacks.CSVLogger(out / "history.csv", append=True),
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


def once(path: Path, work: Callable):
    """Return what is stored at `path`; if there is nothing, do the work and store it as JSON."""
    if not path.exists():
        done = work()
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(json.dumps(done))
    return json.loads(path.read_text())
