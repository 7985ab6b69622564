"""From photos to readings: find faces, mark 15 keypoints, name emotion, action units, and people.

`FaceReader` holds the networks; a `PhotoReading` is plain data, ready for JSON or a table.
"""

import ctypes
import functools
import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import detect
from helpers.crop import points_to_photo
from helpers.data.records import EMOTIONS, KEYPOINT_COLUMNS, KEYPOINT_NAMES
from helpers.embedders import Embedder, check_embedder, embedder_of
from helpers.gallery import Gallery
from helpers.images import PhotoError, read_photo, to_grey
from reading_faces.made_faces.expression import UNIT_NAMES

# What a row says of a face, see `to_row`.
FACE_COLUMNS = (*(f"box_{name}" for name in ("x", "y", "width", "height")), "confidence")
FACE_COLUMNS += ("name", "similarity", "emotion", *EMOTIONS, *UNIT_NAMES, *KEYPOINT_COLUMNS)
# Faces of this many photos go through each network together.
PHOTOS_AT_ONCE = 16


@dataclass(frozen=True)
class FaceReading:
    """What was read from one face; a part that was not asked for is None.

    Attributes
    ----------
    box : (x, y, width, height), in pixels of the upright photo.
    confidence : how sure the detector is that this is a face, 0 to 1.
    keypoints : `(15, 2) float`, pixels of the upright photo, in the order of `KEYPOINT_NAMES`.
    emotion : probability of each class; they sum to 1.
    action_units : probability of each facial action unit by its name; each for itself.
    identity : the name, None for nobody who is enrolled, and the cosine similarity to whoever is
        nearest.
    """

    box: tuple[float, float, float, float]
    confidence: float
    keypoints: np.ndarray | None = None
    emotion: dict[str, float] | None = None
    action_units: dict[str, float] | None = None
    identity: tuple[str | None, float] | None = None

    @property
    def top_emotion(self) -> str | None:
        """The likeliest class."""
        return max(self.emotion, key=self.emotion.get) if self.emotion else None

    def to_dict(self) -> dict:
        """Return plain, rounded numbers for JSON."""
        result = {
            "box": [round(number, 2) for number in self.box],
            "confidence": round(self.confidence, 4),
        }
        if self.keypoints is not None:
            points = np.round(self.keypoints.astype(float), 2).tolist()
            result["keypoints"] = dict(zip(KEYPOINT_NAMES, points, strict=True))
        if self.emotion is not None:
            result["emotion"] = {name: round(p, 6) for name, p in self.emotion.items()}
        if self.action_units is not None:
            result["action_units"] = {name: round(p, 4) for name, p in self.action_units.items()}
        if self.identity is not None:
            name, score = self.identity
            result["identity"] = {"name": name, "score": round(score, 4)}
        return result

    @classmethod
    def from_dict(cls, plain: dict) -> "FaceReading":
        """Return the face that `to_dict` wrote down, as precisely as it did."""
        parts = {**plain, "box": tuple(plain["box"])}
        if "keypoints" in parts:
            parts["keypoints"] = np.array([parts["keypoints"][name] for name in KEYPOINT_NAMES])
        if "identity" in parts:
            parts["identity"] = (parts["identity"]["name"], parts["identity"]["score"])
        return cls(**parts)


@dataclass(frozen=True)
class PhotoReading:
    """What was read from one photo; `error` is one sentence if it could not be read."""

    path: str | None
    width: int | None = None
    height: int | None = None
    error: str | None = None
    faces: list[FaceReading] = field(default_factory=list)

    def to_dict(self) -> dict:
        """Return plain, rounded numbers for JSON."""
        return {
            "path": self.path,
            "width": self.width,
            "height": self.height,
            "error": self.error,
            "faces": [face.to_dict() for face in self.faces],
        }

    @classmethod
    def from_dict(cls, plain: dict) -> "PhotoReading":
        """Return the reading that `to_dict` wrote down."""
        return cls(**{**plain, "faces": [FaceReading.from_dict(face) for face in plain["faces"]]})


class FaceReader:
    """Reads the faces in photos. Networks load when they are first needed, or by `load`.

    Parameters
    ----------
    detector : `"mtcnn"` or `"haar"`.
    keypoints, emotion, action_units : True for the shipped model, False to leave the part out, or a
        model of your own with `card`, `input_size` and `predict`, such as
        `helpers.models.TrainedModel`.
    gallery : an `identity.Gallery` to name people by; without one, nobody is named.
    embedder : an `identity.Embedder`; by default the one that made the gallery.
    """

    def __init__(
        self,
        detector="mtcnn",
        keypoints=True,
        emotion=True,
        action_units=True,
        gallery: Gallery | None = None,
        embedder: Embedder | None = None,
    ):
        detect.check_detector(detector)
        self.detector, self.gallery, self._embedder = detector, gallery, embedder
        self._parts = {"keypoints": keypoints, "emotion": emotion, "action_units": action_units}
        self._parts = {task: model for task, model in self._parts.items() if model is not False}
        self._lock = threading.RLock()

    def load(self) -> dict:
        """Load what is not loaded yet and return the models by task.

        Raises
        ------
        ValueError
            If a model's files are missing or damaged, or another embedder made the gallery.
        """
        with self._lock:
            for task, model in self._parts.items():
                if model is True:
                    from helpers import models

                    self._parts[task] = models.load(task)
            if self.gallery:
                self._embedder = self._embedder or embedder_of(self.gallery)
                check_embedder("The gallery", self.gallery, self._embedder.name)
            return self._parts

    def read(self, photos: Iterable[str | Path | np.ndarray]) -> Iterator[PhotoReading]:
        """Yield one reading a photo, in order; a photo that cannot be read only says so.

        Parameters
        ----------
        photos : paths of files, or arrays `(h, w, 3) uint8` RGB.
        """
        photos = iter(photos)
        while batch := list(itertools.islice(photos, PHOTOS_AT_ONCE)):
            yield from self._read_batch(batch)

    def read_one(self, photo: str | Path | np.ndarray) -> PhotoReading:
        """Read a single photo."""
        return next(self.read([photo]))

    def read_faces(self, photo: np.ndarray, faces: list[detect.DetectedFace]) -> list[FaceReading]:
        """Read faces whose places in a photo `(h, w, 3) uint8` RGB are known already."""
        about = (None, photo.shape[1], photo.shape[0], None)
        (reading,) = self._read_found([(about, faces, self._cut(photo, faces))])
        return reading.faces

    def _read_batch(self, photos: list) -> list[PhotoReading]:
        self.load()
        return self._read_found([self._find(photo) for photo in photos])

    def _read_found(self, found: list[tuple]) -> list[PhotoReading]:
        models = self.load()
        parts = {
            task: iter(self._run(task, model, [cuts[task] for _, _, cuts in found if cuts]))
            for task, model in models.items()
        }
        if self.gallery:
            cut = [cuts["identity"] for _, _, cuts in found if cuts]
            parts["identity"] = iter(self._identify(cut))
        # Each network's results lie in a row for all faces of all photos: hand them out again.
        return [
            PhotoReading(
                *about,
                faces=[
                    FaceReading(
                        face.box,
                        face.confidence,
                        **{task: next(part) for task, part in parts.items()},
                    )
                    for face in faces
                ],
            )
            for about, faces, _ in found
        ]

    def _find(self, photo) -> tuple[tuple, list[detect.DetectedFace], dict]:
        """Return what is known of a photo, its faces, and `{task: (crops, matrices)}`.

        The photo itself is let go: sixteen large ones would fill the memory.
        """
        path = None if isinstance(photo, np.ndarray) else os.fspath(photo)
        try:
            pixels = check_array(photo) if path is None else read_photo(path)
            faces = detect.detect_faces(pixels, self.detector)
        except PhotoError as error:
            return (path, None, None, str(error)), [], {}
        except MemoryError:
            return (path, None, None, "There is not enough memory to read it."), [], {}
        height, width = pixels.shape[:2]
        _give_back_memory()
        return (path, width, height, None), faces, self._cut(pixels, faces)

    def _cut(self, pixels: np.ndarray, faces: list[detect.DetectedFace]) -> dict:
        """Cut faces out for each network: `{task: (crops, matrices)}`."""
        grey, models = to_grey(pixels), self.load()
        cut = {
            task: detect.crop_detected(grey, faces, self.detector, task, model.input_size)
            for task, model in models.items()
        }
        if self.gallery:
            how = self.detector, self._embedder.framing, self._embedder.size
            cut["identity"] = detect.crop_detected(pixels, faces, *how)
        return cut

    def _run(self, task: str, model, cuts: list[tuple[np.ndarray, np.ndarray]]) -> list:
        """Run one network on the crops of all photos; return one result a face."""
        if not sum(len(crops) for crops, _ in cuts):
            return []
        crops, matrices = (np.concatenate(arrays) for arrays in zip(*cuts, strict=True))
        with self._lock:
            outputs = model.predict(crops)
        if task == "keypoints":
            return list(points_to_photo(outputs, matrices))
        classes = model.card["units" if task == "action_units" else "classes"]
        return [dict(zip(classes, row.tolist(), strict=True)) for row in outputs]

    def _identify(self, cuts: list[tuple[np.ndarray, np.ndarray]]) -> list:
        """Name the people on the crops of all photos."""
        if not sum(len(crops) for crops, _ in cuts):
            return []
        with self._lock:
            embeddings = self._embedder.embed(np.concatenate([crops for crops, _ in cuts]))
        return self.gallery.identify(embeddings)


@functools.cache
def _find_trim():
    """Return the C library's `malloc_trim`; Linux with glibc has one."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # Windows says TypeError
        return lambda _: None


def _give_back_memory() -> None:
    """Return what is free to the system: photos of many sizes leave gaps that would add up."""
    _find_trim()(0)


def check_array(photo: np.ndarray) -> np.ndarray:
    """Return the array if it is an RGB photo, and say what it is if not."""
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise PhotoError(
            f"A photo is an array (height, width, 3) of uint8 in RGB; "
            f"this one is {photo.shape} of {photo.dtype}."
        )
    return photo


def to_frame(readings: Iterable[PhotoReading]) -> pd.DataFrame:
    """Return one row a face; a photo without faces, or with an error, gets one row as well.

    Faces of a photo count from 1; coordinates are named as in Kaggle's table. What UTF-8 cannot
    hold of a path is escaped: no table could be written with it.
    """
    rows = []
    for reading in readings:
        path = reading.path and reading.path.encode(errors="backslashreplace").decode()
        about = {"path": path, "width": reading.width, "height": reading.height}
        for number, face in enumerate(reading.faces, 1):
            rows.append(about | {"face": number} | to_row(face))
        if not reading.faces:
            rows.append(about | {"error": reading.error})
    columns = ["path", "width", "height", "face", *FACE_COLUMNS, "error"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"width": "Int64", "height": "Int64", "face": "Int64"})


def to_row(face: FaceReading) -> dict:
    """Flatten one face into the columns of `to_frame`."""
    plain = face.to_dict()
    row = {
        f"box_{name}": n
        for name, n in zip(("x", "y", "width", "height"), plain["box"], strict=True)
    }
    row |= {
        "confidence": plain["confidence"],
        "emotion": face.top_emotion,
        **plain.get("emotion", {}),
        **plain.get("action_units", {}),
    }
    if face.identity is not None:
        row["name"], row["similarity"] = plain["identity"].values()
    numbers = itertools.chain.from_iterable(plain.get("keypoints", {}).values())
    return row | dict(zip(KEYPOINT_COLUMNS, numbers, strict=False))
