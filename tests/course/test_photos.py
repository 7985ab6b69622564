"""The photos of real people that ship: few bytes, all credited, each face found."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers import settings
from helpers.data import load_people
from helpers.detect import detect_faces
from helpers.images import read_photo
from reading_faces import upright

PHOTOS = Path(__file__).resolve().parents[2] / "data" / "photos"
CREWS = ("sts-106.jpg", "sts-98_spacewalkers.jpg")
PORTRAITS = sorted(PHOTOS.glob("*/*/*.jpg"))
TOLD = (PHOTOS / "README.md").read_text(encoding="utf-8")


def in_photos(path: Path) -> str:
    return path.relative_to(PHOTOS).as_posix()


def test_each_photo_is_credited_once_by_the_name_of_its_folder():
    rows = re.findall(r"^\| `(.+?)`(?: †)? \| (.+?) \| .+ \|$", TOLD, re.M)
    assert sorted(file for file, _ in rows) == sorted(map(in_photos, PHOTOS.rglob("*.jpg")))
    for file, who in rows:
        if file not in CREWS:
            assert file.split("/")[1] == who.lower().replace(" ", "_")
    assert "NASA does not endorse this course" in TOLD


def test_the_photos_are_small_and_tell_nothing_but_the_picture():
    assert sum(path.stat().st_size for path in PHOTOS.rglob("*")) <= 2_000_000
    for path in PHOTOS.rglob("*.jpg"):
        with Image.open(path) as photo:
            width, height = photo.size
            assert (photo.format, photo.mode) == ("JPEG", "RGB")
            assert not photo.getexif() and not {"exif", "photoshop", "comment"} & set(photo.info)
        assert width == 1600 if path.name in CREWS else 400 <= height <= 500


def test_the_data_that_ships_stays_under_36_mb():
    shipped = [p for p in PHOTOS.parent.rglob("*") if p.is_file()]
    raw = PHOTOS.parent / "raw"
    assert sum(p.stat().st_size for p in shipped if raw not in p.parents) < 36_000_000


def test_they_are_found_by_name_unless_a_folder_of_yours_has_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(settings, "data_folders", lambda: [tmp_path / "sets"])
    crews, strangers = load_people("photos/crews"), load_people("photos/strangers")
    assert len(set(crews.names)) == len(crews) == 9
    assert len(set(strangers.names)) == len(strangers) == 12
    assert not set(crews.names) & set(strangers.names)
    (tmp_path / "sets" / "photos" / "crews" / "ann").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "sets" / "photos" / "crews" / "ann" / "1.png")
    assert load_people("photos/crews").names.tolist() == ["ann"]
    assert len(load_people("photos/strangers")) == 12


@pytest.mark.parametrize("photo", CREWS)
def test_the_detector_finds_just_the_crew_where_each_is_said_to_be(photo):
    crew = pd.read_csv(PHOTOS / "who.csv").query("photo == @photo")
    found = detect_faces(read_photo(PHOTOS / photo))
    middles = crew[["x", "y"]].to_numpy(float)
    assert len(found) == len(crew)
    for face in found:
        inside = (np.abs(middles - face.box[:2] - np.divide(face.box[2:], 2)) < 40).all(axis=1)
        assert inside.sum() == 1
        assert face.box[2] >= 90
    assert {path.parent.name for path in PHOTOS.glob("crews/*/*.jpg")} >= set(crew["name"])


def test_who_is_where_names_each_person_of_the_crews_once():
    names = pd.read_csv(PHOTOS / "who.csv")["name"].tolist()
    assert sorted(names) == sorted(path.name for path in (PHOTOS / "crews").iterdir())


@pytest.mark.parametrize("path", PORTRAITS, ids=in_photos)
def test_the_detector_finds_one_face_on_each_portrait(path):
    (face,) = detect_faces(read_photo(path))
    assert min(face.box[2:]) >= (80 if "crews" in path.parts else 45)


@pytest.mark.whole
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_all_of_a_crew_are_found_on_a_photo_that_lies(quarters):
    photo = read_photo(PHOTOS / "sts-106.jpg")
    faces, lying = upright.find_faces(np.ascontiguousarray(np.rot90(photo, quarters)))
    assert len(faces) == 7 and not lying
    turned = {1: -90, 2: 180, 3: 90}[quarters]
    assert all(abs((face.roll - turned + 180) % 360 - 180) < 45 for face in faces)
