"""`predict` prints one clean result, says what went wrong elsewhere, and leaves no half files."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from faces import Cheerful, MeanFace, Smiling, portrait
from PIL import Image

from helpers import detect, files, models, plots
from helpers import images as photos
from reading_faces import __main__
from reading_faces import reader as pipeline
from reading_faces.annotate import annotate_photo
from reading_faces.commands.console import printable
from reading_faces.commands.predict import copy_names


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    loaded = {"keypoints": MeanFace(), "emotion": Cheerful(), "action_units": Smiling()}
    monkeypatch.setattr(models, "load", loaded.get)


@pytest.fixture
def album(tmp_path):
    """A folder with a portrait, a plain wall and, deeper, the portrait again."""
    folder = tmp_path / "album"
    (folder / "deeper").mkdir(parents=True)
    portrait().save(folder / "portrait.png")
    portrait().save(folder / "deeper" / "portrait.png")
    Image.new("RGB", (60, 40)).save(folder / "wall.png")
    return folder


def predict(*arguments) -> int:
    return __main__.main(["predict", *map(str, arguments)])


def test_json_is_alone_on_standard_output(album, capfd):
    assert predict(album, "--json") == 0
    images = json.loads(capfd.readouterr().out)["images"]
    assert [image["path"] for image in images] == [
        str(album / name) for name in ("deeper/portrait.png", "portrait.png", "wall.png")
    ]
    assert [len(image["faces"]) for image in images] == [1, 1, 0]
    assert all(image["error"] is None for image in images)


def test_the_table_has_one_line_a_face(album, capfd):
    assert predict(album) == 0
    head, *lines = capfd.readouterr().out.splitlines()
    assert head.split()[:2] == ["photo", "face"]
    assert len(lines) == 3
    assert "happy 70%" in lines[0]
    assert "none" in lines[2]


def test_csv_has_one_row_a_face_and_one_for_a_photo_without(album, tmp_path, capfd):
    assert predict(album, "--csv", tmp_path / "faces.csv") == 0
    frame = pd.read_csv(tmp_path / "faces.csv")
    assert frame["face"].fillna(0).tolist() == [1, 1, 0]
    assert capfd.readouterr().out == ""


def test_parquet_holds_the_table_of_csv(album, tmp_path):
    (album / os.fsdecode(b"caf\xe9.png")).write_bytes((album / "wall.png").read_bytes())
    assert predict(album, "--csv", tmp_path / "faces.csv") == 0
    assert predict(album, "--parquet", tmp_path / "faces.parquet") == 0
    frame = pd.read_parquet(tmp_path / "faces.parquet")
    other = pd.read_csv(tmp_path / "faces.csv")
    assert frame["path"].tolist() == other["path"].tolist()
    assert frame["emotion"].fillna("").tolist() == other["emotion"].fillna("").tolist()
    assert frame["box_x"].fillna(-1).tolist() == other["box_x"].fillna(-1).tolist()


def test_parquet_without_its_package_is_one_sentence(album, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert predict(album, "--parquet", tmp_path / "faces.parquet") == 1
    assert capfd.readouterr().err == "Error: Parquet needs one more package: pip install pyarrow\n"


def test_a_photo_named_twice_is_read_once(album, capfd):
    assert predict(album, album / "wall.png", album, "--json") == 0
    assert len(json.loads(capfd.readouterr().out)["images"]) == 3


# A run that is cut.


@pytest.fixture
def cut(album, tmp_path, monkeypatch, capfd):
    """A run into a table that was stopped while it drew its second photo; returns the table."""
    table, drawn, whole = tmp_path / "faces.csv", [], annotate_photo

    def stop(photo, reading):
        if drawn:
            raise KeyboardInterrupt
        drawn.append(reading.path)
        return whole(photo, reading)

    with monkeypatch.context() as patch:
        patch.setattr(plots, "annotate_photo", stop)
        assert predict(album, "--csv", table, "--draw", tmp_path / "copies") == 130
    assert "--resume goes on from here" in capfd.readouterr().err
    assert not table.exists()
    return table


def test_a_run_that_was_cut_goes_on_and_writes_each_result_once(album, cut, monkeypatch):
    opened, read = [], photos.read_photo
    monkeypatch.setattr(pipeline, "read_photo", lambda path: opened.append(path) or read(path))
    assert predict(album, "--csv", cut, "--resume") == 0
    assert opened == [str(album / name) for name in ("portrait.png", "wall.png")]
    assert not list(cut.parent.glob("*.unfinished"))
    resumed = cut.read_text()
    assert predict(album, "--csv", cut) == 0
    assert cut.read_text() == resumed


def test_half_a_line_is_read_again(album, cut):
    journal = cut.with_name("faces.csv.unfinished")
    journal.write_bytes(journal.read_bytes()[:-20])
    assert predict(album, "--csv", cut, "--resume") == 0
    assert len(pd.read_csv(cut)) == 3


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        (None, [], "add --resume to go on, or delete it"),
        (None, ["--resume", "--detector", "haar"], "with other settings"),
        ("no journal\n", ["--resume"], "is no journal"),
        ('{}\n{"path": 3}\n', ["--resume"], "is no journal"),
    ],
)
def test_an_unfinished_run_is_not_mixed_with_another(album, cut, content, options, sentence, capfd):
    journal = cut.with_name("faces.csv.unfinished")
    if content:
        journal.write_text(content)
    before = journal.read_bytes()
    assert predict(album, "--csv", cut, *options) == 1
    assert sentence in capfd.readouterr().err
    assert journal.read_bytes() == before


def test_a_photo_that_failed_is_tried_again(album, tmp_path, monkeypatch, capfd):
    table = tmp_path / "faces.csv"
    (album / "a bad one.png").write_text("no picture")
    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_csv", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            predict(album, "--csv", table)
    portrait().save(album / "a bad one.png")
    assert predict(album, "--csv", table, "--resume") == 0
    assert pd.read_csv(table)["error"].isna().all()


def test_resume_needs_a_table(album, capfd):
    assert predict(album, "--resume") == 1
    assert "needs the --csv or --parquet" in capfd.readouterr().err


def test_annotated_copies_have_names_of_their_own_and_the_photos_size(album, tmp_path):
    assert predict(album, "--draw", tmp_path / "new" / "copies") == 0
    copies = sorted((tmp_path / "new" / "copies").iterdir())
    assert [copy.name for copy in copies] == [
        "portrait-faces-2.jpg",
        "portrait-faces.jpg",
        "wall-faces.jpg",
    ]
    assert Image.open(copies[0]).size == portrait().size


def test_a_copy_never_takes_the_name_of_a_photo(tmp_path):
    paths = [tmp_path / name for name in ("a.jpg", "a-faces.jpg", "A.png")]
    assert copy_names(paths) == ["a-faces-2.jpg", "a-faces-faces.jpg", "A-faces-3.jpg"]


def test_a_photo_that_vanishes_before_it_is_drawn_is_one_sentence(album, monkeypatch, capfd):
    find = detect.detect_faces

    def find_and_remove(photo, detector):
        (album / "wall.png").unlink(missing_ok=True)
        return find(photo, detector)

    monkeypatch.setattr(detect, "detect_faces", find_and_remove)
    assert predict(album / "wall.png", album / "portrait.png", "--draw", album / "copies") == 1
    assert f"{album / 'wall.png'}: There is no such file." in capfd.readouterr().err
    assert [path.name for path in (album / "copies").iterdir()] == ["portrait-faces.jpg"]


def test_an_empty_folder_is_one_sentence_and_exit_code_1(tmp_path, capfd):
    assert predict(tmp_path) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"{tmp_path}: There is no photo in this folder."


def test_a_name_is_printed_on_one_line():
    assert printable("a\nb\udce9é") == "a\\nb\\udce9é"


@pytest.mark.parametrize("option", [["--csv", "no/such/folder/x.csv"], ["--csv", "."]])
def test_a_result_with_no_place_to_go_is_one_sentence(album, option, capfd):
    assert predict(album, *option) == 1
    err = capfd.readouterr().err.strip()
    assert "cannot be written" in err
    assert len(err.splitlines()) == 1


def test_a_folder_for_copies_that_is_a_file_is_one_sentence(album, capfd):
    assert predict(album, "--draw", album / "wall.png") == 1
    assert "There is a file of this name" in capfd.readouterr().err


def test_a_full_disk_leaves_nothing_behind(album, tmp_path, monkeypatch, capfd):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    copies = tmp_path / "copies"
    assert predict(album, "--draw", copies, "--csv", tmp_path / "faces.csv") == 1
    assert "The disk is full" in capfd.readouterr().err
    assert list(copies.iterdir()) == []
    assert not list(tmp_path.glob("*.csv"))


def test_an_old_result_survives_a_failed_new_one(tmp_path):
    path = tmp_path / "faces.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.whole_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_stopping_by_hand_is_exit_code_130_without_a_traceback(album, monkeypatch, capfd):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(plots, "annotate_photo", stop)
    assert predict(album, "--draw", album / "copies") == 130
    assert "Traceback" not in capfd.readouterr().err


def test_missing_models_are_one_sentence(album, monkeypatch, capfd):
    monkeypatch.undo()
    monkeypatch.setattr("helpers.settings.SHIPPED", album)
    assert predict(album) == 1
    assert "missing" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["x.jpg", "--json", "--csv", "y"], ["x", "--detector", "z"]]
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        predict(*arguments)
    assert stop.value.code == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_standard_output_is_one_sentence(tmp_path):
    with open("/dev/full", "w") as full:
        program = [sys.executable, "-c", WITHOUT_MODELS, "predict", str(tmp_path), "--json"]
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Error: The result cannot be written. The disk is full."


# A process of its own, in which nothing has to be loaded from `data/weights`.
WITHOUT_MODELS = """
import sys
from helpers import __main__, detect, models, detect
models.load = detect.load_mtcnn = lambda *task: None
sys.exit(__main__.main(sys.argv[1:]))
"""


def test_pictures_of_one_pixel_and_of_extreme_shape_are_read(tmp_path, capfd):
    for width, height in ((1, 1), (10, 4000)):
        Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(tmp_path / f"{width}.png")
    assert predict(tmp_path, "--json", "--draw", tmp_path / "copies") == 0
    assert [image["faces"] for image in json.loads(capfd.readouterr().out)["images"]] == [[], []]
