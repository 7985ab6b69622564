"""Measure how fast this machine finds faces and reads them."""

import os
import timeit
from collections.abc import Callable, Sequence

import numpy as np

from helpers import models
from helpers.embedders import Embedder
from helpers.models import TrainedModel

BATCH = 64
PHOTOS = 16


def model_speed(model: TrainedModel) -> dict:
    """Time a model: a batch of faces, one face, and one face by Keras' own `predict`."""
    faces = np.random.default_rng(0).integers(0, 256, (BATCH, *[model.input_size] * 2), np.uint8)
    one, speed = models.standardize(faces[:1]), network_speed(model.predict, faces)
    keras_ms = 1000 * time_call(lambda: model.network.predict(one, verbose=0))
    return speed | {
        "one_face_by_keras_predict_ms": keras_ms,
        "times_faster_than_keras_predict": keras_ms / speed["one_face_ms"],
    }


def embedder_speed(embedder: Embedder) -> dict:
    """Time an embedder: a batch of faces, and one face."""
    faces = np.zeros((BATCH, embedder.size, embedder.size, 3), np.uint8)
    return network_speed(embedder.embed, faces)


def network_speed(answer: Callable[[np.ndarray], object], faces: np.ndarray) -> dict:
    """Time what answers for faces `(BATCH, …)`: all of them at once, and one."""
    return {
        "processors": os.cpu_count(),
        f"faces_per_second_batch_{BATCH}": BATCH / time_call(lambda: answer(faces)),
        "one_face_ms": 1000 * time_call(lambda: answer(faces[:1])),
    }


def reader_speed(reader, photos: Sequence) -> dict:
    """Time a `FaceReader` on the first of some photos: all of it, and each network for itself."""
    photos = photos[:PHOTOS]
    readings = list(reader.read(photos))
    return {
        "photos": len(photos),
        "faces": sum(len(reading.faces) for reading in readings),
        "photos_per_second": len(photos) / time_call(lambda: list(reader.read(photos))),
        "detector": reader.detector,
        **{part: model_speed(model) for part, model in reader.load().items()},
    }


def time_call(call: Callable[[], object], seconds: float = 2.0) -> float:
    """Return the median time of a call, repeated for so many seconds after a first one."""
    call()
    times = max(1, int(seconds / timeit.timeit(call, number=1)))
    return float(np.median(timeit.repeat(call, number=1, repeat=times)))
