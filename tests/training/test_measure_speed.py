"""How fast this machine reads faces, on a clock that the test sets."""

import json
import time

import numpy as np
import pytest
from data_samples import grey
from faces import Tint, portrait, stand_ins

from helpers.models import TrainedModel, build_emotion_model
from reading_faces import reader
from reading_faces.__main__ import main
from reading_faces.training import measure_speed, storage


@pytest.fixture
def clock(monkeypatch):
    """Let every call take half a second."""
    monkeypatch.setattr(measure_speed, "time_call", lambda call: call() is None or 0.5)


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


def test_an_embedder_is_timed_on_a_batch_of_faces_and_on_one(clock):
    seen = []

    class Blind(Tint):
        def embed(self, faces):
            seen.append(len(faces))
            return faces

    found = measure_speed.embedder_speed(Blind())
    assert (found["faces_per_second_batch_64"], found["one_face_ms"]) == (128, 500)
    assert seen == [64, 1]
