"""Batches whose pictures are laid over each other in pairs (mixup)."""

import numpy as np

from helpers.batches import Batches


class MixedBatches(Batches):
    """`Batches` whose pictures and targets are mixed in pairs, where they are augmented.

    The share that stays of a face is drawn from Beta(mixup, mixup): with 0.2 most are left nearly
    alone, and some are half and half (Zhang et al. 2018, https://arxiv.org/abs/1710.09412).

    Parameters
    ----------
    mixup : how strongly; 0 mixes nothing.
    mixup_from : the first epoch that is mixed.
    """

    def __init__(self, *args, mixup: float = 0.0, mixup_from: int = 0, **options):
        self.mixup, self.mixup_from = mixup, mixup_from
        super().__init__(*args, **options)

    def draw(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return one batch, with all its randomness from `rng`."""
        images, targets = super().draw(index, rng)
        if self.augment and self.mixup and self.epoch >= self.mixup_from:
            share = rng.beta(self.mixup, self.mixup, (len(images), 1)).astype(np.float32)
            others = rng.permutation(len(images))
            targets = share * targets + (1 - share) * targets[others]
            share = share[..., None, None]
            images = share * images + (1 - share) * images[others]
        return images, targets
