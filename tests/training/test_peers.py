"""Other programs are measured on the same faces, or it is said how to get them."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.data import KeypointData
from reading_faces.__main__ import main
from reading_faces.training import definitions, peers


def test_a_program_that_is_not_installed_is_said_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(peers, "_NEEDED", ("no_such_program",))
    assert main(["study", "peers"]) == 1
    said = capsys.readouterr().err
    assert "no_such_program must be installed" in said and "peers.txt" in said


@pytest.mark.parametrize("arguments", [["peers", "--out", "somewhere"], ["depth"]])
def test_only_what_is_trained_has_a_folder_for_its_weights(arguments, capsys):
    assert main(["study", *arguments]) == 2
    assert "--out" in capsys.readouterr().err


def test_a_program_is_measured_where_it_finds_a_face_with_its_own_definition(monkeypatch):
    true = np.random.default_rng(0).uniform(10, 90, (6, 15, 2))
    true[:, 0], true[:, 1] = (66, 38), (30, 38)
    images = 40 * np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((1, 96, 96), np.uint8)
    split = np.array(["train", *["test"] * 5])
    faces = KeypointData(images, true, split, source="here")
    offsets = np.zeros((15, 2))
    offsets[13] = 0, 0.2

    def mark(picture):
        """See which face it is by its brightness, and find none in the last."""
        assert picture.shape == (640, 640, 3)
        face = picture[0, 0, 0] // 40
        moved = definitions.add_offsets(true[[face]], -offsets, true[[face]])[0]
        return None if face == 5 else 4 * (moved + 32.5)[::-1] - 0.5

    monkeypatch.setattr(peers, "_NEEDED", ())
    monkeypatch.setattr(peers, "load_keypoints", lambda source: faces)
    monkeypatch.setattr(peers, "PROGRAMS", {"seer": lambda: (mark, [[14 - i] for i in range(15)])})
    found = peers.compare("here")
    (row,) = found["variants"]
    assert (found["n"], row["name"], row["found"]) == (5, "seer", 0.8)
    assert row["metrics"]["mean_error_interocular"] == pytest.approx(0.2 / 15, abs=1e-5)
    assert row["metrics"]["offset_removed"] == pytest.approx(0, abs=1e-5)


def test_the_points_of_a_face_mesh_are_shares_of_width_and_height(monkeypatch):
    faces = [SimpleNamespace(landmark=[SimpleNamespace(x=0.25, y=0.5)])]

    class FaceMesh:
        def __init__(self, **how):
            pass

        def process(self, picture):
            return SimpleNamespace(multi_face_landmarks=faces if picture.any() else None)

    solutions = SimpleNamespace(face_mesh=SimpleNamespace(FaceMesh=FaceMesh))
    monkeypatch.setitem(sys.modules, "mediapipe", SimpleNamespace(solutions=solutions))
    mark, parts = peers.face_mesh()
    np.testing.assert_array_equal(mark(np.ones((100, 200, 3), np.uint8)), [[49.5, 49.5]])
    assert mark(np.zeros((100, 200, 3), np.uint8)) is None and len(parts) == 15


def test_dlib_marks_the_largest_face_it_finds_or_the_usual_box(monkeypatch):
    def box(left, top, right, bottom):
        area = (right - left) * (bottom - top)
        return SimpleNamespace(x=left, y=top, area=lambda: area)

    found = [box(0, 0, 9, 9), box(10, 20, 90, 80), box(1, 1, 30, 30)]
    dlib = SimpleNamespace(
        rectangle=box,
        get_frontal_face_detector=lambda: lambda picture: found if picture.any() else [],
        shape_predictor=lambda path: lambda picture, face: SimpleNamespace(parts=lambda: [face]),
    )
    monkeypatch.setitem(sys.modules, "dlib", dlib)
    monkeypatch.setattr(peers, "dlib_model", str)
    mark, parts = peers.dlib_68()
    assert mark(np.ones((9, 9, 3))).tolist() == [[10, 20]] and len(parts) == 15
    assert mark(np.zeros((9, 9, 3))).tolist() == [[164, 198]], "where most faces are"
