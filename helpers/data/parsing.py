"""Parsing tables of pictures (CSV) and arrays (`.npz`) of a user, and a cache of what was parsed.

Every complaint names its row or array. Of a table, memory holds the pictures and never all of the
text; nothing in an archive is unpickled.
"""

import bz2
import codecs
import contextlib
import gzip
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from helpers import settings
from helpers.data.records import DataError
from helpers.files import file_sha256, whole_file

if TYPE_CHECKING:
    import pandas as pd

TABLE_SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".csv.zip", ".csv.bz2", ".zip")
_ROWS = 1_000  # of FER-2013 they are 8 MB of text
# What reading a file may raise that is damaged, cut, or something else under the name: zlib's and
# lzma's own errors, RuntimeError where a zip asks for a password, TypeError where it is one array.
ARCHIVE_PROBLEMS = (
    *(OSError, ValueError, EOFError, RuntimeError, TypeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
# Raise this when the meaning of the cached arrays changes.
_FORMAT = 1
Arrays = dict[str, np.ndarray]


def find_table(folder: Path, *stems: str) -> Path | None:
    """Return the first of ``stem.csv``, ``stem.csv.gz``, … ``stem.zip`` in `folder`, else None.

    Capital letters do not count: an archive or a disk may hold ``STEM.CSV``.
    """
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    named = {path.name.lower(): path for path in there if path.is_file()}
    wanted = (f"{stem}{suffix}".lower() for stem in stems for suffix in TABLE_SUFFIXES)
    return next((named[name] for name in wanted if name in named), None)


def read_table(path: Path, needed: Collection[str] = ()) -> Iterator["pd.DataFrame"]:
    """Read a CSV, or one compressed as ``.gz``, ``.xz``, ``.bz2`` or ``.zip``, a part at a time.

    It may be UTF-8, or UTF-16 with a mark in front; between its cells may be commas, tabs, or
    semicolons, where numbers may have a decimal comma. A first column of row numbers is left out.

    Yields
    ------
    DataFrame of str
        Columns without surrounding spaces; the index is the number of the row, 1 for the first
        below the header. A row that is too short ends in empty cells.

    Raises
    ------
    DataError
        If the file is no table, empty, cut or damaged, lacks a `needed` column, or a row has more
        cells than the header.
    """
    import pandas as pd

    if not path.name.lower().endswith(TABLE_SUFFIXES):
        raise DataError(f"{path} is no table; give a .csv (or .gz, .xz, .bz2, .zip).")
    text = {"dtype": str, "keep_default_na": False, "chunksize": _ROWS}
    try:
        with _open(path) as file, pd.read_csv(file, **(how := _layout(file)), **text) as chunks:
            for chunk in chunks:
                if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes it for names of rows
                    raise DataError(f"Row 1 of {path} has more cells than the header.")
                if chunk.empty:
                    raise DataError(f"{path} has a header and no rows; copy or download it again.")
                chunk.columns = chunk.columns.str.strip()
                if lacking := [name for name in needed if name not in chunk]:
                    raise DataError(f"{path} lacks the column(s) {', '.join(lacking)}.")
                unnamed = chunk.columns[0] in ("", "Unnamed: 0")
                if unnamed and chunk.iloc[:, 0].str.isdecimal().all():
                    chunk = chunk.iloc[:, 1:]
                if how["sep"] == ";":
                    chunk = chunk.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
                chunk.index += 1
                yield chunk
    except DataError:
        raise
    except ARCHIVE_PROBLEMS as problem:
        # pandas names the line where a row has more cells than the header.
        if longer := re.search(r"Expected \d+ fields in line \d+, saw \d+", str(problem)):
            raise DataError(f"{path}: {longer[0]}; mend or remove that line.") from None
        fault = f"cannot be read to its end ({problem}); it looks cut or damaged"
        if isinstance(problem, pd.errors.EmptyDataError):
            fault = "is empty"
        raise DataError(f"{path} {fault}: copy or download it again.") from None


@contextlib.contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """Give the bytes of a table, of a zip those of its one CSV beside what macOS puts there."""
    if path.suffix.lower() != ".zip":
        openers = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
        with openers.get(path.suffix.lower(), open)(path, "rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        names = [name for name in names if not re.search(r"__MACOSX|(^|/)\.", name)]
        if len(names) != 1:
            raise DataError(f"{path} holds {len(names)} CSV files; unpack it and name one of them.")
        with archive.open(names[0]) as file:
            yield file


def _layout(file: IO[bytes]) -> dict[str, str]:
    """Return the encoding and the separator of a table, by its first line."""
    start = file.read(10_000)
    file.seek(0)
    marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if marked else "utf-8"
    header = start.decode(encoding, "ignore").partition("\n")[0]
    return {"encoding": encoding, "sep": max(",;\t", key=header.count)}


def parse_pixels(text: str, side: int, where: str) -> np.ndarray:
    """Turn one cell of pixels into a picture `(side, side) uint8`.

    It holds whole numbers from 0 to 255, separated by spaces, row after row. `where` names the cell
    in a complaint, for instance ``"Row 3 of fer2013.csv"``.
    """
    with warnings.catch_warnings():
        # NumPy only warns where text is no number, and keeps what it read so far.
        warnings.simplefilter("error", DeprecationWarning)
        with contextlib.suppress(ValueError, DeprecationWarning, OverflowError):
            values = np.fromstring(text, dtype=np.int64, sep=" ")
            if values.size == side * side and values.min() >= 0 and values.max() <= 255:
                return values.astype(np.uint8).reshape(side, side)
    fault = f"{len(text.split()):,} pixels, where {side} × {side} = {side * side:,} are needed"
    for position, token in enumerate(text.split(), start=1):
        if not (token.isdecimal() and len(token) <= 20 and int(token) <= 255):
            token = token if len(token) <= 20 else f"{token[:20]}…"
            fault = f"{token!r} as pixel {position}, where a whole number from 0 to 255 is needed"
            break
    raise DataError(f"{where} has {fault}; mend or remove that row.")


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

    Raises DataError if an array is missing, of another shape, or cannot be its dtype without loss;
    or the file is damaged or holds pickled objects.
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


def cached(kind: str, source: Path, build: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that `build` makes of a file, from the cache when it holds them undamaged.

    `kind` says what they are, for instance ``"emotions"``. The cache goes by the content of the
    file, so that arrays of a changed one are never taken.
    """
    path = settings.CACHE / "parsed" / f"{kind}-{_FORMAT}-{file_sha256(source)[:32]}.npz"
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
