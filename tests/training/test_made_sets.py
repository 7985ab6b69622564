"""Sets of made faces as files: stored whole or not at all, drawn once."""

import numpy as np
import pytest
from data_samples import files_under
from made_sets import first_rows

from helpers import settings
from helpers.data.made import load_set
from reading_faces.made_faces import make_set
from reading_faces.training import made_sets


def test_a_set_is_stored_in_a_folder_that_is_made_for_it(tmp_path):
    arrays, path = first_rows(3), tmp_path / "new" / "faces.npz"
    made_sets.save_set(arrays, path)
    with np.load(path) as stored:
        for name, values in arrays.items():
            np.testing.assert_array_equal(stored[name], values)
    assert files_under(path.parent) == {"faces.npz"}


def test_a_set_that_cannot_be_stored_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "faces.npz"
    path.write_text("the old one")

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        made_sets.save_set(first_rows(3), path)
    assert path.read_text() == "the old one"
    assert files_under(tmp_path) == {"faces.npz"}


def test_a_training_set_is_drawn_once_turned_as_asked_and_of_other_people(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path)
    faces = made_sets.training_set(4, pose="turned")
    assert faces.subjects.tolist() == ["made1-0000"] * 4
    assert set(load_set().subjects).isdisjoint(faces.subjects)
    np.testing.assert_array_equal(faces.pose, make_set(4, seed=1, pose="turned")["pose"])
    monkeypatch.setattr(made_sets, "draw_set", None)  # from now on nothing can be drawn
    again = made_sets.training_set(4, pose="turned")
    np.testing.assert_array_equal(again.images, faces.images)
