"""Files that are written whole or not at all.

Nothing else in this project opens a file of a user's for writing.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that becomes `path` at the end, or is removed.

    A link stays, and what it leads to is replaced. A device such as /dev/stdout is given itself.
    Raises OSError if there can be no file of this name; nothing was written then.
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
