"""Learn embeddings: a loss that pulls pictures of one person together, and batches of people.

The loss takes labels `(n,)`, who is on each picture, and embeddings `(n, d)` of length 1, in the
form of a loss of Keras. It needs several pictures of one person in a batch (`PeopleBatches`).
"""

from collections.abc import Callable

import numpy as np
from keras import ops

from helpers.batches import Augment, Batches

_FAR = 1e9


def triplet_semi_hard(margin: float = 0.2) -> Callable:
    """Return the triplet loss with semi-hard negatives (Schroff et al. 2015, arXiv:1503.03832).

    Each pair of pictures of one person is an anchor and its positive. Its negative is the nearest
    picture of somebody else that is farther than the positive; where there is none, the farthest.
    """

    def loss(labels, embeddings):
        distances = ops.relu(2.0 - 2.0 * (embeddings @ ops.transpose(embeddings)))  # squared
        labels = ops.reshape(labels, (-1,))
        same = ops.cast(labels[:, None] == labels[None, :], "float32")
        pair = same - ops.eye(ops.shape(embeddings)[0])
        # Axes: anchor, positive, negative.
        positive, negative = distances[:, :, None], distances[:, None, :]
        farther = ops.cast(negative > positive, "float32") * (1 - same)[:, None, :]
        nearest_farther = ops.min(negative + _FAR * (1 - farther), axis=2)
        farthest = ops.max(distances * (1 - same), axis=1)[:, None]
        chosen = ops.where(ops.max(farther, axis=2) > 0, nearest_farther, farthest)
        terms = ops.relu(distances - chosen + margin) * pair
        return ops.sum(terms) / ops.maximum(ops.sum(pair), 1.0)

    return loss


class PeopleBatches(Batches):
    """Batches of some people with some pictures of each, other ones each epoch.

    Parameters
    ----------
    images : `(n, h, w) uint8`.
    labels : `(n,) int`, who is on each.
    people, pictures : how many people are in a batch, and pictures of each. Whoever has fewer gives
        some twice, differently augmented.
    augment : as `augment.augment_faces`.

    Raises
    ------
    ValueError
        If there are fewer people than a batch needs.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        people: int = 16,
        pictures: int = 4,
        augment: Augment | None = None,
        seed: int = 0,
    ):
        self.people, self.pictures = people, pictures
        self.rows_of = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if len(self.rows_of) < people:
            raise ValueError(f"{people} people are asked for a batch; there are fewer.")
        super().__init__(images, labels, augment, people * pictures, seed)

    def __len__(self) -> int:
        return len(self.rows_of) // self.people

    def rows(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """Draw pictures of a batch's people, none twice while there are enough."""
        chosen = self.order[index * self.people : (index + 1) * self.people]
        drawn = [np.resize(rng.permutation(self.rows_of[who]), self.pictures) for who in chosen]
        return np.concatenate(drawn)

    def start_epoch(self, epoch: int) -> None:
        """Put the people into the order of `epoch`."""
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.rows_of))
