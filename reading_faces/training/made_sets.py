"""Sets of made faces as files: more of them than ship, drawn when asked for."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers import settings
from helpers.data.made import album_folder
from helpers.files import whole_file
from reading_faces.made_faces.albums import people_album
from reading_faces.made_faces.sets import VERSION, collect, draw_set


def training_set(n: int, seed: int = 1, pose: str = "wide", mixed: bool = False) -> str:
    """Return the path of a set of other people than ship, drawn at the first call: `draw_set`."""
    name = f"faces-{n}-{pose}{'-mixed' * mixed}-seed{seed}-{VERSION}.npz"
    path = settings.CACHE / "sets" / name
    if not path.is_file():
        drawn = draw_set(n, seed, pose, mixed=mixed)
        save_set(collect(tqdm(drawn, total=n, unit="face", desc=name)), path)
    return str(path)


def save_set(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Store arrays, such as those of `sets.collect`, in one `.npz`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def people_source(source: str, many: bool = False) -> str | Path:
    """Return a folder of made people for the source `"made"`; any other source as it is.

    There are 12 with 12 photos each, or `many`: 60 with 6, six of each skin tone.
    """
    if source != "made":
        return source
    size = (4, 4) if settings.PROFILE == "smoke" else (60, 6) if many else (12, 12)
    return album_folder(people_album(*size))
