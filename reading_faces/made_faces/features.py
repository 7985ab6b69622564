"""Where the features of a face lie, seen from the front: a mean face, moved by person and units.

Everything is in face units: x to the right of the picture, y down, from the middle of the eyes.
Two faces share these places: `paint` draws along them, and the keypoints are some of them.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from reading_faces.made_faces.expression import TABLES, UNITS
from reading_faces.made_faces.people import Person

SHAPES = tomllib.loads(Path(__file__).with_name("shapes.toml").read_text("utf-8"))
MEAN_FACE = SHAPES["mean_face"]
# How far each action unit at full strength moves each place: unit, place, x and y.
_MOVES = np.array(
    [[unit["moves"].get(name, (0, 0)) for name in MEAN_FACE] for unit in TABLES["units"].values()],
    float,
)
_ON_THE_MIDLINE = np.array([x == 0 and "lid" not in name for name, (x, _) in MEAN_FACE.items()])


@dataclass(frozen=True)
class Features:
    """Where the features of one face are."""

    left: dict[str, np.ndarray]  # (2,) for each place named in `MEAN_FACE`, the subject's left side
    right: dict[str, np.ndarray]  # the same of the right side; what is on the midline is in both
    units: dict[int, np.ndarray]  # (2,) for each action unit, on the left and the right side

    def sides(self):
        """Yield each side of the face: 0 or 1, -1 or 1 (towards x), and its places."""
        yield 0, 1.0, self.left
        yield 1, -1.0, self.right

    def keypoints(self) -> np.ndarray:
        """Return the 15 keypoints `(15, 2)` in Kaggle's order."""
        left, right = self.left, self.right
        # The middle of the lower lip: half of Kaggle's annotators marked its lower edge, and the
        # others a place above it.
        lower_lip = (left["lip_bottom"] + left["lip_seam"] + left["lips_low"]) / 2
        return np.array(
            [
                left["eye"], right["eye"],
                left["eye_inner"], left["eye_outer"], right["eye_inner"], right["eye_outer"],
                left["brow_inner"], left["brow_outer"], right["brow_inner"], right["brow_outer"],
                left["nose_tip"], left["mouth_corner"], right["mouth_corner"],
                left["lip_top"], lower_lip,
            ]
        )  # fmt: skip


def place_features(person: Person, units: np.ndarray) -> Features:
    """Place the features of a person who moves `units (18, 2)`."""
    at_rest = np.array(list(shape_face(person).values()))
    # What lies on the midline is pulled from both sides.
    each = units[..., np.newaxis]
    amounts = np.where(_ON_THE_MIDLINE, each.mean(axis=1, keepdims=True), each)
    moves = np.einsum("usp,upx->spx", amounts, _MOVES)
    sides = []
    for side in (0, 1):
        places = dict(zip(MEAN_FACE, at_rest + moves[side], strict=True))
        close_eye(places, units[UNITS.index(43)][side])
        close_lips(places)
        if side == 1:
            places = {name: place * (-1, 1) for name, place in places.items()}
        for name in ("mouth_corner", "cupid"):
            places[name][1] += person["mouth_slant"] * (1, -1)[side]
        sides.append(places)
    return Features(sides[0], sides[1], dict(zip(UNITS, units, strict=True)))


def shape_face(person: Person) -> dict[str, np.ndarray]:
    """Return the subject's left half of a person's face at rest."""
    face = {name: np.array(place) for name, place in MEAN_FACE.items()}
    spread = np.array([person["eye_spread"], 0])
    for name in ("brow_inner", "brow_peak", "brow_outer"):
        face[name] += spread / 2 + [0, person["brow_height"]]
    face["brow_inner"][1] += person["brow_tilt"]
    face["brow_outer"][1] -= person["brow_tilt"]
    face["brow_peak"][1] -= 1.2 * person["brow_arch"]
    face["brow_outer"][0] *= person["brow_length"]
    half = (face["eye_outer"] - face["eye_inner"]) / 2 * [person["eye_width"], 1]
    middle = (face["eye_outer"] + face["eye_inner"]) / 2
    face["eye_inner"], face["eye_outer"] = middle - half, middle + half
    face["eye_outer"][1] -= person["eye_tilt"]
    for name in ("eye", "eye_inner", "eye_outer"):
        face[name] += spread
    face["lid_up"] *= person["eye_opening"]
    face["lid_low"] *= 0.5 + 0.5 * person["eye_opening"]
    face["nose_tip"][1] += person["nose_length"]
    face["nose_wing"] = face["nose_wing"] * [person["nose_width"], 1] + [0, person["nose_length"]]
    for name in ("mouth_corner", "cupid", "lip_top", "lip_seam", "lip_bottom"):
        face[name][1] += person["mouth_height"] + 0.3 * person["nose_length"]
    face["mouth_corner"][0] *= person["mouth_width"]
    seam = face["lip_seam"][1]
    for name in ("lip_top", "cupid"):
        face[name][1] = seam + (face[name][1] - seam) * person["upper_lip"]
    face["cupid"][1] -= 0.6 * person["cupids_bow"]
    face["lip_bottom"][1] = seam + (face["lip_bottom"][1] - seam) * person["lower_lip"]
    face["chin"][1] += person["chin_length"]
    return face


def close_eye(places: dict[str, np.ndarray], closed: float) -> None:
    """Lower the upper lid onto the lower one, as far as unit 43 says; lids never cross."""
    places["lid_low"][1] = max(places["lid_low"][1], 0.4)
    places["lid_up"][1] = min(places["lid_up"][1], -0.5)
    places["lid_up"][1] += closed * (places["lid_low"][1] - 0.3 - places["lid_up"][1])


def close_lips(places: dict[str, np.ndarray]) -> None:
    """Keep the order of the lips: top, inner edges, bottom; however hard they are pressed."""
    seam = places["lip_seam"][1]
    upper, lower = seam + places["lips_up"][1], seam + places["lips_low"][1]
    places["lip_top"][1] = min(places["lip_top"][1], upper - 0.5)
    places["cupid"][1] = min(places["cupid"][1], upper - 0.5)
    places["lip_bottom"][1] = max(places["lip_bottom"][1], lower + 0.7)


def smooth(points: list, n: int = 9) -> np.ndarray:
    """Return a smooth curve through points, `n` steps a piece: a Catmull-Rom spline `(m, 2)`."""
    points = np.asarray(points, float)
    slopes = np.gradient(points, axis=0)  # at a point, half the way from that before to that after
    last = len(points) - 1
    return CubicHermiteSpline(range(last + 1), points, slopes)(np.linspace(0, last, n * last + 1))
