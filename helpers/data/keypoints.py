"""Faces with marked points: Kaggle's `training.csv`, an `.npz`, or the made faces."""

import textwrap
from pathlib import Path

import numpy as np

from helpers.data import parsing
from helpers.data.made import load_set
from helpers.data.records import KEYPOINT_COLUMNS, DataError, KeypointData
from helpers.data.sources import locate
from helpers.data.splits import near_duplicate_groups, split_by_group

_SIDE = 96
_FARTHEST_PX = (-96, 192)
_KNOWN_NAME = "facial-keypoints"
_FOUR_POINTS = (0, 1, 10, 14)  # eye centres, nose tip, lower lip


def load_keypoints(source: str | Path = "made") -> KeypointData:
    """Load faces with 15 marked points.

    The source is ``"made"``; ``"facial-keypoints"``, which is split 80/10/10 once and for all,
    near-duplicate pictures on one side; or a path to Kaggle's `training.csv` (compressed or not),
    to a folder that holds it, or to an `.npz`, for instance one that `data make` wrote. A table
    named by path has no split of its own: all its rows are ``"all"``.

    Raises
    ------
    DataError
        If the source is missing or malformed.
    """
    path = _find(source, "training")
    if path.suffix == ".npz":
        return _from_archive(path, str(source))
    arrays = parsing.cached("keypoints", path, lambda: _read_table(path))
    split = np.full(len(arrays["images"]), "all")
    if source == _KNOWN_NAME:
        same = parsing.cached(
            "same-photo", path, lambda: {"groups": near_duplicate_groups(**arrays)}
        )
        split = split_by_group(same["groups"])
    return KeypointData(**arrays, split=split, source=str(source))


def kaggle_coordinates(source: str | Path = _KNOWN_NAME) -> np.ndarray:
    """Load the coordinates of Kaggle's 7,049 faces, without the pictures.

    They are in ``kaggle_coordinates.csv`` or ``training.csv`` of a folder, or in a table that is
    named itself.

    Returns
    -------
    (n, 15, 2) float32
        Pixels of a 96 × 96 picture; NaN where nobody marked the point.

    Raises
    ------
    DataError
        If there is no such table or it is malformed.
    """
    return _read_table(_find(source, "kaggle_coordinates", "training"), False)["keypoints"]


def _find(source: str | Path, *tables: str) -> Path:
    """Return the file of a source; of a folder, the first of these tables that it holds."""
    path = locate(source, "keypoints", "made", _KNOWN_NAME)
    if path.is_dir() and not (table := parsing.find_table(path, *tables)):
        raise DataError(f"{path} holds no training.csv (or .gz, .xz, .zip); name the table itself.")
    return table if path.is_dir() else path


def _from_archive(path: Path, source: str) -> KeypointData:
    if parsing.is_made_set(path):
        made = load_set(path)
        if source == "made":  # labelled as Kaggle's faces are, half of them with four points only
            sparse = np.random.default_rng(0).random(len(made)) < 0.5
            others = [point for point in range(15) if point not in _FOUR_POINTS]
            made.keypoints[np.ix_(sparse, others)] = np.nan
        return KeypointData(made.images, made.keypoints, made.split, made.subjects, source)
    arrays = parsing.read_archive(
        path,
        needed={"images": (np.uint8, _SIDE, _SIDE), "keypoints": (np.float32, 15, 2)},
        optional={"split": (str,), "subjects": (str,)},
    )
    if np.isinf(arrays["keypoints"]).any():
        raise DataError(f"{path} has infinite keypoints; use NaN for a point that is not labelled.")
    return KeypointData(**arrays, source=source)


def _read_table(path: Path, with_images: bool = True) -> dict[str, np.ndarray]:
    """Read keypoints (n, 15, 2) float32 and, if asked for, images (n, 96, 96) uint8."""
    images, keypoints = [], []
    for chunk in parsing.read_table(path):
        _check_columns(path, list(chunk), with_images)
        for row, cells in zip(chunk.index, chunk[[*KEYPOINT_COLUMNS]].to_numpy(), strict=True):
            keypoints.append(_parse_points(cells, f"Row {row} of {path}"))
        for row, cell in chunk["Image"].items() if with_images else ():
            images.append(parsing.parse_pixels(cell, _SIDE, f"Row {row} of {path}"))
    return {"keypoints": np.stack(keypoints)} | ({"images": np.stack(images)} if images else {})


def _check_columns(path: Path, columns: list[str], with_images: bool) -> None:
    if set(columns) == {"ImageId", "Image"}:
        raise DataError(
            f"{path} has pictures and no coordinates (it is Kaggle's test.csv); use training.csv."
        )
    wanted = [*KEYPOINT_COLUMNS, *(["Image"] if with_images else [])]
    lacking = [name for name in wanted if name not in columns]
    unknown = [name for name in columns if name not in (*KEYPOINT_COLUMNS, "Image")]
    if lacking or unknown:
        raise DataError(
            f"{path} {'lacks' if lacking else 'has unknown'} column(s) "
            f"{', '.join(lacking or unknown)}; Kaggle's training.csv has 30 coordinates and Image."
        )


def _parse_points(cells: np.ndarray, where: str) -> np.ndarray:
    """Turn 30 cells into (15, 2) float32 points, NaN where they are empty."""
    try:
        values = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError as problem:
        fault = textwrap.shorten(str(problem), 80)  # it may quote all pixels, where cells are lost
        raise DataError(f"{where} has a coordinate that is no number ({fault}).") from None
    lowest, highest = _FARTHEST_PX
    for name, value in zip(KEYPOINT_COLUMNS, values, strict=True):
        if value < lowest or value > highest:
            raise DataError(
                f"{where} has {name} = {value:g} px, far outside its 96 × 96 picture; "
                "mend or remove that row."
            )
    points = values.astype(np.float32).reshape(15, 2)
    half = np.isnan(points).sum(axis=1) == 1
    if half.any():
        name = KEYPOINT_COLUMNS[2 * int(np.argmax(half))][:-2]
        raise DataError(f"{where} has only one of x and y of {name}; give both or neither.")
    return points
