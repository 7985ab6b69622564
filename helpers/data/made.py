"""The made faces that ship, and sets that `data make` wrote: read as data, without the renderer.

An album of drawn pictures becomes a folder of the cache here, in the form of a public data set.
"""

import functools
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from helpers import settings
from helpers.data.parsing import ARCHIVE_PROBLEMS
from helpers.data.records import DataError
from helpers.files import whole_folder
from helpers.images import resize_square

SHIPPED = settings.SHIPPED / "made_faces.npz"


@dataclass(frozen=True)
class MadeSet:
    """A set of n grey made faces with all their labels: arrays with a row for each."""

    files: np.ndarray  # (n,) object, the JPEG file of each picture of 96 × 96
    keypoints: np.ndarray  # (n, 15, 2) float32, pixels, Kaggle's order; nothing is left out
    visible: np.ndarray  # (n, 15) bool
    box: np.ndarray  # (n, 4) float32, x, y, width, height
    action_units: np.ndarray  # (n, 18, 2) float32, 0 to 1, left and right
    emotions: np.ndarray  # (n,) int, positions in `EMOTIONS`
    subjects: np.ndarray  # (n,) str
    split: np.ndarray  # (n,) str, train, val or test; nobody is in two
    tone: np.ndarray  # (n,) float32, place on the Monk scale, 0 to below 10
    pose: np.ndarray  # (n, 3) float32, degrees of yaw, pitch and roll
    # (n, 4) float32, azimuth and elevation of the lamp in degrees, brightness of it and around
    light: np.ndarray
    occluded: np.ndarray  # (n,) bool

    def __len__(self) -> int:
        return len(self.files)

    @functools.cached_property
    def images(self) -> np.ndarray:
        """The pictures `(n, 96, 96) uint8`."""
        coded = [np.frombuffer(file, np.uint8) for file in self.files]
        return np.stack([cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE) for jpeg in coded])

    @functools.cached_property
    def small_images(self) -> np.ndarray:
        """The same pictures of half the side `(n, 48, 48) uint8`.

        That is FER-2013's framing: eyes on a fifth of the width from the middle, at 0.39 of the
        height (by our keypoint model on 600 of its training faces), as in Kaggle's.
        """
        return np.stack([resize_square(image, 48) for image in self.images])


def load_set(path: Path = SHIPPED) -> MadeSet:
    """Read a stored set; the one that ships by default.

    Raises
    ------
    DataError
        If the file is damaged or holds something else.
    """
    labels = [f.name for f in fields(MadeSet) if f.name != "files"]
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("jpeg", "jpeg_size", *labels)}
    except (*ARCHIVE_PROBLEMS, KeyError) as problem:
        raise DataError(
            f"{path} is no set of made faces, or damaged ({problem}); write it again with "
            "python -m reading_faces data make."
        ) from None
    joined, ends = arrays.pop("jpeg"), np.cumsum(arrays.pop("jpeg_size"))
    files = [part.tobytes() for part in np.split(joined, ends[:-1])]
    return MadeSet(np.array(files, object), **arrays)


def album_folder(album) -> Path:
    """Return the folder of the cache that holds an album; it is drawn at the first call.

    An `album` (`made_faces.albums.Album`) has a `name`, a `total` of pictures, and `pages`: the
    path in the folder, and a picture `(h, w) uint8`, or `(h, w, 3)` RGB, or a text; drawn when
    asked for.
    """
    wanted = settings.CACHE / "albums" / album.name
    if wanted.is_dir():
        return wanted
    with whole_folder(wanted) as folder, tqdm(total=album.total, unit="picture") as bar:
        for name, page in album.pages:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(page, str):
                file.write_text(page)
                continue
            ordered = page[..., ::-1] if page.ndim == 3 else page  # OpenCV writes blue first
            if not cv2.imwrite(str(file), ordered, [cv2.IMWRITE_JPEG_QUALITY, 92]):
                raise OSError(f"{file} cannot be written.")
            bar.update()
    return wanted
