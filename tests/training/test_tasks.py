"""Each task fits together: pictures, networks, losses, and what its card is told."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from data_samples import grey
from scipy.special import softmax

from helpers import models
from helpers.batches import Batches
from reading_faces.training import losses, tasks
from reading_faces.training.recipes import Recipe, Schedule
from reading_faces.training.storage import BUILDERS
from reading_faces.training.training_data import Examples

REAL_TASKS = (tasks.KEYPOINTS, tasks.EMOTION, tasks.ACTION_UNITS)


@pytest.mark.parametrize(
    ("task", "model"), [(task, model) for task in REAL_TASKS for model in task.networks]
)
def test_each_network_of_a_task_takes_its_pictures_and_gives_what_its_loss_compares(task, model):
    function, arguments = task.networks[model]
    network = BUILDERS[function](**arguments)
    recipe = Recipe(Schedule(1, 1e-3), rows=2)
    batches = task.data(("made",), recipe, 0).training
    images, targets = batches[0]
    assert images.shape == (2, task.size, task.size, 1)
    outputs = network(images)
    assert outputs.shape == targets.shape
    assert np.isfinite(float(np.mean(task.loss(("made",), recipe)(targets, outputs))))
    assert task.outputs.get("classes", task.outputs.get("units", [0] * targets.shape[1]))
    for names in task.outputs.values():
        assert len(names) == targets.shape[1]


def test_without_complete_faces_the_loss_has_no_price_on_shapes():
    recipe = tasks.KEYPOINTS.recipes["full"]
    assert recipe.shape_weight > 0
    assert tasks.keypoint_loss(("made",), recipe) is losses.masked_distance


def test_a_rare_emotion_is_expected_rarely(monkeypatch):
    monkeypatch.setattr(tasks, "train_in_turn", lambda network, *_: (network, {}))
    network = models.build_emotion_model(filters=(8,))

    def learn(labels):
        examples = Examples(Batches(grey(len(labels), 48), np.eye(7)[labels]), None)
        tasks.learn_emotions(network, examples, SimpleNamespace(sources=("made",)))

    before = network.get_layer("logits").get_weights()[1]
    learn(np.arange(70) % 7)
    moved = network.get_layer("logits").get_weights()[1] - before
    shares = np.exp(moved) / 7
    learn(np.zeros(3, int))  # what was never drawn has no frequency
    assert np.isfinite(network.get_layer("logits").get_weights()[1]).all()
    np.testing.assert_allclose(shares, np.array(tasks.EMOTION_COUNTS) / 28_709, rtol=1e-4)


def test_real_shapes_put_a_price_on_unlikely_ones_from_whichever_source_knows_them(monkeypatch):
    faces = np.random.default_rng(0).normal(0, 1, (300, 15, 2)) + np.arange(30).reshape(15, 2)

    def coordinates(source):
        if source != "facial-keypoints":
            raise tasks.DataError("no faces with 15 points")
        return faces

    monkeypatch.setattr(tasks, "kaggle_coordinates", coordinates)
    sources = ("made", "facial-keypoints")
    recipe = Recipe(Schedule(1, 1e-3), shape_weight=1.0)
    loss = tasks.keypoint_loss(sources, recipe)
    true, seen = np.full((1, 15, 2), np.nan, np.float32), np.zeros((1, 15, 2), np.float32)
    true[0, [0, 1, 10, 11, 12]] = np.float32([[-0.3, -0.2], [0.3, -0.2], [0, 0], [-1, 1], [1, 1]])
    assert float(loss(true, seen)) > float(losses.masked_distance(true, seen)) + 1
    assert tasks.keypoint_loss(sources, replace(recipe, shape_weight=0.0)) is losses.masked_distance


def test_frequencies_are_put_right_only_where_all_faces_were_drawn(monkeypatch):
    monkeypatch.setattr(tasks, "train_in_turn", lambda network, *_: (network, {"n": 1}))
    examples = Examples(Batches(grey(14, 48), np.eye(7)[np.arange(14) % 7]), None)
    for sources, moved in ((("made",), True), (("made", "fer2013"), False)):
        network = models.build_emotion_model(filters=(4,), identity_blocks=0)
        run = SimpleNamespace(sources=sources)
        assert tasks.learn_emotions(network, examples, run) == (network, {"n": 1})
        assert network.get_layer("logits").get_weights()[1].any() == moved


class Oracle:
    """A model that knows what is on each picture from its first pixel, and is too sure of it."""

    def outputs(self, images):
        numbers = images[:, 0, 0].astype(int)
        wrong = np.where(np.arange(len(numbers)) % 4 == 0, (numbers + 1) % 7, numbers)
        return 9 * np.eye(7)[wrong]

    def predict(self, images):
        return np.where(images[:, 0, :18] > 100, 0.3, 0.1)


def test_sureness_is_fitted_on_validation_faces():
    numbers = np.arange(70) % 7
    images = numbers[:, None, None] * np.ones((1, 48, 48), np.uint8)
    # Training faces of which nothing fits, to be seen if they were taken.
    training, validation = (Batches(images, np.eye(7)[n]) for n in (numbers[::-1], numbers))
    examples = Examples(training, validation)
    found = tasks.temperature(Oracle(), examples)["temperature"]
    sure = softmax(Oracle().outputs(images) / found, axis=1).max(axis=1).mean()
    assert sure == pytest.approx(0.75, abs=0.03)


def test_thresholds_lie_between_absent_and_present_units_of_validation_faces():
    images = grey(50, 96)
    present = (images[:, 0, :18] > 100).astype(np.float32)
    examples = Examples(Batches(images, 1 - present), Batches(images, 0.2 + 0.4 * present))
    thresholds = tasks.unit_thresholds(Oracle(), examples)["thresholds"]
    assert len(thresholds) == 18 and all(0.1 < value < 0.3 for value in thresholds)


def test_a_split_kept_aside_is_opened_only_for_what_learnt_from_its_source(monkeypatch):
    asked = []

    def evaluate(model, *how):
        asked.append(how)
        return SimpleNamespace(result=how)

    monkeypatch.setattr(tasks, "evaluate", evaluate)
    monkeypatch.setattr(tasks, "find_folder", lambda name: name == "here")
    mine = {"source": "mine", "split": "test"}
    there, here = SimpleNamespace(sources=("made",)), SimpleNamespace(sources=("made", "mine"))
    assert tasks.report_on(None, there, **mine, check=("here", "all")) == {} and not asked
    measured = tasks.report_on(None, here, **mine, check=("here", "all"))
    assert measured == {"measured": asked}
    assert asked == [("mine", "test", False), ("mine", "test", True), ("here", "all")]
    del asked[:]
    tasks.report_on(None, here, **mine, check=("away", "all"))
    assert len(asked) == 2
