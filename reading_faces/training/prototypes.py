"""From action units to an emotion, by the table of prototypes; see its limits in lesson 5."""

import numpy as np
from scipy.special import rel_entr

from helpers.data import EMOTIONS
from helpers.metrics import bootstrap_interval
from reading_faces.made_faces.expression import PROTOTYPES, with_units

# No unit is expected for certain, or ruled out for certain.
_SUREST = 0.95


def prototype_agreement(probabilities: np.ndarray, emotions: np.ndarray) -> dict:
    """Compare the emotion that units `(n, 18)` are nearest to with the emotion `(n,) str` given.

    Among the emotions that occur; faces without one of the course's seven take no part, and if
    there are no others, the result is empty. Else it is `prototype_agreement`, and in there
    `agreement`, the share of the `n` faces where both are the same.
    """
    classes = tuple(emotion for emotion in EMOTIONS if emotion in emotions)
    if not classes:
        return {}
    known = np.isin(emotions, classes)
    labels = np.array([classes.index(emotion) for emotion in emotions[known].tolist()])
    same = emotions_of_units(probabilities[known], classes) == labels
    return {
        "prototype_agreement": {
            "n": len(labels),
            "agreement": float(same.mean()),
            "agreement_interval_95": bootstrap_interval(same),
            "most_frequent_class": float(np.bincount(labels).max() / len(labels)),
        }
    }


def emotions_of_units(probabilities: np.ndarray, emotions: tuple[str, ...]) -> np.ndarray:
    """Name for each face the emotion whose prototype its units are nearest to.

    Parameters
    ----------
    probabilities : `(n, 18)` from 0 to 1, in the order of `UNIT_NAMES`.
    emotions : those to choose from.

    Returns
    -------
    `(n,)` positions in `emotions`. Nearest is the smallest Kullback–Leibler divergence of what a
    variant of the prototype expects from what was found, summed over units.
    """
    found = np.clip(probabilities, 1e-3, 1 - 1e-3)[:, np.newaxis]
    distances = []
    for emotion in emotions:
        variants = [{f"AU{unit}": size for unit, size in v.items()} for v in PROTOTYPES[emotion]]
        expected = np.stack([with_units(**variant)[:, 0] for variant in variants])
        expected = np.clip(expected, 1 - _SUREST, _SUREST)
        divergence = rel_entr(expected, found) + rel_entr(1 - expected, 1 - found)
        distances.append(divergence.sum(axis=2).min(axis=1))
    return np.argmin(distances, axis=0)
