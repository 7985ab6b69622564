"""What one reads on the way in and around the course is in order, and its links lead somewhere."""

import importlib
import re
import shlex
from pathlib import Path

import document_rules as rules
import nbformat
import pytest

from reading_faces.__main__ import build_parser

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md")),
    *(ROOT / folder / "README.md" for folder in ("notebooks", "data/photos")),
    *sorted((ROOT / "docs").glob("*.md")),
]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def not_one_title(text: str) -> list[str]:
    titles = [i for i, (level, _) in enumerate(rules.headings(text)) if level == 1]
    return [] if titles == [0] else [f"H1 at headings {titles}; wanted: one, the first"]


RULES = (
    not_one_title,
    rules.levels_skipped,
    rules.pictures_without_alt,
    rules.links_that_say_nothing,
)


def name(value) -> str:
    return getattr(value, "__name__", "") or str(Path(value).relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
@pytest.mark.parametrize("rule", RULES, ids=name)
def test_document_has(path, rule):
    assert rule(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_link_of_a_document_leads_to_a_file_and_a_heading(path):
    assert rules.links_to_nothing(path.read_text(encoding="utf-8"), path.parent) == []


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_every_link_of_a_lesson_leads_to_a_file_and_a_heading(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert rules.links(text)
    assert rules.links_to_nothing(text, path.parent) == []


def test_the_contents_name_each_lesson_with_its_minutes():
    contents = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| \[(.+?)\]\((.+?)\) \|.*\| (\d+(?: \+ \d+)?) \|", contents)
    assert [file for _, file, _ in rows] == [path.name for path in LESSONS]
    for (title, _, minutes), path in zip(rows, LESSONS, strict=True):
        text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells[:3])
        assert title in text
        alone, _, exercises = minutes.partition(" + ")
        said = [f"{alone} minutes"] + [f"and {exercises} for the exercises"] * bool(exercises)
        assert f"**Time:** {', '.join(said)}" in " ".join(text.split())


def told() -> dict[Path, str]:
    """Return the words of all documents and of the lessons' texts."""
    lessons = sorted((ROOT / "notebooks" / "source").glob("[0-9]*.py"))
    return {path: path.read_text(encoding="utf-8") for path in [*DOCUMENTS, *lessons]}


def commands_in(path: Path, text: str) -> list[str]:
    """Return the commands of a text: lines of code, and what stands between backticks."""
    prose = re.sub(r"\s*\n# *" if path.suffix == ".py" else r"(?<=\S)\n(?=\S)", " ", text)
    lines = re.findall(r"^python -m reading_faces ([^#\n]+)", text, re.M)
    return lines + re.findall(r"`python -m reading_faces ([^`…]+)`", prose)


@pytest.mark.parametrize("path", told(), ids=name)
def test_every_command_that_is_told_of_is_taken(path):
    for command in commands_in(path, told()[path]):
        words = shlex.split(command)
        build_parser(words).parse_args(words)  # or SystemExit
    assert not re.search(r"python -m (helpers|exercises|training)", told()[path])


def test_there_are_commands_to_be_tried():
    assert sum(len(commands_in(path, text)) for path, text in told().items()) > 40


def test_every_file_of_ours_that_is_told_of_exists():
    rooms = r"(?:helpers|reading_faces|tests|docs|notebooks|data/weights|data/results)/[\w./*-]+"
    for path, text in told().items():
        for name in re.findall(rf"(?:`|blob/main/)({rooms}?)[`)]", text):
            assert any(ROOT.glob(name.rstrip("/").replace("NN_name", "01_*"))), (
                f"{path.name} names {name}"
            )


def test_every_import_that_is_told_of_works():
    """In prose; what lessons import themselves is tried when they run."""
    found = set()
    for text in told().values():
        prose = re.sub(r"\n# ?", " ", text)
        found |= {*re.findall(r"`\s*from\s+((?:helpers|reading_faces)[\w.]*) import (\w+)", prose)}
    assert found
    for module, name_in_it in found:
        assert hasattr(importlib.import_module(module), name_in_it), f"{module}: {name_in_it}"


# The rules themselves can fail, each on one document that breaks it.

ALL_WRONG = """# One

# Two

#### Four

[click here](gone.md), ![](a.png) and [a heading](#nowhere)
"""
GOOD = """# One

## A `code` word, and more

[The second part](#a-code-word-and-more), [another](other.md#there) and [far](https://example.org).

```
# no heading, [no link](nowhere.md)
```
"""


@pytest.mark.parametrize("rule", RULES, ids=name)
def test_rule_finds_what_is_wrong_and_nothing_else(rule):
    assert rule(ALL_WRONG) != []
    assert rule(GOOD) == []


def test_a_link_to_nothing_is_found(tmp_path):
    (tmp_path / "other.md").write_text("# There\n")
    assert rules.links_to_nothing(GOOD, tmp_path) == []
    assert rules.links_to_nothing(ALL_WRONG, tmp_path) == ["gone.md", "#nowhere", "a.png"]
    assert rules.links_to_nothing("[there](other.md#gone)", tmp_path) == ["other.md#gone"]
