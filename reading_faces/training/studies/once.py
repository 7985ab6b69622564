"""What an interrupted study has done is not done again."""

import json
from collections.abc import Callable
from pathlib import Path

from helpers.files import whole_file


def once(path: Path, work: Callable):
    """Return what is stored at `path`; if there is nothing, do the work and store it as JSON."""
    if not path.exists():
        done = work()
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(json.dumps(done))
    return json.loads(path.read_text())
