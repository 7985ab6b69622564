"""Find photo files, read them the right way up, and write them.

A photo that cannot be read raises `PhotoError` with one sentence, so that the others go on.
"""

import importlib.util
import os
import stat
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from helpers.files import explain, whole_file

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".pgm", ".tif", ".tiff")
if importlib.util.find_spec("pillow_heif"):  # phones' own format, where somebody installed it
    importlib.import_module("pillow_heif").register_heif_opener()
    EXTENSIONS += (".heic", ".heif")
# A photo is decoded into three bytes a pixel, and more while it is converted.
MOST_PIXELS = 100_000_000


class PhotoError(ValueError):
    """A photo that cannot be read, in one sentence."""


def find_photos(paths: list[str | Path]) -> list[Path]:
    """Return the named files, and of named folders the photos at any depth, in name order.

    A path that is not there, and a folder without photos, are returned as they are: `read_photo`
    says what is wrong with them.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        found += [file for file, is_photo in walk(path) if is_photo] or [path]
    return found


def skipped_files(paths: list[str | Path]) -> list[Path]:
    """Return what `find_photos` leaves out of named folders because of its kind, by its name."""
    files = [file for path in paths for file, is_photo in walk(Path(path)) if not is_photo]
    return [file for file in files if not file.name.startswith(".")]


def walk(path: Path) -> list[tuple[Path, bool]]:
    """Return what lies below a folder in name order, and whether it is called like a photo.

    Links to other folders are not followed. What cannot be opened as a folder takes the place of
    its photos: `read_photo` says why it cannot.
    """
    unreadable: list[OSError] = []
    files: list[Path] = []
    for folder, below, names in os.walk(path, onerror=unreadable.append):
        links = [name for name in below if os.path.islink(os.path.join(folder, name))]
        files += [Path(folder, name) for name in names + links]
    # macOS leaves `._photo.jpg`, which holds no picture, beside photos on foreign disks.
    found = [(f, f.name.lower().endswith(EXTENSIONS) and f.name[:2] != "._") for f in files]
    return sorted(found + [(Path(error.filename), True) for error in unreadable])


def read_photo(path: str | Path) -> np.ndarray:
    """Read the first frame of a picture file the right way up.

    Returns
    -------
    `(h, w, 3) uint8` RGB. Pixels of 16 bits or floats are scaled, transparency is put on white.

    Raises
    ------
    PhotoError
        If the file is missing, no picture, cut off or larger than `MOST_PIXELS`.
    """
    try:
        kind = os.stat(path)
        if stat.S_ISDIR(kind.st_mode):
            os.scandir(path).close()  # raises where the folder may not be opened
            inside = any(is_photo for _, is_photo in walk(Path(path)))
            raise PhotoError("This is a folder." if inside else "There is no photo in this folder.")
        if not stat.S_ISREG(kind.st_mode):
            raise PhotoError("This is not a regular file.")
        if not kind.st_size:
            raise PhotoError("The file is empty.")
        # Pillow warns of what it can live with; its own, larger limit on pixels is an error.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise Image.DecompressionBombError
            return to_rgb(image)
    except PhotoError:
        raise
    except Image.DecompressionBombError:
        limit = MOST_PIXELS // 1_000_000
        raise PhotoError(f"It has more than the limit of {limit} million pixels.") from None
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


def to_rgb(image: Image.Image) -> np.ndarray:
    """Turn whatever kind of pixels a file has into `(h, w, 3) uint8`, the right way up."""
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith(("I", "F")):
        grey = stretch(np.asarray(image))
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return np.array(Image.alpha_composite(white, layer).convert("RGB"))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def stretch(values: np.ndarray) -> np.ndarray:
    """Scale grey values of 16 bits, 32 bits or floats to uint8.

    The scale is 0 to 1, 255 or 65,535, whichever holds them; values beyond go from their least to
    their greatest.
    """
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    low, high = values.min(), values.max()
    if low >= 0 and high <= 65535:
        scaled = values * (255 if high <= 1 else 1 if high <= 255 else 1 / 257)
    else:
        scaled = (values - low) / max(high - low, 1e-12) * 255
    return np.rint(scaled).astype(np.uint8)


def write_photo(path: Path, photo: np.ndarray) -> None:
    """Write `(h, w, 3) uint8` as JPEG or PNG, by the name's extension, and never half of it."""
    with whole_file(path) as temporary:
        Image.fromarray(photo).save(temporary, quality=92)


def resize_square(grey: np.ndarray, side: int) -> np.ndarray:
    """Resize a square picture to `(side, side) uint8`."""
    if grey.shape == (side, side):
        return grey
    method = cv2.INTER_AREA if side < len(grey) else cv2.INTER_CUBIC
    return cv2.resize(grey, (side, side), interpolation=method)


def to_grey(photo: np.ndarray) -> np.ndarray:
    """Turn `(h, w, 3) uint8` RGB into `(h, w) uint8`."""
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
