"""Train by a recipe, and let a trained network teach its next training (self-distillation).

What a network says of a face, all its probabilities, tells more than one person's hasty label; and
it can be asked of faces that nobody has labelled. A pupil who sees them in harder views than the
teacher did can come out better (Furlanello et al. 2018, https://arxiv.org/abs/1805.04770; Xie et
al. 2020, https://arxiv.org/abs/1911.04252).
"""

from functools import partial

import keras
import numpy as np

from helpers.augment import augment_faces
from helpers.batches import Batches
from helpers.models import TrainedModel
from reading_faces.training.loop import better, build_optimizer, fit
from reading_faces.training.mixup import MixedBatches
from reading_faces.training.recipes import Recipe
from reading_faces.training.training_data import Examples


def train_in_turn(network: keras.Model, examples: Examples, run) -> tuple[keras.Model, dict]:
    """Train by the recipe of a run (`make.Run`) and by those that follow it.

    Each after the first learns from what was said after all before it, too, and has a folder of
    its own inside that of the one before: so each can be cut, and goes on where it was.

    Returns
    -------
    The network, and what its card says of the training.
    """
    task, out, said, histories = run.task, run.out, [], []
    metrics = [] if task.monitor == "val_loss" else [task.monitor.removeprefix("val_")]
    batches, validation, unlabelled = examples
    faces = np.concatenate([batches.images, unlabelled]) if run.recipe.then else None
    for recipe in run.recipe.in_turn():
        if said:
            batches = taught_batches(examples.training, faces, said, recipe)
        optimizer, epochs = build_optimizer(recipe.schedule, len(batches)), recipe.schedule.epochs
        loss = task.loss(run.sources, recipe.targets)
        network.compile(optimizer, loss, metrics=metrics)
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
    best = [float(history[task.monitor].agg(better(task.monitor))) for history in histories]
    facts[task.monitor] = [round(value, 4) for value in best]
    return network, facts | {"epochs_run": sum(map(len, histories))}


def taught_batches(
    training: Batches, faces: np.ndarray, said: list[np.ndarray], recipe: Recipe
) -> Batches:
    """Return batches whose targets are in part what teachers said.

    Parameters
    ----------
    training : labelled faces with their targets `(n, classes)`.
    faces : `(m, h, w) uint8`, those of `training` first; of the others all is the teachers' word.
    said : probabilities `(m, classes)` of each teacher; their mean is taken.
    recipe : its `teacher_weight` is the teachers' share where there are labels.
    """
    labelled, weight = len(training.images), recipe.targets.teacher_weight
    targets = np.mean(said, axis=0, dtype=np.float32)
    targets[:labelled] = weight * targets[:labelled] + (1 - weight) * training.targets
    return MixedBatches(
        faces,
        targets,
        augment=partial(augment_faces, reach=recipe.data.reach),
        batch_size=recipe.schedule.batch_size,
        seed=training.seed + len(said),  # so that each sees other views than the one before
        mixup=recipe.data.mixup,
    )
