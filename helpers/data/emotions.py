"""Faces with one emotion each: FER-2013 and its FER+ votes, folders per class, CK+, made faces."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from helpers.data import parsing
from helpers.data.ckplus import read_peaks
from helpers.data.folders import read_class_folders
from helpers.data.made import load_set
from helpers.data.records import EMOTIONS, VOTES, DataError, EmotionData
from helpers.data.sources import locate
from helpers.data.splits import tenth_per_class

_SIDE = 48
_TABLES = ("fer2013", "icml_face_data", "train")
_VOTES_TABLE = "fer2013new"
_CODES = ("0", "1", "2", "3", "4", "5", "6")  # positions in EMOTIONS
_USAGE = {"Training": "train", "PublicTest": "public", "PrivateTest": "test"}
VOTES_HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)


def load_emotions(source: str | Path = "made") -> EmotionData:
    """Load faces with one emotion each.

    The source is ``"made"``; ``"fer2013"`` or ``"ckplus"``; or a path to `fer2013.csv`,
    `icml_face_data.csv` or Kaggle's `train.csv` (compressed or not), to an `.npz`, or to a folder:
    one that holds such a table, folders of pictures per class, or the official CK+ tree. Votes are
    read from `fer2013new.csv` beside the table. Where there is no ``val``, it is a tenth of each
    class of the training rows, the same one at every load.

    Raises
    ------
    DataError
        If the source is missing or malformed.
    """
    path = locate(source, "emotions", "made", "fer2013", "ckplus")
    if path.is_dir():
        path = parsing.find_table(path, *_TABLES) or path
    if path.is_dir():
        return _from_folder(path, str(source))
    if path.suffix == ".npz":
        return _from_archive(path, str(source))
    return _from_table(path, str(source))


def _from_folder(folder: Path, source: str) -> EmotionData:
    peaks = read_peaks(folder)
    rows = [(peak.face(_SIDE), peak.emotion, "all", peak.subject) for peak in peaks if peak.emotion]
    if peaks and not rows:
        raise DataError(f"{folder} has no Emotion/S…/…/…_emotion.txt; unpack those too.")
    images, emotions, split, subjects = zip(*(rows or read_class_folders(folder)), strict=True)
    others = sorted(set(emotions) - set(EMOTIONS))
    classes = (*(name for name in EMOTIONS if name in emotions), *others)
    labels = np.array([classes.index(emotion) for emotion in emotions])
    split = np.array(split) if "val" in split else _with_val(np.array(split), labels)
    subjects = np.array(subjects) if all(subjects) else None
    return EmotionData(np.stack(images), labels, classes, split, subjects=subjects, source=source)


def _from_archive(path: Path, source: str) -> EmotionData:
    if parsing.is_made_set(path):
        made = load_set(path)
        images, labels = made.small_images, made.emotions.astype(np.int64)
        return EmotionData(images, labels, EMOTIONS, made.split, None, made.subjects, source)
    arrays = parsing.read_archive(
        path,
        needed={"images": (np.uint8, _SIDE, _SIDE), "labels": (np.int64,)},
        optional={"split": (str,), "votes": (np.uint8, len(VOTES)), "subjects": (str,)},
        names="classes",
    )
    labels, classes = arrays["labels"], arrays.pop("classes", EMOTIONS)
    wrong = (labels < 0) | (labels >= len(classes))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"Row {row + 1} of {path} has label {labels[row]}; "
            f"labels of its {len(classes)} classes go from 0 to {len(classes) - 1}."
        )
    return EmotionData(**arrays, classes=classes, source=source)


def _from_table(path: Path, source: str) -> EmotionData:
    arrays = parsing.cached("emotions", path, lambda: _read_table(path))
    images, labels, usage = (arrays[name] for name in ("images", "labels", "usage"))
    split = np.array([_USAGE.get(u, "all") for u in usage.tolist()])
    split, votes = _with_val(split, labels), _votes_beside(path, usage)
    return EmotionData(images, labels, EMOTIONS, split, votes, source=source)


def _with_val(split: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rename a tenth of each class of ``train`` to ``val``."""
    rows = np.flatnonzero(split == "train")
    split = split.astype("U8")
    split[rows[tenth_per_class(labels[rows])]] = "val"
    return split


def _read_table(path: Path) -> dict[str, np.ndarray]:
    """Read images (n, 48, 48) uint8, labels (n,) int64, usage (n,) str (empty: no such column)."""
    images, labels, usage = [], [], []
    for chunk in parsing.read_table(path, needed=("emotion", "pixels")):
        labels += map(int, _checked(path, chunk["emotion"], _CODES))
        known = "Usage" in chunk
        usage += _checked(path, chunk["Usage"], _USAGE) if known else [""] * len(chunk)
        for row, cell in chunk["pixels"].items():
            images.append(parsing.parse_pixels(cell, _SIDE, f"Row {row} of {path}"))
    return {"images": np.stack(images), "labels": np.array(labels), "usage": np.array(usage)}


def _checked(path: Path, cells, allowed: Collection[str]) -> list[str]:
    """Return a pandas column without spaces around its cells; refuse any that is not allowed."""
    cells = cells.str.strip()
    for row, cell in cells[~cells.isin(list(allowed))].items():
        raise DataError(
            f"Row {row} of {path} has {cells.name} {cell!r}; it must be one of "
            f"{', '.join(allowed)}."
        )
    return cells.tolist()


def _votes_beside(table: Path, usage: np.ndarray) -> np.ndarray | None:
    """Return the (n, 10) uint8 FER+ votes in the folder of `table`, None if there are none."""
    path = parsing.find_table(table.parent, _VOTES_TABLE)
    if path is None:
        return None
    arrays = parsing.cached("votes", path, lambda: _read_votes(path))
    if len(arrays["usage"]) != len(usage):
        fault = f"has {len(arrays['usage']):,} rows for the {len(usage):,} of {table.name}"
    else:
        differ = (arrays["usage"] != usage) & (usage != "")
        if not differ.any():
            return arrays["votes"]
        row = int(np.argmax(differ))
        fault = f"says {arrays['usage'][row]} in row {row + 1}; {table.name} says {usage[row]}"
    raise DataError(f"{path} {fault}; use the FER+ file of this table, or move it elsewhere.")


def _read_votes(path: Path) -> dict[str, np.ndarray]:
    votes, usage = [], []
    for chunk in parsing.read_table(path):
        if ",".join(chunk) != VOTES_HEADER:
            raise DataError(f"{path} is no FER+ file; its columns must be {VOTES_HEADER}.")
        for row, (use, _, *counts) in zip(chunk.index, chunk.to_numpy(), strict=True):
            if not all(count.isdecimal() and int(count) <= 255 for count in counts):
                raise DataError(
                    f"Row {row} of {path} has votes {', '.join(counts)}; they must be numbers."
                )
            votes.append(list(map(int, counts)))
            usage.append(use)
    return {"votes": np.array(votes, np.uint8), "usage": np.array(usage)}
