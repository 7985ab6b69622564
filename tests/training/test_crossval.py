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
from reading_faces.training import crossval as folds
from reading_faces.training import storage


def some_faces(subjects, labels, classes=EMOTIONS) -> EmotionData:
    n = len(labels)
    return EmotionData(
        grey(n, 48), np.array(labels), classes, np.full(n, "all"), subjects=np.array(subjects)
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), min_size=40, max_size=120))
def test_nobody_is_on_both_sides_and_each_row_is_judged_once(rows):
    subjects = [str(who) for who, _ in rows] + [str(who) for who in range(10)]
    data = some_faces(subjects, [label for _, label in rows] + [0] * 10)
    parts = folds.folds_of_subjects(data, data.labels, 5, seed=0)
    for learn, judge in parts:
        assert not set(data.subjects[learn]) & set(data.subjects[judge])
    judged = np.sort(np.concatenate([judge for _, judge in parts]))
    np.testing.assert_array_equal(judged, np.arange(len(data)))


def test_too_few_people_and_unnamed_people_are_refused():
    with pytest.raises(DataError, match="2 subjects, too few for 5 folds"):
        folds.folds_of_subjects(some_faces(["a", "b"], [0, 1]), np.array([0, 1]), 5, 0)
    with pytest.raises(DataError, match="does not say who"):
        folds.folds_of_subjects(load_unnamed(), np.zeros(4, int), 2, 0)


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
    tuned = folds.fresh_network(tiny, classes, scratch=False)
    np.testing.assert_array_equal(tuned.layers[1].get_weights()[0], first[0])
    assert tuned.output_shape == (None, 3)
    both = [EMOTIONS.index(name) for name in ("sad", "happy")]
    of_classes, of_bias = tuned.layers[-1].get_weights()
    np.testing.assert_array_equal(of_classes[:, [0, 2]], weights[:, both])
    np.testing.assert_array_equal(of_bias[[0, 2]], bias[both])
    assert of_classes[:, 1].any()
    other = folds.fresh_network(tiny, classes, scratch=True)
    assert not np.array_equal(other.layers[1].get_weights()[0], first[0])
    assert not np.array_equal(other.layers[-1].get_weights()[0][:, [0, 2]], weights[:, both])


def test_folds_are_measured_from_the_command_line(tiny, tmp_path, capsys):
    weights = storage.save(tiny, tmp_path)
    source = tmp_path / "faces.npz"
    labels = np.arange(24) % 3
    np.savez(
        source,
        images=grey(24, 48),
        labels=labels,
        classes=np.array(["happy", "sad", "contempt"]),
        subjects=np.array([f"S{row // 4}" for row in range(24)]),
    )
    asked = ["evaluate", "emotion", "--source", str(source), "--folds", "2", "--json"]
    asked += ["--weights", str(weights), "--predictions", str(tmp_path / "p.npz")]
    assert main(asked) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["left_out"]["n"]) == (16, 8)
    measured = result["metrics"]
    assert measured["classes"] == ["happy", "sad"] and measured["subjects"] == 6
    assert measured["mean_of_folds"] == pytest.approx(np.mean(measured["folds"]))
    with np.load(tmp_path / "p.npz") as stored:
        known = labels < 2
        assert np.isnan(stored["probabilities"][~known]).all()
        hits = stored["probabilities"][known].argmax(axis=1) == labels[known]
    assert hits.mean() == pytest.approx(measured["accuracy"])
    assert main([*asked, "--every-class", "--scratch", "--tta"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 24 and result["metrics"]["classes"] == ["happy", "sad", "contempt"]
    assert result["metrics"]["start"] == "random weights"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["emotion", "--scratch"], "add --folds"),
        (["emotion", "--folds", "2", "--split", "test"], "leave out --split"),
        (["keypoints", "--folds", "2"], "is for emotion"),
    ],
)
def test_folds_of_what_cannot_be_cut_are_refused(arguments, said, capsys):
    assert main(["evaluate", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_made_people_can_be_cut_too():
    assert load_emotions("made").subjects is not None
