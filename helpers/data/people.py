"""Photos of people by name: made people, press photos, ORL, LFW, CelebA, video, your own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data.folders import labelled_folders
from helpers.data.records import DataError, Record
from helpers.data.sources import KNOWN, locate
from helpers.data.splits import split_by_name
from helpers.images import PhotoError, find_photos, is_photo, read_photo


@dataclass(frozen=True)
class PeopleData(Record):
    """Photos and who is on each; of known sets, our embedding learns from the people in ``train``.

    Attributes
    ----------
    files : (n,) object, a Path each
    names : (n,) str
    """

    files: np.ndarray
    names: np.ndarray
    split: np.ndarray
    source: str = ""

    @property
    def photos(self) -> "Photos":
        """The photos, each read when it is asked for."""
        return Photos(self.files)


class Photos(Sequence):
    """Photos that are read only when they are asked for: thousands need not fit in memory."""

    def __init__(self, files: np.ndarray):
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        """Read one photo, `(h, w, 3) uint8` RGB, upright; `PhotoError` says what is wrong."""
        try:
            return read_photo(self.files[index])
        except PhotoError as error:
            raise PhotoError(f"{self.files[index]}: {error}") from None


def load_people(source: str | Path) -> PeopleData:
    """Find photos of people, and read none of them yet.

    The source is ``"five-celebrities"``, ``"orl"``, ``"lfw"``, ``"celeba"`` or
    ``"youtube-faces"``; or a path to a folder with a folder of photos for each person, such as
    `made.album_folder` gives for made people. Those folders may lie in others named ``train``,
    ``val`` and ``test``. Where the file says who it is, as in the originals of CelebA and of
    `youtube-faces`, folders mean nothing.

    Raises
    ------
    DataError
        If the source is missing or malformed, or holds no such folders.
    """
    folder = locate(source, "names", "five-celebrities", *_SPLIT_OF)
    found = (_by_file(folder) or _by_folder(folder)) if folder.is_dir() else []
    if not found:
        raise DataError(
            f"{source} holds no folder with photos for each person (such as {folder}/ann/1.jpg)."
        )
    files, names, split = zip(*found, strict=True)
    if source == "celeba" and not all(name.isdecimal() for name in names):
        raise DataError(f"{folder} does not say who is who; needed: {KNOWN['celeba'].by_hand}.")
    if split_of := _SPLIT_OF.get(source):
        split = [split_of(name) for name in names]
    return PeopleData(np.array(files, object), np.array(names), np.array(split), str(source))


def _by_folder(folder: Path) -> list[tuple[Path, str, str]]:
    """Return file, person and split of each photo by the folder that it lies in."""
    for places in labelled_folders(folder):
        found = [(file, at.name, split) for split, at in places for file in _pictures(at)]
        if found:
            return found
    return []


def _by_file(folder: Path) -> list[tuple[Path, str, str]]:
    """Return the same by the file's name, in the originals of two sets; else, or unnamed, none."""
    table = folder / "identity_CelebA.txt"
    people = _celeba_people(table) if table.is_file() else {}
    if not people and not any(folder.glob("*frames_keypoints.csv")):
        return []
    found = [(file, file.stem) for file in find_photos([folder]) if file != folder]
    named = [(f, people.get(s) if people else s.rpartition("_")[0], "all") for f, s in found]
    return [row for row in named if row[1]]


def _celeba_people(table: Path) -> dict[str, str]:
    """Return the person of each picture by its name without suffix, five digits."""
    try:
        rows = np.loadtxt(table, str, ndmin=2)
        return {Path(file).stem: number.zfill(5) for file, number in rows.tolist()}
    except ValueError as problem:
        raise DataError(f"{table} must have lines like 000001.jpg 2880 ({problem}).") from None


def _orl_split(name: str) -> str:
    """Return `test` for every third person and those after s30, so that nobody is in two."""
    number = int(name[1:]) if name[1:].isdecimal() else 0
    return "test" if number % 3 == 0 or number > 30 else "train"


_SPLIT_OF = {"orl": _orl_split} | dict.fromkeys(("lfw", "celeba", "youtube-faces"), split_by_name)


def _pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder, `2.pgm` before `10.pgm`.

    One that may not be opened stands for its photos: `read_photo` says why it cannot be read.
    """
    try:
        files = [p for p in folder.iterdir() if is_photo(p) and not os.path.isdir(p)]
    except PermissionError:
        return [folder]
    return sorted(files, key=lambda p: (len(p.stem), p.stem))
