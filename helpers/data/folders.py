"""Pictures in folders named by class, as most emotion data sets come, and the official CK+ tree."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data.records import DataError

_SIDE = 48
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".pgm", ".tif", ".tiff"}
_SYNONYMS = {
    "angry": "angry anger",
    "disgust": "disgust disgusted",
    "fear": "fear fearful afraid",
    "happy": "happy happiness joy",
    "sad": "sad sadness",
    "surprise": "surprise surprised",
    "neutral": "neutral normal",
    "contempt": "contempt contemptuous",
}
_CLASS_OF = {word: name for name, words in _SYNONYMS.items() for word in words.split()}
_SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
    "publictest": "public",
    "privatetest": "test",
}
# The codes of CK+ emotion files, from the data set's own read-me.
_CKPLUS_CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")


@dataclass(frozen=True)
class Pictures:
    """Images (n, 48, 48) uint8, and the emotion, split and, where known, subject of each."""

    images: np.ndarray
    emotions: list[str]
    split: list[str]
    subjects: list[str] | None


def read_class_folders(folder: Path) -> Pictures:
    """Read ``folder/angry/*.jpg`` or ``folder/train/angry/*.jpg``, also one level further down.

    Subjects are the ``S005`` at the start of file names, if every name has one. Files that are no
    pictures are skipped with one warning that names them.

    Raises
    ------
    DataError
        If there is no picture, or one cannot be decoded.
    """
    found = [
        (path, emotion, split)
        for split, root in _split_roots(folder)
        for emotion, path in _classified(root)
    ]
    strays = [path for path, _, _ in found if path.suffix.lower() not in _SUFFIXES]
    if strays:
        names = ", ".join(str(path) for path in strays[:5])
        warnings.warn(f"Skipped {len(strays)} file(s) that are no pictures: {names}.", stacklevel=4)
    pictures = [item for item in found if item[0].suffix.lower() in _SUFFIXES]
    if not pictures:
        raise DataError(
            f"{folder} holds no table, and no pictures in folders named by emotion "
            f"(such as {folder}/angry/1.png)."
        )
    paths, emotions, split = (list(column) for column in zip(*pictures, strict=True))
    subjects = [re.match(r"S\d+", path.name) for path in paths]
    return Pictures(
        np.stack([_shrink(_read_grey(path)) for path in paths]),
        emotions,
        split,
        [m.group() for m in subjects] if all(subjects) else None,
    )


def _split_roots(folder: Path) -> list[tuple[str, Path]]:
    """Return (split, folder of class folders) of `folder`, else of one of its subfolders."""
    for root in (folder, *_subfolders(folder)):
        splits = [
            (_SPLIT_OF[p.name.lower()], p) for p in _subfolders(root) if p.name.lower() in _SPLIT_OF
        ]
        if splits:
            return splits
        if any(p.name.lower() in _CLASS_OF for p in _subfolders(root)):
            return [("all", root)]
    return []


def _classified(root: Path) -> Iterator[tuple[str, Path]]:
    for folder in _subfolders(root):
        emotion = _CLASS_OF.get(folder.name.lower(), folder.name.lower())
        for path in sorted(folder.iterdir()):
            if path.is_file():
                yield emotion, path


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def read_official_ckplus(folder: Path) -> Pictures | None:
    """Read the peak frame of each labelled sequence of the tree that the CK+ authors give out.

    Faces are cut out around the 68 landmarks where those are there, else the middle square is
    taken. Sequences without an emotion file are skipped: most have none.

    Returns
    -------
    Pictures or None
        None if `folder` is not such a tree.
    """
    root = next(
        (r for r in (folder, *_subfolders(folder)) if (r / "cohn-kanade-images").is_dir()), None
    )
    if root is None:
        return None
    files = sorted(root.glob("Emotion*/*/*/*_emotion.txt"))
    if not files:
        raise DataError(
            f"{root} holds cohn-kanade-images and no Emotion/S…/…/…_emotion.txt; unpack those too."
        )
    peaks = [_peak_frame(root, file) for file in files]
    return Pictures(
        np.stack([_shrink(_cut_face(_read_grey(p), _landmarks(root, p))) for p in peaks]),
        [_emotion_of(file) for file in files],
        ["all"] * len(files),
        [file.parts[-3] for file in files],
    )


def _emotion_of(file: Path) -> str:
    text = file.read_text().strip()
    try:
        return _CKPLUS_CODES[[float(code) for code in range(8)].index(float(text))]
    except ValueError:
        raise DataError(f"{file} says {text!r}; a CK+ emotion is a number from 0 to 7.") from None


def _peak_frame(root: Path, emotion_file: Path) -> Path:
    sequence = root / "cohn-kanade-images" / emotion_file.parts[-3] / emotion_file.parts[-2]
    frames = [p for p in sorted(sequence.glob("*")) if p.suffix.lower() in _SUFFIXES]
    if not frames:
        raise DataError(f"{emotion_file} labels a sequence without frames; unpack {sequence}.")
    return frames[-1]


def _landmarks(root: Path, frame: Path) -> np.ndarray | None:
    """Return the (68, 2) landmarks of a frame, pixels, or None."""
    file = root / "Landmarks" / frame.parts[-3] / frame.parts[-2] / f"{frame.stem}_landmarks.txt"
    if not file.is_file():
        return None
    try:
        return np.array(file.read_text().split(), float).reshape(68, 2)
    except ValueError:
        raise DataError(f"{file} does not hold 68 rows of x and y; unpack it again.") from None


def _read_grey(path: Path) -> np.ndarray:
    """Read a picture as (height, width) uint8, upright."""
    from PIL import Image, ImageOps

    try:
        # Pillow, because OpenCV hands back a half-grey picture where a JPEG is cut.
        with Image.open(path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        raise DataError(f"{path} cannot be decoded ({problem}); replace or remove it.") from None


def _shrink(grey: np.ndarray) -> np.ndarray:
    import cv2

    if grey.shape == (_SIDE, _SIDE):
        return grey
    return cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def _cut_face(grey: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """Cut a square around landmarks, with room for the forehead above them; else the middle."""
    height, width = grey.shape
    centre, side = np.array([width, height]) / 2, min(height, width)
    if points is not None:
        size = np.ptp(points, axis=0)
        centre = points.min(axis=0) + size * [0.5, 0.42]
        side = min(side, round(1.25 * size.max()))
    left, top = np.clip(np.round(centre - side / 2).astype(int), 0, [width - side, height - side])
    return grey[top : top + side, left : left + side]
