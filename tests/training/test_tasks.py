"""Each task fits together: pictures, networks, losses, and what its card is told."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from data_samples import grey
from scipy.special import softmax

from helpers import models, settings
from helpers.batches import Batches
from helpers.data import KeypointData
from reading_faces.training import tasks
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


def test_the_card_says_how_far_labels_of_another_definition_lie_from_the_answers(monkeypatch):
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 70, (12, 15, 2)).astype(np.float32)
    points[:, 0], points[:, 1] = (66, 38), (30, 38)
    split = np.repeat(["train", "test"], 6)
    faces = KeypointData(grey(12, 96), points, split, source="youtube-faces")
    monkeypatch.setattr(tasks, "load_keypoints", lambda source: faces)
    lower = SimpleNamespace(
        predict=lambda images, mirrored: points[: len(images)] - [0, 3.6 if mirrored else 9.0]
    )
    run = SimpleNamespace(sources=("made", "youtube-faces"))
    found = tasks.KEYPOINTS.calibrate(lower, None, run)
    np.testing.assert_allclose(found["offsets"]["youtube-faces"], [[0, 0.1]] * 15, atol=1e-4)
    run.sources = ("made", "facial-keypoints")
    assert tasks.KEYPOINTS.calibrate(lower, None, run) == {}


def test_sureness_is_fitted_on_validation_faces():
    numbers = np.arange(70) % 7
    images = numbers[:, None, None] * np.ones((1, 48, 48), np.uint8)
    # Training faces of which nothing fits, to be seen if they were taken.
    training, validation = (Batches(images, np.eye(7)[n]) for n in (numbers[::-1], numbers))
    examples = Examples(training, validation)
    found = tasks.temperature(Oracle(), examples, None)["temperature"]
    sure = softmax(Oracle().outputs(images) / found, axis=1).max(axis=1).mean()
    assert sure == pytest.approx(0.75, abs=0.03)


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


@pytest.mark.parametrize("task", REAL_TASKS, ids=lambda task: task.name)
def test_a_full_training_is_measured_on_what_the_card_that_ships_says(task, monkeypatch):
    asked = []

    def evaluate(model, source, split, mirrored=False):
        asked.append((source, split, mirrored))
        return SimpleNamespace(result={})

    monkeypatch.setattr(tasks, "evaluate", evaluate)
    monkeypatch.setattr(tasks, "find_folder", lambda name: True)
    task.measure(None, SimpleNamespace(sources=task.sources))
    card = json.loads((settings.SHIPPED / "weights" / f"{task.name}.json").read_text())
    assert asked == [(one["source"], one["split"], bool(one["tta"])) for one in card["measured"]]


@pytest.mark.parametrize("task", tasks.TASKS)
def test_a_recipe_can_be_read_from_the_card_that_it_writes(task):
    for recipe in tasks.TASKS[task].recipes.values():
        assert Recipe.from_card(json.loads(json.dumps(recipe.as_card()))) == recipe
