"""Where output goes: not in place of a file that is read, and no library's words on the screen."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO


class ReplaceError(ValueError):
    """An output that would replace a file that is read, or another output."""


def refuse_replacing(inputs: Iterable[str | Path], **outputs: str | Path | None) -> None:
    """Refuse an output that would replace a file that is read, or another output.

    Files are compared, not names: a link, another spelling of the path, or capital letters on a
    disk that does not tell them apart lead to the same file. Devices such as /dev/stdout may be
    named, and folders as well: of a folder that is read, give the files that are read in it.

    Parameters
    ----------
    inputs : every file that is read, whether it exists or not.
    **outputs : the files to write by the names of their options: ``csv=Path("faces.csv")`` is
        ``--csv``.

    Raises ReplaceError with one sentence that names the option.
    """
    named = {f"--{option.replace('_', '-')}": path for option, path in outputs.items() if path}
    there = {option: _file_number(path) for option, path in named.items()}
    read = set(map(_file_number, inputs)) if any(there.values()) else set()
    written: dict[object, str] = {}
    for option, path in named.items():
        if there[option] in read - {None}:
            raise ReplaceError(
                f"{option} {path} would replace a file that is read; choose another name."
            )
        if there[option] is None and os.path.exists(path):
            continue  # a device, or a folder
        other = written.setdefault(there[option] or os.path.realpath(path), option)
        if other != option:
            raise ReplaceError(f"{other} and {option} {path} are one file; choose another name.")


def _file_number(path: str | Path) -> tuple[int, int] | None:
    """Return what tells a regular file from every other one; None if there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


@contextlib.contextmanager
def errors_go_to(file: IO) -> Iterator[None]:
    """Have what is said on standard error, also by compiled libraries, go into an open file."""
    sys.stderr.flush()
    screen = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
