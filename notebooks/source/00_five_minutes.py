# %% [markdown]
# # 0 · Five minutes: a photo in, faces read
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/00_five_minutes.ipynb)
#
# You start with the finished program of this course. A photo goes in. For each face you get a box,
# 15 points, an emotion, the muscles that moved, and a name. The lessons that follow show how each
# part works, and you train small versions of the models.
#
# **You will be able to**
#
# - read the faces in a photo, and say what each result means
# - run the program on your own photo
# - say which lesson builds which part, and what the program cannot know
#
# **You need** no knowledge of deep learning, and there are no exercises. To run a cell, click into
# it and press Shift and Enter. Run the cells in order, from the first. **Time:** 10 minutes.

# %% tags=["setup"]
import sys
from importlib import import_module, util
from os import getenv
from subprocess import run

if util.find_spec("helpers") is None:  # in Colab: fetch the course's code once
    url = getenv("COURSE_URL", "https://github.com/reading-faces/reading-faces/archive/v0.1.0.zip")
    if run([sys.executable, "-m", "pip", "install", "-q", url], capture_output=True).returncode:
        sys.exit(f"pip could not install the course from {url}; check the address and the network.")
_ = import_module("helpers")  # before TensorFlow, so that it uses all that the processor can do

# %%
import matplotlib.pyplot as plt
import pandas as pd

from helpers import data, plots, settings
from helpers.images import read_photo
from reading_faces.annotate import annotate_photo
from reading_faces.enroll import enroll_people
from reading_faces.made_faces.expression import ACTION_UNITS
from reading_faces.reader import FaceReader


def show_photo(photo, reading, alt):
    fig, ax = plt.subplots(figsize=(8.2, 8.2 * photo.shape[0] / photo.shape[1]))
    fig.subplots_adjust(0, 0, 1, 1)
    ax.imshow(annotate_photo(photo, reading))
    ax.set_axis_off()
    plots.show(fig, alt)


# %% [markdown]
# ## Seven people in orbit
#
# This is the crew of the space shuttle mission STS-106, in orbit in September 2000 (photo: NASA).
# You do not need to understand the code yet. The next cell takes about ten seconds.

# %%
NOT_ENROLLED = "Boris Morukov"  # the program does not get to know him

people = data.load_people(settings.SHIPPED / "photos" / "crews")
people.names[:] = [name.replace("_", " ").title() for name in people.names]
gallery = enroll_people(people)[0].forget(NOT_ENROLLED)

reader = FaceReader(gallery=gallery)
crew = read_photo(settings.SHIPPED / "photos" / "sts-106.jpg")
crew = crew[:720]  # the upper part, with all faces
reading = reader.read_one(crew)
show_photo(
    crew,
    reading,
    "Seven people float in two rows and look into the camera. Around each face are a box, 15 points and "
    "a label. Four labels say happy, two neutral and one angry; six have a name, one says unknown.",
)

# %% [markdown]
# The picture shows four results for each face.
#
# - A [box](../docs/glossary.md#box) says where the face is.
# - 15 [keypoints](../docs/glossary.md#keypoint) mark eyes, brows, nose and mouth. Circles are on the
#   person's own left side, squares on the right, triangles in the middle.
# - A word names the most likely of seven emotions, with its probability.
# - A name follows, or *unknown*.
#
# Everything is also a table, with one row for each face.

# %% tags=["nbval-check-output"]
table = pd.DataFrame(reading.to_rows())
print(table[["face", "name", "emotion"]].fillna("unknown").to_string(index=False))

# %% tags=["showed"]
named = table["name"].notna().sum()
print(f"{len(table)} faces found, {named} named, {len(table) - named} unknown")

# %% [markdown]
# ## Where do the names come from?
#
# Each name comes from one portrait. To store a person in this way is to
# [enrol](../docs/glossary.md#enrol) them, and the store is the
# [gallery](../docs/glossary.md#gallery). Boris Morukov was removed from the gallery, so the program
# answers [unknown](../docs/glossary.md#unknown) for him. Put another name after `NOT_ENROLLED =`
# and run that cell and the cells below it again. Two of the nine portraits, Robert Curbeam and
# Thomas Jones, show people who are not on the photo.

# %%
fig, axes = plt.subplots(1, 9, figsize=(10, 1.9), layout="constrained")
for ax, portrait, name in zip(axes, people.photos, people.names, strict=True):
    ax.imshow(portrait)
    ax.set_axis_off()
    note = "removed" if name == NOT_ENROLLED else ""
    ax.set_title("\n".join([note, *name.split()]), fontsize=8, color="#a02020" if note else "black")
plots.show(
    fig, "Nine portraits in space suits with names. Above that of Boris Morukov stands removed."
)

# %% [markdown]
# ## One face close up


# %%
def close_up(number, alt):
    face = reading.faces[number - 1]
    x, y, width, height = face.box
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3), layout="constrained")
    plots.draw_keypoints(axes[0], crew, face.keypoints)
    axes[0].set(xlim=(x - 40, x + width + 40), ylim=(y + height + 20, max(y - 40, 0)))
    axes[0].set_title(face.label)
    bars = axes[1].barh(list(face.emotion), list(face.emotion.values()), color=plots.RIGHT)
    axes[1].bar_label(bars, [f"{p:.0%}" for p in face.emotion.values()], padding=3)
    axes[1].set(xlabel="probability", xlim=(0, 1.15))
    axes[1].invert_yaxis()
    plots.show(fig, alt)


close_up(
    1,
    "Scott Altman smiles, with 15 points on his face. In the bar chart of seven emotions, happy is by "
    "far the longest bar.",
)

# %% [markdown]
# The fifth result says what moved. An [action unit](../docs/glossary.md#action-unit) is a visible
# movement of one or a few facial muscles, and AU stands for it. The program gives each of 18 units
# a probability of its own. These are above 50 %.


# %% tags=["nbval-check-output"]
def print_units(number):
    for unit, probability in reading.faces[number - 1].action_units.items():
        if probability > 0.5:
            print(f"{unit}, {ACTION_UNITS[int(unit[2:])]}")


print_units(1)

# %% [markdown]
# Raised cheeks and pulled-up lip corners are what most people call a smile. Now number 6, Richard
# Mastracchio.

# %%
close_up(
    6,
    "Richard Mastracchio smiles with open lips; the edge of the photo cuts off his forehead. In the bar "
    "chart of seven emotions, angry is by far the longest bar.",
)

# %% tags=["nbval-check-output"]
print_units(6)

# %% [markdown]
# He smiles. The model of action units finds the pulled-up lip corners, but not the raised cheeks, and the
# emotion model says *angry*. Is the reason that the photo ends in the middle of his forehead? You can test
# that. Cut the photo so that it ends in three other foreheads, and read it again.

# %% tags=["nbval-check-output"]
cut = reader.read_one(crew[160:])
for face in cut.faces:
    if face.box[1] < 30:
        print(f"{face.identity[0] or 'unknown'}, {face.top_emotion}")

# %% [markdown]
# All three keep their answers. So a missing forehead does not by itself make the model say *angry*.
# Why it says so here, we do not know. On photos that it has never seen, the emotion model is wrong
# [about one time in three](../docs/results.md). The course shows you how such a model works, how to
# test it, and where it fails.
#
# ## Your own photo
#
# Write the name of a photo between the quotes. In Colab, first open the folder at the left edge and
# drag the photo into it. The photo stays on the machine that runs this notebook.

# %%
MY_PHOTO = ""  # for instance "party.jpg"

if MY_PHOTO:
    mine = reader.read_one(MY_PHOTO)
    print(f"{MY_PHOTO}: {mine.error or f'{len(mine.faces)} face(s) found'}")
    if mine.faces:
        show_photo(read_photo(MY_PHOTO), mine, "Your photo, with what was read of each face.")

# %% [markdown]
# ## The map of the course
#
# Each box names the lesson that builds it. MTCNN is the program that finds the faces.
#
# ![A chain from left to right. A photo (lesson 00) goes to find, with MTCNN (lesson 06), then to crop, one crop for each model (lesson 07). From there it goes to four models: keypoints (lessons 01 and 02), emotion (lessons 03 and 04), action units (lesson 05) and identity (lesson 06). All four lead to a table, a picture and a video (lesson 07).](pictures/course_map.svg)
#
# ## What the program does not know
#
# An emotion model says what people would call the expression in a picture. It does not know what the
# person feels, or why. The photos that it learnt from have no record of age, skin tone or country, so we
# do not know for which people it works worse. A name can be wrong too.
#
# Read and enrol only people who have agreed. Do not use the results to judge anyone. In the European
# Union it is prohibited to infer emotions at work or in education (AI Act, Article 5). The
# [terms](../README.md#terms) say what you may do with the models and photos.
#
# **Next:** [lesson 1](01_keypoints_and_flip.ipynb), where you find out what a table of faces holds.
