"""Learn an embedding in one step: linear discriminant analysis of what a network already sees.

The emotion model's first stages know what parts of a face look like. People differ by what hardly
differs between pictures of one person: Fisher's analysis (1936) finds that without a training step,
and is written into the last layer of `models.build_embedding_model`.
"""

import hashlib

import keras
import numpy as np
import pandas as pd
from scipy.linalg import eigh

from helpers import models
from helpers.data import load_emotions, load_keypoints, load_people
from helpers.detect import crop_largest_faces
from helpers.embedders import SmallEmbedder
from helpers.images import resize_square, to_grey
from helpers.models import TrainedModel
from reading_faces.training.augment import augment_action_units
from reading_faces.training.measure_identity import evaluate_embedder
from reading_faces.training.recipes import Recipe

VIEWS = 3  # of each face of nobody known, under another light and cut differently
# Added to all variances, as a share of their mean: few pictures of few people say nothing about
# small ones. From 0.01 to 1, little changes.
RIDGE = 0.1
USUAL_THRESHOLD = 0.4  # where it cannot be measured
LOADERS = {
    "made": load_keypoints,
    "facial-keypoints": load_keypoints,
    "fer2013": load_emotions,
    "ckplus": load_emotions,
}

# Grey faces `(n, size, size) uint8`, and who is on each, `(n,)`, if that is known.
Portraits = tuple[np.ndarray, np.ndarray | None]


def portrait_data(sources: tuple[str, ...], recipe: Recipe, seed: int) -> list[Portraits]:
    """Load the faces of each source."""
    return [load_portraits(source, recipe.rows, seed) for source in sources]


def load_portraits(source: str, rows: int | None, seed: int) -> Portraits:
    """Load the training faces of a source in `LOADERS`, or of a folder of people.

    Of a source, at most `rows`: the first, of few people, where they are named, else any.
    """
    data = LOADERS.get(source, load_people)(source)
    data = data.select(np.isin(data.split, ["train", "all"]))
    if source not in LOADERS:
        faces, found = crop_largest_faces(data.photos, 96, "embedding")
        return np.stack([to_grey(face) for face in faces[found]]), data.names[found]
    if data.subjects is not None:
        return data.images[:rows], data.subjects[:rows]
    return data.images[np.random.default_rng(seed).permutation(len(data))[:rows]], None


def start_from_emotion(network: keras.Model, emotion: keras.Model) -> None:
    """Copy the emotion model's first stages into an embedding network of the same widths."""
    end = network.layers.index(network.get_layer("embedding")) - 2  # a mean over cells, a list
    for mine, learnt in zip(network.layers[1:end], emotion.layers[1:end], strict=True):
        mine.set_weights(learnt.get_weights())


def learn(network: keras.Model, portraits: list[Portraits], run) -> tuple[keras.Model, dict]:
    """Fill the last layer so that people come apart; return what the card says of that, too.

    The first source says how faces differ, all alike how pictures of one person do.
    """
    layer = network.get_layer("embedding")
    features = keras.Model(network.input, layer.input)
    rng = np.random.default_rng(run.seed)
    seen, within = [], []
    for images, people in portraits:
        if people is None:  # each face is a person of its own, seen under several conditions
            people = np.arange(len(images))
            views = [augment_action_units(images, people, rng)[0] for _ in range(VIEWS)]
            images, people = np.concatenate(views), np.tile(people, VIEWS)
        images = np.stack([resize_square(image, network.input_shape[1]) for image in images])
        seen.append(features.predict(models.standardize(images), batch_size=128, verbose=0))
        within.append(scatter_within(seen[-1], people))
    directions = discriminant(np.cov(seen[0].T), np.mean(within, axis=0), layer.units)
    layer.set_weights([directions, -seen[0].mean(axis=0) @ directions])
    return network, {"n_train": sum(len(images) for images, _ in portraits), "n_val": 0}


def scatter_within(features: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Return the covariance `(d, d)` of features `(n, d)` around each person's own mean.

    Raises ValueError if nobody has two pictures.
    """
    free = len(people) - len(np.unique(people))  # each mean takes one degree of freedom
    if not free:
        raise ValueError("To learn how pictures of one person differ, somebody must have two.")
    features = pd.DataFrame(features, dtype=float)
    away = (features - features.groupby(people).transform("mean")).to_numpy()
    return away.T @ away / free


def discriminant(total: np.ndarray, within: np.ndarray, dimensions: int) -> np.ndarray:
    """Return the directions `(d, dimensions)` in which people differ most, for what one varies.

    They are the generalised eigenvectors of both covariances `(d, d)`: one person's pictures vary
    by 1 along each, and independently.
    """
    size = len(within)
    softened = within + RIDGE * np.trace(within) / size * np.eye(size)
    return eigh(total, softened, subset_by_index=[size - dimensions, size - 1])[1].astype("f4")


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
