# %% [markdown]
# # 1 · Where is the face? Keypoints and the flip
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/01_keypoints_and_flip.ipynb)
#
# In lesson 0 the program put 15 points on each face. Such a
# [*keypoint*](../docs/glossary.md#keypoint) is a place that people can find again, such as the
# middle of an eye.
#
# After this lesson you can read a table of faces with their keypoints, split it by person, and
# mirror faces together with their keypoints. Many tutorials make a mistake in that last step.
#
# ![A smiling made-up face with 15 marked points, and its mirror image twice. After the naive flip the orange circles, which mark the left side, are on the wrong side of the picture; after the correct flip they are on the right side of the picture again.](pictures/flip.png)
#
# **You will be able to**
#
# - read a table of faces, and an image that is stored as text;
# - explain where missing labels come from;
# - split faces by person into three sets;
# - mirror a face *and* its labels, and test that this is correct;
# - make images brighter without breaking their pixels;
# - measure the error of two simple models, find wrong labels, and show a leak.
#
# **You need** a little Python, NumPy and pandas. **Time:** 60 minutes, and 35 for the exercises.

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

# %% [markdown]
# `helpers` and `reading_faces` are the course's own code.

# %%
import json

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from helpers import data, plots, settings
from reading_faces.exercises import check
from reading_faces.made_faces.playground import play

# %% [markdown]
# ## Look · What is in a table of faces?
#
# The people in this lesson do not exist. A program of the course draws these [made
# faces](../docs/glossary.md#made-face). The data has the form of a well-known data set, Kaggle's
# *Facial Keypoints Detection*.

# %%
SOURCE = "made"  # with the real faces at hand: "facial-keypoints"
faces = data.load_keypoints(SOURCE)
print("images:   ", faces.images.shape, faces.images.dtype)
print("keypoints:", faces.keypoints.shape, faces.keypoints.dtype)

# %% [markdown]
# There are 3,200 grey images of 96 × 96 pixels. A pixel is a number from 0 for black to 255 for
# white.
#
# Each face has 15 keypoints with two coordinates each. They are the
# [labels](../docs/glossary.md#label) of the face, the correct answers from which a model learns.
# The coordinate x counts to the right, and y counts **down**, because row 0 of an image is at the
# top.
#
# Always look at your data first. Here are eight clear faces.

# %%
clear = [388, 1332, 2660, 835, 14, 995, 1684, 2396] if SOURCE == "made" else list(range(8))
plots.show(
    plots.face_grid(faces.images[clear], faces.keypoints[clear]),
    "Eight made-up faces seen from the front, each with 15 keypoints: orange circles on the right of "
    "the picture, blue squares on the left, and purple triangles on nose and lips.",
)

# %% [markdown]
# Orange circles mark the person's left side, blue squares the right side, and purple triangles the
# middle. **Left means the person's own left**, which you see on the right of the picture. The main
# mistake of this lesson comes from forgetting this.
#
# The program shapes a head in three dimensions, gives it an expression, and takes a picture under a
# lamp. It computes where each keypoint ends up in the image, so these labels are exact.
#
# In JupyterLab and in Colab, the next cell shows a face with sliders, elsewhere six pictures. AU is
# an action unit, as in lesson 0.

# %%
play()

# %% [markdown]
# When the head turns, the points of the far eye move closer together, and the nose tip moves away
# from the middle of the mouth. When only the lamp moves, many pixels change and no keypoint moves.
#
# Made faces are good for learning, because the truth is known. They do **not** tell you how well a
# program works on real people.
#
# ### One row is one face
#
# Next we put the coordinates into a table. `head` shows its first rows, and we show six of its
# columns.

# %%
frame = faces.to_frame()
print(frame.shape)
frame.head(3).iloc[:, :6].round(1)

# %% [markdown]
# The first 30 columns are coordinates. The last one, `split`, is for later lessons. Counted from 0,
# the **even** columns hold x and the **odd** columns hold y. A slice with step 2 separates them.

# %%
row = frame.iloc[clear[0], :30].to_numpy(dtype=float)
x, y = row[0::2], row[1::2]
print(row.shape, x.shape, y.shape)

# %% [markdown]
# We draw this face ourselves. The numbers are the positions of the keypoints in the array. Their
# names are below the figure.

# %%
fig, ax = plt.subplots(figsize=(5, 4.8), layout="constrained")
ax.imshow(faces.images[clear[0]], cmap="gray")
ax.scatter(x, y, s=25, color="white", edgecolors="black")
for number in range(15):
    ax.annotate(number, (x[number], y[number]), xytext=(3, 4), textcoords="offset points",
                color="white", fontsize=9, bbox={"facecolor": "black", "pad": 1})  # fmt: skip
ax.set(xlabel="x in pixels, to the right", ylabel="y in pixels, down", xlim=(12, 84), ylim=(90, 24))
plots.show(
    fig,
    "One face with its 15 keypoints numbered: 0 and 1 are the centres of the left and the right eye, 2 "
    "to 5 the eye corners, 6 to 9 the brows, 10 the nose tip, 11 to 14 the mouth.",
)
print(", ".join(f"{number} {name}" for number, name in enumerate(data.KEYPOINT_NAMES)))

# %% [markdown]
# On which side is *left*?

# %% tags=["nbval-check-output"]
print(frame[["left_eye_center_x", "right_eye_center_x"]].mean().round())

# %% [markdown]
# The left eye has the larger x, so *left* is on the right of the picture.
#
# ### An image stored as text
#
# Kaggle stores its faces in a CSV file, and so does FER-2013, the data set of lesson 3. There an
# image is one long string of numbers, **row by row** from the top. Here is an image of two rows and
# three columns.

# %% tags=["nbval-check-output"]
text = "0 50 100 150 200 250"
pixels = np.array(text.split(), dtype=np.uint8)
print(pixels.shape)
print(pixels.reshape(2, 3))

# %% [markdown]
# `split` cuts the string at its spaces, `np.array` makes numbers, and `reshape` arranges them in
# rows. `np.fromstring(text, dtype=int, sep=" ")` does the first two steps in one. We write a whole
# face as Kaggle does and read it back.

# %%
text = " ".join(str(pixel) for pixel in faces.images[clear[0]].ravel())
print(text[:40], "…", len(text), "characters")
pixels = np.array(text.split(), dtype=np.uint8)
image = pixels.reshape(96, 96)
print(pixels.shape, "→", image.shape, np.array_equal(image, faces.images[clear[0]]))

# %% [markdown]
# ### Missing labels
#
# Kaggle's table has gaps. pandas reads an empty cell as [NaN](../docs/glossary.md#nan), "not a
# number". Here NaN means that a point has no label. In the made table we removed labels **on
# purpose, in the same pattern as in Kaggle's table**, so that you can practise. How many of the 15
# points does each face have?

# %% tags=["nbval-check-output"]
marked = frame.filter(like="_x").notna()
points_per_face = marked.sum(axis=1)
print(points_per_face.value_counts())

# %% [markdown]
# A face has 4 points or all 15. In the next figure each column is a face and each row a keypoint.

# %%
fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.imshow(marked[:80].T, aspect="auto", cmap=ListedColormap(["#e6e6e6", "#0173b2"]), vmin=0, vmax=1)
ax.set_yticks(range(15), marked.columns.str.removesuffix("_x"), fontsize=8)
ax.set(xlabel="the first 80 faces, one column each (blue: labelled, grey: missing)")
plots.show(
    fig,
    "A grid of 15 keypoints by 80 faces. The rows of the eye centres, the nose tip and the lower lip are "
    "blue throughout. In the other eleven rows a face is either blue in all or grey in all.",
)

# %% [markdown]
# Eleven points are missing *together*. Now the real data. The next cell reads what we counted in
# Kaggle's own table.

# %%
kaggle = json.loads((settings.SHIPPED / "results" / "kaggle-gaps.json").read_text())
for pattern in kaggle["patterns"]:
    print(f"{pattern['faces']:,} rows lack {len(pattern['missing'])} points")
rich = kaggle["more_than_four"]
print(f"{rich['faces']:,} rows have more than four, rows 0 to {rich['last_row']:,}")

# %% [markdown]
# Two patterns hold nearly all rows. The row numbers are the stronger evidence. All rows with more
# than four points come first. So Kaggle's table consists of **two data sets**, one labelled with 15
# points and one with four. If you drop all incomplete rows, you lose one of the two completely.

# %% [markdown] exercise="complete"
# ### Exercise 1 ★ · Count the complete rows
#
# Write `count_complete(frame)`. It returns the number of rows in which **all** 30 coordinates have
# a value. The column `split` never has gaps. Useful methods of a pandas table are `notna`, `isna`,
# `all`, `any` and `sum`.
#
# Type into the cell below and run it, then run the checker under it.


# %% exercise="complete" part="solution"
def count_complete(frame):
    ### BEGIN SOLUTION
    return int(frame.notna().all(axis=1).sum())
    ### END SOLUTION


# %% exercise="complete" part="checker"
check.count_complete(count_complete)

# %% exercise="complete" part="hidden"
hidden = data.load_keypoints("made").to_frame()
assert count_complete(hidden) == len(hidden.dropna())
assert count_complete(hidden.iloc[:0]) == 0

# %% [markdown]
# The rest of this lesson uses complete faces only. That is harmless here, because chance decided
# which faces lost labels. Lesson 2 shows how to use incomplete faces, too.

# %% tags=["nbval-check-output"]
complete = faces.select((points_per_face == points_per_face.max()).to_numpy())
print(count_complete(frame), "of", len(frame), "faces are complete:", complete.images.shape)

# %% [markdown]
# ## Split · Training, validation and test
#
# A model must be judged on faces that it has not seen. So we [split](../docs/glossary.md#split) the
# data before we do anything else.
#
# | part | share | what it is for |
# |---|---|---|
# | [training set](../docs/glossary.md#training-set) | 60 % | The model learns from these faces. |
# | [validation set](../docs/glossary.md#validation-set) | 20 % | You compare models and settings on these faces. |
# | [test set](../docs/glossary.md#test-set) | 20 % | You use these faces once, at the end, to report the result. |
#
# Two parts, often 80 % and 20 %, are enough if you choose nothing. If you compare ten settings on
# one set, the best of them is partly the luckiest on that set. So a third part stays closed until
# the end.
#
# Images of one person look alike, so we split the list of **people**. `subjects` says for each
# image whose face it is. scikit-learn's `train_test_split` makes two parts, and we call it twice. A
# quarter of the remaining 80 % is 20 %. `random_state` is the [seed](../docs/glossary.md#seed),
# which makes the random choice repeatable.

# %%
person = complete.subjects
if person is None:  # Kaggle's table does not say who is in an image
    person = np.arange(len(complete))
rest, test_people = train_test_split(np.unique(person), test_size=0.2, random_state=0)
train_people, val_people = train_test_split(rest, test_size=0.25, random_state=0)
print("people:", len(train_people), len(val_people), len(test_people))

train = complete.select(np.isin(person, train_people))
val = complete.select(np.isin(person, val_people))
test = complete.select(np.isin(person, test_people))
print("images:", len(train), len(val), len(test))

# %% [markdown]
# No person may be in two parts.

# %% tags=["nbval-check-output"]
print("in training and validation:", len(set(train_people) & set(val_people)))
print("in training and test:", len(set(train_people) & set(test_people)))
print("in validation and test:", len(set(val_people) & set(test_people)))

# %% [markdown]
# From here on we change only the training set. The rule is **split first, then augment**.
#
# ## Build · More faces from the same faces
#
# [Augmentation](../docs/glossary.md#augmentation) means making changed copies of training images. A
# mirrored face is still a face, so mirroring doubles their number. The copies show no new people,
# so they are worth less than new data, but they cost nothing.
#
# ### The naive flip
#
# Many tutorials mirror a face like this. They reverse each row of pixels and replace x by `96 - x`.
# In the code, `* [-1, 1] + [96, 0]` does this to x and leaves y as it is.

# %%
face, points = faces.images[clear[0]], faces.keypoints[clear[0]]
mirrored = face[:, ::-1]
naive = points * [-1, 1] + [96, 0]
print(mirrored.shape, naive.shape)

# %% [markdown]
# We draw both and name the two eye centres.

# %%
fig, axes = plt.subplots(1, 2, figsize=(7, 3.8), layout="constrained")
for ax, picture, marks in ((axes[0], face, points), (axes[1], mirrored, naive)):
    plots.draw_keypoints(ax, picture, marks)
    for number, name in ((0, "left eye"), (1, "right eye")):
        ax.annotate(name, marks[number], (marks[number, 0], 12), color="white", ha="center",
                    arrowprops={"arrowstyle": "-", "color": "white"})  # fmt: skip
axes[0].set_title("original")
axes[1].set_title("naive flip")
plots.show(
    fig,
    "A face and its mirror image. In the original the point named left eye is on the right of the "
    "picture. After the naive flip it is on the left, where a right eye belongs.",
)

# %% [markdown]
# The points still lie on eyes, so the picture looks fine at first. But *left eye* is now on the
# left of the picture, where every other face has its *right* eye. A model that learns from both
# gets contradictory labels. Its best compromise is the middle, between the eyes.
#
# How far off is it? We flip the mean face in the naive way.

# %% tags=["nbval-check-output"]
typical = train.keypoints.mean(axis=0)
naive_error = np.linalg.norm(typical * [-1, 1] + [96, 0] - typical, axis=1)
print(f"left eye: {naive_error[0]:.0f} px off, nose tip: {naive_error[10]:.0f} px off")

# %% [markdown]
# The left eye is off by a third of the picture's width. The nose tip is almost right, because it
# lies in the middle.
#
# There is a second, smaller mistake, an [off-by-one error](../docs/glossary.md#off-by-one-error).
# The 96 pixels of a row are numbered from 0 to 95. We check where pixel 30 goes.

# %% tags=["nbval-check-output"]
row = np.zeros(96)
row[30] = 1
print("pixel 30 is now pixel", row[::-1].argmax())
print("96 - x gives", 96 - 30, "and 95 - x gives", 95 - 30)

# %% [markdown]
# Pixel 0 goes to 95, so the formula is `width - 1 - x`. The naive flip puts every point one pixel
# too far right.

# %% [markdown] exercise="flip"
# ### Exercise 2 ★★ · The correct flip
#
# Write `flip_keypoints(keypoints, width)` for an array `(n, 15, 2)`. It returns a **new** array.
# Each x becomes `width - 1 - x`, and each left point has changed places with its right partner.
# Points without a label stay NaN and change places, too.
#
# Write down for each of the 15 positions which old point belongs there. Position 0 (left eye
# centre) gets old point 1, and position 10 (nose tip) keeps old point 10. The numbered face above
# helps. An array can be reordered with a list, as in `keypoints[:, [1, 0, …]]`.
#
# Type into the cell below and run it, then run the checker under it.


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
# Now we append the mirrored faces to the training set.

# %%
flipped = flip_keypoints(train.keypoints, 96)
images = np.concatenate([train.images, train.images[:, :, ::-1]])
keypoints = np.concatenate([train.keypoints, flipped])
print(train.images.shape, "→", images.shape)
print(train.keypoints.shape, "→", keypoints.shape)

# %% [markdown]
# ### How do you know that it is correct?
#
# The first test is a *law*, a rule that holds for every face. Mirroring twice gives back the
# original.

# %% tags=["nbval-check-output"]
twice = flip_keypoints(flip_keypoints(faces.keypoints, 96), 96)
print("flipped twice, nothing moved:", np.nanmax(np.abs(twice - faces.keypoints)) < 1e-4)
print("the same labels are missing:", (np.isnan(twice) == np.isnan(faces.keypoints)).all())

# %% [markdown]
# This law is not enough. A function that does nothing passes it, and so does the naive flip. The
# second test uses the data. Mirrored faces look like other faces, so the *mean* of each point must
# stay almost where it was.

# %%
change = np.linalg.norm(flipped.mean(axis=0) - typical, axis=1)
print(f"mean left eye: naive flip {naive_error[0]:.0f} px, correct flip {change[0]:.1f} px")
print(f"largest change: {np.nanmax(change):.1f} px, {data.KEYPOINT_NAMES[np.nanargmax(change)]}")
assert np.nanmax(change) < 3, "a mirrored face should look like a face"

# %% [markdown]
# The change is not 0, although the flip is correct. The eyes lie at 65 and 31 on average, and
# 95 − 31 is 64. The middle of these faces is at 48, that of the images at 47.5. So this test cannot
# find an error of one pixel. The third test is a look at four faces. All circles must be on the right
# of the picture.

# %%
pairs = np.ravel([(row, row + len(train)) for row in (126, 335, 470, 608)])
plots.show(
    plots.face_grid(images[pairs], keypoints[pairs], ["original", "mirrored"] * 4),
    "Four made-up faces, each beside its mirror image. All left points are on the right.",
)

# %% [markdown]
# ### Brighter images
#
# Light moves no keypoint, so we multiply the pixels and keep the labels. There is a trap in it.

# %% tags=["nbval-check-output"]
pixels = np.array([0, 60, 120, 130, 200], dtype=np.uint8)
print("pixels      ", pixels)
print("pixels * 1.5", pixels * 1.5)
print("pixels * 2  ", pixels * 2)

# %% [markdown]
# The type `uint8` holds whole numbers from 0 to 255. Times 1.5, NumPy makes floats, and 300 is more
# than white. Times 2 is worse, because the result stays `uint8`. 260 does not fit, so it *wraps
# around* to 260 − 256 = 4. This is an [overflow](../docs/glossary.md#overflow). Bright skin turns
# dark, and there is no error message.

# %% [markdown] exercise="brighten"
# ### Exercise 3 ★ · Brighter without an overflow
#
# Write `brighten(images, factor)` for `uint8` images `(n, h, w)`. It returns **new** `uint8`
# images. Each pixel is multiplied by `factor`, rounded to the nearest whole number, and never above
# 255. It must work for 1.3 and for 2.
#
# Turn the images into floats first (`astype`), then multiply, round (`np.rint`), limit (`np.clip`),
# and turn them back into `uint8`.
#
# Type into the cell below and run it, then run the checker under it.


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
# Tutorials often use factors from 1.5 to 2. This is what they do to one face.

# %%
versions = np.stack([face, *[brighten(face[None], factor)[0] for factor in (1.5, 2)], face * 2])
titles = ["original", "× 1.5", "× 2", "× 2 with overflow"]
plots.show(
    plots.face_grid(versions, np.stack([points] * 4), titles),
    "One face four times with the same points: as it was, one and a half times as bright, twice as "
    "bright with white patches, and twice as bright with black patches where it was bright.",
)
for factor in (1, 1.5, 2):
    white = (brighten(train.images, factor) == 255).mean()
    print(f"× {factor}: {white:.0%} of the pixels are at 255")

# %% [markdown]
# The points fit all four pictures. But times 2, almost half of the pixels are white. Pixels of 180
# and 220 are both 255 then, and no later step can tell them apart. Factors close to 1, some darker
# and some brighter, keep more of each face.

# %% [markdown] tags=["optional"]
# ### If you have time · What a network expects
#
# Lesson 2 trains a network. Training runs more smoothly when all numbers are small and of similar
# size. So many programs scale pixels to 0…1 and coordinates to about −1…1, as here. Lesson 2 scales
# them in another way. A network also expects one more axis, the number of *channels*. A grey image
# has one channel, and a colour image has three.

# %% tags=["optional", "nbval-check-output"]
inputs = (images / np.float32(255))[..., np.newaxis]
targets = (keypoints - 47.5) / 47.5
print("inputs: ", inputs.shape, inputs.dtype)
print("targets:", targets.shape, targets.dtype)

# %% [markdown] tags=["optional"]
# To report an error in pixels, you have to undo the scaling. `targets * 47.5 + 47.5` gives pixels
# again.

# %% [markdown] tags=["optional"]
# ### If you have time · Tilt the head
#
# A rotation moves the pixels, so the keypoints must move with them. It is written as a matrix of
# two rows and two columns. OpenCV wants a third column, a shift, which is added after the rotation.
# Together this is called an [affine transformation](../docs/glossary.md#affine-transformation).

# %% tags=["optional"]
angle = np.deg2rad(20)
rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
centre = np.array([47.5, 47.5])
about_corner = np.column_stack([rotation, [0, 0]])
about_centre = np.column_stack([rotation, centre - rotation @ centre])
print(about_centre.round(2))

# %% [markdown] tags=["optional"]
# The rotation alone turns the picture about its corner (0, 0). The shift brings the centre of the
# picture back to its place. The signs of the sines differ from those in a mathematics book, because
# y counts down here. The face turns counter-clockwise. In the last picture we make a typical
# mistake and turn the points the other way.


# %% tags=["optional"]
def move(points, matrix):
    return points @ matrix[:, :2].T + matrix[:, 2]


wrong_way = np.column_stack([rotation.T, centre - rotation.T @ centre])
turned = [
    cv2.warpAffine(face, matrix, (96, 96), borderMode=cv2.BORDER_REPLICATE)
    for matrix in (about_corner, about_centre)
]
plots.show(
    plots.face_grid(
        np.stack([face, *turned, turned[1]]),
        np.stack([points, *[move(points, m) for m in (about_corner, about_centre, wrong_way)]]),
        ["original", "about the corner", "about the centre", "points the wrong way"],
    ),
    "A face four times: upright; turned about the top left corner, so that it leaves its place; turned "
    "about the centre with all points in place; and with points turned clockwise, which miss the eyes.",
)

# %% [markdown] tags=["optional"]
# In the second picture, the face has left its place. A larger angle would push points out of the
# picture. Such a point would be a label for something that the model cannot see. If you move faces,
# count how many points end up outside 0…95.

# %% [markdown]
# ## Train · Two models without a network
#
# Before you train a network, build the simplest models that could work, the
# [baselines](../docs/glossary.md#baseline). A network that does not beat them is not worth its
# cost.
#
# ### The mean face
#
# The first model ignores the image. It always predicts the mean position of each point, `typical`.

# %%
fig = plots.mean_face(train.images, train.keypoints)
fig.set_size_inches(5.2, 5.2)
for number, name, place in (
    (0, "left eye", (64, 60)),
    (1, "right eye", (31, 60)),
    (7, "left brow, outer end", (76, 12)),
    (10, "nose tip", (14, 66)),
    (12, "right corner of the mouth", (27, 92)),
):
    fig.axes[0].annotate(name, typical[number], place, color="white", ha="center",
                         bbox={"facecolor": "black", "pad": 2},
                         arrowprops={"arrowstyle": "-", "color": "white"})  # fmt: skip
plots.show(
    fig,
    "The blurred mean of all training faces with the mean of each keypoint and an ellipse around it. "
    "The inner eye corners have the smallest ellipses; the nose tip and the outer ends of the brows "
    "have the largest.",
)
print(typical.shape)

# %% [markdown]
# The mean of many faces is blurred, because heads turn and tilt. Each ellipse holds about 95 % of
# the positions of its point. The nose tip sticks out of the head, so it moves most when the head
# turns.
#
# ### The nearest neighbour
#
# The second model finds the most similar training image, the [nearest
# neighbour](../docs/glossary.md#nearest-neighbour), and copies its keypoints. To compare images, we
# shrink them to 16 × 16 pixels and give each the same mean and contrast. A face is then a vector of
# 256 numbers, and similar means a small distance between vectors.


# %%
def as_vectors(images):
    small = [cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA) for image in images]
    vectors = np.reshape(small, (len(images), 256)).astype(np.float32)
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    return centred / centred.std(axis=1, keepdims=True)


vectors, val_vectors = as_vectors(images), as_vectors(val.images)
print(images.shape, "→", vectors.shape)

# %% [markdown]
# The function below predicts the mean keypoints of the `k` most similar faces. With `k=1` it copies
# one face. The model only stores its training set.


# %%
def copy_points(known, points, new, k=1):
    search = NearestNeighbors(n_neighbors=k).fit(known)
    nearest = search.kneighbors(new, return_distance=False)
    return points[nearest].mean(axis=1)


copied = copy_points(vectors, keypoints, val_vectors)
print(val_vectors.shape, "→", copied.shape)

# %% [markdown]
# ## Judge · How far off is it?
#
# The usual measure is the [RMSE](../docs/glossary.md#rmse), the *root of the mean squared error*.
# Square the differences of all coordinates, take the mean, and take the root. The result is in
# pixels.


# %%
def rmse(predicted, true):
    return np.sqrt(np.nanmean((predicted - true) ** 2))


n = len(train)  # the first n vectors are the original faces, the others are mirrored
without_mirrored = copy_points(vectors[:n], keypoints[:n], val_vectors)
print(f"mean face                          {rmse(typical, val.keypoints):.1f} px")
print(f"nearest of the original faces      {rmse(without_mirrored, val.keypoints):.1f} px")
print(f"nearest, with the mirrored faces   {rmse(copied, val.keypoints):.1f} px")

# %% [markdown]
# The mirrored faces help a little. Copying one face is no better than the mean face, because one
# neighbour differs from the face in many ways. The mean of several neighbours is steadier. `k` is a
# [hyper-parameter](../docs/glossary.md#hyper-parameter), a setting that you choose and the model
# does not learn.

# %% [markdown] exercise="neighbours" kind="experiment"
# ### Exercise 4 ★ · An experiment with k
#
# Measure the validation error for at least five values of `k`. Include 1, a value from 5 to 20, and
# one of at least 100. Report the errors in `RESULTS`, as in `RESULTS[1] = rmse(…)`. Use all
# training faces, `vectors` and `keypoints`. Which `k` would you choose?
#
# Type into the cell below and run it, then run the checker under it.

# %% exercise="neighbours" kind="experiment" part="solution"
RESULTS = {}  # k: validation error in pixels
### BEGIN SOLUTION
for k in (1, 3, 10, 30, 100, 300):
    RESULTS[k] = rmse(copy_points(vectors, keypoints, val_vectors, k), val.keypoints)
    print(f"k = {k:3}: {RESULTS[k]:.2f} px")
### END SOLUTION

# %% exercise="neighbours" kind="experiment" part="checker"
check.neighbours(RESULTS)

# %% [markdown]
# We choose 10 by the validation error. If your experiment says otherwise, change it. Nothing is
# left to choose, so we open the test set, once.

# %%
NEIGHBOURS = 10
predicted = copy_points(vectors, keypoints, val_vectors, NEIGHBOURS)
tested = copy_points(vectors, keypoints, as_vectors(test.images), NEIGHBOURS)
print(f"validation, mean of {NEIGHBOURS} neighbours: {rmse(predicted, val.keypoints):.1f} px")
print(f"test, mean of {NEIGHBOURS} neighbours: {rmse(tested, test.keypoints):.1f} px")
print(f"test, mean face: {rmse(typical, test.keypoints):.1f} px")

# %% [markdown]
# Ten neighbours are clearly better than the mean face, on the test set as well. The figure shows
# the validation face that is farthest from the mean face.

# %%
hard = np.nanmean((val.keypoints - typical) ** 2, axis=(1, 2)).argmax()
answers = np.stack([val.keypoints[hard], typical, copied[hard], predicted[hard]])
titles = ["label", "mean face", "1 neighbour", f"{NEIGHBOURS} neighbours"]
plots.show(
    plots.face_grid(np.stack([val.images[hard]] * 4), answers, titles),
    "One strongly tilted face four times: with its correct points; with those of the mean face, which miss "
    "eyes and mouth; with those of its nearest neighbour; and with the mean of ten, which fits best.",
)

# %% [markdown]
# ### Are the labels right?
#
# A model can only be as good as its labels. To test how wrong ones are found, we spoil 15 labels in
# a **copy** of the validation set. On five faces we swap the eyes, on five we exchange x and y, and
# five get the points of another face.

# %%
spoiled = val.keypoints.copy()
chosen = np.random.default_rng(2).choice(len(val), 15, replace=False)
swapped, exchanged, strangers = chosen[:5], chosen[5:10], chosen[10:]
spoiled[swapped, :2] = val.keypoints[swapped, 1::-1]  # point 1, then point 0
spoiled[exchanged] = val.keypoints[exchanged][..., ::-1]
spoiled[strangers] = val.keypoints[np.roll(strangers, 1)]  # those of the face before
kinds = {
    "eyes swapped": swapped,
    "x and y exchanged": exchanged,
    "another face's points": strangers,
}

# %% [markdown]
# An [outlier](../docs/glossary.md#outlier) is a value far from the others. Four pixels are a lot
# for an eye and little for the nose tip. So we compute [z-scores](../docs/glossary.md#z-score). A
# z-score is the distance from the mean in standard deviations. A standard deviation says how far
# values usually lie from their mean.
#
# The score of a face is the largest of its 30 z-scores, and we look at the 15 highest.


# %%
def most_unusual(keypoints, count):
    z = (keypoints - np.nanmean(keypoints, axis=0)) / np.nanstd(keypoints, axis=0)
    return np.nanmax(np.abs(z), axis=(1, 2)).argsort()[::-1][:count]


found = most_unusual(spoiled, 15)
for kind, rows in kinds.items():
    print(f"{kind}: {np.isin(rows, found).sum()} of {len(rows)} found")

# %% [markdown]
# Impossible positions stand out at once. The points of another face do not, because they are a
# normal face, only not this one. To find them you need the image, too.

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, (kind, rows) in zip(axes, kinds.items(), strict=True):
    plots.draw_keypoints(ax, val.images[rows[0]], spoiled[rows[0]])
    ax.set_title(kind)
axes[0].scatter(
    *spoiled[swapped[0], :2].T, s=260, facecolors="none", edgecolors="white", linewidths=2
)
plots.show(
    fig,
    "Three faces with wrong points. On the first, two white rings mark an orange circle on the right eye "
    "and a blue square on the left one. On the second the points lie across the face. On the third "
    "they have the shape of a face, but do not fit this one.",
)

# %% [markdown]
# So an outlier is a **reason to look, not a reason to delete**.

# %% [markdown] tags=["optional"]
# ### If you have time · Which faces are unusual?
#
# The labels of the made faces are exact, so none of them is wrong. What do the most unusual faces
# of the clean training set look like?

# %% tags=["optional"]
extreme = most_unusual(train.keypoints, 8)
plots.show(
    plots.face_grid(train.images[extreme], train.keypoints[extreme]),
    "The eight most unusual training faces. All are strongly tilted or turned, or raise the brows; two "
    "wear sunglasses. On each the points are in their places.",
)

# %% [markdown] tags=["optional"]
# They are tilted, turned, or surprised, and all their points are correct. Deleting them would
# remove the faces that the model has seen least often.
#
# A z-score looks at one coordinate at a time. [Correlation](../docs/glossary.md#correlation) looks
# at two. It is 1 if two coordinates always rise and fall together, −1 if one rises when the other
# falls, and 0 if they are unrelated.

# %% tags=["optional"]
columns = [
    "left_eye_center_x",
    "right_eye_center_x",
    "left_eye_center_y",
    "right_eye_center_y",
    "nose_tip_x",
    "mouth_left_corner_x",
]
frame[columns].corr().round(2)

# %% [markdown] tags=["optional"]
# When one eye is higher, the other tends to be *lower*, but only a little. Two things are mixed here.
# When a head tilts, one eye rises and the other falls. When a face lies higher in its picture, both
# eyes do. The tilt also moves the corner of the mouth sideways. A correlation tells you about
# the faces *and* about how they were cut out.

# %% [markdown]
# ## Break it · Two mistakes, measured
#
# ### Wrong labels in half of the training set
#
# What does a wrong flip cost? The model gets the same mirrored images with three kinds of labels.

# %% tags=["showed", "nbval-check-output"]
naive_flip = train.keypoints * [-1, 1] + [96, 0]
flips = {"naive flip": naive_flip, "one pixel off": flipped + [1, 0], "correct flip": flipped}
for name, labels in flips.items():
    off = np.linalg.norm(labels[:, 0] - flipped[:, 0], axis=1).mean()
    known = np.concatenate([train.keypoints, labels])
    error = rmse(copy_points(vectors, known, val_vectors, NEIGHBOURS), val.keypoints)
    print(f"{name}: left eye {off:.0f} px off, error of the model {error:.1f} px")

# %% [markdown]
# With the naive flip, the model's error is almost three times that of the mean face. The error of
# one pixel does not show. The result is even slightly better, because `96 - x` keeps the middle of
# these faces at 48. So a good score does not prove that the code is correct. Only the test with
# pixel 30 finds it.
#
# ### A leak
#
# Now we augment first. Each face gets four versions, the original, a brighter one, and the mirror
# images of both.

# %%
brighter = brighten(complete.images, 1.3)
versions = [complete.images, brighter, complete.images[:, :, ::-1], brighter[:, :, ::-1]]
all_vectors = np.concatenate([as_vectors(version) for version in versions])
all_points = np.concatenate([complete.keypoints] * 2 + [flip_keypoints(complete.keypoints, 96)] * 2)
print(all_vectors.shape, all_points.shape)

# %% [markdown]
# Then we split in three ways. By image, every version is drawn on its own. By face, the four
# versions of a face stay together. By person, all images of a person do. The model copies one face.
# Which way gives the *lowest* error?
#
# - A) by image
# - B) by face
# - C) by person
# - D) all three are about the same

# %% tags=["nbval-check-output"]
ways = {
    "by image": np.arange(len(all_vectors)),
    "by face": np.tile(np.arange(len(complete)), 4),
    "by person": np.tile(person, 4),
}
for way, group in ways.items():
    _, held_out = train_test_split(np.unique(group), test_size=0.2, random_state=0)
    tested = np.isin(group, held_out)
    answer = copy_points(all_vectors[~tested], all_points[~tested], all_vectors[tested])
    print(f"split {way:<10} {rmse(answer, all_points[tested]):.1f} px")

# %% [markdown]
# The answer is A, and this result is false. The model has only found the same face with another
# brightness. This is a [leak](../docs/glossary.md#leak), because something of the test set is in
# the training set. On faces that it has not seen, the same model is no better than the mean face.
#
# Keeping people together changes little *here*, because keypoints depend more on the pose than on
# the person.

# %% [markdown] exercise="challenge" kind="challenge"
# ### Exercise 5 ★★★ · Challenge: below 3.1 pixels
#
# Write a function `my_model(images)` that takes `uint8` images `(n, 96, 96)` and returns keypoints
# `(n, 15, 2)`. On the test set, the mean face and the mean of ten neighbours had the errors that
# you saw above. Your model must stay below **3.1 px**. The checker measures it on other faces of
# the test people, whose labels this lesson has hidden from you. You need no network.
#
# One idea is *linear regression*, which computes each coordinate as a weighted sum of the 256
# pixels. `sklearn.linear_model.Ridge(alpha=…)` keeps the weights small, which helps with few faces.
# Choose `alpha` by the validation error.
#
# Type into the cell below and run it, then run the checker under it.

# %% exercise="challenge" kind="challenge" part="solution"
my_model = None  # your function, which takes images and returns keypoints
### BEGIN SOLUTION
from sklearn.linear_model import Ridge

ridge = Ridge(alpha=100).fit(vectors, keypoints.reshape(-1, 30))


def linear_model(images):
    return ridge.predict(as_vectors(images)).reshape(-1, 15, 2)


my_model = linear_model
print(f"{rmse(my_model(val.images), val.keypoints):.2f} px on the validation set")
### END SOLUTION

# %% exercise="challenge" kind="challenge" part="checker"
check.point_model(my_model)

# %% [markdown] exercise="quiz" kind="quiz"
# ### Exercise 6 ★ · Questions
#
# 1. In the table, `left_eye_center_x` is larger than `right_eye_center_x`. Why?
#    - A) The columns are exchanged by mistake.
#    - B) *Left* is the person's own left, which is on the right of the picture.
#    - C) x counts from right to left.
#    - D) Most faces are turned to one side.
# 2. An image is 48 pixels wide. Where does x = 0 go when it is mirrored?
#    - A) to 0
#    - B) to 24
#    - C) to 47
#    - D) to 48
# 3. A flip, applied twice, gives back the original. What does this prove?
#    - A) that the flip is correct
#    - B) that left and right points are swapped
#    - C) that there is no off-by-one error
#    - D) less than A, B or C, because doing nothing passes this test, too
# 4. An array of type `uint8` holds the value 200. What does NumPy give for twice this array?
#    - A) 144
#    - B) 255
#    - C) 400
#    - D) an error message
# 5. You compare ten values of `k` and keep the best. Which error do you report?
#    - A) the lowest of the ten errors on the validation set
#    - B) the error of the best `k` on the test set, measured once
#    - C) the error on the training set
#    - D) the lowest of ten errors on the test set
# 6. All faces are mirrored and brightened first, and then split at random. What goes wrong?
#    - A) nothing
#    - B) the training set becomes too small
#    - C) test faces have copies in the training set, so the error looks too low
#    - D) the labels of the mirrored faces become wrong
#
# Type into the cell below and run it, then run the checker under it.

# %% exercise="quiz" kind="quiz" part="solution"
ANSWERS = {1: ..., 2: ..., 3: ..., 4: ..., 5: ..., 6: ...}  # letters in quotes
### BEGIN SOLUTION
ANSWERS = {1: "B", 2: "C", 3: "D", 4: "A", 5: "B", 6: "C"}
### END SOLUTION

# %% exercise="quiz" kind="quiz" part="checker"
check.quiz_01(ANSWERS)

# %% [markdown]
# ## What you learned
#
# - The pattern of missing labels, NaN, shows that Kaggle's table has two sources.
# - Split by person into training, validation and test set first. Augment only the training set.
# - A flip replaces x by `width - 1 - x` **and** swaps left and right points.
# - `uint8` pixels wrap around above 255, so compute with floats and limit the result.
# - Baselines, laws and pictures find mistakes that a single error number hides.
#
# ## Where this breaks
#
# Among the made faces are no children and no scars, and their skin and hair follow formulas.
# Mirroring assumes that a face has no side, which is wrong for parted hair or a one-sided smile.
# Frequent mistakes widen the standard deviation until they look normal. In real data a keypoint is
# only where a person *said* it is, and people do not always agree.
#
# ## Go further
#
# - Run this lesson with `SOURCE = "facial-keypoints"`. `python -m reading_faces data list` says how to get
#   the data of [the Kaggle competition](https://www.kaggle.com/c/facial-keypoints-detection).
# - The *Mahalanobis distance* uses all coordinates together. Does it find more of the spoiled labels?
#
# **Next:** [lesson 2](02_residual_keypoint_model.ipynb) trains a network that finds these points.
