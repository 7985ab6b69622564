"""`data realism`: a table that says what was measured, and what could not be."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from data_samples import real

from helpers.data import KEYPOINT_NAMES, DataError
from helpers.results import stored_result
from reading_faces.__main__ import main
from reading_faces.training import realism
from reading_faces.training.realism import MEASURES, compare_coordinates, measure, nearest_face


@pytest.mark.parametrize(
    ("what", "value", "reached"),
    [
        ("found_by_mtcnn", 0.96, True),
        ("found_by_mtcnn", 0.95, True),
        ("found_by_mtcnn", 0.94, False),
        ("found_by_mtcnn", 0.0, False),
        ("means", 1.9, True),
        ("means", 2.0, True),
        ("means", 2.1, False),
        ("means", None, None),
        ("emotions_of_drawings", 0.5, None),
    ],
)
def test_a_measure_knows_whether_it_is_reached(what, value, reached):
    assert measure(what, value, 10)["reached"] is reached


def test_the_stored_table_has_each_measure_in_its_words():
    stored = stored_result("realism")["measures"]
    names = ("name", "wanted", "at_least", "reached")
    told = [measure(what, row["value"], 1) for what, row in zip(MEASURES, stored, strict=True)]
    assert [[row[n] for n in names] for row in told] == [[row[n] for n in names] for row in stored]


def test_without_real_data_measures_say_why_they_have_no_value(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr("helpers.settings.SHIPPED", tmp_path)
    measures = list(compare_coordinates(50))
    assert len(measures) == 2
    for line in measures:
        assert line["value"] is None and line["reached"] is None and line["n"] == 0
        assert "facial-keypoints" in line["note"]


def test_coordinates_that_differ_are_measured_as_such(monkeypatch):
    made = np.stack([realism.kaggle_points(number) for number in range(40)])
    monkeypatch.setattr(realism, "kaggle_coordinates", lambda: made * 2 + 5)
    shift, spread = compare_coordinates(40)
    assert shift["value"] == pytest.approx((made.mean(axis=0) + 5).max(), rel=1e-6)
    assert spread["value"] == pytest.approx(0.5, rel=1e-6)
    assert shift["reached"] is False and spread["reached"] is False


def test_a_found_face_is_the_made_one_if_it_holds_the_nose():
    nose = np.array([50.0, 50.0])
    near, far, wide = (
        SimpleNamespace(box=box) for box in [(40, 40, 20, 20), (60, 60, 20, 20), (0, 30, 60, 60)]
    )
    assert nearest_face([far, wide, near], nose) is near
    assert nearest_face([far], nose) is None
    assert nearest_face([], nose) is None


def test_the_table_can_be_had_as_json(capsys, monkeypatch):
    rows = [measure("landmarks", 0.1, 5), measure("found_by_haar", None, 0, "no data")]
    monkeypatch.setattr(realism, "measure_realism", lambda n: iter(rows[: n // 50]))
    assert main(["data", "realism", "--n", "100", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in result["measures"]] == [row["name"] for row in rows]
    assert [row["reached"] for row in result["measures"]] == [False, None]
    assert result["command"] == "python -m reading_faces data realism --n 100 --json"


def test_the_table_is_printed_line_by_line(capsys, monkeypatch):
    rows = [measure("found_by_haar", 0.97, 5), measure("emotions_of_drawings", 0.5, 7)]
    monkeypatch.setattr(realism, "measure_realism", lambda n: iter(rows))
    assert main(["data", "realism"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == [*rows[0]]
    for line, row, value in zip((first, second), rows, ("0.97", "0.50"), strict=True):
        assert " ".join(line.split()).startswith(f"{row['name']} {value}")


def test_made_people_are_found_by_a_face_detector():
    measures = {m["name"]: m for m in realism.compare_detectors(12)}
    mtcnn = measures["MTCNN finds the face, confidence above 0.9"]
    assert mtcnn["value"] >= 0.75
    assert mtcnn["n"] == 12
    assert measures["Haar finds the face, turned by up to 15°"]["value"] >= 0.75


def test_where_no_face_is_found_no_landmark_is_measured(monkeypatch):
    monkeypatch.setattr(realism.detect, "detect_faces", lambda *_: [])
    face = SimpleNamespace(keypoints=np.zeros((15, 2)))
    monkeypatch.setattr(realism, "draw_all", lambda job, n: iter([(None, face)] * n))
    found, landmarks, haar = realism.compare_detectors(5)
    assert (found["value"], haar["value"]) == (0, 0)
    assert landmarks["value"] is None and landmarks["n"] == 0


def test_landmarks_are_measured_by_the_distance_between_the_eyes(monkeypatch):
    """Eyes 30 pixels apart and every landmark 3 pixels off: a tenth."""
    keypoints = dict(zip(KEYPOINT_NAMES, np.zeros((15, 2)), strict=True))
    keypoints["left_eye_center"], keypoints["right_eye_center"] = (45, 20), (15, 20)
    keypoints["nose_tip"] = (30, 30)
    keypoints["mouth_left_corner"], keypoints["mouth_right_corner"] = (40, 45), (20, 45)
    face = SimpleNamespace(keypoints=np.array(list(keypoints.values())))
    order = "right_eye_center", "left_eye_center", "nose_tip", "mouth_right_corner"
    landmarks = np.array([keypoints[name] for name in (*order, "mouth_left_corner")]) + [3, 0]
    seen = SimpleNamespace(box=(0, 0, 60, 60), landmarks=landmarks)
    poses, asked = [], []

    def draw_all(job, n):
        poses.append(job.keywords["pose"])
        return iter([(None, face)] * n)

    monkeypatch.setattr(realism, "draw_all", draw_all)
    monkeypatch.setattr(
        realism.detect, "detect_faces", lambda photo, *how: asked.append(how) or [seen]
    )
    found, landmarks, haar = realism.compare_detectors(4)
    assert poses == ["kaggle", "frontal"] and asked == [("mtcnn", 0.9)] * 4 + [("haar", 0)] * 4
    assert (found["value"], haar["value"], landmarks["n"]) == (1, 1, 4)
    assert landmarks["value"] == pytest.approx(0.1)


def test_coordinates_are_compared_on_2000_faces_or_more(monkeypatch):
    for name in ("compare_detectors", "compare_coordinates"):
        monkeypatch.setattr(realism, name, lambda n, what=name: [(what, n)])
    monkeypatch.setattr(realism, "compare_models", lambda: ["models"])
    for asked, taken in ((400, 2000), (3000, 3000)):
        detectors, coordinates = ("compare_detectors", asked), ("compare_coordinates", taken)
        assert list(realism.measure_realism(asked)) == [detectors, coordinates, "models"]


def test_models_are_shown_the_faces_that_they_have_not_learnt_from(monkeypatch):
    """Each line gives the metric it names, of the mirrored look too, and what is not here why."""
    asked = []

    def evaluate(weights, source, split, mirrored):
        asked.append((getattr(weights, "name", weights), source, split, mirrored))
        if source == "fer2013":
            raise DataError("fer2013 is not on this machine")
        metrics = {"mean_error_interocular": 0.07, "mean_error_interval_95": [0.06, 0.08]}
        metrics |= {"accuracy": 0.5, "accuracy_interval_95": [0.4, 0.6]}
        return SimpleNamespace(result={"metrics": metrics, "n": 10})

    monkeypatch.setattr(realism.storage, "load", lambda weights: weights)
    monkeypatch.setattr(realism, "evaluate", evaluate)
    points, absent, made = realism.compare_models()
    assert asked == [
        ("keypoints.weights.h5", "facial-keypoints", "test", True),
        ("emotion.weights.h5", "fer2013", "public", True),
        ("emotion.weights.h5", "made", "test", True),
    ]
    assert (points["value"], points["n"], points["reached"]) == (0.07, 10, True)
    assert "0.060 to 0.080" in points["note"] and "facial-keypoints, split test" in points["note"]
    assert absent["value"] is None and "not on this machine" in absent["note"]
    assert made["value"] == 0.5 and "0.400 to 0.600" in made["note"] and made["reached"] is None


@pytest.mark.whole
@real("facial-keypoints")
def test_made_keypoints_lie_and_vary_as_real_ones_do():
    shift, spread = compare_coordinates(2000)
    assert shift["value"] < 2.0 and shift["reached"]
    assert spread["value"] < 0.35 and spread["reached"]
