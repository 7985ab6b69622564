"""The file of a gallery (arrays and a line of JSON, no pickle), and the embedder that made it."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np

from helpers import embedders
from helpers.files import whole_file
from helpers.gallery import Embedder, Gallery

_FORMAT = "reading-faces gallery 1"


def save_gallery(gallery: Gallery, path: Path) -> None:
    """Write a gallery, whole or not at all."""
    about = {
        "format": _FORMAT,
        "embedder": gallery.embedder,
        "threshold": gallery.threshold,
        "sha256": fingerprint(gallery),
    }
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(
            file,
            embeddings=gallery.embeddings.astype(np.float32),
            names=gallery.names.astype(str),
            about=json.dumps(about),
        )


def load_gallery(path: Path) -> Gallery:
    """Read a gallery; ValueError if it is missing, not a gallery or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            made_with = about["embedder"], float(about["threshold"])
            gallery = Gallery(file["embeddings"], file["names"], *made_with)
            unchanged = fingerprint(gallery) == about["sha256"]
    except FileNotFoundError:
        raise ValueError(f"There is no gallery at {path}; `enroll` makes one.") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        raise ValueError(f"{path} is not a gallery, or it is damaged.") from None
    if about.get("format") != _FORMAT:
        raise ValueError(f"{path} is not a gallery that this version can read.")
    if not unchanged or len(gallery.names) != len(gallery.embeddings):
        raise ValueError(
            f"{path} is damaged or was changed since it was written; enrol its people again."
        )
    return gallery


def fingerprint(gallery: Gallery) -> str:
    """Return a checksum of everything in a gallery."""
    parts = json.dumps([gallery.embedder, gallery.threshold, gallery.names.tolist()]).encode()
    numbers = np.ascontiguousarray(gallery.embeddings, "<f4").tobytes()
    return hashlib.sha256(parts + numbers).hexdigest()


def embedder_of(gallery: Gallery) -> Embedder:
    """Return the embedder that made a gallery; ValueError if it, or its weights, are not here."""
    facenet = gallery.embedder == embedders.FaceNet.name
    embedder = embedders.FaceNet() if facenet else embedders.SmallEmbedder()
    check_embedder(gallery, embedder)
    return embedder


def check_embedder(gallery: Gallery, embedder: Embedder) -> None:
    """Raise ValueError if a gallery was made by another embedder."""
    if gallery.embedder != embedder.name:
        raise ValueError(
            f"The gallery was made with {gallery.embedder}, whose numbers mean nothing to "
            f"{embedder.name}; enrol its people again, or use that embedder."
        )
