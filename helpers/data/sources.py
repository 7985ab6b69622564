"""The data sets known by name: what each one is, where it is looked for, how to get it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helpers import settings
from helpers.data.made import SHIPPED
from helpers.data.records import DataError


@dataclass(frozen=True)
class Source:
    """A known data set, as `known.toml` describes it, which also says what each field means."""

    name: str
    what: str
    page: str
    by_hand: str
    terms: str
    kaggle: str = ""
    kaggle_files: str = "*"
    downloads: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def can_be_fetched(self) -> bool:
        """Whether `data fetch` knows where to download it; if not, it is had by hand alone."""
        return bool(self.kaggle or self.downloads) or self.name == "lfw"


_FILE = Path(__file__).with_name("known.toml")
KNOWN = {n: Source(n, **known) for n, known in tomllib.loads(_FILE.read_text("utf-8")).items()}


def find_folder(name: str) -> Path | None:
    """Return the first folder of that name under `settings.data_folders()` that is not empty."""
    for folder in settings.data_folders():
        if (folder / name).is_dir() and any((folder / name).iterdir()):
            return folder / name
    return None


def known_folder(name: str) -> Path:
    """Return the folder of a known data set; without one, a `DataError` says how to get it."""
    if folder := find_folder(name):
        return folder
    source, places = KNOWN[name], [folder / name for folder in settings.data_folders()]
    fetch = f"To get it by command: python -m reading_faces data fetch {name}\n"
    raise DataError(
        f"{name} is not on this machine ({source.what}).\n"
        f"Looked in: {', '.join(map(str, places))}.\n"
        f"{fetch if source.can_be_fetched else ''}"
        f"By hand: from {source.page} put {source.by_hand} into {places[0]}.\n"
        f"Terms: {source.terms}."
    )


def locate(source: str | Path, what: str = "", *names: str) -> Path:
    """Return where a source is: a known set, or a path here, where sets are looked for, or shipped.

    `what` is to be read of it, such as ``"emotions"``, and `names` are the known sets that have it;
    without any, each may be asked. ``"made"``, the made faces that ship, is one of them. Raises
    DataError if there is no such file or folder, or the known set has nothing of the kind.
    """
    known = ("made", *KNOWN)
    if source in known:
        if names and source not in names:
            raise DataError(f"{source} has no {what}; known sets with {what}: {', '.join(names)}.")
        return SHIPPED if source == "made" else known_folder(source)
    path = Path(source).expanduser()
    for place in (path, *(at / path for at in (*settings.data_folders(), settings.SHIPPED))):
        if place.exists():
            return place
    raise DataError(
        f"{source} is no file or folder here, and no known source ({', '.join(known)})."
    )
