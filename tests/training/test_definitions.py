"""What a data set marks elsewhere is found on many faces, however they lie in their pictures."""

import numpy as np
import pytest
from data_samples import write_frames

from helpers.augment import affine_matrices, flip_keypoints, warp_keypoints
from helpers.data.made import load_set
from reading_faces.training import definitions

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def faces():
    """Points of 200 made faces, turned, zoomed and moved."""
    turns, zooms = RNG.uniform(-40, 40, 200), RNG.uniform(0.5, 2, 200)
    moves = affine_matrices(96, turns, zooms, RNG.uniform(-20, 20, (200, 2)))
    return warp_keypoints(load_set().keypoints[:200], moves)


@pytest.fixture(scope="module")
def offsets():
    drawn = RNG.normal(0, 0.05, (15, 2))
    mirrored = flip_keypoints(drawn[np.newaxis], width=1)[0]  # about x = 0
    return (drawn + mirrored) / 2


def test_a_definition_is_found_though_some_labels_are_wild_or_missing(faces, offsets):
    labels = definitions.add_offsets(faces, offsets, faces)
    wild = RNG.random((200, 15)) < 0.1
    wild[:, :2] = False  # who sits between the eyes knows how far 1 is
    labels[wild] += RNG.uniform(-90, 90, (wild.sum(), 2)).astype(np.float32)
    labels[:50, 4] = labels[:, 14] = np.nan
    found = definitions.fit_offsets(faces, labels)
    np.testing.assert_allclose(found[:14], offsets[:14], atol=0.012)
    assert not found[14].any()


def test_what_differs_on_one_side_alone_stays_there(faces):
    labels = faces.copy()
    labels[:, 7] += 0.1 * definitions.eye_axes(faces)[:, 0]  # the left brow's outer end
    found = definitions.fit_offsets(faces, labels)
    np.testing.assert_allclose(found[[7, 9]], [[0.1, 0], [0, 0]], atol=1e-6)


def test_the_first_axis_leads_to_the_subjects_left_and_the_second_down():
    points = np.zeros((1, 15, 2))
    points[0, 0], points[0, 1] = (60, 40), (20, 40)
    np.testing.assert_array_equal(definitions.eye_axes(points), [[[40, 0], [0, 40]]])
    points[0, 14] = 40, 80
    places = definitions.typical_places(points)
    np.testing.assert_allclose(places[[0, 1, 14]], [[0.5, 0], [-0.5, 0], [0, 1]])


def test_where_points_typically_are_does_not_depend_on_how_faces_lie(faces):
    upright = definitions.typical_places(load_set().keypoints[:200])
    np.testing.assert_allclose(definitions.typical_places(faces), upright, atol=1e-5)


def test_a_face_without_a_distance_between_its_eyes_takes_no_part(faces, offsets):
    labels = definitions.add_offsets(faces, offsets, faces)
    found = definitions.fit_offsets(faces, labels)
    labels[0, 0] = labels[0, 1]
    more = definitions.fit_offsets(faces, labels)
    np.testing.assert_allclose(more, found, atol=0.01)


def test_frames_with_68_points_have_one_definition_wherever_they_lie(tmp_path):
    write_frames(tmp_path, {"Ann_Lee_0.png": load_set().keypoints[0]})
    for source in ("youtube-faces", str(tmp_path)):
        assert definitions.marks_otherwise(source) == "youtube-faces"
    for source in ("made", "facial-keypoints", str(tmp_path / "frames"), "nowhere"):
        assert not definitions.marks_otherwise(source)
