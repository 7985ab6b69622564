"""The form that lessons 01 to 06 share, and their language: each rule returns what is wrong.

The rules read a lesson's text, not its notebook, so a writer has them before anything has run.
"""

import re
import statistics
import symtable

from IPython.core.inputtransformer2 import TransformerManager
from lesson_rules import code_cells, defined, exercises_of, tags
from nbformat import NotebookNode

from notebooks import build

STAGES = ("Look", "Split", "Build", "Train", "Judge", "Break it")
LAST = ("What you learned", "Where this breaks", "Go further")
MOST_WORDS, MOST_CELLS, MEDIAN_LINES = 2400, 40, (2, 5)
MOST_OPTIONAL = 0.25
MOST_IMPORTS = 8
FEWEST_CHECKS = 4
LESSONS_SAID = 5
FEWEST = {"function": 2, "experiment": 1, "quiz": 1, "challenge": 1}
HOW_TO = "Type into the cell below and run it, then run the checker under it."

# Habits of the prose: how often a lesson may have each, or (per 1,000 words) how often at most.
NEVER = (
    *("somebody", "nobody", "whoever", "who looks", "shall", "are to be had", "whose it is"),
    *("by heart", "has to be had", "lest", "whence", "thereof"),
    r"(?:model|network|detector|classifier)s? (?:asks?|trusts?|looks? at|believes?)",
)
PER_THOUSAND = {r":(?=[\s*_]|$)": 8, ";": 4}
TITLES = ("nobody we know",)  # of a lesson
ASKS = r"before you (?:run|look|try|read)\b|do you expect\b"


def prose(nb: NotebookNode) -> str:
    """Return the words of a lesson, without code, pictures, and the targets of links."""
    return "\n\n".join(build.words_of(cell) for cell in nb.cells if cell.cell_type == "markdown")


def transformed(cell: NotebookNode) -> str:
    return TransformerManager().transform_cell(cell.source)


def names(cell: NotebookNode) -> tuple[set[str], set[str]]:
    """Return the names that a cell gives to all others, and those that it takes from them."""
    table = symtable.symtable(transformed(cell), cell.get("id", "cell"), "exec")
    symbols = table.get_symbols()
    given = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    taken = {s.get_name() for s in symbols if s.is_referenced()}
    inside = list(table.get_children())
    while inside:
        child = inside.pop()
        taken |= {s.get_name() for s in child.get_symbols() if s.is_global()}
        inside += child.get_children()
    return given, taken


def main_path_too_long(nb: NotebookNode) -> list[str]:
    cells = [cell for cell in nb.cells if build.on_the_main_path(cell)]
    words, code = build.count_words(cells), sum(cell.cell_type == "code" for cell in cells)
    found = [f"{words} words on the main path"] if words > MOST_WORDS else []
    return found + ([f"{code} code cells on the main path"] if code > MOST_CELLS else [])


def cells_not_of_a_few_lines(nb: NotebookNode) -> list[str]:
    cells = [cell for cell in code_cells(nb) if build.on_the_main_path(cell)]
    lines = statistics.median([len(cell.source.splitlines()) for cell in cells] or [0])
    least, most = MEDIAN_LINES
    return [] if least <= lines <= most else [f"a median of {lines} lines"]


def optional_part_too_long(nb: NotebookNode) -> list[str]:
    words = build.count_words([cell for cell in nb.cells if "optional" in tags(cell)])
    share = words / max(1, build.count_words(nb.cells))
    return [f"{share:.0%} of the words are optional"] if share > MOST_OPTIONAL else []


def optional_parts_without_their_heading(nb: NotebookNode) -> list[str]:
    found, before = [], False
    for cell in nb.cells:
        optional = "optional" in tags(cell)
        if optional and not before and not re.match("#+ If you have time · ", cell.source):
            found.append(f"{cell.id} begins an optional part without `### If you have time · …`")
        if not optional and "If you have time ·" in cell.source:
            found.append(f"{cell.id} lacks the tag optional")
        before = optional
    return found


def optional_names_used_outside(nb: NotebookNode) -> list[str]:
    """A name that an optional cell gives is not taken by a later cell of the main path."""
    found, optional = [], set()
    for cell in code_cells(nb):
        given, taken = names(cell)
        if "optional" in tags(cell):
            optional |= given
            continue
        found += [f"{cell.id} needs {name}" for name in sorted(taken & optional - given)]
        optional -= given
    return found


def too_many_imports(nb: NotebookNode) -> list[str]:
    """At most eight names of the course's own: more are too many to learn in an hour."""
    ours = re.compile(r"(?:helpers|reading_faces)\b")
    lines = re.findall(r"^from (\S+) import ([^(#\n]+|\([^)]*\))", all_code(nb), re.M)
    found = [
        name.strip().partition(" ")[0]
        for module, listed in lines
        if ours.match(module)
        for name in listed.strip("()\n ").split(",")
        if name.strip()
    ]
    found += re.findall(r"^import ((?:helpers|reading_faces)\S*)", all_code(nb), re.M)
    return [f"{len(found)} names: {', '.join(found)}"] if len(found) > MOST_IMPORTS else []


def all_code(nb: NotebookNode) -> str:
    return "\n".join(cell.source for cell in code_cells(nb))


def code_shown_by_inspection(nb: NotebookNode) -> list[str]:
    """What a lesson teaches is written in it."""
    return re.findall(r"\binspect\.getsource\b|\bgetsource\(", all_code(nb))


def too_few_checked_results(nb: NotebookNode) -> list[str]:
    checked = sum("nbval-check-output" in tags(cell) for cell in code_cells(nb))
    return [f"{checked} cells tagged nbval-check-output"] if checked < FEWEST_CHECKS else []


def sections_of(nb: NotebookNode) -> dict[str, str]:
    """Return the text under each heading of level 2."""
    text = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    return dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", text, re.M))


def stages_out_of_order(nb: NotebookNode) -> list[str]:
    """Each lesson goes the same way, so a reader knows where they are."""
    titles = list(sections_of(nb))
    wanted = [f"{stage} · " for stage in STAGES] + list(LAST)
    good = len(titles) == len(wanted) and all(
        title.startswith(begin) for title, begin in zip(titles, wanted, strict=True)
    )
    return [] if good else [f"{titles}; wanted {wanted}"]


def not_five_lines_learned(nb: NotebookNode) -> list[str]:
    section = sections_of(nb).get("What you learned", "")
    said = len(re.findall(r"^- ", section, re.M))
    return [] if said == LESSONS_SAID else [f"{said} lines under What you learned"]


def habits(nb: NotebookNode) -> list[str]:
    """Count habits of the prose, as a spelling check would."""
    text = prose(nb)
    for title in TITLES:
        text = text.replace(title, "")
    found = []
    for habit in NEVER:
        for hit in re.finditer(rf"\b(?:{habit})\b", text, re.I):
            around = " ".join(text[max(0, hit.start() - 30) : hit.end() + 30].split())
            found.append(f"{hit[0]!r} in “…{around}…”")
    words = build.count_words(nb.cells)
    for habit, most in PER_THOUSAND.items():
        often = len(re.findall(habit, text, re.M)) / max(words, 250) * 1000
        if often > most:
            found.append(f"{often:.1f} {habit[0]!r} per 1,000 words; at most {most}")
    return found


def questions_without_choices(nb: NotebookNode) -> list[str]:
    """A question that a reader is to answer offers A to D."""
    found = []
    for cell in nb.cells:
        asks = cell.cell_type == "markdown" and re.search(ASKS, build.words_of(cell), re.I)
        offered = set(re.findall(r"(?<![\w-])([A-D])(?=[).: *])", cell.source))
        if asks and offered != set("ABCD"):
            found.append(f"{cell.id}: {asks[0]!r}, without A to D")
    return found


def too_few_exercises(nb: NotebookNode) -> list[str]:
    kinds = [build.kind_of(nb.cells[at[0]]) for at in exercises_of(nb).values()]
    return [
        f"{kinds.count(kind)} of kind {kind}; wanted {least}"
        for kind, least in FEWEST.items()
        if kinds.count(kind) < least
    ]


def tasks_not_in_form(nb: NotebookNode) -> list[str]:
    """A task has a number and stars, and ends with what to do."""
    found, tasks = [], [nb.cells[at[0]] for at in exercises_of(nb).values()]
    for number, task in enumerate(tasks, start=1):
        heading = task.source.partition("\n")[0]
        if not re.match(rf"### Exercise {number} ★{{1,3}} · \S", heading):
            found.append(f"{heading!r}; wanted `### Exercise {number} ★ · Title`")
        if build.kind_of(task) == "challenge" and "★★★" not in heading:
            found.append(f"{heading!r}: a challenge has three stars")
        if not " ".join(task.source.split()).endswith(HOW_TO):
            found.append(f"{heading!r} does not end with: {HOW_TO}")
    return found


def functions_never_used(nb: NotebookNode) -> list[str]:
    """What learners write is used: by a later cell that everyone runs, not its checker alone."""
    found = []
    for name, at in exercises_of(nb).items():
        if build.kind_of(nb.cells[at[0]]) != "function":
            continue
        solution = next(nb.cells[i] for i in at if nb.cells[i].metadata.get("part") == "solution")
        later = [c for c in nb.cells[at[-1] + 1 :] if c.cell_type == "code"]
        used = set().union(*(names(c)[1] for c in later if "optional" not in tags(c)))
        found += [f"{name}: {f.name}" for f in defined(solution) if f.name not in used]
    return found


def other_minutes_than_the_formula(nb: NotebookNode) -> list[str]:
    text = " ".join(prose(nb).split())
    wanted = build.time_line(nb)
    return [] if wanted in text else [f"wanted in the text: {wanted}"]


LANGUAGE = (habits,)
RULES = (
    habits,
    main_path_too_long,
    cells_not_of_a_few_lines,
    optional_part_too_long,
    optional_parts_without_their_heading,
    optional_names_used_outside,
    too_many_imports,
    code_shown_by_inspection,
    too_few_checked_results,
    stages_out_of_order,
    not_five_lines_learned,
    questions_without_choices,
    too_few_exercises,
    tasks_not_in_form,
    functions_never_used,
    other_minutes_than_the_formula,
)

# Lesson 7 joins what there is: it trains nothing, and its cells draw whole pictures.
JOINS = tuple(r for r in RULES if r not in (stages_out_of_order, cells_not_of_a_few_lines))

# Lessons that are in this form already, with the rules for each; the list is to grow.
IN_FORM = {"00": LANGUAGE, "07": JOINS} | dict.fromkeys(("01", "02", "03", "04", "05", "06"), RULES)
