"""Real photos and stand-ins for networks, for the tests of everything that reads photos."""

import functools
import struct
import zlib

import numpy as np
from matplotlib import cbook
from PIL import Image

from helpers.data import EMOTIONS
from helpers.detect import DetectedFace
from reading_faces.made_faces.expression import UNIT_NAMES


@functools.cache
def portrait(height: int = 240) -> Image.Image:
    """Return the portrait of Grace Hopper that comes with matplotlib, upright, RGB."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        image = Image.open(file).convert("RGB")
    return image.resize((round(image.width * height / image.height), height), Image.LANCZOS)


class MeanFace:
    """A keypoint model that has seen nothing: always the same 15 points of the 96-pixel crop."""

    card = {"task": "keypoints"}
    input_size = 96

    def __init__(self):
        self.calls = []

    def predict(self, images: np.ndarray, mirrored: bool = False) -> np.ndarray:
        self.calls.append(len(images))
        points = np.stack([np.linspace(20, 76, 15), np.linspace(30, 80, 15)], axis=1)
        return np.repeat(points[np.newaxis], len(images), axis=0).astype(np.float32)


class Smiling:
    """An action-unit model that sees a smile on everybody, and little else."""

    card = {"task": "action_units", "units": list(UNIT_NAMES)}
    input_size = 96

    def __init__(self):
        self.calls = []

    def predict(self, images: np.ndarray, mirrored: bool = False) -> np.ndarray:
        self.calls.append(len(images))
        row = [0.9 if name in ("AU6", "AU12") else 0.1 for name in UNIT_NAMES]
        return np.repeat(np.array([row], np.float32), len(images), axis=0)


class Cheerful:
    """An emotion model that finds everybody happy, by seven tenths."""

    card = {"task": "emotion", "classes": list(EMOTIONS)}
    input_size = 48

    def __init__(self):
        self.calls = []

    def predict(self, images: np.ndarray, mirrored: bool = False) -> np.ndarray:
        self.calls.append(len(images))
        row = [0.7 if name == "happy" else 0.05 for name in EMOTIONS]
        return np.repeat(np.array([row], np.float32), len(images), axis=0)


class Tint:
    """An embedder that knows people by the colour of their light alone."""

    name, framing, size, threshold, strict_threshold = "tint", "embedding", 24, 0.99, 0.9999

    def __init__(self):
        self.calls = []

    def embed(self, faces: np.ndarray) -> np.ndarray:
        self.calls.append(len(faces))
        colours = faces.reshape(len(faces), -1, 3).mean(axis=1)
        return (colours / np.linalg.norm(colours, axis=1, keepdims=True)).astype(np.float32)


def stand_ins() -> dict:
    """Return a model for each part of a face that says the same of everybody."""
    return {"keypoints": MeanFace(), "emotion": Cheerful(), "action_units": Smiling()}


def find_portrait(photo: np.ndarray, *_) -> list[DetectedFace]:
    """Find the face of `portrait` at any size, as a detector would; and none where all is plain."""
    if photo.std() < 5:
        return []
    height, width = photo.shape[:2]
    box = (0.348 * width, 0.183 * height, 0.338 * width, 0.3665 * height)
    return [DetectedFace(box, 0.99, None, box)]


def tinted(*colour: float) -> Image.Image:
    """Return the portrait under coloured light."""
    return Image.fromarray((np.array(portrait()) * np.array(colour)).astype(np.uint8))


def wall(width: int = 40, height: int = 30, mode: str = "RGB", colour=None) -> Image.Image:
    return Image.new(mode, (width, height), colour or 0)


def bomb() -> bytes:
    """Return the head of a PNG of 50,000 × 50,000 pixels: nothing after it is ever read."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = [
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, data)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def bad_files(folder) -> dict[str, str]:
    """Make one file of each bad kind; return a part of the sentence that each deserves."""
    portrait(60).save(folder / "cut off.jpg")
    whole = (folder / "cut off.jpg").read_bytes()
    (folder / "cut off.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text 'quoted\" 🙂.jpg").write_text("This is no picture.")
    (folder / "bomb.png").write_bytes(bomb())
    return {
        "cut off.jpg": "damaged or cut off",
        "empty.jpg": "empty",
        "text 'quoted\" 🙂.jpg": "not a picture",
        "bomb.png": "million pixels",
        "vanished.jpg": "no such file",
    }
