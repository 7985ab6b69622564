"""A photo with each face's box, keypoints, likeliest emotion and name drawn on it."""

import itertools
import math

import cv2
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageColor, ImageDraw, ImageFont

from helpers.detect import shared_area
from helpers.plots import BOX, sides


def annotate_photo(photo: np.ndarray, reading, numbers: list[int] | None = None) -> np.ndarray:
    """Return a copy of a photo with each face's box, keypoints, likeliest emotion and name on it.

    Parameters
    ----------
    photo : `(h, w, 3) uint8` RGB.
    reading : the `PhotoReading` of this photo, which may have been decoded smaller since.
    numbers : of its faces; 1, 2, … by default.
    """
    numbers = numbers or range(1, 1 + len(reading.faces))
    marked = np.ascontiguousarray(photo).copy()
    shrink = min(1.0, photo.shape[1] / (reading.width or 1))
    boxes = [np.array(face.box) * shrink for face in reading.faces]
    for face, box in zip(reading.faces, boxes, strict=True):
        draw_box(marked, box)
        if face.keypoints is not None:
            points = (np.asarray(face.keypoints, float) + 0.5) * shrink - 0.5
            draw_points(marked, points, math.sqrt(box[2] * box[3]))
    picture, labels = Image.fromarray(marked), []
    for number, face, box in zip(numbers, reading.faces, boxes, strict=True):
        text = f"{number} {face.label}".rstrip()
        # To hide a label is worse than to hide a part of a face.
        labels.append(draw_label(picture, text, box, [*boxes, *labels, *labels]))
    return np.array(picture)


def draw_box(photo: np.ndarray, box: np.ndarray) -> None:
    """Draw a coloured frame with a white rim, so that it shows on any background."""
    # It suits the face, and can be seen in a large photo.
    width = max(1, round(max(min(box[2:]) / 60, max(photo.shape[:2]) / 900)))
    start = np.round(box[:2]).astype(int).tolist()
    end = np.round(box[:2] + box[2:] - 1).astype(int).tolist()
    cv2.rectangle(photo, start, end, (255, 255, 255), width + max(2, width // 2 * 2))
    cv2.rectangle(photo, start, end, ImageColor.getrgb(BOX), width)


def draw_points(photo: np.ndarray, keypoints: np.ndarray, face_side: float) -> None:
    """Draw the 15 points of one face as circles, squares and triangles with a white rim."""
    radius = max(1.0, face_side / 45)
    shapes = {"o": (24, 0.0, 1.0), "s": (4, math.pi / 4, 1.2), "^": (3, -math.pi / 2, 1.35)}
    for rows, colour, marker in sides().values():
        corners, turn, scale = shapes[marker]
        angles = turn + np.arange(corners) * 2 * np.pi / corners
        shape = scale * radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        for point in np.asarray(keypoints, float)[rows]:
            # OpenCV draws at sixteenths of a pixel when it is told so.
            rim = np.round((point + 1.4 * shape) * 16).astype(np.int32)
            inside = np.round((point + shape) * 16).astype(np.int32)
            cv2.fillPoly(photo, [rim], (255, 255, 255), cv2.LINE_AA, shift=4)
            cv2.fillPoly(photo, [inside], ImageColor.getrgb(colour), cv2.LINE_AA, shift=4)


def draw_label(picture: Image.Image, text: str, box: np.ndarray, avoid: list) -> np.ndarray:
    """Write a label by its box, inside the picture, where it hides nothing; return its rectangle.

    Where there is no room for it, in two lines or smaller; at last where it hides least.
    """
    longest = max(picture.size)
    wanted = np.clip(box[2] * 0.16, longest / 80, longest / 32)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), max(6, round(float(wanted))))
    drawn, tried = ImageDraw.Draw(picture), []
    sizes = dict.fromkeys(max(6, round(font.size * share)) for share in (1, 0.85, 0.7))
    for size, lines in itertools.product(sizes, dict.fromkeys([text, text.replace(", ", "\n")])):
        font, margin = font.font_variant(size=size), size * 0.25
        left, top, right, bottom = drawn.textbbox((0, 0), lines, font=font)
        extent = np.array([right - left, bottom - top]) + 2 * margin
        place, hidden = best_place(extent, box, np.array(picture.size), avoid)
        tried.append((hidden, place, font, lines, (margin - left, margin - top)))
        if not hidden:
            break
    _, place, font, lines, start = min(tried, key=lambda one: one[0])
    drawn.rectangle([*place[:2], *(place[:2] + place[2:])], fill=BOX)
    drawn.text(tuple(place[:2] + start), lines, fill="white", font=font)
    return place


def best_place(
    size: np.ndarray, box: np.ndarray, limits: np.ndarray, avoid: list
) -> tuple[np.ndarray, float]:
    """Return where a label `(width, height)` by a box hides least, and how many pixels that is.

    What is out of the picture, for want of room, counts as hidden.
    """
    (x, y), (right, below), (width, height) = box[:2], box[:2] + box[2:], size
    across = [x + box[2] / 2 - width / 2, x, right - width]
    places = [(at, y - height) for at in across] + [(at, below) for at in across]
    along = [y, y + box[3] / 2 - height / 2, below - height]
    places += [(right, at) for at in along] + [(x - width, at) for at in along]
    places = [np.clip(place, 0, np.maximum(limits - size, 0)) for place in places]
    places.append(np.clip([across[0], below - height], 0, np.maximum(limits - size, 0)))
    rectangles = [np.concatenate([place, size]) for place in places]
    too_large = float(np.prod(size) - np.prod(np.minimum(size, limits)))
    hidden = [too_large + sum(shared_area(one, other) for other in avoid) for one in rectangles]
    best = int(np.argmin(hidden))
    return rectangles[best], hidden[best]
