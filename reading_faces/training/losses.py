"""What an error costs: keypoints, of which some have no label, and classes that count unequally."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
from keras import ops

from reading_faces.training.shape_prior import ALIGNED_BY, JUDGED, ShapeModel


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


def distance_within_shape(shapes: ShapeModel, typical: float, weight: float) -> Callable:
    """Return `masked_distance` plus a price on faces that no real face looks like.

    Only faces whose five points of `shape_prior.ALIGNED_BY` are labelled and some of the others are
    not pay it: `weight` for each unit of Mahalanobis distance beyond `typical`. So an unlabelled
    point may follow what is seen in the picture as far as points of real faces have done.
    """
    size, half = 96, 48.0  # of `models.keypoints_to_network`
    reference = (shapes.reference[ALIGNED_BY] - (size - 1) / 2) / half
    middle = ops.cast(reference.mean(axis=0), "float32")
    offsets = ops.cast(reference - reference.mean(axis=0), "float32")
    mean = ops.cast((shapes.mean.reshape(-1, 2) - (size - 1) / 2) / half, "float32")
    # Whitening: the length of what it gives is the Mahalanobis distance.
    whiten = ops.cast(half * np.linalg.cholesky(shapes.precision), "float32")

    def loss(true, predicted):
        judged = ops.any(ops.isnan(ops.take(true, JUDGED, axis=1)), axis=(1, 2))
        five = ops.take(true, ALIGNED_BY, axis=1)
        judged = judged & ops.all(ops.isfinite(five), axis=(1, 2))
        five = ops.where(judged[:, None, None], five, offsets)
        centre = ops.mean(five, axis=1, keepdims=True)
        five, ten = five - centre, ops.take(predicted, JUDGED, axis=1) - centre
        spread = ops.sum(ops.square(five), axis=(1, 2))[:, None]
        along = ops.sum(five * offsets, axis=(1, 2))[:, None] / spread
        across = five[..., 0] * offsets[:, 1] - five[..., 1] * offsets[:, 0]
        across = ops.sum(across, axis=1, keepdims=True) / spread
        x = along * ten[..., 0] - across * ten[..., 1]
        y = across * ten[..., 0] + along * ten[..., 1]
        away = ops.reshape(ops.stack([x, y], axis=-1) + middle - mean, (-1, 2 * len(JUDGED)))
        distance = ops.sqrt(ops.sum(ops.square(away @ whiten), axis=1) + 1e-6)
        beyond = ops.relu(distance - typical) * ops.cast(judged, "float32")
        return masked_distance(true, predicted) + weight * ops.mean(beyond)

    return loss


def cross_entropy(label_smoothing: float = 0.0, class_weights: np.ndarray | None = None):
    """Return cross-entropy of logits; with weights `(classes,)`, a face counts by its class."""
    entropy = partial(
        keras.losses.CategoricalCrossentropy, from_logits=True, label_smoothing=label_smoothing
    )
    if class_weights is None:
        return entropy()
    of_each = entropy(reduction=None)
    return lambda true, predicted: of_each(true, predicted) * ops.sum(true * class_weights, axis=-1)
