"""Where files are and how much work to do, from the environment.

Everything else asks this module, so that a teacher or a test changes one variable and not the code.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROFILES = ("smoke", "lesson", "full")


def __getattr__(name: str) -> str | int:
    """Return `PROFILE` or `SEED`, read when it is asked for: a wrong value stops no import."""
    if name not in ("PROFILE", "SEED"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _profile() if name == "PROFILE" else _seed()


def _profile() -> str:
    profile = os.environ.get("COURSE_PROFILE", "lesson")
    if profile not in PROFILES:
        raise ValueError(f"COURSE_PROFILE is {profile!r}; choose one of {', '.join(PROFILES)}.")
    return profile


def _seed() -> int:
    text = os.environ.get("COURSE_SEED", "0")
    if not text.isdecimal():
        raise ValueError(f"COURSE_SEED is {text!r}; give a whole number, for instance 0.")
    return int(text)


def by_profile(smoke, lesson, full):
    """Return the value that belongs to the run profile, as in `EPOCHS = by_profile(1, 6, 60)`."""
    return {"smoke": smoke, "lesson": lesson, "full": full}[_profile()]


def _shipped() -> Path:
    """Return the shipped data: `data/` of a checkout, else the copy inside the package."""
    checkout = PACKAGE.parent / "data"
    return checkout if (checkout / "weights").is_dir() else PACKAGE / "shipped"


def _cache() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reading-faces"
    return Path(os.environ.get("COURSE_CACHE") or default).expanduser()


SHIPPED = _shipped()
CACHE = _cache()


def data_folders() -> list[Path]:
    """Return the folders in which a named real data set is looked for, first choice first."""
    raw = SHIPPED / "raw" if SHIPPED.name == "data" else Path.cwd() / "data" / "raw"
    named = os.environ.get("COURSE_DATA")
    return [Path(named).expanduser(), raw] if named else [raw]
