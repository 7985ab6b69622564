"""Stronger changes to pictures than lessons make: what the shipped models learn to live with."""

import cv2
import numpy as np
from numpy.random import Generator

from helpers import augment
from helpers.batches import Batches

# By how many pixels faces that people are learnt from are larger on each side than their views.
WIDER = 24
# Pictures `(n, h, w)`, and what is to be learnt of each, `(n, …)`.
Labelled = tuple[np.ndarray, np.ndarray]


def augment_keypoints(images: np.ndarray, keypoints: np.ndarray, rng: Generator) -> Labelled:
    """Return new views of faces with their points, as a loose face detector would crop them.

    Half are mirrored; all are turned by up to 25°, zoomed by 0.8 to 1.25 and shifted by up to 15 %
    of the side; and some are made worse (`spoil`).
    """
    n, size = images.shape[:2]
    images, keypoints = mirror_half(images, keypoints, rng)
    angles, zooms = rng.uniform(-25, 25, n), rng.uniform(0.8, 1.25, n)
    matrices = augment.affine_matrices(size, angles, zooms, rng.uniform(-0.15, 0.15, (n, 2)) * size)
    images = spoil(augment.warp_images(images, matrices), rng)
    return images, augment.warp_keypoints(keypoints, matrices)


def augment_action_units(images: np.ndarray, units: np.ndarray, rng: Generator) -> Labelled:
    """Return new views of faces with action units of either side, which depend on no place.

    As `augment_faces`, then `spoil`: who learns from drawings must not rely on how clean they are.
    """
    images, units = augment.augment_faces(images, units, rng)
    return spoil(images, rng), units


def augment_people(images: np.ndarray, targets: np.ndarray, rng: Generator) -> Labelled:
    """Return views `(n, h - 48, w - 48, 3)` of larger faces in colour, as detectors cut them.

    Half are mirrored; zoom, turn and shift scatter by 4.5 %, 3.5° and 2.5 % of the side, by more
    for some; and many are made small, blurred, grey, tinted, badly lit, noisy or partly covered.
    """
    n, side = len(images), images.shape[1] - 2 * WIDER
    loose = np.where(rng.random(n) < 0.15, 1.6, 1.0)
    zoom, turn, *shift = np.clip(rng.standard_normal((4, n)), -2.5, 2.5) * loose
    matrices = augment.affine_matrices(
        images.shape[1], 3.5 * turn, np.exp(0.045 * zoom), 0.025 * side * np.transpose(shift)
    )
    images = augment.warp_images(images, matrices)[:, WIDER:-WIDER, WIDER:-WIDER]
    mirror = (rng.random(n) < 0.5)[:, None, None, None]
    images = np.where(mirror, augment.flip_images(images), images)
    for share, change in (
        (0.22, shrink), (0.08, blur), (0.08, compress), (0.3, drop_colour), (0.3, tint),
        (0.4, relight), (0.08, add_noise), (0.1, augment.erase),
    ):  # fmt: skip
        images = augment.some(images, rng, share, change)
    return images, targets


def mirror_half(images: np.ndarray, keypoints: np.ndarray, rng: Generator) -> Labelled:
    """Return faces with their points, each mirrored with probability one half."""
    mirror = (rng.random(len(images)) < 0.5)[:, None, None]
    mirrored = augment.flip_keypoints(keypoints, images.shape[2])
    images = np.where(mirror, augment.flip_images(images), images)
    return images, np.where(mirror, mirrored, keypoints)


def spoil(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Light half of the pictures anew, blur a third, make a fifth noisy, hide part of a quarter."""
    for share, change in ((0.5, relight), (0.33, blur), (0.2, add_noise), (0.25, augment.erase)):
        images = augment.some(images, rng, share, change)
    return images


def relight(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Let light fall off across pictures `(n, size, size, …)`, and bend their tones by a gamma."""
    n, size = images.shape[:2]
    each = (n, *[1] * (images.ndim - 1))
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    x, y = (axis.reshape(size, size, *[1] * (images.ndim - 3)) for axis in (x, y))
    angle, fall = rng.uniform(0, 2 * np.pi, n), rng.uniform(0, 0.7, n)
    across, down = ((fall * part(angle)).reshape(each) for part in (np.cos, np.sin))
    gamma = np.exp(rng.uniform(-0.6, 0.6, n)).reshape(each)
    lit = (images / np.float32(255)) ** gamma.astype(np.float32) * (1 + across * x + down * y)
    return np.clip(255 * lit, 0, 255).astype(np.uint8)


def blur(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Blur each picture by a Gaussian of 0.5 to 2.5 pixels, as a small or shaken face would be."""
    return np.stack([cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5)) for image in images])


def add_noise(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Add the grain of a dark scene to each picture: up to 15 grey levels of deviation."""
    deviation = rng.uniform(2, 15, (len(images), *[1] * (images.ndim - 1))).astype(np.float32)
    noise = rng.standard_normal(images.shape, dtype=np.float32) * deviation
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def shrink(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Make each picture 24 to 72 pixels small and as large as before, like a face far away."""
    size = images.shape[2], images.shape[1]
    small = [
        cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        for image, side in zip(images, rng.integers(24, 73, len(images)).tolist(), strict=True)
    ]
    return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) for image in small])


def compress(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Store each picture as a JPEG of low quality, and read it back."""
    stored = [
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])[1]
        for image in images
    ]
    return np.stack([cv2.imdecode(file, cv2.IMREAD_UNCHANGED) for file in stored])


def drop_colour(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Turn pictures `(n, h, w, 3)` grey."""
    return np.repeat(images.mean(axis=3, keepdims=True), 3, axis=3).astype(np.uint8)


def tint(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Change the colour of the light of pictures `(n, h, w, 3)`, and how strong colours are."""
    lit = images * np.exp(rng.normal(0, 0.1, (len(images), 1, 1, 3))).astype(np.float32)
    grey = lit.mean(axis=3, keepdims=True)
    strength = rng.uniform(0.4, 1.5, (len(images), 1, 1, 1)).astype(np.float32)
    return np.clip(grey + strength * (lit - grey), 0, 255).astype(np.uint8)


class MixedBatches(Batches):
    """`Batches` that, where they are augmented, lay pictures and targets over each other in pairs.

    The share that stays of a face is drawn from Beta(mixup, mixup): with 0.2 most are left nearly
    alone, and some are half and half (Zhang et al. 2018, https://arxiv.org/abs/1710.09412). With 0
    nothing is mixed, nor before the epoch `mixup_from`.
    """

    def __init__(self, *args, mixup: float = 0.0, mixup_from: int = 0, **options):
        self.mixup, self.mixup_from = mixup, mixup_from
        super().__init__(*args, **options)

    def draw(self, index: int, rng: Generator) -> Labelled:
        """Return one batch, with all its randomness from `rng`."""
        images, targets = super().draw(index, rng)
        if self.augment and self.mixup and self.epoch >= self.mixup_from:
            share = rng.beta(self.mixup, self.mixup, (len(images), 1)).astype(np.float32)
            others = rng.permutation(len(images))
            targets = share * targets + (1 - share) * targets[others]
            share = share[..., None, None]
            images = share * images + (1 - share) * images[others]
        return images, targets
