"""Score a solved lesson as nbgrader would, without nbgrader.

The learner's notebook runs from top to bottom in a kernel of its own. Checkers, hidden tests and
folded solutions are those of the lesson's text, not what a learner made of them.
What cannot be scored, for the notebook or for what is not installed, is a ValueError that says why.
"""

import re
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbclient
import nbformat
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook
from tqdm import tqdm

from helpers.settings import PACKAGE

POINTS_PER_LESSON = 100
FOLDED = "# @title Solution: click to open"
UNLESS_YOURS = "@check.unless_yours\n"
GRADED_SECONDS = 60  # a checker or a hidden test; more is a loop without end


@dataclass(frozen=True)
class Exercise:
    """An exercise of a lesson: its checker's code and, of a function, hidden test and solution."""

    name: str
    checker: str
    hidden: str = ""
    solution: str = ""


@dataclass(frozen=True)
class Score:
    """What an exercise got: points, of how many, if that is all, and what the checker says."""

    exercise: str
    points: int
    of: int
    passed: bool
    message: str


def shares(cells: int) -> list[int]:
    """Split a lesson's points among its graded cells as evenly as whole numbers allow."""
    ends = [POINTS_PER_LESSON * i // cells for i in range(cells + 1)]
    return [end - begin for begin, end in zip(ends, ends[1:], strict=False)]


def lessons() -> dict[str, list[Exercise]]:
    """Return the exercises of each lesson, from the lessons' text."""
    checkout = PACKAGE.parent / "notebooks" / "source"
    folder = checkout if checkout.is_dir() else PACKAGE / "shipped" / "lessons"
    found = {path.stem: exercises_in(path) for path in sorted(folder.glob("[0-9]*.py"))}
    if not found:
        raise ValueError("The lessons' text is missing here; run `check` in a checkout.")
    return found


def unless_yours(code: str) -> str:
    """Return the code of a function that gives way to a learner's own that was accepted."""
    return re.sub(r"^def ", f"{UNLESS_YOURS}def ", code, count=1, flags=re.MULTILINE)


def exercises_in(path: Path) -> list[Exercise]:
    """Read the exercises of one lesson; its text is jupytext's percent format."""
    parts: dict[str, dict[str, str]] = {}
    for cell in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        header, _, code = cell.partition("\n")
        marks = dict(re.findall(r'(\w+)="(\w+)"', header))
        if "part" in marks:
            parts.setdefault(marks["exercise"], {})[marks["part"]] = code.strip()
    return [
        Exercise(name, found["checker"], found["hidden"], unless_yours(found["solution"]))
        if "hidden" in found
        else Exercise(name, found["checker"])
        for name, found in parts.items()
    ]


def read_cells(path: Path) -> list:
    """Return the code cells of a notebook, without what they once gave."""
    if not path.is_file():
        raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'not there'}.")
    try:
        with warnings.catch_warnings(action="ignore"):  # cells without an id, as Colab saves them
            notebook = nbformat.read(path, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        return [new_code_cell(cell.source, metadata=cell.metadata) for cell in code]
    except Exception as error:  # nbformat lets through whatever a broken file leads to
        raise ValueError(f"{path} is no notebook ({type(error).__name__}).") from error


def part_of(cell, exercises: list[Exercise]) -> tuple[str | None, str | None]:
    """Return which exercise a cell belongs to, and as what: stub, solution, checker or hidden.

    The lesson's own marks come first, then nbgrader's. A platform may drop both: then the checker
    is known by what it calls.
    """
    name, part = cell.metadata.get("exercise"), cell.metadata.get("part")
    nbgrader = cell.metadata.get("nbgrader") or {}
    if not part and nbgrader.get("grade_id"):
        name, _, part = nbgrader["grade_id"].rpartition("-")
    if part:  # what nbgrader calls a solution is where the learner writes
        return name, "stub" if nbgrader and part == "solution" else part
    if cell.source.startswith(FOLDED):
        return None, "solution"
    call = re.search(r"^check\.\w+\(", cell.source, re.MULTILINE)
    for exercise in exercises:
        if call and call[0] in exercise.checker:
            return exercise.name, "checker"
    return None, None


def find_lesson(cells: list, path: Path) -> tuple[str, list[Exercise]]:
    """Return the lesson whose exercises a notebook holds, whatever the file is called."""
    known = lessons()

    def matches(lesson: str) -> int:
        names = {exercise.name for exercise in known[lesson]}
        return len(names & {part_of(cell, known[lesson])[0] for cell in cells})

    lesson = max(known, key=matches)
    if matches(lesson):
        return lesson, known[lesson]
    if any(part_of(cell, [])[1] for cell in cells):
        raise ValueError(f"{path} has exercises, but of no lesson of this version of the course.")
    raise ValueError(f"{path} has no exercises of this course.")


def probe(cells: list, exercises: list[Exercise]):
    """Return the notebook that is run: the learner's cells, our checkers, tests and solutions."""
    parts = [part_of(cell, exercises) for cell in cells]
    # Of copies of a checker the last counts; where somebody deleted it, it comes at the end.
    last = {name: i for i, (name, part) in enumerate(parts) if part == "checker"}
    graded = {
        exercise.name: [
            new_code_cell(code, metadata={"exercise": exercise.name, "part": part})
            for part in ("checker", "hidden", "solution")
            if (code := getattr(exercise, part))
        ]
        for exercise in exercises
    }
    kept = []
    for i, (cell, (name, part)) in enumerate(zip(cells, parts, strict=True)):
        if part not in ("solution", "checker", "hidden"):
            marks = {"exercise": name, "part": part, "number": i + 1}
            kept.append(new_code_cell(cell.source, metadata=marks))
        elif last.get(name) == i:
            kept += graded.pop(name, [])
    return new_notebook(cells=kept + sum(graded.values(), []))


def execute(notebook, path: Path, seconds: int):
    """Run every cell, in the folder of the learner's notebook, whether those before it failed."""
    begun: list[int] = []  # which cells, as the learner counts them
    bar = tqdm(total=len(notebook.cells), unit="cell", disable=None)
    client = nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout_func=lambda cell: seconds if "number" in cell.metadata else GRADED_SECONDS,
        interrupt_on_timeout=True,
        allow_errors=True,
        record_timing=False,
        on_cell_start=lambda cell, cell_index: begun.append(cell.metadata.get("number", 0)),
        on_cell_executed=lambda **_: bar.update(),
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    try:
        return client.execute(stderr=subprocess.DEVNULL)
    except KeyError as error:  # jupyter_client's NoSuchKernel is one
        raise ValueError("`check` finds no Python kernel: pip install ipykernel") from error
    except DeadKernelError as error:
        raise ValueError(
            f"Python died at code cell {max(begun)} of {path}; it may have run out of memory."
        ) from error
    finally:
        bar.close()


def error_of(cell) -> str | None:
    """Return what stopped a cell, in a line, or None."""
    error = next((out for out in cell.outputs if out.output_type == "error"), None)
    if error and error.ename == "KeyboardInterrupt":
        return "It took too long and was stopped."
    return f"{error.ename}: {error.evalue}".partition("\n")[0] if error else None


def score(notebook, exercises: list[Exercise]) -> Iterator[Score]:
    """Give points for each checker that passes, and as many for a hidden test that passes too."""
    cells = {(cell.metadata.exercise, cell.metadata.part): cell for cell in notebook.cells}
    points = iter(shares(sum(1 + bool(exercise.hidden) for exercise in exercises)))
    for exercise in exercises:
        of = next(points), next(points) if exercise.hidden else 0
        right, message = verdict_of(cells[exercise.name, "checker"])
        hidden = exercise.hidden and error_of(cells[exercise.name, "hidden"])
        stub = cells.get((exercise.name, "stub"))
        if not right and stub and error_of(stub):
            message = f"Your cell stops with {error_of(stub)}"
        elif right and hidden:
            message = "Right where the checker looks, but a hidden test finds a case that is not."
        passed = right and not hidden
        earned = of[0] * right + of[1] * passed
        yield Score(exercise.name, earned, sum(of), passed, message)


def verdict_of(cell) -> tuple[bool, str]:
    """Return whether a checker that was run said yes, and its sentence."""
    said = [out for out in cell.outputs if out.output_type == "execute_result"]
    if error_of(cell) or not said:
        return False, error_of(cell) or "The checker said nothing."
    mark, _, message = said[-1]["data"]["text/plain"].partition(" ")
    return mark == "✅", message


def trouble_elsewhere(notebook) -> str | None:
    """Return a sentence about cells that failed outside the exercises, which no exercise explains.

    Where one is not solved, the cells after it go on with our solution.
    """
    failed = [cell for cell in notebook.cells if cell.metadata.part is None and error_of(cell)]
    if not failed:
        return None
    number, source = failed[0].metadata.number, failed[0].source.strip()
    line = next(iter(source.splitlines()), "")
    more = f" ({len(failed) - 1} more after it.)" if len(failed) > 1 else ""
    sentence = f"Code cell {number}, `{line}`, fails: {error_of(failed[0])}{more}"
    return f"{sentence} Exercises may need it: do not rely on this score."
