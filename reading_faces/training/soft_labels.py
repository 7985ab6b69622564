"""What ten people's votes say about a label: FER-2013's own labels beside the votes of FER+.

The votes are those of Barsoum et al. 2016, https://arxiv.org/abs/1608.01041.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from helpers.data import EMOTIONS


def soft_labels(labels: np.ndarray, votes: np.ndarray | None, weight: float) -> np.ndarray:
    """Mix each label with how often faces with such votes carry each label.

    One label is one person's hasty guess; the votes of ten others tell what else it might have
    been, and learning that too is worth more than smoothing all labels alike.

    Parameters
    ----------
    labels : `(n,) int`, positions in `EMOTIONS`.
    votes : `(n, 10)` counts as FER+ has them, or None: then the labels alone are taken.
    weight : share of the votes in the result, 0 to 1.

    Returns
    -------
    `(n, 7) float32`, each row a distribution over `EMOTIONS`.
    """
    one_hot = np.eye(len(EMOTIONS), dtype=np.float32)[labels]
    if votes is None or not weight:
        return one_hot
    return (1 - weight) * one_hot + np.float32(weight) * label_by_votes(labels, votes)


def agreement(votes: np.ndarray) -> np.ndarray:
    """Return the share of votes `(n, 10)` that the most frequent answer got, `(n,)`, 0 if none."""
    return votes.max(axis=1) / np.maximum(votes.sum(axis=1), 1)


def label_by_votes(labels: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Estimate by logistic regression which label a face with such votes carries.

    Returns
    -------
    `(n, 7) float32` probabilities over `EMOTIONS`; a label that never occurs gets 0.
    """
    model = LogisticRegression(max_iter=2000).fit(votes, labels)
    probabilities = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    probabilities[:, model.classes_] = model.predict_proba(votes)
    return probabilities
