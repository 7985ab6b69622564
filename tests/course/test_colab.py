"""In Colab a lesson's first cell fetches the course, or says in a sentence that it cannot."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import lesson_rules
import pytest
import yaml

from notebooks import build

(SETUP,) = (
    cell.source
    for cell in lesson_rules.code_cells(build.read_source(build.sources()[0]))
    if "setup" in lesson_rules.tags(cell)
)
# As in Colab, the course is not there yet.
NOT_THERE = "import importlib.util; importlib.util.find_spec = lambda name: None\n"


def set_up(url: str | Path, folder: Path) -> subprocess.CompletedProcess:
    """Run the cell where pip puts packages into a folder and reaches no index."""
    (folder / "packages").mkdir()
    environment = {
        **os.environ,
        "COURSE_URL": str(url),
        "PIP_TARGET": str(folder / "packages"),
        "PYTHONPATH": str(folder / "packages"),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    command = [sys.executable, "-c", f"{NOT_THERE}{SETUP}\nprint(_.__file__)"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def wheel(folder: Path) -> Path:
    """Write a wheel of the course that holds next to nothing."""
    path = folder / "reading_faces-9.9-py3-none-any.whl"
    info = "reading_faces-9.9.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("helpers/__init__.py", "")
        file.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: reading-faces\nVersion: 9.9\n"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return path


def test_a_lesson_is_set_up_from_a_wheel(tmp_path):
    run = set_up(wheel(tmp_path), tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip() == str(tmp_path / "packages" / "helpers" / "__init__.py")


@pytest.mark.parametrize("tag", ["", "@v9.9"], ids=["no such address", "no such tag"])
def test_where_the_course_is_not_one_sentence_says_so(tag, tmp_path):
    if tag:
        subprocess.run(["git", "init", "--quiet", str(tmp_path / "course")], check=True)
    url = f"git+file://{tmp_path}/course{tag}"
    run = set_up(url, tmp_path)
    sentence = f"pip could not install the course from {url}; check the address and the network.\n"
    assert (run.returncode, run.stdout, run.stderr) == (1, "", sentence)


def test_the_lessons_that_are_tried_among_colabs_packages_exist():
    makefile = (build.ROOT / "Makefile").read_text(encoding="utf-8")
    tried = re.search(r"^COLAB_LESSONS := (.+)$", makefile, re.M)[1].split()
    assert tried == ["00", "03", "06", "07"]
    assert {*tried} <= {path.stem[:2] for path in build.sources()}
    jobs = yaml.safe_load((build.ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    assert all(number in jobs["colab"]["name"] for number in tried)
    assert jobs["colab"]["steps"][-1]["run"].startswith("make colab ")
