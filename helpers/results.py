"""Results that ship with the course, as lessons quote them."""

import json

from helpers import settings


def stored_result(name: str) -> dict:
    """Read a result that ships with the course: `data/results/<name>.json`."""
    return json.loads((settings.SHIPPED / "results" / f"{name}.json").read_text())
