"""The measures give what their definitions say, on cases that can be done by hand."""

import numpy as np
import pytest

from helpers import metrics
from helpers.data import KEYPOINT_NAMES
from reading_faces.training.measure import among_classes, fit_thresholds


@pytest.fixture
def true():
    points = np.full((2, 15, 2), np.nan)
    points[:, 0], points[:, 1] = (60, 40), (20, 40)  # the eyes are 40 px apart
    points[0, 10] = (40, 60)
    return points


def test_a_point_four_pixels_off_is_a_tenth_of_forty_pixels_between_the_eyes(true):
    predicted = np.where(np.isnan(true), 0, true)
    predicted[0, 10] += (0, 4)
    result = metrics.keypoint_metrics(true, predicted, KEYPOINT_NAMES)
    assert result["per_point"]["nose_tip"]["mean_error_interocular"] == pytest.approx(0.1)
    # Ten labelled coordinates, one of them 4 px off; one face of three points, one of two.
    assert result["rmse_px"] == pytest.approx(np.sqrt(16 / 10))
    assert result["mean_error_interocular"] == pytest.approx((0.1 / 3 + 0) / 2)
    assert set(result["per_point"]) == {"left_eye_center", "right_eye_center", "nose_tip"}


def test_a_face_fails_when_its_mean_error_is_above_a_tenth(true):
    predicted = np.where(np.isnan(true), 0, true)
    predicted[1] += 5
    result = metrics.keypoint_metrics(true, predicted, KEYPOINT_NAMES)
    assert result["failure_rate_10pct"] == 0.5


def test_the_mean_face_is_what_a_model_has_to_beat(true):
    true[1, :2] += (10, 0)  # both faces are now 5 px, an eighth of 40, from their mean
    result = metrics.keypoint_metrics(true, np.nan_to_num(true), KEYPOINT_NAMES)
    assert result["mean_error_interocular"] == 0
    assert result["mean_face_error_interocular"] == pytest.approx((2 / 3 * 5 / 40 + 5 / 40) / 2)


def test_points_that_are_not_labelled_do_not_count(true):
    near, far = np.where(np.isnan(true), 1, true), np.where(np.isnan(true), 900, true)
    assert metrics.keypoint_metrics(true, near, KEYPOINT_NAMES) == metrics.keypoint_metrics(
        true, far, KEYPOINT_NAMES
    )


def test_nothing_labelled_is_said_plainly():
    nothing = np.full((2, 15, 2), np.nan)
    with pytest.raises(ValueError, match="No keypoint is labelled"):
        metrics.keypoint_metrics(nothing, np.zeros((2, 15, 2)), KEYPOINT_NAMES)


def test_emotion_metrics_count_what_was_right():
    labels = np.array([0, 0, 1, 2])
    probabilities = np.eye(3)[[0, 1, 1, 2]]
    result = metrics.emotion_metrics(labels, probabilities, ("a", "b", "c"))
    assert result["accuracy"] == 0.75
    assert result["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert result["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert result["ece"] == pytest.approx(0.25)


def test_a_sure_and_right_model_is_calibrated_and_a_sure_and_wrong_one_is_not():
    labels = np.array([0, 1, 0, 1])
    assert metrics.calibration_error(labels, np.eye(2)[labels]) == 0
    assert metrics.calibration_error(labels, np.eye(2)[1 - labels]) == 1


def test_temperature_undoes_exaggerated_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3))
    powers = np.exp(logits)
    labels = (powers / powers.sum(1, keepdims=True)).cumsum(1) > rng.random((4000, 1))
    assert metrics.fit_temperature(labels.argmax(1), 3 * logits) == pytest.approx(3, rel=0.1)


def test_temperature_makes_answers_as_sure_as_they_are_often_right():
    rng = np.random.default_rng(0)
    logits, labels = 4 * rng.normal(size=(500, 7)), rng.integers(0, 7, 500)
    labels[:300] = logits[:300].argmax(axis=1)
    softened = logits / metrics.fit_temperature(labels, logits)
    powers = np.exp(softened)
    confidence = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
    assert confidence.mean() == pytest.approx(np.mean(logits.argmax(axis=1) == labels))
    # Where no temperature does, the nearest allowed one is taken.
    best = logits.argmax(axis=1)
    assert metrics.fit_temperature(best, 0.01 * logits) == pytest.approx(np.exp(-2))
    assert metrics.fit_temperature((best + 1) % 7, logits) == pytest.approx(np.exp(2))


def test_the_interval_holds_the_mean_and_narrows_with_more_faces():
    rng = np.random.default_rng(0)
    few, many = rng.random(50), rng.random(5000)
    for values in (few, many):
        low, high = metrics.bootstrap_interval(values)
        assert low < values.mean() < high
    widths = [np.diff(metrics.bootstrap_interval(values))[0] for values in (few, many)]
    assert widths[1] < widths[0] / 5


def test_reliability_sets_claims_against_what_was_right():
    probabilities = np.array([[0.9, 0.1], [0.95, 0.05], [0.6, 0.4], [0.45, 0.55]])
    found = metrics.reliability(np.array([0, 1, 0, 1]), probabilities, bins=5)
    assert found["n"] == [1, 1, 2]
    assert found["confidence"] == pytest.approx([0.55, 0.6, 0.925])
    assert found["accuracy"] == [1.0, 1.0, 0.5]


def test_the_calibration_error_is_the_mean_gap_of_its_bins():
    probabilities = np.array([[0.9, 0.1], [0.95, 0.05], [0.6, 0.4], [0.45, 0.55]])
    error = metrics.calibration_error(np.array([0, 1, 0, 1]), probabilities, bins=5)
    assert error == pytest.approx((0.45 + 0.4 + 2 * 0.425) / 4)


def test_among_fewer_classes_other_faces_and_other_answers_do_not_count():
    probabilities = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.4, 0.5, 0.1]])
    found = among_classes(
        np.array([2, 1, 2]), probabilities, ("angry", "fear", "happy"), ("happy", "angry")
    )
    # The face with fear is left out; the first is now happy, the second stays wrong.
    assert found["classes"] == ["angry", "happy"]
    assert (found["n"], found["accuracy"]) == (2, 0.5)
    assert found["macro_f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("kept", [("angry", "bored"), ("happy",)])
def test_classes_that_are_unknown_or_do_not_occur_give_nothing(kept):
    probabilities = np.array([[0.6, 0.4, 0.0]])
    assert among_classes(np.array([0]), probabilities, ("angry", "sad", "happy"), kept) == {}


def test_units_are_measured_one_by_one_and_on_average():
    present = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]])
    p = np.array([[0.9, 0.6, 0.1], [0.8, 0.7, 0.1], [0.1, 0.4, 0.1], [0.2, 0.5, 0.1]])
    strong = np.array([[0.9, 0, 0], [np.nan, 0.3, 0], [0, 0.9, 0], [0, 0, 0]])
    result = metrics.action_unit_metrics(present, p, ("A", "B", "C"), np.full(3, 0.45), strong)
    assert result["never_seen"] == ["C"] and set(result["per_unit"]) == {"A", "B"}
    first, second = result["per_unit"]["A"], result["per_unit"]["B"]
    assert (first["n"], first["auc"], first["f1"]) == (2, 1.0, 1.0)
    # Of the four pairs of a face with B and one without, 0.7 wins twice and 0.4 never.
    assert second["auc"] == pytest.approx(0.5)
    assert (second["precision"], second["recall"]) == pytest.approx((1 / 3, 1 / 2))
    assert result["macro_auc"] == pytest.approx(0.75)
    assert result["macro_f1"] == pytest.approx((1 + 0.4) / 2)
    # Only B has a face that is known to be weak, and that one wins against both without B.
    assert "auc_weak" not in first and second["auc_weak"] == 1
    assert result["macro_auc_weak"] == 1


def test_units_that_all_or_none_of_the_faces_show_cannot_be_measured():
    with pytest.raises(ValueError, match="nothing to measure"):
        metrics.action_unit_metrics(np.ones((2, 1), int), np.ones((2, 1)), ("A",), np.ones(1))


def test_a_threshold_is_where_f1_is_highest_on_other_faces():
    present = np.array([[0, 0], [0, 0], [1, 0], [1, 0]])
    p = np.array([[0.1, 0.3], [0.2, 0.4], [0.3, 0.4], [0.8, 0.1]])
    thresholds = fit_thresholds(present, p)
    assert 0.2 < thresholds[0] < 0.3
    assert thresholds[1] == 0.5  # never there: nothing to fit
