"""Photos of people, a folder for each: made people, press photos, ORL, LFW, your own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data.folders import labelled_folders
from helpers.data.records import DataError, Record
from helpers.data.sources import locate
from helpers.images import EXTENSIONS, PhotoError, read_photo


@dataclass(frozen=True)
class PeopleData(Record):
    """Photos and who is on each; of ORL, our embedding has learnt from the people in ``train``.

    Attributes
    ----------
    files : (n,) object, a Path each
    names : (n,) str, the name of the photo's folder
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

    The source is ``"five-celebrities"``, ``"orl"`` or ``"lfw"``; or a path to a folder with a
    folder of photos for each person, such as `made.album_folder` gives for made people. Those
    folders may lie in others named ``train``, ``val`` and ``test``.

    Raises
    ------
    DataError
        If the source is missing, or holds no such folders.
    """
    folder = locate(source, "names", "five-celebrities", "orl", "lfw")
    found = []
    for places in labelled_folders(folder) if folder.is_dir() else ():
        found = [(file, at.name, split) for split, at in places for file in _pictures(at)]
        if found:
            break
    if not found:
        raise DataError(
            f"{source} holds no folder with photos for each person (such as {folder}/ann/1.jpg)."
        )
    files, names, split = zip(*found, strict=True)
    if source == "orl":
        split = [_orl_split(name) for name in names]
    paths = np.empty(len(files), object)  # (from a list of paths NumPy would make text)
    paths[:] = files
    return PeopleData(paths, np.array(names), np.array(split), str(source))


def _orl_split(name: str) -> str:
    """Return `test` for every third person and those after s30, so that nobody is in two."""
    number = int(name[1:]) if name[1:].isdecimal() else 0
    return "test" if number % 3 == 0 or number > 30 else "train"


def _pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder, `2.pgm` before `10.pgm`."""
    files = [p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS and p.is_file()]
    return sorted(files, key=lambda p: (len(p.stem), p.stem))
