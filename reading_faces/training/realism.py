"""How real are made faces? Face detectors, real faces' labels and models give the answer.

`python -m reading_faces data realism` prints this as a table; what needs real data is left out
where that is not on this machine.
"""

import functools
from collections.abc import Iterator

import numpy as np

from helpers import detect, settings
from helpers.data import KEYPOINT_NAMES, DataError, kaggle_coordinates
from reading_faces.made_faces.albums import kaggle_points, single_photo
from reading_faces.made_faces.sets import draw_all
from reading_faces.training import storage
from reading_faces.training.measure import evaluate

MADE_WEIGHTS = settings.SHIPPED / "weights" / "made"
NOSE_TIP = KEYPOINT_NAMES.index("nose_tip")
LANDMARKS = [1, 0, NOSE_TIP, 12, 11]  # of MTCNN, among the keypoints: eyes, nose, mouth corners


def measure(
    name: str, value: float | None, wanted: float | None, at_least: bool, n: int, note: str = ""
) -> dict:
    """Return one line of the table.

    Parameters
    ----------
    value : a fraction, or pixels where the name says so; None if it was not measured.
    wanted : what it should reach: `at_least` that, or at most; None where it is only reported.
    n : on how many faces.
    note : what else to know, or why there is no value.
    """
    reached = None
    if value is not None and wanted is not None:
        reached = bool(value >= wanted if at_least else value <= wanted)
    line = {"name": name, "value": value, "wanted": wanted, "at_least": at_least}
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
    name = "MTCNN finds the face, confidence above 0.9"
    yield measure(name, len(errors) / faces, 0.95, True, faces)
    name = "MTCNN's five landmarks against ours, median error in eye distances"
    yield measure(name, float(np.median(errors)) if errors else None, 0.06, False, len(errors))
    name = "Haar finds the face, turned by up to 15°"
    try:
        detect.check_detector("haar")
    except ValueError as problem:
        yield measure(name, None, 0.9, True, 0, str(problem))
        return
    seen = [
        nearest_face(detect.detect_faces(photo, "haar", 0), face.keypoints[NOSE_TIP]) is not None
        for photo, face in draw_all(functools.partial(single_photo, pose="frontal"), faces)
    ]
    yield measure(name, float(np.mean(seen)), 0.9, True, faces)


def nearest_face(faces: list, nose: np.ndarray):
    """Return the face whose box holds the nose tip `(2,)` nearest to its middle; None if none."""
    corners, sizes = np.split(np.reshape([face.box for face in faces], (-1, 4)), 2, axis=1)
    gaps = np.abs((nose - corners) / sizes - 0.5).max(axis=1)
    return faces[gaps.argmin()] if (gaps < 0.5).any() else None


def compare_coordinates(faces: int) -> Iterator[dict]:
    """Compare mean and spread of the 30 coordinates with those of Kaggle's 7,049 real faces."""
    names = (
        "keypoints: largest difference of a coordinate's mean from Kaggle's, px",
        "keypoints: largest relative difference of a coordinate's standard deviation",
    )
    try:
        real = kaggle_coordinates().reshape(-1, 30)
    except DataError as problem:
        yield from (measure(name, None, None, False, 0, str(problem)) for name in names)
        return
    made = np.stack(list(draw_all(kaggle_points, faces))).reshape(-1, 30)
    shift = np.abs(made.mean(axis=0) - np.nanmean(real, axis=0))
    spread = np.abs(made.std(axis=0) / np.nanstd(real, axis=0) - 1)
    yield measure(names[0], float(shift.max()), 2.0, False, faces)
    yield measure(names[1], float(spread.max()), 0.35, False, faces)


def compare_models() -> Iterator[dict]:
    """Show real faces to models that were trained on made ones only, and the other way round."""
    for name, weights, source, split, key, wanted, at_least in (
        ("trained on made faces only: keypoint error on real ones, eye distances",
         MADE_WEIGHTS / "keypoints.weights.h5", "facial-keypoints", "test",
         "mean_error_interocular", 0.09, False),
        ("trained on made faces only: emotions of real ones named right",
         MADE_WEIGHTS / "emotion.weights.h5", "fer2013", "public", "accuracy", 0.35, True),
        ("trained on real faces only: expressions of made faces named right",
         "emotion", "made", "test", "accuracy", None, True),
    ):  # fmt: skip
        try:
            result = evaluate(storage.load(weights), source, split, mirrored=True).result
        except DataError as problem:
            yield measure(name, None, wanted, at_least, 0, str(problem))
            continue
        low, high = result["metrics"][f"{key.removesuffix('_interocular')}_interval_95"]
        where = f"{source}, split {split}, mirrored picture averaged in"
        note = f"95 %: {low:.3f} to {high:.3f}; {where}"
        yield measure(name, result["metrics"][key], wanted, at_least, result["n"], note)
