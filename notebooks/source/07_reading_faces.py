# %% [markdown]
# # 7 · All of it at once: a photograph in, faces read
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/07_reading_faces.ipynb)
#
# This is where the course is going. A photograph goes in; for every face in it come out a box, 15
# keypoints and the probabilities of seven emotions, in one table and one picture. After this lesson
# you will be able to build that chain from its parts, say what each part needs from the one before,
# and use it on pictures of your own.
#
# ![The seven astronauts and cosmonauts of STS-106 float in two rows; around each face a box with 15 keypoints and the right name](pictures/result.jpg)
#
# **You will be able to**
#
# - find the faces in a photograph, and cut them out the way each model expects;
# - run all models on all faces at once and put their answers back into the photographs;
# - read a folder, and follow a face through a video;
# - measure what each step of the chain costs, in errors and in time.
#
# **You need** [lesson 1](01_keypoints_and_flip.ipynb): what a keypoint is. The models come from
# lessons 2 to 6, but you can use them before you know how they were made. **Time:** 75 minutes; the
# code runs in about two.

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
# We import what the lesson uses. Loading TensorFlow takes a few seconds; nothing is downloaded, the
# trained weights came with the course.

# %%
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.cbook import get_sample_data
from skimage.data import astronaut
from tqdm import tqdm

# %% [markdown]
# And what is the course's own:
# %%
from helpers import augment, crop, data, detect, metrics, models, plots
from helpers.embedders import SmallEmbedder
from helpers.gallery import Gallery
from helpers.images import find_photos, read_photo, to_grey, write_photo
from helpers.results import stored_result
from reading_faces import track, video
from reading_faces.annotate import annotate_photo
from reading_faces.exercises import check
from reading_faces.made_faces import albums
from reading_faces.made_faces.expression import ACTION_UNITS, UNIT_NAMES
from reading_faces.reader import FaceReader, to_frame
from reading_faces.training.measure import loose_boxes
from reading_faces.training.measure_speed import time_call

plots.set_style()

# %% [markdown]
# ## Which photographs?
#
# Two portraits in the public domain come inside libraries that are installed anyway: Grace Hopper,
# computer scientist and rear admiral, in matplotlib, and Eileen Collins, astronaut, in scikit-image.
# Both are real photographs of real people, and no model of this course has been trained on them.

# %%
hopper = read_photo(get_sample_data("grace_hopper.jpg", asfileobj=False))
collins = astronaut()
fig, axes = plt.subplots(1, 2, figsize=(7, 4), layout="constrained")
for ax, photo, title in ((axes[0], hopper, "Grace Hopper"), (axes[1], collins, "Eileen Collins")):
    ax.imshow(photo)
    ax.set(title=title, xlabel="x, pixels", ylabel="y, pixels")
plots.show(
    fig,
    "Two portraits: Grace Hopper in naval uniform with a cap and glasses, and Eileen Collins in an "
    "orange space suit, smiling.",
)

# %% [markdown]
# ## Step 1 · Where are the faces?
#
# A *detector* looks for faces of any size anywhere. We use MTCNN, three small networks that look more
# and more closely at fewer and fewer places; [lesson 6](06_identity_and_unknown.ipynb) opens it up. For each face it gives a box,
# how sure it is, and five rough landmarks.

# %%
found = detect.detect_faces(collins)
for face in found:
    print("box:", np.round(face.box).astype(int), " confidence:", round(face.confidence, 3))

# %% [markdown]
# One face, and the detector is sure of it. It is worth a law: however we ask, the box must lie inside
# the photograph.

# %% tags=["nbval-check-output"]
x, y, width, height = found[0].box
print(len(found), "face")
print("inside the photo:", x >= 0 and y >= 0 and x + width <= 512 and y + height <= 512)

# %% [markdown]
# ## Step 2 · Cutting faces out as the models expect them
#
# A model only knows faces framed like those it was trained on. Our keypoint model, and that of action
# units, have seen 96 × 96 grey pixels with the eyes two fifths of the way down; the emotion model 48 ×
# 48, framed a little wider; FaceNet, which tells people apart, 160 × 160 in colour with a margin all
# around. So each gets **its own crop**, and the numbers that say how to cut are fitted to each training
# set.

# %%
grey = to_grey(collins)
boxes = np.array([face.region for face in found])
for_keypoints, matrices = crop.crop_faces(grey, boxes, 96, crop.FRAMINGS["mtcnn", "keypoints"])
for_emotion, _ = crop.crop_faces(grey, boxes, 48, crop.FRAMINGS["mtcnn", "emotion"])
for_identity, _ = crop.crop_faces(collins, boxes, 160, crop.FRAMINGS["mtcnn", "facenet"])

fig, axes = plt.subplots(1, 3, figsize=(8.5, 3.3), layout="constrained")
for ax, picture, title in (
    (axes[0], for_keypoints[0], "keypoints: 96 × 96"),
    (axes[1], for_emotion[0], "emotion: 48 × 48"),
    (axes[2], for_identity[0], "identity: 160 × 160"),
):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    ax.set(title=title, xlabel="x, pixels", ylabel="y, pixels")
plots.show(
    fig,
    "The same face cut out three times: in grey, 96 by 96 pixels for the keypoint model; coarser, 48 "
    "by 48 pixels, for the emotion model; in colour and wider, 160 by 160 pixels, for FaceNet.",
)

# %% [markdown]
# The same face, cut three times. (`FaceReader`, below, also turns a leaning head upright first.) How
# much the framing matters we measure further down.

# %% [markdown]
# ## Step 3 · What do the models say?
#
# `models.load` builds a network from its card and fills in its weights. `predict` takes the crops as
# they are and gives keypoints in pixels of the crop, or one probability for each emotion.

# %%
keypoint_model = models.load("keypoints")
emotion_model = models.load("emotion")
keypoints = keypoint_model.predict(for_keypoints)
probabilities = emotion_model.predict(for_emotion)
print("keypoints:", keypoints.shape, " probabilities:", probabilities.shape)

# %% [markdown]
# The card tells what the model was trained on and how good it was on faces that it had not seen. Read
# it before you believe an answer.

# %%
measured = emotion_model.card["measured"][0]
low, high = measured["metrics"]["accuracy_interval_95"]
print("trained on:", *emotion_model.card["training"]["sources"])
print(f"measured on: its split {measured['split']!r}, {measured['n']:,} faces")
print(f"named right: {measured['metrics']['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})")

# %% [markdown]
# So about one answer in three is wrong. **Before you run the next cell, what do you expect** for
# Eileen Collins, who smiles broadly into the camera?

# %%
fig = plots.emotion_bars(dict(zip(emotion_model.card["classes"], probabilities[0], strict=True)))
plots.show(
    fig,
    "Bar chart of the seven emotion probabilities for Eileen Collins; happy is by far the longest bar.",
)
assert emotion_model.card["classes"][probabilities[0].argmax()] == "happy"

# %% [markdown]
# A smile is the easiest expression there is, for people and for models alike. That the bar for *happy*
# is long says that the picture looks like pictures that were called happy. What she felt, no one here
# knows.

# %% [markdown] exercise="back"
# ### Exercise 1 · Back into the photograph (10 minutes)
#
# The keypoints are in pixels of the crop; we want them in the photograph. `crop_faces` gave a matrix
# with each crop that takes the photo's points into it:
#
# `x_crop = zoom · x_photo + matrix[0, 2]` and `y_crop = zoom · y_photo + matrix[1, 2]`, with the zoom
# in `matrix[0, 0]`.
#
# Write `keypoints_to_photo(keypoints, matrix)`, which goes the other way: points `(15, 2)` of the crop
# in, points `(15, 2)` of the photo out.
#
# Type into the cell below and run it, then run the checker under it.


# %% exercise="back" part="solution"
def keypoints_to_photo(keypoints, matrix):
    ### BEGIN SOLUTION
    zoom, shift = matrix[0, 0], matrix[:, 2]
    return (keypoints - shift) / zoom
    ### END SOLUTION


# %% exercise="back" part="checker"
check.keypoints_to_photo(keypoints_to_photo)

# %% exercise="back" part="hidden"
hidden = np.array([[2.0, 0.0, -7.0], [0.0, 2.0, 5.0]])
there = np.arange(30.0).reshape(15, 2) @ hidden[:, :2].T + hidden[:, 2]
assert np.allclose(keypoints_to_photo(there, hidden), np.arange(30.0).reshape(15, 2))

# %% [markdown]
# ## Step 4 · Does it look right?
#
# Numbers come last; first we look. The points go back into the photograph with your function.

# %%
in_photo = keypoints_to_photo(keypoints[0], matrices[0])
fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
plots.draw_keypoints(ax, collins, in_photo)
ax.set(xlim=(x - 30, x + width + 30), ylim=(y + height + 30, y - 30))
plots.show(
    fig,
    "The face of Eileen Collins with 15 predicted keypoints on eyes, eyebrows, nose and mouth; left "
    "and right points have different markers.",
)

# %% [markdown]
# A test with numbers, too: the detector guessed the eyes by itself, with quite another network. The
# two should agree.

# %%
eyes = in_photo[[1, 0]]  # the detector names the subject's right eye first
apart = np.linalg.norm(eyes[0] - eyes[1])
gap = np.linalg.norm(eyes - found[0].landmarks[:2], axis=1) / apart
print("distance between the two guesses, in eye distances:", gap.round(3))
assert gap.max() < 0.15

# %% [markdown]
# ## Many faces, one call
#
# Each call of a network has a fixed cost, which for one face is larger than the arithmetic itself. So
# the faces of many photographs are put into one array, go through the model together, and are handed
# out again. How much does that save? The same 32 crops, one by one with Keras' own `predict`, as most
# tutorials do it, and at once:

# %%
many = np.repeat(for_emotion, 32, axis=0)
begun = time.perf_counter()
for face in many:
    emotion_model.network.predict(models.standardize(face[np.newaxis]), verbose=0)
one_by_one = time.perf_counter() - begun
begun = time.perf_counter()
emotion_model.predict(many)
together = time.perf_counter() - begun
print(f"one by one {1000 * one_by_one:.0f} ms, together {1000 * together:.0f} ms")

# %% [markdown] exercise="handing"
# ### Exercise 2 · Whose face was that? (10 minutes)
#
# The price: results come back in one long row. Write `hand_out(results, counts)`: `results` is a list
# with one entry a face, for all photographs in order; `counts[i]` says how many faces photograph `i`
# has, and may be 0. Return a list with one list a photograph. Leave `results` as it is.


# %% exercise="handing" part="solution"
def hand_out(results, counts):
    ### BEGIN SOLUTION
    left = iter(results)
    return [[next(left) for _ in range(count)] for count in counts]
    ### END SOLUTION


# %% exercise="handing" part="checker"
check.hand_out(hand_out)

# %% exercise="handing" part="hidden"
assert [list(part) for part in hand_out([1, 2, 3], [0, 1, 2, 0])] == [[], [1], [2, 3], []]
assert [list(part) for part in hand_out([], [0])] == [[]]

# %% [markdown]
# ## All of it in one call
#
# `FaceReader` does these four steps for any number of photographs, and all faces of all of them go
# through each model together. Its answer becomes a table with one row a face.

# %%
reader = FaceReader()
readings = list(reader.read([hopper, collins]))
table = to_frame(readings)
print("columns:", ", ".join(table.columns[:12]), f"… {len(table.columns)} in all")
table[["face", "confidence", "emotion", *data.EMOTIONS]].round(2)

# %% [markdown]
# Box, 30 coordinates, seven probabilities, 18 action units, and a name, as soon as a person is
# enrolled: all that the course has built, one row a face.
#
# And one picture: box, keypoints, and the emotion with the probability that the model gives it.

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
for ax, photo, reading in zip(axes, (hopper, collins), readings, strict=True):
    ax.imshow(annotate_photo(photo, reading))
    ax.axis("off")
plots.show(
    fig,
    "Both portraits with a box around each face, 15 keypoints, and a label with the most likely "
    "emotion and its probability.",
)

# %% [markdown]
# ### What moved?
#
# The reader has asked a third model too, that of [lesson 5](05_transfer_and_action_units.ipynb): which
# facial **action units** are there? It has learnt from drawings, and from posed expressions of 82
# people, so take its answer with care.
# **Before you run it,** look at the two portraits: which of these do you see?

# %%
units = table[list(UNIT_NAMES)].T.set_axis(["Hopper", "Collins"], axis=1)
units.insert(0, "what moves", ACTION_UNITS.values())
units[units[["Hopper", "Collins"]].max(axis=1) > 0.3].round(2)

# %% [markdown]
# Lip corner puller (12), parted lips (25) and the cheek raiser (6): that is what most people would write down of
# Eileen Collins's smile. Of Grace Hopper most would write pressed lips (24), which the model does not see: her glasses
# and the shade of her cap are unlike the faces that it has learnt from.

# %% tags=["showed"]
words = [f"{row.emotion} ({row[row.emotion]:.0%})" for _, row in table.iterrows()]
print(f"{len(table)} faces in 2 photographs: Hopper {words[0]}, Collins {words[1]}")

# %% [markdown]
# ## A photograph whose truth we know
#
# How wrong is all this? Of a real photograph we seldom know the truth: no one measured where those
# eyes are. Of a **made** one we know it exactly, because the course drew it. Here are five made-up
# people; **before you run it, what do you expect** to be read better, the points or the emotions?

# %%
group, truth = albums.group_photo(5, size=(1000, 560), seed=4)
(reading,) = reader.read([group])
fig, ax = plt.subplots(figsize=(9, 5), layout="constrained")
ax.imshow(annotate_photo(group, reading))
ax.axis("off")
plots.show(
    fig,
    "A made photograph of five drawn people in two rows, with a box, 15 keypoints and the most "
    "likely emotion on each face that was found.",
)

# %% [markdown]
# Which reading belongs to which person? The one whose box holds the tip of the nose. Then we compare:
# the distance between read and true points, in eye distances, and the emotion that was drawn.

# %%
for face in truth:
    x, y = face.keypoints[10]
    for read in reading.faces:
        left, top, width, height = read.box
        if left < x < left + width and top < y < top + height:
            eyes = np.linalg.norm(face.keypoints[0] - face.keypoints[1])
            error = np.linalg.norm(read.keypoints - face.keypoints, axis=1).mean() / eyes
            print(f"points {error:.0%} off; drawn {face.scene.emotion}, read {read.top_emotion}")

# %% [markdown]
# The points are close; that model has learnt from drawings, too. The emotions are often
# other ones than those drawn. Before you blame the model, look at the picture: would *you* have named
# them? Weak and mixed expressions are part of the set, as they are part of life.

# %% [markdown]
# Five faces are few. Here are those of four more photographs, each with what was read and what was
# drawn; ✓ where they agree.

# %%
shown, titles, agree = [], [], []
for seed in range(5, 9):
    photo, truth = albums.group_photo(6, size=(1000, 640), seed=seed)
    for face in reader.read_one(photo).faces:
        nose = face.keypoints[10]
        drawn = min(truth, key=lambda other: np.linalg.norm(other.keypoints[10] - nose))
        agree.append(drawn.scene.emotion == face.top_emotion)
        titles.append(
            f"{'✓' if agree[-1] else '✗'} {face.top_emotion}\ndrawn: {drawn.scene.emotion}"
        )
        framing = crop.FRAMINGS["mtcnn", "emotion"]
        shown.append(crop.crop_faces(to_grey(photo), [face.box], 96, framing)[0][0])
fig = plots.face_grid(np.array(shown[:16]), titles=titles[:16], columns=8)
plots.show(
    fig, "Sixteen drawn faces, each with the emotion that was read and the one that was drawn."
)
print(f"{sum(agree)} of {len(agree)} agree")

# %% [markdown]
# ## And who is it?
#
# [Lesson 6](06_identity_and_unknown.ipynb) turns a face into a point, and compares it with the points of people who are
# **enrolled**. We enrol the two women by their portraits, and show the reader Eileen Collins mirrored and at half the
# light, and the group. **Before you run it:** what should it say of the five?

# %%
embedder = SmallEmbedder()
gallery = Gallery.empty(embedder.name, embedder.threshold)
for name, photo in (("Grace Hopper", hopper), ("Eileen Collins", collins)):
    faces, _ = detect.crop_largest_faces([photo], embedder.size, embedder.framing)
    gallery = gallery.enroll(name, embedder.embed(faces))
knowing = FaceReader(parts=("emotion",), gallery=gallery)
dim = np.ascontiguousarray(collins[:, ::-1]) // 2
for title, read in zip(("Collins, dim", "the group"), knowing.read([dim, group]), strict=True):
    print(title, [(face.identity[0], round(face.identity[1], 2)) for face in read.faces])

# %% [markdown]
# A name comes with how similar the face is to the portrait; `None` is a person who is not enrolled. The threshold is the
# embedder's own: of 200 pairs of photos of two people, it takes one for one person's, and of eight pairs of one
# person it misses one (`embedder.model.card["rates"]`). Never act on such a name alone.

# %% [markdown]
# ## A folder
#
# `find_photos` walks a folder to any depth; the reader takes what it finds, and a bar says how far
# it is. We make a folder with three photographs, and a file that only claims to be one. **Before you
# run it:** what should become of that file?

# %%
folder = Path(mkdtemp(prefix="reading-faces-"))
for number in range(3):
    write_photo(folder / f"party-{number}.jpg", albums.group_photo(3, (640, 400), number)[0])
(folder / "notes.jpg").write_text("This is no picture.")

paths = find_photos([folder])
progress = tqdm(reader.read(paths), total=len(paths), unit="photo", file=sys.stdout)
people = to_frame(progress)
people["path"] = people["path"].map(lambda path: Path(path).name)
people[["path", "face", "box_x", "box_y", "emotion", "AU12", "error"]].round(2)

# %% [markdown]
# One bad photograph does not stop the others: its row says what is wrong. A table like this goes into a file as CSV,
# which anything reads, or as Parquet, which is smaller and keeps the types. (pandas needs `pyarrow` for
# that; it came with the course.)

# %%
people.to_csv(folder / "faces.csv", index=False)
people.to_parquet(folder / "faces.parquet", index=False)
for read in (pd.read_csv(folder / "faces.csv"), pd.read_parquet(folder / "faces.parquet")):
    print(f"{len(read)} rows, face numbers as {read['face'].dtype}")

# %% [markdown]
# In a terminal, the same is `python -m reading_faces predict holiday/ --csv faces.csv --draw out`. Ten
# thousand photographs take an hour; if the run is cut, add `--resume`, and it goes on where it stopped.

# %% [markdown]
# ## A video
#
# A video is a folder of photographs with a memory. Finding faces takes most of the time, and from one
# frame to the next a face hardly moves; so the tracker looks for faces in every tenth frame only, and in
# between cuts each where its keypoints were a moment ago. Here is a made one, whose truth we know: a
# face that turns, and begins to smile.

# %%
start, end = albums.neutral_to("happy")
drawn = albums.animate(albums.person_number(3, 0), start, end, 40, 240, yaw=(-10.0, 10.0))
video.write_video((frame for frame, _ in drawn), folder / "smile.avi")

following = track.FaceTracker(reader, every=10, smoothing=0)
happy, numbers = [], set()
for frame in video.open_video(folder / "smile.avi").frames():
    for face in following.read(frame):
        happy.append(face.reading.emotion["happy"])
        numbers.add(face.number)
print(len(happy), "readings, numbers given to faces:", numbers)
assert numbers == {1}

# %% [markdown]
# One face, one number. How does the tracker know that the face which the detector finds now is the one it
# followed? By how far their boxes cover each other.

# %% [markdown] exercise="overlap"
# ### Exercise 3 · The same face? (10 minutes)
#
# Write `overlap(one, other)`, the *intersection over union* of two boxes `(x, y, width, height)`: the area
# that both cover, divided by the area that at least one covers.


# %% exercise="overlap" part="solution"
def overlap(one, other):
    ### BEGIN SOLUTION
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
    ### END SOLUTION


# %% exercise="overlap" part="checker"
check.overlap(overlap)

# %% exercise="overlap" part="hidden"
assert np.isclose(overlap((10, 10, 20, 20), (20, 10, 20, 20)), 1 / 3)
assert overlap((0, 0, 1, 1), (9, 9, 1, 1)) == 0

# %% [markdown]
# Where a face has jumped or was hidden, place does not help, and the tracker compares embeddings
# instead, as in [lesson 6](06_identity_and_unknown.ipynb).
#
# Emotions read frame by frame flicker: the model sees each frame for the first time. An **exponential
# mean** keeps a share of what it thought before.

# %% [markdown] exercise="smoothing"
# ### Exercise 4 · Without flicker (10 minutes)
#
# Write `smooth(values, keep)` for values `(frames,)`: the first mean is the first value; each following
# one is `keep` times the last mean plus `1 - keep` times the new value. Return all means, `(frames,)`.


# %% exercise="smoothing" part="solution"
def smooth(values, keep):
    ### BEGIN SOLUTION
    means = np.array(values, float)
    for frame in range(1, len(means)):
        means[frame] = keep * means[frame - 1] + (1 - keep) * values[frame]
    return means
    ### END SOLUTION


# %% exercise="smoothing" part="checker"
check.smooth(smooth)

# %% exercise="smoothing" part="hidden"
steps = np.array([0.0, 1.0, 1.0])
assert np.allclose(smooth(steps, 0.5), [0, 0.5, 0.75])
assert np.allclose(smooth(np.full(4, 0.3), 0.9), 0.3)

# %%
frames = np.arange(len(happy))
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.plot(frames, frames / frames[-1], ":", color="black", label="drawn: how far the smile has come")
ax.plot(frames, happy, ".-", color="#0173b2", label="read frame by frame")
ax.plot(frames, smooth(np.array(happy), 0.8), "--", color="#c97c00", label="smoothed, keep = 0.8")
ax.set(xlabel="frame", ylabel="probability of happy", ylim=(0, 1.05))
ax.legend(loc="lower right")
plots.show(
    fig,
    "Probability of happy over 40 frames: read frame by frame it rises in steps and setbacks, to 0.9 by "
    "the middle; smoothed it rises evenly a few frames later; the drawn smile grows steadily.",
)

# %% [markdown]
# The smile grows evenly, but the model's answer runs ahead and is all but certain halfway: it was trained on
# faces that show an emotion or do not. Smoothing takes the flicker, and pays with being late by about
# `1 / (1 - keep)` frames.
#
# `python -m reading_faces live --video party.mp4 --out read.mp4 --csv read.csv` does this to a whole video.
# **The webcam** is the same without `--video`: a window with your own face, until you press `q`.
#
# ## A web page
#
# For people who never open a notebook there is a page in the browser, for photographs and the webcam:
# `python -m reading_faces serve` in a terminal, then open `http://127.0.0.1:7860`; or, in a notebook,
# `from reading_faces.page import build_page; build_page().launch()`. (It needs Gradio:
# `pip install "gradio>=6.31,<7"`.) Only your own machine can open the page. It deletes a photograph as soon as it
# is read, and remembers only people who have been enrolled.
#
# ![The web page in a browser: a photograph of Eileen Collins with a box around her face and the label Eileen; beside it a card with her face, name, a bar for each emotion, the muscles at work, and a field to enrol her](pictures/web_page.jpg)

# %% [markdown]
# ## What does each link cost, in errors?
#
# The models were measured on faces that were cut out for them. In the chain a detector does, and
# its boxes are looser. What does a loose box do? We move and scale the pictures of made faces by up to
# so many percent of their side, and read them again.

# %%
points_of, emotions_of = data.load_keypoints("made"), data.load_emotions("made")
points_of, emotions_of = points_of.select("test"), emotions_of.select("test")
some = np.arange(0, len(points_of), 2)
before = emotion_model.predict(emotions_of.images[some]).argmax(axis=1)
rows = []
for share in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3):
    loose = loose_boxes(len(some), 96, share)
    read = keypoint_model.predict(augment.warp_images(points_of.images[some], loose))
    errors = metrics.keypoint_errors(augment.warp_keypoints(points_of.keypoints[some], loose), read)
    loose = loose_boxes(len(some), 48, share)
    after = emotion_model.predict(augment.warp_images(emotions_of.images[some], loose))
    rows.append((share, np.nanmean(errors), (after.argmax(axis=1) != before).mean()))
costs = pd.DataFrame(rows, columns=["loose by", "points off", "other emotion"])
costs.style.format("{:.1%}").hide()

# %%
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for ax, column, title, marker in (
    (axes[0], "points off", "Keypoints: mean error", "o"),
    (axes[1], "other emotion", "Emotion: share that changes", "s"),
):
    ax.plot(100 * costs["loose by"], 100 * costs[column], f"{marker}-", color="#0173b2")
    ax.set(title=title, xlabel="box loose by up to, % of its side", ylim=(0, None))
axes[0].set_ylabel("% of the eye distance")
axes[1].set_ylabel("% of faces")
plots.show(
    fig,
    "Two curves over how loose the box is: the error of keypoints hardly grows up to 15 percent, while "
    "the share of faces whose emotion changes grows from the beginning.",
)

# %% [markdown]
# The keypoint model does not mind: it was trained on pictures moved like that. The emotion model was
# trained on moves of 9 % at most, and a face that it is unsure of tips to another emotion at once.
#
# So we *fit* the crop: `FRAMINGS` are the squares that put eyes and mouth where the training pictures have
# them. What is left of the loss, on real faces? Faces of two data sets were each put whole into a larger
# picture, found there by MTCNN, and cut out again (`python -m reading_faces evaluate emotion --source fer2013
# --split public --in-photos`, and the same for keypoints).

# %%
for name, metric in (
    ("keypoints-facial-keypoints-test-in-photos", "mean_error_interocular"),
    ("emotion-fer2013-public-in-photos", "accuracy"),
):
    stored = stored_result(name)
    measured = stored["metrics"]
    print(f"{stored['source']}, {stored['n']} faces found of {measured['searched']}, {metric}:")
    print(f"  own crop {measured['own_crop'][metric]:.1%}, through MTCNN {measured[metric]:.1%}")

# %% [markdown]
# And a wrong crop? **Before you run it:** these are the same two faces each time. From which framing on
# will the model see something else?

# %%
sides = (0.6, 0.8, 1.07, 1.4, 1.8, 2.4)
cuts, titles = [], []
for photo, face in ((collins, readings[1].faces[0]), (hopper, readings[0].faces[0])):
    for side in sides:
        cut, _ = crop.crop_faces(to_grey(photo), [face.box], 48, crop.Framing(side))
        row = emotion_model.predict(cut)[0]
        cuts.append(cut[0])
        titles.append(
            f"{side} × box\n{emotion_model.card['classes'][row.argmax()]} {row.max():.0%}"
        )
fig = plots.face_grid(np.array(cuts), titles=titles, columns=6)
plots.show(
    fig,
    "Eileen Collins and Grace Hopper in six framings each, from eyes and mouth alone to head and "
    "shoulders, with the emotion that the model names and its probability: Collins is happy in all, "
    "by 90 % and more; Hopper is afraid at 29 % in the closest and neutral in the others, by 38 to 79 %.",
)

# %% [markdown]
# Eileen Collins smiles so broadly that no framing hides it. Grace Hopper's face is at rest, and what the model
# makes of that depends on how much of her is seen: with the right crop neutral is about as likely as not, a
# wider one makes the model surer and the widest less so, and of eyes and mouth alone it says fear. A strong
# answer survives a bad crop; a weak one hangs on it.

# %% [markdown]
# ## What does each link cost, in time?
#
# One photograph with five faces, each step timed on its own. **Before you run it,** which bar will be the
# longest?

# %%
everyone = detect.detect_faces(group)
regions = np.array([face.region for face in everyone])
cut_96, _ = crop.crop_faces(to_grey(group), regions, 96, crop.FRAMINGS["mtcnn", "keypoints"])
cut_48, _ = crop.crop_faces(to_grey(group), regions, 48, crop.FRAMINGS["mtcnn", "emotion"])
cut_rgb, _ = crop.crop_faces(
    group, regions, embedder.size, crop.FRAMINGS["mtcnn", embedder.framing]
)
framing = crop.FRAMINGS["mtcnn", "keypoints"]
steps = {
    "find (MTCNN)": lambda: detect.detect_faces(group),
    "cut": lambda: crop.crop_faces(to_grey(group), regions, 96, framing),
    "keypoints": lambda: keypoint_model.predict(cut_96),
    "emotion": lambda: emotion_model.predict(cut_48),
    "action units": lambda: reader.load()["action_units"].predict(cut_96),
    "identity": lambda: embedder.embed(cut_rgb),
}
milliseconds = {name: 1000 * time_call(step, 0.5) for name, step in steps.items()}

# %%
fig, ax = plt.subplots(figsize=(7, 2.8), layout="constrained")
bars = ax.barh(list(milliseconds), list(milliseconds.values()), color="#0173b2", hatch="//")
ax.bar_label(bars, fmt="%.0f ms", padding=3)
ax.set(
    xlabel="milliseconds for a photograph of five faces",
    xlim=(0, 1.15 * max(milliseconds.values())),
)
ax.invert_yaxis()
plots.show(
    fig,
    "Bar chart of the time of each step for one photograph of five faces: finding the faces takes "
    "longer than all other steps together.",
)
assert max(milliseconds, key=milliseconds.get) == "find (MTCNN)"

# %% [markdown]
# Finding takes the time, reading is cheap. That is why `live` looks for faces in every tenth frame only, why
# a photograph is shrunk to 1,280 pixels before it is searched, and why a faster emotion model would make
# nothing faster.

# %% [markdown]
# ## Build your own
#
# Now your own photographs. Put the path of one, or of a folder of them, between quotes in the first line.
# They stay on your machine.

# %%
MY_PHOTOS = None  # for instance "holiday/" or "me.jpg"

paths = find_photos([MY_PHOTOS]) if MY_PHOTOS else []
for reading in reader.read(paths[:12]):
    print(Path(reading.path).name, reading.error or f"{len(reading.faces)} face(s)")
    if reading.faces:
        fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
        ax.imshow(annotate_photo(read_photo(reading.path), reading))
        ax.axis("off")
        plots.show(fig, "One of your photographs, with what was read of each face.")

# %% [markdown]
# Some things to build from here: sort a folder of portraits by who smiles; a shutter that waits until
# no one blinks; a diary of your own expressions while you read this course (of no other person's, unless
# they ask you to).
#
# ## Quiz
#
# **1. Why does each model get a crop of its own?**
# <details><summary>Answer</summary>Each model was trained on faces framed in its own way, and only
# knows those.</details>
#
# **2. A face fills 20 pixels of a large photograph. Which stage suffers?**
# <details><summary>Answer</summary>All of them: the detector may miss it, and enlarging it to 96 pixels
# adds no detail for the models.</details>
#
# **3. The emotion model says *happy*, 0.97. What do you know about the person?**
# <details><summary>Answer</summary>That the picture resembles pictures that people labelled happy.
# Nothing about what the person felt.</details>
#
# **4. Why do all faces of a batch of photographs go through a model together?**
# <details><summary>Answer</summary>Each call has a fixed cost that is larger than that of one
# face; together the faces share it.</details>
#
# **5. A video runs at four frames a second. Which step would you speed up first?**
# <details><summary>Answer</summary>The detector, by calling it less often: it takes longer than all
# other steps together.</details>
#
# ## What you learned
#
# - The chain is detect, crop, predict, map back; each step has a contract with the next.
# - Framing belongs to the model: cut as the training set was cut.
# - Look at the result, then test it against something independent.
# - Many faces in one call; the detector seldom; answers smoothed over time.
# - Measure each link by itself, in errors and in milliseconds, before you improve one.
#
# ## Where this breaks
#
# Faces in profile, half covered, very small or very blurred are missed or misread. Ten of the 15
# keypoints had no labels on real faces but those of video frames, which a program had marked. The
# emotion model learnt from acted and press pictures. An
# expression is not a feeling, and reading emotions of people at work or at school is against the law
# in the European Union (AI Act, Article 5). Do not use it to judge anyone.
#
# ## Go further
#
# Give the reader a group photograph and look for the first face that it gets wrong. Then read
# [how the models were made](https://github.com/reading-faces/reading-faces/blob/main/reading_faces/training/tasks.py).
#
# **Back to** [lesson 1](01_keypoints_and_flip.ipynb) and [lesson 2](02_residual_keypoint_model.ipynb),
# which build the keypoint model, [lesson 3](03_first_classifier.ipynb), the emotion model,
# [lesson 5](05_transfer_and_action_units.ipynb), the model of action units, and
# [lesson 6](06_identity_and_unknown.ipynb), which finds out who it is.
