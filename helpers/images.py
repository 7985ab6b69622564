"""Find photo files, read them the right way up, and write them.

A photo that cannot be read raises `PhotoError` with one sentence, so that the others go on.
"""

import contextlib
import errno
import io
import logging
import os
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin

from helpers.files import explain, whole_file

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what is wrong, `PhotoError` says
pillow_heif.register_heif_opener()  # what phones write
# Pillow decodes these itself; some others it hands to programs that it finds on the machine.
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "DIB", "TIFF", "PPM")
FORMATS += ("JPEG2000", "QOI", "PSD", "ICO", "PCX", "SGI", "SUN", "TGA")
_KINDS = (*FORMATS, "MPO")  # a JPEG with more pictures behind it, which has names of its own
EXTENSIONS = tuple(end for end, kind in Image.registered_extensions().items() if kind in _KINDS)
# A photo is decoded into three bytes a pixel. A JPEG may have four times as many: it can be decoded
# at a half or a quarter of its width. All that have more than a third of it are made smaller, so
# that reading and drawing one takes about 1.5 GB (a progressive JPEG of 200 million pixels 1.6).
MOST_PIXELS = 100_000_000
# What operating systems leave beside photos, besides names that begin with a dot.
LITTER = ("thumbs.db", "desktop.ini")


class PhotoError(ValueError):
    """A photo that cannot be read, in one sentence."""


@dataclass(frozen=True)
class Photo:
    """A photo as it was decoded, the right way up."""

    pixels: np.ndarray  # (h, w, 3) uint8 RGB
    size: tuple[int, int]  # its own width and height
    shrunk: int = 1  # how many of its own pixels, across and down, became one of `pixels`
    remark: str = ""  # one sentence if a small part of it is missing


def find_photos(paths: list[str | Path]) -> list[Path]:
    """Return the named files, and of named folders the photos at any depth, in name order.

    A path that is not there, and a folder without photos, are returned as they are: `read_photo`
    says what is wrong with them.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        found += [file for file, photo in walk(path) if photo] or [path]
    return found


def skipped_files(paths: list[str | Path]) -> list[Path]:
    """Return what `find_photos` leaves out of named folders because it is no photo."""
    return [file for path in paths for file, photo in walk(Path(path)) if not photo]


def walk(path: Path) -> list[tuple[Path, bool]]:
    """Return what lies below a folder in name order, and whether it is a photo.

    Links to other folders are not followed. What cannot be opened as a folder takes the place of
    its photos: `read_photo` says why it cannot.
    """
    unreadable: list[OSError] = []
    files: list[Path] = []
    for folder, below, names in os.walk(path, onerror=unreadable.append):
        links = [name for name in below if os.path.islink(os.path.join(folder, name))]
        files += [Path(folder, name) for name in names + links]
    found = [(file, is_photo(file)) for file in files]
    found += [(Path(error.filename), True) for error in unreadable]
    return sorted((file, photo) for file, photo in found if photo or not is_litter(file))


def is_photo(file: Path) -> bool:
    """Whether a file is called like a photo, or its first bytes are those of one.

    Not the `._photo.jpg` that macOS leaves beside photos on foreign disks.
    """
    if file.name.startswith("._"):
        return False
    if file.suffix.lower() in EXTENSIONS or not os.path.isfile(file):
        return file.suffix.lower() in EXTENSIONS
    try:
        # TGA, the last, has no mark of its own: other files would pass for it.
        with warnings.catch_warnings(action="ignore"), open_picture(file, FORMATS[:-1]) as image:
            return not is_preview(image)
    except Image.DecompressionBombError:
        return True
    except Exception:  # on other kinds of files Pillow's decoders raise almost anything
        return False


def is_litter(file: Path) -> bool:
    """Whether a file is one that operating systems leave everywhere."""
    return file.name.startswith(".") or file.name.lower() in LITTER


def is_preview(image: Image.Image) -> bool:
    """Whether all that can be read is a small copy, as of a camera's raw file."""
    return image.format == "TIFF" and bool(image.tag_v2.get(254, 0) & 1)


def read_photo(path: str | Path) -> np.ndarray:
    """Return the pixels of `load_photo`, which says what it raises."""
    return load_photo(path).pixels


def load_photo(path: str | Path) -> Photo:
    """Read the first frame of a picture file the right way up.

    Pixels of 16 bits or floats are scaled, transparency is put on white.

    Raises
    ------
    PhotoError
        If the file is missing, no picture, cut off by more than a little, or larger than
        `MOST_PIXELS`, a JPEG than four times that.
    """
    try:
        kind = os.stat(path)
        if stat.S_ISDIR(kind.st_mode):
            os.scandir(path).close()  # raises where the folder may not be opened
            inside = any(photo for _, photo in walk(Path(path)))
            raise PhotoError("This is a folder." if inside else "There is no photo in this folder.")
        if not stat.S_ISREG(kind.st_mode):
            raise PhotoError("This is not a regular file.")
        if not kind.st_size:
            raise PhotoError("The file is empty.")
        return decode(path)
    except PhotoError:
        raise
    except Image.DecompressionBombError:
        limit = MOST_PIXELS // 1_000_000
        raise PhotoError(
            f"It has more than the limit of {limit} million pixels ({4 * limit} of a JPEG)."
        ) from None
    except Image.UnidentifiedImageError:
        raise PhotoError("This is not a picture that can be read.") from None
    except OSError as error:
        damaged = "The picture is damaged or cut off."  # Pillow's own errors have no number
        raise PhotoError(explain(error) if error.errno else damaged) from None
    except MemoryError:
        raise PhotoError("There is not enough memory to open it.") from None
    except Exception as error:
        # On damaged files Pillow's decoders raise almost anything: SyntaxError, struct.error, …
        raise PhotoError(f"The picture is damaged ({type(error).__name__}).") from error


def decode(path: str | Path) -> Photo:
    """Decode a picture file; one that is cut off, as far as it goes."""
    # Pillow warns of what it can live with.
    with warnings.catch_warnings(action="ignore"), open_picture(path) as image:
        if is_preview(image):
            raise PhotoError("This is a camera's raw file: export it as JPEG or PNG.")
        size, remark = image.size, ""
        shrunk, later = shrink(image)
        how = str(image.tile[0].args) if image.tile else ""
        deep = image.mode[:1] in "RL" and (";16" in how or image.format == "JPEG2000")
        try:
            image.load()
        except Exception:
            image = salvage(path)
            if image is None:
                raise
            remark = "The end of the file is missing; the rest of the picture was read."
        if later > 1:
            image, shrunk = image if remark else reduce(image, later), later
        if deep:
            image = read_deep(path, image)
        lying = image.size
        pixels = to_rgb(image)
        return Photo(pixels, size if pixels.shape[1::-1] == lying else size[::-1], shrunk, remark)


def open_picture(file, formats: Sequence[str] = FORMATS) -> Image.Image:
    """Open a picture file and decode nothing yet."""
    try:
        return Image.open(file, "r", formats)
    except Image.DecompressionBombError:  # Pillow's own limit holds for every format
        if isinstance(file, io.BytesIO):
            file.seek(0)
        try:
            return JpegImagePlugin.JpegImageFile(file)
        except SyntaxError:
            raise Image.DecompressionBombError from None


def shrink(image: Image.Image) -> tuple[int, int]:
    """Have a large JPEG decoded at a half, a quarter or an eighth of its width.

    Returns how many times smaller it will be decoded, and how many times smaller it is to be made
    then: 1, 2, 4 or 8. Raises DecompressionBombError if there are too many pixels all the same.
    """
    (width, height), is_jpeg, factor = image.size, image.format in ("JPEG", "MPO"), 1
    if width * height > MOST_PIXELS * (4 if is_jpeg else 1):
        raise Image.DecompressionBombError
    while width * height / factor**2 > MOST_PIXELS / 3:
        factor *= 2
    if not is_jpeg:
        return 1, factor
    if factor > 1:
        image.draft(None, (width // factor, height // factor))
    return factor, 1


def reduce(image: Image.Image, factor: int) -> Image.Image:
    """Average squares of pixels, strip by strip: one more copy of the whole would need too much."""
    mode = {"1": "L", "P": "RGB", "PA": "RGBA"}.get(image.mode, image.mode)
    mode = "RGBA" if image.has_transparency_data else "I" if mode.startswith("I") else mode
    width, height = image.size
    small = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for top in range(0, height, 64 * factor):
        strip = image.crop((0, top, width, min(height, top + 64 * factor)))
        small.paste(strip.convert(mode).reduce(factor), (0, top // factor))
    turn_like(small, image)
    image.close()
    return small


def turn_like(new: Image.Image, image: Image.Image) -> Image.Image:
    """Note on a picture made from another which side of it is up."""
    new.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
    return new


def salvage(path: str | Path) -> Image.Image | None:
    """Decode what is there of a picture that is cut off, if that is four fifths of it.

    It is decoded twice, on black and on another colour, and of a JPEG first with nothing and then
    with noise in place of what is cut off: where the two differ, it is missing.
    """
    content, both = Path(path).read_bytes(), []
    with open_picture(io.BytesIO(content)) as image:
        is_jpeg, width = image.format in ("JPEG", "MPO"), image.width
        if not is_jpeg and image.format not in ("PNG", "BMP", "PPM", "TGA"):
            return None
    noise = np.random.default_rng(0).integers(0, 255, 32 * width, np.uint8).tobytes()
    ends = (b"\xff\xd9", b"\0" + noise + b"\xff\xd9") if is_jpeg else (b"", b"")
    for colour, end in enumerate(ends):
        with open_picture(io.BytesIO(content + end)) as image:
            _, later = shrink(image)
            image.im = Image.new(image.mode, image.size, colour).im
            with contextlib.suppress(Exception):
                image.load()
            image.tile = []
            both.append(reduce(image, later) if later > 1 else image)
    if image.info.get("progressive"):
        # Each scan of the whole picture makes those before it finer, from some scan on.
        scan = content.rfind(b"\xff\xda")
        refines = content[scan + 7 + 2 * content[scan + 4] :][:1] >= b"\x10"
        return both[0] if refines else None
    first, second = (np.asarray(image).reshape(*image.size[::-1], -1) for image in both)
    missing = (first != second).any(axis=2)
    if is_jpeg and missing.any():
        # Noise may end at a mark from which a decoder starts anew; all below is missing, too.
        missing[np.argwhere(missing)[0, 0] + 16 :] = True
    return both[0] if missing.mean() <= 0.2 else None


def to_rgb(image: Image.Image) -> np.ndarray:
    """Turn whatever kind of pixels a file has into `(h, w, 3) uint8`, the right way up."""
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith(("I", "F")):
        grey = stretch(np.asarray(image))
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return np.array(Image.alpha_composite(white, layer).convert("RGB"))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def read_deep(path: str | Path, image: Image.Image) -> Image.Image:
    """Return colours of 16 bits as 8 bits, also where a camera has filled only 10 to 14 of them.

    Pillow keeps the upper 8 of 16 bits; OpenCV gives all.
    """
    if np.asarray(image.convert("RGB")).max() >= 64:
        return image
    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 3 or values.dtype != np.uint16:
        return image
    values = cv2.resize(values, image.size, interpolation=cv2.INTER_AREA)
    parts = [stretch(values[:, :, 2::-1]), *(stretch(a) for a in np.rollaxis(values[:, :, 3:], 2))]
    return turn_like(Image.fromarray(np.dstack(parts)), image)


def stretch(values: np.ndarray) -> np.ndarray:
    """Scale values of 16 bits, 32 bits or floats to uint8.

    The scale goes from 0 to 1 or to the most that 8, 10, 12, 14 or 16 bits hold, whichever holds
    them. Values beyond, and those up to 16 that would be nearly black, go to their greatest.
    """
    values = np.nan_to_num(values.astype(np.float32), copy=False, posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        values -= low
        high = max(high - low, 1e-12)
    elif not 1 < high < 16:
        high = next(most for most in (1, 255, 1023, 4095, 16383, 65535) if high <= most)
    values *= 255 / high
    return np.rint(values, out=values).astype(np.uint8)


def write_photo(path: Path, photo: np.ndarray, **options) -> None:
    """Write `(h, w, 3) uint8` as JPEG or PNG, by the name's extension, whole or not at all.

    `options` are Pillow's. As Pillow does not say that a disk is full, the file is read back.
    """
    with whole_file(path) as part:
        Image.fromarray(photo).save(part, quality=92, **options)
        try:
            cut = load_photo(part).remark
        except PhotoError as error:
            cut = str(error)
        if cut:
            raise OSError(errno.ENOSPC, cut, os.fspath(path))


def resize_square(grey: np.ndarray, side: int) -> np.ndarray:
    """Resize a square picture to `(side, side) uint8`."""
    if grey.shape == (side, side):
        return grey
    method = cv2.INTER_AREA if side < len(grey) else cv2.INTER_CUBIC
    return cv2.resize(grey, (side, side), interpolation=method)


def to_grey(photo: np.ndarray) -> np.ndarray:
    """Turn `(h, w, 3) uint8` RGB into `(h, w) uint8`."""
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
