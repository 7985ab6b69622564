"""Changing pictures keeps their labels true."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers import augment
from helpers.data import KEYPOINT_NAMES
from reading_faces.training.augment import augment_keypoints

keypoints = arrays(
    np.float32, (3, 15, 2), elements=st.one_of(st.floats(0, 95, width=32), st.just(np.nan))
)
seeds = st.integers(0, 2**32 - 1)


@given(keypoints, st.integers(2, 400))
def test_flipping_keypoints_twice_gives_them_back(points, width):
    twice = augment.flip_keypoints(augment.flip_keypoints(points, width), width)
    np.testing.assert_allclose(twice, points, atol=1e-3)


@given(keypoints)
def test_a_missing_label_moves_with_its_partner(points):
    missing = np.isnan(augment.flip_keypoints(points))
    assert np.array_equal(missing, np.isnan(points)[:, augment.MIRRORED])


@given(keypoints)
def test_points_on_the_middle_line_keep_their_place_in_the_order(points):
    flipped = augment.flip_keypoints(points)
    middle = [i for i, name in enumerate(KEYPOINT_NAMES) if not re.search("left|right", name)]
    assert [KEYPOINT_NAMES[i] for i in middle] == [
        "nose_tip",
        "mouth_center_top_lip",
        "mouth_center_bottom_lip",
    ]
    np.testing.assert_array_equal(flipped[:, middle, 0], 95 - points[:, middle, 0])
    np.testing.assert_array_equal(flipped[:, middle, 1], points[:, middle, 1])


@given(seeds, st.floats(0.3, 3))
def test_no_change_of_light_or_place_touches_its_input(seed, factor):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (2, 24, 24), dtype=np.uint8)
    points = rng.uniform(0, 23, (2, 15, 2)).astype(np.float32)
    points[0, 3] = np.nan
    before = images.copy(), points.copy()
    matrices = augment.affine_matrices(24, np.full(2, 9.0), np.ones(2), np.ones((2, 2)))
    results = [
        augment.flip_images(images),
        augment.change_brightness(images, factor),
        augment.warp_images(images, matrices),
        augment.flip_keypoints(points, 24),
        augment.warp_keypoints(points, matrices),
    ]
    for result in results:
        result[:] = 0  # nor may a result share its memory with the input
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(points, before[1])


def test_each_point_changes_place_with_the_one_of_the_other_side():
    for name, partner in zip(KEYPOINT_NAMES, augment.MIRRORED, strict=True):
        swapped = name.replace("left", "?").replace("right", "left").replace("?", "right")
        assert KEYPOINT_NAMES[partner] == swapped


def test_a_bright_spot_and_the_point_on_it_stay_together():
    images = np.zeros((4, 96, 96), np.uint8)
    images[:, 40:43, 60:63] = 255
    points = np.full((4, 15, 2), (61.0, 41.0), np.float32)
    flipped = augment.flip_images(images), augment.flip_keypoints(points)
    turned = augment.affine_matrices(
        96, np.array([0, 15, -20, 5]), np.array([1, 1.1, 0.9, 1]), np.full((4, 2), 3.0)
    )
    warped = augment.warp_images(images, turned), augment.warp_keypoints(points, turned)
    for pictures, marks in (flipped, warped):
        for picture, mark in zip(pictures, marks, strict=True):
            rows, columns = np.nonzero(picture > 60)
            np.testing.assert_allclose(mark[0], (columns.mean(), rows.mean()), atol=0.4)


@given(seeds)
@settings(max_examples=20)
def test_augmenting_changes_no_input_and_keeps_shapes(seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (5, 96, 96), dtype=np.uint8)
    points = rng.uniform(0, 95, (5, 15, 2)).astype(np.float32)
    before = images.copy(), points.copy()
    new_images, new_points = augment_keypoints(images, points, rng)
    faces, labels = augment.augment_faces(images, np.arange(5), rng)
    assert np.array_equal(images, before[0])
    assert np.array_equal(points, before[1])
    assert new_images.shape == faces.shape == images.shape
    assert new_images.dtype == faces.dtype == np.uint8
    assert new_points.shape == points.shape
    assert new_points.dtype == np.float32
    assert np.array_equal(labels, np.arange(5))


def test_the_same_generator_gives_the_same_pictures():
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
    first, second = (
        augment.augment_faces(images, np.zeros(6), np.random.default_rng(5))[0] for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_brightness_multiplies_and_clips(factor):
    images = np.array([[[0, 100, 200]]], np.uint8)
    changed = augment.change_brightness(images, factor)
    assert changed.tolist() == [[[0, 100 * factor, min(255, 200 * factor)]]]


def test_erasing_covers_a_part_and_never_everything():
    images = np.full((20, 48, 48), 128, np.uint8)
    changed = (augment.erase(images, np.random.default_rng(0)) != 128).mean(axis=(1, 2))
    assert (changed > 0).all()
    assert (changed < 0.15).all()
