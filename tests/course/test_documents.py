"""What one reads on the way in and around the course is in order, and its links lead somewhere."""

import re
from pathlib import Path

import document_rules as rules
import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md")),
    ROOT / "notebooks" / "README.md",
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
    rows = re.findall(r"\| \[(.+?)\]\((.+?)\) \|.*\| (\d+) \|", contents)
    assert [file for _, file, _ in rows] == [path.name for path in LESSONS]
    for (title, _, minutes), path in zip(rows, LESSONS, strict=True):
        text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells[:3])
        assert title in text
        assert re.search(rf"\*\*Time:\*\*\s+{minutes} minutes", text)


# The rules themselves, on texts that break them; those that notebooks share are tried there too.


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (not_one_title, "## Second"),
        (not_one_title, "# One\n\n# Two"),
        (not_one_title, "text\n\n## Second\n\n# First"),
        (rules.levels_skipped, "# One\n\n### Three"),
        (rules.pictures_without_alt, "# One\n\n![](a.png)"),
        (rules.links_that_say_nothing, "[click here](a.md)"),
    ],
)
def test_rule_finds(rule, text):
    assert rule(text) != []


GOOD = """# One

## A `code` word, and more

[The second part](#a-code-word-and-more), [another](other.md#there) and [far](https://example.org).

```
# no heading, [no link](nowhere.md)
```
"""


def test_a_good_document_breaks_no_rule(tmp_path):
    (tmp_path / "other.md").write_text("# There\n")
    assert [rule(GOOD) for rule in RULES] == [[]] * len(RULES)
    assert rules.links_to_nothing(GOOD, tmp_path) == []


@pytest.mark.parametrize("target", ["#nowhere", "gone.md", "other.md#gone", "folder/gone.png"])
def test_a_link_to_nothing_is_found(target, tmp_path):
    (tmp_path / "other.md").write_text("# There\n")
    assert rules.links_to_nothing(f"[a link]({target})", tmp_path) == [target]
    assert rules.links_to_nothing(f"![a picture]({target})", tmp_path) == [target]


def test_contrast_is_that_of_wcag():
    assert rules.contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    grey = (0x76 / 255,) * 3  # the palest grey whose text passes on white
    assert rules.contrast(grey, (1, 1, 1)) == pytest.approx(4.54, abs=0.005)
