"""What a long run has read so far, a photo a line, so that one that was cut can go on.

A journal lies beside the table that the run is to write, named `TABLE.unfinished`, and is removed
when the table is there. Its first line says how the photos are read: another way would make a table
of two minds.
"""

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reading_faces.reader import PhotoReading


@dataclass(frozen=True)
class Journal:
    """An open journal; `rows` are `{path: rows}` of the photos that need not be read again."""

    file: BinaryIO
    rows: dict[str, list[dict]]

    def add(self, reading: PhotoReading, fine: bool) -> None:
        """Take in a reading; one that is not fine is read again: what was wrong may be mended."""
        self.rows[reading.path] = reading.to_rows()
        if fine:
            self.write({"path": reading.path, "rows": self.rows[reading.path]})

    def write(self, line: dict) -> None:
        """Append a line, at once."""
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()


@contextlib.contextmanager
def keep_journal(table: Path, settings: dict, resume: bool) -> Iterator[Journal]:
    """Give the journal of a run; after the `with` block it is gone, or says how to go on.

    Raises ValueError if an unfinished run is there and `resume` is not set, or if that run had
    other `settings`, which are plain values that change a reading.
    """
    if table.exists() and not table.is_file():  # nothing lies beside /dev/stdout
        with tempfile.TemporaryFile() as file:
            yield Journal(file, {})
        return
    path = table.with_name(f"{table.name}.unfinished")
    if path.exists() and not resume:
        raise ValueError(f"{path} holds an unfinished run; add --resume to go on, or delete it.")
    with open(path, "a+b") as file:
        file.seek(0)
        # A run that was killed may have left half a line.
        lines = [line for line in file if line.endswith(b"\n")]
        try:
            before, *readings = map(json.loads, lines or [json.dumps(settings)])
            rows = {line["path"]: [dict(row) for row in line["rows"]] for line in readings}
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{path} is no journal of a run; delete it.") from None
        if before != settings:
            raise ValueError(f"{path} was read with other settings; repeat them or delete it.")
        file.truncate(sum(map(len, lines)))
        journal = Journal(file, rows)
        try:
            if not lines:
                journal.write(settings)
        except OSError:
            path.unlink()  # there is nothing to go on from
            raise
        try:
            yield journal
        except BaseException:
            print("The same command with --resume goes on from here.", file=sys.stderr)
            raise
    path.unlink()
