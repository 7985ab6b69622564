"""How real are made faces? Face detectors, real faces' labels and models give the answer.

`python -m reading_faces data realism` prints this as a table; what needs real data is left out
where that is not on this machine.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers import detect, settings
from helpers.data import KEYPOINT_NAMES, DataError, kaggle_coordinates
from reading_faces.made_faces.sets import draw_all
from reading_faces.training import storage
from reading_faces.training.made_photos import draw_labels, draw_photo
from reading_faces.training.measure import evaluate

MADE_WEIGHTS = settings.SHIPPED / "weights" / "made"
NOSE_TIP = KEYPOINT_NAMES.index("nose_tip")
LANDMARKS = [1, 0, NOSE_TIP, 12, 11]  # of MTCNN, among the keypoints: eyes, nose, mouth corners


@dataclass(frozen=True)
class Measure:
    """One line of the table."""

    name: str
    value: float | None  # a fraction, or pixels where the name says so; None if not measured
    wanted: float | None  # what it should reach; None where it is only reported
    at_least: bool  # whether more is better
    n: int  # on how many faces
    note: str = ""  # what else to know, or why there is no value

    @property
    def reached(self) -> bool | None:
        """Whether the value is as wanted; None where that cannot be said."""
        if self.value is None or self.wanted is None:
            return None
        return bool(self.value >= self.wanted if self.at_least else self.value <= self.wanted)


def measure_realism(faces: int) -> Iterator[Measure]:
    """Take all measures, one after the other."""
    yield from compare_detectors(faces)
    yield from compare_coordinates(max(faces, 2000))
    yield from compare_models()


def compare_detectors(faces: int) -> Iterator[Measure]:
    """Ask MTCNN and Haar whether they see faces in colour photos, and where."""
    errors = []
    for photo, face in draw_all(functools.partial(draw_photo, pose="kaggle"), faces):
        found = detect.detect_faces(photo, "mtcnn", 0.9)
        nearest = nearest_face(found, face.keypoints[NOSE_TIP])
        if nearest is not None:
            eyes = np.linalg.norm(face.keypoints[0] - face.keypoints[1])
            gaps = np.linalg.norm(nearest.landmarks - face.keypoints[LANDMARKS], axis=1)
            errors.append(gaps.mean() / eyes)
    name = "MTCNN finds the face, confidence above 0.9"
    yield Measure(name, len(errors) / faces, 0.95, True, faces)
    name = "MTCNN's five landmarks against ours, median error in eye distances"
    yield Measure(name, float(np.median(errors)) if errors else None, 0.06, False, len(errors))
    name = "Haar finds the face, turned by up to 15°"
    try:
        detect.check_detector("haar")
    except ValueError as problem:
        yield Measure(name, None, 0.9, True, 0, str(problem))
        return
    seen = [
        nearest_face(detect.detect_faces(photo, "haar", 0), face.keypoints[NOSE_TIP]) is not None
        for photo, face in draw_all(functools.partial(draw_photo, pose="frontal"), faces)
    ]
    yield Measure(name, float(np.mean(seen)), 0.9, True, faces)


def nearest_face(faces: list, nose: np.ndarray):
    """Return the face whose box holds the nose tip `(2,)` nearest to its middle; None if none."""
    corners, sizes = np.split(np.reshape([face.box for face in faces], (-1, 4)), 2, axis=1)
    gaps = np.abs((nose - corners) / sizes - 0.5).max(axis=1)
    return faces[gaps.argmin()] if (gaps < 0.5).any() else None


def compare_coordinates(faces: int) -> Iterator[Measure]:
    """Compare mean and spread of the 30 coordinates with those of Kaggle's 7,049 real faces."""
    names = (
        "keypoints: largest difference of a coordinate's mean from Kaggle's, px",
        "keypoints: largest relative difference of a coordinate's standard deviation",
    )
    try:
        real = kaggle_coordinates().reshape(-1, 30)
    except DataError as problem:
        yield from (Measure(name, None, None, False, 0, str(problem)) for name in names)
        return
    made = np.stack(list(draw_all(draw_labels, faces))).reshape(-1, 30)
    shift = np.abs(made.mean(axis=0) - np.nanmean(real, axis=0))
    spread = np.abs(made.std(axis=0) / np.nanstd(real, axis=0) - 1)
    yield Measure(names[0], float(shift.max()), 2.0, False, faces)
    yield Measure(names[1], float(spread.max()), 0.35, False, faces)


def compare_models() -> Iterator[Measure]:
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
            yield Measure(name, None, wanted, at_least, 0, str(problem))
            continue
        low, high = result["metrics"][f"{key.removesuffix('_interocular')}_interval_95"]
        where = f"{source}, split {split}, mirrored picture averaged in"
        note = f"95 %: {low:.3f} to {high:.3f}; {where}"
        yield Measure(name, result["metrics"][key], wanted, at_least, result["n"], note)
