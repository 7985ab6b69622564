"""Measure a trained model on one split of one data set, and keep what it predicted.

The result is a plain dictionary, as `python -m reading_faces evaluate … --json` prints it.
"""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from helpers import data, detect
from helpers.augment import affine_matrices, warp_images, warp_keypoints
from helpers.crop import points_to_photo
from helpers.images import resize_square
from helpers.models import TrainedModel
from reading_faces.training import action_units, scores
from reading_faces.training.definitions import marks_otherwise
from reading_faces.training.training_data import agreement

TRAINED_ON = ("train", "val")
# `evaluate_in_photos`: a larger picture, in pixels, and how large a face is in it.
WIDTH, HEIGHT = 400, 300
FACE_SIDES = (100, 200)
# Detection takes a third of a second a photo: enough of them for an interval of a few percent.
MOST_FACES = 1000


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and the predictions row by row in the source's order."""

    result: dict
    predictions: dict[str, np.ndarray]


def evaluate(
    model: TrainedModel, source: str, split: str | None = None, mirrored: bool = False
) -> Evaluation:
    """Measure a model of keypoints, emotions or action units, whichever it is.

    Without a `split`, that is on `test`, or on everything if the source has no splits. `mirrored`
    averages the prediction with that of the mirrored picture (test-time augmentation). Raises
    DataError or ValueError if the source is missing or damaged, has no such split, or has nothing
    to measure by.
    """
    measure = {
        "keypoints": evaluate_keypoints,
        "emotion": evaluate_emotion,
        "action_units": evaluate_action_units,
    }
    return measure[model.card["task"]](model, source, split, mirrored)


def evaluate_keypoints(
    model: TrainedModel, source: str, split: str | None, mirrored: bool = False, jitter: float = 0.0
) -> Evaluation:
    """Measure keypoints on the points that are labelled.

    `offset_removed` is there where the model's card has offsets of the source: `definitions`.
    With `jitter`, each picture is first moved and scaled by up to this share of its side, as a
    loose box would.
    """
    split, faces = choose_split(data.load_keypoints(source), split)
    moved = loose_boxes(len(faces), model.input_size, jitter)
    images = warp_images(faces.images, moved) if jitter else faces.images
    true = warp_keypoints(faces.keypoints, moved)
    predicted = finite(model.predict(images, mirrored))
    offsets = model.card.get("offsets", {}).get(marks_otherwise(source))
    measured = scores.keypoint_metrics(true, predicted, data.KEYPOINT_NAMES, offsets)
    result = describe("keypoints", source, split, len(faces), mirrored, measured)
    if jitter:
        result["jitter"] = jitter
    # What is stored belongs to the pictures as the source has them.
    return Evaluation(result, {"keypoints": points_to_photo(predicted, moved).astype(np.float32)})


def evaluate_emotion(
    model: TrainedModel, source: str, split: str | None, mirrored: bool
) -> Evaluation:
    """Measure emotions on the faces whose class the model knows; classes are matched by name.

    Where the source has training faces, `without_copies` is of pictures that are none of these,
    pixel by pixel.
    """
    whole = data.load_emotions(source)
    split, faces = choose_split(whole, split)
    classes = tuple(model.card["classes"])
    labels = faces.labels_among(classes)
    known = labels >= 0
    if not known.any():
        raise data.DataError(
            f"{source} has the classes {', '.join(faces.classes)}, of which the model knows none."
        )
    probabilities = finite(model.predict(faces.images, mirrored))
    correct = probabilities.argmax(axis=1) == labels
    measured = scores.emotion_metrics(labels[known], probabilities[known], classes)
    five = scores.among_classes(labels, probabilities, classes, data.FIVE_CLASSES)
    measured["five_classes"] = five
    training = whole.images[np.isin(whole.split, TRAINED_ON)]
    if len(training) and split not in TRAINED_ON:
        fresh = known & ~data.occur_among(faces.images, training)
        measured["without_copies"] = scores.share_right(correct[fresh])
    if faces.votes is not None:
        measured["by_agreement"] = by_agreement(faces.votes[known], correct[known])
    unknown = int((~known).sum())
    result = describe("emotion", source, split, int(known.sum()), mirrored, measured, unknown)
    return Evaluation(result, {"probabilities": probabilities, "classes": np.array(classes)})


def evaluate_action_units(
    model: TrainedModel, source: str, split: str | None, mirrored: bool
) -> Evaluation:
    """Measure action units where the source has them, and how well they go with its emotions.

    Units are matched by name (`ActionUnitData.among_units`). `prototype_agreement` is a weak check,
    for real faces too.
    """
    units = tuple(model.card["units"])
    measured = {}
    try:
        split, faces = choose_split(action_units.load_action_units(source), split)
    except action_units.NoActionUnits:
        split, faces = choose_split(data.load_emotions(source), split)
        images = np.stack([resize_square(image, model.input_size) for image in faces.images])
        probabilities = finite(model.predict(images, mirrored))
        emotions = np.array(faces.classes)[faces.labels]
    else:
        probabilities, emotions = finite(model.predict(faces.images, mirrored)), faces.emotions
        present, intensities = faces.among_units(units)
        limits = np.array(model.card["thresholds"])
        measured = scores.action_unit_metrics(present, probabilities, units, limits, intensities)
    measured |= scores.prototype_agreement(probabilities, emotions)
    result = describe("action-units", source, split, len(faces), mirrored, measured)
    return Evaluation(result, {"probabilities": probabilities, "classes": np.array(units)})


def evaluate_in_photos(
    model: TrainedModel, source: str, split: str | None, mirrored: bool, detector: str
) -> Evaluation:
    """Measure what a model of keypoints or emotions loses when faces come through the detector.

    Each face is put whole into a larger picture, looked for there, and cut out as `FaceReader`
    would: the same faces with the same labels are read twice. Of a larger split, `MOST_FACES` faces
    are drawn. The metrics are those of the faces found, and `own_crop` what the same faces give as
    the data set has them. `searched` counts the faces that were looked for, `found` is the share
    found, and `rows` of the predictions says which. Raises DataError if no face is found.
    """
    task, left_out = model.card["task"], 0
    if task == "keypoints":
        split, faces = choose_split(data.load_keypoints(source), split)
        labels, names, score = faces.keypoints, data.KEYPOINT_NAMES, scores.keypoint_metrics
    else:
        split, faces = choose_split(data.load_emotions(source), split)
        everybody, faces = faces, faces.among_classes(model.card["classes"])
        left_out = len(everybody) - len(faces)
        labels, names, score = faces.labels, faces.classes, scores.emotion_metrics
    rows = np.sort(np.random.default_rng(0).permutation(len(faces))[:MOST_FACES])
    found, crops, matrices = find_in_photos(faces.images[rows], model.input_size, task, detector)
    if not found.any():
        raise data.DataError(f"In none of the pictures of {source} was a face found.")
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
    result = describe(task, source, split, len(kept), mirrored, measured, left_out)
    return Evaluation(result, stored | {"rows": kept})


def choose_split(faces, split: str | None):
    """Return the split's name and its rows; a source without splits is taken whole."""
    split = split or ("all" if set(faces.split) == {"all"} else "test")
    return split, faces.select(split)


def finite(answers: np.ndarray) -> np.ndarray:
    """Return a model's answers, or raise a ValueError: NaN would be left out of any mean."""
    if not np.isfinite(answers).all():
        raise ValueError("The model answers with numbers that are none; its weights are broken.")
    return answers


def describe(
    task: str, source: str, split: str, n: int, mirrored: bool, measured: dict, left_out: int = 0
) -> dict:
    """Put what was measured beside what it was measured on, and how many faces were left out."""
    result = {
        "task": task,
        "source": str(source),
        "split": split,
        "n": n,
        "tta": "mean of the picture and its mirror image" if mirrored else None,
        "metrics": measured,
    }
    if left_out:
        result["left_out"] = {"n": left_out, "reason": "classes the model does not know"}
    return result


def by_agreement(votes: np.ndarray, correct: np.ndarray) -> list[dict]:
    """Say how often the model is right where voters agree little, and where they agree.

    There is a row for each range of the share of votes `(n, 10)` that the commonest answer got.
    """
    edges = [0.0, 0.5, 0.7, 0.9, 1.0]
    place = np.digitize(agreement(votes), edges[1:-1])
    return [
        {"from": edges[i], "to": edges[i + 1]} | scores.share_right(correct[place == i])
        for i in np.unique(place)
    ]


def loose_boxes(n: int, size: int, jitter: float) -> np.ndarray:
    """Return `(n, 2, 3)` matrices that move and scale pictures as a loose box would."""
    rng = np.random.default_rng(0)
    zoom = 1 / (1 + rng.uniform(-jitter, jitter, n))
    shift = rng.uniform(-jitter, jitter, (n, 2)) * size
    return affine_matrices(size, np.zeros(n), zoom, shift)


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
    photo[y : y + side, x : x + side] = resize_square(image, side)
    zoom = side / len(image)
    # The middle of the first pixel is at (0, 0), before and after.
    return photo, np.array([[zoom, 0, x + zoom / 2 - 0.5], [0, zoom, y + zoom / 2 - 0.5]])
