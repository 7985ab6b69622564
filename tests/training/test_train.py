"""Training goes down, survives a cut, and says on the card where its weights come from."""

import argparse
import json
import shlex
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from data_samples import files_under, grey
from tiny_tasks import ACTION_UNITS, EMOTION, KEYPOINTS

from helpers import models
from helpers.batches import Batches
from helpers.data import DataError, KeypointData
from helpers.data.made import load_set
from helpers.models import TrainedModel
from reading_faces.__main__ import main
from reading_faces.commands import train
from reading_faces.made_faces import make_set
from reading_faces.made_faces.expression import PRESENT_FROM
from reading_faces.training import loop, losses, storage, tasks, training_data
from reading_faces.training.augment import augment_keypoints
from reading_faces.training.made_sets import save_set
from reading_faces.training.make import TEXTS, Run, terms_and_failures, train_model, write_card
from reading_faces.training.mixup import MixedBatches
from reading_faces.training.networks import BUILDERS, build_keypoint_model
from reading_faces.training.recipes import Data, Recipe, Schedule, Targets

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]

REAL_TASKS = (tasks.KEYPOINTS, tasks.EMOTION, tasks.ACTION_UNITS)
SCHEDULE = Schedule(epochs=4, learning_rate=2e-3, batch_size=16)
FREE, RESEARCH, UNKNOWN = (TEXTS["terms"][name] for name in ("drawn", "real", "unknown"))
KNOWN = TEXTS["known_failures"]


# The loop


def small_run(out, stop_after=None):
    """Train a tiny network, and pull the plug when epoch `stop_after` has begun."""
    keras.utils.set_random_seed(0)
    images = grey(48, 32)
    points = np.random.default_rng(0).uniform(10, 20, (48, 15, 2)).astype(np.float32)

    def encode(keypoints):
        return models.keypoints_to_network(keypoints, 32)

    batches = Batches(images, points, augment_keypoints, 16, encode=encode)
    validation = Batches(images[:16], points[:16], encode=encode)
    # Without dropout, whose noise is the one thing that a resumed run draws anew.
    network = build_keypoint_model(size=32, filters=(8,), dropout=0.0)
    network.compile(loop.build_optimizer(SCHEDULE, len(batches)), loss=losses.masked_distance)
    if stop_after is not None:
        begin = batches.start_epoch

        def start_epoch(epoch):
            begin(epoch)
            if epoch == stop_after:
                raise KeyboardInterrupt

        batches.start_epoch = start_epoch
    return loop.fit(network, batches, SCHEDULE.epochs, validation, out), network


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return out, *small_run(out)


def test_a_run_that_was_cut_ends_as_if_it_had_not_been(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path, stop_after=2)
    assert len(loop.read_history(tmp_path)) == 2
    history, network = small_run(tmp_path)
    np.testing.assert_allclose(history["val_loss"], whole[1]["val_loss"], rtol=1e-5)
    for one, other in zip(network.get_weights(), whole[2].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_finished_run_is_not_trained_further(whole):
    out, history, network = whole
    again, loaded = small_run(out)
    assert again.equals(history)
    for one, other in zip(network.get_weights(), loaded.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_an_epoch_that_was_cut_and_run_again_counts_once(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n0,3.0\n1,2.0\n1,1.5\n2,1.0\n")
    history = loop.read_history(tmp_path)
    assert history["epoch"].tolist() == [0, 1, 2] and history["loss"].tolist() == [3, 1.5, 1]


class Climb(keras.utils.PyDataset):
    """One batch an epoch that makes the one weight of `climber` larger by 1."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return np.ones((1, 1), np.float32), np.ones((1, 1), np.float32)


def climber(loss=lambda true, predicted: -predicted):
    """Build a network whose weight is 1, 2, 3 after each epoch, and whose accuracy is best at 2."""
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(inputs)
    network = keras.Model(inputs, outputs)

    def accuracy(true, predicted):
        return 1 - keras.ops.abs(predicted - 2) / 10

    network.compile(keras.optimizers.SGD(1.0), loss=loss, metrics=[accuracy])
    return network


@pytest.mark.parametrize(("monitor", "best"), [("val_accuracy", 2), ("val_loss", 4)])
def test_the_best_epoch_is_kept_the_highest_accuracy_or_the_lowest_loss(tmp_path, monitor, best):
    network = climber()
    history = loop.fit(network, Climb(), 4, Climb(), tmp_path, monitor)
    assert len(history) == 4 and network.get_weights()[0].item() == pytest.approx(best)


def test_without_a_folder_the_last_epoch_is_kept_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = climber()
    history = loop.fit(network, Climb(), 3, verbose=0)
    assert history["loss"].tolist() == [0, -1, -2]
    assert network.get_weights()[0].item() == pytest.approx(3)
    assert not files_under(tmp_path)


@pytest.mark.parametrize("monitor", ["val_accuracy", "val_loss", None])
def test_a_loss_that_is_no_number_from_the_first_epoch_on_is_said_in_a_sentence(tmp_path, monitor):
    network = climber(loss=lambda true, predicted: predicted * np.nan)
    files = (Climb(), tmp_path, monitor) if monitor else ()
    with pytest.raises(ValueError, match="loss is no number"):
        loop.fit(network, Climb(), 3, *files, verbose=0)


def rates(schedule, steps, steps_per_epoch=10):
    """Return the learning rate at each of so many steps."""
    optimizer = loop.build_optimizer(schedule, steps_per_epoch)
    found = []
    for step in range(steps):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return np.array(found)


def test_the_learning_rate_falls_again_from_half_its_height_after_each_restart():
    schedule = Schedule(epochs=9, learning_rate=0.1, restarts=(4, 6), optimizer="sgd")
    found = rates(schedule, 90)
    assert np.allclose(found[:40], rates(replace(schedule, epochs=4, restarts=()), 40))
    assert found.argmax() == 10 and found.max() == pytest.approx(0.1)
    for start in (40, 60):
        assert start + found[start : start + 20].argmax() == start + 10
        assert found[start + 10] == pytest.approx(0.05)
        assert found[start - 1] < 0.002
    assert found[89] < 0.002
    assert rates(replace(schedule, epochs=3), 30)[29] < 0.001
    assert rates(replace(schedule, warmup_epochs=0), 1)[0] == pytest.approx(0.1)


def test_a_rate_without_steps_to_fall_over_stays_as_it_is():
    assert set(rates(Schedule(3, 0.25, optimizer="sgd"), 30, None)) == {0.25}


# Batches


def as_it_is(images, targets, rng):
    return images, targets


def test_an_epoch_sees_each_picture_once_and_the_next_in_another_order():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1) * np.ones((1, 4, 4), np.uint8)
    batches = Batches(images, np.arange(10), as_it_is, batch_size=4)
    orders = []
    for epoch in (0, 1):
        batches.start_epoch(epoch)
        orders.append(np.concatenate([batches[i][1] for i in range(len(batches))]))
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert list(orders[0]) != list(orders[1])


def views(seed, epoch=0):
    """Return what is seen of each of six faces, by its number."""
    faces = load_set().images[:6]
    points = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 15, 2), np.float32)
    batches = MixedBatches(
        faces, points, lambda i, t, rng: (augment_keypoints(i, t, rng)[0], t), 4, seed
    )
    batches.start_epoch(epoch)
    seen = [batches[index] for index in range(len(batches))]
    numbers = np.concatenate([targets[:, 0, 0] for _, targets in seen])
    return np.concatenate([images for images, _ in seen])[numbers.argsort()]


def test_another_seed_or_epoch_shows_other_views_of_each_face_and_the_same_ones_the_same():
    first = views(0)
    assert np.array_equal(first, views(0))
    for other in (views(1), views(0, epoch=1)):
        assert all(np.abs(one - two).mean() > 0.1 for one, two in zip(first, other, strict=True))


def test_pictures_are_mixed_in_pairs_from_the_restart_on_and_only_to_learn_from():
    images, labels = grey(8, 4), np.eye(8, dtype=np.float32)
    batches = MixedBatches(images, labels, as_it_is, batch_size=8, mixup=0.5, mixup_from=2)
    batches.start_epoch(1)
    assert set(np.unique(batches[0][1])) == {0, 1}
    batches.start_epoch(2)
    mixed, targets = batches[0]
    assert ((targets > 0.05) & (targets < 0.95)).any()
    assert np.allclose(targets.sum(axis=1), 1)
    assert np.allclose(mixed, np.tensordot(targets, models.standardize(images), axes=1), atol=1e-5)
    validation = MixedBatches(images, labels, None, batch_size=8, mixup=0.5)
    assert np.array_equal(validation[0][1], labels)


# What is learnt from


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three made faces, as `training_set` gives them."""
    path = tmp_path_factory.mktemp("set") / "three.npz"
    save_set(make_set(3, seed=9), path)
    return load_set(path)


def test_training_pictures_that_occur_in_another_split_are_left_out():
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1) * np.ones((1, 96, 96), np.uint8)
    images[1] = images[5]
    split = np.array(["train", "train", "train", "val", "val", "test"])
    faces = KeypointData(images, np.zeros((6, 15, 2), np.float32), split)
    training, validation = training_data.train_and_val(faces, 128, 0)
    assert training.images[:, 0, 0].tolist() == [0, 2]
    assert validation.images[:, 0, 0].tolist() == [3, 4]
    assert len(training_data.train_and_val(faces, 1, 0)[0]) == 1


def test_a_source_without_splits_gives_a_tenth_to_judge_by():
    faces = KeypointData(grey(400, 96), np.zeros((400, 15, 2), np.float32), np.full(400, "all"))
    training, validation = training_data.train_and_val(faces, None, 0)
    assert len(training) + len(validation) == 400 and 20 < len(validation) < 60


def test_a_recipe_may_ask_for_more_made_faces_than_ship(three, monkeypatch):
    asked = []

    def training_set(n, pose):
        asked.append((n, pose))
        return three

    monkeypatch.setattr(training_data, "training_set", training_set)
    plain = training_data.load_faces("made", Data())
    assert not asked and np.isnan(plain.keypoints).any()
    drawn = training_data.load_faces("made", Data(drawn=500))
    assert asked == [(500, "turned")]
    assert len(drawn) == 3 and np.isfinite(drawn.keypoints).all()


def test_action_units_are_learnt_from_sources_that_code_them_all(three, tmp_path, monkeypatch):
    monkeypatch.setattr(training_data, "training_set", lambda n: three)
    drawn = training_data.load_units("made", Data(drawn=500))
    assert len(drawn) == 3 and drawn.action_units.shape == (3, 18)
    few = {"images": np.zeros((2, 96, 96), np.uint8), "action_units": np.eye(2, dtype=int)}
    np.savez(tmp_path / "few.npz", unit_names=np.array(["AU1", "AU2"]), **few)
    with pytest.raises(DataError, match="does not code AU4, AU5"):
        training_data.load_units(str(tmp_path / "few.npz"), Data())


def test_units_in_any_combination_are_learnt_from_and_never_validated_on(three, monkeypatch):
    natural = load_set()
    monkeypatch.setattr(
        training_data, "training_set", lambda n, seed=1, mixed=False: three if mixed else natural
    )
    recipe = Recipe(Schedule(1, 1e-3), Data(drawn=40, drawn_mixed=3))
    training, validation, _ = training_data.action_unit_data(("made",), recipe, 0)
    assert len(training.images) == (natural.split == "train").sum() + 3
    judged = natural.split != "train"
    assert len(validation.images) == judged.sum() > (natural.split == "val").sum()
    assert ((training.targets > 0) & (training.targets < 1)).any()
    intensities = natural.action_units[judged].max(axis=2)
    np.testing.assert_array_equal(validation.targets >= 0.5, intensities >= PRESENT_FROM)


# The tasks


@pytest.mark.parametrize(
    ("task", "model"), [(task, model) for task in REAL_TASKS for model in task.networks]
)
def test_each_network_of_a_task_takes_its_pictures_and_gives_what_its_loss_compares(task, model):
    function, arguments = task.networks[model]
    network = BUILDERS[function](**arguments)
    batches = task.data(("made",), Recipe(Schedule(1, 1e-3), Data(rows=2)), 0).training
    images, targets = batches[0]
    assert images.shape == (2, task.size, task.size, 1)
    outputs = network(images)
    assert outputs.shape == targets.shape
    assert np.isfinite(float(np.mean(task.loss(("made",), Targets())(targets, outputs))))
    assert task.outputs.get("classes", task.outputs.get("units", [0] * targets.shape[1]))
    for names in task.outputs.values():
        assert len(names) == targets.shape[1]


def test_without_complete_faces_the_loss_has_no_price_on_shapes():
    targets = tasks.KEYPOINTS.recipes["full"].targets
    assert targets.shape_weight > 0
    assert tasks.keypoint_loss(("made",), targets) is losses.masked_distance


def test_a_rare_emotion_is_expected_rarely():
    network = models.build_emotion_model(filters=(8,))
    before = network.get_layer("logits").get_weights()[1]
    tasks.expect_frequencies(network, np.arange(70) % 7)
    moved = network.get_layer("logits").get_weights()[1] - before
    shares = np.exp(moved) / 7
    np.testing.assert_allclose(shares, np.array(tasks.EMOTION_COUNTS) / 28_709, rtol=1e-4)


def test_a_model_inside_another_keeps_what_it_has_learnt():
    network = BUILDERS["build_emotion_by_keypoints_model"]()
    learnt = models.load(models.settings.SHIPPED / "weights/made/keypoints.weights.h5").network
    loop.take_over(network, learnt)
    inside = network.get_layer("keypoints")
    assert not inside.trainable_weights
    for ours, theirs in zip(inside.get_weights(), learnt.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# The losses


def test_the_loss_is_the_mean_distance_over_labelled_points():
    true = np.full((2, 3, 2), np.nan, np.float32)
    true[0, 0], true[1, 2] = (0, 0), (1, 1)
    predicted = np.zeros((2, 3, 2), np.float32)
    predicted[0, 0], predicted[1, 2] = (3, 4), (1, 1)
    assert float(losses.masked_distance(true, predicted)) == pytest.approx(2.5, abs=1e-3)


def test_a_face_counts_alike_however_many_of_its_points_are_labelled():
    true = np.zeros((2, 4, 2), np.float32)
    true[1, 1:] = np.nan
    predicted = np.zeros((2, 4, 2), np.float32)
    predicted[0], predicted[1] = (3, 4), (0, 1)
    assert float(losses.masked_distance(true, predicted)) == pytest.approx(3, abs=1e-3)


def test_unlabelled_points_send_no_gradient():
    inputs = keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="ones")(inputs))
    network = keras.Model(inputs, keras.layers.Reshape((1, 2))(network(inputs)))
    network.compile(keras.optimizers.SGD(1.0), loss=losses.masked_distance)
    before = network.get_weights()
    network.train_on_batch(np.ones((4, 2)), np.full((4, 1, 2), np.nan))
    for one, other in zip(before, network.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_face_of_a_weighed_class_costs_so_much_more():
    targets = np.eye(3, dtype=np.float32)[[0, 2]]
    logits = np.array([[1, 2, 3], [0, 1, -1]], np.float32)
    plain = [float(losses.cross_entropy()(targets[i : i + 1], logits[i : i + 1])) for i in (0, 1)]
    weights = np.array([0.5, 1, 3], np.float32)
    weighed = losses.cross_entropy(class_weights=weights)(targets, logits)
    np.testing.assert_allclose(weighed, [0.5 * plain[0], 3 * plain[1]], rtol=1e-5)


# Making a model


@pytest.mark.parametrize("task", [KEYPOINTS, EMOTION, ACTION_UNITS], ids=lambda task: task.name)
def test_training_writes_a_model_that_loads_and_predicts(task, tmp_path):
    run = Run(task, ("made",), "smoke", tmp_path / "run")
    train_model(run)
    model = storage.load(tmp_path / "run" / f"{task.name}.weights.h5")
    training = model.card["training"]
    assert (training["n_train"], training["epochs_run"]) == (128, 1)
    assert training["recipe"]["rows"] == 128 and training["command"] == run.command
    history = loop.read_history(run.out)
    assert training[task.monitor] == [pytest.approx(history[task.monitor][0], abs=1e-4)]
    fitted = {"emotion": {"temperature"}, "action_units": {"thresholds"}, "keypoints": set()}
    assert set(model.card) >= {"terms", "known_failures"} | fitted[task.name] | set(task.outputs)
    assert len(model.predict(np.zeros((2, task.size, task.size), np.uint8))) == 2
    with pytest.raises(ValueError, match="add --resume"):
        train_model(run)
    with pytest.raises(ValueError, match="another run"):
        train_model(replace(run, seed=1), resume=True)
    assert train_model(run, resume=True).card["training"] == training


def test_a_number_of_epochs_takes_the_place_of_the_whole_chain(tmp_path):
    run = Run(tasks.EMOTION, ("fer2013",), "full", tmp_path)
    assert len(run.recipe.in_turn()) == 2
    shorter = replace(run, epochs=3).recipe.in_turn()
    assert [recipe.schedule.epochs for recipe in shorter] == [3]
    assert replace(run, model="keypoints").recipe.schedule.epochs == 7


@pytest.mark.parametrize("seed", [0, 5])
def test_the_command_on_the_card_makes_the_same_run_again(seed):
    run = Run(
        tasks.ACTION_UNITS, ("made", "my faces.npz"), "lesson", Path("my out"), "residual",
        Path("old weights/a.weights.h5"), seed, 3,
    )  # fmt: skip
    words = shlex.split(run.command)
    assert words[0] == f"COURSE_SEED={seed}" or not seed
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    options = parser.parse_args(words[words.index("train") + 1 :])
    assert (options.task, tuple(options.source)) == ("action-units", run.sources)
    assert (options.profile, options.epochs, options.model) == ("lesson", 3, "residual")
    assert (options.init, options.out) == (run.init, run.out)


# What is refused, before any work


@pytest.fixture
def idle(monkeypatch):
    """Let a tiny task be trained by the command line, but fail if it begins to load its data."""

    def load(*_):
        pytest.fail("work has begun")

    monkeypatch.setitem(tasks.TASKS, "emotion", replace(EMOTION, data=load))


def a_model(folder: Path, of=EMOTION, **card) -> Path:
    """Store a tiny untrained model, and return the path of its weights."""
    function, arguments = of.networks["tiny"]
    network = BUILDERS[function](**arguments)
    written = write_card(Run(of, ("made",), "smoke", folder), {})
    return storage.save(TrainedModel(network, written | card), folder)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--source", "nowhere"], "nowhere is no file or folder here"),
        (["--source", "made", "--source", "nowhere.npz"], "nowhere.npz is no file"),
        (["--model", "huge"], "emotion has no model 'huge'"),
        (["--init", "nothing.weights.h5"], "no trained model at nothing.weights.h5"),
    ],
)
def test_what_is_unknown_is_refused_before_any_work(options, said, idle, tmp_path, capsys):
    assert main(["train", "emotion", *options, "--out", str(tmp_path / "run")]) != 0
    assert said in capsys.readouterr().err
    assert not files_under(tmp_path)


def test_weights_of_another_network_are_refused_before_any_work(idle, tmp_path, capsys):
    other = a_model(tmp_path, KEYPOINTS)
    assert main(["train", "emotion", "--init", str(other), "--out", str(tmp_path / "run")]) != 0
    assert "is a model for keypoints that does not fit" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_first_weights_are_never_replaced(idle, tmp_path, capsys):
    weights = a_model(tmp_path / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    command = ["train", "emotion", "--init", str(weights), "--out"]
    for out in ("mine", "link", "mine/../mine"):
        assert main([*command, str(tmp_path / out)]) == 2
        assert "would replace" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "run"), "--copy-to", str(tmp_path / "mine")]) == 2
    assert "--copy-to" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == before


def test_nothing_is_written_among_the_pictures_that_are_learnt_from(idle, tmp_path, capsys):
    (tmp_path / "faces/train/happy").mkdir(parents=True)
    for out in ("faces", "faces/model"):
        command = ["train", "emotion", "--source", str(tmp_path / "faces")]
        assert main([*command, "--out", str(tmp_path / out)]) == 2
        assert "which is learnt from" in capsys.readouterr().err
    assert not files_under(tmp_path)


def test_weights_and_card_are_put_where_the_command_says_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(tasks.TASKS, "emotion", EMOTION)
    out, ship = tmp_path / "run", tmp_path / "weights"
    command = ["train", "emotion", "--profile", "smoke", "--out", str(out), "--copy-to", str(ship)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out / 'emotion.weights.h5'}\n"
    assert files_under(ship) == {"emotion.weights.h5", "emotion.json"}
    assert (
        models.load(ship / "emotion.weights.h5").card
        == models.load(out / "emotion.weights.h5").card
    )


# What the card says of licence and data


def card_of(tmp_path, sources=("made",), init=None, task=EMOTION) -> dict:
    return write_card(Run(task, sources, "smoke", tmp_path / "out", init=init), {})


def test_weights_that_have_seen_made_faces_only_are_free_and_say_so(tmp_path):
    card = card_of(tmp_path)
    assert (card["terms"], card["known_failures"]) == (FREE, KNOWN["any"]["drawn"])
    card = card_of(tmp_path, init=a_model(tmp_path))
    assert (card["terms"], card["known_failures"]) == (FREE, KNOWN["any"]["drawn"])
    units = card_of(tmp_path, task=ACTION_UNITS)
    assert (units["terms"], units["known_failures"]) == (FREE, KNOWN["action_units"]["drawn"])


def test_weights_that_have_seen_people_are_for_research(tmp_path):
    card = card_of(tmp_path, ("made", "fer2013"))
    assert (card["terms"], card["known_failures"]) == (RESEARCH, KNOWN["emotion"]["real"])
    card = card_of(tmp_path, ("fer2013",), init=a_model(tmp_path))
    assert (card["terms"], card["known_failures"]) == (RESEARCH, KNOWN["emotion"]["real"])


def test_made_faces_do_not_free_weights_that_began_with_people(tmp_path):
    first = a_model(tmp_path / "a", terms=RESEARCH, known_failures="Often wrong.")
    second = card_of(tmp_path, init=first)
    assert second["terms"] == RESEARCH
    assert "no real one" not in second["known_failures"]
    assert "Often wrong." in second["known_failures"]
    began = second["training"]["began_with"]
    assert began["weights"] == str(first) and began["sources"] == ["made"]
    # And so on: who began with those is not free either, and says what those began with.
    third = card_of(tmp_path, init=a_model(tmp_path / "b", **second))
    assert third["terms"] == RESEARCH and "Often wrong." in third["known_failures"]
    assert third["training"]["began_with"]["began_with"] == began


def test_first_weights_keep_their_own_terms_and_unknown_ones_are_called_unknown(tmp_path):
    card = card_of(tmp_path, ("fer2013",), init=a_model(tmp_path, terms="Ask me first."))
    assert card["terms"] == f"{RESEARCH} Ask me first."
    weights = a_model(tmp_path)
    path = weights.with_name("emotion.json")
    stored = {
        name: value for name, value in json.loads(path.read_text()).items() if name != "terms"
    }
    path.write_text(json.dumps(stored))
    assert card_of(tmp_path, init=weights)["terms"] == UNKNOWN


def test_an_embedding_begins_with_the_emotion_model_and_says_so(tmp_path):
    run = Run(tasks.EMBEDDING, ("made",), "smoke", tmp_path)
    assert run.began_with["sources"] == ["fer2013"]
    known = terms_and_failures(run)
    assert known["terms"] == RESEARCH and "drawn" in known["known_failures"]


def test_a_run_goes_on_only_from_the_weights_that_it_began_with(tmp_path):
    first = a_model(tmp_path / "first")
    run = Run(EMOTION, ("made",), "smoke", tmp_path / "run", init=first)
    train_model(run)
    a_model(tmp_path / "first", terms=RESEARCH, training={"sources": ["fer2013"]})
    with pytest.raises(ValueError, match="another run"):
        train_model(replace(run), resume=True)
