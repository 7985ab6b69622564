"""What tests of training share."""

from dataclasses import fields

import numpy as np
import pytest
import tensorflow as tf

from helpers.data.made import load_set
from reading_faces.training.made_sets import save_set


@pytest.fixture(scope="module")
def eagerly():
    """Run networks without compiling them, which takes longer than a tiny network's training."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def few_faces(tmp_path_factory):
    """Return the path of a set of a few of the made faces that ship, all emotions among them."""
    faces = load_set()
    parts = (("train", 64), ("val", 16), ("test", 8))
    rows = np.concatenate([np.flatnonzero(faces.split == name)[:n] for name, n in parts])
    files = faces.files[rows]
    arrays = {f.name: getattr(faces, f.name)[rows] for f in fields(faces) if f.name != "files"}
    arrays["jpeg"] = np.frombuffer(b"".join(files), np.uint8)
    arrays["jpeg_size"] = np.array([len(file) for file in files])
    path = tmp_path_factory.mktemp("few") / "faces.npz"
    save_set(arrays, path)
    return str(path)
