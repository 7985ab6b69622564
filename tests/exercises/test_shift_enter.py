"""Shift+Enter from the top of each lesson's excerpt: what a learner wrote is kept or made good.

Every function is played three times: with a right answer, with a wrong one, and with none.
"""

import ast
import importlib
import re

import pytest
from excerpts import excerpt
from lesson_rules import cells_with_errors, code_cells, defined, exercises_of
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from notebooks import build
from reading_faces.exercises import check, verdict

LESSONS = [path for path in build.sources() if exercises_of(build.read_source(path))]
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def checker_of(cell: NotebookNode):
    """Return the checker that a cell calls, and the name of what it is given."""
    called, given = re.search(r"check\.(\w+)\((\w+)\)$", cell.source.strip()).groups()
    return getattr(check, called), given


class Kernel:
    """Runs cells one after the other, here, and keeps the value that each ends with."""

    def __init__(self):
        self.names = {"__name__": "__main__"}

    def run(self, cell: NotebookNode):
        code = ast.parse(cell.source)
        last = code.body.pop() if code.body and isinstance(code.body[-1], ast.Expr) else None
        exec(compile(code, cell.get("id", "cell"), "exec"), self.names)
        if last:
            return eval(compile(ast.Expression(last.value), cell.id, "eval"), self.names)


def play(kernel: Kernel, nb: NotebookNode, answer_to) -> dict[str, tuple]:
    """Run a published excerpt; return for each exercise its verdict and what later cells see.

    `answer_to` takes a checker and returns what a learner makes of the stub; None: nothing.
    """
    played, checkers = {}, {c.metadata.exercise: c for c in nb.cells if is_part(c, "checker")}
    for cell in code_cells(nb):
        value = kernel.run(cell)
        if is_part(cell, "stub"):
            checker, name = checker_of(checkers[cell.metadata.exercise])
            answer = answer_to(checker)
            if answer is not None:
                kernel.names[name] = answer
        elif is_part(cell, "checker"):
            played[cell.metadata.exercise] = (value, answer)
    return played


def refused(checker, wrong: list[tuple]):
    """Return the first of the wrong answers that is wrong, not merely unfinished."""
    return next(answer for answer, _ in wrong if repr(checker(answer)).startswith("❌"))


def is_part(cell: NotebookNode, part: str) -> bool:
    return cell.metadata.get("part") == part


def functions(nb: NotebookNode) -> dict[str, str]:
    """Return the function that each exercise of that kind asks for."""
    cells = [cell for cell in nb.cells if is_part(cell, "solution")]
    return {cell.metadata.exercise: defined(cell)[0].name for cell in cells}


@each_lesson
def test_later_cells_see_the_learners_function_if_it_is_right_and_ours_if_not(lesson, capsys):
    nb, kernel = build.published(excerpt(lesson)), Kernel()
    answers = importlib.import_module(f"answers_{lesson.stem[:2]}")
    for answer_to, mark in (
        (lambda checker: None, "⬜"),
        (lambda checker: refused(checker, answers.WRONG[checker]), "❌"),
        (lambda checker: answers.RIGHT[checker][0], "✅"),
        (lambda checker: None, "⬜"),  # again in the same kernel
    ):
        played = play(kernel, nb, answer_to)
        said = capsys.readouterr().out
        assert {repr(value)[0] for value, _ in played.values()} == {mark}
        for exercise, name in functions(nb).items():
            kept = kernel.names[name] is played[exercise][1]
            ours = verdict.among(verdict.ours, kernel.names[name])
            assert (kept, ours) == (mark == "✅", mark != "✅"), name
            assert f"uses {'your own' if kept else 'our'} {name}" in said


@each_lesson
def test_a_checker_that_is_asked_about_our_solution_says_so_and_praises_nobody(lesson):
    nb, kernel = build.published(excerpt(lesson)), Kernel()
    play(kernel, nb, lambda checker: None)
    for cell in nb.cells:
        if is_part(cell, "checker") and build.kind_of(cell) == "function":
            assert repr(kernel.run(cell)).startswith("⬜ This is our solution")


WITH_REFERENCES = [
    lesson
    for lesson in LESSONS
    if {build.kind_of(c) for c in build.read_source(lesson).cells} & {"experiment", "challenge"}
]


@pytest.mark.whole
@pytest.mark.parametrize("lesson", WITH_REFERENCES, ids=lambda path: path.stem)
def test_the_reference_answers_of_experiments_and_challenges_are_right(lesson, monkeypatch):
    """One run of the lesson as learners have it, with these answers where the stubs are."""
    monkeypatch.setenv("COURSE_PROFILE", "lesson")
    monkeypatch.delenv("COURSE_DATA", raising=False)
    source = build.read_source(lesson)
    asked = {
        cell.metadata.exercise: build.without_markers(cell.source)
        for cell in source.cells
        if is_part(cell, "solution") and build.kind_of(cell) in ("experiment", "challenge")
    }
    nb = build.published(source)
    for cell in nb.cells:
        if is_part(cell, "stub") and cell.metadata.exercise in asked:
            cell.source = asked[cell.metadata.exercise]
    ran = build.execute(nb)
    said = {
        cell.metadata.exercise: cell.outputs[-1].data["text/plain"]
        for cell in ran.cells
        if is_part(cell, "checker") and cell.metadata.exercise in asked
    }
    assert said.keys() == asked.keys()
    assert {name: text for name, text in said.items() if not text.startswith("✅")} == {}


@pytest.mark.whole
@each_lesson
def test_all_cells_run_a_second_time_in_the_same_kernel(lesson, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    nb = build.published(build.read_source(lesson))
    nb.cells += [new_code_cell(cell.source) for cell in code_cells(nb)]
    assert cells_with_errors(build.execute(nb)) == []
