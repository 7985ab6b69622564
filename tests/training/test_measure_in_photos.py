"""A face that a detector has found is read where it lies, and held against its own labels."""

import json

import cv2
import numpy as np
import pytest
from faces import Cheerful, MeanFace, portrait

from helpers import models
from helpers.data import load_emotions
from reading_faces.__main__ import main
from reading_faces.training import measure_in_photos as evaluate_chain


@pytest.fixture
def stand_ins(monkeypatch):
    loaded = {"keypoints": MeanFace(), "emotion": Cheerful(), "action_units": MeanFace()}
    loaded["action_units"].card = {"task": "action_units"}
    monkeypatch.setattr(models, "load", loaded.get)
    monkeypatch.setattr(evaluate_chain, "MOST_FACES", 12)


def grey_portrait(size: int = 96) -> np.ndarray:
    return np.array(portrait().convert("L").crop((46, 26, 166, 146)).resize((size, size)))


def test_the_matrix_leads_to_where_the_face_was_put():
    image = np.zeros((49, 49), np.uint8)
    image[10, 30] = 255
    for seed in range(5):
        photo, matrix = evaluate_chain.put_into_photo(image, np.random.default_rng(seed))
        weight = photo.astype(float) * (photo > 60)
        y, x = (np.indices(photo.shape) * weight).sum(axis=(1, 2)) / weight.sum()
        assert np.allclose(matrix @ [30, 10, 1], [x, y], atol=0.6)


def test_a_face_is_found_and_cut_and_a_wall_is_not():
    pictures = np.stack([grey_portrait(), np.full((96, 96), 90, np.uint8), grey_portrait()])
    found, crops, matrices = evaluate_chain.find_in_photos(pictures, 96, "keypoints", "haar")
    assert found.tolist() == [True, False, True]
    assert crops.shape == (2, 96, 96)
    # Both ways into the crop show the same: by the larger picture, and straight by the matrix.
    for crop, matrix in zip(crops, matrices, strict=True):
        straight = cv2.warpAffine(pictures[0], matrix, (96, 96))
        assert np.corrcoef(straight[20:80, 20:80].ravel(), crop[20:80, 20:80].ravel())[0, 1] > 0.97


def test_what_the_chain_loses_is_measured_on_the_faces_it_found(stand_ins, tmp_path, capsys):
    path = tmp_path / "predictions.npz"
    command = ["evaluate", "emotion", "--in-photos", "--detector", "haar", "--json"]
    assert main([*command, "--predictions", str(path)]) == 0
    result = json.loads(capsys.readouterr().out)
    measured, rows = result["metrics"], np.load(path)["rows"]
    assert measured["detector"] == "haar" and measured["searched"] == 12
    assert result["n"] == len(rows) == round(12 * measured["found"])
    # Somebody who calls everybody happy loses nothing.
    faces = load_emotions("made").select("test")
    happy = np.array(faces.classes)[faces.labels[rows]] == "happy"
    assert measured["accuracy"] == measured["own_crop"]["accuracy"] == pytest.approx(happy.mean())


def test_points_are_brought_back_into_the_faces_own_picture(stand_ins, monkeypatch, capsys):
    moved = np.array([[[2.0, 0.0, -7.0], [0.0, 2.0, 5.0]]] * 12)
    crops = np.zeros((12, 96, 96), np.uint8)
    answer = (np.ones(12, bool), crops, moved)
    monkeypatch.setattr(evaluate_chain, "find_in_photos", lambda *_: answer)
    result = evaluate_chain.evaluate_chain(models.load("keypoints"), "made", "test")
    there = MeanFace().predict(crops)
    assert np.allclose(result.predictions["keypoints"] * 2 + [-7, 5], there, atol=1e-4)
    assert result.result["metrics"]["own_crop"]["rmse_px"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["action-units"], "Only keypoints and emotions"),
        (["identity"], "identity goes without"),
        (["keypoints", "--jitter", "0.1"], "goes without --jitter"),
    ],
)
def test_what_cannot_be_measured_so_says_why(stand_ins, arguments, sentence, capsys):
    assert main(["evaluate", *arguments, "--in-photos"]) == 1
    assert sentence in capsys.readouterr().err


def test_pictures_without_a_face_are_one_sentence(stand_ins, monkeypatch, capsys):
    nothing = (np.zeros(12, bool), np.zeros((0, 48, 48), np.uint8), np.zeros((0, 2, 3)))
    monkeypatch.setattr(evaluate_chain, "find_in_photos", lambda *_: nothing)
    assert main(["evaluate", "emotion", "--in-photos"]) == 1
    assert "was a face found" in capsys.readouterr().err
