"""Batches are shuffled and changed in training only, and hold the people that were asked for."""

import time

import keras
import numpy as np

from helpers.batches import Batches
from helpers.models import standardize


def test_what_is_learnt_from_is_shuffled_and_changed_and_what_is_judged_is_not():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1) * np.arange(
        16, dtype=np.uint8
    ).reshape(1, 4, 4)

    def darken(pictures, targets, rng):
        return pictures // rng.integers(2, 9, (len(pictures), 1, 1), dtype=np.uint8), targets

    def epoch(number, seed=0, augment=darken):
        loader = Batches(images, np.arange(10), augment, 4, seed, encode=lambda labels: -labels)
        loader.start_epoch(number)
        assert [len(targets) for _, targets in loader] == [4, 4, 2]
        return [np.concatenate(parts) for parts in zip(*loader, strict=True)]

    first, targets = epoch(0)
    assert sorted(-targets) == list(range(10)) and first.shape == (10, 4, 4, 1)
    for other in (epoch(1), epoch(0, seed=1)):
        assert list(other[1]) != list(targets)
        by_picture = first[np.argsort(targets)], other[0][np.argsort(other[1])]
        assert not np.allclose(*by_picture)  # other views, not only another order
    again, same = epoch(0)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(targets, same)
    plain, in_order = epoch(1, augment=None)
    np.testing.assert_array_equal(in_order, -np.arange(10))
    np.testing.assert_array_equal(plain, standardize(images))


def test_each_epoch_draws_changes_of_its_own():
    """All pictures are alike here, so only what is done to them can tell two epochs apart."""
    alike = np.tile(np.arange(64, dtype=np.uint8).reshape(1, 8, 8), (12, 1, 1))

    def move(pictures, targets, rng):
        return np.roll(pictures, rng.integers(1, 7, 2), (1, 2)), targets

    loader = Batches(alike, np.arange(12), move, 6)
    first, order = loader[0]
    assert not np.allclose(first, loader[1][0]), "each batch has its own"
    loader.start_epoch(1)
    assert not np.allclose(first, loader[0][0])
    loader.start_epoch(0)
    np.testing.assert_array_equal(loader[0][0], first)
    np.testing.assert_array_equal(loader[0][1], order)


def test_workers_prepare_batches_and_hand_them_over_in_their_order():
    """One worker alone would leave TensorFlow's tuner on, which can hold up each next epoch."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 8, 8), np.uint8)

    def wait(pictures, targets, rng):
        time.sleep(rng.uniform(0, 0.02))  # so that a later batch is often ready before an earlier
        return pictures, targets

    loader = Batches(images, np.arange(40), wait, 4)
    assert loader.workers > 1
    picture = keras.Input((8, 8, 1))
    seen = keras.Model(picture, keras.layers.Reshape((8, 8))(picture))
    for epoch in (0, 1):
        loader.start_epoch(epoch)
        expected = standardize(images[loader.order])[..., 0]
        np.testing.assert_array_equal(seen.predict(loader, verbose=0), expected)
