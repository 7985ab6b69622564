"""Parsed arrays kept on disk, so that a table of text is parsed once.

A cache file's name carries the SHA-256 of the source it was made from and of its own content: a
changed source is never matched, and a damaged file is noticed and made again.
"""

import contextlib
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from helpers import settings
from helpers.files import whole_file

# Raise this when the meaning of the stored arrays changes.
_FORMAT = 1
Arrays = dict[str, np.ndarray]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached(kind: str, source_sha256: str, build: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that `build` makes, from the cache when it holds them.

    `kind` says what they are, for instance ``"emotions"``; `source_sha256` is the hash of the file
    they are made from.
    """
    folder, prefix = settings.CACHE / "parsed", f"{kind}-{_FORMAT}-{source_sha256[:32]}-"
    # What cannot be read or written costs time at the next load, nothing else.
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{prefix}*.npz"):
            if file_sha256(path) == path.stem.removeprefix(prefix):
                with np.load(path, allow_pickle=False) as archive:
                    return dict(archive)
            path.unlink()
    arrays, content = build(), io.BytesIO()
    np.savez(content, **arrays)
    digest = hashlib.sha256(content.getbuffer()).hexdigest()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / f"{prefix}{digest}.npz") as part:
            part.write_bytes(content.getbuffer())
    return arrays
