"""How well two well-known programs mark the same faces: MediaPipe's Face Mesh, and dlib.

Neither comes with the course: `peers.txt` names what this needs, and no network of ours is loaded.
"""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from helpers.data import KEYPOINT_NAMES, load_keypoints
from helpers.data.keypoints import OF_68
from reading_faces.training import scores
from reading_faces.training.definitions import fit_offsets
from reading_faces.training.teacher import dlib_model

_NEEDED = ("mediapipe", "dlib", "face_recognition_models")
# Of the 468 points of the mesh, those whose mean is each of ours; of an eye, its edge.
_OF_MESH = (
    (362, 385, 387, 263, 373, 380), (33, 160, 158, 133, 153, 144),
    *([n] for n in (362, 263, 133, 33, 336, 300, 107, 70, 4, 291, 61, 0, 17)),
)  # fmt: skip
# Kaggle's framing is tighter and smaller than what both were made for.
_BORDER, _ENLARGED = 32, 4
# Left, top, right and bottom of the box in which dlib's detector finds most faces of that framing.
_USUAL_BOX = (164, 198, 474, 508)


def compare(source: str = "youtube-faces", split: str = "test") -> dict:
    """Measure both on the faces of a source, cut as our model sees them.

    Returns for each program the share of faces in which it `found` one (dlib: all, see `dlib_68`),
    and of those what `evaluate` prints. `offset_removed` is without the best constant offset of
    each point on these very faces, which favours it. Raises ValueError if the source or a program
    is missing.
    """
    if not all(map(importlib.util.find_spec, _NEEDED)):
        raise ValueError(
            f"{', '.join(_NEEDED)} must be installed, in an environment of its own with Python "
            f"3.11: pip install -r {Path(__file__).with_name('peers.txt')}"
        )
    faces, variants = load_keypoints(source).select(split), []
    for name, load in PROGRAMS.items():
        mark, parts = load()
        points = np.stack([marked(image, mark, parts) for image in tqdm(faces.images, desc=name)])
        found = np.isfinite(points).all(axis=(1, 2))
        true, points = faces.keypoints[found], points[found]
        measured = scores.keypoint_metrics(true, points, KEYPOINT_NAMES, fit_offsets(points, true))
        variants.append({"name": name, "found": float(found.mean()), "metrics": measured})
    asked = {"study": "peers", "source": source, "split": split, "n": len(faces)}
    return asked | {"variants": variants}


def marked(face: np.ndarray, mark, parts) -> np.ndarray:
    """Return our points `(15, 2)` in a face `(96, 96) uint8`, NaN if `mark` finds none.

    `parts` are, for each, the numbers of those points that `mark` gives whose mean it is.
    """
    wide = cv2.copyMakeBorder(face, *[_BORDER] * 4, cv2.BORDER_REPLICATE)
    large = cv2.resize(wide, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
    points = mark(cv2.cvtColor(large, cv2.COLOR_GRAY2RGB))
    if points is None:
        return np.full((15, 2), np.nan)
    ours = np.stack([points[[*part]].mean(axis=0) for part in parts])
    return (ours + 0.5) / _ENLARGED - 0.5 - _BORDER


def face_mesh():
    """Return what marks an RGB picture with MediaPipe's Face Mesh, and which points are ours."""
    import mediapipe

    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1)

    def mark(picture: np.ndarray) -> np.ndarray | None:
        for face in mesh.process(picture).multi_face_landmarks or ():
            return np.array([(p.x, p.y) for p in face.landmark]) * picture.shape[1::-1] - 0.5

    return mark, _OF_MESH


def dlib_68():
    """Return the same for dlib's 68 points; where its detector finds no face, the box is usual."""
    import dlib

    predict = dlib.shape_predictor(dlib_model("shape_predictor_68_face_landmarks.dat"))
    detect, usual = dlib.get_frontal_face_detector(), dlib.rectangle(*_USUAL_BOX)

    def mark(picture: np.ndarray) -> np.ndarray:
        face = max(detect(picture), key=lambda face: face.area(), default=usual)
        return np.array([(p.x, p.y) for p in predict(picture, face).parts()], float)

    return mark, OF_68


PROGRAMS = {"MediaPipe Face Mesh 0.10.21": face_mesh, "dlib, 68 points": dlib_68}
