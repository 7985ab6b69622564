"""Learn an embedding in one step: linear discriminant analysis of what a network already sees.

The emotion model's first stages have learnt from 26,000 real faces what parts of a face look like.
Which of the differences between two faces are differences between two *people*? Those that hardly
occur between pictures of one person. Linear discriminant analysis (Fisher 1936) finds them without
a single training step, and is written into the last layer of `models.build_embedding_model`.
"""

import hashlib
from dataclasses import dataclass

import keras
import numpy as np
from scipy.linalg import eigh

from helpers import models
from helpers.data import load_emotions, load_keypoints, load_people
from helpers.data.made import load_set
from helpers.detect import crop_largest_faces
from helpers.embedders import SmallEmbedder
from helpers.images import resize_square, to_grey
from helpers.models import TrainedModel
from reading_faces.training.augment import augment_action_units
from reading_faces.training.made_sets import people_source
from reading_faces.training.measure_identity import evaluate_embedder
from reading_faces.training.recipes import Recipe

# A face of nobody known takes part so often, each time under another light and cut differently.
VIEWS = 3
# Differences smaller than this share of the mean one are taken for as large: few pictures of few
# people say nothing about them. From 0.01 to 1, little changes.
RIDGE = 0.1

# What stands in where it cannot be measured.
USUAL_THRESHOLD = 0.4

_LOADERS = {
    "made": lambda source: load_set(),
    "facial-keypoints": load_keypoints,
    "fer2013": load_emotions,
    "ckplus": load_emotions,
}


@dataclass(frozen=True)
class Portraits:
    """Grey faces `(n, size, size) uint8`, and who is on each, `(n,)`, if that is known."""

    images: np.ndarray
    people: np.ndarray | None


def load_portraits(source: str, rows: int | None, seed: int) -> Portraits:
    """Load the training faces of a source; any but the known sets is a folder of people.

    Parameters
    ----------
    rows : take at most so many faces: the first, which are of few people, where people are named,
        else any.
    """
    if source not in _LOADERS:
        data = load_people(people_source(source))
        data = data.select(np.isin(data.split, ["train", "all"]))
        faces, found = crop_largest_faces(data.photos, 96, "embedding")
        return Portraits(np.stack([to_grey(face) for face in faces[found]]), data.names[found])
    data = _LOADERS[source](source)
    chosen = np.isin(data.split, ["train", "all"])
    images = data.images[chosen]
    if getattr(data, "subjects", None) is not None:
        return Portraits(images[:rows], data.subjects[chosen][:rows])
    return Portraits(images[np.random.default_rng(seed).permutation(len(images))[:rows]], None)


def portrait_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> list[Portraits]:
    """Load the faces of each source."""
    return [load_portraits(source, recipe.data.rows, seed) for source in sources]


def learn(network: keras.Model, portraits: list[Portraits], run) -> tuple[keras.Model, dict]:
    """Fill the last layer; return the network, and what its card says of that."""
    learn_last_layer(network, portraits, run.seed)
    return network, {"n_train": sum(len(part.images) for part in portraits), "n_val": 0}


def name_and_threshold(model: TrainedModel, _: list[Portraits]) -> dict:
    """Give the model a name: embeddings of two trainings mean nothing to each other."""
    numbers = model.network.get_layer("embedding").get_weights()[0].astype("<f2").tobytes()
    name = f"reading-faces-{hashlib.sha256(numbers).hexdigest()[:8]}"
    return {"name": name, "threshold": USUAL_THRESHOLD}


def measure_people(model: TrainedModel, _) -> dict:
    """Measure a model on people; the threshold comes from where strangers are among them."""
    measured = evaluate_embedder(SmallEmbedder(model))
    thresholds = [m["metrics"]["threshold"] for m in measured if "threshold" in m["metrics"]]
    return {"threshold": round((*thresholds, USUAL_THRESHOLD)[0], 4), "measured": measured}


def learn_last_layer(network: keras.Model, portraits: list[Portraits], seed: int = 0) -> None:
    """Fill the last layer of an embedding network so that people come apart.

    Parameters
    ----------
    network : as `models.build_embedding_model` gives it; its other layers stay as they are.
    portraits : of one source each. How faces differ is measured on the first; how pictures of one
        person differ on each, and each counts the same.
    """
    layer = network.get_layer("embedding")
    features = keras.Model(network.input, layer.input)
    size, dimensions = network.input_shape[1], layer.units
    rng = np.random.default_rng(seed)
    total, within, mean = None, [], None
    for part in portraits:
        images, people = part.images, part.people
        if people is None:
            images, people = several_views(images, rng)
        images = np.stack([resize_square(image, size) for image in images])
        seen = features.predict(models.standardize(images), batch_size=128, verbose=0)
        if total is None:
            total, mean = np.cov(seen.T), seen.mean(axis=0)
        within.append(scatter_within(seen, people))
    directions = discriminant(total, np.mean(within, axis=0), dimensions)
    layer.set_weights([directions, -mean @ directions])


def several_views(images: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return each picture `VIEWS` times, spoilt differently, and which picture each view is of."""
    labels = np.arange(len(images))
    views = [augment_action_units(images, labels, rng)[0] for _ in range(VIEWS)]
    return np.concatenate(views), np.tile(labels, VIEWS)


def scatter_within(features: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the covariance `(d, d)` of features `(n, d)` around each person's own mean.

    Raises
    ------
    ValueError
        If nobody has two pictures.
    """
    _, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    free = len(features) - len(counts)  # each mean takes one degree of freedom
    if not free:
        raise ValueError("To learn how pictures of one person differ, somebody must have two.")
    sums = np.zeros((len(counts), features.shape[1]))
    np.add.at(sums, who, features)
    away = features - (sums / counts[:, None])[who]
    return away.T @ away / free


def discriminant(total: np.ndarray, within: np.ndarray, dimensions: int) -> np.ndarray:
    """Return the directions `(d, dimensions)` in which people differ most, for what one varies.

    Each is scaled so that one person's pictures vary by 1 along it, and not at all along two
    together: the generalised eigenvectors of both covariances `(d, d)`.
    """
    size = len(within)
    softened = within + RIDGE * np.trace(within) / size * np.eye(size)
    return eigh(total, softened, subset_by_index=[size - dimensions, size - 1])[1].astype("f4")


def start_from_emotion(network: keras.Model, emotion: keras.Model) -> None:
    """Copy the emotion model's first stages into an embedding network of the same widths."""
    end = network.layers.index(network.get_layer("embedding")) - 2  # a mean over cells, a list
    for mine, learnt in zip(network.layers[1:end], emotion.layers[1:end], strict=True):
        mine.set_weights(learnt.get_weights())
