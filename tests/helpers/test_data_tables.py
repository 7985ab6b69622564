"""Tables as spreadsheets, archives and other programs save them: read, or refused."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pytest
from data_samples import coordinates, fer_rows, grey, keypoint_rows, write_frames, write_table
from hypothesis import given
from hypothesis import strategies as st

from helpers import settings
from helpers.data import DataError, load_emotions, load_keypoints
from helpers.data.parsing import find_table, parse_pixels

USAGE = ["Training", "Training", "PublicTest", "PrivateTest"]


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "sets"))


def faces() -> list[list[str]]:
    return fer_rows(grey(4, 48), [0, 6, 3, 3], USAGE)


def joined(rows: list[list[str]], separator: str) -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


def indexed(rows: list[list[str]], name: str = "", first: int = 0) -> list[list[str]]:
    """Put row numbers in front, as pandas and R do."""
    return [[name, *rows[0]], *([str(n), *row] for n, row in enumerate(rows[1:], start=first))]


def test_row_numbers_in_front_are_passed_over(tmp_path):
    keypoints = coordinates(4)
    keypoints[1, 5] = np.nan
    for name, first in (("", 0), ('""', 1), (" ", 7)):
        rows = indexed(keypoint_rows(grey(4, 96), keypoints), name, first)
        loaded = load_keypoints(write_table(tmp_path / "training.csv", rows))
        np.testing.assert_array_equal(loaded.keypoints, keypoints)
        np.testing.assert_array_equal(loaded.images, grey(4, 96))
    assert len(load_emotions(write_table(tmp_path / "fer2013.csv", indexed(faces())))) == 4


def test_names_of_files_in_front_stay(tmp_path):
    face = coordinates(1)[0]
    write_frames(tmp_path, {"Ann_Lee_01.jpg": face, "Bob_Ray_02.jpg": face})
    assert len(load_keypoints(tmp_path)) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_however_a_spreadsheet_saved_it(tmp_path, encoding, separator, end):
    text = joined(faces(), separator).replace("\n", end)
    (tmp_path / "fer2013.csv").write_bytes(text.encode(encoding))
    data = load_emotions(tmp_path / "fer2013.csv")
    np.testing.assert_array_equal(data.images, grey(4, 48))
    assert data.split.tolist() == ["train", "train", "public", "test"]


def test_either_order_of_bytes_is_read(tmp_path):
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(mark + joined(faces(), ",").encode(encoding))
        assert len(load_emotions(path)) == 4


def test_decimal_commas_between_semicolons_are_points(tmp_path):
    keypoints = coordinates(4)
    keypoints[2, 9] = -3.25
    header, *rows = keypoint_rows(grey(4, 96), keypoints)
    rows = [[*(cell.replace(".", ",") for cell in row[:-1]), row[-1]] for row in rows]
    (tmp_path / "training.csv").write_text(joined([header, *rows], ";"))
    np.testing.assert_array_equal(load_keypoints(tmp_path).keypoints, keypoints)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_compressed_is_no_different(tmp_path, compress):
    ending = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[compress]
    path = tmp_path / f"FER2013.CSV.{ending.upper()}"
    path.write_bytes(compress(joined(indexed(faces()), ";").encode("utf-16")))
    assert len(load_emotions(path)) == len(load_emotions(tmp_path)) == 4


@pytest.mark.parametrize("inside", ["FER2013.CSV", "archive/Fer2013.Csv", "a b/FER2013.csv"])
def test_a_zip_may_hold_its_table_in_capitals(tmp_path, inside):
    with zipfile.ZipFile(tmp_path / "FER2013.ZIP", "w") as archive:
        archive.writestr(inside, joined(faces(), ","))
        for litter in ("__MACOSX/archive/._Fer2013.csv", "._x.csv", "archive/._y.CSV"):
            archive.writestr(litter, b"what a Mac adds")
    assert len(load_emotions(tmp_path / "FER2013.ZIP")) == len(load_emotions(tmp_path)) == 4


def test_the_first_ending_wins_whatever_its_letters(tmp_path):
    for name in ("TRAINING.CSV", "training.csv.gz", "Training.zip"):
        (tmp_path / name).touch()
    (tmp_path / "test.csv").mkdir()
    assert find_table(tmp_path, "training") == tmp_path / "TRAINING.CSV"
    assert find_table(tmp_path, "test") is None and find_table(tmp_path / "no", "test") is None


@pytest.mark.parametrize("cell", [",".join(["7"] * 2304), "[" + "7 " * 2304 + "]", "7" * 9000])
def test_a_cell_is_quoted_no_longer_than_it_can_be_read(cell):
    with pytest.raises(DataError) as refused:
        parse_pixels(cell, 48, "Row 1 of x.csv")
    assert "as pixel 1, where a whole number" in str(refused.value)
    assert len(str(refused.value)) < 150


@given(text=st.text(), compressed=st.booleans())
def test_any_text_is_a_table_or_refused(tmp_path_factory, text, compressed):
    path = tmp_path_factory.mktemp("any") / ("fer2013.csv" + ".gz" * compressed)
    content = text.encode("utf-8", "surrogatepass")
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(DataError):
        load_emotions(path)
