"""Faces with the action units that they show: made faces, CK+ as a tree or a table, archives."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.data import parsing
from helpers.data.ckplus import read_peaks
from helpers.data.folders import CLASS_OF, read_grey
from helpers.data.made import MadeSet, load_set
from helpers.data.records import EMOTIONS, DataError, Record
from helpers.data.sources import locate
from helpers.images import resize_square
from reading_faces.made_faces.expression import PRESENT_FROM, UNIT_NAMES

_SIDE = 96
# CK+ intensities go from 1 (a trace) to 5 (as strong as it gets); its older codes write a to e.
_STRONGEST = 5
_LETTERS = "abcde"
# What is cut out of the pictures beside a table of units: left, top and side, as shares of their
# side. These are medians over 239 of the squares that `crop.FRAMINGS` cuts for action units with
# MTCNN, the same for pictures of 200 and of 48 pixels.
_SQUARE = np.array([0.04, 0.025, 0.92])


@dataclass(frozen=True)
class ActionUnitData(Record):
    """Faces with the action units that they show.

    Attributes
    ----------
    images : (n, 96, 96) uint8
    action_units : (n, k) int8, 1 where a unit is present, on either side of the face
    unit_names : k names, ``AU1`` and so on, by number
    intensities : (n, k) float32, 0 to 1; NaN where a unit is present and it is not known how strong
    emotions : (n,) str, empty where it is not known
    subjects : (n,) str
    """

    images: np.ndarray
    action_units: np.ndarray
    unit_names: tuple[str, ...]
    intensities: np.ndarray
    emotions: np.ndarray
    split: np.ndarray
    subjects: np.ndarray
    source: str = ""

    def among_units(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return presence and intensity of other units, matched by name; NaN: nobody coded it.

        Both are `(n, len(names)) float32`. AU27, the stretched mouth, is AU26 taken further and
        coded in its place: where it is, AU26 is neither there nor absent.
        """
        both = np.full((2, len(self), len(names)), np.nan, np.float32)
        for column, name in enumerate(names):
            if name in self.unit_names:
                unit = self.unit_names.index(name)
                both[:, :, column] = self.action_units[:, unit], self.intensities[:, unit]
        if "AU26" in names and "AU27" in self.unit_names:
            stretched = self.action_units[:, self.unit_names.index("AU27")] == 1
            both[:, stretched, list(names).index("AU26")] = np.nan
        return both[0], both[1]


class NoActionUnits(DataError):
    """A source that may have emotions, and has no action units."""


def load_action_units(source: str | Path = "made") -> ActionUnitData:
    """Load faces with the facial action units that they show.

    The source is ``"made"``; ``"ckplus-action-units"``: peaks and neutral first frames with CK+'s
    table of units (`ckplus_au.csv`); ``"ckplus"`` where it is the official tree with FACS files; or
    a path to a folder in either form, to a set that `data make` wrote, or to an `.npz` with the
    fields of `ActionUnitData`. Raises DataError if the source is missing, malformed, or knows no
    action units.
    """
    path = locate(source, "action units")
    if path.is_dir():
        table = parsing.find_table(path, "ckplus_au")
        return _from_table(table, str(source)) if table else _from_ckplus_tree(path, str(source))
    if parsing.is_made_set(path):
        return of_made_faces(load_set(path), str(source))
    return _from_archive(path, str(source))


def of_made_faces(faces: MadeSet, source: str = "made") -> ActionUnitData:
    """Return the action units of a set of made faces."""
    # Each unit has an intensity for the left and the right side of the face.
    intensities = faces.action_units.max(axis=2)
    return ActionUnitData(
        faces.images,
        (intensities >= PRESENT_FROM).astype(np.int8),
        UNIT_NAMES,
        intensities,
        np.array(EMOTIONS)[faces.emotions],
        faces.split,
        faces.subjects,
        source,
    )


def _from_ckplus_tree(folder: Path, source: str) -> ActionUnitData:
    peaks = [peak for peak in read_peaks(folder) if peak.units is not None]
    if not peaks:
        raise NoActionUnits(
            f"{source} has no action units; only ckplus-action-units, the official CK+ tree with "
            "FACS/S…/…/…_facs.txt, made faces and .npz archives bring them."
        )
    units = sorted({unit for peak in peaks for unit in peak.units})
    rows = [(peak.face(_SIDE), peak.units, peak.subject, peak.emotion or "") for peak in peaks]
    return _of_codes(*zip(*rows, strict=True), units, source)


def _from_table(table: Path, source: str) -> ActionUnitData:
    """Join the units of sequences with the pictures that the tables `faces….csv` beside it name.

    First frames are neutral, and show no unit. A peak whose sequence nobody coded is left out.
    """
    units, codes = _read_codes(table)
    columns, rows = ["file", "subject", "sequence", "emotion", "is_peak"], []
    for path in sorted(table.parent.glob("faces*.csv")):
        for chunk in parsing.read_table(path, columns):
            for file, subject, sequence, emotion, peak in chunk[columns].to_numpy():
                shown = codes.get(sequence) if peak == "1" else {}
                if shown is not None:
                    face = _cut(table.parent / file)
                    rows.append((face, shown, subject, CLASS_OF.get(emotion, emotion)))
    if not rows:
        raise DataError(f"{table} has no pictures: put faces200.csv and faces200/ beside it.")
    return _of_codes(*zip(*rows, strict=True), units, source)


def _read_codes(table: Path) -> tuple[list[int], dict[str, dict[int, float]]]:
    """Read which units are coded, and those of each sequence with intensity, as `Peak` has them."""
    units, codes = [], {}
    for chunk in parsing.read_table(table, needed=("sequence", "ck_facs_code")):
        names = [name for name in chunk if re.fullmatch(r"AU\d+", name)]
        units = [int(name[2:]) for name in names]
        rows = chunk[["sequence", "ck_facs_code", *names]].to_numpy()
        for row, (sequence, code, *marks) in zip(chunk.index, rows, strict=True):
            if not set(marks) <= {"0", "1"}:
                raise DataError(f"Row {row} of {table} has a unit that is neither 0 nor 1.")
            known = {int(u): _LETTERS.index(c) + 1 for u, c in re.findall(r"(\d+)([a-e])", code)}
            there = [unit for unit, mark in zip(units, marks, strict=True) if mark == "1"]
            codes[sequence] = {unit: known.get(unit, 0) for unit in there}
    return units, codes


def _cut(path: Path) -> np.ndarray:
    grey = read_grey(path)
    left, top, side = np.round(_SQUARE * min(grey.shape)).astype(int)
    return resize_square(grey[top : top + side, left : left + side], _SIDE)


def _of_codes(images, codes, subjects, emotions, units: list[int], source: str) -> ActionUnitData:
    """Make a record of faces with the units that coders saw: intensity 1 to 5 by number.

    0 says that a unit is there, and nothing of how strong it is.
    """
    coded = [[shown.get(unit, -1) for unit in units] for shown in codes]
    intensities = np.array(coded, np.float32) / _STRONGEST
    intensities = np.where(intensities == 0, np.nan, intensities.clip(0))
    return ActionUnitData(
        np.stack(images),
        (intensities != 0).astype(np.int8),
        tuple(f"AU{unit}" for unit in units),
        intensities,
        np.array(emotions),
        np.full(len(images), "all"),
        np.array(subjects),
        source,
    )


def _from_archive(path: Path, source: str) -> ActionUnitData:
    arrays = parsing.read_archive(
        path,
        needed={"images": (np.uint8, _SIDE, _SIDE), "action_units": (np.int8, None)},
        optional={"intensities": (np.float32, None)}
        | dict.fromkeys(("emotions", "subjects", "split"), (str,)),
        names="unit_names",
    )
    units, names = arrays["action_units"], arrays.get("unit_names", ())
    if len(names) != units.shape[1]:
        raise DataError(f"{path} has {len(names)} unit_names for {units.shape[1]} action_units.")
    if not np.isin(units, (0, 1)).all():
        raise DataError(f"action_units in {path} must be 0 or 1; found {units.max()}.")
    if arrays.get("intensities", units).shape != units.shape:
        raise DataError(f"{path} has intensities of other units than its action_units.")
    absent = {
        "intensities": np.where(units == 1, np.nan, 0).astype(np.float32),
        "emotions": np.full(len(units), ""),
        # Nobody said who is who, so each picture is taken for somebody else.
        "subjects": np.arange(len(units)).astype(str),
    }
    return ActionUnitData(**(absent | arrays), source=source)
