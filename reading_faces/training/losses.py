"""What an error costs: keypoints, of which some have no label, and classes that count unequally."""

import keras
import numpy as np
from keras import ops


def masked_distance(true, predicted):
    """Mean distance between true and predicted points over the points that are labelled.

    Both are `(n, points, 2)`; a true point that is NaN takes no part, and each face that has a
    label counts alike. Not squared, so that a few loose labels do not steer the training.
    """
    labelled = ops.all(ops.isfinite(true), axis=-1)
    error = ops.where(labelled[..., None], true, predicted) - predicted
    # The small constant keeps the gradient of the root finite where the error is 0.
    distance = ops.sqrt(ops.sum(ops.square(error), axis=-1) + 1e-8)
    labelled = ops.cast(labelled, distance.dtype)
    marked = ops.sum(labelled, axis=-1)
    of_face = ops.sum(distance * labelled, axis=-1) / ops.maximum(marked, 1.0)
    faces = ops.sum(ops.cast(marked > 0, distance.dtype))
    return ops.sum(of_face) / ops.maximum(faces, 1.0)


def masked_entropy(true, logits):
    """Mean binary cross-entropy over the units that are coded; true ones are 0 to 1, or NaN.

    Both are `(n, units)`.
    """
    coded = ops.isfinite(true)
    entropy = ops.binary_crossentropy(ops.where(coded, true, 0.0), logits, from_logits=True)
    coded = ops.cast(coded, entropy.dtype)
    return ops.sum(entropy * coded) / ops.maximum(ops.sum(coded), 1.0)


def cross_entropy(label_smoothing: float = 0.0, class_weights: np.ndarray | None = None):
    """Return cross-entropy of logits; with weights `(classes,)`, a face counts by its class."""
    how = {"from_logits": True, "label_smoothing": label_smoothing}
    if class_weights is None:
        return keras.losses.CategoricalCrossentropy(**how)
    of_each = keras.losses.CategoricalCrossentropy(**how, reduction=None)
    return lambda true, predicted: of_each(true, predicted) * ops.sum(true * class_weights, axis=-1)
