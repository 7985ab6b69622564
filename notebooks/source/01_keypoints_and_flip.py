# %% [markdown]
# # 1 · Where is the face? Keypoints and the flip
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/01_keypoints_and_flip.ipynb)
#
# A *keypoint* is a place on a face that everybody can find again: the middle of an eye, the tip of
# the nose, a corner of the mouth. After this lesson you will be able to open a table of faces with
# their keypoints, say what is in it, what is missing and what is odd, and double it by mirroring
# each face, without the mistake that most tutorials make when they do so.
#
# ![A made-up face, smiling and turned to its right, with 15 marked points, and twice its mirror image: mirrored the naive way, the orange circles of the left side are on the wrong side; mirrored the right way, they are where left points belong](pictures/flip.png)
#
# **You will be able to**
#
# - load faces with 15 keypoints and describe them with pandas;
# - find missing labels and explain where the gap comes from;
# - draw a face, the mean face, and how points vary together;
# - find unusual faces, and tell a rare one from a wrong one;
# - mirror a face *and* its labels, and test that you did it right;
# - change light and place without breaking a label, and split before you do.
#
# **You need** a little Python, NumPy and pandas. **Time:** 75 minutes; the code itself runs in
# seconds.

# %% tags=["setup"]
from importlib import import_module
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("helpers") is None:  # in Colab: fetch the course's code once
    address = "git+https://github.com/reading-faces/reading-faces@v0.1.0"
    get_ipython().run_line_magic("pip", f"install -q {address}")

_ = import_module("helpers")  # before TensorFlow, so that it uses all that the processor can do

# %% [markdown]
# We import what the lesson uses. `helpers` and `reading_faces` are the course's own code. What this lesson
# teaches is written out below, so you never have to look inside them.

# %%
import json
from dataclasses import replace

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import ListedColormap
from sklearn.neighbors import NearestNeighbors

from helpers import data, plots, settings
from reading_faces.exercises import check
from reading_faces.made_faces import PARAMETERS, UNIT_NAMES, figures
from reading_faces.made_faces.playground import play

plots.set_style()

# %% [markdown]
# ## Who are these people?
#
# No real person. The faces of this lesson are **made up**: a program that comes with the course draws them.
# So the lesson runs anywhere, no person's picture is passed around, and no one has to be asked. Here are
# eight of these people, one in each row, with seven emotions; the number beside them is their skin
# tone on the [Monk scale](https://skintone.google), which goes from light to dark.

# %%
plots.show(*figures.identities_by_emotions())

# %% [markdown]
# Each face is made as in a small film studio, in three steps. First *who*: a list of numbers, drawn
# by chance, shapes a head in three dimensions, its eyes, nose and mouth, the colour of skin and hair,
# a beard, glasses. Then *what the face does*: small movements called **action units**, such as
# raising a brow or pulling up the corners of the lips; an emotion is a recipe of them. Last *from
# where*: the head is turned, a lamp is lit, and a camera adds its blur and noise.

# %%
print(len(PARAMETERS), "numbers say who a person is;")
print(len(UNIT_NAMES), "action units say what the face does.")

# %% [markdown]
# The third step alone changes a picture more than you might think. Below is one person, who does
# nothing at all. **Before you look, what do you expect** to matter more to a program that compares
# pixels: where the head is turned, or where the lamp is?

# %%
plots.show(*figures.pose_and_light())

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
marked = frame.filter(like="_x").notna()
marked.columns = marked.columns.str.removesuffix("_x")
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
marked.mean().sort_values().plot.barh(ax=ax, color="#0173b2")
ax.set(xlabel="share of faces on which the point is marked", xlim=(0, 1.05))
plots.show(
    fig,
    "Bar chart of the 15 keypoints: four of them, the eye centres, the nose tip and the lower lip, "
    "are marked on every face, the other eleven on about half of the faces.",
)

# %% [markdown]
# A count by column does not say *which* face lacks *what*. **Before you look, what do you expect:**
# is every face a little incomplete, here a brow and there a corner of the mouth, or are some faces
# whole and others not? Each column of the next picture is a face, and each row a point.

# %%
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.imshow(marked[:80].T, aspect="auto", cmap=ListedColormap(["#e6e6e6", "#0173b2"]), vmin=0, vmax=1)
ax.set_yticks(range(15), marked.columns, fontsize=8)
ax.set(xlabel="the first 80 faces, one column each (blue: the point is marked)")
plots.show(
    fig,
    "A grid of 15 points by 80 faces. Four rows are blue throughout. In the eleven others a face is "
    "blue in all of them or in none, so that the grid is made of whole stripes.",
)

# %% [markdown]
# Whole stripes: eleven points are missing *together*. `value_counts` says the same of all rows at
# once. It gives every pattern of marked points that occurs, with the number of faces that have it.

# %%
patterns = marked.value_counts().rename("faces").reset_index().T
patterns

# %% [markdown]
# Two patterns and nothing between them. That is the fingerprint of **two data sets put into one
# table**: in one, people marked 15 points, in the other only four. Ours imitates Kaggle's, so let us
# read what was counted in Kaggle's own table.

# %%
path = settings.SHIPPED / "results" / "kaggle-gaps.json"
kaggle = json.loads(path.read_text(encoding="utf-8"))
print(f"Kaggle: {kaggle['complete']:,} of {kaggle['n']:,} rows are complete.")
table = pd.DataFrame(kaggle["patterns"])
table.assign(points_missing=table["missing"].str.len(), missing=table["missing"].str.join(", "))

# %% [markdown]
# The same two patterns hold nearly all of the rows. Where a face lacks only a point or a few, a person
# forgot it, perhaps, or it was hidden by hair. The order of the rows gives the last proof.

# %%
rich = kaggle["more_than_four"]
print(f"{rich['faces']:,} rows have more than four points.")
print(f"They are the rows {rich['first_row']} to {rich['last_row']:,}, without a single exception.")

# %% [markdown]
# One set was simply written under the other. Throwing the incomplete rows away is the usual advice,
# and would waste most of the data; lesson 2 shows how to train on them. And it does more harm than
# that: if you drop them, you also drop *one of the sources*, with all its photographs.

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
# Numbers can be right and still be the wrong way round, so we always look. We begin with one face,
# picked by chance. Circles are points of the subject's left side, squares of the right side, and
# triangles lie in the middle. Change the `7` and run the cell again to meet another person.

# %%
row = np.random.default_rng(7).integers(len(faces))
fig, ax = plt.subplots(figsize=(3.4, 3.6), layout="constrained")
plots.draw_keypoints(ax, faces.images[row], faces.keypoints[row])
ax.set_title(f"row {row}, points marked: {marked.iloc[row].sum()}")
plots.show(fig, "One face picked by chance, large, with its marked points drawn on it.")

# %% [markdown]
# One face may be luck. Of the faces with the most points we take eight that are far apart in the
# table, because neighbours there may be the same person.

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
#
# ## Where are the points as a rule?
#
# Now all faces at once: the average of all pictures, and on it the mean of each point. Around each
# mean we draw an ellipse that holds 95 % of that point's places, if they are spread like a bell. Its
# axes come from the point's *covariance*: how much `x` varies, how much `y`, and how far they go
# together. **Before you look, what do you expect:** which point has the largest ellipse?

# %%
fig = plots.mean_face(faces.images, faces.keypoints)
plots.show(
    fig,
    "The blurred average of all faces with the mean of each point and an ellipse around it. The "
    "ellipses of the inner eye corners are the smallest; that of the nose tip is the widest, and "
    "those of the outer ends of the brows are large too.",
)

# %% [markdown]
# The same in numbers is how far a point strays from its mean, in pixels. We take the standard
# deviations of `x` and `y` together, as the two sides of a right angle.

# %%
spread = np.hypot(
    frame.filter(like="_x").std().to_numpy(), frame.filter(like="_y").std().to_numpy()
)
pd.Series(spread, index=marked.columns).sort_values().round(1)

# %% [markdown]
# The tip of the nose strays most. It sticks out of the head, so it travels farthest when the head
# turns; you saw that with the sliders. The inner corners of the eyes stray least, because the faces
# are cut out so that the eyes come to lie in about the same place.
#
# The ellipses look at one point at a time. **Correlation** looks at two: it is 1 if two coordinates
# always rise and fall together, −1 if one rises when the other falls, and 0 if they do not care.
# **What do you expect** of the heights (`y`) of the two eyes?

# %%
columns = [f"{name}_{axis}" for axis in "xy" for name in data.KEYPOINT_NAMES]
correlation = frame[columns].dropna(axis=1, how="all").corr()
fig, ax = plt.subplots(figsize=(9, 8.2), layout="constrained")
sns.heatmap(correlation, cmap="vlag", vmin=-1, vmax=1, square=True, ax=ax,
            xticklabels=True, yticklabels=True, cbar_kws={"label": "correlation", "shrink": 0.7})  # fmt: skip
ax.tick_params(labelsize=8)
plots.show(
    fig,
    "A heat map of the correlations of 30 coordinates, first all x, then all y. Points of one eye and "
    "its brow form red squares, and so do those of nose and mouth. The heights of the left eye are "
    "pale blue against those of the right one, and blue against the x of the mouth.",
)

# %% [markdown]
# Red squares along the diagonal are points that move as one piece: an eye with its brow, the nose
# with the mouth. To be exact about the rest, we print four pairs.

# %%
for a, b in (
    ("left_eye_center_x", "right_eye_center_x"),
    ("nose_tip_x", "mouth_left_corner_x"),
    ("left_eye_center_y", "right_eye_center_y"),
    ("left_eye_center_y", "mouth_left_corner_x"),
):
    print(f"{a} and {b}: {correlation.loc[a, b]:+.2f}")

# %% [markdown]
# The third line surprises most people: of the made faces, when one eye is higher the other tends to
# be *lower*. The reason is the cut. It keeps the middle between the eyes at about one height, and
# what is left is the tilt of the head, which lifts one eye and lowers the other. The last line is the
# same tilt: where the left eye goes up, the mouth swings to the right of the picture. In
# Kaggle's table, cut out in its own way, the third number is positive. So a correlation tells of the
# faces *and* of how they were cut out.
#
# ## Which faces are unusual, and are they wrong?
#
# An *outlier* is a value far from the others. How far is far? The fair unit is the **standard
# deviation** of its own column, because four pixels are much for an eye and little for the tip of
# a nose. So we ask of each coordinate how many standard deviations it is from its column's mean, and
# of each face how odd its *oddest* coordinate is.

# %% [markdown] exercise="unusual"
# ### Exercise 2 · Find the mislabelled faces (10 minutes)
#
# Write `most_unusual(frame, count)`. It gives the labels of the `count` rows whose oddest coordinate
# is farthest from its column's mean, in standard deviations, to either side; the most unusual row
# comes first. Missing values are skipped, and the column `split` is no coordinate. First we use it
# on the data as they are, and then on labels that we have spoiled.
#
# pandas helps: `frame.filter(regex="_[xy]$")` keeps the coordinates, `mean`, `std` and `max` skip
# what is missing, and a series has `nlargest`.


# %% exercise="unusual" part="solution"
def most_unusual(frame, count):
    ### BEGIN SOLUTION
    coordinates = frame.filter(regex="_[xy]$")
    deviations = (coordinates - coordinates.mean()) / coordinates.std()
    return deviations.abs().max(axis=1).nlargest(count).index.tolist()
    ### END SOLUTION


# %% exercise="unusual" part="checker"
check.most_unusual(most_unusual)

# %% exercise="unusual" part="hidden"
hidden = data.load_keypoints("made").to_frame()
hidden.loc[11, "left_eye_center_y"] = 90
hidden.loc[23, "nose_tip_x"] = 2
assert set(most_unusual(hidden, 2)) == {11, 23}
assert len(most_unusual(hidden, 40)) == 40

# %% [markdown]
# The labels of the made faces are exact, so among them nothing can be wrong. **What do you expect**
# that the eight most unusual faces have in common?

# %%
extreme = most_unusual(frame, 8)
titles = [f"row {row}" for row in extreme]
plots.show(
    plots.face_grid(faces.images[extreme], faces.keypoints[extreme], titles),
    "The eight most unusual faces: most are tilted or turned far to one side, two wear sunglasses, and "
    "one has raised brows and an open mouth. On each, the points are in their places.",
)

# %% [markdown]
# They are tilted, or turned, or both, and one raises the brows in surprise. All of these points are
# where they should be: unusual, but right.
#
# ### Now with real mistakes
#
# We spoil a **copy** of the table, as careless people and careless programs do. On five faces the
# two eyes are swapped, on five more `x` and `y` are exchanged, and five faces get the points of
# another person. The generator has a seed, so the mistakes are the same each time.

# %%
spoiled = faces.keypoints.copy()
chosen = np.random.default_rng(2).choice(complete, 15, replace=False)
swapped, exchanged, strangers = chosen[:5], chosen[5:10], chosen[10:]
spoiled[swapped, 0], spoiled[swapped, 1] = faces.keypoints[swapped, 1], faces.keypoints[swapped, 0]
spoiled[exchanged] = faces.keypoints[exchanged][..., ::-1]
spoiled[strangers] = faces.keypoints[np.roll(strangers, 1)]
spoiled_frame = replace(faces, keypoints=spoiled).to_frame()

# %% [markdown]
# **Before you run it, what do you expect?** If we look at the 15 most unusual rows of the spoiled
# table, how many of each kind will be among them?

# %% tags=["nbval-check-output"]
found = most_unusual(spoiled_frame, 15)
for kind, rows in (
    ("eyes swapped", swapped),
    ("x and y exchanged", exchanged),
    ("points of another face", strangers),
):
    print(f"{kind}: {len(set(found) & set(rows.tolist()))} of {len(rows)} found")

# %% [markdown]
# Points that no face can have stand out at once. The points of another face do *not*: they are a
# perfectly good face, only not this one. No statistic of the labels alone can see that. The picture
# can, so here are three of each kind, one kind a row.

# %%
shown = np.concatenate([swapped[:3], exchanged[:3], strangers[:3]])
kinds = ["eyes swapped", "x and y exchanged", "another face's"]
fig = plots.face_grid(faces.images[shown], spoiled[shown], np.repeat(kinds, 3), columns=3)
plots.show(
    fig,
    "Nine faces with wrong points. With swapped eyes, a circle sits on the right eye and a square on "
    "the left one. With x and y exchanged, the points lie on their side, across the face. Another "
    "face's points look like a face, but miss this one, some by little.",
)

# %% [markdown]
# So an outlier is a **reason to look, not a reason to delete**. Deleting the most unusual rows of the
# clean table would have thrown away faces that are right and rare, and a model needs those most.
# And what looks usual can still be wrong; a trained model finds such rows, because it looks at the
# picture too: where its answer and the label are far apart, one of the two is mistaken.
#
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
typical = frame.mean(numeric_only=True).to_numpy().reshape(15, 2)
after_naive_flip = typical * [-1, 1] + [96, 0]
distance = np.linalg.norm(after_naive_flip - typical, axis=1)
print(f"left eye: {distance[0]:.0f} px from where it belongs; nose tip: {distance[10]:.0f} px")

# %% [markdown]
# On average the naive flip teaches that a left eye is about a third of the picture's width away from
# where left eyes are. Points on the middle line hardly suffer, which is why a quick look at the
# nose does not reveal the mistake.

# %% [markdown] exercise="flip"
# ### Exercise 3 · The right flip (10 minutes)
#
# Write `flip_keypoints(keypoints, width)` for an array `(n, 15, 2)`. It gives a **new** array in which
# `x` becomes `width - 1 - x` and every left point has changed places with its right partner. Unmarked
# points (NaN) stay NaN, and move with their partner too.
#
# The order of the points is `data.KEYPOINT_NAMES`. It may help to write down, for each of the 15
# places, which old point belongs there: place 0 (*left eye centre*) gets old point 1.


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
# Now we can append the mirrored faces to the original ones: pictures under pictures, points under
# points, and rows under rows. Notice the order of things: **split first, then mirror, and mirror
# only the training part**. Why that matters, we measure at the end.

# %%
train = faces.select("train")
images = np.concatenate([train.images, train.images[:, :, ::-1]])
keypoints = np.concatenate([train.keypoints, flip_keypoints(train.keypoints, 96)])

flipped = replace(train, keypoints=keypoints[len(train) :])
parts = [train.to_frame().assign(mirrored=False), flipped.to_frame().assign(mirrored=True)]
doubled = pd.concat(parts, ignore_index=True)
print(f"{len(train)} training faces became {len(doubled)}.")

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
# looks like the average face before it, in every column.

# %%
means = doubled.drop(columns="split").groupby("mirrored").mean()
gap = (means.loc[True] - means.loc[False]).abs()
assert gap.max() < 3, "a mirrored face should look like a face"
print(f"largest change of a column's mean: {gap.max():.1f} px, in {gap.idxmax()}")

# %% [markdown]
# And a last look: a few faces beside their mirror images, with the points that we made for them.
# In both, the circles should be on the right of the picture.

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

# %% [markdown]
# That is the flip. If you keep one thing of this lesson, keep this one, in one line:

# %% tags=["showed"]
print(f"the naive flip puts the left eye {distance[0]:.0f} px off; the right one, nothing")

# %% [markdown]
# ## What if the room were brighter?
#
# Light moves no point, so brightness is the easiest change of all: multiply the pixels, keep the
# labels. It has two traps, and both are in the next cell. **Before you run it, what do you expect**
# of the last two numbers in each line?

# %%
pixels = np.array([0, 60, 120, 130, 200], dtype=np.uint8)
print("pixels       ", pixels)
print("pixels * 1.5 ", pixels * 1.5)
print("pixels * 2   ", pixels * 2)

# %% [markdown]
# A `uint8` has room for 0 to 255. Times 1.5 the result is made of floats, and 300 is brighter than
# the brightest pixel. Times 2, a whole number, it *stays* `uint8`, and 260 begins again at 0: the
# bright forehead turns black, and no error is raised. To clip afterwards is too late. So: to
# floats first, then multiply, round, clip, and back to `uint8`.

# %% [markdown] exercise="brighten"
# ### Exercise 4 · Brighter, without an accident (5 minutes)
#
# Write `brighten(images, factor)` for pictures `(n, h, w)` of type `uint8`. It gives **new** pictures,
# `uint8` again, in which each pixel is multiplied by `factor`, rounded to the nearest whole number,
# and never above 255. It must work for 1.3 and for 2.


# %% exercise="brighten" part="solution"
def brighten(images, factor):
    ### BEGIN SOLUTION
    brighter = np.rint(images.astype(np.float32) * factor)
    return np.clip(brighter, 0, 255).astype(np.uint8)
    ### END SOLUTION


# %% exercise="brighten" part="checker"
check.brighten(brighten)

# %% exercise="brighten" part="hidden"
hidden = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
assert brighten(hidden, 2).ravel()[[100, 127, 128, 255]].tolist() == [200, 254, 255, 255]
assert brighten(hidden, 0.5).dtype == np.uint8
assert (brighten(hidden, 1) == hidden).all()

# %% [markdown]
# Factors of 1.5 to 2 are common in tutorials. Here is what they do to one face, and, in the third
# picture, what the accident looks like.

# %%
versions = np.stack([face, brighten(face, 1.5), brighten(face, 2), face * 2])
titles = ["as it was", "× 1.5", "× 2", "× 2, begun again at 0"]
plots.show(
    plots.face_grid(versions, np.stack([points] * 4), titles),
    "One face four times with the same points: as it was, one and a half times as bright, twice as "
    "bright with white patches, and twice as bright with black and grey patches where it was bright.",
)

# %% [markdown]
# The points fit all four. But clipping is a loss: two pixels that were 180 and 220 are both 255
# when doubled, and no later step can tell them apart. A histogram of the pixels shows how many there
# are. **What share do you expect** at 255 if every pixel is doubled?

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, factor in zip(axes, (1, 1.5, 2), strict=True):
    brighter = brighten(train.images[::8], factor)
    ax.hist(brighter.ravel(), bins=64, range=(0, 256), density=True, color="#0173b2")
    ax.set(title=f"× {factor}", xlabel="pixel value, 0 to 255")
    print(f"× {factor}: {(brighter == 255).mean():.0%} of the pixels are at 255")
axes[0].set(ylabel="share of pixels per grey level")
plots.show(
    fig,
    "Three histograms of pixel values. As they are, the values spread over the whole range, with a "
    "small bar at 255. Times 1.5 that bar is far taller; times 2 it towers over all others.",
)

# %% [markdown]
# The bar at the right end is what was lost. A factor of 2 does not show the model a brighter room, it
# shows it an overexposed photograph. That can be worth learning, but not as every second picture.
# Factors about 1, some darker and some brighter, keep more of each face.
#
# ## What if the head were tilted?
#
# Turning and shifting move the pixels, so the points must go with them. Both are written in one
# small matrix of two rows and three columns. A point `(x, y)` goes to `(a*x + b*y + c, d*x + e*y + f)`:
# the first two columns turn, the last one shifts.

# %%
angle = np.deg2rad(20)
turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
centre = np.array([47.5, 47.5])
shift = np.array([5, -4])
matrix = np.column_stack([turn, centre - turn @ centre + shift])
print(matrix.round(2))

# %% [markdown]
# `turn` alone would turn about the corner at (0, 0). The last column mends that: it brings the
# picture's centre back to where it was, and then moves everything 5 pixels to the right and 4 up.
# Since `y` points *down*, the signs of the sines are the other way round than in a school book; this
# matrix turns counter-clockwise as you see it.

# %% [markdown] exercise="move"
# ### Exercise 5 · Take the points along (7 minutes)
#
# Write `move_keypoints(keypoints, matrix)` for keypoints `(n, 15, 2)` and a matrix `(2, 3)`. It gives
# a **new** array in which each point is turned by the first two columns and then shifted by the
# last. Unmarked points stay NaN. (NumPy: `keypoints @ something` multiplies all points at once. Try
# one point by hand to see whether you need the matrix or its transpose.)


# %% exercise="move" part="solution"
def move_keypoints(keypoints, matrix):
    ### BEGIN SOLUTION
    turn, shift = matrix[:, :2], matrix[:, 2]
    return keypoints @ turn.T + shift
    ### END SOLUTION


# %% exercise="move" part="checker"
check.move_keypoints(move_keypoints)

# %% exercise="move" part="hidden"
hidden = np.array([[[1.0, 0.0]] * 14 + [[np.nan, np.nan]]])
quarter = np.array([[0.0, 1.0, 5.0], [-1.0, 0.0, 7.0]])
assert np.allclose(move_keypoints(hidden, quarter)[0, :14], [5, 6])
assert np.isnan(move_keypoints(hidden, quarter)[0, 14]).all()

# %% [markdown]
# OpenCV moves the picture by the same matrix. In the third picture we make a mistake that is easy to
# make and hard to see in numbers: the points turn the *other* way.

# %%
moved = cv2.warpAffine(face, matrix, (96, 96), borderMode=cv2.BORDER_REPLICATE)
other_way = np.column_stack([turn.T, centre - turn.T @ centre + shift])
marks = np.stack([points, *(move_keypoints(points[None], m)[0] for m in (matrix, other_way))])
titles = ["as it was", "picture and points", "points the other way"]
plots.show(
    plots.face_grid(np.stack([face, moved, moved]), marks, titles, columns=3),
    "A face; the same face turned counter-clockwise and shifted, with all points in their places; and "
    "again with points that were turned clockwise, which miss the eyes and the mouth.",
)

# %% [markdown]
# The look at a picture settles it, as before. There is one more thing to ask: a face that is turned
# and shifted may lose a point over the edge, and a label outside its picture asks a model to see what
# is not there. So we count.

# %%
for right in (5, 15, 25):
    pushed = move_keypoints(train.keypoints, matrix + [[0, 0, right - 5], [0, 0, 0]])
    outside = ((pushed < 0) | (pushed > 95)).any(axis=(1, 2)).mean()
    print(f"turned by 20° and {right} px to the right: {outside:.0%} of faces have a point outside")

# %% [markdown]
# ## What does a network want to be given?
#
# Three small things, each of which is a line. A network likes numbers around 1, so pixels go from
# 0..255 to 0..1, and coordinates from 0..95 to about −1..1. And a convolution asks for one more axis:
# how many *channels* a picture has. A grey picture has one, so `(n, 96, 96)` becomes
# `(n, 96, 96, 1)`.

# %%
inputs = (train.images / np.float32(255))[..., np.newaxis]
targets = (train.keypoints - 47.5) / 47.5
print(inputs.shape, inputs.dtype, f"{inputs.min():.2f} to {inputs.max():.2f}")
print(targets.shape, targets.dtype, f"{np.nanmin(targets):.2f} to {np.nanmax(targets):.2f}")

# %% [markdown]
# If you scale, you must be able to go back: `targets * 47.5 + 47.5` gives pixels again, and every error
# that you report should be in those. The course's own networks go one step further and bring each
# picture to mean 0 and deviation 1, so that a dark room and a bright one look alike to them.
#
# ## Why split first?
#
# A test asks how well a model does on faces that it has **not** seen. We said: split, then augment.
# Let us measure what happens otherwise. Our "model" learns nothing at all: asked for the points of a
# face, it finds the most similar picture of its training set and copies that picture's points.
#
# Similar means: close in pixels, when a picture is shrunk to 16 × 16 and its light is evened out.


# %%
def as_vectors(images):
    small = images.reshape(-1, 16, 6, 16, 6).mean(axis=(2, 4)).reshape(-1, 256)
    return (small - small.mean(axis=1, keepdims=True)) / small.std(axis=1, keepdims=True)


rows = np.random.default_rng(0).permutation(len(faces))[:3200]
originals, marks = faces.images[rows], faces.keypoints[rows]
versions = [originals, brighten(originals, 1.3)]
versions += [version[:, :, ::-1] for version in versions]
vectors = np.concatenate([as_vectors(version) for version in versions])
answers = np.concatenate([marks, marks, *[flip_keypoints(marks, 96)] * 2])

# %% [markdown]
# Each face is there four times now: as it was, brighter, mirrored, and both. Next we hold out a fifth
# for the test. The only difference between the three ways is **what is kept together** when we draw
# lots: nothing (each copy for itself), the copies of one face, or all faces of one person. The test is
# always on the pictures as they were.


# %%
def errors_px(group, draws=3):
    """RMSE of the copying model on a fifth of the groups, for each draw of lots."""
    for seed in range(draws):
        held_out = (np.random.default_rng(seed).random(group.max() + 1) < 0.2)[group]
        known = np.flatnonzero(~held_out)
        asked = np.flatnonzero(held_out[: len(originals)])
        model = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(vectors[known])
        nearest = model.kneighbors(vectors[asked], return_distance=False)[:, 0]
        yield np.sqrt(np.nanmean((answers[known[nearest]] - answers[asked]) ** 2))


# %% [markdown]
# For comparison we need the laziest model of all, which gives everybody the mean face. **Before you
# run it, what do you expect?** In which of the three ways does the copying model look best, and is
# it better than the mean face in all of them?

# %%
face_number = np.arange(len(vectors)) % len(originals)
ways = {"by copy (augment, then split)": np.arange(len(vectors)), "by face": face_number}
if faces.subjects is not None:
    ways["by person"] = np.unique(faces.subjects[rows], return_inverse=True)[1][face_number]
for way, group in ways.items():
    errors = list(errors_px(group))
    print(f"split {way:<30} {min(errors):.1f} to {max(errors):.1f} px")
print(f"always the mean face {'':<15} {np.sqrt(np.nanmean((marks - typical) ** 2)):.1f} px")

# %% [markdown]
# Split by copy, the copying model looks excellent: the error is a fraction of what it really is. It
# has only found the brighter or darker twin of the very picture that it was asked about. Split by
# face, it turns out to be hardly better than giving everybody the mean face. The model is the same
# in each line; only the question was dishonest in the first.
#
# And the people? Keeping all faces of a person together makes next to no difference *here*, because
# where the points are depends on how the head is turned far more than on whose it is. For the
# question *who is this?*, and for *what does she feel?*, it can matter a great deal. To split by
# person costs nothing and cannot flatter, so wherever the course knows who is in a picture, it does.
#
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
# **4. A face is five standard deviations from the mean. Do you delete it?**
# <details><summary>Answer</summary>Not before you have looked at it. It may be a mistake in the label,
# or a face that is right and rare, such as one that is turned far to the side.</details>
#
# **5. Someone mirrors and brightens all faces first and splits into training and test afterwards.
# What goes wrong?**
# <details><summary>Answer</summary>Most test faces then have a copy of themselves in the training
# set, and the test score is better than the model deserves.</details>
#
# ## What you learned
#
# - A keypoint table has two sources here, and the pattern of missing labels tells them apart.
# - Left means the subject's left, and a mirror image changes which point that is.
# - An outlier is a reason to look. Some mistakes look quite ordinary.
# - A flip is `width - 1 - x` **and** a swap of pairs; a law and a look at the data prove it.
# - Brightness leaves points alone but can clip or wrap around; turning takes the points along.
# - Split first, then augment.
#
# ## Where this breaks
#
# The made faces show how the data is built, not how people differ: there are no children and no scars
# among them, and none of them weeps or looks away as people do. Mirroring assumes that faces have no side,
# which is false for a parting, a scar or a one-sided smile. The standard deviation judges one
# coordinate at a time, and mistakes that are frequent enough widen it until they look normal. And a
# keypoint is only where a person *said* it is: in Kaggle's data some points are plainly misplaced.
#
# ## Go further
#
# - Run this lesson with `SOURCE = "facial-keypoints"` (`python -m reading_faces data list` says how to get
#   it) and look for labels that are wrong. The description of the data is on
#   [the page of the Kaggle competition](https://www.kaggle.com/c/facial-keypoints-detection).
# - The *Mahalanobis distance* looks at all coordinates together and knows from their correlations
#   that two eyes belong side by side. Does it find more of the spoiled labels?
# - `tests/helpers/test_augment.py` holds the laws of this lesson as *property tests*: a program looks for
#   points that break them. Write one for `move_keypoints`.
#
# **Next:** [lesson 2, a residual keypoint model](02_residual_keypoint_model.ipynb), which learns to
# find these points by itself.
