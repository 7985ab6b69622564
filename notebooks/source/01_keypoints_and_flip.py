# %% [markdown]
# # 1 · Where is the face? Keypoints and the flip
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/01_keypoints_and_flip.ipynb)
#
# A *keypoint* is a place on a face that everybody can find again: the middle of an eye, the tip of
# the nose, a corner of the mouth. After this lesson you will be able to open a table of faces with
# their keypoints, say what is in it and what is missing, and double it by mirroring each face,
# without the mistake that most tutorials make when they do so.
#
# ![A made-up face, smiling and turned to its right, with 15 marked points, and twice its mirror image: mirrored the naive way, the orange circles of the left side are on the wrong side; mirrored the right way, they are where left points belong](pictures/flip.png)
#
# **You will be able to**
#
# - load faces with 15 keypoints and describe them with pandas;
# - find missing labels and explain where the gap comes from;
# - draw a face with its points;
# - mirror a face *and* its labels, and test that you did it right.
#
# **You need** a little Python and NumPy. **Time:** 30 minutes; the code itself runs in seconds.

# %% tags=["setup"]
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("helpers") is None:  # in Colab: fetch the course's code once
    address = "git+https://github.com/reading-faces/reading-faces@v0.1.0"
    get_ipython().run_line_magic("pip", f"install -q {address}")

# %% [markdown]
# We import what the lesson uses. `helpers` is the course's own code; what this lesson teaches is
# written out below, so you never have to look inside it.

# %%
import matplotlib.pyplot as plt
import numpy as np

from helpers import check, data, plots
from helpers.made_faces import PARAMETERS, UNIT_NAMES, gallery
from helpers.made_faces.playground import play

# %% [markdown]
# ## Who are these people?
#
# Nobody. The faces of this lesson are **made up**: a program that comes with the course draws them.
# So the lesson runs anywhere, nobody's picture is passed around, and nobody has to be asked. Here are
# eight of these people, one in each row, with seven emotions; the number beside them is their skin
# tone on the [Monk scale](https://skintone.google), which goes from light to dark.

# %%
plots.show(*gallery.identities_by_emotions())

# %% [markdown]
# Each face is made as in a small film studio, in three steps. First *who*: a list of numbers, drawn
# by chance, shapes a head in three dimensions, its eyes, nose and mouth, the colour of skin and hair,
# a beard, glasses. Then *what the face does*: small movements called **action units**, such as
# raising a brow or pulling up the corners of the lips; an emotion is a recipe of them. Last *from
# where*: the head is turned, a lamp is lit, and a camera adds its blur and noise.

# %%
print(len(PARAMETERS), "numbers say who somebody is;")
print(len(UNIT_NAMES), "action units say what the face does.")

# %% [markdown]
# The third step alone changes a picture more than you might think. Below is one person, who does
# nothing at all. **Before you look, what do you expect** to matter more to a program that compares
# pixels: where the head is turned, or where the lamp is?

# %%
plots.show(*gallery.pose_and_light())

# %% [markdown]
# Both move a great many pixels, and neither says anything about who it is or what is felt. Look at
# the last row: half of the face can be darker than the wall behind it. A model must learn to see
# through all of this, and that is why the faces of a data set should differ in it.
#
# **The labels are exact.** A keypoint is a place on the head in three dimensions; where the camera
# sees that place is computed, not marked by hand. Kaggle's points were marked by people, who do not
# always agree. Made faces are good for learning, for testing code, and for asking what happens if
# only the light changes. They are **not** good for saying how well a program reads people: their
# expressions follow recipes from a manual, and their skin and hair follow our formulas. The models
# that come with this course were therefore trained and measured on real faces.
#
# ## Would you like to try one?
#
# In JupyterLab and in Colab the next cell shows a face with sliders, which redraw it at once; on a
# page where nothing can move, a row of pictures stands in their place. **Before you run it, what do
# you expect** of the 15 points when the head turns far to one side?

# %%
play()

# %% [markdown]
# The points of the far eye move close together, and the tip of the nose runs away from the middle
# of the mouth: the head is not flat. **Try it:** put AU12 (*lip corner puller*) to 1 and look at the
# eyes, then add AU6 (*cheek raiser*). Which of the two smiles would you believe? Then move only the
# lamp, and watch the points: they stay where they are.

# %% [markdown]
# ## What is in the data?
#
# The made faces come in exactly the form of a famous data set, Kaggle's *Facial Keypoints
# Detection*: grey pictures of 96 × 96 pixels with 15 marked points. If you have that data, write
# `"facial-keypoints"` instead of `"made"`, and every cell below runs on real faces.

# %%
SOURCE = "made"
faces = data.load_keypoints(SOURCE)
print(faces.images.shape, faces.images.dtype)
print(faces.keypoints.shape, faces.keypoints.dtype)

# %% [markdown]
# Pictures come as one array and points as another: 15 points for each face, and for each point its
# `x` (to the right) and `y` (down), in pixels. For looking around, a table is handier. Each row is a
# face, each column one coordinate.

# %%
frame = faces.to_frame()
frame.iloc[:3, :6].round(1)

# %% [markdown]
# `info` is the first thing to ask any table: how many rows, which columns, and how many values are
# really there. **Before you run it, what do you expect?** If every point were marked on every face,
# each column would have as many non-null values as there are rows.

# %%
frame.info()

# %% [markdown]
# The columns do not all have the same count: some points are marked on every face, others on about
# half. We will come back to that. Next, `describe` shows the spread of each coordinate.

# %%
frame.describe().T[["count", "mean", "std", "min", "max"]].round(1)

# %% [markdown]
# Two things to read off. All values lie between 0 and 95, so the points are inside their pictures.
# And `left_eye_center_x` has the *larger* mean: **left is the subject's left**, which is on the right
# of the picture. Nearly every mistake in this lesson comes from forgetting that.

# %% [markdown]
# ## Which labels are missing, and why?
#
# We count, for each point, on how many faces it is marked. The `x` column is enough, because `x` and
# `y` of a point are either both there or both missing.

# %%
marked = frame.filter(like="_x").notna().mean()
marked.index = marked.index.str.removesuffix("_x")
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
marked.sort_values().plot.barh(ax=ax, color="#0173b2")
ax.set(xlabel="share of faces on which the point is marked", xlim=(0, 1.05))
plots.show(
    fig,
    "Bar chart of the 15 keypoints: four of them, the eye centres, the nose tip and the lower lip, "
    "are marked on every face, the other eleven on about half of the faces.",
)

# %% [markdown]
# Four points are always there and eleven are missing *together*. That is the fingerprint of two data
# sets put into one table: in one, people marked 15 points, in the other only four. Kaggle's set has
# the same two sources: 2,140 of its 7,049 training faces are complete (counted from its
# `training.csv`). Throwing the incomplete rows away is the usual advice, and would waste most of the
# data; lesson 2 shows how to train on them.

# %% [markdown] exercise="complete"
# ### Exercise 1 · How many faces are complete? (3 minutes)
#
# Write `count_complete(frame)`: the number of rows in which **all** 30 coordinates are there.
#
# Type into the cell below and run it; leave the folded solution closed while you try; then run the
# checker under it. (Run All opens nothing and runs the solution, so the rest of the lesson works.)


# %% exercise="complete" part="solution"
def count_complete(frame):
    ### BEGIN SOLUTION
    coordinates = frame.drop(columns="split", errors="ignore")
    return int(coordinates.notna().all(axis=1).sum())
    ### END SOLUTION


# %% exercise="complete" part="checker"
check.count_complete(count_complete)

# %% exercise="complete" part="hidden"
hidden = data.load_keypoints("made").to_frame()
assert count_complete(hidden) == len(hidden.dropna())
assert count_complete(hidden.iloc[:0]) == 0

# %% [markdown]
# With the function in hand we can say it in one line for the faces of this lesson.

# %% tags=["nbval-check-output"]
print(f"{count_complete(frame)} of {len(frame)} faces have all 15 points.")

# %% [markdown]
# ## What does a face look like with its points?
#
# Numbers can be right and still be the wrong way round, so we always look. Points of the subject's
# left side get one marker, those of the right side another, and those in the middle a third. Of the
# faces with the most points we take eight that are far apart in the table, because neighbours there
# may be the same person.

# %%
points_marked = np.isfinite(faces.keypoints).all(axis=2).sum(axis=1)
complete = np.flatnonzero(points_marked == points_marked.max())
examples = complete[np.linspace(0, len(complete) - 1, 8).astype(int)]
fig = plots.face_grid(faces.images[examples], faces.keypoints[examples])
plots.show(
    fig,
    "Eight made-up faces with 15 marked points each; points on the subject's left side, on the right "
    "of the picture, have another marker and colour than those on the right side.",
)

# %% [markdown]
# Every point sits where its name says. Do it once with each data set you ever use: a shifted column
# or a swapped axis shows in one glance here, and in no table.

# %% [markdown]
# ## Twice as many faces: how do you mirror one?
#
# A mirrored face is still a face, so mirroring doubles the data for free. This is how most tutorials
# do it: turn the picture around, and replace `x` by `96 - x` in every column.
#
# **Before you run it, what do you expect?** Look for the point named *left eye*.

# %%
face = faces.images[examples[0]]
points = faces.keypoints[examples[0]]
mirrored = face[:, ::-1]

naive = points.copy()
naive[:, 0] = 96 - naive[:, 0]

# %% [markdown]
# We draw the original, and the mirrored picture with those points. The same two points are labelled
# in both: what the table calls *left eye* and *right eye*.

# %%
fig, axes = plt.subplots(1, 2, figsize=(7, 3.8), layout="constrained")
for ax, picture, marks, title in (
    (axes[0], face, points, "original"),
    (axes[1], mirrored, naive, "mirrored, the naive way"),
):
    plots.draw_keypoints(ax, picture, marks)
    ax.set_title(title)
    for row, name in ((0, "left eye"), (1, "right eye")):
        ax.annotate(name, marks[row], (marks[row, 0], 12), color="white", ha="center",
                    arrowprops={"arrowstyle": "-", "color": "white"})  # fmt: skip
plots.show(
    fig,
    "A face and its mirror image. In the original the point named left eye is on the right of the "
    "picture. In the naive mirror image it is on the left, where a right eye belongs.",
)

# %% [markdown]
# The points still lie on eyes, so the picture looks fine at first. But the one called *left eye* is
# now on the left of the picture, where every other row of the table has a *right* eye. A model
# trained on both is told that the left eye is on either side, and its best guess is the middle: the
# bridge of the nose. There is a second, smaller slip. The pixels of a row are numbered 0 to 95, so the
# mirror image of 0 is 95, not 96: every point is one pixel off.

# %% tags=["nbval-check-output"]
typical = np.nanmean(faces.keypoints, axis=0)
after_naive_flip = typical * [-1, 1] + [96, 0]
distance = np.linalg.norm(after_naive_flip - typical, axis=1)
print(f"left eye: {distance[0]:.0f} px from where it belongs; nose tip: {distance[10]:.0f} px")

# %% [markdown]
# On average the naive flip teaches that a left eye is about a third of the picture's width away from
# where left eyes are. Points on the middle line hardly suffer, which is why a quick look at the
# nose does not reveal the mistake.

# %% [markdown] exercise="flip"
# ### Exercise 2 · The right flip (10 minutes)
#
# Write `flip_keypoints(keypoints, width)` for an array `(n, 15, 2)`. It gives a **new** array in which
# `x` becomes `width - 1 - x` and every left point has changed places with its right partner. Unmarked
# points (NaN) stay NaN, and move with their partner too.
#
# The order of the points is `data.KEYPOINT_NAMES`. It may help to write down, for each of the 15
# places, which old point belongs there: place 0 (*left eye centre*) gets old point 1.
#
# Type into the cell below and run it; leave the folded solution closed while you try; then run the
# checker under it.


# %% exercise="flip" part="solution"
def flip_keypoints(keypoints, width):
    ### BEGIN SOLUTION
    partner = [1, 0, 4, 5, 2, 3, 8, 9, 6, 7, 10, 12, 11, 13, 14]
    flipped = keypoints[:, partner].copy()
    flipped[..., 0] = width - 1 - flipped[..., 0]
    return flipped
    ### END SOLUTION


# %% exercise="flip" part="checker"
check.flip_keypoints(flip_keypoints)

# %% exercise="flip" part="hidden"
hidden = data.load_keypoints("made").keypoints[:20]
twice_hidden = flip_keypoints(flip_keypoints(hidden, 96), 96)
assert np.allclose(twice_hidden, hidden, atol=1e-3, equal_nan=True)
assert not np.allclose(flip_keypoints(hidden, 96), hidden, equal_nan=True)
assert flip_keypoints(np.full((1, 15, 2), 3.0), 10)[0, 0, 0] == 6

# %% [markdown]
# ## How do we know that it is right?
#
# A picture convinces for one face; a *law* convinces for all. Mirroring twice must give back exactly
# what we started with, whatever the points are and wherever labels are missing.

# %% tags=["nbval-check-output"]
twice = flip_keypoints(flip_keypoints(faces.keypoints, 96), 96)
largest = np.nanmax(np.abs(twice - faces.keypoints))
print("flipped twice, nothing moved:", bool(largest < 1e-4))
print("the same labels are missing:", bool((np.isnan(twice) == np.isnan(faces.keypoints)).all()))

# %% [markdown]
# A law alone is not enough, though: leaving everything as it is passes this test too, and so does the
# naive flip. That is why the second test compares with data. After a right flip, the *average* face
# looks like the average face before it.

# %%
before = np.nanmean(faces.keypoints, axis=0)
after = np.nanmean(flip_keypoints(faces.keypoints, 96), axis=0)
gap = np.linalg.norm(after - before, axis=1)
assert np.nanmax(gap) < 3, "a mirrored face should look like a face"
print(f"largest change of the mean face: {np.nanmax(gap):.1f} px")

# %% [markdown]
# Now we can append the mirrored faces to the original ones. Notice the order of things: **split
# first, then mirror, and mirror only the training part**. A face whose mirror image is in the
# training set is no test of anything.

# %%
train = faces.select("train")
images = np.concatenate([train.images, train.images[:, :, ::-1]])
keypoints = np.concatenate([train.keypoints, flip_keypoints(train.keypoints, 96)])
print(f"{len(train)} training faces became {len(images)}.")

# %% [markdown]
# The last look: a few faces beside their mirror images, with the points that we made for them.

# %%
points_marked = np.isfinite(train.keypoints).all(axis=2).sum(axis=1)
complete = np.flatnonzero(points_marked == points_marked.max())
first = complete[np.linspace(0, len(complete) - 1, 4).astype(int)]
pairs = np.stack([first, first + len(train)], axis=1).ravel()
fig = plots.face_grid(images[pairs], keypoints[pairs])
plots.show(
    fig,
    "Four made-up faces, each beside its mirror image; in both, the points of the subject's left side "
    "are on the right of the picture.",
)

# %% tags=["showed"]
print(f"the naive flip puts the left eye {distance[0]:.0f} px off; the right one, nothing")

# %% [markdown]
# ## Quiz
#
# **1. In the table, `left_eye_center_x` is larger than `right_eye_center_x`. Is that a mistake?**
# <details><summary>Answer</summary>No. Left is the subject's left, which we see on the right, where
# x is large.</details>
#
# **2. A picture is 48 pixels wide. Where does x = 0 go when it is mirrored?**
# <details><summary>Answer</summary>To 47, the centre of the last pixel.</details>
#
# **3. Flipping twice gave back the original. Does that prove the flip right?**
# <details><summary>Answer</summary>No: doing nothing passes too, and so does the naive flip. It rules
# out some mistakes; the mean face rules out others.</details>
#
# **4. Someone mirrors all faces first and splits into training and test afterwards. What goes
# wrong?**
# <details><summary>Answer</summary>Many test faces then have their mirror image in the training set,
# and the test score is better than the model deserves.</details>
#
# ## What you learned
#
# - A keypoint table has two sources here, and missing labels tell them apart.
# - Left means the subject's left, and a mirror image changes which point that is.
# - A flip is `width - 1 - x` **and** a swap of pairs; a law and a look at the data prove it.
#
# ## Where this breaks
#
# The made faces show how the data is built, not how people differ: there are no children and no scars
# among them, and nobody weeps or looks away as people do. Mirroring assumes that faces have no side,
# which is false for a parting, a scar or a one-sided smile. And a keypoint is only where somebody
# *said* it is: in Kaggle's data some points are plainly misplaced.
#
# ## Go further
#
# Run this lesson with `SOURCE = "facial-keypoints"` (`python -m helpers data list` says how to get
# it) and look for labels that are wrong. The description of the data is on
# [the page of the Kaggle competition](https://www.kaggle.com/c/facial-keypoints-detection).
#
# **Next:** [lesson 6, the whole chain on a photograph](06_reading_faces.ipynb). Lessons 2 to 5, which
# build its parts one by one, are being written.
