"""Reading an `.npz` that claims to follow the course's contract, field by field."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data.records import DataError

# What reading a damaged `.npz` may raise.
ARCHIVE_PROBLEMS = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Field:
    """One array of a contract.

    Attributes
    ----------
    name : str
    row_shape : tuple of int or None
        Shape without the first axis; None stands for any length.
    kind : str
        ``uint8``, ``float32``, ``int`` or ``str``.
    optional : bool
    per_row : bool
        False for an array whose length is not the number of rows.
    """

    name: str
    row_shape: tuple[int | None, ...]
    kind: str
    optional: bool = False
    per_row: bool = True


def is_made_set(path: Path) -> bool:
    """Say whether an `.npz` is a set of made faces, as `data make` writes it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "jpeg.npy" in archive.namelist()
    except ARCHIVE_PROBLEMS:
        return False


def read_archive(path: Path, contract: tuple[Field, ...]) -> dict[str, np.ndarray]:
    """Read an `.npz` and check it.

    Parameters
    ----------
    path : Path
    contract : tuple of Field
        What it may hold; the first field tells the number of rows. A missing ``split`` becomes all
        ``"all"``.

    Returns
    -------
    dict of str to array
        The fields that are there, each of the kind the contract names.

    Raises
    ------
    DataError
        If a field is missing, of the wrong shape or kind, or the file is damaged or holds pickled
        objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            # Fields the contract does not name are never read: they may be pickles.
            found = {f.name: archive[f.name] for f in contract if f.name in archive}
    except ARCHIVE_PROBLEMS as problem:
        raise DataError(
            f"{path} cannot be read as .npz ({problem}); save it again with numpy.savez."
        ) from None
    lacking = [f.name for f in contract if not f.optional and f.name not in found]
    if lacking:
        raise DataError(f"{path} lacks the array(s) {', '.join(lacking)}.")
    arrays = {f.name: _checked(path, f, found[f.name]) for f in contract if f.name in found}
    n = len(arrays[contract[0].name])
    if n == 0:
        raise DataError(f"{path} holds no rows.")
    for f in contract:
        if f.per_row and f.name in arrays and len(arrays[f.name]) != n:
            raise DataError(
                f"{path} has {len(arrays[f.name])} {f.name} for {n} {contract[0].name}."
            )
    return {"split": np.full(n, "all"), **arrays}


def _checked(path: Path, field: Field, array: np.ndarray) -> np.ndarray:
    lengths = zip(field.row_shape, array.shape[1:], strict=False)
    fits = array.ndim == 1 + len(field.row_shape) and all(w in (None, got) for w, got in lengths)
    if not fits:
        wanted = ", ".join(("n", *("k" if s is None else str(s) for s in field.row_shape)))
        raise DataError(f"{field.name} in {path} has shape {array.shape}; it must be ({wanted}).")
    if field.kind == "str":
        if array.dtype.kind != "U":
            raise DataError(f"{field.name} in {path} is {array.dtype}; it must hold text.")
        return array
    if array.dtype.kind not in "iuf":
        raise DataError(f"{field.name} in {path} is {array.dtype}; it must hold numbers.")
    return array.astype(np.float32) if field.kind == "float32" else _whole(path, field, array)


def _whole(path: Path, field: Field, array: np.ndarray) -> np.ndarray:
    dtype = np.dtype(np.uint8 if field.kind == "uint8" else np.int64)
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        exact = (array == np.round(array)) & (array >= limits.min) & (array <= limits.max)
    if not exact.all():
        value = array[~exact].flat[0]
        raise DataError(
            f"{field.name} in {path} is {array.dtype} with values such as {value:g}; "
            f"it must hold whole numbers{' from 0 to 255' if dtype == np.uint8 else ''}."
        )
    return array.astype(dtype)
