"""Find faces in a photo, with MTCNN or with Haar cascades, behind one call.

Boxes are `(x, y, width, height)` in pixels from the photo's upper left corner; points follow the
pixels' centres, so that `(0, 0)` is the middle of the first pixel, as in the keypoint data.
"""

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from tqdm import tqdm

from helpers import crop
from helpers.images import to_grey

DETECTORS = ("mtcnn", "haar")
# Larger photos are shrunk to this side first: it bounds time and memory. MTCNN sees faces from 20
# pixels on, so what is lost by it is narrower than 1.6 % of the photo's longest side.
LONGEST_SIDE = 1280
# Below this, MTCNN's pyramid has no level and Haar's window does not fit.
SMALLEST_SIDE = 24
# MTCNN takes the folds of a glove for a face when they are this small, see `confirm`.
SMALL_FACE = 48

# TensorFlow's eager calls and OpenCV's cascade must not be entered by two threads at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class DetectedFace:
    """One face: where it is and how sure the detector is.

    Attributes
    ----------
    box : (x, y, width, height)
        Inside the photo, in its pixels.
    confidence : float
        0 to 1. From MTCNN a probability; from Haar `1 - 0.6 / n` for n agreeing windows.
    landmarks : (5, 2) float or None
        MTCNN's eyes, nose tip and mouth corners (the subject's right eye and corner first).
    region : (x, y, width, height)
        What to cut out: not limited to the photo, and see `crop.find_region`.
    """

    box: tuple[float, float, float, float]
    confidence: float
    landmarks: np.ndarray | None
    region: tuple[float, float, float, float]

    @property
    def roll(self) -> float:
        """Degrees by which the head leans clockwise as seen, by its eyes; 0 without landmarks."""
        return 0.0 if self.landmarks is None else roll_of(self.landmarks)


def roll_of(landmarks: np.ndarray) -> float:
    """Return by how many degrees the line of the eyes `(5, 2)` leans clockwise as seen."""
    across, down = landmarks[1] - landmarks[0]
    return float(np.degrees(np.arctan2(down, across)))


def detect_faces(
    photo: np.ndarray, detector: str = "mtcnn", min_confidence: float = 0.9
) -> list[DetectedFace]:
    """Return the faces of a photo `(h, w, 3) uint8` RGB, largest first.

    With the default confidence, MTCNN finds exactly the people on each of 152 portraits; Haar
    misses a tenth of them and takes four other things for faces.

    Raises
    ------
    ValueError
        If the detector is not known, or this OpenCV has no Haar cascades.
    """
    check_detector(detector)
    height, width = photo.shape[:2]
    shrink = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    if min(size) < SMALLEST_SIDE:
        return []
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA) if shrink < 1 else photo
    with _one_at_a_time:
        found = {"mtcnn": find_with_mtcnn, "haar": find_with_haar}[detector](small, min_confidence)
    scale = np.array([width / size[0], height / size[1]])
    faces = []
    for box, confidence, landmarks in drop_doubles(found):
        # A pixel's middle, not its corner, is where a point is; boxes follow the pixels' corners.
        box = box * np.tile(scale, 2)
        landmarks = None if landmarks is None else (landmarks + 0.5) * scale - 0.5
        region = crop.find_region(box, landmarks)
        faces.append(DetectedFace(clip_box(box, width, height), confidence, landmarks, region))
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])


def crop_detected(
    photo: np.ndarray, faces: list[DetectedFace], detector: str, use: str, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut out, upright, the faces that a detector found, as `crop.crop_faces` does.

    `use` is what for: the second part of a key of `crop.FRAMINGS`.
    """
    framing, rolls = crop.FRAMINGS[detector, use], [face.roll for face in faces]
    regions = [region_for(face, framing) for face in faces]
    return crop.crop_faces(photo, regions, size, framing, rolls)


def region_for(face: DetectedFace, framing: crop.Framing) -> tuple[float, float, float, float]:
    """Return the box `(x, y, width, height)` of a face that a framing starts from."""
    if framing.by_landmarks and face.landmarks is not None:
        return crop.region_of_landmarks(face.landmarks)
    return face.region


def check_detector(detector: str) -> None:
    """Raise ValueError if there is no such detector, or not with this OpenCV."""
    if detector not in DETECTORS:
        raise ValueError(f"There is no detector {detector!r}; choose {' or '.join(DETECTORS)}.")
    if detector == "haar" and not hasattr(cv2, "CascadeClassifier"):
        raise ValueError(f"OpenCV {cv2.__version__} has no Haar cascades any more; use mtcnn.")


def find_with_mtcnn(photo: np.ndarray, min_confidence: float) -> list[tuple]:
    """Return `(box, confidence, landmarks)` of each face; a small one must be seen twice."""
    rows = run_mtcnn([photo], min_confidence)
    small = np.flatnonzero((rows[:, 3:5] < SMALL_FACE).all(axis=1))
    if small.size:
        rows = np.delete(rows, small[~confirm(photo, rows[small, 1:5], min_confidence)], axis=0)
    return [(row[1:5], float(row[5]), row[6:16].reshape(2, 5).T) for row in rows]


def confirm(photo: np.ndarray, boxes: np.ndarray, min_confidence: float) -> np.ndarray:
    """Look at small faces again, enlarged twice; return which were seen both times, `(n,) bool`.

    On astronauts' portraits of seven sizes this kept 93 of 93 faces and none of 6 false alarms.
    """
    sure = np.ones(len(boxes), bool)
    for side in (2.0, 2.4):
        crops, _ = crop.crop_faces(photo, boxes, 96, crop.Framing(side))
        rows = run_mtcnn(list(crops), min_confidence)
        centred = (np.abs(rows[:, 1:3] + rows[:, 3:5] / 2 - 48) < 16).all(axis=1)
        sure &= np.isin(np.arange(len(boxes)), rows[centred, 0])
    return sure


def run_mtcnn(photos: list[np.ndarray], min_confidence: float) -> np.ndarray:
    """Run MTCNN on photos of one size; for each face: photo, box, confidence, five x, five y."""
    # The proposal stages may be unsure, since the last one decides: with their own, stricter
    # thresholds plain faces get lost.
    options = {"threshold_pnet": 0.5, "threshold_rnet": 0.6, "threshold_onet": min_confidence}
    network = load_mtcnn()
    import tensorflow as tf

    # The package's own `detect_faces` would compute in float64, and copy the photos for each level.
    pictures = (tf.cast(np.stack(photos), tf.float32) - 127.5) / 128
    shapes, rows = [photo.shape for photo in photos], None
    for stage in network.stages:
        rows = stage(pictures, images_oshapes=shapes, bboxes_batch=rows, **options)
        if not len(rows):
            return np.empty((0, 16))
    rows[:, 3:5] -= rows[:, 1:3]
    return rows


def look_at(photo: np.ndarray, squares: np.ndarray, rolls: np.ndarray) -> list[DetectedFace]:
    """Look for a face in each of some squares, with MTCNN's last network alone.

    That takes a twentieth of the time of `detect_faces`, and finds a face also if the square is off
    by a third of its side. Its confidence says if there is one: beside the faces of a group photo
    it was below 0.15 at 19 of 20 places, on them above 0.9.

    Parameters
    ----------
    photo : `(h, w, 3) uint8` RGB.
    squares : `(n, 4)`: x, y, side, side, as `crop.region_of_landmarks` gives them.
    rolls : `(n,)` degrees by which the heads lean clockwise as seen.
    """
    if not len(squares):
        return []
    crops, matrices = crop.crop_faces(photo, squares, 48, crop.Framing(1.0), rolls)
    with _one_at_a_time:
        network = load_mtcnn().get_stage(stage_id=3).model
        answers = network((crops.astype(np.float32) - 127.5) / 128)
    offsets, landmarks, scores = (answer.numpy() for answer in answers)
    corners = (offsets.reshape(-1, 2, 2) + [[0, 0], [1, 1]]) * 48 - 0.5
    landmarks = landmarks.reshape(-1, 2, 5).transpose(0, 2, 1) * 48 - 0.5
    points = crop.points_to_photo(np.concatenate([corners, landmarks], axis=1), matrices)
    sides = np.diff(corners, axis=1)[:, 0] * np.asarray(squares)[:, 2:] / 48
    faces, limits = [], photo.shape[1::-1]
    for (start, end, *marks), side, roll, sure in zip(points, sides, rolls, scores, strict=True):
        side = side[::-1] if 45 < abs(roll) < 135 else side
        box, marks = np.concatenate([(start + end + 1 - side) / 2, side]), np.array(marks)
        region = crop.find_region(box, marks)
        faces.append(DetectedFace(clip_box(box, *limits), float(sure[1]), marks, region))
    return faces


@functools.cache
def load_mtcnn():
    """Import TensorFlow and build MTCNN's three networks, once: it takes seconds.

    Each is compiled for pictures of any number and size: layer by layer, as the package calls them,
    takes twice as long. It has no public place for that.
    """
    import tensorflow as tf
    from mtcnn import MTCNN

    mtcnn, any_pictures = MTCNN(), tf.TensorSpec((None, None, None, 3), tf.float32)
    for stage in mtcnn.stages:
        stage._model = tf.function(stage.model, input_signature=[any_pictures])
    return mtcnn


def find_with_haar(photo: np.ndarray, min_confidence: float) -> list[tuple]:
    """Return `(box, confidence, None)` of each face that OpenCV's frontal cascade finds."""
    grey = cv2.equalizeHist(to_grey(photo))
    window = (SMALLEST_SIDE, SMALLEST_SIDE)
    boxes, votes = load_haar().detectMultiScale2(grey, 1.1, minNeighbors=2, minSize=window)
    boxes, confidences = np.reshape(boxes, (-1, 4)).astype(float), 1 - 0.6 / np.ravel(votes)
    found = zip(boxes, confidences.tolist(), strict=True)
    return [(box, sure, None) for box, sure in found if sure >= min_confidence]


@functools.cache
def load_haar():
    """Load OpenCV's own cascade; `alt2` has a seventh of the false alarms that `default` has."""
    return cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")


def drop_doubles(found: list[tuple]) -> list[tuple]:
    """Keep the surest of boxes that share more than half of the smaller one."""
    kept: list[tuple] = []
    for face in sorted(found, key=lambda face: -face[1]):
        pairs = [(face[0], other[0]) for other in kept]
        if all(shared_area(a, b) <= min(a[2] * a[3], b[2] * b[3]) / 2 for a, b in pairs):
            kept.append(face)
    return kept


def shared_area(a: np.ndarray, b: np.ndarray) -> float:
    """Return the area that two boxes share, in square pixels."""
    sides = np.minimum(a[:2] + a[2:], b[:2] + b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.prod(np.maximum(sides, 0)))


def clip_box(box: np.ndarray, width: int, height: int) -> tuple[float, float, float, float]:
    """Cut off what reaches out of the photo; a box wholly outside keeps no area."""
    limits = np.array([width, height], float)
    start = np.clip(box[:2], 0, limits)
    end = np.clip(box[:2] + box[2:], start, limits)
    return (*start.tolist(), *(end - start).tolist())


def crop_largest_faces(
    photos: Sequence[np.ndarray],
    size: int,
    framing: str,
    detector: str = "mtcnn",
    upright: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the largest face out of each photo.

    Parameters
    ----------
    photos : each `(h, w, 3) uint8` RGB.
    framing : how to cut, as the second part of a key of `crop.FRAMINGS`.
    upright : turn leaning heads until their eyes are level, if the detector marks eyes.

    Returns
    -------
    faces : `(n, size, size, 3) uint8`.
    found : `(n,) bool`; where no face was found, the photo's middle stands in for it, with sides of
        0.7 of its shorter one.
    """
    faces = np.empty((len(photos), size, size, 3), np.uint8)
    found = np.zeros(len(photos), bool)
    quiet = None if len(photos) > 1 else True  # None: no bar where nobody watches
    for number, photo in enumerate(tqdm(photos, desc="faces", unit="photo", disable=quiet)):
        best = next(iter(detect_faces(photo, detector)), None)
        found[number] = best is not None
        roll = best.roll if best and upright else 0.0
        if best:
            cut = crop.FRAMINGS[detector, framing]
            box = region_for(best, cut)
        else:
            (height, width), side = photo.shape[:2], 0.7 * min(photo.shape[:2])
            box, cut = ((width - side) / 2, (height - side) / 2, side, side), crop.Framing(1.0)
        (faces[number],), _ = crop.crop_faces(photo, box, size, cut, roll)
    return faces, found
