"""What turns a face into an embedding: our own network, or FaceNet where its weights were fetched.

keras-facenet's own constructor downloads the weights by itself, straight to their final name, so
it is never called: `python -m reading_faces data fetch facenet` brings and checks them.
"""

import numpy as np

from helpers import models
from helpers.data.sources import KNOWN, find_folder, known_folder
from helpers.files import file_sha256
from helpers.gallery import Embedder, to_unit_length

DIMENSIONS = 512
_FILE = KNOWN["facenet"].by_hand
(_SHA256,) = KNOWN["facenet"].downloads.values()
_BATCH = 32


class FaceNet:
    """Inception-ResNet v1 of Sandberg's FaceNet, a `gallery.Embedder`.

    By default its network is built, and filled from the fetched file.

    Raises
    ------
    DataError
        If the weights have not been fetched; the message says how.
    ValueError
        If the file is not the one that was published.
    """

    name = "facenet-20180402-114759"
    framing = "facenet"
    size = 160
    # The squared distance of 1.24 at which Schroff et al. 2015 were right most often on LFW, and a
    # stricter one by rule of thumb; on these weights neither has been measured.
    threshold, strict_threshold = 0.38, 0.5

    def __init__(self, network=None):
        self.network = network or load_network()

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return `(n, 512) float32` of length 1 for faces `(n, 160, 160, 3) uint8` RGB."""
        if faces.shape[1:] != (self.size, self.size, 3):
            raise ValueError(f"FaceNet takes faces (160, 160, 3), not {faces.shape[1:]}.")
        parts = [np.zeros((0, DIMENSIONS), np.float32)]
        for start in range(0, len(faces), _BATCH):
            # As these weights were trained: -1 to 1, the same for every picture.
            batch = (faces[start : start + _BATCH].astype(np.float32) - 127.5) / 127.5
            parts.append(np.asarray(self.network(batch, training=False)))
        return to_unit_length(np.concatenate(parts))


def build_network():
    """Build the network with random weights: `(n, 160, 160, 3)` from -1 to 1, to `(n, 512)`."""
    from keras_facenet.inception_resnet_v1 import InceptionResNetV1

    return InceptionResNetV1(input_shape=(160, 160, 3), classes=DIMENSIONS)


def facenet_is_here() -> bool:
    """Tell whether FaceNet's weights have been fetched."""
    folder = find_folder("facenet")
    return folder is not None and (folder / _FILE).is_file()


def load_network():
    """Build the network and fill it from the published file, once its checksum is right."""
    weights = known_folder("facenet") / _FILE
    if not weights.is_file():
        raise ValueError(f"{weights} is missing; run: python -m reading_faces data fetch facenet")
    if file_sha256(weights) != _SHA256:
        raise ValueError(f"{weights} is not the published file; delete it and fetch it again.")
    network = build_network()
    network.load_weights(weights)
    return network


class SmallEmbedder:
    """Our own network as an `Embedder`; a face and its mirror image count half each.

    By default its model is the one that ships.

    Raises
    ------
    ValueError
        If the model's files are missing or damaged, or it is a model for something else.
    """

    framing = "embedding"

    def __init__(self, model: models.TrainedModel | None = None):
        self.model = model or models.load("embedding")
        if self.model.card["task"] != "embedding":
            raise ValueError(f"This is a model for {self.model.card['task']}, not for embeddings.")
        self.name, self.size = self.model.card["name"], self.model.input_size
        self.threshold = self.model.card["threshold"]
        self.strict_threshold = self.model.card["strict_threshold"]

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Return `(n, d) float32` of length 1 for faces `(n, size, size, 3) uint8` RGB."""
        return self.model.predict(faces, mirrored=True)


def best_embedder(name: str | None = None) -> Embedder:
    """Return `"facenet"`, our own `"shipped"` one, or FaceNet if its weights have been fetched.

    Raises
    ------
    ValueError
        If there is no such embedder, or its weights are missing.
    """
    if name not in (None, "shipped", "facenet"):
        raise ValueError(f"There is no embedder {name!r}; choose shipped or facenet.")
    facenet = name == "facenet" or (name is None and facenet_is_here())
    return FaceNet() if facenet else SmallEmbedder()
