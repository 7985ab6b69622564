"""Units of real people are learnt from people other than those they are judged on."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from data_samples import grey

from helpers import models
from helpers.batches import Batches
from helpers.data.made import load_set
from helpers.models import TrainedModel
from reading_faces.__main__ import main
from reading_faces.made_faces import UNIT_NAMES
from reading_faces.training import loop, storage, tune_units
from reading_faces.training.action_units import of_made_faces
from reading_faces.training.training_data import Examples


def a_model(sources=("made",), **arguments) -> TrainedModel:
    arguments = {"filters": [4], "identity_blocks": 0} | arguments
    card = {
        "task": "action_units",
        "build": {"function": "build_action_unit_model", "arguments": arguments},
        "input": {"size": 96},
        "units": list(UNIT_NAMES),
        "thresholds": [0.5] * 18,
        "training": {"sources": list(sources), "profile": "smoke"},
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
    monkeypatch.setattr(tune_units.scores, "DRAWS", 5)
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
    faces, learnt = tune_units.load_action_units(people), []

    def remember(model, people, rows, seed):
        learnt.append({image.tobytes() for image in people.images[rows]})
        return model

    monkeypatch.setattr(tune_units, "fine_tune", remember)
    found = tune_units.cross_validate(a_model(), people, 3)
    assert len(learnt) == 3
    for image in faces.images:
        assert sum(image.tobytes() in fold for fold in learnt) == 2
    before = found.result["metrics"].pop("before")
    assert before["macro_auc"] == found.result["metrics"]["macro_auc"]  # nothing was learnt


def test_a_fold_learns_from_its_own_people_beside_made_faces_and_begins_as_the_model(
    people, few_made, monkeypatch
):
    fits = []
    monkeypatch.setattr(tune_units, "fit", lambda network, batches, *_, **__: fits.append(batches))
    faces, model, rows = tune_units.load_action_units(people), a_model(), np.arange(8, 24)
    tuned = tune_units.fine_tune(model, faces, rows, seed=5)
    (batches,) = fits
    learnt = [image.tobytes() for image in batches.images]
    of_people = [row for row, image in enumerate(faces.images) if image.tobytes() in learnt]
    assert of_people == rows.tolist() and len(learnt) == 64 + len(rows) and batches.seed == 5
    for one, other in zip(tuned.network.get_weights(), model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    normal = [layer for layer in tuned.network.layers if "batch_norm" in layer.name]
    assert normal and not any(layer.trainable for layer in normal)


def test_weights_that_have_seen_people_are_not_judged_by_folds(people):
    for sources in (("made", people), ("fer2013",)):
        with pytest.raises(ValueError, match="learnt from people"):
            tune_units.cross_validate(a_model(sources), people)
    unknown = a_model()
    del unknown.card["training"]
    with pytest.raises(ValueError, match="learnt from people"):
        tune_units.cross_validate(unknown, people)
    fine_tuned = a_model()  # on drawings again, after people
    fine_tuned.card["training"]["began_with"] = {"sources": ["made", people], "began_with": None}
    with pytest.raises(ValueError, match="learnt from people"):
        tune_units.cross_validate(fine_tuned, people)


def test_only_the_last_stages_learn_and_no_normalisation_moves():
    network = models.build_action_unit_model(filters=(4, 4, 4), identity_blocks=0)
    loop.thaw(network, 1)
    before = network.get_weights()
    network.compile(keras.optimizers.SGD(1.0), tune_units.losses.masked_entropy)
    network.train_on_batch(np.random.default_rng(0).normal(size=(4, 96, 96, 1)), np.ones((4, 18)))
    moved = [not np.array_equal(*pair) for pair in zip(before, network.get_weights(), strict=True)]
    names = [weight.path for weight in network.weights]
    kernels = [change for change, name in zip(moved, names, strict=True) if "kernel" in name]
    normal = [change for change, name in zip(moved, names, strict=True) if "batch_norm" in name]
    # One convolution of the picture, five of two stages; then two of the last, and the logits.
    assert len(kernels) == 9 and not any(kernels[:6]) and all(kernels[6:]) and not any(normal)


def a_run(profile, *sources, first=None):
    return SimpleNamespace(profile=profile, sources=sources or ("made",), first=first)


@pytest.mark.parametrize("seen", ["made", "people"])
def test_folds_of_thresholds_begin_as_the_run_did_if_that_has_seen_drawings_alone(
    seen, people, monkeypatch
):
    began = []
    faces = tune_units.load_action_units(people)
    said = np.zeros((len(faces), 18))
    monkeypatch.setattr(
        tune_units, "judge_folds", lambda tune, *_: began.append(tune.args[0]) or said
    )
    first = a_model(("made",) if seen == "made" else ("made", people))
    examples = Examples(None, Batches(grey(2, 96), np.zeros((2, 18), np.float32)))
    tune_units.fit_thresholds(a_model(), examples, a_run("full", "made", people, first=first))
    assert (began[0] is first) == (seen == "made")


def test_thresholds_lie_between_absent_and_present_units_of_validation_faces():
    images = grey(50, 96)
    present = (images[:, 0, :18] > 100).astype(np.float32)
    coded = np.where(np.arange(50)[:, None] % 5, 0.2 + 0.4 * present, np.nan)
    model = SimpleNamespace(
        predict=lambda images: np.where(images[:, 0, :18] > 100, 0.3, 0.1), card=a_model().card
    )
    examples = Examples(Batches(images, 1 - present), Batches(images, coded))
    thresholds = tune_units.fit_thresholds(model, examples, a_run("lesson"))["thresholds"]
    assert len(thresholds) == 18 and all(0.1 < value < 0.3 for value in thresholds)


def test_after_a_full_training_people_tell_the_thresholds_of_what_enough_of_them_show(
    people, monkeypatch
):
    """Here they show two units so often; all others keep the threshold of validation faces."""
    present, _ = tune_units.load_action_units(people).among_units(UNIT_NAMES)
    said = np.where(present == 1, 0.9, 0.7)
    monkeypatch.setattr(tune_units, "judge_folds", lambda *_: said)
    examples = Examples(None, Batches(grey(2, 96), np.zeros((2, 18), np.float32)))
    run = a_run("full", "made", people)
    found = tune_units.fit_thresholds(a_model(("made", people)), examples, run)
    thresholds = dict(zip(UNIT_NAMES, found["thresholds"], strict=True))
    assert 0.7 < thresholds.pop("AU12") < 0.9 and 0.7 < thresholds.pop("AU26") < 0.9
    assert set(thresholds.values()) == {0.5} and found["rest_on_drawings"] == list(thresholds)


def test_thresholds_of_a_fold_come_from_other_people(people, few_made, monkeypatch):
    """Each person answers at a level of their own: their own threshold would make no mistake."""
    faces = tune_units.load_action_units(people)
    present, _ = faces.among_units(UNIT_NAMES)
    level = np.array([int(who[1:]) for who in faces.subjects])[:, None] / 10
    said = np.nan_to_num(level + 0.05 * present).astype(np.float32)
    monkeypatch.setattr(tune_units, "judge_folds", lambda *_: said)
    monkeypatch.setattr(tune_units.scores, "ENOUGH", 2)  # so that one person would be enough, too
    found = tune_units.cross_validate(a_model(), people, 6).result["metrics"]
    assert found["per_unit"]["AU12"]["f1"] < 0.9
