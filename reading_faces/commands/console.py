"""What commands share: how arguments are read, results are printed and failures are put."""

import argparse
import contextlib
import datetime
import errno
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers.files import explain
from reading_faces.outputs import errors_go_to, refuse_replacing

# What makes embeddings: an option of the commands that tell people apart.
EMBEDDER = {
    "choices": ("shipped", "facenet"),
    "help": "default: shipped; for facenet first: python -m reading_faces data fetch facenet",
}

# Of a longer line of a failure, the middle is left out.
LONGEST_LINE = 300


class UsageError(ValueError):
    """Options that do not go together."""


def between(lowest: float, highest: float, kind: type = float):
    """Return a type for argparse: a number in a range, whole ones if `kind` is int."""

    def number(text: str) -> float:
        with contextlib.suppress(ValueError):
            if lowest <= kind(text) <= highest:
                return kind(text)
        what = "whole number" if kind is int else "number"
        raise argparse.ArgumentTypeError(f"{text!r} is no {what} from {lowest:,} to {highest:,}")

    return number


def whole(lowest: int, highest: int):
    """Return a type for argparse: a whole number in a range."""
    return between(lowest, highest, int)


def add_reader_options(parser: argparse.ArgumentParser, gallery: str) -> None:
    """Describe what `load_reader` goes by; `gallery` is the help of `--gallery`."""
    parser.add_argument("--gallery", type=Path, metavar="FILE", help=gallery)
    parser.add_argument("--detector", choices=("mtcnn", "haar"), default="mtcnn")


def load_reader(options: argparse.Namespace):
    """Return a `FaceReader` with its detector, its networks and its gallery loaded."""
    with quiet():
        from helpers import detect
        from reading_faces.gallery_file import load_gallery
        from reading_faces.reader import FaceReader

        gallery = load_gallery(options.gallery) if options.gallery else None
        reader = FaceReader(options.detector, gallery=gallery)
        reader.load()
        if options.detector == "mtcnn":
            detect.load_mtcnn()
    return reader


def print_result(result: dict, options: argparse.Namespace) -> None:
    """Print a result with its command line and the date, as JSON if that was asked for.

    Raises ValueError if it holds a number that JSON has no word for.
    """
    result = result | {"command": options.command, "date": datetime.date.today().isoformat()}
    try:
        print(json.dumps(result, indent=2, allow_nan=False) if options.json else as_text(result))
    except ValueError:
        print(as_text(result), file=sys.stderr)
        raise ValueError("The result holds numbers that are none, which JSON cannot say.") from None


def as_text(result: dict, indent: str = "") -> str:
    """Write a nested result as indented lines, with a table for the confusion counts."""
    lines = []
    for name, value in result.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", as_text(value, indent + "  ")]
        elif name == "confusion":
            lines += [f"{indent}confusion (rows: true, columns: predicted):"]
            lines += [indent + "  " + " ".join(f"{count:6d}" for count in row) for row in value]
        elif value is not None:
            shown = round(value, 4) if isinstance(value, float) else value
            lines.append(f"{indent}{name}: {shown}")
    return "\n".join(lines)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep from the screen what TensorFlow's compiled part says about itself while it starts."""
    with open(os.devnull, "wb") as nowhere, errors_go_to(nowhere):
        yield


@contextlib.contextmanager
def writing(what: str | Path) -> Iterator[None]:
    """Turn an error of writing into one sentence that names what could not be written."""
    try:
        yield
    except OSError as error:
        gone = error.errno == errno.ENOENT
        reason = "Its folder does not exist." if gone else explain(error)
        raise ValueError(f"{printable(what)} cannot be written. {reason}") from None


def refuse_outputs(inputs: Iterable[str | Path], **outputs: Path | None) -> None:
    """Say before the work that an output, by its option, is an input or has no place to go."""
    refuse_replacing(inputs, **outputs)
    for path in filter(None, outputs.values()):
        if path.is_dir():
            raise ValueError(f"{printable(path)} cannot be written. It is a folder.")
        if path.is_file() or not path.exists():  # a device needs no place
            with writing(path), tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))):
                pass


def discard_output() -> None:
    """Let go of what cannot be printed: it would fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def sentence(error: Exception) -> str:
    """Say what went wrong, in lines that are not too long for a screen."""
    text = str(error)
    if isinstance(error, OSError) and error.errno:
        named = f"{printable(error.filename)}: " if isinstance(error.filename, str) else ""
        text = named + explain(error)
    elif isinstance(error, MemoryError):
        text = "There is not enough memory."
    lines = f"Error: {text}".splitlines()[:6]
    half = LONGEST_LINE // 2 - 2
    return "\n".join(a if len(a) <= LONGEST_LINE else f"{a[:half]} … {a[-half:]}" for a in lines)


def printable(name: str | Path) -> str:
    """Return a name on one line: line breaks and broken characters as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in os.fspath(name)
    )
