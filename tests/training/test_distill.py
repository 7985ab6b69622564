"""A network teaches its next training: with its answers as targets, and through a cut."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from data_samples import grey
from tiny_tasks import EMOTION

from helpers.batches import Batches
from helpers.data import DataError
from helpers.data.made import load_set
from helpers.images import resize_square
from helpers.models import TrainedModel
from reading_faces.training import loop, tasks, training_data
from reading_faces.training.loop import read_history, taught_batches
from reading_faces.training.make import Run, train_model
from reading_faces.training.recipes import Recipe, Schedule
from reading_faces.training.storage import BUILDERS
from reading_faces.training.training_data import Examples

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]

SCHEDULE = Schedule(epochs=2, learning_rate=0.01, optimizer="sgd", precision="float32")
PUPIL = Recipe(SCHEDULE, teacher_weight=0.5)
CHAIN = replace(PUPIL, rows=64, then=PUPIL)


def test_labels_and_teachers_share_a_target_and_unlabelled_faces_have_the_teachers_alone():
    faces, labels = grey(6, 48), np.eye(7, dtype=np.float32)[[0, 1, 2, 3]]
    first, second = np.random.default_rng(1).dirichlet(np.ones(7), (2, 6))
    training = Batches(faces[:4], labels, seed=5)
    recipe = replace(PUPIL, teacher_weight=0.25)
    batches = taught_batches(training, faces, [first, second], recipe)
    mean = (first + second) / 2
    np.testing.assert_allclose(batches.targets[:4], 0.75 * labels + 0.25 * mean[:4], atol=1e-6)
    np.testing.assert_allclose(batches.targets[4:], mean[4:], atol=1e-6)
    assert np.array_equal(training.targets, labels)
    # Another pupil, other views: two pupils with the same noise would learn the same by heart.
    other = taught_batches(training, faces, [first], PUPIL)
    assert not np.array_equal(batches[0][0], other[0][0])


def test_the_batches_of_a_pupil_are_as_its_recipe_says():
    faces, labels = grey(8, 48), np.eye(7, dtype=np.float32)[np.arange(8) % 7]
    schedule = replace(SCHEDULE, batch_size=4)
    for mixup in (0.0, 0.5):
        recipe = replace(PUPIL, schedule=schedule, mixup=mixup)
        _, targets = taught_batches(Batches(faces, labels), faces, [labels], recipe)[0]
        assert len(targets) == 4 and ((targets > 0) & (targets < 1)).any() == bool(mixup)


def test_the_card_counts_faces_and_epochs_and_has_the_best_of_each_training(monkeypatch, tmp_path):
    histories = iter([[0.2, 0.6, 0.4], [0.5, 0.3]])
    monkeypatch.setattr(loop, "fit", lambda *_: pd.DataFrame({"val_accuracy": next(histories)}))
    training, validation = (Batches(grey(n, 48), np.eye(7)[:n]) for n in (4, 3))
    function, arguments = EMOTION.networks["tiny"]
    run = SimpleNamespace(task=EMOTION, sources=("made",), recipe=CHAIN, out=tmp_path)
    examples = Examples(training, validation, grey(2, 48))
    _, facts = loop.train_in_turn(BUILDERS[function](**arguments), examples, run)
    counted = {"n_train": 4, "n_val": 3, "n_unlabelled": 2, "epochs_run": 5}
    assert facts == counted | {"val_accuracy": [0.6, 0.5]}


def test_a_pupil_sees_faces_turned_and_moved_farther_by_its_reach():
    face = np.zeros((1, 48, 48), np.uint8)
    face[:, 22:26, 22:26] = 255
    training = Batches(face, np.eye(7, dtype=np.float32)[[0]])

    def farthest(reach):
        """Return how far from the middle the spot is seen in a hundred epochs, in pixels."""
        pupil = replace(PUPIL, reach=reach)
        batches, away = taught_batches(training, face, [np.ones((1, 7)) / 7], pupil), []
        for epoch in range(100):
            batches.start_epoch(epoch)
            spot = np.argwhere(batches[0][0][0, :, :, 0] > 3)
            away.append(np.abs(spot.mean(axis=0) - 23.5).max())
        return max(away)

    assert farthest(0) < 0.6 < 2 < farthest(1) < farthest(3)


def test_a_chain_that_was_cut_in_its_second_training_ends_as_if_it_had_not_been(
    few_faces, tmp_path, monkeypatch
):
    task = replace(EMOTION, recipes={"smoke": CHAIN})
    run, taught = Run(task, (few_faces,), "smoke", tmp_path / "whole"), []

    def listen(training, faces, said, recipe):
        taught.append((faces, list(said)))
        return taught_batches(training, faces, said, recipe)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "taught_batches", listen)
        whole = train_model(run)
    # The teacher is the best of the first training, and looks at the mirrored face as well.
    function, arguments = run.network
    card = {"task": "emotion", "input": {"size": 48}}
    teacher = TrainedModel(BUILDERS[function](**arguments), card)
    teacher.network.load_weights(run.out / "best.weights.h5")
    ((faces, (said,)),) = taught
    np.testing.assert_allclose(said, teacher.predict(faces, mirrored=True), atol=1e-5)
    assert whole.card["training"]["epochs_run"] == 4
    assert len(whole.card["training"]["val_accuracy"]) == 2
    assert whole.card["training"]["recipe"]["then"]["teacher_weight"] == 0.5

    begin = Batches.start_epoch

    def pull_the_plug(batches, epoch):
        begin(batches, epoch)
        if batches.augment and batches.seed == run.seed + 1 and epoch == 1:
            raise KeyboardInterrupt

    cut = replace(run, out=tmp_path / "cut")
    with monkeypatch.context() as patch:
        patch.setattr(Batches, "start_epoch", pull_the_plug)
        with pytest.raises(KeyboardInterrupt):
            train_model(cut)
    assert len(read_history(cut.out / "then")) == 1
    again = train_model(cut, resume=True)
    for folder in (".", "then"):
        ours, theirs = read_history(cut.out / folder), read_history(run.out / folder)
        assert len(ours) == 2
        np.testing.assert_allclose(ours["val_loss"], theirs["val_loss"], rtol=1e-4)
    faces = load_set().images[:8, :48, :48]
    np.testing.assert_allclose(again.predict(faces), whole.predict(faces), atol=2e-3)


def test_unlabelled_faces_are_no_test_faces_and_no_real_ones_beside_made_ones(monkeypatch):
    faces, recipe = training_data.load_keypoints("made"), tasks.EMOTION.recipes["full"]
    monkeypatch.setattr(training_data, "load_keypoints", lambda source: faces)
    found = training_data.unlabelled_faces(("fer2013",), recipe)
    shown = faces.images[np.isin(faces.split, ["train", "val"])]
    np.testing.assert_array_equal(found, [resize_square(face, 48) for face in shown])
    assert not len(training_data.unlabelled_faces(("made",), recipe))
    lesson = tasks.EMOTION.recipes["lesson"]
    assert not len(training_data.unlabelled_faces(("fer2013",), lesson))

    def nothing(source):
        raise DataError("There is nothing here.")

    monkeypatch.setattr(training_data, "load_keypoints", nothing)
    with pytest.warns(UserWarning, match="unlabelled faces: There is nothing"):
        assert not len(training_data.unlabelled_faces(("fer2013",), recipe))
