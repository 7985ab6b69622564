"""Make the weights of a model, by its recipe, and the card that goes with them.

`python -m reading_faces train` is this module; the training loop itself stands in `helpers.train`.
"""

import contextlib
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers import metrics
from helpers.batches import Batches
from helpers.data import EMOTIONS, DataError, kaggle_coordinates
from helpers.data.sources import find_folder
from helpers.embedders import SmallEmbedder
from helpers.files import whole_file
from helpers.models import TrainedModel
from reading_faces.made_faces.expression import UNIT_NAMES
from reading_faces.training import storage
from reading_faces.training.distill import mirrored_answers, taught_batches
from reading_faces.training.lda import learn_last_layer, load_portraits, start_from_emotion
from reading_faces.training.loop import (
    Recipe,
    build_optimizer,
    distance_within_shape,
    fit,
    masked_distance,
    precision,
)
from reading_faces.training.measure import evaluate
from reading_faces.training.measure_identity import evaluate_embedder
from reading_faces.training.networks import BUILDERS
from reading_faces.training.recipes import Run
from reading_faces.training.scores import fit_thresholds
from reading_faces.training.shape_prior import fit_shape_model
from reading_faces.training.training_data import DATA, unlabelled_faces

# Half of the real faces with 15 points are nearer to their mean shape than this.
TYPICAL_SHAPE = 4.0

# How many of FER-2013's 28,709 training faces show each emotion (Goodfellow et al. 2013).
EMOTION_COUNTS = (3995, 436, 4097, 7215, 4830, 3171, 4965)

# The split that a full training on this source opens once, at its end, to report.
REPORTED = {
    "keypoints": ("facial-keypoints", "test"),
    "emotion": ("fer2013", "public"),
    "action_units": ("made", "test"),
}

# Real faces without labels to learn from, on which it is measured too where they are at hand.
CHECKED = {"action_units": ("ckplus", "all")}

# What stands in where it cannot be measured.
USUAL_THRESHOLD = 0.4

TERMS = (
    "The training pictures are for non-commercial research and may not be passed on; "
    "use these weights for non-commercial research and teaching."
)

KNOWN_FAILURES = {
    "keypoints": (
        "Only the eye centres, the nose tip and the mouth corners were labelled on real pictures; "
        "the other ten points were learnt from drawn faces, and on real ones held to shapes that "
        "real faces have shown. How well they follow a real raised brow or open mouth is not "
        "measured. In profile the far eye is a guess, given like any other point. Heads leaning by "
        "more than 25°, covered or very blurred faces have larger errors."
    ),
    "emotion": (
        "An expression is not a feeling. Training pictures come from web searches of acted and "
        "press photographs, with many wrong labels; fear, sadness and disgust are confused with "
        "anger, surprise and neutral. Who is in them by age, skin tone and culture is not known, "
        "so nor is how errors differ by group. Not for decisions about people."
    ),
    "action_units": (
        "It was trained on drawn faces only: on real ones no unit has been measured, and the only "
        "check is whether its units go with the emotion that people posed (`measured`, CK+). Units "
        "that are weak, covered, or on a face turned far are missed. A unit says what moved, not "
        "what somebody feels. Not for decisions about people."
    ),
    "embedding": (
        "It was made of what an emotion model sees, and of pictures of a hundred people in even "
        "light. On press photos it takes strangers for known people far more often than "
        "networks that have learnt from millions of pictures. How errors differ by age, skin tone "
        "or gender on real people is not measured. Not for access control, not for surveillance."
    ),
    "made": (
        "It has seen drawn faces only, no real one. People differ in more ways than our formulas "
        "know, so expect many more errors than from the model that was trained on real faces. An "
        "expression is not a feeling. Not for decisions about people."
    ),
}


def train_model(run: Run, resume: bool = False) -> TrainedModel:
    """Train, write weights and card into `run.out`, and return the model as it was written.

    Raises
    ------
    ValueError
        If `run.out` holds another run, or this one unfinished and `resume` is not set.
    """
    if run.task == "embedding":
        return learn_embedding(run, resume)
    function, arguments = run.network
    training, validation = DATA[run.task](run)
    unlabelled = unlabelled_faces(run)
    # Only now, so that a misspelt source or model leaves no folder behind.
    claim_folder(run, resume)
    keras.utils.set_random_seed(run.seed)
    with precision(run.recipe.precision):
        network = BUILDERS[function](**arguments)
    if run.init:
        start_from(network, run.init)
    network, histories = train_in_turn(network, run, training, validation, unlabelled)
    if run.task == "emotion" and run.on_made_faces_only:
        expect_frequencies(network, training.targets.argmax(axis=1))
    card = write_card(run, function, arguments, len(training.images), len(validation.images))
    card["training"]["epochs_run"] = sum(len(history) for history in histories)
    if run.task == "emotion":
        best = [float(history["val_accuracy"].max()) for history in histories]
        card["training"]["val_accuracy"] = [round(accuracy, 4) for accuracy in best]
    if len(unlabelled):
        card["training"]["n_unlabelled"] = len(unlabelled)
    storage.save(TrainedModel(network, card), run.out)
    # From here on the model is the float16 one on disk: what ships is calibrated and measured.
    model = storage.load(run.out / f"{run.task}.weights.h5")
    if run.task == "emotion":
        logits = model.outputs(validation.images)
        model.card["temperature"] = metrics.fit_temperature(
            validation.targets.argmax(axis=1), logits
        )
    if run.task == "action_units":
        present = (validation.targets >= 0.5).astype(int)
        thresholds = fit_thresholds(present, model.predict(validation.images))
        model.card["thresholds"] = thresholds.round(4).tolist()
    source, split = REPORTED[run.task]
    if run.profile == "full" and source in run.sources:
        model.card["measured"] = [
            evaluate(model, source, split, tta).result for tta in (False, True)
        ]
        if run.task in CHECKED and find_folder(CHECKED[run.task][0]):
            model.card["measured"].append(evaluate(model, *CHECKED[run.task]).result)
    storage.save(model, run.out)
    return model


def train_in_turn(
    network: keras.Model, run: Run, training: Batches, validation: Batches, unlabelled: np.ndarray
) -> tuple[keras.Model, list[pd.DataFrame]]:
    """Train by the recipe and those that follow it; return the network and a history of each.

    Each after the first learns from what was said after all before it, too, and has a folder of
    its own inside that of the one before: so each can be cut, and goes on where it was.
    """
    monitor = "val_accuracy" if run.task == "emotion" else "val_loss"
    batches, out, histories = training, run.out, []
    faces, said = np.concatenate([training.images, unlabelled]) if run.recipe.then else None, []
    for recipe in run.recipe.in_turn():
        if said:
            batches = taught_batches(training, faces, said, recipe)
        compile_network(network, run, recipe, steps_per_epoch=len(batches))
        histories.append(fit(network, batches, validation, recipe, out, monitor))
        if recipe.then:
            said.append(mirrored_answers(network, faces))
            # A copy, because a network that was resumed at an epoch starts from it ever after.
            learnt, network = network.get_weights(), keras.Model.from_config(network.get_config())
            network.set_weights(learnt)
            out = out / "then"
    return network, histories


def learn_embedding(run: Run, resume: bool) -> TrainedModel:
    """Write an embedding model into `run.out`: the emotion model's eyes, and one layer learnt."""
    function, arguments = run.network
    portraits = [load_portraits(source, run.recipe.rows, run.seed) for source in run.sources]
    claim_folder(run, resume)
    network = BUILDERS[function](**arguments)
    start_from_emotion(network, storage.load(run.init or "emotion").network)
    learn_last_layer(network, portraits, run.seed)
    card = write_card(run, function, arguments, sum(len(part.images) for part in portraits), 0)
    # Embeddings of two trainings mean nothing to each other: a gallery remembers whose it holds.
    numbers = network.get_layer("embedding").get_weights()[0].astype("<f2").tobytes()
    card["name"] = f"reading-faces-{hashlib.sha256(numbers).hexdigest()[:8]}"
    card["threshold"] = USUAL_THRESHOLD
    storage.save(TrainedModel(network, card), run.out)
    model = storage.load(run.out / f"{run.task}.weights.h5")
    if run.profile == "full":
        measured = evaluate_embedder(SmallEmbedder(model))
        model.card["measured"] = measured
        thresholds = [m["metrics"]["threshold"] for m in measured if "threshold" in m["metrics"]]
        model.card["threshold"] = round((*thresholds, USUAL_THRESHOLD)[0], 4)
        storage.save(model, run.out)
    return model


def start_from(network: keras.Model, init: Path) -> None:
    """Take over the weights of a trained model.

    If the network has that model inside, only what is around it goes on learning: a few thousand
    drawn faces would soon unlearn what makes it work on real ones.
    """
    learnt = storage.load(init).network
    inside = next((layer for layer in network.layers if layer.name == learnt.name), None)
    (inside or network).set_weights(learnt.get_weights())
    if inside:
        inside.trainable = False


def expect_frequencies(network: keras.Model, labels: np.ndarray) -> None:
    """Let a model that was trained on evenly drawn emotions expect them as often as they occur.

    The logits move by the logarithm of the ratio of frequencies (Saerens et al. 2002). Without it,
    disgust would be named ten times as often as it occurs.
    """
    drawn = np.bincount(labels, minlength=len(EMOTIONS)) / len(labels)
    seen = np.array(EMOTION_COUNTS) / sum(EMOTION_COUNTS)
    weights, bias = network.get_layer("logits").get_weights()
    network.get_layer("logits").set_weights([weights, bias + np.log(seen / drawn)])


def claim_folder(run: Run, resume: bool) -> None:
    """Take the output folder for this run, or refuse when something else is in it."""
    run.out.mkdir(parents=True, exist_ok=True)
    path = run.out / "run.json"
    this = json.dumps({**asdict(run), "out": None, "recipe": asdict(run.recipe)}, default=str)
    if path.exists():
        if path.read_text() != this:
            raise ValueError(f"{run.out} holds another run; choose another folder for --out.")
        if not resume:
            raise ValueError(
                f"{run.out} already holds this run; add --resume to go on, or choose another --out."
            )
    with whole_file(path) as part:
        part.write_text(this)


def compile_network(network: keras.Model, run: Run, recipe: Recipe, steps_per_epoch: int) -> None:
    """Give the network its optimizer, loss and metrics."""
    optimizer = build_optimizer(recipe, steps_per_epoch)
    if run.task == "keypoints":
        network.compile(optimizer, loss=keypoint_loss(run))
    elif run.task == "action_units":
        network.compile(optimizer, loss=keras.losses.BinaryCrossentropy(from_logits=True))
    else:
        loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        )
        network.compile(optimizer, loss=loss, metrics=["accuracy"])


def keypoint_loss(run: Run):
    """Return the loss: with a price on unlikely shapes if a source knows real ones."""
    if run.recipe.shape_weight:
        for source in run.sources:
            with contextlib.suppress(DataError, ValueError):
                shapes = fit_shape_model(kaggle_coordinates(source))
                return distance_within_shape(shapes, TYPICAL_SHAPE, run.recipe.shape_weight)
    return masked_distance


def write_card(run: Run, function: str, arguments: dict, n_train: int, n_val: int) -> dict:
    """Return the model card: enough to build, feed and judge the model."""
    kind = "made" if run.on_made_faces_only and run.task != "action_units" else run.task
    card = {
        "task": run.task,
        "build": {"function": function, "arguments": arguments},
        "input": {
            "size": {"keypoints": 96, "emotion": 48, "action_units": 96, "embedding": 48}[run.task],
            "scaling": "grey, each picture to mean 0 and standard deviation 1",
        },
        "training": {
            "sources": list(run.sources),
            "profile": run.profile,
            "n_train": n_train,
            "n_val": n_val,
            "seed": run.seed,
            "recipe": asdict(run.recipe),
            "command": run.command,
        },
        "terms": "CC0" if run.on_made_faces_only else TERMS,
        "known_failures": KNOWN_FAILURES[kind],
    }
    if run.task == "emotion":
        card["classes"] = list(EMOTIONS)
    if run.task == "action_units":
        card["units"] = list(UNIT_NAMES)
    return card
