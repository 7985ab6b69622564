"""Faces with one emotion each: FER-2013 and its FER+ votes, folders per class, CK+, made faces."""

from pathlib import Path

import numpy as np

from helpers.data.archives import Field, is_made_set, read_archive
from helpers.data.cache import cached, file_sha256
from helpers.data.ckplus import read_peaks
from helpers.data.folders import Pictures, read_class_folders
from helpers.data.made import load_set
from helpers.data.records import EMOTIONS, DataError, EmotionData
from helpers.data.sources import KNOWN, existing_path, known_folder
from helpers.data.splits import tenth_per_class
from helpers.data.tables import find_table, is_table, open_table, parse_pixels

_SIDE = 48
_WITH_EMOTIONS = ("fer2013", "ckplus")
_TABLES = ("fer2013", "icml_face_data", "train")
_VOTES_TABLE = "fer2013new"
_USAGE = {"Training": "train", "PublicTest": "public", "PrivateTest": "test"}
VOTES_HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
_FIELDS = (
    Field("images", (_SIDE, _SIDE), "uint8"),
    Field("labels", (), "int"),
    Field("split", (), "str", optional=True),
    Field("votes", (10,), "uint8", optional=True),
    Field("subjects", (), "str", optional=True),
    Field("classes", (), "str", optional=True, per_row=False),
)


def load_emotions(source: str | Path = "made") -> EmotionData:
    """Load faces with one emotion each.

    Parameters
    ----------
    source : str or Path
        ``"made"``; ``"fer2013"`` or ``"ckplus"``; or a path to `fer2013.csv`, `icml_face_data.csv`
        or Kaggle's `train.csv` (compressed or not), to an `.npz`, or to a folder: one that holds
        such a table, folders of pictures per class, or the official CK+ tree. Votes are read from
        `fer2013new.csv` beside the table.

    Returns
    -------
    EmotionData
        ``val`` is a tenth of each class of the training rows, the same one at every load.

    Raises
    ------
    DataError
        If the source is missing or malformed.
    """
    if source == "made":
        return _made()
    if source in KNOWN and source not in _WITH_EMOTIONS:
        raise DataError(
            f"{source} has no emotions; known sets with them are {', '.join(_WITH_EMOTIONS)}."
        )
    path = known_folder(source) if source in KNOWN else existing_path(source)
    if path.is_dir():
        path = find_table(path, *_TABLES) or path
    if path.is_dir():
        return _from_folder(path, str(source))
    if path.suffix == ".npz":
        return _from_archive(path)
    return _from_table(path, str(source))


def _made(path: Path | None = None) -> EmotionData:
    """Return made faces: those that ship, or a set that `data make` wrote."""
    faces = load_set(path) if path else load_set()
    return EmotionData(
        faces.small_images,
        np.asarray(faces.emotions, np.int64),
        EMOTIONS,
        faces.split,
        subjects=faces.subjects,
        source=str(path or "made"),
    )


def _from_folder(folder: Path, source: str) -> EmotionData:
    pictures = _from_ckplus_tree(folder) or read_class_folders(folder)
    found = set(pictures.emotions)
    classes = (*(e for e in EMOTIONS if e in found), *sorted(found - set(EMOTIONS)))
    labels = np.array([classes.index(emotion) for emotion in pictures.emotions])
    split = np.array(pictures.split)
    if "val" not in split:
        split = _with_val(split, labels)
    subjects = None if pictures.subjects is None else np.array(pictures.subjects)
    return EmotionData(pictures.images, labels, classes, split, subjects=subjects, source=source)


def _from_ckplus_tree(folder: Path) -> Pictures | None:
    peaks = read_peaks(folder)
    if peaks is None:
        return None
    peaks = [peak for peak in peaks if peak.emotion]
    if not peaks:
        raise DataError(f"{folder} has no Emotion/S…/…/…_emotion.txt; unpack those too.")
    return Pictures(
        np.stack([peak.face(_SIDE) for peak in peaks]),
        [peak.emotion for peak in peaks],
        ["all"] * len(peaks),
        [peak.subject for peak in peaks],
    )


def _from_archive(path: Path) -> EmotionData:
    if is_made_set(path):
        return _made(path)
    arrays = read_archive(path, _FIELDS)
    classes = tuple(arrays.pop("classes", np.array(EMOTIONS)).tolist())
    wrong = (arrays["labels"] < 0) | (arrays["labels"] >= len(classes))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"Row {row + 1} of {path} has label {arrays['labels'][row]}; "
            f"labels of its {len(classes)} classes go from 0 to {len(classes) - 1}."
        )
    return EmotionData(**arrays, classes=classes, source=str(path))


def _from_table(path: Path, source: str) -> EmotionData:
    if not is_table(path):
        raise DataError(
            f"{path} is no table; give a .csv (or .gz, .xz, .bz2, .zip), an .npz or a folder."
        )
    arrays = cached("emotions", file_sha256(path), lambda: _read_table(path))
    labels, usage = arrays["labels"], arrays["usage"]
    split = np.array([_USAGE.get(u, "all") for u in usage.tolist()])
    votes = _votes_beside(path, usage)
    return EmotionData(
        arrays["images"], labels, EMOTIONS, _with_val(split, labels), votes, source=source
    )


def _with_val(split: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rename a tenth of each class of ``train`` to ``val``."""
    rows = np.flatnonzero(split == "train")
    split = split.astype("U8")
    split[rows[tenth_per_class(labels[rows])]] = "val"
    return split


def _read_table(path: Path) -> dict[str, np.ndarray]:
    """Read images (n, 48, 48) uint8, labels (n,) int64, usage (n,) str (empty: no such column)."""
    images, labels, usage = [], [], []
    with open_table(path) as (columns, rows):
        pixels, emotion, use = _columns(path, columns)
        for number, cells in rows:
            where = f"Row {number} of {path}"
            labels.append(_parse_label(cells[emotion], where))
            usage.append("" if use is None else _parse_usage(cells[use], where))
            images.append(parse_pixels(cells[pixels], _SIDE, where))
    if not images:
        raise DataError(f"{path} has a header and no rows; copy or download it again.")
    return {"images": np.stack(images), "labels": np.array(labels), "usage": np.array(usage)}


def _columns(path: Path, columns: list[str]) -> tuple[int, int, int | None]:
    for name in ("emotion", "pixels"):
        if name not in columns:
            raise DataError(
                f"{path} lacks the column {name}; FER-2013 has emotion, pixels and mostly Usage."
            )
    use = columns.index("Usage") if "Usage" in columns else None
    return columns.index("pixels"), columns.index("emotion"), use


def _parse_label(cell: str, where: str) -> int:
    text = cell.strip()
    if text not in {"0", "1", "2", "3", "4", "5", "6"}:
        raise DataError(f"{where} has emotion {text!r}; FER-2013 has 0 (angry) to 6 (neutral).")
    return int(text)


def _parse_usage(cell: str, where: str) -> str:
    text = cell.strip()
    if text not in _USAGE:
        raise DataError(f"{where} has Usage {text!r}; it must be one of {', '.join(_USAGE)}.")
    return text


def _votes_beside(table: Path, usage: np.ndarray) -> np.ndarray | None:
    """Return the (n, 10) uint8 FER+ votes in the folder of `table`, None if there are none."""
    path = find_table(table.parent, _VOTES_TABLE)
    if path is None:
        return None
    arrays = cached("votes", file_sha256(path), lambda: _read_votes(path))
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
    with open_table(path) as (columns, rows):
        if ",".join(columns) != VOTES_HEADER:
            raise DataError(f"{path} is no FER+ file; its columns must be {VOTES_HEADER}.")
        for number, (use, _, *counts) in rows:
            if not all(count.isdecimal() and int(count) <= 255 for count in counts):
                raise DataError(
                    f"Row {number} of {path} has votes {', '.join(counts)}; they must be numbers."
                )
            votes.append(list(map(int, counts)))
            usage.append(use)
    return {"votes": np.array(votes, np.uint8), "usage": np.array(usage)}
