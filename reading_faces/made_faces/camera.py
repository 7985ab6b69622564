"""What stands before and behind a face, and what a camera makes of it all."""

from dataclasses import dataclass

import cv2
import numpy as np

from reading_faces.made_faces.people import MONK_TONES


@dataclass(frozen=True)
class Camera:
    """How a picture is taken."""

    exposure: float = 0.0  # stops brighter (positive) or darker than a light meter would choose
    contrast: float = 1.0  # 1 is faithful; more makes dark darker and bright brighter
    blur: float = 0.4  # Gaussian deviation in pixels
    noise: float = 1.0  # deviation in grey levels of 255
    quality: int = 92  # of the JPEG file, 1 to 100


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw how a picture is taken."""
    return Camera(
        exposure=np.clip(rng.normal(0, 0.45), -1.0, 1.0),
        contrast=rng.uniform(0.85, 1.5),
        blur=rng.choice([0.0, rng.uniform(0.2, 0.7), rng.uniform(0.7, 1.7)], p=[0.2, 0.5, 0.3]),
        noise=rng.choice([rng.uniform(0.5, 3), rng.uniform(3, 9)], p=[0.8, 0.2]),
        quality=int(rng.integers(55, 96)),
    )


def develop(
    linear: np.ndarray, camera: Camera, faces: list[tuple], rng, grey: bool = False
) -> bytes:
    """Turn linear light `(h, w, 3)` into a JPEG file: metered, curved, blurred, noisy.

    The light meter looks at the `faces` (x, y, width, height), as that of a phone does.
    """
    brightness = cv2.transform(linear, np.array([[0.2126, 0.7152, 0.0722]], np.float32))
    metered = np.mean([meter(brightness, box) for box in faces])
    exposed = (brightness if grey else linear) * np.float32(metered * 2**camera.exposure)
    # A soft shoulder, as film has: what is too bright fades to white instead of breaking off.
    bent = np.sqrt(1 - np.exp(-1.35 * exposed))
    bent = 0.5 + (bent - 0.5) * np.float32(camera.contrast)
    if camera.blur > 0.15:
        bent = cv2.GaussianBlur(bent, (0, 0), camera.blur)
    grain = rng.normal(size=bent.shape).astype(np.float32) * np.float32(camera.noise)
    picture = np.clip(np.rint(255 * bent + grain), 0, 255).astype(np.uint8)
    if not grey:
        picture = picture[..., ::-1]
    _, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, camera.quality])
    return file.tobytes()


def meter(brightness: np.ndarray, box: tuple[float, float, float, float]) -> float:
    """Return the exposure that makes what is in the middle of a box about middle grey."""
    x, y, width, height = box
    rows = slice(max(0, round(y + height / 4)), max(1, round(y + height)))
    columns = slice(max(0, round(x + width / 4)), max(1, round(x + 0.75 * width)))
    seen = brightness[rows, columns]
    # Not all the way: dark skin stays darker than light skin.
    return (0.22 / max(float(seen.mean()) if seen.size else 0.22, 0.004)) ** 0.8


def read_jpeg(file: bytes | np.ndarray, grey: bool = False) -> np.ndarray:
    """Read a JPEG file: `(h, w) uint8` if grey, else `(h, w, 3) uint8` RGB."""
    flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), flag)
    return picture if grey else np.ascontiguousarray(picture[..., ::-1])


def draw_background(size: tuple[int, int], rng, finer: float = 1.0) -> np.ndarray:
    """Draw a blurred room or sky, so many times finer: linear light `(h, w, 3) float32`."""
    small = np.empty((32, 32, 3), np.float32)
    first, second = (rng.uniform(0.02, 1) * random_tint(rng) for _ in range(2))
    slope = np.linspace(0, 1, 32, dtype=np.float32)
    shape = (-1, 1, 1) if rng.random() < 0.6 else (-1, 1)
    small[:] = first + (second - first) * slope.reshape(shape)
    for _ in range(rng.integers(0, 9)):
        colour = (rng.uniform(0, 1) ** 1.5 * random_tint(rng)).tolist()
        x, y = rng.integers(0, 32, 2).tolist()
        w, h = rng.integers(2, 16, 2).tolist()
        if rng.random() < 0.5:
            cv2.rectangle(small, (x, y), (x + w, y + 2 * h), colour, -1)
        else:
            cv2.ellipse(small, (x, y), (w, h), float(rng.uniform(0, 180)), 0, 360, colour, -1)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 3))
    size = tuple(int(np.ceil(side * finer)) for side in size)
    return cv2.resize(np.clip(small, 0, 1), size, interpolation=cv2.INTER_LINEAR)


def random_tint(rng: np.random.Generator) -> np.ndarray:
    """Draw a colour `(3,) float32` of brightness about 1."""
    return np.clip(1 + rng.uniform(0, 0.5) * rng.normal(0, 0.6, 3), 0.1, 1.4).astype(np.float32)


def occlude(picture: np.ndarray, where: np.ndarray, unit: float, rng) -> np.ndarray:
    """Put a hand, a scarf or some object in front of a face, in place; return what it hides.

    `picture` is linear light `(h, w, 3) float32`, `where` the keypoints `(15, 2)` in its pixels,
    and `unit` how many pixels a face unit is long. What is hidden is `(h, w) bool`.
    """
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    aim = where[rng.choice([3, 5, 10, 11, 12, 14, 14])]
    kind = rng.choice(["hand", "scarf", "object"], p=[0.5, 0.2, 0.3])
    if kind == "hand":
        colour = MONK_TONES[rng.integers(10)] ** 2 * rng.uniform(0.3, 0.9)
        outward = aim - where.mean(axis=0) + rng.normal(0, 6 * unit, 2) + [0, 8 * unit]
        outward /= np.linalg.norm(outward) + 1e-6
        side = np.array([-outward[1], outward[0]])
        for finger in range(-1, 3):
            tip = aim + side * finger * 8 * unit + outward * (abs(finger - 0.5) * 4 + 4) * unit
            knuckle = tip + outward * 32 * unit
            cv2.line(mask, *(np.rint(p).astype(int).tolist() for p in (tip, knuckle)), 255,
                     max(1, round(8 * unit)), cv2.LINE_AA)  # fmt: skip
        palm = aim + outward * 52 * unit + side * 4 * unit
        cv2.circle(mask, np.rint(palm).astype(int).tolist(), round(21 * unit), 255, -1, cv2.LINE_AA)
    elif kind == "scarf":
        colour = rng.uniform(0.02, 0.8) * random_tint(rng)
        level = (where[10, 1] * rng.uniform(0, 0.6) + where[14, 1]) / 1.3 + 6 * unit
        level = max(level, where[10, 1] + 3 * unit)
        tilt = rng.normal(0, 8 * unit)
        corners = [[0, level + tilt], [width, level - tilt], [width, height], [0, height]]
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255, cv2.LINE_AA)
    else:
        colour = rng.uniform(0.02, 0.9) * random_tint(rng)
        size = unit * rng.uniform(5, 18, 2)
        box = (tuple(map(float, aim + rng.normal(0, 8 * unit, 2))), tuple(map(float, 2 * size)),
               float(rng.uniform(0, 180)))  # fmt: skip
        if rng.random() < 0.5:
            cv2.ellipse(mask, box, 255, -1, cv2.LINE_AA)
        else:
            cv2.fillPoly(mask, [np.rint(cv2.boxPoints(box)).astype(np.int32)], 255, cv2.LINE_AA)
    # Round things are darker towards their rim.
    inner = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    shade = 0.55 + 0.45 * np.clip(inner / (5 * unit), 0, 1)
    share = (mask / np.float32(255))[..., np.newaxis]
    picture += share * (shade[..., np.newaxis] * colour.astype(np.float32) - picture)
    return mask > 127
