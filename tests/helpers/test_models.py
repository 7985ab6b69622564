"""Trained models survive the way to disk and refuse files that are not theirs."""

import hashlib
import json
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from scipy.special import expit, softmax

from helpers import models, settings
from helpers.data import EMOTIONS
from helpers.models import TrainedModel


class Says:
    """A network that gives what a function of its standardised faces gives."""

    def __init__(self, answer):
        self.predict_function = self.predict_on_batch = answer


def about(task: str, size: int = 96) -> dict:
    return {"task": task, "input": {"size": size}}


@pytest.fixture(scope="module")
def emotion_model():
    arguments = {"filters": [8, 16], "identity_blocks": 0}
    card = about("emotion", size=48) | {
        "build": {"function": "build_emotion_model", "arguments": arguments},
        "classes": list(EMOTIONS),
    }
    return TrainedModel(models.build_emotion_model(**arguments), card)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)


@pytest.fixture
def store(emotion_model, tmp_path):
    """A function that writes the model with a changed card, and returns the weights' path."""

    def write(**changes) -> Path:
        path = tmp_path / "emotion.weights.h5"
        emotion_model.network.save_weights(path)
        (tmp_path / "emotion.json").write_text(json.dumps(emotion_model.card | changes))
        return path

    return write


def test_a_stored_model_comes_back_and_predicts_the_same(emotion_model, images, store):
    loaded = models.load(store())
    np.testing.assert_allclose(loaded.predict(images), emotion_model.predict(images), atol=1e-6)
    assert loaded.card == emotion_model.card


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


@pytest.mark.parametrize("size", [96, 64])
def test_a_mirrored_look_brings_points_back_before_it_averages(size):
    face = np.zeros((1, size, size), np.uint8)
    face[0, 20, 30] = 255
    spots = np.full((1, 15, 2), 48.0)
    spots[0, 0] = 30, 20  # whatever the face, its left eye is seen at the bright pixel

    def brightest(faces):
        found = np.repeat(spots, len(faces), axis=0)
        for points, one in zip(found, faces, strict=True):
            points[0] = np.unravel_index(one[..., 0].argmax(), one.shape[:2])[::-1]
        return models.keypoints_to_network(found, size)

    model = TrainedModel(Says(brightest), about("keypoints", size))
    found = model.predict(face, mirrored=True)[0]
    # Of 96 pixels: the mirrored bright one is at (65, 20); brought back, the RIGHT eye at (30, 20).
    np.testing.assert_allclose(found[0], [(30 + size - 49) / 2, (20 + 48) / 2], atol=1e-4)
    np.testing.assert_allclose(found[1], [(48 + 30) / 2, (48 + 20) / 2], atol=1e-4)
    np.testing.assert_allclose(found[10], [(size - 1) / 2, 48], atol=1e-4)


def test_points_are_in_the_pixels_of_a_face_of_any_size(images):
    edge_and_middle = np.full((1, 15, 2), -1 / 48)
    edge_and_middle[:, 0] = 1
    model = TrainedModel(Says(lambda faces: edge_and_middle), about("keypoints", size=48))
    (found,) = model.predict(images[:1])
    np.testing.assert_allclose(found[:2], [[47.5, 47.5], [23, 23]], atol=1e-4)


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
    photos = np.stack([images, images // 2, 255 - images], axis=3)
    both = [unit(models.standardize(faces)) for faces in (photos, photos[:, :, ::-1])]
    expected = (both[0] + both[1]) / np.linalg.norm(both[0] + both[1], axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(photos, mirrored=True), expected, rtol=1e-5)


def test_batches_come_in_few_sizes_so_that_memory_stays_flat(emotion_model, monkeypatch):
    sizes, answer = [], emotion_model.network.predict_on_batch
    monkeypatch.setattr(
        emotion_model.network, "predict_on_batch", lambda x: sizes.append(len(x)) or answer(x)
    )
    emotion_model.outputs(np.zeros((1, 48, 48), np.uint8))  # the first batch goes another way
    sizes.clear()
    outputs = emotion_model.outputs(np.zeros((213, 48, 48), np.uint8))
    assert outputs.shape == (213, 7)
    assert sizes == [128, 64, 16, 4, 1]


def test_the_first_answer_which_is_not_compiled_is_that_of_later_ones(images):
    network = models.build_emotion_model(filters=(4,))
    first, later = (TrainedModel(network, about("emotion", 48)).outputs(images) for _ in range(2))
    np.testing.assert_allclose(first, later, atol=1e-5)


def test_a_batch_gives_what_single_faces_give(emotion_model, images):
    one_by_one = np.concatenate([emotion_model.predict(image[np.newaxis]) for image in images])
    np.testing.assert_allclose(emotion_model.predict(images), one_by_one, atol=5e-3)


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
def test_half_a_model_is_named(store, tmp_path, missing):
    path = store()
    (tmp_path / missing).unlink()
    with pytest.raises(ValueError, match=f"{missing} is missing"):
        models.load(path)


@pytest.mark.parametrize("card", ["{", "[]", '{"task": "emotion"}'])
def test_what_is_no_card_is_refused(store, tmp_path, card):
    path = store()
    (tmp_path / "emotion.json").write_text(card)
    with pytest.raises(ValueError, match="not a model card"):
        models.load(path)


@pytest.mark.parametrize(
    ("classes", "said"),
    [(None, "not a model card"), (7, "not a model card"), (["happy"], "does not name each of")],
)
def test_a_card_that_does_not_name_the_classes_is_refused(store, tmp_path, classes, said):
    path = store(classes=classes)
    with pytest.raises(ValueError, match=said):
        models.load(path)
    card = json.loads((tmp_path / "emotion.json").read_text())
    del card["classes"]
    (tmp_path / "emotion.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="not a model card"):
        models.load(path)


def test_a_card_cannot_call_what_is_no_builder(store):
    path = store(build={"function": "eval", "arguments": {}})
    with pytest.raises(ValueError, match="cannot build"):
        models.load(path)


def test_a_network_that_is_not_among_the_course_s_own_is_built_by_the_function_handed_in(
    store, images, emotion_model
):
    path = store(build={"function": "mine", "arguments": {"blocks": 0}})
    loaded = models.load(
        path, {"mine": lambda blocks: models.build_emotion_model(48, 7, [8, 16], blocks)}
    )
    np.testing.assert_allclose(loaded.predict(images), emotion_model.predict(images), atol=1e-6)


@pytest.mark.parametrize("filters", [[4], [8, 8], [8, 16, 32]])
def test_weights_of_another_network_are_refused(store, filters):
    arguments = {"filters": filters, "identity_blocks": 0}
    path = store(build={"function": "build_emotion_model", "arguments": arguments})
    with pytest.raises(ValueError, match="does not hold the weights"):
        models.load(path)


def test_arguments_that_the_builder_does_not_take_are_refused(store):
    path = store(build={"function": "build_emotion_model", "arguments": {"depth": 3}})
    with pytest.raises(ValueError, match="does not hold the weights"):
        models.load(path)


def test_a_truncated_weights_file_is_refused(store):
    path = store()
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="does not hold the weights"):
        models.load(path)


def test_weights_that_are_not_the_card_s_are_refused_though_they_fit(store):
    path = store()
    card = path.with_name("emotion.json")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    card.write_text(json.dumps(json.loads(card.read_text()) | {"sha256": digest}))
    assert models.load(path).card["sha256"] == digest
    with h5py.File(path, "a") as file:
        file["layers/dense/vars/1"][0] += 0.1
    with pytest.raises(ValueError, match="does not hold the weights"):
        models.load(path)


def test_a_warning_about_something_else_is_no_damage(store):
    class Chatty(keras.Model):
        def load_weights(self, path):
            warnings.warn("The file is old.", UserWarning, stacklevel=1)
            super().load_weights(path)

    def chatty(**arguments):
        network = models.build_emotion_model(**arguments)
        return Chatty(network.inputs, network.outputs)

    with pytest.warns(UserWarning, match="file is old"):
        models.load(store(), {"build_emotion_model": chatty})


def test_the_shipped_models_are_the_files_that_their_cards_name():
    cards = sorted((settings.SHIPPED / "weights").rglob("*.json"))
    assert len(cards) >= 6
    for card in cards:
        weights = card.with_suffix(".weights.h5").read_bytes()
        assert json.loads(card.read_text())["sha256"] == hashlib.sha256(weights).hexdigest(), card


def test_the_deep_network_of_the_literature_has_exactly_as_many_weights():
    network = models.build_deep_emotion_model()
    trainable = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    assert (network.count_params(), trainable) == (7_831_815, 7_827_719)
    assert network.output_shape == (None, 7)


def test_the_deep_network_becomes_narrower_in_every_layer_and_takes_another_activation():
    network = models.build_deep_emotion_model(width=1 / 8, activation="relu")
    channels = [layer.output.shape[-1] for layer in network.layers if layer.weights]
    assert channels == [*np.repeat([64, 32, 16, 16, 32, 64, 32], 2), 7]
    activations = {
        one.get_config()["activation"] for one in network.layers if "activation" in one.name
    }
    assert activations == {"relu"}


@pytest.mark.parametrize("task", ["emotion", "action_unit", "embedding"])
def test_a_network_drops_the_share_that_is_asked_for(task):
    network = models.BUILDERS[f"build_{task}_model"](dropout=0.6)
    (dropout,) = (one for one in network.layers if isinstance(one, keras.layers.Dropout))
    assert dropout.rate == 0.6


def test_operations_are_counted_as_multiplications_and_additions():
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(5, 3, padding="same", strides=2)(inputs)
    outputs = keras.layers.Dense(7)(keras.layers.Flatten()(x))
    # 3 · 3 places, each 27 numbers into 5; then 45 numbers into 7.
    expected = 2 * (9 * 27 * 5 + 45 * 7)
    network = keras.Model(inputs, outputs)
    assert models.count_flops(network) == expected
    around = keras.Input((6, 6, 3))
    head = keras.layers.Dense(2)(network(around))
    assert models.count_flops(keras.Model(around, head)) == expected + 2 * 7 * 2


def test_the_cells_of_a_heat_map_lie_evenly_over_the_picture_and_its_margin():
    places = models.cell_places(4, margin=1).reshape(6, 6, 2)
    np.testing.assert_allclose(places[0, :, 0], [-1.25, -0.75, -0.25, 0.25, 0.75, 1.25])
    np.testing.assert_allclose(places[0, :, 1], -1.25)
    np.testing.assert_array_equal(places[..., 1], places[..., 0].T)


@pytest.mark.parametrize("build", [models.build_heatmap_model, models.build_pyramid_model])
def test_a_heat_map_that_is_sure_answers_with_the_middle_of_its_cell(build):
    network = build(32, points=1, filters=(4, 4))
    maps = network.get_layer("maps")
    cells = maps.output.shape[1]
    seen = np.zeros((1, cells, cells, 1), np.float32)
    seen[0, 2, 5] = 1000  # row 2, column 5; two cells on each side are margin
    rest = keras.Model(maps.output, network.output)
    side = 2 / (cells - 4)
    expected = [(5 - 2 + 0.5) * side - 1, (2 - 2 + 0.5) * side - 1]
    np.testing.assert_allclose(np.asarray(rest(seen))[0, 0], expected, atol=1e-5)


def test_the_pyramid_shows_a_quarter_of_the_picture_and_sees_all_of_it_at_each_place():
    keras.utils.set_random_seed(0)
    network = models.build_pyramid_model(96, points=2, filters=(8, 8, 8))
    maps = keras.Model(network.input, network.get_layer("maps").output)
    flat = np.zeros((2, 96, 96, 1), np.float32)
    flat[1, -4:, -4:] = 9
    without, touched = np.asarray(maps(flat))
    assert without.shape == (28, 28, 2)
    assert (without != touched)[2, 2].any()  # the other end of the picture


def test_each_picture_is_standardised_by_itself(images):
    images[0] //= 4
    found = models.standardize(images)[..., 0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=(1, 2)), 1, atol=1e-4)


def test_the_channels_of_a_picture_in_colour_are_standardised_together(images):
    photos = np.stack([images, images // 2, images // 4], axis=3).astype(float)
    for photo, found in zip(photos, models.standardize(photos), strict=True):
        np.testing.assert_allclose(found, (photo - photo.mean()) / photo.std(), atol=1e-4)


def as_it_is_built(layers, shape=(4, 4, 3)) -> keras.Model:
    """Build a network of some layers whose convolutions give what they are given."""
    inputs = keras.Input(shape)
    network = keras.Model(inputs, layers(inputs))
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = np.zeros(layer.kernel.shape, np.float32)
            kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = np.eye(*kernel.shape[2:])
            layer.set_weights([kernel])
    return network


FEATURES = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)


def lets_a_tenth_through(x):
    return np.where(x > 0, x, x / 10)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("relu", lambda x: np.maximum(x, 0)), (models.leaky, lets_a_tenth_through)],
)
def test_a_residual_block_adds_its_input_before_the_last_activation(activation, expected):
    network = as_it_is_built(lambda x: models.residual_block(x, 3, activation=activation))
    once = expected(expected(FEATURES) + FEATURES)
    np.testing.assert_allclose(network(FEATURES), once, rtol=0.01)
    network = as_it_is_built(lambda x: models.residual_stage(x, 3, 1, 1, activation))
    np.testing.assert_allclose(network(FEATURES), expected(expected(once) + once), rtol=0.01)


def test_a_block_that_shrinks_the_picture_shrinks_both_paths():
    network = as_it_is_built(lambda x: models.residual_block(x, 3, stride=2), (5, 5, 3))
    spots = np.zeros((1, 5, 5, 3), np.float32)
    spots[0, 2, 2] = spots[0, 3, 3] = 1
    found = np.asarray(network(spots))[0, ..., 0]
    np.testing.assert_allclose(found, np.pad([[2]], 1), atol=0.01)


def test_before_a_stage_the_greatest_of_four_neighbours_stays():
    network = as_it_is_built(lambda x: models.pooled_stages(x, (3,), 0))
    greatest = FEATURES.reshape(2, 2, 2, 2, 2, 3).max(axis=(2, 4))
    np.testing.assert_allclose(network(FEATURES), 2 * greatest.clip(0), atol=0.03)


def test_what_is_weighed_in_the_end_is_each_feature_s_mean():
    network = as_it_is_built(lambda x: models.mean_and_logits(x, 2, 0.5))
    weights = np.array([[1.0, 0], [0, 2], [0, 3]])
    network.get_layer("logits").set_weights([weights, np.array([5.0, 6.0])])
    expected = FEATURES.mean(axis=(1, 2)) @ weights + [5, 6]
    np.testing.assert_allclose(network(FEATURES), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("build", "options", "shapes"),
    [
        ("emotion", {"classes": 3}, ((32, 32, 1), (3,))),
        ("deep_emotion", {"classes": 3}, ((32, 32, 1), (3,))),
        ("action_unit", {"units": 4}, ((32, 32, 1), (4,))),
        ("embedding", {"dimensions": 5}, ((32, 32, 3), (5,))),
        ("heatmap", {"points": 6}, ((32, 32, 1), (6, 2))),
        ("pyramid", {"points": 6}, ((32, 32, 1), (6, 2))),
    ],
)
def test_a_network_takes_and_gives_what_is_asked_for(build, options, shapes):
    narrow = {"filters": (4, 4)} if build != "deep_emotion" else {}
    narrow |= {"identity_blocks": (1, 0)} if build == "embedding" else {}
    network = models.BUILDERS[f"build_{build}_model"](32, **options, **narrow)
    assert (network.input_shape[1:], network.output_shape[1:]) == shapes
    answers = np.asarray(network(np.ones((2, *shapes[0]), np.float32)))
    if build == "embedding":
        np.testing.assert_allclose(np.linalg.norm(answers, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("task", ["emotion", "action_unit"])
def test_each_stage_has_as_many_blocks_as_are_asked_for(task):
    network = models.BUILDERS[f"build_{task}_model"](32, filters=(4, 6), identity_blocks=2)
    sums = [layer.output.shape[1:] for layer in network.layers if "add" in layer.name]
    assert sums == [(16, 16, 4)] * 3 + [(8, 8, 6)] * 3


def test_a_heat_map_has_an_eighth_of_the_side_of_the_picture_and_two_cells_around():
    maps = models.build_heatmap_model(96, filters=(4, 4, 4)).get_layer("maps").output
    assert maps.shape[1:] == (16, 16, 15)


def test_a_picture_that_is_nearly_flat_is_not_blown_up():
    faint = np.full((1, 8, 8), 100, np.uint8)
    faint[0, 0] = 101
    assert np.abs(models.standardize(faint)).max() < 1


def test_units_of_the_network_are_halves_of_the_picture_whatever_its_size():
    units = models.keypoints_to_network(np.array([[[23.5, 47.5], [-0.5, 35.5]]]), 48)
    np.testing.assert_allclose(units, [[[0, 1], [-1, 0.5]]])
    np.testing.assert_allclose(
        models.keypoints_from_network(units, 48), [[[23.5, 47.5], [-0.5, 35.5]]]
    )


@pytest.mark.parametrize(
    ("task", "shape"), [("embedding", (1, 48, 48)), ("emotion", (1, 48, 48, 3))]
)
def test_only_who_a_face_is_is_read_in_colour(task, shape):
    model = TrainedModel(Says(lambda faces: faces), about(task, size=48))
    with pytest.raises(ValueError, match="reads faces of"):
        model.predict(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("change", [{"task": "age"}, {"input": {"size": "48"}}])
def test_a_card_of_an_unknown_task_or_size_is_refused(store, change):
    with pytest.raises(ValueError, match="cannot build"):
        models.load(store(**change))


def test_each_unit_of_a_model_has_a_name(store):
    path = store(task="action_units", units=["AU1", "AU2"])
    with pytest.raises(ValueError, match="does not name each of the model's units"):
        models.load(path)
