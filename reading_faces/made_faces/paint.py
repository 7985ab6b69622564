"""The colours of a face, painted flat as seen from the front, like a mask that is then wrapped on.

Light is left out, but for the soft darkness in folds and hollows that no lamp of ours would make.
"""

import functools

import cv2
import numpy as np

from reading_faces.made_faces.features import Features, smooth
from reading_faces.made_faces.head import X_RANGE, Y_RANGE
from reading_faces.made_faces.people import IRIS_COLOURS, Person, beard, hair_colour, skin_colour

_CIRCLE = np.stack([(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 20, endpoint=False)])
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel when it is told so: 2 ** 4
_PARTS = 2**_SHIFT
_ORIGIN = np.array([X_RANGE[0], Y_RANGE[0]])


class Canvas:
    """A picture `(h, w, 3) float32` in face units, painted on with soft, see-through shapes."""

    def __init__(self, colour: np.ndarray, scale: float):
        self.scale = scale
        height, width = (round((high - low) * scale) for low, high in (Y_RANGE, X_RANGE))
        self.picture = np.full((height, width, 3), colour, np.float32)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Turn places in face units into sixteenths of a pixel of the picture, `(n, 2) int32`."""
        pixels = (np.asarray(points) - _ORIGIN) * (self.scale * _PARTS) - _PARTS / 2
        return np.rint(pixels).astype(np.int32)

    def stroke(self, lines, colour, width: float, opacity=1.0, soft=0.0) -> None:
        """Draw lines `width` units wide; a line thinner than a pixel is fainter instead."""
        pixels = width * self.scale
        opacity *= min(1.0, pixels)
        self.fill(lines, colour, opacity, soft, thickness=max(1, round(pixels)))

    def spots(self, places, size, colour, opacity=1.0, soft=0.0, inside=None) -> None:
        """Fill ellipses of half-axes `size` about places."""
        rounds = np.asarray(places)[:, np.newaxis] + _CIRCLE * size
        self.fill(rounds, colour, opacity, soft, inside)

    def wrinkles(self, lines, dark, bright) -> None:
        """Draw grooves, each a line and its strength from 0 to 1: dark, the lower edge bright."""
        mask = np.zeros(self.picture.shape[:2], np.uint8)
        thickness = max(1, round(0.8 * self.scale))
        faint = min(1.0, 0.8 * self.scale)
        for line, strength in lines:
            if strength > 0.03:
                level = 255 * faint * min(0.75 * strength, 0.85)
                line = self.to_pixels(line)
                cv2.polylines(mask, [line], False, level, thickness, cv2.LINE_AA, _SHIFT)
        mask = soften(mask, 0.3 * self.scale) * np.float32(1 / 255)
        below = np.roll(mask, round(1.3 * self.scale), axis=0) * np.float32(0.3)
        for share, colour in ((below, bright), (mask, dark)):
            share = cv2.merge([share] * 3)
            self.picture += share * (np.asarray(colour, np.float32) - self.picture)

    def fill(self, shapes, colour, opacity=1.0, soft=0.0, inside=None, thickness=None) -> None:
        """Fill polygons, or draw lines of a thickness, in pixels.

        `soft` blurs their edge; nothing is painted outside polygons `inside`.
        """
        if opacity < 0.03 or not len(shapes):  # nobody would see it
            return
        shapes = [self.to_pixels(shape) for shape in shapes]
        corners = np.concatenate(shapes)
        margin = int(2 + 2 * soft * self.scale + (thickness or 0))
        low = np.maximum(corners.min(axis=0) // _PARTS - margin, 0)
        high = np.maximum(corners.max(axis=0) // _PARTS + margin + 2, low)
        part = self.picture[low[1] : high[1], low[0] : high[0]]
        if not part.size:
            return
        mask = np.zeros(part.shape[:2], np.uint8)
        shapes = [shape - low * _PARTS for shape in shapes]
        if thickness is None:
            cv2.fillPoly(mask, shapes, 255, cv2.LINE_AA, _SHIFT)
        else:
            cv2.polylines(mask, shapes, False, 255, thickness, cv2.LINE_AA, _SHIFT)
        if soft:
            mask = soften(mask, soft * self.scale)
        if inside is not None:
            within = np.zeros_like(mask)
            inside = [self.to_pixels(shape) - low * _PARTS for shape in inside]
            cv2.fillPoly(within, inside, 255, cv2.LINE_AA, _SHIFT)
            mask = cv2.multiply(mask, within, scale=1 / 255)
        share = cv2.merge([mask * np.float32(opacity / 255)] * 3)
        part += share * (np.asarray(colour, np.float32) - part)


def soften(mask: np.ndarray, deviation: float) -> np.ndarray:
    """Blur almost as a Gaussian does, at a cost that does not grow with it: two sliding means.

    (`cv2.stackBlur` would be one call, but its bytes depend on the number of threads.)
    """
    side = max(2, round(2.5 * deviation))
    for before in (side // 2, side - 1 - side // 2):
        mask = cv2.blur(mask, (side, side), anchor=(before, before))
    return mask


@functools.cache
def noise(kind: int, width: int, height: int, *grains: float) -> np.ndarray:
    """Return one of a few fixed fields of noise `(height, width) float32`, deviation 1.

    `grains` are how many pixels wide its blotches are; several sizes are added up.
    """
    total = np.zeros((height, width), np.float32)
    for grain in grains:
        rng = np.random.default_rng([kind, width, height])
        field = rng.normal(size=(height, width)).astype(np.float32)
        field = cv2.GaussianBlur(field, (0, 0), grain)
        total += (field - field.mean()) / field.std()
    return total / total.std()


def paint_face(person: Person, features: Features, scale: float = 2.5) -> np.ndarray:
    """Paint a face: `(h, w, 3) float32`, sRGB from 0 to 1, `scale` pixels a face unit."""
    canvas = Canvas(skin_colour(person), scale)
    layers = paint_skin, paint_folds, paint_beard, paint_eyes, paint_brows, paint_nose, paint_mouth
    for paint in layers:
        paint(canvas, person, features)
    return np.clip(canvas.picture, 0, 1)


def wears_make_up(person: Person, at_least: float) -> bool:
    """Say whether a person wears make-up, of a strength from 0 to 1."""
    return person["masculinity"] < 0.5 and person["make_up"] > at_least


def paint_skin(canvas: Canvas, person: Person, features: Features) -> None:
    """Paint blotches, redness, freckles and moles."""
    skin, scale = skin_colour(person), canvas.scale
    height, width = canvas.picture.shape[:2]
    blotches = noise(int(person["marks"] * 4), width, height, 4 * scale, 0.35 * scale)
    canvas.picture *= cv2.merge([1 + np.float32(0.026 * person["mottling"]) * blotches] * 3)
    red, tip = skin * (1.02, 0.78, 0.76), features.left["nose_tip"]
    canvas.spots([tip], (8, 7), red, 0.5 * person["redness"], soft=4)
    cheeks = [places["cheek"] + (2 * sign, 1) for _, sign, places in features.sides()]
    canvas.spots(cheeks, (11, 8), red, 0.6 * person["redness"], soft=6)
    hollows = [places["eye"] + (-sign, 5.5) for _, sign, places in features.sides()]
    hollow = skin * (0.62, 0.55, 0.58)
    canvas.spots(hollows, (7, 2.6), hollow, 0.45 * person["eye_shadow"], soft=2)
    if wears_make_up(person, 0.6):
        canvas.spots(cheeks, (9, 5), (0.75, 0.3, 0.32), 0.18, soft=4)
    rng = np.random.default_rng(int(person["marks"] * 2**31))
    freckles, moles = (max(0, int(n)) for n in (60 * person["freckles"], person["moles"]))
    canvas.spots(rng.normal((0, 14), (16, 8), (freckles, 2)), 0.4, skin * 0.62, 0.6)
    canvas.spots(rng.uniform((-28, -35), (28, 58), (moles, 2)), 0.8, skin * 0.4, 0.8)


def paint_folds(canvas: Canvas, person: Person, features: Features) -> None:
    """Paint the darkness of hollows, and the wrinkles that age and action units make."""
    skin = skin_colour(person)
    # By its root: a wrinkle is there as soon as its unit is, and hardly deepens at the end.
    units = {unit: np.sqrt(both) for unit, both in features.units.items()}
    dark, age = skin * (0.52, 0.46, 0.45), max(person["age"] - 0.45, 0) / 0.55
    tip, chin, bottom = (features.left[name] for name in ("nose_tip", "chin", "lip_bottom"))
    canvas.spots([tip + (0, 5.5), bottom + (0, 3.2)], (9, 1.7), dark, 0.43, soft=1.3)
    canvas.spots([chin + (0, 13)], (38, 11), dark, 0.5, soft=4)
    # The chin of unit 17 is dimpled like an orange.
    dimples = chin + [(-6, -12), (0, -14), (6, -12), (-3, -8), (3, -8)]
    canvas.spots(dimples, 1.2, dark, 0.35 * units[17].mean())
    raised = max(units[1].mean(), 0.9 * units[2].mean())
    lift = 3.0 * (units[2].mean() - units[1].mean())
    frown = max(units[4].mean(), 0.5 * units[9].mean())
    wrinkles = [(wave(y, 24, 1.5 + lift), 0.6 * raised + 0.25 * age) for y in (-21, -26.5, -32)]
    wrinkles += [([(s * 3.2, -7), (s * 2.6, -16)], 0.7 * frown + 0.2 * age) for s in (-1, 1)]
    wrinkles += [(wave(y, 6.5, 3), 0.5 * units[9].mean()) for y in (-1, 2.5)]
    canvas.spots([bottom + (0, 3.2)], (8, 1.3), dark, 0.6 * units[24].mean(), soft=0.7)
    for side, sign, places in features.sides():
        dimple = places["mouth_corner"] + (3.4 * sign, 0)
        canvas.spots([dimple], (1.3, 2.6), dark, 0.75 * units[14][side], soft=0.6)
        # Lips drawn together by unit 23 gather the skin above and below, as a purse does.
        gathers = [
            [edge + (sign * x, d), edge + (1.2 * sign * x, 3.4 * d)]
            for edge, d in ((places["lip_top"], -1), (places["lip_bottom"], 1))
            for x in (1.8, 5.4, 9.0)
        ]
        canvas.stroke(gathers, dark, 1.5, 0.55 * units[23][side], soft=0.45)
        here = {unit: both[side] for unit, both in units.items()}
        wrinkles += wrinkle_side(places, sign, here, age)
    canvas.wrinkles(wrinkles, dark, skin * 1.12)


def wave(y: float, reach: float, lift: float) -> np.ndarray:
    """Return a wrinkle across the middle of the face, its ends lower by `lift`."""
    ends, sides = (reach, y + lift), (reach / 2, y)
    return smooth([(-ends[0], ends[1]), (-sides[0], y), (0, y + lift / 2), sides, ends])


def wrinkle_side(places: dict, sign: float, units: dict[int, float], age: float) -> list:
    """Return the wrinkles of one side of the face, each a line and its strength."""
    inner, outer, wing = places["eye_inner"], places["eye_outer"], places["nose_wing"]
    corner = places["mouth_corner"]

    def out(x, y):
        return np.array([sign * x, y])

    def round_corner(*offsets):
        return smooth([corner + out(x, y) for x, y in offsets])

    crow = 0.6 * max(0.9 * units[6], 0.5 * units[12]) + 0.3 * age
    under = 0.5 * max(units[6], 0.6 * units[7]) + 0.3 * age
    droop = 0.7 * max(units[15], 0.35 * age)
    # The nasolabial fold, from the wing of the nose round the corner of the mouth.
    fold = 0.75 * max(units[12], 0.9 * units[10], 0.8 * units[9]) + 0.25 * age + 0.04
    bend = (wing + corner) / 2 + out(4.2 + 2.5 * units[12], 1)
    return [
        *(([outer + out(2.5, d), outer + out(8.5, 2.4 * d)], crow) for d in (-1.6, 0.4, 2.4)),
        (smooth([inner + out(1, 4.5), places["eye"] + (0, 6.5), outer + out(1, 5)]), under),
        (smooth([wing + out(1.6, -3), bend, corner + out(5.0, 2.5)]), fold),
        ([corner + out(1.0, 0.5), corner + out(2.6, 6)], droop),
        (round_corner((3.5, -3.5), (4.6, 0.5), (3.6, 5)), 0.6 * units[20]),
        # Beyond the dimple of unit 14, half a circle.
        (round_corner((3.2, -5.5), (6.4, 0), (3.4, 6)), 0.9 * units[14]),
    ]


def paint_beard(canvas: Canvas, person: Person, features: Features) -> None:
    """Paint stubble, moustache or beard."""
    style, skin = beard(person), skin_colour(person)
    if style == "none":
        return
    colour = hair_colour(person) * 0.9 if style != "stubble" else skin * 0.5
    opacity = person["beard_density"] * (0.45 if style == "stubble" else 0.95)
    before = canvas.picture.copy()
    left, right, chin = features.left, features.right, features.left["chin"]
    top, bottom = left["lip_top"], left["lip_bottom"]
    corners = left["mouth_corner"], right["mouth_corner"]
    if style != "goatee":
        upper_lip = [
            corners[0] + (3, 3), left["nose_wing"] + (-1, 4.5), top - (0, 5),
            right["nose_wing"] + (1, 4.5), corners[1] + (-3, 3), top - (0, 0.5),
        ]  # fmt: skip
        canvas.fill([smooth(upper_lip)], colour, opacity, soft=0.9)
    if style in ("full", "stubble"):
        jaw = [
            (-46, 6), (-38, 10), (-31, 30), corners[1] + (-5, 1), bottom + (-9, 3),
            bottom + (0, 4.5), bottom + (9, 3), corners[0] + (5, 1), (31, 30), (38, 10),
            (46, 6), (48, chin[1] + 12), (-48, chin[1] + 12),
        ]  # fmt: skip
        canvas.fill([np.array(jaw)], colour, opacity, soft=2.2)
    elif style == "goatee":
        tuft = [
            corners[1] + (-3, 0), bottom + (0, 4), corners[0] + (3, 0), chin + (9, -1),
            chin + (0, 3), chin + (-9, -1), corners[1] + (-3, 0),
        ]  # fmt: skip
        canvas.fill([smooth(tuft)], colour, opacity, soft=1.2)
    # Hair has gaps: let the skin through where the noise is high.
    height, width = canvas.picture.shape[:2]
    gaps = np.clip(0.22 + 0.16 * noise(9, width, height, 0.4 * canvas.scale), 0, 1)
    canvas.picture += gaps[..., np.newaxis] * (before - canvas.picture)


def paint_eyes(canvas: Canvas, person: Person, features: Features) -> None:
    """Paint the eyes: white, iris, pupil, glint, lids, lashes and crease."""
    skin = skin_colour(person)
    dark = skin * (0.45, 0.38, 0.36)
    over, under, centres, inner_corners = [], [], [], []
    for _, sign, places in features.sides():
        eye, up, low = places["eye"], places["lid_up"][1], places["lid_low"][1]
        # Annotators put the corners a little inside of where the lids meet.
        inner, outer = places["eye_inner"] - (0.9 * sign, 0), places["eye_outer"] + (0.9 * sign, 0)
        above = eye + [(-2.2 * sign, 0.94 * up), (2 * sign, 0.96 * up)]
        below = eye + [(-2.2 * sign, 0.86 * low), (2.5 * sign, low)]
        over.append(smooth([inner, *above, outer]))
        under.append(smooth([inner, *below, outer]))
        centres.append(eye + (0.9 * person["gaze_across"], min(0.0, 0.27 * (up + low))))
        inner_corners.append(inner + (1.1 * sign, 0.1))
    crease = 2.2 + 0.8 * person["lid_crease"]
    lids = [np.concatenate([line, line[::-1] - (0, crease)]) for line in over]
    canvas.fill(lids, dark, 0.52 if wears_make_up(person, 0.55) else 0.21, soft=0.8)
    creases = [line[3:-2] - (0, crease) for line in over]
    canvas.stroke(creases, dark, 0.7, 0.3 + 0.6 * person["lid_crease"], soft=0.25)
    openings = [np.concatenate([a, b[::-1]]) for a, b in zip(over, under, strict=True)]
    canvas.fill(openings, (0.83, 0.8, 0.78) * (0.6 + 0.4 * skin))
    canvas.spots(inner_corners, (1.1, 0.8), (0.72, 0.45, 0.42), 0.8, inside=openings)
    size, colour = 3.45 * person["iris_size"], IRIS_COLOURS[int(person["iris_colour"])]
    canvas.spots(centres, size, colour * 0.55, inside=openings)
    canvas.spots(centres, size - 0.6, colour, 0.85, soft=0.2, inside=openings)
    canvas.spots(centres, 1.45, (0.03, 0.03, 0.03), inside=openings)
    canvas.spots([c - (1.1, 1.2) for c in centres], 0.6, (1, 1, 1), 0.9, inside=openings)
    shadows = [np.concatenate([line, line[::-1] + (0, 1.1)]) for line in over]
    canvas.fill(shadows, (0.1, 0.07, 0.06), 0.4, 0.4, inside=openings)
    lashes = 0.75 if person["masculinity"] > 0.5 else 1.6 if wears_make_up(person, 0.4) else 1.0
    canvas.stroke(over, skin * 0.18, 0.75 * lashes, 0.9)
    lower = [line[1:] for line in under]
    canvas.stroke(lower, dark, 0.5, 0.9 if wears_make_up(person, 0.7) else 0.55)


def paint_brows(canvas: Canvas, person: Person, features: Features) -> None:
    """Paint the brows: tapering bands, with hairs drawn along them."""
    bands, hairs = [], []
    for side, _, places in features.sides():
        start, peak, end = places["brow_inner"], places["brow_peak"], places["brow_outer"]
        spine = smooth([start, start + (peak - start) * 0.5 - (0, 0.8), peak, end])
        along = np.linspace(0, 1, len(spine))
        half = np.zeros_like(spine)
        half[:, 1] = np.interp(along, [0, 0.15, 0.6, 1], [0.6, 1.0, 0.85, 0.15])
        half *= 2.3 * person["brow_thickness"]
        bands.append(np.concatenate([spine - half, (spine + half)[::-1]]))
        rng = np.random.default_rng([int(person["marks"] * 2**31), side])
        at = rng.integers(0, len(spine) - 2, 26)
        roots = spine[at] + half[at] * rng.uniform(-1, 1, (26, 1))
        tips = roots + 1.1 * (spine[at + 2] - spine[at]) - (0, 0.9)
        hairs.extend(np.stack([roots, tips], axis=1))
    colour = np.minimum(hair_colour(person) * 0.7, skin_colour(person) * 0.62)
    canvas.fill(bands, colour, 0.3 + 0.5 * person["brow_density"], soft=0.45)
    canvas.stroke(hairs, colour * 0.8, 0.4, 0.75 * person["brow_density"])


def paint_nose(canvas: Canvas, person: Person, features: Features) -> None:
    """Paint nostrils, the lines round the wings, and the sides of the bridge."""
    skin, tip = skin_colour(person), features.left["nose_tip"]
    holes, wings, bridge = [], [], []
    for _, sign, places in features.sides():
        wing = places["nose_wing"]
        holes.append((0.48 * wing[0], max(tip[1], wing[1]) + 2.6))
        around = [wing + (0.3 * sign, -4.5), wing + (1.2 * sign, -1), wing + (0, 2.3)]
        wings.append(smooth([*around, wing * (0.65, 1) + (0, 3.2)]))
        bridge.append(smooth([(sign * 4.6, 2), (sign * 4.3, 10), wing + (-2 * sign, -5)]))
    dark = skin * (0.42, 0.34, 0.33)
    canvas.spots(holes, (2.2, 1.0), skin * 0.2, 0.8 * person["nostrils"], soft=0.4)
    canvas.stroke(wings, dark, 0.8, 0.5, soft=0.35)
    canvas.stroke(bridge, dark, 2.0, 0.16, soft=1.0)


def paint_mouth(canvas: Canvas, person: Person, features: Features) -> None:
    """Paint the lips, and between them what an open mouth shows."""
    left, right = features.left, features.right
    corners = right["mouth_corner"], left["mouth_corner"]
    seam, bottom = left["lip_seam"], left["lip_bottom"]
    upper_middle, lower_middle = seam + left["lips_up"], seam + left["lips_low"]

    def bow(middle, drop: float, lag: float):
        # From corner to corner through `middle`; half way out, an edge follows both of them.
        follow = seam + lag * (middle - seam)
        halves = [follow + (corner - seam) * (0.55, drop) for corner in corners]
        return smooth([corners[0], halves[0], middle, halves[1], corners[1]])

    over = smooth([corners[0], right["cupid"], left["lip_top"], left["cupid"], corners[1]])
    upper, lower = bow(upper_middle, 0.3, 0.67), bow(lower_middle, 0.3, 0.67)
    colour = lip_colour(person)
    canvas.fill([np.concatenate([over, upper[::-1]])], colour * 0.88, 0.9, soft=0.25)
    canvas.fill([np.concatenate([lower, bow(bottom, 0.35, 0.82)[::-1]])], colour, 0.9, soft=0.3)
    gleam = 0.45 * bottom + 0.55 * lower_middle
    canvas.spots([gleam], (5, 1.1), np.minimum(colour * 1.35, 1), 0.3, soft=0.6)
    gap = lower_middle[1] - upper_middle[1]
    if gap > 0.5:
        paint_open_mouth(canvas, upper, lower, gap)
    pressed = np.sqrt(features.units[24].mean())
    opacity = 0.85 if gap < 1.0 else 0.4
    canvas.stroke([upper], colour * 0.28, 0.8 + 0.6 * pressed, opacity, soft=0.15)
    canvas.spots(corners, (1.2, 0.9), colour * 0.25, 0.6, soft=0.5)


def paint_open_mouth(canvas: Canvas, upper: np.ndarray, lower: np.ndarray, gap: float) -> None:
    """Paint darkness, tongue and teeth between the lips' inner edges, `gap` apart."""
    inside = [np.concatenate([upper, lower[::-1]])]
    upper_middle, lower_middle = upper[len(upper) // 2], lower[len(lower) // 2]
    canvas.fill(inside, (0.12, 0.04, 0.04))
    tongue = lower_middle + (0, 0.3)
    canvas.spots([tongue], (7.5, 0.28 * gap + 0.4), (0.55, 0.24, 0.24), 0.75, 0.6, inside)
    teeth = np.concatenate([upper, upper[::-1] + (0, min(4.0, 0.75 * gap + 0.8))])
    canvas.fill([teeth], (0.76, 0.73, 0.67), 0.95, soft=0.2, inside=inside)
    canvas.stroke([upper + (0, 0.8)], (0.1, 0.05, 0.05), 1.6, 0.35, soft=0.5)
    end = 1.0 + min(1.8, 0.4 * gap)
    gaps = [upper_middle + np.array([[x, 1.0], [x, end]]) for x in (-6, -3, 0, 3, 6)]
    canvas.stroke(gaps, (0.5, 0.42, 0.4), 0.3, 0.3)


def lip_colour(person: Person) -> np.ndarray:
    """Return the colour of a person's lips `(3,)`: the skin's, redder, or that of a lipstick."""
    natural = skin_colour(person) * (0.86, 0.6, 0.58)
    share = (0.2 + 0.5 * person["lip_colour"]) * (1.0 if wears_make_up(person, 0.45) else 0.15)
    return natural + share * (np.array([0.62, 0.14, 0.2]) - natural)
