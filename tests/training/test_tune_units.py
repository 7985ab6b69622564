"""Units of real people are learnt from people other than those they are judged on."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from data_samples import grey

from helpers import models
from helpers.batches import Batches
from helpers.data import UNIT_NAMES, of_made_faces
from helpers.data.made import load_set
from helpers.models import TrainedModel
from reading_faces.__main__ import main
from reading_faces.training import storage, tune_units
from reading_faces.training.training_data import Examples


def a_model(sources=("made",), **arguments) -> TrainedModel:
    arguments = {"filters": [4], "identity_blocks": 0} | arguments
    card = {
        "task": "action_units",
        "build": {"function": "build_action_unit_model", "arguments": arguments},
        "input": {"size": 96},
        "units": list(UNIT_NAMES),
        "thresholds": [0.5] * 18,
        "training": {"sources": list(sources)},
    }
    return TrainedModel(models.build_action_unit_model(**arguments), card)


@pytest.fixture
def people(tmp_path):
    """Six people with eight faces each, on whom three units are coded."""
    rng = np.random.default_rng(0)
    path = tmp_path / "people.npz"
    np.savez(
        path,
        images=grey(48, 96),
        action_units=(rng.random((48, 3)) < [0.5, 0.5, 0.1]).astype(int),
        unit_names=np.array(["AU12", "AU26", "AU27"]),
        subjects=np.repeat([f"S{n}" for n in range(6)], 8),
        emotions=np.tile(["happy", "neutral"], 24),
    )
    return str(path)


@pytest.fixture
def few_made(few_faces, monkeypatch):
    """A few made faces in place of all that ship."""
    faces = of_made_faces(load_set(few_faces))
    load = tune_units.load_action_units
    monkeypatch.setattr(tune_units, "load_action_units", lambda s=None: load(s) if s else faces)
    monkeypatch.setenv("COURSE_PROFILE", "smoke")


def test_folds_of_people_are_measured_from_the_command_line(
    people, few_made, eagerly, tmp_path, capsys
):
    weights = storage.save(a_model(), tmp_path / "weights")
    asked = ["evaluate", "action-units", "--source", people, "--folds", "2", "--json"]
    asked += ["--weights", str(weights), "--predictions", str(tmp_path / "p.npz")]
    assert main(asked) == 0
    result = json.loads(capsys.readouterr().out)
    measured = result["metrics"]
    assert (result["split"], result["n"], measured["subjects"]) == ("2 folds of subjects", 48, 6)
    assert set(measured["per_unit"]) == set(measured["before"]["per_unit"]) == {"AU12", "AU26"}
    with np.load(people) as stored:
        stretched = stored["action_units"][:, 2] == 1
        dropped = stored["action_units"][:, 1] == 1
    assert measured["left_out_of_AU26"] == stretched.sum() > 0
    assert measured["per_unit"]["AU26"]["n"] == (dropped & ~stretched).sum()
    assert measured["prototype_agreement"]["n"] == 24  # neutral faces are not posed
    with np.load(tmp_path / "p.npz") as stored:
        assert stored["probabilities"].shape == (48, 18)


def test_nobody_is_judged_by_what_was_learnt_from_them(people, few_made, monkeypatch):
    """Each fold learns from the faces of the others, and of all made ones."""
    faces, learnt = tune_units.load_action_units(people), []

    def remember(model, examples, recipe):
        learnt.append({image.tobytes() for side in examples[:2] for image in side.images})
        return model

    monkeypatch.setattr(tune_units, "fine_tune", remember)
    found = tune_units.cross_validate(a_model(), people, 3)
    assert len(learnt) == 3
    for image in faces.images:
        assert sum(image.tobytes() in fold for fold in learnt) == 2
    before = found.result["metrics"].pop("before")
    assert before["macro_auc"] == found.result["metrics"]["macro_auc"]  # nothing was learnt


def test_weights_that_have_seen_people_are_not_judged_by_folds(people):
    for sources in (("made", people), ("fer2013",)):
        with pytest.raises(ValueError, match="learnt from people"):
            tune_units.cross_validate(a_model(sources), people)


def test_only_the_last_stages_learn_and_no_normalisation_moves():
    network = models.build_action_unit_model(filters=(4, 4, 4), identity_blocks=0)
    tune_units.hold_first_stages(network, 1)
    before = network.get_weights()
    network.compile(keras.optimizers.SGD(1.0), tune_units.losses.masked_entropy)
    network.train_on_batch(np.random.default_rng(0).normal(size=(4, 96, 96, 1)), np.ones((4, 18)))
    moved = [not np.array_equal(*pair) for pair in zip(before, network.get_weights(), strict=True)]
    names = [weight.path for weight in network.weights]
    kernels = [change for change, name in zip(moved, names, strict=True) if "kernel" in name]
    normal = [change for change, name in zip(moved, names, strict=True) if "batch_norm" in name]
    # One convolution of the picture, five of two stages; then two of the last, and the logits.
    assert len(kernels) == 9 and not any(kernels[:6]) and all(kernels[6:]) and not any(normal)


def test_thresholds_lie_between_absent_and_present_units_of_validation_faces():
    images = grey(50, 96)
    present = (images[:, 0, :18] > 100).astype(np.float32)
    coded = np.where(np.arange(50)[:, None] % 5, 0.2 + 0.4 * present, np.nan)
    model = SimpleNamespace(predict=lambda images: np.where(images[:, 0, :18] > 100, 0.3, 0.1))
    examples = Examples(Batches(images, 1 - present), Batches(images, coded))
    thresholds = tune_units.fit_thresholds(model, examples)["thresholds"]
    assert len(thresholds) == 18 and all(0.1 < value < 0.3 for value in thresholds)


def test_the_card_names_units_that_too_few_people_have_shown(people, monkeypatch):
    monkeypatch.setattr(
        tune_units, "evaluate", lambda *asked: SimpleNamespace(result=list(asked[1:]))
    )
    entries = tune_units.report(a_model(), SimpleNamespace(sources=("made", people)))
    assert entries["measured"] == [["made", "test", False], ["made", "test", True]]
    assert set(UNIT_NAMES) - set(entries["rest_on_drawings"]) == {"AU12", "AU26"}
    drawn = tune_units.report(a_model(), SimpleNamespace(sources=("made",)))
    assert "rest_on_drawings" not in drawn
    assert tune_units.report(a_model(), SimpleNamespace(sources=(people,))) == {}
