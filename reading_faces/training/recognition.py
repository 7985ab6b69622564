"""How well people are told apart: a linear SVM, one picture enrolled, and strangers at the door.

All of it works on embeddings `(n, d)` and names `(n,)`, whatever made them.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import LeaveOneOut, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.svm import SVC

from helpers.gallery import Gallery


def by_svm(embeddings: np.ndarray, names: np.ndarray, folds: int = 0, seed: int = 0) -> np.ndarray:
    """Name each face by a linear SVM that has learnt from the others, `(n,) str`.

    Parameters
    ----------
    folds : how many parts the faces are cut into, people alike in each; 0 leaves one face out at a
        time.

    Raises
    ------
    ValueError
        If there are fewer than two people, or somebody has fewer faces than there are folds.
    """
    if len(np.unique(names)) < 2:
        raise ValueError("To tell people apart, there must be two or more.")
    check_enough(names, max(folds, 2))
    # Points of length 1 lie close together: with the usual C of 1 the margin is too soft for them.
    machine = make_pipeline(Normalizer(), SVC(kernel="linear", C=10))
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed) if folds else LeaveOneOut()
    return cross_val_predict(machine, embeddings, names, cv=cut)


def by_few(
    embeddings: np.ndarray, names: np.ndarray, enrolled: int = 1, draws: int = 40, seed: int = 0
) -> np.ndarray:
    """Enrol some faces of each person by chance and name all others, again and again.

    Returns the share named right (rank-1) of each draw, `(draws,)`.
    """
    check_enough(names, enrolled + 1)
    rng = np.random.default_rng(seed)
    shares = []
    for _ in range(draws):
        known = np.zeros(len(names), bool)
        for name in np.unique(names):
            known[rng.choice(np.flatnonzero(names == name), enrolled, replace=False)] = True
        gallery = gallery_of(embeddings[known], names[known])
        found = gallery.similarities(embeddings[~known]).argmax(axis=1)
        shares.append(np.mean(np.array(gallery.people)[found] == names[~known]))
    return np.array(shares)


def with_strangers(
    embeddings: np.ndarray, names: np.ndarray, strangers: np.ndarray, folds: int = 5, seed: int = 0
) -> dict:
    """Measure how well known people are told from strangers, by similarity to the nearest person.

    Each known face is judged against a gallery of the other folds, and all strangers against each
    of these galleries.

    Returns
    -------
    `unknown_auroc`; `eer`, the rate at which as many strangers are taken for somebody as known
    people for strangers; `threshold`, where that is; `accuracy`, known people named right without
    a threshold.
    """
    similar = against_others(embeddings, names, folds, seed)
    known, called = similar.max(axis=1), np.unique(names)[similar.argmax(axis=1)]
    galleries = galleries_of_others(embeddings, names, folds, seed)
    unknown = np.concatenate(
        [gallery.similarities(strangers).max(axis=1) for gallery, _ in galleries]
    )
    is_known = np.repeat([1, 0], [len(known), len(unknown)])
    rate, threshold = equal_error_rate(known, unknown)
    return {
        "accuracy": float((called == names).mean()),
        "unknown_auroc": float(roc_auc_score(is_known, np.concatenate([known, unknown]))),
        "eer": rate,
        "threshold": threshold,
    }


def against_others(
    embeddings: np.ndarray, names: np.ndarray, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Return how similar each face is to each person's faces in all other folds, `(n, people)`.

    People are in the order of their names.
    """
    similar = np.empty((len(names), len(np.unique(names))))
    for gallery, judged in galleries_of_others(embeddings, names, folds, seed):
        similar[judged] = gallery.similarities(embeddings[judged])
    return similar


def galleries_of_others(
    embeddings: np.ndarray, names: np.ndarray, folds: int, seed: int
) -> Iterator[tuple[Gallery, np.ndarray]]:
    """Give a gallery of all folds but one, and the rows of that one; each face is judged once."""
    check_enough(names, folds)
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for learn, judge in cut.split(embeddings, names):
        yield gallery_of(embeddings[learn], names[learn]), judge


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
