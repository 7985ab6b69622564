"""Faces with marked points: Kaggle's `training.csv`, an `.npz`, or the made faces."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from helpers.data.archives import Field, is_made_set, read_archive
from helpers.data.cache import cached, file_sha256
from helpers.data.duplicates import near_duplicate_groups
from helpers.data.made import load_set
from helpers.data.records import KEYPOINT_COLUMNS, DataError, KeypointData
from helpers.data.sources import KNOWN, existing_path, known_folder, missing
from helpers.data.splits import split_by_group
from helpers.data.tables import find_table, is_table, open_table, parse_pixels

_SIDE = 96
_FARTHEST_PX = (-96, 192)
_KNOWN_NAME = "facial-keypoints"
_FOUR_POINTS = (0, 1, 10, 14)  # eye centres, nose tip, lower lip
_FIELDS = (
    Field("images", (_SIDE, _SIDE), "uint8"),
    Field("keypoints", (15, 2), "float32"),
    Field("split", (), "str", optional=True),
    Field("subjects", (), "str", optional=True),
)


def load_keypoints(source: str | Path = "made") -> KeypointData:
    """Load faces with 15 marked points.

    Parameters
    ----------
    source : str or Path
        ``"made"``; ``"facial-keypoints"``, which is split 80/10/10 once and for all, near-duplicate
        pictures on one side; or a path to Kaggle's `training.csv` (compressed or not), to a folder
        that holds it, or to an `.npz`, for instance one that `data make` wrote. A table named by
        path has no split of its own: all its rows are ``"all"``.

    Returns
    -------
    KeypointData

    Raises
    ------
    DataError
        If the source is missing or malformed.
    """
    if source == "made":
        return _made()
    if source == _KNOWN_NAME:
        return _known()
    if source in KNOWN:
        raise DataError(
            f"{source} has no keypoints; the known set with keypoints is {_KNOWN_NAME}."
        )
    path = existing_path(source)
    if path.is_dir():
        path = _training_table(path) or _no_table(path)
    if path.suffix == ".npz":
        return _from_archive(path)
    arrays = _cached_table(path, file_sha256(path))
    return KeypointData(**arrays, split=np.full(len(arrays["images"]), "all"), source=str(source))


def kaggle_coordinates(source: str | Path = _KNOWN_NAME) -> np.ndarray:
    """Load the coordinates of Kaggle's 7,049 faces, without the pictures.

    Parameters
    ----------
    source : str or Path
        The known name, or a path to a table with the 30 columns or to a folder with
        ``kaggle_coordinates.csv`` or ``training.csv``.

    Returns
    -------
    (n, 15, 2) float32
        Pixels of a 96 × 96 picture; NaN where nobody marked the point.

    Raises
    ------
    DataError
        If there is no such table or it is malformed.
    """
    path = known_folder(source) if source in KNOWN else existing_path(source)
    if path.is_dir():
        path = find_table(path, "kaggle_coordinates", "training") or _no_table(path)
    rows = [points for _, points, _ in _table_rows(path, with_images=False)]
    return np.stack(rows)


def _made() -> KeypointData:
    """Return the made faces that ship, labelled as Kaggle's are: half with four points only."""
    faces = load_set()
    keypoints = faces.keypoints.copy()
    sparse = np.random.default_rng(0).random(len(faces)) < 0.5
    keypoints[np.ix_(sparse, [i for i in range(15) if i not in _FOUR_POINTS])] = np.nan
    return KeypointData(faces.images, keypoints, faces.split, faces.subjects, source="made")


def _known() -> KeypointData:
    path = _training_table(known_folder(_KNOWN_NAME))
    if path is None:
        raise missing(_KNOWN_NAME)
    digest = file_sha256(path)
    arrays = _cached_table(path, digest)
    groups = cached("same-photo", digest, lambda: {"groups": near_duplicate_groups(**arrays)})
    return KeypointData(**arrays, split=split_by_group(groups["groups"]), source=_KNOWN_NAME)


def _training_table(folder: Path) -> Path | None:
    return find_table(folder, "training")


def _no_table(folder: Path) -> Path:
    raise DataError(f"{folder} holds no training.csv (or .gz, .xz, .zip); name the table itself.")


def _from_archive(path: Path) -> KeypointData:
    if is_made_set(path):
        faces = load_set(path)
        return KeypointData(
            faces.images, faces.keypoints, faces.split, faces.subjects, source=str(path)
        )
    arrays = read_archive(path, _FIELDS)
    if np.isinf(arrays["keypoints"]).any():
        raise DataError(f"{path} has infinite keypoints; use NaN for a point that is not labelled.")
    return KeypointData(**arrays, source=str(path))


def _cached_table(path: Path, digest: str) -> dict[str, np.ndarray]:
    return cached("keypoints", digest, lambda: _read_table(path))


def _read_table(path: Path) -> dict[str, np.ndarray]:
    images, keypoints = [], []
    for number, points, pixels in _table_rows(path, with_images=True):
        images.append(parse_pixels(pixels, _SIDE, f"Row {number} of {path}"))
        keypoints.append(points)
    return {"images": np.stack(images), "keypoints": np.stack(keypoints)}


def _table_rows(path: Path, *, with_images: bool) -> Iterator[tuple[int, np.ndarray, str]]:
    """Yield row number, (15, 2) float32 points and the text of `Image` of each row."""
    if not is_table(path):
        raise DataError(f"{path} is no table; give a .csv (or .gz, .xz, .bz2, .zip) or an .npz.")
    number = 0
    with open_table(path) as (columns, rows):
        _check_columns(path, columns, with_images)
        order = [columns.index(name) for name in KEYPOINT_COLUMNS]
        image = columns.index("Image") if "Image" in columns else None
        for number, cells in rows:
            points = _parse_points([cells[i] for i in order], f"Row {number} of {path}")
            yield number, points, cells[image] if image is not None else ""
    if number == 0:
        raise DataError(f"{path} has a header and no rows; copy or download it again.")


def _check_columns(path: Path, columns: list[str], with_images: bool) -> None:
    if set(columns) == {"ImageId", "Image"}:
        raise DataError(
            f"{path} has pictures and no coordinates (it is Kaggle's test.csv); use training.csv."
        )
    wanted = [*KEYPOINT_COLUMNS, *(["Image"] if with_images else [])]
    lacking = [name for name in wanted if name not in columns]
    extra = [name for name in columns if name not in (*KEYPOINT_COLUMNS, "Image")]
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    for fault, names in (("lacks", lacking), ("has unknown", extra), ("repeats", repeated)):
        if names:
            raise DataError(
                f"{path} {fault} column(s) {', '.join(names)}; "
                "Kaggle's training.csv has 30 coordinates and Image."
            )


def _parse_points(cells: list[str], where: str) -> np.ndarray:
    try:
        values = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError as problem:
        raise DataError(f"{where} has a coordinate that is no number ({problem}).") from None
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
