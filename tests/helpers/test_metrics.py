"""The measures give what their definitions say, on cases that can be done by hand."""

import numpy as np
import pytest

from helpers import metrics


def test_errors_count_distances_between_the_eyes_of_the_labelled_face():
    true = np.full((3, 15, 2), np.nan)
    true[:, 0], true[:, 1], true[:, 10] = (60, 40), (20, 40), (40, 60)
    true[2, 1] = np.nan  # a face with one eye
    predicted = np.nan_to_num(true)
    predicted[:, 0] = 99, 40  # the model's own eyes are no measure
    predicted[:2, 10] += (3, 4)
    errors = metrics.keypoint_errors(true, predicted)
    assert errors[:2, 10] == pytest.approx(5 / 40)
    assert errors[:2, 0] == pytest.approx(39 / 40)
    assert np.isnan(errors[2]).all() and np.isnan(errors[:, 2:10]).all()
    # Sixteen labelled numbers; of the three left eyes, x is 39 px off.
    assert metrics.rmse(true, predicted) == pytest.approx(np.sqrt((3 * 39**2 + 2 * 25) / 16))


def test_a_face_whose_eyes_are_marked_at_one_place_has_no_error():
    true = np.zeros((1, 15, 2))
    assert np.isnan(metrics.keypoint_errors(true, true + 1)).all()


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


def test_in_the_calibration_error_the_gap_of_a_bin_counts_by_its_faces():
    probabilities = np.array([[0.9, 0.1], [0.95, 0.05], [0.6, 0.4], [0.45, 0.55]])
    labels = np.array([0, 1, 0, 1])  # of the two in the last of five bins, one is wrong
    error = metrics.calibration_error(labels, probabilities, bins=5)
    assert error == pytest.approx((0.45 + 0.4 + 2 * 0.425) / 4)
    assert metrics.calibration_error(labels, probabilities) == pytest.approx(
        (0.45 + 0.4 + 0.1 + 0.95) / 4
    ), "fifteen bins keep them apart"


def test_units_are_measured_one_by_one_and_on_average():
    present = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]])
    p = np.array([[0.9, 0.6, 0.1], [0.8, 0.7, 0.1], [0.1, 0.4, 0.1], [0.2, 0.5, 0.1]])
    result = metrics.action_unit_metrics(present, p, ("A", "B", "C"), np.full(3, 0.45))
    assert result["never_seen"] == ["C"] and set(result["per_unit"]) == {"A", "B"}
    first, second = result["per_unit"]["A"], result["per_unit"]["B"]
    assert (first["n"], first["auc"], first["f1"]) == (2, 1.0, 1.0)
    # Of the four pairs of a face with B and one without, 0.7 wins twice and 0.4 never.
    assert second["auc"] == pytest.approx(0.5)
    assert (second["precision"], second["recall"]) == pytest.approx((1 / 3, 1 / 2))
    assert result["macro_auc"] == pytest.approx(0.75)
    assert result["macro_f1"] == pytest.approx((1 + 0.4) / 2)


def test_units_that_all_or_none_of_the_faces_show_cannot_be_measured():
    with pytest.raises(ValueError, match="nothing to measure"):
        metrics.action_unit_metrics(np.ones((2, 1), int), np.ones((2, 1)), ("A",), np.ones(1))


def test_the_interval_is_the_normal_one_for_many_values():
    values = np.random.default_rng(0).normal(size=2000)
    low, high = metrics.bootstrap_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / np.sqrt(2000), rel=0.06)
    assert metrics.bootstrap_interval(values) == [low, high]
    assert metrics.bootstrap_interval(values, seed=1) != [low, high]
    assert (
        metrics.bootstrap_interval(values, draws=1)[0] == metrics.bootstrap_interval(values, 1)[1]
    )


def test_wholly_sure_answers_are_in_the_last_bin_with_nearly_sure_ones():
    probabilities = np.array([[1.0, 0.0], [0.98, 0.02]])
    assert metrics.reliability(np.array([0, 1]), probabilities) == {
        "n": [2],
        "confidence": [pytest.approx(0.99)],
        "accuracy": [0.5],
    }


def test_a_probability_just_at_the_threshold_means_present():
    found = metrics.action_unit_metrics(
        np.array([[1], [0]]), np.array([[0.5], [0.4]]), ("A",), np.array([0.5])
    )
    assert found["per_unit"]["A"]["recall"] == found["per_unit"]["A"]["precision"] == 1


def test_a_face_whose_unit_nobody_coded_does_not_count():
    present = np.array([[1, np.nan], [0, np.nan], [np.nan, np.nan], [np.nan, 0]])
    p = np.array([[0.9, 0], [0.1, 0], [0.95, 0], [0.0, 0]])
    found = metrics.action_unit_metrics(present, p, ("A", "B"), np.full(2, 0.5))
    assert found["per_unit"]["A"] == {"n": 1, "auc": 1, "f1": 1, "precision": 1, "recall": 1}
    assert set(found["per_unit"]) == {"A"} and found["never_seen"] == ["B"]


def test_each_face_may_have_thresholds_of_its_own():
    thresholds = np.array([[0.8], [0.1]])
    found = metrics.action_unit_metrics(
        np.array([[1], [0]]), np.array([[0.7], [0.05]]), ("A",), thresholds
    )
    assert found["per_unit"]["A"]["recall"] == 0
