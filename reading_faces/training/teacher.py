"""What a better network says of each picture: dlib's embedding of the face, and five of its points.

Our embedder learns from these. The network is in the public domain (CC0); the terms of the points'
predictor exclude commercial use. Both come with the package face_recognition_models.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import settings
from helpers.data.archives import read_archive
from helpers.data.records import DataError
from helpers.data.sources import locate

_LENGTH = 128


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

    Raises
    ------
    DataError
        If the set or the file is missing, or the file is malformed.
    """
    folder = locate(source)
    places = dict.fromkeys((folder.parent, folder, *settings.data_folders()))
    files = [place / f"{folder.name}_teacher.npz" for place in places]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        raise DataError(
            f"{source} has no teacher's embeddings; looked for {', '.join(map(str, files))}. "
            f"To make them: python -m reading_faces data teach {source} --out {files[0]}"
        )
    arrays = read_archive(
        path,
        needed={
            "embeddings": (np.float32, _LENGTH),
            "landmarks": (np.float32, 5, 2),
            "files": (str,),
        },
        optional={},
    )
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
    if not any("/" not in file for file in files.tolist()):
        return files
    inside = {p.name: p.relative_to(folder).as_posix() for p in folder.rglob("*.*")}
    return np.array([inside.get(file, file) for file in files.tolist()])
