# %% [markdown]
# # 6 · Who is it, or nobody we know? FaceNet, an SVM, and the courage to say "unknown"
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/06_identity_and_unknown.ipynb)
#
# [Lesson 5](05_transfer_and_action_units.ipynb) read what a face does. This one asks whose it is. A classifier
# with a class for each person would have to be trained again whenever a person joins, and would give every
# stranger a name. So we learn something else: a *distance*. After this lesson you will be able to find faces,
# turn each into a point such that pictures of one person lie close together, name whom you know, and leave
# the others unnamed.
#
# ![Portraits of one made-up person on four days, beside four other people](pictures/identity.jpg)
#
# **You will be able to**
#
# - say what MTCNN's three stages do, and where it and a Haar cascade fail;
# - align a face by its eyes, and measure what that is worth;
# - train an embedding with the triplet loss and semi-hard negatives;
# - name people with a linear SVM, a nearest mean or neighbours, from one, three or ten pictures;
# - choose a threshold for "unknown", and read ROC and equal error rate;
# - say what this must not be used for.
#
# **You need** [lesson 2](02_residual_keypoint_model.ipynb): residual networks, loss. **Time:** 100 minutes; the
# code itself runs in under three.

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
# We import what the lesson uses. Nothing is downloaded.

# %%
from time import perf_counter

import cv2
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from keras import ops
from mtcnn import MTCNN
from mtcnn.stages import StageONet, StagePNet, StageRNet
from scipy.special import logsumexp
from skimage.data import astronaut
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.metrics import ConfusionMatrixDisplay, roc_auc_score, roc_curve
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

# %% [markdown]
# And what is the course's own:
# %%
from helpers import crop, data, detect, embedders, models, plots, settings
from helpers.augment import augment_faces
from helpers.batches import PeopleBatches
from helpers.gallery import Gallery
from helpers.images import read_photo
from helpers.results import stored_result
from reading_faces.annotate import annotate_photo
from reading_faces.enroll import enroll_people
from reading_faces.exercises import check
from reading_faces.made_faces.albums import people_album
from reading_faces.reader import FaceReader
from reading_faces.training import recognition

keras.utils.set_random_seed(settings.SEED)
plots.set_style()

# %% [markdown]
# ## Find
#
# Before anybody is recognised, the face has to be found. **MTCNN**
# ([Zhang et al. 2016](https://arxiv.org/abs/1604.02878)) does it in three stages. The first network, tiny,
# slides over the photo at many sizes and proposes windows; the second looks at each of them and throws most
# away; the third decides, and marks eyes, nose and mouth corners. We ask after each stage.

# %%
photo = astronaut()
stages = {"1: proposals": [StagePNet], "2: refined": [StagePNet, StageRNet],
          "3: decided": [StagePNet, StageRNet, StageONet]}  # fmt: skip
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, (title, parts) in zip(axes, stages.items(), strict=True):
    rows = MTCNN(stages=parts).detect_faces(photo, output_type="numpy", threshold_onet=0.9)
    ax.imshow(photo)
    for row in rows:
        ax.add_patch(plt.Rectangle(row[1:3], *row[3:5], fill=False, color="#c97c00", lw=1))
        if len(row) > 6:
            ax.plot(row[6:11], row[11:16], "o", color="#0173b2", ms=4)
    ax.set_title(f"{title}, {len(rows)}")
    ax.axis("off")
plots.show(
    fig,
    "A portrait three times: a hundred proposed boxes all over, a few that the second stage kept, and one box "
    "around the face with five landmarks.",
)

# %% [markdown]
# Older and faster is the **Haar cascade** of Viola and Jones (2001): sums of light and dark rectangles, thousands
# of them, each able to say "no face here". It knows faces from the front only, and gives no landmarks. Where
# does each stop finding this face? We turn it, shrink it, and darken it. **Before you run it:** which of the
# two gives up first in each row?


# %%
def turned(degrees):
    middle = (photo.shape[1] / 2, photo.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1)
    return cv2.warpAffine(photo, matrix, photo.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def shrunk(side):
    small = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(small, 60, 60, 60, 60, cv2.BORDER_REPLICATE)


def darker(share):
    return (photo * share).astype("uint8")


tests = {
    "turned by (degrees)": (turned, (0, 20, 40, 60, 90)),
    "photo shrunk to (pixels)": (shrunk, (256, 128, 96, 64, 48)),
    "light left": (darker, (0.5, 0.2, 0.1, 0.05, 0.02)),
}

# %%
detectors = [d for d in detect.DETECTORS if d == "mtcnn" or hasattr(cv2, "CascadeClassifier")]


def finds(detector, change, steps):
    found = [bool(detect.detect_faces(change(step), detector, 0.5)) for step in steps]
    return "  ".join(
        f"{step} ✓" if seen else f"{step} –" for step, seen in zip(steps, found, strict=True)
    )


pd.DataFrame(
    {
        detector: {name: finds(detector, *test) for name, test in tests.items()}
        for detector in detectors
    }
)

# %% [markdown]
# Haar gives up earlier when the head leans, and misses a size in between: its window moves in steps. It sees in the dark,
# because its photo is first equalised, that is, its greys are spread out; MTCNN sees what is there. Here both answered
# at a **threshold** of 0.5: how sure must the last stage be? With a low one, other things pass for faces; with
# a high one, faces get lost. Ours is 0.9.
#
# ### A trap
#
# Who looks for large faces only may tell MTCNN so: `min_face_size=40`. Look what comes back.

# %%
for least in (20, 40, 80):
    rows = MTCNN().detect_faces(photo, output_type="numpy", min_face_size=least)
    print(f"min_face_size={least}: {len(rows)} face(s)")

# %% [markdown]
# The face is 100 pixels wide, and from 40 on nothing is found, without an error. (Inside mtcnn 1.0 the smallest
# copy of the photo becomes smaller than its first network; TensorFlow complains, and the complaint is taken
# for "no faces".) To save time, shrink the photo instead; our `detect_faces` does.
#
# ### Cut, align, resize, standardise
#
# Every embedder wants its faces cut as those were that it learnt from: this much margin, this size. FaceNet takes
# 160 × 160 pixels, ours 96 × 96, both in colour. Then the numbers are brought to one scale: FaceNet maps 0 to 255 to
# −1 to 1; our networks give each picture mean 0 and deviation 1, which also takes out brightness and contrast.
#
# A leaning head shows the same person. Turning it upright before the network looks saves the network from
# learning that. We lean the portrait, and cut it out with and without alignment.

# %%
leaning = turned(25)
(face,) = detect.detect_faces(leaning)
framing = crop.FRAMINGS["mtcnn", "facenet"]
plain, _ = crop.crop_faces(leaning, [face.region], 160, framing)
aligned, _ = crop.crop_faces(leaning, [face.region], 160, framing, [face.roll])
plots.show(
    plots.face_grid(
        np.concatenate([plain, aligned]), titles=["as it leans", f"turned by {face.roll:.0f}°"]
    ),
    "A leaning portrait, cut out as it is and turned upright.",
)

# %% [markdown]
# Is it worth the trouble, and does it matter who finds the faces? We take 12 made people with five photos each,
# find their faces in three ways, and ask the embedder that you meet in a moment to name three photos of each person by the
# other two.

# %%
PEOPLE = settings.by_profile(smoke=4, lesson=12, full=12)
album = data.load_people(data.album_folder(people_album(PEOPLE, photos=PEOPLE)))
number = pd.Series(album.names).groupby(album.names).cumcount().to_numpy()
some = album.select(number < 5)
ours = embedders.SmallEmbedder()
rows = []
for detector in detectors:
    for upright in (True, False) if detector == "mtcnn" else (False,):
        started = perf_counter()
        cut, found_face = detect.crop_largest_faces(
            some.photos, ours.size, ours.framing, detector, upright
        )
        seconds = perf_counter() - started
        shares = recognition.by_few(ours.embed(cut), some.names, enrolled=2)
        rows.append((detector, "yes" if upright else "no", f"{found_face.mean():.0%}",
                     f"{shares.mean():.0%}", f"{len(some) / seconds:.0f}"))  # fmt: skip
columns = ["detector", "turned upright", "faces found", "named right", "photos a second"]
pd.DataFrame(rows, columns=columns)

# %% [markdown]
# Made people hardly lean, and a wrong answer more or less is chance. On real photos it counts: on 93 press photos of
# five people and portraits of 50 strangers, friends were told from strangers best with MTCNN and upright faces, less well
# as they lean (`--no-align`), and worst with Haar (`--detector haar`), which misses one face in six
# (`python -m reading_faces evaluate identity --source five-celebrities --split train --unknown photos/strangers`).
#
# ## Embed
#
# **FaceNet** ([Schroff et al. 2015](https://arxiv.org/abs/1503.03832)) is the classic: a network whose output is
# not classes but a point, an **embedding**, with the people it was trained on nowhere in it. Its largest form
# followed Zeiler and Fergus (140 million weights); an Inception form needs 7.5 million. The weights that most
# people use are of an Inception-ResNet, built here with random numbers for its structure alone:

# %%
network = embedders.build_network()
kinds = pd.Series([type(layer).__name__ for layer in network.layers]).value_counts()
print(f"{len(network.layers) - 1} layers after the input, {network.count_params():,} weights,")
print(f"{models.count_flops(network) / 1e9:.1f} billion operations for a face of 160 × 160 pixels,")
print(f"and out come {network.output_shape[1]} numbers.")
kinds.head(6).to_frame("layers").T

# %% [markdown]
# A network's structure can be written as text, and read back. We try it with this one, and with the smallest network
# that has a layer of the same kind:

# %%
text = network.to_json()
print(f"{len(text):,} characters of JSON, {text.count('Lambda')} times Lambda")
doubling = keras.layers.Lambda(lambda numbers: 2 * numbers)
for written in (text, keras.Sequential([keras.Input((2,)), doubling]).to_json()):
    try:
        keras.models.model_from_json(written)
    except Exception as problem:
        reason = str(problem).split("Exception encountered: ")[-1]
        print(f"\n{type(problem).__name__}: {reason[:155]} …")

# %% [markdown]
# A **Lambda** layer holds a Python function. FaceNet's file only names its function, `scaling`; a program that reads it has to
# have that code. The small network's file *contains* the code, as bytes: to read it is to run what a stranger wrote, so
# Keras refuses unless told that the file is trusted. Our models have no such layers, and travel as numbers and a card.
#
# FaceNet's weights may not ship with this course. If you have fetched them (`python -m reading_faces data fetch
# facenet`, 92 MB), they are used from here on; if not, our own small network is, and says so.

# %%
embedder = embedders.best_embedder()
print("embedder:", embedder.name)

# %% [markdown] exercise="sphere"
# ### Exercise 1 · Onto the sphere (5 minutes)
#
# How long an embedding is says how contrasty the picture was; who it is lies in its *direction*. Write
# `unit_sphere(embeddings)` for `(n, d)`: the same directions, each row of length 1.
#
# Type into the cell below and run it, then run the checker under it.


# %% exercise="sphere" part="solution"
def unit_sphere(embeddings):
    ### BEGIN SOLUTION
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    ### END SOLUTION


# %% exercise="sphere" part="checker"
check.unit_sphere(unit_sphere)

# %% exercise="sphere" part="hidden"
assert np.allclose(unit_sphere(np.array([[0.0, 2.0], [3.0, 4.0]])), [[0, 1], [0.6, 0.8]])

# %% [markdown]
# On the sphere, squared distance and cosine say the same: ‖a − b‖² = 2 − 2 a·b. Nearness of two faces is one
# multiplication of their embeddings.
#
# How many numbers should a face get? FaceNet found that 128 are enough: 64 lose a little, 256 and 512 gain
# nothing that can be measured. (1,024 numbers need eight times the room of 128, and more pictures to learn
# from.)
#
# ## Triplet loss, from scratch
#
# We train a small embedding ourselves: on made people, 20 pictures of each, and none of the people whom we judge by.

# %%
faces = data.load_set()
who = np.unique(faces.subjects, return_inverse=True)[1]
train, new = faces.split == "train", faces.split == "test"
print(f"{len(set(who[train]))} people to learn from, {len(set(who[new]))} others to judge by")

# %% [markdown]
# A **triplet** is an anchor, another picture of the same person (the positive), and another person's picture (the
# negative). The positive should be nearer than the negative, by a **margin**.

# %% [markdown] exercise="triplet"
# ### Exercise 2 · Triplet loss (10 minutes)
#
# Write `triplet_loss(anchor, positive, negative, margin)` for three arrays `(n, d)`: the mean over triplets of
#
# `max(0, ‖anchor − positive‖² − ‖anchor − negative‖² + margin)`.


# %% exercise="triplet" part="solution"
def triplet_loss(anchor, positive, negative, margin):
    ### BEGIN SOLUTION
    near = ((anchor - positive) ** 2).sum(axis=1)
    far = ((anchor - negative) ** 2).sum(axis=1)
    return np.maximum(near - far + margin, 0).mean()
    ### END SOLUTION


# %% exercise="triplet" part="checker"
check.triplet_loss(triplet_loss)

# %% exercise="triplet" part="hidden"
one, other = np.eye(2)[[0]], np.eye(2)[[1]]
assert triplet_loss(one, one, other, 0.5) == 0
assert triplet_loss(one, other, one, 0.5) == 2.5

# %% [markdown]
# Most triplets are easy: the loss is 0, and nothing is learnt. The hardest ones, with the nearest stranger of all,
# are often wrong labels or bad pictures, and training on them alone collapses everything to one point.
# FaceNet takes **semi-hard** ones: strangers who are farther than the positive, but not by the margin.

# %% [markdown] exercise="mining"
# ### Exercise 3 · Semi-hard (10 minutes)
#
# Write `semi_hard(to_positive, distances, is_other, margin)` for one anchor: the distance to its positive, the
# distances `(n,)` to all pictures, and which of them show another person `(n,) bool`. Give back the position of the
# nearest picture of another person that is farther than the positive by less than the margin; -1 if there is none.


# %% exercise="mining" part="solution"
def semi_hard(to_positive, distances, is_other, margin):
    ### BEGIN SOLUTION
    good = is_other & (distances > to_positive) & (distances < to_positive + margin)
    if not good.any():
        return -1
    return int(np.where(good, distances, np.inf).argmin())
    ### END SOLUTION


# %% exercise="mining" part="checker"
check.semi_hard(semi_hard)

# %% exercise="mining" part="hidden"
assert semi_hard(0.1, np.array([0.3, 0.2, 0.05]), np.array([True, False, True]), 0.5) == 0

# %% [markdown]
# The loss does that for all pairs of a batch at once: each is an anchor and its positive. Where no other person is farther
# than the positive, it takes the farthest picture of another person.


# %%
def semi_hard_loss(who, points, margin=0.2):
    distances = ops.relu(2 - 2 * points @ ops.transpose(points))  # squared: points have length 1
    other = ops.reshape(who, (-1, 1)) != ops.reshape(who, (1, -1))
    pair = ops.cast(~other, "float32") - ops.eye(ops.shape(points)[0])
    # Three axes: anchor, positive, negative.
    farther = other[:, None, :] & (distances[:, None, :] > distances[:, :, None])
    nearest = ops.min(ops.where(farther, distances[:, None, :], np.inf), axis=2)
    farthest = ops.max(ops.where(other, distances, 0.0), axis=1, keepdims=True)
    negative = ops.where(ops.any(farther, axis=2), nearest, farthest)
    terms = ops.relu(distances - negative + margin) * pair
    return ops.sum(terms) / ops.maximum(ops.sum(pair), 1)


# %% [markdown]
# A batch holds 16 people with four pictures each, so that there are pairs at all. The course's embedding network takes
# colour, and our made faces are grey: a first layer copies them into three channels. We look at the similarities
# within and between people before, in the middle and after.

# %%
EPOCHS, LEARNING_RATE = settings.by_profile(smoke=2, lesson=12, full=60), 2e-3
small = keras.Sequential([
    keras.Input((48, 48, 1)),
    keras.layers.Conv2D(3, 1, use_bias=False, kernel_initializer="ones"),
    models.build_embedding_model(48, filters=(32, 64, 96), identity_blocks=(0, 0, 0)),
])  # fmt: skip
small.compile(keras.optimizers.Adam(LEARNING_RATE), semi_hard_loss)
batches = PeopleBatches(
    faces.small_images[train], who[train], people=16, pictures=4, augment=augment_faces
)
pairs = np.triu_indices(new.sum(), 1)
same = (who[new][:, None] == who[new])[pairs]


def similarities():
    points = small.predict(models.standardize(faces.small_images[new]), verbose=0)
    return (points @ points.T)[pairs]


snapshots = {"before": similarities()}
losses = []
for part in ("half way", "after"):
    for _ in range(EPOCHS // 2 or 1):
        batches.start_epoch(len(losses))
        losses.append(small.fit(batches, verbose=0).history["loss"][0])
    snapshots[part] = similarities()

# %%
fig, axes = plt.subplots(1, 3, figsize=(9.5, 2.8), sharex=True, layout="constrained")
for ax, (moment, values) in zip(axes, snapshots.items(), strict=True):
    auc = roc_auc_score(same, values)
    for chosen, label, style in ((same, "one person", "-"), (~same, "two people", "--")):
        ax.hist(
            values[chosen], 40, range=(-1, 1), density=True, histtype="step", ls=style, label=label
        )
    ax.set(title=f"{moment}: AUROC {auc:.2f}", xlabel="cosine similarity")
    ax.set_yticks([])
axes[0].legend(loc="upper left")
plots.show(
    fig,
    "Histograms of similarity for pairs of one person and of two, at three moments of training: at first they lie on "
    "each other, in the end pairs of one person are close to 1 and pairs of two reach far below.",
)

# %% tags=["nbval-check-output"]
print(
    "people come apart:",
    roc_auc_score(same, snapshots["after"]) > roc_auc_score(same, snapshots["before"]),
)

# %% [markdown]
# At first any two faces are about equally alike: a network with random weights sees above all that both are faces.
# Then pictures of one person move together, and many pairs of two people apart. AUROC is the chance that a pair of one
# person is more alike than a pair of two; 0.5 would be tossing a coin. None of these people was in the training.
#
# ### Learning from a teacher
#
# The embedder that ships with this course was not trained by triplets. It is a **pupil**: it learnt from what a larger
# network, its **teacher**, says of each picture, and from names. (Lesson 3 calls that *distillation*.) A name says
# only "the same person" or "another one". A teacher says of any two pictures *how* alike they are, even of people
# with a single picture. The pupil's loss has three parts:
#
# 1. **The same answer.** One minus the cosine between the pupil's point and the teacher's, for each picture.
# 2. **The same likenesses.** For each pair of pictures in a batch, the pupil's similarity less the teacher's, squared.
# 3. **Names.** Each person has a point on the sphere, at first the mean of the teacher's answers. The cosines to all
#    of these points, times 24, are logits, and cross-entropy asks for the right person. From the cosine to the right
#    one a margin of 0.15 is taken first, so that it has to win clearly
#    ([CosFace](https://arxiv.org/abs/1801.09414)). These points are learnt too, and thrown away afterwards.


# %%
def three_parts(pupil, teacher, person):
    same_answer = 1 - (pupil * teacher).sum(axis=1).mean()
    same_likenesses = ((pupil @ pupil.T - teacher @ teacher.T) ** 2).mean()
    own = unit_sphere(np.stack([teacher[person == p].mean(axis=0) for p in np.unique(person)]))
    logits = 24 * (pupil @ own.T - 0.15 * np.eye(len(own))[person])
    right = logits[np.arange(len(person)), person]
    return same_answer, same_likenesses, np.mean(logsumexp(logits, axis=1) - right)


# %% [markdown]
# The teacher's file is not here, so we play it through: the shipped embedder is the teacher, on four pictures each of
# four new people. It wants faces upright, cut in its way, in colour. Made faces come with their eyes and mouth, so
# no detector is needed.


# %%
def cut_for(embedder, rows):
    """Made faces, upright and cut as an embedder wants them, with three equal channels."""
    framing, cut = crop.FRAMINGS["mtcnn", embedder.framing], []
    for image, points in zip(faces.images[rows], faces.keypoints[rows], strict=True):
        five = points[[1, 0, 10, 12, 11]]  # eyes, nose, mouth corners in MTCNN's order
        square, roll = crop.region_of_landmarks(five), detect.roll_of(five)
        cut.append(crop.crop_faces(image, square, embedder.size, framing, roll)[0][0])
    return np.repeat(np.array(cut)[..., np.newaxis], 3, axis=3)


# %% [markdown]
# Three pupils are judged: one that says what the teacher says, one that says it with the numbers in reverse order,
# and our small network, which never had this teacher. **Before you run it:** which parts of the loss does the
# second pupil notice?

# %%
classroom = np.concatenate([np.flatnonzero(who == p)[:4] for p in np.unique(who[new])[:4]])
person = np.repeat(np.arange(4), 4)
teacher = ours.embed(cut_for(ours, classroom))
pupil = small.predict(models.standardize(faces.small_images[classroom]), verbose=0)
pupils = {"the teacher's own answers": teacher, "in reverse order": teacher[:, ::-1],
          "our small network": pupil}  # fmt: skip
pd.DataFrame(
    {name: three_parts(points, teacher, person) for name, points in pupils.items()},
    index=["same answer", "same likenesses", "names"],
).T.round(2)

# %%
likenesses = {"teacher": teacher @ teacher.T, "our small network": pupil @ pupil.T}
likenesses["squared difference"] = np.subtract(*likenesses.values()) ** 2
fig, axes = plt.subplots(1, 3, figsize=(9, 3.1), layout="constrained")
for ax, (title, values) in zip(axes, likenesses.items(), strict=True):
    drawn = ax.imshow(values, cmap="Blues", vmin=0, vmax=1)
    ax.set(title=title, xticks=[1.5, 5.5, 9.5, 13.5], yticks=[1.5, 5.5, 9.5, 13.5])
    ax.set_xticklabels("ABCD")
    ax.set_yticklabels("ABCD")
fig.colorbar(drawn, ax=axes, label="similarity; right: squared difference")
plots.show(
    fig,
    "Similarities of 16 pictures of four people, A to D, as three squares of cells. In the teacher's, four dark blocks "
    "lie on the diagonal: pictures of one person. In our small network's they are less clear, for cells beside them "
    "are dark as well. The third shows where the two differ.",
)

# %% [markdown]
# With its numbers in reverse order a pupil finds the very same faces alike, so the second part is 0, but it gives other
# answers: the first part is near 1, as for any two points that have nothing to do with each other. That is why
# embeddings of two networks cannot be compared. Our small network is such a stranger to this teacher, and still
# sees some of the same likenesses. Even the teacher's own answers pay for the names, because of the margin.
#
# In the training the parts are added with weights 1, 2 and 0.03 (`taught` in
# `reading_faces/training/teach_embedding.py`): the teacher counts most, and names correct it a little.
#
# **Whose faces were they?** The teacher is
# [dlib's network](https://github.com/davisking/dlib-models), which its author put in the public domain. It had learnt
# from about three million pictures, many of them collected from the web. The pupil saw made people, and photos of a few
# thousand well-known people (LFW, CelebA, YouTube Faces; none of them is in this course). These people were never
# asked, and the pictures are for non-commercial research; the points by which their faces were cut come from another
# model of dlib's, which excludes commercial use. So the weights are for non-commercial research and teaching, too: to
# name people who agreed, not to open a door, and not to look for anybody.
#
# A pupil is, as a rule, no better than its teacher: whom the one confuses, the other is taught to confuse.
#
# ## Decide
#
# From here on the embedder at hand is used, on the new people. With a few pictures of each enrolled, who is on
# the others? Three ways: the **nearest mean**, the **nearest neighbour**, and a **linear SVM**, as the classic
# project has it. An SVM is a *support vector machine*. It puts a flat border between two people, as far as it can from
# the nearest faces on both sides. These nearest faces are its [support vectors](../docs/glossary.md#support-vector).
# **Before you run it:** which needs the most pictures?

# %%
points = embedder.embed(cut_for(embedder, new))
names = faces.subjects[new]

# %% [markdown]
# Each way gets the rows that are enrolled, and names the others:


# %%


def nearest_mean(known):
    gallery = recognition.gallery_of(points[known], names[known])
    return np.array(gallery.people)[gallery.similarities(points[~known]).argmax(axis=1)]


def trained(machine):
    return lambda known: machine.fit(points[known], names[known]).predict(points[~known])


ways = {
    "nearest mean": nearest_mean,
    "nearest neighbour": trained(KNeighborsClassifier(1, metric="cosine")),
    "linear SVM": trained(SVC(kernel="linear", C=10)),
}


# %%
def share_right(name_others, enrolled, draws=10):
    rng, shares = np.random.default_rng(settings.SEED), []
    for _ in range(draws):
        rows = [rng.permutation(np.flatnonzero(names == n))[:enrolled] for n in sorted(set(names))]
        known = np.isin(np.arange(len(names)), np.concatenate(rows))
        shares.append(np.mean(name_others(known) == names[~known]))
    return f"{np.mean(shares):.0%} ± {np.std(shares):.0%}"


pd.DataFrame(
    {
        f"{n} picture(s) each": {w: share_right(way, n) for w, way in ways.items()}
        for n in (1, 3, 10)
    }
)

# %% [markdown]
# From a single picture all three must say the same: there is nothing to learn from but that one point. With three,
# the mean is better than any single neighbour, because one odd picture counts less in it. An SVM can learn more: which
# differences do *not* matter. A good embedding leaves it little of that to learn, so it does about as well as the mean.
# Between enrolling one picture and ten, most errors disappear.
#
# With all pictures but a fifth to learn from, five times (**cross-validation**), whom does the SVM take for whom?

# %%
called = recognition.by_svm(points, names, folds=5)
fig, ax = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
short = [name.removeprefix("made0-") for name in sorted(set(names))]
ConfusionMatrixDisplay.from_predictions(
    names,
    called,
    display_labels=short,
    cmap="Blues",
    ax=ax,
    colorbar=False,
    text_kw={"size": 7},
    xticks_rotation="vertical",
)
ax.set(xlabel="called", ylabel="is")
plots.show(
    fig,
    f"Confusion of 16 made people: {np.mean(called == names):.0%} of 320 faces lie on the diagonal.",
)

# %% [markdown]
# A map of them in two dimensions, by principal components; each person has a marker:

# %%
fig, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
flat = PCA(2).fit_transform(points)
for name, marker in zip(sorted(set(names))[:8], "osv^D*XP", strict=True):
    ax.plot(*flat[names == name].T, marker, ms=6, alpha=0.7, label=name)
ax.set(xlabel="first component", ylabel="second component")
ax.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
plots.show(
    fig, "Embeddings of eight made people in two dimensions; each person is a cloud, some overlap."
)

# %% [markdown]
# ## Unknown
#
# Now a person comes who was never enrolled. The SVM has never heard that there are others:

# %%
people = sorted(set(names))
friends, strangers = np.isin(names, people[:8]), np.isin(names, people[8:])
machine = SVC(kernel="linear", C=10).fit(points[friends], names[friends])
called = pd.Series(machine.predict(points[strangers])).value_counts()
print(f"{strangers.sum()} faces of {len(people) - 8} strangers are called:")
called.to_frame("times").T

# %% [markdown]
# Every one of them got a name. Would probabilities help? (scikit-learn's `SVC(probability=True)` is on its way out:
# its probabilities did not always agree with its own answer. `CalibratedClassifierCV` wraps any machine.)

# %%
sure = CalibratedClassifierCV(SVC(kernel="linear", C=10), ensemble=False)
sure.fit(points[friends], names[friends])
confidence = sure.predict_proba(points[strangers]).max(axis=1)
print(
    f"strangers: named with {np.mean(confidence):.0%} on average, with more than 80 % in {np.mean(confidence > 0.8):.0%}"
)

# %% [markdown]
# They add up to 1 over the *known* people: "none of them" has no share. The remedy is to look at the *similarity*
# itself: below a threshold, it is an unknown person.

# %% [markdown] exercise="unknown"
# ### Exercise 4 · A name, or unknown (8 minutes)
#
# Write `name_or_nobody(similarities, names, threshold)` for similarities `(n, people)` to each known person:
# a list with the name of the most similar one for each face, or `"unknown"` if even that similarity is below
# the threshold.


# %% exercise="unknown" part="solution"
def name_or_nobody(similarities, names, threshold):
    ### BEGIN SOLUTION
    return [names[row.argmax()] if row.max() >= threshold else "unknown" for row in similarities]
    ### END SOLUTION


# %% exercise="unknown" part="checker"
check.name_or_nobody(name_or_nobody)

# %% exercise="unknown" part="hidden"
assert name_or_nobody(np.array([[0.1, 0.2]]), ["a", "b"], 0.15) == ["b"]
assert name_or_nobody(np.array([[0.1, 0.2]]), ["a", "b"], 0.25) == ["unknown"]

# %% [markdown]
# Which threshold? Each lets some strangers in (**false accepts**) and turns some friends away (**false rejects**). The
# curve of all thresholds is the **ROC**; the point at which both errors are equally frequent is the **equal error rate**.

# %% [markdown] exercise="eer"
# ### Exercise 5 · The equal error rate (10 minutes)
#
# Write `equal_error_rate(same, different)` for the similarities of pairs of one person and of pairs of two. Try each
# of these numbers as the threshold: the share of `different` that is at least as high is falsely accepted, the
# share of `same` that is lower is falsely rejected. Give back the mean of both shares where they differ least.


# %% exercise="eer" part="solution"
def equal_error_rate(same, different):
    ### BEGIN SOLUTION
    both = np.array(
        [
            [(different >= threshold).mean(), (same < threshold).mean()]
            for threshold in np.concatenate([same, different])
        ]
    )
    return both[np.abs(both[:, 0] - both[:, 1]).argmin()].mean()
    ### END SOLUTION


# %% exercise="eer" part="checker"
check.equal_error_rate(equal_error_rate)

# %% exercise="eer" part="hidden"
assert equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0

# %% [markdown]
# The people of the validation split choose the threshold, the new ones judge it. Each friend is compared with a
# gallery without that picture, and each stranger with all galleries.

# %%
val = faces.split == "val"
val_points = embedder.embed(cut_for(embedder, val))
val_names = faces.subjects[val]
known = np.isin(val_names, sorted(set(val_names))[:8])
chosen = recognition.with_strangers(val_points[known], val_names[known], val_points[~known])
threshold = chosen["threshold"]

gallery = recognition.gallery_of(points[friends], names[friends])
to_strangers = np.sort(gallery.similarities(points[strangers]), axis=1)
to_friends = np.sort(recognition.against_others(points[friends], names[friends]), axis=1)
let_in = np.mean(to_strangers[:, -1] >= threshold)
known_again = np.mean(to_friends[:, -1] >= threshold)

# %% tags=["showed"]
print(
    f"threshold {threshold:.2f}: {let_in:.0%} of strangers let in, {known_again:.0%} of friends known"
)
own = np.mean(to_strangers[:, -1] >= embedder.threshold)
print(f"at the embedder's own threshold of {embedder.threshold:.2f}: {own:.0%} of strangers let in")

# %% [markdown]
# The embedder comes with a threshold of its own, which was chosen on photos of real people. Here it is far too low: to
# a network that learnt from real faces, made people all look much alike. A threshold holds for the kind of pictures
# that it was chosen on.

# %%
is_friend = np.repeat([1, 0], [len(to_friends), len(to_strangers)])
nearest = np.concatenate([to_friends, to_strangers])[:, -1]
accepted, recognised, _ = roc_curve(is_friend, nearest)
area = roc_auc_score(is_friend, nearest)
rate, _ = recognition.equal_error_rate(to_friends[:, -1], to_strangers[:, -1])
fig, ax = plt.subplots(figsize=(4.6, 4), layout="constrained")
ax.plot(accepted, recognised, color=plots.BOX)
ax.plot([0, 1], [1, 0], ":", color="grey")
ax.plot(let_in, known_again, "o", color="black")
ax.annotate("our threshold", (let_in, known_again), (8, -14), textcoords="offset points")
ax.set(xlabel="strangers taken for a friend", ylabel="friends recognised", aspect="equal")
ax.set_title(f"AUROC {area:.2f}, equal error rate {rate:.0%}")
plots.show(
    fig,
    f"ROC curve with area {area:.2f}; it crosses the falling diagonal, where both errors are alike, at {rate:.0%}; "
    "the threshold that was chosen on other people lies near that point.",
)

# %% [markdown]
# Friends and strangers overlap: to let in fewer strangers, you must turn more friends away. Two measures are common.
# *How near is the nearest?* is what we used. *How much nearer than the second?* (the **margin**) asks whether the
# face is like one person more than like all others:

# %%
both = np.concatenate([to_friends, to_strangers])
print(f"nearest: AUROC {roc_auc_score(is_friend, both[:, -1]):.3f}")
print(f"margin:  AUROC {roc_auc_score(is_friend, both[:, -1] - both[:, -2]):.3f}")

# %% [markdown]
# The margin alone does worse, on these people: it is large, too, for a stranger who happens to look like one
# friend and not at all like the others.
#
# ### A gallery
#
# Nothing has to be trained when a person joins or leaves. A person who is forgotten is gone from the file, too.

# %%
gallery = Gallery.empty(embedder.name, threshold)
for name in people[:3]:
    gallery = gallery.enroll(name, points[names == name][:10])


def look():
    """Name ten other pictures of the first person."""
    # One picture at a time: on one photo, no name is given twice.
    found = [gallery.identify([point])[0][0] for point in points[names == people[0]][10:]]
    found = [name or "unknown" for name in found]
    print("known:", ", ".join(gallery.people), "→", pd.Series(found).value_counts().to_dict())


look()
gallery = gallery.forget(people[0])
look()
gallery = gallery.enroll(people[0], points[names == people[0]][:10])
look()

# %% [markdown]
# ## And on real people?
#
# Nine astronauts of two crews are enrolled by one portrait each, and looked for on photos from orbit
# (NASA; [who is who](https://github.com/reading-faces/reading-faces/blob/main/data/photos/README.md)). The threshold is
# the embedder's own. **Before you run it:** how many of the nine will get their names?

# %%
crew = data.load_people("photos/crews")
crew_gallery, _, _ = enroll_people(crew, embedder)
reader = FaceReader(parts=(), gallery=crew_gallery, embedder=embedder)
folder = settings.SHIPPED / "photos"
orbit = {name: read_photo(folder / name) for name in ("sts-106.jpg", "sts-98_spacewalkers.jpg")}
readings = dict(zip(orbit, reader.read(orbit.values()), strict=True))
for name, photo in orbit.items():
    fig, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
    ax.imshow(annotate_photo(photo, readings[name]))
    ax.axis("off")
    called = [face.identity[0] or "unknown" for face in readings[name].faces]
    plots.show(fig, f"A crew in orbit; the frames around their faces say: {', '.join(called)}.")

# %%
truth = pd.read_csv(folder / "who.csv").set_index("photo")
rows = []
for name, reading in readings.items():
    for face in reading.faces:
        middle = np.add(face.box[:2], np.divide(face.box[2:], 2))
        nearest_one = (np.square(truth.loc[name, ["x", "y"]] - middle)).sum(axis=1).argmin()
        rows.append((truth.loc[name, "name"].iloc[nearest_one], *face.identity))
crews = pd.DataFrame(rows, columns=["is", "called", "similarity"]).round(2)
print(f"{(crews['is'] == crews.called).sum()} of {len(crews)} faces have the right name")
crews.T

# %% [markdown]
# And people who are *not* enrolled: portraits of other astronauts. Each is compared with all nine, and the highest
# similarity counts. Our embedder has two thresholds: one for naming a friend, and a strict one for keeping strangers
# out. Its card says how often each was wrong on pairs of photos of people whom it did not learn from.

# %%
card = ours.model.card
for level, rates in card["rates"].items():
    print(f"{level} {card[level]:.2f}: of pairs of two people, {rates['false_accept']:.1%} are taken for "
          f"one; of pairs of one person, {rates['false_reject']:.0%} are not")  # fmt: skip

# %%
others = data.load_people("photos/strangers")
cut, _ = detect.crop_largest_faces(others.photos, embedder.size, embedder.framing)
similar = crew_gallery.similarities(embedder.embed(cut))
highest, like = similar.max(axis=1), np.array(crew_gallery.people)[similar.argmax(axis=1)]
levels = {"threshold": (embedder.threshold, "--"), "strict": (embedder.strict_threshold, ":")}
taken = {name: (highest >= level).sum() for name, (level, _) in levels.items()}
print(f"of {len(others)} strangers, {taken['threshold']} get a name, {taken['strict']} strictly")

# %%
order = np.argsort(-highest)[:12]
fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(crews.similarity, np.full(len(crews), -1.5), "o", color=plots.BOX)
ax.plot(highest[order], np.arange(len(order)), "X", color="black")
labels = [f"{others.names[row]}, like {like[row]}" for row in order]
ax.set_yticks([-1.5, *range(len(order))], ["the crews, on their photos", *labels], fontsize=8)
for name, (level, style) in levels.items():
    ax.axvline(level, ls=style, color="black")
    ax.text(level, -2.6, name, ha="center", fontsize=8)
ax.set(xlabel="similarity to the portrait that is most alike", xlim=(0, 1))
ax.invert_yaxis()
plots.show(
    fig,
    f"Similarities of the nine crew members, {crews.similarity.min()} to {crews.similarity.max()}, and below them of "
    f"strangers: {taken['threshold']} of {len(others)} lie above the threshold, {taken['strict']} above the strict one.",
)

# %% [markdown]
# One portrait is enough to find the crews again, on another day and in other light. But a stranger can come as near as
# they do. Look at the two who come nearest, and whom they are taken for: a dark-skinned man for the only dark-skinned
# man of the crews, a man with a moustache for another one. Where few people of a kind are known, those few are whom
# others of that kind are taken for. The strict threshold keeps the strangers out, and turns a friend away, too.
#
# More results are stored: they need photos that may not be passed on. Five people in 93 press photos; ten people of the
# ORL set whom the embedder never saw, one picture of each enrolled; 50 astronauts as strangers. FaceNet's numbers
# are embeddings that were made of the same 93 press photos.

# %%
stored = {
    "five people, linear SVM, five folds": ("identity-five-celebrities-train-folds-5", "accuracy"),
    "the same faces, by FaceNet, leaving one out": (
        "identity-five-celebrities-facenet_embeddings_train.npz-all", "accuracy"),
    "ten people, one picture enrolled": ("identity-orl-test-enroll-1", "accuracy"),
    "five known, 50 strangers: AUROC": (
        "identity-five-celebrities-train-unknown-photos-strangers", "unknown_auroc"),
}  # fmt: skip
for what, (name, number) in stored.items():
    result = stored_result(name)
    print(f"{result['metrics'][number]:.3f}  {what} ({result['n']} faces)")
    print(f"       {result['date']}: {result['command']}")

# %% [markdown]
# Five people are few: our small embedder and FaceNet name nearly every press photo right. Ten people in a laboratory's
# even light are no trouble either. Strangers are harder. An AUROC near 1 still means that, at any threshold, some
# strangers get in or some friends stay out, and that grows with the number of people.
#
# The two faces that FaceNet's SVM misses, whatever its `C`, resemble no one here, not even the name that they were
# filed under: their similarity to the others of that name is 0.12 and 0.08, where half of the faces reach 0.75. Most
# likely the photo's wrong face was cut out. A score cannot show that; a look at what is wrong can (`wrong` in the result).

# %% [markdown]
# ## Ethics
#
# A face cannot be changed like a password. The law in many places treats an embedding as what it is, **biometric
# data**: the EU's GDPR (Article 9) forbids processing it to identify a person unless that person agreed freely, or one of a
# few other grounds holds; its AI Act (Article 5) forbids building face databases by collecting pictures from the web, and
# live recognition in public places by the police but for narrow exceptions. *Enrol only people who have said yes*, and
# forget all who ask for it.
#
# And errors are not spread evenly. In [NIST's tests](https://doi.org/10.6028/NIST.IR.8280) many algorithms took
# strangers for one another ten to a hundred times as often in some groups as in others. We can measure it on made
# people, whose skin tone we know:

# %%
few = pd.Series(who).groupby(who).cumcount().to_numpy() < 8  # pictures of each of 160 people
everyone, person = embedder.embed(cut_for(embedder, few)), who[few]
tone = np.digitize(faces.tone[few], [10 / 3, 20 / 3])
rows = []
for group, label in enumerate(("light", "medium", "dark")):
    rows_of = np.flatnonzero(tone == group)
    similar = everyone[rows_of] @ everyone[rows_of].T
    one = person[rows_of][:, None] == person[rows_of]
    upper = np.triu(np.ones_like(one), 1)
    rate, _ = recognition.equal_error_rate(similar[one & upper], similar[~one & upper])
    taken, turned_away = similar[~one & upper] >= threshold, similar[one & upper] < threshold
    rows.append((label, len(set(person[rows_of])), f"{taken.mean():.1%}", f"{turned_away.mean():.1%}",
                 f"{rate:.1%}"))  # fmt: skip
columns = [
    "skin tone",
    "people",
    "strangers taken for one another",
    "own pictures told apart",
    "equal error rate",
]
pd.DataFrame(rows, columns=columns)

# %% [markdown]
# The same threshold for all, and yet the darker a face, the more often two pictures of one person are taken for two
# people; and the equal error rate is highest for dark faces, so a threshold of their own would not make up for it. The
# people in this table were drawn evenly: it is not the data that we judge by. Some of it may be the grey pictures,
# in which dark skin shows less contrast. Some may be what pupil and teacher learnt from: photos in which light skin
# is far more frequent, and for which cameras and lamps are made. A threshold chosen for all fits no group in
# particular. On real people we have not measured it: no set at hand says who is who *and* what they look like. The
# crews above are too few to measure by, and show where to look.
#
# What we do not build: a search for people on the web, a watch list, a camera that names passers-by.
#
# ## Quiz
#
# **1. Why not one class for each person?**
# <details><summary>Answer</summary>Each person who joins would mean training again, and a stranger would always get another person's
# name.</details>
#
# **2. Two embeddings have a cosine of 0.5. What is their squared distance?**
# <details><summary>Answer</summary>2 − 2 · 0.5 = 1.</details>
#
# **3. All triplets of a batch have loss 0. Is the network done?**
# <details><summary>Answer</summary>With this batch. Larger batches and harder negatives may still find errors.</details>
#
# **4. You raise the threshold. Which error grows?**
# <details><summary>Answer</summary>False rejects: more friends are turned away, fewer strangers let in.</details>
#
# **5. A gate lets one stranger of a thousand in. How many of 50,000 visitors are taken for a person on a list?**
# <details><summary>Answer</summary>About 50 for each person on the list, if errors were independent: rare errors times many
# people are many errors.</details>
#
# ## What you learned
#
# - Find, align, embed, compare: recognition is a distance, not a class.
# - The triplet loss pulls pictures of one person together; semi-hard negatives make it learn.
# - A small network can learn from a larger one's answers, and takes over its mistakes.
# - An SVM always gives a name; a threshold has the courage to say "unknown".
# - A gallery enrols and forgets without training.
#
# ## Where this breaks
#
# - Our embedder needs eyes, nose and mouth in view. Profiles, covered and very blurred faces become strangers.
# - It has learnt from well-known people on press and web photos, three in four of them men, most of them
#   light-skinned. Children were hardly among them, and a picture of twenty years ago may be another person to it.
# - A rate that looks small becomes large with the number of people: see question 5.
# - Similar-looking people, relatives above all, are as near as two pictures of one person.
# - A photo of a photo passes: nothing here asks whether a face is alive. It is no lock.
#
# ## Go further
#
# - Fetch FaceNet's weights and run the lesson again.
# - Put photos of friends, who agreed, into a folder each, and load them with `data.load_people("your/folder")`.
#
# **Next:** [lesson 7, the whole chain on a photograph](07_reading_faces.ipynb).
