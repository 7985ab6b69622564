"""Settings come from the environment, and a wrong one stops what needs it, not an import."""

import json
import os
import runpy
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


# What other projects have set for Keras.

USUAL = {"floatx": "float32", "epsilon": 1e-07, "image_data_format": "channels_last"}
TELL = """
import helpers, json, keras, os, tensorflow as tf
from keras import config as c
print(json.dumps([keras.__version__[:2], c.backend(), c.floatx(), c.image_data_format(),
    c.epsilon(), tf.keras.__version__[:2], os.environ.get("KERAS_MAX_EPOCHS")]))
"""


@pytest.mark.parametrize(
    ("variables", "file"),
    [
        ({"TF_USE_LEGACY_KERAS": "1", "KERAS_BACKEND": "torch", "KERAS_MAX_EPOCHS": "x"}, None),
        ({}, json.dumps({"floatx": "float16", "image_data_format": "channels_first"})),
    ],
)
@pytest.mark.whole
def test_keras_is_as_this_course_needs_it_whatever_is_set(tmp_path, variables, file):
    (tmp_path / ".keras").mkdir()
    if file:
        (tmp_path / ".keras" / "keras.json").write_text(file)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    cache = {"COURSE_CACHE": str(tmp_path / "cache")}
    done = python(TELL, env=clean | home | cache | variables)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == ["3.", "tensorflow", "float32", "channels_last", 1e-07, "3.", None]
    if file:
        assert (tmp_path / ".keras" / "keras.json").read_text() == file, "the user's own file stays"


@pytest.mark.parametrize(
    ("file", "stays"),
    [
        (None, True),
        (json.dumps(USUAL | {"backend": "torch"}), True),
        (json.dumps(USUAL | {"image_data_format": "channels_first"}), False),
        (json.dumps(USUAL | {"epsilon": "small"}), False),
        ("[1]", False),
        ("half {", False),
    ],
)
def test_keras_keeps_its_home_where_nothing_is_wrong_with_it(tmp_path, file, stays):
    if file:
        (tmp_path / "keras.json").write_text(file)
    env = dict(os.environ) | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    tell = "import helpers, os; print(os.environ['KERAS_HOME'], os.environ['KERAS_BACKEND'])"
    home, backend = python(tell, env=env).stdout.split()
    assert (home == str(tmp_path)) == stays and backend == "tensorflow"


def test_a_notebook_that_has_chosen_its_keras_keeps_it():
    code = "import os, sys, types; sys.modules['keras'] = types.ModuleType('keras'); import helpers"
    tell = f"{code}; print(os.environ['KERAS_BACKEND'])"
    done = python(tell, env=dict(os.environ) | {"KERAS_BACKEND": "torch"})
    assert done.stdout.strip() == "torch"


NONE_OF_THEM = {
    **{"TF_USE_LEGACY_KERAS": "1", "KERAS_NNX_ENABLED": "1", "KERAS_MAX_EPOCHS": "1"},
    **{"KERAS_MAX_STEPS_PER_EPOCH": "1"},
}


def test_what_was_set_for_other_projects_does_not_reach_keras(tmp_path):
    """In the environment, and in the file of settings at its usual place."""
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"floatx": "float16"}')
    env = {name: value for name, value in os.environ.items() if name != "KERAS_HOME"}
    env |= NONE_OF_THEM | {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    env |= {"COURSE_CACHE": str(tmp_path / "cache"), "TF_ENABLE_ONEDNN_OPTS": "0"}
    names = [*NONE_OF_THEM, "TF_ENABLE_ONEDNN_OPTS", "KERAS_HOME"]
    tell = f"import helpers, os; print(*map(os.environ.get, {names}))"
    *foreign, own, home = python(tell, env=env).stdout.split()
    assert foreign == ["None"] * 4
    assert own == "0", "what is no matter of Keras stays"
    assert home == str(tmp_path / "cache" / "keras")


def test_each_package_that_a_notebook_may_hold_is_compared():
    """Of any of them another version is in memory, and of all others none is installed."""
    done = python(
        "import importlib.metadata as m, sys, types\n"
        "found = m.version\n"
        "for module in ('numpy', 'pandas', 'keras', 'tensorflow', 'sklearn'):\n"
        "    package = {'sklearn': 'scikit-learn'}.get(module, module)\n"
        "    def version(name):\n"
        "        if name == package: return found(name)\n"
        "        raise m.PackageNotFoundError(name)\n"
        "    m.version = version\n"
        "    sys.modules[module] = types.ModuleType(module)\n"
        "    sys.modules[module].__version__ = '0.0.1'\n"
        "    try: import helpers\n"
        "    except ImportError as error: print(str(error).split()[0])\n"
        "    for name in ('helpers', module): sys.modules.pop(name, None)\n"
    )
    assert done.stdout.split() == ["numpy", "pandas", "keras", "tensorflow", "sklearn"]


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"COURSE_CACHE": "~/mine", "XDG_CACHE_HOME": "/caches"}, Path.home() / "mine"),
        ({"COURSE_CACHE": "", "XDG_CACHE_HOME": "/caches"}, Path("/caches/reading-faces")),
        ({"XDG_CACHE_HOME": ""}, Path.home() / ".cache" / "reading-faces"),
    ],
)
def test_the_cache_is_where_it_is_asked_for_else_among_the_user_s_caches(
    monkeypatch, variables, place
):
    monkeypatch.delenv("COURSE_CACHE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert runpy.run_path(settings.__file__)["CACHE"] == place


def test_an_installed_course_looks_for_data_where_it_is_started(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(settings, "SHIPPED", tmp_path / "helpers" / "shipped")
    monkeypatch.chdir(tmp_path)
    assert settings.data_folders() == [tmp_path / "data" / "raw"]


def test_what_ships_is_the_checkout_s_data_else_what_lies_in_the_package(tmp_path):
    copy = tmp_path / "helpers" / "settings.py"
    copy.parent.mkdir()
    copy.write_bytes(Path(settings.__file__).read_bytes())
    (tmp_path / "data").mkdir()  # somebody's own, beside an installed course
    assert runpy.run_path(str(copy))["SHIPPED"] == tmp_path / "helpers" / "shipped"
    (tmp_path / "data" / "weights").mkdir()
    assert runpy.run_path(str(copy))["SHIPPED"] == tmp_path / "data"
