"""Marks that move like faces, what reads them, and a detector that knows where they are."""

import numpy as np

from helpers.crop import find_region
from helpers.data import EMOTIONS
from helpers.detect import DetectedFace
from reading_faces.track import LANDMARKS

SIZE = (120, 160)
# Where MTCNN's landmarks lie in a box of 40 × 40.
PLACES = np.array([[12, 16], [28, 16], [20, 24], [13, 31], [27, 31]], float)


def detected(x: float, y: float) -> DetectedFace:
    """Return what a detector says of a face at a place."""
    box, landmarks = (x, y, 40.0, 40.0), PLACES + [x, y]
    return DetectedFace(box, 0.999, landmarks, find_region(np.array(box), landmarks))


class Following:
    """A keypoint model that finds the marks in the crop: the brightest blob's middle."""

    card, input_size = {"task": "keypoints"}, 96

    def predict(self, images: np.ndarray) -> np.ndarray:
        points = np.zeros((len(images), 15, 2), np.float32)
        for points_of, image in zip(points, images, strict=True):
            y, x = np.nonzero(image > 128)
            middle = np.array([x.mean(), y.mean()]) if len(x) else np.array([47.5, 47.5])
            points_of[:] = middle
            points_of[LANDMARKS] = middle + (PLACES - PLACES.mean(axis=0)) * 2.3
        return points


class Changing:
    """An emotion model that says what its `answer` is."""

    card, input_size = {"task": "emotion", "classes": list(EMOTIONS)}, 48

    def __init__(self):
        self.answer = "happy"

    def predict(self, images: np.ndarray) -> np.ndarray:
        row = [1.0 if name == self.answer else 0.0 for name in EMOTIONS]
        return np.repeat(np.array([row], np.float32), len(images), axis=0)


def frame_of(*faces: tuple, colours: list | None = None) -> np.ndarray:
    """Draw a mark for each face, by its upper left corner, white or in its colour."""
    frame = np.zeros((*SIZE, 3), np.uint8)
    for number, (x, y) in enumerate(faces):
        colour = (colours or [(255, 255, 255)] * len(faces))[number]
        frame[round(y) + 12 : round(y) + 36, round(x) + 12 : round(x) + 29] = colour
    return frame
