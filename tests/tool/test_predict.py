"""`predict` prints one clean result, says what went wrong elsewhere, and leaves no half files."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from faces import Cheerful, Tint, find_portrait, portrait, stand_ins
from PIL import Image

from helpers import detect, embedders, images, models
from helpers.gallery import Gallery
from reading_faces import __main__, annotate, reader, upright
from reading_faces.annotate import annotate_photo
from reading_faces.commands.predict import copy_names, to_text
from reading_faces.gallery_file import save_gallery

pytestmark = pytest.mark.usefixtures("without_networks")


def predict(*arguments) -> int:
    return __main__.main(["predict", *map(str, arguments)])


def test_json_is_alone_on_standard_output(album, capfd):
    assert predict(album, "--json") == 0
    result = json.loads(capfd.readouterr().out)
    images = result["images"]
    assert result["left_out"] == []
    assert [image["path"] for image in images] == [
        str(album / name) for name in ("deeper/portrait.png", "portrait.png", "wall.png")
    ]
    assert [len(image["faces"]) for image in images] == [1, 1, 0]
    assert all(image["error"] is None for image in images)


def test_the_table_has_one_line_a_face(album, capfd):
    assert predict(album) == 0
    head, *lines = capfd.readouterr().out.splitlines()
    assert head.split()[:6] == ["photo", "face", "x", "y", "width", "height"]
    assert len(lines) == 3
    assert lines[1].split()[1:] == ["1", *portrait_box(), "0.990", "happy", "70%"]
    assert lines[2].split()[1:] == ["none"]


def portrait_box() -> list[str]:
    """Return x, y, width and height of the portrait's face, as they are printed."""
    (face,) = find_portrait(np.array(portrait()))
    return [str(round(number)) for number in face.box]


def test_the_faces_of_a_photo_are_counted_and_named_in_the_table(capfd):
    face = reader.FaceReading((1, 2, 3, 4), 0.9, emotion={"sad": 1.0}, identity=("An\x1bn", 0.5))
    faces = [face, replace(face, identity=(None, 0.25))]
    _, *lines = to_text([reader.PhotoReading("a.png", faces=faces)]).splitlines()
    assert [line.split()[1] for line in lines] == ["1", "2"]
    assert [line.split()[-2:] for line in lines] == [["An\\x1bn", "0.50"], ["unknown", "0.25"]]


def test_csv_has_one_row_a_face_and_one_for_a_photo_without(album, tmp_path, capfd):
    assert predict(album, "--csv", tmp_path / "faces.csv") == 0
    frame = pd.read_csv(tmp_path / "faces.csv")
    assert frame["face"].fillna(0).tolist() == [1, 1, 0]
    assert capfd.readouterr().out == ""


def test_a_table_says_which_photo_failed_and_so_does_the_exit_code(album, tmp_path):
    (album / "a bad one.png").write_text("no picture")
    assert predict(album, "--csv", tmp_path / "faces.csv") == 1
    errors = pd.read_csv(tmp_path / "faces.csv").set_index("path")["error"].dropna()
    assert errors.to_dict() == {
        str(album / "a bad one.png"): "This is not a picture that can be read."
    }
    assert not list(tmp_path.glob("*.unfinished"))


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
        patch.setattr(annotate, "annotate_photo", stop)
        assert predict(album, "--csv", table, "--draw", tmp_path / "copies") == 130
    assert "--resume goes on from here" in capfd.readouterr().err
    assert not table.exists()
    return table


def test_a_run_that_was_cut_goes_on_and_writes_each_result_once(album, cut, monkeypatch):
    opened, read = [], reader.load_photo
    monkeypatch.setattr(reader, "load_photo", lambda path: opened.append(path) or read(path))
    assert predict(album, "--csv", cut, "--resume") == 0
    assert opened == [str(album / name) for name in ("portrait.png", "wall.png")]
    assert not list(cut.parent.glob("*.unfinished"))
    resumed = cut.read_text()
    assert predict(album, "--csv", cut) == 0
    assert cut.read_text() == resumed


def test_half_a_line_is_read_again(album, cut, monkeypatch):
    journal = cut.with_name("faces.csv.unfinished")
    journal.write_bytes(journal.read_bytes()[:-20])
    with monkeypatch.context() as patch:  # and what is written after it can be read, too
        patch.setattr(pd.DataFrame, "to_csv", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            predict(album, "--csv", cut, "--resume")
    assert predict(album, "--csv", cut, "--resume") == 0
    assert len(pd.read_csv(cut)) == 3


def test_each_photo_is_in_the_journal_before_the_next_is_drawn(album, tmp_path, monkeypatch):
    """So that a program that is killed has lost one photo at most."""
    lines, journal = [], tmp_path / "faces.csv.unfinished"

    def look(photo, reading):
        lines.append(journal.read_bytes().count(b"\n"))
        return photo

    monkeypatch.setattr(annotate, "annotate_photo", look)
    assert predict(album, "--csv", tmp_path / "faces.csv", "--draw", tmp_path / "copies") == 0
    assert lines == [1, 2, 3]


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


def test_an_unfinished_run_is_not_mixed_with_another_models(album, cut, monkeypatch, capfd):
    known = stand_ins()
    known["emotion"].card = known["emotion"].card | {"seed": 1}
    monkeypatch.setattr(models, "load", known.get)
    assert predict(album, "--csv", cut, "--resume") == 1
    assert "with other settings" in capfd.readouterr().err


def test_an_unfinished_run_is_not_mixed_with_another_gallerys(album, cut, tmp_path, monkeypatch):
    people = tmp_path / "g"
    save_gallery(Gallery.empty("tint", 0.9).enroll("a", np.ones((1, 3))), people)
    monkeypatch.setattr(embedders, "SmallEmbedder", Tint)
    assert predict(album, "--csv", cut, "--resume", "--gallery", people) == 1
    assert predict(album, "--csv", cut, "--resume") == 0


def test_a_copy_that_could_not_be_written_is_tried_again(album, tmp_path, monkeypatch, capfd):
    """The photo was read; it counts as done only once its copy is there, too."""
    table, save = tmp_path / "faces.csv", Image.Image.save

    def refuse(picture, part, **options):
        if part.name.startswith(".part-") and picture.size == portrait().size:
            raise OSError(errno.ENOSPC, "full")
        save(picture, part, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", refuse)
        patch.setattr(pd.DataFrame, "to_csv", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            predict(album, "--csv", table, "--draw", tmp_path / "copies")
    assert "The disk is full" in capfd.readouterr().err
    assert predict(album, "--csv", table, "--draw", tmp_path / "copies", "--resume") == 0
    assert len(list((tmp_path / "copies").iterdir())) == 3


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
    assert predict(album, "--resume") == 2
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


def test_a_table_says_which_copy_is_whose(album, tmp_path):
    table, copies = tmp_path / "faces.csv", tmp_path / "copies"
    portrait().save(album / "bad.png")
    assert predict(album, "--draw", copies) == 0
    (album / "bad.png").write_text("no picture")  # its copy is one of what it was
    assert predict(album, "--csv", table, "--draw", copies) == 1
    told = pd.read_csv(table).set_index("path")["copy"]
    assert told.dropna().to_dict() == {
        str(album / "deeper" / "portrait.png"): "portrait-faces.jpg",
        str(album / "portrait.png"): "portrait-faces-2.jpg",
        str(album / "wall.png"): "wall-faces.jpg",
    }
    assert predict(album, "--csv", table) == 1
    assert "copy" not in pd.read_csv(table)


def test_a_copy_never_takes_the_name_of_a_photo(tmp_path):
    paths = [tmp_path / name for name in ("a.jpg", "a-faces.jpg", "A.png")]
    names = [copy.name for copy in copy_names(paths, tmp_path).values()]
    assert names == ["a-faces-2.jpg", "a-faces-faces.jpg", "A-faces-3.jpg"]
    (long,) = copy_names([tmp_path / f"{'ß' * 125}.jpg"], tmp_path).values()
    assert long.name == f"{'ß' * 60}-faces.jpg", "what a disk can hold"


def test_a_copy_replaces_a_copy_of_an_earlier_run_and_nothing_else(album, tmp_path):
    copies = tmp_path / "copies"
    copies.mkdir()
    portrait(60).save(copies / "wall-faces.JPG")
    (copies / "portrait-faces-2.jpg").write_text("a note")
    before = {file.name: file.read_bytes() for file in copies.iterdir()}
    for _ in range(2):
        assert predict(album, "--draw", copies) == 0
        assert {name: (copies / name).read_bytes() for name in before} == before
        written = {file.name for file in copies.iterdir()} - set(before)
        assert written == {"portrait-faces.jpg", "portrait-faces-3.jpg", "wall-faces-2.jpg"}


def test_a_photo_beside_the_one_that_is_drawn_stays(album):
    """Only `portrait.png` is read; what lies beside it under a copy's name is somebody's photo."""
    portrait(60).save(album / "portrait-faces.jpg")
    before = (album / "portrait-faces.jpg").read_bytes()
    assert predict(album / "portrait.png", "--draw", album) == 0
    assert (album / "portrait-faces.jpg").read_bytes() == before
    assert (album / "portrait-faces-2.jpg").exists()


@pytest.mark.parametrize("option", ["--csv", "--parquet"])
@pytest.mark.parametrize("by", ["name", "other spelling", "link", "hard link", "gallery", "deeper"])
def test_nothing_that_is_read_is_ever_written_over(album, tmp_path, option, by, capfd, monkeypatch):
    people = tmp_path / "g"
    save_gallery(Gallery.empty("tint", 0.9).enroll("a", np.ones((1, 3))), people)
    photo = album / "portrait.png"
    (tmp_path / "link").symlink_to(photo)
    (tmp_path / "hard link").hardlink_to(photo)
    target = {
        "name": photo,
        "other spelling": f"{album}/deeper/../portrait.png",
        "link": tmp_path / "link",
        "hard link": tmp_path / "hard link",
        "gallery": people,
        "deeper": album / "deeper" / "portrait.png",
    }[by]
    monkeypatch.setattr(models, "load", None)  # refused before any work
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert predict(album, "--gallery", people, option, target) == 2
    printed = capfd.readouterr()
    assert f"{option} {target} would replace a file that is read" in printed.err
    assert printed.err.count("\n") == 1 and printed.out == ""
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_table_of_an_earlier_run_may_lie_in_the_folder_that_is_read(album, capfd):
    for _ in range(2):
        assert predict(album, "--csv", album / "faces.csv") == 0
    assert len(pd.read_csv(album / "faces.csv")) == 3
    assert "Left out: 1 .csv (no pictures)" in capfd.readouterr().err


def test_what_a_folder_holds_besides_photos_is_counted_by_kind(album, capfd):
    others = ("a.orf", "b.ORF", "deeper/c.mp4", "notes")
    for name in (*others, ".DS_Store", "._portrait.png", "deeper/Thumbs.db"):
        (album / name).write_text("no picture")
    (album / "deeper" / "again").symlink_to(album)
    assert predict(album, "--json") == 0
    out, err = capfd.readouterr()
    assert err.splitlines()[0] == (
        "Left out: 2 .orf, 1 linked folder, 1 .mp4, 1 without ending (no pictures)"
    )
    left_out = json.loads(out)["left_out"]
    expected = {str(album / name) for name in (*others, "deeper/again")}
    assert {one["file"] for one in left_out} == expected
    assert all(one["reason"].endswith(".") for one in left_out)


def test_photos_are_read_whatever_they_are_called(album, capfd):
    for name, kind in (("a.jfif", "JPEG"), ("b.HEIC", "HEIF"), ("c", "PNG"), ("d.dat", "AVIF")):
        portrait().save(album / name, kind)
    assert predict(album, "--json") == 0
    result = json.loads(capfd.readouterr().out)
    assert [len(image["faces"]) for image in result["images"]] == [1, 1, 1, 1, 1, 1, 0]
    assert result["left_out"] == []


def test_what_could_not_be_read_and_what_was_cut_off_are_named(album, capfd):
    (album / "text.jpg").write_text("no picture")
    portrait().save(album / "cut.jpg")
    content = (album / "cut.jpg").read_bytes()
    (album / "cut.jpg").write_bytes(content[:-30])
    (album / "half.jpg").write_bytes(content[: len(content) // 2])
    assert predict(album, "--json") == 1
    out, err = capfd.readouterr()
    result = json.loads(out)
    left_out = {one["file"]: one["reason"] for one in result["left_out"]}
    assert {os.path.basename(file) for file in left_out} == {"text.jpg", "cut.jpg", "half.jpg"}
    assert all(f"{file}: {reason}" in err for file, reason in left_out.items())
    errors = {image["path"]: image["error"] for image in result["images"]}
    assert errors[str(album / "half.jpg")] == left_out[str(album / "half.jpg")]
    assert errors[str(album / "cut.jpg")] is None
    (album / "half.jpg").unlink(), (album / "text.jpg").unlink()
    assert predict(album, "--json") == 0


def test_a_large_jpeg_is_read_and_drawn_in_its_own_pixels(album, monkeypatch, capfd):
    portrait(1200).save(album / "large.jpg")
    results = []
    for most in (images.MOST_PIXELS, 1_000_000):
        monkeypatch.setattr(images, "MOST_PIXELS", most)
        assert predict(album / "large.jpg", "--json", "--draw", album / "copies") == 0
        printed = capfd.readouterr()
        assert ("is smaller than its photo" in printed.err) == (most == 1_000_000)
        results.append(json.loads(printed.out)["images"][0])
        with Image.open(album / "copies" / "large-faces.jpg") as copy:
            size, marked = copy.size, np.array(copy.resize((205, 240))).astype(int)
        results[-1]["marked"] = marked
    whole, small = results
    assert (small["width"], small["height"]) == portrait(1200).size
    assert size == tuple(-(-side // 2) for side in portrait(1200).size)
    (one,), (other,) = whole["faces"], small["faces"]
    assert one["box"] == pytest.approx(other["box"], abs=2)
    for name, point in one["keypoints"].items():
        assert point == pytest.approx(other["keypoints"][name], abs=2)
    assert np.abs(whole["marked"] - small["marked"]).mean() < 6


def test_a_face_that_lies_and_cannot_be_turned_is_named(album, monkeypatch, capfd):
    found = [], [(20.4, 30.0, 50.0, 50.0)]
    monkeypatch.setattr(upright, "find_faces", lambda photo, detector: found)
    assert predict(album / "portrait.png", "--json") == 0
    out, err = capfd.readouterr()
    reason = "The face at 20, 30 lies or is upside down, and cannot be read."
    assert json.loads(out)["left_out"] == [{"file": str(album / "portrait.png"), "reason": reason}]
    assert f"portrait.png: {reason}" in err


class Uncertain(Cheerful):
    def predict(self, images):
        return super().predict(images) * np.nan


@pytest.mark.parametrize("option", [["--json"], ["--csv", "faces.csv"], []])
def test_a_model_that_answers_with_no_number_gives_no_result(album, option, monkeypatch, capfd):
    monkeypatch.setattr(models, "load", (stand_ins() | {"emotion": Uncertain()}).get)
    monkeypatch.chdir(album)
    assert predict(album / "portrait.png", *option) == 1
    out, err = capfd.readouterr()
    assert out == "" and "numbers that are none" in err and not (album / "faces.csv").exists()


def test_a_photo_that_vanishes_before_it_is_drawn_is_one_sentence(album, monkeypatch, capfd):
    find = detect.detect_faces

    def find_and_remove(photo, *how):
        (album / "wall.png").unlink(missing_ok=True)
        return find(photo, *how)

    monkeypatch.setattr(detect, "detect_faces", find_and_remove)
    assert predict(album / "wall.png", album / "portrait.png", "--draw", album / "copies") == 1
    assert f"{album / 'wall.png'}: There is no such file." in capfd.readouterr().err
    assert [path.name for path in (album / "copies").iterdir()] == ["portrait-faces.jpg"]


def test_an_empty_folder_is_one_sentence_and_exit_code_1(tmp_path, capfd):
    assert predict(tmp_path) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"{tmp_path}: There is no photo in this folder."


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


def test_stopping_by_hand_is_exit_code_130_without_a_traceback(album, monkeypatch, capfd):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(annotate, "annotate_photo", stop)
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
        program = [sys.executable, "-c", PRINT_ALONE, "predict", str(tmp_path), "--json"]
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Error: The result cannot be written. The disk is full."


# A process of its own, which has read its photos already.
PRINT_ALONE = """
import sys
from reading_faces import __main__
from reading_faces.commands import predict
predict.run = lambda options: predict.print_result(predict.to_json([], []))
sys.exit(__main__.main(sys.argv[1:]))
"""


# With the models that ship.

# What lesson 7 shows of the two portraits: box, some points, emotion, action units.
READ = {
    "hopper": {
        "box": [178.4, 109.9, 173.1, 219.9],
        "confidence": 0.989,
        "points": {
            "left_eye_center": [306.4, 188.6],
            "right_eye_center": [223.6, 193.0],
            "nose_tip": [266.7, 239.6],
            "mouth_left_corner": [301.9, 276.3],
            "mouth_right_corner": [232.4, 279.3],
        },
        "emotion": [0.105, 0.002, 0.102, 0.014, 0.221, 0.008, 0.547],
        "units": {"AU6": 0.274, "AU12": 0.337, "AU15": 0.228, "AU20": 0.156},
    },
    "collins": {
        "box": [181.6, 63.7, 83.0, 107.4],
        "confidence": 0.999,
        "points": {
            "left_eye_center": [246.3, 103.1],
            "right_eye_center": [203.3, 101.0],
            "nose_tip": [224.8, 128.9],
            "mouth_left_corner": [244.7, 140.7],
            "mouth_right_corner": [201.7, 139.4],
        },
        "emotion": [0.004, 0.000, 0.004, 0.968, 0.004, 0.006, 0.014],
        "units": {"AU6": 0.903, "AU12": 0.998, "AU25": 0.990, "AU26": 0.189},
    },
}


def test_the_two_portraits_are_read_as_ever(portraits, monkeypatch, capfd, request):
    monkeypatch.undo()
    request.getfixturevalue("shipped_models")
    assert predict(*portraits.values(), "--json") == 0
    images = json.loads(capfd.readouterr().out)["images"]
    assert [image["path"] for image in images] == [str(path) for path in portraits.values()]
    for image, expected in zip(images, READ.values(), strict=True):
        (face,) = image["faces"]
        assert face["box"] == pytest.approx(expected["box"], abs=0.5)
        assert face["confidence"] == pytest.approx(expected["confidence"], abs=0.005)
        for name, point in expected["points"].items():
            assert face["keypoints"][name] == pytest.approx(point, abs=0.5), name
        assert list(face["emotion"].values()) == pytest.approx(expected["emotion"], abs=0.02)
        for unit, probability in expected["units"].items():
            assert face["action_units"][unit] == pytest.approx(probability, abs=0.02), unit


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_portrait_that_lies_is_read_as_when_it_is_upright(
    quarters, portraits, tmp_path, monkeypatch, capfd, request
):
    monkeypatch.undo()
    request.getfixturevalue("shipped_models")
    for name, path in portraits.items():
        with Image.open(path) as photo:
            turned = photo.transpose(getattr(Image.Transpose, f"ROTATE_{90 * quarters}"))
        turned.save(tmp_path / f"{name}.png")
    assert predict(*(tmp_path / f"{name}.png" for name in portraits), "--json") == 0
    result = json.loads(capfd.readouterr().out)
    assert result["left_out"] == []
    for image, (name, expected) in zip(result["images"], READ.items(), strict=True):
        (face,) = image["faces"]
        top = int(np.argmax(expected["emotion"]))
        assert np.argmax(list(face["emotion"].values())) == top, name
        width, height = image["width"], image["height"]
        for point, (x, y) in expected["points"].items():
            for left in range(quarters, 0, -1):  # as the photo was turned, against the clock
                x, y = y, (height if left % 2 else width) - 1 - x
            distance = np.hypot(*np.subtract(face["keypoints"][point], (x, y)))
            assert distance < 0.06 * expected["box"][3], (name, point)
