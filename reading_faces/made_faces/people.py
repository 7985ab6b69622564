"""Who a made face is: some sixty numbers for shape, skin, hair and what is worn.

A person is a plain dictionary of numbers, one for each row of `PARAMETERS`. Lengths are in face
units: the distance between the eye centres is 36.6 of them, as it is 36.6 pixels in Kaggle's
pictures of 96 × 96.
"""

import numpy as np

Person = dict[str, float]

# The Monk Skin Tone Scale, ten tones from light to dark (E. Monk, skintone.google, 2022), sRGB.
MONK_TONES = np.array(
    [
        [246, 237, 228], [243, 231, 219], [247, 234, 208], [234, 218, 186], [215, 189, 150],
        [160, 126, 86], [130, 92, 67], [96, 65, 52], [58, 49, 42], [41, 36, 32],
    ],
    np.float32,
) / 255  # fmt: skip

HAIR_COLOURS = np.array(
    [[22, 18, 17], [45, 32, 25], [78, 54, 38], [112, 80, 52], [165, 128, 82], [208, 178, 128],
     [118, 66, 40], [150, 148, 146], [214, 212, 208]],
    np.float32,
) / 255  # fmt: skip
IRIS_COLOURS = np.array(
    [[46, 30, 22], [74, 48, 30], [110, 78, 44], [92, 104, 74], [96, 122, 142], [120, 132, 140]],
    np.float32,
) / 255  # fmt: skip

# Each number of a person: a normal one as (mean, standard deviation), drawn within 2.5 of them, or
# a uniform one as [lowest, highest]. The spread of the shapes is set so that faces seen from many
# sides vary as Kaggle's 7,049 do (`python -m reading_faces data realism` compares them).
PARAMETERS = {
    # The head. Widths are factors, everything else adds to the mean face.
    "face_width": (1.0, 0.045), "jaw_width": (1.0, 0.07), "chin_width": (1.0, 0.12),
    "chin_length": (0.0, 2.5), "chin_forward": (0.0, 1.5), "head_height": (0.0, 3.0),
    "forehead_slope": (0.0, 2.0), "brow_ridge": (2.0, 1.2), "cheekbones": (2.6, 1.0),
    "cheeks": (1.0, 1.4), "ear_size": (1.0, 0.12), "ear_angle": (0.35, 0.12),
    "neck_width": (1.0, 0.1),
    # Eyes and brows.
    "eye_spread": (0.0, 0.8), "eye_width": (1.0, 0.06), "eye_opening": (1.0, 0.16),
    "eye_tilt": (0.0, 0.7), "eye_depth": (4.2, 1.2), "lid_crease": [0.0, 1.0],
    "iris_size": (1.0, 0.06), "iris_colour": [0.0, 5.999], "gaze_across": (0.0, 1.0),
    "brow_height": (0.0, 0.7), "brow_tilt": (0.0, 0.5), "brow_arch": (-0.3, 0.9),
    "brow_thickness": (1.0, 0.28), "brow_length": (1.0, 0.06), "brow_density": [0.35, 1.0],
    # Nose and mouth.
    "nose_length": (0.0, 2.6), "nose_width": (1.0, 0.14), "nose_height": (1.0, 0.12),
    "nose_bridge": (0.0, 1.2), "nose_tip": (1.0, 0.15), "nostrils": [0.4, 1.0],
    "mouth_width": (1.0, 0.09), "mouth_height": (0.0, 3.0), "upper_lip": (1.0, 0.25),
    "lower_lip": (1.0, 0.2), "cupids_bow": [0.2, 1.0], "mouth_slant": (0.0, 0.5),
    # Skin.
    "tone": [0.0, 9.999], "undertone": (0.045, 0.02), "redness": [0.1, 0.8],
    "mottling": [0.2, 1.0], "freckles": [-2.0, 1.0], "moles": [-2.0, 2.5], "shine": [0.0, 0.35],
    "eye_shadow": [0.1, 0.8], "age": [0.0, 1.0], "lip_colour": [0.0, 1.0],
    # Hair, and what is worn.
    "masculinity": [0.0, 1.0], "hair_style": [0.0, 1.0], "hair_colour": [0.0, 6.999],
    "hair_volume": [0.0, 1.0], "hairline": (0.0, 3.0), "parting": [-1.0, 1.0],
    "hair_curl": [0.0, 1.0], "beard": [0.0, 1.0], "beard_density": [0.3, 1.0],
    "make_up": [0.0, 1.0], "glasses": [0.0, 1.0], "glasses_size": (1.0, 0.1),
    "glasses_shape": [0.0, 1.0], "glasses_thickness": [0.5, 1.5], "headwear": [0.0, 1.0],
    "cloth_hue": [0.0, 1.0], "marks": [0.0, 1.0],
}  # fmt: skip


def draw_person(rng: np.random.Generator, tone: float) -> Person:
    """Draw a person of a skin tone, from 0 to below 10 on the Monk scale."""
    person = {}
    for name, spread in PARAMETERS.items():
        if isinstance(spread, tuple):
            person[name] = spread[0] + spread[1] * float(np.clip(rng.normal(), -2.5, 2.5))
        else:
            person[name] = float(rng.uniform(*spread))
    person["tone"] = tone
    # A few traits go together in people, so they do here.
    bold = person["masculinity"] - 0.5
    person["jaw_width"] += 0.10 * bold
    person["brow_thickness"] += 0.45 * bold
    person["brow_ridge"] += 1.5 * bold
    person["chin_length"] += 2.0 * bold
    person["neck_width"] += 0.25 * bold
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
    shares = {
        "shaved": 0.12, "receding": 0.16 * (0.3 + person["age"]), "short": 0.4, "curly": 0.12,
        "fringe": 0.1, "tied": 0.04, "bob": 0.03, "long": 0.03,
    } if person["masculinity"] > 0.5 else {
        "shaved": 0.02, "receding": 0.0, "short": 0.13, "curly": 0.15,
        "fringe": 0.15, "tied": 0.17, "bob": 0.18, "long": 0.2,
    }  # fmt: skip
    return pick(shares, person["hair_style"])


def headwear(person: Person) -> str:
    """Name what a person wears on the head."""
    shares = {"none": 0.86, "cap": 0.04, "beanie": 0.04, "headscarf": 0.03, "band": 0.03}
    return pick(shares, person["headwear"])


def beard(person: Person) -> str:
    """Name a person's beard."""
    if person["masculinity"] < 0.5 or person["age"] < 0.15:
        return "none"
    shares = {"none": 0.5, "stubble": 0.2, "moustache": 0.08, "goatee": 0.08, "full": 0.14}
    return pick(shares, person["beard"])


def glasses(person: Person) -> str:
    """Name a person's glasses."""
    return pick({"none": 0.84, "clear": 0.13, "dark": 0.03}, person["glasses"])


def pick(shares: dict[str, float], chance: float) -> str:
    """Choose a name by its share, with `chance` from 0 to 1."""
    edges = np.cumsum(list(shares.values()))
    return list(shares)[min(int(np.searchsorted(edges / edges[-1], chance)), len(shares) - 1)]
