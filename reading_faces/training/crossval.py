"""Fine-tune the emotion model on a small set, and measure it on people that it has not seen.

The set is cut into folds by subject; each fold is judged by a network trained on the others.
"""

from collections.abc import Callable

import keras
import numpy as np
from sklearn.model_selection import StratifiedGroupKFold
from tqdm import tqdm

from helpers import settings
from helpers.augment import augment_faces
from helpers.batches import Batches
from helpers.data import DataError, EmotionData, load_emotions
from helpers.models import TrainedModel
from reading_faces.training import scores, storage
from reading_faces.training.action_units import ActionUnitData
from reading_faces.training.loop import fit
from reading_faces.training.losses import cross_entropy
from reading_faces.training.measure import Evaluation, describe, finite
from reading_faces.training.recipes import Schedule, build_optimizer

LABEL_SMOOTHING = 0.1


def cross_validate(
    model: TrainedModel, source: str, folds: int, scratch: bool, every_class: bool, mirrored: bool
) -> Evaluation:
    """Fine-tune `model` once for each fold of the source's subjects, and measure it on that fold.

    Parameters
    ----------
    scratch : start from random weights instead, for what the transfer brings.
    every_class : learn classes too that the model does not know, such as contempt.
    mirrored : average the prediction with that of the mirrored picture.

    Raises DataError if the source does not name its subjects, or has too few.
    """
    whole = load_emotions(source)
    known = whole.classes if every_class else model.card["classes"]
    kept = whole.labels_among(known) >= 0
    classes = tuple(whole.classes[label] for label in np.unique(whole.labels[kept]))
    data = whole.among_classes(classes)
    card = model.card | {"classes": list(classes), "temperature": 1.0}
    parts = folds_of_subjects(data, folds)

    def tune(rows: np.ndarray, _) -> TrainedModel:
        network = fresh_network(model, classes, scratch)
        fine_tune(network, data.images[rows], np.eye(len(classes))[data.labels[rows]])
        return TrainedModel(network, card)

    probabilities = judge_folds(tune, data.images, parts, mirrored)
    hits = probabilities.argmax(axis=1) == data.labels
    accuracies = [float(hits[judge].mean()) for _, judge in parts]
    measured = scores.emotion_metrics(data.labels, probabilities, classes) | {
        "folds": accuracies,
        "mean_of_folds": float(np.mean(accuracies)),
        "standard_deviation_of_folds": float(np.std(accuracies, ddof=1)),
        "subjects": len(np.unique(data.subjects)),
        "start": "random weights" if scratch else "the model's weights",
    }
    split, left_out = f"{folds} folds of subjects", int((~kept).sum())
    result = describe("emotion", source, split, len(data), mirrored, measured, left_out)
    everyone = np.full((len(whole), len(classes)), np.nan, np.float32)
    everyone[kept] = probabilities
    return Evaluation(result, {"probabilities": everyone, "classes": np.array(classes)})


def folds_of_subjects(
    data: EmotionData | ActionUnitData, folds: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rows to learn from and rows to judge; nobody is in both, emotions alike in each."""
    if data.subjects is None:
        raise DataError(f"{data.source} does not say who is in a picture, so people cannot be cut.")
    people = len(np.unique(data.subjects))
    if people < folds:
        raise DataError(f"{data.source} has {people} subjects, too few for {folds} folds.")
    cut = StratifiedGroupKFold(folds, shuffle=True, random_state=settings.SEED)
    labels = data.emotions if isinstance(data, ActionUnitData) else data.labels
    return list(cut.split(data.images, labels, data.subjects))


def judge_folds(
    tune: Callable, images: np.ndarray, parts: list, mirrored: bool = False
) -> np.ndarray:
    """Return answers `(n, …)`, those of each part by the model that learnt from all others.

    `tune` takes the rows to learn from and a seed, and gives that model.
    """
    answers = []
    for seed, (learn, judge) in enumerate(tqdm(parts, desc="folds"), settings.SEED):
        keras.utils.set_random_seed(seed)
        answers.append(finite(tune(learn, seed).predict(images[judge], mirrored)))
    order = np.concatenate([judge for _, judge in parts])
    return np.concatenate(answers)[np.argsort(order)]


def fresh_network(model: TrainedModel, classes: tuple[str, ...], scratch: bool) -> keras.Model:
    """Build the model's network for `classes`, with its weights.

    Of the last layer, that is what it knows of each class; one that it does not know starts anew.
    """
    network = storage.build(model.card, classes=len(classes))
    if scratch:
        return network
    learnt_by = model.card["classes"]
    known = [name for name in classes if name in learnt_by]
    here, there = ([names.index(name) for name in known] for names in (classes, learnt_by))
    learnt, last = model.network.get_weights(), network.get_weights()[-2:]  # kernel and bias
    for values, of_class in zip(last, learnt[-2:], strict=True):
        values[..., here] = of_class[..., there]
    network.set_weights([*learnt[:-2], *last])
    return network


def fine_tune(network: keras.Model, images: np.ndarray, targets: np.ndarray) -> None:
    """Train all layers on augmented faces, for as many epochs as the run profile allows."""
    epochs = settings.by_profile(smoke=1, lesson=20, full=20)
    how = Schedule(epochs, learning_rate=1e-3, batch_size=32)
    batches = Batches(images, targets, augment_faces, how.batch_size, settings.SEED)
    network.compile(build_optimizer(how, len(batches)), loss=cross_entropy(LABEL_SMOOTHING))
    fit(network, batches, how.epochs, verbose=0)
