"""What results quote, on cases that can be done by hand."""

import json

import numpy as np
import pytest

from helpers.data import KEYPOINT_NAMES
from reading_faces.training import scores


@pytest.fixture
def true():
    points = np.full((2, 15, 2), np.nan)
    points[:, 0], points[:, 1] = (60, 40), (20, 40)  # the eyes are 40 px apart
    points[0, 10] = (40, 60)
    return points


def test_a_point_four_pixels_off_is_a_tenth_of_forty_pixels_between_the_eyes(true):
    predicted = np.where(np.isnan(true), 0, true)
    predicted[0, 10] += (0, 4)
    result = scores.keypoint_metrics(true, predicted, KEYPOINT_NAMES)
    assert result["per_point"]["nose_tip"]["mean_error_interocular"] == pytest.approx(0.1)
    # Ten labelled coordinates, one of them 4 px off; one face of three points, one of two.
    assert result["rmse_px"] == pytest.approx(np.sqrt(16 / 10))
    assert result["mean_error_interocular"] == pytest.approx((0.1 / 3 + 0) / 2)
    assert set(result["per_point"]) == {"left_eye_center", "right_eye_center", "nose_tip"}


def test_a_face_fails_when_its_mean_error_is_above_a_tenth(true):
    predicted = np.where(np.isnan(true), 0, true)
    predicted[1] += 5
    result = scores.keypoint_metrics(true, predicted, KEYPOINT_NAMES)
    assert result["failure_rate_10pct"] == 0.5


def test_the_mean_face_is_what_a_model_has_to_beat(true):
    true[1, :2] += (10, 0)  # both faces are now 5 px, an eighth of 40, from their mean
    result = scores.keypoint_metrics(true, np.nan_to_num(true), KEYPOINT_NAMES)
    assert result["mean_error_interocular"] == 0
    assert result["mean_face_error_interocular"] == pytest.approx((2 / 3 * 5 / 40 + 5 / 40) / 2)


def test_points_that_are_not_labelled_do_not_count(true):
    near, far = np.where(np.isnan(true), 1, true), np.where(np.isnan(true), 900, true)
    assert scores.keypoint_metrics(true, near, KEYPOINT_NAMES) == scores.keypoint_metrics(
        true, far, KEYPOINT_NAMES
    )


def test_a_constant_offset_is_taken_away_and_each_kind_of_point_is_told(true):
    true[:, 7] = 80, 20  # an outer end of a brow
    predicted = np.nan_to_num(true)
    predicted[:, 7] -= (4, 8)
    predicted[0, 10] -= (0, 4)
    offsets = np.zeros((15, 2))
    offsets[7] = 0.1, 0.2
    plain = scores.keypoint_metrics(true, predicted, KEYPOINT_NAMES)
    result = scores.keypoint_metrics(true, predicted, KEYPOINT_NAMES, offsets.tolist())
    away = np.hypot(0.1, 0.2)
    assert result["ten"] == pytest.approx({"mean_error_interocular": away, "offset_removed": 0})
    five = {"mean_error_interocular": 0.1 / 6, "offset_removed": 0.1 / 6}
    assert result["five"] == pytest.approx(five)
    assert result["offset_removed"] == pytest.approx(0.1 / 8)
    assert result["mean_error_interocular"] == pytest.approx(((0.1 + away) / 4 + away / 3) / 2)
    assert "offset_removed" not in plain | plain["five"] | plain["ten"]


def test_a_kind_of_point_that_is_never_labelled_is_left_out(true):
    result = scores.keypoint_metrics(true, np.nan_to_num(true), KEYPOINT_NAMES)
    assert "five" in result and "ten" not in result


def test_nothing_labelled_is_said_plainly():
    nothing = np.full((2, 15, 2), np.nan)
    with pytest.raises(ValueError, match="No keypoint is labelled"):
        scores.keypoint_metrics(nothing, np.zeros((2, 15, 2)), KEYPOINT_NAMES)


def test_a_point_labelled_only_where_the_eyes_are_not_has_no_error_and_is_no_nan(true):
    blind = np.full((1, 15, 2), np.nan)
    blind[0, 14] = 40, 80
    both = np.concatenate([true, blind])
    result = scores.keypoint_metrics(both, np.nan_to_num(both), KEYPOINT_NAMES)
    lip = result["per_point"]["mouth_center_bottom_lip"]
    assert lip == {"n": 1, "rmse_px": 0.0, "mean_error_interocular": None}
    assert result["mean_error_interocular"] == 0
    alone = scores.keypoint_metrics(blind, np.nan_to_num(blind), KEYPOINT_NAMES)
    assert alone["mean_error_interocular"] is alone["failure_rate_10pct"] is None
    json.dumps([result, alone], allow_nan=False)


def test_emotion_metrics_count_what_was_right():
    labels = np.array([0, 0, 1, 2])
    probabilities = np.eye(3)[[0, 1, 1, 2]]
    result = scores.emotion_metrics(labels, probabilities, ("a", "b", "c"))
    assert result["accuracy"] == 0.75
    assert result["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert result["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert result["ece"] == pytest.approx(0.25)


def test_among_fewer_classes_other_faces_and_other_answers_do_not_count():
    probabilities = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.4, 0.5, 0.1]])
    found = scores.among_classes(
        np.array([2, 1, 2]), probabilities, ("angry", "fear", "happy"), ("happy", "angry")
    )
    # The face with fear is left out; the first is now happy, the second stays wrong.
    assert found == {"n": 2, "accuracy": 0.5}


@pytest.mark.parametrize("kept", [("angry", "bored"), ("happy",)])
def test_classes_that_are_unknown_or_do_not_occur_give_nothing(kept):
    probabilities = np.array([[0.6, 0.4, 0.0]])
    assert scores.among_classes(np.array([0]), probabilities, ("angry", "sad", "happy"), kept) == {}


def test_a_threshold_is_where_f1_is_highest_on_other_faces():
    present = np.array([[0, 0], [0, 0], [1, 0], [1, 0]])
    p = np.array([[0.1, 0.3], [0.2, 0.4], [0.3, 0.4], [0.8, 0.1]])
    thresholds = scores.fit_thresholds(present, p)
    assert 0.2 < thresholds[0] < 0.3
    assert thresholds[1] == 0.5  # never there: nothing to fit


def test_weak_units_are_measured_where_it_is_known_that_they_are_weak():
    present = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]])
    p = np.array([[0.9, 0.6, 0.1], [0.8, 0.7, 0.1], [0.1, 0.4, 0.1], [0.2, 0.5, 0.1]])
    strong = np.array([[0.9, 0, 0], [np.nan, 0.3, 0], [0, 0.9, 0], [0, 0, 0]])
    names, halves = ("A", "B", "C"), np.full(3, 0.45)
    result = scores.action_unit_metrics(present, p, names, halves, strong)
    # Only B has a face that is known to be weak, and that one wins against both without B.
    assert result["macro_auc_weak"] == 1
    nowhere = scores.action_unit_metrics(present, p, names, halves, np.full((4, 3), np.nan))
    assert nowhere["macro_auc_weak"] is None
    strong[1, 1] = scores.WEAK  # no longer weaker than that
    assert scores.action_unit_metrics(present, p, names, halves, strong)["macro_auc_weak"] is None


def test_thresholds_are_fitted_to_the_faces_that_were_coded():
    present = np.array([[0], [1], [np.nan], [np.nan]])
    (threshold,) = scores.fit_thresholds(present, np.array([[0.2], [0.4], [0.3], [0.9]]))
    assert 0.2 < threshold < 0.4


def coded_people(seed=0):
    """Twenty people with four faces each; unit A is seen well, B not at all, C on three faces."""
    rng = np.random.default_rng(seed)
    present = (rng.random((80, 3)) < 0.4).astype(float)
    present[:, 2] = np.arange(80) < 3
    p = rng.random((80, 3))
    p[:, 0] = 0.6 * present[:, 0] + 0.5 * p[:, 0]
    return present, p, np.repeat(np.arange(20), 4).astype(str)


def test_only_units_that_enough_faces_show_are_judged_and_the_others_are_counted():
    present, p, subjects = coded_people()
    found = scores.common_units(present, p, ["A", "B", "C"], np.full(3, 0.5), subjects)
    assert set(found["per_unit"]) == {"A", "B"} and found["too_rare"] == {"C": 3}
    for name in ("macro_auc", "macro_f1"):
        low, high = found[f"{name}_interval_95"]
        assert low < found[name] < high


def test_faces_of_one_person_are_drawn_together(monkeypatch):
    """Each face four times over is no more people, so the interval stays as wide."""
    present, p, subjects = coded_people()
    monkeypatch.setattr(scores, "DRAWS", 40)
    names, thresholds, widths = ["A", "B", "C"], np.full(3, 0.5), []
    present[:, 2] = np.nan
    for times in (1, 4):
        repeated = (np.repeat(array, times, axis=0) for array in (present, p, subjects))
        present_, p_, subjects_ = repeated
        found = scores.common_units(present_, p_, names, thresholds, subjects_)
        widths.append(np.ptp(found["macro_auc_interval_95"]))
    assert found["too_rare"] == {}  # what nobody coded is not rare
    assert widths[0] == pytest.approx(widths[1], rel=1e-6)


def test_how_weakly_an_uncoded_unit_is_shown_plays_no_part():
    present, p = np.array([[0], [1], [np.nan]]), np.array([[0.3], [0.6], [0.1]])
    strong = np.array([[0], [0.3], [0.1]])
    found = scores.action_unit_metrics(present, p, ("A",), np.array([0.5]), strong)
    assert found["macro_auc_weak"] == 1


def test_a_class_that_no_face_has_is_not_in_the_mean_over_classes():
    labels, answers = np.array([0, 0, 1, 1]), np.eye(4)[[0, 3, 1, 1]]
    found = scores.emotion_metrics(labels, answers, ("a", "b", "c", "d"))
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_intervals_hold_the_mean_and_are_narrower_with_more_faces():
    rng, widths = np.random.default_rng(0), []
    for n in (40, 640):
        labels = np.arange(n) % 3
        answers = np.eye(3)[np.where(rng.random(n) < 0.8, labels, (labels + 1) % 3)]
        found = scores.emotion_metrics(labels, answers, ("a", "b", "c"))
        low, high = found["accuracy_interval_95"]
        assert low < found["accuracy"] < high
        widths.append(high - low)
        points = rng.uniform(10, 80, (n, 15, 2))
        points[:, 0], points[:, 1] = (60, 40), (20, 40)
        found = scores.keypoint_metrics(points, points + rng.normal(size=points.shape), range(15))
        low, high = found["mean_error_interval_95"]
        assert low < found["mean_error_interocular"] < high
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize(("faces", "judged"), [(15, True), (14, False)])
def test_fifteen_faces_are_enough_to_judge_a_unit(faces, judged, monkeypatch):
    monkeypatch.setattr(scores, "DRAWS", 3)
    present, p, subjects = coded_people()
    present[:, 2] = np.isin(np.arange(80), 5 * np.arange(faces))
    found = scores.common_units(present, p, ["A", "B", "C"], np.full(3, 0.5), subjects)
    assert ("C" in found["per_unit"]) is judged
    assert found["too_rare"] == ({} if judged else {"C": 14})
