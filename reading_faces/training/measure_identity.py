"""Measure how well people are told apart, on photos of them or on embeddings made elsewhere.

`load_faces` comes first; then one of three experiments: an SVM that has learnt from many faces of
each person, few pictures of each enrolled, or strangers among those who ask to be named.
"""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from helpers import metrics, recognition, settings
from helpers.data import DataError, load_people
from helpers.data.sources import locate
from helpers.detect import crop_largest_faces
from helpers.embedders import Embedder, to_unit_length
from reading_faces.training.made_sets import people_source
from reading_faces.training.measure import Evaluation, choose_split, describe, finite

DRAWS = 40


@dataclass(frozen=True)
class Faces:
    """Embeddings `(n, d)` of faces, whose they are `(n,) str`, and where they come from.

    Attributes
    ----------
    source, split : what was loaded.
    made_by : what a result says of how the embeddings were made.
    not_found : on how many photos no face was found, so that the middle stands for it.
    """

    embeddings: np.ndarray
    names: np.ndarray
    source: str
    split: str = "all"
    made_by: dict = field(default_factory=dict)
    not_found: int = 0


def load_faces(
    source: str,
    split: str | None = None,
    embedder: Embedder | None = None,
    detector: str = "mtcnn",
    upright: bool = True,
) -> Faces:
    """Find the face on each photo and embed it; or read embeddings from an `.npz`.

    Parameters
    ----------
    source : `"made"`, a known set of people, a folder with one for each person, or an `.npz` with
        `embeddings (n, d)` and `labels (n,)`, which needs no embedder.
    detector, upright : how faces are found and cut, as in `detect.crop_largest_faces`.

    Raises
    ------
    DataError, ValueError
        If the source is missing or damaged, has no such split, or needs an embedder.
    """
    if str(source).endswith(".npz"):
        if split not in (None, "all"):
            raise DataError(f"{source} has no split {split!r}; it has: all.")
        made_by = {"embedder": "whatever made the file", "weights": "none: embeddings as given"}
        return Faces(*read_embeddings(locate(source)), source, made_by=made_by)
    if embedder is None:
        raise ValueError(f"{source} holds photos: an embedder is needed.")
    split, people = choose_split(load_people(people_source(source)), split)
    how = embedder.size, embedder.framing, detector, upright
    cut, found = crop_largest_faces(people.photos, *how)
    usual = detector == "mtcnn" and upright
    made_by = {} if usual else {"detector": detector, "upright": upright}
    made_by["embedder"] = embedder.name
    embeddings, not_found = finite(embedder.embed(cut)), int((~found).sum())
    return Faces(embeddings, people.names, source, split, made_by, not_found)


def read_embeddings(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read `embeddings (n, d)` and `labels (n,)` from an `.npz` without pickle."""
    try:
        with np.load(path, allow_pickle=False) as file:
            embeddings, labels = file["embeddings"], file["labels"].astype(str)
    except (OSError, ValueError, KeyError) as problem:
        raise DataError(f"{path} holds no embeddings with labels ({problem}).") from None
    if embeddings.ndim != 2 or len(embeddings) != len(labels) or not np.isfinite(embeddings).all():
        raise DataError(f"{path}: embeddings must be finite and (n, d), with n labels.")
    return embeddings, labels


def evaluate_svm(faces: Faces, folds: int = 0) -> Evaluation:
    """Name each face by a linear SVM that has learnt from all others, or from the other `folds`.

    `wrong` lists the faces that got a wrong name. A face that resembles no other of its own name
    may be somebody else's: the wrong face of a photo, say.
    """
    names, people = faces.names, np.unique(faces.names)
    called = recognition.by_svm(faces.embeddings, names, folds, settings.SEED)
    own, nearest = (similarity_to(faces.embeddings, names, who) for who in (names, called))
    measured = {
        "accuracy": float((called == names).mean()),
        "accuracy_interval_95": metrics.bootstrap_interval(called == names),
        "judged": f"{folds} folds" if folds else "leaving one face out",
        "people": people.tolist(),
        "confusion": confusion_matrix(names, called, labels=people).tolist(),
        "wrong": [
            {
                "row": int(row),
                "name": str(names[row]),
                "called": str(called[row]),
                "similarity_to_own_name": float(own[row]),
                "similarity_to_that_name": float(nearest[row]),
            }
            for row in np.flatnonzero(called != names)
        ],
        "median_similarity_to_own_name": float(np.median(own)),
    }
    return beside_faces(faces, measured, {"names": called, "scores": nearest})


def evaluate_few(faces: Faces, enrolled: int) -> Evaluation:
    """Enrol so many pictures of each person by chance, `DRAWS` times, and name all others.

    Each draw names other faces, so there are no predictions row by row.
    """
    shares = recognition.by_few(faces.embeddings, faces.names, enrolled, DRAWS, settings.SEED)
    measured = {
        "accuracy": float(shares.mean()),
        "enrolled": enrolled,
        "draws": DRAWS,
        "standard_deviation_of_draws": float(shares.std(ddof=1)),
    }
    return beside_faces(faces, measured, {})


def evaluate_strangers(faces: Faces, strangers: Faces, folds: int = 5) -> Evaluation:
    """Tell known people from strangers, by similarity to the nearest person in the other folds."""
    known, seed = (faces.embeddings, faces.names), settings.SEED
    measured = recognition.with_strangers(*known, strangers.embeddings, folds, seed)
    measured |= {"strangers": len(strangers.names), "unknown": strangers.source}
    similar = recognition.against_others(*known, folds, seed)
    called = np.unique(faces.names)[similar.argmax(axis=1)]
    return beside_faces(faces, measured, {"names": called, "scores": similar.max(axis=1)})


def evaluate_embedder(embedder: Embedder) -> list[dict]:
    """Return the results that a card reports, of the three experiments whose data is at hand."""
    results = []
    with contextlib.suppress(DataError):
        celebrities = load_faces("five-celebrities", "train", embedder)
        results.append(evaluate_svm(celebrities, folds=5).result)
    with contextlib.suppress(DataError):
        results.append(evaluate_few(load_faces("orl", "test", embedder), enrolled=1).result)
    with contextlib.suppress(DataError):
        strangers = load_faces("photos/strangers", None, embedder)
        celebrities = load_faces("five-celebrities", "train", embedder)
        results.append(evaluate_strangers(celebrities, strangers).result)
    return results


def beside_faces(faces: Faces, measured: dict, predictions: dict) -> Evaluation:
    """Put what was measured beside the faces it was measured on, and what embedded them."""
    measured["no_face_found"] = faces.not_found
    result = describe("identity", faces.source, faces.split, len(faces.names), False, measured)
    return Evaluation(result | faces.made_by, predictions)


def similarity_to(embeddings: np.ndarray, names: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Return the cosine similarity `(n,)` of each face to the mean of the others of that name."""
    points = to_unit_length(embeddings)
    scores = np.empty(len(names))
    for row, name in enumerate(called):
        others = names == name
        others[row] = False
        scores[row] = points[row] @ to_unit_length(points[others].mean(axis=0))
    return scores
