"""What commands share: how arguments are read, results are printed and failures are put."""

import argparse
import contextlib
import datetime
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def whole(lowest: int, highest: int):
    """Return a type for argparse: a whole number in a range."""

    def number(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number from {lowest:,} to {highest:,}"
            )
        return int(text)

    return number


def share(text: str) -> float:
    """Return a number from 0 to 0.5 for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 0.5")
    return value


def print_result(result: dict, options: argparse.Namespace) -> None:
    """Print a result with its command line and the date, as JSON if that was asked for."""
    result = result | {"command": options.command, "date": datetime.date.today().isoformat()}
    print(json.dumps(result, indent=2) if options.json else as_text(result))


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
        from helpers.files import explain

        raise ValueError(f"{printable(what)} cannot be written. {explain(error)}") from None


def printable(name: str | Path) -> str:
    """Return a name on one line: line breaks and broken characters as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in os.fspath(name)
    )
