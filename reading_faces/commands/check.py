"""`python -m reading_faces check`: score a lesson with a learner's answers, in this terminal."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from reading_faces.commands.console import whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `check`."""
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="a lesson with answers")
    limit = "stop a cell after so many seconds (default %(default)s)"
    parser.add_argument("--timeout", type=whole(1, 86_400), default=600, help=limit)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a line an exercise and the score; return 1 if the score cannot be relied on."""
    try:
        from reading_faces.exercises import grading
    except ModuleNotFoundError as error:
        needed = "pip install nbclient nbformat ipykernel"
        raise ValueError(f"`check` lacks the package {error.name}: {needed}") from error
    cells = grading.read_cells(options.notebook)
    lesson, exercises = grading.find_lesson(cells, options.notebook)
    ran = grading.execute(grading.probe(cells, exercises), options.notebook, options.timeout)
    scores = list(grading.score(ran, exercises))
    trouble = grading.trouble_elsewhere(ran)
    total = sum(row.points for row in scores)
    if options.json:
        result = {
            "notebook": str(options.notebook),
            "lesson": lesson,
            "score": total,
            "of": grading.POINTS_PER_LESSON,
            "exercises": [asdict(row) for row in scores],
            "trouble": trouble,
        }
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        wide = max(len(row.exercise) for row in scores)
        for row in scores:
            mark = "✅" if row.passed else "❌"
            print(f"{mark} {row.points:3}/{row.of:<3} {row.exercise:{wide}}  {row.message}")
        print(f"{lesson}: {total} of {grading.POINTS_PER_LESSON} points")
    if trouble:
        print(trouble, file=sys.stderr)
    return 1 if trouble else 0
