"""Measure how fast this machine finds faces and reads them."""

import os
import time
from collections.abc import Callable, Sequence

import numpy as np

from helpers import detect, models
from helpers.embedders import Embedder
from helpers.models import TrainedModel

_BATCH = 64
_PHOTOS = 16


def model_speed(model: TrainedModel, seconds: float = 2.0) -> dict:
    """Time a model: a batch of faces, one face, and one face by Keras' own `predict`."""
    size = model.input_size
    faces = np.random.default_rng(0).integers(0, 256, (_BATCH, size, size), dtype=np.uint8)
    one = models.standardize(faces[:1])
    many_s = time_call(lambda: model.predict(faces), seconds)
    single_s = time_call(lambda: model.predict(faces[:1]), seconds)
    keras_s = time_call(lambda: model.network.predict(one, verbose=0), seconds)
    return {
        "processors": os.cpu_count(),
        f"faces_per_second_batch_{_BATCH}": _BATCH / many_s,
        "one_face_ms": 1000 * single_s,
        "one_face_by_keras_predict_ms": 1000 * keras_s,
        "times_faster_than_keras_predict": keras_s / single_s,
    }


def embedder_speed(embedder: Embedder, photos: Sequence[np.ndarray], seconds: float = 2.0) -> dict:
    """Time finding faces on photos, and embedding faces in a batch and one by one."""
    some = [photos[number] for number in range(min(_PHOTOS, len(photos)))]
    faces = np.zeros((_BATCH, embedder.size, embedder.size, 3), np.uint8)
    finding = time_call(lambda: [detect.detect_faces(photo) for photo in some], seconds)
    together = time_call(lambda: embedder.embed(faces), seconds)
    single = time_call(lambda: [embedder.embed(face[None]) for face in faces], seconds)
    return {
        "photos_per_second_detection": len(some) / finding,
        f"faces_per_second_batch_{_BATCH}": _BATCH / together,
        "faces_per_second_one_by_one": _BATCH / single,
        "times_faster_in_a_batch": single / together,
    }


def reader_speed(reader, photos: Sequence, seconds: float = 2.0) -> dict:
    """Time a `FaceReader` on the first of some photos: all of it, and each network for itself."""
    some = photos[:_PHOTOS]
    readings = list(reader.read(some))
    whole_s = time_call(lambda: list(reader.read(some)), seconds)
    return {
        "photos": len(some),
        "faces": sum(len(reading.faces) for reading in readings),
        "photos_per_second": len(some) / whole_s,
        "detector": reader.detector,
        **{part: model_speed(model, seconds) for part, model in reader.load().items()},
    }


def time_call(call: Callable[[], object], seconds: float) -> float:
    """Return the median time of a call, repeated for so many seconds after a first one."""
    call()
    times, started = [], time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return float(np.median(times))
