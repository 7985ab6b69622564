"""The course as a static site: gather the pages, then let Sphinx build them into build/site/.

The pages are the documents and the executed notebooks as they lie in the checkout; nothing runs
again, nothing is fetched, and what is built works without a network.
"""

import argparse
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
GATHERED = BUILD / "site-source"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
FRONT_PAGE = "README.md"  # becomes index.md
PROJECT_PAGES = ("data/README.md", "CONTRIBUTING.md", "CHANGELOG.md")
SHORT_NAMES = {"data/README.md": "The data"}
FOLDED = re.compile(r"^# @title .*\n")
BADGE = re.compile(r"\[!\[([^\]]+)\]\(https://colab[^)]+\.svg\)\]")
TARGET = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")


def pages() -> dict[str, list[str]]:
    """Return the pages by the heading that they stand under in the list of contents."""
    return {
        "Lessons": [
            p.relative_to(ROOT).as_posix() for p in sorted(ROOT.glob("notebooks/0*.ipynb"))
        ],
        "Around the lessons": [
            p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "docs").glob("*.md"))
        ],
        "The project": [name for name in PROJECT_PAGES if (ROOT / name).exists()],
    }


def gather(folder: Path) -> None:
    """Lay the pages into an empty folder as they lie in the checkout, ready for Sphinx."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "notebooks" / "pictures", folder / "notebooks" / "pictures")
    shutil.copytree(ROOT / "docs" / "static", folder / "static")
    shutil.copy(ROOT / "docs" / "conf.py", folder)
    chapters = pages()
    known = {FRONT_PAGE, *(name for names in chapters.values() for name in names)}
    for name in sorted(known):
        target = folder / ("index.md" if name == FRONT_PAGE else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".ipynb"):
            notebook = nbformat.read(ROOT / name, as_version=4)
            nbformat.write(for_readers(notebook, name, known), target)
        else:
            text = with_links((ROOT / name).read_text(encoding="utf-8"), name, known)
            contents = contents_of(chapters) if name == FRONT_PAGE else ""
            target.write_text(text + contents, encoding="utf-8")


def for_readers(notebook: NotebookNode, name: str, known: set[str]) -> NotebookNode:
    """Fold solutions and set-up, and say in words what the badge says in a picture from afar."""
    for cell in notebook.cells:
        folded = None
        if cell.metadata.get("part") == "solution":
            folded = "Solution"
        elif "setup" in cell.metadata.get("tags", []):
            folded = "Set-up"
        if folded:
            cell.source = FOLDED.sub("", cell.source)
            cell.metadata.setdefault("tags", []).append("hide-input")
            cell.metadata["mystnb"] = {"code_prompt_show": folded, "code_prompt_hide": folded}
        if cell.cell_type == "markdown":
            cell.source = with_links(BADGE.sub(r"[\1]", cell.source), name, known)
    return notebook


def with_links(text: str, name: str, known: set[str]) -> str:
    """Lead links to pages to the site's pages, and those to other files into the repository."""

    def lead(match: re.Match) -> str:
        path = Path(os.path.normpath(Path(name).parent / match[1])).as_posix()
        heading = match[2] or ""
        if path == FRONT_PAGE:
            return match[1].removesuffix(FRONT_PAGE) + "index.md" + heading
        if path in known or path.startswith("notebooks/pictures/") or not (ROOT / path).exists():
            return match[0]  # a page, a picture, or a mistake, of which Sphinx warns
        return f"{REPOSITORY}/blob/main/{path}{heading}"

    return TARGET.sub(lead, text)


def contents_of(chapters: dict[str, list[str]]) -> str:
    """Return the list of contents, which the theme shows beside every page."""
    text = ""
    for title, names in chapters.items():
        lines = [f"{SHORT_NAMES[n]} <{n}>" if n in SHORT_NAMES else n for n in names]
        head = ["```{toctree}", ":hidden:", f":caption: {title}"]
        text += "\n".join(["", *head, *lines, "```", ""]) if names else ""
    return text


def build(builder: str, folder: Path) -> int:
    """Gather the pages and let Sphinx build them; a warning, as of a broken link, is a failure."""
    from sphinx.cmd.build import main as sphinx

    gather(GATHERED)
    shutil.rmtree(folder, ignore_errors=True)
    strict = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet"]
    notes = ["--doctree-dir", str(BUILD / "site-doctrees")]
    return sphinx(["--builder", builder, *strict, *notes, str(GATHERED), str(folder)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--links", action="store_true", help="ask every address instead")
    parser.add_argument("--out", type=Path, default=BUILD / "site", help="default: build/site")
    arguments = parser.parse_args()
    if arguments.links:
        return build("linkcheck", BUILD / "links")
    failed = build("html", arguments.out)
    if not failed:
        print(f"The site is in {arguments.out}; open index.html there in a browser.")
    return failed


if __name__ == "__main__":
    sys.exit(main())
