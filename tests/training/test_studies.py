"""Comparisons give each network the same steps, measure all alike, and go on when cut."""

import json

import keras
import numpy as np
import pytest

from helpers import models, settings, transfer
from helpers.results import stored_result
from reading_faces.__main__ import main
from reading_faces.training import studies
from reading_faces.training.studies import emotions, keypoints, resnet50
from reading_faces.training.studies import transfer as transfers
from reading_faces.training.studies.emotions import EmotionVariant
from reading_faces.training.studies.keypoints import BUDGET, SMOKE, Variant


def test_taking_the_skips_away_leaves_depth_and_most_weights():
    plain, skips = (
        keypoints.build_plain_model(),
        models.build_keypoint_model(filters=keypoints.SMALL),
    )
    depths = [
        sum(layer.name.startswith("conv2d") and layer.kernel_size != (1, 1) for layer in n.layers)
        for n in (plain, skips)
    ]
    assert depths == [19, 19]
    assert not [layer for layer in plain.layers if layer.name.startswith("add")]
    short_paths = skips.count_params() - plain.count_params()
    assert 0 < short_paths < 0.05 * skips.count_params()


def test_each_variant_takes_equally_many_steps_from_the_faces_it_may_see():
    faces = keypoints.load_keypoints("made")
    every, whole = (
        keypoints.learn_from(faces, Variant("some", None, "made", complete_only=only), BUDGET)[0]
        for only in (False, True)
    )
    assert len(every) == len(whole) == -(-BUDGET.rows // BUDGET.batch_size)
    assert np.isnan(every.targets).any()
    assert not np.isnan(whole.targets).any()


def test_a_study_is_stored_as_it_is_printed_and_a_finished_one_is_not_done_again(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(settings, "PROFILE", "smoke")
    variants = tuple(
        Variant(name, keypoints.build_five_layers, "made", only)
        for name, only in (("complete rows only", True), ("all rows", False))
    )
    monkeypatch.setitem(studies.STUDIES, "masked-loss", variants)
    asked = ["study", "masked-loss", "--out", str(tmp_path), "--json"]
    assert main(asked) == 0
    first = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in first["variants"]] == ["complete rows only", "all rows"]
    assert all(len(row["val_loss"]) == SMOKE.epochs for row in first["variants"])
    assert main(asked) == 0
    again = json.loads(capsys.readouterr().out)
    for one, other in zip(first["variants"], again["variants"], strict=True):
        assert one["val_loss"] == other["val_loss"]
        assert one["metrics"]["rmse_px"] == pytest.approx(other["metrics"]["rmse_px"])


def tiny():
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, 4)(inputs))
    return keras.Model(inputs, keras.layers.Dense(7)(x))


def emotion_study(tmp_path, name, **changes):
    return emotions.run_variant(name, EmotionVariant("tiny", tiny, **changes), tmp_path, smoke=True)


def test_equal_time_shows_more_pictures_to_the_faster_network(tmp_path, monkeypatch):
    seen = {}
    for name, seconds in (("fast", 0.01), ("slow", 0.1)):
        monkeypatch.setattr(emotions, "seconds_per_step", lambda *_, s=seconds: s)
        seen[name] = emotion_study(tmp_path / name, "emotion-models")["pictures_seen"]
    assert seen["fast"] > 5 * seen["slow"]


def test_a_step_is_timed_once_so_that_a_cut_study_keeps_its_plan(tmp_path):
    network = tiny()
    emotions.compile_network(network, emotions.SMOKE, None, steps=1)
    first = emotions.seconds_per_step(network, 8, tmp_path)
    assert first > 0
    assert emotions.seconds_per_step(None, 8, tmp_path) == first


def test_an_emotion_study_tells_how_it_went(tmp_path):
    row = emotion_study(tmp_path, "emotion-craft", weigh_classes=True, augment=False)
    assert len(row["history"]["val_accuracy"]) == emotions.SMOKE.epochs
    assert row["metrics"]["accuracy"] == pytest.approx(row["history"]["val_accuracy"][-1], abs=1e-4)
    assert (row["parameters"], row["flops"]) == (75, 2 * 12 * 12 * 9 * 4 + 2 * 28)


def test_a_weighed_loss_counts_a_face_by_its_class():
    targets = np.eye(7, dtype=np.float32)[[0, 0, 0, 1]]
    weights = transfer.class_weights(targets)
    assert weights[:2] == pytest.approx([4 / 21, 4 / 7])
    network = tiny()
    losses = []
    for given in (None, weights):
        emotions.compile_network(network, emotions.SMOKE, given, steps=1)
        images = np.random.default_rng(0).normal(size=(4, 48, 48, 1)).astype(np.float32)
        one_by_one = [
            network.evaluate(images[i : i + 1], targets[i : i + 1], verbose=0)[0] for i in (0, 3)
        ]
        losses.append(one_by_one)
    assert losses[1] == pytest.approx([losses[0][0] * 4 / 21, losses[0][1] * 4 / 7], rel=1e-4)


def test_fine_tuning_is_measured_for_each_seed_and_done_once(tmp_path, monkeypatch):
    variant = transfers.TransferVariant("one", "random", normalise_anew=True, loss="focal")
    row = transfers.run_variant("transfer", variant, tmp_path, smoke=True)
    _, _, seeds, epochs = transfers.size(smoke=True)
    assert {len(values) for values in row["metrics"].values()} == {len(seeds)}
    assert len(row["val_loss"]) == 2 * epochs
    assert all(0 <= row["metrics"][name][0] <= 1 for name in row["metrics"])
    monkeypatch.setattr(transfers, "run_once", None)
    assert transfers.run_variant("transfer", variant, tmp_path, smoke=True) == row
    assert "units_auc" in transfers.summary(row)


def test_what_the_classic_network_costs_is_measured_through_the_loader(tmp_path, monkeypatch):
    def little(weights, size):
        inputs = keras.Input((size, size, 3))
        features = keras.layers.Conv2D(4, 3, 4)(inputs)
        return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(features))

    monkeypatch.setattr(transfer, "resnet50_backbone", little)
    variant = resnet50.STUDIES["resnet50"][0]
    row = resnet50.run_variant("resnet50", variant, tmp_path, smoke=True)
    assert (row["n_train"], row["n"]) == (64, 64)
    assert row["peak_memory_gib"] > 0.1 and 0 <= row["metrics"]["accuracy"] <= 1
    monkeypatch.setattr(transfer, "resnet50_backbone", None)
    assert resnet50.run_variant("resnet50", variant, tmp_path, smoke=True) == row
    assert "64 faces" in resnet50.summary(row)


@pytest.mark.parametrize("name", studies.STUDIES)
def test_what_lessons_quote_is_what_the_study_compares(name):
    stored = stored_result(f"study-{name}")
    assert [row["name"] for row in stored["variants"]] == [v.name for v in studies.STUDIES[name]]
    assert stored["budget"] == studies.part_of(name).budget(name)
    assert f"study {name}" in stored["command"]
