"""Training keeps the best epoch, survives a cut, and follows its schedule."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from data_samples import files_under, grey

from helpers import models
from helpers.batches import Batches
from helpers.data.made import load_set
from reading_faces.training import loop, losses
from reading_faces.training.augment import MixedBatches, augment_keypoints
from reading_faces.training.recipes import Schedule, build_optimizer, precision
from reading_faces.training.storage import BUILDERS, build_keypoint_model, take_over

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]
SCHEDULE = Schedule(epochs=4, learning_rate=2e-3, batch_size=16)


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
    network.compile(build_optimizer(SCHEDULE, len(batches)), loss=losses.masked_distance)
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


def test_a_cut_while_the_best_weights_are_saved_loses_no_epoch(whole, tmp_path, monkeypatch):
    saver = keras.callbacks.ModelCheckpoint
    save = saver.on_epoch_end

    def cut(self, epoch, logs=None):
        if epoch == SCHEDULE.epochs - 1:
            raise KeyboardInterrupt
        save(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(saver, "on_epoch_end", cut)
        with pytest.raises(KeyboardInterrupt):
            small_run(tmp_path)
    assert whole[1]["val_loss"].idxmin() == SCHEDULE.epochs - 1, "the epoch that is cut is best"
    _, network = small_run(tmp_path)
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


def test_callbacks_are_told_of_each_epoch():
    told = []
    tell = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append(epoch))
    loop.fit(climber(), Climb(), 3, verbose=0, callbacks=[tell])
    assert told == [0, 1, 2]


@pytest.mark.parametrize("monitor", ["val_accuracy", "val_loss", None])
def test_a_loss_that_is_no_number_from_the_first_epoch_on_is_said_in_a_sentence(tmp_path, monitor):
    network = climber(loss=lambda true, predicted: predicted * np.nan)
    files = (Climb(), tmp_path, monitor) if monitor else ()
    with pytest.raises(ValueError, match="loss is no number"):
        loop.fit(network, Climb(), 3, *files, verbose=0)


def rates(schedule, steps, steps_per_epoch=10):
    """Return the learning rate at each of so many steps."""
    optimizer = build_optimizer(schedule, steps_per_epoch)
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


def test_a_warm_up_begins_at_a_twentieth_and_each_optimizer_has_its_own_numbers():
    schedule = Schedule(epochs=4, learning_rate=0.2, optimizer="sgd", weight_decay=0.01)
    assert rates(schedule, 6)[[0, 5]] == pytest.approx([0.01, 0.105])
    sgd = build_optimizer(schedule, 10)
    assert (sgd.momentum, sgd.nesterov, sgd.weight_decay) == (0.9, True, 0.01)
    for name, kind in {"nadam": keras.optimizers.Nadam, "adam": keras.optimizers.Adam}.items():
        assert type(build_optimizer(replace(schedule, optimizer=name), 10)) is kind
    adamw = build_optimizer(replace(schedule, optimizer="adamw"), 10)
    assert isinstance(adamw, keras.optimizers.AdamW) and adamw.weight_decay == 0.01


@pytest.mark.parametrize("optimizer", ["nadam", "adam", "adamw"])
def test_the_rate_of_every_optimizer_falls_alike(optimizer):
    schedule = Schedule(epochs=4, learning_rate=0.2, optimizer="sgd", restarts=(2,))
    found = rates(replace(schedule, optimizer=optimizer), 40)
    np.testing.assert_array_equal(found, rates(schedule, 40))


def test_a_resumed_run_does_not_take_a_worse_epoch_for_the_best(tmp_path):
    told = []

    class Told(Climb):
        def start_epoch(self, epoch):
            told.append(epoch)

    loop.fit(climber(), Told(), 2, Climb(), tmp_path, "val_accuracy")
    network = climber()
    history = loop.fit(network, Told(), 4, Climb(), tmp_path, "val_accuracy")
    assert len(history) == 4 and network.get_weights()[0].item() == pytest.approx(2)
    assert told == [0, 1, 2, 3]


def test_a_dtype_policy_holds_while_layers_are_built_and_no_longer():
    before = keras.config.dtype_policy().name
    with pytest.raises(KeyboardInterrupt), precision("mixed_bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        raise KeyboardInterrupt
    assert keras.config.dtype_policy().name == before
    with precision("auto"):
        assert keras.config.dtype_policy().name in ("float32", "mixed_bfloat16")


def test_a_model_inside_another_keeps_what_it_has_learnt():
    network = BUILDERS["build_emotion_by_keypoints_model"]()
    learnt = models.load(models.settings.SHIPPED / "weights/made/keypoints.weights.h5").network
    take_over(network, learnt)
    inside = network.get_layer("keypoints")
    assert not inside.trainable_weights and network.trainable_weights
    for ours, theirs in zip(inside.get_weights(), learnt.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


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


def test_an_optimizer_that_is_misspelt_is_an_error():
    with pytest.raises(KeyError, match="adamv"):
        build_optimizer(replace(SCHEDULE, optimizer="adamv"), None)
