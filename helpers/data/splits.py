"""Which rows to train on and which to keep aside: the same ones whatever the course's seed.

Stored weights are judged on these splits, so a split that moved with the seed would let training
pictures leak into it.
"""

import warnings

import numpy as np

_SEED = 0


def tenth_per_class(labels: np.ndarray) -> np.ndarray:
    """Pick a tenth of each class, the same one every time.

    Returns
    -------
    (n,) bool
        True for the rows to set aside; of a class with k rows, k / 10 rounded.
    """
    rng = np.random.default_rng(_SEED)
    aside = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        aside[rng.permutation(rows)[: round(len(rows) / 10)]] = True
    return aside


def split_by_group(groups: np.ndarray) -> np.ndarray:
    """Split about 80/10/10 into train, val and test; rows `(n,)` of the same number stay together.

    Returns
    -------
    (n,) str
    """
    # A group goes where its first row is drawn, so that finding one more group elsewhere moves
    # only that group's rows and not the whole split.
    draw = np.random.default_rng(_SEED).permutation(len(groups)) / len(groups)
    _, first, group_of_row = np.unique(groups, return_index=True, return_inverse=True)
    side = np.digitize(draw[first], [0.1, 0.2])
    return np.array(["test", "val", "train"])[side[group_of_row]]


def split_by_subject(subjects: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Split about 80/10/10 into train, val and test: nobody in two, classes alike in each.

    Each split gets about the same share of each of the labels `(n,)` as far as whole people allow.

    Returns
    -------
    (n,) str

    Raises
    ------
    ValueError
        If there are fewer than three people.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    people = len(np.unique(subjects))
    if people < 3:
        raise ValueError(f"Three sets need three people; there are {people}.")
    folds = min(10, people)
    if np.unique(labels, return_counts=True)[1].max() < folds:
        labels = np.zeros(len(subjects), int)  # too few to be alike in each
    split = np.full(len(subjects), "train")
    tenths = StratifiedGroupKFold(folds, shuffle=True, random_state=_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a rare class cannot be in every tenth
        parts = [rows for _, rows in tenths.split(subjects, labels, subjects)]
    split[parts[0]], split[parts[1]] = "test", "val"
    return split
