"""What a lesson's notebook and text have to keep to: each rule returns what is wrong.

The rules for headings, links and pictures in `document_rules` hold for a lesson's text as well.
"""

import ast
import re

import document_rules
from IPython.core.inputtransformer2 import TransformerManager
from matplotlib.colors import is_color_like, to_rgb
from nbformat import NotebookNode

from notebooks import build

LONGEST_CELL = 30
TAGS = {"setup", "showed", "nbval-check-output", "optional"}
LINES = {"plot", "semilogx", "semilogy", "loglog"}  # the third argument may be a style
MARKS = {*LINES, "axhline", "axvline", "bar", "barh", "errorbar", "hist", "scatter"}
CUES = {"fmt", "hatch", "linestyle", "ls", "marker", "style"}


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
        allowed = TAGS if cell.cell_type == "code" else {"optional"}
        found += [f"{cell.id}: tag {tag}" for tag in sorted(tags(cell) - allowed)]
        found += [f"{cell.id}: {m}" for m in re.findall(r"nbval[-_]\w[-\w]*", cell.source, re.I)]
    return found


def shell_calls(nb: NotebookNode) -> list[str]:
    """A shell command that hangs passes nbval, so only the set-up cell may call one."""
    calls_a_shell = re.compile(
        r"get_ipython\(\)\.(system|getoutput)|\bsubprocess\b|\bos\.(system|popen)\b"
        r"|run_(cell|line)_magic\('(!|sx|system|bash|sh|script|pip|conda)\b"
    )
    return [
        f"{cell.id}: {found[0]}"
        for cell in code_cells(nb)
        if "setup" not in tags(cell)
        and (found := calls_a_shell.search(TransformerManager().transform_cell(cell.source)))
    ]


def pictures_without_words(nb: NotebookNode) -> list[str]:
    """JupyterLab drops the alt text of a bare picture output: `helpers.plots.show` keeps it."""
    found = []
    for cell in code_cells(nb):
        for out in cell.outputs:
            found += [f"{cell.id}: bare {kind}" for kind in out.get("data", {}) if "image/" in kind]
    shown = [*html_outputs(nb), text_of(nb)]
    return found + [fault for text in shown for fault in document_rules.pictures_without_alt(text)]


def headings_that_skip_a_level(nb: NotebookNode) -> list[str]:
    return document_rules.levels_skipped(text_of(nb))


def headings_in_outputs(nb: NotebookNode) -> list[str]:
    """The outline of a lesson is its text's; an output that adds to it misleads who jumps."""
    outputs = "\n".join(html_outputs(nb))
    return [f"heading of level {level}" for level in re.findall(r"<h([1-6])\b", outputs)]


def links_that_say_nothing(nb: NotebookNode) -> list[str]:
    return document_rules.links_that_say_nothing(text_of(nb))


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
                contrast = document_rules.contrast(to_rgb(colour), (1, 1, 1))
                if contrast < document_rules.GRAPHICS:
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


def exercises_of(nb: NotebookNode) -> dict[str, list[int]]:
    """Return where the cells of each exercise are, in the lesson's order."""
    found: dict[str, list[int]] = {}
    for i, cell in enumerate(nb.cells):
        if cell.metadata.get("exercise"):
            found.setdefault(cell.metadata.exercise, []).append(i)
    return found


def exercises_not_whole(nb: NotebookNode) -> list[str]:
    """An exercise is a task, then the parts of its kind, one after the other."""
    found = []
    for name, at in exercises_of(nb).items():
        cells = [nb.cells[i] for i in at]
        kinds = {build.kind_of(cell) for cell in cells}
        kind = kinds.pop()
        wanted = ["task", *build.PARTS.get(kind, ["no such kind"])]
        parts = [cell.metadata.get("part", "task") for cell in cells]
        if kinds or parts != wanted or at != list(range(at[0], at[0] + len(wanted))):
            found.append(f"{name}, {kind}: {parts}; wanted {wanted}, one after the other")
            continue
        task, solution, checker = cells[:3]
        if task.cell_type != "markdown":
            found.append(f"{name}: the task is not text")
        lines = [line.strip() for line in solution.source.splitlines()]
        if [line for line in lines if line in (build.BEGIN, build.END)] != [build.BEGIN, build.END]:
            found.append(f"{name}: the solution needs one {build.BEGIN} and one {build.END}")
        function = kind == "function"
        asked = [f.name for f in defined(solution)] if function else names_filled_in(solution)
        if function and len(asked) != 1:
            found.append(f"{name}: the solution defines {len(asked)} functions; wanted one")
        if argument_of_the_checker(checker) not in asked:
            found.append(f"{name}: the checker must end with a call of check on what is asked for")
        hidden = "".join(cell.source for cell in cells[3:])
        if function and "assert" not in hidden and ".require()" not in hidden:
            found.append(f"{name}: the hidden test cannot fail")
    found += [
        f"{c.id}: part without exercise"
        for c in nb.cells
        if {*c.metadata} & {"part"} and not c.metadata.get("exercise")
    ]
    return found


def defined(solution: NotebookNode) -> list[ast.FunctionDef]:
    """Return the functions that a solution defines at its top level."""
    return [node for node in ast.parse(solution.source).body if isinstance(node, ast.FunctionDef)]


def names_filled_in(solution: NotebookNode) -> list[str]:
    """Return the names of a solution's template, which a learner gets and gives values."""
    nodes = ast.walk(ast.parse(build.stub_of(solution)))
    return [n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def argument_of_the_checker(checker: NotebookNode) -> str:
    """Return the one name that the last line of a checker's cell gives a checker, or nothing."""
    last = re.fullmatch(r"check\.\w+\((\w+)\)", checker.source.strip().splitlines()[-1])
    return last[1] if last else ""
