"""Write trained models, each as a file of weights and its card, and read back what was written."""

import json
import tempfile
from pathlib import Path

import h5py
import numpy as np

from helpers import models
from helpers.files import file_sha256, whole_file
from helpers.models import TrainedModel
from reading_faces.training.networks import BUILDERS


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
