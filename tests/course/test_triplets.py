"""What lesson 6 writes finds the right triplets, and a network learns with them."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops
from sklearn.metrics import roc_auc_score

from helpers import data, settings
from notebooks import build

TAKEN = ("def triplet_loss", "def semi_hard", "def find_triplets", "def build_embedder", "STEPS =")
WHO = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 3])


@pytest.fixture
def lesson():
    """Run the cells of the lesson that define its training; return their names."""
    cells = build.read_source(build.sources(["06"])[0]).cells
    names = {"keras": keras, "layers": layers, "np": np, "ops": ops, "settings": settings}
    for begin in TAKEN:
        source = next(c.source for c in cells if c.cell_type == "code" and begin in c.source)
        exec(source, names)
    return names


def points(seed=0):
    vectors = np.random.default_rng(seed).normal(size=(len(WHO), 4))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")


def triplets_by_loop(x, margin):
    distance = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    found = set()
    for a, p in itertools.permutations(range(len(x)), 2):
        good = [
            n
            for n in range(len(x))
            if WHO[a] == WHO[p]
            and WHO[n] != WHO[a]
            and 0 < distance[a, n] - distance[a, p] < margin
        ]
        if good:
            found.add((a, p, min(good, key=lambda n: distance[a, n])))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_triplets_are_those_that_a_loop_over_pictures_finds(lesson, seed):
    found = lesson["find_triplets"](points(seed), WHO, 0.3)
    assert found.shape[1] == 3
    assert set(map(tuple, found)) == triplets_by_loop(points(seed), 0.3)


def test_people_who_are_far_apart_give_no_triplets(lesson):
    apart = np.eye(4, dtype="float32")[WHO]
    assert len(lesson["find_triplets"](apart, WHO, 0.2)) == 0


def test_a_network_learns_to_keep_people_apart(lesson):
    faces = data.load_set()
    who = np.unique(faces.subjects, return_inverse=True)[1]
    train, new = (np.flatnonzero(faces.split == split) for split in ("train", "test"))
    grey = faces.small_images[..., np.newaxis] / 255
    lesson |= {"grey": grey, "who": who, "train": train, "STEPS": 25}

    def auc(network):
        x = network.predict(grey[new], verbose=0)
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-4)
        pairs = np.triu_indices(len(new), 1)
        return roc_auc_score((who[new][:, None] == who[new])[pairs], (x @ x.T)[pairs])

    trained, _ = lesson["train_embedder"](0.2)
    before, after = auc(lesson["build_embedder"]()), auc(trained)
    assert after > before + 0.05
