"""Other programs are measured on the same faces, or it is said how to get them."""

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
