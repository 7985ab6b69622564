"""Faces with the action units that they show: made faces, the official CK+ tree, archives."""

from pathlib import Path

import numpy as np

from helpers.data import parsing
from helpers.data.ckplus import read_peaks
from helpers.data.made import MadeSet, load_set
from helpers.data.records import EMOTIONS, PRESENT_FROM, UNIT_NAMES, ActionUnitData, DataError
from helpers.data.sources import locate

_SIDE = 96
# CK+ intensities go from 1 (a trace) to 5 (as strong as it gets).
_STRONGEST = 5


class NoActionUnits(DataError):
    """A source that may have emotions, and has no action units."""


def load_action_units(source: str | Path = "made") -> ActionUnitData:
    """Load faces with the facial action units that they show.

    The source is ``"made"``; ``"ckplus"`` where it is the official tree with FACS files; or a path
    to such a tree, to a set that `data make` wrote, or to an `.npz` with the fields of
    `ActionUnitData`.

    Raises
    ------
    DataError
        If the source is missing, malformed, or knows no action units.
    """
    path = locate(source, "action units")
    if path.is_dir():
        return _from_ckplus_tree(path, str(source))
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
            f"{source} has no action units; only the official CK+ tree with FACS/S…/…/…_facs.txt, "
            "made faces and .npz archives bring them."
        )
    units = sorted({unit for peak in peaks for unit in peak.units})
    # 0 says that a unit is there, and nothing of how strong it is.
    coded = [[peak.units.get(unit, -1) for unit in units] for peak in peaks]
    intensities = np.array(coded, np.float32) / _STRONGEST
    intensities = np.where(intensities == 0, np.nan, intensities.clip(0))
    return ActionUnitData(
        np.stack([peak.face(_SIDE) for peak in peaks]),
        (intensities != 0).astype(np.int8),
        tuple(f"AU{unit}" for unit in units),
        intensities,
        np.array([peak.emotion or "" for peak in peaks]),
        np.full(len(peaks), "all"),
        np.array([peak.subject for peak in peaks]),
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
