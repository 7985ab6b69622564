"""Who a made face is: some sixty numbers for shape, skin, hair and what is worn.

A person is a plain dictionary of numbers, one for each of the parameters in `people.toml`. Lengths
are in face units: the distance between the eye centres is 36.6 of them, as it is 36.6 pixels in
Kaggle's pictures of 96 × 96.
"""

import tomllib
from pathlib import Path

import numpy as np

Person = dict[str, float]
TABLES = tomllib.loads(Path(__file__).with_name("people.toml").read_text("utf-8"))
PARAMETERS = TABLES["parameters"]
MONK_TONES, HAIR_COLOURS, IRIS_COLOURS = (
    np.array(TABLES["colours"][name], np.float32) / 255 for name in ("monk_tones", "hair", "iris")
)


def draw_person(rng: np.random.Generator, tone: float) -> Person:
    """Draw a person of a skin tone, from 0 to below 10 on the Monk scale."""
    person = {}
    for name, spread in PARAMETERS.items():
        if "mean" in spread:
            far = float(np.clip(rng.normal(), -2.5, 2.5))
            person[name] = spread["mean"] + spread["deviation"] * far
        else:
            person[name] = float(rng.uniform(spread["lowest"], spread["highest"]))
    person["tone"] = tone
    # A few traits go together in people, so they do here.
    for name, more in TABLES["masculine"].items():
        person[name] += more * (person["masculinity"] - 0.5)
    if person["age"] > 0.75 and person["cloth_hue"] < 0.7:
        person["hair_colour"] = 7.0 + person["hair_colour"] / 7 * 1.999
    elif person["tone"] > 5:  # fair hair is rare on dark skin
        person["hair_colour"] /= 4
        person["iris_colour"] /= 4
    return person


def skin_colour(person: Person) -> np.ndarray:
    """Return the colour of a person's skin `(3,)`, sRGB from 0 to 1."""
    at = np.clip(person["tone"] - 0.5, 0, 9)
    low = int(min(at, 8))
    colour = MONK_TONES[low] + (MONK_TONES[low + 1] - MONK_TONES[low]) * (at - low)
    # The scale is of flat patches; skin has blood in it, and is redder than its patch.
    return np.clip(colour * (1 + person["undertone"] * np.array([1, -0.6, -1.6])), 0, 1)


def hair_colour(person: Person) -> np.ndarray:
    """Return the colour of a person's hair `(3,)`, sRGB from 0 to 1."""
    return HAIR_COLOURS[int(person["hair_colour"])] * (0.85 + 0.3 * person["hair_volume"])


def hair_style(person: Person) -> str:
    """Name a person's hair style: short ones are likelier the more masculine the person is."""
    shares = dict(TABLES["hair"]["masculine" if person["masculinity"] > 0.5 else "feminine"])
    shares["receding"] *= 0.3 + person["age"]
    return pick(shares, person["hair_style"])


def headwear(person: Person) -> str:
    """Name what a person wears on the head."""
    return pick(TABLES["headwear"], person["headwear"])


def beard(person: Person) -> str:
    """Name a person's beard."""
    if person["masculinity"] < 0.5 or person["age"] < 0.15:
        return "none"
    return pick(TABLES["beard"], person["beard"])


def glasses(person: Person) -> str:
    """Name a person's glasses."""
    return pick(TABLES["glasses"], person["glasses"])


def pick(shares: dict[str, float], chance: float) -> str:
    """Choose a name by its share, with `chance` from 0 to 1."""
    edges = np.cumsum(list(shares.values()))
    return list(shares)[min(int(np.searchsorted(edges / edges[-1], chance)), len(shares) - 1)]
