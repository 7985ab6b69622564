"""How fast this machine reads faces, on a clock that the test sets."""

import json
import time

import numpy as np
import pytest
from data_samples import grey
from faces import Tint, portrait, stand_ins

from helpers.models import TrainedModel, build_emotion_model
from reading_faces import reader, track
from reading_faces.__main__ import main
from reading_faces.training import measure_speed, storage


@pytest.fixture
def clock(monkeypatch):
    """Let every call take half a second."""
    monkeypatch.setattr(measure_speed, "time_call", lambda call: len([call()]) / 2)


def test_a_call_is_timed_by_its_median():
    assert 0.009 < measure_speed.time_call(lambda: time.sleep(0.01), 0.1) < 0.05


def test_the_speed_of_a_model_is_added_to_its_result(clock, tmp_path, capsys):
    card = {
        "task": "emotion",
        "build": {"function": "build_emotion_model", "arguments": {"filters": [4]}},
        "input": {"size": 48},
        "classes": ["happy", "sad"],
    }
    network = build_emotion_model(filters=[4], classes=2)
    card["build"]["arguments"]["classes"] = 2
    weights = storage.save(TrainedModel(network, card), tmp_path)
    classes = np.array(["happy", "sad"])
    np.savez(tmp_path / "faces.npz", images=grey(2, 48), labels=[0, 1], classes=classes)
    asked = ["evaluate", "emotion", "--weights", str(weights), "--json"]
    asked += ["--source", str(tmp_path / "faces.npz")]
    assert main([*asked, "--speed"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 2
    assert result["speed"]["faces_per_second_batch_64"] == 128
    assert result["speed"]["one_face_ms"] == result["speed"]["one_face_by_keras_predict_ms"] == 500
    assert main(asked) == 0
    assert "speed" not in json.loads(capsys.readouterr().out)


def test_a_model_is_so_many_times_faster_than_keras_predict_takes_longer(monkeypatch):
    seconds = iter([2.0, 0.5, 1.5])  # for a batch, for a face, and for a face by Keras
    monkeypatch.setattr(measure_speed, "time_call", lambda call: next(seconds))
    found = measure_speed.model_speed(TrainedModel(None, {"input": {"size": 48}}))
    assert (found["faces_per_second_batch_64"], found["one_face_ms"]) == (32, 500)
    assert found["one_face_by_keras_predict_ms"] == 1500
    assert found["times_faster_than_keras_predict"] == 3


def test_the_whole_tool_is_timed_on_photos_of_ones_own(clock, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure_speed, "model_speed", lambda model: {"faces": 1})
    monkeypatch.setattr(reader.models, "load", lambda part, *_: stand_ins()[part])
    for number in range(3):
        portrait().save(tmp_path / f"{number}.png")
    assert main(["evaluate", "speed", str(tmp_path), "--detector", "haar", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["task"], result["photos"], result["faces"]) == ("speed", 3, 3)
    assert (result["detector"], result["photos_per_second"]) == ("haar", 6)
    assert {"keypoints", "emotion", "action_units"} <= set(result)
    monkeypatch.setattr(measure_speed, "PHOTOS", 2)
    assert main(["evaluate", "speed", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["photos"], result["photos_per_second"]) == (2, 4), "the first are enough"


def test_without_photos_the_tool_is_timed_beside_the_packages_calls(clock, monkeypatch, capsys):
    asked = []

    class Package:
        def detect_faces(self, photo):
            asked.append(photo.shape)
            return []

    monkeypatch.setattr("mtcnn.MTCNN", Package)
    monkeypatch.setattr(
        measure_speed.detect, "find_with_mtcnn", lambda photo, sure: asked.append(0)
    )
    monkeypatch.setattr(track, "FaceTracker", lambda reader: reader)
    monkeypatch.setattr(reader, "FaceReader", Silent)
    monkeypatch.setattr(measure_speed, "FOLDER", 2)
    ran = []
    monkeypatch.setattr(
        measure_speed, "command_seconds", lambda *command, times=2: ran.append(command) or len(ran)
    )
    assert main(["evaluate", "speed", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert asked == [0, (480, 640, 3), 0, (960, 1280, 3), (480, 640, 3)]
    assert result["detect_1280_ms"] == 500 and result["detect_1280_ms_times"] == 1
    assert result["live_frames_per_second"] == 2 * measure_speed.FRAMES
    assert result["live_ms_times"] == measure_speed.FRAMES
    assert (result["one_photo_cold_s"], result["import_tensorflow_s"]) == (1, 2)
    assert result["folder_photos_per_second"] == 2 / (3 - 1)
    assert result["machine"] and ran[1] == ("-c", "import tensorflow")
    assert main(["evaluate", "speed", "--detector", "haar"]) == 2


class Silent:
    """A reader, or tracker, that reads nothing."""

    def read(self, frame):
        return []

    def load(self):
        return {}


def test_an_embedder_is_timed_on_a_batch_of_faces_and_on_one(clock):
    seen = []

    class Blind(Tint):
        def embed(self, faces):
            seen.append(len(faces))
            return faces

    found = measure_speed.embedder_speed(Blind())
    assert (found["faces_per_second_batch_64"], found["one_face_ms"]) == (128, 500)
    assert seen == [64, 1]
