"""The deep network's study changes one choice at a time, and cuts CK+ as it says."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from data_samples import grey

from helpers import augment
from helpers.data import EMOTIONS
from helpers.results import stored_result
from reading_faces.training.studies import deep, smoke_budget

CHOSEN = stored_result("study-deep-network")["variants"]

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]


def test_faces_are_turned_within_the_degrees_and_half_are_mirrored(monkeypatch):
    asked = []
    real = augment.affine_matrices
    monkeypatch.setattr(
        augment, "affine_matrices", lambda *how: asked.append(how[1:]) or real(*how)
    )
    faces, labels = grey(200, 48), np.arange(200)
    views, same = deep.turn_faces(faces, labels, np.random.default_rng(0), 17)
    degrees, zoom, shift = asked.pop()
    assert same is labels and views.dtype == np.uint8
    assert -17 <= degrees.min() < -12 and 12 < degrees.max() <= 17
    assert (zoom == 1).all() and (shift == 0).all()
    views, _ = deep.turn_faces(faces, labels, np.random.default_rng(0), 0)
    kept, mirrored = (
        np.array([np.array_equal(view, face) for view, face in zip(views, side, strict=True)])
        for side in (faces, faces[:, :, ::-1])
    )
    assert (kept ^ mirrored).all() and 70 < mirrored.sum() < 130


@pytest.fixture
def trained(monkeypatch):
    """Return what was built and trained, of networks that are small and learn nothing."""
    found = {}

    def build(**how):
        inputs = keras.Input((48, 48, 1))
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, 4)(inputs))
        found["build"] = how
        return keras.Model(inputs, keras.layers.Dense(how.get("classes", 7))(x))

    def fit(network, batches, epochs, validation=None, out=None, callbacks=()):
        found.update(network=network, batches=batches, epochs=epochs, callbacks=callbacks)
        found["out"] = out
        return pd.DataFrame({"epoch": range(3), "val_accuracy": [0.25, 0.5, 0.125]})

    monkeypatch.setattr(deep.models, "build_deep_emotion_model", build)
    monkeypatch.setattr(deep, "fit", fit)
    return found


@pytest.mark.parametrize("name", deep.CHOICES)
def test_a_choice_changes_what_its_name_says_and_nothing_else(name, trained, tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(keras.utils, "set_random_seed", seeds.append)
    row = deep.compare(tmp_path, smoke_budget("deep-network"), **deep.CHOICES[name])
    choice, seed = name.rsplit(", seed ", 1)
    assert (seeds, trained["batches"].seed) == ([int(seed)], int(seed))
    relu = {"activation": "relu" if choice == "ReLU" else "elu"}
    assert trained["build"] == {"width": 1 / 4} | relu
    optimizer = trained["network"].optimizer
    assert type(optimizer).__name__ == ("Adam" if choice == "Adam" else "Nadam")
    turn = trained["batches"].augment
    assert (turn.func, turn.keywords["degrees"]) == (
        deep.turn_faces,
        0 if choice == "not turned" else 17,
    )
    first = float(optimizer.learning_rate)
    optimizer.iterations.assign(1)  # after the one step that there is
    assert first == pytest.approx(1e-3)
    if choice == "cosine":
        assert not trained["callbacks"] and float(optimizer.learning_rate) < 1e-6
    else:
        (plateau,) = trained["callbacks"]
        assert (plateau.monitor, plateau.factor, plateau.patience) == ("val_loss", 0.5, 3)
        assert float(optimizer.learning_rate) == first
    assert row["metrics"] == {"accuracy": 0.125, "accuracy_best": 0.5}
    assert row["history"] == {"val_accuracy": [0.25, 0.5, 0.125]} and trained["out"] == tmp_path
    assert (row["n_train"], row["parameters"]) == (64, 75)


def test_all_choices_learn_from_the_same_faces(trained, tmp_path):
    faces = []
    for choice in deep.CHOICES.values():
        deep.compare(tmp_path, smoke_budget("deep-network"), **choice)
        faces.append(trained["batches"].images)
    assert len(faces) == 10 and all(np.array_equal(faces[0], others) for others in faces)


@pytest.mark.parametrize(("by_subject", "known"), [(True, 0), (False, 60)])
def test_a_random_cut_judges_people_that_were_learnt_from(by_subject, known, trained, tmp_path):
    who, labels = np.repeat([f"S{n}" for n in range(20)], 3), np.arange(60) // 3 % 2
    how = {"labels": labels, "classes": np.array(EMOTIONS[:2]), "subjects": who}
    np.savez(tmp_path / "faces.npz", images=grey(60, 48), **how)
    budget = {"epochs": 3, "batch_size": 32, "width": 0.25, "source": str(tmp_path / "faces.npz")}
    row = deep.split_ckplus(tmp_path, budget, by_subject)
    assert (row["n"], row["n_with_their_subject_in_training"]) == (60, known)
    assert trained["build"] == {"classes": 2, "width": 0.25}
    assert (trained["epochs"], trained["batches"].batch_size) == (3, 32)
    assert 48 - 6 <= len(trained["batches"].images) <= 48 + 6
    assert 0 <= row["metrics"]["accuracy"] <= 1


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_the_smoke_profile_cuts_few_faces_of_enough_people(trained, tmp_path):
    row = deep.split_ckplus(tmp_path, smoke_budget("ckplus-splits"), by_subject=True)
    assert row["n"] == 64 and row["n_with_their_subject_in_training"] == 0


def test_page_and_lesson_quote_what_is_stored():
    split = {row["name"]: row for row in stored_result("study-ckplus-splits")["variants"]}
    lesson = Path("notebooks/source/05_transfer_and_action_units.py").read_text("utf-8")
    for row in split.values():
        accuracy, (low, high) = (row["metrics"][f"accuracy{x}"] for x in ("", "_interval_95"))
        quoted = f"| {accuracy:.1%} ({100 * low:.1f} to {100 * high:.1f}) |".replace("%", " %")
        assert quoted in Path("docs/results.md").read_text("utf-8")
        assert f"{accuracy:.0%} ".replace("%", " %") in lesson
    assert split["by subject"]["n_with_their_subject_in_training"] == 0


def test_the_page_quotes_both_seeds_of_each_choice():
    page = Path("docs/results.md").read_text("utf-8")
    said = [f"{100 * row['metrics']['accuracy']:.1f}" for row in CHOSEN]
    pairs = [f"{first} and {second}" for first, second in zip(said[::2], said[1::2], strict=True)]
    assert f"| {pairs[0]} % after the last epoch |" in page
    assert f"| {' / '.join(pairs[1:])} % |" in page
    halved = [row["history"].get("learning_rate", [1e-3])[-1] < 1e-3 for row in CHOSEN[:8]]
    assert "halved in all eight runs" in page and all(halved)
    means = np.array([row["metrics"]["accuracy"] for row in CHOSEN]).reshape(-1, 2).mean(axis=1)
    largest = abs(100 * (means - means[0])).round(1)
    assert largest.max() == largest[1] and f"is {largest[1]} points (ReLU)" in page


@pytest.mark.parametrize("study", ["deep-all-faces", "deep-full-width"])
def test_the_page_quotes_what_the_network_reaches_with_all_faces(study):
    stored = stored_result(f"study-{study}")
    (row,) = stored["variants"]
    assert row["n_train"] > 25_000 and len(row["history"]["loss"]) == stored["budget"]["epochs"]
    (quoted,) = (
        line
        for line in Path("docs/results.md").read_text("utf-8").splitlines()
        if stored["command"] in line
    )
    assert f"| {row['n']:,} | {100 * row['metrics']['accuracy']:.1f} % after the last" in quoted
    assert f" {stored['budget']['epochs']} epochs" in quoted
