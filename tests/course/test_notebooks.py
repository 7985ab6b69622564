"""The lessons: text and notebook agree, exercises are whole, checks have teeth."""

import tomllib

import document_rules
import lesson_rules
import nbformat
import pytest
from data_samples import real
from excerpts import excerpt
from lesson_rules import code_cells
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import build

LESSONS = build.sources()
LARGEST_BYTES = 1_500_000

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
each_rule = pytest.mark.parametrize("rule", lesson_rules.RULES, ids=lambda rule: rule.__name__)


def stored_notebook(lesson) -> NotebookNode:
    path = build.NOTEBOOKS / f"{lesson.stem}.ipynb"
    assert path.exists(), f"{path.name} is missing: run make notebooks"
    return nbformat.read(path, as_version=4)


def test_every_notebook_has_a_source():
    stray = {path.stem for path in build.NOTEBOOKS.glob("*.ipynb")} - {p.stem for p in LESSONS}
    assert stray <= {"contents"}  # which `make lab` derives from the folder's README


@each_lesson
@each_rule
def test_published_notebook_has(lesson, rule):
    assert rule(stored_notebook(lesson)) == []


def test_all_lessons_are_set_up_alike():
    cells = [cell for lesson in LESSONS for cell in code_cells(build.read_source(lesson))]
    setups = [cell.source for cell in cells if "setup" in lesson_rules.tags(cell)]
    assert len(setups) == len(LESSONS) and len({*setups}) == 1
    assert len(setups[0].splitlines()) <= 10


@each_lesson
def test_exercises_are_whole(lesson):
    assert lesson_rules.exercises_not_whole(build.read_source(lesson)) == []


@each_lesson
def test_notebook_is_what_its_text_says(lesson):
    stored = stored_notebook(lesson)
    for cell in code_cells(stored):
        cell.outputs, cell.execution_count = [], None
    text = build.published(build.read_source(lesson))
    for wanted, found in zip(text.cells, stored.cells, strict=False):
        assert wanted == found, "run make notebooks"
    assert text == stored, "run make notebooks"


@each_lesson
def test_the_badge_opens_this_very_notebook_and_set_up_fetches_this_version(lesson):
    nb = stored_notebook(lesson)
    repository = build.repository()
    colab = "https://colab.research.google.com/github"
    badge = f"{colab}/{repository}/blob/main/notebooks/{lesson.stem}.ipynb"
    targets = [target for _, target in document_rules.links(nb.cells[0].source)]
    assert [target for target in targets if target.startswith(colab)] == [badge]
    (setup,) = (cell for cell in code_cells(nb) if "setup" in lesson_rules.tags(cell))
    project = tomllib.loads((build.ROOT / "pyproject.toml").read_text())["project"]
    code = f"https://github.com/{repository}/archive/v{project['version']}.zip"
    assert f'getenv("COURSE_URL", "{code}")' in setup.source


@each_lesson
def test_notebook_is_small(lesson):
    assert (build.NOTEBOOKS / f"{lesson.stem}.ipynb").stat().st_size < LARGEST_BYTES


# Each rule can fail: on a notebook that breaks all of them but one, and on one without cells.


def ran(source: str, outputs: list | None = None, **metadata) -> NotebookNode:
    return new_code_cell(source, execution_count=1, outputs=outputs or [], metadata=metadata)


def shown(**data: str) -> NotebookNode:
    return new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


CHECKED = {"tags": ["nbval-check-output"]}
ALL_WRONG = new_notebook(
    cells=[
        new_markdown_cell("# Title\n\n# Title\n\n#### Fourth\n\n[here](x.md) ![](x.png)"),
        ran("x = 1\n" * 31),
        new_code_cell("4", metadata=CHECKED),
        ran("# NBVAL_SKIP\n1 / 0", [new_output("error", ename="ZeroDivisionError")]),
        ran("files = !ls"),
        ran("show()", [shown(image_png="iVBO"), shown(text_html="<h2>Result</h2>")]),
        ran("ax.plot(x, a, color='#ffcc66', label='a')\nax.plot(x, b, color='red', label='b')"),
        ran("print(path)", [new_output("stream", name="stdout", text="/home/me/x")]),
    ]
)


@each_rule
def test_rule_finds_what_is_wrong(rule):
    broken = new_notebook() if rule is lesson_rules.checks_missing else ALL_WRONG
    assert rule(broken) != []


# Exercises: each solution is accepted, each stub refused.


def trial(nb: NotebookNode) -> NotebookNode:
    """Return an assignment in which each exercise is tried twice: with the stub, then solved.

    Experiments and challenges, which need their whole lesson, are tried with the stub alone.
    """
    cells = []
    for cell in build.assignment(nb).cells:
        part = cell.metadata.get("part")
        if part == "solution":
            stub, solution = new_code_cell(build.stub_of(cell)), cell
            cells.append(stub)
        elif part:
            cells.append(new_code_cell(cell.source, metadata={"must_fail": cell.id}))
            if build.kind_of(cell) in ("function", "quiz"):
                after = solution if part == "hidden" else stub
                cells += [new_code_cell(solution.source), cell, new_code_cell(after.source)]
        else:
            cells.append(cell)
    return new_notebook(cells=cells)


def accepted_without_an_answer(nb: NotebookNode, names: dict) -> list[str]:
    """Run the cells of a trial; return which checkers and hidden tests accept the bare stub.

    They run here, not in a kernel of their own, which would load TensorFlow for each lesson.
    """
    accepted = []
    for cell in code_cells(nb):
        code = compile(cell.source, cell.id, "exec")
        try:
            exec(code, names)
        except Exception:
            if "must_fail" not in cell.metadata:
                raise
        else:
            accepted += [cell.metadata.must_fail] if "must_fail" in cell.metadata else []
    return accepted


@each_lesson
def test_solutions_are_accepted_and_stubs_refused(lesson):
    assert accepted_without_an_answer(trial(excerpt(lesson)), {"__name__": "__main__"}) == []


EXERCISE = '''
# %% [markdown]
# # 9 · A little lesson

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
def little(tmp_path):
    path = tmp_path / "99_little.py"
    path.write_text(EXERCISE.lstrip())
    return path


def test_trial_passes_a_good_exercise_and_finds_a_test_that_accepts_anything(little):
    nb = build.read_source(little)
    assert lesson_rules.exercises_not_whole(nb) == []
    assert accepted_without_an_answer(trial(nb), {}) == []
    nb.cells[-1].source = "assert True"
    assert accepted_without_an_answer(trial(nb), {}) == ["double-hidden"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (' part="checker"', ' part="check"'),
        ("### BEGIN SOLUTION", "### START SOLUTION"),
        ("check.double(double)", "double(1)"),
        ("assert double(4) == 8", "double(4)"),
        ("    ### END SOLUTION\n", "    ### END SOLUTION\n\n\ndef half(x):\n    return x / 2\n"),
        ('exercise="double" part="hidden"', 'exercise="double" kind="quiz" part="hidden"'),
        ('exercise="double"', 'exercise="double" kind="essay"'),
        (
            '# %% exercise="double" part="checker"',
            '# %%\n1\n\n# %% exercise="double" part="checker"',
        ),
        ('[markdown] exercise="double"', "[markdown]"),
        ('exercise="double" part="hidden"', 'part="hidden"'),
    ],
)
def test_an_incomplete_exercise_is_found(little, old, new):
    assert old in EXERCISE
    little.write_text(EXERCISE.lstrip().replace(old, new))
    assert lesson_rules.exercises_not_whole(build.read_source(little)) != []


# Whole lessons.


@pytest.mark.whole
@pytest.mark.parametrize(
    ("lesson", "source", "shown"),
    [
        pytest.param(lesson, source, shown, marks=real(source), id=lesson)
        for lesson, source, shown in (
            ("01_keypoints_and_flip", "facial-keypoints", "px off"),
            ("02_residual_keypoint_model", "facial-keypoints", "pixels"),
            ("03_first_classifier", "fer2013", "of real ones"),
            ("06_identity_and_unknown", "five-celebrities", "friends' photos"),
        )
    ],
)
def test_a_lesson_runs_on_real_faces_with_one_word_changed(lesson, source, shown, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    nb = build.published(build.read_source(build.SOURCES / f"{lesson}.py"))
    (cell,) = (cell for cell in code_cells(nb) if cell.source.startswith('SOURCE = "made"'))
    cell.source = cell.source.replace('"made"', f'"{source}"', 1)
    assert shown in build.showed(build.execute(nb))
