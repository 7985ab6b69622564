"""A lesson cut down to its exercises: its title, the imports that they use, and their cells.

Functions and quizzes need nothing else of their lesson, nor do stubs and checkers of experiments
and challenges, so they are tried without training and drawing.
"""

import ast
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from notebooks import build


def excerpt(lesson: Path) -> NotebookNode:
    """Return the excerpt of a lesson's text: title, one cell of imports, exercises in order."""
    nb = build.read_source(lesson)
    title, others = nb.cells[0], nb.cells[1:]
    exercises = [cell for cell in others if "exercise" in cell.metadata]
    imports = [line for cell in others if cell not in exercises for line in imports_of(cell)]
    used = {
        node.id
        for cell in exercises
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Name)
    }
    needed = [line for line in imports if name_of(line) in used]
    nb.cells = [title, new_code_cell("\n".join(map(ast.unparse, needed))), *exercises]
    return build.with_stable_ids(nb)


def imports_of(cell: NotebookNode) -> list[ast.Import | ast.ImportFrom]:
    """Return what a cell imports, one name a statement."""
    if cell.cell_type != "code":
        return []
    found = []
    for line in ast.parse(cell.source).body:
        if isinstance(line, ast.Import):
            found += [ast.Import([name]) for name in line.names]
        elif isinstance(line, ast.ImportFrom):
            found += [ast.ImportFrom(line.module, [name], line.level) for name in line.names]
    return found


def name_of(line: ast.Import | ast.ImportFrom) -> str:
    """Return the name by which a lesson calls what it imports."""
    name = line.names[0]
    return (name.asname or name.name).partition(".")[0]
