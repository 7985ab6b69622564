"""Files written whole or not at all."""

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import files
from helpers.images import write_photo


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "party.jpg"
    path.write_bytes(b"photo")
    return path


def write(path: Path, text: str = "new") -> None:
    with files.whole_file(path) as part:
        part.write_text(text)


@pytest.fixture
def umask():
    """Let new files be read by their owner's group and nobody else."""
    old = os.umask(0o027)
    yield
    os.umask(old)


def test_a_file_appears_whole_with_what_any_new_file_may(tmp_path, umask):
    with files.whole_file(tmp_path / "faces.csv.gz") as part:
        part.write_text("new")
        assert part.parent == tmp_path and part.name.endswith(".csv.gz")
        assert not (tmp_path / "faces.csv.gz").exists()
    (written,) = tmp_path.iterdir()
    assert written.name == "faces.csv.gz" and written.read_text() == "new"
    assert stat.S_IMODE(written.stat().st_mode) == 0o640


@pytest.mark.parametrize("cut", [OSError, KeyboardInterrupt])
def test_a_write_that_is_cut_leaves_the_old_file_and_no_part(photo, cut):
    with pytest.raises(cut), files.whole_file(photo) as part:
        part.write_bytes(b"half")
        raise cut
    assert photo.read_bytes() == b"photo" and list(photo.parent.iterdir()) == [photo]


class Silent:
    """Writes like Pillow and OpenCV: what does not fit is dropped without a word."""

    def __init__(self, path: Path):
        self.file = os.open(path, os.O_WRONLY)

    def write(self, content: bytes) -> None:
        with contextlib.suppress(OSError):
            while content:
                content = content[os.write(self.file, content) :]
        os.close(self.file)


def test_what_a_library_cut_in_silence_is_an_error(photo, little_room):
    with (
        little_room(1_000),
        pytest.raises(OSError) as failed,
        files.whole_file(photo) as part,
    ):
        Silent(part).write(bytes(1_001))
    assert files.explain(failed.value) == "It is larger than files may be here."
    assert photo.read_bytes() == b"photo" and list(photo.parent.iterdir()) == [photo]
    with little_room(1_001), files.whole_file(photo) as part:
        Silent(part).write(bytes(1_000))
    assert photo.read_bytes() == bytes(1_000)


def test_a_picture_that_does_not_fit_is_an_error(tmp_path, little_room):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for name in ("a.jpg", "a.png"):
        with little_room(5_000), pytest.raises(OSError):
            write_photo(tmp_path / name, noise)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0, 10, 50, 90, 99])
def test_a_picture_is_read_back(tmp_path, monkeypatch, share):
    save = Image.Image.save

    def cut(picture, path, **options):
        save(picture, path, **options)
        os.truncate(path, share * os.path.getsize(path) // 100)

    monkeypatch.setattr(Image.Image, "save", cut)
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for name in ("a.jpg", "a.png"):
        with pytest.raises(OSError) as failed:
            write_photo(tmp_path / name, noise)
        assert files.explain(failed.value) == "The disk is full."
    assert not list(tmp_path.iterdir())


def test_a_folder_that_vanishes_is_an_error(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(FileNotFoundError), files.whole_file(tmp_path / "there" / "x") as part:
        part.write_text("new")
        shutil.rmtree(tmp_path / "there")
    assert not list(tmp_path.iterdir())


def test_a_link_stays_a_link_and_its_file_is_replaced(photo):
    (photo.parent / "link.jpg").symlink_to(photo)
    write(photo.parent / "link.jpg")
    assert (photo.parent / "link.jpg").is_symlink() and photo.read_text() == "new"


def test_a_link_to_nothing_makes_its_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "new"


def test_a_device_is_written_to_and_stays(tmp_path):
    write(Path("/dev/null"))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        write(tmp_path / "no" / "such.csv")
    assert error.value.filename == str(tmp_path / "no" / "such.csv")


def test_a_folder_appears_whole_with_what_any_new_folder_may(tmp_path, umask):
    with files.whole_folder(tmp_path / "deep" / "set") as part:
        (part / "one").write_text("1")
        assert not (tmp_path / "deep" / "set").exists()
    (made,) = (tmp_path / "deep").iterdir()
    assert made.name == "set" and (made / "one").read_text() == "1"
    assert stat.S_IMODE(made.stat().st_mode) == 0o750


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_that_is_cut_leaves_no_part_and_fails(tmp_path, exists):
    if exists:
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "old").touch()
    with pytest.raises(OSError, match="disk full"), files.whole_folder(tmp_path / "set") as part:
        (part / "one").write_text("1")
        raise OSError("disk full")
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "old"] * exists


def test_the_folder_that_another_process_made_first_stays(tmp_path):
    with files.whole_folder(tmp_path / "set") as part:
        (part / "ours").touch()
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "theirs").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "theirs"]


def test_a_file_in_the_place_of_a_folder_stays_and_is_an_error(tmp_path):
    (tmp_path / "set").write_text("mine")
    with pytest.raises(OSError), files.whole_folder(tmp_path / "set") as part:
        (part / "one").touch()
    assert (tmp_path / "set").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file"), "There is no such file."),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full."),
        (OSError(errno.EIO, "Input/output error"), "Input/output error."),
        (OSError("no room for it"), "no room for it."),
    ],
)
def test_an_error_is_one_sentence(error, sentence):
    assert files.explain(error) == sentence


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (".", "This is a folder, not a file."),
        ("file/photo.jpg", "A part of the path is a file, not a folder."),
        ("x" * 300, "The name is too long."),
        ("gone/photo.jpg", "There is no such file."),
    ],
)
def test_what_keeps_a_file_from_being_opened_is_said(tmp_path, path, sentence):
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as failed:
        (tmp_path / path).open("rb")
    assert files.explain(failed.value) == sentence
