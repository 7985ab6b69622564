"""Change pictures of faces so that their labels stay true, or change the labels along with them.

Images are `(n, h, w)` or `(n, h, w, 3)` uint8 and keypoints `(n, 15, 2)` float32 in pixels, x right
and y down, NaN where unlabelled. Nothing here changes its input; randomness comes from the
generator handed in.
"""

import cv2
import numpy as np

# Position i of a mirrored face holds what was point MIRRORED[i]: left and right change places,
# while the nose tip (10) and the middle of the lips (13, 14) stay.
MIRRORED = np.array([1, 0, 4, 5, 2, 3, 8, 9, 6, 7, 10, 12, 11, 13, 14])


def flip_images(images: np.ndarray) -> np.ndarray:
    """Mirror pictures left to right."""
    return images[:, :, ::-1].copy()


def flip_keypoints(keypoints: np.ndarray, width: int = 96) -> np.ndarray:
    """Mirror keypoints along with pictures that are `width` pixels wide.

    The centre of the first pixel is at x = 0 and of the last at `width - 1`, so x becomes
    `width - 1 - x`; and the subject's left eye is now where a right eye belongs, so pairs swap.
    """
    flipped = keypoints[:, MIRRORED].copy()
    flipped[..., 0] = width - 1 - flipped[..., 0]
    return flipped


def affine_matrices(
    size: int, degrees: np.ndarray, zoom: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """Return `(n, 2, 3)` matrices that turn and zoom about the picture's centre, then shift.

    Parameters
    ----------
    size : side of the square pictures, in pixels.
    degrees : `(n,)`, counter-clockwise as seen.
    zoom : `(n,)`, above 1 enlarges the face.
    shift : `(n, 2)` in pixels, right and down.
    """
    angle = np.deg2rad(degrees)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    turn = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)
    centre = np.full(2, (size - 1) / 2)
    offset = centre + shift - turn @ centre
    return np.concatenate([turn, offset[..., np.newaxis]], axis=2)


def warp_images(images: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Move each picture by its `(2, 3)` matrix; uncovered borders repeat the edge."""
    size = images.shape[2], images.shape[1]
    options = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    pairs = zip(images, matrices, strict=True)
    return np.stack([cv2.warpAffine(image, matrix, size, **options) for image, matrix in pairs])


def warp_keypoints(keypoints: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Move the keypoints `(n, 15, 2)` of each picture by its `(2, 3)` matrix."""
    moved = keypoints @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, np.newaxis, :, 2]
    return moved.astype(np.float32)


def erase(images: np.ndarray, rng: np.random.Generator, share: float = 0.3) -> np.ndarray:
    """Cover a random rectangle, `share` of the side at most, with noise (Zhong et al. 2020)."""
    erased = images.copy()
    height, width = images.shape[1:3]
    for image in erased:
        h, w = rng.integers(2, 2 + np.array([height * share, width * share]).astype(int))
        y, x = rng.integers(0, height - h), rng.integers(0, width - w)
        image[y : y + h, x : x + w] = rng.integers(0, 256, (h, w, *image.shape[2:]), np.uint8)
    return erased


def augment_faces(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator, reach: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return new views of faces whose label does not depend on place: an emotion or an identity.

    Half are mirrored; all are turned by up to 10°, zoomed by 0.92 to 1.12 and shifted by up to
    6 % of the side; a fifth has a patch erased. `reach` multiplies all of these but the mirror.
    """
    n, size = images.shape[:2]
    images = some(images, rng, 0.5, lambda chosen, _: flip_images(chosen))
    matrices = affine_matrices(
        size,
        reach * rng.uniform(-10, 10, n),
        1 + reach * rng.uniform(-0.08, 0.12, n),
        reach * rng.uniform(-0.06, 0.06, (n, 2)) * size,
    )
    return some(warp_images(images, matrices), rng, 0.2 * reach, erase), labels


def some(images: np.ndarray, rng: np.random.Generator, share: float, change) -> np.ndarray:
    """Apply `change(images, rng)` to a random `share` of the pictures and leave the others."""
    chosen = rng.random(len(images)) < share
    changed = images.copy()
    if chosen.any():
        changed[chosen] = change(images[chosen], rng)
    return changed
