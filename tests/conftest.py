"""Settings for all tests, made before anything imports `helpers`."""

import os

from hypothesis import settings

os.environ.setdefault("COURSE_PROFILE", "smoke")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# The same examples on each run, and no deadline: a first call into TensorFlow is slow.
settings.register_profile("course", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("course")
