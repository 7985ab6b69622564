"""A gallery knows whom it was shown, says unknown to others, and trusts no file blindly."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from helpers.gallery import Gallery, check_embedder, load_gallery, save_gallery

EMPTY = Gallery.empty("some embedder", threshold=0.7)
ANN, BOB = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0]]), np.array([[0.0, 3.0, 0.0]])


@pytest.fixture
def gallery():
    return EMPTY.enroll("ann", ANN).enroll("bob", BOB)


def test_the_nearest_person_is_named_and_a_stranger_is_not(gallery):
    found = gallery.identify(np.array([[5.0, 0, 0], [0.1, 1, 0], [0, 0, 1.0], [1, 1, 0]]))
    assert [name for name, _ in found] == ["ann", "bob", None, "ann"]
    assert found[0][1] == pytest.approx(1, abs=1e-6) and found[2][1] == pytest.approx(0, abs=1e-6)
    assert found[3][1] == pytest.approx(np.sqrt(0.5), abs=1e-3)


def test_an_empty_gallery_knows_nobody():
    assert EMPTY.identify(np.ones((2, 3))) == [(None, -1.0)] * 2
    assert EMPTY.people == []


def test_who_is_forgotten_leaves_nothing_and_changes_nobody_else(gallery):
    before = gallery.identify(np.array([[0.1, 1, 0]]))
    without = gallery.forget("ann")
    assert without.people == ["bob"] and len(without.embeddings) == 1
    assert without.identify(np.array([[0.1, 1, 0]])) == before
    again = without.enroll("ann", ANN)
    assert again.identify(ANN) == gallery.identify(ANN)
    with pytest.raises(ValueError, match="Nobody called carl"):
        gallery.forget("carl")


@pytest.mark.parametrize(
    ("name", "embeddings", "words"),
    [
        (" ", ANN, "needs a name"),
        ("carl", np.zeros((0, 3)), "no face"),
        ("carl", np.array([[np.nan, 0, 0]]), "not finite"),
        ("carl", np.ones((1, 4)), "3 numbers a face, these have 4"),
    ],
)
def test_whoever_cannot_be_enrolled_gets_a_sentence(gallery, name, embeddings, words):
    with pytest.raises(ValueError, match=words):
        gallery.enroll(name, embeddings)


@pytest.mark.parametrize("which", ["full", "empty"])
def test_a_gallery_comes_back_from_its_file(tmp_path, gallery, which):
    gallery = gallery if which == "full" else EMPTY
    save_gallery(gallery, tmp_path / "people.gallery")
    again = load_gallery(tmp_path / "people.gallery")
    assert (again.embedder, again.threshold, again.people) == ("some embedder", 0.7, gallery.people)
    np.testing.assert_array_equal(again.embeddings, gallery.embeddings)
    assert [file.name for file in tmp_path.iterdir()] == ["people.gallery"]


def rewrite(path, **changes):
    """Change arrays in the file, as somebody would who does not know of its checksum."""
    with np.load(path) as file:
        arrays = dict(file) | changes
    np.savez(path.open("wb"), **arrays)


def test_a_changed_gallery_is_refused(tmp_path, gallery):
    path = tmp_path / "people.gallery"
    for changes in (
        {"names": np.array(["ann", "ann", "eve"])},
        {"embeddings": gallery.embeddings[::-1]},
        {"names": np.array(["ann"])},
    ):
        save_gallery(gallery, path)
        rewrite(path, **changes)
        with pytest.raises(ValueError, match="was changed"):
            load_gallery(path)
    save_gallery(gallery, path)
    about = json.loads(str(np.load(path)["about"]))
    rewrite(path, about=json.dumps(about | {"threshold": -1.0}))
    with pytest.raises(ValueError, match="was changed"):
        load_gallery(path)
    rewrite(path, about=json.dumps(about | {"format": "gallery of the future"}))
    with pytest.raises(ValueError, match="this version"):
        load_gallery(path)


def test_foreign_files_are_refused_and_never_unpickled(tmp_path, gallery):
    path = tmp_path / "people.gallery"
    with pytest.raises(ValueError, match="no gallery at"):
        load_gallery(path)
    pickled = io.BytesIO()
    np.savez(pickled, about=np.array({"a": 1}, object), embeddings=ANN, names=np.array(["ann"]))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("hello.txt", "hello")
    save_gallery(gallery, path)
    half = path.read_bytes()[:200]
    for content in (b"", b"text", half, pickled.getvalue(), archive.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a gallery"):
            load_gallery(path)


def test_a_gallery_of_another_embedder_is_refused(gallery):
    check_embedder("The gallery", gallery, "some embedder")
    with pytest.raises(ValueError, match="people.npz was made with some embedder"):
        check_embedder("people.npz", gallery, "facenet")


@pytest.mark.parametrize("threshold", [55, 1.001, -1.001, float("nan"), float("inf")])
def test_a_threshold_that_no_similarity_has_is_refused(gallery, threshold):
    with pytest.raises(ValueError, match="between -1 and 1"):
        Gallery.empty("some embedder", threshold)
    with pytest.raises(ValueError, match="between -1 and 1"):
        replace(gallery, threshold=threshold)


def test_a_file_with_such_a_threshold_is_refused(tmp_path, gallery):
    path = tmp_path / "people.gallery"
    object.__setattr__(gallery, "threshold", 55.0)  # as an earlier version would have written it
    save_gallery(gallery, path)
    with pytest.raises(ValueError, match="is damaged"):
        load_gallery(path)


def test_a_similarity_just_at_the_threshold_makes_a_name(gallery):
    face = np.array([[0.3, 0.9, 0.2]])
    ((_, score),) = gallery.identify(face)
    assert replace(gallery, threshold=score).identify(face) == [("bob", score)]
    higher = replace(gallery, threshold=float(np.nextafter(score, 1)))
    assert higher.identify(face) == [(None, score)]


def test_somebody_s_faces_count_as_their_mean(gallery):
    found = gallery.similarities(np.array([[2.0, 0, 0], [0, 0, 1.0]]))
    np.testing.assert_allclose(found, [[1, 0], [0, 0]], atol=1e-6)
