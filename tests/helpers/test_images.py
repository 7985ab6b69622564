"""Finding, reading and writing photos: every kind of picture, and a sentence for each bad file."""

import errno
import io
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from faces import bad_files, portrait, wall
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from helpers import images
from helpers.images import (
    PhotoError,
    find_photos,
    load_photo,
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


def test_what_a_folder_holds_and_is_no_photo_can_be_told(tmp_path):
    touch(tmp_path, "a.jpg", "b/IMG_1.dng", "b/notes.txt", "c.mp4", "clip")
    touch(tmp_path, "._a.jpg", "b/._x", ".DS_Store", "Thumbs.db", "b/desktop.ini")
    skipped = [str(path.relative_to(tmp_path)) for path in skipped_files([tmp_path])]
    assert skipped == ["b/IMG_1.dng", "b/notes.txt", "c.mp4", "clip"]
    assert skipped_files([tmp_path / "a.jpg", tmp_path / "c.mp4", tmp_path / "gone"]) == []


KINDS = {
    "JPEG": ("jpg", "JPEG", "jfif", "jpe", "png"),
    "MPO": ("mpo", "jpg"),
    "PNG": ("png", "jpg"),
    "WEBP": ("webp",),
    "HEIF": ("heic", "HEIF", "jpg"),
    "AVIF": ("avif",),
    "JPEG2000": ("jp2", "j2k"),
    "PPM": ("ppm", "pnm"),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp",),
    "GIF": ("gif",),
    "QOI": ("qoi",),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_is_found_and_read_by_what_is_in_it_whatever_it_is_called(tmp_path, kind):
    names = [*(f"photo.{ending}" for ending in KINDS[kind]), "IMG_0001", "photo.dat", "photo.jpg~"]
    content = io.BytesIO()
    options = {"save_all": True, "append_images": [wall()]} if kind == "MPO" else {}
    portrait(120).save(content, kind, **options)
    for name in names:
        (tmp_path / name).write_bytes(content.getvalue())
    assert [path.name for path in find_photos([tmp_path])] == sorted(names)
    assert skipped_files([tmp_path]) == []
    for path in tmp_path.iterdir():
        difference = read_photo(path).astype(int) - np.array(portrait(120))
        assert np.abs(difference).mean() < 10


def test_a_raw_file_of_a_camera_is_not_read_by_the_small_copy_in_it(tmp_path):
    """Such files are TIFFs whose first picture says that it is a reduced one."""
    tags = {254: 1}
    for name in ("a.dng", "b.nef", "c.tif"):
        portrait(60).save(tmp_path / name, "TIFF", tiffinfo=tags)
    assert [path.name for path in find_photos([tmp_path])] == ["c.tif"]
    assert [path.name for path in skipped_files([tmp_path])] == ["a.dng", "b.nef"]
    assert "raw file" in refused(tmp_path / "a.dng")


def test_texts_and_other_files_do_not_pass_for_photos(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(200):
        (tmp_path / f"{number}.bin").write_bytes(rng.bytes(300))
    (tmp_path / "a.h").write_text("#define a_width 16\n#define b 2\n")
    (tmp_path / "a.txt").write_text("P6 is a good street.\n")
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(99))
    assert find_photos([tmp_path]) == [tmp_path]
    assert len(skipped_files([tmp_path])) == 204


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
        ([0.0, 0.3, 1.2], [0, 64, 255]),
        ([0.0, 5.0, 15.0], [0, 85, 255]),
        ([0.0, 5.0, 16.0], [0, 5, 16]),
        ([-5.0, -5.0, -5.0], [0, 0, 0]),
        ([30_000.0, 60_000.0, 90_000.0], [0, 128, 255]),
        ([0.0, 512.0, 1023.0], [0, 128, 255]),
        ([0.0, 4095.0, 1024.0], [0, 255, 64]),
        ([0.0, 9000.0, 16383.0], [0, 140, 255]),
        ([0.0, 20_000.0, 40_000.0], [0, 78, 156]),
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
    rng, path = np.random.default_rng(0), tmp_path / "photo"
    for kind in (*KINDS, "TGA", "PCX", "SGI", "ICO"):
        portrait(40).save(path, kind)
        whole = path.read_bytes()
        for _ in range(12):
            damaged = bytearray(whole[: rng.integers(4, len(whole))])
            damaged[rng.integers(4, 30) % len(damaged)] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                assert read_photo(path).dtype == np.uint8
            except PhotoError as error:
                assert str(error).endswith(".") and "\n" not in str(error)


def test_pillow_says_nothing_beside_the_sentence(tmp_path):
    tags = {258: (8,) * 63, 277: 63}  # samples of a pixel, more than any decoder takes
    portrait(40).save(tmp_path / "a.tif", tiffinfo=tags)
    content = (tmp_path / "a.tif").read_bytes()
    at = content.index(struct.pack("<HHI", 277, 3, 1)) + 8
    (tmp_path / "a.tif").write_bytes(content[:at] + b"\x3f" + content[at + 1 :])
    refused(tmp_path / "a.tif")
    # In a process of its own: pytest takes what is logged for itself.
    code = "import sys; from helpers.images import is_photo, Path; is_photo(Path(sys.argv[1]))"
    (tmp_path / "a.tif").rename(tmp_path / "a")
    run = [sys.executable, "-c", code, str(tmp_path / "a")]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


WAYS = {
    "jpg": {},
    "grey.jpg": {},
    "progressive.jpg": {"progressive": True},
    "restarting.jpg": {"restart_marker_rows": 1},
    "fine.jpg": {"quality": 98, "subsampling": 0},
    "png": {},
    "alpha.png": {},
    "bmp": {},
    "ppm": {},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("height", [60, 480])
def test_a_picture_without_its_last_bytes_is_read_with_a_remark(tmp_path, way, height):
    path, mode = tmp_path / f"a.{way}", {"grey.jpg": "L", "alpha.png": "RGBA"}.get(way, "RGB")
    portrait(height).convert(mode).save(path, **WAYS[way])
    whole, content = load_photo(path), path.read_bytes()
    assert whole.remark == ""
    # The last 20 bytes of a PNG hold no pixels.
    for missing in (25, len(content) // 40):
        path.write_bytes(content[:-missing])
        photo = load_photo(path)
        assert photo.remark and photo.pixels.shape == whole.pixels.shape
        inner = slice(height // 5, -height // 3)
        assert np.abs(photo.pixels[inner].astype(int) - whole.pixels[inner]).mean() < 1
    # The first scans of a progressive JPEG show the whole picture already.
    path.write_bytes(content[: len(content) // (8 if "progressive" in way else 2)])
    assert "damaged or cut off" in refused(path)


@pytest.mark.parametrize(("there", "is_read"), [(0.82, True), (0.78, False)])
def test_a_picture_is_read_as_far_as_it_goes_if_four_fifths_are_there(tmp_path, there, is_read):
    path = tmp_path / "a.ppm"
    portrait(400).save(path)
    path.write_bytes(path.read_bytes()[: int(there * path.stat().st_size)])
    if is_read:
        assert load_photo(path).remark
    else:
        assert "cut off" in refused(path)


def test_a_large_picture_that_is_cut_off_is_as_large_as_one_that_is_whole(tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = 6
    path, photo = tmp_path / "a.png", portrait(240)
    photo.save(path, exif=exif)
    monkeypatch.setattr(images, "MOST_PIXELS", 2 * 240 * photo.width)
    whole = load_photo(path)
    path.write_bytes(path.read_bytes()[:-200])
    cut = load_photo(path)
    assert cut.remark and (cut.shrunk, cut.size) == (whole.shrunk, whole.size) == (2, (240, 205))
    assert cut.pixels.shape == whole.pixels.shape == (103, 120, 3)
    assert np.abs(cut.pixels.astype(int) - whole.pixels).mean() < 3


def test_a_cut_picture_that_is_dark_or_grey_at_its_end_is_known_by_what_is_there(tmp_path):
    for colour in ("black", (128, 128, 128), "white"):
        photo = Image.new("RGB", (480, 640), colour)
        photo.paste(portrait(160), (100, 20))
        photo.save(tmp_path / "a.jpg")
        whole = read_photo(tmp_path / "a.jpg")
        content = (tmp_path / "a.jpg").read_bytes()
        (tmp_path / "a.jpg").write_bytes(content[:-20])
        assert np.abs(read_photo(tmp_path / "a.jpg").astype(int) - whole).mean() < 30
        (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
        assert "cut off" in refused(tmp_path / "a.jpg")


def test_cut_pictures_are_read_by_threads_and_pillows_own_setting_stays(tmp_path):
    content = io.BytesIO()
    portrait().save(content, "JPEG")
    for number in range(8):
        (tmp_path / f"{number}.jpg").write_bytes(content.getvalue()[: -50 if number % 2 else -5000])
    with ThreadPoolExecutor(4) as pool:
        read = [pool.submit(load_photo, path) for path in sorted(tmp_path.iterdir())]
    assert [bool(one.exception()) for one in read] == [True, False] * 4
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize(
    "kind", ["grey.png", "grey.tif", "colour.png", "colour.tif", "alpha.png", "alpha16.png"]
)
def test_values_of_fewer_bits_in_a_file_of_16_are_not_black(tmp_path, bits, kind):
    photo, most = np.array(portrait(60))[:, :, ::-1].astype(int), 2**bits - 1
    values = (photo * most // 255).astype(np.uint16)
    if kind.startswith("grey"):
        values = photo = photo[:, :, 1]
        values = (values * most // 255).astype(np.uint16)
    if kind.startswith("alpha"):
        opaque = most if kind == "alpha.png" else 65535
        values = np.dstack([values, np.full(values.shape[:2], opaque, np.uint16)])
    cv2.imwrite(str(tmp_path / kind), values)
    expected = photo[:, :, ::-1] if photo.ndim == 3 else photo[:, :, np.newaxis]
    assert np.abs(read_photo(tmp_path / kind) - expected).max() <= 1


def test_a_deep_photo_is_turned_upright_too(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = b"eXIf" + exif.tobytes()[6:]
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    _, png = cv2.imencode(".png", np.full((20, 30, 3), 4000, np.uint16))
    (tmp_path / "a.png").write_bytes(png[:33].tobytes() + chunk + png[33:].tobytes())
    photo = read_photo(tmp_path / "a.png")
    assert photo.shape == (30, 20, 3) and (photo > 240).all()


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
        assert load_photo(tmp_path / "photo.png").size == (40, 30)
    else:
        assert "limit" in refused(tmp_path / "photo.png")


@pytest.mark.parametrize(
    ("megapixels", "shrunk"),
    [(0.3, 1), (0.4, 2), (1.1, 2), (1.3, 2), (1.4, 4), (3.9, 4), (4.1, 0)],
)
def test_a_jpeg_above_the_limit_is_decoded_smaller(tmp_path, monkeypatch, megapixels, shrunk):
    monkeypatch.setattr(images, "MOST_PIXELS", 1_000_000)
    height = round((megapixels * 1e6 / 0.75) ** 0.5)
    size = round(0.75 * height), height
    exif = Image.Exif()
    exif[0x0112] = 6
    portrait().resize(size).save(tmp_path / "a.jpg", exif=exif)
    if not shrunk:
        assert "limit" in refused(tmp_path / "a.jpg")
        return
    photo = load_photo(tmp_path / "a.jpg")
    assert photo.shrunk == shrunk and photo.size == size[::-1]
    assert photo.pixels.shape[:2] == (-(-size[0] // shrunk), -(-size[1] // shrunk))
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[:-100])
    cut = load_photo(tmp_path / "a.jpg")
    assert cut.remark and cut.pixels.shape == photo.pixels.shape


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "P", "L", "LA", "1", "I;16", "CMYK"])
def test_a_large_photo_of_another_kind_is_made_smaller_and_stays_upright(
    tmp_path, monkeypatch, kind
):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = portrait(240).convert("L" if kind == "I;16" else kind)
    if kind == "I;16":
        photo = Image.fromarray(np.array(photo).astype(np.uint16) * 257)
    path = tmp_path / ("a.tif" if kind == "CMYK" else "a.png")
    photo.save(path, exif=exif)
    monkeypatch.setattr(images, "MOST_PIXELS", 240 * photo.width)
    whole = Image.fromarray(load_photo(path).pixels)
    monkeypatch.setattr(images, "MOST_PIXELS", 900 * photo.width)
    expected = Image.fromarray(load_photo(path).pixels).reduce(2)
    assert load_photo(path).shrunk == 1 and whole.size == expected.size
    assert np.abs(np.array(whole, int) - np.array(expected, int)).mean() < 3


def test_a_large_dark_photo_of_16_bits_is_made_smaller_too(tmp_path, monkeypatch):
    photo = np.array(portrait(240))[:, :, ::-1]
    monkeypatch.setattr(images, "MOST_PIXELS", photo.size // 3)
    for ending in ("png", "jp2"):
        cv2.imwrite(str(tmp_path / f"a.{ending}"), photo.astype(np.uint16) * 16)
        read = load_photo(tmp_path / f"a.{ending}")
        assert read.shrunk == 2 and abs(read.pixels.mean() - photo.mean()) < 5


def test_a_jpeg_above_pillows_own_limit_is_opened_and_nothing_else_is(tmp_path, monkeypatch):
    for ending in ("jpg", "png", "webp"):
        portrait(240).save(tmp_path / f"a.{ending}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)
    assert read_photo(tmp_path / "a.jpg").shape[0] == 240
    assert "limit" in refused(tmp_path / "a.png") and "limit" in refused(tmp_path / "a.webp")


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
