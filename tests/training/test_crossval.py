"""Folds are cut between people, and what is measured was not trained on."""

import json

import numpy as np
import pytest
from data_samples import grey
from hypothesis import given
from hypothesis import strategies as st

from helpers import models
from helpers.data import EMOTIONS, DataError, EmotionData, load_emotions
from helpers.models import TrainedModel
from reading_faces.__main__ import main
from reading_faces.training import crossval, storage
from reading_faces.training.recipes import Schedule


def some_faces(subjects, labels, classes=EMOTIONS) -> EmotionData:
    n = len(labels)
    return EmotionData(
        grey(n, 48), np.array(labels), classes, np.full(n, "all"), subjects=np.array(subjects)
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), min_size=40, max_size=120))
def test_nobody_is_on_both_sides_and_each_row_is_judged_once(rows):
    subjects = [str(who) for who, _ in rows] + [str(who) for who in range(10)]
    data = some_faces(subjects, [label for _, label in rows] + [0] * 10)
    parts = crossval.folds_of_subjects(data, 5)
    for learn, judge in parts:
        assert not set(data.subjects[learn]) & set(data.subjects[judge])
    judged = np.sort(np.concatenate([judge for _, judge in parts]))
    np.testing.assert_array_equal(judged, np.arange(len(data)))


def test_too_few_people_and_unnamed_people_are_refused():
    with pytest.raises(DataError, match="2 subjects, too few for 5 folds"):
        crossval.folds_of_subjects(some_faces(["a", "b"], [0, 1]), 5)
    with pytest.raises(DataError, match="does not say who"):
        crossval.folds_of_subjects(load_unnamed(), 2)


def load_unnamed() -> EmotionData:
    return EmotionData(grey(4, 48), np.zeros(4, int), EMOTIONS, np.full(4, "all"))


@pytest.fixture
def tiny():
    arguments = {"filters": [4], "identity_blocks": 0}
    card = {
        "task": "emotion",
        "build": {"function": "build_emotion_model", "arguments": arguments},
        "input": {"size": 48},
        "classes": list(EMOTIONS),
    }
    return TrainedModel(models.build_emotion_model(**arguments), card)


def test_fine_tuning_starts_from_what_was_learnt_unless_told_otherwise(tiny):
    first, (weights, bias) = (tiny.network.layers[place].get_weights() for place in (1, -1))
    classes = ("sad", "contempt", "happy")
    tuned = crossval.fresh_network(tiny, classes, scratch=False)
    np.testing.assert_array_equal(tuned.layers[1].get_weights()[0], first[0])
    assert tuned.output_shape == (None, 3)
    both = [EMOTIONS.index(name) for name in ("sad", "happy")]
    of_classes, of_bias = tuned.layers[-1].get_weights()
    np.testing.assert_array_equal(of_classes[:, [0, 2]], weights[:, both])
    np.testing.assert_array_equal(of_bias[[0, 2]], bias[both])
    assert of_classes[:, 1].any()
    other = crossval.fresh_network(tiny, classes, scratch=True)
    assert not np.array_equal(other.layers[1].get_weights()[0], first[0])
    assert not np.array_equal(other.layers[-1].get_weights()[0][:, [0, 2]], weights[:, both])


LABELS = np.arange(24) % 3


@pytest.fixture
def source(tmp_path):
    """Twenty-four faces of six people, a third of them of a class that the model does not know."""
    classes = np.array(["happy", "sad", "contempt"])
    subjects = np.array([f"S{row // 4}" for row in range(24)])
    path = tmp_path / "faces.npz"
    np.savez(path, images=grey(24, 48), labels=LABELS, classes=classes, subjects=subjects)
    return str(path)


@pytest.fixture
def untuned(monkeypatch):
    """Leave networks as they start, and remember what each was to learn from."""
    learnt = []

    def remember(network, images, targets):
        learnt.append((images, targets))

    monkeypatch.setattr(crossval, "fine_tune", remember)
    return learnt


def test_folds_are_measured_from_the_command_line(tiny, source, tmp_path, capsys):
    weights = storage.save(tiny, tmp_path)
    asked = ["evaluate", "emotion", "--source", source, "--folds", "2", "--json"]
    asked += ["--weights", str(weights), "--predictions", str(tmp_path / "p.npz")]
    assert main(asked) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["left_out"]["n"]) == (16, 8)
    measured = result["metrics"]
    assert measured["classes"] == ["happy", "sad"] and measured["subjects"] == 6
    assert measured["mean_of_folds"] == pytest.approx(np.mean(measured["folds"]))
    with np.load(tmp_path / "p.npz") as stored:
        known = LABELS < 2
        assert np.isnan(stored["probabilities"][~known]).all()
        hits = stored["probabilities"][known].argmax(axis=1) == LABELS[known]
    assert hits.mean() == pytest.approx(measured["accuracy"])


def test_folds_from_random_weights_may_learn_every_class(tiny, source, untuned):
    how = {"scratch": True, "every_class": True, "mirrored": False}
    result = crossval.cross_validate(tiny, source, 2, **how).result
    assert result["n"] == 24 and result["metrics"]["classes"] == ["happy", "sad", "contempt"]
    assert result["metrics"]["start"] == "random weights" and "left_out" not in result


def test_each_fold_learns_from_the_others_with_their_own_labels(tiny, source, untuned):
    how = {"scratch": False, "every_class": True, "mirrored": False}
    found = crossval.cross_validate(tiny, source, 3, **how)
    label_of = dict(zip((image.tobytes() for image in grey(24, 48)), LABELS, strict=True))
    assert sum(len(images) for images, _ in untuned) == 2 * 24  # each face in two folds of three
    for images, targets in untuned:
        assert targets.argmax(axis=1).tolist() == [label_of[image.tobytes()] for image in images]
    assert found.result["split"] == "3 folds of subjects"


def test_folds_are_told_apart_by_how_well_each_was_read(tiny, source, monkeypatch):
    """Of one person three faces are read wrong, in a fold of eight."""
    answers = np.eye(3)[LABELS]
    answers[:3] = np.roll(answers[:3], 1, axis=1)
    monkeypatch.setattr(crossval, "judge_folds", lambda *_: answers)
    measured = crossval.cross_validate(tiny, source, 3, False, True, False).result["metrics"]
    assert sorted(measured["folds"]) == [5 / 8, 1, 1]
    spread = np.std([5 / 8, 1, 1], ddof=1)
    assert measured["standard_deviation_of_folds"] == pytest.approx(spread)


def test_folds_are_read_as_the_model_reads_but_without_its_temperature(tiny, source, untuned):
    """The temperature was fitted for other weights. The mirrored look is averaged in if asked."""
    images, hot = grey(24, 48)[LABELS < 2], {"temperature": 5.0}
    for mirrored in (False, True):
        how = {"scratch": False, "every_class": False, "mirrored": mirrored}
        judged = TrainedModel(tiny.network, tiny.card | hot)
        found = crossval.cross_validate(judged, source, 2, **how)
        network = crossval.fresh_network(tiny, ("happy", "sad"), scratch=False)
        expected = TrainedModel(network, tiny.card).predict(images, mirrored)
        answers = found.predictions["probabilities"][LABELS < 2]
        np.testing.assert_allclose(answers, expected, atol=1e-4)


def test_fine_tuning_learns_what_it_is_told(tiny, monkeypatch):
    schedule = Schedule(epochs=3, learning_rate=0.05, batch_size=8, warmup_epochs=0)
    monkeypatch.setattr(crossval, "Schedule", lambda *_, **__: schedule)
    crossval.fine_tune(tiny.network, grey(16, 48), np.eye(7)[[3] * 16])
    assert (tiny.predict(grey(16, 48)).argmax(axis=1) == 3).all()


def test_made_people_can_be_cut_too():
    assert load_emotions("made").subjects is not None
