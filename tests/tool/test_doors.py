"""The three doors by which a photo comes in: a bad file says so at each, and the good one is read.

Which pictures can be read, and what is said of others, is tried at `read_photo`.
"""

import json
from pathlib import Path

import pytest
from faces import Tint, find_portrait, portrait, stand_ins, wall

from helpers import detect, models
from reading_faces.__main__ import main
from reading_faces.page_actions import PageActions
from reading_faces.reader import FaceReader


@pytest.fixture(params=["FaceReader", "predict", "page", "/predict"])
def read(request, tmp_path, monkeypatch, capfd):
    """Return a function that reads files by one door, and returns what that says of each."""
    monkeypatch.setattr(models, "load", stand_ins().get)
    monkeypatch.setattr(detect, "detect_faces", find_portrait)
    monkeypatch.setattr(detect, "load_mtcnn", lambda: None)
    folder = tmp_path / "uploads"
    folder.mkdir()

    def by_reader(*paths: Path) -> list[dict]:
        return [reading.to_dict() for reading in FaceReader().read(paths)]

    def by_command(*paths: Path) -> list[dict]:
        code = main(["predict", *map(str, paths), "--json"])
        out, err = capfd.readouterr()
        images = json.loads(out)["images"]
        assert code == any(image["error"] is not None for image in images)
        assert all(image["error"] in err for image in images if image["error"])
        assert "Traceback" not in err
        return images

    def by_page(*paths: Path) -> list[dict]:
        page = PageActions(FaceReader(embedder=Tint()), folder)
        images = [page.read("me", path.name, path.read_bytes()).to_dict() for path in paths]
        assert not list(folder.iterdir())
        return images

    def by_form(*paths: Path) -> list[dict]:
        page = PageActions(FaceReader(embedder=Tint()), folder)
        images = [page.predict(path.name, path.read_bytes())["images"][0] for path in paths]
        assert not list(folder.iterdir())
        return images

    doors = {"FaceReader": by_reader, "predict": by_command, "page": by_page, "/predict": by_form}
    return doors[request.param]


def test_a_bad_file_gets_its_sentence_and_the_good_one_its_face(read, tmp_path):
    (tmp_path / "bad 'quoted\" 🙂\n.jpg").write_text("This is no picture.")
    portrait().save(tmp_path / "good 'quoted\" 🙂\n.png")
    bad, good = read(*sorted(tmp_path.glob("*quoted*")))
    assert bad["error"] == "This is not a picture that can be read." and bad["faces"] == []
    assert good["error"] is None and len(good["faces"]) == 1
    assert (good["width"], good["height"]) == portrait().size


def test_where_there_is_no_face_there_is_no_error(read, tmp_path):
    wall().save(tmp_path / "wall.png")
    (image,) = read(tmp_path / "wall.png")
    assert (image["error"], image["faces"]) == (None, [])
