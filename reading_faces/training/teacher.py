"""What a better network says of each picture: dlib's embedding of the face, and five of its points.

Our embedder learns from these. The network is in the public domain (CC0); the terms of the points'
predictor exclude commercial use. Both come with the packages that `teacher.txt` names, which only
making such a file needs: one that is made is read without them.
"""

import importlib.util
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from helpers import settings
from helpers.data.keypoints import OF_68
from helpers.data.parsing import read_archive
from helpers.data.people import load_people
from helpers.data.records import DataError
from helpers.data.sources import locate
from helpers.images import PhotoError

_LENGTH = 128
# dlib finds faces of 80 pixels and more, and none that the picture's edge cuts.
_LEAST_SIDE, _MOST_SIDE = 400, 1_000
_BORDER = 0.25
# The points of the 68 whose mean is each of the five: eyes, nose tip and corners of the mouth.
_FIVE = [OF_68[point] for point in (1, 0, 10, 12, 11)]


class Teacher(NamedTuple):
    """The embeddings and points of n pictures, one face each.

    Attributes
    ----------
    files : (n,) str, paths relative to the folder of the data set, with ``/``
    embeddings : (n, 128) float32 of length 1; same people have a small distance
    landmarks : (n, 5, 2) float32, x and y in pixels of the picture: the subject's right eye, left
        eye, nose tip, right and left corner of the mouth
    """

    files: np.ndarray
    embeddings: np.ndarray
    landmarks: np.ndarray


def read_teacher(source: str | Path) -> Teacher:
    """Read what the teacher said of the pictures of a data set.

    It is in ``<name>_teacher.npz``, beside the folder of the set or in it, or in any folder where
    sets are looked for. Files named without a folder are found by name in the folders of the set.
    Raises DataError if the set or the file is missing, or the file is malformed.
    """
    folder = locate(source)
    places = dict.fromkeys((folder.parent, folder, *settings.data_folders()))
    files = [place / f"{folder.name}_teacher.npz" for place in places]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        raise DataError(
            f"{source} has no teacher's embeddings. To make them: "
            f"python -m reading_faces data teach {source} --out {files[0]}"
        )
    needed = {"embeddings": (np.float32, _LENGTH), "landmarks": (np.float32, 5, 2), "files": (str,)}
    arrays = read_archive(path, needed, {})
    embeddings = arrays["embeddings"]
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    sound = np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)
    sound &= np.isfinite(arrays["landmarks"]).all(axis=(1, 2))
    if not sound.all():
        row = int(np.argmin(sound))
        raise DataError(
            f"{path} has an embedding or landmarks of {arrays['files'][row]} that are no finite "
            "numbers; make it again."
        )
    return Teacher(_placed(folder, arrays["files"]), embeddings / lengths, arrays["landmarks"])


def _placed(folder: Path, files: np.ndarray) -> np.ndarray:
    """Return the names with the folder that each file lies in, for those that lack it."""
    if all("/" in file for file in files.tolist()):
        return files
    inside = {p.name: p.relative_to(folder).as_posix() for p in folder.rglob("*.*")}
    return np.array([inside.get(file, file) for file in files.tolist()])


def teach(source: str | Path) -> tuple[Teacher, int]:
    """Show the teacher each picture of a source that `load_people` takes; about ten a second.

    Of several faces it takes one that is large and near the middle. Returns what it says of the
    pictures with a face (embeddings `float16` as dlib gives them, longer than 1), and how many are
    left out: no face was found, or they cannot be read. Raises DataError if the source holds no
    people, dlib is not installed, or no face was found at all.
    """
    people, folder, dlib = load_people(source), locate(source), _Dlib()
    files, rows = [], []
    for file, number in zip(people.files, tqdm(range(len(people)), unit="picture"), strict=True):
        try:
            row = dlib.describe(people.photos[number])
        except PhotoError:
            continue
        if row:
            files.append(file.relative_to(folder).as_posix())
            rows.append(row)
    if not rows:
        raise DataError(f"dlib finds no face in the {len(people)} pictures of {source}.")
    embeddings, landmarks = zip(*rows, strict=True)
    said = np.array(embeddings, np.float16), np.array(landmarks, np.float32)
    return Teacher(np.array(files), *said), len(people) - len(rows)


def dlib_model(name: str) -> str:
    """Return the file of a model of face_recognition_models; ImportError if that is not installed.

    The package is found and not imported: its own code needs what Python no longer brings.
    """
    package = importlib.util.find_spec("face_recognition_models")
    if package is None:
        raise ImportError("face_recognition_models")
    return str(Path(package.origin).with_name("models") / name)


class _Dlib:
    """dlib's face detector, its predictor of 68 points, and its face recognition network."""

    def __init__(self):
        try:
            import dlib

            points = dlib_model("shape_predictor_68_face_landmarks.dat")
            network = dlib_model("dlib_face_recognition_resnet_model_v1.dat")
        except ImportError:
            raise DataError(
                "dlib and face_recognition_models are not both installed; run: pip install -r "
                f"{Path(__file__).with_name('teacher.txt')}"
            ) from None
        self._find = dlib.get_frontal_face_detector()
        self._mark = dlib.shape_predictor(points)
        self._network = dlib.face_recognition_model_v1(network)

    def describe(self, photo: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return embedding (128,) and landmarks (5, 2) of the face in a photo (h, w, 3) uint8."""
        border = round(_BORDER * max(photo.shape))
        wide = cv2.copyMakeBorder(photo, *[border] * 4, cv2.BORDER_REPLICATE)
        scale = np.clip(max(wide.shape), _LEAST_SIDE, _MOST_SIDE) / max(wide.shape)
        seen = cv2.resize(wide, None, fx=scale, fy=scale)
        middle = np.array(seen.shape[1::-1]) / 2

        def prominence(face) -> float:
            centre = (face.left() + face.right()) / 2, (face.top() + face.bottom()) / 2
            return face.width() - np.linalg.norm(centre - middle)

        # The second time in a picture of twice the size: small faces, and slow.
        face = max(self._find(seen) or self._find(seen, 1), key=prominence, default=None)
        if face is None:
            return None
        marks = self._mark(seen, face)
        points = np.array([(part.x, part.y) for part in marks.parts()], float)
        five = np.stack([points[[*part]].mean(axis=0) for part in _FIVE])
        embedding = np.array(self._network.compute_face_descriptor(seen, marks))
        return embedding, (five + 0.5) / scale - 0.5 - border
