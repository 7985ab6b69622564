"""Where files are and how much work to do, from the environment.

Everything else asks this module, so that a teacher or a test changes one variable and not the code.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROFILES = ("smoke", "lesson", "full")
# What ships is `data/` of a checkout, else the copy inside the package.
SHIPPED = PACKAGE.parent / "data"
if not (SHIPPED / "weights").is_dir():
    SHIPPED = PACKAGE / "shipped"
_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CACHE = Path(os.environ.get("COURSE_CACHE") or _CACHES / "reading-faces").expanduser()


def __getattr__(name: str) -> str | int:
    """Return `PROFILE` or `SEED`, read when it is asked for: a wrong value stops no import."""
    if name == "PROFILE":
        profile = os.environ.get("COURSE_PROFILE", "lesson")
        if profile not in PROFILES:
            raise ValueError(f"COURSE_PROFILE is {profile!r}; choose one of {', '.join(PROFILES)}.")
        return profile
    if name == "SEED":
        seed = os.environ.get("COURSE_SEED", "0")
        if not seed.isdecimal():
            raise ValueError(f"COURSE_SEED is {seed!r}; give a whole number, for instance 0.")
        return int(seed)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def by_profile(smoke, lesson, full):
    """Return the value that belongs to the run profile, as in `EPOCHS = by_profile(1, 6, 60)`."""
    return {"smoke": smoke, "lesson": lesson, "full": full}[__getattr__("PROFILE")]


def card_of(weights: Path) -> Path:
    """Return where the card of a file of weights lies: beside it."""
    return weights.with_name(weights.name.removesuffix(".weights.h5") + ".json")


def data_folders() -> list[Path]:
    """Return the folders in which a named real data set is looked for, first choice first."""
    raw = SHIPPED / "raw" if SHIPPED.name == "data" else Path.cwd() / "data" / "raw"
    named = os.environ.get("COURSE_DATA")
    return [Path(named).expanduser(), raw] if named else [raw]
