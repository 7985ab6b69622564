"""What the classic ResNet-50 at 224 × 224 costs on this machine, from random weights.

The pictures go through the loader of lesson 5, from files.
"""

import gc
import time
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

# What a step has to remember grows with its batch, and is most of the memory.
VARIANTS = {
    "CK+, one epoch": {"source": "ckplus", "batch_size": 32},
    "FER-2013, 1,000 faces": {"source": "fer2013", "batch_size": 16, "limits": (1000, 500)},
}


def train(
    out: Path, budget: dict, source: str, batch_size: int, limits: tuple = (None, None)
) -> dict:
    """Train with the pictures in folder `out`, and measure on others; time is that of the training.

    `limits` says how many faces there are of both at most.
    """
    import resource  # not on Windows, where everything else here runs

    data = load_emotions(budget.get("source", source))
    whole = set(data.split) == {"all"}
    split = split_by_subject(data.subjects, data.labels) if whole else data.split
    keras.backend.clear_session()  # what the last variant built would count as this one's memory
    gc.collect()
    keras.utils.set_random_seed(settings.SEED)
    rng = np.random.default_rng(settings.SEED)
    side, loaders = budget["side"], {}
    for part, limit in zip(("train", "val"), limits, strict=True):
        some = rng.permutation(np.flatnonzero(split == part))[: budget.get("rows", limit)]
        how = {"augment": part == "train", "seed": settings.SEED, "workers": 2}
        table, labels = picture_files(data, some, out / part), data.labels[some]
        loaders[part] = PictureTable(table, labels, side, batch_size, for_imagenet, **how)
    network = keras.applications.ResNet50(
        weights=None, input_shape=(side, side, 3), classes=len(data.classes)
    )
    adam = keras.optimizers.Adam(1e-3)
    network.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    started = time.perf_counter()
    fit(network, loaders["train"], budget["epochs"])
    seconds = time.perf_counter() - started
    _, accuracy = network.evaluate(loaders["val"], verbose=0)
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the most so far, as Linux counts it
    judged = loaders["val"].targets
    return {
        "batch_size": batch_size,
        "n_train": len(loaders["train"].table),
        "n": len(judged),
        "parameters": network.count_params(),
        "seconds": round(seconds),
        "peak_memory_gib": round(kib / 2**20, 2),
        "metrics": {
            "accuracy": accuracy,
            "most_frequent_class": float(np.bincount(judged).max() / len(judged)),
        },
    }


def picture_files(data: EmotionData, rows: np.ndarray, folder: Path) -> pd.DataFrame:
    """Write faces to files, and return the table of them that `PictureTable` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{row}.png" for row in rows]
    for file, row in zip(files, rows, strict=True):
        cv2.imwrite(str(file), data.images[row])
    return pd.DataFrame({"path": files, "left": 0, "top": 0, "side": data.images.shape[1]})
