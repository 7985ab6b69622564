"""What all sources share: the names of the course, records, and loaders that work anywhere."""

import subprocess
import sys

import numpy as np
import pytest

from helpers import settings
from helpers.data import (
    EMOTIONS,
    FIVE_CLASSES,
    KEYPOINT_NAMES,
    VOTES,
    DataError,
    KeypointData,
    load_keypoints,
)
from helpers.data.made import MadeSet, load_set
from helpers.data.sources import find_folder, locate
from reading_faces.made_faces import expression


def test_the_renderer_and_the_data_use_the_same_names():
    assert expression.EMOTIONS == EMOTIONS
    assert set(FIVE_CLASSES) < set(EMOTIONS) and set(EMOTIONS) < set(VOTES)


def faces(split) -> KeypointData:
    n = len(split)
    images = np.arange(n, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones(
        (1, 96, 96), np.uint8
    )
    keypoints = np.arange(n * 30, dtype=np.float32).reshape(n, 15, 2)
    return KeypointData(images, keypoints, np.array(split), source="ours")


def test_rows_stay_together_when_they_are_selected():
    data = faces(["train", "val", "train", "test"])
    chosen = data.select(np.array([3, 0]))
    assert len(data) == 4 and chosen.split.tolist() == ["test", "train"]
    assert chosen.images[:, 0, 0].tolist() == [3, 0]
    assert chosen.keypoints[:, 0, 0].tolist() == [90, 0] and chosen.source == "ours"
    assert data.select("train").images[:, 0, 0].tolist() == [0, 2]
    assert data.select(data.split == "val").subjects is None


def test_a_split_that_is_not_there_names_those_that_are():
    with pytest.raises(DataError, match="ours has no split 'valid'; it has: test, train"):
        faces(["train", "test"]).select("valid")


def test_half_of_the_made_faces_have_four_points_as_kaggles_do():
    points = np.isfinite(load_keypoints().keypoints).all(axis=2)
    marked = points.sum(axis=1)
    assert set(marked) == {4, 15} and 0.45 < (marked == 4).mean() < 0.55
    four = [KEYPOINT_NAMES[i] for i in np.flatnonzero(points[marked == 4][0])]
    assert four == ["left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip"]


def test_small_made_faces_are_the_large_ones_averaged():
    made = load_set()
    some = MadeSet(made.files[:8], *[None] * 11)
    blocks = some.images.reshape(8, 48, 2, 48, 2).astype(float).mean(axis=(2, 4))
    assert np.abs(some.small_images - blocks).max() <= 0.51


# No `if __name__ == "__main__"`: a process that it starts anew would begin here again.
SCRIPT = """
import sys
from multiprocessing import process
from types import SimpleNamespace
import numpy as np
from helpers import data, settings

def refuse(self):
    sys.exit("a process was started")

process.BaseProcess.start = refuse
drawn = ((f"person-{n % 3}/{n}.png", np.zeros((8, 8), np.uint8)) for n in range(99))
album = data.album_folder(SimpleNamespace(name="a", total=99, pages=drawn))
loaded = [data.load_keypoints(), data.load_emotions(), data.load_set()]
loaded.append(data.load_people(album))
print(*map(len, loaded))
"""


def test_no_loader_starts_a_process(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={"COURSE_CACHE": str(tmp_path / "cache"), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "99" and len(set(done.stdout.split()[:3])) == 1


def test_what_is_named_by_a_path_is_looked_for_here_then_among_the_sets_then_in_what_ships(
    monkeypatch, tmp_path
):
    here, sets, shipped = (tmp_path / name for name in ("here", "sets", "shipped"))
    for place in (here, sets, shipped):
        (place / "photos").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("COURSE_DATA", str(sets))
    monkeypatch.setattr(settings, "SHIPPED", shipped)
    assert locate("photos").resolve() == here / "photos"
    for found in (sets, shipped):
        (tmp_path / "here" / "photos").rename(tmp_path / "gone") if found == sets else None
        assert locate("photos") == found / "photos"
        (found / "photos").rmdir()
    with pytest.raises(DataError, match="photos is no file or folder here"):
        locate("photos")


def test_a_known_set_is_taken_from_the_first_folder_that_holds_anything_of_it(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "mine"))
    monkeypatch.setattr(settings, "SHIPPED", tmp_path / "data")
    mine, raw = tmp_path / "mine" / "orl", tmp_path / "data" / "raw" / "orl"
    for folder in (mine, raw):
        folder.mkdir(parents=True)
    assert find_folder("orl") is None
    (raw / "s1").mkdir()
    assert find_folder("orl") == locate("orl") == raw
    (mine / "s1").mkdir()
    assert locate("orl", "names", "orl") == mine
