"""Measure how well people are told apart, on photos of them or on embeddings made elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix

from helpers import detect, metrics, recognition, settings
from helpers.data import DataError, load_people
from helpers.data.sources import existing_path
from helpers.detect import cut_portraits
from helpers.embedders import Embedder, to_unit_length
from reading_faces.training.made_sets import people_source
from reading_faces.training.measure import Evaluation, choose_split, describe, time_call

DRAWS = 40
_SPEED_PHOTOS, _SPEED_FACES = 16, 64


@dataclass(frozen=True)
class KnownFaces:
    """Embeddings `(n, d)`, whose they are `(n,) str`, and on how many photos no face was found."""

    embeddings: np.ndarray
    names: np.ndarray
    split: str
    not_found: int = 0


def evaluate_identity(
    embedder: Embedder | None,
    source: str,
    split: str | None = None,
    folds: int | None = None,
    enroll: int | None = None,
    unknown: str | None = None,
    detector: str = "mtcnn",
    upright: bool = True,
    seed: int = settings.SEED,
) -> Evaluation:
    """Measure on `source`: a known set of people, a folder for each person, or an `.npz`.

    By default a linear SVM names each face after it has learnt from all others.

    Parameters
    ----------
    embedder : what makes embeddings of photos; not needed for an `.npz` with `embeddings` and
        `labels`.
    folds : the SVM learns from the other folds instead.
    enroll : enrol so many pictures of each person by chance, `DRAWS` times, and name the others by
        the nearest person.
    unknown : a source of people who are not enrolled: are they told from those who are?
    detector, upright : how faces are found and cut, as in `portraits.cut_portraits`.

    Raises
    ------
    DataError, ValueError
        If the source is missing or damaged, or has too few faces for what is asked.
    """
    faces = load_faces(source, split, embedder, detector, upright)
    names, embeddings = faces.names, faces.embeddings
    measured, predicted = {}, {}
    if unknown:
        strangers = load_faces(unknown, None, embedder, detector, upright)
        measured = recognition.with_strangers(
            embeddings, names, strangers.embeddings, folds or 5, seed
        )
        measured |= {"strangers": len(strangers.names), "unknown": unknown}
        similar = recognition.against_others(embeddings, names, folds or 5, seed)
        called = np.unique(names)[similar.argmax(axis=1)]
        predicted = {"names": called, "scores": similar.max(axis=1)}
    elif enroll:
        shares = recognition.by_few(embeddings, names, enroll, DRAWS, seed)
        measured = {"accuracy": float(shares.mean()), "enrolled": enroll, "draws": DRAWS}
        measured["standard_deviation_of_draws"] = float(shares.std(ddof=1))
    else:
        called = recognition.by_svm(embeddings, names, folds or 0, seed)
        people = np.unique(names)
        measured = {
            "accuracy": float((called == names).mean()),
            "accuracy_interval_95": metrics.bootstrap_interval(called == names),
            "judged": f"{folds} folds" if folds else "leaving one face out",
            "people": people.tolist(),
            "confusion": confusion_matrix(names, called, labels=people).tolist(),
            **wrong_names(embeddings, names, called),
        }
        predicted = {"names": called, "scores": similarity_to(embeddings, names, called)}
    measured["no_face_found"] = faces.not_found
    result = describe("identity", source, faces.split, len(names), False, measured)
    if detector != "mtcnn" or not upright:
        result |= {"detector": detector, "upright": upright}
    result["embedder"] = embedder.name if embedder else "whatever made the file"
    if embedder is None:
        result["weights"] = "none: embeddings as given"
    return Evaluation(result, predicted)


def wrong_names(embeddings: np.ndarray, names: np.ndarray, called: np.ndarray) -> dict:
    """List the faces that got a wrong name, and how much they resemble others of their own name.

    Who resembles nobody of that name may be somebody else: the wrong face of a photo, say.
    """
    own, other = (similarity_to(embeddings, names, who) for who in (names, called))
    return {
        "wrong": [
            {
                "row": int(row),
                "name": str(names[row]),
                "called": str(called[row]),
                "similarity_to_own_name": float(own[row]),
                "similarity_to_that_name": float(other[row]),
            }
            for row in np.flatnonzero(called != names)
        ],
        "median_similarity_to_own_name": float(np.median(own)),
    }


def similarity_to(embeddings: np.ndarray, names: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Return the cosine similarity `(n,)` of each face to the mean of the others of that name."""
    points = to_unit_length(embeddings)
    scores = np.empty(len(names))
    for row, name in enumerate(called):
        others = names == name
        others[row] = False
        scores[row] = points[row] @ to_unit_length(points[others].mean(axis=0))
    return scores


def load_faces(
    source: str,
    split: str | None,
    embedder: Embedder | None,
    detector: str = "mtcnn",
    upright: bool = True,
) -> KnownFaces:
    """Find the face on each photo and embed it; or read embeddings from an `.npz`."""
    if str(source).endswith(".npz"):
        if split not in (None, "all"):
            raise DataError(f"{source} has no split {split!r}; it has: all.")
        return read_embeddings(existing_path(source))
    if embedder is None:
        raise ValueError(f"{source} holds photos: an embedder is needed.")
    split, people = choose_split(load_people(people_source(source)), split)
    cut, found = cut_portraits(people.photos, embedder.size, embedder.framing, detector, upright)
    return KnownFaces(embedder.embed(cut), people.names, split, int((~found).sum()))


def read_embeddings(path: Path) -> KnownFaces:
    """Read `embeddings (n, d)` and `labels (n,)` from an `.npz` without pickle."""
    try:
        with np.load(path, allow_pickle=False) as file:
            embeddings, labels = file["embeddings"], file["labels"].astype(str)
    except (OSError, ValueError, KeyError) as problem:
        raise DataError(f"{path} holds no embeddings with labels ({problem}).") from None
    if embeddings.ndim != 2 or len(embeddings) != len(labels) or not np.isfinite(embeddings).all():
        raise DataError(f"{path}: embeddings must be finite and (n, d), with n labels.")
    return KnownFaces(embeddings, labels, "all")


def measure_speed(embedder: Embedder, photos: Sequence[np.ndarray], seconds: float = 2.0) -> dict:
    """Time finding faces, and embedding them in a batch and one by one, on this machine."""
    some = [photos[number] for number in range(min(_SPEED_PHOTOS, len(photos)))]
    faces = np.zeros((_SPEED_FACES, embedder.size, embedder.size, 3), np.uint8)
    finding = time_call(lambda: [detect.detect_faces(photo) for photo in some], seconds)
    together = time_call(lambda: embedder.embed(faces), seconds)
    single = time_call(lambda: [embedder.embed(face[None]) for face in faces], seconds)
    return {
        "photos_per_second_detection": len(some) / finding,
        f"faces_per_second_batch_{_SPEED_FACES}": _SPEED_FACES / together,
        "faces_per_second_one_by_one": _SPEED_FACES / single,
        "times_faster_in_a_batch": single / together,
    }
