"""Comparisons give each network the same steps, measure all alike, and go on when cut."""

import ast
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from data_samples import grey

from helpers import models, settings
from helpers.data import EMOTIONS
from helpers.results import stored_result
from reading_faces.__main__ import main
from reading_faces.commands import study
from reading_faces.training import studies
from reading_faces.training.loop import once
from reading_faces.training.recipes import Schedule
from reading_faces.training.studies import (
    STUDIES,
    five_classes,
    from_scratch,
    resnet50,
    smoke_budget,
)

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]


def test_taking_the_skips_away_leaves_depth_and_most_weights():
    plain, skips = from_scratch.PLAIN_20(), from_scratch.SKIPS_20()
    depths = [
        sum(layer.name.startswith("conv2d") and layer.kernel_size != (1, 1) for layer in n.layers)
        for n in (plain, skips)
    ]
    assert depths == [19, 19]
    assert not [layer for layer in plain.layers if layer.name.startswith("add")]
    short_paths = skips.count_params() - plain.count_params()
    assert 0 < short_paths < 0.05 * skips.count_params()


def layers_of(network: keras.Model) -> list:
    """Return class and settings of each layer, without its name."""
    return [
        (type(layer), {k: v for k, v in layer.get_config().items() if k != "name"})
        for layer in network.layers
    ]


def test_the_study_measures_the_network_that_the_lesson_builds():
    lesson = (Path("notebooks/source/03_first_classifier.py")).read_text("utf-8")
    defined = next(
        node for node in ast.parse(lesson).body if getattr(node, "name", "") == "build_network"
    )
    names = {"keras": keras, "layers": keras.layers}
    exec(compile(ast.Module([defined], []), "lesson 3", "exec"), names)
    built = names["build_network"](augment=False)  # in the study, batches come augmented
    assert layers_of(from_scratch.build_four_layers()) == layers_of(built)


def test_faces_are_repeated_until_there_are_as_many_as_asked():
    plan = Schedule(1, 1e-3, batch_size=32)
    faces, _, n = from_scratch.keypoint_batches("made", plan, 4000)
    assert len(faces) == 4000 / 32
    assert n == len(np.unique(faces.images, axis=0)) < 4000


def test_a_study_is_stored_as_it_is_printed_and_a_finished_one_is_not_done_again(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(settings, "PROFILE", "smoke")
    compared = STUDIES["depth"]
    variants = {
        name: variant | {"build": from_scratch.build_five_layers}
        for name, variant in list(compared.variants.items())[:2]
    }
    monkeypatch.setitem(STUDIES, "depth", compared._replace(variants=variants))
    asked = ["study", "depth", "--out", str(tmp_path), "--json"]
    assert main(asked) == 0
    first = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in first["variants"]] == list(variants)
    assert all(len(row["history"]["val_loss"]) == 1 for row in first["variants"])
    monkeypatch.setitem(STUDIES, "depth", STUDIES["depth"]._replace(train=None))
    assert main(asked) == 0
    assert json.loads(capsys.readouterr().out) == first
    monkeypatch.setattr(settings, "PROFILE", "lesson")
    assert main(asked) != 0
    assert "another budget or seed" in capsys.readouterr().err
    monkeypatch.setattr(settings, "PROFILE", "smoke")
    monkeypatch.setattr(settings, "SEED", settings.SEED + 1)
    assert main(asked) != 0


def test_a_variant_that_was_cut_goes_on_where_it_was(tmp_path, monkeypatch):
    budget = smoke_budget("depth") | {"epochs": 2}

    def train():
        return from_scratch.train(tmp_path, budget, **from_scratch.FIVE_LAYERS)

    with monkeypatch.context() as patch:
        patch.setattr(from_scratch, "evaluate", None)  # so that it fails after its training
        with pytest.raises(TypeError):
            train()
    history = (tmp_path / "history.csv").read_text()
    assert len(train()["history"]["val_loss"]) == 2
    assert (tmp_path / "history.csv").read_text() == history


def tiny():
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, 4)(inputs))
    return keras.Model(inputs, keras.layers.Dense(7)(x))


def emotion_study(tmp_path, name, **changes):
    special = from_scratch.FOUR_LAYERS | {"build": tiny} | changes
    return from_scratch.train(tmp_path, smoke_budget(name), **special)


def test_equal_time_shows_more_pictures_to_the_faster_network(tmp_path, monkeypatch):
    seen = {}
    for name, seconds in (("fast", 0.3), ("slow", 1.2)):
        monkeypatch.setattr(from_scratch, "seconds_per_step", lambda *_, s=seconds: s)
        seen[name] = emotion_study(tmp_path / name, "emotion-models")["pictures_seen"]
    # A fiftieth of 1.2 s of processor time, in steps of 64 pictures, in epochs of 64.
    assert seen == {"fast": 4 * 64, "slow": 64}


def test_what_was_done_once_is_read_and_not_done_again(tmp_path):
    path = tmp_path / "deep" / "row.json"
    assert once(path, lambda: {"n": 1}) == {"n": 1}
    assert once(path, lambda: pytest.fail("done again")) == {"n": 1}


def test_an_emotion_study_tells_how_it_went(tmp_path):
    weighted = STUDIES["emotion-craft"].variants["class weights"]["loss"]
    row = emotion_study(tmp_path, "emotion-craft", loss=weighted)
    assert len(row["history"]["val_accuracy"]) == 1
    assert row["metrics"]["accuracy"] == pytest.approx(row["history"]["val_accuracy"][-1], abs=1e-4)
    assert (row["parameters"], row["flops"]) == (75, 2 * 12 * 12 * 9 * 4 + 2 * 28)
    assert 0 < from_scratch.seconds_per_step(tiny(), Schedule(1, 1e-3), weighted) < 60
    names, _, line = studies.summary([{"name": "tiny"} | row]).splitlines()
    assert names.split() == ["parameters", "accuracy"] and line.split()[:2] == ["tiny", "75"]


def test_a_variant_changes_what_its_name_says_and_nothing_else():
    variants = STUDIES["emotion-craft"].variants
    faces, plain = (
        variants[name]["batches"]("made", Schedule(8, 1e-3), 64)[0]
        for name in ("baseline", "no augmentation")
    )
    assert np.array_equal(faces.images, plain.images)
    assert np.array_equal(faces.order, plain.order) and faces.order.tolist() != list(range(64))
    assert np.array_equal(plain[0][0], models.standardize(plain.images[plain.order]))
    assert not np.array_equal(faces[0][0], plain[0][0])
    assert variants["half of the votes"]["batches"].keywords == {"votes_weight": 0.5}
    true = np.eye(7, dtype="f4")[[0, 0, 0, 1]]
    plain, smooth, weighted = (
        np.array(variants[name]["loss"](true)(true, 4 * true))
        for name in ("baseline", "label smoothing 0.1", "class weights")
    )
    assert plain < smooth
    assert weighted[3] == pytest.approx(3 * weighted[0])


@pytest.mark.parametrize(
    ("study", "name", "optimizer", "learning_rate", "weight_decay"),
    [
        ("emotion-craft", "learning rate 1e-5", "adamw", 1e-5, 1e-4),
        ("emotion-models", "deep, ELU", "nadam", 1e-3, 1e-4),
        ("emotion-models", "ours", "sgd", 0.05, 5e-3),
    ],
)
def test_a_variant_is_trained_by_its_own_schedule(
    study, name, optimizer, learning_rate, weight_decay, tmp_path, monkeypatch
):
    class Planned(Exception):
        pass

    def plan(schedule, steps):
        raise Planned(schedule.optimizer, schedule.learning_rate, schedule.weight_decay)

    monkeypatch.setattr(from_scratch, "build_optimizer", plan)
    budget, variant = {"rows": 64, "source": "made"}, STUDIES[study].variants[name]
    with pytest.raises(Planned) as planned:
        from_scratch.train(tmp_path, budget, **variant | {"build": tiny})
    assert planned.value.args == (optimizer, learning_rate, weight_decay)


def test_half_of_the_votes_is_what_a_recipe_is_told(monkeypatch):
    weights, load = [], from_scratch.emotion_data

    def data(sources, recipe, seed):
        weights.append(recipe.votes_weight)
        return load(sources, recipe, seed)

    monkeypatch.setattr(from_scratch, "emotion_data", data)
    for name in ("half of the votes", "baseline"):
        STUDIES["emotion-craft"].variants[name]["batches"]("made", Schedule(1, 1e-3), 8)
    assert weights == [0.5, 0]


def test_each_class_counts_alike_in_sum():
    found = from_scratch.class_weights(np.eye(3)[[0, 0, 0, 0, 1, 1]])
    np.testing.assert_allclose(found, [0.5, 1, 2])


@pytest.fixture
def little_resnet(monkeypatch):
    def little(weights, input_shape, classes):
        assert (weights, input_shape, classes) == (None, (32, 32, 3), 7)
        inputs = keras.Input(input_shape)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, 4)(inputs))
        return keras.Model(inputs, keras.layers.Dense(classes, "softmax")(x))

    monkeypatch.setattr(keras.applications, "ResNet50", little)


def test_the_classic_network_is_measured_on_other_people_and_on_no_more_than_asked(
    little_resnet, tmp_path
):
    """Of ten people, one is kept aside and one is judged, of whose two faces one is asked for."""
    who, labels = np.repeat([f"S{n}" for n in range(10)], 2), np.arange(20) % 2
    how = {"labels": labels, "classes": np.array(EMOTIONS), "subjects": who}
    np.savez(tmp_path / "faces.npz", images=grey(20, 48), **how)
    budget = {"epochs": 1, "side": 32, "source": str(tmp_path / "faces.npz")}
    row = resnet50.train(tmp_path, budget, "ckplus", 8, (None, 1))
    assert (row["n_train"], row["n"], row["batch_size"]) == (16, 1, 8)
    assert row["metrics"]["most_frequent_class"] == 1


def test_what_the_classic_network_costs_is_measured(little_resnet, tmp_path):
    special = resnet50.VARIANTS["CK+, one epoch"]
    row = resnet50.train(tmp_path, smoke_budget("resnet50"), **special)
    assert (row["n_train"], row["n"]) == (64, 64)
    assert row["peak_memory_gib"] > 0.1 and 0 <= row["metrics"]["accuracy"] <= 1
    assert "peak_memory_gib" in studies.summary([{"name": "little"} | row])


def test_five_classes_tell_faces_that_the_network_knows_from_new_ones(tmp_path, monkeypatch):
    faces = np.zeros((3, 48, 48), np.uint8)
    assert five_classes.features_of(faces).shape == (3, 224)
    monkeypatch.setattr(
        five_classes, "features_of", lambda images: images[:, ::4, ::4].reshape(len(images), -1)
    )
    budget = smoke_budget("five-classes") | {"rows": 1000}
    official, random = (
        five_classes.train(tmp_path, budget, **special)
        for special in five_classes.VARIANTS.values()
    )
    assert official["n_known_to_the_network"] == 0 < official["n"]
    assert official["parameters"] == 5 * 144 + 5
    # Eight tenths of the made faces are for training.
    assert (random["n"], random["n_train"]) == (50, 950)
    assert 30 < random["n_known_to_the_network"] < 50
    known, new = (random["metrics"][f"accuracy_{which}"] for which in ("known", "new"))
    share = random["n_known_to_the_network"] / random["n"]
    assert random["metrics"]["accuracy"] == pytest.approx(share * known + (1 - share) * new)


def test_the_command_offers_every_study():
    assert set(study.TRAINED) == set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_what_lessons_quote_is_what_the_study_compares(name):
    stored, compared = stored_result(f"study-{name}"), STUDIES[name]
    assert [row["name"] for row in stored["variants"]] == list(compared.variants)
    assert stored["budget"] == compared.budget
    assert f"study {name}" in stored["command"]
    lines = studies.summary(stored["variants"]).splitlines()[2:]
    assert all(map(str.startswith, lines, compared.variants)) and len(lines) == len(
        compared.variants
    )
