"""What makes a text readable for everybody: its headings, links, words for pictures, and contrast.

Each rule takes Markdown and returns what is wrong with it. The notebooks' text and the documents
are held to the same rules.
"""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

TEXT, GRAPHICS = 4.5, 3.0  # the contrast that WCAG 2.2 asks for: 1.4.3 (AA) and 1.4.11
SAYS_NOTHING = {
    *("", "click", "click here", "here", "link", "more", "page", "read more", "see", "this"),
    *("this link", "this page", "website"),
}


@cache
def parse(text: str) -> list[Token]:
    """Return the tokens of a text, those inside a line right after the token of its block."""
    blocks = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    return [token for block in blocks for token in (block, *(block.children or []))]


def words(tokens: list[Token]) -> str:
    """Return what a reader hears: text, code and the alternative text of pictures."""
    return "".join(t.content for t in tokens if t.type in ("text", "code_inline", "image")).strip()


def html_of(text: str) -> str:
    return "\n".join(t.content for t in parse(text) if t.type in ("html_block", "html_inline"))


def headings(text: str) -> list[tuple[int, str]]:
    """Return level and words of each heading, of those written in HTML as well."""
    found, tokens = [], parse(text)
    for token, line in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open":
            found.append((int(token.tag[1]), words(line.children)))
        elif token.type == "html_block":
            found += [(int(n), "HTML") for n in re.findall(r"<h([1-6])\b", token.content, re.I)]
    return found


def links(text: str) -> list[tuple[str, str]]:
    """Return the words and the target of each link."""
    found, tokens = [], parse(text)
    for i, token in enumerate(tokens):
        if token.type == "link_open":
            end = next(j for j in range(i, len(tokens)) if tokens[j].type == "link_close")
            found.append((words(tokens[i:end]), token.attrs["href"]))
    tags = re.findall(r"<a\b[^>]*\bhref=[\"']([^\"']+)[^>]*>(.*?)</a>", text, re.S)
    return found + [(re.sub(r"<[^>]*>", "", inside).strip(), target) for target, inside in tags]


def pictures(text: str) -> list[str]:
    """Return the target of each picture that is written in Markdown."""
    return [token.attrs["src"] for token in parse(text) if token.type == "image"]


def levels_skipped(text: str) -> list[str]:
    """Return the headings that jump over a level, which a reader of the outline would miss."""
    found, before = [], 0
    for level, title in headings(text):
        if level > before + 1:
            found.append(f"{title}: level {level} after {before}")
        before = level
    return found


def pictures_without_alt(text: str) -> list[str]:
    found = [
        token.attrs["src"]
        for token in parse(text)
        if token.type == "image" and not words(token.children or [])
    ]
    for image in re.findall(r"<(?:img|svg)\b[^>]*>", html_of(text), re.I):
        if not re.search(r"""\b(?:alt|aria-label)=(?:"\s*[^\s"]|'\s*[^\s'])""", image):
            found.append(image[:60])
    return found


def links_that_say_nothing(text: str) -> list[str]:
    """A list of a page's links, read aloud, must tell where each one goes."""
    found = []
    for name, target in links(text):
        bare = "://" in name or name.startswith("www.") or not re.search(r"[^\W\d_]", name)
        if bare or name.lower().strip(" .!:") in SAYS_NOTHING:
            found.append(f"[{name}]({target})")
    inside = False
    for token in parse(text):
        inside = token.type == "link_open" or (inside and token.type != "link_close")
        if token.type == "text" and not inside:
            found += re.findall(r"https?://\S+", token.content)
    return found


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the contrast, 1 to 21, of two colours (red, green, blue, 0 to 1) after WCAG 2.2."""
    dark, bright = sorted(map(luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: tuple[float, ...]) -> float:
    """Return the relative luminance of an sRGB colour as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def anchor(title: str) -> str:
    """Return the anchor that GitHub (and MyST, for the site) gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def links_to_nothing(text: str, folder: Path) -> list[str]:
    """Return the relative links and pictures whose file, or heading in it, does not exist."""
    found = []
    for target in [*(target for _, target in links(text)), *pictures(text)]:
        if re.match(r"[a-z]+:", target):
            continue  # an address: checked where there is a network
        name, _, heading = unquote(target).partition("#")
        path = folder / name
        if not path.exists():
            found.append(target)
        elif heading:
            there = path.read_text(encoding="utf-8") if name else text
            if heading not in {anchor(title) for _, title in headings(there)}:
                found.append(target)
    return found
