"""The shape of a head: a table of its outline, with bumps for nose, sockets, cheeks and lips.

Points are `(x, y, z)` in face units: x to the right of the picture, y down, z towards us, from a
point between the eyes.
"""

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from reading_faces.made_faces.features import SHAPES, Features, place_features, smooth
from reading_faces.made_faces.people import Person

BEHIND = 52.0  # how far the back of the head is behind its middle
ROUNDNESS = 2.25  # exponent of the cross-section: 2 is an ellipse, more is boxier
WIDEST = np.deg2rad(128)  # how far round the sheet goes; nobody here turns further
_STEPS = 6  # between two lines of the table
X_RANGE, Y_RANGE = (-46.0, 46.0), (-48.0, 84.0)  # what the maps cover, seen from the front
MAP_SCALE = 1.5  # cells of the relief map for each face unit


@dataclass(frozen=True)
class Head:
    """A head as a surface: features, outline, and how far each place stands out from it."""

    features: Features
    outline: np.ndarray
    relief: np.ndarray

    @functools.cached_property
    def grid(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Angles `(1, c)`, heights `(r, 1)`, points `(r, c, 3)` of a grid, finest on the face."""
        share = np.linspace(-1, 1, 72)
        angles = WIDEST * (0.5 * share + 0.5 * share**3)
        y = self.outline[:, 0]
        crown = y[y < -15]
        crown = np.concatenate([crown[:15:3], crown[15:]])  # the top of it is crowded
        face = np.arange(-14.0, 40.0, 2.0)
        # Always as many rows, so that a jaw that drops stretches the chin and not the hair.
        jaw = np.linspace(face[-1], y[-1] - 52, 15)[1:]
        neck = np.linspace(jaw[-1], y[-1], 24)[1:]
        heights = np.concatenate([crown, face, jaw, neck])
        angles, heights = angles[np.newaxis], heights[:, np.newaxis]
        return angles, heights, self.surface(angles, heights)

    def surface(self, angle: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the points `(..., 3) float64` at angles round the head (0 is the front)."""
        width, front, middle = (np.interp(y, self.outline[:, 0], c) for c in self.outline[:, 1:].T)
        sine, cosine = np.sin(angle), np.cos(angle)
        reach = (np.abs(sine) ** ROUNDNESS + np.abs(cosine) ** ROUNDNESS) ** (-1 / ROUNDNESS)
        across, along = reach * sine, reach * np.abs(cosine)
        depth = np.where(cosine > 0, (front - middle) * along, -BEHIND * along)
        x = width * across
        # The relief is a map of the face seen from the front, read linearly between its cells.
        row, column = (y - Y_RANGE[0]) * MAP_SCALE, (x - X_RANGE[0]) * MAP_SCALE
        at = np.broadcast_arrays(row, column)
        relief = map_coordinates(self.relief, at, order=1, mode="nearest")
        stands_out = relief * np.clip(cosine * 2, 0, 1)
        return np.stack([x, np.broadcast_to(y, x.shape), middle + depth + stands_out], axis=-1)

    def keypoints(self) -> np.ndarray:
        """Return the keypoints `(15, 3)` on the surface, in Kaggle's order."""
        places = self.features.keypoints()
        width = np.interp(places[:, 1], self.outline[:, 0], self.outline[:, 1])
        share = np.clip(places[:, 0] / width, -1, 1)
        angle = np.arctan2(share, (1 - np.abs(share) ** ROUNDNESS) ** (1 / ROUNDNESS))
        return self.surface(angle, places[:, 1])


def build_head(person: Person, units: np.ndarray) -> Head:
    """Shape the head of a person who moves `units (18, 2)`."""
    features = place_features(person, units)
    outline = np.array(SHAPES["head"]["outline"])
    y = outline[:, 0]
    lower = np.clip((y - 40) / 24, 0, 1)
    outline[:, 0] += (features.left["chin"][1] - 68.0) * lower
    outline[:, 0] -= person["head_height"] * np.clip((-30 - y) / 40, 0, 1)
    outline[:, 1] *= person["face_width"]
    outline[:, 1] *= 1 + (person["jaw_width"] - 1) * np.clip((y - 10) / 40, 0, 1) * (y < 69)
    outline[:, 1] *= 1 + (person["chin_width"] - 1) * ((y > 54) & (y < 69))
    outline[:, 1] *= np.where(y > 69, person["neck_width"], 1)
    outline[:, 2] += person["chin_forward"] * np.clip((y - 45) / 15, 0, 1) * (y < 69)
    outline[:, 2] -= person["forehead_slope"] * np.clip((-14 - y) / 30, 0, 1)
    return Head(features, smooth(outline, _STEPS), build_relief(person, features))


def build_relief(person: Person, features: Features) -> np.ndarray:
    """Return how far each place of the face stands out, seen from the front: `(rows, columns)`."""
    xs = np.arange(X_RANGE[0], X_RANGE[1], 1 / MAP_SCALE)
    ys = np.arange(Y_RANGE[0], Y_RANGE[1], 1 / MAP_SCALE)
    bumps = []

    def bump(place, width, tall, height):
        bumps.append((*place, width, tall, height))

    tip_y, units = features.left["nose_tip"][1], features.units
    chin = features.left["chin"]
    bump((0, chin[1] - 8), 9 * person["chin_width"], 7, 3.5)
    bump((0, chin[1] - 18), 13, 3.5, -1.6)
    bump((0, -11), 15, 6, 0.6 * person["brow_ridge"])
    mouth = (features.left["mouth_corner"] + features.right["mouth_corner"]) / 2
    bump((0, mouth[1] - 3), 17, 11, 2.5)
    for side, sign, places in features.sides():
        eye, wing, corner = places["eye"], places["nose_wing"], places["mouth_corner"]
        bump(eye + [0, -1], 10, 7, -person["eye_depth"])
        bump(eye - [sign * 9, 0], 4, 7, -1.8)
        bump(eye, 6.5, 5.5, 2.6)
        bump(places["brow_peak"] + [-2 * sign, 2.5], 12, 4.5, person["brow_ridge"])
        # Cheeks are pushed up by units 6 and 12, which is what makes a smile reach the eyes.
        lifted = 2.4 * units[12][side] + 1.6 * units[6][side]
        bump(places["cheek"], 11, 9, 0.6 * person["cheeks"] + lifted)
        bump((sign * 31, 13), 9, 7, person["cheekbones"])
        bump((sign * 29, 34), 9, 12, -1.5 + person["cheeks"])
        bump(wing - [sign * 0.5, 0.8], 3.6 * person["nose_width"], 3.8, 4.2)
        fold = max(units[12][side], units[10][side], units[9][side], 0.4 * person["age"])
        bump(wing * [1.35, 1] + [0, 5], 2.6, 5, -1.8 * fold)
        # The cheek is drawn in beside the corner by unit 14, and bulges around that.
        bump(corner + [sign * 2.5, 0], 2.4, 4, -1.2 - 2.5 * units[14][side])
        bump(corner + [sign * 7.5, 0], 3, 7, 2.0 * units[14][side])
        bump((sign * 8, chin[1] - 14), 5, 5, 1.2 * units[17][side])
    upper = (features.left["lip_top"][1] + features.left["lip_seam"][1]) / 2
    lower = features.left["lip_bottom"][1] - 2.4
    # Pressed lips (24) push the skin above and below them out.
    pressed = units[24].mean()
    bump((0, features.left["lip_top"][1] - 3), 11, 2.2, 1.6 * pressed)
    bump((0, features.left["lip_bottom"][1] + 3), 10, 2.4, 2.0 * pressed)
    bump((0, upper), 11, 2.4, 2.0 * person["upper_lip"])
    bump((0, lower), 10, 2.6, 2.4 * person["lower_lip"])
    # A bell in x times a bell in y is a row times a column: all bumps are one product of matrices.
    x, y, width, tall, height = np.array(bumps).T
    across = np.exp(-(((xs[:, np.newaxis] - x) / width) ** 2))
    down = np.exp(-(((ys[:, np.newaxis] - y) / tall) ** 2))
    # (By sums and not by BLAS, which rounds otherwise on other machines.)
    return np.einsum("rk,ck->rc", down * height, across) + nose(xs, ys, tip_y, person)


def nose(xs: np.ndarray, ys: np.ndarray, tip_y: float, person: Person) -> np.ndarray:
    """Return the nose as a ridge that rises from the bridge to the tip and ends at the lip."""
    height = 15.5 * person["nose_height"]
    bridge = 3.5 + person["nose_bridge"]
    ridge = np.interp(
        ys,
        [-8, -2, 0.5 * tip_y, tip_y - 2, tip_y, tip_y + 3, tip_y + 5.5, tip_y + 8],
        [0, bridge, bridge + 0.45 * (height - bridge), 0.96 * height, height, 0.75 * height,
         0.2 * height, 0],
    )  # fmt: skip
    ridge = cv2.GaussianBlur(ridge[:, np.newaxis], (1, 9), sigmaX=1, sigmaY=1.6)
    width = person["nose_width"] * np.interp(ys, [-5, 0.5 * tip_y, tip_y - 3, tip_y + 3],
                                             [4.6, 5.0, 6.4, 6.8])  # fmt: skip
    return ridge * np.exp(-((np.abs(xs) / width[:, np.newaxis]) ** 2.3))
