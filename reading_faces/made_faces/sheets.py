"""The surfaces that a made person consists of: head, ears, hair, headwear, glasses, shoulders.

Each is a sheet: a grid of points in space with a texture stretched over it.
"""

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from reading_faces.made_faces import people
from reading_faces.made_faces.features import SHAPES, Features, smooth
from reading_faces.made_faces.head import X_RANGE, Y_RANGE, Head
from reading_faces.made_faces.paint import noise
from reading_faces.made_faces.people import Person


@dataclass(frozen=True)
class Sheet:
    """A surface of `r × c` points."""

    points: np.ndarray  # (r, c, 3) float32, face units
    texture: np.ndarray  # (h, w, 3) float32, sRGB from 0 to 1
    place: np.ndarray  # (r, c, 2) float32, which pixel of the texture lies on each point
    cover: np.ndarray  # (r, c) float32, above 0 where the sheet is there
    shine: float = 0.1  # 0 to 1
    casts_shadow: bool = True  # False for what is too thin for the cells of the shadow map


HAIR, HAIRLINE = SHAPES["hair"]["styles"], np.array(SHAPES["hair"]["line"], float)
EAR_AT = np.deg2rad(93)


def build_sheets(person: Person, head: Head, painting: np.ndarray) -> list[Sheet]:
    """Return all surfaces of a person; `painting` is the face as `paint_face` made it."""
    sheets = [wrap_face(person, head, painting), build_shoulders(person)]
    if HAIR[people.hair_style(person)][3] < 20 and people.headwear(person) != "headscarf":
        sheets += [build_ear(person, head, sign) for sign in (-1.0, 1.0)]
    sheets += [build_hair(person, head), *build_headwear(person, head)]
    return sheets + build_glasses(person, head.features)


def wrap_face(person: Person, head: Head, painting: np.ndarray) -> Sheet:
    """Wrap the painted mask round the head."""
    scale = painting.shape[1] / (X_RANGE[1] - X_RANGE[0])
    _, _, points = head.grid
    place = (points[..., :2] - (X_RANGE[0], Y_RANGE[0])) * scale - 0.5
    return replace(plain(points, painting, shine=person["shine"]), place=place.astype(np.float32))


def plain(points: np.ndarray, texture: np.ndarray, cover=1.0, **options) -> Sheet:
    """Return a sheet with its texture stretched over all of it; options are those of `Sheet`."""
    down, across = (np.linspace(0, texture.shape[i] - 1, points.shape[i]) for i in (0, 1))
    place = np.stack(np.meshgrid(across, down), axis=-1)
    cover = np.full(points.shape[:2], cover, np.float32)
    return Sheet(points.astype(np.float32), texture, place.astype(np.float32), cover, **options)


def build_ear(person: Person, head: Head, sign: float) -> Sheet:
    """Build an ear: a bowl that stands off the side of the head."""
    out, up = np.linspace(0, 1, 10)[np.newaxis], np.linspace(-1, 1, 16)[:, np.newaxis]
    root = head.surface(np.array([sign * EAR_AT]), np.array([7.0]))[0]
    size = 15 * person["ear_size"]
    reach = size * 0.72 * np.sqrt(np.clip(1 - 0.9 * up**2, 0, 1)) * (1 - 0.18 * up) * out
    lean = person["ear_angle"] + 0.25 * out
    x = root[0] - sign * 1.5 + sign * reach * np.sin(lean)
    z = root[2] - reach * np.cos(lean) + 4
    y = root[1] + size * up * (0.75 + 0.25 * out)
    rim = 0.62 + 0.38 * np.clip(np.abs(out - 0.35) * 3, 0, 1) * np.ones_like(up)
    texture = (people.skin_colour(person) * (1.0, 0.9, 0.88)) * rim[..., np.newaxis]
    return plain(np.stack(np.broadcast_arrays(x, y, z), -1), texture.astype(np.float32))


def build_shoulders(person: Person) -> Sheet:
    """Build the shoulders, in plain or striped cloth."""
    outline = smooth(np.array(SHAPES["shoulders"]["outline"], float), 4)
    angles = np.linspace(-np.pi / 2, np.pi / 2, 40)[np.newaxis]
    width, front, middle = (outline[:, i : i + 1] for i in (1, 2, 3))
    x = width * np.sin(angles)
    z = middle + (front - middle) * np.cos(angles)
    points = np.stack([x, np.broadcast_to(outline[:, :1], x.shape), z], axis=-1)
    texture = np.full((60, 80, 3), cloth_colour(person))
    if person["marks"] > 0.6:
        texture[:, :: 4 + int(person["marks"] * 6)] *= 0.6
    # Its cells are too wide for the shadow map: it would lie in its own shadow.
    return plain(points, texture, casts_shadow=False)


def cloth_colour(person: Person, shift: float = 0.0) -> np.ndarray:
    """Return the colour `(3,)` of what a person wears."""
    hue = 2 * np.pi * (person["cloth_hue"] + shift)
    bright = 0.15 + 0.7 * ((person["cloth_hue"] * 7 + shift) % 1)
    tint = 1 + 0.35 * np.cos(hue + np.array([0, 2.1, 4.2]))
    return np.clip(bright * tint, 0, 1).astype(np.float32)


def shell(head: Head, inside, thickness, width_from=None) -> np.ndarray:
    """Return the head's surface moved outwards by `thickness` where `inside` is well above 0."""
    angles, heights, points = head.grid
    thickness = thickness * np.sqrt(np.clip(inside / 9, 0, 1))
    middle = np.interp(heights, head.outline[:, 0], head.outline[:, 3])
    outward = np.stack(np.broadcast_arrays(points[..., 0], 0.0, points[..., 2] - middle), axis=-1)
    crown = np.clip((-38 - heights) / 30, 0, 1)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True) + 1e-6
    # Up on the crown, where the head closes, the shell must close too.
    outward *= np.clip(np.abs(points[..., :1]).max(axis=1, keepdims=True) / 24, 0, 1)
    outward[..., 1] = -0.7 * crown
    points = points + outward * thickness[..., np.newaxis]
    if width_from is not None:
        # What hangs does not follow the jaw and the neck, but falls straight from the cheekbones.
        below = np.clip((heights - width_from) / 15, 0, 1)
        straight = head.surface(angles, np.full((1, 1), width_from))
        straight = straight + outward * thickness[..., np.newaxis]
        points[..., 0] += below * (straight[..., 0] * (1 + 0.0015 * heights) - points[..., 0])
        points[..., 2] += below * (straight[..., 2] - points[..., 2])
    return points


def build_hair(person: Person, head: Head) -> Sheet:
    """Build the hair as a shell over the head, with a ragged edge."""
    angles, heights, _ = head.grid
    raised, top, sides, hangs, curl = HAIR[people.hair_style(person)]
    turned = np.abs(np.rad2deg(angles))
    line = np.interp(turned, *HAIRLINE.T)
    forehead = np.clip(1 - turned / 62, 0, 1)
    line = line + (raised + person["hairline"]) * np.sqrt(forehead)
    line = line + person["parting"] * 2.5 * np.sin(angles * 2.2) * forehead
    inside = line - heights
    if hangs > 20:
        curtain = np.minimum((turned - 66) * 0.75, hangs - heights)
        inside = np.maximum(inside, np.broadcast_to(curtain, inside.shape))
    curl = 0.5 * (curl + person["hair_curl"])
    strands = strand_noise(int(person["marks"] * 5), 0.6 + round(4 * (1 - curl)))
    ragged = cv2.resize(strands, inside.shape[::-1], interpolation=cv2.INTER_AREA)
    inside = inside + (1.0 + 2.0 * curl) * np.clip(ragged, -2, 2)
    volume = 0.6 + 0.8 * person["hair_volume"]
    thickness = volume * (top + (sides - top) * np.clip((turned - 35) / 40, 0, 1))
    if people.headwear(person) in ("cap", "beanie", "headscarf"):
        thickness = thickness * 0.3
    points = shell(head, inside, thickness, 16.0 if hangs > 20 else None)
    colour = people.hair_colour(person)
    if people.hair_style(person) == "shaved":
        colour = 0.5 * (colour + people.skin_colour(person) * 0.9)
    texture = cv2.merge([np.float32(c) * (1 + np.float32(0.28) * strands) for c in colour])
    return plain(points, texture, inside - 0.01, shine=0.25 * (1 - curl))


@functools.cache
def strand_noise(kind: int, along: float) -> np.ndarray:
    """Return noise `(220, 280) float32` drawn out downwards, as strands of hair are."""
    field = noise(kind, 280, 220, 0.6)
    drawn = cv2.GaussianBlur(field, (0, 0), sigmaX=0.5, sigmaY=along)
    return np.clip(drawn / drawn.std(), -3, 3)


def build_headwear(person: Person, head: Head) -> list[Sheet]:
    """Build a cap, a beanie, a headscarf or a band, if the person wears one."""
    kind = people.headwear(person)
    if kind == "none":
        return []
    angles, heights, _ = head.grid
    turned = np.abs(np.rad2deg(angles))
    weave = 1 + 0.06 * noise(3, 140, 110, 0.7)[..., np.newaxis]
    texture = np.clip(weave * cloth_colour(person, 0.37), 0, 1)

    def cloth(inside, thickness: float, width_from: float | None = None) -> Sheet:
        return plain(shell(head, inside, thickness, width_from), texture, inside)

    if kind == "headscarf":
        rim = np.interp(turned, [0, 30, 48, 56, 130], [-33, -31, -20, 0, 0])
        sides = np.minimum((turned - 56) * 0.75, 118.0 - heights)
        return [cloth(np.maximum(rim - heights, sides), 7.0, 20.0)]
    if kind == "band":
        return [cloth(7.0 - np.abs(heights + 36) + 0 * turned, 8.0)]
    rim = np.interp(turned, [0, 50, 80, 130], [-24, -22, -12, -6])
    sheets = [cloth(rim - heights, 9.0)]
    if kind == "cap":
        across, out = np.linspace(-1, 1, 48)[np.newaxis], np.linspace(0, 1, 20)[:, np.newaxis]
        x = 36 * across * np.ones_like(out)
        z = 14 - 34 * across**2 + 30 * out * (1 - 0.8 * across**2)
        y = -27 + 3 * across**2 + 5 * out + 0 * across
        sheets.append(plain(np.stack([x, y, z], -1), texture * 0.8))
    return sheets


def build_glasses(person: Person, features: Features) -> list[Sheet]:
    """Build spectacles or dark glasses, if the person wears them."""
    kind = people.glasses(person)
    if kind == "none":
        return []
    thickness = 1.1 * person["glasses_thickness"]
    colour = np.clip(cloth_colour(person, 0.7) * 0.5, 0.03, 1)
    power = 2 + 2.5 * person["glasses_shape"]
    round_it = np.linspace(0, 2 * np.pi, 41)
    cos, sin = np.cos(round_it), np.sin(round_it)
    half = np.array([13.0, 9.0 + 2.5 * (1 - person["glasses_shape"])]) * person["glasses_size"]
    sheets = []
    for _, sign, places in features.sides():
        centre = places["eye"] + [sign * 0.2, 1.5]
        x = centre[0] + half[0] * np.sign(cos) * np.abs(cos) ** (2 / power)
        y = centre[1] + half[1] * np.sign(sin) * np.abs(sin) ** (2 / power)
        rim = np.stack([x, y, stand_off(x)], axis=1)
        across = rim - [*centre, 0]
        across = across[:, :2] / np.linalg.norm(across[:, :2], axis=1, keepdims=True)
        sheets.append(ribbon(rim, across, thickness, colour))
        hinge = np.array([centre[0] + sign * half[0], centre[1] - 2, 0])
        hinge[2] = stand_off(hinge[0])
        arm = np.stack([hinge, [sign * 45.5, hinge[1], -20], [sign * 46.5, hinge[1] + 1, -48]])
        sheets.append(ribbon(smooth(arm, 6), np.array([0.0, 1.0]), 1.6 * thickness, colour))
        if kind == "dark":
            shares = np.linspace(0, 1, 8)[:, np.newaxis, np.newaxis]
            middle = np.array([*centre, stand_off(centre[0]) - 0.3])
            lens = middle + shares * (rim - [0, 0, 0.3] - middle)
            sheets.append(plain(lens, np.full((2, 2, 3), 0.06, np.float32), shine=0.9))
    x = np.linspace(-6.5, 6.5, 9)
    bridge = np.stack([x, -1.5 + 0.03 * x**2, stand_off(x)], axis=1)
    return [*sheets, ribbon(bridge, np.array([0.0, 1.0]), 1.2 * thickness, colour)]


def stand_off(x):
    """Return z of spectacles in front of the face: they curve round it."""
    return 11.0 - 0.010 * np.square(x)


def ribbon(line: np.ndarray, across: np.ndarray, width: float, colour: np.ndarray) -> Sheet:
    """Return a band of a width along a line `(n, 3)`, which spreads `across (2,)` in x and y."""
    offset = np.zeros((len(line), 3))
    offset[:, :2] = across
    shares = np.array([-0.5, 0.0, 0.5])[:, np.newaxis]
    points = line[:, np.newaxis] + shares * width * offset[:, np.newaxis]
    texture = np.broadcast_to(colour, (2, 2, 3)).astype(np.float32)
    return plain(points, texture, shine=0.5, casts_shadow=False)
