"""Photos of people, a folder for each: made people, press photos, ORL, LFW, your own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from helpers.data.folders import SPLIT_OF, subfolders
from helpers.data.records import DataError, pick_rows
from helpers.data.sources import KNOWN, existing_path, known_folder
from helpers.images import EXTENSIONS

_WITH_PEOPLE = ("five-celebrities", "orl", "lfw")


class Photos(Sequence):
    """Photos that are read only when they are asked for: thousands need not fit in memory."""

    def __init__(self, files: tuple[Path, ...]):
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        """Read one photo, `(h, w, 3) uint8` RGB, upright; `PhotoError` says what is wrong."""
        from helpers.images import PhotoError, read_photo

        try:
            return read_photo(self.files[index])
        except PhotoError as error:
            raise PhotoError(f"{self.files[index]}: {error}") from None


@dataclass(frozen=True)
class PeopleData:
    """Photos and who is on each.

    Attributes
    ----------
    files : tuple of Path
    names : (n,) str
        The name of the photo's folder.
    split : (n,) str
        ``train``, ``val`` or ``test``; ``all`` where the source has no split. Of ORL, our embedding
        has learnt from the people in ``train``.
    source : str
    """

    files: tuple[Path, ...]
    names: np.ndarray
    split: np.ndarray
    source: str = ""

    def __len__(self) -> int:
        return len(self.files)

    @property
    def photos(self) -> Photos:
        """The photos, each read when it is asked for."""
        return Photos(self.files)

    def select(self, split_or_mask: str | np.ndarray) -> "PeopleData":
        """Return the photos of one split (a name), or those a mask or an index array picks.

        Raises
        ------
        DataError
            If no photo belongs to a split of that name.
        """
        rows = pick_rows(self, split_or_mask)
        numbers = np.arange(len(self))[rows]
        files = tuple(self.files[number] for number in numbers)
        return replace(self, files=files, names=self.names[rows], split=self.split[rows])


def load_people(source: str | Path) -> PeopleData:
    """Find photos of people, and read none of them yet.

    Parameters
    ----------
    source : str or Path
        ``"five-celebrities"``, ``"orl"`` or ``"lfw"``; or a path to a folder with a folder of photos
        for each person, such as `made.album_folder` gives for made people. Those folders may lie
        in others named ``train``, ``val`` and ``test``.

    Raises
    ------
    DataError
        If the source is missing, or holds no such folders.
    """
    if source in KNOWN and source not in _WITH_PEOPLE:
        raise DataError(f"{source} names nobody; sets of people are {', '.join(_WITH_PEOPLE)}.")
    folder = known_folder(source) if source in KNOWN else existing_path(source)
    found = _photos_of_people(folder) if folder.is_dir() else []
    if not found:
        raise DataError(
            f"{source} holds no folder with photos for each person (such as {folder}/ann/1.jpg)."
        )
    files, names, split = (np.array(column) for column in zip(*found, strict=True))
    if source == "orl":
        split = np.array([_orl_split(name) for name in names.tolist()])
    return PeopleData(tuple(files.tolist()), names, split, str(source))


def _orl_split(name: str) -> str:
    """Return `test` for every third person and those after s30, so that nobody is in two."""
    number = int(name[1:]) if name[1:].isdecimal() else 0
    return "test" if number % 3 == 0 or number > 30 else "train"


def _photos_of_people(folder: Path) -> list[tuple[Path, str, str]]:
    """Return file, name and split; the people's folders may lie one level further down."""
    for root in (folder, *subfolders(folder)):
        named = [(SPLIT_OF.get(place.name.lower()), place) for place in subfolders(root)]
        places = [(split, place) for split, place in named if split] or [("all", root)]
        found = [
            (file, person.name, split)
            for split, place in places
            for person in subfolders(place)
            for file in _pictures(person)
        ]
        if found:
            return found
    return []


def _pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder, `2.pgm` before `10.pgm`."""
    files = [p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS and p.is_file()]
    return sorted(files, key=lambda p: (len(p.stem), p.stem))
