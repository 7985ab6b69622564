"""From photos to readings: find faces, mark 15 keypoints, name emotion, action units, and people.

`FaceReader` holds the networks; a `PhotoReading` is plain data, ready for JSON or a table.
"""

import contextlib
import ctypes
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import detect, embedders, models
from helpers.crop import points_to_photo
from helpers.data.records import KEYPOINT_COLUMNS, KEYPOINT_NAMES
from helpers.detect import DetectedFace
from helpers.gallery import Embedder, Gallery
from helpers.images import Photo, PhotoError, load_photo, to_grey
from reading_faces import upright
from reading_faces.gallery_file import check_embedder, embedder_of

# What can be read from a face, besides who it is; an embedding only where it is asked for.
PARTS = ("keypoints", "emotion", "action_units")
EMBEDDING = "embedding"
# Every row of a table says this of its face; its name, if there is a gallery.
_PLACE = ("box_x", "box_y", "box_width", "box_height", "confidence", "name", "similarity")
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
    identity : the name and the cosine similarity to this person; for nobody who is enrolled, None
        and the similarity to the nearest person.
    embedding : `(d,) float32`, by which the face can be enrolled; there if somebody is known.
    held_emotion : in a video, what the face is said to show until another class clearly leads.
    """

    box: tuple[float, float, float, float]
    confidence: float
    keypoints: np.ndarray | None = None
    emotion: dict[str, float] | None = None
    action_units: dict[str, float] | None = None
    identity: tuple[str | None, float] | None = None
    embedding: np.ndarray | None = field(default=None, repr=False, compare=False)
    held_emotion: str | None = None

    @property
    def top_emotion(self) -> str | None:
        """The likeliest class, or the one that is held."""
        likeliest = max(self.emotion, key=self.emotion.get) if self.emotion else None
        return self.held_emotion or likeliest

    @property
    def label(self) -> str:
        """What to call the face in a few words, such as `happy 97%, Ann`; empty if nothing is."""
        parts = [f"{self.top_emotion} {self.emotion[self.top_emotion]:.0%}"] if self.emotion else []
        parts += [self.identity[0] or "unknown"] if self.identity else []
        return ", ".join(parts)

    def to_dict(self) -> dict:
        """Return plain, rounded numbers for JSON."""
        box = [round(number, 2) for number in self.box]
        result = {"box": box, "confidence": round(self.confidence, 4)}
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

    def to_row(self) -> dict:
        """Return the same numbers by the names of a table's columns."""
        plain = self.to_dict()
        who = plain.get("identity", {"name": None, "score": None}).values()
        row = dict(zip(_PLACE, [*plain["box"], plain["confidence"], *who], strict=True))
        if self.emotion is not None:
            row |= {"emotion": self.top_emotion, **plain["emotion"]}
        row |= plain.get("action_units", {})
        if self.keypoints is not None:
            numbers = itertools.chain.from_iterable(plain["keypoints"].values())
            row |= dict(zip(KEYPOINT_COLUMNS, numbers, strict=True))
        return row


@dataclass(frozen=True)
class PhotoReading:
    """What was read from one photo.

    Attributes
    ----------
    error : one sentence if it could not be read.
    remarks : a sentence for each part of it that was left out.
    """

    path: str | None
    width: int | None = None
    height: int | None = None
    error: str | None = None
    faces: list[FaceReading] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def failed(cls, path: str | None, error: PhotoError | MemoryError) -> "PhotoReading":
        """Return what there is to say of a photo that could not be read."""
        full = isinstance(error, MemoryError)
        return cls(path, error="There is not enough memory to read it." if full else str(error))

    def to_dict(self) -> dict:
        """Return plain, rounded numbers for JSON."""
        result = vars(self) | {"faces": [face.to_dict() for face in self.faces]}
        del result["remarks"]
        return result

    @property
    def left_out(self) -> list[dict]:
        """What was not read, all of the photo or a part, as `{"file", "reason"}`, for JSON."""
        reasons = [self.error] if self.error else self.remarks
        return [{"file": self.path, "reason": reason} for reason in reasons]

    def to_rows(self) -> list[dict]:
        """Return a row of a table for each face; one that says so if there is none, or an error.

        Faces count from 1. What UTF-8 cannot hold of the path is escaped: no table could hold it.
        """
        path = self.path and self.path.encode(errors="backslashreplace").decode()
        about = {"path": path, "width": self.width, "height": self.height}
        faces = [about | {"face": n} | face.to_row() for n, face in enumerate(self.faces, 1)]
        return faces or [about | {"error": self.error}]


class FaceReader:
    """Reads the faces in photos. Networks load when they are first needed, or by `load`.

    Parameters
    ----------
    detector : `"mtcnn"` or `"haar"`.
    parts : what to read, of `PARTS`, and `EMBEDDING`.
    models : a model of your own for any of these parts, with `card`, `input_size` and `predict`,
        such as `helpers.models.TrainedModel`; for the others, the one that ships.
    gallery : an `helpers.gallery.Gallery` to name people by; without people, nobody is named.
    embedder : an `helpers.gallery.Embedder`; by default the one that made the gallery.

    Raises ValueError if there is no such detector or part.
    """

    def __init__(
        self,
        detector: str = "mtcnn",
        parts: Sequence[str] = PARTS,
        models: Mapping | None = None,
        gallery: Gallery | None = None,
        embedder: Embedder | None = None,
    ):
        detect.check_detector(detector)
        self._models = dict(models or {})
        every = (*PARTS, EMBEDDING)
        if unknown := [part for part in parts if part not in every]:
            raise ValueError(f"There is no part {unknown[0]!r}; choose of {', '.join(PARTS)}.")
        if unused := self._models.keys() - parts:
            raise ValueError(f"A model for {min(unused)} is given, but that is not to be read.")
        self.detector, self.parts = detector, tuple(part for part in every if part in parts)
        self.gallery, self.embedder = gallery, embedder
        self._lock = threading.RLock()
        self._one_at_a_time = {part: threading.Lock() for part in every}
        self._networks = ThreadPoolExecutor(len(every))

    def load(self) -> dict:
        """Load what is not loaded yet and return the models by part.

        Raises ValueError if a model's files are missing or damaged, or another embedder made the
        gallery.
        """
        with self._lock:
            networks = [part for part in self.parts if part != EMBEDDING]
            for part in networks:
                if part not in self._models:
                    self._models[part] = models.load(part)
            self._known_people()
            return {part: self._models[part] for part in networks}

    @property
    def columns(self) -> tuple[str, ...]:
        """What a row of a table says of a face, as the models' cards name it; loads the models."""
        cards = {part: model.card for part, model in self.load().items()}
        emotion = ("emotion", *cards["emotion"]["classes"]) if "emotion" in cards else ()
        units = cards["action_units"]["units"] if "action_units" in cards else ()
        return (*_PLACE, *emotion, *units, *(KEYPOINT_COLUMNS if "keypoints" in cards else ()))

    def read(self, photos: Iterable[str | Path | np.ndarray]) -> Iterator[PhotoReading]:
        """Yield one reading a photo, in order; a photo that cannot be read only says so.

        `photos` are paths of files, what `load_photo` made of one, or arrays `(h, w, 3) uint8` RGB.
        All are named by the gallery that is there when the first is asked for.
        """
        photos, gallery = iter(photos), self._known_people()
        # While the networks read some faces, those of the next photos are looked for.
        with ThreadPoolExecutor(1) as reader:
            reading = None
            while batch := list(itertools.islice(photos, PHOTOS_AT_ONCE)):
                found = [self._find(photo, gallery) for photo in batch]
                yield from reading.result() if reading else ()
                reading = reader.submit(self._fill, found, gallery)
            yield from reading.result() if reading else ()

    def read_one(self, photo: str | Path | np.ndarray) -> PhotoReading:
        """Read a single photo."""
        return next(self.read([photo]))

    def read_faces(
        self, photo: np.ndarray, faces: list[DetectedFace], found_by: str = "", named: bool = True
    ) -> list[FaceReading]:
        """Read faces whose places in a photo `(h, w, 3) uint8` RGB are known already.

        `found_by` is the detector that has found them, if not the reader's own.
        """
        gallery = self._known_people() if named else None
        whole = Photo(photo, photo.shape[1::-1])
        cut = self._cut(None, whole, faces, gallery, found_by or self.detector)
        return self._fill([cut], gallery)[0].faces

    def embed_faces(
        self, photo: np.ndarray, faces: list[DetectedFace], found_by: str = ""
    ) -> np.ndarray:
        """Return what the embedder makes of such faces: `(n, d) float32`, or `(0, 0)`."""
        if not faces:
            return np.zeros((0, 0), np.float32)
        cut = found_by or self.detector, self.embedder.framing, self.embedder.size
        return self.embedder.embed(detect.crop_detected(photo, faces, *cut)[0])

    def _known_people(self) -> Gallery | None:
        """Return the gallery as it is now, and have its embedder ready.

        It may be replaced at any time, so whoever reads asks once and goes on with the answer.
        """
        gallery = self.gallery
        if not gallery or not gallery.people:
            if EMBEDDING in self.parts:
                self.embedder = self.embedder or embedders.SmallEmbedder()
            return None
        with self._lock:
            self.embedder = self.embedder or embedder_of(gallery)
            check_embedder(gallery, self.embedder)
        return gallery

    def _find(self, photo: str | Path | np.ndarray | Photo, gallery: Gallery | None) -> tuple:
        """Find the faces of a photo and cut them out; the photo itself is let go."""
        path = None if isinstance(photo, np.ndarray | Photo) else os.fspath(photo)
        try:
            if path is not None:
                photo = load_photo(path)
            elif not isinstance(photo, Photo):
                photo = Photo(check_array(photo), photo.shape[1::-1])
            faces, lying = upright.find_faces(photo.pixels, self.detector)
            reading, cut = self._cut(path, photo, faces, gallery, self.detector)
        except (PhotoError, MemoryError) as error:
            return PhotoReading.failed(path, error), {}
        remarks = [photo.remark] if photo.remark else []
        for box in lying:
            x, y = (round(photo.shrunk * start) for start in box[:2])
            remarks.append(f"The face at {x}, {y} lies or is upside down, and cannot be read.")
        del photo
        give_back_memory()
        return replace(reading, remarks=remarks), cut

    def _cut(
        self, path: str | None, photo: Photo, faces: list, gallery: Gallery | None, found_by: str
    ) -> tuple[PhotoReading, dict]:
        """Return where the faces are, and cut out for each network: `{part: (crops, matrices)}`.

        Boxes and matrices are in the photo's own pixels, even if it was decoded smaller.
        """
        grey = to_grey(photo.pixels)
        cut = {
            part: detect.crop_detected(grey, faces, found_by, part, model.input_size)
            for part, model in self.load().items()
        }
        if gallery or EMBEDDING in self.parts:
            how = found_by, self.embedder.framing, self.embedder.size
            cut[EMBEDDING] = detect.crop_detected(photo.pixels, faces, *how)
        boxes = [face.box for face in faces]
        if photo.shrunk > 1:
            boxes = [detect.clip_box(np.array(box) * photo.shrunk, *photo.size) for box in boxes]
            for _, matrices in cut.values():
                matrices[:, :, :2] /= photo.shrunk
                # The middle of the first of the smaller pixels lies here in the photo's own.
                matrices[:, :, 2] -= matrices[:, :, :2].sum(axis=2) * (photo.shrunk - 1) / 2
        places = [FaceReading(box, face.confidence) for box, face in zip(boxes, faces, strict=True)]
        return PhotoReading(path, *photo.size, faces=places), cut

    def _fill(self, found: list[tuple], gallery: Gallery | None) -> list[PhotoReading]:
        """Run the networks side by side on the faces of all photos, and hand the results out."""
        cut = [crops for reading, crops in found if reading.faces]
        parts = [*cut[0]] if cut else []
        answers = self._networks.map(lambda part: self._run(part, cut), parts)
        results = {part: iter(answer) for part, answer in zip(parts, answers, strict=True)}

        def fill(face: FaceReading) -> FaceReading:
            return replace(face, **{part: next(result) for part, result in results.items()})

        filled = [replace(reading, faces=[*map(fill, reading.faces)]) for reading, _ in found]
        return [name_faces(reading, gallery) for reading in filled] if gallery else filled

    def _run(self, part: str, cut: list[dict]) -> list:
        """Run one network on the crops of all photos; return one result a face."""
        parts = [crops[part] for crops in cut]
        crops, matrices = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        model = self.embedder if part == EMBEDDING else self._models[part]
        with self._one_at_a_time[part]:
            outputs = model.embed(crops) if part == EMBEDDING else model.predict(crops)
        if not np.isfinite(outputs).all():
            raise ValueError(f"The model for {part} answers with numbers that are none.")
        if part == EMBEDDING:
            return list(outputs)
        if part == "keypoints":
            return list(points_to_photo(outputs, matrices))
        classes = model.card["units" if part == "action_units" else "classes"]
        return [dict(zip(classes, row.tolist(), strict=True)) for row in outputs]


def name_faces(reading: PhotoReading, gallery: Gallery) -> PhotoReading:
    """Return a reading whose faces are named by a gallery: each person is on it once at most."""
    if not reading.faces:
        return reading
    known = gallery.identify(np.stack([face.embedding for face in reading.faces]))
    who = known if gallery.people else [None] * len(known)
    named = [replace(face, identity=one) for face, one in zip(reading.faces, who, strict=True)]
    return replace(reading, faces=named)


def give_back_memory() -> None:
    """Return what is free to the system: photos of many sizes leave gaps that would add up."""
    # Linux with glibc can; Windows says TypeError.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def check_array(photo: np.ndarray) -> np.ndarray:
    """Return the array if it is an RGB photo, and say what it is if not."""
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise PhotoError(
            f"A photo is an array (height, width, 3) of uint8 in RGB; "
            f"this one is {photo.shape} of {photo.dtype}."
        )
    return photo


def to_frame(
    readings: Iterable[PhotoReading], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the rows of all readings as a table; coordinates are named as in Kaggle's.

    `columns` are what to say of each face: `FaceReader.columns`, which are the same for any photos.
    By default all that was read of one of these faces.
    """
    return rows_to_frame([row for reading in readings for row in reading.to_rows()], columns)


def rows_to_frame(rows: list[dict], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return rows of `PhotoReading.to_rows` as the table of `to_frame`."""
    first, last = ("path", "width", "height", "face"), ("error",)
    seen = dict.fromkeys(itertools.chain(_PLACE, *rows))
    columns = columns or [name for name in seen if name not in first + last]
    frame = pd.DataFrame(rows, columns=[*first, *columns, *last])
    return frame.astype({"width": "Int64", "height": "Int64", "face": "Int64"})
