"""Shared code of the course *Reading Faces*: from raw pixels to faces found, marked and read.

Nothing is imported here, so that `import helpers` is instant; each module stands on its own.
"""

import os

# TensorFlow reads this once, when it is imported. Without it, processors that lack the newest
# instructions get its slow kernels: training takes about twice as long there, elsewhere the same.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
