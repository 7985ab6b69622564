"""How real are made faces? Face detectors, real faces' labels and models give the answer.

`python -m reading_faces data realism` prints this as a table; what needs real data is left out
where that is not on this machine.
"""

import functools
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from helpers import detect, settings
from helpers.data import KEYPOINT_NAMES, DataError, kaggle_coordinates
from reading_faces.made_faces.albums import kaggle_points, single_photo
from reading_faces.made_faces.sets import draw_all
from reading_faces.training import storage
from reading_faces.training.measure import evaluate

MEASURES = tomllib.loads(Path(__file__).with_name("realism.toml").read_text("utf-8"))
NOSE_TIP = KEYPOINT_NAMES.index("nose_tip")
LANDMARKS = [1, 0, NOSE_TIP, 12, 11]  # of MTCNN, among the keypoints: eyes, nose, mouth corners


def measure(what: str, value: float | None, n: int, note: str = "") -> dict:
    """Return one line of the table: `what` is one of `MEASURES`, taken on `n` faces.

    `value` is None if it was not measured; then the note says why.
    """
    about = MEASURES[what]
    low, high = about.get("at_least"), about.get("at_most")
    wanted, reached = high if low is None else low, None
    if value is not None and wanted is not None:
        reached = bool(value >= low if high is None else value <= high)
    line = {"name": about["name"], "value": value, "wanted": wanted, "at_least": high is None}
    return line | {"n": n, "note": note, "reached": reached}


def measure_realism(faces: int) -> Iterator[dict]:
    """Take all measures, one after the other."""
    yield from compare_detectors(faces)
    yield from compare_coordinates(max(faces, 2000))
    yield from compare_models()


def compare_detectors(faces: int) -> Iterator[dict]:
    """Ask MTCNN and Haar whether they see faces in colour photos, and where."""
    errors = []
    for photo, face in draw_all(functools.partial(single_photo, pose="kaggle"), faces):
        found = detect.detect_faces(photo, "mtcnn", 0.9)
        nearest = nearest_face(found, face.keypoints[NOSE_TIP])
        if nearest is not None:
            eyes = np.linalg.norm(face.keypoints[0] - face.keypoints[1])
            gaps = np.linalg.norm(nearest.landmarks - face.keypoints[LANDMARKS], axis=1)
            errors.append(gaps.mean() / eyes)
    yield measure("found_by_mtcnn", len(errors) / faces, faces)
    yield measure("landmarks", float(np.median(errors)) if errors else None, len(errors))
    try:
        detect.check_detector("haar")
    except ValueError as problem:
        yield measure("found_by_haar", None, 0, str(problem))
        return
    seen = [
        nearest_face(detect.detect_faces(photo, "haar", 0), face.keypoints[NOSE_TIP]) is not None
        for photo, face in draw_all(functools.partial(single_photo, pose="frontal"), faces)
    ]
    yield measure("found_by_haar", float(np.mean(seen)), faces)


def nearest_face(faces: list, nose: np.ndarray):
    """Return the face whose box holds the nose tip `(2,)` nearest to its middle; None if none."""
    corners, sizes = np.split(np.reshape([face.box for face in faces], (-1, 4)), 2, axis=1)
    gaps = np.abs((nose - corners) / sizes - 0.5).max(axis=1)
    return faces[gaps.argmin()] if (gaps < 0.5).any() else None


def compare_coordinates(faces: int) -> Iterator[dict]:
    """Compare mean and spread of the 30 coordinates with those of Kaggle's 7,049 real faces."""
    try:
        real = kaggle_coordinates().reshape(-1, 30)
    except DataError as problem:
        yield from (measure(what, None, 0, str(problem)) for what in ("means", "deviations"))
        return
    made = np.stack(list(draw_all(kaggle_points, faces))).reshape(-1, 30)
    shift = np.abs(made.mean(axis=0) - np.nanmean(real, axis=0))
    spread = np.abs(made.std(axis=0) / np.nanstd(real, axis=0) - 1)
    yield measure("means", float(shift.max()), faces)
    yield measure("deviations", float(spread.max()), faces)


def compare_models() -> Iterator[dict]:
    """Show real faces to models that were trained on made ones only, and the other way round."""
    for what, about in MEASURES.items():
        if "weights" not in about:
            continue
        model, split = storage.load(settings.SHIPPED / "weights" / about["weights"]), about["split"]
        try:
            result = evaluate(model, about["source"], split, mirrored=True).result
        except DataError as problem:
            yield measure(what, None, 0, str(problem))
            continue
        metric = about["metric"]
        low, high = result["metrics"][f"{metric.removesuffix('_interocular')}_interval_95"]
        where = f"{about['source']}, split {split}, mirrored picture averaged in"
        note = f"95 %: {low:.3f} to {high:.3f}; {where}"
        yield measure(what, result["metrics"][metric], result["n"], note)
