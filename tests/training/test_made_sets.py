"""Sets of made faces that training draws for itself: drawn once, and each as it was asked for."""

import numpy as np
import pytest

from helpers import settings
from helpers.data import load_people, load_set
from reading_faces.training import made_sets
from reading_faces.training.made_sets import people_source, save_set, training_set


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "CACHE", tmp_path)
    return tmp_path


def test_a_set_is_drawn_at_the_first_call_only(monkeypatch):
    first = training_set(2)
    monkeypatch.setattr(made_sets, "draw_set", lambda *_, **__: pytest.fail("drawn again"))
    assert training_set(2) == first and len(load_set(first)) == 2


def test_number_seed_pose_and_mixture_each_make_another_set():
    asked = ({}, {"seed": 2}, {"pose": "turned"}, {"mixed": True})
    assert len({load_set(training_set(1, **how)).files[0] for how in asked}) == 4
    assert len(load_set(training_set(2))) == 2
    assert load_set(training_set(1)).files[0] != load_set().files[0], "nobody who ships"


def test_a_set_that_is_cut_leaves_the_old_one(cache, monkeypatch):
    save_set({"kept": np.arange(3)}, cache / "new folder" / "set.npz")

    def stopped(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stopped)
    with pytest.raises(KeyboardInterrupt):
        save_set({"kept": np.arange(9)}, cache / "new folder" / "set.npz")
    with np.load(cache / "new folder" / "set.npz") as archive:
        assert archive["kept"].tolist() == [0, 1, 2]
    assert [path.name for path in (cache / "new folder").iterdir()] == ["set.npz"]


def test_of_many_made_people_there_are_fewer_photos_each(monkeypatch):
    monkeypatch.setattr(settings, "PROFILE", "lesson")
    monkeypatch.setattr(made_sets, "people_album", lambda *size: size)
    monkeypatch.setattr(made_sets, "album_folder", lambda size: size)
    assert people_source("made") == (12, 12) and people_source("made", many=True) == (60, 6)


def test_made_people_are_a_folder_and_any_other_source_is_itself(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    people = load_people(people_source("made"))
    assert len(people) == 16 and len(set(people.names)) == 4
    assert people_source("orl") == "orl"
