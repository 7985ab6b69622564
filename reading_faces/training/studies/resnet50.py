"""What the classic ResNet-50 at 224 × 224 costs on this machine, from random weights."""

import contextlib
import gc
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

from helpers import settings
from helpers.data import load_emotions
from reading_faces.training.crossval import folds_of_subjects

# What a step has to remember grows with its batch, and is most of the memory.
VARIANTS = {
    "CK+, one epoch": {"source": "ckplus", "batch_size": 32},
    "FER-2013, 1,000 faces": {"source": "fer2013", "batch_size": 16, "limits": (1000, 500)},
}
# Of blue, green and red in ImageNet, https://keras.io/api/applications/resnet/
MEANS = (103.939, 116.779, 123.68)


def train(
    _: Path, budget: dict, source: str, batch_size: int, limits: tuple = (None, None)
) -> dict:
    """Train, and measure on others; time is that of the training.

    `limits` says how many faces there are of both at most.
    """
    import resource  # not on Windows, where everything else here runs

    data = load_emotions(budget.get("source", source))
    split = data.split
    if set(split) == {"all"}:
        (_, aside), (_, judged) = folds_of_subjects(data, 10)[:2]
        split = np.full(len(split), "train", "<U5")
        split[aside], split[judged] = "test", "val"
    keras.backend.clear_session()  # what the last variant built would count as this one's memory
    gc.collect()
    with contextlib.suppress(OSError):  # on Linux, the most memory is counted anew from here
        Path("/proc/self/clear_refs").write_text("5")
    keras.utils.set_random_seed(settings.SEED)
    rng = np.random.default_rng(settings.SEED)
    rows = [
        rng.permutation(np.flatnonzero(split == part))[: budget.get("rows", limit)]
        for part, limit in zip(("train", "val"), limits, strict=True)
    ]
    (images, labels), judges = ((data.images[some][..., None], data.labels[some]) for some in rows)
    network = for_grey_faces(images.shape[1], budget["side"], len(data.classes))
    adam = keras.optimizers.Adam(1e-3)
    network.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    started = time.perf_counter()
    network.fit(images, labels, batch_size, budget["epochs"], verbose=0)
    seconds = time.perf_counter() - started
    _, accuracy = network.evaluate(*judges, verbose=0)
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the most so far, as Linux counts it
    return {
        "batch_size": batch_size,
        "n_train": len(labels),
        "n": len(judges[1]),
        "parameters": network.count_params(),
        "seconds": round(seconds),
        "peak_memory_gib": round(kib / 2**20, 2),
        "metrics": {
            "accuracy": accuracy,
            "most_frequent_class": float(np.bincount(judges[1]).max() / len(judges[1])),
        },
    }


def for_grey_faces(size: int, side: int, classes: int) -> keras.Model:
    """Return a ResNet-50 at `side` for grey faces `(n, size, size, 1)`."""
    inputs = keras.Input((size, size, 1))
    x = layers.Concatenate()([layers.Resizing(side, side)(inputs)] * 3)
    x = layers.Rescaling(1.0, [-mean for mean in MEANS])(x)
    network = keras.applications.ResNet50(
        weights=None, input_shape=(side, side, 3), classes=classes
    )
    return keras.Model(inputs, network(x))
