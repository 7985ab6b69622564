"""The form of the lessons: text and notebook agree, exercises are whole, checks have teeth.

Each rule is a small function that returns what is wrong with a notebook. Every lesson is held
against every rule, and every rule is held against a notebook that breaks it.
"""

import ast
import copy
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from data_samples import real
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import build
from notebooks.conftest import NUMERIC

LESSONS = sorted(build.SOURCES.glob("[0-9]*.py"))
LARGEST_BYTES = 1_500_000
LONGEST_CELL = 30
TAGS = {"setup", "showed", "nbval-check-output"}

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def notebook_of(lesson: Path) -> Path:
    path = build.NOTEBOOKS / f"{lesson.stem}.ipynb"
    assert path.exists(), f"{path.name} is missing: run make notebooks"
    return path


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def html_of(nb: NotebookNode) -> list[str]:
    """Return all text that a browser shows as HTML: markdown cells and HTML outputs."""
    outputs = [out for cell in code_cells(nb) for out in cell.outputs]
    shown = ["".join(out.get("data", {}).get("text/html", "")) for out in outputs]
    return shown + [cell.source for cell in nb.cells if cell.cell_type == "markdown"]


# Rules for a notebook as published.


def not_one_title(nb: NotebookNode) -> list[str]:
    titles = []
    for i, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
            titles += [i for line in text.splitlines() if line.startswith("# ")]
    return [] if titles == [0] else [f"H1 in cells {titles}; wanted: one, in the first cell"]


def cells_too_long(nb: NotebookNode) -> list[str]:
    lengths = {cell.id: len(cell.source.splitlines()) for cell in code_cells(nb)}
    return [f"{name}: {n} lines" for name, n in lengths.items() if n > LONGEST_CELL]


def cells_never_run(nb: NotebookNode) -> list[str]:
    return [cell.id for cell in code_cells(nb) if not cell.execution_count]


def cells_with_errors(nb: NotebookNode) -> list[str]:
    return [
        f"{cell.id}: {out.ename}"
        for cell in code_cells(nb)
        for out in cell.outputs
        if out.output_type == "error"
    ]


def checks_without_a_stored_result(nb: NotebookNode) -> list[str]:
    """nbval passes a tagged cell that has no stored output or was never run."""
    checked = [cell for cell in code_cells(nb) if "nbval-check-output" in tags(cell)]
    return [cell.id for cell in checked if not cell.outputs or not cell.execution_count]


def checks_missing(nb: NotebookNode) -> list[str]:
    """A lesson in which nbval compares nothing would hold any result to be right."""
    return [] if any("nbval-check-output" in tags(c) for c in code_cells(nb)) else ["no cell"]


def nothing_to_show(nb: NotebookNode) -> list[str]:
    """The table at the end of `make course` has a line for what each lesson showed."""
    return [] if build.showed(nb) else ["no cell tagged showed, or it printed nothing"]


def markers_that_check_nothing(nb: NotebookNode) -> list[str]:
    """A tag counts on code cells alone; comments, other spellings and skips weaken the check."""
    found = []
    for cell in nb.cells:
        allowed = TAGS if cell.cell_type == "code" else set()
        found += [f"{cell.id}: tag {tag}" for tag in sorted(tags(cell) - allowed)]
        found += [f"{cell.id}: {m}" for m in re.findall(r"nbval[-_]\w[-\w]*", cell.source, re.I)]
    return found


def shell_calls(nb: NotebookNode) -> list[str]:
    """A shell command that hangs passes nbval, so only the set-up cell may call one."""
    found = []
    for cell in code_cells(nb):
        if "setup" in tags(cell):
            continue
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name("get_ipython")))):
                    magics = [a.value for a in node.args if isinstance(a, ast.Constant)]
                    if node.func.attr in ("system", "getoutput", "getoutput_system"):
                        found.append(f"{cell.id}: !")
                    elif magics and re.match(r"!|sx|system|bash|sh$|script|pip|conda", magics[0]):
                        found.append(f"{cell.id}: %{magics[0]}")
                case ast.Attribute(attr="system" | "popen") | ast.Name(id="subprocess"):
                    found.append(f"{cell.id}: {ast.unparse(node)}")
                case ast.ImportFrom(module="subprocess"):
                    found.append(f"{cell.id}: from subprocess")
                case ast.alias(name="subprocess" | "pty" | "system" | "popen"):
                    found.append(f"{cell.id}: import {node.name}")
    return found


def pictures_without_words(nb: NotebookNode) -> list[str]:
    """JupyterLab drops the alt text of a bare picture output: `helpers.plots.show` keeps it."""
    found = []
    for cell in code_cells(nb):
        for out in cell.outputs:
            found += [f"{cell.id}: bare {kind}" for kind in out.get("data", {}) if "image/" in kind]
    for text in html_of(nb):
        for image in re.findall(r"<img\b[^>]*>", text):
            if not re.search(r"""\balt=("\s*[^\s"]|'\s*[^\s'])""", image):
                found.append(image[:60])
        found += re.findall(r"!\[\s*\]\([^)]*\)", text)
    return found


def traces_of_a_machine(nb: NotebookNode) -> list[str]:
    """Folders of whoever built the notebook, and run times that change on each build."""
    text = "\n".join(str(cell.get("outputs", "")) for cell in nb.cells)
    found = re.findall(r"(?:/home/|/Users/|/root/|/tmp/|[A-Z]:\\\\)[^\s'\"]{0,40}", text)
    return found + [cell.id for cell in nb.cells if "execution" in cell.metadata]


# Rules for a lesson's text source.


def exercises_not_whole(nb: NotebookNode) -> list[str]:
    """An exercise is a task, then solution, checker and hidden test, one after the other."""
    found, wanted = [], ["task", *build.PARTS]
    names = list(dict.fromkeys(c.metadata.exercise for c in nb.cells if "exercise" in c.metadata))
    for name in names:
        at = [i for i, cell in enumerate(nb.cells) if cell.metadata.get("exercise") == name]
        parts = [nb.cells[i].metadata.get("part", "task") for i in at]
        if parts != wanted or at != list(range(at[0], at[0] + 4)):
            found.append(f"{name}: {parts}; wanted {wanted}, one after the other")
            continue
        task, solution, checker, hidden = (nb.cells[i] for i in at)
        if task.cell_type != "markdown":
            found.append(f"{name}: the task is not text")
        lines = [line.strip() for line in solution.source.splitlines()]
        if [line for line in lines if line in (build.BEGIN, build.END)] != [build.BEGIN, build.END]:
            found.append(f"{name}: the solution needs one {build.BEGIN} and one {build.END}")
        if "check." not in checker.source or not checker.source.rstrip().endswith(")"):
            found.append(f"{name}: the checker must end with a call into helpers.check")
        if "assert" not in hidden.source and ".require()" not in hidden.source:
            found.append(f"{name}: the hidden test cannot fail")
    found += [
        f"{c.id}: part without exercise"
        for c in nb.cells
        if {*c.metadata} & {"part"} and not c.metadata.get("exercise")
    ]
    return found


RULES = (
    not_one_title,
    cells_too_long,
    cells_never_run,
    cells_with_errors,
    checks_without_a_stored_result,
    checks_missing,
    nothing_to_show,
    markers_that_check_nothing,
    shell_calls,
    pictures_without_words,
    traces_of_a_machine,
)


def test_there_are_lessons():
    assert LESSONS, "no lesson in notebooks/source: every test of lessons would pass"


def test_every_notebook_has_a_source():
    stray = {path.stem for path in build.NOTEBOOKS.glob("*.ipynb")} - {p.stem for p in LESSONS}
    assert not stray


@each_lesson
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_published_notebook_has(lesson, rule):
    assert rule(nbformat.read(notebook_of(lesson), as_version=4)) == []


@each_lesson
def test_exercises_are_whole(lesson):
    assert exercises_not_whole(build.read_source(lesson)) == []


@each_lesson
def test_notebook_is_what_its_text_says(lesson):
    stored = nbformat.read(notebook_of(lesson), as_version=4)
    for cell in code_cells(stored):
        cell.outputs, cell.execution_count = [], None
    text = build.published(build.read_source(lesson))
    for wanted, found in zip(text.cells, stored.cells, strict=False):
        assert wanted == found, "run make notebooks"
    assert text == stored, "run make notebooks"


@each_lesson
def test_notebook_is_small(lesson):
    assert notebook_of(lesson).stat().st_size < LARGEST_BYTES


@each_lesson
def test_assignment_hides_solutions_and_hidden_tests(lesson):
    from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearSolutions

    source = build.read_source(lesson)
    nb = build.assignment(source)
    CheckCellMetadata().preprocess(copy.deepcopy(nb), {})
    points = [c.metadata.nbgrader.get("points", 0) for c in nb.cells if "nbgrader" in c.metadata]
    assert sum(points) == (build.POINTS_PER_LESSON if points else 0)

    release, _ = ClearSolutions(code_stub={"python": build.STUB}).preprocess(nb, {})
    release, _ = ClearHiddenTests().preprocess(release, {})
    text = "\n".join(cell.source for cell in release.cells)
    for cell in source.cells:
        if cell.metadata.get("part") == "solution":
            assert build.stub_of(cell.source) in text
            assert cell.source not in text
        elif cell.metadata.get("part") == "hidden":
            assert cell.source not in text


def trial(nb: NotebookNode) -> NotebookNode:
    """Return an assignment in which each exercise is tried twice: with the stub, then solved."""
    cells = []
    for cell in build.assignment(nb).cells:
        part = cell.metadata.get("part")
        if part == "solution":
            stub, solution = new_code_cell(build.stub_of(cell.source)), cell
            cells.append(stub)
        elif part in build.PARTS:
            unsolved = new_code_cell(cell.source, metadata={"tags": ["raises-exception"]})
            unsolved.metadata["must_fail"] = cell.id
            cells += [unsolved, new_code_cell(solution.source), cell, new_code_cell(stub.source)]
            if part == "hidden":
                cells[-1] = new_code_cell(solution.source)
        else:
            cells.append(cell)
    return new_notebook(cells=cells, metadata=nb.metadata)


def accepted_without_an_answer(nb: NotebookNode) -> list[str]:
    """Return which checkers and hidden tests, already run, did not raise on the bare stub."""
    return [
        cell.metadata["must_fail"]
        for cell in code_cells(nb)
        if "must_fail" in cell.metadata and not cells_with_errors(new_notebook(cells=[cell]))
    ]


@pytest.mark.slow
@each_lesson
def test_checkers_and_hidden_tests_accept_the_solution_and_reject_the_stub(lesson, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert accepted_without_an_answer(build.execute(trial(build.read_source(lesson)))) == []


# The tools and the rules themselves, on a lesson of a few lines.

LITTLE = '''
# %% [markdown]
# # 9 · A little lesson

# %% tags=["setup"]
# %config InlineBackend.figure_formats = []

# %% tags=["showed", "nbval-check-output"]
print("Two and two is", 2 + 2)

# %% [markdown] exercise="double"
# Write `double`.

# %% exercise="double" part="solution"
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


class check:
    @staticmethod
    def double(f):
        return type("Verdict", (), {"require": lambda self, f=f: 1 / (f(1) == 2)})()


# %% exercise="double" part="checker"
check.double(double)

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


def test_a_good_lesson_breaks_no_rule(little, little_run):
    assert exercises_not_whole(little) == []
    assert {rule.__name__: rule(little_run) for rule in RULES if rule(little_run)} == {}


def test_the_stub_comes_before_the_folded_solution_and_the_hidden_test_is_gone(little):
    nb = build.published(little)
    parts = [cell.metadata.get("part") for cell in nb.cells if "exercise" in cell.metadata]
    assert parts == [None, "stub", "solution", "checker"]
    stub, solution = (c for c in nb.cells if c.metadata.get("part") in ("stub", "solution"))
    assert f'    """Return twice x."""\n    {build.STUB}\n' in stub.source
    assert "2 * x" not in stub.source
    assert solution.metadata["jupyter"] == {"source_hidden": True}
    assert solution.metadata["cellView"] == "form"


def test_an_edit_changes_the_id_of_its_own_cell_alone(little):
    before = [cell.id for cell in build.published(little).cells]
    little.cells[2].source += "  # edited"
    after = [cell.id for cell in build.published(build.with_stable_ids(little)).cells]
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_the_same_source_gives_the_same_notebook_byte_for_byte(little, little_run):
    assert nbformat.writes(build.execute(build.published(little))) == nbformat.writes(little_run)


def test_the_page_folds_the_solution_and_keeps_the_result(little_run):
    page = build.page(little_run, "little")
    assert "<details><summary>Solution</summary>" in page
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


def test_paths_and_addresses_of_this_machine_are_dropped():
    text = f"{build.ROOT}/data and {Path.home()}/x and <object at 0x7f3a5c001d50>"
    assert build.without_this_machine(text) == "reading-faces/data and ~/x and <object>"


def test_trial_finds_a_test_that_accepts_anything(little):
    little.cells[-1].source = "assert True"
    assert accepted_without_an_answer(build.execute(trial(little))) == ["double-hidden"]


def test_trial_passes_a_good_exercise(little):
    assert accepted_without_an_answer(build.execute(trial(little))) == []


def ran(source: str, outputs: list | None = None, **metadata) -> NotebookNode:
    return new_code_cell(source, execution_count=1, outputs=outputs or [], metadata=metadata)


def shown(**data: str) -> NotebookNode:
    return new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


TITLE = new_markdown_cell("# Title")
CHECKED = {"tags": ["nbval-check-output"]}
BROKEN = {
    not_one_title: [
        [new_markdown_cell("text"), TITLE],
        [TITLE, new_markdown_cell("text\n# Another")],
        [],
    ],
    cells_too_long: [[ran("x = 1\n" * 31)]],
    cells_never_run: [[new_code_cell("x = 1")]],
    cells_with_errors: [[ran("1 / 0", [new_output("error", ename="ZeroDivisionError")])]],
    checks_without_a_stored_result: [
        [ran("4", **CHECKED)],
        [new_code_cell("4", outputs=[shown(text_plain="4")], metadata=CHECKED)],
    ],
    checks_missing: [[ran("4")]],
    nothing_to_show: [[ran("print(4)")], [ran("4", tags=["showed"])]],
    markers_that_check_nothing: [
        [new_markdown_cell("text", metadata=CHECKED)],
        [new_markdown_cell("NBVAL_CHECK_OUTPUT")],
        [ran("# NBVAL_SKIP\n4")],
        [ran("4", tags=["nbval-skip"])],
        [ran("4", tags=["nbval_check_output"])],
    ],
    shell_calls: [
        [ran("!ls")],
        [ran("files = !ls")],
        [ran("%%bash\nls")],
        [ran("%pip install x")],
        [ran("if True:\n    !ls")],
        [ran("import os\nos.system('ls')")],
        [ran("from subprocess import run")],
        [ran("import subprocess\nsubprocess.run(['ls'])")],
    ],
    pictures_without_words: [
        [ran("plot()", [shown(image_png="iVBO")])],
        [ran("plot()", [shown(text_html="<img src='x'>")])],
        [ran("plot()", [shown(text_html="<img alt='' src='x'>")])],
        [new_markdown_cell("![](x.png)")],
    ],
    traces_of_a_machine: [
        [ran("p", [new_output("stream", name="stdout", text="/home/me/x")])],
        [ran("p", execution={"iopub.status.busy": "2020-01-01"})],
    ],
}


def test_every_rule_is_tried_on_something_broken():
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize(
    ("rule", "cells"),
    [(rule, cells) for rule, examples in BROKEN.items() for cells in examples],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rule_finds(rule, cells):
    assert rule(new_notebook(cells=cells)) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (' part="checker"', ' part="check"'),
        ("### BEGIN SOLUTION", "### START SOLUTION"),
        ("check.double(double)", "double(1)"),
        ("assert double(4) == 8", "double(4)"),
        (
            '# %% exercise="double" part="checker"',
            '# %%\n1\n\n# %% exercise="double" part="checker"',
        ),
        ('[markdown] exercise="double"', "[markdown]"),
        ('exercise="double" part="hidden"', 'part="hidden"'),
    ],
)
def test_an_incomplete_exercise_is_found(tmp_path, old, new):
    assert old in LITTLE
    path = tmp_path / "99_little.py"
    path.write_text(LITTLE.lstrip().replace(old, new))
    assert exercises_not_whole(build.read_source(path)) != []


def nbval(folder: Path, nb: NotebookNode, seconds: int = 60, **other: str) -> str:
    """Run nbval as `make test` does, where the lock names what is installed but for `other`."""
    (folder / "notebooks").mkdir()
    shutil.copy(build.NOTEBOOKS / "conftest.py", folder / "notebooks")
    pins = [f"{name}=={other.get(name, version(name))}" for name in NUMERIC]
    (folder / "requirements.lock").write_text("\n".join(pins))
    path = folder / "notebooks" / "99_little.ipynb"
    path.write_text(nbformat.writes(nb))
    flags = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={seconds}"]
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *flags, str(path)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180).stdout


def printed(source: str, text: str) -> NotebookNode:
    return ran(source, [new_output("stream", name="stdout", text=text)], **CHECKED)


CHANGED = printed("print(2 + 2)", "5\n")


@pytest.fixture(scope="module")
def nbval_report(tmp_path_factory) -> str:
    same = printed("import sys\nprint('log', file=sys.stderr)\nprint(2 + 2)", "4\n")
    cells = [same, CHANGED, ran("print(3)"), ran("import time\ntime.sleep(60)")]
    return nbval(tmp_path_factory.mktemp("nbval"), new_notebook(cells=cells), seconds=3)


def test_nbval_passes_the_same_result_whatever_is_logged(nbval_report):
    assert "Cell 0 PASSED" in nbval_report
    assert "Stored results compared" in nbval_report


def test_nbval_fails_on_a_result_that_changed(nbval_report):
    assert "Cell 1 FAILED" in nbval_report


def test_nbval_compares_tagged_cells_alone(nbval_report):
    assert "Cell 2 PASSED" in nbval_report


def test_nbval_fails_on_a_cell_that_hangs(nbval_report):
    assert "Cell 3 FAILED" in nbval_report


def test_nbval_compares_nothing_with_other_versions_and_says_so(tmp_path):
    report = nbval(tmp_path, new_notebook(cells=[CHANGED]), numpy="1.0")
    assert "Cell 0 PASSED" in report
    assert "Stored results NOT compared: numpy" in report


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lesson", "source", "shown"),
    [
        pytest.param(lesson, source, shown, marks=real(source), id=lesson)
        for lesson, source, shown in (
            ("01_keypoints_and_flip", "facial-keypoints", "px off"),
            ("02_residual_keypoint_model", "facial-keypoints", "px"),
            ("03_emotion_classifier", "fer2013", "of real ones"),
        )
    ],
)
def test_a_lesson_runs_on_real_faces_with_one_word_changed(lesson, source, shown, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    nb = build.published(build.read_source(build.SOURCES / f"{lesson}.py"))
    (cell,) = (cell for cell in code_cells(nb) if cell.source.startswith('SOURCE = "made"'))
    cell.source = cell.source.replace('"made"', f'"{source}"', 1)
    assert shown in build.showed(build.execute(nb))
