"""`load_keypoints`: Kaggle's table in every form it comes in, and what is said about a bad one."""

import zipfile

import numpy as np
import pytest
from data_samples import (
    COMPRESSIONS,
    REAL,
    coordinates,
    files_under,
    grey,
    keypoint_rows,
    real,
    write_frames,
    write_picture,
    write_table,
)
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from helpers import settings
from helpers.data import (
    KEYPOINT_COLUMNS,
    DataError,
    kaggle_coordinates,
    load_emotions,
    load_keypoints,
    load_people,
    load_set,
)
from helpers.data.splits import (
    near_duplicate_groups,
    occur_among,
    similarities,
    split_by_group,
    tenth_of_people,
)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "sets"))


@pytest.fixture
def sample():
    keypoints = coordinates(4)
    keypoints[1, 5] = np.nan
    return grey(4, 96), keypoints


def refused(path) -> str:
    with pytest.raises(DataError) as caught:
        load_keypoints(path)
    return str(caught.value)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_table_gives_back_what_was_written_however_it_is_compressed(
    tmp_path, sample, compression
):
    path = write_table(tmp_path / f"training.csv{compression}", keypoint_rows(*sample))
    loaded = load_keypoints(path)
    np.testing.assert_array_equal(loaded.images, sample[0])
    np.testing.assert_array_equal(loaded.keypoints, sample[1])
    assert (loaded.images.dtype, loaded.keypoints.dtype) == (np.uint8, np.float32)
    assert set(loaded.split) == {"all"}


def test_kaggles_own_zip_is_read_as_it_is(tmp_path, sample):
    write_table(tmp_path / "training.zip", keypoint_rows(*sample))
    assert len(load_keypoints(tmp_path)) == 4


def test_a_zip_from_a_mac_is_read_and_one_with_two_tables_is_not(tmp_path, sample):
    path = write_table(tmp_path / "training.zip", keypoint_rows(*sample))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/._training.csv", b"what a Mac adds")
        archive.writestr("read me.txt", b"hello")
    assert len(load_keypoints(path)) == 4
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("test.csv", b"ImageId,Image")
    assert "holds 2 CSV files" in refused(path)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path, sample):
    path = write_table(tmp_path / "training.csv", keypoint_rows(*sample))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load_keypoints(path)) == 4


def test_text_that_is_not_utf_8_is_refused(tmp_path, sample):
    path = write_table(tmp_path / "training.csv", keypoint_rows(*sample))
    path.write_bytes(path.read_bytes() + b"\xff\n")
    assert "cut or damaged" in refused(path)


def test_columns_may_come_in_any_order_and_with_spaces(tmp_path, sample):
    rows = [row[::-1] for row in keypoint_rows(*sample)]
    rows[0] = [f" {name}" for name in rows[0]]
    loaded = load_keypoints(write_table(tmp_path / "training.csv", rows))
    np.testing.assert_array_equal(loaded.keypoints, sample[1])


def test_the_second_load_gives_the_same_arrays_from_the_cache(tmp_path, sample, monkeypatch):
    path = write_table(tmp_path / "training.csv", keypoint_rows(*sample))
    first = load_keypoints(path)
    monkeypatch.setattr("helpers.data.parsing.read_table", lambda path: pytest.fail("parsed"))
    second = load_keypoints(path)
    np.testing.assert_array_equal(second.images, first.images)
    np.testing.assert_array_equal(second.keypoints, first.keypoints)


def test_a_row_may_be_selected_by_split_or_by_mask(tmp_path, sample):
    data = load_keypoints(write_table(tmp_path / "training.csv", keypoint_rows(*sample)))
    assert len(data.select("all")) == 4
    np.testing.assert_array_equal(
        data.select(np.array([False, True, False, True])).images, sample[0][[1, 3]]
    )
    with pytest.raises(DataError, match="no split 'val'; it has: all"):
        data.select("val")


def test_the_frame_has_kaggles_columns_and_the_split(tmp_path, sample):
    data = load_keypoints(write_table(tmp_path / "training.csv", keypoint_rows(*sample)))
    frame = data.to_frame()
    assert list(frame.columns) == [*KEYPOINT_COLUMNS, "split"]
    assert frame["right_eye_outer_corner_x"].isna().sum() == 1


@pytest.mark.parametrize("dropped", ["nose_tip_y", "Image"])
def test_a_missing_column_is_named(tmp_path, sample, dropped):
    rows = keypoint_rows(*sample)
    at = rows[0].index(dropped)
    rows = [row[:at] + row[at + 1 :] for row in rows]
    message = refused(write_table(tmp_path / "training.csv", rows))
    assert f"lacks column(s) {dropped}" in message


def test_columns_that_are_missing_or_strange_fit_into_one_sentence(tmp_path, sample):
    rows = [[name.upper(), *rest] for name, *rest in zip(*keypoint_rows(*sample), strict=True)]
    message = refused(write_table(tmp_path / "training.csv", list(zip(*rows, strict=True))))
    assert len(message) - len(str(tmp_path)) < 200 and "and 29 more" in message
    assert "lacks column(s) left_eye_center_x, left_eye_center_y" in message
    rows = keypoint_rows(*sample)
    long = [[cell, *row] for cell, row in zip(["x" * 999, "1", "1", "1"], rows, strict=False)]
    assert len(refused(write_table(tmp_path / "training.csv", long))) < 300


def test_a_31st_coordinate_is_named(tmp_path, sample):
    rows = [["1.0", *row] for row in keypoint_rows(*sample)]
    rows[0][0] = "chin_x"
    assert "unknown column(s) chin_x" in refused(write_table(tmp_path / "training.csv", rows))


def test_a_row_with_29_coordinates_is_named_without_its_pixels(tmp_path, sample):
    rows = keypoint_rows(*sample)
    rows[3] = rows[3][1:]
    message = refused(write_table(tmp_path / "training.csv", rows))
    assert f"Row 3 of {tmp_path / 'training.csv'} has a coordinate that is no number" in message
    assert len(message) < 400


def test_a_row_with_31_coordinates_is_named_by_its_line(tmp_path, sample):
    rows = keypoint_rows(*sample)
    rows[3] = ["1.0", *rows[3]]
    message = refused(write_table(tmp_path / "training.csv", rows))
    assert f"{tmp_path / 'training.csv'}: Expected 31 fields in line 4, saw 32" in message


def test_rows_that_are_all_longer_than_the_header_are_refused(tmp_path, sample):
    header, *rows = keypoint_rows(*sample)
    path = write_table(tmp_path / "training.csv", [header, *(["1.0", *row] for row in rows)])
    assert "Row 1 of" in refused(path) and "more cells than the header" in refused(path)


@pytest.mark.parametrize("value", ["192", "-96"])
def test_a_point_may_lie_one_side_of_the_picture_beyond_its_edge(tmp_path, sample, value):
    rows = keypoint_rows(*sample)
    rows[2][20] = value
    loaded = load_keypoints(write_table(tmp_path / "training.csv", rows))
    assert loaded.keypoints[1, 10, 0] == float(value)


@pytest.mark.parametrize("value", ["193", "-97", "inf"])
def test_a_coordinate_far_outside_the_picture_is_named(tmp_path, sample, value):
    rows = keypoint_rows(*sample)
    rows[2][20] = value
    message = refused(write_table(tmp_path / "training.csv", rows))
    assert "Row 2" in message and f"nose_tip_x = {value}" in message


def test_a_coordinate_that_is_no_number_is_named(tmp_path, sample):
    rows = keypoint_rows(*sample)
    rows[2][0] = "left"
    message = refused(write_table(tmp_path / "training.csv", rows))
    assert "Row 2" in message and "'left'" in message


def test_half_a_point_is_refused(tmp_path, sample):
    rows = keypoint_rows(*sample)
    rows[1][20] = ""
    message = refused(write_table(tmp_path / "training.csv", rows))
    assert "Row 1" in message and "only one of x and y of nose_tip" in message


def test_a_picture_with_too_few_pixels_is_named(tmp_path, sample):
    rows = keypoint_rows(*sample)
    rows[4][-1] = rows[4][-1].rsplit(" ", 1)[0]
    message = refused(write_table(tmp_path / "training.csv", rows))
    assert "Row 4" in message and "9,215 pixels" in message


def test_kaggles_test_table_is_refused_with_the_right_one_named(tmp_path):
    path = write_table(tmp_path / "test.csv", [["ImageId", "Image"], ["1", "0 0"]])
    assert "use training.csv" in refused(path)


@pytest.mark.parametrize("suffix", [".xz", ".gz", ".bz2", ".zip"])
def test_a_cut_compressed_table_is_refused_and_nothing_is_cached(tmp_path, sample, suffix):
    path = write_table(tmp_path / f"training.csv{suffix}", keypoint_rows(*sample))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cut or damaged" in refused(path)
    assert files_under(tmp_path) == {path.name}


def test_an_empty_table_is_refused(tmp_path):
    assert "is empty" in refused(write_table(tmp_path / "training.csv", []))


def test_a_table_without_rows_is_refused(tmp_path):
    header = keypoint_rows(grey(0, 96), coordinates(0))
    assert "no rows" in refused(write_table(tmp_path / "training.csv", header))


def test_a_path_that_is_not_there_lists_what_can_be_named():
    message = refused("nowhere/training.csv")
    assert "nowhere/training.csv" in message and "facial-keypoints" in message


def test_a_set_without_keypoints_is_refused_by_name():
    assert "fer2013 has no keypoints" in refused("fer2013")


def test_an_empty_folder_is_no_set(tmp_path):
    (tmp_path / "sets" / "facial-keypoints").mkdir(parents=True)
    assert "facial-keypoints is not on this machine" in refused("facial-keypoints")


def test_a_missing_set_says_what_where_and_how(tmp_path):
    message = refused("facial-keypoints")
    assert "7,049 grey faces" in message
    assert str(tmp_path / "sets" / "facial-keypoints") in message
    assert "python -m reading_faces data fetch facial-keypoints" in message
    assert "https://www.kaggle.com/c/facial-keypoints-detection" in message


def test_the_known_set_is_split_by_group(tmp_path):
    folder = tmp_path / "sets" / "facial-keypoints"
    images, keypoints = grey(40, 96), coordinates(40)
    images[20], keypoints[20] = images[3], keypoints[3]
    write_table(folder / "training.csv", keypoint_rows(images, keypoints))
    data = load_keypoints("facial-keypoints")
    assert set(data.split) == {"train", "val", "test"}
    assert data.split[20] == data.split[3]


def scenes(n: int, seed: int = 0) -> np.ndarray:
    """Return (n, 125, 125) uint8 patterns of blocks."""
    blocks = np.random.default_rng(seed).integers(0, 200, (n, 25, 25)).astype(np.uint8)
    return blocks.repeat(5, 1).repeat(5, 2)


def test_a_shifted_darker_copy_is_found_and_strangers_are_not():
    drawn = scenes(3)
    images = np.stack([*drawn[:, 10:106, 10:106], drawn[0, 13:109, 8:104] // 2])
    keypoints = np.repeat(coordinates(1), 4, axis=0)
    keypoints[3] += [2, -3]
    groups = near_duplicate_groups(images, keypoints)
    assert groups[3] == groups[0]
    assert len(set(groups[:3])) == 3


@pytest.mark.parametrize(("share", "found"), [(0.3, True), (0.35, False)])
def test_a_copy_is_found_from_a_correlation_of_nine_tenths(share, found):
    """Of the share 0.3 of another picture a correlation of 0.93 is left, of 0.35 one of 0.89."""
    one, other = scenes(2, seed=1)[:, 10:106, 10:106].astype(float)
    mixed = np.rint((1 - share) * one + share * other)
    images = np.stack([one, mixed]).astype(np.uint8)
    first, second = near_duplicate_groups(images, np.repeat(coordinates(1), 2, axis=0))
    assert (first == second) == found


@given(st.floats(-3, 3), st.floats(0.3, 3), st.floats(-50, 50), st.integers(0, 99))
def test_points_that_were_turned_scaled_and_moved_are_laid_back(angle, scale, shift, seed):
    target = coordinates(1, seed)[0].astype(float)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = target @ turn.T + [shift, -shift]
    points[4:9] = np.nan
    (fit,) = similarities(points[np.newaxis], target)
    back = points @ fit[:, :2].T + fit[:, 2]
    np.testing.assert_allclose(back[:4], target[:4], atol=1e-6)
    np.testing.assert_allclose(back[9:], target[9:], atol=1e-6)


def test_a_copy_whose_marks_are_three_pixels_off_is_found():
    drawn = scenes(2, seed=3)
    images = np.stack([drawn[0, 10:106, 10:106], drawn[0, 13:109, 7:103], drawn[1, :96, :96]])
    first, second, stranger = near_duplicate_groups(images, np.repeat(coordinates(1), 3, axis=0))
    assert first == second != stranger


def test_copies_are_found_wherever_they_are_among_many_faces(monkeypatch):
    """Faces are compared in blocks; here, of two."""
    monkeypatch.setattr("helpers.data.splits._BLOCK", 2)
    images = scenes(4, seed=2)[[0, 1, 2, 3, 2], 10:106, 10:106]
    groups = near_duplicate_groups(images, np.repeat(coordinates(1), 5, axis=0))
    assert groups[4] == groups[2] and len(set(groups[:4])) == 4


def test_blank_pictures_without_marks_are_no_copies_of_each_other():
    groups = near_duplicate_groups(
        np.zeros((3, 96, 96), np.uint8), np.full((3, 15, 2), np.nan, np.float32)
    )
    assert len(set(groups)) == 3


@effort(deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=300))
def test_no_group_is_ever_split(groups):
    _, groups = np.unique(groups, return_inverse=True)
    split = split_by_group(groups)
    assert all(len(set(split[groups == g])) == 1 for g in set(groups.tolist()))


def test_one_more_pair_of_copies_moves_no_other_row():
    apart, paired = np.arange(100), np.arange(100)
    paired[70] = 7
    others = np.delete(np.arange(100), [7, 70])
    np.testing.assert_array_equal(split_by_group(apart)[others], split_by_group(paired)[others])


def test_the_split_is_80_10_10():
    names, counts = np.unique(split_by_group(np.arange(1000)), return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "test": 100,
        "train": 800,
        "val": 100,
    }


@pytest.fixture
def face():
    """The 15 points of a made face, larger and elsewhere."""
    return load_set().keypoints[0] * 0.7 + [20, 10]


def test_frames_give_fifteen_of_their_points_cut_as_kaggles_faces_are(tmp_path, face):
    write_frames(tmp_path, {"Ann_Lee_00.png": face})
    loaded = load_keypoints(tmp_path)
    (points,) = loaded.keypoints
    assert (loaded.images.shape, loaded.images.dtype) == ((1, 96, 96), np.uint8)
    scale = np.linalg.norm(points[0] - points[1]) / np.linalg.norm(face[0] - face[1])
    np.testing.assert_allclose(points - points[10], scale * (face - face[10]), atol=1e-4)
    eyes, mouth = points[:2].mean(axis=0), points[11:13].mean(axis=0)
    size = np.hypot(np.linalg.norm(points[0] - points[1]), np.linalg.norm(mouth - eyes))
    assert 96 / size == pytest.approx(1.79, abs=1e-4)
    assert (eyes + mouth) / 2 == pytest.approx([47.5, 47.5 + 0.166 * size], abs=1e-3)
    y, x = np.nonzero(loaded.images[0] > 200)
    assert [x.mean(), y.mean()] == pytest.approx(points[10], abs=1)
    assert (loaded.subjects.tolist(), loaded.split.tolist()) == (["Ann_Lee"], ["all"])


def test_frames_in_two_folders_are_split_by_person_as_their_photos_are(tmp_path, face):
    folder = tmp_path / "sets" / "youtube-faces"
    named = [f"{first}_Lee_{i}.png" for first in ("Ann", "Bob", "Cy", "Di") for i in (0, 1)]
    write_frames(folder, dict.fromkeys(named[:3], face), "training")
    write_frames(folder, dict.fromkeys(named[3:], face), "test")
    data, people = load_keypoints("youtube-faces"), load_people("youtube-faces")
    assert len(data) == 8 and len(set(data.split)) > 1
    photos = dict(zip(people.names, people.split, strict=True))
    assert {*zip(data.subjects, data.split, strict=True)} == {*photos.items()}


def test_a_point_outside_its_frame_stays_where_it_was_marked(tmp_path, face):
    face[9] = face[9][0] - 30, -15
    write_frames(tmp_path, {"Ann_Lee_00.png": face})
    assert load_keypoints(tmp_path).keypoints[0, 9, 1] < 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cells: [*cells[:5], "", *cells[6:]], "Row 2 of .* lacks a coordinate"),
        (lambda cells: cells[:-1], "Row 2 of .* lacks a coordinate"),
        (lambda cells: [*cells[:5], "left", *cells[6:]], "Row 2 of .* no number .*left"),
        (lambda cells: ["Bob_0.png", *cells[1:]], "Row 2 of .* has no picture: .*Bob_0.png"),
        (lambda cells: [cells[0], *["7"] * 136], r"Row 2 of .* around \(7, 7\), 0 px apart"),
        (lambda cells: [cells[0], *["1e9"] * 136], "Row 2 of .* 120 × 120 px"),
        (lambda cells: [*cells[:61], "900", *cells[62:]], "Row 2 of .* has nose_tip_x = .* far"),
    ],
)
def test_a_bad_row_of_frames_is_named_with_its_fault(tmp_path, face, change, said):
    path = write_frames(tmp_path, {"Ann_Lee_00.png": face, "Ann_Lee_01.png": face})
    *good, bad = path.read_text().splitlines()
    path.write_text("\n".join([*good, ",".join(change(bad.split(",")))]))
    with pytest.raises(DataError, match=said):
        load_keypoints(tmp_path)


def test_a_table_of_frames_with_other_points_is_refused(tmp_path):
    write_table(tmp_path / "frames_keypoints.csv", [["", "0", "1"], ["a.png", "4", "5"]])
    assert "has 3 columns; needed are 137" in refused(tmp_path)


@real("youtube-faces")
@real("facial-keypoints")
@pytest.mark.whole
def test_frames_lie_as_kaggles_faces_do(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(REAL))
    frames, kaggle = load_keypoints("youtube-faces"), kaggle_coordinates()
    whole = kaggle[np.isfinite(kaggle).all(axis=(1, 2))]
    typical, wanted = (np.median(points, axis=0) for points in (frames.keypoints, whole))
    five = [0, 1, 10, 11, 12]
    np.testing.assert_allclose(typical[five], wanted[five], atol=1.5)
    assert set(frames.split) == {"train", "val", "test"}


def test_coordinates_are_read_without_pictures(tmp_path):
    keypoints = coordinates(3)
    rows = [row[:-1] for row in keypoint_rows(grey(3, 96), keypoints)]
    write_table(tmp_path / "kaggle_coordinates.csv", rows)
    np.testing.assert_array_equal(kaggle_coordinates(tmp_path), keypoints)


def test_coordinates_may_come_from_the_full_table(tmp_path, sample):
    write_table(tmp_path / "training.csv", keypoint_rows(*sample))
    np.testing.assert_array_equal(kaggle_coordinates(tmp_path), sample[1])


def test_thousands_of_rows_are_read_in_order_and_a_bad_one_is_named(tmp_path):
    keypoints = coordinates(2_150)
    rows = [row[:-1] for row in keypoint_rows(np.zeros((2_150, 1, 1), np.uint8), keypoints)]
    path = write_table(tmp_path / "kaggle_coordinates.csv", rows)
    np.testing.assert_array_equal(kaggle_coordinates(path), keypoints)
    rows[2_100][3] = "many"
    with pytest.raises(DataError, match="Row 2100 of .* has a coordinate that is no number"):
        kaggle_coordinates(write_table(path, rows))


def test_missing_coordinates_are_refused(tmp_path):
    with pytest.raises(DataError, match="facial-keypoints is not on this machine"):
        kaggle_coordinates()


def test_an_archive_gives_back_what_was_saved(tmp_path, sample):
    split = np.array(["train", "train", "val", "test"])
    np.savez(tmp_path / "a.npz", images=sample[0], keypoints=sample[1], split=split)
    loaded = load_keypoints(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded.keypoints, sample[1])
    assert list(loaded.split) == list(split)


@pytest.mark.parametrize("load", [load_keypoints, load_emotions, load_set])
@pytest.mark.parametrize("kind", ["one array", "text", "zip", "locked zip", "empty"])
def test_something_else_that_is_called_an_archive_is_refused(tmp_path, load, kind):
    path = tmp_path / "a.npz"
    if kind == "one array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif kind.endswith("zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("images.npy", b"no array")
        if kind == "locked zip":
            content = bytearray(path.read_bytes())
            content[6] |= 1  # says that its file is encrypted, here and in the directory at its end
            content[content.index(b"PK\x01\x02") + 8] |= 1
            path.write_bytes(content)
    else:
        path.write_text("no archive" if kind == "text" else "")
    with pytest.raises(DataError, match=r"a\.npz"):
        load(path)


def test_an_archive_without_split_is_all(tmp_path, sample):
    np.savez(tmp_path / "a.npz", images=sample[0].astype(float), keypoints=sample[1])
    loaded = load_keypoints(tmp_path / "a.npz")
    assert set(loaded.split) == {"all"} and loaded.images.dtype == np.uint8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": np.zeros((4, 48, 48), np.uint8)}, "must be (n, 96, 96)"),
        ({"images": np.full((4, 96, 96), 0.5)}, "such as 0.5"),
        ({"images": np.full((4, 96, 96), np.nan)}, "such as nan"),
        ({"images": np.full((4, 96, 96), 256)}, "such as 256"),
        ({"images": np.full((4, 96, 96), -1)}, "such as -1"),
        ({"images": np.zeros((0, 96, 96))}, "holds no rows"),
        ({"keypoints": np.zeros((3, 15, 2))}, "3 keypoints for 4 images"),
        ({"keypoints": np.full((4, 15, 2), np.inf)}, "infinite"),
        ({"keypoints": np.zeros((4, 15, 2), object)}, "cannot be read as .npz"),
        ({"split": np.arange(4)}, "must hold text"),
        ({"keypoints": None}, "lacks the array(s) keypoints"),
    ],
)
def test_a_malformed_archive_is_refused(tmp_path, sample, change, said):
    arrays = {"images": sample[0], "keypoints": sample[1]} | change
    np.savez(tmp_path / "a.npz", **{k: v for k, v in arrays.items() if v is not None})
    assert said in refused(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(120, 300), (300, 120)])
def test_a_face_far_to_the_right_or_below_is_inside_an_oblong_frame(tmp_path, face, shape):
    shift = np.array([shape[1] - 120, shape[0] - 120])
    write_frames(tmp_path, {"Ann_Lee_00.png": face})
    plain = load_keypoints(tmp_path)
    write_frames(tmp_path, {"Ann_Lee_00.png": face + shift}, side=300)
    frame = np.full((*shape, 3), 0, np.uint8)
    x, y = np.rint(face[10] + shift).astype(int)
    frame[y - 1 : y + 2, x - 1 : x + 2] = 255
    write_picture(tmp_path / "frames" / "Ann_Lee_00.png", frame)
    moved = load_keypoints(tmp_path)
    np.testing.assert_allclose(moved.keypoints, plain.keypoints, atol=1e-3)
    assert np.abs(moved.images.astype(int) - plain.images).max() <= 2


@pytest.mark.parametrize(
    ("name", "person"), [("Ann_Lee_00.png", "Ann_Lee"), ("ann.png", "ann.png"), ("x_1", "x")]
)
def test_the_person_of_a_frame_is_its_name_up_to_the_last_underscore(tmp_path, face, name, person):
    write_frames(tmp_path, {"a.png": face})
    table = tmp_path / "frames_keypoints.csv"
    table.write_text(table.read_text().replace("a.png", name))
    (tmp_path / "frames" / "a.png").rename(tmp_path / "frames" / name)
    assert load_keypoints(tmp_path).subjects.tolist() == [person]


def test_an_archive_of_ones_own_keeps_its_subjects(tmp_path, sample):
    np.savez(tmp_path / "a.npz", images=sample[0], keypoints=sample[1], subjects=[*"abca"])
    assert load_keypoints(tmp_path / "a.npz").subjects.tolist() == [*"abca"]


def test_a_face_whose_points_are_all_in_one_place_is_only_shifted():
    points = np.full((2, 15, 2), np.nan)
    points[0, 3:7] = 3, 4
    target = coordinates(1)[0].astype(float)
    one, unmarked = similarities(points, target)
    np.testing.assert_allclose(one[:, :2], np.eye(2))
    np.testing.assert_allclose(one[:, 2], target[3:7].mean(axis=0) - [3, 4])
    np.testing.assert_allclose(unmarked, [[1, 0, 0], [0, 1, 0]])


def test_a_picture_is_among_others_if_each_pixel_is_the_same():
    others = grey(3, 6)
    images = np.stack([others[2], others[0], grey(1, 6, seed=1)[0]])
    images[1, 5, 5] ^= 1
    assert occur_among(images, others).tolist() == [True, False, False]
    assert occur_among(images[:0], others).shape == (0,)


@pytest.mark.parametrize(("people", "chosen"), [(4, 1), (14, 1), (16, 2), (40, 4)])
def test_a_tenth_of_the_people_is_set_aside_with_all_their_pictures(people, chosen):
    names = np.repeat([f"person {number}" for number in range(people)], 3)
    rows = tenth_of_people(names)
    assert len(set(names[rows])) == chosen and not set(names[rows]) & set(names[~rows])
    np.testing.assert_array_equal(rows[::-1], tenth_of_people(names[::-1]))


def test_copies_are_told_by_the_middle_of_their_faces():
    """Two copies of one photo may be cut differently, or stand before other things."""
    first, second = scenes(2, seed=4)[:, 10:106, 10:106]
    same_face, same_rim = second.copy(), first.copy()
    same_face[12:84, 12:84] = first[12:84, 12:84]
    same_rim[12:84, 12:84] = second[12:84, 12:84]
    images = np.stack([first, same_face, same_rim])
    groups = near_duplicate_groups(images, np.repeat(coordinates(1), 3, axis=0))
    assert groups[0] == groups[1] != groups[2]
