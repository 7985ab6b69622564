"""Marks that move like faces, and what finds and reads them."""

import numpy as np

from helpers.crop import find_region
from helpers.data import EMOTIONS
from helpers.detect import DetectedFace

SIZE = (120, 160)
# Where MTCNN's landmarks lie in a box of 40 × 40.
PLACES = np.array([[12, 16], [28, 16], [20, 24], [13, 31], [27, 31]], float)


def detected(x: float, y: float, confidence: float = 0.999) -> DetectedFace:
    """Return what a detector says of a face at a place."""
    box, landmarks = (x, y, 40.0, 40.0), PLACES + [x, y]
    return DetectedFace(box, confidence, landmarks, find_region(np.array(box), landmarks))


class Stage:
    """Stands in for MTCNN: it sees the faces of a frame where they are said to be.

    `looks` are the frames at which the detector looked; `missed` those at which it misses all.
    """

    def __init__(self):
        self.places, self.frame, self.looks, self.missed = [], -1, [], ()

    def show(self, places: list) -> None:
        """Show the next frame."""
        self.places, self.frame = places, self.frame + 1

    def detect_faces(self, frame: np.ndarray, *_) -> list[DetectedFace]:
        self.looks.append(self.frame)
        return [] if self.frame in self.missed else [detected(*place) for place in self.places]

    def look_at(self, frame: np.ndarray, squares, rolls) -> list[DetectedFace]:
        """See the nearest face, if the square is off by less than a third of a face."""
        found = []
        for x, y, side, _ in squares:
            middle = np.array([x, y]) + side / 2 - 20
            near = sorted(self.places, key=lambda place: np.hypot(*(place - middle)))
            there = bool(near) and np.hypot(*(near[0] - middle)) < 13
            found.append(detected(*(near[0] if there else middle), 0.99 if there else 0.05))
        return found


class Still:
    """A keypoint model whose points do not matter."""

    card, input_size = {"task": "keypoints"}, 96

    def predict(self, images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 15, 2), 47.5, np.float32)


class Changing:
    """An emotion model that says what its `answer` is."""

    card, input_size = {"task": "emotion", "classes": list(EMOTIONS)}, 48

    def __init__(self):
        self.answer = {"happy": 1.0}

    def predict(self, images: np.ndarray) -> np.ndarray:
        row = [self.answer.get(name, 0.0) for name in EMOTIONS]
        return np.repeat(np.array([row], np.float32), len(images), axis=0)


def frame_of(*faces: tuple, colours: list | None = None) -> np.ndarray:
    """Draw a mark for each face, by its upper left corner, white or in its colour."""
    frame = np.zeros((*SIZE, 3), np.uint8)
    for number, (x, y) in enumerate(faces):
        colour = (colours or [(255, 255, 255)] * len(faces))[number]
        frame[round(y) + 12 : round(y) + 36, round(x) + 12 : round(x) + 29] = colour
    return frame
