"""Made people in the forms of other data sets: albums, CK+ sequences, groups, a changing face."""

import itertools

import numpy as np
import pytest

from helpers import settings
from helpers.data import load_emotions
from helpers.data.made import album_folder
from reading_faces.made_faces import albums, person_number
from reading_faces.made_faces.expression import UNITS

LEFT_EYE, RIGHT_EYE, NOSE = 0, 1, 10


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path)
    return tmp_path


def test_made_sequences_load_as_ckplus_does(cache):
    folder = album_folder(albums.ckplus_album(subjects=2, sequences=1, frames=2))
    data = load_emotions(folder)
    expected = {f"S{i:03d}": albums.peak(i, 1, 0)[0] for i in range(2)}
    found = [data.classes[label] for label in data.labels]
    assert dict(zip(data.subjects.tolist(), found, strict=True)) == expected
    for number in range(2):
        (file,) = folder.glob(f"FACS/S{number:03d}/001/*_facs.txt")
        rows = np.loadtxt(file, ndmin=2)
        strong = albums.peak(number, 1, 0)[1].max(axis=1) >= 0.2
        assert rows[:, 0].tolist() == np.array(UNITS)[strong].tolist()
        assert ((rows[:, 1] >= 1) & (rows[:, 1] <= 5)).all()


def test_a_sequence_goes_from_neutral_to_the_peak():
    pages = albums.ckplus_album(subjects=1, sequences=1, frames=3).pages
    first, middle, last = (page.astype(float) for name, page in pages if name.endswith(".png"))
    assert np.abs(last - first).mean() > np.abs(middle - first).mean() > 0


def test_an_album_has_a_folder_for_each_person_and_their_photos_differ():
    album = albums.people_album(people=2, photos=2, size=64)
    pages = dict(album.pages)
    assert list(pages) == [f"person-{who:02d}/{n:03d}.jpg" for who in range(2) for n in range(2)]
    assert len(pages) == album.total
    assert all(page.shape == (64, 64, 3) and page.dtype == np.uint8 for page in pages.values())
    assert len({page.tobytes() for page in pages.values()}) == 4


def test_albums_with_other_pictures_have_other_names():
    made = [albums.people_album(), albums.people_album(people=13), albums.people_album(photos=13)]
    made += [albums.people_album(seed=1), albums.people_album(size=201), albums.ckplus_album()]
    made += [albums.ckplus_album(seed=1), albums.ckplus_album(31), albums.ckplus_album(frames=7)]
    assert len({album.name for album in made}) == len(made)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_a_group_photo_shows_everybody_whole(n):
    photo, found = albums.group_photo(n, size=(330, 220))
    keypoints = np.array([face.keypoints for face in found])
    assert photo.shape == (220, 330, 3)
    assert len(found) == n
    assert keypoints.min() >= 0
    assert (keypoints.max(axis=(0, 1)) <= (329, 219)).all()
    noses = keypoints[:, NOSE]
    eyes = np.linalg.norm(keypoints[:, LEFT_EYE] - keypoints[:, RIGHT_EYE], axis=1)
    for (i, a), (_, b) in itertools.combinations(enumerate(noses), 2):
        assert np.linalg.norm(a - b) > 1.5 * eyes[i]


def test_a_face_changes_from_the_first_expression_to_the_last():
    start, end = albums.neutral_to("happy")
    frames = list(albums.animate(person_number(0, 0), start, end, 3, 48, yaw=(-20.0, 10.0)))
    assert [frame.shape for frame, _ in frames] == [(48, 48, 3)] * 3
    np.testing.assert_array_equal(frames[0][1].scene.units, start)
    np.testing.assert_allclose(frames[-1][1].scene.units, end)
    assert [face.scene.yaw for _, face in frames] == [-20, -5, 10]


def test_a_face_changes_slowly_at_first():
    start, end = albums.neutral_to("happy")
    _, (_, face), *_ = albums.animate(person_number(0, 0), start, end, 5, 48)
    np.testing.assert_allclose(face.scene.units, start + (end - start) * 0.15625)


def test_the_files_of_a_sequence_belong_to_its_last_frame():
    names = [name for name, _ in albums.ckplus_album(subjects=1, sequences=1, frames=3).pages]
    last = "S000/001/S000_001_00000003"
    assert names[-3:] == [
        f"cohn-kanade-images/{last}.png",
        f"Emotion/{last}_emotion.txt",
        f"FACS/{last}_facs.txt",
    ]


def test_a_unit_is_written_with_five_steps_of_its_stronger_side():
    units = np.zeros((len(UNITS), 2))
    units[0], units[1], units[2], units[3] = (0.5, 0.1), (0.0, 1.0), (0.19, 0.1), (0.2, 0.2)
    rows = [line.split() for line in albums.facs_text(units).splitlines()]
    assert [(float(unit), float(step)) for unit, step in rows] == [
        (UNITS[0], 3),
        (UNITS[1], 5),
        (UNITS[3], 1),
    ]


def test_five_people_stand_in_two_rows_and_four_in_one():
    heights = {}
    for n in (4, 5):
        _, found = albums.group_photo(n, size=(330, 220))
        heights[n] = np.ptp([face.keypoints[NOSE, 1] for face in found])
    assert heights[5] > 50 > heights[4]


def test_who_stands_behind_is_seen_above_those_before():
    _, found = albums.group_photo(5, size=(330, 220))
    behind, before = np.split([face.keypoints[NOSE, 1] for face in found], [3])
    assert behind.max() < before.min() - 30
