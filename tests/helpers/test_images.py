"""Finding, reading and writing photos: every kind of picture, and a sentence for each bad file."""

import errno
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from faces import bad_files, portrait, wall
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers import images
from helpers.images import (
    PhotoError,
    find_photos,
    read_photo,
    resize_square,
    skipped_files,
    to_grey,
    write_photo,
)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def refused(path) -> str:
    with pytest.raises(PhotoError) as error:
        read_photo(path)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    return str(error.value)


# Finding files.


def test_a_folder_is_walked_to_any_depth_in_name_order(tmp_path):
    names = ["b.jpg", "a/z.PNG", "a/a/deep.tiff", "c.gif", "a.webp", "x.jpg/inside.bmp"]
    touch(tmp_path, *names, "notes.txt", "a/raw.cr2", "._b.jpg")
    found = [str(path.relative_to(tmp_path)) for path in find_photos([tmp_path])]
    assert found == sorted(names, key=lambda name: name.split("/"))


@given(st.sets(st.text("abcXYZ01 é'", min_size=1, max_size=5), min_size=1, max_size=8))
def test_files_of_a_folder_come_in_the_order_of_their_names(tmp_path_factory, stems):
    folder = tmp_path_factory.mktemp("photos")
    touch(folder, *(f"{stem}.jpg" for stem in stems))
    assert [path.name for path in find_photos([folder])] == sorted(f"{s}.jpg" for s in stems)


def test_what_a_folder_holds_and_is_no_photo_by_its_name_can_be_told(tmp_path):
    touch(tmp_path, "a.jpg", "b/IMG_1.dng", "b/notes.txt", "._a.jpg", ".DS_Store", "c.avif")
    skipped = [str(path.relative_to(tmp_path)) for path in skipped_files([tmp_path])]
    assert skipped == ["b/IMG_1.dng", "b/notes.txt", "c.avif"]
    assert skipped_files([tmp_path / "a.jpg", tmp_path / "c.avif", tmp_path / "gone"]) == []


def test_a_file_named_directly_is_kept_whatever_it_is_called(tmp_path):
    touch(tmp_path, "b.dat")
    named = [tmp_path / "b.dat", tmp_path / "missing.jpg"]
    assert find_photos(named) == named


def test_a_link_to_a_folder_is_not_followed(tmp_path):
    touch(tmp_path, "photos/a.jpg")
    (tmp_path / "photos" / "again").symlink_to(tmp_path / "photos")
    assert find_photos([tmp_path]) == [tmp_path / "photos" / "a.jpg"]
    assert skipped_files([tmp_path]) == [tmp_path / "photos" / "again"]


def test_a_folder_that_may_not_be_opened_is_found_and_says_so(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.jpg", "secret/2.jpg")
    scandir = os.scandir

    def refuse(path):  # taking the right away would not do: root may read everything
        if str(path).endswith("secret"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert find_photos([tmp_path]) == [tmp_path / "a" / "1.jpg", tmp_path / "secret"]
    assert refused(tmp_path / "secret") == "There is no permission to open it."


def test_the_format_of_phones_is_found_where_its_reader_is_installed(tmp_path):
    touch(tmp_path, "photos/a.heic", "photos/b.HEIF")
    code = (
        "import sys; from helpers.images import find_photos;"
        "print(*(path.name for path in find_photos([sys.argv[1]])))"
    )
    (tmp_path / "pillow_heif.py").write_text("def register_heif_opener(): print('registered')")
    run = [sys.executable, "-c", code, str(tmp_path / "photos")]
    with_reader = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(run, env=with_reader, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["registered", "a.heic", "b.HEIF"]


# Reading files.


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_gives_the_upright_photo(tmp_path, orientation):
    upright = portrait(60)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that hides it again
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert (read_photo(tmp_path / "photo.png") == np.array(upright)).all()


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (250, 100, 10), (250, 100, 10)),
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
        ("LA", (0, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (0, 0, 0, 0), (255, 255, 255)),
        ("I;16", 25700, (100, 100, 100)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(tmp_path, mode, colour, expected):
    wall(mode=mode, colour=colour).save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    assert photo.shape == (30, 40, 3)
    assert photo.dtype == np.uint8
    assert (photo == expected).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 200.0], [0, 100, 200]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
        ([-1.0, 0.0, 3.0], [0, 64, 255]),
        ([0.0, 70_000.0, 140_000.0], [0, 128, 255]),
        ([np.nan, 0.2, np.inf], [0, 51, 0]),
    ],
)
def test_numbers_that_are_no_bytes_are_scaled_by_what_holds_them(tmp_path, values, expected):
    Image.fromarray(np.array([values], np.float32)).save(tmp_path / "float.tif")
    assert read_photo(tmp_path / "float.tif")[0, :, 0].tolist() == expected


def test_cmyk_and_transparent_palettes_are_read(tmp_path):
    wall(mode="CMYK", colour=(0, 0, 0, 0)).save(tmp_path / "print.jpg")
    palette = wall(mode="P")
    palette.putpalette([250, 0, 0])
    palette.save(tmp_path / "palette.png", transparency=0)
    assert (read_photo(tmp_path / "print.jpg") > 250).all()
    assert (read_photo(tmp_path / "palette.png") == 255).all()


@pytest.mark.parametrize("extension", ["gif", "webp"])
def test_an_animation_is_read_at_its_first_frame(tmp_path, extension):
    frames = [wall(colour="white"), wall(colour="black")]
    path = tmp_path / f"moving.{extension}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert (read_photo(path) > 250).all()


@pytest.mark.parametrize("size", [(1, 1), (10, 4000)])
def test_a_picture_of_any_shape_is_read(tmp_path, size):
    wall(*size).save(tmp_path / "photo.png")
    assert read_photo(tmp_path / "photo.png").shape == (size[1], size[0], 3)


def test_each_bad_file_gets_its_sentence(tmp_path):
    for name, part in bad_files(tmp_path).items():
        assert part in refused(tmp_path / name)


def test_a_damaged_file_of_any_kind_is_one_sentence(tmp_path):
    """Decoders raise almost anything; of each format, cut and overwritten files are read."""
    rng = np.random.default_rng(0)
    for extension in images.EXTENSIONS:
        if extension in (".heic", ".heif"):
            continue
        path = tmp_path / f"photo{extension}"
        photo = portrait(40).convert("L") if extension == ".pgm" else portrait(40)
        photo.save(path)
        whole = path.read_bytes()
        for _ in range(12):
            damaged = bytearray(whole[: rng.integers(4, len(whole))])
            damaged[rng.integers(4, 30) % len(damaged)] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                assert read_photo(path).dtype == np.uint8
            except PhotoError as error:
                assert str(error).endswith(".") and "\n" not in str(error)


def test_a_file_without_permission_says_so(tmp_path, monkeypatch):
    portrait(60).save(tmp_path / "secret.png")

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    assert refused(tmp_path / "secret.png") == "There is no permission to open it."


def test_a_folder_says_whether_there_is_a_photo_in_it(tmp_path):
    (tmp_path / "x.jpg").mkdir()
    assert find_photos([tmp_path]) == [tmp_path]
    assert refused(tmp_path / "x.jpg") == "There is no photo in this folder."
    portrait(60).save(tmp_path / "x.jpg" / "inside.png")
    assert find_photos([tmp_path]) == [tmp_path / "x.jpg" / "inside.png"]
    assert refused(tmp_path / "x.jpg") == "This is a folder."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refused(tmp_path / "pipe.jpg") == "This is not a regular file."


@pytest.mark.parametrize(("most", "fits"), [(1200, True), (1199, False)])
def test_a_photo_above_the_pixel_limit_is_refused(tmp_path, monkeypatch, most, fits):
    monkeypatch.setattr(images, "MOST_PIXELS", most)
    wall(40, 30).save(tmp_path / "photo.png")
    if fits:
        assert read_photo(tmp_path / "photo.png").shape == (30, 40, 3)
    else:
        assert "limit" in refused(tmp_path / "photo.png")


# Pixels.


def test_a_written_photo_has_the_same_colours(tmp_path):
    photo = np.zeros((8, 8, 3), np.uint8)
    photo[:] = (250, 100, 10)
    write_photo(tmp_path / "photo.png", photo)
    write_photo(tmp_path / "photo.jpg", photo)
    assert (read_photo(tmp_path / "photo.png") == photo).all()
    assert np.abs(read_photo(tmp_path / "photo.jpg").astype(int) - photo).max() <= 3


def test_red_green_and_blue_weigh_as_the_eye_sees_them():
    pure = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert to_grey(pure).tolist() == [[76, 150, 29, 255]]


def test_a_smaller_picture_averages_and_one_of_the_size_is_unchanged():
    stripes = np.tile(np.array([0, 100], np.uint8), (8, 4))
    assert resize_square(stripes, 8) is stripes
    assert (resize_square(stripes, 4) == 50).all()
    assert resize_square(stripes, 16).shape == (16, 16)
    edge = np.repeat(np.array([[0, 200]], np.uint8), 2, axis=0)
    cubic = cv2.resize(edge, (8, 8), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(resize_square(edge, 8), cubic)
