"""One command line by two names: help at once, wrong usage is exit code 2, results are whole."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reading_faces.__main__ import COMMANDS, build_parser, main
from reading_faces.commands import console
from reading_faces.outputs import ReplaceError

# Packages that take a moment to import; no help needs one of them.
HEAVY = {"cv2", "tensorflow", "keras", "numpy", "pandas", "PIL", "matplotlib", "sklearn", "gradio"}
HEAVY |= {"fsspec", "pyarrow", "ray"}
COUNT = """
import json, sys
from reading_faces.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code
loaded = {name.partition(".")[0] for name in sys.modules}
ours = [name for name in sys.modules if name.startswith(("helpers.", "reading_faces."))]
print(json.dumps([sorted(loaded), ours]), file=sys.stderr)
"""


@pytest.mark.parametrize("command", [None, *COMMANDS, "data make"])
def test_help_is_there_at_once(command):
    words = [*command.split(), "--help"] if command else ["--help"]
    fastest = 9.0
    for _ in range(5):  # another process may have had the processor
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", COUNT, *words], capture_output=True, text=True, check=True
        )
        fastest = min(fastest, time.perf_counter() - begun)
        if fastest < 0.3:
            break
    loaded, ours = json.loads(done.stderr)
    assert done.stdout.startswith("usage: ")
    assert not HEAVY & set(loaded)
    assert len(ours) <= 12, ours
    assert fastest < 0.3


def test_every_command_is_listed_with_what_it_does(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for name, what in COMMANDS.items():
        assert f"{name} {what}" in printed


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/x/reading_faces/__main__.py", "python -m reading_faces"),
        ("/x/bin/reading-faces", "reading-faces"),
        ("C/Scripts/reading-faces.exe", "reading-faces"),
    ],
)
def test_help_names_the_program_as_it_was_called(program, name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [program, "predict", "--help"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert capsys.readouterr().out.startswith(f"usage: {name} predict ")


def test_the_installed_script_is_this_command_line():
    script = os.path.join(os.path.dirname(sys.executable), "reading-faces")
    if not os.path.exists(script):
        pytest.skip("the package is not installed here")
    done = subprocess.run([script, "live", "--help"], capture_output=True, text=True, check=True)
    module = [sys.executable, "-m", "reading_faces", "live", "--help"]
    same = subprocess.run(module, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: reading-faces live ")
    assert same.stdout.startswith("usage: python -m reading_faces live ")
    assert done.stdout.split("\n\n")[1:] == same.stdout.split("\n\n")[1:]


@pytest.mark.parametrize("arguments", [[], ["dance"], ["predict"], ["predict", "x", "--dance"]])
def test_wrong_words_are_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("It is damaged."), 1, "Error: It is damaged.\n"),
        (OSError("It is locked."), 1, "Error: It is locked.\n"),
        (ReplaceError("--out x would replace it."), 2, "Error: --out x would replace it.\n"),
        (console.UsageError("--a goes without --b."), 2, "Error: --a goes without --b.\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
        (MemoryError(), 1, "Error: There is not enough memory.\n"),
        (ImportError("It lacks a package."), 1, "Error: It lacks a package.\n"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_a_code(error, code, said, monkeypatch, capsys):
    def fail(options):
        raise error

    monkeypatch.setattr("reading_faces.commands.predict.run", fail)
    assert main(["predict", "x"]) == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "x", "/a/b"), "Error: /a/b: There is no such file."),
        (OSError(28, "No space left on device"), "Error: The disk is full."),
        (MemoryError(), "Error: There is not enough memory."),
        (ValueError("One.\nTwo."), "Error: One.\nTwo."),
    ],
)
def test_a_failure_is_said_in_plain_words(error, said):
    assert console.sentence(error) == said


@pytest.mark.parametrize("text", ["x" * 5_000, "word " * 3_000, "x\n" * 200, "é" * 301])
def test_a_failure_fits_on_a_screen(text):
    lines = console.sentence(ValueError(f"First {text} last")).splitlines()
    assert lines[0].startswith("Error: First ") and len(lines) <= 6
    assert all(len(line) <= 300 for line in lines)
    assert "\n" in text or lines[-1].endswith(" last")


def run_as_program(setup: str, *words: str, **options) -> subprocess.CompletedProcess:
    code = f"import sys; from reading_faces import __main__\n{setup}\nsys.exit(__main__.main())"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_result_that_cannot_be_printed_is_an_error_of_every_command():
    with open("/dev/full", "w") as full:
        done = run_as_program("", "data", "list", stdout=full)
    assert (done.returncode, done.stderr) == (1, "Error: The disk is full.\n")


def test_whoever_has_read_enough_of_a_result_is_told_nothing():
    reading, writing = os.pipe()
    os.close(reading)
    done = run_as_program("", "data", "list", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_terminal_that_cannot_show_a_letter_shows_its_number(tmp_path):
    plain = os.environ | {"PYTHONIOENCODING": "ascii"}
    setup = "from reading_faces.commands import data; data.run_list = lambda _: print('é \\udce9')"
    done = run_as_program(setup, "data", "list", stdout=subprocess.PIPE, env=plain)
    assert (done.stdout, done.stderr) == ("é \\udce9\n", "")


def test_a_program_that_is_to_end_ends_as_by_hand(tmp_path):
    setup = """
import os, signal, time
from helpers.files import whole_file
from pathlib import Path
from reading_faces.commands import data
def work(options):
    with whole_file(Path(sys.argv[-1])) as part:
        part.write_text("half")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(9)
data.run_list = work
"""
    done = run_as_program(setup, "data", "list", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n") and not list(tmp_path.iterdir())


def test_a_folder_that_nothing_can_be_written_into_is_said_before_the_work(tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", dir)

    monkeypatch.setattr(console.tempfile, "TemporaryFile", refuse)
    with pytest.raises(ValueError, match="x cannot be written. There is no permission"):
        console.refuse_outputs([], out=tmp_path / "x")
    console.refuse_outputs([], out=Path(os.devnull))


def test_only_the_command_that_is_asked_for_takes_arguments():
    options = build_parser(["predict", "enroll"]).parse_args(["predict", "enroll"])
    assert options.paths == ["enroll"]


# What commands share.


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (console.whole(1, 1000), {"1": 1, "1000": 1000}, ["0", "1001", "-1", "1.5", "", "one"]),
        (console.between(-1, 1), {"-1": -1, "0.5": 0.5, "1": 1}, ["1.01", "nan", "-inf", "", "x"]),
    ],
)
def test_a_number_in_a_range(kind, good, bad):
    assert {text: kind(text) for text in good} == good
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match="is no "):
            kind(text)


def test_a_result_is_printed_with_its_command_as_json_or_as_lines(capsys):
    options = argparse.Namespace(command="python -m x", json=True)
    console.print_result({"n": 3, "metrics": {"rmse_px": 1.23456}}, options)
    printed = json.loads(capsys.readouterr().out)
    assert printed["metrics"] == {"rmse_px": 1.23456} and printed["command"] == "python -m x"
    console.print_result({"metrics": {"rmse_px": 1.23456}}, argparse.Namespace(command="", json=0))
    assert capsys.readouterr().out.startswith("metrics:\n  rmse_px: 1.2346\n")
    text = console.as_text({"none": None, "n": 3, "confusion": [[1, 20], [300, 4]]})
    head, *rows = text.splitlines()[1:]
    assert text.startswith("n: 3\n") and head == "confusion (rows: true, columns: predicted):"
    assert [row.split() for row in rows] == [["1", "20"], ["300", "4"]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_say_is_an_error_and_not_lost(value, capsys):
    options = argparse.Namespace(command="x", json=True)
    with pytest.raises(ValueError, match="JSON cannot say"):
        console.print_result({"metrics": {"accuracy": 0.75, "ece": value}}, options)
    out, err = capsys.readouterr()
    assert out == "" and "accuracy: 0.75" in err and f"ece: {value}" in err


def test_a_name_is_printed_on_one_line():
    assert console.printable("a\nb\udce9é") == "a\\nb\\udce9é"


@pytest.mark.parametrize(
    ("place", "said"), [("no/x", "Its folder does not exist"), (".", "a folder")]
)
def test_where_no_result_can_be_written_is_said_before_the_work(tmp_path, place, said):
    with pytest.raises(ValueError, match=f"cannot be written.*{said}"):
        console.refuse_outputs([], out=tmp_path / place)
    console.refuse_outputs([], out=tmp_path / "new", csv=None)
