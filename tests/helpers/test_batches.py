"""Pictures from files come as the table says, shuffled and changed in training only."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from data_samples import write_picture

from helpers import batches as pictures
from helpers.augment import pad_and_crop
from helpers.batches import Batches, PictureTable
from helpers.data import DataError
from helpers.models import standardize

N, SIDE = 10, 40


@pytest.fixture
def table(tmp_path):
    """Ten flat pictures, each in its own grey, with a white frame that the square leaves out."""
    for number in range(N):
        picture = np.full((SIDE + 20, SIDE + 30), 255, np.uint8)
        picture[10 : 10 + SIDE, 15 : 15 + SIDE] = 10 * number
        write_picture(tmp_path / f"{number}.png", picture)
    paths = [tmp_path / f"{number}.png" for number in range(N)]
    return pd.DataFrame({"path": paths, "left": 15, "top": 10, "side": SIDE})


def as_they_are(images):
    return images


def test_each_picture_comes_once_with_its_target(table):
    loader = PictureTable(table, np.arange(N), 20, batch_size=4, prepare=as_they_are)
    assert len(loader) == 3
    images, targets = (np.concatenate(parts) for parts in zip(*loader, strict=True))
    assert images.shape == (N, 20, 20) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[:, 0, 0], 10 * targets)
    np.testing.assert_array_equal(targets, np.arange(N))


def test_training_is_shuffled_anew_each_epoch_and_the_same_for_a_seed(table):
    def epochs(seed):
        loader = PictureTable(table, np.arange(N), 20, N, as_they_are, augment=True, seed=seed)
        for _ in range(2):
            yield loader[0]
            loader.on_epoch_end()

    (one, first), (other, second) = epochs(0)
    assert sorted(first) == sorted(second) == list(range(N))
    assert not np.array_equal(first, second)
    (again, same), _ = epochs(0)
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, next(epochs(1))[0])


def test_several_targets_stay_with_their_pictures(table):
    targets = {"units": np.eye(N), "group": np.arange(N)}
    loader = PictureTable(table, targets, 20, 4, as_they_are, augment=True)
    for index in range(len(loader)):
        _, found = loader[index]
        np.testing.assert_array_equal(found["units"].argmax(axis=1), found["group"])


def test_memory_does_not_grow_with_the_table(table):
    def peak(rows):
        many = pd.concat([table] * (rows // N), ignore_index=True)
        loader = PictureTable(many, np.zeros(rows), 96, batch_size=10)
        tracemalloc.start()
        for index in range(8):
            loader[index]
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    peak(100)  # what is imported at the first call counts for neither
    assert peak(1000) < 1.1 * peak(100)


def test_a_damaged_picture_is_named(table):
    table["path"].iloc[3].write_bytes(b"no picture")
    loader = PictureTable(table, np.arange(N), 20, batch_size=4)
    with pytest.raises(DataError, match="3.png cannot be decoded"):
        loader[0]


def test_pictures_for_imagenet_have_three_colours_less_their_means():
    prepared = pictures.for_imagenet(np.full((2, 8, 8), 100, np.uint8))
    assert prepared.shape == (2, 8, 8, 3)
    less = 100 - np.array([103.939, 116.779, 123.68])
    np.testing.assert_allclose(prepared[0, 0, 0], less, atol=1e-4)


def test_a_padded_picture_is_cut_back_within_the_padding():
    rng = np.random.default_rng(0)
    face = rng.integers(1, 256, (1, 6, 6), dtype=np.uint8)
    moved = pad_and_crop(np.repeat(face, 200, axis=0), 2, rng)
    assert moved.shape == (200, 6, 6)
    padded = np.pad(face[0], 2)
    pieces = {padded[y : y + 6, x : x + 6].tobytes() for y in range(5) for x in range(5)}
    assert {piece.tobytes() for piece in moved} == pieces


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
        return pad_and_crop(pictures, 3, rng), targets

    loader = Batches(alike, np.zeros(12), move, 12)
    first, _ = loader[0]
    loader.start_epoch(1)
    assert not np.allclose(first, loader[0][0])


def test_pictures_to_learn_from_are_mirrored_by_half_and_each_has_its_own_brightness():
    images = np.full((300, 24, 24), 100, np.uint8)
    images[:, 11:13, :12] = 160  # a bar in the left half
    changed = pictures.augment_pictures(images, np.random.default_rng(0))
    tones = np.array([np.median(view[view > 0]) for view in changed])
    assert 74 <= tones.min() < 80 and 120 < tones.max() <= 125
    assert len(set(tones)) > 30
    left, right = changed[:, :, 4:9].max(axis=(1, 2)), changed[:, :, -9:-4].max(axis=(1, 2))
    assert 0.4 < (left > right).mean() < 0.6


def test_a_face_is_cut_out_where_its_table_says(tmp_path):
    picture = np.arange(50 * 60, dtype=np.uint32).reshape(50, 60) % 251
    write_picture(tmp_path / "face.png", picture.astype(np.uint8))
    table = pd.DataFrame({"path": [tmp_path / "face.png"], "left": 21, "top": 4, "side": 30})
    loader = PictureTable(table, np.zeros(1), size=30, prepare=as_they_are)
    np.testing.assert_array_equal(loader[0][0][0], picture[4:34, 21:51])
