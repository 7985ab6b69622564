"""Changing pictures keeps their labels true."""

import re

import cv2
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


@given(seeds)
def test_no_change_of_place_touches_its_input(seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (2, 24, 24), dtype=np.uint8)
    points = rng.uniform(0, 23, (2, 15, 2)).astype(np.float32)
    points[0, 3] = np.nan
    before = images.copy(), points.copy()
    matrices = augment.affine_matrices(24, np.full(2, 9.0), np.ones(2), np.ones((2, 2)))
    results = [
        augment.flip_images(images),
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


def test_erasing_covers_a_part_and_never_everything():
    images = np.full((20, 48, 48), 128, np.uint8)
    changed = (augment.erase(images, np.random.default_rng(0)) != 128).mean(axis=(1, 2))
    assert (changed > 0).all()
    assert (changed < 0.15).all()


def faces_with_a_spot(n=400, middle=16):
    """Return grey pictures of 64 × 64 with a bright spot at `(middle, middle)`."""
    images = np.full((n, 64, 64), 100, np.uint8)
    images[:, middle - 1 : middle + 2, middle - 1 : middle + 2] = 255
    return images


def spots_of(views):
    """Return x and y of each spot from the picture's middle, of those that are not covered."""
    smooth = np.stack([cv2.blur(view, (3, 3)) for view in views]).reshape(len(views), -1)
    seen = smooth.argmax(axis=1)[smooth.max(axis=1) > 180]
    return seen % 64 - 31.5, seen // 64 - 31.5


def test_new_views_are_mirrored_by_half_and_turned_and_zoomed_a_little():
    labels = np.arange(400)
    views, same = augment.augment_faces(faces_with_a_spot(), labels, np.random.default_rng(0))
    assert same is labels
    x, y = spots_of(views)
    assert 0.4 < (x < 0).mean() < 0.6
    # 15.5 px off in x and y: turned by 10°, zoomed by a tenth and shifted by 4 px at most.
    assert ((np.abs(np.abs(x) - 15.5) < 9) & (np.abs(y + 15.5) < 9)).mean() > 0.9


def test_new_views_are_shifted_by_up_to_six_percent():
    views, _ = augment.augment_faces(
        faces_with_a_spot(middle=32), np.arange(400), np.random.default_rng(0)
    )
    for places in spots_of(views):  # neither turning nor zooming moves the middle
        near = np.abs(places) < 6
        assert near.mean() > 0.9
        assert places[near].std() == pytest.approx(0.06 * 64 / np.sqrt(3), rel=0.2)


def test_new_views_are_zoomed_by_092_to_112(monkeypatch):
    monkeypatch.setattr(augment, "erase", lambda images, rng: images)
    images = np.zeros((400, 64, 64), np.uint8)
    images[:, 22:42, 22:42] = 200  # stays inside, however it is turned and shifted
    views, _ = augment.augment_faces(images, np.arange(400), np.random.default_rng(0))
    zooms = np.sqrt(views.sum(axis=(1, 2)) / images[0].sum())
    assert zooms.min() == pytest.approx(0.92, abs=0.01)
    assert zooms.max() == pytest.approx(1.12, abs=0.01)


def test_the_reach_of_new_views_multiplies_all_but_the_mirror():
    images = faces_with_a_spot(40)
    still, _ = augment.augment_faces(images, np.arange(40), np.random.default_rng(0), reach=0)
    kept = [np.array_equal(view, image) for view, image in zip(still, images, strict=True)]
    flipped = [
        np.array_equal(view, image[:, ::-1]) for view, image in zip(still, images, strict=True)
    ]
    assert 8 < sum(kept) < 32 and sum(kept) + sum(flipped) == 40


def test_a_share_of_the_pictures_is_changed_and_the_others_are_not():
    images = np.zeros((1000, 2, 2), np.uint8)
    changed = augment.some(images, np.random.default_rng(0), 0.2, lambda some, rng: some + 1)
    assert 0.16 < changed.mean() < 0.24
    assert not images.any()


def test_a_matrix_turns_counter_clockwise_zooms_about_the_middle_and_then_shifts():
    (matrix,) = augment.affine_matrices(
        101, np.array([90.0]), np.array([2.0]), np.array([[3.0, -4.0]])
    )
    # Ten pixels right of the middle goes ten pixels up, then twice as far, then the shift.
    np.testing.assert_allclose(matrix @ [60, 50, 1], [50 + 3, 50 - 20 - 4], atol=1e-9)


def test_what_comes_into_view_repeats_the_edge_and_is_not_black():
    (image,) = images = np.random.default_rng(0).integers(50, 256, (1, 48, 48), dtype=np.uint8)
    moved = augment.affine_matrices(48, np.zeros(1), np.ones(1), np.array([[10.0, -6.0]]))
    expected = np.pad(image, ((0, 6), (10, 0)), mode="edge")[6:, :48]
    np.testing.assert_array_equal(augment.warp_images(images, moved)[0], expected)


def test_a_picture_that_is_wider_than_high_keeps_its_shape_and_its_colours():
    (photo,) = photos = np.random.default_rng(0).integers(0, 256, (1, 20, 50, 3), dtype=np.uint8)
    right = np.array([[[1.0, 0, 30], [0, 1, 0]]])
    moved = augment.warp_images(photos, right)[0]
    np.testing.assert_array_equal(moved[:, 30:], photo[:, :20])
    np.testing.assert_array_equal(augment.flip_images(photos)[0], photo[:, ::-1])


def test_between_two_pixels_there_is_their_mean():
    edge = np.array([[[0, 0, 100, 100]]], np.uint8)
    (moved,) = augment.warp_images(edge, np.array([[[1, 0, 0.5], [0, 1, 0]]]))
    assert moved.tolist() == [[0, 0, 50, 100]]


def test_what_is_erased_is_at_most_its_share_of_each_side_and_has_colours():
    photos = np.full((200, 40, 100, 3), 128, np.uint8)
    changed = augment.erase(photos, np.random.default_rng(0), share=0.2) != 128
    high, wide = (changed.any(axis=(axis, 3)).sum(axis=1).max() for axis in (2, 1))
    assert 7 <= high <= 9 and 18 <= wide <= 21
    assert not (changed == changed[..., :1]).all(), "grey noise"
    usual = augment.erase(photos, np.random.default_rng(0)) != 128
    assert 28 <= usual.any(axis=(1, 3)).sum(axis=1).max() <= 31, "three tenths"


def test_new_views_are_turned_by_up_to_10_degrees_to_either_side(monkeypatch):
    monkeypatch.setattr(augment, "erase", lambda images, rng: images)
    images = np.zeros((300, 64, 64), np.uint8)
    images[:, 30:34, 12:52] = 200
    views, _ = augment.augment_faces(images, np.arange(300), np.random.default_rng(0))
    angles = []
    for view in views:
        y, x = np.nonzero(view > 100)
        angles.append(np.rad2deg(np.arctan(np.polyfit(x, y, 1)[0])))
    assert min(angles) == pytest.approx(-10, abs=0.7) and max(angles) == pytest.approx(10, abs=0.7)


@pytest.mark.parametrize(("reach", "share"), [(1.0, 0.2), (0.5, 0.1)])
def test_a_fifth_of_the_new_views_has_a_patch_erased(monkeypatch, reach, share):
    monkeypatch.setattr(augment, "erase", lambda images, rng: np.full_like(images, 255))
    images = np.zeros((1000, 8, 8), np.uint8)
    views, _ = augment.augment_faces(images, np.arange(1000), np.random.default_rng(0), reach)
    assert (views == 255).all(axis=(1, 2)).mean() == pytest.approx(share, abs=0.03)


def test_new_views_of_faces_in_colour_are_mirrored_too():
    photos = np.zeros((48, 48, 48, 3), np.uint8)
    photos[:, :, :24] = 200, 100, 50  # the left half
    views, _ = augment.augment_faces(photos, np.arange(48), np.random.default_rng(0), reach=0)
    left = (views[:, 10, 5] == (200, 100, 50)).all(axis=1)
    right = (views[:, 10, -5] == (200, 100, 50)).all(axis=1)
    assert (left != right).all() and 12 < left.sum() < 36
