"""What the web page does, without the page: read photos that were sent, enrol and forget people."""

import contextlib
import os
import threading
import unicodedata
from pathlib import Path

import numpy as np

from helpers import detect
from helpers import gallery as identity
from helpers.embedders import Embedder, SmallEmbedder, embedder_of
from helpers.files import explain
from helpers.gallery import Gallery
from helpers.images import PhotoError, read_photo
from reading_faces.annotate import annotate_photo
from reading_faces.reader import FaceReader, PhotoReading

LONGEST_NAME = 80


def load_reader(
    gallery_file: Path | None = None, detector: str = "mtcnn"
) -> tuple[FaceReader, Embedder]:
    """Return the shipped models as a reader that names the people of a gallery if it is there.

    Raises
    ------
    ValueError
        If the gallery or a model cannot be loaded.
    """
    there = gallery_file and gallery_file.exists()
    gallery = identity.load_gallery(gallery_file) if there else None
    embedder = embedder_of(gallery) if gallery else SmallEmbedder()
    known = gallery if gallery and gallery.people else None
    return FaceReader(detector, gallery=known, embedder=embedder), embedder


class Desk:
    """Reads photos that were sent, enrols and forgets people, for all visitors of the page.

    Parameters
    ----------
    reader : its gallery is replaced whenever somebody is enrolled or forgotten.
    embedder : what makes the numbers that people are known by.
    uploads : the folder into which the server puts what is sent; nothing outside it is ever read.
    gallery_file : where people are kept; without one they are forgotten when the program ends.
    """

    def __init__(
        self,
        reader: FaceReader,
        embedder: Embedder,
        uploads: str | Path,
        gallery_file: Path | None = None,
    ):
        self.reader, self.embedder, self.gallery_file = reader, embedder, gallery_file
        self.uploads = Path(os.path.abspath(uploads))
        empty = Gallery.empty(embedder.name, embedder.threshold)
        self.gallery = reader.gallery or empty
        # A gallery must not change while a photo is read.
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Read a blank face, so that no visitor waits the seconds that networks take at first."""
        if self.reader.detector == "mtcnn":
            detect.load_mtcnn()
        blank, whole = np.full((96, 96, 3), 127, np.uint8), (0.0, 0.0, 96.0, 96.0)
        face = detect.DetectedFace(whole, 1.0, None, whole)
        self.reader.read_faces(blank, [face])
        self._embed(blank, [face])

    def take(self, upload: dict | None) -> np.ndarray:
        """Return the photo that was sent, `(h, w, 3) uint8` RGB, and delete its file.

        Raises
        ------
        PhotoError
            If there is none, it was not sent to this server, or it cannot be read.
        """
        if not upload or not upload.get("path"):
            raise PhotoError("There is no photo yet: drop one, choose a file, or take a picture.")
        path = Path(os.path.abspath(upload["path"]))
        # Gradio lets some requests name any file of the machine.
        if self.uploads not in path.parents:
            raise PhotoError("This photo was not sent to this page.")
        try:
            return read_photo(path)
        finally:
            with contextlib.suppress(OSError, ValueError):
                path.unlink()
                path.parent.rmdir()  # Gradio's own folder for this one file

    def read(self, upload: dict | None) -> tuple[PhotoReading, np.ndarray | None, np.ndarray]:
        """Read a photo that was sent.

        Returns
        -------
        The reading, whose error says what was wrong; the photo with its faces marked, or None; and
        the embeddings `(n, d) float32` by which its faces can be enrolled.
        """
        reading, photo, found = self._read(upload)
        marked = None if photo is None else annotate_photo(photo, reading)
        return reading, marked, self._embed(photo, found)

    def predict(self, upload: dict | None) -> dict:
        """Return what `predict --json` prints for a photo that was sent."""
        reading, _, _ = self._read(upload)
        return {"images": [reading.to_dict()]}

    def _read(self, upload: dict | None) -> tuple[PhotoReading, np.ndarray | None, list]:
        """Return the reading, and if there is no error the photo and where its faces are."""
        name = upload.get("orig_name") if upload else None
        try:
            photo = self.take(upload)
            with self._lock:
                found = detect.detect_faces(photo, self.reader.detector)
                faces = self.reader.read_faces(photo, found)
        except PhotoError as error:
            return PhotoReading(name, error=str(error)), None, []
        except MemoryError:
            return PhotoReading(name, error="There is not enough memory to read it."), None, []
        return PhotoReading(name, photo.shape[1], photo.shape[0], None, faces), photo, found

    def enroll(self, name: str | None, number: float | None, embeddings: np.ndarray | None) -> str:
        """Enrol a face of the photo that was read last; return a sentence that says so.

        Raises
        ------
        ValueError
            If there is no name or no such face, or the gallery cannot be written.
        """
        name = tidy(name)
        if embeddings is None or not len(embeddings):
            raise ValueError("Read a photo with a face on it first, then enrol whose face it is.")
        count = len(embeddings)
        if number is None or not 1 <= number <= count or number != int(number):
            raise ValueError(f"The last photo has faces 1 to {count}; choose one of these numbers.")
        face = embeddings[int(number) - 1]
        with self._lock:
            self._replace(self.gallery.enroll(name, face))
            known = int((self.gallery.names == name).sum())
        return f"{name} is enrolled by {count_of(known, 'face')}, and is named from now on."

    def forget(self, name: str | None) -> str:
        """Forget somebody; return a sentence that says so.

        Raises
        ------
        ValueError
            If nobody of that name is enrolled, or the gallery cannot be written.
        """
        # A folder that `enroll` took a name from may have been called anything.
        name = name if name in self.gallery.people else tidy(name)
        with self._lock:
            self._replace(self.gallery.forget(name))
        return f"{name} is forgotten."

    def _embed(self, photo: np.ndarray | None, found: list[detect.DetectedFace]) -> np.ndarray:
        if not found:
            return np.zeros((0, 0), np.float32)
        cut = self.reader.detector, self.embedder.framing, self.embedder.size
        crops, _ = detect.crop_detected(photo, found, *cut)
        with self._lock:
            return self.embedder.embed(crops)

    def _replace(self, gallery: Gallery) -> None:
        """Write the gallery first: who cannot be kept is not enrolled."""
        if self.gallery_file:
            try:
                identity.save_gallery(gallery, self.gallery_file)
            except OSError as error:
                raise ValueError(f"The gallery cannot be written. {explain(error)}") from None
        self.gallery = gallery
        self.reader.gallery = gallery if gallery.people else None


def tidy(name: str | None) -> str:
    """Return a name on one line; ValueError if there is none, or no label could hold it."""
    name = " ".join((name or "").split())
    if not name:
        raise ValueError("Type a name first.")
    # Control characters and broken ones; what joins letters of some scripts may stay.
    if len(name) > LONGEST_NAME or {unicodedata.category(c) for c in name} & {"Cc", "Cs"}:
        raise ValueError(f"A name has at most {LONGEST_NAME} characters, all of them readable.")
    return name


def count_of(count: int, what: str) -> str:
    """Return `1 face`, `2 faces`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
