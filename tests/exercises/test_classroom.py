"""Assignments go through nbgrader: handed out without answers, graded, given back without tests.

What nbgrader makes of each lesson's text is checked for all lessons, without running it: that each
solution is accepted and each stub refused is tested with the notebooks. nbgrader's own commands are
tried on lesson 1 alone, and on its imports and exercises only: each runs a notebook three times,
and the cells in between neither give points nor take any. So experiments and challenges are
answered there with what their answers in the tests say.
"""

import csv
import html
import os
import re
import runpy
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from document_rules import anchor
from excerpts import excerpt
from form_rules import IN_FORM
from nbformat import NotebookNode
from traitlets.config import get_config

from notebooks import build
from reading_faces.__main__ import main
from reading_faces.exercises import grading

LESSONS = [path for path in build.sources() if grading.exercises_in(path)]
FIRST = LESSONS[0]

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def nbgrader_settings():
    """Return the settings that `make assignments` puts beside the assignments."""
    settings = get_config()
    runpy.run_path(str(build.NOTEBOOKS / "nbgrader_config.py"), {"get_config": lambda: settings})
    return settings


def released(assignment: NotebookNode) -> NotebookNode:
    """Return what nbgrader would hand out."""
    from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearSolutions

    settings = nbgrader_settings()
    for step in (CheckCellMetadata, ClearSolutions, ClearHiddenTests):
        assignment, _ = step(config=settings).preprocess(assignment, {})
    return assignment


def graded(nb: NotebookNode) -> dict[str, NotebookNode]:
    """Return the cells that nbgrader knows, by their id."""
    cells = [cell for cell in nb.cells if "nbgrader" in cell.metadata]
    found = {cell.metadata.nbgrader.grade_id: cell for cell in cells}
    assert len(found) == len(cells), "an id occurs twice"
    return found


def secrets(source: NotebookNode) -> dict[str, list[str]]:
    """Return the lines of each solution and hidden test that the lesson says nowhere else."""
    parts = {"solution": [], "hidden": [], None: []}
    for cell in source.cells:
        parts[cell.metadata.get("part") if cell.metadata.get("part") in parts else None].append(
            cell
        )
    told = squeezed("\n".join(cell.source for cell in parts[None]))
    found = {}
    for cell in parts["solution"] + parts["hidden"]:
        text = cell.source.partition(build.BEGIN)[2].partition(build.END)[0] or cell.source
        lines = [squeezed(line) for line in text.splitlines()]
        lines = [line for line in lines if len(line) > 12 and line not in told]
        assert lines, f"nothing to look for in {cell.id}"
        found[f"{cell.metadata.exercise}-{cell.metadata.part}"] = lines
    return found


def squeezed(text: str) -> str:
    """Return the text without spaces, as a page of HTML has others."""
    return re.sub(r"\s+", "", text)


@each_lesson
def test_an_assignment_is_worth_100_points(lesson):
    cells = graded(build.assignment(build.read_source(lesson)))
    points = [cell.metadata.nbgrader.get("points", 0) for cell in cells.values()]
    assert cells and sum(points) == grading.POINTS_PER_LESSON
    assert all(
        cell.metadata.nbgrader.get("points")
        for cell in cells.values()
        if cell.metadata.nbgrader.grade
    )


@each_lesson
def test_a_hidden_test_counts_only_where_the_checker_passes(lesson):
    cells = graded(build.graded_together(build.assignment(build.read_source(lesson))))
    hidden = {name: cell for name, cell in cells.items() if name.endswith("-hidden")}
    for name, cell in hidden.items():
        required = cells[name.replace("-hidden", "-checker")].source
        assert cell.source.splitlines()[2:4] == ["try:", f"    {required}"]
        assert required.endswith(".require()")
    assert hidden


@each_lesson
def test_what_is_handed_out_has_stubs_and_checkers_and_gives_nothing_away(lesson):
    source = build.read_source(lesson)
    release = released(build.graded_together(build.assignment(source)))
    text = squeezed("\n".join(cell.source for cell in release.cells))
    for name, lines in secrets(source).items():
        assert not [line for line in lines if line in text], name
    cells = graded(release)
    for original in source.cells:
        name, part = original.metadata.get("exercise"), original.metadata.get("part")
        cell = cells.get(f"{name}-{part}")
        if part == "solution":
            assert cell.source == handed_out(original)
        elif part == "checker":
            assert cell.source == f"{original.source}.require()"
        elif part == "hidden":
            assert cell.source == build.HIDDEN


def handed_out(solution: NotebookNode) -> str:
    """Return what nbgrader leaves of a solution: as in the lesson, but always with a stub."""
    if build.kind_of(solution) != "function":
        return f"{build.stub_of(solution)}\n{build.STUB}"
    return build.stub_of(solution)


GUIDE, GLOSSARY = (
    (build.ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("teaching.md", "glossary.md")
)


def sections_of_the_guide() -> dict[str, str]:
    """Return what the guide says of each lesson, by the lesson's number."""
    return dict(re.findall(r"^### Lesson (\d\d) · .+\n((?:(?!##).*\n)*)", GUIDE, re.M))


@pytest.mark.parametrize("lesson", build.sources(), ids=lambda path: path.stem)
def test_the_guide_plans_a_lesson_of_90_minutes_and_answers_its_questions(lesson):
    section = sections_of_the_guide()[lesson.stem[:2]]
    plan = [int(minutes) for minutes in re.findall(r"^\| (\d+) \| \S", section, re.M)]
    assert sum(plan) == (15 if lesson.stem.startswith("00") else 90)
    assert all(f"**{part}**" in section for part in ("Skip", "They stumble", "Discuss"))
    questions = re.findall(r"^\d\. \*([^*]+\?)\*((?:.+\n?)(?:^ .+\n?)*)", section, re.M)
    assert questions and all(len(answer.split()) > 5 for _, answer in questions)


def test_the_guide_lists_every_checker_in_the_lessons_order():
    """But not those of the quizzes, whose wrong answers have no names."""
    exercises = [exercise for lesson in grading.lessons().values() for exercise in lesson]
    checkers = [re.search(r"check\.(\w+)", exercise.checker)[1] for exercise in exercises]
    checkers = [name for name in checkers if not name.startswith("quiz_")]
    assert re.findall(r"^\| \d \| `(\w+)` \|", GUIDE, re.M) == checkers


def glossary() -> dict[str, str]:
    """Return each term of the glossary with the numbers of its lessons."""
    rows = re.findall(r"^### (.+)\n\n((?:.+\n)+)", GLOSSARY, re.M)
    return {term: re.search(r"\*Lessons?\s([\d,\s]+)\.\*$", text)[1] for term, text in rows}


def test_the_glossary_names_lessons_that_use_its_words():
    told = {
        path.stem[1]: " ".join(cell.source for cell in build.read_source(path).cells).lower()
        for path in build.sources()
    }
    told = {number: " ".join(text.split()) for number, text in told.items()}
    assert len(glossary()) > 90
    for term, lessons in glossary().items():
        for number in re.findall(r"\d", lessons):
            assert term.lower() in told[number], f"lesson {number} never says {term}"


def test_a_term_is_linked_to_the_glossary_in_the_lesson_that_uses_it_first():
    linked = {
        path.stem[1]: re.findall(r"glossary\.md#([\w-]+)", path.read_text(encoding="utf-8"))
        for path in build.sources()
        if path.stem[:2] in IN_FORM
    }
    for term, lessons in glossary().items():
        first = lessons.strip()[0]
        assert anchor(term) in linked.get(first, [anchor(term)]), f"lesson {first}: {term}"


def test_the_glossary_has_each_term_once_in_alphabetical_order():
    terms = re.findall(r"^### (.+)$", GLOSSARY, re.M)
    assert terms == sorted({*terms}, key=str.lower)
    headings = re.findall(r"^##+ (.+)$", GLOSSARY, re.M)
    letters = [heading for heading in headings if len(heading) == 1]
    assert letters == list(dict.fromkeys(term[0].upper() for term in terms))


def scores() -> dict[str, int]:
    """Return what each learner gets: all, the first function with its hidden test, nothing."""
    exercises = grading.exercises_in(FIRST)
    shares = grading.shares(sum(1 + bool(exercise.hidden) for exercise in exercises))
    assert exercises[0].hidden
    return {"ada": 100, "ben": sum(shares[:2]), "cleo": 0}


def answer(solution: NotebookNode, checker: NotebookNode) -> str:
    """Return what solves an exercise without the rest of its lesson."""
    if build.kind_of(solution) in ("function", "quiz"):
        return solution.source
    call, name = re.search(r"(check\.\w+)\((\w+)\)$", checker.source.strip()).groups()
    tests = build.ROOT / "tests"
    return (
        f"import sys\nsys.path.append({str(tests)!r})\n"
        f"import answers_{FIRST.stem[:2]} as answers\n{name} = answers.RIGHT[{call}][0]"
    )


def solved(release: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    for name, cell in graded(release).items():
        cell.source = answers.get(name.removesuffix("-solution"), cell.source)
    return release


@pytest.fixture(scope="module")
def classroom(tmp_path_factory) -> Path:
    """Take lesson 1 to the feedback: Ada solves it, Ben in part, Cleo returns what she got."""
    folder, name, source = tmp_path_factory.mktemp("classroom"), FIRST.stem, excerpt(FIRST)

    def nbgrader(*command: str) -> None:
        active = (
            f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls alembic
        )
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command],
            cwd=folder,
            env={**os.environ, "PATH": active, "JUPYTER_CONFIG_DIR": str(folder / "jupyter")},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "BUILD", folder)
        patch.setattr(build, "read_source", lambda path: source)
        build.build_assignments([FIRST])
    folder = folder / "assignments"
    nbgrader("generate_assignment", name)
    solutions = {
        cell.metadata.exercise: answer(cell, checker)
        for cell, checker in pairwise(source.cells)
        if cell.metadata.get("part") == "solution"
    }
    first = grading.exercises_in(FIRST)[0].name
    naive = "def flip_keypoints(keypoints, width):\n    return keypoints * [-1, 1] + [width - 1, 0]"
    answers = {first: solutions[first], "flip": naive}
    for student, given in zip(scores(), (solutions, answers, {}), strict=True):
        release = nbformat.read(folder / "release" / name / f"{name}.ipynb", as_version=4)
        path = folder / "submitted" / student / name / f"{name}.ipynb"
        build.write(nbformat.writes(solved(release, given)), path)
    nbgrader("autograde", name)
    nbgrader("generate_feedback", name)
    nbgrader("export", "--to", "grades.csv")
    return folder


@pytest.mark.whole
def test_nbgrader_gives_100_points_for_all_answers_a_share_for_one_and_none_for_none(classroom):
    with (classroom / "grades.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["student_id"]: float(row["score"]) for row in rows} == scores()
    assert {float(row["max_score"]) for row in rows} == {100}


@pytest.mark.whole
def test_check_gives_the_same_score_as_nbgrader(classroom, capsys):
    found = {}
    for student in scores():
        path = classroom / "submitted" / student / FIRST.stem / f"{FIRST.stem}.ipynb"
        assert main(["check", str(path)]) == 0
        found[student] = int(re.search(r"(\d+) of 100", capsys.readouterr().out)[1])
    assert found == scores()


@pytest.mark.whole
def test_feedback_says_what_is_wrong_and_gives_neither_answers_nor_tests_away(classroom):
    lesson = FIRST.stem
    kept = secrets(build.read_source(FIRST))
    first = grading.exercises_in(FIRST)[0].name
    for student in scores():
        page = (classroom / "feedback" / student / lesson / f"{lesson}.html").read_text()
        text = squeezed(html.unescape(re.sub(r"<[^>]+>", "", page)))
        own = {"ada": set(kept), "ben": {f"{first}-solution"}, "cleo": set()}[student]
        for name, lines in kept.items():
            if name.endswith("hidden") or name not in own:
                assert not [line for line in lines if line in text], (student, name)
        assert ("Thehiddentestfailed" in text) == (student != "ada")
        assert ("Thehiddentestpassed" in text) == (student != "cleo")
        assert ("swappairs" in text) == (student == "ben")
