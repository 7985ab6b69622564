"""One face of each photo, upright and cut as a network wants it."""

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from helpers import detect
from helpers.crop import FRAMINGS, Framing, crop_faces

# The share of a photo's shorter side that stands in for a face where none is found.
_MIDDLE = 0.7


def cut_portraits(
    photos: Sequence[np.ndarray],
    size: int,
    framing: str,
    detector: str = "mtcnn",
    upright: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the largest face out of each photo.

    Parameters
    ----------
    photos : each `(h, w, 3) uint8` RGB.
    size : side of the cut faces in pixels.
    framing : how to cut, as the second part of a key of `crop.FRAMINGS`.
    upright : turn leaning heads until their eyes are level, if the detector marks eyes.

    Returns
    -------
    faces : `(n, size, size, 3) uint8`.
    found : `(n,) bool`; where no face was found, the photo's middle stands in for it.
    """
    faces = np.empty((len(photos), size, size, 3), np.uint8)
    found = np.zeros(len(photos), bool)
    quiet = None if len(photos) > 1 else True  # None: no bar where nobody watches
    for number, photo in enumerate(tqdm(photos, desc="faces", unit="photo", disable=quiet)):
        best = next(iter(detect.detect_faces(photo, detector)), None)
        found[number] = best is not None
        box, cut, roll = middle_of(photo), Framing(1.0), 0.0
        if best is not None:
            box, cut = best.region, FRAMINGS[detector, framing]
            roll = best.roll if upright else 0.0
        faces[number] = crop_faces(photo, np.array([box]), size, cut, roll)[0][0]
    return faces, found


def middle_of(photo: np.ndarray) -> tuple[float, float, float, float]:
    """Return a square box in the middle of a photo."""
    height, width = photo.shape[:2]
    side = _MIDDLE * min(height, width)
    return (width - side) / 2, (height - side) / 2, side, side
