"""`data make` and `data realism`: a whole file or none, and a table that says what was measured."""

import json
import subprocess
import sys

import numpy as np
import pytest
from data_samples import files_under, real

from helpers.data import load_emotions, load_keypoints
from helpers.data.made import load_set
from reading_faces.__main__ import main
from reading_faces.commands.data import POSES, SHIPPED_FACES, as_line
from reading_faces.made_faces import scenes, sets
from reading_faces.training import realism
from reading_faces.training.realism import Measure, compare_coordinates, nearest_face


def make(*arguments) -> int:
    return main(["data", "make", *map(str, arguments)])


# data make


def test_a_set_is_written_and_its_path_printed(tmp_path, capsys):
    path = tmp_path / "new folder" / "X.npz"
    assert make("--n", 8, "--out", path) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert files_under(tmp_path) == {"new folder/X.npz"}
    assert len(load_keypoints(path)) == len(load_emotions(path)) == 8


def test_the_command_draws_what_the_function_draws(tmp_path):
    path = tmp_path / "X.npz"
    assert make("--n", 3, "--seed", 4, "--pose", "kaggle", "--out", path) == 0
    with np.load(path) as drawn:
        expected = sets.make_set(3, seed=4, pose="kaggle")
        np.testing.assert_array_equal(drawn["jpeg"], expected["jpeg"])
        np.testing.assert_array_equal(drawn["keypoints"], expected["keypoints"])
    assert len(load_set(path)) == 3


def test_the_parser_knows_the_renderer_without_loading_it():
    assert tuple(scenes.POSES) == POSES and sets.SHIPPED_FACES == SHIPPED_FACES
    code = (
        "import sys; from reading_faces.__main__ import build_parser; build_parser(['data']);"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"cv2", "tensorflow", "keras", "pandas", "numpy"}.isdisjoint(loaded.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--n", "0"], "'0' is no whole number from 1"),
        (["--n", "-3"], "--n"),
        (["--n", "many"], "'many' is no whole number"),
        (["--n", "1.5"], "'1.5' is no whole number"),
        (["--n", "9" * 30], "is no whole number"),
        (["--seed", "-1"], "--seed"),
        (["--pose", "upside-down"], "upside-down"),
        (["--processes", "0"], "'0' is no whole number"),
    ],
)
def test_wrong_arguments_are_a_usage_error_that_quotes_them(tmp_path, capsys, arguments, words):
    with pytest.raises(SystemExit) as stopped:
        make("--out", tmp_path / "new" / "X.npz", *arguments)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def said(capsys) -> str:
    """Return the one line that a failed command wrote, with nothing on standard output."""
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("Error: ")]
    return line


@pytest.fixture
def undrawn(monkeypatch):
    """Fail where a face is drawn: what is wrong should be said before."""
    monkeypatch.setattr(sets, "take_portrait", lambda scene: pytest.fail("drawn"))


@pytest.mark.parametrize("name", ["X.csv", "X", "X.npz.zip"])
def test_a_file_that_does_not_end_in_npz_is_refused_before_anything_is_drawn(
    tmp_path, capsys, undrawn, name
):
    assert make("--n", 8, "--out", tmp_path / "new" / name) == 1
    assert f"{name} is no name for the set" in said(capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_refused_before_anything_is_drawn(
    tmp_path, capsys, undrawn
):
    (tmp_path / "X.npz").mkdir()
    assert make("--n", 8, "--out", tmp_path / "X.npz") == 1
    assert "X.npz" in said(capsys)
    assert files_under(tmp_path) == set()


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, capsys, undrawn):
    (tmp_path / "file").write_text("mine")
    assert make("--n", 8, "--out", tmp_path / "file" / "X.npz") == 1
    assert "file" in said(capsys)
    assert (tmp_path / "file").read_text() == "mine"


def test_ctrl_c_leaves_no_part_of_a_file(tmp_path, capsys, monkeypatch):
    drawn, take_portrait = [], sets.take_portrait

    def take_two(scene):
        if len(drawn) == 2:
            raise KeyboardInterrupt
        drawn.append(scene)
        return take_portrait(scene)

    monkeypatch.setattr(sets, "take_portrait", take_two)
    assert make("--n", 8, "--out", tmp_path / "X.npz") == 130
    assert "Stopped." in capsys.readouterr().err
    assert files_under(tmp_path) == set()


def test_ctrl_c_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "X.npz").write_text("the old one")

    def stopped(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stopped)
    assert make("--n", 2, "--out", tmp_path / "X.npz") == 130
    assert files_under(tmp_path) == {"X.npz"}
    assert (tmp_path / "X.npz").read_text() == "the old one"


def test_a_damaged_set_fails_a_command_with_one_sentence(tmp_path, capsys):
    path = tmp_path / "X.npz"
    assert make("--n", 2, "--out", path) == 0
    path.write_bytes(path.read_bytes()[:-40])
    capsys.readouterr()
    assert main(["data", "review", str(path)]) == 1
    assert str(path) in said(capsys)


# data realism


@pytest.mark.parametrize(
    ("value", "wanted", "at_least", "reached"),
    [
        (0.96, 0.95, True, True),
        (0.95, 0.95, True, True),
        (0.94, 0.95, True, False),
        (1.9, 2.0, False, True),
        (2.0, 2.0, False, True),
        (2.1, 2.0, False, False),
        (None, 2.0, False, None),
        (0.5, None, True, None),
        (0.0, 0.1, True, False),
    ],
)
def test_a_measure_knows_whether_it_is_reached(value, wanted, at_least, reached):
    assert Measure("any", value, wanted, at_least, 10).reached is reached


@pytest.mark.parametrize(
    ("measure", "line"),
    [
        (
            Measure("found", 0.9625, 0.95, True, 1200),
            "yes         0.963  ≥ 0.95  found (1,200 faces)",
        ),
        (Measure("off, px", 2.5, 2.0, False, 30), "NO          2.500  ≤ 2     off, px (30 faces)"),
        (Measure("told", 0.5, None, True, 7), "            0.500          told (7 faces)"),
        (Measure("absent", None, 0.9, True, 0), "     not measured  ≥ 0.9   absent"),
    ],
)
def test_a_measure_is_one_line_of_the_table(measure, line):
    assert as_line(measure) == line


def test_a_note_is_a_line_of_its_own_below_the_name():
    first, second = as_line(Measure("found", 0.9, 0.95, True, 5, "on a Sunday")).split("\n")
    assert second.strip() == "on a Sunday"
    assert second.index("on") == first.index("found")


def test_without_real_data_measures_say_why_they_have_no_value(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr("helpers.settings.SHIPPED", tmp_path)
    measures = list(compare_coordinates(50))
    assert len(measures) == 2
    for measure in measures:
        assert measure.value is None and measure.reached is None and measure.n == 0
        assert "facial-keypoints" in measure.note


def test_coordinates_that_differ_are_measured_as_such(monkeypatch):
    made = np.stack([realism.draw_labels(number) for number in range(40)])
    monkeypatch.setattr(realism, "kaggle_coordinates", lambda: made * 2 + 5)
    shift, spread = compare_coordinates(40)
    assert shift.value == pytest.approx((made.mean(axis=0) + 5).max(), rel=1e-6)
    assert spread.value == pytest.approx(0.5, rel=1e-6)
    assert shift.reached is False and spread.reached is False


class Found:
    def __init__(self, *box):
        self.box = box


def test_a_found_face_is_the_made_one_if_it_holds_the_nose():
    keypoints = np.full((15, 2), 50.0)
    near, far, wide = Found(40, 40, 20, 20), Found(60, 60, 20, 20), Found(0, 30, 60, 60)
    assert nearest_face([far, wide, near], keypoints) is near
    assert nearest_face([far], keypoints) is None
    assert nearest_face([], keypoints) is None


def test_the_table_can_be_had_as_json(capsys, monkeypatch):
    rows = [Measure("found", 0.9, 0.95, True, 5), Measure("absent", None, 0.9, True, 0, "no data")]
    monkeypatch.setattr(realism, "measure_realism", lambda n: iter(rows[: n // 50]))
    assert main(["data", "realism", "--n", "100", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in result["measures"]] == ["found", "absent"]
    assert [row["reached"] for row in result["measures"]] == [False, None]
    assert result["command"] == "python -m reading_faces data realism --n 100 --json"


def test_the_table_is_printed_line_by_line(capsys, monkeypatch):
    rows = [Measure("found", 0.97, 0.95, True, 5), Measure("told", 0.5, None, True, 7)]
    monkeypatch.setattr(realism, "measure_realism", lambda n: iter(rows))
    assert main(["data", "realism"]) == 0
    assert capsys.readouterr().out.splitlines() == [as_line(row) for row in rows]


def test_made_people_are_found_by_a_face_detector():
    measures = {m.name: m for m in realism.compare_detectors(12)}
    mtcnn = measures["MTCNN finds the face, confidence above 0.9"]
    assert mtcnn.value >= 0.75
    assert mtcnn.n == 12


@real("facial-keypoints")
def test_made_keypoints_lie_and_vary_as_real_ones_do():
    shift, spread = compare_coordinates(2000)
    assert shift.value < 2.0 and shift.reached
    assert spread.value < 0.35 and spread.reached
