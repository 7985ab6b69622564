"""A gallery's file comes back as it was written, or is refused; no file is trusted blindly."""

import io
import json
import zipfile

import numpy as np
import pytest
from faces import Tint

from helpers import embedders
from helpers.gallery import Gallery
from reading_faces.gallery_file import check_embedder, embedder_of, load_gallery, save_gallery

EMPTY = Gallery.empty("some embedder", threshold=0.7)
ANN, BOB = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0]]), np.array([[0.0, 3.0, 0.0]])


@pytest.fixture
def gallery():
    return EMPTY.enroll("ann", ANN).enroll("bob", BOB)


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
    for change in ({"threshold": -1.0}, {"embedder": "another"}):
        rewrite(path, about=json.dumps(about | change))
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
    check_embedder(Gallery.empty("tint", 0.5), Tint())
    with pytest.raises(ValueError, match="was made with some embedder.* nothing to tint"):
        check_embedder(gallery, Tint())


def test_the_embedder_of_a_gallery_is_the_one_that_made_it(monkeypatch):
    class Google(Tint):
        name = "google"

    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    monkeypatch.setattr(embedders, "FaceNet", Google)
    for name in ("tint", "google"):
        assert embedder_of(Gallery.empty(name, 0.5)).name == name


def test_a_file_with_such_a_threshold_is_refused(tmp_path, gallery):
    path = tmp_path / "people.gallery"
    object.__setattr__(gallery, "threshold", 55.0)  # as an earlier version would have written it
    save_gallery(gallery, path)
    with pytest.raises(ValueError, match="is damaged"):
        load_gallery(path)
