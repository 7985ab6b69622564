"""`data make`: a whole file or none."""

import subprocess
import sys

import numpy as np
import pytest
from data_samples import files_under

from helpers.data import load_emotions, load_keypoints
from helpers.data.made import load_set
from reading_faces.__main__ import main
from reading_faces.commands.data import POSES
from reading_faces.made_faces import scenes, sets


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
        expected = sets.collect(sets.draw_set(3, seed=4, pose="kaggle"))
        np.testing.assert_array_equal(drawn["jpeg"], expected["jpeg"])
        np.testing.assert_array_equal(drawn["keypoints"], expected["keypoints"])
    assert len(load_set(path)) == 3


def test_the_parser_knows_the_renderer_without_loading_it():
    assert tuple(scenes.POSES) == POSES
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
    assert f"{name} is no name for arrays" in said(capsys)
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
