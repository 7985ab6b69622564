"""Find faces also where they lie on a side or are upside down, or the whole photo does.

MTCNN learnt from upright faces, so a photo, or what may be a face on it, is looked at turned, too.
"""

from dataclasses import replace

import cv2
import numpy as np

from helpers import detect
from helpers.crop import region_of_landmarks
from helpers.detect import DetectedFace

# MTCNN may see a face that is upside down, with the eyes on its cheeks. Of 90 faces turned by 90,
# 180, 270°, it saw none that surely and with eyes that level (degrees).
SURE, LEVEL = 0.995, 45
# Where no face is upright, the photo is turned and looked at again, at this longest side: that
# costs about as much again for such a photo, and finds faces from a 24th of this side on.
LOOK_AGAIN_SIDE = 480


def find_faces(
    photo: np.ndarray, detector: str = "mtcnn"
) -> tuple[list[DetectedFace], list[tuple[float, float, float, float]]]:
    """Return the faces of a photo `(h, w, 3) uint8` RGB, and boxes of those that cannot be read.

    The faces are those of `detect.detect_faces`, the largest first. What Haar finds stays as it is.
    MTCNN's faces that lie are found with the photo turned, and so are those of a photo that lies;
    their `roll` says how to turn them upright. A face that seems to lie, and is not found then, is
    a box `(x, y, width, height)` in pixels.
    """
    found = detect.detect_faces(photo, detector)
    if detector != "mtcnn":
        return found, []
    looked = [turn_upright(photo, face) for face in found]
    if all(abs(face.roll) > LEVEL or not face.confidence for face in looked):
        looked += find_on_turned(photo)
    boxes = [(np.array(face.box), face.confidence, face) for face in looked]
    faces = [face for *_, face in detect.drop_doubles(boxes)]
    faces.sort(key=lambda face: -face.box[2] * face.box[3])
    lying = [face.box for face in faces if not face.confidence]
    return [face for face in faces if face.confidence], lying


def find_on_turned(photo: np.ndarray) -> list[DetectedFace]:
    """Return the faces of a photo that lies on a side or its head."""
    shrink = min(1.0, LOOK_AGAIN_SIDE / max(photo.shape[:2]))
    size = [max(1, round(side * shrink)) for side in photo.shape[1::-1]]
    little = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    seen = [detect.detect_faces(turn(little, quarters), "mtcnn", 0.97) for quarters in (1, 2, 3)]
    surest = [max((face.confidence for face in faces), default=0.0) for faces in seen]
    if not any(surest):
        return []
    quarters = 1 + int(np.argmax(surest))
    turned = turn(photo, quarters)
    found = detect.detect_faces(turned, "mtcnn", 0.97)
    found = [turn_back(face, quarters, turned.shape) for face in found]
    # A face that is level as the photo is would have been seen there.
    return [face for face in found if abs(face.roll) > LEVEL]


def turn_upright(photo: np.ndarray, face: DetectedFace) -> DetectedFace:
    """Return an upright face as it is, and one that lies as it is found when it is turned.

    A face that MTCNN is not sure of is looked at from all four sides by its last network. It lies
    if from another one it is three times surer; if only its landmarks say that it lies, its
    confidence becomes 0.
    """
    if face.landmarks is None or (face.confidence >= SURE and abs(face.roll) <= LEVEL):
        return face
    rolls = np.array([0.0, 90.0, 180.0, -90.0])
    seen = detect.look_at(photo, np.tile(face.region, (4, 1)), rolls)
    seen = detect.look_at(photo, [region_of_landmarks(one.landmarks) for one in seen], rolls)
    as_it_is, *turned = (one.confidence for one in seen)
    best = 1 + int(np.argmax(turned))
    sure = seen[best].confidence
    if sure < 0.95 or 1 - sure > (1 - as_it_is) / 3:
        return face if abs(face.roll) <= 60 else replace(face, confidence=0.0)
    return seen[best]


def turn(photo: np.ndarray, quarters: int) -> np.ndarray:
    """Turn a photo clockwise by so many quarters."""
    return np.ascontiguousarray(np.rot90(photo, -quarters))


def turn_back(face: DetectedFace, quarters: int, shape: tuple) -> DetectedFace:
    """Bring a face of a picture turned by `turn`, of `shape`, back into the one before."""
    squares = np.array([face.box, face.region])
    corners = np.concatenate([squares[:, :2], squares[:, :2] + squares[:, 2:]]) - 0.5
    points = np.vstack([corners, face.landmarks])
    for step in range(quarters):
        width = shape[1 - step % 2]
        points = np.stack([points[:, 1], width - 1 - points[:, 0]], axis=1)
    corners = points[:4].reshape(2, 2, 2)
    start, end = corners.min(axis=0), corners.max(axis=0)
    box, region = np.hstack([start + 0.5, end - start]).tolist()
    return DetectedFace(tuple(box), face.confidence, points[4:], tuple(region))
