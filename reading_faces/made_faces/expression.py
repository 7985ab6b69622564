"""What a made face does: facial action units, and the emotions that are built from them.

Action units are those of the Facial Action Coding System (Ekman, Friesen & Hager 2002), each from
0 (at rest) to 1 (as strong as it gets), for the subject's left and right side.
"""

import numpy as np

ACTION_UNITS = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    14: "dimpler",
    15: "lip corner depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    43: "eyes closed",
}
UNITS = tuple(ACTION_UNITS)
UNIT_NAMES = tuple(f"AU{unit}" for unit in UNITS)

# Units of each emotion and how strong they are in a full-blown one, as several variants each.
# From the prototypes of EMFACS (Friesen & Ekman 1983), and of the Investigator's Guide to the
# Facial Action Coding System (Ekman, Friesen & Hager 2002, table 10-1).
PROTOTYPES = {
    "angry": (
        {4: 1.0, 5: 0.7, 7: 0.8, 23: 0.8},
        {4: 1.0, 5: 0.5, 7: 0.7, 24: 0.9, 17: 0.4},
        {4: 1.0, 7: 0.8, 10: 0.6, 25: 0.8, 26: 0.4, 9: 0.3},
        {4: 1.0, 5: 0.6, 7: 0.7, 10: 0.7, 20: 0.4, 25: 1.0, 26: 0.9},
    ),
    "disgust": (
        {9: 1.0, 4: 0.4, 7: 0.4, 17: 0.4},
        {9: 0.9, 10: 0.8, 25: 0.5, 6: 0.3},
        {10: 1.0, 15: 0.5, 17: 0.6, 9: 0.4},
        {9: 1.0, 10: 0.6, 4: 0.5, 25: 0.8, 26: 0.4, 7: 0.5},
    ),
    "fear": (
        {1: 0.9, 2: 0.5, 4: 0.7, 5: 0.9, 20: 0.8, 25: 0.7, 26: 0.3},
        {1: 0.9, 2: 0.7, 4: 0.4, 5: 1.0, 25: 0.9, 26: 0.6, 20: 0.3},
        {1: 1.0, 4: 0.6, 5: 0.7, 20: 0.6, 25: 0.5},
    ),
    "happy": (
        {6: 0.7, 12: 0.9, 25: 0.9},
        {6: 0.9, 12: 1.0, 25: 1.0, 26: 0.4},
        {6: 0.8, 12: 1.0, 25: 0.8},
        {6: 0.4, 12: 0.8},
        {12: 0.8, 25: 0.6},
    ),
    "sad": (
        {1: 0.9, 4: 0.6, 15: 0.8, 17: 0.4},
        {1: 0.8, 4: 0.5, 15: 0.5, 7: 0.3},
        {1: 0.7, 4: 0.7, 6: 0.4, 20: 0.5, 25: 0.6, 15: 0.4},
        {4: 0.4, 15: 0.7, 17: 0.7, 43: 0.4},
    ),
    "surprise": (
        {1: 1.0, 2: 1.0, 5: 0.7, 25: 1.0, 26: 1.0},
        {1: 0.8, 2: 0.9, 5: 0.9, 25: 0.8, 26: 0.6},
        {1: 0.9, 2: 0.9, 25: 0.9, 26: 0.8},
    ),
    "neutral": ({},),
}
EMOTIONS = tuple(PROTOTYPES)

# The emotion that each one is taken for most often, and fades into on an ambiguous face.
NEIGHBOURS = {
    "angry": "disgust", "disgust": "angry", "fear": "surprise", "happy": "neutral",
    "sad": "neutral", "surprise": "fear", "neutral": "sad",
}  # fmt: skip
AMBIGUOUS_SHARE = 0.12

# A unit that reaches this intensity on one side of the face is called present.
PRESENT_FROM = 0.2
_STRAY_SHARE, _BLINK_SHARE = 0.06, 0.02
_MIXED_SHARE = 0.25
# Whoever does the first cannot do the others: closed eyes are not wide open, and pressed or
# tightened lips do not part.
_RULES_OUT = {43: (5,), 24: (25, 26), 23: (25, 26)}


def at_rest() -> np.ndarray:
    """Return the intensities `(18, 2)` of a face that does nothing."""
    return np.zeros((len(UNITS), 2))


def with_units(**intensities: float) -> np.ndarray:
    """Return intensities `(18, 2)` with the named units on: `with_units(AU12=1, AU6=0.5)`."""
    units = at_rest()
    for name, intensity in intensities.items():
        if name not in UNIT_NAMES:
            raise ValueError(f"There is no unit {name}; there are {', '.join(UNIT_NAMES)}.")
        units[UNIT_NAMES.index(name)] = np.clip(intensity, 0, 1)
    return units


def draw_expression(
    emotion: str, rng: np.random.Generator, strength: float | None = None
) -> np.ndarray:
    """Draw how a person shows one of `EMOTIONS`: units `(18, 2) float` from 0 to 1.

    Their `strength` from 0 to 1 is drawn by default, weak ones included, and then one face in eight
    is ambiguous: half way to the emotion that it is most often confused with.
    """
    units = draw_prototype(emotion, rng)
    if strength is None:
        strength = rng.uniform(0.4, 1.0)
        if rng.random() < AMBIGUOUS_SHARE:
            other = draw_prototype(NEIGHBOURS[emotion], rng)
            units = units + rng.uniform(0.3, 0.6) * (other - units)
        # People also talk, squint and blink.
        stray = (rng.random(len(UNITS)) < _STRAY_SHARE) & (np.array(UNITS) != 43)
        units = np.maximum(units, stray * rng.uniform(0.05, 0.5, len(UNITS)))
        if rng.random() < _BLINK_SHARE:
            units[UNITS.index(43)] = rng.uniform(0.3, 1)
    sides = 1 + rng.normal(0, 0.08, (len(UNITS), 2))
    return np.clip(strength * units[:, np.newaxis] * sides, 0, 1)


def mix_units(rng: np.random.Generator) -> np.ndarray:
    """Draw units in any combination that a face can make, `(18, 2) float` from 0 to 1.

    No emotion, but each unit is as frequent as any other: among expressions of emotions some are
    too rare to be learnt.
    """
    units = (rng.random(len(UNITS)) < _MIXED_SHARE) * rng.uniform(0.05, 1, len(UNITS))
    for unit, others in _RULES_OUT.items():
        if units[UNITS.index(unit)] > 0:
            units[[UNITS.index(other) for other in others]] = 0
    sides = 1 + rng.normal(0, 0.08, (len(UNITS), 2))
    return np.clip(units[:, np.newaxis] * sides, 0, 1)


def draw_prototype(emotion: str, rng: np.random.Generator) -> np.ndarray:
    """Draw one of an emotion's variants at full strength, `(18,) float`."""
    variants = PROTOTYPES[emotion]
    units = np.zeros(len(UNITS))
    for unit, intensity in variants[rng.integers(len(variants))].items():
        units[UNITS.index(unit)] = np.clip(intensity + rng.normal(0, 0.15), 0, 1)
    return units
