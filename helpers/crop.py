"""Cut faces out of a photo as a network's training pictures are cut, and bring its points back.

A crop and its matrix come together: whoever has found a point in the crop can put it on the photo.
"""

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np


@dataclass(frozen=True)
class Framing:
    """Which square around a box to cut; all in units of the box's √(width · height).

    With `by_landmarks`, the box is the one that the landmarks imply, where a detector has any.
    """

    side: float
    right: float = 0.0
    down: float = 0.0
    by_landmarks: bool = False


_TABLES = tomllib.loads(Path(__file__).with_name("framings.toml").read_text("utf-8"))
FRAMINGS = {
    (detector, use): Framing(**numbers)
    for detector, uses in _TABLES.items()
    for use, numbers in uses.items()
}


def find_region(box: np.ndarray, landmarks: np.ndarray | None) -> tuple[float, float, float, float]:
    """Return the box to cut out: halfway between MTCNN's box and the one its landmarks imply.

    On a turned head the box drifts to the ear and the landmarks to the nose; their middle is nearer
    to how the training pictures are cut than either. The constants are medians over 135 faces.
    """
    centre, side = box[:2] + box[2:] / 2, np.sqrt(box[2] * box[3])
    if landmarks is not None:
        x, y, implied, _ = region_of_landmarks(landmarks)
        centre, side = (centre + np.array([x, y]) + implied / 2) / 2, np.sqrt(side * implied)
    return (*(centre - side / 2).tolist(), float(side), float(side))


def region_of_landmarks(landmarks: np.ndarray) -> tuple[float, float, float, float]:
    """Return the square `(x, y, side, side)` that eyes and mouth of `(5, 2)` landmarks imply."""
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    across, down = landmarks[1] - landmarks[0], mouth - eyes
    side = 1.75 * float(np.hypot(np.linalg.norm(across), np.linalg.norm(down)))
    upwards = np.array([across[1], -across[0]]) / max(np.linalg.norm(across), 1e-9)
    centre = (eyes + mouth + 1) / 2 + 0.073 * side * upwards
    return (*(centre - side / 2).tolist(), side, side)


def crop_faces(
    photo: np.ndarray,
    boxes: np.ndarray,
    size: int,
    framing: Framing,
    rolls: np.ndarray | float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a square around each box; where it reaches out of the photo, the edge is repeated.

    Parameters
    ----------
    photo : `(h, w)` grey or `(h, w, 3)`, uint8; the crops have the same channels.
    boxes : `(n, 4)`: x, y, width, height.
    size : side of the crops in pixels.
    framing : which square, relative to its box.
    rolls : `(n,)` degrees by which the heads lean clockwise as seen; crops show them upright.

    Returns
    -------
    crops : `(n, size, size)` or `(n, size, size, 3)`, uint8.
    matrices : `(n, 2, 3)`, each takes points of the photo into its crop.
    """
    boxes = np.reshape(boxes, (-1, 4)).astype(float)
    units = np.sqrt(np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6))
    angles = np.deg2rad(np.broadcast_to(rolls, len(boxes)))
    cos, sin = np.cos(angles), np.sin(angles)
    turns = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=1)
    matrices = np.empty((len(boxes), 2, 3))
    matrices[:, :, :2] = turns * (size / (units * framing.side))[:, np.newaxis, np.newaxis]
    # The box's middle in pixel centres, moved by the framing along the leaning face.
    shifts = units[:, np.newaxis] * (np.array([framing.right, framing.down]) @ turns)
    centres = boxes[:, :2] + boxes[:, 2:] / 2 - 0.5 + shifts
    matrices[:, :, 2] = (size - 1) / 2 - (matrices[:, :, :2] @ centres[..., np.newaxis])[..., 0]
    crops = np.empty((len(boxes), size, size, *photo.shape[2:]), np.uint8)
    for crop, matrix in zip(crops, matrices, strict=True):
        crop[:] = crop_square(photo, matrix, size)
    return crops, matrices


def crop_square(photo: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Fill the crop of one matrix; a large face is first averaged over whole blocks of pixels.

    Sampling every tenth pixel of a large face would turn hair and cloth into noise.
    """
    back = cv2.invertAffineTransform(matrix)
    block = max(1, round(math.sqrt(abs(np.linalg.det(back[:, :2])))))
    edges = np.array([[-1, -1], [-1, size], [size, -1], [size, size]]) @ back[:, :2].T + back[:, 2]
    limits = np.array(photo.shape[1::-1])
    start = np.clip(np.floor(edges.min(axis=0)) - block, 0, limits - 1).astype(int)
    end = np.clip(np.ceil(edges.max(axis=0)) + block, start + 1, limits).astype(int)
    patch = photo[start[1] : end[1], start[0] : end[0]]
    columns, rows = (math.ceil(side / block) for side in end - start)
    missing = rows * block - patch.shape[0], columns * block - patch.shape[1]
    patch = cv2.copyMakeBorder(patch, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
    patch = cv2.resize(patch, (columns, rows), interpolation=cv2.INTER_AREA)
    # From a block's number to the photo's pixel (its middle), and from there into the crop.
    inner = np.empty((2, 3))
    inner[:, :2] = matrix[:, :2] * block
    inner[:, 2] = matrix[:, :2] @ (start + (block - 1) / 2) + matrix[:, 2]
    options = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    return cv2.warpAffine(patch, inner, (size, size), **options)


def points_to_photo(points: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Bring points `(n, points, 2)` of crops back into the photo: the inverse of `crop_faces`."""
    moved = points - matrices[:, np.newaxis, :, 2]
    return moved @ np.linalg.inv(matrices[:, :, :2]).transpose(0, 2, 1)
