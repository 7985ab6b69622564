"""`load_action_units`: made faces, the official CK+ tree, archives, and bad copies of each."""

from dataclasses import replace

import numpy as np
import pytest
from data_samples import grey, real, write_coded_faces

from helpers import settings
from helpers.data import DataError, album_folder, load_emotions, load_set
from reading_faces.made_faces import albums
from reading_faces.made_faces.expression import UNIT_NAMES, UNITS
from reading_faces.training.action_units import load_action_units, of_made_faces


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Three subjects with two sequences each, drawn once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "CACHE", tmp_path_factory.mktemp("cache"))
        yield album_folder(albums.ckplus_album(subjects=3, sequences=2, frames=2))


@pytest.fixture
def tree(drawn, tmp_path):
    """A copy of that tree to do damage to."""
    copy = tmp_path / "ckplus"
    for file in drawn.rglob("*.*"):
        target = copy / file.relative_to(drawn)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    return copy


def facs_file(tree, subject="S000"):
    return next(tree.glob(f"FACS/{subject}/001/*_facs.txt"))


def refused(source) -> str:
    with pytest.raises(DataError) as error:
        load_action_units(source)
    return str(error.value)


def test_made_faces_show_a_unit_from_a_fifth_of_its_strength_on_either_side():
    data = load_action_units()
    assert data.unit_names == UNIT_NAMES and data.images.shape[1:] == (96, 96)
    assert data.action_units.shape == data.intensities.shape == (len(data), 18)
    np.testing.assert_array_equal(data.action_units, data.intensities >= 0.2)
    assert ((data.intensities > 0) & (data.intensities < 0.2)).any()
    assert set(data.split) == {"train", "val", "test"}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(data.subjects[data.split == one]) & set(data.subjects[data.split == other])


def test_a_unit_on_one_side_of_the_face_is_as_strong_as_that_side():
    made = load_set()
    units = np.zeros_like(made.action_units)
    units[0, 2], units[1, 2] = (0.3, 0), (0, 0.19)
    data = of_made_faces(replace(made, action_units=units))
    assert data.intensities[:2, 2].tolist() == pytest.approx([0.3, 0.19])
    assert data.action_units.sum() == data.action_units[0, 2] == 1


def test_the_official_tree_gives_each_peak_with_its_units(drawn):
    data = load_action_units(drawn)
    assert len(data) == 6 and set(data.split) == {"all"}
    assert data.subjects.tolist() == ["S000", "S000", "S001", "S001", "S002", "S002"]
    for row in range(6):
        emotion, units = albums.peak(row, 2, 0)
        present = {f"AU{u}" for u, side in zip(UNITS, units, strict=True) if side.max() >= 0.2}
        named = np.array(data.unit_names)[data.action_units[row] == 1]
        assert set(named) == present and data.emotions[row] == emotion
    assert data.unit_names == tuple(n for n in UNIT_NAMES if n in data.unit_names)


def test_intensity_0_in_a_facs_file_is_present_without_intensity(tree):
    facs_file(tree).write_text("   1.0000000e+00   0.0000000e+00\n  12.0 5.0\n\n")
    data = load_action_units(tree)
    first, smile = (data.unit_names.index(name) for name in ("AU1", "AU12"))
    assert data.action_units[0, [first, smile]].tolist() == [1, 1]
    assert data.action_units[0].sum() == 2
    assert np.isnan(data.intensities[0, first]) and data.intensities[0, smile] == 1


def test_a_sequence_without_emotion_file_keeps_its_units_and_has_no_emotion(tree):
    next(tree.glob("Emotion/S000/001/*.txt")).unlink()
    data = load_action_units(tree)
    assert len(data) == 6 and data.emotions[0] == "" and data.action_units[0].any()
    assert len(load_emotions(tree)) == 5


def test_a_sequence_without_facs_file_is_left_out(tree):
    facs_file(tree).unlink()
    assert len(load_action_units(tree)) == 5


@pytest.mark.parametrize("line", ["1.0", "one two", "12.5 1", "-1 1", "4 6", "4 nan"])
def test_a_line_of_a_facs_file_that_says_no_unit_is_named(tree, line):
    file = facs_file(tree)
    file.write_text(f"1.0 1.0\n{line}\n")
    message = refused(tree)
    assert str(file) in message and "Line 2" in message and line in message


def test_a_labelled_sequence_without_frames_is_named(tree):
    for frame in tree.glob("cohn-kanade-images/S000/001/*.png"):
        frame.unlink()
    assert "sequence without frames" in refused(tree)


def test_faces_without_action_units_are_refused(tmp_path, monkeypatch):
    (tmp_path / "sets" / "ckplus" / "CK+48" / "anger").mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "sets"))
    assert "no action units" in refused("ckplus")
    assert "no action units" in refused(tmp_path)


def archive(path, **changed):
    rows = {
        "images": grey(3, 96),
        "action_units": np.array([[0, 1], [1, 0], [1, 1]]),
        "unit_names": np.array(["AU1", "AU12"]),
    }
    np.savez(path, **(rows | changed))
    return path


def test_an_archive_gives_back_what_was_saved(tmp_path):
    data = load_action_units(archive(tmp_path / "a.npz"))
    assert data.unit_names == ("AU1", "AU12") and data.action_units.tolist()[2] == [1, 1]
    assert np.isnan(data.intensities[0, 1]) and data.intensities[0, 0] == 0
    assert len(set(data.subjects)) == 3 and set(data.emotions) == {""}
    known = {"intensities": np.float32([[0, 0.4], [0.6, 0], [1, 0.2]])}
    known |= {"emotions": np.array(["sad", "happy", ""]), "subjects": np.array(["a", "a", "b"])}
    data = load_action_units(archive(tmp_path / "b.npz", **known))
    for name, values in known.items():
        np.testing.assert_array_equal(getattr(data, name), values)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"unit_names": np.array(["AU1"])}, "1 unit_names for 2 action_units"),
        ({"action_units": np.array([[0, 1], [1, 0], [1, 2]])}, "must be 0 or 1"),
        ({"action_units": np.zeros(3, int)}, "must be (n, k)"),
        ({"images": grey(3, 48)}, "must be (n, 96, 96)"),
        ({"intensities": np.zeros((3, 1), np.float32)}, "intensities of other units"),
        ({"action_units": np.zeros((2, 2), int)}, "2 action_units for 3 images"),
    ],
)
def test_a_malformed_archive_is_refused(tmp_path, changed, said):
    assert said in refused(archive(tmp_path / "a.npz", **changed))


CODES = {"S001_001": {"AU4": 1, "AU9": 0, "AU27": 0}, "S002_003": {"AU4": 0, "AU9": 1, "AU27": 1}}


def coded(folder, written="4d+L27", **images):
    """Two peaks and a first frame of 50 pixels: the square of the face is bright, as CK+ has it."""
    images = images or {"S001_001 1": bright(50), "S001_001 0": bright(50), "S002_003 1": bright(9)}
    write_coded_faces(folder, CODES, images, written)
    return folder


def bright(side):
    picture = np.zeros((side, side), np.uint8)
    left, top, width = np.round(np.array([0.04, 0.025, 0.92]) * side).astype(int)
    picture[top : top + width, left : left + width] = 200
    return picture


def test_a_table_of_units_is_joined_with_peaks_and_first_frames(tmp_path):
    data = load_action_units(coded(tmp_path))
    units = zip(data.unit_names, data.action_units.T.tolist(), strict=True)
    assert dict(units) == {"AU4": [1, 0, 0], "AU9": [0, 0, 1], "AU27": [0, 0, 1]}
    assert data.emotions.tolist() == ["angry", "neutral", "angry"]
    assert data.subjects.tolist() == ["S001", "S001", "S002"] and set(data.split) == {"all"}


def test_intensity_is_known_where_a_letter_says_it(tmp_path):
    data = load_action_units(coded(tmp_path, "4d+L27"))
    four, nine, stretch = (data.unit_names.index(name) for name in ("AU4", "AU9", "AU27"))
    assert data.intensities[0, [four, nine]].tolist() == pytest.approx([0.8, 0])
    assert np.isnan(data.intensities[2, [nine, stretch]]).all()
    assert not data.intensities[1].any()


def test_pictures_beside_a_table_of_units_are_cut_to_the_square_of_the_face(tmp_path):
    assert (load_action_units(coded(tmp_path)).images == 200).all()


def test_a_peak_that_nobody_coded_is_left_out(tmp_path):
    images = {"S009_001 1": bright(50), "S009_001 0": bright(50)}
    assert load_action_units(coded(tmp_path, **images)).emotions.tolist() == ["neutral"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("ckplus_au.csv", "S001_001,S001", "S001_001,S001,x", "Row 1"),
        ("ckplus_au.csv", ",4d+L27,0,1,0", ",4d+L27,0,2,0", "Row 1 of .*neither 0 nor 1"),
        ("ckplus_au.csv", "ck_facs_code", "codes", "lacks the column.*ck_facs_code"),
        ("faces200.csv", "is_peak", "peak", "lacks the column.*is_peak"),
        ("faces200.csv", "S001_001_1.png", "S001_001_2.png", "S001_001_2.png cannot be decoded"),
    ],
)
def test_a_damaged_table_of_units_is_named(tmp_path, file, old, new, said):
    table = coded(tmp_path) / file
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=said):
        load_action_units(tmp_path)


def test_a_table_of_units_without_pictures_is_refused(tmp_path):
    (coded(tmp_path) / "faces200.csv").unlink()
    assert "has no pictures" in refused(tmp_path)


@real("ckplus-action-units")
@pytest.mark.whole
def test_all_faces_of_ckplus_are_joined():
    data = load_action_units("ckplus-action-units")
    assert len(data) == 458 + 622 and len(set(data.subjects)) == 82
    shown = dict(zip(data.unit_names, data.action_units.sum(axis=0).tolist(), strict=True))
    assert (shown["AU25"], shown["AU27"], shown["AU10"]) == (253, 100, 18)
    assert not data.action_units[data.emotions == "neutral"].any()


def test_other_units_are_matched_by_name_and_unknown_where_nobody_coded_them(tmp_path):
    data = load_action_units(coded(tmp_path))
    present, intensities = data.among_units(("AU26", "AU9", "AU43", "AU4"))
    np.testing.assert_array_equal(present[:, 1], [0, 0, 1])
    np.testing.assert_array_equal(intensities[:2, 3], np.float32([0.8, 0]))
    assert np.isnan(present[:, [0, 2]]).all() and np.isnan(intensities[:, [0, 2]]).all()


def test_where_the_mouth_is_stretched_nobody_knows_of_a_jaw_that_only_drops(tmp_path):
    rows = {"unit_names": np.array(["AU26", "AU27"]), "action_units": np.array([[1, 0], [0, 1]])}
    data = load_action_units(archive(tmp_path / "a.npz", images=grey(2, 96), **rows))
    present, _ = data.among_units(("AU27", "AU26"))
    np.testing.assert_array_equal(present, [[0, 1], [1, np.nan]])
