"""Measure how fast this machine finds faces and reads them."""

import itertools
import os
import time
from collections.abc import Callable, Sequence

import numpy as np

from helpers import detect, models
from helpers.embedders import Embedder
from helpers.models import TrainedModel

BATCH = 64
PHOTOS = 16


def model_speed(model: TrainedModel) -> dict:
    """Time a model: a batch of faces, one face, and one face by Keras' own `predict`."""
    faces = np.random.default_rng(0).integers(0, 256, (BATCH, *[model.input_size] * 2), np.uint8)
    one = models.standardize(faces[:1])
    many_s = time_call(lambda: model.predict(faces))
    single_s = time_call(lambda: model.predict(faces[:1]))
    keras_s = time_call(lambda: model.network.predict(one, verbose=0))
    return {
        "processors": os.cpu_count(),
        f"faces_per_second_batch_{BATCH}": BATCH / many_s,
        "one_face_ms": 1000 * single_s,
        "one_face_by_keras_predict_ms": 1000 * keras_s,
        "times_faster_than_keras_predict": keras_s / single_s,
    }


def embedder_speed(embedder: Embedder, photos: Sequence[np.ndarray]) -> dict:
    """Time finding faces on photos, and embedding faces in a batch and one by one."""
    photos = list(itertools.islice(photos, PHOTOS))
    faces = np.zeros((BATCH, embedder.size, embedder.size, 3), np.uint8)
    finding_s = time_call(lambda: [detect.detect_faces(photo) for photo in photos])
    together_s = time_call(lambda: embedder.embed(faces))
    single_s = time_call(lambda: [embedder.embed(face[None]) for face in faces])
    return {
        "photos_per_second_detection": len(photos) / finding_s,
        f"faces_per_second_batch_{BATCH}": BATCH / together_s,
        "faces_per_second_one_by_one": BATCH / single_s,
        "times_faster_in_a_batch": single_s / together_s,
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
    times, end = [], time.perf_counter() + seconds
    while (before := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - before)
    return float(np.median(times))
