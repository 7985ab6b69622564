"""What commands share: how arguments are read, results are printed and failures are put."""

import argparse
import contextlib
import datetime
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from helpers.files import explain


class UsageError(ValueError):
    """Options that do not go together."""


def whole(lowest: int, highest: int):
    """Return a type for argparse: a whole number in a range."""

    def number(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number from {lowest:,} to {highest:,}"
            )
        return int(text)

    return number


def between(lowest: float, highest: float):
    """Return a type for argparse: a number in a range."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no number from {lowest:g} to {highest:g}"
            )
        return value

    return number


def print_result(result: dict, options: argparse.Namespace) -> None:
    """Print a result with its command line and the date, as JSON if that was asked for.

    Raises
    ------
    ValueError
        If it holds a number that JSON has no word for.
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
            lines.append(
                f"{indent}{name}: {round(value, 4) if isinstance(value, float) else value}"
            )
    return "\n".join(lines)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep from the screen what TensorFlow's compiled part says about itself while it starts."""
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


@contextlib.contextmanager
def writing(what: str | Path) -> Iterator[None]:
    """Turn an error of writing into one sentence that names what could not be written."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{printable(what)} cannot be written. {explain(error)}") from None


def refuse_folder(path: Path) -> None:
    """Say before the work that a result cannot be written where there is a folder, or none."""
    with writing(path):
        os.stat(path.parent)
    if path.is_dir():
        raise ValueError(f"{printable(path)} cannot be written. It is a folder.")


def printable(name: str | Path) -> str:
    """Return a name on one line: line breaks and broken characters as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in os.fspath(name)
    )
