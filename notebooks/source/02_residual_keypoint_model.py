# %% [markdown]
# # 2 · Can a network point? A residual keypoint model
#
# [![Open this lesson in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/reading-faces/reading-faces/blob/main/notebooks/02_residual_keypoint_model.ipynb)
#
# In [lesson 1](01_keypoints_and_flip.ipynb) people (or a program) had marked 15 points on each face.
# Now a network will do it, on faces that it has never seen. After this lesson you will be able to
# say what a network computes and how it learns, build a residual network block by block, train it on
# faces of which half are only partly labelled, and judge honestly how good it is.
#
# ![Four made-up faces with 15 points each: white crosses where the points are, coloured markers where the network that ships with this course says they are; they nearly coincide](pictures/predicted.png)
#
# **You will be able to**
#
# - compute a neuron, a gradient step and a convolution by hand;
# - explain what a skip connection changes, and show it with numbers;
# - build, train and stop a residual network in Keras;
# - write a loss that passes over missing labels;
# - measure a keypoint model against baselines, and find where it fails.
#
# **You need** [lesson 1](01_keypoints_and_flip.ipynb), and what a derivative is. **Time:** 90 minutes;
# the code itself runs in about two minutes, most of it for one training.

# %% tags=["setup"]
from importlib import import_module
from importlib.util import find_spec

from IPython import get_ipython

if find_spec("helpers") is None:  # in Colab: fetch the course's code once
    address = "git+https://github.com/reading-faces/reading-faces@v0.1.0"
    get_ipython().run_line_magic("pip", f"install -q {address}")

_ = import_module("helpers")  # before TensorFlow, so that it uses all that the processor can do

# %% [markdown]
# We import what the lesson uses. Keras is the library in which the networks of this course are
# written; loading it takes a few seconds, and nothing is downloaded.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from helpers import data, metrics, models, plots, settings
from helpers.augment import flip_images, flip_keypoints
from helpers.results import stored_result
from reading_faces.exercises import check
from reading_faces.made_faces import draw_scene, person_number, portrait

keras.utils.set_random_seed(settings.SEED)
plots.set_style()

# %% [markdown]
# The faces are those of lesson 1, and they are already split: a person who is in one split is in no other.
# We learn on `train`, choose on `val`, and open `test` once, at the end. (With real faces at hand, write
# `"facial-keypoints"`, as in lesson 1; five of the 15 points are labelled there.)

# %%
SOURCE = "made"
faces = data.load_keypoints(SOURCE)
train, val, test = (faces.select(split) for split in ("train", "val", "test"))
for name, part in (("train", train), ("val", val), ("test", test)):
    marked = np.isfinite(part.keypoints).all(axis=2).sum(axis=1)
    print(f"{name:5} {len(part):5} faces, {np.sum(marked == 15)} of them with all 15 points")

# %% [markdown]
# Networks like small numbers around 0. So pixels of a point become −1 to 1 across the picture, with 0
# in its middle; and each picture gets mean 0 and standard deviation 1, so that it does not matter how
# it was exposed.

# %%
images = {"train": models.standardize(train.images), "val": models.standardize(val.images)}
points = {
    "train": models.keypoints_to_network(train.keypoints),
    "val": models.keypoints_to_network(val.keypoints),
}
print("pictures:", images["train"].shape, images["train"].dtype)
print("points:  ", points["train"].shape, f"{np.nanmin(points['train']):.2f} to", end=" ")
print(f"{np.nanmax(points['train']):.2f}")

# %% [markdown]
# ## What does a neuron compute?
#
# A **neuron** multiplies each number that it gets by a *weight*, adds them up, and adds one number
# more, its *bias*: `weight · x + bias`. Here is a task for the smallest one there is, with a single
# input: when a head leans to one side, eyes and mouth lean with it. Given how much lower one eye is than
# the other, how much lower is one corner of the mouth?

# %%
names = list(data.KEYPOINT_NAMES)
heights = dict(zip(names, points["train"][..., 1].T, strict=True))
x = heights["left_eye_center"] - heights["right_eye_center"]
y = heights["mouth_left_corner"] - heights["mouth_right_corner"]
x, y = x[np.isfinite(y)], y[np.isfinite(y)]
weight, bias = 0.2, 0.1  # play: which two numbers lay the line through the cloud?
print(f"mean squared error: {np.mean((weight * x + bias - y) ** 2):.4f}")

# %% [markdown]
# We draw what the neuron says about each face. Change the two numbers above, run both cells again, and
# watch the error: that is all that learning is, and a computer will do it for us in a moment.

# %%
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.scatter(x, y, s=8, color="#0173b2", alpha=0.4, label="faces")
ends = np.array([x.min(), x.max()])
ax.plot(ends, weight * ends + bias, color="#c97c00", ls="--", lw=2.5, label="the neuron")
ax.set(xlabel="left eye lower than the right (half pictures)", ylabel="left mouth corner lower")
ax.legend()
plots.show(
    fig,
    "Scatter plot: the lower the left eye, the lower the left corner of the mouth, in a rising cloud. "
    "A dashed line, the neuron with weights set by hand, is too flat and too high.",
)

# %% [markdown]
# A network stacks many neurons, and between the layers it bends the straight line: the **activation**
# ReLU replaces whatever is negative by 0. Without such a bend, a hundred layers would compute nothing
# but another straight line. **Before you run it, what do you expect** of the sum of three bent lines?

# %%
across = np.linspace(-1, 1, 200)
bent = [np.maximum(w * across + b, 0) for w, b in ((2.0, 0.6), (-3.0, -0.3), (4.0, -2.0))]
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for number, (neuron, style) in enumerate(zip(bent, (":", "--", "-."), strict=True), 1):
    ax.plot(across, neuron, style, color="#949494", label=f"neuron {number}, bent by ReLU")
ax.plot(across, sum(bent), color="#0173b2", lw=2.5, label="their sum")
ax.set(xlabel="input", ylabel="output")
ax.legend()
plots.show(
    fig,
    "Three grey lines that are flat at zero on one side and rise on the other, and their sum: a "
    "blue line with three kinks.",
)

# %% [markdown]
# Three kinks: with enough of them a line can follow any curve. What remains is to find the weights.
#
# ## How does it learn?
#
# The **loss** says in one number how wrong we are: here the mean squared error. It depends on weight
# and bias, so it is a landscape over the two. The **gradient** points uphill; **gradient descent**
# takes a step the other way, again and again. The step's length is the gradient times the *learning
# rate*.

# %% [markdown] exercise="step"
# ### Exercise 1 · One step downhill (8 minutes)
#
# Write `gradient_step(weight, bias, x, y, rate)`. With `error = weight * x + bias - y`, the loss is the
# mean of `error²`; its slope along the weight is the mean of `2 · error · x`, along the bias the mean
# of `2 · error`. Return the new weight and the new bias.
#
# Type into the cell below and run it; leave the folded solution closed while you try; then run the
# checker under it. (Run All opens nothing and runs the solution, so the rest of the lesson works.)


# %% exercise="step" part="solution"
def gradient_step(weight, bias, x, y, rate):
    ### BEGIN SOLUTION
    error = weight * x + bias - y
    slope_weight, slope_bias = np.mean(2 * error * x), np.mean(2 * error)
    return weight - rate * slope_weight, bias - rate * slope_bias
    ### END SOLUTION


# %% exercise="step" part="checker"
check.gradient_step(gradient_step)

# %% exercise="step" part="hidden"
after = gradient_step(1.0, 0.0, np.array([1.0, 3.0]), np.array([0.0, 0.0]), 0.1)
assert np.allclose(after, (0.0, -0.4))
assert np.allclose(gradient_step(1.0, 2.0, np.ones(3), np.full(3, 3.0), 0.5), (1.0, 2.0))

# %% [markdown]
# Now we walk, from the same place, with three learning rates. (Both are scaled to standard deviation
# 1 here, so that the landscape is as wide as it is long.) **Before you run it, what do you
# expect** of the largest?

# %%
eyes, mouth = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
walks = {}
for rate in (0.02, 0.2, 1.05):  # play: from which rate on does it run away?
    place = [(-1.2, 1.5)]
    for _ in range(15):
        place.append(gradient_step(*place[-1], eyes, mouth, rate))
    walks[rate] = np.array(place)

# %% [markdown]
# The landscape is drawn from the faces: at each place, the loss of a neuron with that weight and bias.

# %%
across = np.linspace(-3, 3, 80)
error = across[None, :, None] * eyes + across[:, None, None] - mouth
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), sharey=True, layout="constrained")
for ax, (rate, walk), word in zip(
    axes, walks.items(), ("too small", "right", "too large"), strict=True
):
    ax.contour(across, across, (error**2).mean(axis=2), levels=14, cmap="cividis", alpha=0.7)
    ax.plot(*walk.T, "o-", color="#d55e00", ms=3.5, lw=1.2)
    ax.plot(*walk[0], "s", color="black", ms=7)
    ax.set(title=f"rate {rate}: {word}", xlabel="weight", xlim=(-3, 3), ylim=(-3, 3))
axes[0].set_ylabel("bias")
plots.show(
    fig,
    "Three contour maps of the same loss, a round bowl, each with a path of 15 steps from the same "
    "black square. With the small rate the path covers a part of the way, with the right one it ends "
    "in the middle of the bowl, with the large one it jumps from side to side and outwards.",
)

# %% [markdown]
# Too small, and it has not arrived when the time is up. Too large, and each step lands higher on the
# other side. The best rate is not far below the one that runs away, and that is true of large networks
# too, as we will see. The trained neuron:

# %% tags=["nbval-check-output"]
weight, bias = walks[0.2][-1]
print(f"loss at the start {np.mean((-1.2 * eyes + 1.5 - mouth) ** 2):.2f}", end=", ")
print(f"after 15 steps {np.mean((weight * eyes + bias - mouth) ** 2):.2f}")

# %% [markdown]
# ## What does a convolution see?
#
# A neuron that looks at a whole picture has 9,216 weights, and must learn an eye anew for each place
# where an eye can be. A **convolution** looks at 3 × 3 pixels, with nine weights, and slides over the
# picture with the *same* nine. Here is one, by hand: each pixel of the result is a weighted sum of nine
# neighbours.

# %%
face = images["train"][np.argmin(np.abs(train.keypoints[:, 10, 0] - 48)), :, :, 0]
kernel = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])  # play: turn it, or try np.eye(3)

by_hand = np.zeros((94, 94))
for row in range(94):
    for column in range(94):
        by_hand[row, column] = (face[row : row + 3, column : column + 3] * kernel).sum()
print("the face", face.shape, "became", by_hand.shape)

# %% [markdown]
# This kernel subtracts the row above from the row below, so it answers to whatever gets brighter or
# darker from top to bottom. **Before you run it, what do you expect** to light up in the face?

# %%
fig, axes = plt.subplots(1, 2, figsize=(6.5, 3.4), layout="constrained")
for ax, picture, title in ((axes[0], face, "the face"), (axes[1], by_hand, "convolved")):
    shown = ax.imshow(picture, cmap="gray" if ax is axes[0] else "PuOr")
    ax.set(title=title, xlabel="x, pixels", ylabel="y, pixels")
limit = np.abs(by_hand).max()
shown.set_clim(-limit, limit)
fig.colorbar(shown, label="sum of nine products")
plots.show(
    fig,
    "A made-up face in grey and the result of the convolution: brows, eyelids, nostrils and the line "
    "of the lips stand out, orange where it gets darker downwards and purple where it gets brighter.",
)

# %% [markdown]
# Brows, lids, nostrils, lips: what runs across the face. In Keras the same is one layer. We put our
# nine numbers into it, and compare.

# %% tags=["nbval-check-output"]
convolution = layers.Conv2D(1, 3, use_bias=False)
convolution.build((None, 96, 96, 1))
convolution.set_weights([kernel.reshape(3, 3, 1, 1).astype("float32")])
by_keras = ops.convert_to_numpy(convolution(face[None, :, :, None]))[0, :, :, 0]
print("the same as by hand:", np.allclose(by_keras, by_hand, atol=1e-4))
print("weights:", convolution.count_params(), "against", 96 * 96 + 1)

# %% [markdown]
# Nine weights against 9,217 for a single neuron on all pixels. A layer has many such kernels, and they
# are not chosen: they are learnt, by gradient descent like everything else. Two words for later:
# **padding** adds a rim so that the picture keeps its size, and **stride 2** takes every second place
# only, which halves it.
#
# ## Why not simply more layers?
#
# One layer sees edges; the next, edges of edges; deeper ones see eyes. So deeper should be better, and
# for years it was not: beyond some twenty layers, plain networks got *worse*, even on the faces that
# they were trained on. The answer of
# [He et al. (2016)](https://arxiv.org/abs/1512.03385) is one addition. A block of two layers no longer replaces
# what comes in; it adds to it: `output = input + block(input)`. The way around the block is called a
# **skip connection** or short path.
#
# We can watch one reason for it. Two networks of 40 layers, alike but for that addition, both as Keras
# makes them and not yet trained:


# %%
def stack(depth, skips):
    inputs = keras.Input((24, 24, 1))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(depth // 2):
        main = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
        main = layers.Conv2D(8, 3, padding="same")(main)
        x = layers.Activation("relu")(layers.Add()([x, main]) if skips else main)
    return keras.Model(inputs, layers.Dense(30)(layers.Flatten()(x)))


plain, skipping = stack(40, skips=False), stack(40, skips=True)  # play: 10 layers? 80?
print("weights:", plain.count_params(), "and", skipping.count_params())

# %% [markdown]
# How strongly does the loss pull at each layer? With learning rate 1, one step of gradient descent
# changes the weights by exactly their gradient, so before minus after *is* the gradient. **Before you
# run it, what do you expect** at the first layers of each?


# %%
def pull_at_each_layer(network, x, y):
    network.compile(keras.optimizers.SGD(1.0), loss="mse")
    before = [layer.get_weights()[0] for layer in network.layers if layer.weights]
    network.train_on_batch(x, y)
    after = [layer.get_weights()[0] for layer in network.layers if layer.weights]
    return [np.sqrt(np.mean((b - a) ** 2)) for b, a in zip(before, after, strict=True)]


# A gap becomes 0 here, for once; how to do it better comes below.
batch = images["train"][:64, ::4, ::4], np.nan_to_num(points["train"][:64]).reshape(-1, 30)
pulls = {
    "no skips": pull_at_each_layer(plain, *batch),
    "skips": pull_at_each_layer(skipping, *batch),
}

# %%
fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for (name, pull), colour, marker in zip(
    pulls.items(), ("#c97c00", "#0173b2"), ("s", "o"), strict=True
):
    ax.semilogy(range(1, len(pull) + 1), pull, marker=marker, color=colour, ms=4, label=name)
ax.set(xlabel="layer, from the picture to the answer", ylabel="size of the gradient")
ax.legend()
plots.show(
    fig,
    "Size of the gradient by layer, on a logarithmic scale. With skips it is about 1 at every layer; "
    "without them, many powers of ten smaller at every layer.",
)

# %% tags=["nbval-check-output"]
weaker = np.median(pulls["skips"]) / np.median(pulls["no skips"])
print("without skips the pull is more than a million times weaker:", bool(weaker > 1e6))

# %% [markdown]
# A layer can learn only if the picture reaches it from the front *and* the error reaches it from the
# back. Each plain layer passes on only a part of both, and forty parts of parts are nearly nothing:
# no layer is told what to change. The short path passes both on whole.
#
# Better first weights and **batch normalisation** (each channel is brought to mean 0 and standard
# deviation 1 over the batch) cure most of this, and networks have had both for years. Does the skip
# still matter then? That takes longer trainings than a lesson has time for, so we did them beforehand,
# on real faces, with equal steps for all; here is what came out.


# %%
def print_study(name):
    """Print a stored comparison of networks, trained and measured alike."""
    study = stored_result(name)
    budget, rows = study["budget"], study["variants"]
    print(f"{study['date']}: {study['command']}, seed {study['seed']}")
    print(
        f"{budget['rows']:,} real faces, {budget['epochs']} epochs; measured on {rows[0]['n']} others"
    )
    print(f"{'':22}{'weights':>10}{'error':>8}  95 % interval, in % of the eye distance")
    for row in rows:
        low, high = row["metrics"]["mean_error_interval_95"]
        error = f"{row['metrics']['mean_error_interocular']:.1%}"
        print(f"{row['name']:22}{row['parameters']:>10,}{error:>8}  {low:.1%} to {high:.1%}")
    mean_face = rows[0]["metrics"]["mean_face_error_interocular"]
    print(f"{'always the mean face':22}{0:>10}{mean_face:>8.1%}")
    return study


study = print_study("study-depth")

# %%
fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
styles = (
    ("#949494", ":"),
    ("#c97c00", "s--"),
    ("#0173b2", "o--"),
    ("#c97c00", "s-"),
    ("#0173b2", "o-"),
)
for row, (colour, style) in zip(study["variants"], styles, strict=True):
    epochs = range(1, len(row["val_loss"]) + 1)
    ax.plot(epochs, row["val_loss"], style, color=colour, ms=4, label=row["name"])
ax.set(xlabel="epoch", ylabel="validation loss: distance,\nhalf a picture is 1", ylim=(0, 0.4))
ax.legend()
plots.show(
    fig,
    "Validation loss by epoch of five networks trained alike on real faces. Lowest at the end are five "
    "plain layers and 20 layers with skips, then 44 with skips and 20 without; 44 without end far above.",
)

# %% [markdown]
# Compare the pairs. At 20 layers the skips save about a sixth of the error. At 44 layers the plain
# network has learnt next to nothing: it is no better than the mean face. It *could* be as good as the
# one with 20 layers, by doing nothing in the other 24; it does not find out how. With skips, doing
# nothing is where every block begins. (The wild start of the deep curves is batch normalisation, whose
# running averages need some hundred steps to be of use outside training.)
#
# But look at the first line: the plainest network of all, **five layers** without any of this, beats
# them all. Depth is no gift; it has to be paid for with faces and with steps, and these networks had
# 4,000 faces and 750 steps. A part of the deep ones' trouble is also the way they end, which we mend
# below.
#
# ## The network of this course
#
# The classic keypoint network is built of two blocks. Each has a **main path** of two convolutions and
# a **short path** around it. In the *identity block* the short path is the input itself. In the
# *convolution block* the picture shrinks and gets more channels, so the short path needs a 1 × 1
# convolution to fit.
#
# ![Two block diagrams. In both, features go in at the top, split into a main path of two 3 by 3 convolutions and a short path, and are added at the bottom. In the identity block the short path is the input itself; in the convolution block it is a 1 by 1 convolution with stride 2.](pictures/residual_blocks.png)
#
# We write it as it is drawn. First, the three things that always go together. (The `momentum` says how
# slowly batch normalisation's running averages move; Keras' 0.99 is for longer trainings than ours.)


# %%
def convolve(x, filters, size=3, stride=1):
    x = layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def relu(x):
    return layers.Activation("relu")(x)


# %% [markdown]
# Then the two blocks. Look for the two differences: the stride, and what is added at the end.


# %%
def identity_block(x, filters):
    main = relu(convolve(x, filters))
    main = convolve(main, filters)
    return relu(layers.Add()([x, main]))


def convolution_block(x, filters):
    main = relu(convolve(x, filters, stride=2))
    main = convolve(main, filters)
    short = convolve(x, filters, size=1, stride=2)
    return relu(layers.Add()([short, main]))


# %% [markdown]
# A **stage** is one convolution block and two identity blocks. Three stages, each with half the
# resolution and more channels than the one before, then the **regression head**: all features in a row,
# a fifth of them dropped by chance in training so that none is relied on alone, and one neuron for each
# of the 30 coordinates. Two details of that end decide whether a short training succeeds. The 30 neurons
# start from weights of zero, so the first answer is the picture's middle. And the features are scaled
# down before them: all 2,304 would pull in the same direction at once, and the first steps would throw
# the points far out of the picture. (Try `scale=1.0` and look at the learning curve.)


# %%
def build_model(size=96, filters=(16, 32, 64), dropout=0.2, scale=0.02):
    inputs = keras.Input((size, size, 1), name="face")
    x = relu(convolve(inputs, 16, size=5, stride=2))
    for channels in filters:
        x = convolution_block(x, channels)
        x = identity_block(x, channels)
        x = identity_block(x, channels)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    x = layers.Rescaling(scale)(x)
    x = layers.Dense(30, kernel_initializer="zeros", name="coordinates")(x)
    return keras.Model(inputs, layers.Reshape((15, 2))(x), name="keypoints")


keras.backend.clear_session()  # so that Keras counts its layers from the first
model = build_model()

# %% [markdown]
# What leaves each part of it? Keras knows the shape after every layer. We look at the first convolution and at
# each `add`, and draw a box for every shape that is new: a stage's identity blocks do not change it.


# %%
def shapes_in(model):
    """Return the parts of a network by name, each with the shape that leaves it."""
    parts = {"face": model.input_shape[1:]}
    for layer in model.layers:
        shape = layer.output.shape[1:]
        if isinstance(layer, layers.Conv2D) and len(parts) == 1:
            parts["convolution"] = shape
        elif isinstance(layer, layers.Add) and shape not in parts.values():
            parts[f"stage {len(parts) - 1}"] = shape
        elif isinstance(layer, (layers.Flatten, layers.Reshape)):
            parts[layer.name] = shape
    return {name: " × ".join(map(str, shape)) for name, shape in parts.items()}


parts = shapes_in(model)
fig, ax = plt.subplots(figsize=(9, 1.2), layout="constrained")
for place, (name, shape) in enumerate(parts.items()):
    fill, ink = ("#0173b2", "white") if name.startswith("stage") else ("white", "black")
    box = {"boxstyle": "rarrow,pad=0.5", "fc": fill, "ec": "black"}
    ax.text(place, 0, name, ha="center", va="center", color=ink, bbox=box)
    ax.text(place, -0.6, shape, ha="center")
ax.set(xlim=(-0.6, len(parts) - 0.4), ylim=(-0.7, 0.4))
ax.set_axis_off()
said = "; ".join(f"{name}: {shape}" for name, shape in parts.items())
plots.show(fig, f"The network as a row of arrows with the shape that leaves each. {said}.")

# %% [markdown]
# `summary` lists every layer, with its shape, its weights, and what it is connected to. All of it would
# fill three screens, so we stop after the first block, the first `add`; the last lines count the whole
# network. (Leave `layer_range` out to see the rest.)

# %%
model.summary(layer_range=["face", "add$"], line_length=90)

# %% [markdown] exercise="shapes"
# ### Exercise 2 · What shape comes out of each stage? (8 minutes)
#
# Write `stage_shapes(size, filters)`: for a square picture of `size` pixels, a list with `(height,
# width, channels)` after each stage, without building a network. The first convolution has stride 2,
# and so has the first block of each stage. With padding `"same"`, stride 2 turns 96 pixels into 48,
# and 25 into 13: the half, rounded up.


# %% exercise="shapes" part="solution"
def stage_shapes(size, filters):
    ### BEGIN SOLUTION
    side = (size + 1) // 2
    shapes = []
    for channels in filters:
        side = (side + 1) // 2
        shapes.append((side, side, channels))
    return shapes
    ### END SOLUTION


# %% exercise="shapes" part="checker"
check.stage_shapes(stage_shapes)

# %% exercise="shapes" part="hidden"
assert [tuple(shape) for shape in stage_shapes(48, (4, 8))] == [(12, 12, 4), (6, 6, 8)]
assert [tuple(shape) for shape in stage_shapes(100, (1, 2, 3))] == [
    (25, 25, 1),
    (13, 13, 2),
    (7, 7, 3),
]

# %% [markdown]
# ## What if a point has no label?
#
# Half of the training faces have four of the 15 points. Throwing them away wastes half of the data;
# filling the gaps with some number teaches that number. The way out is a loss that only compares what
# a person has labelled.

# %% [markdown] exercise="masked"
# ### Exercise 3 · The masked loss (10 minutes)
#
# Write `masked_loss(true, predicted)`: the mean squared error over the coordinates that are labelled,
# where `true` is not NaN. Both are `(n, 15, 2)`. Use `ops.isnan`, `ops.where`, `ops.sum`, `ops.cast` and
# `ops.maximum` of Keras, which work like NumPy's and can be differentiated.
#
# Two traps: NaN · 0 is NaN, so a gap has to be *replaced* before anything is computed with it; and a
# batch without any label must not divide by zero.


# %% exercise="masked" part="solution"
def masked_loss(true, predicted):
    ### BEGIN SOLUTION
    gaps = ops.isnan(true)
    error = ops.where(gaps, predicted, true) - predicted
    labelled = ops.sum(1.0 - ops.cast(gaps, "float32"))
    return ops.sum(ops.square(error)) / ops.maximum(labelled, 1.0)
    ### END SOLUTION


# %% exercise="masked" part="checker"
check.masked_loss(masked_loss)

# %% exercise="masked" part="hidden"
gap = np.array([[[1.0, np.nan]]], "float32")
assert np.isclose(float(masked_loss(gap, np.array([[[3.0, 9.0]]], "float32"))), 4.0)
assert np.isclose(float(masked_loss(gap[..., :1], np.array([[[3.0]]], "float32"))), 4.0)

# %% [markdown]
# ## Training
#
# How fast may this network learn? We ask as we did with the neuron: one step from the same start with
# many learning rates, and the loss after each. This is a slice through a real landscape, of some
# three hundred thousand dimensions, along its steepest line.

# %%
start = model.get_weights()
model.compile(keras.optimizers.SGD(0.1), loss=masked_loss)
rates, after = np.geomspace(0.01, 100, 12), []
for rate in rates:
    model.set_weights(start)
    model.optimizer.learning_rate = rate
    before = model.train_on_batch(images["train"][:64], points["train"][:64])
    after.append(model.train_on_batch(images["train"][:64], points["train"][:64]))
model.set_weights(start)

# %%
fig, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
ax.loglog(rates, after, "o-", color="#0173b2", label="after one step")
ax.axhline(before, color="#949494", ls="--", label="before it")
ax.set(xlabel="learning rate", ylabel="loss on 64 faces")
ax.legend()
plots.show(
    fig,
    "Loss after a single step by learning rate: unchanged for tiny rates, a valley in the middle, and "
    "far above the start for large rates.",
)

# %% [markdown]
# The same picture as with one neuron: nothing, a valley, and a cliff. In practice one takes steps from
# small random batches, and an optimizer that adapts the rate of each weight to its past gradients:
# **Adam** ([Kingma & Ba 2015](https://arxiv.org/abs/1412.6980)). How long, and how fast, the run
# profile says: `lesson` is short enough for a laptop.

# %%
EPOCHS = settings.by_profile(smoke=1, lesson=4, full=14)
ROWS = settings.by_profile(smoke=128, lesson=1000, full=None)  # None: all of them
BATCH_SIZE, LEARNING_RATE = 32, 2e-3

chosen = np.random.default_rng(settings.SEED).permutation(len(train))[:ROWS]
steps = -(-2 * len(chosen) // BATCH_SIZE) * EPOCHS
print(f"{2 * len(chosen)} faces with their mirror images, {EPOCHS} epochs, {steps} steps")

# %% [markdown]
# Mirrored faces double the data, with the flip of lesson 1, and only in training. The learning rate
# falls from its start to 0 along a **schedule**, a cosine: large steps to get near, small ones to settle.

# %%
inputs = np.concatenate([images["train"][chosen], images["train"][chosen][:, :, ::-1]])
flipped = models.keypoints_to_network(flip_keypoints(train.keypoints[chosen]))
targets = np.concatenate([points["train"][chosen], flipped])
schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, decay_steps=steps)
model.compile(keras.optimizers.Adam(schedule), loss=masked_loss)

# %% [markdown]
# Three *callbacks* look on. A **checkpoint** keeps the weights of the best epoch, judged on the
# validation faces. **Early stopping** ends a run that has not improved for some epochs. The third prints
# a line an epoch, because a silent training is an unkind one.

# %%
best = Path(tempfile.mkdtemp()) / "best.weights.h5"
callbacks = [
    keras.callbacks.ModelCheckpoint(best, save_best_only=True, save_weights_only=True),
    keras.callbacks.EarlyStopping(patience=3),
    keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: print(
            f"epoch {epoch + 1}: training {logs['loss']:.4f}, validation {logs['val_loss']:.4f}"
        )
    ),
]

# %% [markdown]
# This is the long cell, a minute or so. Then we go back to the best epoch.

# %%
history = model.fit(
    inputs, targets,
    validation_data=(images["val"], points["val"]),
    epochs=EPOCHS, batch_size=BATCH_SIZE,
    callbacks=callbacks, verbose=0,
).history  # fmt: skip
model.load_weights(best)

# %% [markdown]
# **Learning curves** tell how it went. For comparison, the loss of a network that always answers with the
# mean face.

# %%
mean_face = np.nanmean(points["train"], axis=0)
baseline = np.nanmean((points["val"] - mean_face) ** 2)
fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
epochs = range(1, len(history["loss"]) + 1)
ax.semilogy(epochs, history["loss"], "s--", color="#c97c00", label="training")
ax.semilogy(epochs, history["val_loss"], "o-", color="#0173b2", label="validation")
ax.axhline(baseline, color="#949494", ls=":", label="always the mean face, validation")
ax.set(xlabel="epoch", ylabel="mean squared error")
ax.legend()
plots.show(
    fig,
    "Training and validation loss fall together over the epochs, on a logarithmic scale; both end far "
    "below a dotted line, the loss of always answering with the mean face.",
)

# %% [markdown]
# Read such curves like this. Both still falling: train longer. Training falls while validation rises:
# it learns its faces by heart (**overfitting**). Both flat and high: the network or the rate is too
# small. Our training loss lies above the validation loss for a while because dropout works against it
# in training only.
#
# ## How good is it?
#
# Now, and only now, the test faces: people whom the network has never seen. First a look at them, then
# numbers.

# %%
predicted = models.keypoints_from_network(model.predict(models.standardize(test.images), verbose=0))
baseline = np.broadcast_to(np.nanmean(train.keypoints, axis=0), predicted.shape)
rmse = metrics.rmse(test.keypoints, predicted)
print(f"root mean squared error: {rmse:.2f} px a coordinate")
print(f"always the mean face:    {metrics.rmse(test.keypoints, baseline):.2f} px")

# %% tags=["nbval-check-output"]
better = metrics.rmse(test.keypoints, baseline) / rmse
print("clearly better than the mean face:", bool(better > 1.4))

# %% [markdown]
# Pixels depend on the size of the picture. The field therefore measures in **eye distances**: how far a
# point is off, divided by how far the two eyes are apart on that face. An error above a tenth of it is
# called a failure.

# %% [markdown] exercise="error"
# ### Exercise 4 · Errors in eye distances (8 minutes)
#
# Write `error_in_eye_distances(true, predicted)` for two arrays `(n, 15, 2)` in pixels: for each face,
# the mean distance of its labelled points, as a fraction of the distance between that face's two eye
# centres (points 0 and 1). The result is `(n,)`. Unlabelled points (NaN) do not count.


# %% exercise="error" part="solution"
def error_in_eye_distances(true, predicted):
    ### BEGIN SOLUTION
    away = np.linalg.norm(predicted - true, axis=2)
    eyes = np.linalg.norm(true[:, 0] - true[:, 1], axis=1)
    return np.nanmean(away, axis=1) / eyes
    ### END SOLUTION


# %% exercise="error" part="checker"
check.error_in_eye_distances(error_in_eye_distances)

# %% exercise="error" part="hidden"
there = np.full((2, 15, 2), np.nan)
there[:, :2] = [[0, 0], [3, 4]]
assert np.allclose(error_in_eye_distances(there, there + [0, 1]), 0.2)
assert np.allclose(error_in_eye_distances(there * 2, there * 2 + [0, 1]), 0.1)

# %% [markdown]
# With it, the two again, and a 95 % **interval**: we draw the test faces anew by chance, with repeats,
# two thousand times, and see how the mean moves (the *bootstrap*). Twenty faces belong to one person,
# so the truth is less certain than these intervals say.

# %%
for name, answer in (("network", predicted), ("mean face", baseline)):
    errors = error_in_eye_distances(test.keypoints, answer)
    low, high = metrics.bootstrap_interval(errors)
    print(f"{name:10} {errors.mean():6.1%} of the eye distance ({low:.1%} to {high:.1%});", end=" ")
    print(f"failures {np.mean(errors > 0.1):.0%}")

# %% [markdown]
# Which points are hard? **Before you look:** which of the 15 would *you* find hard to place?

# %%
by_point = dict(zip(names, metrics.keypoint_errors(test.keypoints, predicted).T, strict=True))
by_point = {n.replace("_", " "): e[np.isfinite(e)] for n, e in by_point.items()}
order = sorted((n for n in by_point if len(by_point[n])), key=lambda n: by_point[n].mean())
means = np.array([by_point[n].mean() for n in order])
limits = np.array([metrics.bootstrap_interval(by_point[n]) for n in order])
fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
ax.errorbar(means, order, xerr=np.abs(limits.T - means), fmt="o", color="#0173b2", capsize=3)
ax.set(xlabel="mean error in eye distances, with 95 % interval", xlim=(0, None))
plots.show(
    fig,
    "Mean error of each of the 15 keypoints with its interval: the corners and centres of the eyes "
    "have the smallest errors, the outer ends of the brows and the mouth the largest.",
)

# %% [markdown]
# Places with a sharp mark are easy; the end of a brow, which fades into skin or hides under hair, is
# hard, and where a mouth is depends on what it does. A mean also hides faces: so we look at the best,
# the middle and the worst ones. Crosses are the truth, coloured markers the network.

# %%
errors = error_in_eye_distances(test.keypoints, predicted)
ranked = np.argsort(errors)
middle = len(ranked) // 2
shown = np.concatenate([ranked[:4], ranked[middle - 2 : middle + 2], ranked[-4:]])
fig = plots.face_grid(test.images[shown], predicted[shown], [f"{errors[i]:.1%}" for i in shown])
for ax, i in zip(fig.axes, shown, strict=True):
    ax.plot(*test.keypoints[i].T, "x", color="white", ms=5, mew=1)
plots.show(
    fig,
    "Twelve made-up test faces with predicted points and white crosses where they should be: the four "
    "best in the first row, four in the middle of the ranking, and the four worst, which are turned "
    "far to the side, dark or covered.",
)

# %% [markdown]
# ## Why not simply "accuracy"?
#
# Many notebooks on this task report an *accuracy* of 0.84 to 0.86: they pass `metrics=["accuracy"]` to
# a model with 30 outputs. Keras then does what that word means for *classes*: it asks whether the
# **largest** of the 30 numbers is at the same place in truth and prediction. **Before you run it:** in
# which coordinate do you expect the largest number, on nearly any upright face?


# %%
def arg_max_agreement(true, answer):
    whole = np.isfinite(true).all(axis=(1, 2))  # real faces may have none; then there is no answer
    true, answer = (a[whole].reshape(-1, 30).argmax(axis=1) for a in (true, answer))
    return np.mean(true == answer) if whole.any() else np.nan


for name, answer in (("network", predicted), ("mean face", baseline)):
    print(f"{name:10} 'accuracy' {arg_max_agreement(test.keypoints, answer):.2f}")
kaggle = stored_result("kaggle-gaps")
same = kaggle["largest_is_lower_lip_y"] / kaggle["complete"]
print(f"always answering 'the lower lip's height' on Kaggle's complete faces: {same:.2f}")

# %% [markdown]
# The lowest point of a face is nearly always the middle of the lower lip, so its height is nearly always
# the largest number. A network that answers with the same face each time, and has looked at no picture,
# already has a good "accuracy"; and a network can put every point ten pixels off without losing any.
# A number that hardly changes when the answers get bad measures nothing.

# %% [markdown] exercise="mirror"
# ### Exercise 5 · Look twice (8 minutes)
#
# A face and its mirror image should get the same answer, mirrored. They do not quite, and the mean of
# both is better than either: **test-time augmentation**. Write `average_with_mirror(predict, images)`:
# `predict` takes pictures `(n, 96, 96)` and gives points `(n, 15, 2)` in pixels. Ask it about the
# pictures and about the mirrored pictures, bring the second answer back, and return the mean of the two.
# `flip_images` and `flip_keypoints` are those of lesson 1.


# %% exercise="mirror" part="solution"
def average_with_mirror(predict, images):
    ### BEGIN SOLUTION
    mirrored = predict(flip_images(images))
    return (predict(images) + flip_keypoints(mirrored)) / 2
    ### END SOLUTION


# %% exercise="mirror" part="checker"
check.average_with_mirror(average_with_mirror)

# %% exercise="mirror" part="hidden"
constant = np.tile(np.linspace(10, 80, 30).reshape(1, 15, 2), (2, 1, 1))
always = lambda pictures: np.tile(constant[:1], (len(pictures), 1, 1))  # noqa: E731
hidden = average_with_mirror(always, np.zeros((2, 96, 96), "uint8"))
assert np.allclose(hidden, (constant + flip_keypoints(constant)) / 2)

# %% [markdown]
# ## What does a full training give?
#
# Ours took about a minute. The model that ships with the course has residual blocks too, wider ones, and
# learnt for about an hour, from real faces with five labelled points, and from video frames and made faces
# with all 15: the masked loss joins them. Its head is another: for each point it draws a **map** of where
# that point may be, and answers with the map's centre of gravity
# ([Sun et al. 2018](https://arxiv.org/abs/1711.08229)), so it need not learn each place anew.

# %%
shipped = models.load("keypoints")
training = shipped.card["training"]
print(f"{shipped.network.count_params():,} weights; {training['n_train']:,} faces from", end=" ")
print(" and ".join(training["sources"]), f"in {training['epochs_run']} epochs")

# %% [markdown]
# On the test faces of this lesson, beside ours, once and with your two looks:

# %%
answers = {
    "ours": predicted,
    "shipped": shipped.predict(test.images),
    "shipped, two looks": average_with_mirror(shipped.predict, test.images),
}
for name, answer in answers.items():
    errors = error_in_eye_distances(test.keypoints, answer)
    print(f"{name:20} {metrics.rmse(test.keypoints, answer):.2f} px, {errors.mean():.1%}", end="; ")
    print(f"failures {np.mean(errors > 0.1):.1%}")

# %% [markdown]
# And on real people, whom this lesson may not show. These results were measured beforehand, with the
# command in the first line, on a tenth of the real faces that was set aside before training.

# %%
for name in ("keypoints-facial-keypoints-test", "keypoints-facial-keypoints-test-tta"):
    result = stored_result(name)
    found = result["metrics"]
    low, high = found["mean_error_interval_95"]
    print(f"{result['date']}: {result['command']}")
    print(f"  {result['n']:,} real faces, {len(found['per_point'])} points:", end=" ")
    print(f"error {found['mean_error_interocular']:.1%} ({low:.1%} to {high:.1%}),", end=" ")
    print(f"failures {found['failure_rate_10pct']:.1%}")

# %% [markdown]
# ## Is the masked loss worth it?
#
# The same network, the same number of steps: once only with the complete rows, once with all rows and
# the masked loss. Trained beforehand; measured on the same test faces.

# %%
study = stored_result("study-masked-loss")
print(f"{study['date']}: {study['command']}")
for row in study["variants"]:
    found = row["metrics"]
    low, high = found["mean_error_interval_95"]
    print(f"{row['name']:22} {row['n_train']:5,} faces: {found['rmse_px']:.2f} px,", end=" ")
    print(f"{found['mean_error_interocular']:.1%} ({low:.1%} to {high:.1%})")

# %% [markdown]
# All rows do a little better than the complete ones alone; but the intervals touch, and each was trained
# only once, so this is a hint and no proof. It costs nothing: twice as many faces, of which half have
# four known points. The last line is our other baseline, the five plain layers of before, on the same
# faces with the same loss.
#
# ## Where does it fail?
#
# On made faces we can ask what no one can ask of photographs: the *same* person, with the *same*
# expression, in the same light, and only one thing changed. Here are 24 people whom no model of this
# course has seen.

# %%
rng = np.random.default_rng(settings.SEED)
scenes = [
    replace(draw_scene(person_number(n, seed=9), "neutral", rng, "frontal"), occluded=False)
    for n in range(24 if settings.PROFILE != "smoke" else 4)
]


def error_when(traits=None, **change):
    """Return each face's error in pixels when its scene, or its person, is changed."""
    made = [portrait(replace(s, person={**s.person, **(traits or {})}, **change)) for s in scenes]
    seen = shipped.predict(np.stack([picture for picture, _ in made]))
    true = np.stack([face.keypoints for _, face in made])
    return np.linalg.norm(seen - true, axis=2).mean(axis=1)


# %% [markdown]
# Turning the head and covering it are changes of the scene; skin and glasses are traits of the person,
# which is a dictionary of numbers. Its `tone` is the place on the Monk scale.

# %%
causes = {
    "head turned by": {f"{yaw}°": error_when(yaw=float(yaw)) for yaw in (0, 20, 40, 60)},
    "something in front": {"no": error_when(), "yes": error_when(occluded=True)},
    "skin tone (Monk)": {str(t): error_when({"tone": t - 0.5}) for t in (1, 4, 7, 10)},
    "glasses": {"none": error_when({"glasses": 0.3}), "clear": error_when({"glasses": 0.9}),
                "dark": error_when({"glasses": 0.985})},
}  # fmt: skip

# %% [markdown]
# **Before you look, what do you expect** to matter most?

# %%
fig, axes = plt.subplots(1, 4, figsize=(9, 3.2), sharey=True, layout="constrained")
for ax, (cause, levels) in zip(axes, causes.items(), strict=True):
    means = [errors.mean() for errors in levels.values()]
    limits = np.array([metrics.bootstrap_interval(errors) for errors in levels.values()])
    ax.bar(list(levels), means, color="#0173b2", hatch="//", edgecolor="white")
    spread = np.abs(limits.T - means)
    ax.errorbar(range(len(means)), means, yerr=spread, fmt="none", color="black", capsize=4)
    ax.set(xlabel=cause)
axes[0].set_ylabel("mean error in pixels")
plots.show(
    fig,
    "Four bar charts of the mean error with intervals: by how far the head is turned, with and without "
    "something in front of the face, by skin tone, and by glasses.",
)
for cause, levels in causes.items():
    print(f"{cause:20}", *(f"{level}: {e.mean():.2f} px  " for level, e in levels.items()))

# %% [markdown]
# A head turned by 60° costs most, then dark glasses and things in front: where a point cannot be seen,
# the model can only guess. But the third panel is the one to think about. We drew every skin tone equally
# often, and the error on the darkest is larger all the same: the darker the skin, the fewer grey levels
# are left between a lid, a brow and what lies around them, and the camera's noise stays. Equal shares in
# the data do not make equal errors; one has to measure.
#
# These bars are about *made* faces. They say what a change does to this model when nothing else
# changes; they do not say how well it works for real people of some group. No one recorded who is in the
# real training pictures, so we do not know that.

# %% tags=["showed"]
print(f"a network trained here errs by {rmse:.1f} px, the mean face by", end=" ")
print(f"{metrics.rmse(test.keypoints, baseline):.1f} px")

# %% [markdown]
# ## Quiz
#
# **1. The training loss falls, the validation loss has risen for five epochs. What is going on, and
# which callback helps?**
# <details><summary>Answer</summary>Overfitting: the network learns its training faces by heart. Early
# stopping ends the run, and the checkpoint has kept the epoch before it began.</details>
#
# **2. Why does the convolution block need a convolution in its short path?**
# <details><summary>Answer</summary>Its main path halves the picture and changes the number of channels;
# two things can only be added when they have the same shape.</details>
#
# **3. A colleague replaces missing coordinates by 0 and trains with the usual mean squared error. What
# will the network say about those points?**
# <details><summary>Answer</summary>It is taught that they often lie at 0, the middle of the picture in
# our units (the top left corner in pixels), and answers with something between that and the truth.
# </details>
#
# **4. Two models have an "accuracy" of 0.85 on 30 coordinates. Which is better?**
# <details><summary>Answer</summary>It cannot be told. That number only compares which coordinate is the
# largest; ask for the error in eye distances and its interval.</details>
#
# **5. A model errs by 3 pixels on a face that fills the picture and by 3 on one half as large. Is it
# equally good on both?**
# <details><summary>Answer</summary>No: in eye distances the second error is twice as large.</details>
#
# ## What you learned
#
# - A neuron is a weighted sum, a network is layers of them with a bend in between, and learning is
#   walking downhill with steps that are neither too small nor too large.
# - A convolution looks for the same thing everywhere; a skip connection lets a block add to what comes
#   in rather than replace it.
# - A masked loss uses every label that exists, and invents none.
# - A number needs a baseline, an interval and a unit that means something; a mean needs a look at the
#   worst faces.
#
# ## Where this breaks
#
# Our network has seen made faces only, and of 128 people. It knows no children, no scars, no hands. The
# shipped model has seen real ones too; but ten of the points were labelled on no more than video frames of
# 165 people, by a program that marks brows and lips a little elsewhere. Turned far to the side, the far
# eye cannot be seen at all, and a point there is a guess: the model gives it all the same, and does not
# say that it is one.
#
# ## Go further
#
# - Set `COURSE_PROFILE=full` and run the lesson again, or `python -m reading_faces train keypoints --profile
#   full --out build/mine` where the real faces are (`python -m reading_faces data list`).
# - Replace the squared error by the distance itself. What do a few wrong labels do to each?
# - Read [He et al. 2016](https://arxiv.org/abs/1512.03385), which is as clear as papers get.
#
# **Next:** [lesson 3, an emotion classifier](03_first_classifier.ipynb), which asks the same face what
# it shows.
