"""`check` scores what the learner wrote, as nbgrader would, and says what keeps it from that."""

import asyncio
import functools
import json
import re
import subprocess
import sys
import time

import nbclient
import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbformat.v4 import new_code_cell, new_notebook, new_output

from notebooks import build
from reading_faces.__main__ import main
from reading_faces.exercises import grading

# Two exercises of which each kernel run needs nothing but Python itself.
LITTLE = """
# %% [markdown]
# # 9 · A little lesson

# %%
class Verdict:
    def __init__(self, passed):
        self.passed = passed

    def __repr__(self):
        return "✅ Right." if self.passed else "❌ Twice, please."


class check:
    @staticmethod
    def double(f):
        return Verdict(f(2) == 4)

    @staticmethod
    def unless_yours(f):
        return f

    @staticmethod
    def half(f):
        return Verdict(f(2) == 1)

# %% [markdown] exercise="twice"
# Write `double`.

# %% exercise="twice" part="solution"
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% exercise="twice" part="checker"
check.double(double)

# %% exercise="twice" part="hidden"
assert double(5) == 10, "the hidden number is 5"

# %%
eight = double(4) + 0

# %% [markdown] exercise="halve"
# Write `half`.

# %% exercise="halve" part="solution"
def half(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% exercise="halve" part="checker"
check.half(half)

# %% exercise="halve" part="hidden"
assert half(5) == 2.5
"""
DOUBLE, HALF = "def double(x):\n    return 2 * x", "def half(x):\n    return x / 2"


@pytest.fixture
def source(tmp_path, monkeypatch):
    """The little lesson, which is the only one of the course here."""
    folder = tmp_path / "notebooks" / "source"
    folder.mkdir(parents=True)
    path = folder / "99_little.py"
    path.write_text(LITTLE.lstrip(), encoding="utf-8")
    monkeypatch.setattr(grading, "PACKAGE", tmp_path / "helpers")
    return build.read_source(path)


@pytest.fixture(scope="module")
def kernel():
    """A kernel that tests share, as starting one takes longer than all that they run in it."""
    manager = AsyncKernelManager(kernel_name="python3")  # `NotebookClient` starts it
    yield manager
    if manager.has_kernel:
        asyncio.run(manager.shutdown_kernel(now=True))


@pytest.fixture
def score(kernel, monkeypatch, tmp_path, capsys):
    """Run `check` on a notebook; return its exit code, its JSON and what it said besides."""
    in_kernel = functools.partial(nbclient.NotebookClient, km=kernel)
    in_kernel(new_notebook(cells=[new_code_cell("%reset -f")]), timeout=30).execute()
    monkeypatch.setattr(nbclient, "NotebookClient", in_kernel)

    def run(notebook, *arguments: str) -> tuple[int, dict, str]:
        path = tmp_path / "answers of a learner.ipynb"
        nbformat.write(notebook, path)
        code = main(["check", str(path), "--json", *arguments])
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    return run


def answered(notebook, **answers: str):
    """Write answers into the cells where a learner writes, by exercise."""
    for cell in notebook.cells:
        part = cell.metadata.get("part")
        if part == "stub" or part == "solution" and "nbgrader" in cell.metadata:
            cell.source = answers.get(cell.metadata.exercise, build.stub_of(cell))
    return notebook


def without_metadata(notebook):
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    return notebook


def points(result: dict) -> dict[str, int]:
    return {row["exercise"]: row["points"] for row in result["exercises"]}


def test_the_folded_solution_earns_nothing(source, score):
    code, result, trouble = score(build.published(source))
    assert (code, result["score"], result["of"]) == (0, 0, 100)
    assert result["lesson"] == "99_little"
    assert result["exercises"][0]["message"] == "Twice, please."
    assert trouble == ""  # the lesson's own cell that calls `double` was given ours


FORMS = {
    "published": build.published,
    "published, metadata lost": lambda nb: without_metadata(build.published(nb)),
    "an assignment": build.assignment,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_right_answers_earn_100_points_in_each_form_of_the_notebook(form, source, score):
    notebook = form(source)
    if notebook.cells[-1].metadata:
        notebook = answered(notebook, twice=DOUBLE, halve=HALF)
    else:
        stubs = [cell for cell in notebook.cells if build.STUB in cell.source]
        for cell, answer in zip(stubs, (DOUBLE, HALF), strict=True):
            cell.source = answer
    code, result, trouble = score(notebook)
    assert (code, result["score"], trouble) == (0, 100, "")
    assert all(row["passed"] for row in result["exercises"])


def test_a_hidden_test_costs_its_half_and_stays_hidden(source, score):
    only_two = "def double(x):\n    return 4"
    code, result, _ = score(answered(build.published(source), twice=only_two, halve=HALF))
    assert (code, points(result)) == (0, {"twice": 25, "halve": 50})
    first = result["exercises"][0]
    assert "hidden test" in first["message"] and "5" not in first["message"]
    assert not first["passed"]


def test_a_hidden_test_that_a_wrong_answer_passes_gives_nothing(source, score):
    only_five = "def double(x):\n    return 10"
    _, result, _ = score(answered(build.published(source), twice=only_five))
    assert points(result) == {"twice": 0, "halve": 0}


def test_what_stops_a_learners_cell_is_said(source, score):
    broken = "def double(x)\n    return 2 * x"
    _, result, _ = score(answered(build.published(source), twice=broken, halve="import nonsense"))
    assert result["score"] == 0
    assert "SyntaxError" in result["exercises"][0]["message"]
    assert "No module named 'nonsense'" in result["exercises"][1]["message"]


def test_neither_a_deleted_nor_an_edited_nor_a_copied_checker_changes_the_score(source, score):
    notebook = answered(build.published(source), twice=DOUBLE)
    checkers = [cell for cell in notebook.cells if cell.metadata.get("part") == "checker"]
    notebook.cells.remove(checkers[0])
    copy = nbformat.from_dict(checkers[1] | {"id": "copy"})
    checkers[1].source = copy.source = "print('✅ Right.')"
    notebook.cells.append(copy)
    assert points(score(notebook)[1]) == {"twice": 50, "halve": 0}


def test_an_answer_mended_further_down_counts_where_the_checker_is_asked_again(source, score):
    notebook = answered(build.published(source), twice=DOUBLE)
    checker = next(
        cell
        for cell in notebook.cells
        if (cell.metadata.get("exercise"), cell.metadata.get("part")) == ("halve", "checker")
    )
    notebook.cells += [new_code_cell(HALF), nbformat.from_dict(checker | {"id": "copy"})]
    assert points(score(notebook)[1]) == {"twice": 50, "halve": 50}


def test_a_cell_that_fails_before_any_exercise_makes_the_score_unreliable(source, score):
    notebook = answered(build.published(source), twice=DOUBLE, halve=HALF)
    notebook.cells.insert(1, new_code_cell("import google.colab\n\ncheck = 3"))
    code, result, trouble = score(notebook)
    assert (code, result["score"]) == (1, 100)
    assert "Code cell 1, `import google.colab`, fails: ModuleNotFoundError" in trouble
    assert "do not rely on this score" in trouble
    assert trouble.count("\n") == 1


ENDLESS = "def double(x):\n    while True:\n        pass"


def test_a_loop_without_end_costs_only_its_own_exercise(source, score, monkeypatch):
    monkeypatch.setattr(grading, "GRADED_SECONDS", 1)
    notebook = answered(build.published(source), twice=ENDLESS, halve=HALF)
    notebook.cells = [cell for cell in notebook.cells if "eight" not in cell.source]
    begun = time.monotonic()
    code, result, _ = score(notebook, "--timeout", "30")
    assert time.monotonic() - begun < 30
    assert (code, points(result)) == (0, {"twice": 0, "halve": 50})
    assert result["exercises"][0]["message"] == "It took too long and was stopped."


def test_a_cell_of_the_learner_may_take_as_long_as_was_said(source, score):
    notebook = answered(build.published(source), twice=DOUBLE, halve=HALF)
    notebook.cells.append(new_code_cell("while True:\n    pass"))
    code, result, trouble = score(notebook, "--timeout", "1")
    assert (code, result["score"]) == (1, 100)
    assert "`while True:`, fails: It took too long" in trouble


def test_a_checker_is_asked_at_its_place(source, score):
    notebook = answered(build.published(source), twice=DOUBLE, halve=HALF)
    notebook.cells.append(new_code_cell("double = half = None"))
    assert score(notebook)[1]["score"] == 100


def test_an_exercise_that_only_its_checker_accepts_gets_the_checkers_points():
    exercises = [grading.Exercise(name, "check.it(it)", "assert it") for name in "abc"]
    yes = new_output("execute_result", {"text/plain": "✅ Right."})
    no = new_output("error", ename="AssertionError", evalue="", traceback=[])
    notebook = new_notebook(
        cells=[
            new_code_cell("", outputs=[output], metadata={"exercise": name, "part": part})
            for name in "abc"
            for part, output in (("checker", yes), ("hidden", no if name == "a" else yes))
        ]
    )
    scores = [(row.points, row.of) for row in grading.score(notebook, exercises)]
    assert grading.shares(6) == [16, 17, 17, 16, 17, 17]
    assert scores == [(16, 33), (33, 33), (34, 34)]


def test_a_python_that_dies_is_reported_with_its_cell(source, tmp_path, capsys):
    notebook = answered(build.published(source), twice="import os\nos._exit(1)")
    path = tmp_path / "dies.ipynb"
    nbformat.write(notebook, path)
    assert main(["check", str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "died at code cell 2 of" in said.err


def test_a_notebook_runs_in_its_folder_as_the_learner_ran_it_and_is_shown_as_a_table(
    source, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COURSE_PROFILE", "full")
    notebook = answered(build.published(source), twice=DOUBLE)
    place = 'import os\nassert os.environ["COURSE_PROFILE"] == "full"\nopen("lesson.ipynb").close()'
    notebook.cells.insert(0, new_code_cell(place))
    path = tmp_path / "lesson.ipynb"
    nbformat.write(notebook, path)
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "✅  50/50  twice  Right.",
        "❌   0/50  halve  Twice, please.",
        "99_little: 50 of 100 points",
    ]


def test_what_cannot_be_scored_is_refused_in_one_sentence(source, tmp_path, capsys):
    notebooks = {
        "plain.ipynb": new_notebook(cells=[new_code_cell("1 + 1")]),
        "other.ipynb": new_notebook(
            cells=[new_code_cell("", metadata={"exercise": "fly", "part": "stub"})]
        ),
    }
    for name, notebook in notebooks.items():
        nbformat.write(notebook, tmp_path / name)
    (tmp_path / "torn.ipynb").write_text('{"cells": [')
    (tmp_path / "list.ipynb").write_text("[1, 2]")
    for name, reason in {
        "nowhere.ipynb": "is not there",
        "": "is a folder",
        "torn.ipynb": "is no notebook",
        "list.ipynb": "is no notebook",
        "plain.ipynb": "has no exercises of this course",
        "other.ipynb": "of no lesson of this version",
    }.items():
        assert main(["check", str(tmp_path / name)]) == 1, name
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1, name
        assert said.err.startswith("Error: ") and reason in said.err, name


def test_a_missing_package_is_named():
    code = (
        "import sys; sys.modules['nbclient'] = None\n"
        "from reading_faces.__main__ import main; sys.exit(main(['check', 'lesson.ipynb']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=build.ROOT
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("Error: `check` lacks the package nbclient: pip install")


def test_a_missing_kernel_is_named(source, tmp_path, monkeypatch, capsys):
    def none(manager, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    nbformat.write(build.published(source), tmp_path / "lesson.ipynb")
    assert main(["check", str(tmp_path / "lesson.ipynb")]) == 1
    assert "no Python kernel: pip install ipykernel" in capsys.readouterr().err


def test_a_copy_of_the_course_without_its_text_says_so(source, tmp_path, monkeypatch, capsys):
    nbformat.write(build.published(source), tmp_path / "lesson.ipynb")
    monkeypatch.setattr(grading, "PACKAGE", tmp_path / "nowhere" / "helpers")
    assert main(["check", str(tmp_path / "lesson.ipynb")]) == 1
    assert "text is missing" in capsys.readouterr().err


def test_an_installed_course_has_the_lessons_text_in_its_package(source, tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "helpers"
    (package / "shipped").mkdir(parents=True)
    (tmp_path / "notebooks" / "source").rename(package / "shipped" / "lessons")
    monkeypatch.setattr(grading, "PACKAGE", package)
    assert list(grading.lessons()) == ["99_little"]


def test_exercises_are_read_as_the_notebooks_builder_reads_them():
    for path in build.sources():
        cells = {
            (cell.metadata.exercise, cell.metadata.part): cell.source
            for cell in build.read_source(path).cells
            if "part" in cell.metadata
        }
        exercises = grading.exercises_in(path)
        assert len(exercises) == sum(part == "checker" for _, part in cells)
        for exercise in exercises:
            assert exercise.checker == cells[exercise.name, "checker"]
            assert exercise.hidden == cells.get((exercise.name, "hidden"), "")


def test_each_exercise_of_the_course_has_a_checker_of_its_own():
    exercises = [exercise for lesson in grading.lessons().values() for exercise in lesson]
    assert len({re.search(r"check\.\w+", e.checker)[0] for e in exercises}) == len(exercises) > 20


QUIZ = """
# %% [markdown] exercise="letters" kind="quiz"
# Which one?

# %% exercise="letters" kind="quiz" part="solution"
ANSWERS = {1: ...}
### BEGIN SOLUTION
ANSWERS = {1: "B"}
### END SOLUTION

# %% exercise="letters" kind="quiz" part="checker"
Verdict(ANSWERS == {1: "B"})
"""


def test_a_quiz_is_scored_by_its_checker_alone_with_the_points_of_nbgrader(source, score, tmp_path):
    path = tmp_path / "notebooks" / "source" / "99_little.py"
    path.write_text(LITTLE.lstrip() + QUIZ, encoding="utf-8")
    lesson = build.read_source(path)
    cells = [cell for cell in build.assignment(lesson).cells if "nbgrader" in cell.metadata]
    of = {"twice": 0, "halve": 0, "letters": 0}
    for cell in cells:
        of[cell.metadata.exercise] += cell.metadata.nbgrader.get("points", 0)
    assert of == {"twice": 40, "halve": 40, "letters": 20}
    right = {"twice": DOUBLE, "letters": 'ANSWERS = {1: "B"}'}
    assert points(score(answered(build.published(lesson), **right))[1]) == of | {"halve": 0}
    wrong = {"halve": HALF, "letters": 'ANSWERS = {1: "A"}'}
    assert points(score(answered(build.published(lesson), **wrong))[1]) == {
        **{"twice": 0, "halve": 40, "letters": 0}
    }


@pytest.mark.parametrize("cells", range(1, 13))
def test_points_add_up_to_100_and_are_as_even_as_can_be(cells):
    shares = grading.shares(cells)
    assert (len(shares), sum(shares)) == (cells, 100)
    assert max(shares) - min(shares) <= 1


def test_a_lesson_is_known_by_most_of_its_exercises_in_each_form_of_the_notebook():
    notebooks = {path.stem: build.read_source(path) for path in build.sources()}
    known = {name: nb for name, nb in notebooks.items() if grading.lessons().get(name)}
    first, *_ = cells_of(build.published(known["02_residual_keypoint_model"]), "checker")
    for name, lesson in known.items():
        for notebook in (build.published(lesson), build.assignment(lesson)):
            bare = without_metadata(nbformat.from_dict(notebook))
            for cells in (notebook.cells, bare.cells):
                code = [cell for cell in cells if cell.cell_type == "code"]
                assert grading.find_lesson([first, *code], "a.ipynb")[0] == name


def cells_of(notebook, part: str) -> list:
    return [cell for cell in notebook.cells if cell.metadata.get("part") == part]


def test_cells_that_fail_outside_the_exercises_are_counted_and_the_first_is_named():
    def cell(source, error="", **marks):
        output = [new_output("error", ename="NameError", evalue=error, traceback=[])]
        return new_code_cell(source, metadata=marks, outputs=output if error else [])

    cells = [
        cell("fine", part=None, number=1),
        cell("stub", "half\nlines", part="stub", number=2),
        cell("\nuse(x)\nmore", "x is not\ndefined", part=None, number=4),
        cell("use(y)", "y", part=None, number=5),
        cell("use(z)", "z", part=None, number=6),
    ]
    said = grading.trouble_elsewhere(new_notebook(cells=cells))
    assert said.startswith("Code cell 4, `use(x)`, fails: NameError: x is not (2 more after it.)")
    assert "more after it" not in grading.trouble_elsewhere(new_notebook(cells=cells[:3]))
    assert grading.trouble_elsewhere(new_notebook(cells=cells[:2])) is None


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([], (False, "The checker said nothing.")),
        ([("stream", {"text": "✅ printed"})], (False, "The checker said nothing.")),
        ([("execute_result", {"data": {"text/plain": "✅ Yes, it is."}})], (True, "Yes, it is.")),
        ([("execute_result", {"data": {"text/plain": "⬜ Not yet."}})], (False, "Not yet.")),
        (
            [
                ("execute_result", {"data": {"text/plain": "✅ Yes."}}),
                ("error", {"ename": "Oh", "evalue": "no", "traceback": []}),
            ],
            (False, "Oh: no"),
        ),
    ],
)
def test_only_what_a_checker_returns_counts(outputs, said):
    cell = new_code_cell("", outputs=[new_output(kind, **rest) for kind, rest in outputs])
    assert grading.verdict_of(cell) == said
