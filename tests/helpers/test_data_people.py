"""Photos of people are found by folder, read when asked for, and never mixed up."""

from dataclasses import dataclass

import numpy as np
import pytest
from data_samples import real
from PIL import Image

from helpers import settings
from helpers.data import DataError, album_folder, load_people
from helpers.images import PhotoError
from reading_faces.made_faces.albums import people_album


def write(folder, **people):
    for name, count in people.items():
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            Image.new("RGB", (30, 40), (number, 0, 0)).save(folder / name / f"{number}.png")
    return folder


def test_a_folder_is_a_person_and_2_comes_before_10(tmp_path):
    people = load_people(write(tmp_path, ann=11, bob=2))
    assert people.names.tolist() == ["ann"] * 11 + ["bob"] * 2
    assert [file.stem for file in people.files[:11]] == [str(n) for n in range(1, 12)]
    assert set(people.split) == {"all"} and len(people) == 13
    assert people.photos[10].shape == (40, 30, 3) and people.photos[10][0, 0, 0] == 11


def test_splits_and_one_more_level_are_found(tmp_path):
    write(tmp_path / "home" / "train", ann=2)
    write(tmp_path / "home" / "val", ann=1, bob=1)
    people = load_people(tmp_path)
    assert people.split.tolist() == ["train", "train", "val", "val"]
    some = people.select(people.split == "val")
    assert some.names.tolist() == ["ann", "bob"] and len(some.photos) == 2
    assert some.files[1].parent.name == "bob"


def test_a_damaged_photo_says_so_when_it_is_read(tmp_path):
    people = load_people(write(tmp_path, ann=2))
    people.files[1].write_bytes(b"no picture")
    assert people.photos[0].any()
    with pytest.raises(PhotoError):
        people.photos[1]


@pytest.mark.parametrize("kind", ["empty", "flat", "file"])
def test_a_folder_without_people_is_one_sentence(tmp_path, kind):
    if kind == "flat":
        Image.new("RGB", (9, 9)).save(tmp_path / "1.png")
    source = tmp_path / "notes.txt" if kind == "file" else tmp_path
    if kind == "file":
        source.write_text("no folder")
    with pytest.raises(DataError, match="no folder with photos for each person"):
        load_people(source)


@pytest.mark.parametrize("source", ["fer2013", "made"])
def test_a_set_without_names_is_one_sentence(source):
    said = f"{source} has no names; known sets with names: five-celebrities"
    with pytest.raises(DataError, match=said):
        load_people(source)


def test_an_album_becomes_a_folder_of_people_that_is_drawn_once(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "CACHE", tmp_path)
    folder = album_folder(people_album(2, 2))
    people = load_people(folder)
    assert people.names.tolist() == ["person-00"] * 2 + ["person-01"] * 2
    assert people.photos[3].dtype == np.uint8
    assert album_folder(people_album(2, 2)) == folder


@dataclass
class Album:
    pages: list
    name: str = "tiny"
    total: int = 1


def test_the_colours_of_an_album_stay_what_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "CACHE", tmp_path)
    red = np.full((16, 16, 3), (255, 0, 0), np.uint8)
    grey = np.full((16, 16), 90, np.uint8)
    folder = album_folder(Album([("ann/1.jpg", red), ("ann/2.png", grey), ("ann/a.txt", "ann")]))
    photos = load_people(folder).photos
    assert np.abs(photos[0].astype(int) - [254, 0, 0]).max() <= 2
    assert (photos[1] == 90).all() and (folder / "ann" / "a.txt").read_text() == "ann"


def test_an_album_that_is_cut_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "CACHE", tmp_path)

    def pages():
        yield "ann/1.png", np.zeros((4, 4), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        album_folder(Album(pages()))
    assert list((tmp_path / "albums").iterdir()) == []


def test_nobody_of_orl_whom_the_embedding_has_seen_is_in_its_test_split(monkeypatch, tmp_path):
    write(tmp_path / "orl", **{f"s{number}": 1 for number in (1, 2, 3, 29, 30, 31, 40)})
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    people = load_people("orl")
    test = people.names[people.split == "test"]
    assert set(test) == {"s3", "s30", "s31", "s40"}
    assert set(people.names[people.split == "train"]) == {"s1", "s2", "s29"}


def test_people_may_be_selected_by_split_or_by_number(tmp_path):
    write(tmp_path / "train", ann=2)
    write(tmp_path / "test", bob=1)
    people = load_people(tmp_path)
    assert people.select("train").names.tolist() == ["ann", "ann"]
    assert people.select(np.array([0])).files[0].parent.name == people.names[0]
    with pytest.raises(DataError, match="has no split 'val'; it has: test, train"):
        people.select("val")


@pytest.mark.parametrize(
    ("source", "photos", "people"),
    [
        pytest.param("orl", 300, 30, marks=real("orl")),
        pytest.param("five-celebrities", 93, 5, marks=real("five-celebrities")),
    ],
)
def test_real_sets_are_found_whole(source, photos, people):
    found = load_people(source)
    assert len(set(found.names)) >= people and len(found) >= photos
