"""Trained models survive the way to disk and refuse files that are not theirs."""

import json

import h5py
import keras
import numpy as np
import pytest
from scipy.special import expit, softmax

from helpers import models
from helpers.data import EMOTIONS
from helpers.models import TrainedModel
from reading_faces.training import loop as train


class Says:
    """A network that gives what a function of its standardised faces gives."""

    def __init__(self, answer):
        self.predict_on_batch = answer


def about(task: str, size: int = 96) -> dict:
    return {"task": task, "input": {"size": size}}


@pytest.fixture(scope="module")
def emotion_model():
    arguments = {"filters": [8, 16], "identity_blocks": 1}
    card = {
        "task": "emotion",
        "build": {"function": "build_emotion_model", "arguments": arguments},
        "input": {"size": 48},
        "classes": list(EMOTIONS),
        "temperature": 2.0,
    }
    with train.precision("mixed_bfloat16"):
        return TrainedModel(models.build_emotion_model(**arguments), card)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)


def test_a_saved_model_comes_back_in_float32_and_predicts_the_same(emotion_model, images, tmp_path):
    loaded = models.load(models.save(emotion_model, tmp_path))
    assert {w.dtype for w in loaded.network.weights} == {"float32"}
    full = TrainedModel(
        models.build_emotion_model(**emotion_model.card["build"]["arguments"]), emotion_model.card
    )
    full.network.set_weights(emotion_model.network.get_weights())
    np.testing.assert_allclose(loaded.predict(images), full.predict(images), atol=5e-3)
    assert {path.name for path in tmp_path.iterdir()} == {"emotion.json", "emotion.weights.h5"}


def test_weights_are_stored_in_half_precision(emotion_model, tmp_path):
    found = []
    with h5py.File(models.save(emotion_model, tmp_path)) as file:
        file.visititems(lambda _, item: found.append(getattr(item, "dtype", None)))
    kinds = {dtype.str for dtype in found if dtype is not None and dtype.kind == "f"}
    assert kinds == {"<f2"}


def test_probabilities_are_positive_and_sum_to_one(emotion_model, images):
    probabilities = emotion_model.predict(images)
    assert probabilities.shape == (9, 7)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_a_temperature_divides_the_logits_once(images):
    logits = np.array([[2.0, 0.0, -1.0]])
    card = about("emotion", size=48) | {"temperature": 2.0}
    model = TrainedModel(Says(lambda faces: np.repeat(logits, len(faces), axis=0)), card)
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum()
    np.testing.assert_allclose(model.predict(images[:1]), expected)


def test_a_mirrored_look_brings_points_back_before_it_averages():
    face = np.zeros((1, 96, 96), np.uint8)
    face[0, 20, 30] = 255
    spots = np.full((1, 15, 2), 48.0)
    spots[0, 0] = 30, 20  # whatever the face, its left eye is seen at the bright pixel

    def brightest(faces):
        found = np.repeat(spots, len(faces), axis=0)
        for points, one in zip(found, faces, strict=True):
            points[0] = np.unravel_index(one[..., 0].argmax(), one.shape[:2])[::-1]
        return models.keypoints_to_network(found)

    model = TrainedModel(Says(brightest), about("keypoints"))
    found = model.predict(face, mirrored=True)[0]
    # The mirrored picture's bright pixel is at (65, 20): brought back, the RIGHT eye at (30, 20).
    np.testing.assert_allclose(found[0], [(30 + 95 - 48) / 2, (20 + 48) / 2], atol=1e-4)
    np.testing.assert_allclose(found[1], [(48 + 30) / 2, (48 + 20) / 2], atol=1e-4)
    np.testing.assert_allclose(found[10], [(48 + 95 - 48) / 2, 48], atol=1e-4)


@pytest.mark.parametrize(("task", "probability"), [("emotion", softmax), ("action_units", expit)])
def test_a_mirrored_look_averages_probabilities(task, probability, images):
    model = TrainedModel(Says(lambda faces: faces[:, 10, :7, 0]), about(task, size=48))
    plain, mirrored = (
        models.standardize(faces)[:, 10, :7, 0] for faces in (images, images[:, :, ::-1])
    )
    of_each = {"axis": 1} if task == "emotion" else {}
    expected = (probability(plain, **of_each) + probability(mirrored, **of_each)) / 2
    np.testing.assert_allclose(model.predict(images, mirrored=True), expected, rtol=1e-5)
    assert not np.allclose(model.predict(images), expected)


def test_a_mirrored_look_gives_embeddings_of_length_one(images):
    def unit(faces):
        return keras.utils.normalize(faces[:, 10, :7, 0])

    model = TrainedModel(Says(unit), about("embedding", size=48))
    both = [unit(models.standardize(faces)) for faces in (images, images[:, :, ::-1])]
    expected = (both[0] + both[1]) / np.linalg.norm(both[0] + both[1], axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(images, mirrored=True), expected, rtol=1e-5)


def test_batches_come_in_few_sizes_so_that_memory_stays_flat(emotion_model, monkeypatch):
    sizes, answer = [], emotion_model.network.predict_on_batch
    monkeypatch.setattr(
        emotion_model.network, "predict_on_batch", lambda x: sizes.append(len(x)) or answer(x)
    )
    outputs = emotion_model.outputs(np.zeros((213, 48, 48), np.uint8))
    assert outputs.shape == (213, 7)
    assert sizes == [128, 64, 16, 4, 1]


def test_a_batch_gives_what_single_faces_give(emotion_model, images):
    one_by_one = np.concatenate([emotion_model.predict(image[np.newaxis]) for image in images])
    np.testing.assert_allclose(emotion_model.predict(images, batch_size=4), one_by_one, atol=5e-3)


def test_no_faces_give_no_predictions(emotion_model):
    assert emotion_model.predict(np.zeros((0, 48, 48), np.uint8)).shape == (0, 7)


def test_faces_of_another_size_are_refused(emotion_model):
    with pytest.raises(ValueError, match="reads faces of"):
        emotion_model.predict(np.zeros((1, 96, 96), np.uint8))


def test_exposure_and_contrast_do_not_change_what_the_network_sees(images):
    darker = (images * 0.5).astype(np.uint8)
    np.testing.assert_allclose(models.standardize(images), models.standardize(darker), atol=0.05)
    assert not models.standardize(np.full((1, 48, 48), 77, np.uint8)).any()


def test_pixels_and_network_units_are_each_others_inverse():
    pixels = np.array([[[0, 47.5], [95, 12]]], np.float32)
    units = models.keypoints_to_network(pixels)
    assert units[0, 0, 1] == 0
    np.testing.assert_allclose(models.keypoints_from_network(units), pixels, atol=1e-4)


@pytest.mark.parametrize("missing", ["emotion.json", "emotion.weights.h5"])
def test_half_a_model_is_named(emotion_model, tmp_path, missing):
    path = models.save(emotion_model, tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ValueError, match=f"{missing} is missing"):
        models.load(path)


def test_a_card_that_is_not_json_is_refused(emotion_model, tmp_path):
    path = models.save(emotion_model, tmp_path)
    (tmp_path / "emotion.json").write_text("{")
    with pytest.raises(ValueError, match="not a model card"):
        models.load(path)


def test_a_card_cannot_call_what_is_no_builder(emotion_model, tmp_path):
    path = models.save(emotion_model, tmp_path)
    card = emotion_model.card | {"build": {"function": "eval", "arguments": {}}}
    (tmp_path / "emotion.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="cannot build"):
        models.load(path)


def test_weights_of_another_network_are_refused(emotion_model, tmp_path):
    path = models.save(emotion_model, tmp_path)
    card = emotion_model.card | {
        "build": {"function": "build_emotion_model", "arguments": {"filters": [4]}}
    }
    (tmp_path / "emotion.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="does not hold the weights"):
        models.load(path)


def test_a_truncated_weights_file_is_refused(emotion_model, tmp_path):
    path = models.save(emotion_model, tmp_path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="does not hold the weights"):
        models.load(path)


def test_the_deep_network_of_the_literature_has_exactly_as_many_weights():
    network = models.build_deep_emotion_model()
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert (network.count_params(), trainable) == (7_831_815, 7_827_719)
    assert network.output_shape == (None, 7)


def test_operations_are_counted_as_multiplications_and_additions():
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(5, 3, padding="same", strides=2)(inputs)
    outputs = keras.layers.Dense(7)(keras.layers.Flatten()(x))
    # 3 · 3 places, each 27 numbers into 5; then 45 numbers into 7.
    expected = 2 * (9 * 27 * 5 + 45 * 7)
    assert models.count_flops(keras.Model(inputs, outputs)) == expected
