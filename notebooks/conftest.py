"""How nbval runs the lessons: as a learner does, and comparing results only where they must agree.

Cells tagged `nbval-check-output` are compared with what is stored. Other versions of the numeric
packages may round differently, so with them every cell still runs, but nothing is compared; the
last lines of the test run say which of the two happened.
"""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
NUMERIC = ("numpy", "scipy", "pandas", "scikit-learn", "tensorflow", "keras", "opencv-python")


def pytest_configure(config):
    if config.option.nbval or config.option.nbval_lax:  # what the stored outputs were made with
        os.environ["COURSE_PROFILE"] = "lesson"
        os.environ.pop("COURSE_DATA", None)


def other_versions() -> list[str]:
    """Return what is installed in another version than the lock's, for instance `numpy 2.1.3`."""
    lines = [line.partition(";")[0].split("==") for line in LOCK.read_text().splitlines()]
    locked = {name: pin.strip() for name, pin in (line for line in lines if len(line) == 2)}
    found = []
    for name in NUMERIC:
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "missing"
        if installed != locked.get(name):
            found.append(f"{name} {installed} (locked: {locked.get(name)})")
    return found


def pytest_collection_modifyitems(config, items):
    compare = not other_versions()
    for item in items:
        if hasattr(item, "options"):  # a cell, as nbval collects it
            item.options["check"] = item.options["check"] and compare
            # Logs and progress bars differ from run to run, and the stored notebooks have none.
            item.parent.skip_compare = (*item.parent.skip_compare, "stderr")


def pytest_terminal_summary(terminalreporter, config):
    if not (config.option.nbval or config.option.nbval_lax):
        return
    found = other_versions()
    if found:
        terminalreporter.write_line(f"Stored results NOT compared: {', '.join(found)}", yellow=True)
    else:
        terminalreporter.write_line("Stored results compared: the versions are those of the lock.")
