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
import tomllib
from importlib.metadata import version
from pathlib import Path

import document_rules as rules
import nbformat
import pytest
from data_samples import real
from IPython.core.inputtransformer2 import TransformerManager
from matplotlib.colors import is_color_like, to_rgb
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import build
from notebooks.conftest import NUMERIC

LESSONS = sorted(build.SOURCES.glob("[0-9]*.py"))
LARGEST_BYTES = 1_500_000
LONGEST_CELL = 30
TAGS = {"setup", "showed", "nbval-check-output"}
LINES = {"plot", "semilogx", "semilogy", "loglog"}  # the third argument may be a style
MARKS = {*LINES, "axhline", "axvline", "bar", "barh", "errorbar", "hist", "scatter"}
CUES = {"fmt", "hatch", "linestyle", "ls", "marker", "style"}

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def notebook_of(lesson: Path) -> Path:
    path = build.NOTEBOOKS / f"{lesson.stem}.ipynb"
    assert path.exists(), f"{path.name} is missing: run make notebooks"
    return path


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def html_outputs(nb: NotebookNode) -> list[str]:
    outputs = [out for cell in code_cells(nb) for out in cell.outputs]
    return ["".join(out.get("data", {}).get("text/html", "")) for out in outputs]


def text_of(nb: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")


def parsed(cell: NotebookNode) -> list[ast.AST]:
    return list(ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))))


def calls(nodes: list[ast.AST]) -> list[ast.Call]:
    return [node for node in nodes if isinstance(node, ast.Call)]


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
        for node in parsed(cell):
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
    shown = [*html_outputs(nb), text_of(nb)]
    return found + [fault for text in shown for fault in rules.pictures_without_alt(text)]


def headings_that_skip_a_level(nb: NotebookNode) -> list[str]:
    return rules.levels_skipped(text_of(nb))


def headings_in_outputs(nb: NotebookNode) -> list[str]:
    """The outline of a lesson is its text's; an output that adds to it misleads who jumps."""
    outputs = "\n".join(html_outputs(nb))
    return [f"heading of level {level}" for level in re.findall(r"<h([1-6])\b", outputs)]


def links_that_say_nothing(nb: NotebookNode) -> list[str]:
    return rules.links_that_say_nothing(text_of(nb))


def colours_too_pale(nb: NotebookNode) -> list[str]:
    """Lines and bars are drawn on white; white itself is left for rims and for dark pictures."""
    found = []
    for cell in code_cells(nb):
        nodes = parsed(cell)
        areas = [c for c in calls(nodes) if ast.unparse(c.func).endswith("ListedColormap")]
        filled = [node for area in areas for node in ast.walk(area)]
        named = [k.value for c in calls(nodes) for k in c.keywords if k.arg in ("c", "color")]
        for node in nodes:
            if not isinstance(node, ast.Constant) or node in filled or node.value == "white":
                continue
            colour = str(node.value)
            if re.fullmatch("#[0-9a-fA-F]{6}", colour) or (node in named and is_color_like(colour)):
                contrast = rules.contrast(to_rgb(colour), (1, 1, 1))
                if contrast < rules.GRAPHICS:
                    found.append(f"{cell.id}: {colour} has a contrast of {contrast:.2f} to white")
    return found


def series_told_apart_by_colour_alone(nb: NotebookNode) -> list[str]:
    """What a legend names differs in line, marker or hatch too."""
    found = []
    for cell in code_cells(nb):
        nodes, seen = parsed(cell), set()
        for table in (node for node in nodes if isinstance(node, ast.Tuple)):
            rows = [
                [getattr(e, "value", e) for e in getattr(row, "elts", ())] for row in table.elts
            ]
            cues = [
                {e for e in row if not str(e).startswith("#")} for row in rows if "#" in str(row)
            ]
            found += [f"{cell.id}: styles {c}" for i, c in enumerate(cues) if c in cues[:i]]
        for call in calls(nodes):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            if "hue" in given and not {"markers", "style", *CUES} & set(given):
                found.append(f"{cell.id}: hue alone in {ast.unparse(call.func)}")
            if getattr(call.func, "attr", "") not in MARKS or "label" not in given:
                continue
            cues = [value for name, value in given.items() if name in CUES]
            starred = any(isinstance(argument, ast.Starred) for argument in call.args)
            if call.func.attr in LINES and len(call.args) > (1 if starred else 2):
                cues.append(call.args[-1])
            how = (ast.unparse(call.func), *map(ast.unparse, cues))
            in_a_loop = not isinstance(given["label"], ast.Constant)
            if how in seen or (in_a_loop and all(isinstance(c, ast.Constant) for c in cues)):
                found.append(f"{cell.id}: {ast.unparse(given['label'])} in {how[0]}")
            seen.add(how)
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
    headings_that_skip_a_level,
    headings_in_outputs,
    links_that_say_nothing,
    colours_too_pale,
    series_told_apart_by_colour_alone,
    traces_of_a_machine,
)


def test_there_are_lessons():
    assert LESSONS, "no lesson in notebooks/source: every test of lessons would pass"


def test_every_notebook_has_a_source():
    stray = {path.stem for path in build.NOTEBOOKS.glob("*.ipynb")} - {p.stem for p in LESSONS}
    assert stray <= {"contents"}  # which `make lab` derives from the folder's README


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
def test_the_badge_opens_this_very_notebook_and_set_up_fetches_this_version(lesson):
    nb = nbformat.read(notebook_of(lesson), as_version=4)
    repository = build.repository()
    colab = "https://colab.research.google.com/github"
    badge = f"{colab}/{repository}/blob/main/notebooks/{lesson.stem}.ipynb"
    opened = [target for _, target in rules.links(nb.cells[0].source) if target.startswith(colab)]
    assert opened == [badge]
    (setup,) = (cell for cell in code_cells(nb) if "setup" in tags(cell))
    project = tomllib.loads((build.ROOT / "pyproject.toml").read_text())["project"]
    assert f'"git+https://github.com/{repository}@v{project["version"]}"' in setup.source


@pytest.fixture
def checkout(tmp_path) -> Path:
    """Copy what holds addresses of the repository, and one that only looks like them."""
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
def test_a_badge_leads_to_no_name_that_is_not_a_repository(name, checkout):
    before = contents(checkout)
    with pytest.raises(SystemExit, match="owner/name"):
        build.stamp_badges(name, checkout)
    assert contents(checkout) == before


@each_lesson
def test_notebook_is_small(lesson):
    assert notebook_of(lesson).stat().st_size < LARGEST_BYTES


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
def test_solutions_are_accepted_stubs_rejected_and_a_second_run_is_no_trouble(lesson, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    nb = trial(build.read_source(lesson))
    # Whoever runs all cells once more, without a new kernel, gets through as well.
    again = code_cells(build.published(build.read_source(lesson)))
    nb.cells += [new_code_cell(cell.source) for cell in again]
    assert accepted_without_an_answer(build.execute(nb)) == []


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


def test_an_edited_text_whose_notebook_was_not_built_again_is_found(
    tmp_path, monkeypatch, capsys, little_run
):
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    path = tmp_path / "99_little.py"
    path.write_text(LITTLE.lstrip())
    build.write(nbformat.writes(little_run) + "\n", tmp_path / "99_little.ipynb")
    assert build.report_drift([path]) == 0
    path.write_text(LITTLE.lstrip().replace("Two and two", "2 and 2"))
    assert build.report_drift([path]) == 1
    assert "99_little.ipynb is not what its text says" in capsys.readouterr().out


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
        [new_markdown_cell("![ ][x]\n\n[x]: x.png")],
        [new_markdown_cell("Text <img src='x'> in a line")],
    ],
    headings_that_skip_a_level: [
        [TITLE, new_markdown_cell("### Third")],
        [TITLE, new_markdown_cell("## Second"), new_markdown_cell("text\n\n#### Fourth")],
        [new_markdown_cell("## Second")],
        [TITLE, new_markdown_cell("<h3>Third</h3>")],
    ],
    headings_in_outputs: [[ran("show()", [shown(text_html="<h2>Result</h2>")])]],
    links_that_say_nothing: [
        [new_markdown_cell("Look [here](x.md).")],
        [new_markdown_cell("[Read more](x.md)")],
        [new_markdown_cell("See <https://example.org>.")],
        [new_markdown_cell("See https://example.org/x for more.")],
        [new_markdown_cell("He et al. ([2016](https://arxiv.org/abs/1512.03385))")],
        [new_markdown_cell("<a href='x'>click</a>")],
        [new_markdown_cell("[![](x.png)](x.md)")],
    ],
    colours_too_pale: [
        [ran("ax.plot(x, y, color='#ffcc66')")],
        [ran("styles = (('#de8f05', '--'), ('#0173b2', '-'))")],
        [ran("ax.axhline(1, c='yellow')")],
    ],
    series_told_apart_by_colour_alone: [
        [ran("ax.plot(x, a, color='red', label='a')\nax.plot(x, b, color='blue', label='b')")],
        [ran("ax.plot(x, a, 'o-', label='a')\nax.plot(x, b, 'o-', label='b')")],
        [ran("styles = (('#c97c00', '--'), ('#0173b2', '--'))")],
        [ran("for name, y in all.items():\n    ax.plot(x, y, 'o-', label=name)")],
        [ran("ax.bar(x, a, hatch='/', label='a')\nax.bar(x, b, hatch='/', label='b')")],
        [ran("for c, name in pairs:\n    ax.scatter(x, y, c=c, label=name)")],
        [ran("sns.scatterplot(table, x='x', y='y', hue='kind')")],
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
