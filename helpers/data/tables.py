"""Reading tables of pictures: a CSV, compressed or not, in chunks, and the pixels in its cells.

Memory holds the pictures and never all of the text, and every complaint names its row.
"""

import contextlib
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from helpers.data.archives import ARCHIVE_PROBLEMS
from helpers.data.records import DataError

if TYPE_CHECKING:
    import pandas as pd

TABLE_SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".csv.zip", ".csv.bz2", ".zip")
_ROWS = 1_000  # of FER-2013 they are 8 MB of text


def find_table(folder: Path, *stems: str) -> Path | None:
    """Return the first of ``stem.csv``, ``stem.csv.gz``, … ``stem.zip`` in `folder`, else None."""
    candidates = (folder / f"{stem}{suffix}" for stem in stems for suffix in TABLE_SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def read_table(path: Path) -> Iterator["pd.DataFrame"]:
    """Read a CSV, or one compressed as ``.gz``, ``.xz``, ``.bz2`` or ``.zip``, a part at a time.

    Yields
    ------
    DataFrame of str
        Columns without surrounding spaces; the index is the number of the row, 1 for the first
        below the header. A row that is too short ends in empty cells.

    Raises
    ------
    DataError
        If the file is no table, empty, cut or damaged, or a row has more cells than the header.
    """
    import pandas as pd

    if not path.name.lower().endswith(TABLE_SUFFIXES):
        raise DataError(f"{path} is no table; give a .csv (or .gz, .xz, .bz2, .zip).")
    text = {"dtype": str, "keep_default_na": False}
    try:
        with _open(path) as source, pd.read_csv(source, chunksize=_ROWS, **text) as chunks:
            for chunk in chunks:
                if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes it for names of rows
                    raise DataError(f"Row 1 of {path} has more cells than the header.")
                if chunk.empty:
                    raise DataError(f"{path} has a header and no rows; copy or download it again.")
                chunk.columns = chunk.columns.str.strip()
                chunk.index += 1
                yield chunk
    except DataError:
        raise
    except ARCHIVE_PROBLEMS as problem:
        # pandas names the line where a row has more cells than the header.
        if longer := re.search(r"Expected \d+ fields in line \d+, saw \d+", str(problem)):
            raise DataError(f"{path}: {longer[0]}; mend or remove that line.") from None
        fault = f"cannot be read to its end ({problem}); it looks cut or damaged"
        empty = isinstance(problem, pd.errors.EmptyDataError)
        raise DataError(
            f"{path} {'is empty' if empty else fault}: copy or download it again."
        ) from None


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Path | IO[bytes]]:
    """Give what pandas reads by itself, and of a zip its one CSV beside what macOS puts there."""
    if path.suffix.lower() != ".zip":
        yield path
        return
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.endswith(".csv") and "__MACOSX" not in n]
        if len(names) != 1:
            raise DataError(f"{path} holds {len(names)} CSV files; unpack it and name one of them.")
        with archive.open(names[0]) as file:
            yield file


def parse_pixels(text: str, side: int, where: str) -> np.ndarray:
    """Turn one cell of pixels into a picture `(side, side) uint8`.

    It holds whole numbers from 0 to 255, separated by spaces, row after row. `where` names the cell
    in a complaint, for instance ``"Row 3 of fer2013.csv"``.
    """
    with warnings.catch_warnings():
        # NumPy only warns where text is no number, and keeps what it read so far.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            values = np.fromstring(text, dtype=np.int64, sep=" ")
        except (ValueError, DeprecationWarning, OverflowError):
            values = np.empty(0, np.int64)
    if values.size == side * side and values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8).reshape(side, side)
    fault = f"{len(text.split()):,} pixels, where {side} × {side} = {side * side:,} are needed"
    for position, token in enumerate(text.split(), start=1):
        if not (token.isdecimal() and int(token) <= 255):
            fault = f"{token!r} as pixel {position}, where a whole number from 0 to 255 is needed"
            break
    raise DataError(f"{where} has {fault}; mend or remove that row.")
