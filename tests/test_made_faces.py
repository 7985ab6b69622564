"""Made faces are the same everywhere, and their labels are where they should be."""

import cv2
import numpy as np
import pytest

from helpers import made_faces


@pytest.fixture(scope="module")
def faces():
    return made_faces.make_faces()


def test_the_same_seed_draws_the_same_faces_and_another_does_not():
    first, second = (made_faces.make_faces.__wrapped__(20, seed=1) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.keypoints, second.keypoints, equal_nan=True)
    assert not np.array_equal(made_faces.make_faces(20, seed=2).images, first.images)


def test_nobody_is_in_two_splits(faces):
    for person in np.unique(faces.subjects):
        assert len(set(faces.split[faces.subjects == person])) == 1
    assert set(faces.split) == {"train", "val", "test"}


def test_points_lie_inside_their_pictures(faces):
    assert np.nanmin(faces.keypoints) > 0
    assert np.nanmax(faces.keypoints) < 95


def test_half_of_the_faces_have_four_points_and_the_others_all(faces):
    marked = np.isfinite(faces.keypoints).all(axis=2).sum(axis=1)
    assert set(marked) == {4, 15}
    assert 0.3 < (marked == 4).mean() < 0.7


def test_eyes_are_darker_than_the_skin_around_them(faces):
    darker = []
    for image, points in zip(faces.images, faces.keypoints, strict=True):
        for x, y in np.rint(points[:2]).astype(int):
            pupil = image[y - 1 : y + 2, x - 1 : x + 2].mean()
            cheek = image[y + 10 : y + 13, x - 1 : x + 2].mean()
            darker.append(pupil < cheek)
    assert np.mean(darker) > 0.9


def test_points_move_with_the_paint_when_the_face_turns():
    rng = np.random.default_rng(0)
    person = made_faces.draw_identity(rng)
    spots = np.array([[40.0, 30.0], [60.0, 50.0], [47.5, 60.0]])
    pose = {"yaw": 0.25, "roll": -0.15, "zoom": 1.05, "shift": np.array([2.0, -1.0])}
    for spot in spots:
        painted = np.zeros((made_faces.SIDE * made_faces.SCALE,) * 2, np.float32)
        cv2.circle(painted, np.rint(spot * made_faces.SCALE).astype(int).tolist(), 3, 255, -1)
        image = made_faces.view(painted, person, pose, np.array([0, 0, 1.0]))
        rows, columns = np.mgrid[: made_faces.SIDE, : made_faces.SIDE]
        seen = np.array([(columns * image).sum(), (rows * image).sum()]) / image.sum()
        expected = made_faces.turn(spot[np.newaxis], person, pose)[0]
        np.testing.assert_allclose(seen, expected, atol=1.0)
