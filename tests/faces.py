"""Real photos and stand-ins for networks, for the tests of everything that reads photos."""

import functools

import numpy as np
from matplotlib import cbook
from PIL import Image

from helpers.data import EMOTIONS
from helpers.made_faces.expression import UNIT_NAMES


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

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.calls.append(len(images))
        points = np.stack([np.linspace(20, 76, 15), np.linspace(30, 80, 15)], axis=1)
        return np.repeat(points[np.newaxis], len(images), axis=0).astype(np.float32)


class Smiling:
    """An action-unit model that sees a smile on everybody, and little else."""

    card = {"task": "action_units", "units": list(UNIT_NAMES)}
    input_size = 96

    def __init__(self):
        self.calls = []

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.calls.append(len(images))
        row = [0.9 if name in ("AU6", "AU12") else 0.1 for name in UNIT_NAMES]
        return np.repeat(np.array([row], np.float32), len(images), axis=0)


class Cheerful:
    """An emotion model that finds everybody happy, by seven tenths."""

    card = {"task": "emotion", "classes": list(EMOTIONS)}
    input_size = 48

    def __init__(self):
        self.calls = []

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.calls.append(len(images))
        row = [0.7 if name == "happy" else 0.05 for name in EMOTIONS]
        return np.repeat(np.array([row], np.float32), len(images), axis=0)


class Tint:
    """An embedder that knows people by the colour of their light alone."""

    name, framing, size, threshold = "tint", "embedding", 24, 0.99

    def __init__(self):
        self.calls = []

    def embed(self, faces: np.ndarray) -> np.ndarray:
        self.calls.append(len(faces))
        colours = faces.reshape(len(faces), -1, 3).mean(axis=1)
        return (colours / np.linalg.norm(colours, axis=1, keepdims=True)).astype(np.float32)


def tinted(*colour: float) -> Image.Image:
    """Return the portrait under coloured light."""
    return Image.fromarray((np.array(portrait()) * np.array(colour)).astype(np.uint8))
