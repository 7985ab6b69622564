"""No output takes the place of a file that is read."""

import os
from pathlib import Path

import pytest

from reading_faces.outputs import errors_go_to, refuse_replacing


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "party.jpg"
    path.write_bytes(b"photo")
    return path


def other_spelling(photo: Path) -> Path:
    return photo.parent / ".." / photo.parent.name / photo.name


def link(photo: Path) -> Path:
    (photo.parent / "link.jpg").symlink_to(photo)
    return photo.parent / "link.jpg"


def hard_link(photo: Path) -> Path:
    os.link(photo, photo.parent / "hard.jpg")
    return photo.parent / "hard.jpg"


def through_a_linked_folder(photo: Path) -> Path:
    (photo.parent.parent / f"{photo.parent.name}-link").symlink_to(photo.parent)
    return photo.parent.parent / f"{photo.parent.name}-link" / photo.name


@pytest.mark.parametrize(
    "name_of", [Path, other_spelling, link, hard_link, through_a_linked_folder]
)
def test_an_output_that_is_an_input_is_refused_whatever_its_name(photo, name_of):
    other = name_of(photo)
    with pytest.raises(ValueError) as refused:
        refuse_replacing([photo], csv=other)
    assert (
        str(refused.value)
        == f"--csv {other} would replace a file that is read; choose another name."
    )
    with pytest.raises(ValueError, match="would replace"):
        refuse_replacing(iter([photo.with_name("other.jpg"), other]), draw=None, out=photo)


def test_an_option_of_two_words_is_named_as_it_is_typed(photo):
    with pytest.raises(ValueError, match=f"^--as-csv {photo} would"):
        refuse_replacing([photo], as_csv=photo)


def test_two_outputs_in_one_file_are_refused(photo, tmp_path):
    new = tmp_path / "new.csv"
    for other in (new, other_spelling(new)):
        with pytest.raises(ValueError, match=r"^--out and --csv .*new\.csv are one file"):
            refuse_replacing([photo], out=new, csv=other)
    with pytest.raises(ValueError, match="are one file"):
        refuse_replacing([], out=photo, csv=link(photo))


def test_other_files_new_ones_folders_and_devices_may_be_written(photo, tmp_path):
    old = tmp_path / "old.csv"
    old.touch()
    missing = tmp_path / "gone.jpg"
    refuse_replacing([photo, missing, tmp_path], csv=old, out=tmp_path / "new", json=None)
    refuse_replacing([photo, tmp_path], draw=tmp_path, crops=tmp_path)
    refuse_replacing(["/dev/null"], csv="/dev/null", out="/dev/null")


def test_what_compiled_code_says_of_errors_goes_where_it_is_sent(tmp_path, capfd):
    with (tmp_path / "said").open("wb") as file, errors_go_to(file):
        os.write(2, b"one")
    os.write(2, b"two")
    assert (tmp_path / "said").read_text() == "one" and capfd.readouterr().err == "two"
