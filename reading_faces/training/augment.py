"""Stronger changes to pictures than lessons make: what the shipped models learn to live with."""

import cv2
import numpy as np

from helpers.augment import (
    affine_matrices,
    augment_faces,
    erase,
    flip_images,
    flip_keypoints,
    some,
    warp_images,
    warp_keypoints,
)


def blur(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur each picture by a Gaussian of 0.5 to 2.5 pixels, as a small or shaken face would be."""
    return np.stack([cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5)) for image in images])


def relight(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Let light fall off across each picture `(n, size, size)`, and bend its tones by a gamma."""
    n, size = images.shape[:2]
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    angle, fall = rng.uniform(0, 2 * np.pi, n), rng.uniform(0, 0.7, n)
    across, down = (fall * np.cos(angle))[:, None, None], (fall * np.sin(angle))[:, None, None]
    gamma = np.exp(rng.uniform(-0.6, 0.6, n))[:, None, None]
    lit = (images / np.float32(255)) ** gamma.astype(np.float32) * (1 + across * x + down * y)
    return np.clip(255 * lit, 0, 255).astype(np.uint8)


def add_noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the grain of a dark scene to each picture: up to 15 grey levels of deviation."""
    deviation = rng.uniform(2, 15, (len(images), 1, 1)).astype(np.float32)
    noise = rng.standard_normal(images.shape, dtype=np.float32) * deviation
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def mirror_half(
    images: np.ndarray, keypoints: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return faces with their points, each mirrored with probability one half."""
    mirror = (rng.random(len(images)) < 0.5)[:, None, None]
    mirrored = flip_keypoints(keypoints, images.shape[2])
    return np.where(mirror, flip_images(images), images), np.where(mirror, mirrored, keypoints)


def augment_keypoints(
    images: np.ndarray, keypoints: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return new views of faces with their points, as a loose face detector would crop them.

    Half are mirrored; all are turned by up to 25°, zoomed by 0.8 to 1.25 and shifted by up to 15 %
    of the side; half are lit anew, a third is blurred, a fifth is noisy and a quarter has a patch
    erased.
    """
    n, size = images.shape[:2]
    images, keypoints = mirror_half(images, keypoints, rng)
    matrices = affine_matrices(
        size,
        rng.uniform(-25, 25, n),
        rng.uniform(0.8, 1.25, n),
        rng.uniform(-0.15, 0.15, (n, 2)) * size,
    )
    images = spoil(warp_images(images, matrices), rng)
    return images, warp_keypoints(keypoints, matrices)


def augment_action_units(
    images: np.ndarray, units: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return new views of faces with action units of either side, which depend on no place.

    As `augment_faces`, and as badly lit, blurred, noisy and covered as in `augment_keypoints`: who
    learns from drawings alone must not rely on how clean they are.
    """
    images, units = augment_faces(images, units, rng)
    return spoil(images, rng), units


def spoil(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light half of the pictures anew, blur a third, make a fifth noisy, and cover part of some."""
    for share, change in ((0.5, relight), (0.33, blur), (0.2, add_noise), (0.25, erase)):
        images = some(images, rng, share, change)
    return images
