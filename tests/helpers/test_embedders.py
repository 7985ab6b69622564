"""The adapter runs the real architecture, never downloads, and takes the published file only."""

import h5py
import numpy as np
import pytest

from helpers import embedders as facenet
from helpers import models, settings
from helpers.data import DataError
from helpers.embedders import FaceNet
from helpers.files import file_sha256


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
    assert not facenet.facenet_is_here()
    with pytest.raises(DataError, match="data fetch facenet"):
        FaceNet()
    (tmp_path / "facenet").mkdir()
    (tmp_path / "facenet" / "notes.txt").touch()
    assert not facenet.facenet_is_here()
    with pytest.raises(ValueError, match="is missing"):
        FaceNet()
    (tmp_path / "facenet" / "20180402-114759-weights.h5").write_bytes(b"half of it")
    with pytest.raises(ValueError, match="not the published file"):
        FaceNet()


def write_as_published(network, file):
    """Write weights as Keras 2 did, which wrote the published file: a group for each layer."""
    with h5py.File(file, "w") as whole:
        whole.attrs["layer_names"] = [layer.name for layer in network.layers]
        for layer in network.layers:
            group = whole.create_group(layer.name)
            group.attrs["weight_names"] = [weight.path for weight in layer.weights]
            for weight in layer.weights:
                group[weight.path] = weight.numpy()


def test_the_published_file_fills_the_network_and_any_other_is_refused(
    random_facenet, tmp_path, monkeypatch
):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    weights = tmp_path / "facenet" / "20180402-114759-weights.h5"
    weights.parent.mkdir()
    write_as_published(random_facenet.network, weights)
    with pytest.raises(ValueError, match="not the published file"):
        FaceNet()
    monkeypatch.setattr(facenet, "_SHA256", file_sha256(weights))
    assert facenet.facenet_is_here()
    filled = facenet.best_embedder()
    assert filled.name == FaceNet.name
    np.testing.assert_allclose(filled.embed(faces(2)), random_facenet.embed(faces(2)), atol=1e-5)
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    with pytest.raises(ValueError, match="not the published file"):
        FaceNet()


class Watched:
    """A network that remembers what it was given, and gives its first 512 numbers back."""

    def __call__(self, batch, training):
        assert not training
        self.seen = batch
        return batch.reshape(len(batch), -1)[:, :512]


def test_facenet_sees_black_as_minus_one_and_white_as_one():
    network = Watched()
    both = np.zeros((2, 160, 160, 3), np.uint8)
    both[1] = 255
    found = FaceNet(network).embed(both)
    assert set(np.unique(network.seen[0])) == {-1} and set(np.unique(network.seen[1])) == {1}
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_a_face_and_its_mirror_image_have_one_embedding():
    embedder = facenet.SmallEmbedder()
    some = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    found = embedder.embed(some)
    np.testing.assert_allclose(found, embedder.embed(some[:, :, ::-1]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert embedder.embed(some[:0]).shape == (0, 128)


def test_our_embedder_is_called_and_judges_as_its_card_says():
    card = {"task": "embedding", "name": "ours", "input": {"size": 96}}
    card |= {"threshold": 0.4, "strict_threshold": 0.7}
    ours = facenet.SmallEmbedder(models.TrainedModel(None, card))
    found = ours.name, ours.size, ours.threshold, ours.strict_threshold
    assert found == ("ours", 96, 0.4, 0.7)


def test_only_a_model_of_embeddings_is_an_embedder_and_only_two_have_a_name():
    with pytest.raises(ValueError, match="model for emotion"):
        facenet.SmallEmbedder(models.load("emotion"))
    with pytest.raises(ValueError, match="no embedder 'arcface'"):
        facenet.best_embedder("arcface")


def test_many_faces_are_embedded_a_batch_at_a_time_and_in_order(monkeypatch):
    monkeypatch.setattr(facenet, "_BATCH", 2)
    embedder = FaceNet(Watched())
    one_by_one = np.concatenate([embedder.embed(face[None]) for face in faces(5)])
    np.testing.assert_allclose(embedder.embed(faces(5)), one_by_one)


@pytest.mark.parametrize(
    ("name", "is_here", "chosen"),
    [
        (None, False, "ours"),
        (None, True, "facenet"),
        ("shipped", True, "ours"),
        ("facenet", False, "facenet"),
    ],
)
def test_the_embedder_that_is_asked_for_is_taken_else_facenet_if_it_is_here(
    monkeypatch, name, is_here, chosen
):
    monkeypatch.setattr(facenet, "FaceNet", lambda: "facenet")
    monkeypatch.setattr(facenet, "SmallEmbedder", lambda: "ours")
    monkeypatch.setattr(facenet, "facenet_is_here", lambda: is_here)
    assert facenet.best_embedder(name) == chosen
