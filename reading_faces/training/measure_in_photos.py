"""Measure what a model loses when faces come through the detector rather than cut by hand.

Each face is put whole into a larger picture, looked for there, and cut out as `FaceReader` would:
the same faces with the same labels are read twice.
"""

import cv2
import numpy as np
from tqdm import tqdm

from helpers import detect
from helpers.augment import flip_images, flip_keypoints, warp_keypoints
from helpers.data import KEYPOINT_NAMES, DataError, load_emotions, load_keypoints
from helpers.models import TrainedModel
from reading_faces.training import scores
from reading_faces.training.measure import Evaluation, choose_split, describe, undo

# The larger picture, in pixels, and how large a face is in it.
WIDTH, HEIGHT = 400, 300
FACE_SIDES = (100, 200)
# Detection takes a third of a second a photo: enough of them for an interval of a few percent.
MOST_FACES = 1000


def evaluate_chain(
    model: TrainedModel,
    source: str,
    split: str | None = None,
    tta: bool = False,
    detector: str = "mtcnn",
    seed: int = 0,
) -> Evaluation:
    """Measure a model of keypoints or of emotions on faces that a detector has found.

    Of a larger split, `MOST_FACES` faces are drawn. The metrics are those of the faces found, and
    `own_crop` what the same faces give as the data set has them. `searched` counts the faces that
    were looked for, `found` is the share found, and `rows` of the predictions says which.

    Raises
    ------
    ValueError
        If the model is for another task.
    DataError
        If no face is found.
    """
    task = model.card["task"]
    if task not in ("keypoints", "emotion"):
        raise ValueError("Only keypoints and emotions are measured with --in-photos.")
    data = load_keypoints(source) if task == "keypoints" else load_emotions(source)
    split, data = choose_split(data, split)
    if task == "emotion":
        data = data.among_classes(model.card["classes"])
    rows = np.sort(np.random.default_rng(seed).permutation(len(data))[:MOST_FACES])
    found, crops, matrices = find_in_photos(
        data.images[rows], model.input_size, task, detector, seed
    )
    if not found.any():
        raise DataError(f"In none of the pictures of {source} was a face found.")
    own = data.select(np.isin(np.arange(len(data)), rows[found]))
    measured, predicted = measure(model, crops, own, tta, matrices)
    before, _ = measure(model, own.images, own, tta)
    numbers = {name: value for name, value in before.items() if isinstance(value, float)}
    measured |= {
        "detector": detector,
        "searched": len(rows),
        "found": float(found.mean()),
        "own_crop": numbers,
    }
    result = describe(task, source, split, len(own), tta, measured)
    return Evaluation(result, predicted | {"rows": rows[found]})


def measure(model: TrainedModel, images: np.ndarray, data, tta: bool, matrices=None) -> tuple:
    """Return the metrics of `images` with the labels of `data`, and what was predicted.

    With `matrices` `(n, 2, 3)`, which took the data's own pictures into `images`, keypoints are
    brought back to the former.
    """
    predicted = model.predict(images)
    mirrored = model.predict(flip_images(images)) if tta else None
    if model.card["task"] == "emotion":
        predicted = predicted if mirrored is None else (predicted + mirrored) / 2
        classes = data.classes
        stored = {"probabilities": predicted, "classes": np.array(classes)}
        return scores.emotion_metrics(data.labels, predicted, classes), stored
    if mirrored is not None:
        predicted = (predicted + flip_keypoints(mirrored, model.input_size)) / 2
    if matrices is not None:
        predicted = warp_keypoints(predicted, undo(matrices))
    stored = {"keypoints": predicted}
    return scores.keypoint_metrics(data.keypoints, predicted, KEYPOINT_NAMES), stored


def find_in_photos(
    images: np.ndarray, size: int, task: str, detector: str, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put each face into a larger picture, look for it there, and cut it out for a model.

    Parameters
    ----------
    images : `(n, h, h) uint8` faces.
    size : side of the crops in pixels.

    Returns
    -------
    found : `(n,) bool`; a box belongs to the face whose middle it holds.
    crops : `(m, size, size) uint8` of the faces found.
    matrices : `(m, 2, 3)`, each takes points of a face's own picture into its crop.
    """
    rng = np.random.default_rng(seed)
    found, crops, matrices = np.zeros(len(images), bool), [], []
    for i, image in enumerate(tqdm(images, desc=f"search with {detector}", disable=None)):
        photo, into_photo = put_into_photo(image, rng)
        middle = into_photo @ [(len(image) - 1) / 2, (len(image) - 1) / 2, 1]
        for face in detect.detect_faces(np.repeat(photo[..., None], 3, axis=2), detector):
            x, y, width, height = face.box
            if x <= middle[0] < x + width and y <= middle[1] < y + height:
                crop, matrix = detect.crop_detected(photo, [face], detector, task, size)
                crops.append(crop[0])
                matrices.append(matrix[0] @ np.vstack([into_photo, [0, 0, 1]]))
                found[i] = True
                break
    shape = (-1, size, size)
    return found, np.reshape(crops, shape).astype(np.uint8), np.reshape(matrices, (-1, 2, 3))


def put_into_photo(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a grey photo with the face somewhere in it, and the matrix that took it there."""
    zoom = rng.uniform(*FACE_SIDES) / len(image)
    side = round(zoom * len(image))
    zoom = side / len(image)
    corner = rng.integers(0, (WIDTH - side, HEIGHT - side))
    photo = np.full((HEIGHT, WIDTH), np.uint8(image.mean()))
    enlarged = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    photo[corner[1] : corner[1] + side, corner[0] : corner[0] + side] = enlarged
    shift = corner + zoom / 2 - 0.5  # the middle of the first pixel is at (0, 0), before and after
    return photo, np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
