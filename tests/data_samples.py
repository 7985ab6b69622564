"""Small files in the public layouts, and a mark for tests that need a real data set."""

import bz2
import gzip
import lzma
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.data import KEYPOINT_COLUMNS

COMPRESSIONS = ("", ".gz", ".xz", ".bz2", ".zip")
REAL = Path(os.environ.get("COURSE_DATA", "nowhere"))


def real(name: str):
    """Mark a test that needs a real data set; where it is absent, the test says that it skips."""
    return pytest.mark.skipif(
        not (REAL / name).is_dir(), reason=f"COURSE_DATA holds no {name}, the real set"
    )


def grey(n: int, side: int, seed: int = 0) -> np.ndarray:
    """Return (n, side, side) uint8 noise."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)


def pixels(image: np.ndarray) -> str:
    return " ".join(map(str, image.ravel().tolist()))


def coordinates(n: int, seed: int = 0) -> np.ndarray:
    """Return (n, 15, 2) float32 positions, pixels, rounded so that text holds them exactly."""
    points = np.random.default_rng(seed).uniform(5, 90, (n, 15, 2))
    return (np.round(points * 8) / 8).astype(np.float32)


def keypoint_rows(images: np.ndarray, keypoints: np.ndarray) -> list[list[str]]:
    """Return header and rows of Kaggle's training.csv, NaN as an empty cell."""
    rows = [[*KEYPOINT_COLUMNS, "Image"]]
    for image, points in zip(images, keypoints, strict=True):
        cells = ["" if np.isnan(v) else repr(float(v)) for v in points.ravel()]
        rows.append([*cells, pixels(image)])
    return rows


def marks_of(points: np.ndarray) -> np.ndarray:
    """Return 68 points (68, 2) of a face with these 15; of an eye, the lids are where they must be.

    They are numbered as usual: jaw 0 to 16, the subject's right brow 17 to 21 from its outer end.
    """
    marks = np.repeat(points.mean(axis=0, keepdims=True), 68, axis=0)
    for first, centre, left, right in ((36, 1, 5, 4), (42, 0, 2, 3)):
        marks[first : first + 6] = (6 * points[centre] - points[left] - points[right]) / 4
        marks[[first, first + 3]] = points[[left, right]]
    marks[[22, 26, 21, 17, 30, 54, 48, 51, 57]] = points[6:]
    return marks


def write_frames(folder: Path, faces: dict[str, np.ndarray], part: str = "", side: int = 120):
    """Write frames with 68 points as Udacity publishes them, and return the table.

    `faces` are the 15 points (15, 2) by the file's name; each frame is black with a white nose tip.
    """
    rows = [["", *map(str, range(136))]]
    for name, points in faces.items():
        frame = np.zeros((side, side, 3), np.uint8)
        x, y = np.rint(points[10]).astype(int)
        frame[y - 1 : y + 2, x - 1 : x + 2] = 255
        write_picture(folder / (part or "frames") / name, frame)
        rows.append([name, *(repr(float(v)) for v in marks_of(points).ravel())])
    return write_table(folder / f"{part}{'_' * bool(part)}frames_keypoints.csv", rows)


def fer_rows(images: np.ndarray, labels: list[int], usage: list[str]) -> list[list[str]]:
    """Return header and rows of fer2013.csv."""
    body = zip(labels, map(pixels, images), usage, strict=True)
    return [["emotion", "pixels", "Usage"], *([str(label), *rest] for label, *rest in body)]


def write_table(path: Path, rows: list[list[str]]) -> Path:
    """Write rows as CSV, compressed as the name says."""
    text = "".join(",".join(row) + "\n" for row in rows).encode()
    compress = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem.removesuffix(".csv") + ".csv", text)
    else:
        path.write_bytes(compress.get(path.suffix, bytes)(text))
    return path


def write_picture(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def files_under(folder: Path) -> set[str]:
    """Return all files below a folder, hidden ones too."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def write_coded_faces(
    folder: Path, codes: dict[str, dict[str, int]], images: dict[str, np.ndarray], written: str = ""
) -> Path:
    """Write pictures and a table of units as `ckplus-action-units` has them.

    `codes` are the units (0 or 1) of each sequence, `images` the pictures `(h, h)` by sequence and
    whether it is the peak, as in ``"S001_001 1"``; `written` is the older code of all.
    """
    names = sorted(next(iter(codes.values())))
    table = [["sequence", "subject", "emotion", "ck_facs_code", *names]]
    for sequence, units in codes.items():
        marks = [str(units[name]) for name in names]
        table.append([sequence, sequence[:4], "anger", written, *marks])
    rows = [["file", "subject", "sequence", "emotion", "is_peak"]]
    for name, image in images.items():
        sequence, peak = name.split()
        emotion = "anger" if peak == "1" else "neutral"
        file = f"faces200/{emotion}/{sequence}_{peak}.png"
        write_picture(folder / file, image)
        rows.append([file, sequence[:4], sequence, emotion, peak])
    write_table(folder / "faces200.csv", rows)
    return write_table(folder / "ckplus_au.csv", table)
