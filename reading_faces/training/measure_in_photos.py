"""Measure what a model loses when faces come through the detector rather than cut by hand.

Each face is put whole into a larger picture, looked for there, and cut out as `FaceReader` would:
the same faces with the same labels are read twice.
"""

import cv2
import numpy as np
from tqdm import tqdm

from helpers import detect
from helpers.crop import points_to_photo
from helpers.data import KEYPOINT_NAMES, DataError, load_emotions, load_keypoints
from helpers.models import TrainedModel
from reading_faces.training import scores
from reading_faces.training.measure import Evaluation, choose_split, describe, finite

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
) -> Evaluation:
    """Measure a model of keypoints or of emotions on faces that a detector has found.

    Of a larger split, `MOST_FACES` faces are drawn. The metrics are those of the faces found, and
    `own_crop` what the same faces give as the data set has them. `searched` counts the faces that
    were looked for, `found` is the share found, and `rows` of the predictions says which. Raises
    DataError if no face is found.
    """
    task = model.card["task"]
    if task == "keypoints":
        split, faces = choose_split(load_keypoints(source), split)
        labels, names, score = faces.keypoints, KEYPOINT_NAMES, scores.keypoint_metrics
    else:
        split, faces = choose_split(load_emotions(source), split)
        faces = faces.among_classes(model.card["classes"])
        labels, names, score = faces.labels, faces.classes, scores.emotion_metrics
    rows = np.sort(np.random.default_rng(0).permutation(len(faces))[:MOST_FACES])
    found, crops, matrices = find_in_photos(faces.images[rows], model.input_size, task, detector)
    if not found.any():
        raise DataError(f"In none of the pictures of {source} was a face found.")
    kept = rows[found]
    predicted = finite(model.predict(crops, mirrored))
    if task == "keypoints":
        predicted = points_to_photo(predicted, matrices).astype(np.float32)
        stored = {"keypoints": predicted}
    else:
        stored = {"probabilities": predicted, "classes": np.array(names)}
    own_crop = score(labels[kept], finite(model.predict(faces.images[kept], mirrored)), names)
    measured = score(labels[kept], predicted, names) | {
        "detector": detector,
        "searched": len(rows),
        "found": float(found.mean()),
        "own_crop": {name: value for name, value in own_crop.items() if isinstance(value, float)},
    }
    result = describe(task, source, split, len(kept), mirrored, measured)
    return Evaluation(result, stored | {"rows": kept})


def find_in_photos(
    images: np.ndarray, size: int, task: str, detector: str
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
    rng = np.random.default_rng(0)
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
    crops, matrices = np.reshape(crops, (-1, size, size)), np.reshape(matrices, (-1, 2, 3))
    return found, crops.astype(np.uint8), matrices


def put_into_photo(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a grey photo with the face somewhere in it, and the matrix that took it there."""
    side = round(rng.uniform(*FACE_SIDES))
    x, y = rng.integers(0, (WIDTH - side, HEIGHT - side))
    photo = np.full((HEIGHT, WIDTH), np.uint8(image.mean()))
    photo[y : y + side, x : x + side] = cv2.resize(
        image, (side, side), interpolation=cv2.INTER_CUBIC
    )
    zoom = side / len(image)
    # The middle of the first pixel is at (0, 0), before and after.
    return photo, np.array([[zoom, 0, x + zoom / 2 - 0.5], [0, zoom, y + zoom / 2 - 0.5]])
