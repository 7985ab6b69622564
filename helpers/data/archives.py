"""Arrays in `.npz` files: a user's, of which each is checked, and a cache of what was parsed."""

import contextlib
import zipfile
import zlib
from collections.abc import Callable
from lzma import LZMAError
from pathlib import Path

import numpy as np

from helpers import settings
from helpers.data.records import DataError
from helpers.files import whole_file

# What reading a file may raise that is damaged, cut, or something else under the name: zlib's and
# lzma's own errors, RuntimeError where a zip asks for a password, TypeError where it is one array.
ARCHIVE_PROBLEMS = (
    *(OSError, ValueError, EOFError, RuntimeError, TypeError),
    *(zipfile.BadZipFile, zlib.error, LZMAError),
)
# Raise this when the meaning of the cached arrays changes.
_FORMAT = 1
Arrays = dict[str, np.ndarray]


def is_made_set(path: Path) -> bool:
    """Say whether an `.npz` is a set of made faces, as `data make` writes it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "jpeg.npy" in archive.namelist()
    except ARCHIVE_PROBLEMS:
        return False


def read_archive(path: Path, needed: dict, optional: dict, names: str = "") -> dict:
    """Read an `.npz` and check each of its arrays; a missing ``split`` becomes all ``"all"``.

    Parameters
    ----------
    needed, optional : dict of str to tuple
        The arrays that have a row for each face: dtype and shape of a row, with None for any
        length, as in ``{"images": (np.uint8, 96, 96)}``. The first tells the number of rows.
    names : str
        An array of text that is no row for each face, such as ``classes``; it becomes a tuple.

    Raises
    ------
    DataError
        If an array is missing, of another shape, or cannot be its dtype without loss; or the file
        is damaged or holds pickled objects.
    """
    rows = needed | optional
    try:
        # Arrays that nobody asks for are never read: they may be pickles.
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in (*rows, names) if name in archive}
    except ARCHIVE_PROBLEMS as problem:
        raise DataError(
            f"{path} cannot be read as .npz ({problem}); save it again with numpy.savez."
        ) from None
    lacking = [name for name in needed if name not in arrays]
    if lacking:
        raise DataError(f"{path} lacks the array(s) {', '.join(lacking)}.")
    first = next(iter(needed))
    n = len(arrays[first]) if arrays[first].ndim else 0
    if n == 0:
        raise DataError(f"{path} holds no rows.")
    checked = {"split": np.full(n, "all")}
    for name, array in arrays.items():
        dtype, *shape = rows.get(name, (str,))
        checked[name] = _checked(f"{name} in {path}", array, dtype, shape)
        if name in rows and len(array) != n:
            raise DataError(f"{path} has {len(array)} {name} for {n} {first}.")
    return checked | ({names: tuple(checked[names].tolist())} if names in checked else {})


def _checked(what: str, array: np.ndarray, dtype: type, shape: list[int | None]) -> np.ndarray:
    """Return an array `(n, *shape)` as `dtype`; refuse it where its numbers would change."""
    lengths = zip(shape, array.shape[1:], strict=False)
    if array.ndim != 1 + len(shape) or any(w not in (None, got) for w, got in lengths):
        wanted = ", ".join(("n", *("k" if side is None else str(side) for side in shape)))
        raise DataError(f"{what} has shape {array.shape}; it must be ({wanted}).")
    kinds, held = ("U", "text") if dtype is str else ("iuf", "numbers")
    if array.dtype.kind not in kinds:
        raise DataError(f"{what} is {array.dtype}; it must hold {held}.")
    if dtype is str:
        return array
    with np.errstate(invalid="ignore"):
        converted = array.astype(dtype)
    changed = (converted != array) & np.issubdtype(dtype, np.integer)
    if changed.any():
        limits = np.iinfo(dtype)
        raise DataError(
            f"{what} is {array.dtype} with values such as {array[changed].flat[0]:g}; "
            f"it must hold whole numbers from {limits.min} to {limits.max}."
        )
    return converted


def cached(kind: str, source_sha256: str, build: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that `build` makes, from the cache when it holds them undamaged.

    `kind` says what they are, for instance ``"emotions"``; `source_sha256` is the hash of the file
    they are made from, so that those of a changed file are never taken.
    """
    path = settings.CACHE / "parsed" / f"{kind}-{_FORMAT}-{source_sha256[:32]}.npz"
    # What cannot be read or written costs time at the next load, nothing else.
    with contextlib.suppress(*ARCHIVE_PROBLEMS), np.load(path, allow_pickle=False) as archive:
        if archive.zip.testzip() is None:
            return dict(archive)
    arrays = build()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part, part.open("wb") as file:
            np.savez(file, **arrays)
    return arrays
