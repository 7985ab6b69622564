"""Stronger changes to pictures than lessons make: what the shipped models learn to live with."""

import cv2
import numpy as np
from numpy.random import Generator

from helpers import augment
from helpers.batches import Batches

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
    """Let light fall off across each picture `(n, size, size)`, and bend its tones by a gamma."""
    n, size = images.shape[:2]
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    angle, fall = rng.uniform(0, 2 * np.pi, n), rng.uniform(0, 0.7, n)
    across, down = (fall * np.cos(angle))[:, None, None], (fall * np.sin(angle))[:, None, None]
    gamma = np.exp(rng.uniform(-0.6, 0.6, n))[:, None, None]
    lit = (images / np.float32(255)) ** gamma.astype(np.float32) * (1 + across * x + down * y)
    return np.clip(255 * lit, 0, 255).astype(np.uint8)


def blur(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Blur each picture by a Gaussian of 0.5 to 2.5 pixels, as a small or shaken face would be."""
    return np.stack([cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5)) for image in images])


def add_noise(images: np.ndarray, rng: Generator) -> np.ndarray:
    """Add the grain of a dark scene to each picture: up to 15 grey levels of deviation."""
    deviation = rng.uniform(2, 15, (len(images), 1, 1)).astype(np.float32)
    noise = rng.standard_normal(images.shape, dtype=np.float32) * deviation
    return np.clip(images + noise, 0, 255).astype(np.uint8)


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
