"""Training goes down, survives a cut, and passes over what is not labelled."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from helpers import models
from helpers.batches import Batches
from helpers.data import DataError, KeypointData
from helpers.data.made import load_set
from reading_faces.made_faces import make_set
from reading_faces.made_faces.expression import PRESENT_FROM
from reading_faces.training import loop as train
from reading_faces.training import make as weights
from reading_faces.training import networks, recipes, storage, training_data
from reading_faces.training.augment import augment_keypoints
from reading_faces.training.loop import Recipe
from reading_faces.training.mixup import MixedBatches
from reading_faces.training.shape_prior import JUDGED, fit_shape_model

RECIPE = Recipe(epochs=4, learning_rate=2e-3, batch_size=16, precision="float32")


def small_run(out, stop_after=None):
    """Train a tiny network, and pull the plug when epoch `stop_after` has begun."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (48, 32, 32), dtype=np.uint8)
    points = rng.uniform(10, 20, (48, 15, 2)).astype(np.float32)

    def encode(keypoints):
        return models.keypoints_to_network(keypoints, 32)

    batches = Batches(images, points, augment_keypoints, 16, encode=encode)
    validation = Batches(images[:16], points[:16], encode=encode)
    # Without dropout, whose noise is the one thing that a resumed run draws anew.
    network = networks.build_keypoint_model(size=32, filters=(8,), dropout=0.0)
    network.compile(train.build_optimizer(RECIPE, len(batches)), loss=train.masked_distance)
    if stop_after is not None:
        begin = batches.start_epoch

        def start_epoch(epoch):
            begin(epoch)
            if epoch == stop_after:
                raise KeyboardInterrupt

        batches.start_epoch = start_epoch
    return train.fit(network, batches, validation, RECIPE, out), network


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return out, *small_run(out)


def test_a_run_that_was_cut_ends_as_if_it_had_not_been(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path, stop_after=2)
    assert len(train.read_history(tmp_path)) == 2
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


def test_the_loss_is_the_mean_distance_over_labelled_points():
    true = np.full((2, 3, 2), np.nan, np.float32)
    true[0, 0], true[1, 2] = (0, 0), (1, 1)
    predicted = np.zeros((2, 3, 2), np.float32)
    predicted[0, 0], predicted[1, 2] = (3, 4), (1, 1)
    assert float(train.masked_distance(true, predicted)) == pytest.approx(2.5, abs=1e-3)


def test_unlabelled_points_send_no_gradient():
    inputs = keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="ones")(inputs))
    network = keras.Model(inputs, keras.layers.Reshape((1, 2))(network(inputs)))
    network.compile(keras.optimizers.SGD(1.0), loss=train.masked_distance)
    before = network.get_weights()
    network.train_on_batch(np.ones((4, 2)), np.full((4, 1, 2), np.nan))
    for one, other in zip(before, network.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_an_epoch_sees_each_picture_once_and_the_next_in_another_order():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1) * np.ones((1, 4, 4), np.uint8)
    batches = Batches(images, np.arange(10), lambda i, t, rng: (i, t), batch_size=4)
    orders = []
    for epoch in (0, 1):
        batches.start_epoch(epoch)
        orders.append(np.concatenate([batches[i][1] for i in range(len(batches))]))
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert list(orders[0]) != list(orders[1])


def test_the_learning_rate_falls_again_from_half_its_height_after_each_restart():
    recipe = Recipe(epochs=9, learning_rate=0.1, restarts=(4, 6), optimizer="sgd")
    schedule = train.build_optimizer(recipe, steps_per_epoch=10)._learning_rate
    rates = np.array([float(schedule(step)) for step in range(90)])
    once = train.build_optimizer(replace(recipe, epochs=4, restarts=()), 10)._learning_rate
    assert np.allclose(rates[:40], [float(once(step)) for step in range(40)])
    assert rates.argmax() == 10 and rates.max() == pytest.approx(0.1)
    for start in (40, 60):
        assert start + rates[start : start + 20].argmax() == start + 10
        assert rates[start + 10] == pytest.approx(0.05)
        assert rates[start - 1] < 0.002
    assert rates[89] < 0.002
    short = train.build_optimizer(replace(recipe, epochs=3), 10)._learning_rate
    assert float(short(29)) < 0.001


def test_pictures_are_mixed_in_pairs_from_the_restart_on_and_only_to_learn_from():
    images = np.random.default_rng(0).integers(0, 256, (8, 4, 4), dtype=np.uint8)
    labels = np.eye(8, dtype=np.float32)
    same = lambda i, t, rng: (i, t)  # noqa: E731
    batches = MixedBatches(images, labels, same, batch_size=8, mixup=0.5, mixup_from=2)
    batches.start_epoch(1)
    assert set(np.unique(batches[0][1])) == {0, 1}
    batches.start_epoch(2)
    mixed, targets = batches[0]
    assert ((targets > 0.05) & (targets < 0.95)).any()
    assert np.allclose(targets.sum(axis=1), 1)
    whole = train.standardize(images)
    assert np.allclose(mixed, np.tensordot(targets, whole, axes=1), atol=1e-5)
    validation = MixedBatches(images, labels, None, batch_size=8, mixup=0.5)
    assert np.array_equal(validation[0][1], labels)


def test_training_pictures_that_occur_in_another_split_are_left_out(tmp_path):
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1) * np.ones((1, 96, 96), np.uint8)
    images[1] = images[5]
    split = np.array(["train", "train", "train", "val", "val", "test"])
    faces = KeypointData(images, np.zeros((6, 15, 2), np.float32), split)
    run = recipes.Run("keypoints", ("made",), "smoke", tmp_path)
    training, validation = training_data.train_and_val(faces, run)
    assert training.images[:, 0, 0].tolist() == [0, 2]
    assert validation.images[:, 0, 0].tolist() == [3, 4]


def test_a_recipe_may_ask_for_more_made_faces_than_ship(monkeypatch):
    asked = []

    def training_set(n, pose):
        asked.append((n, pose))
        return make_set(3)

    monkeypatch.setattr(training_data, "training_set", training_set)
    plain = training_data.load_faces("made", Recipe(1, 1e-3))
    assert not asked and np.isnan(plain.keypoints).any()
    drawn = training_data.load_faces("made", Recipe(1, 1e-3, drawn=500))
    assert asked == [(500, "turned")]
    assert len(drawn) == 3 and np.isfinite(drawn.keypoints).all()


def test_action_units_are_learnt_from_sources_that_code_them_all(tmp_path, monkeypatch):
    monkeypatch.setattr(training_data, "training_set", lambda n: make_set(3))
    drawn = training_data.load_units("made", Recipe(1, 1e-3, drawn=500))
    assert len(drawn) == 3 and drawn.action_units.shape == (3, 18)
    few = {"images": np.zeros((2, 96, 96), np.uint8), "action_units": np.eye(2, dtype=int)}
    np.savez(tmp_path / "few.npz", unit_names=np.array(["AU1", "AU2"]), **few)
    with pytest.raises(DataError, match="does not code AU4, AU5"):
        training_data.load_units(str(tmp_path / "few.npz"), Recipe(1, 1e-3))


def test_units_in_any_combination_are_learnt_from_and_never_validated_on(tmp_path, monkeypatch):
    natural, other = load_set(), make_set(3, seed=9)
    monkeypatch.setattr(
        training_data, "training_set", lambda n, seed=1, mixed=False: other if mixed else natural
    )
    monkeypatch.setitem(
        recipes.RECIPES["action_units"], "full", Recipe(1, 1e-3, drawn=40, drawn_mixed=3)
    )
    run = recipes.Run("action_units", ("made",), "full", tmp_path)
    training, validation = training_data.action_unit_data(run)
    assert len(training.images) == (natural.split == "train").sum() + 3
    judged = natural.split != "train"
    assert len(validation.images) == judged.sum() > (natural.split == "val").sum()
    assert ((training.targets > 0) & (training.targets < 1)).any()
    intensities = natural.action_units[judged].max(axis=2)
    np.testing.assert_array_equal(validation.targets >= 0.5, intensities >= PRESENT_FROM)


def test_without_complete_faces_the_loss_has_no_price_on_shapes(tmp_path):
    run = recipes.Run("keypoints", ("made",), "full", tmp_path)
    assert run.recipe.shape_weight > 0
    assert weights.keypoint_loss(run) is train.masked_distance


@pytest.mark.parametrize("task", models.TASKS)
def test_train_writes_a_model_that_loads_and_predicts(task, tmp_path):
    run = recipes.Run(task, ("made",), "smoke", tmp_path / "run")
    weights.train_model(run)
    model = storage.load(tmp_path / "run" / f"{task}.weights.h5")
    assert model.card["training"]["n_train"] == 128
    assert len(model.predict(np.zeros((2, model.input_size, model.input_size), np.uint8))) == 2
    with pytest.raises(ValueError, match="add --resume"):
        weights.train_model(run)
    other = recipes.Run(task, ("made",), "smoke", tmp_path / "run", seed=1)
    with pytest.raises(ValueError, match="another run"):
        weights.train_model(other, resume=True)


def test_a_model_inside_another_keeps_what_it_has_learnt():
    network = networks.build_emotion_by_keypoints_model()
    weights.start_from(network, models.settings.SHIPPED / "weights/made/keypoints.weights.h5")
    learnt = models.load(models.settings.SHIPPED / "weights/made/keypoints.weights.h5").network
    inside = network.get_layer("keypoints")
    assert not inside.trainable_weights
    for ours, theirs in zip(inside.get_weights(), learnt.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_rare_emotion_is_expected_rarely():
    network = models.build_emotion_model(filters=(8,))
    before = network.get_layer("logits").get_weights()[1]
    weights.expect_frequencies(network, np.arange(70) % 7)
    moved = network.get_layer("logits").get_weights()[1] - before
    shares = np.exp(moved) / 7
    np.testing.assert_allclose(shares, np.array(weights.EMOTION_COUNTS) / 28_709, rtol=1e-4)


def test_an_unlikely_shape_has_its_price_only_where_points_are_not_labelled():
    rng = np.random.default_rng(0)
    mean = rng.uniform(20, 70, (15, 2)).astype(np.float32)
    faces = mean + rng.normal(0, 1, (300, 15, 2)).astype(np.float32)
    shapes = fit_shape_model(faces)
    loss = train.distance_within_shape(shapes, typical=0.0, weight=1.0)
    seen = models.keypoints_to_network(faces[:5])
    true = seen.copy()
    assert float(loss(true, seen)) == pytest.approx(0, abs=1e-3)
    true[:, JUDGED] = np.nan
    expected = shapes.distances(faces[:5]).mean()
    assert float(loss(true, seen)) == pytest.approx(expected, rel=1e-3)
    lenient = train.distance_within_shape(shapes, typical=1e3, weight=1.0)
    assert float(lenient(true, seen)) == pytest.approx(0, abs=1e-3)
    true[:, 0] = np.nan  # an eye is missing too: nothing to lay the face over by
    assert float(loss(true, seen)) == pytest.approx(0, abs=1e-3)


def test_a_face_counts_alike_however_many_of_its_points_are_labelled():
    true = np.zeros((2, 4, 2), np.float32)
    true[1, 1:] = np.nan
    predicted = np.zeros((2, 4, 2), np.float32)
    predicted[0], predicted[1] = (3, 4), (0, 1)
    assert float(train.masked_distance(true, predicted)) == pytest.approx(3, abs=1e-3)
