"""A deep network of the literature, with ELU: which of its choices matter, and how CK+ was cut.

The choices are compared at a part of its width, each with two seeds, whose difference says how much
is chance.
"""

from functools import partial
from pathlib import Path

import keras
import numpy as np
from sklearn.model_selection import StratifiedKFold

from helpers import augment, models, settings
from helpers.batches import Batches
from helpers.data import load_emotions
from reading_faces.training.crossval import folds_of_subjects, judge_folds
from reading_faces.training.loop import fit
from reading_faces.training.losses import cross_entropy
from reading_faces.training.recipes import Schedule, build_optimizer, precision
from reading_faces.training.scores import emotion_metrics
from reading_faces.training.studies.from_scratch import emotion_batches

FOLDS = 5
AS_IT_IS = {"ELU, Nadam, 17°, plateau": {}}
CHANGES = AS_IT_IS | {
    "ReLU": {"activation": "relu"},
    "Adam": {"optimizer": "adam"},
    "not turned": {"degrees": 0},
    "cosine": {"cosine": True},
}
CHOICES = {
    f"{name}, seed {seed}": choice | {"seed": seed}
    for name, choice in CHANGES.items()
    for seed in (0, 1)
}
SPLITS = {"by subject": {"by_subject": True}, "at random": {"by_subject": False}}


def turn_faces(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator, degrees: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return new views of faces: half are mirrored, all turned by up to so many degrees."""
    n, size = images.shape[:2]
    images = augment.some(images, rng, 0.5, lambda chosen, _: augment.flip_images(chosen))
    turns = rng.uniform(-degrees, degrees, n)
    matrices = augment.affine_matrices(size, turns, np.ones(n), np.zeros((n, 2)))
    return augment.warp_images(images, matrices), labels


def compare(
    out: Path,
    budget: dict,
    activation: str = "elu",
    optimizer: str = "nadam",
    degrees: float = 17,
    cosine: bool = False,
    seed: int = 0,
) -> dict:
    """Train the network on FER-2013 with one of its choices changed, and judge its last epoch.

    The learning rate is halved after three epochs without a lower validation loss, or it falls by
    cosine.
    """
    plan = Schedule(budget["epochs"], 1e-3, optimizer, warmup_epochs=0)
    source, rows = budget.get("source", "fer2013"), budget["rows"]
    training, validation, _ = emotion_batches(source, plan, rows)
    seed += settings.SEED
    training.augment, training.seed = partial(turn_faces, degrees=degrees), seed
    keras.utils.set_random_seed(seed)
    with precision(plan.precision):
        network = models.build_deep_emotion_model(width=budget["width"], activation=activation)
    steps = len(training) if cosine else None
    network.compile(build_optimizer(plan, steps), loss=cross_entropy(), metrics=["accuracy"])
    watch = [] if cosine else [keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=3)]
    history = fit(network, training, plan.epochs, validation, out, callbacks=watch)
    accuracies = history["val_accuracy"]
    return {
        "n_train": len(training.images),
        "n": len(validation.images),
        "parameters": network.count_params(),
        "flops": models.count_flops(network),
        "history": history.drop(columns="epoch").round(8).to_dict("list"),
        "metrics": {"accuracy": accuracies.iloc[-1], "accuracy_best": accuracies.max()},
    }


def split_ckplus(_: Path, budget: dict, by_subject: bool) -> dict:
    """Train the network on folds of CK+, and judge each fold by the network of the others.

    Three pictures of a person's expression follow each other closely. Cut at random, nearly every
    face that is judged has such a twin among those to learn from.
    """
    data = load_emotions(budget.get("source", "ckplus"))
    order = np.random.default_rng(settings.SEED).permutation(len(data))
    data = data.select(np.sort(order[: budget.get("rows")]))
    classes = len(data.classes)
    if by_subject:
        parts = folds_of_subjects(data, FOLDS)
    else:
        cut = StratifiedKFold(FOLDS, shuffle=True, random_state=settings.SEED)
        parts = list(cut.split(data.images, data.labels))
    plan = Schedule(budget["epochs"], 1e-3, "nadam", budget["batch_size"], warmup_epochs=0)

    def train(learn: np.ndarray, seed: int) -> models.TrainedModel:
        network = models.build_deep_emotion_model(classes=classes, width=budget["width"])
        targets, turn = np.eye(classes)[data.labels[learn]], partial(turn_faces, degrees=17)
        batches = Batches(data.images[learn], targets, turn, plan.batch_size, seed)
        network.compile(build_optimizer(plan, len(batches)), loss=cross_entropy())
        fit(network, batches, plan.epochs)
        card = {"task": "emotion", "input": {"size": 48}, "classes": list(data.classes)}
        return models.TrainedModel(network, card)

    probabilities = judge_folds(train, data.images, parts)
    known = [data.subjects[judge][:, None] == data.subjects[learn] for learn, judge in parts]
    return {
        "n": len(data),
        "n_with_their_subject_in_training": int(sum(same.any(axis=1).sum() for same in known)),
        "metrics": emotion_metrics(data.labels, probabilities, data.classes),
    }
