"""Batches whose pictures are laid over each other in pairs (mixup)."""

import numpy as np

from helpers.batches import Batches


class MixedBatches(Batches):
    """`Batches` whose pictures and targets are mixed in pairs, where they are augmented.

    Parameters
    ----------
    mixup : how strongly (`mix_pairs`); 0 mixes nothing.
    mixup_from : the first epoch that is mixed.
    """

    def __init__(self, *args, mixup: float = 0.0, mixup_from: int = 0, **options):
        self.mixup, self.mixup_from = mixup, mixup_from
        super().__init__(*args, **options)

    def draw(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return one batch, with all its randomness from `rng`."""
        images, targets = super().draw(index, rng)
        if self.augment and self.mixup and self.epoch >= self.mixup_from:
            images, targets = mix_pairs(images, targets, self.mixup, rng)
        return images, targets


def mix_pairs(
    images: np.ndarray, targets: np.ndarray, strength: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Lay another face of the batch over each, and mix what is to be said of them just so (mixup).

    The share that stays of a face is drawn from Beta(strength, strength): with 0.2 most are left
    nearly alone, and some are half and half (Zhang et al. 2018, https://arxiv.org/abs/1710.09412).

    Parameters
    ----------
    images : `(n, …) float`, standardised.
    targets : `(n, classes) float`, probabilities.
    strength : above 0.
    """
    share = rng.beta(strength, strength, len(images)).astype(np.float32)
    others = rng.permutation(len(images))

    def mix(values: np.ndarray) -> np.ndarray:
        of_own = share.reshape(-1, *[1] * (values.ndim - 1))
        return of_own * values + (1 - of_own) * values[others]

    return mix(images), mix(targets)
