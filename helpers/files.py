"""Files that are written whole or not at all, and in one sentence why one cannot be."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that becomes `path` at the end, or is removed.

    Its name has the same last extensions, since some libraries choose the format by them.
    """
    if path.exists() and not path.is_file():
        yield path  # A device such as /dev/stdout is written to, never replaced.
        return
    path = Path(os.path.realpath(path))  # A link stays, and what it leads to is replaced.
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=".part-", suffix="".join(path.suffixes[-2:])
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # `mkstemp` keeps a file to its owner; give it what any new file would have.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path` that becomes `path` at the end, or is removed.

    If another process has made `path` meanwhile, that one stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    folder.chmod(0o755)  # mkdtemp's is for its owner alone
    try:
        yield folder
        os.replace(folder, path)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def explain(error: OSError) -> str:
    """Say in one sentence why a file cannot be opened, read or written."""
    sentences = {
        errno.ENOENT: "There is no such file.",
        errno.EEXIST: "There is a file of this name.",
        errno.EPIPE: "Nobody reads it any more.",
        errno.EISDIR: "This is a folder, not a file.",
        errno.ENOTDIR: "A part of the path is a file, not a folder.",
        errno.EACCES: "There is no permission to open it.",
        errno.EPERM: "There is no permission to open it.",
        errno.ENOSPC: "The disk is full.",
        errno.EROFS: "The disk is read-only.",
        errno.ENAMETOOLONG: "The name is too long.",
    }
    if error.errno is None:
        return "The picture is damaged or cut off."
    return sentences.get(error.errno, f"{error.strerror or error}.")
