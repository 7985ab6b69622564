"""Shared code of the course *Reading Faces*: from raw pixels to faces found, marked and read.

Nothing is imported here, so that `import helpers` is instant; each module stands on its own.
"""

import importlib.metadata
import json
import os
import sys
from pathlib import Path

from packaging.version import Version

from helpers import settings

# TensorFlow reads this once, when it is imported. Without it, processors that lack the newest
# instructions get its slow kernels: training takes about twice as long there, elsewhere the same.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Variables that would change what Keras does, and what its file of settings holds by itself.
_FOREIGN = ("TF_USE_LEGACY_KERAS", "KERAS_NNX_ENABLED")
_FOREIGN += ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
_KERAS = {"floatx": "float32", "epsilon": 1e-07, "image_data_format": "channels_last"}

# What pip may renew while a notebook has it in memory; the name of the package where it differs.
_WATCHED = {"numpy": "", "pandas": "", "keras": "", "tensorflow": "", "sklearn": "scikit-learn"}


def _check_loaded() -> None:
    """Refuse to go on with packages that were replaced on disk after they were loaded.

    That happens in notebooks, where pip may renew what the kernel has in memory already; half of
    each version would then be at work, and fail much later with an error that explains nothing.
    """
    for module, package in _WATCHED.items():
        loaded = getattr(sys.modules.get(module), "__version__", None)
        try:
            installed = importlib.metadata.version(package or module)
        except importlib.metadata.PackageNotFoundError:
            continue
        # As versions: TensorFlow calls itself 2.21.0-rc1 what pip calls 2.21.0rc1.
        if loaded and Version(loaded) != Version(installed):
            raise ImportError(
                f"{module} {loaded} is in memory, but {installed} is installed. Restart the kernel "
                f"(Colab: Runtime, Restart session), and run the notebook from the top."
            )


def _settle_keras() -> None:
    """Keep from Keras what was set for other projects; it reads this when it is imported.

    MTCNN and FaceNet need TensorFlow itself, with Keras 3, and all networks channels in the end.
    """
    if "keras" in sys.modules:
        return
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for name in _FOREIGN:
        os.environ.pop(name, None)
    file = Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras"), "keras.json")
    try:
        found = json.loads(file.read_bytes())
        foreign = any(found.get(name, usual) != usual for name, usual in _KERAS.items())
    except (OSError, ValueError, AttributeError):  # there is none, or Keras could not read it
        foreign = file.exists()
    if foreign:
        os.environ["KERAS_HOME"] = str(settings.CACHE / "keras")


_check_loaded()
_settle_keras()
