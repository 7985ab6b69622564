"""What every loader gives: plain, frozen records of arrays, and the one error they raise.

A record does not say where its pictures came from beyond a name, so that a lesson runs unchanged on
any source.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

KEYPOINT_NAMES = (
    "left_eye_center",
    "right_eye_center",
    "left_eye_inner_corner",
    "left_eye_outer_corner",
    "right_eye_inner_corner",
    "right_eye_outer_corner",
    "left_eyebrow_inner_end",
    "left_eyebrow_outer_end",
    "right_eyebrow_inner_end",
    "right_eyebrow_outer_end",
    "nose_tip",
    "mouth_left_corner",
    "mouth_right_corner",
    "mouth_center_top_lip",
    "mouth_center_bottom_lip",
)
KEYPOINT_COLUMNS = tuple(f"{name}_{axis}" for name in KEYPOINT_NAMES for axis in "xy")
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
# What some projects keep of the seven emotions.
FIVE_CLASSES = ("angry", "disgust", "sad", "happy", "surprise")

# What FER+'s ten voters could say, in the order of its columns and in the names of the course.
VOTES = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
VOTES += ("unknown", "not a face")


class DataError(ValueError):
    """A problem with data in words to act on: which file or row, what is wrong, what to do."""


class Record:
    """What all records share: arrays with a row for each of n pictures, and what they are of.

    Attributes
    ----------
    split : (n,) str, ``train``, ``val`` or ``test``, in FER-2013 also ``public``; ``all`` where the
        source has no split
    source : the name or path that was loaded
    """

    split: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.split)

    def select(self, split_or_mask: str | np.ndarray) -> Self:
        """Return the rows of one split (a name), or those a mask or an index array picks.

        Raises
        ------
        DataError
            If no row belongs to a split of that name.
        """
        rows = split_or_mask
        if isinstance(rows, str):
            rows = self.split == split_or_mask
            if not rows.any():
                present = ", ".join(np.unique(self.split))
                raise DataError(f"{self.source} has no split {split_or_mask!r}; it has: {present}.")
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v[rows] for k, v in arrays.items() if isinstance(v, np.ndarray)})


@dataclass(frozen=True)
class KeypointData(Record):
    """Faces with 15 marked points.

    Attributes
    ----------
    images : (n, 96, 96) uint8
    keypoints : (n, 15, 2) float32, pixels, x to the right and y down, in the order of
        `KEYPOINT_NAMES`; NaN where unlabelled
    subjects : (n,) str, who is in the picture, or None where the source does not say
    """

    images: np.ndarray
    keypoints: np.ndarray
    split: np.ndarray
    subjects: np.ndarray | None = None
    source: str = ""

    def to_frame(self) -> "pd.DataFrame":
        """Return Kaggle's 30 coordinate columns (pixels, NaN unlabelled) and `split`."""
        import pandas as pd

        # float64, as pandas reads the CSV itself: rounded values then print as they should.
        coordinates = self.keypoints.reshape(-1, 30).astype(np.float64)
        frame = pd.DataFrame(coordinates, columns=list(KEYPOINT_COLUMNS))
        return frame.assign(split=self.split)


@dataclass(frozen=True)
class EmotionData(Record):
    """Faces with one emotion each.

    Attributes
    ----------
    images : (n, 48, 48) uint8
    labels : (n,) int64, positions in `classes`
    classes : the names that occur, in the order of `EMOTIONS`, any others after them
    votes : (n, 10) uint8, how many FER+ voters said what, in the order of `VOTES`; or None
    subjects : (n,) str or None
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    split: np.ndarray
    votes: np.ndarray | None = None
    subjects: np.ndarray | None = None
    source: str = ""

    def labels_among(self, classes: Sequence[str]) -> np.ndarray:
        """Return labels `(n,)` as positions in other `classes`, matched by name; -1: not there."""
        classes = list(classes)
        position = [classes.index(name) if name in classes else -1 for name in self.classes]
        return np.array(position)[self.labels]

    def among_classes(self, classes: Sequence[str]) -> Self:
        """Return the faces whose class is one of `classes`, with labels numbered as these are."""
        labels = self.labels_among(classes)
        return replace(self, labels=labels, classes=tuple(classes)).select(labels >= 0)
