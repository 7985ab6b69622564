"""The one tool for lessons: text sources in, executed notebooks, pages and assignments out.

A lesson is written once, in `source/*.py` (jupytext percent). Everything a learner, a teacher or a
test needs is derived from it here, so that nothing is written twice and nothing can drift apart.

    python notebooks/build.py notebooks     rebuild and run notebooks/*.ipynb
    python notebooks/build.py course        run the lessons; notebooks and pages into build/course/
    python notebooks/build.py assignments   nbgrader's source notebooks into build/assignments/
    python notebooks/build.py drift         which notebooks are not what their text says?
    python notebooks/build.py minutes       how long is each lesson?
    python notebooks/build.py badges O/NAME lead badges and set-up cells to the repository O/NAME
"""

import argparse
import copy
import hashlib
import html
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
import tomllib
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from helpers.files import whole_file
from reading_faces.exercises.grading import (
    FOLDED,
    POINTS_PER_LESSON,
    UNLESS_YOURS,
    shares,
    unless_yours,
)

NOTEBOOKS = Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
SOURCES = NOTEBOOKS / "source"
BUILD = ROOT / "build"

PARTS = {
    "function": ("solution", "checker", "hidden"),
    "quiz": ("solution", "checker"),
    "experiment": ("solution", "checker"),
    "challenge": ("solution", "checker"),
}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "...  # your code here"
BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
HIDDEN = "# When your work is graded, a hidden test runs here."
CELL_SECONDS = 600
# Where an address of the course's own repository may stand.
STAMPED = (
    *("pyproject.toml", "*.md", "data/*.md", "docs/*.md", ".github/**/*.yml"),
    *("notebooks/*.ipynb", "notebooks/source/*.py"),
)


def sources(names: list[str] | None = None) -> list[Path]:
    """Return the lessons' text files in teaching order, all or those whose name starts so."""
    paths = sorted(SOURCES.glob("[0-9]*.py"))
    chosen = [path for path in paths if not names or path.stem.startswith(tuple(names))]
    if not chosen:
        raise SystemExit(f"No lesson {' '.join(names or [])} in {SOURCES}.".replace("  ", " "))
    return chosen


def read_source(path: Path) -> NotebookNode:
    """Read a lesson's text as a notebook without outputs: every cell, with a stable id."""
    nb = jupytext.read(path, fmt={"extension": ".py", "format_name": "percent"})
    nb.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in nb.cells:
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's own note on blank lines
    return with_stable_ids(nb)


def with_stable_ids(nb: NotebookNode) -> NotebookNode:
    """Name cells after their exercise or content, so that an edit changes no other cell's id."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in nb.cells:
        name, part = cell.metadata.get("exercise"), cell.metadata.get("part", "task")
        base = f"{name}-{part}" if name else hashlib.sha1(cell.source.encode()).hexdigest()[:8]
        seen[base] = seen.get(base, 0) + 1
        cell.id = base if seen[base] == 1 else f"{base}-{seen[base]}"
    return nb


def kind_of(cell: NotebookNode) -> str:
    """Return the kind of exercise that a cell belongs to: a function, unless it says otherwise."""
    return cell.metadata.get("kind", "function")


def stub_of(solution: NotebookNode) -> str:
    """Return a solution's code with what stands between the markers replaced by a stub.

    Where a template line stands before the markers, for values that a learner fills in, nothing
    takes its place.
    """
    kept, inside = [], False
    for line in solution.source.splitlines():
        if line.strip() == BEGIN:
            inside = True
            if kind_of(solution) == "function":
                kept.append(line[: line.index("#")] + STUB)
        elif line.strip() == END:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def without_markers(code: str) -> str:
    """Return a solution's code without the lines that say where it begins and ends."""
    return "\n".join(line for line in code.splitlines() if line.strip() not in (BEGIN, END))


def published(nb: NotebookNode) -> NotebookNode:
    """Return the learner's notebook: stub, checker, then what the course itself would answer.

    The solution of a function is folded and runs too, so Run All works; it gives way to what a
    learner wrote and the checker accepted. What an experiment or a challenge asks for takes time,
    so one way to do it is a folded text. A quiz is not answered.
    """
    nb = copy.deepcopy(nb)
    cells, solution = [], None
    for cell in nb.cells:
        part = cell.metadata.get("part")
        if part == "solution":
            solution = cell
            stub = nbformat.v4.new_code_cell(stub_of(cell))
            stub.metadata = nbformat.from_dict({**cell.metadata, "part": "stub"})
            cells.append(stub)
        elif part == "checker":
            cells.append(cell)
            cells += answer_of_the_course(solution)
        elif part != "hidden":
            cells.append(cell)
    nb.cells = cells
    return with_stable_ids(nb)


def answer_of_the_course(solution: NotebookNode) -> list[NotebookNode]:
    """Return the cell that comes after a checker: a folded solution, a folded text, or none."""
    if kind_of(solution) == "quiz":
        return []
    if kind_of(solution) == "function":
        solution.source = f"{FOLDED}\n{unless_yours(without_markers(solution.source))}"
        solution.metadata.update(cellView="form", jupyter={"source_hidden": True})
        return [solution]
    text = folded("One way to do it", without_markers(solution.source))
    metadata = {**solution.metadata, "part": "reference"}
    return [nbformat.v4.new_markdown_cell(text, metadata=metadata)]


def folded(title: str, code: str) -> str:
    """Return code under a title to click at, in one line of HTML.

    At an empty line Markdown would end the block and unfold it.
    """
    code = html.escape(code.strip()).replace("\n", "&#10;")
    return f"<details><summary>{title}</summary><pre>{code}</pre></details>"


def assignment(nb: NotebookNode) -> NotebookNode:
    """Return nbgrader's source notebook: solutions and hidden tests marked, checkers that raise.

    nbgrader makes the release of it: stubs for the solutions, and empty cells for the hidden tests.
    """
    nb = copy.deepcopy(nb)
    graded = [cell for cell in nb.cells if cell.metadata.get("part") in ("checker", "hidden")]
    points = shares(len(graded)) if graded else []
    for cell in nb.cells:
        part = cell.metadata.get("part")
        if not part:
            continue
        cell.metadata["nbgrader"] = nbformat.from_dict(
            {
                "schema_version": 3,
                "grade_id": f"{cell.metadata['exercise']}-{part}",
                "grade": part != "solution",
                "solution": part == "solution",
                "locked": part != "solution",
                "task": False,
            }
        )
        if part != "solution":
            cell.metadata["nbgrader"]["points"] = points.pop(0)
        if part == "checker":
            cell.source = cell.source.rstrip() + ".require()"
        elif part == "hidden":
            cell.source = f"{HIDDEN}\n{BEGIN_HIDDEN}\n{cell.source}\n{END_HIDDEN}"
    return nb


def graded_together(nb: NotebookNode) -> NotebookNode:
    """Let hidden tests of an assignment count only where the checker passes as well.

    So a hidden test asks what the checker cannot, and a mistake that the checker names costs all.
    Where it costs all, later cells go on with the course's own function: each mistake counts once.
    """
    parts: dict[str, str] = {}
    for cell in nb.cells:
        part = cell.metadata.get("part")
        if part == "hidden":
            test = cell.source.removeprefix(f"{HIDDEN}\n{BEGIN_HIDDEN}\n")
            test = f"{parts['checker']}\n{test.removesuffix(END_HIDDEN)}"
            ours = without_markers(unless_yours(parts["solution"]))
            cell.source = "\n".join(
                (HIDDEN, BEGIN_HIDDEN, "try:", textwrap.indent(test.rstrip(), "    "))
                + ("finally:", textwrap.indent(ours, "    "), END_HIDDEN)
            )
        elif part:
            parts[part] = cell.source
    return nb


def execute(nb: NotebookNode, timeout: int = CELL_SECONDS) -> NotebookNode:
    """Run every cell in a fresh kernel that starts in `notebooks/`, and tidy what it leaves."""
    NotebookClient(
        nb,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    ).execute(stderr=subprocess.DEVNULL)  # TensorFlow's chatter; Python's own goes into the cells
    return tidy(nb)


def tidy(nb: NotebookNode) -> NotebookNode:
    """Drop what differs between machines: stderr's logs, folders, addresses, versions."""
    nb.metadata["language_info"] = nbformat.from_dict({"name": "python"})
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
        for out in cell.outputs:
            holder = out if out.output_type == "stream" else out.get("data", {})
            for key in ("text", "text/plain", "text/html"):
                if isinstance(holder.get(key), str):
                    holder[key] = without_this_machine(holder[key])
    return nb


def without_this_machine(text: str) -> str:
    """Return the text without the folders of this machine and without addresses of objects."""
    for folder, short in ((ROOT, "reading-faces"), (Path.home(), "~")):
        text = text.replace(str(folder), short)
    return re.sub(r" at 0x[0-9a-f]{6,}", "", text)


def write(text: str, path: Path) -> None:
    """Write a text whole or not at all, so that an interrupted run never leaves half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def copy_pictures(folder: Path) -> None:
    """Put the pictures that lessons link to beside notebooks in another folder."""
    shutil.copytree(NOTEBOOKS / "pictures", folder / "pictures", dirs_exist_ok=True)


def moved_to(nb: NotebookNode, folder: Path) -> NotebookNode:
    """Return the lesson with links out of notebooks/ leading to the same files from a folder."""
    nb, root = copy.deepcopy(nb), Path(os.path.relpath(ROOT, folder)).as_posix()
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](../", f"]({root}/")
    return nb


def page(nb: NotebookNode, title: str) -> str:
    """Return the lesson as one self-contained HTML page, its solutions folded."""
    from nbconvert import HTMLExporter

    nb = copy.deepcopy(nb)
    for i, cell in enumerate(nb.cells):
        if cell.metadata.get("part") == "solution":
            code = cell.source.removeprefix(FOLDED).replace(UNLESS_YOURS, "")
            nb.cells[i] = nbformat.v4.new_markdown_cell(folded("Solution", code), id=cell.id)
    exporter = HTMLExporter(embed_images=True)
    return exporter.from_notebook_node(
        nb, resources={"metadata": {"path": str(NOTEBOOKS), "name": title}}
    )[0]


def title_of(nb: NotebookNode) -> str:
    """Return the lesson's one H1."""
    return next(line[2:] for c in nb.cells for line in c.source.splitlines() if line[:2] == "# ")


def showed(nb: NotebookNode) -> str:
    """Return the first line that the cell tagged `showed` printed: the result in a sentence."""
    for cell in nb.cells:
        if "showed" in cell.metadata.get("tags", []):
            printed = "".join(out.get("text", "") for out in cell.outputs)
            return printed.strip().partition("\n")[0]
    return ""


def run_lessons(paths: list[Path], finish) -> list[tuple[str, float, str, bool]]:
    """Run lessons in order, give each to `finish`, say how far we are; a failure stops no other."""
    rows = []
    for i, path in enumerate(paths, start=1):
        nb = published(read_source(path))
        print(f"[{i}/{len(paths)}] {title_of(nb)} …", end=" ", flush=True)
        begun = time.monotonic()
        try:
            finish(path, execute(nb))
            result, good = showed(nb), True
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            report = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
            result, good = f"FAILED: {report.splitlines()[-1]}", False
            print(f"\n{report}", file=sys.stderr)
        seconds = time.monotonic() - begun
        print(f"{'done' if good else 'FAILED'} in {seconds:.0f} s", flush=True)
        rows.append((path.stem, seconds, result, good))
    return rows


def build_notebooks(paths: list[Path]) -> int:
    """Write notebooks/*.ipynb with outputs, always with the profile and the data a learner has."""
    os.environ["COURSE_PROFILE"] = "lesson"
    os.environ.pop("COURSE_DATA", None)

    def finish(path: Path, nb: NotebookNode) -> None:
        nbformat.validate(nb)
        write(nbformat.writes(nb) + "\n", NOTEBOOKS / f"{path.stem}.ipynb")

    return 0 if all(row[-1] for row in run_lessons(paths, finish)) else 1


def build_course(paths: list[Path]) -> int:
    """Run the course into build/course/ and end with a table of what each lesson showed."""

    def finish(path: Path, nb: NotebookNode) -> None:
        nb = moved_to(nb, BUILD / "course")
        write(nbformat.writes(nb) + "\n", BUILD / "course" / f"{path.stem}.ipynb")
        write(page(nb, title_of(nb)), BUILD / "course" / f"{path.stem}.html")

    copy_pictures(BUILD / "course")
    rows = run_lessons(paths, finish)
    wide = max(len(row[0]) for row in rows)
    print(f"\n{'lesson':<{wide}}  seconds  what it showed")
    for name, seconds, result, _ in rows:
        print(f"{name:<{wide}}  {seconds:>7.0f}  {result}")
    print(f"\nNotebooks and pages are in {BUILD / 'course'}; open the .html in a browser.")
    return 0 if all(row[-1] for row in rows) else 1


def build_assignments(paths: list[Path]) -> int:
    """Write build/assignments/: a source notebook a lesson, and nbgrader's settings beside them."""
    folder = BUILD / "assignments"
    write(
        (NOTEBOOKS / "nbgrader_config.py").read_text(encoding="utf-8"),
        folder / "nbgrader_config.py",
    )
    for path in paths:
        nb = graded_together(assignment(read_source(path)))
        exercises = sum(cell.metadata.get("part") == "checker" for cell in nb.cells)
        if exercises:
            write(nbformat.writes(nb) + "\n", folder / "source" / path.stem / f"{path.stem}.ipynb")
            copy_pictures(folder / "source" / path.stem)
        points = f", {POINTS_PER_LESSON} points" if exercises else ""
        print(f"{path.stem}: {exercises or 'no'} exercises{points}")
    print(f"Next, with the environment active: cd {folder} && nbgrader generate_assignment NAME")
    return 0


def on_the_main_path(cell: NotebookNode) -> bool:
    """Return whether a cell is for everyone: neither optional nor part of an exercise."""
    return not cell.metadata.get("exercise") and "optional" not in cell.metadata.get("tags", [])


def words_of(cell: NotebookNode) -> str:
    """Return a text cell's prose, without code, pictures, addresses and HTML."""
    text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
    text = re.sub(r"(?<!\\)\$[^$]+\$|`[^`]*`", "x", text)
    text = re.sub(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)|!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"<[^>]*>|https?://\S+", "", text)


def count_words(cells: list[NotebookNode]) -> int:
    """Return the words of the text cells among these."""
    texts = [words_of(cell) for cell in cells if cell.cell_type == "markdown"]
    return sum(len(re.findall(r"\w[\w'’.,-]*", text)) for text in texts)


def minutes(nb: NotebookNode) -> tuple[int, int]:
    """Return how long a lesson's text takes one person: the main path, and the exercises.

    A minute for every 120 words and a minute for each code cell, rounded up to 5; four minutes for
    each star of an exercise, rounded to 5.
    """
    main = [cell for cell in nb.cells if on_the_main_path(cell)]
    alone = count_words(main) / 120 + sum(cell.cell_type == "code" for cell in main)
    tasks = [cell.source for cell in nb.cells if cell.metadata.get("exercise")]
    stars = sum(task.partition("\n")[0].count("★") for task in tasks if task.startswith("###"))
    return 5 * math.ceil(alone / 5), 5 * round(4 * stars / 5)


def time_line(nb: NotebookNode) -> str:
    """Return what a lesson says at its top of the time that it takes."""
    main, exercises = minutes(nb)
    return f"**Time:** {main} minutes" + (
        f", and {exercises} for the exercises." if exercises else "."
    )


def report_minutes(paths: list[Path]) -> int:
    """Print for each lesson how its minutes come about, and the line that it should have."""
    for path in paths:
        nb = read_source(path)
        main = [cell for cell in nb.cells if on_the_main_path(cell)]
        code = sum(cell.cell_type == "code" for cell in main)
        print(f"{path.stem}: {count_words(main)} words and {code} code cells on the main path,")
        print(f"  {count_words(nb.cells)} words in all. {time_line(nb)}")
    return 0


def drifted(path: Path) -> bool:
    """Return whether a lesson's stored notebook is another, outputs aside, than its text says."""
    notebook = NOTEBOOKS / f"{path.stem}.ipynb"
    if not notebook.exists():
        return True
    stored = nbformat.read(notebook, as_version=4)
    for cell in stored.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return published(read_source(path)) != stored


def report_drift(paths: list[Path]) -> int:
    """Name the lessons whose notebook must be built again; for a commit hook, so nothing runs."""
    found = [path.stem for path in paths if drifted(path)]
    for name in found:
        print(f"notebooks/{name}.ipynb is not what its text says: run make notebooks")
    return 1 if found else 0


def repository(root: Path = ROOT) -> str:
    """Return OWNER/NAME of the course's repository, as pyproject.toml says."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].removeprefix("https://github.com/")


def stamp_badges(new: str, root: Path = ROOT) -> list[Path]:
    """Lead every address of the course's repository in a checkout to another, OWNER/NAME.

    Nothing runs again: outputs stay, and cells get the ids that a build would give them. Returns
    the files that changed.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", new):
        raise SystemExit(f"{new!r} is no repository; wanted: owner/name, as GitHub writes it.")
    address = re.compile(rf"(?<=github\.com/|com/github/){re.escape(repository(root))}(?![\w-])")
    changed = []
    for path in sorted({path for pattern in STAMPED for path in root.glob(pattern)}):
        before = path.read_text(encoding="utf-8")
        after = address.sub(new, before)
        if after != before and path.suffix == ".ipynb":
            after = nbformat.writes(with_stable_ids(nbformat.reads(after, as_version=4))) + "\n"
        if after != before:
            write(after, path)
            changed.append(path)
    return changed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, build, what in (
        ("notebooks", build_notebooks, "rebuild and run notebooks/*.ipynb"),
        ("course", build_course, "run the lessons into build/course/ and show a table"),
        ("assignments", build_assignments, "write nbgrader's sources into build/assignments/"),
        ("drift", report_drift, "name the notebooks that are not what their text says"),
        ("minutes", report_minutes, "count words and cells, and say how long a lesson takes"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("lessons", nargs="*", help="by number, for instance 01; default: all")
        command.set_defaults(build=build)
    command = commands.add_parser("badges", help="lead the lessons' badges to another repository")
    command.add_argument("repository", metavar="OWNER/NAME")
    arguments = parser.parse_args()
    if "repository" in arguments:
        changed = stamp_badges(arguments.repository)
        print(f"{len(changed)} files now lead to https://github.com/{arguments.repository}")
        return 0
    return arguments.build(sources(arguments.lessons))


if __name__ == "__main__":
    sys.exit(main())
