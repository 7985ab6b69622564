"""Batches to train on, shuffled, augmented and standardised."""

import math
from collections.abc import Callable

import keras
import numpy as np

from helpers.models import standardize

Augment = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented, standardised batches; the same ones for the same seed and epoch.

    Parameters
    ----------
    images : `(n, h, w)` or `(n, h, w, 3) uint8`.
    targets : `(n, …)`, what is to be learnt of each.
    augment : change the pictures and their targets; without it nothing is shuffled either.
    encode : turns targets into what the network gives.
    """

    def __init__(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        augment: Augment | None = None,
        batch_size: int = 64,
        seed: int = 0,
        encode: Callable[[np.ndarray], np.ndarray] = lambda targets: targets,
    ):
        # With several workers Keras switches off TensorFlow's tuning of the pipeline, whose thread
        # can sleep on when an epoch is over and hold up the next one by up to half a minute.
        super().__init__(workers=2)
        self.images, self.targets, self.augment = images, targets, augment
        self.batch_size, self.seed, self.encode = batch_size, seed, encode
        self.start_epoch(0)

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.draw(index, np.random.default_rng([self.seed, self.epoch, index]))

    def draw(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return one batch, with all its randomness from `rng`."""
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images, targets = self.images[rows], self.targets[rows]
        if self.augment:
            images, targets = self.augment(images, targets, rng)
        return standardize(images), self.encode(targets)

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for `epoch`; told from outside, so that a resumed run sees what it would have."""
        self.epoch = epoch
        self.order = np.arange(len(self.images))
        if self.augment:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(self.order)
