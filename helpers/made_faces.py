"""Drawn faces that need no download: a painted relief, turned and lit, with exact labels.

A face is painted flat (`paint`), given a height for each pixel (`relief`), then turned and lit by a
lamp (`view`). The keypoints take the same way as the paint, so they are exact. These are drawings:
good for learning how things work, not for judging how well a model reads people.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

SIDE = 96
SCALE = 2  # painted this much larger, then averaged down, so that edges are smooth

# The subject's left half of the mean face and the points on the middle line, in pixels from the
# middle of the eyes (x to the right, y down); the right half mirrors it. Means of the 2,140
# completely labelled faces of Kaggle's facial keypoints.
EYE, INNER, OUTER = (18.3, 0.0), (11.4, 0.9), (25.5, 0.8)
BROW_INNER, BROW_OUTER = (8.4, -7.7), (31.9, -6.9)
NOSE, MOUTH, UPPER_LIP, LOWER_LIP = (0.0, 20.4), (15.2, 39.1), (0.0, 35.8), (0.0, 45.7)
MIDDLE = np.array([47.9, 37.0])

# What each emotion does to a face, from the prototypes of EMFACS (Friesen & Ekman 1983): inner and
# outer brow up, eyes wider, mouth corners up and out, mouth open, nose wrinkled; 1 is strong.
EXPRESSION = ("inner_brow", "outer_brow", "eyes", "corners", "wide", "open", "wrinkle")
PROTOTYPES = {
    "angry": (-1.0, -0.4, 0.3, -0.3, -0.2, 0.1, 0.3),
    "disgust": (-0.6, -0.4, -0.5, -0.4, 0.1, 0.2, 1.0),
    "fear": (1.0, 0.3, 0.9, -0.3, 0.6, 0.4, 0.0),
    "happy": (0.0, 0.1, -0.4, 1.0, 0.8, 0.4, 0.1),
    "sad": (0.8, -0.4, -0.4, -0.9, -0.1, 0.0, 0.0),
    "surprise": (0.9, 0.9, 1.0, 0.0, -0.4, 1.0, 0.0),
    "neutral": (0.0,) * 7,
}
EMOTIONS = tuple(PROTOTYPES)


@dataclass(frozen=True)
class MadeFaces:
    """A set of drawn faces with all their labels.

    Attributes
    ----------
    images : (n, 96, 96) uint8, and `small_images` : (n, 48, 48) uint8 of the same faces
    keypoints : (n, 15, 2) float32
        Pixels in Kaggle's order. As in Kaggle's data, which was merged from two sources, half of
        the faces have only four points: eye centres, nose tip, lower lip; the others are NaN.
    emotions : (n,) int, positions in `EMOTIONS`
    subjects : (n,) str
    split : (n,) str; nobody is in two splits
    """

    images: np.ndarray
    small_images: np.ndarray
    keypoints: np.ndarray
    emotions: np.ndarray
    subjects: np.ndarray
    split: np.ndarray


@cache
def make_faces(n: int = 600, seed: int = 0) -> MadeFaces:
    """Draw `n` faces, ten of each person; the same `seed` gives the same faces."""
    rng = np.random.default_rng(seed)
    people = [draw_identity(rng) for _ in range(-(-n // 10))]
    subject = np.arange(n) // 10
    emotions = rng.integers(0, len(EMOTIONS), n)
    faces = [make_face(people[s], EMOTIONS[e], rng) for s, e in zip(subject, emotions, strict=True)]
    images, keypoints = (np.stack(part) for part in zip(*faces, strict=True))
    sparse = rng.random(n) < 0.5
    keypoints[np.ix_(sparse, [i for i in range(15) if i not in (0, 1, 10, 14)])] = np.nan
    small = np.stack(
        [cv2.resize(i[6:90, 6:90], (48, 48), interpolation=cv2.INTER_AREA) for i in images]
    )
    side = np.array(["test", "val", "train"])[np.digitize(subject / len(people), [0.1, 0.2])]
    names = np.array([f"p{s:03d}" for s in subject])
    return MadeFaces(images, small, keypoints.astype(np.float32), emotions, names, side)


def draw_identity(rng: np.random.Generator) -> dict[str, float]:
    """Choose what makes a person: proportions (1 is average) and greys (0 black to 255 white)."""
    skin = rng.uniform(70, 225)
    return {
        "width": rng.normal(1, 0.05),
        "height": rng.normal(0.98, 0.04),
        "eye": rng.normal(1, 0.12),
        "brow": rng.uniform(1.5, 3.5),
        "nose": rng.normal(1, 0.12),
        "lips": rng.normal(1, 0.2),
        "skin": skin,
        "hair": min(rng.uniform(15, 200), skin - 25),
        "hairline": rng.uniform(-36, -24),
        "beard": float(rng.random() < 0.2) * rng.uniform(0.15, 0.5),
    }


def make_face(
    person: dict[str, float], emotion: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one face `(96, 96) uint8` with an emotion, pose, light and camera by chance.

    Returns the picture and its keypoints `(15, 2) float`.
    """
    strength = rng.uniform(0.4, 1.1) * np.array(PROTOTYPES[emotion]) + rng.normal(0, 0.15, 7)
    change = dict(zip(EXPRESSION, strength, strict=True))
    points = place_points(person, change)
    pose = {
        "yaw": np.deg2rad(rng.normal(0, 8)),
        "roll": np.deg2rad(rng.normal(0, 5.7)),
        "zoom": rng.normal(0.96, 0.035),
        "shift": rng.normal(0, 1.2, 2),
    }
    lamp = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-0.9, 0.1), 1.0])
    painted = paint(person, points, change, rng)
    image = view(painted, person, pose, lamp / np.linalg.norm(lamp))
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.9))
    image = image + rng.normal(0, rng.uniform(1, 5), image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), turn(points, person, pose)


def place_points(person: dict[str, float], change: dict[str, float]) -> np.ndarray:
    """Return the 15 keypoints `(15, 2)` of a face seen from the front, in Kaggle's order."""
    up, opening = np.array([0.0, -1.0]), np.array([0.0, 6.0]) * np.clip(change["open"], 0, 1)
    brow_inner = BROW_INNER + 5 * change["inner_brow"] * up
    brow_outer = BROW_OUTER + 4 * change["outer_brow"] * up
    mouth = MOUTH + 4 * change["corners"] * up + [3 * change["wide"], 0] + opening / 2
    nose = NOSE + 1.5 * change["wrinkle"] * up
    upper_lip = UPPER_LIP + 2 * change["wrinkle"] * up + np.subtract(mouth, MOUTH) * [0, 0.3]
    lower_lip = LOWER_LIP + opening + np.subtract(mouth, MOUTH) * [0, 0.2]
    mirror = np.array([-1, 1])
    right_eye, right_inner, right_outer = EYE * mirror, INNER * mirror, OUTER * mirror
    brows = [brow_inner, brow_outer, brow_inner * mirror, brow_outer * mirror]
    eyes = [EYE, right_eye, INNER, OUTER, right_inner, right_outer]
    points = np.array([*eyes, *brows, nose, mouth, mouth * mirror, upper_lip, lower_lip])
    return points * [person["width"], person["height"]] + MIDDLE


def paint(
    person: dict[str, float],
    points: np.ndarray,
    change: dict[str, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Paint a face flat, without light: `(SIDE * SCALE, SIDE * SCALE) float32` grey."""
    canvas = np.full((SIDE * SCALE,) * 2, rng.uniform(20, 235), np.float32)
    skin, hair = person["skin"], person["hair"]
    wide, tall = person["width"], person["height"]

    def ellipse(centre, axes, grey, angle=0.0):
        centre, axes = np.rint(np.multiply(centre, SCALE)), np.rint(np.multiply(axes, SCALE))
        cv2.ellipse(canvas, (*centre.astype(int),), (*axes.astype(int),), angle, 0, 360, grey, -1)

    def polygon(corners, grey):
        cv2.fillPoly(canvas, [np.rint(np.multiply(corners, SCALE)).astype(np.int32)], grey)

    def line(corners, grey, width):
        corners = [np.rint(np.multiply(corners, SCALE)).astype(np.int32)]
        cv2.polylines(canvas, corners, False, grey, max(1, round(width * SCALE)), cv2.LINE_AA)

    x, y = MIDDLE
    ellipse((x, y + 4), (44 * wide, 56 * tall), hair)
    ellipse((x, y + 60), (24 * wide, 40), skin * 0.75)
    ellipse((x, y + 12 * tall), (37 * wide, 48 * tall), skin)
    ellipse((x, y + person["hairline"] - 14), (31 * wide, 16), hair)
    if person["beard"]:
        shadow = skin * (1 - person["beard"])
        ellipse((x, y + 44 * tall), (28 * wide, 18 * tall), shadow)
    lids = np.clip(0.8 + 0.4 * change["eyes"], 0.3, 1.4)
    for centre, inner, outer in zip(points[[0, 1]], points[[2, 4]], points[[3, 5]], strict=True):
        reach = np.abs(outer - inner)[0] / 2
        ellipse(centre, (reach + 1, 5.5 * lids), skin * 0.8)
        ellipse(centre, (reach, 3.6 * lids * person["eye"]), min(skin + 70, 245))
        ellipse(centre, (3.2, min(3.2, 3.6 * lids * person["eye"])), 25)
        line([inner, centre - [0, 3.6 * lids * person["eye"]], outer], skin * 0.35, 0.9)
    for inner, outer in (points[[6, 7]], points[[8, 9]]):
        arch = (inner + outer) / 2 - [0, 2.5]
        line([inner, arch, outer], min(hair, skin * 0.5), person["brow"])
    nose = points[10]
    for side in (-1, 1):
        ellipse(nose + [side * 4.5, 2.5], (2.2, 1.3), skin * 0.35)
        line([nose + [side * 9, -1], nose + [side * 8, 3]], skin * 0.7, 0.8)
        if change["wrinkle"] > 0.4:
            line([nose + [side * 4, -16], nose + [side * 8, -12]], skin * 0.6, 0.8)
        if change["corners"] > 0.4 or change["wrinkle"] > 0.4:
            line(
                [nose + [side * 10, 1], points[12 if side < 0 else 11] + [side * 4, -3]],
                skin * 0.65,
                1,
            )
    left, right, top, bottom = points[11:15]
    thick = 3.2 * person["lips"]
    dip = [0.35 * right + 0.65 * top - [0, 0.5], 0.35 * left + 0.65 * top - [0, 0.5]]
    low = [0.3 * left + 0.7 * bottom, 0.3 * right + 0.7 * bottom]
    polygon([right, dip[0], top, dip[1], left, low[0], bottom, low[1]], skin * 0.62)
    inside = [top + [0, thick], bottom - [0, thick]]
    gap = max(inside[1][1] - inside[0][1] - 2.5, 0.6) / 2
    middle = np.mean(inside, axis=0)
    ends = [0.85 * corner + 0.15 * middle for corner in (right, left)]
    polygon([ends[0], middle - [0, gap], ends[1], middle + [0, gap]], 30)
    if gap > 1.5:
        polygon(
            [0.6 * ends[0] + 0.4 * middle, middle - [0, gap], 0.6 * ends[1] + 0.4 * middle], 225
        )
    return canvas


def relief(x: np.ndarray, y: np.ndarray, person: dict[str, float]) -> np.ndarray:
    """Return how far the face stands out towards us at `x`, `y` (pixels, seen from the front)."""
    right, down = (x - MIDDLE[0]) / person["width"], (y - MIDDLE[1]) / person["height"]

    def bump(across, along, wide, tall):
        # Two exponentials rather than one of a sum: on a grid each is a row or a column only.
        return np.exp(-(((right - across) / wide) ** 2)) * np.exp(-(((down - along) / tall) ** 2))

    head = 38 * np.sqrt(np.clip(1 - (right / 42) ** 2 - ((down - 12) / 58) ** 2, 0, 1))
    nose = 9 * person["nose"] * bump(0, NOSE[1], 6, 7) + 5 * person["nose"] * bump(0, 8, 4, 12)
    sockets = 4 * (bump(EYE[0], 0, 10, 6) + bump(-EYE[0], 0, 10, 6))
    ridge = 2.5 * bump(0, -9, 30, 4)
    cheeks = 2.5 * (bump(20, 20, 9, 9) + bump(-20, 20, 9, 9))
    mouth = 3 * bump(0, MOUTH[1], 14, 7) + 3 * bump(0, 56, 10, 7)
    return head + nose - sockets + ridge + cheeks + mouth


def view(painted: np.ndarray, person: dict[str, float], pose: dict, lamp: np.ndarray) -> np.ndarray:
    """Light and turn a painted face; return `(SIDE, SIDE) float32` grey."""
    side = len(painted)
    rows, columns = np.ogrid[:side, :side]
    height = relief(columns / SCALE, rows / SCALE, person).astype(np.float32)
    slope_y, slope_x = np.gradient(height, 1 / SCALE)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)])
    light = np.einsum("c,chw->hw", lamp, normal / np.linalg.norm(normal, axis=0))
    # Behind the head there is no surface to be lit, so that the background keeps its grey.
    light = np.where(height > 4, 0.45 + 0.75 * np.clip(light, 0, 1), 1)
    lit = cv2.GaussianBlur((painted * light).astype(np.float32), (0, 0), 0.6 * SCALE)
    seen = np.stack(np.broadcast_arrays(columns, rows), axis=-1) / SCALE - MIDDLE - pose["shift"]
    straight = seen @ rotation(-pose["roll"]).T / pose["zoom"]
    # Which point of the flat face is seen here? Its depth depends on the answer, so ask again.
    at = (SCALE * (straight + MIDDLE)).astype(np.float32)
    for _ in range(4):
        depth = cv2.remap(height, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        across = (straight[..., 0] - depth * np.sin(pose["yaw"])) / np.cos(pose["yaw"])
        at[..., 0] = SCALE * (across + MIDDLE[0])
    turned = cv2.remap(lit, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(turned, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def turn(points: np.ndarray, person: dict[str, float], pose: dict) -> np.ndarray:
    """Move points `(n, 2)` of the flat face to where `view` shows them."""
    depth = relief(points[:, 0], points[:, 1], person)
    moved = points - MIDDLE
    moved[:, 0] = moved[:, 0] * np.cos(pose["yaw"]) + depth * np.sin(pose["yaw"])
    return moved @ rotation(pose["roll"]).T * pose["zoom"] + MIDDLE + pose["shift"]


def rotation(angle: float) -> np.ndarray:
    """Return the `(2, 2)` matrix that turns by `angle` (radians, clockwise as y points down)."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
