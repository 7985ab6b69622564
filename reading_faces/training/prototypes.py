"""From action units to an emotion, by the table of prototypes; see its limits in lesson 4."""

import numpy as np

from reading_faces.made_faces.expression import PROTOTYPES, UNIT_NAMES

# No unit is expected for certain, or ruled out for certain.
_SUREST = 0.95


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
        expected = np.zeros((len(PROTOTYPES[emotion]), len(UNIT_NAMES)))
        for row, variant in zip(expected, PROTOTYPES[emotion], strict=True):
            for unit, intensity in variant.items():
                row[UNIT_NAMES.index(f"AU{unit}")] = intensity
        expected = np.clip(expected, 1 - _SUREST, _SUREST)
        there = expected * np.log(expected / found)
        absent = (1 - expected) * np.log((1 - expected) / (1 - found))
        distances.append((there + absent).sum(axis=2).min(axis=1))
    return np.argmin(distances, axis=0)
