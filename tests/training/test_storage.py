"""A trained model survives the way to disk, and its card names the file that was written."""

import hashlib
import json

import h5py
import numpy as np
import pytest

from helpers import models, settings
from helpers.data import EMOTIONS
from helpers.models import TrainedModel
from reading_faces.training import recipes, storage


@pytest.fixture(scope="module")
def model():
    arguments = {"filters": [8, 16], "identity_blocks": 1}
    card = {
        "task": "emotion",
        "build": {"function": "build_emotion_model", "arguments": arguments},
        "input": {"size": 48},
        "classes": list(EMOTIONS),
        "temperature": 2.0,
    }
    with recipes.precision("mixed_bfloat16"):
        return TrainedModel(models.build_emotion_model(**arguments), card)


def test_a_model_trained_in_bfloat16_comes_back_in_float32_and_says_the_same(model, tmp_path):
    loaded = storage.load(storage.save(model, tmp_path))
    assert {w.dtype for w in loaded.network.weights} == {"float32"}
    full = TrainedModel(models.build_emotion_model(**model.card["build"]["arguments"]), model.card)
    full.network.set_weights(model.network.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)
    np.testing.assert_allclose(loaded.predict(images), full.predict(images), atol=5e-3)
    assert {path.name for path in tmp_path.iterdir()} == {"emotion.json", "emotion.weights.h5"}


def test_float_arrays_are_stored_in_half_precision(model, tmp_path):
    found = []
    with h5py.File(storage.save(model, tmp_path)) as file:
        file.visititems(lambda _, item: found.append(getattr(item, "dtype", None)))
    assert {dtype.str for dtype in found if dtype is not None and dtype.kind == "f"} == {"<f2"}


def test_the_card_names_the_file_that_was_written_last(model, tmp_path):
    storage.save(model, tmp_path)
    loaded = storage.load(tmp_path / "emotion.weights.h5")
    loaded.network.set_weights([weight + 1 for weight in loaded.network.get_weights()])
    weights = storage.save(loaded, tmp_path)
    card = json.loads((tmp_path / "emotion.json").read_text())
    assert card["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert card["sha256"] != loaded.card["sha256"]
    assert card | {"sha256": None} == model.card | {"sha256": None}


def test_new_weights_beside_an_old_card_are_refused(model, tmp_path):
    weights = storage.save(model, tmp_path)
    card = (tmp_path / "emotion.json").read_bytes()
    other = TrainedModel(models.build_emotion_model(**model.card["build"]["arguments"]), model.card)
    storage.save(other, tmp_path)
    (tmp_path / "emotion.json").write_bytes(card)
    with pytest.raises(ValueError, match="does not hold the weights"):
        storage.load(weights)


def test_the_models_of_made_faces_are_of_networks_that_only_training_builds():
    weights = settings.SHIPPED / "weights" / "made" / "emotion.weights.h5"
    assert storage.load(weights).network.output_shape == (None, 7)
    with pytest.raises(ValueError, match="cannot build"):
        models.load(weights)


OF_EMOTIONS = sorted(name for name in storage.BUILDERS if name.endswith("emotion_model"))


@pytest.mark.parametrize("name", [*OF_EMOTIONS, "build_emotion_by_keypoints_model"])
def test_a_network_of_emotions_says_as_many_numbers_as_there_are_classes(name):
    network = storage.BUILDERS[name](classes=3)
    assert (network.input_shape, network.output_shape) == ((None, 48, 48, 1), (None, 3))
