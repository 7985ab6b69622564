"""`predict`: copies that it draws are no photos, and what does not fit on a disk is said."""

import errno
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from helpers import detect
from reading_faces import __main__, journal

pytestmark = pytest.mark.usefixtures("without_networks")


def predict(*arguments) -> int:
    return __main__.main(["predict", *map(str, arguments)])


def test_copies_in_the_folder_that_is_read_are_no_photos_of_the_next_run(album, capfd):
    for run in range(3):
        assert predict(album, "--draw", album / "drawn", "--json") == 0
        out, err = capfd.readouterr()
        result = json.loads(out)
        assert [os.path.basename(image["path"]) for image in result["images"]] == [
            *["portrait.png"] * 2,
            "wall.png",
        ]
        copies = sorted((album / "drawn").iterdir())
        assert len(copies) == 3
        reasons = {one["file"]: one["reason"] for one in result["left_out"]}
        assert reasons == (
            {str(copy): "It is an annotated copy." for copy in copies} if run else {}
        )
        assert ("annotated copies: 3" in err) == bool(run)


def test_a_copy_that_is_named_is_read_and_a_folder_of_copies_is_one_sentence(album, capfd):
    assert predict(album / "portrait.png", "--draw", album / "drawn") == 0
    assert predict(album / "drawn" / "portrait-faces.jpg") == 0
    assert "happy" in capfd.readouterr().out
    assert predict(album / "drawn") == 1
    assert capfd.readouterr().err == (
        "Error: There are only annotated copies of photos; name the photos.\n"
    )


def test_copies_that_do_not_fit_on_the_disk_are_named(album, tmp_path, capfd, little_room):
    with little_room(2_000):
        assert predict(album, "--draw", tmp_path / "copies") == 1
    copies = [*(tmp_path / "copies").iterdir()]
    assert [copy.name for copy in copies] == ["wall-faces.jpg"]
    Image.open(copies[0]).load()
    assert capfd.readouterr().err.count("cannot be written") == 2


def test_a_device_has_no_journal_beside_it(album, monkeypatch):
    beside = Path(f"{os.devnull}.unfinished")
    seen = []
    monkeypatch.setattr(detect, "detect_faces", lambda *_: seen.append(beside.exists()) or [])
    assert predict(album, "--csv", os.devnull) == 0
    assert seen and not any(seen) and not beside.exists()


def test_a_journal_that_has_no_room_at_all_is_gone(album, tmp_path, capfd, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal.Journal, "write", full)
    assert predict(album, "--csv", tmp_path / "t.csv") == 1
    assert capfd.readouterr().err.endswith("t.csv cannot be written. The disk is full.\n")
    assert [*tmp_path.iterdir()] == [album]
