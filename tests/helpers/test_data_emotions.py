"""`load_emotions`: FER-2013 and votes, folders of pictures, CK+, and bad copies of each."""

import cv2
import numpy as np
import pytest
from data_samples import (
    COMPRESSIONS,
    fer_rows,
    files_under,
    grey,
    pixels,
    write_picture,
    write_table,
)
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from PIL import Image

from helpers import settings
from helpers.data import EMOTIONS, DataError, EmotionData, load_emotions, load_peaks
from helpers.data.splits import tenth_per_class

USAGE = ["Training", "Training", "PublicTest", "PrivateTest"]
VOTES = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "sets"))


@pytest.fixture
def rows():
    return fer_rows(grey(4, 48), [0, 6, 3, 3], USAGE)


def refused(path) -> str:
    with pytest.raises(DataError) as caught:
        load_emotions(path)
    return str(caught.value)


def vote_rows(usage: list[str]) -> list[list[str]]:
    body = [[use, f"fer{i}.png", *map(str, range(i, i + 10))] for i, use in enumerate(usage)]
    return [VOTES.split(","), *body]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_table_gives_back_what_was_written_however_it_is_compressed(tmp_path, rows, compression):
    data = load_emotions(write_table(tmp_path / f"fer2013.csv{compression}", rows))
    np.testing.assert_array_equal(data.images, grey(4, 48))
    assert data.labels.tolist() == [0, 6, 3, 3]
    assert data.classes == EMOTIONS
    assert data.split.tolist() == ["train", "train", "public", "test"]


def test_the_other_order_of_columns_with_spaces_is_the_same_set(tmp_path, rows):
    other = [[row[0], " " + row[2], " " + row[1]] for row in rows]
    data = load_emotions(write_table(tmp_path / "icml_face_data.csv", other))
    np.testing.assert_array_equal(data.images, grey(4, 48))
    assert data.split.tolist() == ["train", "train", "public", "test"]


def test_a_table_without_usage_has_no_split(tmp_path, rows):
    data = load_emotions(write_table(tmp_path / "train.csv", [row[:2] for row in rows]))
    assert set(data.split) == {"all"}


def test_of_the_tables_of_a_folder_the_one_with_all_splits_is_taken(tmp_path, rows):
    write_table(tmp_path / "train.csv", [row[:2] for row in rows])
    write_table(tmp_path / "icml_face_data.csv.gz", rows)
    write_picture(tmp_path / "angry" / "1.png", grey(1, 48)[0])
    assert load_emotions(tmp_path).split.tolist() == ["train", "train", "public", "test"]


def test_pixels_in_quotes_are_read(tmp_path, rows):
    quoted = [rows[0], *([row[0], f'"{row[1]}"', row[2]] for row in rows[1:])]
    data = load_emotions(write_table(tmp_path / "fer2013.csv", quoted))
    np.testing.assert_array_equal(data.images, grey(4, 48))


def test_a_tenth_of_each_class_of_training_is_val(tmp_path):
    labels = [0] * 20 + [1] * 10
    table = fer_rows(np.zeros((30, 48, 48), np.uint8), labels, ["Training"] * 30)
    data = load_emotions(write_table(tmp_path / "fer2013.csv", table))
    assert np.bincount(data.labels[data.split == "val"]).tolist() == [2, 1]
    assert (data.split == "train").sum() == 27


def test_what_is_set_aside_is_rounded():
    counts = {n: tenth_per_class(np.zeros(n, int)).sum() for n in (4, 6, 14, 16)}
    assert counts == {4: 0, 6: 1, 14: 1, 16: 2}


@effort(deadline=None)
@given(st.lists(st.integers(0, 6), max_size=500))
def test_every_class_keeps_about_a_tenth_aside(labels):
    labels = np.array(labels, int)
    aside = tenth_per_class(labels)
    for label in set(labels.tolist()):
        assert abs(aside[labels == label].sum() - (labels == label).sum() / 10) <= 0.5
    np.testing.assert_array_equal(aside, tenth_per_class(labels))


def test_votes_beside_the_table_are_read(tmp_path, rows):
    write_table(tmp_path / "fer2013new.csv", vote_rows(USAGE))
    data = load_emotions(write_table(tmp_path / "fer2013.csv", rows))
    assert data.votes.shape == (4, 10) and data.votes.dtype == np.uint8
    assert data.votes[2].tolist() == list(range(2, 12))
    assert data.select("public").votes.tolist() == [list(range(2, 12))]


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (USAGE[:3], "3 rows for the 4"),
        (USAGE[::-1], "PrivateTest in row 1; fer2013.csv says Training"),
    ],
)
def test_votes_of_other_rows_are_refused(tmp_path, rows, usage, said):
    write_table(tmp_path / "fer2013new.csv", vote_rows(usage))
    assert said in refused(write_table(tmp_path / "fer2013.csv", rows))


@pytest.mark.parametrize("vote", ["many", "256", "-1", ""])
def test_a_vote_that_is_no_number_is_named(tmp_path, rows, vote):
    votes = vote_rows(USAGE)
    votes[2][4] = vote
    write_table(tmp_path / "fer2013new.csv", votes)
    message = refused(write_table(tmp_path / "fer2013.csv", rows))
    assert "Row 2" in message and f"votes 1, 2, {vote}, 4" in message


def test_votes_of_255_are_read_and_a_table_without_usage_has_votes_too(tmp_path, rows):
    votes = vote_rows(USAGE)
    votes[2][4] = "255"
    write_table(tmp_path / "fer2013new.csv", votes)
    data = load_emotions(write_table(tmp_path / "train.csv", [row[:2] for row in rows]))
    assert data.votes[1].tolist() == [1, 2, 255, 4, 5, 6, 7, 8, 9, 10]


def test_votes_with_other_columns_are_refused(tmp_path, rows):
    header, *votes = vote_rows(USAGE)
    header[2:4] = header[3:1:-1]
    write_table(tmp_path / "fer2013new.csv", [header, *votes])
    assert "is no FER+ file" in refused(write_table(tmp_path / "fer2013.csv", rows))


@pytest.mark.parametrize("column", [0, 1])
def test_a_missing_column_is_named(tmp_path, rows, column):
    name = rows[0][column]
    short = [row[:column] + row[column + 1 :] for row in rows]
    assert f"lacks the column(s) {name}" in refused(write_table(tmp_path / "fer2013.csv", short))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        (0, "7", "emotion '7'"),
        (0, "", "emotion ''"),
        (1, pixels(grey(1, 48))[2:].split(" ", 1)[1], "2,303 pixels"),
        (1, "256 " + pixels(grey(1, 48)).split(" ", 1)[1], "'256' as pixel 1"),
        (1, "x " + pixels(grey(1, 48)).split(" ", 1)[1], "'x' as pixel 1"),
        (1, "1.5 " + pixels(grey(1, 48)).split(" ", 1)[1], "'1.5' as pixel 1"),
        (1, "-1 " + pixels(grey(1, 48)).split(" ", 1)[1], "'-1' as pixel 1"),
        (1, "", "0 pixels"),
        (2, "Testing", "Usage 'Testing'"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_value(tmp_path, rows, column, value, said):
    rows[3][column] = value
    path = write_table(tmp_path / "fer2013.csv", rows)
    message = refused(path)
    assert f"Row 3 of {path}" in message and said in message
    assert files_under(tmp_path) == {"fer2013.csv"}


def test_an_empty_table_is_refused(tmp_path):
    assert "is empty" in refused(write_table(tmp_path / "fer2013.csv", []))


def test_a_cut_xz_is_refused_and_leaves_nothing_behind(tmp_path, rows):
    path = write_table(tmp_path / "fer2013.csv.xz", rows)
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut or damaged" in refused(path)
    assert files_under(tmp_path) == {"fer2013.csv.xz"}


def test_a_missing_set_says_what_where_and_how(tmp_path):
    message = refused("fer2013")
    assert "35,887 grey faces" in message
    assert str(tmp_path / "sets" / "fer2013") in message
    assert "python -m reading_faces data fetch fer2013" in message
    assert "kaggle.com" in message and "icml_face_data.csv" in message


def test_a_known_set_is_found_in_the_course_data_folder(tmp_path, rows):
    write_table(tmp_path / "sets" / "fer2013" / "fer2013.csv.gz", rows)
    assert len(load_emotions("fer2013")) == 4


def test_classes_are_matched_by_name_and_ordered(tmp_path):
    for folder in ("Sadness", "anger", "contempt", "awe", "happiness"):
        write_picture(tmp_path / folder / "1.png", grey(1, 48)[0])
    data = load_emotions(tmp_path)
    assert data.classes == ("angry", "happy", "sad", "awe", "contempt")
    assert sorted(data.labels.tolist()) == [0, 1, 2, 3, 4]
    assert set(data.split) == {"all"} and data.subjects is None


def test_labels_are_told_in_other_classes_by_name():
    data = EmotionData(
        np.zeros((4, 48, 48), np.uint8),
        np.array([0, 1, 2, 1]),
        ("happy", "contempt", "sad"),
        np.array(["train", "train", "val", "val"]),
    )
    assert data.labels_among(["sad", "happy"]).tolist() == [1, -1, 0, -1]
    known = data.among_classes(["sad", "happy"])
    assert known.labels.tolist() == [1, 0]
    assert known.classes == ("sad", "happy")
    assert known.split.tolist() == ["train", "val"]


def test_split_folders_give_splits_and_a_val_is_set_aside(tmp_path):
    for number in range(10):
        write_picture(tmp_path / "train" / "angry" / f"{number}.png", grey(1, 48)[0])
    write_picture(tmp_path / "test" / "happy" / "1.png", grey(1, 48)[0])
    data = load_emotions(tmp_path)
    assert dict(zip(*np.unique(data.split, return_counts=True), strict=True)) == {
        "test": 1,
        "train": 9,
        "val": 1,
    }


def test_a_validation_folder_is_val(tmp_path):
    for number in range(20):
        write_picture(tmp_path / "images" / "train" / "sad" / f"{number}.png", grey(1, 48)[0])
    write_picture(tmp_path / "images" / "validation" / "sad" / "1.png", grey(1, 48)[0])
    assert (load_emotions(tmp_path).split == "val").sum() == 1


def test_every_name_of_a_split_is_known(tmp_path):
    names = {"train": "Training", "val": "valid", "public": "PublicTest", "test": "PrivateTest"}
    for folder in names.values():
        write_picture(tmp_path / folder / "sad" / "1.png", grey(1, 48)[0])
    assert sorted(load_emotions(tmp_path).split) == sorted(names)


def test_the_public_ckplus_folder_gives_subjects(tmp_path):
    root = tmp_path / "sets" / "ckplus" / "CK+48"
    write_picture(root / "anger" / "S010_004_00000017.png", grey(1, 48)[0])
    write_picture(root / "fear" / "S011_003_00000012.png", grey(1, 48)[0])
    data = load_emotions("ckplus")
    assert data.subjects.tolist() == ["S010", "S011"]
    assert data.classes == ("angry", "fear")


def test_pictures_are_read_as_grey_48_pixels(tmp_path):
    colour = np.zeros((90, 120, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    write_picture(tmp_path / "happy" / "1.png", colour)
    data = load_emotions(tmp_path)
    assert data.images.shape == (1, 48, 48) and data.images.dtype == np.uint8
    assert set(data.images.ravel()) == {76}


def test_a_stray_text_file_is_skipped_with_one_warning(tmp_path):
    write_picture(tmp_path / "angry" / "1.png", grey(1, 48)[0])
    (tmp_path / "angry" / "notes.txt").write_text("hello")
    (tmp_path / "angry" / ".DS_Store").write_text("")
    with pytest.warns(UserWarning, match="notes.txt") as caught:
        data = load_emotions(tmp_path)
    assert len(data) == 1 and len(caught) == 1


def test_what_systems_leave_beside_pictures_is_passed_over_without_a_word(tmp_path, recwarn):
    write_picture(tmp_path / "angry" / "1.png", grey(1, 48)[0])
    for name in ("._1.png", "._2.jpg", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "angry" / name).write_bytes(b"\0\5\x16\7")
    assert len(load_emotions(tmp_path)) == 1 and not recwarn.list


def test_pictures_of_a_data_set_are_read_as_photos_are(tmp_path):
    """Sixteen bits are not white, transparency is not black, and an ending means nothing."""
    (tmp_path / "sad").mkdir()
    values = np.linspace(0, 255, 48 * 48).reshape(48, 48).astype(np.uint8)
    for name, bits in (("a.png", 16), ("b.tif", 12), ("c.png", 10)):
        cv2.imwrite(str(tmp_path / "sad" / name), (values * (2.0**bits - 1) / 255).astype("uint16"))
    shade = Image.fromarray(values)
    for name, kind in (("d.jfif", "JPEG"), ("e", "PNG"), ("f.dat", "WEBP"), ("g.heic", "HEIF")):
        shade.save(tmp_path / "sad" / name, kind)
    cut_out = Image.fromarray(np.dstack([np.zeros((48, 48, 3), np.uint8), 255 - values]))
    cut_out.save(tmp_path / "sad" / "h.png")
    images = load_emotions(tmp_path).images
    assert len(images) == 8
    assert np.abs(images.astype(int) - values).max(axis=(1, 2)).max() < 12


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no picture"])
def test_a_picture_that_does_not_decode_is_named(tmp_path, damage):
    path = write_picture(tmp_path / "angry" / "1.jpg", grey(1, 48)[0])
    path.write_bytes(damage(path.read_bytes()))
    message = refused(tmp_path)
    assert str(path) in message and "cannot be decoded" in message


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "train" / "angry").mkdir(parents=True)
    assert "no pictures" in refused(tmp_path / "train")


@pytest.fixture
def official(tmp_path):
    """One labelled sequence of two frames with landmarks, and one without a label."""
    root = tmp_path / "sets" / "ckplus"
    for subject in ("S005", "S010"):
        for number in (1, 2):
            frame = np.full((490, 640), 10 * number, np.uint8)
            frame[200:300, 400:500] = 200
            name = f"{subject}_001_0000000{number}"
            write_picture(root / "cohn-kanade-images" / subject / "001" / f"{name}.png", frame)
    label = root / "Emotion" / "S005" / "001" / "S005_001_00000002_emotion.txt"
    label.parent.mkdir(parents=True)
    label.write_text("   3.0000000e+00\n")
    (root / "Emotion" / "S010" / "001").mkdir(parents=True)
    return root


def test_the_official_ckplus_tree_gives_labelled_peak_frames(official):
    data = load_emotions("ckplus")
    assert data.classes == ("disgust",) and data.subjects.tolist() == ["S005"]
    assert data.images[0, 0, 0] == 20


def test_official_faces_are_cut_out_around_their_landmarks(official):
    points = official / "Landmarks" / "S005" / "001" / "S005_001_00000002_landmarks.txt"
    points.parent.mkdir(parents=True)
    corners = np.array([[410, 220], [490, 290]] * 34, float)
    np.savetxt(points, corners)
    assert (load_emotions("ckplus").images[0] == 200).mean() > 0.9


@pytest.mark.parametrize(
    ("corners", "square"),
    [
        ([[410, 220], [490, 290]], (400, 199, 100)),  # 1.25 of 80 wide; 0.42 of 70 below 220
        ([[0, 0], [80, 70]], (0, 0, 100)),
        ([[0, 0], [639, 489]], (74, 0, 490)),
    ],
)
def test_the_square_of_a_face_has_room_for_the_forehead_and_stays_inside(official, corners, square):
    points = official / "Landmarks" / "S005" / "001" / "S005_001_00000002_landmarks.txt"
    points.parent.mkdir(parents=True)
    np.savetxt(points, np.array(corners * 34, float))
    (peak,) = load_peaks("ckplus")
    assert peak.square() == square


def test_every_ckplus_code_is_its_emotion(official):
    label = official / "Emotion" / "S005" / "001" / "S005_001_00000002_emotion.txt"
    emotions = ["neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise"]
    for code, emotion in enumerate(emotions):
        label.write_text(f"   {code}.0000000e+00\n")
        assert load_peaks("ckplus")[0].emotion == emotion


def test_an_unknown_ckplus_code_is_named(official):
    label = official / "Emotion" / "S005" / "001" / "S005_001_00000002_emotion.txt"
    label.write_text("9.0\n")
    message = refused("ckplus")
    assert str(label) in message and "9.0" in message


def test_an_archive_gives_back_what_was_saved(tmp_path):
    np.savez(tmp_path / "a.npz", images=grey(2, 48), labels=[1, 0], classes=["sad", "awe"])
    data = load_emotions(tmp_path / "a.npz")
    assert data.classes == ("sad", "awe") and data.labels.tolist() == [1, 0]
    assert set(data.split) == {"all"} and data.votes is None
    more = {"split": ["val", "test"], "subjects": ["ann", "bob"], "votes": [[1] * 10, [2] * 10]}
    np.savez(tmp_path / "a.npz", images=grey(2, 48), labels=[6, 0], **more)
    data = load_emotions(tmp_path / "a.npz")
    assert data.classes == EMOTIONS and data.votes.dtype == np.uint8
    assert {name: getattr(data, name).tolist() for name in more} == more


@pytest.mark.parametrize("label", [7, -1])
def test_a_label_without_a_class_is_named(tmp_path, label):
    np.savez(tmp_path / "a.npz", images=grey(2, 48), labels=[0, label])
    message = refused(tmp_path / "a.npz")
    assert f"Row 2 of {tmp_path / 'a.npz'} has label {label}" in message


def test_made_faces_are_the_default():
    data = load_emotions()
    assert data.images.shape[1:] == (48, 48) and data.images.dtype == np.uint8
    assert {"train", "val", "test"} <= set(data.split)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Angry", "angry"),
        ("disgusted", "disgust"),
        ("Fearful", "fear"),
        ("afraid", "fear"),
        ("joy", "happy"),
        ("surprised", "surprise"),
        ("normal", "neutral"),
        ("contemptuous", "contempt"),
    ],
)
def test_other_words_for_an_emotion_are_known(tmp_path, folder, name):
    write_picture(tmp_path / folder / "1.png", grey(1, 48)[0])
    assert load_emotions(tmp_path).classes == (name,)


def test_folders_are_found_two_levels_down_and_no_further(tmp_path):
    for number in range(5):
        write_picture(tmp_path / "a" / "b" / "test" / "sad" / f"{number}.png", grey(1, 48)[0])
    assert load_emotions(tmp_path).split.tolist() == ["test"] * 5
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").rename(tmp_path / "deep" / "a")
    assert "no pictures" in refused(tmp_path)


def test_subjects_are_known_only_if_each_picture_names_one(tmp_path):
    write_picture(tmp_path / "sad" / "S010_004.png", grey(1, 48)[0])
    assert load_emotions(tmp_path).subjects.tolist() == ["S010"]
    write_picture(tmp_path / "sad" / "my S011.png", grey(1, 48)[0])
    assert load_emotions(tmp_path).subjects is None


def test_five_of_the_files_that_are_no_pictures_are_named_and_all_are_counted(tmp_path):
    write_picture(tmp_path / "sad" / "1.png", grey(1, 48)[0])
    for number in range(7):
        (tmp_path / "sad" / f"note {number}.txt").write_text("hello")
    with pytest.warns(UserWarning, match="Skipped 7 file") as caught:
        load_emotions(tmp_path)
    assert str(caught[0].message).count("note ") == 5


def test_without_landmarks_the_face_is_the_middle_of_the_frame(official):
    (peak,) = load_peaks("ckplus")
    assert peak.square() == (75, 0, 490) and peak.points is None
    assert (peak.subject, peak.emotion, peak.units) == ("S005", "disgust", None)


def test_the_peak_is_the_last_picture_of_a_sequence_whatever_else_lies_there(official):
    (official / "cohn-kanade-images" / "S005" / "001" / "S005_001_notes.txt").write_text("hello")
    (peak,) = load_peaks("ckplus")
    assert peak.path.name == "S005_001_00000002.png"


def test_labels_are_found_where_the_authors_archives_unpack_them(official):
    (official / "Emotion").rename(official / "Emotion_labels")
    (peak,) = load_peaks("ckplus")
    assert peak.emotion == "disgust"


def test_a_face_of_ckplus_is_cut_out_in_the_size_that_is_asked_for(official):
    points = official / "Landmarks" / "S005" / "001" / "S005_001_00000002_landmarks.txt"
    points.parent.mkdir(parents=True)
    np.savetxt(points, np.array([[410, 220], [490, 290]] * 34, float))
    (peak,) = load_peaks("ckplus")
    face = peak.face(50)  # of the square from (400, 199) on, of which one row is dark
    assert face.shape == (50, 50) and (face[1:] == 200).all() and (face[0] == 110).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [("1 2 3", "does not hold 68 rows"), ("x " * 136, "does not hold 68 rows")],
)
def test_landmarks_that_cannot_be_read_are_named(official, text, said):
    points = official / "Landmarks" / "S005" / "001" / "S005_001_00000002_landmarks.txt"
    points.parent.mkdir(parents=True)
    points.write_text(text)
    assert said in refused("ckplus") and str(points) in refused("ckplus")


def facs(official, text: str):
    file = official / "FACS" / "S010" / "001" / "S010_001_00000002_facs.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_units_of_a_peak_are_read_with_their_intensity_and_without_an_emotion(official):
    facs(official, "   1.0000000e+00   0.0000000e+00\n\n  12   5\n   99   2.5\n")
    first, second = load_peaks("ckplus")
    assert (first.subject, second.subject) == ("S005", "S010")
    assert second.units == {1: 0, 12: 5, 99: 2.5} and second.emotion is None


@pytest.mark.parametrize("line", ["100 1", "0 1", "1.5 1", "12 5.1", "12 -1", "12", "1 2 3", "a b"])
def test_a_line_that_is_no_unit_is_named(official, line):
    file = facs(official, f"1 2\n{line}\n")
    with pytest.raises(DataError, match=f"Line 2 of {file} is '{line}'"):
        load_peaks("ckplus")


def test_a_tree_without_labels_or_frames_says_what_is_missing(official, tmp_path):
    with pytest.raises(DataError, match="is not the official CK"):
        load_peaks(tmp_path / "sets" / "ckplus" / "Emotion")
    frames = official / "cohn-kanade-images" / "S005"
    frames.rename(official / "elsewhere")
    assert "labels a sequence without frames" in refused("ckplus")
    (official / "Emotion").rename(official / "lost")
    assert "unpack those too" in refused("ckplus")


def test_the_official_tree_may_lie_one_folder_down(official, tmp_path):
    official.rename(tmp_path / "CK+")
    official.mkdir()
    (tmp_path / "CK+").rename(official / "CK+")
    assert [peak.subject for peak in load_peaks("ckplus")] == ["S005"]
    assert load_emotions("ckplus").subjects.tolist() == ["S005"]
