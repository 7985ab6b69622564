"""What is frozen stays as it was, heads answer in probabilities, and losses weigh as they say."""

import keras
import numpy as np
import pytest
from keras import ops

from helpers import models
from helpers.data import EMOTIONS
from reading_faces.training import transfer


@pytest.fixture
def backbone():
    network = models.build_emotion_model(filters=(4, 8, 8), identity_blocks=0)
    return keras.Model(network.input, network.layers[-3].output, name="backbone")


def test_the_backbone_is_the_emotion_model_up_to_its_mean():
    backbone, model = transfer.emotion_backbone(), models.load("emotion")
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    features = backbone.predict(models.standardize(faces), verbose=0)
    weights, bias = model.network.get_layer("logits").get_weights()
    np.testing.assert_allclose(features @ weights + bias, model.outputs(faces), atol=1e-3)


def compile_heads(network):
    transfer.compile_heads(network, keras.optimizers.Adam(1e-2))
    network.run_eagerly = True  # a few steps take less than to build their graph


def batch(units=5):
    rng = np.random.default_rng(0)
    faces = rng.normal(size=(12, 48, 48, 1)).astype("float32")
    groups = np.eye(3)[rng.integers(0, 3, 12)]
    return faces, {"units": rng.integers(0, 2, (12, units)).astype("float32"), "emotion": groups}


def test_heads_learn_and_the_frozen_backbone_does_not_change(backbone):
    network = transfer.two_heads(backbone, units=5, dense=16)
    compile_heads(network)
    before = [weight.copy() for weight in backbone.get_weights()]
    faces, targets = batch()
    history = network.fit(faces, targets, epochs=3, verbose=0).history
    for one, other in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    found = network.predict(faces, verbose=0)
    assert found["units"].shape == (12, 5) and ((found["units"] >= 0) & (found["units"] <= 1)).all()
    np.testing.assert_allclose(found["emotion"].sum(axis=1), 1, atol=1e-5)
    measures = {f"{head}_{name}" for head in ("units", "emotion")
                for name in ("accuracy", "precision", "recall", "auc", "f1")}  # fmt: skip
    assert measures <= set(history)


def test_thawing_frees_the_last_stages_and_leaves_normalisation_alone(backbone):
    network = transfer.two_heads(backbone, units=5, dense=16)
    one, two, every = (transfer.thaw(backbone, stages) for stages in (1, 2, 9))
    assert 0 < one < two < every
    assert every == sum(int(np.prod(w.shape)) for w in backbone.trainable_weights)
    transfer.thaw(backbone, 1)
    compile_heads(network)
    kept = {
        layer.name: [weight.copy() for weight in layer.get_weights()] for layer in backbone.layers
    }
    network.fit(*batch(), verbose=0)
    changed = {
        layer.name
        for layer in backbone.layers
        if any(
            not np.array_equal(one, other)
            for one, other in zip(kept[layer.name], layer.get_weights(), strict=True)
        )
    }
    assert changed and backbone.layers[1].name not in changed
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # What it knows of the mean and the variance of features is not touched.
            for one, other in zip(kept[layer.name], layer.get_weights(), strict=True):
                np.testing.assert_array_equal(one, other)


def test_normalising_anew_is_the_mistake_that_it_is_called(backbone):
    network = transfer.two_heads(backbone, units=5, dense=16)
    transfer.thaw(backbone, 9, normalise_anew=True)
    compile_heads(network)
    mean = backbone.layers[2].get_weights()[2].copy()
    network.fit(*batch(), verbose=0)
    assert not np.array_equal(mean, backbone.layers[2].get_weights()[2])


def test_losses_of_units_are_what_their_formulas_say():
    true, p = np.array([[1.0, 0.0]], "float32"), np.array([[0.8, 0.4]], "float32")

    def loss(*arguments, **options):
        return float(ops.mean(transfer.units_loss(*arguments, **options)(true, p)))

    present, absent = -np.log(0.8), -np.log(0.6)
    assert loss() == pytest.approx((present + absent) / 2, rel=1e-4)
    assert loss(np.array([3.0, 7.0])) == pytest.approx((3 * present + absent) / 2, rel=1e-4)
    focal = (0.2**2 * present + 0.4**2 * absent) / 2
    assert loss(gamma=2.0) == pytest.approx(focal, rel=1e-4)


def test_a_rare_unit_weighs_as_much_as_its_absence_but_not_without_bound():
    present = np.zeros((40, 3), int)
    present[:20, 0] = present[:8, 1] = 1
    assert transfer.positive_weights(present).tolist() == [1, 4, 10]


def test_each_emotion_but_neutral_has_its_group():
    found = [transfer.GROUP_OF[name] for name in ("happy", "sad", "contempt", "surprise")]
    assert found == ["positive", "negative", "negative", "surprise"]
    assert {*EMOTIONS, "contempt"} - set(transfer.GROUP_OF) == {"neutral"}
    assert set(transfer.GROUP_OF.values()) == set(transfer.GROUPS)


def test_each_class_counts_alike_in_sum():
    targets = np.eye(3)[[0, 0, 0, 0, 1, 1]]
    found = transfer.class_weights(targets)
    np.testing.assert_allclose(found, [0.5, 1, 2])
    assert found[0] * 4 == found[1] * 2 == 2


def test_the_whole_loss_is_shared_between_the_heads_and_weighs_each_class():
    inputs = keras.Input((5,))
    units = keras.layers.Activation("linear", name="units")(inputs[:, :2])
    emotion = keras.layers.Activation("linear", name="emotion")(inputs[:, 2:])
    network = keras.Model(inputs, {"units": units, "emotion": emotion})
    transfer.compile_heads(
        network,
        keras.optimizers.SGD(0.0),
        class_weights=np.array([3.0, 1.0, 1.0], "float32"),
    )
    network.run_eagerly = True
    said = np.array([[0.8, 0.4, 0.5, 0.3, 0.2]], "float32")
    true = {"units": np.array([[1.0, 0.0]]), "emotion": np.array([[1.0, 0.0, 0.0]])}
    loss = network.evaluate(said, true, verbose=0, return_dict=True)["loss"]
    of_units, of_emotion = -(np.log(0.8) + np.log(0.6)) / 2, -3 * np.log(0.5)
    assert loss == pytest.approx((of_units + of_emotion) / 2, rel=1e-3)
