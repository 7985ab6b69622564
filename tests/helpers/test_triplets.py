"""Losses are what their formulas say, and batches hold the people and pictures they promise."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from helpers import models
from helpers.augment import augment_faces
from helpers.triplets import PeopleBatches, triplet_semi_hard


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
def test_the_loss_is_what_a_loop_over_pictures_finds(seed, shape):
    x, labels = points(seed=seed), LABELS.reshape(shape)
    found = float(triplet_semi_hard(0.3)(labels, ops.convert_to_tensor(x)))
    assert found == pytest.approx(triplets_by_loop(LABELS, x, 0.3), rel=1e-4)


def test_people_apart_cost_nothing_and_strangers_alone_neither():
    apart = np.eye(4, dtype="float32")[[0, 0, 1, 1, 2, 2]]
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert float(triplet_semi_hard(0.2)(labels, ops.convert_to_tensor(apart))) == 0
    alone = np.arange(6)
    assert float(triplet_semi_hard()(alone, ops.convert_to_tensor(points(6)))) == 0


def test_batches_hold_as_many_people_and_pictures_as_asked():
    labels = np.repeat(np.arange(6), [5, 5, 5, 5, 5, 2])
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    images[:, 0, 0] += 1  # so that no picture is plain, which cannot be standardised
    batches = PeopleBatches(images, labels, people=3, pictures=4, seed=1)
    assert len(batches) == 2
    seen = []
    for index in range(2):
        faces, who = batches[index]
        assert faces.shape == (12, 8, 8, 1)
        assert sorted(np.unique(who, return_counts=True)[1]) == [4, 4, 4]
        seen += np.unique(who).tolist()
    assert sorted(seen) == list(range(6))
    first = batches[0][1].tolist()
    batches.start_epoch(1)
    other = batches[0][1].tolist()
    batches.start_epoch(0)
    assert batches[0][1].tolist() == first != other
    with pytest.raises(ValueError, match="there are fewer"):
        PeopleBatches(images, labels, people=7)


def test_a_network_learns_to_keep_people_apart():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (8, 24, 24))
    images = np.clip(faces.repeat(6, axis=0) + rng.normal(0, 25, (48, 24, 24)), 0, 255)
    batches = PeopleBatches(
        images.astype(np.uint8), np.arange(8).repeat(6), people=4, augment=augment_faces
    )
    network = models.build_embedding_model(size=24, dimensions=8, filters=(8, 8))
    np.testing.assert_allclose(np.linalg.norm(network(batches[0][0]), axis=1), 1, atol=1e-4)
    network.compile(keras.optimizers.Adam(3e-3), loss=triplet_semi_hard(), run_eagerly=True)
    history = network.fit(batches, epochs=8, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
