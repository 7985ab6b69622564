"""Made people in the forms of other data sets: albums, CK+ sequences, groups, a changing face."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from helpers import settings
from helpers.data import load_emotions
from helpers.data.made import album_folder
from reading_faces.made_faces import EMOTIONS, albums, person_number, portrait
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
    album = albums.people_album(people=2, photos=3, size=64)
    pages = dict(album.pages)
    assert list(pages) == [f"person-{who:02d}/{n:03d}.jpg" for who in range(2) for n in range(3)]
    assert len(pages) == album.total
    assert all(page.shape == (64, 64, 3) and page.dtype == np.uint8 for page in pages.values())
    assert len({page.tobytes() for page in pages.values()}) == 6


def test_albums_with_other_pictures_have_other_names():
    made = [albums.people_album(), albums.people_album(people=13), albums.people_album(photos=13)]
    made += [albums.people_album(seed=1), albums.people_album(size=201), albums.ckplus_album()]
    made += [albums.ckplus_album(seed=1), albums.ckplus_album(31), albums.ckplus_album(frames=7)]
    made += [albums.ckplus_album(sequences=5)]
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
    left, right = face.keypoints[[LEFT_EYE, RIGHT_EYE]]
    assert (left + right) / 2 == pytest.approx((24, 20), abs=1)
    assert left[0] - right[0] == pytest.approx(36.6 * 48 / 130, abs=1.5)


def test_a_single_frame_shows_the_first_expression():
    start, end = albums.neutral_to("happy")
    ((_, face),) = albums.animate(person_number(0, 0), start, end, 1, 48)
    np.testing.assert_array_equal(face.scene.units, start)
    assert not start.any() and end[UNITS.index(12)].min() > 0.5


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
    behind, before = np.split(np.array([face.keypoints[NOSE] for face in found]), [3])
    assert behind[:, 1].max() < before[:, 1].min() - 30
    for row in (behind, before):  # each row about the middle, so that nobody hides anybody
        assert row[:, 0].mean() == pytest.approx(165, abs=12)
    assert behind[0, 0] < before[0, 0] - 20 < behind[1, 0] < before[1, 0] - 20 < behind[2, 0]
    assert not any(face.scene.occluded for face in found)


@pytest.fixture
def photographed(monkeypatch):
    """Collect what is asked of the camera, and draw nothing."""
    asked = []

    def take_photo(scenes, places, size, camera, seed):
        asked.append((*scenes, *places, size, camera))
        return np.zeros((*size[::-1], 3), np.uint8), list(scenes)

    monkeypatch.setattr(albums, "take_photo", take_photo)
    return asked


def test_the_photos_of_a_person_show_the_same_person_on_other_days(photographed):
    for number in range(120):
        albums.album_photo(number, photos=60, seed=0, size=300)
    people = [scene.person for scene, *_ in photographed]
    for who, days in enumerate((people[:60], people[60:])):
        itself = person_number(who, 0)
        changes = {name for day in days for name in day if day[name] != itself[name]}
        assert changes == {"cloth_hue", "headwear", "make_up", "gaze_across", "glasses"}
        others = np.mean([day["glasses"] != itself["glasses"] for day in days])
        assert 0.03 < others < 0.3
    for _, (x, y, zoom), size, _ in photographed:
        assert 135 <= x <= 165 and 114 <= y <= 138 and (zoom, size) == (2, (300, 300))
    assert len({scene.emotion for scene, *_ in photographed}) == 7


def test_frames_of_a_sequence_differ_in_nothing_but_their_units(photographed):
    for number in range(6, 9):  # the third sequence, which is the second of the first person
        albums.sequence_frame(number, sequences=3, frames=3, seed=4)
    (first, *rest), (middle, *_), (last, *_) = photographed
    emotion, units = albums.peak(2, 3, 4)
    for scene, share in ((first, 0), (middle, 0.5), (last, 1)):
        np.testing.assert_allclose(scene.units, share * units)
        assert (scene.emotion, scene.person, scene.occluded) == (
            emotion,
            person_number(0, 4),
            False,
        )
        np.testing.assert_equal(vars(replace(scene, units=first.units)), vars(first))
    assert all(asked[1:] == (*rest,) for asked in photographed)
    assert rest[:2] == [(160, 98, 2.0), (320, 245)]


def test_each_sequence_has_its_number_and_an_emotion_of_its_own(monkeypatch):
    monkeypatch.setattr(albums, "draw_all", lambda job, n: [np.zeros((4, 4, 3), np.uint8)] * n)
    album = albums.ckplus_album(subjects=2, sequences=3, frames=2)
    pages = dict(album.pages)
    names = [name.split("/")[-1] for name in pages if name.endswith(".png")]
    assert names == [
        f"S{who:03d}_{which:03d}_{frame:08d}.png"
        for who, which, frame in itertools.product((0, 1), (1, 2, 3), (1, 2))
    ]
    assert len(names) == album.total
    codes = [int(float(text)) for name, text in pages.items() if "_emotion" in name]
    assert codes == [albums.CKPLUS_CODES[albums.peak(number, 3, 0)[0]] for number in range(6)]
    assert len(set(codes[:3])) == len(set(codes[3:])) == 3 and codes[0] != codes[3]


def test_a_single_photo_shows_a_whole_head_and_nothing_before_it(photographed):
    for number in range(40):
        albums.single_photo(number, "turned")
    assert {scene.emotion for scene, *_ in photographed} == set(EMOTIONS)
    assert not any(scene.occluded for scene, *_ in photographed)
    assert max(abs(scene.yaw) for scene, *_ in photographed) > 35, "turned further than `wide`"
    for _, (x, y, zoom), (width, height), _ in photographed:
        assert 160 <= width == height <= 250
        assert 0.42 <= x / width <= 0.58 and 0.36 <= y / height <= 0.48
        assert 1 / 190 <= zoom / width <= 1 / 130


def test_a_scene_aside_is_of_nobody_in_a_set():
    scene, _ = albums.scene_aside(3, "kaggle")
    assert scene.person["tone"] not in [person_number(3, seed)["tone"] for seed in range(10)]
    again, rng = albums.scene_aside(3, "kaggle")
    np.testing.assert_equal(vars(again), vars(scene))
    np.testing.assert_array_equal(albums.kaggle_points(3), portrait(scene)[1].keypoints)
