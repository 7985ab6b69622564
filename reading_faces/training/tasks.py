"""The four models that ship, each as one `Task`: its data, network, recipe, loss and measures."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np

from helpers.data import EMOTIONS, load_keypoints
from helpers.data.sources import find_folder
from helpers.embedders import SmallEmbedder
from helpers.metrics import fit_temperature
from helpers.models import TrainedModel
from reading_faces.made_faces.expression import UNIT_NAMES
from reading_faces.training import losses, teach_embedding, training_data, tune_units
from reading_faces.training.definitions import fit_offsets, marks_otherwise
from reading_faces.training.loop import train_in_turn
from reading_faces.training.measure import evaluate
from reading_faces.training.measure_identity import evaluate_embedder
from reading_faces.training.recipes import RECIPES, Recipe
from reading_faces.training.training_data import Examples, drawn_only, learnt_from

# How many of FER-2013's 28,709 training faces show each emotion (Goodfellow et al. 2013).
EMOTION_COUNTS = (3995, 436, 4097, 7215, 4830, 3171, 4965)


@dataclass(frozen=True)
class Task:
    """What it takes to make one of our models. Of functions, the comments say `takes -> gives`."""

    name: str
    size: int  # the side of its pictures, in pixels
    networks: dict[str, tuple[str, dict]]  # by `--model`, the default first: builder, arguments
    # by run profile; "full small" is for the network "small" alone, "full drawn" for made faces
    recipes: dict[str, Recipe]
    data: Callable  # sources, recipe, seed -> the examples
    measure: Callable  # model, run -> entries of the card, after the profile "full"
    colours: str = "grey"  # or RGB
    sources: tuple[str, ...] = ("made",)  # what "full" learns from when no source is named,
    init: Path | None = None  # and the weights that it then begins with
    learn: Callable = train_in_turn  # network, examples, run -> network, facts for the card
    # sources, recipe -> a loss for Keras
    loss: Callable = lambda sources, recipe: losses.cross_entropy(recipe.label_smoothing)
    monitor: str = "val_loss"  # the column of the history that says which epoch is best
    outputs: dict[str, list[str]] = field(default_factory=dict)  # their names, for the card
    # model, examples, run -> entries of the card that are fitted on faces
    calibrate: Callable = lambda model, examples, run: {}


def learn_emotions(network: keras.Model, examples: Examples, run) -> tuple[keras.Model, dict]:
    """Train, and expect emotions as often as people show them.

    Drawn faces show all equally often: after those alone, the logits move by the logarithm of the
    ratio of frequencies (Saerens et al. 2002). Without it, disgust would be named ten times as
    often as it occurs.
    """
    network, facts = train_in_turn(network, examples, run)
    if drawn_only(run.sources):
        labels = examples.training.targets.argmax(axis=1)
        drawn = np.maximum(np.bincount(labels, minlength=len(EMOTIONS)), 1) / len(labels)
        seen = np.array(EMOTION_COUNTS) / sum(EMOTION_COUNTS)
        weights, bias = network.get_layer("logits").get_weights()
        network.get_layer("logits").set_weights([weights, bias + np.log(seen / drawn)])
    return network, facts


def keypoint_offsets(model: TrainedModel, examples: Examples, run) -> dict:
    """Fit how far labels of sources with another definition than Kaggle's lie from the answers."""
    offsets = {}
    for source in filter(marks_otherwise, run.sources):
        faces = learnt_from(load_keypoints(source))
        fitted = fit_offsets(model.predict(faces.images, mirrored=True), faces.keypoints)
        offsets[marks_otherwise(source)] = fitted.round(4).tolist()
    return {"offsets": offsets} if offsets else {}


def temperature(model: TrainedModel, examples: Examples, run) -> dict:
    """Fit how sure the probabilities are."""
    labels = examples.validation.targets.argmax(axis=1)
    return {"temperature": fit_temperature(labels, model.outputs(examples.validation.images))}


def report_on(
    model: TrainedModel, run, source: str, split: str, check: tuple[str, str] | None = None
) -> dict:
    """Measure on a split kept aside, once, if the model learnt from its source.

    `check` is a source and split of real faces to measure on as well, where they are at hand.
    """
    if source not in run.sources:
        return {}
    measured = [evaluate(model, source, split, mirrored) for mirrored in (False, True)]
    if check and find_folder(check[0]):
        measured.append(evaluate(model, *check))
    return {"measured": [evaluation.result for evaluation in measured]}


KEYPOINTS = Task(
    name="keypoints",
    size=96,
    networks={
        "pyramid": ("build_pyramid_model", {}),
        "heatmap": ("build_heatmap_model", {}),
        "residual": ("build_keypoint_model", {}),
        "small": ("build_heatmap_model", {"filters": (24, 48, 64)}),
    },
    recipes=RECIPES["keypoints"],
    sources=("facial-keypoints", "youtube-faces", "made"),
    data=training_data.keypoint_data,
    loss=lambda sources, recipe: losses.masked_distance,
    calibrate=keypoint_offsets,
    measure=partial(
        report_on, source="facial-keypoints", split="test", check=("youtube-faces", "test")
    ),
)

EMOTION = Task(
    name="emotion",
    size=48,
    networks={
        "residual": ("build_emotion_model", {}),
        "keypoints": ("build_emotion_by_keypoints_model", {}),
    },
    recipes=RECIPES["emotion"],
    sources=("fer2013",),
    data=training_data.emotion_data,
    learn=learn_emotions,
    monitor="val_accuracy",
    outputs={"classes": list(EMOTIONS)},
    calibrate=temperature,
    measure=partial(report_on, source="fer2013", split="public"),
)

ACTION_UNITS = Task(
    name="action_units",
    size=96,
    networks={"residual": ("build_action_unit_model", {})},
    recipes=RECIPES["action_units"],
    sources=("made", tune_units.PEOPLE),
    init=tune_units.DRAWN,
    data=training_data.action_unit_data,
    loss=lambda sources, recipe: losses.masked_entropy,
    outputs={"units": list(UNIT_NAMES)},
    calibrate=tune_units.fit_thresholds,
    measure=partial(report_on, source="made", split="test"),
)

EMBEDDING = Task(
    name="embedding",
    size=teach_embedding.SIZE,
    colours="RGB",
    networks={"residual": ("build_embedding_model", {})},
    recipes=RECIPES["embedding"],
    sources=("lfw", "celeba", "youtube-faces", "made"),
    data=teach_embedding.portrait_data,
    learn=teach_embedding.learn,
    calibrate=teach_embedding.name_and_thresholds,
    measure=lambda model, run: {"measured": evaluate_embedder(SmallEmbedder(model))},
)

TASKS = {task.name: task for task in (KEYPOINTS, EMOTION, ACTION_UNITS, EMBEDDING)}
