"""Settings come from the environment, and a wrong one stops what needs it, not an import."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers import settings


def python(code: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)


@pytest.mark.parametrize(
    ("variable", "value", "name", "said"),
    [
        ("COURSE_PROFILE", "quick", "PROFILE", "'quick'; choose one of smoke, lesson, full"),
        ("COURSE_SEED", "-1", "SEED", "'-1'; give a whole number"),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_used(monkeypatch, variable, value, name, said):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=said):
        getattr(settings, name)
    assert python("import helpers.settings, helpers.data").returncode == 0


@pytest.mark.parametrize(("profile", "epochs"), [("smoke", 1), ("lesson", 6), ("full", 60)])
def test_the_profile_chooses_how_much_work_is_done(monkeypatch, profile, epochs):
    monkeypatch.setenv("COURSE_PROFILE", profile)
    chosen = settings.PROFILE
    assert chosen == profile
    assert settings.by_profile(smoke=1, lesson=6, full=60) == epochs


def test_without_variables_it_is_a_lesson_with_seed_0(monkeypatch):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.delenv("COURSE_SEED", raising=False)
    assert (settings.PROFILE, settings.SEED) == ("lesson", 0)
    monkeypatch.setenv("COURSE_SEED", "17")
    assert settings.SEED == 17


def test_a_name_that_is_no_setting_is_an_attribute_error():
    assert not hasattr(settings, "PROFIL")


def test_a_folder_of_yours_is_searched_before_the_checkouts(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "~/faces")
    mine, raw = settings.data_folders()
    assert mine == Path.home() / "faces" and raw == settings.SHIPPED / "raw"
    monkeypatch.delenv("COURSE_DATA")
    assert settings.data_folders() == [raw]


@pytest.mark.parametrize(
    ("loaded", "installed", "same"),
    [("2.21.0-rc1", "2.21.0rc1", True), ("2.21", "2.21.0", True), ("2.21.0", "2.21.1", False)],
)
def test_what_is_in_memory_is_compared_as_a_version(loaded, installed, same):
    done = python(
        "import importlib.metadata, sys, types\n"
        f"importlib.metadata.version = lambda name: {installed!r}\n"
        "sys.modules['tensorflow'] = stub = types.ModuleType('tensorflow')\n"
        f"stub.__version__ = {loaded!r}\n"
        "import helpers"
    )
    assert (done.returncode == 0) == same
    assert same or f"tensorflow {loaded} is in memory, but {installed}" in done.stderr
