"""Measure what a model loses when faces come through the detector rather than cut by hand.

Each face is put whole into a larger picture, looked for there, and cut out as `FaceReader` would:
the same faces with the same labels are read twice.
"""

import cv2
import numpy as np
from tqdm import tqdm

from helpers import detect
from helpers.data import DataError, load_emotions, load_keypoints
from helpers.models import TrainedModel
from reading_faces.training.measure import Evaluation, choose_split, describe, score_model, undo

# The larger picture, in pixels, and how large a face is in it.
WIDTH, HEIGHT = 400, 300
FACE_SIDES = (100, 200)
# Detection takes a third of a second a photo: enough of them for an interval of a few percent.
MOST_FACES = 1000


def evaluate_in_photos(
    model: TrainedModel,
    source: str,
    split: str | None = None,
    mirrored: bool = False,
    detector: str = "mtcnn",
    seed: int = 0,
) -> Evaluation:
    """Measure a model of keypoints or of emotions on faces that a detector has found.

    Of a larger split, `MOST_FACES` faces are drawn. The metrics are those of the faces found, and
    `own_crop` what the same faces give as the data set has them. `searched` counts the faces that
    were looked for, `found` is the share found, and `rows` of the predictions says which.

    Raises
    ------
    DataError
        If no face is found.
    """
    task = model.card["task"]
    split, images, labels = labelled_faces(model, source, split)
    rows = np.sort(np.random.default_rng(seed).permutation(len(images))[:MOST_FACES])
    found, crops, matrices = find_in_photos(images[rows], model.input_size, task, detector, seed)
    if not found.any():
        raise DataError(f"In none of the pictures of {source} was a face found.")
    kept = rows[found]
    measured, predicted = score_model(model, crops, labels[kept], mirrored, undo(matrices))
    own_crop, _ = score_model(model, images[kept], labels[kept], mirrored)
    measured |= {
        "detector": detector,
        "searched": len(rows),
        "found": float(found.mean()),
        "own_crop": {name: value for name, value in own_crop.items() if isinstance(value, float)},
    }
    result = describe(task, source, split, len(kept), mirrored, measured)
    stored = {"keypoints": predicted}
    if task == "emotion":
        stored = {"probabilities": predicted, "classes": np.array(model.card["classes"])}
    return Evaluation(result, stored | {"rows": kept})


def labelled_faces(
    model: TrainedModel, source: str, split: str | None
) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the split's name, and its pictures and labels as `score_model` takes them."""
    if model.card["task"] == "keypoints":
        split, data = choose_split(load_keypoints(source), split)
        return split, data.images, data.keypoints
    split, data = choose_split(load_emotions(source), split)
    data = data.among_classes(model.card["classes"])
    return split, data.images, data.labels


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
