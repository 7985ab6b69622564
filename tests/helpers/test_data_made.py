"""Stored made faces are read as data, whole or not at all; an album becomes a folder once."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from data_samples import files_under
from made_sets import first_rows, small_set

from helpers import settings
from helpers.data import EMOTIONS, load_emotions, load_keypoints
from helpers.data.made import album_folder, load_set
from reading_faces import made_faces


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A set of 64 faces in a folder of its own."""
    return small_set(tmp_path_factory.mktemp("set") / "faces.npz")


def test_a_stored_set_comes_back_whole(stored):
    arrays, faces = first_rows(64), load_set(stored)
    for name in set(arrays) - {"jpeg", "jpeg_size"}:
        np.testing.assert_array_equal(getattr(faces, name), arrays[name])
    assert b"".join(faces.files) == arrays["jpeg"].tobytes()
    assert [len(file) for file in faces.files] == arrays["jpeg_size"].tolist()
    assert (len(faces), faces.images.shape, faces.images.dtype) == (64, (64, 96, 96), np.uint8)
    assert (faces.small_images.shape, faces.small_images.dtype) == ((64, 48, 48), np.uint8)


@pytest.mark.parametrize("place", [0.02, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("change", ["a byte is wrong", "the end is missing", "a piece is missing"])
def test_a_damaged_set_is_one_sentence_that_names_the_file(stored, tmp_path, change, place):
    path, damaged = tmp_path / "faces.npz", bytearray(stored.read_bytes())
    at = int(place * len(damaged))
    if change == "a byte is wrong":
        damaged[at] ^= 0x5A
    else:
        del damaged[at : len(damaged) if "end" in change else at + 300]
    path.write_bytes(damaged)
    try:
        loaded = load_set(path)
    except ValueError as problem:
        assert str(path) in str(problem) and "\n" not in str(problem)
    else:  # not every byte of a zip file counts
        assert change == "a byte is wrong" and len(loaded.images) == 64


@pytest.mark.parametrize("load", [load_keypoints, load_emotions])
def test_loaders_say_of_a_damaged_set_what_is_wrong(stored, tmp_path, load):
    path = tmp_path / "faces.npz"
    path.write_bytes(stored.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="faces.npz"):
        load(path)


def test_something_else_is_no_set_of_made_faces(tmp_path):
    np.savez(tmp_path / "other.npz", images=np.zeros((2, 96, 96), np.uint8))
    with pytest.raises(ValueError, match=r"other\.npz is no set of made faces"):
        load_set(tmp_path / "other.npz")


def test_made_keypoints_are_labelled_like_kaggles_half_of_them_with_four_points():
    shipped, data = load_set(), load_keypoints("made")
    marked = np.isfinite(data.keypoints).all(axis=2)
    assert set(marked.sum(axis=1)) == {4, 15}
    assert (marked.sum(axis=1) == 4).mean() == pytest.approx(0.5, abs=0.06)
    np.testing.assert_array_equal(data.keypoints[marked], shipped.keypoints[marked])
    np.testing.assert_array_equal(data.split, shipped.split)


def test_made_emotions_come_in_the_order_of_the_course():
    data = load_emotions("made")
    assert data.classes == tuple(EMOTIONS) == made_faces.EMOTIONS
    assert data.images.shape[1:] == (48, 48)


def test_a_set_of_ones_own_has_all_points_and_emotions(stored):
    faces, keypoints, emotions = (
        load_set(stored),
        load_keypoints(stored),
        load_emotions(str(stored)),
    )
    np.testing.assert_array_equal(keypoints.images, faces.images)
    np.testing.assert_array_equal(keypoints.keypoints, faces.keypoints)
    np.testing.assert_array_equal(emotions.labels, faces.emotions)
    np.testing.assert_array_equal(emotions.subjects, faces.subjects)
    assert keypoints.source == emotions.source == str(stored)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path)
    return tmp_path


def album(stop: type[BaseException] | None = None) -> SimpleNamespace:
    """Return an album of a red picture, a grey one and a text, of which the last may not come."""
    red = np.zeros((8, 9, 3), np.uint8)
    red[..., 0] = 255

    def pages():
        yield "anna/0.png", red
        yield "anna/1.png", red[..., 0]
        if stop:
            raise stop
        yield "notes/anna.txt", "red\n"

    return SimpleNamespace(name="little", total=2, pages=pages())


def test_an_album_becomes_a_folder_and_is_drawn_once(cache):
    folder = album_folder(album())
    assert files_under(folder) == {"anna/0.png", "anna/1.png", "notes/anna.txt"}
    blue, green, red = cv2.imread(str(folder / "anna/0.png"))[0, 0]
    assert (red, green, blue) == (255, 0, 0)
    assert cv2.imread(str(folder / "anna/1.png"), cv2.IMREAD_UNCHANGED).shape == (8, 9)
    assert (folder / "notes/anna.txt").read_text() == "red\n"
    assert album_folder(album(stop=AssertionError)) == folder


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError, ValueError])
def test_an_album_that_is_cut_off_leaves_no_folder(cache, stop):
    with pytest.raises(stop):
        album_folder(album(stop))
    assert files_under(cache) == set()
    assert not list(cache.glob("*/*"))
