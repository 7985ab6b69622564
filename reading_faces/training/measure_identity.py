"""Measure how well people are told apart, on photos of them or on embeddings made elsewhere.

`load_faces` comes first; then one of four experiments: an SVM that has learnt from many faces of
each person, few pictures of each enrolled, strangers among those who ask to be named, or pairs of
which it is to be said whether they show one person.
"""

import contextlib
import itertools
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve
from sklearn.model_selection import LeaveOneOut, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.svm import SVC

from helpers import metrics, settings
from helpers.data import DataError, load_people
from helpers.data.parsing import read_archive
from helpers.data.sources import locate
from helpers.detect import crop_largest_faces
from helpers.gallery import Embedder, Gallery, to_unit_length
from helpers.images import to_grey
from reading_faces.made_faces.sets import tone_of
from reading_faces.training.made_sets import people_source
from reading_faces.training.measure import Evaluation, choose_split, describe, finite

DRAWS = 40
MOST_PAIRS = 8  # of one person: a few have dozens of photos


@dataclass(frozen=True)
class Faces:
    """Embeddings `(n, d)` of faces, whose they are `(n,) str`, and where they come from.

    Attributes
    ----------
    source, split : what was loaded.
    made_by : what a result says of how the embeddings were made.
    not_found : on how many photos no face was found, so that the middle stands for it.
    threshold : similarity from which on the embedder takes two faces for one person's, if it has.
    sharpness : (n,) float, standard deviation of the Laplacian of each face as it was cut
    """

    embeddings: np.ndarray
    names: np.ndarray
    source: str
    split: str = "all"
    made_by: dict = field(default_factory=dict)
    not_found: int = 0
    threshold: float | None = None
    sharpness: np.ndarray | None = None


def load_faces(
    source: str,
    split: str | None = None,
    embedder: Embedder | None = None,
    detector: str = "mtcnn",
    upright: bool = True,
    many: bool = False,
) -> Faces:
    """Find the face on each photo and embed it; or read embeddings from an `.npz`.

    Parameters
    ----------
    source : `"made"`, a known set of people, a folder with one for each person, or an `.npz` with
        `embeddings (n, d)` and `labels (n,)`, which needs no embedder.
    detector, upright : how faces are found and cut, as in `detect.crop_largest_faces`.
    many : of made people, take more, with fewer photos of each.

    Raises DataError or ValueError if the source is missing or damaged, has no such split, or needs
    an embedder.
    """
    if str(source).endswith(".npz"):
        if split not in (None, "all"):
            raise DataError(f"{source} has no split {split!r}; it has: all.")
        made_by = {"embedder": "whatever made the file", "weights": "none: embeddings as given"}
        needed = {"embeddings": (np.float32, None), "labels": (str,)}
        stored = read_archive(locate(source), needed, {})
        if not np.isfinite(stored["embeddings"]).all():
            raise DataError(f"{source} has embeddings with numbers that are none.")
        return Faces(stored["embeddings"], stored["labels"], source, made_by=made_by)
    if embedder is None:
        raise ValueError(f"{source} holds photos: an embedder is needed.")
    split, people = choose_split(load_people(people_source(source, many)), split)
    how = embedder.size, embedder.framing, detector, upright
    cut, found = crop_largest_faces(people.photos, *how)
    usual = detector == "mtcnn" and upright
    made_by = {} if usual else {"detector": detector, "upright": upright}
    made_by["embedder"] = embedder.name
    sharpness = np.array([cv2.Laplacian(to_grey(face), cv2.CV_64F).std() for face in cut])
    embeddings, not_found = finite(embedder.embed(cut)), int((~found).sum())
    about = made_by, not_found, embedder.threshold, sharpness
    return Faces(embeddings, people.names, source, split, *about)


def evaluate_svm(faces: Faces, folds: int = 0) -> Evaluation:
    """Name each face by a linear SVM that has learnt from all others, or from the other `folds`.

    `wrong` lists the faces that got a wrong name. A face that resembles no other of its own name
    may be somebody else's: the wrong face of a photo, say. Raises ValueError if there are fewer
    than two people, or somebody has fewer faces than there are folds.
    """
    names, people = faces.names, np.unique(faces.names)
    if len(people) < 2:
        raise ValueError("To tell people apart, there must be two or more.")
    check_enough(names, max(folds, 2))
    # Points of length 1 lie close together: with the usual C of 1 the margin is too soft for them.
    machine = make_pipeline(Normalizer(), SVC(kernel="linear", C=10))
    parts = stratified(folds) if folds else LeaveOneOut()
    called = cross_val_predict(machine, faces.embeddings, names, cv=parts)
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

    Each draw names other faces, so there are no predictions row by row. Raises ValueError if
    somebody has no face left to be named.
    """
    embeddings, names = faces.embeddings, faces.names
    check_enough(names, enrolled + 1)
    rng, shares = np.random.default_rng(settings.SEED), []
    for _ in range(DRAWS):
        known = np.zeros(len(names), bool)
        for name in np.unique(names):
            known[rng.choice(np.flatnonzero(names == name), enrolled, replace=False)] = True
        gallery = gallery_of(embeddings[known], names[known])
        found = gallery.similarities(embeddings[~known]).argmax(axis=1)
        shares.append(np.mean(np.array(gallery.people)[found] == names[~known]))
    measured = {
        "accuracy": float(np.mean(shares)),
        "enrolled": enrolled,
        "draws": DRAWS,
        "standard_deviation_of_draws": float(np.std(shares, ddof=1)),
    }
    return beside_faces(faces, measured, {})


def evaluate_strangers(faces: Faces, strangers: Faces, folds: int = 5) -> Evaluation:
    """Tell known people from strangers, by similarity to the nearest person in the other folds.

    All strangers are judged against the gallery of each fold. `eer` is the rate at which as many
    strangers are taken for somebody as known people for strangers, and `threshold` where that is;
    `accuracy` is of known people without a threshold. Raises ValueError if somebody has fewer faces
    than there are folds.
    """
    embeddings, names, people = faces.embeddings, faces.names, np.unique(faces.names)
    check_enough(names, folds)
    similar, unknown = np.empty((len(names), len(people))), []
    for learn, judge in stratified(folds).split(embeddings, names):
        gallery = gallery_of(embeddings[learn], names[learn])
        similar[judge] = gallery.similarities(embeddings[judge])
        unknown.append(gallery.similarities(strangers.embeddings).max(axis=1))
    known, unknown = similar.max(axis=1), np.concatenate(unknown)
    called = people[similar.argmax(axis=1)]
    is_known = np.repeat([1, 0], [len(known), len(unknown)])
    rate, threshold = equal_error_rate(known, unknown)
    measured = {
        "accuracy": float((called == names).mean()),
        "unknown_auroc": float(roc_auc_score(is_known, np.concatenate([known, unknown]))),
        "eer": rate,
        "threshold": threshold,
        "strangers": len(strangers.names),
        "unknown": strangers.source,
    }
    if faces.threshold is not None:  # all known faces are enrolled, as somebody would do it
        nearest = gallery_of(embeddings, names).similarities(strangers.embeddings).max(axis=1)
        measured["named_strangers"] = int((nearest >= faces.threshold).sum())
        measured["shipped_threshold"] = faces.threshold
    return beside_faces(faces, measured, {"names": called, "scores": known})


def evaluate_pairs(faces: Faces) -> Evaluation:
    """Say of pairs of faces whether they show one person; half of them do.

    A person gives at most `MOST_PAIRS`. Each tenth of the pairs is judged by the threshold that is
    best for the others. AUROC and equal error rate set those of one person against all pairs of two
    people; the rate is given for each group of `groups_of` as well, by the pairs drawn.
    """
    pairs, same = draw_pairs(faces.names, settings.SEED)
    first, second = to_unit_length(faces.embeddings)[pairs.T]
    similar = (first * second).sum(axis=1)
    different = all_pairs(faces.embeddings, faces.names)[1]
    is_same = np.arange(same.sum() + len(different)) < same.sum()
    right = np.zeros(len(pairs), bool)
    for learn, judge in stratified(10).split(similar, same):
        accepted, found, thresholds = roc_curve(same[learn], similar[learn])
        right[judge] = (similar[judge] >= thresholds[np.argmax(found - accepted)]) == same[judge]
    measured = {
        "pairs": len(pairs),
        "pairs_accuracy": float(right.mean()),
        "pairs_accuracy_interval_95": metrics.bootstrap_interval(right),
        "pairs_auroc": float(roc_auc_score(is_same, np.concatenate([similar[same], different]))),
        "eer": equal_error_rate(similar[same], different)[0],
    }
    for trait, groups in groups_of(faces, pairs).items():
        measured[f"eer_by_{trait}"] = {
            name: equal_error_rate(similar[rows & same], similar[rows & ~same])[0]
            for name, rows in groups.items()
            if 0 < same[rows].sum() < rows.sum()  # with pairs of one person, and of two
        }
    stored = {"pairs": pairs, "same": same, "scores": similar}
    stored |= {"embeddings": faces.embeddings, "names": faces.names}
    return beside_faces(faces, measured, stored)


def groups_of(faces: Faces, pairs: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Return which pairs `(m,) bool` belong to each group that a label can be defended for.

    For photos, thirds by the less sharp face; for made people, pairs of like skin tone.
    """
    groups = {}
    if faces.sharpness is not None:
        worst = faces.sharpness[pairs].min(axis=1)
        third = np.digitize(worst, np.quantile(worst, [1 / 3, 2 / 3]))
        names = "blurred", "middling", "sharp"
        groups["sharpness"] = {name: third == n for n, name in enumerate(names)}
    if faces.source == "made":  # person 7 of an album is `person-07`
        number = np.array([int(name.removeprefix("person-")) for name in faces.names])
        third = np.digitize(tone_of(number), [3, 7])[pairs]
        names = "light", "middle", "dark"
        groups["skin_tone"] = {name: (third == n).all(axis=1) for n, name in enumerate(names)}
    return groups


def draw_pairs(names: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows `(m, 2)` of pairs of faces, and whether both show one person, `(m,) bool`."""
    rng = np.random.default_rng(seed)
    same = []
    for name in np.unique(names):
        own = list(itertools.combinations(np.flatnonzero(names == name), 2))
        same += [own[k] for k in rng.permutation(len(own))[:MOST_PAIRS]]
    if not same or len(np.unique(names)) < 2:
        raise DataError("For pairs, there must be two people, and two photos of one of them.")
    different = []
    while len(different) < len(same):
        pair = rng.integers(0, len(names), 2)
        if names[pair[0]] != names[pair[1]]:
            different.append(pair)
    return np.array([*same, *different]), np.arange(2 * len(same)) < len(same)


def all_pairs(embeddings: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the similarities of all pairs of faces of one person, and of all of two people."""
    points = to_unit_length(embeddings)
    rows, columns = np.triu_indices(len(names), 1)
    similar, same = (points @ points.T)[rows, columns], names[rows] == names[columns]
    return similar[same], similar[~same]


def evaluate_embedder(embedder: Embedder) -> list[dict]:
    """Return the results that a card reports, of the experiments whose data is at hand."""
    load = partial(load_faces, embedder=embedder)
    experiments = (
        lambda: evaluate_pairs(load("lfw", "test")),
        lambda: evaluate_svm(load("five-celebrities", "train"), folds=5),
        lambda: evaluate_few(load("orl", "test"), enrolled=1),
        lambda: evaluate_strangers(load("five-celebrities", "train"), load("photos/strangers")),
    )
    results = []
    for experiment in experiments:
        with contextlib.suppress(DataError):
            results.append(experiment().result)
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


def stratified(folds: int) -> StratifiedKFold:
    """Return what cuts faces into so many parts, people alike in each."""
    return StratifiedKFold(folds, shuffle=True, random_state=settings.SEED)


def check_enough(names: np.ndarray, least: int) -> None:
    """Raise ValueError if a person has fewer faces than that."""
    people, counts = np.unique(names, return_counts=True)
    if counts.min() < least:
        few = people[counts.argmin()]
        raise ValueError(f"{few} has {counts.min()} face(s); {least} are needed.")


def equal_error_rate(same: np.ndarray, different: np.ndarray) -> tuple[float, float]:
    """Return the rate at which false accepts and false rejects are alike, and its threshold.

    `same` and `different` are similarities that should be high and low.
    """
    true = np.repeat([1, 0], [len(same), len(different)])
    accepted, found, thresholds = roc_curve(
        true, np.concatenate([same, different]), drop_intermediate=False
    )
    best = int(np.abs(accepted - (1 - found)).argmin())
    return float((accepted[best] + 1 - found[best]) / 2), float(thresholds[best])


def gallery_of(embeddings: np.ndarray, names: np.ndarray) -> Gallery:
    """Enrol everybody."""
    gallery = Gallery.empty("measured", -1.0)
    for name in np.unique(names):
        gallery = gallery.enroll(str(name), embeddings[names == name])
    return gallery
