"""FaceNet as an embedder: keras-facenet's network, and its weights only if they are here already.

keras-facenet's own constructor downloads the weights by itself, straight to their final name, so it
is never called: `python -m helpers data fetch facenet` brings them, and checks them on arrival.
"""

from pathlib import Path

import numpy as np

from helpers.data.cache import file_sha256
from helpers.data.sources import KNOWN, find_folder, known_folder
from helpers.identity import to_unit_length

DIMENSIONS = 512
_URL, _SHA256 = (getattr(KNOWN["facenet"].downloads[0], name) for name in ("url", "sha256"))
_FILE = _URL.rsplit("/", 1)[1]
_BATCH = 32


class FaceNet:
    """Inception-ResNet v1 of Sandberg's FaceNet, an `identity.Embedder`.

    Parameters
    ----------
    network : the network with weights; by default it is built, and filled from the fetched file.

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
    # The squared distance of 1.24 at which Schroff et al. 2015 were right most often on LFW; on
    # these weights it has not been measured.
    threshold = 0.38

    def __init__(self, network=None):
        self.network = network or load_network(known_folder("facenet") / _FILE)

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


def is_fetched() -> bool:
    """Whether the weights are on this machine."""
    folder = find_folder("facenet")
    return folder is not None and (folder / _FILE).is_file()


def build_network():
    """Build the network with random weights: `(n, 160, 160, 3)` from -1 to 1, to `(n, 512)`."""
    from keras_facenet.inception_resnet_v1 import InceptionResNetV1

    return InceptionResNetV1(input_shape=(160, 160, 3), classes=DIMENSIONS)


def load_network(weights: Path):
    """Build the network and fill it from the published file, once its checksum is right."""
    if not weights.is_file():
        raise ValueError(f"{weights} is missing; run: python -m helpers data fetch facenet")
    if file_sha256(weights) != _SHA256:
        raise ValueError(f"{weights} is not the published file; delete it and fetch it again.")
    network = build_network()
    network.load_weights(weights)
    return network
