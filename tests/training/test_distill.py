"""A network teaches its next training: with its answers as targets, and through a cut."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from helpers.batches import Batches
from helpers.data import DataError
from helpers.data.made import load_set
from helpers.models import build_emotion_model
from reading_faces.training import make as weights
from reading_faces.training import recipes, training_data
from reading_faces.training.distill import mirrored_answers, taught_batches
from reading_faces.training.loop import Recipe, read_history

PUPIL = Recipe(epochs=2, learning_rate=0.01, optimizer="sgd", teacher_weight=0.5)
SMALL = {"filters": (8, 8), "dropout": 0.0}
CHAIN = replace(PUPIL, rows=64, precision="float32", then=replace(PUPIL, then=PUPIL))


def test_an_answer_is_a_distribution_and_the_same_for_the_mirrored_face():
    keras.utils.set_random_seed(0)
    network = build_emotion_model(filters=(8,))
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    said = mirrored_answers(network, faces)
    assert said.shape == (3, 7) and said.dtype == np.float32
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(said, mirrored_answers(network, faces[:, :, ::-1]), atol=1e-6)
    assert np.ptp(said, axis=0).max() > 1e-4


def test_labels_and_teachers_share_a_target_and_unlabelled_faces_have_the_teachers_alone():
    faces = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
    labels = np.eye(7, dtype=np.float32)[[0, 1, 2, 3]]
    first, second = np.random.default_rng(1).dirichlet(np.ones(7), (2, 6))
    training = Batches(faces[:4], labels, seed=5)
    batches = taught_batches(training, faces, [first, second], replace(PUPIL, teacher_weight=0.25))
    mean = (first + second) / 2
    np.testing.assert_allclose(batches.targets[:4], 0.75 * labels + 0.25 * mean[:4], atol=1e-6)
    np.testing.assert_allclose(batches.targets[4:], mean[4:], atol=1e-6)
    assert np.array_equal(training.targets, labels)
    # Another pupil, other views: two pupils with the same noise would learn the same by heart.
    other = taught_batches(training, faces, [first], PUPIL)
    assert not np.array_equal(batches[0][0], other[0][0])


def test_a_chain_that_was_cut_in_its_second_training_ends_as_if_it_had_not_been(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(recipes.RECIPES["emotion"], "smoke", CHAIN)
    monkeypatch.setitem(recipes.NETWORKS, "emotion", {"tiny": ("build_emotion_model", SMALL)})
    run = recipes.Run("emotion", ("made",), "smoke", tmp_path / "whole")
    whole = weights.train_model(run)
    assert whole.card["training"]["epochs_run"] == 6
    assert len(whole.card["training"]["val_accuracy"]) == 3
    assert whole.card["training"]["recipe"]["then"]["then"]["teacher_weight"] == 0.5

    begin = Batches.start_epoch

    def pull_the_plug(batches, epoch):
        begin(batches, epoch)
        if batches.augment and batches.seed == run.seed + 1 and epoch == 1:
            raise KeyboardInterrupt

    cut = replace(run, out=tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(Batches, "start_epoch", pull_the_plug)
        with pytest.raises(KeyboardInterrupt):
            weights.train_model(cut)
    assert not (cut.out / "then" / "then").exists()
    again = weights.train_model(cut, resume=True)
    for folder in (".", "then", "then/then"):
        ours, theirs = read_history(cut.out / folder), read_history(run.out / folder)
        assert len(ours) == 2
        np.testing.assert_allclose(ours["val_loss"], theirs["val_loss"], rtol=1e-4)
    faces = load_set().images[:8, :48, :48]
    np.testing.assert_allclose(again.predict(faces), whole.predict(faces), atol=2e-3)


def test_a_number_of_epochs_takes_the_place_of_the_whole_chain(tmp_path):
    run = recipes.Run("emotion", ("fer2013",), "full", tmp_path, epochs=3)
    assert [recipe.epochs for recipe in run.recipe.in_turn()] == [3]
    assert len(replace(run, epochs=None).recipe.in_turn()) == 2


def test_unlabelled_faces_are_no_test_faces_and_no_real_ones_beside_made_ones(
    tmp_path, monkeypatch
):
    faces = training_data.load_keypoints("made")
    monkeypatch.setattr(training_data, "load_keypoints", lambda source: faces)
    run = recipes.Run("emotion", ("fer2013",), "full", tmp_path)
    assert training_data.unlabelled_faces(run).shape == ((faces.split != "test").sum(), 48, 48)
    assert not len(training_data.unlabelled_faces(replace(run, sources=("made",))))
    assert not len(training_data.unlabelled_faces(replace(run, profile="lesson")))

    def nothing(source):
        raise DataError("There is nothing here.")

    monkeypatch.setattr(training_data, "load_keypoints", nothing)
    with pytest.warns(UserWarning, match="unlabelled faces: There is nothing"):
        assert not len(training_data.unlabelled_faces(run))
