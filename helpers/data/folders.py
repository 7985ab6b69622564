"""Pictures in folders named by class, as most emotion data sets come."""

import itertools
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from helpers import images
from helpers.data.records import DataError

_SIDE = 48


def _by_word(*synonyms: str) -> dict[str, str]:
    """Map each word to the first of its synonyms, which is the name in this course."""
    return {word: words.split()[0] for words in synonyms for word in words.split()}


CLASS_OF = _by_word(
    "angry anger",
    "disgust disgusted",
    "fear fearful afraid",
    "happy happiness joy",
    "sad sadness",
    "surprise surprised",
    "neutral normal",
    "contempt contemptuous",
)
_SPLIT_OF = _by_word("train training", "val valid validation", "test testing privatetest")
_SPLIT_OF["publictest"] = "public"


def read_class_folders(folder: Path) -> list[tuple[np.ndarray, str, str, str | None]]:
    """Read ``folder/angry/*.jpg`` or ``folder/train/angry/*.jpg``, also up to two levels down.

    Each picture comes as `(48, 48) uint8`, with its emotion, its split, and the ``S005`` at the
    start of the file's name, None where it has none. Files that are no pictures are skipped with
    one warning that names them; no picture, or one that cannot be decoded, is a `DataError`.
    """
    files = []
    for places in labelled_folders(folder):
        if any(split != "all" or place.name.lower() in CLASS_OF for split, place in places):
            inside = [(file, split) for split, at in places for file in sorted(at.iterdir())]
            files = [(file, split) for file, split in inside if file.is_file()]
            break
    pictures = [(file, split) for file, split in files if images.is_photo(file)]
    others = {file for file, _ in files} - {file for file, _ in pictures}
    strays = [str(file) for file in sorted(others) if not images.is_litter(file)]
    if strays:
        names = ", ".join(strays[:5])
        warnings.warn(f"Skipped {len(strays)} file(s) that are no pictures: {names}.", stacklevel=4)
    if not pictures:
        raise DataError(
            f"{folder} holds no table, and no pictures in folders named by emotion "
            f"(such as {folder}/angry/1.png)."
        )
    rows = []
    for file, split in pictures:
        name, subject = file.parent.name.lower(), re.match(r"S\d+", file.name)
        face = images.resize_square(read_grey(file), _SIDE)
        rows.append((face, CLASS_OF.get(name, name), split, subject and subject.group()))
    return rows


def labelled_folders(folder: Path) -> Iterator[list[tuple[str, Path]]]:
    """Yield split and folder of what may be classes or people: in `folder`, then further down."""
    below = subfolders(folder)
    further = itertools.chain.from_iterable(map(subfolders, below))
    for root in itertools.chain([folder], below, further):
        splits = _splits(root) or [("all", root)]
        yield [(split, place) for split, parent in splits for place in subfolders(parent)]


def _splits(root: Path) -> list[tuple[str, Path]]:
    """Return split and folder of what `root` holds, if all its pictures are in folders of those.

    Somebody may be called Val: a folder of photos beside others is a person's.
    """
    named = [(_SPLIT_OF.get(place.name.lower()), place) for place in subfolders(root)]
    splits = [(split, place) for split, place in named if split and subfolders(place)]
    others = [place for split, place in named if (split, place) not in splits]
    mixed = splits and any(photo for place in others for _, photo in images.walk(place))
    return [] if mixed else splits


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in `folder` by name, without hidden ones."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def read_grey(path: Path) -> np.ndarray:
    """Read a picture of a data set as `(h, w) uint8`, upright; a `DataError` names a bad file."""
    try:
        return images.to_grey(images.read_photo(path))
    except images.PhotoError as problem:
        raise DataError(f"{path} cannot be decoded: {problem} Replace or remove it.") from None
