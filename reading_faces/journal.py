"""What a long run has read so far, a photo a line, so that one that was cut can go on.

A journal lies beside the table that the run is to write, named `TABLE.unfinished`, and is removed
when the table is there. Its first line says how the photos are read: another way would make a table
of two minds.
"""

import json
import os
import sys
from pathlib import Path
from typing import Self

from reading_faces.reader import PhotoReading


class Journal:
    """The rows of an unfinished run; after the `with` block it is gone, or says how to go on.

    Parameters
    ----------
    table : the file that the run is to write.
    settings : plain values that change a reading; an unfinished run with others is refused.
    resume : go on from an unfinished run; without it, one that is there is refused.

    Attributes
    ----------
    rows : `{path: rows}` of the photos that need not be read again, and of those added.

    Raises
    ------
    ValueError
        If an unfinished run is there and `resume` is not set, or it cannot be gone on with.
    OSError
        If the journal cannot be written.
    """

    def __init__(self, table: Path, settings: dict, resume: bool):
        self.path = table.with_name(f"{table.name}.unfinished")
        there = self.path.exists()
        if there and not resume:
            raise ValueError(
                f"{self.path} holds an unfinished run; add --resume to go on, or delete it."
            )
        lines = self.path.read_bytes().splitlines(keepends=True) if there else []
        # A run that was killed may have left half a line.
        lines = [line for line in lines if line.endswith(b"\n")]
        try:
            before, *readings = map(json.loads, lines or [json.dumps(settings)])
            self.rows = {line["path"]: [dict(row) for row in line["rows"]] for line in readings}
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{self.path} is no journal of a run; delete it.") from None
        if before != settings:
            raise ValueError(f"{self.path} was read with other settings; repeat them or delete it.")
        if there:
            os.truncate(self.path, sum(map(len, lines)))
        self._file = open(self.path, "ab")  # noqa: SIM115 - `__exit__` closes it
        if not lines:
            self._write(settings)

    def add(self, reading: PhotoReading, fine: bool) -> None:
        """Take in a reading; one that is not fine is read again: what was wrong may be mended."""
        self.rows[reading.path] = reading.to_rows()
        if fine:
            self._write({"path": reading.path, "rows": self.rows[reading.path]})

    def _write(self, line: dict) -> None:
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._file.close()
        if kind is None:
            self.path.unlink()
        else:
            print("The same command with --resume goes on from here.", file=sys.stderr)
