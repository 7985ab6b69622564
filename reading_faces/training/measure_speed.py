"""Measure how fast this machine finds faces and reads them."""

import itertools
import os
import platform
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from helpers import detect, models
from helpers.embedders import Embedder
from helpers.models import TrainedModel
from reading_faces.made_faces.albums import group_photo

BATCH = 64
PHOTOS = 16
FOLDER, FRAMES = 200, 100


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


def tool_speed(reader, tracker) -> dict:
    """Time the tool on drawn photos, each beside what it would take by the packages' own calls.

    `reader` is a `FaceReader`, `tracker` a `FaceTracker` with it. Ratios belong to one run; let the
    machine do nothing else meanwhile.
    """
    from mtcnn import MTCNN

    package = MTCNN()
    couple, alone = group_photo(2, (1280, 960))[0], group_photo(1, (640, 480))[0]
    frames = [np.roll(alone, round(40 * np.sin(n / 8)), axis=1) for n in range(FRAMES)]
    result = {"processors": os.cpu_count(), "machine": machine()}
    for name, photo in (("640x480", alone), ("1280", couple)):
        ours = time_call(partial(detect.find_with_mtcnn, photo, 0.9))
        usual = time_call(partial(package.detect_faces, photo))
        result |= compared(f"detect_{name}_ms", 1000 * ours, 1000 * usual)
    shown = itertools.cycle(frames)
    live = time_call(lambda: [tracker.read(next(shown)) for _ in frames]) / FRAMES
    usual = time_call(lambda: read_by_packages(package, reader, alone))
    result |= compared("live_ms", 1000 * live, 1000 * usual)
    result["live_frames_per_second"] = 1 / live
    with tempfile.TemporaryDirectory() as folder:
        photos = store_copies(Path(folder), couple)
        cold = command_seconds("-m", "reading_faces", "predict", "--json", str(photos[0]))
        bare = command_seconds("-c", "import tensorflow")
        result |= {"one_photo_cold_s": cold, "import_tensorflow_s": bare}
        many = command_seconds("-m", "reading_faces", "predict", "--json", folder, times=1)
    result["folder_photos_per_second"] = FOLDER / (many - cold)
    return result


def compared(name: str, ours: float, usual: float) -> dict:
    """Return a time, what the packages' own calls take, and how many times as long that is."""
    return {name: ours, f"{name}_by_packages": usual, f"{name}_times": usual / ours}


def machine() -> str:
    """Return the processor's name, as far as the system tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())


def read_by_packages(package, reader, photo: np.ndarray) -> None:
    """Find and read the faces of a photo as the packages are called by their own examples."""
    package.detect_faces(photo)
    for model in reader.load().values():
        face = np.zeros((1, model.input_size, model.input_size), np.uint8)
        model.network.predict(models.standardize(face), verbose=0)


def store_copies(folder: Path, photo: np.ndarray) -> list[Path]:
    """Store a photo many times over, as JPEG."""
    from PIL import Image

    paths = [folder / f"{number:03}.jpg" for number in range(FOLDER)]
    for path in paths:
        Image.fromarray(photo).save(path, quality=90)
    return paths


def command_seconds(*arguments: str, times: int = 2) -> float:
    """Return how long a command of Python takes in a process of its own, the fastest of so many."""
    run = partial(subprocess.run, [sys.executable, *arguments], check=True, capture_output=True)
    return min(timeit.repeat(run, number=1, repeat=times))


def time_call(call: Callable[[], object], seconds: float = 2.0) -> float:
    """Return the median time of a call, repeated for so many seconds after a first one."""
    call()
    times = max(1, int(seconds / timeit.timeit(call, number=1)))
    return float(np.median(timeit.repeat(call, number=1, repeat=times)))
