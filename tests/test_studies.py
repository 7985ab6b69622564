"""Comparisons give each network the same steps, measure all alike, and go on when cut."""

import json

import numpy as np
import pytest

from helpers import models, studies
from helpers.__main__ import main
from helpers.evaluate import stored_result
from helpers.studies import BUDGET, SMOKE, Variant


def test_taking_the_skips_away_leaves_depth_and_most_weights():
    plain, skips = studies.build_plain_model(), models.build_keypoint_model(filters=studies.SMALL)
    depths = [
        sum(layer.name.startswith("conv2d") and layer.kernel_size != (1, 1) for layer in n.layers)
        for n in (plain, skips)
    ]
    assert depths == [19, 19]
    assert not [layer for layer in plain.layers if layer.name.startswith("add")]
    short_paths = skips.count_params() - plain.count_params()
    assert 0 < short_paths < 0.05 * skips.count_params()


def test_each_variant_takes_equally_many_steps_from_the_faces_it_may_see():
    faces = studies.load_keypoints("made")
    every, whole = (
        studies.learn_from(faces, Variant("some", None, "made", complete_only=only), BUDGET)[0]
        for only in (False, True)
    )
    assert len(every) == len(whole) == -(-BUDGET.rows // BUDGET.batch_size)
    assert np.isnan(every.targets).any()
    assert not np.isnan(whole.targets).any()


def test_a_study_is_stored_as_it_is_printed_and_a_finished_one_is_not_done_again(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(studies.settings, "PROFILE", "smoke")
    variants = tuple(
        Variant(name, studies.build_five_layers, "made", only)
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


@pytest.mark.parametrize("name", studies.STUDIES)
def test_what_lessons_quote_is_what_the_study_compares(name):
    stored = stored_result(f"study-{name}")
    assert [row["name"] for row in stored["variants"]] == [v.name for v in studies.STUDIES[name]]
    assert all(len(row["val_loss"]) == BUDGET.epochs for row in stored["variants"])
    assert stored["budget"]["rows"] == BUDGET.rows
    assert f"study {name}" in stored["command"]
