"""What a long run has read so far, a photo a line, so that one that was cut can go on.

A journal lies beside the table that the run is to write, named `TABLE.unfinished`, and is removed
when the table is there. Its first line says how the photos are read: another way would make a table
of two minds.
"""

import json
import os
from pathlib import Path

from reading_faces.reader import PhotoReading


class Journal:
    """The readings of an unfinished run, by path.

    Parameters
    ----------
    table : the file that the run is to write.
    settings : plain values that change a reading; an unfinished run with others is refused.
    resume : go on from an unfinished run; without it, one that is there is refused.

    Attributes
    ----------
    done : `{path: PhotoReading}` of the photos that need not be read again.

    Raises
    ------
    ValueError
        If an unfinished run is there and `resume` is not set, or it cannot be gone on with.
    OSError
        If the journal cannot be written.
    """

    def __init__(self, table: Path, settings: dict, resume: bool):
        self.path = table.with_name(f"{table.name}.unfinished")
        self.done: dict[str, PhotoReading] = {}
        kept = self._read(settings, resume)
        self._file = open(self.path, "r+b" if kept else "wb")  # noqa: SIM115 - `close` is below
        # A run that was killed may have left half a line.
        self._file.truncate(kept)
        self._file.seek(kept)
        if not kept:
            self._write(settings)

    def _read(self, settings: dict, resume: bool) -> int:
        """Fill `done` and return how many bytes hold whole lines."""
        if not self.path.exists():
            return 0
        if not resume:
            raise ValueError(
                f"{self.path} holds an unfinished run; add --resume to go on, or delete it."
            )
        lines = self.path.read_bytes().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        try:
            before, *readings = map(json.loads, whole or [b"null"])
            self.done = {row["path"]: PhotoReading.from_dict(row) for row in readings}
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{self.path} is no journal of a run; delete it.") from None
        if whole and before != settings:
            raise ValueError(f"{self.path} was read with other settings; repeat them or delete it.")
        return sum(map(len, whole))

    def add(self, reading: PhotoReading) -> None:
        """Remember a reading, unless the photo failed: what was wrong may be mended."""
        if reading.error is None:
            self._write(reading.to_dict())

    def _write(self, row: dict) -> None:
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()

    def close(self, finished: bool) -> None:
        """Let go of the file; remove it if the run is finished."""
        self._file.close()
        if finished:
            os.unlink(self.path)
