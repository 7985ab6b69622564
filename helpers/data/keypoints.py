"""Faces with marked points: Kaggle's `training.csv`, video frames, an `.npz`, or the made faces."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from helpers.crop import Framing, crop_faces
from helpers.data import parsing
from helpers.data.folders import read_grey
from helpers.data.made import load_set
from helpers.data.records import KEYPOINT_COLUMNS, DataError, KeypointData
from helpers.data.sources import locate
from helpers.data.splits import near_duplicate_groups, split_by_group, split_by_name

_SIDE = 96
_LOWEST_PX, _HIGHEST_PX = -96, 192
_KNOWN_NAME, _FRAMES_NAME = "facial-keypoints", "youtube-faces"
_FOUR_POINTS = (0, 1, 10, 14)  # eye centres, nose tip, lower lip
# Of 68 points, counted from 0, those whose mean is each of ours.
OF_68 = (
    *(range(42, 48), range(36, 42)),
    *([n] for n in (42, 45, 39, 36, 22, 26, 21, 17, 30, 54, 48, 51, 57)),
)
# How 2,250 of Kaggle's faces are cut around the middle of eyes and mouth, by the median; the unit
# is √(a² + b²) of the distances a between the eyes, and b from their middle to the mouth's.
_FRAMING = Framing(side=1.79, down=-0.166)


def load_keypoints(source: str | Path = "made") -> KeypointData:
    """Load faces with 15 marked points.

    The source is ``"made"``; ``"facial-keypoints"``, which is split 80/10/10 once and for all,
    near-duplicate pictures on one side; ``"youtube-faces"``, frames with 68 points as Udacity
    publishes them, of which ours are taken, with each person on one side; or a path to Kaggle's
    `training.csv` (compressed or not), to a folder that holds it or such frames, or to an `.npz`,
    for instance one that `data make` wrote. A table or folder named by path has no split of its
    own: all its rows are ``"all"``.

    Raises
    ------
    DataError
        If the source is missing or malformed.
    """
    path = locate(source, "keypoints", "made", _KNOWN_NAME, _FRAMES_NAME)
    if tables := sorted(path.glob("*frames_keypoints.csv")):
        return _from_frames(tables, source)
    path = _table_in(path, "training")
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
    path = locate(source, "coordinates of Kaggle's faces", _KNOWN_NAME)
    return _read_table(_table_in(path, "kaggle_coordinates", "training"), False)["keypoints"]


def _table_in(path: Path, *tables: str) -> Path:
    """Return a file as it is; of a folder, the first of these tables that it holds."""
    if path.is_dir() and not (table := parsing.find_table(path, *tables)):
        raise DataError(
            f"{path} holds no training.csv (or .gz, .xz, .zip), nor frames_keypoints.csv with "
            "frames; name the table itself."
        )
    return table if path.is_dir() else path


def _from_frames(tables: list[Path], source: str | Path) -> KeypointData:
    """Read frames with 68 points; each is cut as Kaggle's faces are, around its own points.

    The pictures of ``training_frames_keypoints.csv`` are in the folder ``training`` beside it, and
    so on; the person is the file's name up to its last ``_``.
    """
    faces, names = [], []
    for table in tables:
        folder = table.parent / table.stem.removesuffix("_keypoints").removesuffix("_frames")
        for chunk in parsing.read_table(table):
            if len(chunk.columns) != 137:
                raise DataError(
                    f"{table} has {len(chunk.columns)} columns; needed are 137: the file's name, "
                    "then x and y of 68 points in turn."
                )
            for row, (file, *cells) in zip(chunk.index, chunk.to_numpy(), strict=True):
                where = f"Row {row} of {table}"
                faces.append(_cut(folder / file, _parse_numbers(cells, where), where))
                names.append(file.rpartition("_")[0] or file)
    images, keypoints = map(np.stack, zip(*faces, strict=True))
    known = source == _FRAMES_NAME
    split = np.array([split_by_name(name) if known else "all" for name in names])
    return KeypointData(images, keypoints, split, np.array(names), str(source))


def _cut(file: Path, numbers: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the face of a frame `(96, 96) uint8` and our points in it `(15, 2) float32`."""
    if not np.isfinite(numbers).all():
        raise DataError(f"{where} lacks a coordinate; needed are x and y of 68 points.")
    try:
        frame, marks = read_grey(file), numbers.reshape(68, 2)
    except DataError as problem:
        raise DataError(f"{where} has no picture: {problem}") from None
    points = np.stack([marks[part].mean(axis=0) for part in map(list, OF_68)])
    eyes, mouth = points[:2].mean(axis=0), points[11:13].mean(axis=0)
    middle, across = (eyes + mouth) / 2, points[0] - points[1]
    size = float(np.hypot(*(np.linalg.norm(vector) for vector in (across, mouth - eyes))))
    height, width = frame.shape
    if not (1 <= size <= max(frame.shape) and 0 <= middle[0] < width and 0 <= middle[1] < height):
        raise DataError(
            f"{where} has eyes and mouth around ({middle[0]:.0f}, {middle[1]:.0f}), {size:.0f} px "
            f"apart, in {file.name} of {width} × {height} px; mend or remove that row."
        )
    box = np.array([*(middle + 0.5 - size / 2), size, size])
    (face,), (matrix,) = crop_faces(frame, box, _SIDE, _FRAMING)
    return face, _near(points @ matrix[:, :2].T + matrix[:, 2], where)


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
    if names := lacking or unknown:
        some = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
        raise DataError(
            f"{path} {'lacks' if lacking else 'has unknown'} column(s) {textwrap.shorten(some, 99)}"
            "; Kaggle's training.csv has 30 coordinates and Image."
        )


def _parse_points(cells: np.ndarray, where: str) -> np.ndarray:
    """Turn 30 cells into (15, 2) float32 points, NaN where they are empty."""
    points = _near(_parse_numbers(cells, where).reshape(15, 2), where)
    half = np.isnan(points).sum(axis=1) == 1
    if half.any():
        name = KEYPOINT_COLUMNS[2 * int(np.argmax(half))][:-2]
        raise DataError(f"{where} has only one of x and y of {name}; give both or neither.")
    return points


def _parse_numbers(cells: Sequence[str], where: str) -> np.ndarray:
    """Turn cells into numbers, NaN where they are empty."""
    try:
        return np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError as problem:
        fault = textwrap.shorten(str(problem), 80)  # it may quote all pixels, where cells are lost
        raise DataError(f"{where} has a coordinate that is no number ({fault}).") from None


def _near(points: np.ndarray, where: str) -> np.ndarray:
    """Return points `(15, 2)` as float32, unless one lies far outside its picture."""
    for name, value in zip(KEYPOINT_COLUMNS, points.ravel(), strict=True):
        if value < _LOWEST_PX or value > _HIGHEST_PX:
            raise DataError(
                f"{where} has {name} = {value:g} px, far outside its 96 × 96 picture; "
                "mend or remove that row."
            )
    return points.astype(np.float32)
