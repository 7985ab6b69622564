"""Networks that only training builds, and how trained models are stored: weights and a card."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers

from helpers import models
from helpers.files import file_sha256, whole_file
from helpers.models import TrainedModel, convolution, residual_stage


def build_keypoint_model(
    size: int = 96,
    filters: tuple[int, ...] = (48, 96, 144),
    identity_blocks: int = 2,
    dropout: float = 0.2,
    stage: Callable = residual_stage,
) -> keras.Model:
    """Build a residual network that regresses keypoints from one grey face.

    Input is `(n, size, size, 1) float`, standardised; output `(n, 15, 2) float32`, 0 at the
    picture's centre and ±1 at its edges. Each stage has one of `filters` as its channels and halves
    the resolution; with another `stage` the network need not be residual.
    """
    inputs = keras.Input((size, size, 1), name="face")
    x = convolution(inputs, 32, kernel=5, stride=2)
    for width in filters:
        x = stage(x, width, stride=2, identity_blocks=identity_blocks)
    # Flattening keeps *where* a feature was seen; averaging over the picture would lose it.
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    # From zeros, so that the first answer is the picture's middle and not a thousand pixels away.
    head = layers.Dense(30, kernel_initializer="zeros", dtype="float32", name="coordinates")
    return keras.Model(inputs, layers.Reshape((15, 2))(head(x)), name="keypoints")


def build_emotion_by_keypoints_model(classes: int = 7) -> keras.Model:
    """Build a network that marks 15 keypoints first, and names the emotion by where they are.

    Input is `(n, 48, 48, 1) float`, standardised; output `(n, classes) float32` logits. The small
    keypoint model inside sees the face twice as large. What one has learnt is its start
    (`take_over`), so it needs few faces.
    """
    inputs = keras.Input((48, 48, 1), name="face")
    larger = layers.UpSampling2D(2, interpolation="bilinear")(inputs)
    points = models.build_heatmap_model(filters=(24, 48, 64))(larger)
    # Seen from the middle of the eyes, which are the first two points: wherever the face is.
    middle = layers.Average()([points[:, 0:1], points[:, 1:2]])
    x = layers.Flatten()(layers.Subtract()([points, middle]))
    x = layers.BatchNormalization()(layers.Concatenate()([x, layers.Flatten()(points)]))
    x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(x))
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="emotion")


BUILDERS = models.BUILDERS | {
    build.__name__: build for build in (build_keypoint_model, build_emotion_by_keypoints_model)
}


def build(card: dict, **changed) -> keras.Model:
    """Build the network that a model card describes, with some arguments changed."""
    return BUILDERS[card["build"]["function"]](**card["build"]["arguments"] | changed)


def take_over(network: keras.Model, learnt: keras.Model) -> None:
    """Take over the weights of a trained network.

    If the network has that one inside, only what is around it goes on learning: a few thousand
    drawn faces would soon unlearn what makes it work on real ones.
    """
    inside = next((layer for layer in network.layers if layer.name == learnt.name), None)
    (inside or network).set_weights(learnt.get_weights())
    if inside:
        inside.trainable = False


def save(model: TrainedModel, folder: Path) -> Path:
    """Write `<task>.weights.h5` (arrays in float16) and then its card `<task>.json`, each whole.

    The card gets the SHA-256 of the weights' file, so that `load` sees if the two do not belong
    together. Returns the path of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{model.card['task']}.weights.h5"
    with tempfile.TemporaryDirectory() as scratch, whole_file(weights) as part:
        full = Path(scratch) / weights.name
        model.network.save_weights(full)
        copy_in_half_precision(full, part)
        card = model.card | {"sha256": file_sha256(part)}
    with whole_file(folder / f"{model.card['task']}.json") as part:
        part.write_text(json.dumps(card, indent=2) + "\n")
    return weights


def copy_in_half_precision(full: Path, half: Path) -> None:
    """Copy an HDF5 file, its float arrays as float16, compressed: less than half the size."""
    with h5py.File(full) as source, h5py.File(half, "w") as target:

        def copy(name: str, item) -> None:
            if isinstance(item, h5py.Group):
                copied = target.require_group(name)
            else:
                array = item[()].astype(np.float16) if item.dtype.kind == "f" else item[()]
                options = {"compression": "gzip"} if np.ndim(array) else {}
                copied = target.create_dataset(name, data=array, **options)
            copied.attrs.update(item.attrs)

        source.visititems(copy)
        target.attrs.update(source.attrs)


def load(task_or_path: str | Path) -> TrainedModel:
    """Load a trained model as `helpers.models.load` does, of any network that training builds."""
    return models.load(task_or_path, BUILDERS)
