"""Photos of people are found by folder, read when asked for, and never mixed up."""

import errno
import itertools
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


def test_a_folder_without_permission_does_not_hide_the_others(tmp_path, monkeypatch):
    write(tmp_path, ann=1, bob=1)
    look = type(tmp_path).iterdir

    def refuse(folder):  # taking the right away would not do: root may read everything
        if folder.name == "bob":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return look(folder)

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    people = load_people(tmp_path)
    assert people.names.tolist() == ["ann", "bob"]
    assert people.files[1] == tmp_path / "bob"
    with pytest.raises(PhotoError):
        people.photos[1]


@pytest.mark.parametrize("name", ["val", "Val", "Test", "training", "valid", "PublicTest"])
def test_somebody_may_be_called_like_a_split(tmp_path, name):
    people = load_people(write(tmp_path, **{name: 1, "zoe": 2}))
    assert people.names.tolist() == [name, "zoe", "zoe"] and set(people.split) == {"all"}
    write(tmp_path / name, deeper=1)  # which no folder of photos beside those of others is
    assert sorted(set(load_people(tmp_path).names)) == sorted([name, "zoe"])


def test_two_people_called_like_splits_are_no_splits(tmp_path):
    people = load_people(write(tmp_path, Val=2, Test=1))
    assert people.names.tolist() == ["Test", "Val", "Val"] and set(people.split) == {"all"}


def test_folders_without_pictures_beside_the_splits_change_nothing(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / split, ann=1)
    (tmp_path / "val").mkdir()
    (tmp_path / "about").mkdir()
    (tmp_path / "about" / "read me.txt").write_text("Two splits.")
    assert sorted(load_people(tmp_path).split) == ["test", "train"]


def test_photos_are_found_by_what_is_in_them_and_litter_is_not(tmp_path):
    write(tmp_path, ann=1)
    for number, kind in enumerate(("JPEG", "HEIF", "PNG")):
        Image.new("RGB", (30, 40)).save(tmp_path / "ann" / f"IMG {number}", kind)
    for name in ("._1.png", ".DS_Store", "notes.txt"):
        (tmp_path / "ann" / name).write_text("no picture")
    people = load_people(tmp_path)
    assert [file.name for file in people.files] == ["1.png", "IMG 0", "IMG 1", "IMG 2"]
    assert all(photo.shape == (40, 30, 3) for photo in people.photos)


def test_a_damaged_photo_says_so_when_it_is_read(tmp_path):
    people = load_people(write(tmp_path, ann=2))
    people.files[1].write_bytes(b"no picture")
    assert people.photos[0].any()
    with pytest.raises(PhotoError, match=f"{people.files[1]}: This is not a picture"):
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


# By the MD5 hash of the name, modulo 10: 6, 7, 8 and 9.
BY_NAME = {
    "Abba_Eban": "train",
    "Julie_Taymor": "val",
    "Aaron_Peirsol": "test",
    "Serena_Williams": "test",
}


def test_people_of_lfw_keep_their_split_in_whatever_set_they_are(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    write(tmp_path / "lfw", **dict.fromkeys(BY_NAME, 2))
    people = load_people("lfw")
    assert dict(zip(people.names.tolist(), people.split.tolist(), strict=True)) == BY_NAME
    assert set(load_people(tmp_path / "lfw").split) == {"all"}


def test_lfw_is_found_as_scikit_learn_puts_it(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    write(tmp_path / "lfw" / "lfw_home" / "lfw_funneled", ann=2, bob=1)
    (tmp_path / "lfw" / "lfw_home" / "pairs.txt").write_text("10")
    assert load_people("lfw").names.tolist() == ["ann", "ann", "bob"]


@pytest.mark.parametrize(
    "folders", [("frames",), ("training", "test")], ids=["one folder", "Udacity's"]
)
def test_people_of_video_frames_are_told_by_the_files_name(monkeypatch, tmp_path, folders):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    root = tmp_path / "youtube-faces"
    for folder, name in itertools.product(folders, BY_NAME):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / f"{folder}_frames_keypoints.csv").write_text(",0,1\n")
        Image.new("RGB", (9, 9)).save(root / folder / f"{name}_{folder[0]}1.webp", lossless=True)
    (root / "__MACOSX").mkdir()  # what a Mac adds to a zip file
    (root / "__MACOSX" / "._Abba_Eban_1.jpg").write_bytes(b"no picture")
    people = load_people("youtube-faces")
    assert dict(zip(people.names.tolist(), people.split.tolist(), strict=True)) == BY_NAME
    assert len(people) == len(folders) * len(BY_NAME)
    assert people.photos[0].shape == (9, 9, 3)


def celeba(folder, *files):
    (folder / "celeba" / "img_align_celeba").mkdir(parents=True)
    for file in files:
        Image.new("RGB", (9, 9)).save(folder / "celeba" / "img_align_celeba" / file)
    return folder / "celeba" / "identity_CelebA.txt"


def test_people_of_celeba_are_told_by_folders_or_by_its_own_table(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "folders"))
    write(tmp_path / "folders" / "celeba", **{"02880": 1, "02937": 2})
    by_folder = load_people("celeba")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "table"))
    table = celeba(tmp_path / "table", "000001.jpg", "000002.jpg", "000004.jpg", "000009.jpg")
    table.write_text("000001.jpg 2880\n000002.jpg 2937\n000004.jpg 2937\n000005.jpg 1\n")
    by_table = load_people("celeba")
    assert by_folder.names.tolist() == by_table.names.tolist() == ["02880", "02937", "02937"]
    assert by_folder.split.tolist() == by_table.split.tolist() == ["train", "train", "train"]
    assert [file.name for file in by_table.files] == ["000001.jpg", "000002.jpg", "000004.jpg"]


def test_pictures_of_celeba_without_names_are_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    table = celeba(tmp_path, "000001.jpg")
    with pytest.raises(DataError, match="does not say who is who; needed: .*identity_CelebA.txt"):
        load_people("celeba")
    table.write_text("000001.jpg 2880\n000002.jpg\n")
    with pytest.raises(DataError, match=r"identity_CelebA.txt must have lines like .* row 2"):
        load_people("celeba")


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
        pytest.param("lfw", 10_000, 4_000, marks=real("lfw")),
        pytest.param("celeba", 4_888, 241, marks=real("celeba")),
        pytest.param("youtube-faces", 3_288, 269, marks=real("youtube-faces")),
        pytest.param("five-celebrities", 93, 5, marks=real("five-celebrities")),
    ],
)
def test_real_sets_are_found_whole(source, photos, people):
    found = load_people(source)
    assert len(set(found.names)) >= people and len(found) >= photos
