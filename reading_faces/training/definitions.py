"""Where a point is marked: data sets differ by a constant, and our model answers as Kaggle's do.

Offsets `(15, 2)` say how far the labels of another set lie from its answers, in distances between
the eyes: along the line from the right eye's centre to the left one's, and at right angles to it,
downwards.
"""

import contextlib
from pathlib import Path

import numpy as np

from helpers.augment import MIRRORED
from helpers.data import DataError
from helpers.data.sources import locate

# Eye centres, nose tip and corners of the mouth, which nearly all data sets mark; and the others.
FIVE = np.array([0, 1, 10, 11, 12])
TEN = np.setdiff1d(np.arange(15), FIVE)
# The known set with another definition, of whose 68 points ours are taken.
_OTHER = "youtube-faces"


def marks_otherwise(source: str | Path) -> str:
    """Return the name of the set whose definition a source has, nothing if that is Kaggle's."""
    frames = []
    if source != _OTHER:
        with contextlib.suppress(DataError):
            frames = locate(source).glob("*frames_keypoints.csv")
    return _OTHER if source == _OTHER or any(frames) else ""


def eye_axes(keypoints: np.ndarray) -> np.ndarray:
    """Return `(n, 2, 2)`: the way from the right eye to the left one, and it turned downwards."""
    across = keypoints[:, 0] - keypoints[:, 1]
    down = across[:, ::-1] * [-1, 1]
    return np.stack([across, down], axis=1)


def add_offsets(keypoints: np.ndarray, offsets: np.ndarray, seen_by: np.ndarray) -> np.ndarray:
    """Move points `(n, 15, 2)` by offsets in the units of the faces `seen_by` (n, 15, 2)."""
    return (keypoints + offsets @ eye_axes(seen_by)).astype(np.float32)


def fit_offsets(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return what the labels of faces `(n, 15, 2)` have more than predictions: offsets `(15, 2)`.

    That is the median, of each point by itself, since a marker may see two sides differently; 0 for
    a point that is never labelled.
    """
    return _medians(true - predicted, eye_axes(true)).filled(0)


def typical_places(keypoints: np.ndarray) -> np.ndarray:
    """Return where points are on most faces, as offsets `(15, 2)` from the middle of the eyes.

    Both halves of a face are taken for alike.
    """
    middle = keypoints[:, :2].mean(axis=1, keepdims=True)
    places = _medians(keypoints - middle, eye_axes(keypoints))
    return np.ma.stack([places, places[MIRRORED] * [-1, 1]]).mean(axis=0).filled(0)


def _medians(ways: np.ndarray, axes: np.ndarray) -> np.ma.MaskedArray:
    """Return the medians of ways `(n, 15, 2)` in pixels as offsets; masked where there are none."""
    squared = (axes[:, :1] ** 2).sum(axis=2, keepdims=True)
    ways = ways @ axes.transpose(0, 2, 1) / np.where(squared > 0, squared, np.nan)
    return np.ma.median(np.ma.masked_invalid(ways), axis=0)
