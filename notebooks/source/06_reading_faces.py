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
# ![Portraits of Grace Hopper and Eileen Collins with a box around each face, 15 keypoints, and a label with the emotion and its probability](pictures/result.jpg)
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
from importlib import import_module
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("helpers") is None:  # in Colab: fetch the course's code once
    address = "git+https://github.com/reading-faces/reading-faces@v0.1.0"
    get_ipython().run_line_magic("pip", f"install -q {address}")

_ = import_module("helpers")  # before TensorFlow, so that it uses all that the processor can do

# %% [markdown]
# We import what the lesson uses. Loading TensorFlow takes a few seconds; nothing is downloaded, the
# trained weights came with the course.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cbook import get_sample_data
from skimage.data import astronaut

from helpers import check, crop, data, detect, identity, models, photos, pipeline, plots, portraits
from helpers.made_faces.albums import group_photo
from helpers.made_faces.expression import ACTION_UNITS, UNIT_NAMES

# %% [markdown]
# ## Which photographs?
#
# Two portraits in the public domain come inside libraries that are installed anyway: Grace Hopper,
# computer scientist and rear admiral, in matplotlib, and Eileen Collins, astronaut, in scikit-image.
# Both are real photographs of real people, and no model of this course has been trained on them.

# %%
hopper = photos.read_photo(get_sample_data("grace_hopper.jpg", asfileobj=False))
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
# and more closely at fewer and fewer places; [lesson 5](05_identity_and_unknown.ipynb) opens it up. For each face it gives a box,
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
# A model only knows faces framed like those it was trained on. Our keypoint model has seen 96 × 96
# pixels with the eyes two fifths of the way down; the emotion model 48 × 48, framed a little wider. So
# each gets **its own crop**, and the numbers that say how to cut are fitted to each training set.

# %%
grey = crop.to_grey(collins)
boxes = np.array([face.region for face in found])
for_keypoints, matrices = crop.crop_faces(grey, boxes, 96, crop.FRAMINGS["mtcnn", "keypoints"])
for_emotion, _ = crop.crop_faces(grey, boxes, 48, crop.FRAMINGS["mtcnn", "emotion"])

fig, axes = plt.subplots(1, 2, figsize=(6, 3.3), layout="constrained")
for ax, picture, title in (
    (axes[0], for_keypoints[0], "for keypoints: 96 × 96"),
    (axes[1], for_emotion[0], "for emotion: 48 × 48"),
):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    ax.set(title=title, xlabel="x, pixels", ylabel="y, pixels")
plots.show(
    fig,
    "The same face cut out twice in grey: 96 by 96 pixels for the keypoint model, and coarser, 48 by "
    "48 pixels, for the emotion model.",
)

# %% [markdown]
# The same face, cut twice. (`FaceReader`, below, also turns a leaning head upright first.) Try
# `crop.Framing(side=1.6)` in place of one of the framings, and look at what the models say then: to
# our eyes it is still the same face.

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
# is long says that the picture looks like pictures that were called happy. What she felt, nobody here
# knows.

# %% [markdown] exercise="back"
# ### Exercise · Back into the photograph (10 minutes)
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
# Type into the cell below and run it; leave the folded solution closed while you try; then run the
# checker under it.


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
# ## All of it in one call
#
# `FaceReader` does these four steps for any number of photographs, and all faces of all of them go
# through each model together. Its answer becomes a table with one row a face.

# %%
reader = pipeline.FaceReader()
readings = list(reader.read([hopper, collins]))
table = pipeline.to_frame(readings)
table[["face", "confidence", "emotion", *data.EMOTIONS]].round(2)

# %% [markdown]
# And one picture: box, keypoints, and the emotion with the probability that the model gives it.

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")
for ax, photo, reading in zip(axes, (hopper, collins), readings, strict=True):
    ax.imshow(plots.annotate_photo(photo, reading))
    ax.axis("off")
plots.show(
    fig,
    "Both portraits with a box around each face, 15 keypoints, and a label with the most likely "
    "emotion and its probability.",
)

# %% [markdown]
# ### What moved?
#
# The reader has asked a third model too, that of [lesson 4](04_transfer_and_action_units.ipynb): which
# facial **action units** are there? It has learnt from drawings only, so take its answer with care.
# **Before you run it,** look at the two portraits: which of these do you see?

# %%
units = table[list(UNIT_NAMES)].T.set_axis(["Hopper", "Collins"], axis=1)
units.insert(0, "what moves", ACTION_UNITS.values())
units[units[["Hopper", "Collins"]].max(axis=1) > 0.3].round(2)

# %% [markdown]
# Lip corner puller (12) and parted lips (25), and a little of the cheek raiser (6): that is what anybody would write
# down of Eileen Collins's smile. What the model half sees on Grace Hopper, from raised lids to a wrinkled nose,
# nobody else does: it has learnt from drawn faces, without glasses' reflections and the shade of a cap.

# %% tags=["showed"]
words = [f"{row.emotion} ({row[row.emotion]:.0%})" for _, row in table.iterrows()]
print(f"{len(table)} faces in 2 photographs: Hopper {words[0]}, Collins {words[1]}")

# %% [markdown]
# ## A photograph whose truth we know
#
# How wrong is all this? Of a real photograph we seldom know the truth: nobody measured where those
# eyes are. Of a **made** one we know it exactly, because the course drew it. Here are five made-up
# people; **before you run it, what do you expect** to be read better, the points or the emotions?

# %%
group, truth = group_photo(5, size=(1000, 560), seed=4)
(reading,) = reader.read([group])
fig, ax = plt.subplots(figsize=(9, 5), layout="constrained")
ax.imshow(plots.annotate_photo(group, reading))
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
# The points are close, although the model saw no drawing when it was trained. The emotions are often
# other ones than those drawn. Before you blame the model, look at the picture: would *you* have named
# them? Weak and mixed expressions are part of the set, as they are part of life.

# %% [markdown]
# ## And who is it?
#
# [Lesson 5](05_identity_and_unknown.ipynb) turns a face into a point, and compares it with the points of people who are
# **enrolled**. We enrol the two women by their portraits, and show the reader Eileen Collins mirrored and at half the
# light, and the group. **Before you run it:** what should it say of the five?

# %%
embedder = identity.SmallEmbedder()
gallery = identity.Gallery.empty(embedder.name, embedder.threshold)
for name, photo in (("Grace Hopper", hopper), ("Eileen Collins", collins)):
    faces, _ = portraits.cut_portraits([photo], embedder.size, embedder.framing)
    gallery = gallery.enroll(name, embedder.embed(faces))
knowing = pipeline.FaceReader(keypoints=False, action_units=False, gallery=gallery)
dim = np.ascontiguousarray(collins[:, ::-1]) // 2
for title, read in zip(("Collins, dim", "the group"), knowing.read([dim, group]), strict=True):
    print(title, [(face.identity[0], round(face.identity[1], 2)) for face in read.faces])

# %% [markdown]
# A name comes with how similar the face is to the portrait; `None` is nobody who is enrolled. The threshold lies at
# 0.38, where on press photographs as many strangers were let in as friends turned away: about a quarter of each. Never
# act on such a name alone.

# %% [markdown]
# Now your own photographs: `reader.read(["my_photo.jpg"])` here, or
# `python -m helpers predict my_photo.jpg --draw out` in a terminal. They stay on your machine.
#
# ## Quiz
#
# **1. Why are there two crops of each face?**
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
# ## What you learned
#
# - The chain is detect, crop, predict, map back; each step has a contract with the next.
# - Framing belongs to the model: cut as the training set was cut.
# - Look at the result, then test it against something independent.
#
# ## Where this breaks
#
# Faces in profile, half covered, very small or very blurred are missed or misread. Ten of the 15
# keypoints were learnt from made faces, since no real picture with all of them labelled could be had;
# how well they follow a real raised eyebrow, nobody has measured. The emotion model learnt from acted and press pictures. An
# expression is not a feeling, and reading emotions of people at work or at school is against the law
# in the European Union (AI Act, Article 5). Do not use it to judge anyone.
#
# ## Go further
#
# Give the reader a group photograph and look for the first face that it gets wrong. Then read
# [how the models were made](https://github.com/reading-faces/reading-faces/blob/main/helpers/recipes.py).
#
# **Back to** [lesson 1](01_keypoints_and_flip.ipynb) and [lesson 2](02_residual_keypoint_model.ipynb),
# which build the keypoint model, [lesson 3](03_emotion_classifier.ipynb), the emotion model, and
# [lesson 4](04_transfer_and_action_units.ipynb), the model of action units, and
# [lesson 5](05_identity_and_unknown.ipynb), names.
