"""What the classic ResNet-50 at 224 × 224 costs on this machine, from random weights.

The pictures go through the loader of lesson 4, from files.
"""

import gc
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd

from helpers import settings
from helpers.batches import PictureTable, for_imagenet
from helpers.data import EmotionData, load_emotions
from helpers.data.splits import split_by_subject
from reading_faces.training.loop import fit
from reading_faces.training.studies.once import once

RATE = 1e-3


@dataclass(frozen=True)
class ResNetVariant:
    """One epoch on one data set, of at most so many `rows`, judged by so many `judges`.

    What a step has to remember grows with its batch, and is most of the memory.
    """

    name: str
    source: str
    rows: int | None = None
    judges: int | None = None
    batch_size: int = 32


STUDIES = {
    "resnet50": (
        ResNetVariant("CK+, one epoch", "ckplus"),
        ResNetVariant("FER-2013, 1,000 faces", "fer2013", 1000, 500, batch_size=16),
    )
}
BUDGETS = {
    "resnet50": {
        "full": {"epochs": 1, "side": 224},
        "smoke": {"epochs": 1, "side": 32, "rows": 64, "source": "made"},
    }
}


def run_variant(variant: ResNetVariant, out: Path, budget: dict) -> dict:
    """Train for one epoch in folder `out` and measure on faces that were not learnt from."""
    return once(out / "result.json", lambda: train_once(variant, out, budget))


def train_once(variant: ResNetVariant, out: Path, budget: dict) -> dict:
    """Train and measure one variant; time and memory are those of the training."""
    data = load_emotions(budget.get("source", variant.source))
    split = data.split
    if set(split) == {"all"}:
        split = split_by_subject(data.subjects, data.labels)
    keras.backend.clear_session()  # what the last variant built would count as this one's memory
    gc.collect()
    keras.utils.set_random_seed(settings.SEED)
    rng = np.random.default_rng(settings.SEED)
    training, judging = (
        loader(data, rng.permutation(np.flatnonzero(split == part))[: budget.get("rows", limit)],
               out / part, part == "train", budget["side"], variant.batch_size)
        for part, limit in (("train", variant.rows), ("val", variant.judges))
    )  # fmt: skip
    shape = (training.size, training.size, 3)
    backbone = keras.applications.ResNet50(
        weights=None, include_top=False, pooling="avg", input_shape=shape
    )
    outputs = keras.layers.Dense(len(data.classes), "softmax")(backbone.output)
    network = keras.Model(backbone.input, outputs)
    network.compile(
        keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    started = time.perf_counter()
    fit(network, training, budget["epochs"])
    seconds = time.perf_counter() - started
    _, accuracy = network.evaluate(judging, verbose=0)
    _, counts = np.unique(judging.targets, return_counts=True)
    return {
        "name": variant.name,
        "batch_size": variant.batch_size,
        "n_train": len(training.table),
        "n": len(judging.table),
        "parameters": network.count_params(),
        "seconds": round(seconds),
        "peak_memory_gib": round(peak_memory() / 2**20, 2),
        "metrics": {
            "accuracy": accuracy,
            "most_frequent_class": float(counts.max() / counts.sum()),
        },
    }


def peak_memory() -> int:
    """Return the most memory that this process has held so far, in KiB as Linux counts it."""
    import resource  # not on Windows, where everything else here runs

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def loader(
    data: EmotionData, rows: np.ndarray, folder: Path, augment: bool, side: int, batch_size: int
) -> PictureTable:
    """Write faces to files, and return the loader that reads them as ResNet-50 wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{row}.png" for row in rows]
    for file, row in zip(files, rows, strict=True):
        if not file.exists():
            cv2.imwrite(str(file), data.images[row])
    table = pd.DataFrame({"path": files, "left": 0, "top": 0, "side": data.images.shape[1]})
    return PictureTable(
        table, data.labels[rows], side, batch_size, for_imagenet, augment, settings.SEED, workers=2
    )
