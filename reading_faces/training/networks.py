"""Networks that only training builds, beside those of `helpers.models`."""

from collections.abc import Callable

import keras
from keras import layers

from helpers import models
from helpers.models import convolution, residual_stage


def build_keypoint_model(
    size: int = 96,
    points: int = 15,
    filters: tuple[int, ...] = (48, 96, 144),
    identity_blocks: int = 2,
    dropout: float = 0.2,
    stage: Callable = residual_stage,
) -> keras.Model:
    """Build a residual network that regresses keypoints from one grey face.

    Parameters
    ----------
    size : side of the square input in pixels; input `(n, size, size, 1) float`, standardised.
    points : how many keypoints; output `(n, points, 2) float32`, 0 at the centre, ±1 at the edges.
    filters : channels of the stages; each halves the resolution.
    identity_blocks : blocks after the first in each stage.
    dropout : share of features dropped before the regression head.
    stage : builds a stage; with another one the network need not be residual.
    """
    inputs = keras.Input((size, size, 1), name="face")
    x = convolution(inputs, 32, kernel=5, stride=2)
    for width in filters:
        x = stage(x, width, stride=2, identity_blocks=identity_blocks)
    # Flattening keeps *where* a feature was seen; averaging over the picture would lose it.
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    # From zeros, so that the first answer is the picture's middle and not a thousand pixels away.
    head = layers.Dense(2 * points, kernel_initializer="zeros", dtype="float32", name="coordinates")
    x = head(x)
    return keras.Model(inputs, layers.Reshape((points, 2))(x), name="keypoints")


def build_emotion_by_keypoints_model(
    size: int = 48,
    classes: int = 7,
    filters: tuple[int, ...] = (24, 48, 64),
    units: int = 64,
    dropout: float = 0.2,
) -> keras.Model:
    """Build a network that marks 15 keypoints first, and names the emotion by where they are.

    What a keypoint model has learnt is its start (`train … --init`), so it needs few faces.

    Parameters
    ----------
    size : side of the square input in pixels; input `(n, size, size, 1) float`, standardised.
    classes : how many emotions; output `(n, classes) float32` logits.
    filters : of the keypoint model inside, which sees the face twice as large.
    units : neurons between the keypoints and the emotions.
    dropout : share of those dropped in training.
    """
    inputs = keras.Input((size, size, 1), name="face")
    larger = layers.UpSampling2D(2, interpolation="bilinear")(inputs)
    points = models.build_heatmap_model(2 * size, filters=filters)(larger)
    # Seen from the middle of the eyes, which are the first two points: wherever the face is.
    middle = layers.Average()([points[:, 0:1], points[:, 1:2]])
    x = layers.Flatten()(layers.Subtract()([points, middle]))
    x = layers.BatchNormalization()(layers.Concatenate()([x, layers.Flatten()(points)]))
    x = layers.Dropout(dropout)(layers.Dense(units, activation="relu")(x))
    return keras.Model(
        inputs, layers.Dense(classes, dtype="float32", name="logits")(x), name="emotion"
    )


BUILDERS = models.BUILDERS | {
    build.__name__: build for build in (build_keypoint_model, build_emotion_by_keypoints_model)
}
