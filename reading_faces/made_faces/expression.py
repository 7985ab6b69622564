"""What a made face does: facial action units, and the emotions that are built from them.

Action units are those of the Facial Action Coding System (Ekman, Friesen & Hager 2002), each from
0 (at rest) to 1 (as strong as it gets), for the subject's left and right side. `units.toml` says
what each is called and moves, and of which units emotions consist.
"""

import tomllib
from pathlib import Path

import numpy as np

TABLES = tomllib.loads(Path(__file__).with_name("units.toml").read_text("utf-8"))
ACTION_UNITS = {int(unit): about["name"] for unit, about in TABLES["units"].items()}
UNITS = tuple(ACTION_UNITS)
UNIT_NAMES = tuple(f"AU{unit}" for unit in UNITS)

# Of each emotion some variants: units, and how strong they are in a full-blown one.
PROTOTYPES = {
    emotion: tuple({int(unit): size for unit, size in variant.items()} for variant in variants)
    for emotion, variants in TABLES["emotions"].items()
}
EMOTIONS = tuple(PROTOTYPES)

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
            other = draw_prototype(TABLES["neighbours"][emotion], rng)
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
