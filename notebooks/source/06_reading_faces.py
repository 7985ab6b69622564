# %% [markdown]
# # 6 · All of it at once: a photograph in, faces read
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/06_reading_faces.ipynb)
#
# This is where the course is going. A photograph goes in; for every face in it come out a box, 15
# keypoints and the probabilities of seven emotions, in one table and one picture. After this lesson
# you will be able to build that chain from its parts, say what each part needs from the one before,
# and use it on pictures of your own.
#
# **You will be able to**
#
# - find the faces in a photograph;
# - cut them out the way each model expects;
# - run two trained models and put their answers back into the photograph;
# - say where the chain breaks.
#
# **You need** [lesson 1](01_keypoints_and_flip.ipynb): what a keypoint is. **Time:** 30 minutes; the
# code runs in under a minute.

# %% tags=["setup"]
from importlib.util import find_spec

if find_spec("helpers") is None:  # in Colab: fetch the course's code once
    get_ipython().run_line_magic(  # noqa: F821
        "pip", "install -q git+https://github.com/reading-faces/reading-faces@v0.1.0"
    )

# %% [markdown]
# We import what the lesson uses. Loading TensorFlow takes a few seconds; nothing is downloaded, the
# trained weights came with the course.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data

from helpers import check, data, detect, models, photos, pipeline, plots
