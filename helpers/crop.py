"""Cut faces out of a photo as a network's training pictures are cut, and bring its points back.

A crop and its matrix come together: whoever has found a point in the crop can put it on the photo.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Framing:
    """Which square around a box to cut; all in units of the box's √(width · height)."""

    side: float
    right: float = 0.0
    down: float = 0.0


# How tightly the networks' training pictures are cut. Fitted as medians over 135 faces on press
# photos and astronauts' portraits: the square that puts eyes and mouth (MTCNN's landmarks) where
# they are on average in Kaggle's keypoint set (eyes at 0.39 of the height and 0.38 of the width
# apart, mouth at 0.79) and in FER-2013 (0.38, 0.36 and 0.77; MTCNN on 642 enlarged pictures). The
# side scatters by 4 % between MTCNN's boxes and by 8 % between Haar's.
FRAMINGS = {
    ("mtcnn", "keypoints"): Framing(side=1.03, down=-0.027),
    ("mtcnn", "emotion"): Framing(side=1.07, down=-0.015),
    ("haar", "keypoints"): Framing(side=0.97, down=-0.019),
    ("haar", "emotion"): Framing(side=1.01, down=-0.008),
}


def to_grey(photo: np.ndarray) -> np.ndarray:
    """Turn `(h, w, 3) uint8` RGB into `(h, w) uint8`."""
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)


def crop_faces(
    photo: np.ndarray, boxes, size: int, framing: Framing
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a square around each box; where it reaches out of the photo, the edge is repeated.

    Parameters
    ----------
    photo : `(h, w)` grey or `(h, w, 3)`, uint8; the crops have the same channels.
    boxes : `(n, 4)`: x, y, width, height.
    size : side of the crops in pixels.
    framing : which square, relative to its box.

    Returns
    -------
    crops : `(n, size, size)` or `(n, size, size, 3)`, uint8.
    matrices : `(n, 2, 3)`, each takes points of the photo into its crop.
    """
    boxes = np.reshape(boxes, (-1, 4)).astype(float)
    units = np.sqrt(np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6))[:, np.newaxis]
    centres = boxes[:, :2] + boxes[:, 2:] / 2 + units * [framing.right, framing.down]
    corners = centres - units * framing.side / 2
    zooms = size / (units * framing.side)
    # The photo's left edge is half a pixel before its first centre, and so is the crop's.
    offsets = zooms * (0.5 - corners) - 0.5
    matrices = np.zeros((len(boxes), 2, 3))
    matrices[:, [0, 1], [0, 1]] = zooms
    matrices[:, :, 2] = offsets
    crops = np.empty((len(boxes), size, size, *photo.shape[2:]), np.uint8)
    for crop, matrix in zip(crops, matrices, strict=True):
        crop[:] = crop_square(photo, matrix, size)
    return crops, matrices


def crop_square(photo: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Fill the crop of one matrix; a large face is first averaged over whole blocks of pixels.

    Sampling every tenth pixel of a large face would turn hair and cloth into noise.
    """
    zoom, offset = matrix[0, 0], matrix[:, 2]
    block = max(1, round(1 / zoom))
    limits = np.array(photo.shape[1::-1])
    start = np.clip(np.floor((-0.5 - offset) / zoom) - block, 0, limits - 1).astype(int)
    end = np.clip(np.ceil((size - 0.5 - offset) / zoom) + block, start + 1, limits).astype(int)
    patch = photo[start[1] : end[1], start[0] : end[0]]
    columns, rows = (math.ceil(side / block) for side in end - start)
    missing = rows * block - patch.shape[0], columns * block - patch.shape[1]
    patch = cv2.copyMakeBorder(patch, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
    patch = cv2.resize(patch, (columns, rows), interpolation=cv2.INTER_AREA)
    # From a block's number to the photo's pixel (its middle), and from there into the crop.
    inner = np.array([[zoom * block, 0, 0], [0, zoom * block, 0]])
    inner[:, 2] = zoom * (start + (block - 1) / 2) + offset
    options = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    return cv2.warpAffine(patch, inner, (size, size), **options)


def points_to_photo(points: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Bring points `(n, points, 2)` of crops back into the photo: the inverse of `crop_faces`."""
    moved = points - matrices[:, np.newaxis, :, 2]
    return moved @ np.linalg.inv(matrices[:, :, :2]).transpose(0, 2, 1)
