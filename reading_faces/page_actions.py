"""What the web page does, without the page: read photos that were sent, enrol and forget people."""

import contextlib
import io
import threading
import time
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from helpers import detect
from helpers.crop import Framing, crop_faces
from helpers.embedders import SmallEmbedder
from helpers.files import explain
from helpers.gallery import Gallery
from helpers.images import Photo, PhotoError, load_photo
from reading_faces.annotate import annotate_photo
from reading_faces.enroll import resemblances, to_others
from reading_faces.gallery_file import embedder_of, load_gallery, save_gallery
from reading_faces.reader import EMBEDDING, FaceReader, FaceReading, PhotoReading, name_faces
from reading_faces.track import FaceTracker, Track

LONGEST_NAME = 80
# Of a camera's picture this is enough, and so many cameras are followed at a time.
LONGEST_FRAME, MOST_CAMERAS = 640, 8
# A photo is shown, not measured: a browser needs no more pixels, and no more cards.
LONGEST_SIDE_SHOWN, CROP_SIDE, MOST_CARDS = 1600, 128, 48
# So many photos of so many visitors are kept to be shown again, for so many seconds.
MOST_PHOTOS, MOST_VISITORS, KEPT_SECONDS = 12, 50, 600


@dataclass(frozen=True)
class Shown:
    """A photo on a visitor's page: what was read from it, and JPEG files of it and its faces."""

    reading: PhotoReading
    picture: bytes = b""
    crops: list[bytes] = field(default_factory=list)

    def marked(self) -> bytes:
        """Return the JPEG file of the picture with its faces marked by number and by name."""
        known = []
        for face in self.reading.faces:
            named = face.identity and face.identity[0]
            known.append(replace(face, emotion=None, identity=face.identity if named else None))
        with Image.open(io.BytesIO(self.picture)) as picture:
            return to_jpeg(annotate_photo(np.array(picture), replace(self.reading, faces=known)))


class PageActions:
    """Reads photos that were sent, enrols and forgets people, for all visitors of the page.

    Parameters
    ----------
    reader : its gallery is replaced whenever somebody is enrolled or forgotten.
    uploads : the folder in which a photo lies while it is read.
    gallery_file : where people are kept; without one they are forgotten when the program ends.

    Raises ValueError if the gallery or a model cannot be loaded.
    """

    def __init__(self, reader: FaceReader, uploads: str | Path, gallery_file: Path | None = None):
        self.reader, self.gallery_file, self.uploads = reader, gallery_file, Path(uploads)
        self.uploads.mkdir(parents=True, exist_ok=True)
        if gallery_file and gallery_file.exists():
            reader.gallery = load_gallery(gallery_file)
        if reader.embedder is None:
            reader.embedder = embedder_of(reader.gallery) if reader.gallery else SmallEmbedder()
        if reader.gallery is None:
            reader.gallery = Gallery.empty(reader.embedder.name, reader.embedder.threshold)
        reader.parts = tuple(dict.fromkeys((*reader.parts, EMBEDDING)))
        reader.load()
        # One photo at a time is read, for all visitors: more would only be slower, and larger.
        # Who is enrolled, and what is shown to whom, changes meanwhile.
        self._reading, self._changing = threading.Lock(), threading.RLock()
        self._visits: dict[str, tuple[float, list[Shown]]] = {}
        self._trackers: dict[str, FaceTracker] = {}
        self.ready = threading.Event()
        threading.Thread(target=self._warm_up).start()

    @property
    def people(self) -> list[str]:
        """Who is enrolled, by name."""
        return self.reader.gallery.people

    def read(self, visitor: str, name: str, content: bytes, more: bool = False) -> PhotoReading:
        """Read a photo file that a visitor has sent, and show it, in place of or with the others.

        What was wrong is the `error` of the reading, and leaves the others.
        """
        shown = self._read(name, content)
        failed = bool(shown.reading.error)
        with self._changing:
            before = self._visits.get(visitor, (0, []))[1] if more or failed else []
            photos = before if failed else [*before, shown][-MOST_PHOTOS:]
            self._visits[visitor] = time.monotonic(), photos
            self._sweep()
        return shown.reading

    def watch(self, visitor: str, content: bytes, seconds: float) -> list[Track]:
        """Follow the faces of a visitor's camera: of a frame, a JPEG file, taken at this time.

        Raises ValueError if the file is no picture.
        """
        try:
            with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
                picture.draft("RGB", (LONGEST_FRAME, LONGEST_FRAME))
                picture.thumbnail((LONGEST_FRAME, LONGEST_FRAME))
                frame = np.array(picture.convert("RGB"))
        except (OSError, SyntaxError, Image.DecompressionBombError):
            raise ValueError("The camera's picture cannot be read.") from None
        with self._reading:
            tracker = self._trackers.pop(visitor, None)
            if tracker is None:
                parts = [part for part in self.reader.parts if part != EMBEDDING]
                reader = FaceReader("mtcnn", parts, self.reader.load(), None, self.reader.embedder)
                tracker = FaceTracker(reader)
            tracker.reader.gallery = self.reader.gallery
            self._trackers[visitor] = tracker
            while len(self._trackers) > MOST_CAMERAS:
                del self._trackers[next(iter(self._trackers))]
            return tracker.read(frame, seconds)

    def predict(self, name: str | None, content: bytes) -> dict:
        """Return what `predict --json` prints for a photo file of this name and content."""
        reading = self._read(name, content).reading
        return {"left_out": reading.left_out, "images": [reading.to_dict()]}

    def shown(self, visitor: str) -> list[Shown]:
        """Return the photos on a visitor's page, with the names of who is enrolled now."""
        with self._changing:
            gallery, photos = self.reader.gallery, self._visits.get(visitor, (0, []))[1]
        return [replace(one, reading=name_faces(one.reading, gallery)) for one in photos]

    def leave(self, visitor: str) -> None:
        """Let go of all that was shown to a visitor."""
        with self._changing:
            self._visits.pop(visitor, None)
            self._trackers.pop(visitor, None)
            self._sweep()

    def _sweep(self) -> None:
        """Let go of what was shown long ago, or to the first of too many visitors."""
        oldest = sorted(self._visits, key=lambda visitor: self._visits[visitor][0])
        for place, visitor in enumerate(oldest, 1):
            old = time.monotonic() - self._visits[visitor][0] > KEPT_SECONDS
            if old or place <= len(oldest) - MOST_VISITORS:
                del self._visits[visitor]

    def _read(self, name: str | None, content: bytes) -> Shown:
        """Read a photo file; what was wrong is the `error` of the reading."""
        try:
            with TemporaryDirectory(dir=self.uploads) as folder, self._reading:
                file = Path(folder, "photo")
                file.write_bytes(content)
                photo = load_photo(file)
                file.unlink()
                reading = replace(self.reader.read_one(photo), path=name)
                crops = cut_faces(photo, reading.faces[:MOST_CARDS])
                if photo.shrunk > 1 and not reading.error:
                    size = "{1:,} × {0:,}".format(*photo.pixels.shape)
                    told = f"It was read at a reduced size of {size} pixels."
                    reading = replace(reading, remarks=[*reading.remarks, told])
                return Shown(reading, to_jpeg(photo.pixels), [*map(to_jpeg, crops)])
        except (PhotoError, MemoryError) as error:
            return Shown(PhotoReading.failed(name, error))
        except OSError as error:
            return Shown(PhotoReading.failed(name, PhotoError(explain(error))))

    def _warm_up(self) -> None:
        """Read a blank face, so that no visitor waits the seconds that networks take at first."""
        blank, whole = np.full((96, 96, 3), 127, np.uint8), (0.0, 0.0, 96.0, 96.0)
        # What fails here fails again where a visitor is told.
        with contextlib.suppress(Exception), self._reading:
            if self.reader.detector == "mtcnn":
                detect.load_mtcnn()
            self.reader.read_faces(blank, [detect.DetectedFace(whole, 1.0, None, whole)])
        self.ready.set()

    def enroll(self, visitor: str, photo: int, face: int, name: str | None) -> str:
        """Enrol a face of a photo that is shown, by their places from 0; say so in a sentence.

        Raises ValueError if there is no name or no such face, or the gallery cannot be written.
        """
        name, photos = tidy(name), self.shown(visitor)
        try:
            (embedding,) = photos[photo].reading.faces[face : face + 1]
            embedding = embedding.embedding
        except (IndexError, ValueError, TypeError):
            raise ValueError("This photo is no longer here: read it again.") from None
        with self._changing:
            gallery = self.reader.gallery.enroll(name, embedding)
            self._replace(gallery)
        faces = gallery.embeddings[gallery.names == name]
        told = f"{name} is enrolled by {count_of(len(faces), 'face')}, and is named from now on."
        embedder = self.reader.embedder
        if other := resemblances(gallery, embedder.strict_threshold).get(len(gallery.names) - 1):
            return f"{told} But this face may be {other}'s: if so, forget {name}."
        if len(faces) > 1 and to_others(faces)[-1] < embedder.threshold:
            return f"{told} But this face is not like the others of {name}: is it a mistake?"
        return told

    def forget(self, name: str | None) -> str:
        """Forget somebody; return a sentence that says so.

        Raises ValueError if nobody of that name is enrolled, or the gallery cannot be written.
        """
        # A folder that `enroll` took a name from may have been called anything.
        name = name if name in self.people else tidy(name)
        with self._changing:
            self._replace(self.reader.gallery.forget(name))
        return f"{name} is forgotten."

    def _replace(self, gallery: Gallery) -> None:
        """Write the gallery first: who cannot be kept is not enrolled."""
        if self.gallery_file:
            try:
                save_gallery(gallery, self.gallery_file)
            except OSError as error:
                raise ValueError(f"The gallery cannot be written. {explain(error)}") from None
        self.reader.gallery = gallery


def tidy(name: str | None) -> str:
    """Return a name on one line; ValueError if there is none, or no label could hold it."""
    name = " ".join((name or "").split())
    if not name:
        raise ValueError("Type a name first.")
    # Control characters and broken ones; what joins letters of some scripts may stay.
    if len(name) > LONGEST_NAME or {unicodedata.category(c) for c in name} & {"Cc", "Cs"}:
        raise ValueError(f"A name has at most {LONGEST_NAME} characters, all of them readable.")
    return name


def cut_faces(photo: Photo, faces: list[FaceReading]) -> np.ndarray:
    """Return the faces of a photo `(n, CROP_SIDE, CROP_SIDE, 3) uint8` RGB, upright."""
    boxes = np.reshape([face.box for face in faces], (-1, 4)) / photo.shrunk
    eyes = [[[0, 0], [1, 0]] if f.keypoints is None else f.keypoints[[1, 0]] for f in faces]
    rolls = [*map(detect.roll_of, np.reshape(eyes, (-1, 2, 2)))]
    return crop_faces(photo.pixels, boxes, CROP_SIDE, Framing(1.4), np.array(rolls))[0]


def to_jpeg(photo: np.ndarray) -> bytes:
    """Return the JPEG file of a photo `(h, w, 3) uint8` RGB, not larger than it is shown."""
    image, file = Image.fromarray(photo), io.BytesIO()
    image.thumbnail((LONGEST_SIDE_SHOWN, LONGEST_SIDE_SHOWN))
    image.save(file, "jpeg", quality=90)
    return file.getvalue()


def count_of(count: int, what: str) -> str:
    """Return `1 face`, `2 faces`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
