"""Shared code of the course *Reading Faces*: from raw pixels to faces found, marked and read.

Nothing is imported here, so that `import helpers` is instant; each module stands on its own.
"""

import importlib.metadata
import os
import sys

from packaging.version import Version

# TensorFlow reads this once, when it is imported. Without it, processors that lack the newest
# instructions get its slow kernels: training takes about twice as long there, elsewhere the same.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

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


_check_loaded()
