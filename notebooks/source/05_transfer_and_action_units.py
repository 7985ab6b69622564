# %% [markdown]
# # 5 · What moved? Transfer learning and facial action units
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/05_transfer_and_action_units.ipynb)
#
# [Lesson 3](03_first_classifier.ipynb) trained a network on thousands of faces. Often you have a few
# hundred. In this lesson you take a network that has learnt from many faces and teach it a new task with
# few. The task is to see which muscles of a face have moved.
#
# ![One made-up person at rest, with raised brows, with lowered brows, smiling, with a wrinkled nose, with the corners of the mouth down, and with the jaw dropped](pictures/action-units.jpg)
#
# **You will be able to**
#
# - transfer a network: freeze it, train new heads, thaw its last stage;
# - split by person, and measure what happens if you do not;
# - write a loader that reads images from files;
# - give two heads two losses, and rare units a larger weight;
# - build a ResNet-50, and check whether a file of weights fits it;
# - judge each action unit by AUC, precision, recall and F1.
#
# **You need** [lesson 3](03_first_classifier.ipynb): softmax, cross-entropy, F1. **Time:** 60 minutes, and
# 30 for the exercises.

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
import math
from tempfile import mkdtemp

import cv2
import h5py
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from keras import layers, ops
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import data, models, plots, settings
from helpers.results import stored_result
from reading_faces.exercises import check
from reading_faces.made_faces.albums import ckplus_album

plots.set_style()
plt.rcParams["figure.constrained_layout.use"] = True
keras.utils.set_random_seed(settings.SEED)

# %% [markdown]
# ## Look · What does transfer bring?
#
# **CK+** ([Lucey et al. 2010](https://doi.org/10.1109/CVPRW.2010.5543262)) is a set of short films. Each
# begins with a face at rest and ends at the peak of a posed emotion. We trained one network twice on
# its real faces. The first training began with random weights, the second with the weights of the emotion
# model that ships with this course, which had never seen CK+. Everything else was equal. We trained on
# four fifths of the people and tested on the last fifth, the [fold](../docs/glossary.md#fold), for five folds in
# turn. The results are stored with the course.

# %% tags=["nbval-check-output"]
ckplus = {}
for start, name in (("random weights", "-scratch"), ("transferred weights", "")):
    found = ckplus[start] = stored_result(f"emotion-ckplus-all-folds-5{name}")["metrics"]
    low, high = found["accuracy_interval_95"]
    print(f"{start:19} {found['accuracy']:.1%} ({low:.1%} to {high:.1%})")

# %%
folds = pd.DataFrame({start: found["folds"] for start, found in ckplus.items()}).T
ax = folds.plot(marker="o", figsize=(5.5, 2.8), xlim=(-0.4, 1.4), legend=False)
ax.set(xticks=[0, 1], xticklabels=folds.index, ylim=(0.8, 1.01), ylabel="accuracy, new people")
plots.show(ax.figure, "Five folds of CK+. Each rises from random to transferred weights.")

# %% [markdown]
# Transfer helps in every fold. About two thirds of the errors are gone. This is
# [transfer learning](../docs/glossary.md#transfer-learning). The first stages of a network find edges, folds and
# corners, which every task on faces needs. Few faces are enough to learn the rest. On CK+
# all layers learnt on at once. This lesson has fewer faces and takes four careful steps.
#
# ![Four drawings of one network. It is trained on a large task. Then it is frozen and gets new heads. The heads are trained. At last the convolutions of the last stage learn too, while batch normalisation stays frozen](pictures/transfer_steps.svg)
#
# ### The new task
#
# The **Facial Action Coding System**, [FACS](../docs/glossary.md#facs) (Ekman and Friesen 1978), describes what
# single muscles do. Each movement is an [action unit](../docs/glossary.md#action-unit), AU for short. In
# the picture, each unit is off above and on below. An arrow shows where to look.
#
# ![Eighteen pairs of pictures of a drawn face, one for each action unit, without it above and with it below, with an arrow at what has changed](pictures/units.jpg)
#
# CK+ may not be passed on. So we draw people who do not exist, in the form of its folders. This takes a
# minute the first time. If you have CK+ with its `FACS` folder, write `SOURCE = "ckplus"`.

# %%
SOURCE = "made"
PEOPLE = settings.by_profile(smoke=15, lesson=90, full=90)
if SOURCE == "made":
    SOURCE = data.album_folder(ckplus_album(PEOPLE, sequences=4, frames=2))
peaks = [peak for peak in data.load_peaks(SOURCE) if peak.units and peak.emotion]

# %% [markdown]
# A **peak** is the last frame of a film. We put all peaks into a table. It holds the path of the image, the
# square around the face in pixels, the person, the emotion and the units. No image has been read yet.

# %%
columns = ["path", "left", "top", "side", "subject", "emotion", "units"]
rows = [(p.path, *p.square(), p.subject, p.emotion, set(p.units)) for p in peaks]
table = pd.DataFrame(rows, columns=columns)
print(f"{len(table)} peaks of {table['subject'].nunique()} people")
table.drop(columns="path").head()

# %% [markdown]
# The network learns numbers. Each unit becomes a column of 0 and 1. A face can show several units. An
# emotion becomes a one-hot row, as in lesson 3.

# %%
units = sorted(set().union(*table["units"]))
emotions = sorted(set(table["emotion"]))
present = np.array([[unit in shown for unit in units] for shown in table["units"]], "float32")
felt = np.array([[name == shown for name in emotions] for shown in table["emotion"]], "float32")
print(present.shape, felt.shape)

# %%
names = [f"AU{unit}" for unit in units]
ax = pd.Series(present.mean(axis=0), names).plot.bar(figsize=(8, 2.4), color=plots.RIGHT, rot=0)
ax.set(xlabel="action unit", ylabel="share of the peaks")
plots.show(ax.figure, "Bars of the share of peaks with each unit, from below 2 to 75 per cent.")

# %% [markdown]
# The units are far from balanced. AU25, lips part, is on most peaks. A few units are on fewer than one in
# twenty. A model that never finds a rare unit would have a high accuracy. So accuracy will not do.
#
# ## Split · Is the test person new?
#
# Two frames of one film look almost the same. To see what this does to a score, we take the last two frames of
# every film, shrink them, and give each test image the emotion of the most similar training image. First, a
# tenth of the *images* is the test set.


# %%
def thumbnail(path):
    image = cv2.resize(cv2.imread(str(path), 0), (24, 18), interpolation=cv2.INTER_AREA)
    return image.ravel() - image.mean()


frames = [
    (thumbnail(path), row.subject, row.emotion)
    for row in table.itertuples()
    for path in sorted(row.path.parent.glob("*.png"))[-2:]
]
small, who, shown = (np.array(column) for column in zip(*frames, strict=True))
print(small.shape, who.shape)


def nearest_accuracy(is_test):
    nearest = KNeighborsClassifier(1).fit(small[~is_test], shown[~is_test])
    return nearest.score(small[is_test], shown[is_test])


rng = np.random.default_rng(settings.SEED)
by_image = np.mean([nearest_accuracy(rng.random(len(who)) < 0.1) for _ in range(10)])
print(f"a tenth of the images: {by_image:.0%} right")

# %% [markdown] exercise="subjects"
# ### Exercise 1 ★ · Split by person
#
# Write `split_subjects(subjects, share, rng)`. The array `subjects (n,)` says who is on each image. Return
# an array `(n,)` of True for test and False for training. `round(share * number of people)` people, drawn
# by `rng`, are in the test set with *all* their images. (`np.unique`, `rng.choice` and `np.isin` help.)
#
# Type into the cell below and run it, then run the checker under it.


# %% exercise="subjects" part="solution"
def split_subjects(subjects, share, rng):
    """Return which images (n,) belong to the people who are drawn for the test set."""
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
by_person = np.mean([nearest_accuracy(split_subjects(who, 0.1, rng)) for _ in range(10)])
print(f"a tenth of the images: {by_image:.0%} right")
print(f"a tenth of the people: {by_person:.0%} right, chance is {1 / len(emotions):.0%}")

# %% [markdown]
# The images and the method are the same. The first number is a [leak](../docs/glossary.md#leak). The most
# similar image was another frame of the same film. The second number is what happens when a new person comes
# in, and it is near chance. A score without its split means nothing.
#
# We put a third of the people into the test set, and a fifth of the others into validation.

# %%
subjects, rng = table["subject"].to_numpy(), np.random.default_rng(settings.SEED)
table["split"] = np.where(split_subjects(subjects, 1 / 3, rng), "test", "train")
others = np.flatnonzero(table["split"] == "train")
table.loc[others[split_subjects(subjects[others], 1 / 5, rng)], "split"] = "val"
table.groupby("split").agg(peaks=("path", "size"), people=("subject", "nunique"))

# %% [markdown]
# ## Build · A loader, a backbone, two heads
#
# ### A loader
#
# At 224 × 224 pixels in three colours, the 28,709 training faces of FER-2013 would fill 17 GB of memory
# as 32-bit floats. A **loader** reads each batch from its files when the network needs it. First, one face.


# %%
def read_face(row, size):
    image = cv2.imread(str(row.path))[..., ::-1]  # OpenCV's order is blue, green, red
    face = image[row.top : row.top + row.side, row.left : row.left + row.side]
    return cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)


# %% [markdown]
# Training faces are changed a little in every epoch. You know mirroring and brightness from
# lesson 1. The third change moves the face. It repeats the edge of the image outwards, then cuts out the old
# size at a random place.

# %% [markdown] exercise="crop"
# ### Exercise 2 ★ · Pad, then crop
#
# Write `pad_and_crop(image, pad, rng)` for an image `(h, w, 3)`. Repeat its edge by `pad` rows and columns on
# all four sides, with `np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge")`. Then cut out `(h, w, 3)`
# at a random place. All `(2 * pad + 1)²` places must be possible. Note that `rng.integers(0, n)` stops
# at `n - 1`.
#
# Type into the cell below and run it, then run the checker under it.


# %% exercise="crop" part="solution"
def pad_and_crop(image, pad, rng):
    """Return the image (h, w, 3), moved by at most `pad` pixels in each direction."""
    ### BEGIN SOLUTION
    height, width, _ = image.shape
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    down, right = rng.integers(0, 2 * pad + 1, 2)
    return padded[down : down + height, right : right + width]
    ### END SOLUTION


# %% exercise="crop" part="checker"
check.pad_and_crop(pad_and_crop)

# %% exercise="crop" part="hidden"
corner = np.zeros((3, 3, 3), int)
corner[1, 1] = 1
sums = {int(pad_and_crop(corner, 1, np.random.default_rng(i)).sum()) for i in range(60)}
assert sums == {3}
assert pad_and_crop(corner + 7, 2, np.random.default_rng(0)).min() == 7


# %%
def augment(face, rng):
    face = pad_and_crop(face, len(face) // 12, rng)
    if rng.random() < 0.5:
        face = face[:, ::-1]
    return np.clip(face * rng.uniform(0.75, 1.25), 0, 255).astype(np.uint8)


# %%
rng = np.random.default_rng(settings.SEED)
happy = table[table["emotion"] == "happy"].iloc[2]
views = plots.face_grid(np.stack([augment(read_face(happy, 96), rng) for _ in range(8)]), columns=8)
plots.show(views, "One happy face eight times, moved a little, mirrored, darker and brighter.")

# %% [markdown]
# The loader is a `PyDataset` of Keras. It needs the number of batches, one batch by its number, and what to
# do after an epoch. `prepare` turns the images into what a network expects. Batches of 32 suit a few hundred
# faces. With FER-2013's many thousands, 128 is usual.


# %% tags=["nbval-check-output"]
class FaceLoader(keras.utils.PyDataset):
    def __init__(self, split, size, batch, prepare, change=None):
        super().__init__()
        self.rows = np.flatnonzero(table["split"] == split)
        self.size, self.batch, self.prepare, self.change = size, batch, prepare, change
        self.rng = np.random.default_rng(settings.SEED)

    def __len__(self):
        return math.ceil(len(self.rows) / self.batch)

    def __getitem__(self, number):
        rows = self.rows[number * self.batch : (number + 1) * self.batch]
        faces = np.stack([read_face(table.iloc[row], self.size) for row in rows])
        if self.change:
            faces = np.stack([self.change(face, self.rng) for face in faces])
        return self.prepare(faces), {"units": present[rows], "emotion": felt[rows]}

    def on_epoch_end(self):
        if self.change:  # training only: a new order for the next epoch
            self.rng.shuffle(self.rows)


for_resnet = FaceLoader("train", 224, 32, keras.applications.resnet50.preprocess_input, augment)
faces, targets = for_resnet[0]
print(faces.shape, {name: values.shape for name, values in targets.items()})

# %% [markdown]
# ### A backbone
#
# A [backbone](../docs/glossary.md#backbone) is a trained network without its last layers. The classic choice
# is **ResNet-50** ([He et al. 2015](https://arxiv.org/abs/1512.03385)), with ImageNet's or VGGFace2's weights.
#
# ![On the left a bottleneck block of three convolutions with a skip around them. On the right the five stages of ResNet-50, in which the image becomes smaller and the number of channels larger](pictures/resnet50.svg)
#
# Lesson 2's blocks have two 3 × 3 convolutions. A [bottleneck block](../docs/glossary.md#bottleneck-block) first reduces the channels with a
# 1 × 1 convolution, which mixes the channels of each pixel. The 3 × 3 convolution then works on a
# quarter of the channels, and another 1 × 1 convolution restores their number.


# %%
def convolve(x, name, filters, size, stride=1):
    x = layers.Conv2D(filters, size, stride, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def bottleneck(x, name, filters, stride):
    short = x
    if stride > 1 or x.shape[-1] != 4 * filters:  # a convolution block
        short = convolve(x, f"{name}_1x1_proj", 4 * filters, 1, stride)
    x = layers.ReLU()(convolve(x, f"{name}_1x1_reduce", filters, 1, stride))
    x = layers.ReLU()(convolve(x, f"{name}_3x3", filters, 3))
    x = convolve(x, f"{name}_1x1_increase", 4 * filters, 1)
    return layers.ReLU()(layers.Add()([x, short]))


def build_resnet50(width=64):
    inputs = keras.Input((224, 224, 3))
    x = layers.ReLU()(convolve(inputs, "conv1_7x7_s2", width, 7, 2))
    x = layers.MaxPooling2D(3, 2)(x)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = bottleneck(x, f"conv{stage + 2}_{block + 1}", width * 2**stage, stride)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


# %% tags=["nbval-check-output"]
ours = build_resnet50()
keras_own = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3))
print(f"built here: {ours.count_params():,} weights, {ours.output.shape[1]:,} features")
print(f"Keras's:    {keras_own.count_params():,} weights")

# %% [markdown]
# Keras's convolutions have a bias, and ours have none. This matters for public weights.
#
# - **ImageNet**: `keras.applications.ResNet50(weights="imagenet")` fetches its own file.
# - **VGGFace2**: [keras-vggface](https://github.com/rcmalli/keras-vggface) offers
#   `rcmalli_vggface_tf_notop_resnet50.h5`, trained to tell 8,631 people apart. It has no bias. Keras's
#   own ResNet-50 cannot load it, and the network above can. We gave our layers the names in that file, up to a slash.
#
# Some files with the same ending hold another network. So we look up each layer by name and stop at the
# first one that is missing. `set_weights` stops at a wrong shape.


# %%
def load_vggface(network, path):
    with h5py.File(path) as file:
        for layer in network.layers:
            name = layer.name.replace("_bn", "/bn").replace("conv1_", "conv1/")
            if layer.weights and name not in file:
                raise ValueError(f"The file has no layer {name}: it holds another network.")
            if layer.weights:
                kept = file[name].attrs["weight_names"]
                layer.set_weights([file[name][weight][()] for weight in kept])


def for_vggface(faces):  # blue, green and red, less their means in VGGFace2
    return faces[..., ::-1] - np.array([91.4953, 103.8827, 131.0912], "float32")


# In Colab, choose Runtime, Change runtime type, T4 GPU. Then take away the # of these lines:
# site = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"
# file = "rcmalli_vggface_tf_notop_resnet50.h5"
# load_vggface(ours, keras.utils.get_file(file, site + file))
# backbone, SIZE, prepare = ours, 224, for_vggface  # after the next code cell

# %% [markdown]
# By default this lesson uses a backbone that ships with the course, so nothing is downloaded. It is the emotion
# model without its last layers.


# %% tags=["nbval-check-output"]
def for_ours(faces):  # grey, each face with mean 0 and standard deviation 1
    return models.standardize(faces.mean(axis=3))


emotion_model = models.load("emotion").network
backbone = keras.Model(emotion_model.input, emotion_model.layers[-3].output)
backbone.trainable = False  # frozen
SIZE, prepare = 48, for_ours  # with ResNet-50: backbone = ours; 224, for_vggface
print(backbone.input.shape, backbone.output.shape, f"{backbone.count_params():,} weights")

# %% [markdown]
# Which network for which budget? For the first four, weights and time on a CPU are those of
# [Keras](https://keras.io/api/applications/), with their last layers.
#
# | network | million weights | ms for one image | public weights from |
# |---|---|---|---|
# | VGG16 | 138.4 | 69.5 | ImageNet, VGGFace |
# | ResNet-50 | 25.6 | 58.2 | ImageNet, VGGFace2 |
# | Inception v3 | 23.9 | 42.2 | ImageNet |
# | MobileNet v2 | 3.5 | 25.9 | ImageNet |
# | SENet-50, [Hu et al. 2018](https://arxiv.org/abs/1709.01507) | a tenth more than ResNet-50 | about as ResNet-50 | VGGFace2 |
#
# SENet-50 is a ResNet-50 that also learns how much each channel counts. How long does an epoch of training take?

# %%
step = 3 * models.count_flops(keras_own)  # forward, and twice as much backward
known = stored_result("study-resnet50")["variants"][0]
accuracy, majority = known["metrics"].values()
print(f"two cores: {known['n_train']} faces in {known['seconds']} s, {accuracy:.0%} right", end=" ")
print(f"(always one class: {majority:.0%})")
print(f"Colab's T4, estimated: {28709 * step / (8.1e12 / 3) / 60:.0f} minutes for FER-2013")

# %% [markdown]
# The estimate takes a third of the 8.1 trillion operations a second that
# [NVIDIA](https://www.nvidia.com/en-us/data-center/tesla-t4/) gives for a T4. The measured epoch began with random
# weights, and ended below a model that always gives the same answer. A large network needs either many
# faces or the training of another network.
#
# ### Two heads
#
# Three dense layers with ReLU follow, then two outputs, the [heads](../docs/glossary.md#head). Units do
# not exclude each other, so each has its own [sigmoid](../docs/glossary.md#sigmoid), a curve that turns a logit into a probability. Emotions do
# exclude each other, so they share a softmax.


# %% tags=["nbval-check-output"]
def build_heads(features):
    inputs = x = keras.Input((features,))
    for width in (256, 128, 64):
        x = layers.Dropout(0.2)(layers.Dense(width, activation="relu")(x))
    of_units = layers.Dense(len(units), "sigmoid", name="units")(x)
    of_emotion = layers.Dense(len(emotions), "softmax", name="emotion")(x)
    return keras.Model(inputs, {"units": of_units, "emotion": of_emotion})


heads = build_heads(backbone.output.shape[1])
print({name: output.shape for name, output in heads.output.items()})

# %% [markdown]
# ## Train · First the heads, then the last stage
#
# ### Weights for rare units
#
# For units the loss is [binary cross-entropy](../docs/glossary.md#binary-cross-entropy), minus the logarithm of
# the probability given to the truth, for each unit. A unit that one face in ten shows is absent nine times as
# often. So we let its presence count nine times as much, and at most ten times.

# %%
on_training = present[table["split"] == "train"].mean(axis=0)
weights = np.clip((1 - on_training) / np.maximum(on_training, 1e-6), 1, 10).astype("float32")
print({f"AU{unit}": round(float(weight), 1) for unit, weight in zip(units, weights, strict=True)})


def units_loss(true, p):
    p = ops.clip(p, 1e-6, 1 - 1e-6)
    terms = weights * true * ops.log(p) + (1 - true) * ops.log(1 - p)
    return -ops.mean(terms, axis=-1)


# %% [markdown]
# ### First the simplest thing
#
# The backbone is [frozen](../docs/glossary.md#freeze), so its weights do not change. Then the features of a face do not change either. We
# compute them once.

# %%
features, true = {}, {}
for split in ("train", "val", "test"):
    faces, true[split] = FaceLoader(split, SIZE, len(table), prepare)[0]
    features[split] = backbone.predict(faces, verbose=0)
print({split: values.shape for split, values in features.items()})

# %% [markdown]
# How far do these features take us without a network on top? A
# [logistic regression](../docs/glossary.md#logistic-regression) is a single neuron with a sigmoid. We fit one for
# each unit. We judge by [AUC](../docs/glossary.md#auc), the chance that a face with the unit gets a
# higher probability than a face without it. 0.5 is chance. The mean over units leaves out units that
# fewer than five faces show.

# %%
simple = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression(C=0.1)))
simple.fit(features["train"], true["train"]["units"])


def mean_auc(true, p):
    often = np.flatnonzero(np.minimum(true.sum(axis=0), (1 - true).sum(axis=0)) >= 5)
    return np.mean([roc_auc_score(true[:, unit], p[:, unit]) for unit in often])


simple_auc = mean_auc(true["test"]["units"], simple.predict_proba(features["test"]))
print(f"logistic regression: AUC {simple_auc:.3f} on new people")

# %% [markdown]
# ### The heads
#
# Both heads' losses count half. The heads train on the stored features, which takes a second or two.

# %%
EPOCHS = settings.by_profile(smoke=1, lesson=50, full=50)
BATCH, HEAD_RATE = 32, 1e-3


# %%
def compiled(network, rate):
    network.compile(
        keras.optimizers.Adam(rate),
        loss={"units": units_loss, "emotion": "categorical_crossentropy"},
        loss_weights={"units": 0.5, "emotion": 0.5},
        metrics={"units": keras.metrics.AUC(multi_label=True), "emotion": "accuracy"},
    )
    return network


def train_heads(callbacks=()):
    keras.utils.set_random_seed(settings.SEED)
    heads = compiled(build_heads(features["train"].shape[1]), HEAD_RATE)
    history = heads.fit(
        features["train"], true["train"], BATCH, EPOCHS, callbacks=list(callbacks),
        validation_data=(features["val"], true["val"]), verbose=0,
    )  # fmt: skip
    return heads, history.history


_, long = train_heads()

# %%
losses = pd.DataFrame({"training": long["loss"], "validation": long["val_loss"]})
ax = losses.plot(style=["--", "-"], figsize=(6, 2.8), xlabel="epoch", ylabel="loss")
ax.plot(losses["validation"].idxmin(), losses["validation"].min(), "o", color="black")
plots.show(ax.figure, "Training loss keeps falling. Validation loss rises again after a dot.")

# %% [markdown]
# After the dot, the training loss goes on falling and the validation loss rises. The heads memorise the
# faces. [Early stopping](../docs/glossary.md#early-stopping) ends a training when the validation loss has not
# improved for some epochs, and returns to the best weights.

# %%
stop = keras.callbacks.EarlyStopping("val_loss", patience=8, restore_best_weights=True)
heads, short = train_heads([stop])
heads_said = heads.predict(features["test"], verbose=0)
heads_auc = mean_auc(true["test"]["units"], heads_said["units"])
print(f"stopped after {len(short['loss'])} epochs: AUC {heads_auc:.3f} on new people")

# %% [markdown]
# The simple model holds its own. Three trained layers are not better than one neuron for each unit. Had we
# not tried it, we would have credited the layers with what the features do.
#
# ### What not to thaw
#
# A layer of [batch normalisation](../docs/glossary.md#batch-normalisation) knows the mean and the spread of each
# feature, from 25,000 faces. While it trains, it uses the mean and spread of the *batch* instead. How much
# would that change the features of one face?

# %%
known, backbone.trainable = backbone.get_weights(), True  # thawed, to see what happens
frozen, drifted = (np.asarray(backbone(faces[:32], training=how)) for how in (False, True))
backbone.set_weights(known)  # the second call has moved the known means, too
change = np.linalg.norm(drifted - frozen, axis=1) / np.linalg.norm(frozen, axis=1)
print(f"the features move by {change.mean():.0%} of their length")

# %% [markdown]
# The features would drift before a single weight has learnt anything. So batch normalisation stays frozen
# when we **thaw** the last stage. To call the backbone with `training=False` is
# [not enough in Keras 3](https://github.com/keras-team/keras/issues/20285). The last stage is the part in which the image has its
# smallest size. It is the most specific to the old task, so it has most to gain.


# %%
def thaw_last_stage(backbone):
    sides = [layer.output.shape[1] for layer in backbone.layers[:-1]]
    first = sides.index(sides[-1])
    backbone.trainable = True
    for number, layer in enumerate(backbone.layers):
        frozen = isinstance(layer, layers.BatchNormalization)
        layer.trainable = number >= first and not frozen


thaw_last_stage(backbone)
thawed = sum(np.asarray(weight).size for weight in backbone.trainable_weights)
print(f"{thawed:,} of the backbone's {backbone.count_params():,} weights can learn")

# %% [markdown]
# Now backbone and heads become one network, which learns from images, with augmentation. We
# [fine-tune](../docs/glossary.md#fine-tune) it. The learning rate is ten times lower, so that small steps keep
# what the stage knows.

# %%
FINE_EPOCHS = settings.by_profile(smoke=1, lesson=8, full=30)
FINE_RATE = 1e-4
inputs = keras.Input(backbone.input.shape[1:])
network = keras.Model(inputs, heads(backbone(inputs)))
before = network.get_weights()


# %%
def fine_tune(rate, epochs):
    keras.utils.set_random_seed(settings.SEED)
    network.set_weights(before)
    learning = FaceLoader("train", SIZE, BATCH, prepare, augment)
    watching = FaceLoader("val", SIZE, len(table), prepare)
    compiled(network, rate)
    return network.fit(learning, validation_data=watching, epochs=epochs, verbose=0).history


history = fine_tune(FINE_RATE, FINE_EPOCHS)
fig, axes = plt.subplots(1, 2, figsize=(8, 2.8))
for ax, name in zip(axes, ("loss", "emotion_accuracy"), strict=True):
    epochs = range(1, len(history[name]) + 1)
    ax.plot(epochs, history[name], "s--", ms=4, color=plots.LEFT, label="training")
    ax.plot(epochs, history[f"val_{name}"], "o-", ms=4, color=plots.RIGHT, label="validation")
    ax.set(xlabel="epoch after thawing", ylabel=name.replace("_", " "))
axes[0].legend()
plots.show(
    fig,
    "Loss and accuracy of emotions by epoch after thawing. In training the loss falls and the accuracy "
    "rises. In validation both jump around one level.",
)

# %% [markdown]
# The training curves improve at once. The validation curves jump, because twelve people are few. They cannot tell
# whether new people gain. The test set of 30 people can.
#
# ## Judge · Which units does it find?
#
# ### From a probability to yes or no
#
# The network gives probabilities. A rare unit hardly ever reaches 50 %. So each unit gets its own
# [threshold](../docs/glossary.md#threshold), the
# one with the highest F1 on *validation* faces.

# %% [markdown] exercise="threshold"
# ### Exercise 3 ★ · The best threshold
#
# Write `best_threshold(true, p)` for one unit, with `true (n,)` of 0 and 1 and probabilities `p (n,)`. A unit is
# called present where its probability is at least the threshold. Return the probability in `p` that is the best
# threshold. It has the highest F1, `2 * hits / (present + called present)`.
#
# Type into the cell below and run it, then run the checker under it.


# %% exercise="threshold" part="solution"
def best_threshold(true, p):
    """Return the threshold, one of the probabilities p (n,), that gives the highest F1."""

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
said = {
    split: network.predict(FaceLoader(split, SIZE, 64, prepare), verbose=0)
    for split in ("val", "test")
}
pairs = zip(true["val"]["units"].T, said["val"]["units"].T, strict=True)
thresholds = np.array([best_threshold(*pair) for pair in pairs])
print(dict(zip(names, thresholds.astype(float).round(2).tolist(), strict=True)))


truth, p = true["test"]["units"], said["test"]["units"]
scores = precision_recall_fscore_support(truth, p >= thresholds, zero_division=0)
by_unit = pd.DataFrame(scores, index=["precision", "recall", "F1", "n"], columns=names).T
often = by_unit["n"] >= 5
by_unit.loc[often, "AUC"] = list(map(roc_auc_score, truth.T[often], p.T[often]))
by_unit.where(often).assign(n=by_unit["n"].astype(int)).round(2)

# %% [markdown]
# The column n is the number of test faces that show the unit. Fewer than five are not judged. Read
# two numbers together. [Precision](../docs/glossary.md#precision) says how many of the found units are there,
# [recall](../docs/glossary.md#recall) how many of those there were found. A high AUC beside a low F1
# means that the order of the faces is right and the threshold is not. It was fitted on few faces.
#
# ### Is the gain real?
#
# Faces of one person are alike, so the bootstrap of lesson 4 draws *people* here, and not faces. Both models
# are measured on the same draws.

# %%
rng = np.random.default_rng(settings.SEED)
tested = table.loc[table["split"] == "test", "subject"].to_numpy()
people = np.unique(tested)
models_said = {"logistic regression": simple.predict_proba(features["test"]), "thawed": p}
draws = []
for _ in range(150):
    drawn = np.concatenate(
        [np.flatnonzero(tested == who) for who in rng.choice(people, len(people))]
    )
    draws.append({name: mean_auc(truth[drawn], q[drawn]) for name, q in models_said.items()})
draws = pd.DataFrame(draws).assign(gain=lambda d: d["thawed"] - d["logistic regression"])

right = said["test"]["emotion"].argmax(axis=1) == true["test"]["emotion"].argmax(axis=1)
of_heads = heads_said["emotion"].argmax(axis=1) == true["test"]["emotion"].argmax(axis=1)
print(f"emotions: heads {of_heads.mean():.0%}, thawed {right.mean():.0%} of {len(right)} faces")
draws.quantile([0.025, 0.5, 0.975]).round(3)

# %% [markdown]
# The row 0.5 is the middle of the draws, the others are the ends of the interval. For units the gain is small, and its
# interval begins near 0. For emotions the gain is larger. A likely reason is that a thawed stage can make new
# features, and heads can only combine old ones.

# %%
tests = table[table["split"] == "test"].reset_index(drop=True)
chosen = [np.flatnonzero(tests["emotion"] == name)[-1] for name in emotions]
titles = []
for row in chosen:
    found = {unit for unit, there in zip(units, p[row] >= thresholds, strict=True) if there}
    there = tests["units"][row]
    kinds = {"found": found & there, "false": found - there, "missed": there - found}
    titles.append("\n".join(f"{kind} {sorted(some)}" for kind, some in kinds.items()))
faces = np.stack([read_face(tests.iloc[row], 96) for row in chosen])
plots.show(
    plots.face_grid(faces, titles=titles, columns=3),
    "Six test faces, one for each emotion. Above each face are the units that were found, those that were "
    "found and are not there, and those that were missed.",
)

# %% [markdown]
# ### And on real faces?
#
# The model of units that ships learnt in the same way, from more faces. First it saw 23,600 drawn faces. Then its
# last stages were trained on coded faces of CK+, with drawn ones among them. The stored result has five folds by
# person, so each person is new to the model that judges them.

# %% tags=["nbval-check-output"]
real = stored_result("action-units-ckplus-action-units-all-folds-5")["metrics"]
for name, found in {"drawings alone": real["before"], "drawings and real": real}.items():
    auc, (low, high) = found["macro_auc"], found["macro_auc_interval_95"]
    print(f"{name:17} AUC {auc:.3f} ({low:.3f} to {high:.3f}), F1 {found['macro_f1']:.3f}")

# %% [markdown]
# For each unit we also need an interval. The one of
# [Hanley & McNeil 1982](https://doi.org/10.1148/radiology.143.1.7063747) needs only the AUC and the numbers of
# faces with and without the unit. It counts faces as independent, so the true intervals are wider.


# %%
def half_interval(auc, n, others):
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n - 1) * (q1 - auc**2) + (others - 1) * (q2 - auc**2)
    return 1.96 * np.sqrt(variance / (n * others))


after, before_real = (
    pd.DataFrame(part["per_unit"]).T.sort_values("auc") for part in (real, real["before"])
)
fig, ax = plt.subplots(figsize=(7, 4.6))
ticks = [f"{name}, n = {n:.0f}" for name, n in after["n"].items()]
for part, marker, colour, label in (
    (before_real.loc[after.index], "s", plots.LEFT, "drawings alone"),
    (after, "o", plots.RIGHT, "drawings and real faces"),
):
    half = half_interval(part["auc"], part["n"], 1080 - part["n"])
    ax.errorbar(part["auc"], ticks, xerr=half, fmt=marker, color=colour, capsize=3, label=label)
ax.set(xlabel="AUC on real faces, with its 95 % interval", xlim=(0.5, 1.01))
ax.legend(loc="upper left")
plots.show(
    fig,
    "AUC of 17 units on real faces with intervals. After training on real faces all but AU10 lie above "
    "0.89. From drawings alone the chin raiser, the lip pressor and the dimpler are below 0.7.",
)

# %%
after.sort_values("n", ascending=False).astype({"n": int}).round(2).T

# %% [markdown]
# From drawings alone, brows and smiles are found well. The chin raiser AU17 and the lip pressor AU24 are found badly. A likely
# reason is that our drawings show them in another way than skin does. A few hundred real faces mend this. The
# rarest unit, AU10, is on 18 faces. Its recall is low and its interval is wide. AU43, closed eyes, is not judged,
# because too few of these people show it.

# %% [markdown]
# ## Break it · One wrong habit at a time
#
# "The best learning rate is 1e-4" is often said of one run. An experiment changes one thing against a baseline,
# repeats it with several seeds, and gives the spread. A stored study did this with 60 drawn people to learn
# from and 30 others to judge. Its second phase thaws the last stage, as you did.

# %%
study = {row["name"]: row for row in stored_result("study-transfer")["variants"]}
runs = pd.DataFrame({name: row["metrics"]["units_auc"] for name, row in study.items()})
fig, (auc_ax, loss_ax) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=[3, 2])
for _, values in runs.iterrows():
    auc_ax.plot(values, runs.columns, "o", color=plots.RIGHT, alpha=0.6)
auc_ax.plot(runs.mean(), runs.columns, "|", ms=16, color="black")
auc_ax.axvline(runs["baseline"].mean(), ls=":", color=plots.LEFT)
auc_ax.set(xlabel="AUC of units on new people, three seeds and mean")
auc_ax.invert_yaxis()
rates = {"1e-3": "fine-tuned at 1e-3", "1e-4": "baseline", "1e-5": "fine-tuned at 1e-5"}
curves = pd.DataFrame({rate: study[name]["val_loss"] for rate, name in rates.items()})
curves.plot(ax=loss_ax, style=["s--", "o-", "^:"], xlabel="epoch", ylabel="validation loss")
loss_ax.axvline(5.5, color="0.5", ls=":")
plots.show(
    fig,
    "On the left, the AUC of fourteen variants with three seeds each. The baseline spreads from 0.76 to "
    "0.83. A thawed stage at 1e-3 and a random backbone lie at 0.5. On the right, the validation loss "
    "at three learning rates. At 1e-3 it jumps when the stage is thawed and stays there.",
)

# %% [markdown]
# - **The spread.** The three runs of the baseline differ by 0.06. Smaller differences say nothing.
# - **A rate of 1e-3 for the thawed stage** ends at chance in all three runs. On the right, the loss jumps and
#   never moves again. The usual cause is dead neurons. Large steps push a ReLU below 0, where its slope is 0. At
#   1e-5 thawing changes next to nothing.
# - **A random backbone** learns nothing in so few steps. This is no fair test of transfer, because starting from
#   nothing takes more steps. The test on CK+ above gave both the same full training.
# - **A constant rate** and **batches of 8** help most. Both mean more learning, so the heads had not
#   finished when these short runs ended.
# - **No class weights** costs about 0.1. The [focal loss](../docs/glossary.md#focal-loss), which lets sure answers
#   count little, does not replace them.
# - **Thawed batch normalisation** does no measurable harm in so few steps. A known mistake needs measuring, too.

# %% [markdown] exercise="rates" kind="experiment"
# ### Exercise 4 ★ · An experiment with the learning rate
#
# `fine_tune(rate, epochs)` begins again at the trained heads. Run it with four learning rates or more, two
# epochs each, from 1e-5 to 1e-2 or further. Write the last validation loss of each into `RESULTS`. Which rate would
# you take?
#
# Type into the cell below and run it, then run the checker under it.

# %% exercise="rates" kind="experiment" part="solution"
RESULTS = {}  # learning rate: validation loss
### BEGIN SOLUTION
for rate in (1e-5, 1e-4, 1e-3, 1e-2):
    RESULTS[rate] = fine_tune(rate, epochs=2)["val_loss"][-1]
### END SOLUTION

# %% exercise="rates" kind="experiment" part="checker"
check.fine_rates(RESULTS)

# %% [markdown] tags=["optional"]
# ### If you have time · Does the VGGFace check work?
#
# We make a narrow file in the layout of the public one, and load it. Then we spoil it.

# %% tags=["optional"]
narrow, path = build_resnet50(width=2), f"{mkdtemp()}/narrow.h5"
with h5py.File(path, "w") as file:
    for layer in narrow.layers:
        if layer.weights:
            name = layer.name.replace("_bn", "/bn").replace("conv1_", "conv1/")
            group = file.require_group(name)
            for weight in layer.weights:
                group[f"{name}/{weight.name}:0"] = np.ones(weight.shape)
            group.attrs["weight_names"] = [f"{name}/{weight.name}:0" for weight in layer.weights]

# %% tags=["optional"]
load_vggface(narrow, path)
print(all((weight == 1).all() for weight in narrow.get_weights()))
with h5py.File(path, "a") as file:
    del file["conv4_6_3x3"]
try:
    load_vggface(narrow, path)
except ValueError as error:
    print(error)

# %% [markdown] exercise="any_pose" kind="challenge"
# ### Exercise 5 ★★★ · Challenge: units in any pose
#
# The faces of this lesson look into the camera. The drawn test faces of lessons 3 and 4 turn away and have things in
# front of them. Write a function `my_model(images)` that takes such faces `(n, 48, 48) uint8` and
# returns probabilities `(n, 5)` of AU1, AU4, AU12, AU25 and AU26, in this order. The checker wants a mean AUC of
# 0.88 or more on them. Everything is allowed but these test faces and the shipped model of units. A hint is that
# `data.load_set()` has 2,560 drawn training faces, in `small_images` and `action_units`. A unit is there
# from an intensity of 0.2 on.
#
# Type into the cell below and run it, then run the checker under it.

# %% exercise="any_pose" kind="challenge" part="solution"
my_model = None  # a function: faces (n, 48, 48) -> probabilities (n, 5)
### BEGIN SOLUTION
more = data.load_set()
order = models.load("action_units").card["units"]
asked = [order.index(name) for name in ("AU1", "AU4", "AU12", "AU25", "AU26")]
train_rows = more.split == "train"
shows = more.action_units.max(axis=2)[:, asked][train_rows] >= 0.2

network.set_weights(before)  # an experiment may have spoilt the backbone
faces_in = keras.Input((48, 48, 1))
wide = keras.Model(
    faces_in, layers.Dense(5, "sigmoid")(backbone(faces_in))
)  # its last stage is thawed
wide.compile(keras.optimizers.Adam(3e-4), "binary_crossentropy")
wide.fit(models.standardize(more.small_images[train_rows]), shows, 32, 4, verbose=0)


def in_any_pose(images):
    return wide.predict(models.standardize(images), verbose=0)


my_model = in_any_pose
### END SOLUTION

# %% exercise="any_pose" kind="challenge" part="checker"
check.any_pose(my_model)

# %% [markdown] exercise="quiz" kind="quiz"
# ### Exercise 6 ★ · Questions
#
# 1. A unit is on 5 % of the faces. A model has an accuracy of 95 % and an F1 of 0 for it. How?
#    - A) it finds the unit on every face
#    - B) it never finds the unit
#    - C) its threshold is too low
#    - D) this is impossible
# 2. You have 100 images of each of 10 people. The model is for new people. About how much independent evidence is
#    that?
#    - A) 1,000 images
#    - B) 990 images, since one person is the test set
#    - C) nearer to 10 than to 1,000
#    - D) 100 images
# 3. You thaw all stages at once, with heads that are still random, at the rate of the heads. What happens first?
#    - A) the backbone becomes better quickly
#    - B) nothing, because the rate is too low
#    - C) only the heads learn
#    - D) large, random gradients spoil what the backbone knew
# 4. Why is validation not augmented?
#    - A) it stands for faces as they will come
#    - B) augmentation takes too long
#    - C) its labels would change
#    - D) it has too few faces
# 5. Variant A has 0.812 with one seed, variant B 0.805. Seeds of A differ by 0.04. Which is better?
#    - A) A, by 0.007
#    - B) B, because it is simpler
#    - C) both are equally good
#    - D) one seed each cannot tell
#
# Type into the cell below and run it, then run the checker under it.

# %% exercise="quiz" kind="quiz" part="solution"
ANSWERS = {1: ..., 2: ..., 3: ..., 4: ..., 5: ...}  # letters in quotes
### BEGIN SOLUTION
ANSWERS = {1: "B", 2: "C", 3: "D", 4: "A", 5: "D"}
### END SOLUTION

# %% exercise="quiz" kind="quiz" part="checker"
check.quiz_05(ANSWERS)

# %% tags=["showed"]
print(f"units of {len(people)} new people: AUC {mean_auc(truth, p):.2f};", end=" ")
print(
    f"emotions {of_heads.mean():.0%} from frozen features, {right.mean():.0%} with a thawed stage"
)

# %% [markdown]
# ## What you learned
#
# - Transfer starts from a network that knows faces. On CK+ it removes two thirds of the errors.
# - No person may be in two sets. The same method fell from nine in ten right to near chance.
# - Freeze, train the heads, thaw the last stage at a low rate, and leave batch normalisation frozen.
# - Two heads need two losses, and rare units a larger weight and their own threshold.
# - Try the simplest model first, then repeat with several seeds.
#
# ## Where this breaks
#
# - **Posed is not felt.** The people of CK+ moved their faces when they were told to, from the front, in good
#   light. They were 18 to 50 years old, and 81 % were Euro-American
#   ([Lucey et al. 2010](https://doi.org/10.1109/CVPRW.2010.5543262)).
# - **Units are not emotions.** Manuals say which units an emotion shows, such as 6 + 12 for happiness. In
#   [Barrett et al. 2019](https://doi.org/10.1177/1529100619832930), people with an emotion showed
#   the full pattern in a minority of cases.
# - **The truth is a coder's.** Trained coders do not always agree, so a score near 1 may have learnt one coder.
# - **Misuse.** Units look objective, and are used to call people liars or ill. The EU's
#   [AI Act](https://eur-lex.europa.eu/eli/reg/2024/1689/oj) treats a system that infers emotions from them like any
#   other.
#
# ## Go further
#
# - With CK+'s `FACS` folder, set `SOURCE = "ckplus"` and run the lesson again.
# - Load VGGFace2's weights in Colab, and compare.
#
# **Next:** [lesson 6, who is it, or nobody we know?](06_identity_and_unknown.ipynb)
