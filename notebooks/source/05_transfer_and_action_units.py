# %% [markdown]
# # 5 · What moved? Transfer learning and facial action units
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/05_transfer_and_action_units.ipynb)
#
# The emotion model that ships with this course, which [lesson 4](04_judging_a_classifier.ipynb) judges, has learnt
# from 25,000 faces. Often you have a few hundred. In this lesson you teach that model a new task with few faces. It
# learns to see which muscles of a face have moved.
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
# **You need** softmax, cross-entropy and F1 from [lesson 3](03_first_classifier.ipynb), and the bootstrap from
# [lesson 2](02_residual_keypoint_model.ipynb). **Time:** 60 minutes, and 30 for the exercises.

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
# **CK+** ([Lucey et al. 2010](https://doi.org/10.1109/CVPRW.2010.5543262)) is a set of short films. Each begins
# with a face at rest and ends at the peak of an expression that the person was told to make. We took the last three
# frames of each film with one of six emotions, and trained one network on them twice. One training began with random
# weights, the other with those of the shipped emotion model, which had never seen CK+. Everything else was equal. Each
# fifth of the people, a [fold](../docs/glossary.md#fold), was tested once, after a training on the other four.

# %% tags=["nbval-check-output"]
ckplus = {}
for start, name in (("random weights", "-scratch"), ("transferred weights", "")):
    stored = stored_result(f"emotion-ckplus-all-folds-5{name}")
    found = ckplus[start] = stored["metrics"]
    print(f"{start:19} {found['accuracy']:.1%} ± {found['standard_deviation_of_folds']:.1%}")

# %%
print(f"{stored['n']} images of {found['subjects']} people, {len(found['classes'])} emotions")
folds = pd.DataFrame({start: found["folds"] for start, found in ckplus.items()}).T
ax = folds.plot(style=["o-", "s--", "^-.", "D:", "v-"], figsize=(5.5, 2.8), legend=False)
ax.set(xticks=[0, 1], xticklabels=folds.index, ylim=(0.8, 1.01), ylabel="accuracy, new people")
plots.show(ax.figure, "Five folds of CK+. Each rises from random to transferred weights.")

# %% [markdown]
# The ± is the standard deviation over the folds, which hold different people. Within every fold transfer helps, by
# 5 to 9 points. About two thirds of the errors are gone. This is
# [transfer learning](../docs/glossary.md#transfer-learning). The first stages of a network find edges and corners,
# which every task on faces needs. Few faces are enough to learn the rest. This lesson has fewer than CK+, and takes
# four steps.
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
# A **peak** is the last frame of a film. The table holds the path of each peak's image, the square around the face
# in pixels, the person, the emotion and the units.

# %%
columns = ["path", "left", "top", "side", "subject", "emotion", "units"]
rows = [(p.path, *p.square(), p.subject, p.emotion, set(p.units)) for p in peaks]
table = pd.DataFrame(rows, columns=columns)
print(f"{len(table)} peaks of {table['subject'].nunique()} people")
table.drop(columns="path").head()

# %% [markdown]
# Each unit becomes a column of 0 and 1, because a face can show several units. An emotion becomes a one-hot row, as
# in lesson 3. AU14 is on none of these peaks, so 17 of the 18 units are left. A peak is never neutral, so there are
# six emotions.

# %%
units = sorted(set().union(*table["units"]))
emotions = sorted(set(table["emotion"]))
present = np.array([[unit in shown for unit in units] for shown in table["units"]], "float32")
posed = np.array([[name == shown for name in emotions] for shown in table["emotion"]], "float32")
print(present.shape, posed.shape)

# %%
names = [f"AU{unit}" for unit in units]
ax = pd.Series(present.mean(axis=0), names).plot.bar(figsize=(8, 2.4), color=plots.RIGHT, rot=0)
ax.set(xlabel="action unit", ylabel="share of the peaks")
plots.show(ax.figure, "Bars of the share of peaks with each unit, from 2 to 71 per cent.")

# %% [markdown]
# AU25, lips part, is on most peaks, and two units are on fewer than one in twenty. A model that never finds a rare
# unit would have a high accuracy. So accuracy will not do.
#
# ## Split · Is the test person new?
#
# Two frames of one film are alike in person, light and background. To see what this does to a score, we take two
# frames of every film, here the face at rest and the peak. We shrink them, and give each test image the emotion of
# the most similar training image. First, a tenth of the *images* is the test set.


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
# similar image was the other frame of the same film, so even a face at rest got the film's emotion. With a new
# person this is near chance. (Half are faces at rest, so even a perfect model would stay below 60 %.)
#
# Networks gain from the leak, too. The deep network of lesson 4, narrower and from random weights, was right on
# 99 % of CK+ when each fifth of the *images* was tested once, and on 87 % when it was each fifth of the *people*
# ([how it was measured](../docs/results.md#emotion)).
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
# Training faces are changed a little in every epoch. You know mirroring and brightness from lesson 1. The third
# change moves the face.

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
# faces, batches of 128 the many faces of FER-2013.


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
        return self.prepare(faces), {"units": present[rows], "emotion": posed[rows]}

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
# We build it so that you know it and can use public weights. Below we then use a smaller backbone.
#
# ![On the left a bottleneck block of three convolutions with a skip around them. On the right the five stages of ResNet-50, in which the image becomes smaller and the number of channels larger](pictures/resnet50.svg)
#
# The classic block of lesson 2 was already a [bottleneck block](../docs/glossary.md#bottleneck-block). A 1 × 1
# convolution reduces the channels, here to a quarter. The 3 × 3 convolution works on these few, and another
# 1 × 1 convolution restores their number.


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
resnet50 = build_resnet50()
keras_own = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3))
print(f"built here: {resnet50.count_params():,} weights, {resnet50.output.shape[1]:,} features")
print(f"Keras's:    {keras_own.count_params():,} weights")

# %% [markdown]
# Keras's convolutions have a bias, and those above have none. So not every file of public weights fits.
#
# - **ImageNet**: `keras.applications.ResNet50(weights="imagenet")` fetches its own file.
# - **VGGFace2**: [keras-vggface](https://github.com/rcmalli/keras-vggface) offers
#   `rcmalli_vggface_tf_notop_resnet50.h5`, trained to tell 8,631 people apart. Its convolutions have no bias, so
#   Keras's own ResNet-50 cannot load it. The network above follows that project's code, and its layers have the
#   names of that file, with `_` for `/`. We compared the two codes, but did not try the file.
#
# Other `.h5` files there hold other networks, such as SENet-50. So we look up each layer by name and stop at the
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


# %% [markdown]
# By default this lesson uses a backbone that ships with the course, so nothing is downloaded. It is the emotion
# model without its last layers. For VGGFace2's weights in Colab, first choose *Runtime*, *Change runtime type*,
# *T4 GPU*. Then write `USE_VGGFACE = True` below and run all cells. This fetches 95 MB.


# %% tags=["nbval-check-output"]
USE_VGGFACE = False


def for_shipped(faces):  # grey, each face with mean 0 and standard deviation 1
    return models.standardize(faces.mean(axis=3))


if USE_VGGFACE:
    file = "rcmalli_vggface_tf_notop_resnet50.h5"
    site = "https://github.com/rcmalli/keras-vggface/releases/download/v2.0/"
    load_vggface(resnet50, keras.utils.get_file(file, site + file))
    backbone, SIZE, prepare = resnet50, 224, for_vggface
else:
    emotion_model = models.load("emotion").network
    backbone = keras.Model(emotion_model.input, emotion_model.layers[-3].output)
    SIZE, prepare = 48, for_shipped
backbone.trainable = False  # frozen
print(backbone.input.shape, backbone.output.shape, f"{backbone.count_params():,} weights")

# %% [markdown] tags=["optional"]
# ### If you have time · Which network for which budget?
#
# For the first four, weights and time on a CPU are those of [Keras](https://keras.io/api/applications/), with their
# last layers. SENet-50 ([Hu et al. 2018](https://arxiv.org/abs/1709.01507)) is a ResNet-50 that also learns how
# much each channel counts.
#
# | network | million weights | ms on a CPU | public weights from |
# |---|---|---|---|
# | VGG16 | 138.4 | 69.5 | ImageNet, VGGFace |
# | ResNet-50 | 25.6 | 58.2 | ImageNet, VGGFace2 |
# | Inception v3 | 23.9 | 42.2 | ImageNet |
# | MobileNet v2 | 3.5 | 25.9 | ImageNet |
# | SENet-50 | 28.1 | ResNet-50 + 2 % | VGGFace2 |
#
# How long does an epoch of training take?

# %% tags=["optional"]
step = 3 * models.count_flops(keras_own)  # forward, and twice as much backward
epoch = stored_result("study-resnet50")["variants"][0]
accuracy, majority = epoch["metrics"].values()
print(f"two cores, measured: {epoch['seconds']} s for {epoch['n_train']} faces of CK+")
print(f"after it {accuracy:.0%} of {epoch['n']} others are right, always one class: {majority:.0%}")
print(f"Colab's T4, estimated: {28709 * step / (8.1e12 / 3):.0f} s for FER-2013's 28,709 faces")

# %% [markdown] tags=["optional"]
# The estimate takes a third of the 8.1 trillion operations a second that
# [NVIDIA](https://www.nvidia.com/en-us/data-center/tesla-t4/) gives for a T4. We have not measured it. The epoch on
# CK+ began with random weights. A large network needs either many faces or the weights of another training.

# %% [markdown]
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
# often. So we let its presence count nine times as much. No weight is below 1 or above 10.

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
# The backbone is [frozen](../docs/glossary.md#freeze), so its weights do not change, and neither do the features of
# a face. We compute them once.

# %%
features, true = {}, {}
for split in ("train", "val", "test"):
    faces, true[split] = FaceLoader(split, SIZE, len(table), prepare)[0]
    features[split] = backbone.predict(faces, verbose=0)
print({split: values.shape for split, values in features.items()})

# %% [markdown]
# How far do these features take us without a network on top? A
# [logistic regression](../docs/glossary.md#logistic-regression) is a single neuron with a sigmoid. We fit one for each unit,
# and one with a softmax for the emotions. We judge units by [AUC](../docs/glossary.md#auc), the chance that a face
# with the unit gets a higher probability than a face without it. Guessing gives 0.5. Units that fewer than five
# faces show are left out of the mean.


# %%
def regression():  # each feature gets mean 0 and deviation 1, and a small C keeps weights small
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))


for_units, for_emotion = OneVsRestClassifier(regression()), regression()
for_units.fit(features["train"], true["train"]["units"])
for_emotion.fit(features["train"], true["train"]["emotion"].argmax(axis=1))


def simple(x):
    return {"units": for_units.predict_proba(x), "emotion": for_emotion.predict_proba(x)}


# %%
def mean_auc(true, p):
    often = np.flatnonzero(np.minimum(true.sum(axis=0), (1 - true).sum(axis=0)) >= 5)
    return np.mean([roc_auc_score(true[:, unit], p[:, unit]) for unit in often])


def judge(said, split, rows=slice(None)):
    in_units, in_emotion = (true[split][head][rows] for head in ("units", "emotion"))
    named = said["emotion"][rows].argmax(axis=1) == in_emotion.argmax(axis=1)
    auc = mean_auc(in_units, said["units"][rows])
    return {"units, AUC": round(float(auc), 3), "emotions, right": round(float(named.mean()), 3)}


print("logistic regression, validation:", judge(simple(features["val"]), "val"))

# %% [markdown]
# ### The heads
#
# New heads are random, and would send large, random gradients into the backbone. So they are trained first, on the
# stored features, which takes a second or two. Both heads' losses count half.

# %%
EPOCHS = settings.by_profile(smoke=1, lesson=50, full=50)
BATCH, HEAD_RATE = 32, 1e-3
COLOURS = [plots.LEFT, plots.RIGHT]  # of training and validation


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
losses.index += 1
ax = losses.plot(style=["--", "-"], color=COLOURS, figsize=(6, 2.8), xlabel="epoch", ylabel="loss")
ax.plot(losses["validation"].idxmin(), losses["validation"].min(), "o", color="black")
plots.show(ax.figure, "Training loss keeps falling. Validation loss rises again after a dot.")

# %% [markdown]
# After the dot, the training loss goes on falling and the validation loss rises. The heads memorise the
# faces. [Early stopping](../docs/glossary.md#early-stopping) ends a training when the validation loss has not
# improved for some epochs, and returns to the best weights.

# %%
stop = keras.callbacks.EarlyStopping("val_loss", patience=8, restore_best_weights=True)
heads, short = train_heads([stop])
print(f"stopped after {len(short['loss'])} epochs")
heads_said = {split: heads.predict(features[split], verbose=0) for split in ("val", "test")}
print("heads, validation:", judge(heads_said["val"], "val"))

# %% [markdown]
# The simple model holds its own, for units and for emotions. Three trained layers add nothing to it.
#
# ### What not to thaw
#
# A layer of [batch normalisation](../docs/glossary.md#batch-normalisation) knows the mean and the spread of each
# feature from 25,000 faces. While it trains, it uses the mean and the spread of the *batch* instead. How much would
# that change the features of a face?

# %%
known, backbone.trainable = backbone.get_weights(), True  # thawed, to see what happens
frozen, drifted = (np.asarray(backbone(faces[:32], training=how)) for how in (False, True))
backbone.set_weights(known)  # the second call has moved the known means, too
change = np.linalg.norm(drifted - frozen, axis=1) / np.linalg.norm(frozen, axis=1)
print(f"the features move by {change.mean():.0%} of their length")

# %% [markdown]
# The features would drift before a single weight has learnt anything. So batch normalisation stays frozen
# when we **thaw** the last stage, by `trainable = False`. To call the backbone with `training=False` is
# [not enough in Keras 3](https://github.com/keras-team/keras/issues/20285). The last stage is the part
# in which the image has its
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
# Now backbone and heads become one network, which learns from images. We [fine-tune](../docs/glossary.md#fine-tune)
# it. The learning rate is ten times lower, so that small steps keep what the stage knows. Only training faces are
# augmented, because validation stands for faces as they will come.

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
# The validation curves jump, because twelve people are few.
#
# ## Judge · Which units does it find?
#
# ### From a probability to yes or no
#
# The weights for rare units have moved the probabilities, so 50 % is no natural border any more. Each unit gets its
# own [threshold](../docs/glossary.md#threshold), the one with the highest F1 on *validation* faces.

# %% [markdown] exercise="threshold"
# ### Exercise 3 ★ · The best threshold
#
# Write `best_threshold(true, p)` for one unit, with `true (n,)` of 0 and 1 and probabilities `p (n,)`. A unit is
# called present where its probability is at least the threshold. Return the probability in `p` that is the best
# threshold. It has the highest F1. Written in counts, that is `2 * hits / (present + called present)`.
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
rates = precision_recall_fscore_support(truth, p >= thresholds, zero_division=0)
by_unit = pd.DataFrame(rates, index=["precision", "recall", "F1", "n"], columns=names).T
often = by_unit["n"] >= 5
by_unit.loc[often, "AUC"] = list(map(roc_auc_score, truth.T[often], p.T[often]))
by_unit.where(often).assign(n=by_unit["n"].astype(int)).round(2)

# %% [markdown]
# The column n counts the test faces that show the unit. Fewer than five are not judged. A high AUC beside a low F1
# has two causes. The threshold can be off, because it was fitted on few faces, as for AU26. Or the unit is rare,
# and false alarms outnumber it. For AU24 only about one call in eight is right.
#
# ### Is the gain real?
#
# Now the test people judge all three models.

# %%
models_said = {"logistic regression": simple(features["test"]), "heads": heads_said["test"]}
models_said["thawed"] = said["test"]
on_test = pd.DataFrame({name: judge(p, "test") for name, p in models_said.items()})
on_test

# %% [markdown]
# The thawed network is ahead. Would it be with 30 other people? Faces of one person are alike, so the
# [bootstrap](../docs/glossary.md#bootstrap) draws *people* here, and not faces. Each draw gives the differences
# from the logistic regression.

# %%
rng = np.random.default_rng(settings.SEED)
tested = table.loc[table["split"] == "test", "subject"].to_numpy()
people = np.unique(tested)
gains = []
for _ in range(100):
    drawn = np.concatenate(
        [np.flatnonzero(tested == who) for who in rng.choice(people, len(people))]
    )
    draw = pd.DataFrame({name: judge(p, "test", drawn) for name, p in models_said.items()})
    gain = draw.sub(draw["logistic regression"], axis=0)
    gains.append(gain[["heads", "thawed"]].T.unstack())
pd.DataFrame(gains).quantile([0.025, 0.5, 0.975]).T.round(3)

# %% [markdown]
# The column 0.5 is the middle of the draws, the others are the ends of the interval. In our run one loss is clear: the
# heads are worse for emotions. There is one small gain: the thawed network for units, with an interval just above 0.
# The two other intervals include 0. So the logistic regression comes close at both tasks.

# %%
tests = table[table["split"] == "test"].reset_index(drop=True)
chosen = [np.flatnonzero(tests["emotion"] == name)[-1] for name in emotions]
titles = []
for row in chosen:
    found = {unit for unit, there in zip(units, p[row] >= thresholds, strict=True) if there}
    there = tests["units"][row]
    kinds = {"found": found & there, "false": found - there, "missed": there - found}
    lines = [f"{k} {', '.join(map(str, sorted(some))) or 'none'}" for k, some in kinds.items()]
    titles.append("\n".join([tests["emotion"][row], *lines]))
faces = np.stack([read_face(tests.iloc[row], 96) for row in chosen])
plots.show(
    plots.face_grid(faces, titles=titles, columns=3),
    "Six test faces, one for each emotion. Above each face are the units that were found, those that were "
    "found and are not there, and those that were missed.",
)

# %% [markdown]
# Compare the lists with the picture of the units. On the second face, the false units outnumber the found ones.
#
# ### And on real faces?
#
# The shipped model of units learnt in the same way, from more faces. It saw 23,600 drawn faces, and then also faces
# of CK+ on which trained people had marked the units. We measured after each step, in five folds by person. More than
# half of the images are faces at rest, which are easy.

# %% tags=["nbval-check-output"]
stored = stored_result("action-units-ckplus-action-units-all-folds-5")
real, total = stored["metrics"], stored["n"]
for name, found in {"drawings alone": real["before"], "drawings and real": real}.items():
    auc, (low, high) = found["macro_auc"], found["macro_auc_interval_95"]
    print(f"{name:17} AUC {auc:.3f} ({low:.3f} to {high:.3f}), F1 {found['macro_f1']:.3f}")

# %% [markdown]
# For each unit, the interval of [Hanley & McNeil 1982](https://doi.org/10.1148/radiology.143.1.7063747) needs only
# the AUC and the numbers of faces with and without the unit. It counts faces as independent, so the true intervals
# are probably wider.


# %%
def half_interval(auc, n, others):
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n - 1) * (q1 - auc**2) + (others - 1) * (q2 - auc**2)
    return 1.96 * np.sqrt(variance / (n * others))


print(f"{total:,} images of {real['subjects']} people")
after, before_real = (
    pd.DataFrame(part["per_unit"]).T.sort_values("auc") for part in (real, real["before"])
)
fig, ax = plt.subplots(figsize=(7, 4.6))
for part, shift, marker, colour, label in (
    (before_real.loc[after.index], 0.15, "s", plots.LEFT, "drawings alone"),
    (after, -0.15, "o", plots.RIGHT, "drawings and real faces"),
):
    half = half_interval(part["auc"], part["n"], total - part["n"])
    ends = [half, np.minimum(half, 1 - part["auc"])]  # no AUC is above 1
    place = np.arange(len(part)) + shift
    ax.errorbar(part["auc"], place, xerr=ends, fmt=marker, color=colour, capsize=3, label=label)
ax.set_yticks(range(len(after)), [f"{name}, n = {n:.0f}" for name, n in after["n"].items()])
ax.set(xlabel="AUC on real faces, with its 95 % interval", xlim=(0.5, 1.01))
ax.legend(loc="upper left")
plots.show(
    fig,
    "AUC of 17 units on real faces with intervals. After training on real faces all but AU10 lie above "
    "0.89. From drawings alone the chin raiser, the lip pressor and the dimpler are below 0.7.",
)

# %%
after.sort_values("n", ascending=False).astype({"n": int}).round(2)

# %% [markdown]
# From drawings alone, brows and smiles are found well. The chin raiser AU17, the lip pressor AU24 and the dimpler
# AU14 are found badly. Real faces mend most of this. AU14 and AU10 stay weak, with an F1 of 0.35 and 0.25, and AU10
# is on only 18 faces. AU43, closed eyes, is not judged, because too few of these people show it.

# %% [markdown]
# ## Break it · One wrong habit at a time
#
# An experiment changes one thing against a *baseline*, repeats it with several seeds, and gives the spread. A
# stored study did this with 60 drawn people to learn from and 30 others to judge. First the heads learn, then the
# last stage is thawed, as you did. Its emotions are in three groups, positive, negative and surprise.

# %%
study = {row["name"]: row for row in stored_result("study-transfer")["variants"]}
runs = pd.DataFrame({name: row["metrics"]["units_auc"] for name, row in study.items()})
runs = runs.drop(columns=["dense 64", "single emotions, no groups", "SGD, momentum 0.9"])
fig, (auc_ax, loss_ax) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=[3, 2])
for marker, (seed, values) in zip("os^", runs.iterrows(), strict=True):
    auc_ax.plot(values, runs.columns, marker, color=plots.RIGHT, alpha=0.6, label=f"seed {seed}")
auc_ax.plot(runs.mean(), runs.columns, "|", ms=16, color="black", label="mean")
auc_ax.axvline(runs["baseline"].mean(), ls=":", color=plots.LEFT, label="baseline's")
auc_ax.set(xlabel="AUC of units on new people")
auc_ax.legend(loc="center left")
auc_ax.invert_yaxis()
rates = {"1e-3": "fine-tuned at 1e-3", "1e-4": "baseline", "1e-5": "fine-tuned at 1e-5"}
curves = pd.DataFrame({rate: study[name]["val_loss"] for rate, name in rates.items()})
curves.index += 1
curves.plot(ax=loss_ax, style=["s--", "o-", "^:"], xlabel="epoch", ylabel="validation loss")
loss_ax.axvline(6.5, color="0.5", ls=":")
loss_ax.text(7.2, 0.85, "thawed")
plots.show(
    fig,
    "On the left, the AUC of eleven variants with three seeds each. The baseline spreads from 0.76 to "
    "0.83. A thawed stage at 1e-3 and a random backbone lie at 0.5. On the right, the validation loss "
    "at three learning rates. At 1e-3 it jumps when the stage is thawed and stays there.",
)
for name in ("heads only", "baseline", "all stages thawed"):
    groups = np.mean(study[name]["metrics"]["group_accuracy"])
    print(f"{name:17} units, AUC {runs[name].mean():.2f}; groups of emotions, right {groups:.0%}")

# %% [markdown]
# - **The spread.** The three runs of the baseline differ by 0.06. All variants share the seeds, so compare markers of
#   one shape.
# - **Heads only** is as good for units as thawing the last stage or all stages. For the groups of emotions thawing
#   helps with every seed. So measure it for each task, with more than one seed.
# - **A rate of 1e-3 for the thawed stage** ends at chance in all three runs. On the right, the loss jumps and
#   never moves again. The usual cause is dead neurons. Large steps push a ReLU below 0, where its slope is 0. At
#   1e-5 thawing changes next to nothing.
# - **No class weights**, so no weights for rare units, costs about 0.1 of AUC.
# - **Thawed batch normalisation** does no measurable harm in so few steps, although the features drift. Freezing it
#   costs nothing, so we do.

# %% [markdown] tags=["optional"]
# ### If you have time · The other variants
#
# - **A random backbone** learns nothing in so few steps. This is no fair test of transfer, because starting from
#   nothing takes more steps. The test on CK+ above gave both the same full training.
# - **A constant rate**, in place of one that falls to 0, and **batches of 8** help most. Both mean more learning.
#   Probably the heads had not finished when these short runs ended.
# - The [focal loss](../docs/glossary.md#focal-loss), which lets sure answers count little, does not replace class
#   weights.

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

# %% [markdown] exercise="any_pose" kind="challenge"
# ### Exercise 5 ★★★ · Challenge: units in any pose
#
# The faces of this lesson look into the camera. The drawn test faces of lessons 3 and 4 turn away and have things in
# front of them. Write a function `my_model(images)` that takes such faces `(n, 48, 48) uint8` and
# returns probabilities `(n, 5)` of AU1, AU4, AU12, AU25 and AU26, in this order. The checker wants a mean AUC of
# 0.88 or more on them. Everything is allowed but these test faces and the shipped model of units.
#
# Here is where to begin. `data.load_set()` has 2,560 drawn training faces, where `split == "train"`. It holds
# `small_images (n, 48, 48)` and `action_units (n, 18, 2)`. The 18 columns are the units
# `models.load("action_units").card["units"]`, and the last axis is left and right. A unit is there if either side has an
# intensity of 0.2 or more.
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
# 5. Why does each unit get a sigmoid of its own, while the emotions share a softmax?
#    - A) a sigmoid is faster
#    - B) a face can show several units, and the emotions exclude each other
#    - C) units are rarer than emotions
#    - D) a softmax works for at most six classes
#
# Type into the cell below and run it, then run the checker under it.

# %% exercise="quiz" kind="quiz" part="solution"
ANSWERS = {1: ..., 2: ..., 3: ..., 4: ..., 5: ...}  # letters in quotes
### BEGIN SOLUTION
ANSWERS = {1: "B", 2: "C", 3: "D", 4: "A", 5: "B"}
### END SOLUTION

# %% exercise="quiz" kind="quiz" part="checker"
check.quiz_05(ANSWERS)

# %% tags=["showed"]
units_auc, emotions_right = on_test.loc["units, AUC"], on_test.loc["emotions, right"]
print(f"{len(people)} new people, logistic regression, heads, thawed:", end=" ")
print(f"units' AUC {', '.join(f'{auc:.2f}' for auc in units_auc)};", end=" ")
print(f"emotions {', '.join(f'{share:.0%}' for share in emotions_right)} right")

# %% [markdown]
# ## What you learned
#
# - Transfer starts from a network that knows faces. On CK+ it removes two thirds of the errors.
# - No person may be in two sets. Without the same film's other frame, nine in ten right became near chance.
# - Freeze, train the heads, and thaw at a low rate with batch normalisation frozen. Then measure whether thawing helped.
# - Two heads need two losses, and rare units a larger weight and their own threshold.
# - Try the simplest model first. A logistic regression came close to the best network.
#
# ## Where this breaks
#
# - **Posed is not felt.** The people of CK+ moved their faces when they were told to, from the front, in good
#   light. They were 18 to 50 years old, and 81 % were Euro-American
#   ([Lucey et al. 2010](https://doi.org/10.1109/CVPRW.2010.5543262)).
# - **Units are not emotions.** Manuals say which units an emotion shows, such as 6 + 12 for happiness. In
#   [Barrett et al. 2019](https://doi.org/10.1177/1529100619832930), people with an emotion showed
#   the full pattern in a minority of cases.
# - **The truth is a coder's.** Trained coders do not always agree, so a model near 1 may
#   have learnt the habits of one coder.
# - **Misuse.** Units look objective, and are used to call people liars or ill. In the EU's
#   [AI Act](https://eur-lex.europa.eu/eli/reg/2024/1689/oj), a system that infers emotions from units is emotion
#   recognition. It is forbidden at work and in education, except for medical or safety reasons, and high-risk
#   elsewhere.
#
# ## Go further
#
# - With CK+'s `FACS` folder, set `SOURCE = "ckplus"` and run the lesson again.
# - Load VGGFace2's weights in Colab, and compare.
#
# **Next:** [lesson 6, who is it, or nobody we know?](06_identity_and_unknown.ipynb)
