"""The adapter runs the real architecture, never downloads, and takes the published file only."""

import numpy as np
import pytest

from helpers import embedders as facenet
from helpers import settings
from helpers.data import DataError
from helpers.embedders import FaceNet


@pytest.fixture(scope="module")
def random_facenet():
    return FaceNet(facenet.build_network())


def faces(n):
    return np.random.default_rng(0).integers(0, 256, (n, 160, 160, 3), dtype=np.uint8)


def test_faces_become_points_on_the_unit_sphere_the_same_each_time(random_facenet):
    found = random_facenet.embed(faces(3))
    assert found.shape == (3, 512) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found, random_facenet.embed(faces(3)))
    one_by_one = np.concatenate([random_facenet.embed(face[None]) for face in faces(3)])
    np.testing.assert_allclose(found, one_by_one, atol=1e-4)


def test_nothing_to_embed_is_no_error_and_another_size_is(random_facenet):
    assert random_facenet.embed(faces(0)).shape == (0, 512)
    with pytest.raises(ValueError, match="160, 160, 3"):
        random_facenet.embed(np.zeros((1, 96, 96, 3), np.uint8))


def test_the_network_is_the_published_architecture(random_facenet):
    network = random_facenet.network
    assert len(network.layers) - 1 == 447  # besides the input
    assert network.output_shape == (None, 512)


def test_without_weights_it_says_how_to_get_them_and_fetches_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(settings, "SHIPPED", tmp_path / "data")
    with pytest.raises(DataError, match="data fetch facenet"):
        FaceNet()
    (tmp_path / "facenet").mkdir()
    (tmp_path / "facenet" / "notes.txt").touch()
    with pytest.raises(ValueError, match="is missing"):
        FaceNet()
    (tmp_path / "facenet" / "20180402-114759-weights.h5").write_bytes(b"half of it")
    with pytest.raises(ValueError, match="not the published file"):
        FaceNet()
