"""The networks of the course, and the two small files in which a trained one travels.

Each `build_…` function gives a network whose input is faces `(n, size, size, channels) float`, of
`size` pixels a side and standardised (`standardize`): grey with one channel, or RGB for identity.
Its `filters` are the channels of its stages; in each, `identity_blocks` follow the first block. A
`TrainedModel` is a network with its card; its `predict` takes faces as they are in the data.
"""

import json
import logging
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers
from scipy.special import expit, softmax

from helpers import settings
from helpers.augment import flip_images, flip_keypoints
from helpers.files import file_sha256
from helpers.gallery import to_unit_length

# TensorFlow warns that it compiles a network anew for each number of faces: it should.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

TASKS = ("keypoints", "emotion", "action_units", "embedding")
_LARGEST_BATCH = 128


def build_heatmap_model(
    size: int = 96, points: int = 15, filters: tuple[int, ...] = (32, 64, 96)
) -> keras.Model:
    """Build a residual network that shows for each keypoint where it may be, and takes the mean.

    The last stage keeps its resolution. Each keypoint gets a map over the picture, a softmax turns
    it into probabilities, and the expected place is the answer (integral regression, Sun et al.
    2018, https://arxiv.org/abs/1711.08229). It knows where a feature was seen without learning it.
    Output: `(n, points, 2) float32`, 0 at the picture's centre, ±1 at its edges.
    """
    inputs = keras.Input((size, size, 1), name="face")
    x = convolution(inputs, 32, kernel=5, stride=2)
    for width in filters[:-1]:
        x = residual_stage(x, width, stride=2, identity_blocks=2)
    x = residual_stage(x, filters[-1], stride=1, identity_blocks=2)
    return keras.Model(inputs, expected_places(x, points, filters[-1] // 2), name="keypoints")


def build_pyramid_model(
    size: int = 96, points: int = 15, filters: tuple[int, ...] = (64, 112, 168)
) -> keras.Model:
    """Build a network that shows where each keypoint may be after a look at the whole face.

    It goes down to a sixteenth of the side, where every place sees the whole face, and back up to
    a quarter, where it adds what it saw on the way (feature pyramid, Lin et al. 2017,
    https://arxiv.org/abs/1612.03144). It answers as `build_heatmap_model` does.
    """
    inputs = keras.Input((size, size, 1), name="face")
    x = residual_stage(convolution(inputs, 32, kernel=5, stride=2), filters[0], 2, 2)
    seen = [x]
    for width in filters[1:]:
        seen.append(x := residual_stage(x, width, stride=2, identity_blocks=1))
    for width, before in zip(filters[-2::-1], seen[-2::-1], strict=True):
        x = layers.UpSampling2D()(convolution(x, width, kernel=1, activation=None))
        x = residual_block(layers.Add()([before, x]), width)
    return keras.Model(inputs, expected_places(x, points, filters[0]), name="keypoints")


def expected_places(x, points: int, filters: int):
    """Map over the picture where each of the points may be, and return the means of their places.

    The last convolution before the maps has `filters`.
    """
    cells = x.shape[1]
    # Two cells more on each side, so that a chin cut off by a tight crop can be pointed at.
    x = convolution(layers.ZeroPadding2D(2)(x), filters)
    x = layers.Conv2D(points, 1, dtype="float32", name="maps")(x)
    x = layers.Permute((2, 1))(layers.Reshape(((cells + 4) ** 2, points))(x))
    x = layers.Softmax(dtype="float32")(x)
    place = layers.Dense(2, use_bias=False, trainable=False, dtype="float32", name="place")
    outputs = place(x)
    place.set_weights([cell_places(cells, margin=2)])
    return outputs


def cell_places(cells: int, margin: int) -> np.ndarray:
    """Return x and y of each cell's middle `((cells + 2 margin)², 2)`; the picture is -1 to 1."""
    steps = (np.arange(-margin, cells + margin) + 0.5) * 2 / cells - 1
    y, x = np.meshgrid(steps, steps, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def build_emotion_model(
    size: int = 48,
    classes: int = 7,
    filters: tuple[int, ...] = (64, 128, 224),
    identity_blocks: int = 1,
    dropout: float = 0.3,
) -> keras.Model:
    """Build a residual network that gives one logit for each emotion from one grey face.

    Output: `(n, classes) float32`; softmax makes probabilities of it. A share `dropout` of the
    features is dropped before the last layer.
    """
    inputs = keras.Input((size, size, 1), name="face")
    x = pooled_stages(convolution(inputs, 32), filters, identity_blocks)
    return keras.Model(inputs, mean_and_logits(x, classes, dropout), name="emotion")


def build_action_unit_model(
    size: int = 96,
    units: int = 18,
    filters: tuple[int, ...] = (32, 48, 96, 160),
    identity_blocks: int = 1,
    dropout: float = 0.3,
) -> keras.Model:
    """Build a residual network that gives one logit for each action unit from one grey face.

    Output: `(n, units) float32`, each for a sigmoid of its own: units do not exclude each other.
    """
    inputs = keras.Input((size, size, 1), name="face")
    # The first layers see every pixel: a lid that is raised a little moves by less than one.
    x = pooled_stages(convolution(inputs, 16), filters, identity_blocks)
    return keras.Model(inputs, mean_and_logits(x, units, dropout), name="action_units")


def build_embedding_model(
    size: int = 96,
    dimensions: int = 128,
    filters: tuple[int, ...] = (64, 128, 176),
    identity_blocks: tuple[int, ...] = (1, 2, 1),
    dropout: float = 0.2,
) -> keras.Model:
    """Build a residual network that turns one face in colour into a point on the unit sphere.

    Input is `(n, size, size, 3) float`; output `(n, dimensions) float32`, each of length 1.
    """
    inputs = keras.Input((size, size, 3), name="face")
    x = convolution(inputs, 32, kernel=5, stride=2, activation=leaky)
    for width, blocks in zip(filters, identity_blocks, strict=True):
        x = residual_stage(x, width, 2, blocks, activation=leaky)
    # Flattening keeps where a feature was seen: what eyes and a chin look like stays apart.
    x = layers.Flatten()(convolution(x, 64, kernel=1, activation=leaky))
    x = layers.Dense(dimensions, dtype="float32", name="embedding")(layers.Dropout(dropout)(x))
    return keras.Model(inputs, layers.UnitNormalization(dtype="float32")(x), name="embedding")


def leaky(x):
    """Let a tenth of what is negative through: ReLU would lose it, and identity is in details."""
    return keras.activations.leaky_relu(x, negative_slope=0.1)


def build_deep_emotion_model(
    size: int = 48, classes: int = 7, width: float = 1.0, activation: str = "elu"
) -> keras.Model:
    """Build a deep network of the literature: pairs of wide convolutions with ELU, no short paths.

    Convolutions of 512 and 256, 128 and 128, 256 and 512 channels; after each pair max-pooling and
    dropout; then a dense layer of 256. Nearly all of its work is done on the full 48 × 48 pixels.
    `width` multiplies all of these channels. Output: `(n, classes) float32` logits.
    """
    inputs = keras.Input((size, size, 1), name="face")
    x = inputs
    for pair in ((512, 256), (128, 128), (256, 512)):
        for channels in pair:
            kernels = layers.Conv2D(
                int(width * channels), 3, padding="same", kernel_initializer="he_normal"
            )
            x = layers.Activation(activation)(layers.BatchNormalization()(kernels(x)))
        x = layers.Dropout(0.22)(layers.MaxPooling2D()(x))
    x = layers.Dense(int(width * 256), kernel_initializer="he_normal")(layers.Flatten()(x))
    x = layers.Activation(activation)(layers.BatchNormalization()(x))
    outputs = layers.Dense(classes, dtype="float32", name="logits")(layers.Dropout(0.23)(x))
    return keras.Model(inputs, outputs, name="deep")


def count_flops(network: keras.Model) -> int:
    """Count the floating-point operations of one picture's forward pass, convolutions and dense.

    A multiplication and the addition that follows are two. Normalisation and activations, a few per
    cent more, are left out, as the literature does.
    """
    operations = 0
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            operations += count_flops(layer)
        elif isinstance(layer, layers.Conv2D):
            seen = int(np.prod(layer.kernel.shape[:3]))  # numbers that go into one that comes out
            operations += 2 * seen * int(np.prod(layer.output.shape[1:]))
        elif isinstance(layer, layers.Dense):
            operations += 2 * int(np.prod(layer.kernel.shape))
    return operations


def pooled_stages(x, filters: tuple[int, ...], identity_blocks: int):
    """Halve the picture by max-pooling before each stage of residual blocks."""
    for width in filters:
        x = residual_stage(layers.MaxPooling2D()(x), width, 1, identity_blocks)
    return x


def mean_and_logits(x, outputs: int, dropout: float):
    """Take the mean of each feature over the picture, drop a share of them, and weigh the rest."""
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(outputs, dtype="float32", name="logits")(x)


def residual_stage(x, filters: int, stride: int, identity_blocks: int, activation="relu"):
    """Stack one convolution block (which may shrink the picture) and some identity blocks."""
    x = residual_block(x, filters, stride, activation)
    for _ in range(identity_blocks):
        x = residual_block(x, filters, activation=activation)
    return x


def residual_block(x, filters: int, stride: int = 1, activation="relu"):
    """Add a short path around two convolutions (He et al. 2016, https://arxiv.org/abs/1512.03385).

    The short path is the input itself where shapes agree, else a 1×1 convolution of it.
    """
    short = x
    if stride != 1 or x.shape[-1] != filters:
        short = convolution(x, filters, kernel=1, stride=stride, activation=None)
    main = convolution(x, filters, stride=stride, activation=activation)
    main = convolution(main, filters, activation=None)
    return layers.Activation(activation)(layers.Add()([main, short]))


def convolution(x, filters: int, kernel: int = 3, stride: int = 1, activation="relu"):
    """Convolve, normalise by batch, and apply the activation: its name, a function or None."""
    x = layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


# The networks that a card may name.
BUILDERS = {
    "build_heatmap_model": build_heatmap_model,
    "build_pyramid_model": build_pyramid_model,
    "build_emotion_model": build_emotion_model,
    "build_deep_emotion_model": build_deep_emotion_model,
    "build_action_unit_model": build_action_unit_model,
    "build_embedding_model": build_embedding_model,
}


def standardize(images: np.ndarray) -> np.ndarray:
    """Give each picture mean 0 and standard deviation 1, so that exposure and contrast drop out.

    From grey pictures `(n, h, w)`, uint8 or float, to `(n, h, w, 1) float32`, or from RGB ones
    `(n, h, w, 3)`, of which all channels are taken together; flat ones become 0.
    """
    images = np.asarray(images, np.float32)
    images = images[..., np.newaxis] if images.ndim == 3 else images
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    deviation = images.std(axis=(1, 2, 3), keepdims=True)
    return (images - mean) / np.maximum(deviation, 1.0)


def keypoints_to_network(keypoints: np.ndarray, size: int = 96) -> np.ndarray:
    """Turn pixels into the network's units: 0 at the picture's centre, about ±1 at its edges."""
    return ((keypoints - (size - 1) / 2) / (size / 2)).astype(np.float32)


def keypoints_from_network(outputs: np.ndarray, size: int = 96) -> np.ndarray:
    """Turn the network's units back into pixels."""
    return (np.asarray(outputs) * (size / 2) + (size - 1) / 2).astype(np.float32)


@dataclass(frozen=True)
class TrainedModel:
    """A network and its card: how to build it, what to feed it and what is known about it."""

    network: keras.Model
    card: dict

    @property
    def input_size(self) -> int:
        """Side of the square pictures that `predict` takes, in pixels."""
        return self.card["input"]["size"]

    def predict(self, images: np.ndarray, mirrored: bool = False) -> np.ndarray:
        """Read grey faces `(n, size, size) uint8`, or RGB ones `(n, size, size, 3)` for identity.

        Parameters
        ----------
        mirrored : look at each picture's mirror image too, and average the two answers
            (test-time augmentation); the points of the second are flipped back first.

        Returns
        -------
        As the card's task says: keypoints `(n, points, 2) float32` in pixels of the picture,
        probabilities `(n, classes) float32` (those of action units do not add up to 1), or
        embeddings `(n, d) float32` of length 1.
        """
        answers = self._answers(images)
        if not mirrored:
            return answers
        second = self._answers(flip_images(images))
        if self.card["task"] == "keypoints":
            second = flip_keypoints(second, self.input_size)
        mean = (answers + second) / 2
        return to_unit_length(mean) if self.card["task"] == "embedding" else mean

    def _answers(self, images: np.ndarray) -> np.ndarray:
        outputs = self.outputs(images)
        if self.card["task"] == "keypoints":
            return keypoints_from_network(outputs, self.input_size)
        if self.card["task"] == "action_units":
            return expit(outputs)
        if self.card["task"] == "embedding":
            return outputs
        # A temperature above 1, fitted on validation faces, makes the answer less sure of itself.
        return softmax(outputs / self.card.get("temperature", 1.0), axis=1)

    def outputs(self, images: np.ndarray) -> np.ndarray:
        """Return what the network itself gives, before units or probabilities."""
        colours = (3,) if self.card["task"] == "embedding" else ()
        shape = (self.input_size, self.input_size, *colours)
        if images.shape[1:] != shape:
            raise ValueError(f"The model reads faces of {shape}, not {images.shape[1:]}.")
        if not len(images):
            return np.zeros((0, *self.network.output_shape[1:]), np.float32)
        parts, start = [], 0
        while start < len(images):
            # Powers of two only: the processor's library keeps what it has prepared for each size
            # of batch, and hundreds of sizes would fill the memory of a long run.
            size = min(_LARGEST_BATCH, 2 ** int(math.log2(len(images) - start)))
            parts.append(self._run(standardize(images[start : start + size])))
            start += size
        return np.concatenate(parts)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; from the second time on compiled, which pays for more than one photo."""
        if self.network.predict_function is None:
            self.network.make_predict_function()
            return keras.ops.convert_to_numpy(self.network(batch, training=False))
        return self.network.predict_on_batch(batch)


def load(
    task_or_path: str | Path, builders: Mapping[str, Callable[..., keras.Model]] = BUILDERS
) -> TrainedModel:
    """Load a trained model: one of `TASKS` as shipped, or from a path of its weights.

    `builders` are the functions that build a network, by the name that a card calls them by.

    Raises
    ------
    ValueError
        If the weights or their card are missing, damaged or do not belong together.
    """
    weights = Path(task_or_path)
    if task_or_path in TASKS:
        weights = settings.SHIPPED / "weights" / f"{task_or_path}.weights.h5"
    card_path = settings.card_of(weights)
    for path in (weights, card_path):
        if not path.is_file():
            raise ValueError(f"There is no trained model at {weights}: {path.name} is missing.")
    try:
        card = json.loads(card_path.read_text())
        function, arguments = (card["build"][part] for part in ("function", "arguments"))
        known = card["task"] in TASKS and isinstance(card["input"]["size"], int)
        named = {"emotion": "classes", "action_units": "units"}.get(card["task"])
        count = len(card[named]) if named else None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{card_path} is not a model card.") from error
    if not known or function not in builders:
        raise ValueError(f"{card_path} describes a model that this version cannot build.")
    others = f"{weights} does not hold the weights that {card_path.name} describes."
    if card.get("sha256") not in (None, file_sha256(weights)):
        raise ValueError(others)
    try:
        network = builders[function](**arguments)
        with warnings.catch_warnings():
            # Keras only warns when a file lacks layers, and leaves those untrained.
            warnings.filterwarnings("error", "Skipping nested container", UserWarning)
            network.load_weights(weights)
    except (OSError, ValueError, KeyError, TypeError, UserWarning) as error:
        raise ValueError(others) from error
    if named and count != network.output_shape[-1]:
        raise ValueError(f"{card_path} does not name each of the model's {named}.")
    return TrainedModel(network, card)
