"""The site is whole, works without a network, and folds what learners should not see at once."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))

missing = [name for name in ("sphinx", "myst_nb", "furo") if not importlib.util.find_spec(name)]
pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (extra `site`)"),
]


class Page(HTMLParser):
    """What a page loads, where it leads, and what one can lead to."""

    def __init__(self, path: Path):
        super().__init__()
        self.loads, self.links, self.ids, self.pictures = [], [], set(), []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "img":
            self.pictures.append(given)
        for name in ("src", "href", "data", "poster"):
            if tag != "a" and name in given and given.get("rel") not in ("next", "prev"):
                self.loads.append(given[name])


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, str(ROOT / "docs" / "build_site.py"), "--out", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def pages(built) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(built.rglob("*.html"))}


@pytest.fixture(scope="module")
def cells(pages, built) -> dict[str, list[str]]:
    """Return the code cells of each lesson's page as HTML."""
    found = {}
    for lesson in LESSONS:
        text = pages[built / "notebooks" / f"{lesson.stem}.html"].text
        found[lesson.stem] = re.split(r'<div class="cell(?= |")', text)[1:]
    return found


def test_every_lesson_and_document_has_a_page(built):
    documents = ["data/README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    documents += [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]
    wanted = ["index.html", "search.html", *(f"notebooks/{path.stem}.html" for path in LESSONS)]
    wanted += [str(Path(name).with_suffix(".html")) for name in documents]
    assert len(LESSONS) >= 6
    assert [name for name in wanted if not (built / name).exists()] == []


def test_every_page_can_be_reached_from_the_front_page(built, pages):
    front = pages[built / "index.html"].links
    listed = {(built / urlsplit(link).path).resolve() for link in front if "://" not in link}
    assert set(pages) - listed - {built / "index.html", built / "search.html"} == set()


def test_no_page_loads_anything_from_elsewhere(built, pages):
    loaded = [target for page in pages.values() for target in page.loads]
    assert any("searchtools.js" in target for target in loaded)
    assert [target for target in loaded if re.match(r"(https?:)?//", target)] == []
    for style in built.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", style.read_text()), style


def test_no_link_inside_the_site_is_broken(pages):
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, f"{path.name}: {link}"


def test_what_a_page_loads_from_the_site_is_there(pages):
    for path, page in pages.items():
        for target in page.loads:
            parts = urlsplit(target)
            if parts.scheme != "data" and parts.path:
                assert (path.parent / unquote(parts.path)).exists(), f"{path.name}: {target}"


def test_every_picture_has_its_words(pages):
    pictures = [picture for page in pages.values() for picture in page.pictures]
    assert len(pictures) > 50
    assert [p.get("src", "")[:60] for p in pictures if not (p.get("alt") or "").strip()] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_solutions_are_folded_and_nothing_else_that_a_learner_needs(cells, lesson):
    notebook = nbformat.read(lesson, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == len(cells[lesson.stem])
    for cell, html in zip(code, cells[lesson.stem], strict=True):
        part = cell.metadata.get("part")
        before_code = html.partition('<div class="highlight')[0]
        folded = bool(re.search(r"<details(?![^>]*\sopen)", before_code))
        assert folded == (part == "solution" or "setup" in cell.metadata.get("tags", []))
        assert (">Solution<" in before_code) == (part == "solution")


GOOD = "[a file](LICENSE), [a page](CONTRIBUTING.md) and [a heading](#title)"
BROKEN = (
    "docs/gone.md",
    "#gone-here",
    "CONTRIBUTING.md#gone-there",
    "notebooks/pictures/gone.png",
)


@pytest.mark.parametrize("broken", [(), BROKEN], ids=["good", "broken"])
def test_the_build_fails_on_links_that_lead_nowhere_and_names_each(broken, tmp_path):
    for name in ("docs/conf.py", "docs/build_site.py", "pyproject.toml", "LICENSE"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "docs" / "static", tmp_path / "docs" / "static")
    (tmp_path / "notebooks" / "pictures").mkdir(parents=True)
    (tmp_path / "CONTRIBUTING.md").write_text("# Contributing\n")
    links = [f"{'!' * name.endswith('.png')}[some words]({name})" for name in broken]
    (tmp_path / "README.md").write_text("\n\n".join(["# Title", GOOD, *links]) + "\n")
    command = [sys.executable, str(tmp_path / "docs" / "build_site.py")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert bool(run.returncode) == bool(broken), run.stdout + run.stderr
    assert [name for name in broken if name.rpartition("#")[2] not in run.stderr] == []


def test_the_search_finds_words_without_a_server(built):
    index = (built / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    assert '"triplet' in index or "triplet:" in index
    assert os.path.exists(built / "_static" / "searchtools.js")
