# %% [markdown]
# # 5 · What moved? Transfer learning and facial action units
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/05_transfer_and_action_units.ipynb)
#
# [Lesson 3](03_first_classifier.ipynb) asked what a face feels, and found that no one can tell for
# sure. This lesson asks what can be *seen*: which muscles have moved. The answer is a list of **facial
# action units**. Few pictures come with one, so we borrow what another network has learnt already. After
# this lesson you will be able to split by person, feed a network from files, and fine-tune it on a few
# hundred pictures without fooling yourself.
#
# ![One made-up person at rest, with raised brows, with lowered brows, smiling, with a wrinkled nose, with the corners of the mouth down, and with the jaw dropped](pictures/action-units.jpg)
#
# **You will be able to**
#
# - read an expression as action units, and say what the step from units to emotions assumes;
# - split by subject, and show what happens if one does not;
# - feed a network batch by batch from files, with augmentation in training only;
# - freeze a network, put new heads on it, and thaw it in the right order;
# - give two heads two losses, and rare units a fair weight;
# - tune by experiment: one change at a time, several seeds, on validation.
#
# **You need** [lesson 3](03_first_classifier.ipynb): the confusion matrix, F1, class weights. **Time:**
# 105 minutes; the code itself runs in under three.

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
import inspect
import tempfile
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import cv2
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Code
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %%
from helpers import batches, data, metrics, models, plots, settings
from helpers.data.splits import split_by_subject
from helpers.results import stored_result
from reading_faces.exercises import check
from reading_faces.made_faces.albums import ckplus_album
from reading_faces.made_faces.expression import ACTION_UNITS, PRESENT_FROM, PROTOTYPES, UNIT_NAMES
from reading_faces.made_faces.features import place_features
from reading_faces.made_faces.figures import action_unit_figure
from reading_faces.made_faces.playground import play
from reading_faces.made_faces.sets import scene_number
from reading_faces.training import transfer

keras.utils.set_random_seed(settings.SEED)
plots.set_style()

# %% [markdown]
# ## The data first
#
# The best-known set is **CK+** ([Lucey et al. 2010](https://doi.org/10.1109/CVPRW.2010.5543262)): 123
# people in front of a camera who move their faces as they are told, 593 short sequences from a face at rest
# to a peak. Trained coders wrote down for each peak which units it shows, and how strongly. It may not be
# passed on, so this lesson runs on made people in the same form, drawn now if that has not been done yet
# (a minute). If you have the official tree with `cohn-kanade-images`, `FACS` and `Emotion`, write
# `"ckplus"` here.

# %%
SOURCE = "made"
PEOPLE = settings.by_profile(smoke=12, lesson=60, full=60)
made = ckplus_album(PEOPLE, sequences=4, frames=settings.by_profile(smoke=2, lesson=3, full=3))
peaks = data.load_peaks(data.album_folder(made) if SOURCE == "made" else SOURCE)
table = batches.peak_table([peak for peak in peaks if peak.units and peak.emotion])
table.drop(columns="path").head()

# %% [markdown]
# A row is the last frame of a sequence: where its face is, in pixels, who it is, and what it shows. The
# pictures themselves have not been read yet. How large are they, and how many frames has a sequence?

# %%
sizes = Counter(Image.open(path).size for path in table["path"])
frames = Counter(len(list(path.parent.glob("*"))) for path in table["path"])
print("width × height:", {f"{width} × {height}": n for (width, height), n in sizes.items()})
print("frames in a sequence:", dict(frames.most_common(3)))
print(f"{len(table)} sequences of {table['subject'].nunique()} people")

# %% [markdown]
# CK+'s own pictures are 640 × 490, a few 640 × 480; ours have half of that. How often is each unit there,
# and each emotion? **Before you look:** which unit do you expect most often, which hardly ever?

# %%
units = sorted(set().union(*table["units"]))
present = np.array([[unit in found for unit in units] for found in table["units"]]).astype("int8")
unit_names = [f"AU{unit}" for unit in units]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), width_ratios=[2, 1], layout="constrained")
left.bar(unit_names, present.mean(axis=0), color="#0173b2", hatch="//", edgecolor="white")
left.set(ylabel="share of the peaks", xlabel="action unit")
left.tick_params(axis="x", rotation=60)
emotions = table["emotion"].value_counts()
right.bar(emotions.index, emotions, color="#c97c00", edgecolor="white")
right.set(ylabel="peaks")
right.tick_params(axis="x", rotation=60)
plots.show(
    fig,
    "Two bar charts: the share of peaks that show each action unit, from one in fifty to more than half, "
    "and the number of peaks of each emotion.",
)

# %% [markdown]
# Units are far from balanced: "lips part" (25) is on seven peaks of ten, the lip tightener (23) on one in
# fifty. A model that always answers "not there" is right on most of them, so accuracy will not do here either.
#
# ## FACS in ten minutes
#
# The **Facial Action Coding System** (Ekman and Friesen 1978, revised with Hager 2002) takes a face apart
# into what single muscles do. Each unit has a number, and an intensity from A (a trace) to E (as strong
# as it gets). Our renderer moves the same units; here each is off and on.

# %%
plots.show(*action_unit_figure())

# %% [markdown]
# Now move them yourself. The bars beside the face are what the emotion model of lesson 3 makes of it.
# **Before you try:** which two units make it say "happy", and which four "surprise"? (Where no one can
# move a slider, pictures stand in its place.)


# %%
shipped = models.load("emotion")


def answer(face):
    return dict(zip(shipped.card["classes"], shipped.predict(face[None])[0], strict=True))


play(answer=answer)

# %% [markdown]
# That model saw real faces only, and many drawn expressions do not convince it: a first hint that what
# one network takes for a feeling is a pattern of pixels.
#
# ### From units to an emotion
#
# EMFACS, and the guide to FACS, give **prototypes**: happy is the cheek raiser and the lip corner puller
# together (6 + 12), surprise is 1 + 2 + 5 + 26. Our renderer draws from such a table:

# %%
prototypes = {emotion: set(variants[0]) for emotion, variants in PROTOTYPES.items() if variants[0]}
for emotion, found in prototypes.items():
    words = ", ".join(f"{unit} {ACTION_UNITS[unit]}" for unit in sorted(found))
    print(f"{emotion:9} {words}")

# %% [markdown] exercise="prototype"
# ### Exercise 1 · The nearest prototype (8 minutes)
#
# Write `nearest_prototype(units, prototypes)`: `units` is a set of numbers, `prototypes` a dictionary of
# such sets by emotion. Give back the emotion that shares most with the face: how many units both have,
# divided by how many at least one of them has (the Jaccard index). Sets have `&` and `|`.
#
# Type into the cell below and run it, then run the checker under it.


# %% exercise="prototype" part="solution"
def nearest_prototype(units, prototypes):
    ### BEGIN SOLUTION
    def overlap(emotion):
        return len(units & prototypes[emotion]) / len(units | prototypes[emotion])

    return max(prototypes, key=overlap)
    ### END SOLUTION


# %% exercise="prototype" part="checker"
check.nearest_prototype(nearest_prototype)

# %% exercise="prototype" part="hidden"
assert nearest_prototype({9, 4}, {"disgust": {9, 4, 7}, "angry": {4, 5, 7, 23}}) == "disgust"

# %% [markdown]
# How often does the nearest prototype name the emotion that the coders named?

# %%
nearest = [nearest_prototype(found, prototypes) for found in table["units"]]
in_table = table["emotion"].isin(prototypes)
print(
    f"{np.mean((table['emotion'] == nearest)[in_table]):.0%} of {in_table.sum()} peaks, from their true units"
)

# %% [markdown]
# Even with every unit known it is not all of them, since prototypes have variants and share units. And
# the table itself is disputed: it describes posed faces. In
# [Barrett et al. 2019](https://doi.org/10.1177/1529100619832930), people who felt an emotion showed its
# full prototype in a minority of cases, and it differs between cultures. Units say what moved; that is
# their strength. What it means is another question.
#
# ## No subject in two sets
#
# The pictures of one person are alike. In CK+ they are even frames of one film, and the common 48-pixel
# form has the last *three* frames of each sequence. What does that do to a score? We take the last two
# frames of each of our sequences, shrink them, and let the nearest training picture name the emotion:
# once with a tenth of the *pictures* as test, once with a tenth of the *people*.


# %%
def thumbnail(path):
    face = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return cv2.resize(face, (24, 18), interpolation=cv2.INTER_AREA).ravel().astype("float32")


film = [
    (path, row.subject, row.emotion)
    for row in table.itertuples()
    for path in sorted(row.path.parent.glob("*.png"))[-2:]
]
who, shown = (np.array([row[column] for row in film]) for column in (1, 2))
small = np.stack([thumbnail(path) for path, _, _ in film])
small -= small.mean(axis=1, keepdims=True)


def accuracy_of_nearest(is_test):
    nearest = KNeighborsClassifier(1).fit(small[~is_test], shown[~is_test])
    return nearest.score(small[is_test], shown[is_test])


rng = np.random.default_rng(settings.SEED)
by_picture = np.mean([accuracy_of_nearest(rng.random(len(film)) < 0.1) for _ in range(10)])
print(f"a tenth of the pictures: {by_picture:.0%}")

# %% [markdown] exercise="subjects"
# ### Exercise 2 · Split by person (8 minutes)
#
# Write `split_subjects(subjects, share, rng)` for the names `(n,)` of who is in each picture: an array `(n,)`
# of True (test) and False (training), so that `round(share · number of people)` people, drawn by `rng`,
# are in test with *all* their pictures. (`np.unique`, `rng.choice` and `np.isin` do most of it.)


# %% exercise="subjects" part="solution"
def split_subjects(subjects, share, rng):
    ### BEGIN SOLUTION
    people = np.unique(subjects)
    chosen = rng.choice(people, round(share * len(people)), replace=False)
    return np.isin(subjects, chosen)
    ### END SOLUTION


# %% exercise="subjects" part="checker"
check.split_subjects(split_subjects)

# %% exercise="subjects" part="hidden"
drawn = split_subjects(np.array(list("aabbbcdd")), 0.5, np.random.default_rng(1))
assert len(set("aabbbcdd"[i] for i in np.flatnonzero(drawn))) == 2

# %%
by_person = np.mean([accuracy_of_nearest(split_subjects(who, 0.1, rng)) for _ in range(10)])
print(f"a tenth of the pictures: {by_picture:.0%}")
print(f"a tenth of the people:   {by_person:.0%}")

# %% [markdown]
# The same pictures, the same method. The first number is what many notebooks report; the second is what
# happens when a new person comes in. The nearest picture to a test picture was the *next frame of the same
# film*. From here on no person is in two sets, and each set has about as much of each emotion:

# %%
table["split"] = split_by_subject(table["subject"].to_numpy(), table["emotion"].to_numpy())
assert table.groupby("subject")["split"].nunique().max() == 1
table.groupby("split").agg(peaks=("path", "size"), people=("subject", "nunique"))

# %% [markdown]
# ## A loader for pictures that do not fit in memory
#
# At 224 × 224 pixels in three colours, FER-2013 would fill 17 GB as 32-bit floats. A `PyDataset` reads a
# batch from its files when Keras asks for it; several workers read ahead while the network computes. This
# is the whole of ours:

# %%
Code(inspect.getsource(batches.PictureTable.__getitem__), language="python")

# %%
Code(inspect.getsource(batches.augment_pictures), language="python")

# %% [markdown]
# Three habits are in there. Each epoch has its own order (`on_epoch_end`). Only training is augmented: what
# is judged is judged as it is. And a face is moved by *padding* it and cutting it back, so that no pixel is
# invented. That last part is yours.

# %% [markdown] exercise="crop"
# ### Exercise 3 · Pad, then crop (8 minutes)
#
# Write `pad_and_crop(image, pad, rng)` for a picture `(h, w)`: put `pad` rows and columns of zeros on all
# four sides, then cut out `(h, w)` again at a random place. All `(2 · pad + 1)²` places should occur.
# (`np.pad(image, pad)` pads; `rng.integers(0, n)` stops at `n - 1`.)


# %% exercise="crop" part="solution"
def pad_and_crop(image, pad, rng):
    ### BEGIN SOLUTION
    height, width = image.shape
    down, right = rng.integers(0, 2 * pad + 1, 2)
    return np.pad(image, pad)[down : down + height, right : right + width]
    ### END SOLUTION


# %% exercise="crop" part="checker"
check.pad_and_crop(pad_and_crop)

# %% exercise="crop" part="hidden"
corner = np.ones((3, 3), int)
sums = {int(pad_and_crop(corner, 1, np.random.default_rng(i)).sum()) for i in range(60)}
assert sums == {4, 6, 9}

# %% [markdown]
# One face, as the network sees it in eight epochs:

# %%
targets = np.zeros((len(table), 1))
loader = batches.PictureTable(table, targets, size=96, prepare=lambda faces: faces, augment=True)
first = loader.read(0)[None].repeat(8, axis=0)
views = batches.augment_pictures(first, np.random.default_rng(2))
plots.show(
    plots.face_grid(views, titles=[f"epoch {n}" for n in range(1, 9)], columns=8),
    "One face eight times, moved a little, mirrored, darker and brighter.",
)

# %% [markdown]
# Does it cost time, and does it save memory? We read all training pictures at 224 pixels, first at once and
# then batch by batch; and we watch how much memory it takes when the table grows tenfold. Batches have 32
# pictures, as is usual for CK+ (for FER-2013's many thousands, 128).


# %%
def per_second(work, faces):
    started = time.perf_counter()
    work()
    return faces / (time.perf_counter() - started)


training = table[table["split"] == "train"]


def load_all():
    whole = batches.PictureTable(training, np.zeros(len(training)), batch_size=len(training))
    return whole[0]


def run_through(rows, workers=0):
    some = batches.PictureTable(rows, np.zeros(len(rows)), batch_size=32, workers=workers)
    for index in range(len(some)):
        some[index]


def peak_memory(work):
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


# %%
n = len(training)
tenfold = pd.concat([training] * 10, ignore_index=True)
print(
    f"all at once:    {per_second(load_all, n):4.0f} faces a second, {peak_memory(load_all):4.0f} MiB"
)
print(
    f"in batches:     {per_second(lambda: run_through(training), n):4.0f} faces a second, "
    f"{peak_memory(lambda: run_through(training)):4.0f} MiB"
)
print(f"tenfold table:  {'':24}{peak_memory(lambda: run_through(tenfold)):4.0f} MiB")

# %% [markdown]
# Do several workers read faster? We let a network ask for the batches that does next to nothing with them,
# so that it always waits for the loader. **Before you run it, what do you expect** of two workers, on a
# processor with two cores?

# %%
hungry = keras.Sequential([keras.Input((224, 224, 3)), keras.layers.GlobalAveragePooling2D()])
for workers in (0, 1, 2):
    some = batches.PictureTable(training, np.zeros(n), batch_size=32, workers=workers)
    hungry.predict(some, verbose=0)  # once to warm up
    speed = per_second(lambda some=some: hungry.predict(some, verbose=0), n)
    print(f"workers={workers}: {speed:4.0f} faces a second")

# %% [markdown]
# Reading in batches costs hardly any time, and its memory stays the same however long the table. (All at
# once would be quicker in the second epoch, and that is the choice: if it fits, keep it.) Workers help as
# far as there are cores that have nothing else to do: while a large network computes on both, there are
# none, and what a worker reads then, it takes from the network.
#
# ## Transfer
#
# A few hundred pictures are too few for a network of millions of weights. But the edges, folds and corners
# that an emotion model looks for are the same ones that show action units. So we take a network that was
# trained on something related, cut its last layer off, and keep the rest: the **backbone**.
#
# By default it is our own emotion model, which ships with the course: real transfer, and no download. The
# classic project takes ResNet-50 from ImageNet: write `"resnet50"` and `WEIGHTS = "imagenet"` (94 MB are
# downloaded then), or the path of weights from VGGFace2. With `None` its weights are random, and then there
# is nothing to transfer.

# %%
BACKBONE, WEIGHTS = "ours", None
if BACKBONE == "ours":
    backbone, size, prepare = transfer.emotion_backbone(), 48, models.standardize
else:
    size, prepare = 224, batches.for_imagenet
    backbone = keras.applications.ResNet50(
        weights=WEIGHTS, include_top=False, pooling="avg", input_shape=(size, size, 3)
    )
print(f"{backbone.count_params():,} weights, {backbone.output_shape[1]} features of a face")

# %% [markdown]
# What others cost, each without its last layers, for one face at the size that it was made for:

# %%
costs = {"ours, 48 × 48": (transfer.emotion_backbone(), "faces, FER-2013")}
if settings.PROFILE != "smoke":
    options = {"weights": None, "include_top": False, "pooling": "avg"}
    shape = {"input_shape": (224, 224, 3)}
    costs["ResNet-50"] = (keras.applications.ResNet50(**options, **shape), "ImageNet, VGGFace2")
    costs["VGG16"] = (keras.applications.VGG16(**options, **shape), "ImageNet, VGGFace")
pd.DataFrame(
    {
        name: {
            "parameters": f"{network.count_params():,}",
            "billion operations": f"{models.count_flops(network) / 1e9:.2f}",
            "features": network.output_shape[1],
            "weights are to be had from": origin,
        }
        for name, (network, origin) in costs.items()
    }
).T

# %% [markdown]
# (SE-ResNet-50, which VGGFace2 also comes with, has a tenth more parameters than ResNet-50 and as many
# operations.) A stored run of ResNet-50 from random weights says what its size means for one epoch on two
# cores (other work ran beside the second line, so its time is too long):

# %%
resnet = stored_result("study-resnet50")
print(f"{resnet['date']}: {resnet['command']}")
for row in resnet["variants"]:
    print(
        f"  {row['name']}: {row['n_train']:,} faces in batches of {row['batch_size']}, "
        f"{row['seconds']:,} s, {row['peak_memory_gib']:.1f} GiB of memory,"
    )
    print(
        f"    {row['metrics']['accuracy']:.1%} of {row['n']} others right; "
        f"always the most frequent: {row['metrics']['most_frequent_class']:.1%}"
    )

# %% [markdown]
# After one epoch from random weights it has learnt nothing yet; without another network's training, its size is
# of no use here.
#
# ### Freeze, and put new heads on
#
# Now three dense layers with ReLU go on top, and two outputs: which units are there, and whether the emotion
# is positive, negative or a surprise. The backbone is **frozen**: random heads would send random gradients
# into it and spoil what it knows.

# %%
Code(inspect.getsource(transfer.two_heads), language="python")

# %% [markdown]
# One thing is easily got wrong here. **Batch normalisation** keeps a running mean and variance of each
# feature, learnt from 25,000 faces; while it trains, it uses those of the *batch* instead. A frozen layer
# goes on using what it has learnt. **Before you run it:** how much do the features of one face change if
# they are normalised by the other 31 in its batch?

# %%
faces = np.stack([batches.PictureTable(table, targets, size).read(row) for row in range(32)])
learnt = backbone.get_weights()
kept = np.asarray(backbone(prepare(faces), training=False))
anew = np.asarray(backbone(prepare(faces), training=True))
backbone.set_weights(learnt)  # that one call has moved the running means, too
change = np.linalg.norm(anew - kept, axis=1) / np.linalg.norm(kept, axis=1)
print(f"features move by {change.mean():.0%} of their length")

# %% [markdown]
# So when a stage is thawed, its batch normalisation stays frozen. (Many tutorials call the backbone with
# `training=False` for that. In Keras 3 it is [not enough](https://github.com/keras-team/keras/issues/20285):
# once thawed, the layers follow the outer network.) The table of experiments below shows the price of the
# mistake. This is how a stage is thawed here; a stage begins where the picture becomes smaller:

# %%
Code(inspect.getsource(transfer.thaw), language="python")

# %% [markdown]
# ### Two heads, two losses
#
# Units do not exclude each other, so each has a sigmoid of its own and **binary cross-entropy**. The three
# groups do, so they have a softmax and **categorical cross-entropy**. What is minimised is a weighted sum of
# the two; with half each, neither is forgotten. (The units' loss is a mean over units, or it would outweigh
# the other by their number.)
#
# Rare units need help here too. One way are **class weights**: a unit that one face in ten shows weighs
# nine times as much where it is there. Another is the **focal loss**
# ([Lin et al. 2017](https://arxiv.org/abs/1708.02002)): what the network is already sure of counts less.

# %% [markdown] exercise="focal"
# ### Exercise 4 · Focal loss (10 minutes)
#
# Write `focal_loss(true, p, gamma)` for units `true (n, units)`, 0 or 1, and probabilities `p` of the same
# shape. Let `q` be the probability that was given to what is *true*: `p` where the unit is there, `1 - p`
# where it is not. The loss is the mean of `-(1 - q)^gamma · log(q)` over faces and units.


# %% exercise="focal" part="solution"
def focal_loss(true, p, gamma):
    ### BEGIN SOLUTION
    q = np.where(true == 1, p, 1 - p)
    return np.mean(-((1 - q) ** gamma) * np.log(q))
    ### END SOLUTION


# %% exercise="focal" part="checker"
check.focal_loss(focal_loss)

# %% exercise="focal" part="hidden"
assert np.isclose(focal_loss(np.ones((1, 1)), np.full((1, 1), 0.5), 1.0), 0.5 * np.log(2))

# %% [markdown]
# **Before you run it:** a face without a unit, and the network says 10 %. By what factor does gamma = 2
# shrink this term? And if it says 90 %?

# %%
for p in (0.1, 0.9):
    face = np.zeros((1, 1)), np.full((1, 1), p)
    print(f"said {p:.0%}: {focal_loss(*face, 0):.3f} becomes {focal_loss(*face, 2):.3f}")

# %% [markdown]
# ### First the simplest thing
#
# Before three layers are trained: how far do the 224 features take us alone? A **logistic regression** for
# each unit, on the training faces as they are, is a second of work. What we train after it has to beat it.

# %%
EPOCHS = settings.by_profile(smoke=1, lesson=8, full=24)  # of each of the two phases
BATCH_SIZE, LEARNING_RATE = 32, 3e-3

numbers = [transfer.GROUPS.index(transfer.GROUP_OF[name]) for name in table["emotion"]]
groups = np.eye(len(transfer.GROUPS), dtype="float32")[numbers]
loaders, features = {}, {}
for split in ("train", "val", "test"):
    rows = np.flatnonzero(table["split"] == split)
    loaders[split] = batches.PictureTable(
        table.iloc[rows], {"units": present[rows].astype("float32"), "emotion": groups[rows]},
        size, BATCH_SIZE, prepare, augment=split == "train", workers=2,
    )  # fmt: skip
    as_they_are = np.stack([loaders[split].read(row) for row in range(len(rows))])
    features[split] = backbone.predict(prepare(as_they_are), verbose=0)

in_training = loaders["train"].targets
simplest = make_pipeline(
    StandardScaler(), OneVsRestClassifier(LogisticRegression(C=0.1, max_iter=500))
)
simplest.fit(features["train"], in_training["units"])
print(f"{len(features['train'])} faces of {features['train'].shape[1]} features, learnt from")

# %% [markdown]
# ### Train the heads, then thaw the last stage
#
# First the heads alone, at a large rate. Then the backbone's **last stage** may learn too, at a
# thirtieth of the rate: it holds what is most particular to the old task, while the edges and corners of the stages
# before serve any face. Each epoch reports what the field reports: accuracy, precision, recall, AUC, F1, of
# units and of groups. The rate falls along a cosine; the epoch with the lowest validation loss is kept in a
# file, and training stops when four more have not beaten it.

# %%
weights = transfer.positive_weights(in_training["units"])
of_group = transfer.class_weights(in_training["emotion"])
network = transfer.two_heads(backbone, len(units))


def train(rate):
    schedule = keras.optimizers.schedules.CosineDecay(rate, EPOCHS * len(loaders["train"]))
    transfer.compile_heads(network, keras.optimizers.Adam(schedule), weights, of_group)
    best = Path(tempfile.mkdtemp()) / "best.weights.h5"
    callbacks = [
        keras.callbacks.ModelCheckpoint(best, save_best_only=True, save_weights_only=True),
        keras.callbacks.EarlyStopping("val_loss", patience=4),
    ]
    history = network.fit(loaders["train"], validation_data=loaders["val"], epochs=EPOCHS,
                          callbacks=callbacks, verbose=0).history  # fmt: skip
    network.load_weights(best)
    return history


phases = {"heads": train(LEARNING_RATE)}
free = transfer.thaw(backbone)
print(f"thawed: {free:,} of {backbone.count_params():,} weights of the backbone")
phases["and the last stage"] = train(LEARNING_RATE / 30)

# %% [markdown]
# ### Read the curves

# %%
columns = ("loss", "units_auc", "units_f1", "emotion_accuracy")
joined = {
    name: sum((history[name] for history in phases.values()), [])
    for column in columns
    for name in (column, f"val_{column}")
}
fig, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
for ax, column in zip(axes, columns, strict=True):
    epochs = range(1, len(joined[column]) + 1)
    ax.plot(epochs, joined[column], "s--", color="#c97c00", ms=3, label="training")
    ax.plot(epochs, joined[f"val_{column}"], "o-", color="#0173b2", ms=3, label="validation")
    ax.axvline(len(phases["heads"]["loss"]) + 0.5, color="#949494", ls=":")
    ax.set(title=column.replace("_", ": "), xlabel="epoch")
axes[0].legend()
plots.show(
    fig,
    "Loss, AUC and F1 of units, and accuracy of groups, by epoch, in training and validation; a dotted "
    "line marks where the last stage is thawed.",
)

# %% [markdown]
# Validation is no worse than training, so nothing is learnt by heart yet: training has dropout and moved faces
# to cope with, and validation jumps because it has two dozen faces. The heads alone have learnt what they can
# about units after five epochs or so. After the dotted line the loss falls once more, and it is the groups
# that gain, hardly the units.
#
# ## How good is it?
#
# ### From a probability to yes or no
#
# A unit that one face in ten shows hardly ever gets 50 %. So each unit gets its own **threshold**: the one
# with the highest F1 on *validation* faces.

# %% [markdown] exercise="threshold"
# ### Exercise 5 · The best threshold (8 minutes)
#
# Write `best_threshold(true, p)` for one unit: `true (n,)` of 0 and 1, probabilities `p (n,)`. Call a unit
# present where its probability is at least the threshold, and give back the one of the probabilities in `p`
# that has the highest F1: `2 · hits / (present + called present)`.


# %% exercise="threshold" part="solution"
def best_threshold(true, p):
    ### BEGIN SOLUTION
    def f1(threshold):
        called = p >= threshold
        return 2 * (true * called).sum() / (true.sum() + called.sum())

    return max(p, key=f1)
    ### END SOLUTION


# %% exercise="threshold" part="checker"
check.best_threshold(best_threshold)

# %% exercise="threshold" part="hidden"
assert best_threshold(np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3])) == 0.2

# %%
said = {split: network.predict(loaders[split], verbose=0) for split in ("val", "test")}
true = {split: loaders[split].targets for split in said}
thresholds = np.array(
    [best_threshold(true["val"]["units"][:, k], said["val"]["units"][:, k])
     for k in range(len(units))]
)  # fmt: skip
measured = metrics.action_unit_metrics(
    true["test"]["units"].astype(int), said["test"]["units"], tuple(unit_names), thresholds
)
print(f"units: macro AUC {measured['macro_auc']:.2f}, macro F1 {measured['macro_f1']:.2f}")
by_line = metrics.action_unit_metrics(
    true["test"]["units"].astype(int),
    simplest.predict_proba(features["test"]),
    tuple(unit_names),
    np.full(len(units), 0.5),
)
print(f"logistic regression on the features: macro AUC {by_line['macro_auc']:.2f}")
print("never seen in the test faces:", ", ".join(measured["never_seen"]) or "none")

# %%
by_unit = pd.DataFrame(measured["per_unit"]).T
by_unit["n"] = by_unit["n"].astype(int)
by_unit.insert(0, "unit", [ACTION_UNITS.get(int(name[2:]), "") for name in by_unit.index])
by_unit.round(2)

# %%
fig, ax = plt.subplots(figsize=(8.5, 3), layout="constrained")
place = np.arange(len(by_unit))
ax.bar(
    place - 0.2, by_unit["auc"], 0.4, color="#0173b2", hatch="//", edgecolor="white", label="AUC"
)
ax.bar(place + 0.2, by_unit["f1"], 0.4, color="#c97c00", edgecolor="white", label="F1")
ax.axhline(0.5, color="#949494", ls=":", label="AUC of chance")
ax.set_xticks(place, by_unit.index, rotation=60)
ax.set_ylim(0, 1)
ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
plots.show(fig, "Bars of AUC and F1 of each action unit on the test faces.")

# %% [markdown]
# Brows that rise (1, 2) and a smile (12) move many pixels, and are found nearly always; the upper lip (10) and the
# lip stretcher (20) move few, and are not. Where F1 is 0 beside a high AUC, the *order* of the faces is
# right and the threshold is not: it was fitted on two dozen validation faces, two or three with the unit. And
# the logistic regression holds its own against three trained layers and a thawed stage: with a few hundred
# faces, the features are most of the answer. Had we not asked, we would have credited the heads with it.
#
# The groups, as a confusion matrix:

# %%
confusion = confusion_matrix(
    true["test"]["emotion"].argmax(axis=1), said["test"]["emotion"].argmax(axis=1), labels=range(3)
)
fig = plots.confusion_matrices({f"{SOURCE}, {confusion.sum()} peaks": confusion}, transfer.GROUPS)
plots.show(fig, "Confusion matrix of the three groups on the test faces, as shares of each group.")

# %% tags=["nbval-check-output"]
print("units found better than by chance:", measured["macro_auc"] > 0.6)

# %% [markdown]
# ## Tuning as an experiment
#
# "The best learning rate is 1e-4" and "Adam is better than SGD" are said of one run on one data set. An
# experiment changes *one thing at a time* against a baseline, repeats it with several seeds, judges on
# validation faces, and gives the spread with the mean. A stored run did that on drawn people in CK+'s form:

# %%
tuning = stored_result("study-transfer")
print(f"{tuning['date']}: {tuning['command']}")
budget = tuning["budget"]
print(
    f"{budget['people']} people to learn from, {budget['judges']} others to judge, "
    f"seeds {budget['seeds']}, {budget['epochs']} epochs a phase"
)


def spread(values):
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


pd.DataFrame(
    {
        row["name"]: {
            "units: AUC": spread(row["metrics"]["units_auc"]),
            "units: F1": spread(row["metrics"]["units_f1"]),
            "groups: accuracy": spread(row["metrics"]["group_accuracy"]),
        }
        for row in tuning["variants"]
    }
).T

# %%
rates = {"fine-tuned at 1e-3": "s--", "baseline": "o-", "fine-tuned at 1e-5": "^:"}
rows = {row["name"]: row for row in tuning["variants"]}
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3.2), layout="constrained")
for ax, curve, title in zip(
    axes, ("val_loss", "val_auc"), ("validation loss", "validation AUC of units"), strict=True
):
    for name, style in rates.items():
        values = rows[name][curve]
        label = "1e-4 (baseline)" if name == "baseline" else name.removeprefix("fine-tuned at ")
        ax.plot(range(1, len(values) + 1), values, style, ms=4, label=label)
    ax.axvline(budget["epochs"] + 0.5, color="#949494", ls=":")
    ax.set(xlabel="epoch", title=title)
axes[0].legend(title="rate of the thawed stage")
plots.show(
    fig,
    "Validation loss and AUC of units by epoch, with the last stage thawed at the rates 1e-3, 1e-4 and "
    "1e-5; a dotted line marks the thawing.",
)

# %% [markdown]
# Read it with the spread in mind: 0.79 ± 0.04 for the baseline, so what differs by less than that does not
# differ.
#
# - **The heads had not finished.** A rate that stays constant (0.84) and four times as many steps in batches of
#   8 (0.84) help most, and what they share is more learning. Under a short budget, a better method is often
#   only more of it. The logistic regression of above needs no schedule at all.
# - **Without class weights** the units reach 0.67 in the same time, and half the F1 at a threshold of 0.5; the
#   focal loss does no better (0.67). The groups are named *better* without weights (0.89): there, the weights
#   served the two small groups at the cost of the large one.
# - **Thawing** does nothing for the units, whose features are there already (heads only: 0.79), and something
#   for the groups: 0.79, then 0.84 with one stage and 0.89 with all.
# - **At 1e-3** everything is lost, for good (0.50; a third of the groups): what the backbone knew is gone within
#   a few steps. 1e-5 is hardly different from not thawing.
# - **SGD** at its usual rate is too slow for so few steps, and so are 64 neurons in place of 256.
# - **Thawed batch normalisation** does no harm *here* (0.79): its averages move by a hundredth a step, and there
#   are few steps. A mistake that everybody warns of has to be measured, too.
# - **Single emotions** in place of groups cost the units nothing, and name the groups as well (0.89).
# - **A random backbone** learns nothing in this time (0.51). The difference, 0.3, is what the transfer is worth.
#
# When does training stop paying? In the curves the units are as good as they get after the first epoch or two
# with the thawed stage; the loss, which the groups share, goes on falling for some more.
#
# ## And on real faces?
#
# The 48-pixel form of CK+ has emotions and no units. There the same transfer can be measured on real
# people: our emotion model, which has never seen CK+, fine-tuned on four fifths of the subjects and judged
# on the others, five times.

# %%
for name in ("", "-tta", "-every-class", "-scratch"):
    result = stored_result(f"emotion-ckplus-all-folds-5{name}")
    found = result["metrics"]
    print(f"{result['date']}: {result['command']}")
    print(
        f"  {len(found['classes'])} emotions, {found['subjects']} subjects, from {found['start']}: "
        f"{found['mean_of_folds']:.1%} ± {found['standard_deviation_of_folds']:.1%} over folds"
    )

# %% [markdown]
# Fine-tuned from our weights, some 24 of 25 faces of new people are named right, and nearly nineteen of twenty
# with contempt, which the weights had never seen; a second look at the mirrored picture (`--tta`) mends a few. The
# last layer keeps what it knows of each of the six emotions, and begins anew for contempt only. From random
# weights it is nearly nine of ten: posed expressions from the front are an easy set. (A higher number for CK+ is
# easily had by splitting by picture; ask for the split before you compare.) The spread is large because a fold has
# fifteen people, and one person whose sadness looks like anger counts three times, once for each frame. The folds
# share most of their training faces, so it is no confidence interval either.
#
# The model of units that ships with the course has its own small backbone. It was trained on 23,600 drawn
# faces first. 14,000 of them show units in any combination: from faces of emotions alone a network learns
# which units go together, and less well what each looks like. Then it was fine-tuned on CK+'s coded faces, with
# drawn ones among them, as you did above. On drawn people whom it has not seen, and on real ones, where each
# person is judged by what was learnt from the others:

# %%
made = stored_result("action-units-made-test")
real = stored_result("action-units-ckplus-action-units-all-folds-5")
weak = stored_result("action-units-ckplus-all")
for result in (made, real, weak):
    print(f"{result['date']}: {result['command']}")
print(
    f"drawn: macro AUC {made['metrics']['macro_auc']:.3f}, macro F1 {made['metrics']['macro_f1']:.3f};",
    f"units weaker than 0.4 only: AUC {made['metrics']['macro_auc_weak']:.3f}",
)
print(f"real: macro AUC {real['metrics']['macro_auc']:.3f}, F1 {real['metrics']['macro_f1']:.3f}")
weak_check = weak["metrics"]["prototype_agreement"]
print(
    f"from drawings alone: on {weak_check['agreement']:.0%} of {weak_check['n']} peaks the units are nearest to the "
    f"prototype of the emotion; always the most frequent one: {weak_check['most_frequent_class']:.0%}"
)

# %% [markdown]
# ### How well could anyone do?
#
# On drawn faces there is an answer, because we know where every feature truly lies: lids, brows, both edges of both
# lips, seen straight from the front with nothing before them. Let a logistic regression see these places *instead of
# the picture*. Then let each place be off by half a pixel, and by one (of a face 96 pixels wide).


# %%
def true_places(n, seed):
    """Return where the features of made faces lie `(n, 76)`, and which units are there `(n, 18)`."""
    places, present = [], []
    for number in range(n):
        scene, _ = scene_number(number, seed, "wide")
        features = place_features(scene.person, scene.units)
        places.append(np.concatenate([*features.left.values(), *features.right.values()]))
        present.append(scene.units.max(axis=1) >= PRESENT_FROM)
    return np.array(places), np.array(present, int)


(learnt, learnt_units), (judged, judged_units) = true_places(4000, 1), true_places(3200, 0)
anybody = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(max_iter=1000)))
for error in (0, 0.5, 1):
    rng = np.random.default_rng(settings.SEED)
    noisy = [places + error * rng.normal(size=places.shape) for places in (learnt, judged)]
    told = anybody.fit(noisy[0], learnt_units).predict_proba(noisy[1])
    found = metrics.action_unit_metrics(
        judged_units, told, UNIT_NAMES, np.full(len(UNIT_NAMES), 0.5)
    )
    weakest = sorted(found["per_unit"], key=lambda name: found["per_unit"][name]["auc"])[:3]
    print(f"places off by {error:3} px: macro AUC {found['macro_auc']:.3f}; worst", *weakest)

# %% [markdown]
# Even a judge who knows every place exactly does not know every unit: the dimpler moves the corner of the mouth less
# than corners differ from person to person. Half a pixel of error costs about as much again. The shipped model has to
# find the places first, on faces that are turned, dark and half covered, and still does better than a judge who is off
# by half a pixel: it sees wrinkles and shadows too, and a dimple is a shadow, not a place.

# %% tags=["showed"]
print(f"action units of new people: AUC {measured['macro_auc']:.2f} by transfer from", end=" ")
print(
    f"{(table['split'] == 'train').sum()} faces, {made['metrics']['macro_auc']:.2f} from 23,600 and real ones"
)

# %% [markdown]
# ## What this does not tell
#
# - **Drawings are not faces.** From formulas for skin and muscles alone, units of real people are found far less
#   well than after a few hundred of their faces.
# - **Posed is not felt.** CK+'s people moved their faces as they were told, from the front, in good light,
#   most of them young and white.
# - **Coders disagree.** FACS coders are trained for a hundred hours and reach an agreement of about 0.8; a
#   score near 1 against one coder has learnt the coder.
# - Units look objective, and so they are used to call people liars or sick. The law does not see it as more
#   harmless than emotions: the EU's AI Act speaks of *inferring emotions*, by whatever means.
#
# ## Quiz
#
# **1. Accuracy of a unit is 95 %, its F1 is 0. How?**
# <details><summary>Answer</summary>It is on 5 % of the faces, and the network never says it is
# there.</details>
#
# **2. Ten people, a hundred pictures of each. How many independent examples is that for "will it work on
# a new person"?**
# <details><summary>Answer</summary>Nearer to ten than to a thousand.</details>
#
# **3. You thaw everything at once, at the rate that suited the heads. What happens?**
# <details><summary>Answer</summary>The still random heads send large, random gradients into the backbone,
# and what it knew is lost in the first steps.</details>
#
# **4. Why does validation have no augmentation?**
# <details><summary>Answer</summary>It stands for the faces that will come, and those come as they
# are.</details>
#
# **5. Variant A has 0.912 on one seed, variant B 0.905. Which is better?**
# <details><summary>Answer</summary>It cannot be told; with three seeds the spread alone is often that
# large.</details>
#
# ## What you learned
#
# - Action units say what moved, and leave open what it means.
# - No person may be in two sets, and the leak has a number.
# - A loader reads what it needs; its memory does not grow with the table.
# - Freeze, train the heads, thaw the last stage at a small fraction of the rate, leave batch normalisation alone.
# - Two heads need two losses, rare units a weight and a threshold, and tuning needs seeds.
#
# ## Where this breaks
#
# The model that ships is weakest where few pixels change, as for lips that tighten or press (23, 24) on drawn faces,
# and for units that few of CK+'s people show, such as the dimpler (14) and the upper lip raiser (10). All of its real
# faces are posed, from the front and in even light; on others nothing is measured. A face in profile or behind a hand
# gets eighteen numbers all the same.
#
# ## Go further
#
# - With CK+'s official tree at hand, set `SOURCE = "ckplus"` and run the lesson again.
# - Set `BACKBONE = "resnet50"` and `WEIGHTS = "imagenet"`, and compare after an hour.
# - Train the model that ships: `python -m reading_faces train action-units --profile full --out build/units`.
# - Read [how faces are coded and what that was found to tell](https://doi.org/10.1177/1529100619832930).
#
# **Next:** [lesson 6, who is it, or nobody we know?](06_identity_and_unknown.ipynb)
