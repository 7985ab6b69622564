"""A face that a detector has found is read where it lies, and held against its own labels."""

import json

import cv2
import numpy as np
import pytest
from faces import MeanFace, portrait, stand_ins

from helpers.data import EMOTIONS, load_emotions, load_keypoints
from helpers.detect import DetectedFace
from reading_faces.__main__ import main
from reading_faces.training import measure, storage
from reading_faces.training.measure import evaluate_in_photos


@pytest.fixture(autouse=True)
def few_faces(monkeypatch):
    """Let models that always say the same read a dozen faces."""
    load = stand_ins()
    monkeypatch.setattr(storage, "load", lambda weights: load[weights.name.partition(".")[0]])
    monkeypatch.setattr(measure, "MOST_FACES", 12)


def grey_portrait(size: int = 96) -> np.ndarray:
    return np.array(portrait().convert("L").crop((46, 26, 166, 146)).resize((size, size)))


def test_the_matrix_leads_to_where_the_face_was_put():
    image = np.zeros((49, 49), np.uint8)
    image[10, 30] = 255
    for seed in range(5):
        photo, matrix = measure.put_into_photo(image, np.random.default_rng(seed))
        weight = photo.astype(float) * (photo > 60)
        y, x = (np.indices(photo.shape) * weight).sum(axis=(1, 2)) / weight.sum()
        assert np.allclose(matrix @ [30, 10, 1], [x, y], atol=0.3)


def test_a_face_is_found_and_cut_and_a_wall_is_not():
    pictures = np.stack([grey_portrait(), np.full((96, 96), 90, np.uint8), grey_portrait()])
    found, crops, matrices = measure.find_in_photos(pictures, 96, "keypoints", "haar")
    assert found.tolist() == [True, False, True]
    assert crops.shape == (2, 96, 96)
    # Both ways into the crop show the same: by the larger picture, and straight by the matrix.
    for crop, matrix in zip(crops, matrices, strict=True):
        straight = cv2.warpAffine(pictures[0], matrix, (96, 96))
        assert np.corrcoef(straight[20:80, 20:80].ravel(), crop[20:80, 20:80].ravel())[0, 1] > 0.97


@pytest.mark.parametrize("way", [(-1, 0), (0, -1), (1, 0), (0, 1)])
def test_a_box_beside_the_face_is_not_that_face(way, monkeypatch):
    """Of two boxes the one that holds the face's middle is cut out, and without it none."""
    image = np.zeros((96, 96), np.uint8)
    image[:, ::2] = 250

    def beside(photo, detector):
        y, x = np.nonzero(np.abs(photo[..., 0].astype(int) - 125) > 9)
        corner, side = np.array([x.min(), y.min()]), np.ptp(x)
        boxes = [(*(corner + side * np.array(way)), side, side), (*corner, side, side)]
        return [DetectedFace(box, 0.9, None, box) for box in boxes[: detected.pop(0)]]

    monkeypatch.setattr(measure.detect, "detect_faces", beside)
    detected = [2, 1]
    found, crops, _ = measure.find_in_photos(np.stack([image] * 2), 96, "emotion", "haar")
    assert found.tolist() == [True, False] and len(crops) == 1
    assert crops[0][40:56, 40:56].std() > 20  # stripes, and not the plain grey beside them


def test_what_the_chain_loses_is_measured_on_the_faces_it_found(tmp_path, capsys):
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


def find_every_second(images, *_):
    """Stand in for the detector: it finds every second face, and cuts it out as it was."""
    found = np.arange(len(images)) % 2 == 1
    return found, images[found], np.repeat(np.eye(2, 3)[np.newaxis], found.sum(), axis=0)


def test_points_are_brought_back_into_the_faces_own_picture(monkeypatch):
    moved = np.array([[[2.0, 0.0, -7.0], [0.0, 2.0, 5.0]]] * 12)
    crops = np.zeros((12, 96, 96), np.uint8)
    answer = (np.ones(12, bool), crops, moved)
    monkeypatch.setattr(measure, "find_in_photos", lambda *_: answer)
    result = evaluate_in_photos(MeanFace(), "made", "test", False, "mtcnn")
    there = MeanFace().predict(crops)
    assert np.allclose(result.predictions["keypoints"] * 2 + [-7, 5], there, atol=1e-4)
    faces = load_keypoints("made").select("test")
    gaps = result.predictions["keypoints"] - faces.keypoints[result.predictions["rows"]]
    measured = result.result["metrics"]
    assert measured["rmse_px"] == pytest.approx(np.sqrt(np.nanmean(gaps**2)), rel=1e-4)
    assert measured["own_crop"]["rmse_px"] != measured["rmse_px"]


@pytest.mark.parametrize("task", ["keypoints", "emotion"])
def test_each_face_found_meets_its_own_label(task, monkeypatch):
    """A model that knows every answer by the picture errs nowhere, in the crop and without it."""
    load = {"keypoints": load_keypoints, "emotion": load_emotions}[task]
    faces = load("made").select("test")
    labels = faces.keypoints if task == "keypoints" else np.eye(7)[faces.labels]
    known = {image.tobytes(): label for image, label in zip(faces.images, labels, strict=True)}

    class Knowing:
        card = {"task": task, "classes": EMOTIONS}
        input_size = faces.images.shape[1]

        def predict(self, images, mirrored=False):
            return np.nan_to_num(np.stack([known[image.tobytes()] for image in images]))

    monkeypatch.setattr(measure, "find_in_photos", find_every_second)
    found = evaluate_in_photos(Knowing(), "made", "test", False, "mtcnn")
    measured = found.result["metrics"]
    assert (found.result["n"], measured["found"], measured["searched"]) == (6, 0.5, 12)
    name, best = {"keypoints": ("rmse_px", 0), "emotion": ("accuracy", 1)}[task]
    assert measured[name] == measured["own_crop"][name] == best


def test_the_mirrored_look_is_asked_of_the_model_both_times(monkeypatch):
    asked = []

    class Remembering(MeanFace):
        def predict(self, images, mirrored=False):
            asked.append(mirrored)
            return super().predict(images, mirrored)

    monkeypatch.setattr(measure, "find_in_photos", find_every_second)
    assert evaluate_in_photos(Remembering(), "made", "test", True, "mtcnn").result["tta"]
    assert evaluate_in_photos(Remembering(), "made", "test", False, "mtcnn").result["tta"] is None
    assert asked == [True, True, False, False]


def test_the_crop_is_held_against_the_picture_as_the_data_set_has_it(monkeypatch):
    seen = []

    class Remembering(MeanFace):
        def predict(self, images, mirrored=False):
            seen.append(images)
            return super().predict(images, mirrored)

    black = (np.ones(12, bool), np.zeros((12, 96, 96), np.uint8), np.stack([np.eye(2, 3)] * 12))
    monkeypatch.setattr(measure, "find_in_photos", lambda *_: black)
    rows = evaluate_in_photos(Remembering(), "made", "test", False, "mtcnn").predictions["rows"]
    assert not seen[0].any()
    assert (seen[1] == load_keypoints("made").select("test").images[rows]).all()


def test_pictures_without_a_face_are_one_sentence(monkeypatch, capsys):
    nothing = (np.zeros(12, bool), np.zeros((0, 48, 48), np.uint8), np.zeros((0, 2, 3)))
    monkeypatch.setattr(measure, "find_in_photos", lambda *_: nothing)
    assert main(["evaluate", "emotion", "--in-photos"]) == 1
    assert "was a face found" in capsys.readouterr().err


def test_faces_of_classes_that_the_model_does_not_know_are_counted(monkeypatch):
    class KnowsTwo:
        card, input_size = {"task": "emotion", "classes": EMOTIONS[:2]}, 48

        def predict(self, images, mirrored=False):
            return np.full((len(images), 2), 0.5)

    monkeypatch.setattr(measure, "find_in_photos", find_every_second)
    result = evaluate_in_photos(KnowsTwo(), "made", "test", False, "mtcnn").result
    labels = load_emotions("made").select("test").labels
    assert result["left_out"]["n"] == (labels > 1).sum() > 0
