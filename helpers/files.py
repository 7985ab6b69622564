"""Files that are written whole or not at all, never in place of one that is read.

Nothing else in this project opens a file of a user's for writing.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO


class ReplaceError(ValueError):
    """An output that would replace a file that is read, or another output."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that becomes `path` at the end, or is removed.

    A link stays, and what it leads to is replaced. A device such as /dev/stdout is given itself.

    Raises
    ------
    OSError
        If there can be no file of this name; nothing was written then.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    path = Path(os.path.realpath(path))
    # With the last two endings, since some libraries choose the format by them.
    part = path.with_name(f".part-{secrets.token_hex(4)}{''.join(path.suffixes[-2:])}")
    try:
        part.touch(exist_ok=False)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    try:
        yield part
        _ask_for_room(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _ask_for_room(part: Path) -> None:
    """Raise OSError where no byte more can be written: libraries may have cut it in silence."""
    with part.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.write(b"\0")
        file.flush()
        file.truncate(end)
        os.fsync(file.fileno())


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path` that becomes `path` at the end, or is removed.

    If another process has made `path` meanwhile, with something in it, that one stays.
    """
    path = Path(os.path.realpath(path))
    part = path.with_name(f".part-{secrets.token_hex(4)}")
    part.mkdir(parents=True)
    try:
        yield part
        try:
            os.replace(part, path)
        except OSError:
            if not (path.is_dir() and any(path.iterdir())):
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def refuse_replacing(inputs: Iterable[str | Path], **outputs: str | Path | None) -> None:
    """Refuse an output that would replace a file that is read, or another output.

    Files are compared, not names: a link, another spelling of the path, or capital letters on a
    disk that does not tell them apart lead to the same file. Devices such as /dev/stdout may be
    named, and folders as well: of a folder that is read, give the files that are read in it.

    Parameters
    ----------
    inputs : iterable of Path
        Every file that is read, whether it exists or not.
    **outputs : Path or None
        The files to write by the names of their options: ``csv=Path("faces.csv")`` is ``--csv``.

    Raises
    ------
    ReplaceError
        With one sentence that names the option.
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


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def explain(error: OSError) -> str:
    """Say in one sentence why a file cannot be opened, read or written."""
    sentences = {
        errno.ENOENT: "There is no such file.",
        errno.EEXIST: "There is a file of this name.",
        errno.EPIPE: "Nobody reads it any more.",
        errno.EFBIG: "It is larger than files may be here.",
        errno.EISDIR: "This is a folder, not a file.",
        errno.ENOTDIR: "A part of the path is a file, not a folder.",
        errno.EACCES: "There is no permission to open it.",
        errno.EPERM: "There is no permission to open it.",
        errno.ENOSPC: "The disk is full.",
        errno.EROFS: "The disk is read-only.",
        errno.ENAMETOOLONG: "The name is too long.",
    }
    return sentences.get(error.errno, f"{error.strerror or error}.")
