"""The tool that derives notebooks, pages and assignments, on a lesson of a few lines."""

import copy
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import build
from notebooks.conftest import NUMERIC

LESSONS = build.sources()
LITTLE = '''
# %% [markdown]
# # 9 · A little lesson

# %% tags=["showed"]
from reading_faces.exercises import verdict as check

print("Two and two is", 2 + 2)

# %% [markdown] exercise="double"
# Write `double`.

# %% exercise="double" part="solution"
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    if x < 5 & 7:
        return x + x

    return 2 * x
    ### END SOLUTION


# %% exercise="double" part="checker"
print(double(1))

# %% exercise="double" part="hidden"
assert double(4) == 8
'''


@pytest.fixture
def little(tmp_path) -> NotebookNode:
    path = tmp_path / "99_little.py"
    path.write_text(LITTLE.lstrip())
    return build.read_source(path)


@pytest.fixture(scope="module")
def little_run(tmp_path_factory) -> NotebookNode:
    path = tmp_path_factory.mktemp("little") / "99_little.py"
    path.write_text(LITTLE.lstrip())
    return build.execute(build.published(build.read_source(path)))


def test_the_stub_comes_before_the_folded_solution_and_the_hidden_test_is_gone(little):
    nb = build.published(little)
    parts = [cell.metadata.get("part") for cell in nb.cells if "exercise" in cell.metadata]
    assert parts == [None, "stub", "checker", "solution"]
    stub, solution = (c for c in nb.cells if c.metadata.get("part") in ("stub", "solution"))
    assert stub.source.endswith(f'    """Return twice x."""\n    {build.STUB}')
    assert "2 * x" not in stub.source
    assert "\n@check.unless_yours\ndef double(x):\n" in solution.source
    assert "###" not in solution.source
    assert solution.metadata["jupyter"] == {"source_hidden": True}
    assert solution.metadata["cellView"] == "form"


OTHER_KINDS = """
# %% [markdown] exercise="rate" kind="experiment"
# Try rates.

# %% exercise="rate" kind="experiment" part="solution"
RESULTS = {}  # rate: loss
### BEGIN SOLUTION
for rate in (0.1, 0.01):

    RESULTS[rate] = train_long(rate)
### END SOLUTION

# %% exercise="rate" kind="experiment" part="checker"
print(RESULTS)

# %% [markdown] exercise="questions" kind="quiz"
# 1. Why? A) So. B) Not so.

# %% exercise="questions" kind="quiz" part="solution"
ANSWERS = {1: ...}  # letters in quotes
### BEGIN SOLUTION
ANSWERS = {1: "B"}
### END SOLUTION

# %% exercise="questions" kind="quiz" part="checker"
print(ANSWERS)
"""


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> NotebookNode:
    path = tmp_path_factory.mktemp("others") / "99_others.py"
    path.write_text("# %% [markdown]\n# # 9 · Others\n" + OTHER_KINDS)
    return build.read_source(path)


def test_an_experiments_answer_is_a_folded_text_and_a_quizs_is_nowhere(others):
    nb = build.published(others)
    parts = [(c.metadata.exercise, c.metadata.get("part")) for c in nb.cells[1:]]
    assert parts == [
        *(("rate", part) for part in (None, "stub", "checker", "reference")),
        *(("questions", part) for part in (None, "stub", "checker")),
    ]
    stubs = [cell.source for cell in nb.cells if cell.metadata.get("part") == "stub"]
    assert stubs == ["RESULTS = {}  # rate: loss", "ANSWERS = {1: ...}  # letters in quotes"]
    reference = nb.cells[4]
    assert reference.cell_type == "markdown"
    assert reference.source.startswith("<details><summary>One way to do it</summary><pre>RESULTS")
    assert "0.01):&#10;&#10;    RESULTS[rate] = train_long(rate)</pre>" in reference.source
    assert '"B"' not in "".join(cell.source for cell in nb.cells)


def test_all_cells_run_although_experiments_were_not_made(others):
    nb = build.execute(build.published(others))
    assert [out.text for c in nb.cells for out in c.get("outputs", [])] == [
        "{}\n",
        "{1: Ellipsis}\n",
    ]
    page = build.page(nb, "others")
    inside = re.search(r"<summary>One way to do it</summary>(.*?)</details>", page, re.S)[1]
    assert "0.01):\n\n    RESULTS[rate] = train_long(rate)</pre>" in inside


def test_an_assignment_grades_by_the_checker_what_has_no_hidden_test(others):
    cells = [cell for cell in build.assignment(others).cells if "nbgrader" in cell.metadata]
    found = [(c.metadata.nbgrader.grade_id, c.metadata.nbgrader.get("points")) for c in cells]
    assert found == [
        *(("rate-solution", None), ("rate-checker", 50)),
        *(("questions-solution", None), ("questions-checker", 50)),
    ]


def test_an_edit_changes_the_id_of_its_own_cell_alone(little):
    before = [cell.id for cell in build.published(little).cells]
    little.cells[1].source += "  # edited"
    after = [cell.id for cell in build.published(build.with_stable_ids(little)).cells]
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_the_same_source_gives_the_same_notebook_byte_for_byte(little, little_run):
    assert nbformat.writes(build.execute(build.published(little))) == nbformat.writes(little_run)


def test_the_page_folds_the_solution_in_one_piece_and_keeps_the_result(little_run):
    page = build.page(little_run, "little")
    folded = re.search(
        r"<details><summary>Solution</summary><pre>(.*?)</pre></details>", page, re.S
    )
    assert "if x &lt; 5 &amp; 7:\n        return x + x\n\n    return 2 * x" in folded[1]
    assert "Two and two is 4" in page


def test_the_course_table_says_what_each_lesson_showed(tmp_path, monkeypatch, capsys):
    good, bad = tmp_path / "98_good.py", tmp_path / "99_bad.py"
    good.write_text(LITTLE.lstrip())
    bad.write_text("# %% [markdown]\n# # 10 · Broken\n\n# %%\n1 / 0\n")
    monkeypatch.setattr(build, "BUILD", tmp_path / "build")
    assert build.build_course([good, bad]) == 1
    table = capsys.readouterr().out.partition("what it showed")[2]
    assert re.search(r"98_good +\d+  Two and two is 4", table)
    assert re.search(r"99_bad +\d+  FAILED: ZeroDivisionError", table)
    assert (tmp_path / "build" / "course" / "98_good.html").exists()


def test_links_out_of_the_lessons_lead_to_the_same_files_from_the_course():
    text = "[box](../docs/glossary.md#box), [lesson 1](01_x.ipynb), ![a map](pictures/map.svg)"
    moved = build.moved_to(new_notebook(cells=[new_markdown_cell(text)]), build.BUILD / "course")
    assert moved.cells[0].source == text.replace("../docs", "../../docs")


def test_a_lesson_that_fails_keeps_no_other_from_being_built_and_fails_the_build(
    tmp_path, monkeypatch, capsys
):
    def execute(nb):
        if "1 / 0" in nb.cells[-1].source:
            raise DeadKernelError("Kernel died")
        return nb

    paths = [tmp_path / "97_good.py", tmp_path / "98_bad.py", tmp_path / "99_good.py"]
    for path in paths:
        path.write_text(LITTLE.lstrip() + ("\n# %%\n1 / 0\n" if "bad" in path.stem else ""))
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(build, "execute", execute)
    for name in ("COURSE_PROFILE", "COURSE_DATA"):  # the build sets them, and they are put back
        monkeypatch.setenv(name, "full")
    assert build.build_notebooks(paths) == 1
    assert {path.name for path in tmp_path.glob("*.ipynb")} == {"97_good.ipynb", "99_good.ipynb"}
    assert "[2/3] 9 · A little lesson … FAILED" in capsys.readouterr().out
    assert build.build_notebooks([paths[0], paths[2]]) == 0


def test_an_assignment_has_the_lessons_pictures_beside_it(tmp_path, monkeypatch, capsys):
    path = tmp_path / "99_little.py"
    path.write_text(LITTLE.lstrip())
    monkeypatch.setattr(build, "BUILD", tmp_path / "build")
    assert build.build_assignments([path]) == 0
    assert "99_little: 1 exercises, 100 points" in capsys.readouterr().out
    folder = tmp_path / "build" / "assignments" / "source" / "99_little"
    assert (folder / "99_little.ipynb").exists()
    beside, there = (
        {file.name for file in (place / "pictures").iterdir()}
        for place in (folder, build.NOTEBOOKS)
    )
    assert beside == there != set()


def test_an_edited_text_whose_notebook_was_not_built_again_is_found(
    tmp_path, monkeypatch, capsys, little_run
):
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    path = tmp_path / "99_little.py"
    path.write_text(LITTLE.lstrip())
    assert build.report_drift([path]) == 1  # it was never built
    build.write(nbformat.writes(little_run) + "\n", tmp_path / "99_little.ipynb")
    assert build.report_drift([path]) == 0
    path.write_text(LITTLE.lstrip().replace("Two and two", "2 and 2"))
    assert build.report_drift([path]) == 1
    assert "99_little.ipynb is not what its text says" in capsys.readouterr().out


def test_a_write_that_fails_leaves_the_old_notebook_and_nothing_else(tmp_path):
    path = tmp_path / "lesson.ipynb"
    build.write("old\n", path)
    with pytest.raises(UnicodeEncodeError):
        build.write("new, and then half a character: \ud800", path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"lesson.ipynb": "old\n"}


def test_paths_and_addresses_of_this_machine_are_dropped():
    text = f"{build.ROOT}/data and {Path.home()}/x and <object at 0x7f3a5c001d50>"
    assert build.without_this_machine(text) == "reading-faces/data and ~/x and <object>"


# Badges that lead to a fork.


@pytest.fixture
def checkout(tmp_path) -> Path:
    """Copy what holds addresses of the repository, and add one that only looks like them."""
    for pattern in build.STAMPED:
        for path in build.ROOT.glob(pattern):
            target = tmp_path / path.relative_to(build.ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    other = f"See https://github.com/{build.repository()}-2 and {build.repository()}.\n"
    (tmp_path / "OTHER.md").write_text(other)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_fork_is_stamped_at_its_addresses_alone_and_can_be_stamped_back(checkout):
    before, ours, fork = contents(checkout), build.repository(), "some.one/their-course"
    changed = build.stamp_badges(fork, checkout)
    lessons = [checkout / "notebooks" / f"{lesson.stem}.ipynb" for lesson in LESSONS]
    texts = [checkout / "notebooks" / "source" / lesson.name for lesson in LESSONS]
    assert {*lessons, *texts, checkout / "pyproject.toml"} <= set(changed)
    assert build.repository(checkout) == fork
    for path, old in before.items():
        new = path.read_text(encoding="utf-8")
        assert (path in changed) == (new != old.decode())
        if path in lessons:
            stored = nbformat.reads(new, as_version=4)
            named = build.with_stable_ids(copy.deepcopy(stored))
            assert [cell.id for cell in stored.cells] == [cell.id for cell in named.cells]
            was = nbformat.reads(old.decode(), as_version=4).cells
            for cell, before_it in zip(stored.cells, was, strict=True):
                assert cell.source.replace(f"/{fork}", f"/{ours}") == before_it.source
                assert cell.get("outputs") == before_it.get("outputs")
        else:
            assert new.replace(f"/{fork}", f"/{ours}") == old.decode()
    assert f"/{ours}" not in (checkout / lessons[0]).read_text(encoding="utf-8")
    assert sorted(build.stamp_badges(ours, checkout)) == sorted(changed)
    assert contents(checkout) == before


@pytest.mark.parametrize("name", ["their-course", "https://github.com/a/b", "a/b/c", "a/b c"])
def test_a_badge_leads_to_no_name_that_is_not_a_repository(name, tmp_path):
    shutil.copy(build.ROOT / "pyproject.toml", tmp_path)
    before = contents(tmp_path)
    with pytest.raises(SystemExit, match="owner/name"):
        build.stamp_badges(name, tmp_path)
    assert contents(tmp_path) == before


# What nbval compares, as `make test` calls it.


def nbval(folder: Path, **other: str) -> str:
    """Run nbval on two results, of which the second has changed; return what it says.

    The lock names what is installed, but for the versions in `other`.
    """
    (folder / "notebooks").mkdir()
    shutil.copy(build.NOTEBOOKS / "conftest.py", folder / "notebooks")
    pins = [f"{name}=={other.get(name, version(name))}" for name in NUMERIC]
    (folder / "requirements.lock").write_text("\n".join(pins))
    code = "import sys\nprint('log', file=sys.stderr)\nprint(2 + 2)"
    cells = [
        new_code_cell(
            code,
            execution_count=1,
            outputs=[new_output("stream", name="stdout", text=text)],
            metadata={"tags": ["nbval-check-output"]},
        )
        for text in ("4\n", "5\n")
    ]
    path = folder / "notebooks" / "99_little.ipynb"
    path.write_text(nbformat.writes(new_notebook(cells=cells)))
    flags = ["-v", "-n", "1", "--dist", "loadfile", "--nbval-lax", "--nbval-current-env"]
    command = [sys.executable, "-m", "pytest", *flags, str(path)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180).stdout


def test_nbval_fails_on_a_result_that_changed_and_not_on_what_is_logged(tmp_path):
    report = nbval(tmp_path)
    assert re.search("PASSED .*Cell 0", report)
    assert re.search("FAILED .*Cell 1", report)
    assert "Stored results compared" in report


def test_nbval_compares_nothing_with_other_versions_and_says_so(tmp_path):
    report = nbval(tmp_path, numpy="1.0")
    assert re.search("PASSED .*Cell 0", report)
    assert re.search("PASSED .*Cell 1", report)
    assert "Stored results NOT compared: numpy" in report
