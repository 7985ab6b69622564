"""The last layer of the embedding is what its formulas say, and brings people apart."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from data_samples import real

from helpers import models
from helpers.data import load_people
from helpers.embedders import SmallEmbedder
from reading_faces.__main__ import main
from reading_faces.training import lda as discriminant
from reading_faces.training.lda import USUAL_THRESHOLD


def test_scatter_is_measured_around_each_persons_own_mean():
    rng = np.random.default_rng(0)
    points, people = rng.normal(size=(9, 3)), np.array(list("aabbbcccc"))
    parts = [points[people == name] - points[people == name].mean(axis=0) for name in "abc"]
    expected = sum(part.T @ part for part in parts) / (9 - 3)
    np.testing.assert_allclose(discriminant.scatter_within(points, people), expected)
    with pytest.raises(ValueError, match="somebody must have two"):
        discriminant.scatter_within(points[:2], np.array(["a", "b"]))


def test_what_varies_within_one_person_is_left_out():
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(50), 6)
    people = rng.normal(size=(50, 2))[who]
    light = 3 * rng.normal(size=(300, 1))  # larger than what tells people apart
    seen = np.hstack([people, light]) + 0.01 * rng.normal(size=(300, 3))
    within = discriminant.scatter_within(seen, who)
    directions = discriminant.discriminant(np.cov(seen.T), within, 2)
    assert directions.shape == (3, 2)
    assert np.abs(directions[2]).max() < 0.05 * np.abs(directions[:2]).max()
    softened = within + discriminant.RIDGE * np.trace(within) / 3 * np.eye(3)
    np.testing.assert_allclose(directions.T @ softened @ directions, np.eye(2), atol=1e-4)


def test_the_emotion_models_first_stages_are_taken_over():
    emotion = models.load("emotion").network
    network = models.build_embedding_model()
    discriminant.start_from_emotion(network, emotion)
    faces = np.random.default_rng(0).normal(size=(2, 48, 48, 1)).astype("float32")
    name = network.layers[-5].name
    assert network.get_layer(name).output.shape == (None, 12, 12, 128)
    mine = keras.Model(network.input, network.layers[-5].output)
    theirs = keras.Model(emotion.input, emotion.layers[len(network.layers) - 5].output)
    np.testing.assert_allclose(mine(faces), theirs(faces), atol=1e-5)


@pytest.fixture(scope="module")
def made():
    return discriminant.load_portraits("made", None, 0)


def test_made_people_come_with_their_names(made):
    images, people = made
    assert images.shape[1:] == (96, 96) and len(images) == len(people)
    assert len(set(people.tolist())) > 100


def test_one_step_brings_people_apart_who_were_not_in_it(made):
    small = models.build_embedding_model(size=24, dimensions=16, filters=(8, 8))
    others = [layer.get_weights() for layer in small.layers[:-2]]
    images, people = made
    names = sorted(set(people.tolist()))
    learn, judge = (np.isin(people, some) for some in (names[:60], names[60:80]))
    nobody = images[learn][:200], None

    def apart() -> float:
        faces = models.standardize(
            np.stack([discriminant.resize_square(face, 24) for face in images[judge]])
        )
        similar = (points := small.predict(faces, verbose=0)) @ points.T
        same = people[judge][:, None] == people[judge]
        return similar[same].mean() - similar[~same].mean()

    before = apart()
    somebody = images[learn], people[learn]
    _, facts = discriminant.learn(small, [nobody, somebody], SimpleNamespace(seed=0))
    assert facts["n_train"] == 200 + learn.sum()
    assert apart() > before + 0.1
    for layer, old in zip(small.layers[:-2], others, strict=True):
        for mine, theirs in zip(layer.get_weights(), old, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_the_command_leaves_an_embedder_with_a_name_and_a_threshold(tmp_path):
    command = ["train", "embedding", "--profile", "smoke", "--out", str(tmp_path / "a")]
    assert main(command) == 0
    embedder = SmallEmbedder(models.load(tmp_path / "a" / "embedding.weights.h5"))
    assert embedder.name.startswith("reading-faces-") and embedder.threshold == USUAL_THRESHOLD
    faces = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    np.testing.assert_allclose(np.linalg.norm(embedder.embed(faces), axis=1), 1, atol=1e-5)
    # Another training gives another name, so that galleries do not get mixed up.
    assert embedder.name != SmallEmbedder().name
    assert main(command) == 1


@real("facial-keypoints")
def test_faces_of_nobody_known_are_as_many_as_asked_for_and_only_of_training():
    images, people = discriminant.load_portraits("facial-keypoints", 50, 0)
    assert len(images) == 50 and people is None


@real("orl")
def test_nobody_is_learnt_from_and_judged_by():
    people = load_people("orl")
    learnt, judged = (set(people.select(split).names) for split in ("train", "test"))
    assert len(learnt) == 20 and len(judged) == 10 and not learnt & judged
