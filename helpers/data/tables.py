"""Reading tables of pictures: a CSV, compressed or not, row by row, and the pixels in its cells.

Rows are streamed, so that memory holds the pictures and never the text, and every complaint names
its row.
"""

import bz2
import csv
import gzip
import io
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from helpers.data.records import DataError

_OPENERS = {".csv": open, ".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
TABLE_SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".csv.zip", ".csv.bz2", ".zip")
_DAMAGE = (
    EOFError,
    OSError,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    csv.Error,
    UnicodeDecodeError,
)


def find_table(folder: Path, *stems: str) -> Path | None:
    """Return the first of ``stem.csv``, ``stem.csv.gz``, … ``stem.zip`` in `folder`, else None."""
    candidates = (folder / f"{stem}{suffix}" for stem in stems for suffix in TABLE_SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def is_table(path: Path) -> bool:
    """Say whether the name of `path` ends like a table that `open_table` reads."""
    return path.name.lower().endswith(TABLE_SUFFIXES)


@contextmanager
def open_table(path: Path) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a CSV for one pass.

    Parameters
    ----------
    path : Path
        A ``.csv``, or one compressed as ``.gz``, ``.xz``, ``.bz2`` or ``.zip`` (one CSV in it).

    Yields
    ------
    columns : list of str
        The header, without surrounding spaces.
    rows : iterator of (int, list of str)
        Row number (1 is the first row under the header) and its cells.

    Raises
    ------
    DataError
        If the file is empty, cut, damaged, or a row has too few or too many cells.
    """
    try:
        with (
            _open_binary(path) as binary,
            io.TextIOWrapper(binary, "utf-8-sig", newline="") as text,
        ):
            reader = csv.reader(text)
            header = next(reader, None)
            if not header:
                raise DataError(f"{path} is empty; copy or download it again.")
            yield [cell.strip() for cell in header], _numbered(path, reader, len(header))
    except _DAMAGE as problem:
        raise DataError(
            f"{path} cannot be read to its end ({problem}); it looks cut or damaged: "
            "copy or download it again."
        ) from problem


@contextmanager
def _open_binary(path: Path) -> Iterator[io.BufferedIOBase]:
    if path.suffix.lower() != ".zip":
        with _OPENERS[path.suffix.lower()](path, "rb") as binary:
            yield binary
        return
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.endswith(".csv") and "__MACOSX" not in n]
        if len(names) != 1:
            raise DataError(f"{path} holds {len(names)} CSV files; unpack it and name one of them.")
        with archive.open(names[0]) as binary:
            yield binary


def _numbered(
    path: Path, reader: Iterator[list[str]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for number, cells in enumerate(filter(None, reader), start=1):
        if len(cells) != width:
            raise DataError(
                f"Row {number} of {path} has {len(cells)} cells where the header has {width}; "
                "mend or remove that row."
            )
        yield number, cells


def parse_pixels(text: str, side: int, where: str) -> np.ndarray:
    """Turn one cell of pixels into a picture.

    Parameters
    ----------
    text : str
        ``side * side`` whole numbers from 0 to 255, separated by spaces, row after row.
    side : int
        Width and height of the picture, pixels.
    where : str
        How to name the cell in a complaint, for instance ``"Row 3 of fer2013.csv"``.

    Returns
    -------
    (side, side) uint8
    """
    with warnings.catch_warnings():
        # NumPy only warns where text is no number, and keeps what it read so far.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            values = np.fromstring(text, dtype=np.int64, sep=" ")
        except (ValueError, DeprecationWarning, OverflowError):
            values = np.empty(0, np.int64)
    if values.size != side * side or values.min() < 0 or values.max() > 255:
        raise DataError(f"{where} {_fault(text.split(), side)}; mend or remove that row.")
    return values.astype(np.uint8).reshape(side, side)


def _fault(tokens: list[str], side: int) -> str:
    for position, token in enumerate(tokens, start=1):
        if not (token.isdecimal() and int(token) <= 255):
            return (
                f"has {token!r} as pixel {position}, where a whole number from 0 to 255 is needed"
            )
    return f"has {len(tokens):,} pixels, where {side} × {side} = {side * side:,} are needed"
