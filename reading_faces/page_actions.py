"""What the web page does, without the page: read photos that were sent, enrol and forget people."""

import contextlib
import os
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from helpers import detect
from helpers.embedders import SmallEmbedder
from helpers.files import explain
from helpers.gallery import Gallery
from helpers.images import PhotoError, read_photo
from reading_faces import upright
from reading_faces.annotate import annotate_photo
from reading_faces.enroll import resemblances, to_others
from reading_faces.gallery_file import embedder_of, load_gallery, save_gallery
from reading_faces.reader import FaceReader, PhotoReading

LONGEST_NAME = 80


class PageActions:
    """Reads photos that were sent, enrols and forgets people, for all visitors of the page.

    Parameters
    ----------
    reader : its gallery is replaced whenever somebody is enrolled or forgotten.
    uploads : the folder into which the server puts what is sent; nothing outside it is ever read.
    gallery_file : where people are kept; without one they are forgotten when the program ends.

    Raises
    ------
    ValueError
        If the gallery or a model cannot be loaded.
    """

    def __init__(self, reader: FaceReader, uploads: str | Path, gallery_file: Path | None = None):
        self.reader, self.gallery_file = reader, gallery_file
        self.uploads = Path(os.path.abspath(uploads))
        self.uploads.mkdir(parents=True, exist_ok=True)
        if gallery_file and gallery_file.exists():
            reader.gallery = load_gallery(gallery_file)
        if reader.embedder is None:
            reader.embedder = embedder_of(reader.gallery) if reader.gallery else SmallEmbedder()
        if reader.gallery is None:
            reader.gallery = Gallery.empty(reader.embedder.name, reader.embedder.threshold)
        reader.load()
        # One photo at a time is read, for all visitors: more would only be slower, and larger.
        self._lock = threading.Lock()
        self._warm_up()

    @property
    def people(self) -> list[str]:
        """Who is enrolled, by name."""
        return self.reader.gallery.people

    def read(self, path: str | None) -> tuple[PhotoReading, np.ndarray | None, np.ndarray]:
        """Read a photo that was sent, and delete its file.

        Returns
        -------
        The reading, whose error says what was wrong; the photo with its faces marked, or None; and
        the embeddings `(n, d) float32` by which its faces can be enrolled.
        """
        try:
            photo = self._take(path)
            with self._lock:
                found, _ = upright.find_faces(photo, self.reader.detector)
                faces = self.reader.read_faces(photo, found)
                reading = PhotoReading(None, photo.shape[1], photo.shape[0], None, faces)
                marked = annotate_photo(photo, reading)
                return reading, marked, self.reader.embed_faces(photo, found)
        except (PhotoError, MemoryError) as error:
            return PhotoReading.failed(None, error), None, np.zeros((0, 0), np.float32)

    def predict(self, name: str | None, content: bytes) -> dict:
        """Return what `predict --json` prints for a photo file of this name and content."""
        with TemporaryDirectory(dir=self.uploads) as folder:
            file = Path(folder, "photo")
            file.write_bytes(content)
            with self._lock:
                reading = replace(self.reader.read_one(file), path=name)
        return {"left_out": reading.left_out, "images": [reading.to_dict()]}

    def _take(self, path: str | None) -> np.ndarray:
        """Return the photo that was sent, `(h, w, 3) uint8` RGB, and delete its file."""
        if not path:
            raise PhotoError("There is no photo yet: drop one, choose a file, or take a picture.")
        file = Path(os.path.abspath(path))
        # Whatever a browser shows, a program may name any file of the machine.
        if self.uploads not in file.parents:
            raise PhotoError("This photo was not sent to this page.")
        try:
            return read_photo(file)
        finally:
            with contextlib.suppress(OSError, ValueError):
                file.unlink()
                file.parent.rmdir()  # Gradio's own folder for this one file

    def _warm_up(self) -> None:
        """Read a blank face, so that no visitor waits the seconds that networks take at first."""
        if self.reader.detector == "mtcnn":
            detect.load_mtcnn()
        blank, whole = np.full((96, 96, 3), 127, np.uint8), (0.0, 0.0, 96.0, 96.0)
        face = detect.DetectedFace(whole, 1.0, None, whole)
        self.reader.read_faces(blank, [face])
        self.reader.embed_faces(blank, [face])

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
            gallery = self.reader.gallery.enroll(name, face)
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

        Raises
        ------
        ValueError
            If nobody of that name is enrolled, or the gallery cannot be written.
        """
        # A folder that `enroll` took a name from may have been called anything.
        name = name if name in self.people else tidy(name)
        with self._lock:
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


def count_of(count: int, what: str) -> str:
    """Return `1 face`, `2 faces`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
