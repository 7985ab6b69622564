"""The loss that lesson 6 writes is what its formula says, and an embedding is learnt with it."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from helpers import models
from helpers.augment import augment_faces
from helpers.batches import PeopleBatches
from notebooks import build


@pytest.fixture(scope="module")
def semi_hard_loss():
    """Run the cell of the lesson that defines the loss."""
    lesson = build.read_source(build.sources(["05"])[0])
    (cell,) = [cell.source for cell in lesson.cells if "def semi_hard_loss" in cell.source]
    names = {"ops": ops, "np": np}
    exec(cell, names)
    return names["semi_hard_loss"]


def points(n=10, d=4, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")


LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 3])


def triplets_by_loop(labels, x, margin):
    distance = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    terms = []
    for a, p in itertools.permutations(range(len(x)), 2):
        if labels[a] != labels[p]:
            continue
        others = distance[a][labels != labels[a]]
        farther = others[others > distance[a, p]]
        negative = farther.min() if len(farther) else others.max()
        terms.append(max(0, distance[a, p] - negative + margin))
    return np.mean(terms)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [(10,), (10, 1)])
def test_the_loss_is_what_a_loop_over_pictures_finds(semi_hard_loss, seed, shape):
    x, labels = points(seed=seed), LABELS.reshape(shape)
    found = float(semi_hard_loss(labels, ops.convert_to_tensor(x), 0.3))
    assert found == pytest.approx(triplets_by_loop(LABELS, x, 0.3), rel=1e-4)


def test_people_apart_cost_nothing_and_strangers_alone_neither(semi_hard_loss):
    apart = np.eye(4, dtype="float32")[[0, 0, 1, 1, 2, 2]]
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert float(semi_hard_loss(labels, ops.convert_to_tensor(apart))) == 0
    assert float(semi_hard_loss(np.arange(6), ops.convert_to_tensor(points(6)))) == 0


def test_a_network_learns_to_keep_people_apart(semi_hard_loss):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (8, 24, 24))
    images = np.clip(faces.repeat(6, axis=0) + rng.normal(0, 25, (48, 24, 24)), 0, 255)
    batches = PeopleBatches(
        images.astype(np.uint8), np.arange(8).repeat(6), people=4, augment=augment_faces
    )
    inner = models.build_embedding_model(24, 8, filters=(8, 8), identity_blocks=(0, 0))
    colours = keras.layers.Conv2D(3, 1, use_bias=False, kernel_initializer="ones")
    network = keras.Sequential([keras.Input((24, 24, 1)), colours, inner])
    np.testing.assert_allclose(np.linalg.norm(network(batches[0][0]), axis=1), 1, atol=1e-4)
    network.compile(keras.optimizers.Adam(3e-3), semi_hard_loss)
    history = network.fit(batches, epochs=8, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
