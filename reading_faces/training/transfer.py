"""Networks that begin with what another one has learnt, and answer two questions about a face.

The two heads say which action units are there, and what the emotion is: positive, negative or a
surprise, or one of seven. Lesson 5 goes through these functions one by one.
"""

import keras
import numpy as np
from keras import layers, ops

from helpers import models

# What the emotion head tells apart, and which emotions are which; neutral is none of them.
GROUPS = ("positive", "negative", "surprise")
GROUP_OF = {
    "happy": "positive",
    **dict.fromkeys(("angry", "contempt", "disgust", "fear", "sad"), "negative"),
    "surprise": "surprise",
}


def emotion_backbone() -> keras.Model:
    """Return the shipped emotion model up to the mean over the picture: 48 × 48 to 224 features."""
    network = models.load("emotion").network
    mean = next(x for x in network.layers if isinstance(x, layers.GlobalAveragePooling2D))
    return keras.Model(network.input, mean.output, name="backbone")


def two_heads(
    backbone: keras.Model, units: int, classes: int = len(GROUPS), dense: int = 256
) -> keras.Model:
    """Put three dense layers and two outputs on a backbone, and freeze it.

    Parameters
    ----------
    units : how many action units; output `units (n, units)`, a probability for each.
    classes : how many groups or emotions; output `emotion (n, classes)`, adding up to 1.
    dense : neurons of the first dense layer; each further one has half as many.
    """
    backbone.trainable = False
    inputs = keras.Input(backbone.input_shape[1:], name="face")
    x = backbone(inputs)
    for width in (dense, dense // 2, dense // 4):
        x = layers.Dropout(0.3)(layers.Dense(width, activation="relu")(x))
    outputs = {
        "units": layers.Dense(units, "sigmoid", dtype="float32", name="units")(x),
        "emotion": layers.Dense(classes, "softmax", dtype="float32", name="emotion")(x),
    }
    return keras.Model(inputs, outputs, name="two_heads")


def thaw(backbone: keras.Model, stages: int = 1, normalise_anew: bool = False) -> int:
    """Let the last `stages` stages of a backbone learn, and return how many weights that frees.

    A stage begins where the picture becomes smaller. Layers of batch normalisation stay frozen, and
    so go on using what they know of many thousand faces. (To call the backbone with
    `training=False` is not enough: in Keras 3 the outer network's `training` wins over it,
    https://github.com/keras-team/keras/issues/20285.)

    Parameters
    ----------
    normalise_anew : thaw batch normalisation too, so that it uses each small batch's own mean and
        variance. It is the mistake that transfer is most often spoilt by; here to be looked at.
    """
    sides = [layer.output.shape[1] if layer.output.ndim == 4 else 0 for layer in backbone.layers]
    starts = [i for i in range(1, len(sides)) if 0 < sides[i] < sides[i - 1]]
    first = starts[-stages] if stages <= len(starts) else 0
    backbone.trainable = True
    for number, layer in enumerate(backbone.layers):
        normalises = isinstance(layer, layers.BatchNormalization)
        layer.trainable = number >= first and (normalise_anew or not normalises)
    return sum(int(np.prod(weight.shape)) for weight in backbone.trainable_weights)


def positive_weights(present: np.ndarray, largest: float = 10.0) -> np.ndarray:
    """Return how much more each unit's presence should weigh than its absence: absent / present.

    From the training split's `(n, units)` of 0 and 1; at most `largest`, or one face would steer.
    """
    there = present.sum(axis=0)
    return np.minimum((len(present) - there) / np.maximum(there, 1), largest).astype(np.float32)


def class_weights(targets: np.ndarray) -> np.ndarray:
    """Return a weight for each class of targets `(n, classes)`, so that all count alike in sum."""
    counts = targets.sum(axis=0)
    return (len(targets) / (len(counts) * np.maximum(counts, 1))).astype(np.float32)


def units_loss(weights: np.ndarray | None = None, gamma: float = 0.0):
    """Return binary cross-entropy over units, weighted by class or focal if asked for.

    Parameters
    ----------
    weights : `(units,)` of `positive_weights`, for class-weighted cross-entropy.
    gamma : above 0 for the focal loss (Lin et al. 2017, https://arxiv.org/abs/1708.02002).
    """

    def loss(true, predicted):
        p = ops.clip(predicted, 1e-6, 1 - 1e-6)
        of_truth = true * p + (1 - true) * (1 - p)
        terms = -((1 - of_truth) ** gamma) * ops.log(of_truth)
        if weights is not None:
            terms = terms * (1 + true * (weights - 1))
        return ops.mean(terms, axis=-1)

    return loss


def compile_heads(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    unit_weights: np.ndarray | None = None,
    class_weights: np.ndarray | None = None,
    gamma: float = 0.0,
) -> None:
    """Give each head its loss and the field's measures; the two losses count alike.

    Parameters
    ----------
    unit_weights, gamma : of `units_loss`.
    class_weights : `(classes,)`, how much a face of each counts; all alike by default.
    """

    def emotion_loss(true, predicted):
        entropy = keras.losses.categorical_crossentropy(true, predicted)
        return entropy if class_weights is None else entropy * ops.sum(true * class_weights, -1)

    network.compile(
        optimizer,
        loss={"units": units_loss(unit_weights, gamma), "emotion": emotion_loss},
        loss_weights={"units": 0.5, "emotion": 0.5},
        metrics={
            "units": [
                keras.metrics.BinaryAccuracy(name="accuracy"),
                keras.metrics.Precision(name="precision"),
                keras.metrics.Recall(name="recall"),
                keras.metrics.AUC(multi_label=True, name="auc"),
                keras.metrics.F1Score("macro", threshold=0.5, name="f1"),
            ],
            "emotion": [
                keras.metrics.CategoricalAccuracy(name="accuracy"),
                keras.metrics.Precision(name="precision"),
                keras.metrics.Recall(name="recall"),
                keras.metrics.AUC(name="auc"),
                keras.metrics.F1Score("macro", name="f1"),
            ],
        },
    )
