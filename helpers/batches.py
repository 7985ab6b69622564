"""Batches to train on: from arrays, or from files that are read only when a batch needs them."""

import math
from collections.abc import Callable

import keras
import numpy as np
import pandas as pd

from helpers.augment import change_brightness, flip_images, pad_and_crop
from helpers.data.ckplus import Peak
from helpers.data.folders import read_grey
from helpers.images import resize_square
from helpers.models import standardize

Augment = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def peak_table(peaks: list[Peak]) -> pd.DataFrame:
    """Return a row for each peak frame: `path`, the face's square, `subject`, `emotion`, `units`.

    The square is `left`, `top` and `side` in pixels; `units` are the numbers of those present.
    """
    columns = ["path", "left", "top", "side", "subject", "emotion", "units"]
    rows = [(p.path, *p.square(), p.subject, p.emotion, set(p.units or ())) for p in peaks]
    return pd.DataFrame(rows, columns=columns)


class PictureTable(keras.utils.PyDataset):
    """Batches of the pictures that a table names, in a new order each epoch.

    Parameters
    ----------
    table : with columns `path`, `left`, `top` and `side`, as `peak_table` gives it.
    targets : what is to be learnt: an array `(n, …)`, or several by the name of the output.
    size : side in pixels to which each face is resized.
    prepare : turns faces `(m, size, size) uint8` into what the network takes.
    augment : change the pictures (`augment_pictures`); only in training.
    workers : how many threads read at a time, as in Keras; 0 reads when asked.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        targets: np.ndarray | dict[str, np.ndarray],
        size: int = 224,
        batch_size: int = 32,
        prepare: Callable[[np.ndarray], np.ndarray] = standardize,
        augment: bool = False,
        seed: int = 0,
        workers: int = 1,
    ):
        super().__init__(workers=workers)
        self.table, self.targets, self.size = table, targets, size
        self.batch_size, self.prepare, self.augment, self.seed = batch_size, prepare, augment, seed
        self.epoch, self.order = -1, np.arange(len(table))
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self.table) / self.batch_size)

    def __getitem__(self, index: int):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images = np.stack([self.read(row) for row in rows])
        if self.augment:
            images = augment_pictures(images, np.random.default_rng([self.seed, self.epoch, index]))
        if isinstance(self.targets, dict):
            return self.prepare(images), {name: t[rows] for name, t in self.targets.items()}
        return self.prepare(images), self.targets[rows]

    def read(self, row: int) -> np.ndarray:
        """Read one picture and cut out its face, `(size, size) uint8`."""
        columns = ("path", "left", "top", "side")
        path, left, top, side = (self.table[name].iat[row] for name in columns)
        return resize_square(read_grey(path)[top : top + side, left : left + side], self.size)

    def on_epoch_end(self) -> None:
        """Shuffle for the next epoch; Keras calls it after each one."""
        self.epoch += 1
        if self.augment:
            self.order = np.random.default_rng([self.seed, self.epoch]).permutation(self.order)


def augment_pictures(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pad and crop at random, mirror half, and make some darker or brighter by up to a quarter."""
    images = pad_and_crop(images, round(images.shape[1] / 12), rng)
    mirrored = (rng.random(len(images)) < 0.5)[:, np.newaxis, np.newaxis]
    images = np.where(mirrored, flip_images(images), images)
    return change_brightness(images, rng.uniform(0.75, 1.25, len(images)))


def for_imagenet(images: np.ndarray) -> np.ndarray:
    """Prepare grey faces `(m, h, w) uint8` for the ResNet-50 and VGG that saw ImageNet.

    Returns blue, green and red less their means, `(m, h, w, 3) float32`.
    """
    colour = np.repeat(images[..., np.newaxis], 3, axis=3).astype(np.float32)
    return keras.applications.resnet50.preprocess_input(colour)


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
        super().__init__()
        self.images, self.targets, self.augment = images, targets, augment
        self.batch_size, self.seed, self.encode = batch_size, seed, encode
        self.start_epoch(0)

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.draw(index, np.random.default_rng([self.seed, self.epoch, index]))

    def draw(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return one batch, with all its randomness from `rng`."""
        rows = self.rows(index, rng)
        images, targets = self.images[rows], self.targets[rows]
        if self.augment:
            images, targets = self.augment(images, targets, rng)
        return standardize(images), self.encode(targets)

    def rows(self, index: int, rng: np.random.Generator) -> np.ndarray:
        """Say which pictures are in a batch."""
        return self.order[index * self.batch_size : (index + 1) * self.batch_size]

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for `epoch`; told from outside, so that a resumed run sees what it would have."""
        self.epoch = epoch
        self.order = np.arange(len(self.images))
        if self.augment:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(self.order)
