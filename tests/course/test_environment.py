"""The descriptions of the environment agree, a test has its budget, the wheel works anywhere."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Callable, Container, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from excerpts import excerpt
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from notebooks import build

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.11", "3.12", "3.13")
# Extras that neither the lock nor environment.yml holds, and the distributions that come with them.
LEFT_OUT = {"scale": {"ray", "msgpack"}}
OURS = ("helpers", "reading_faces")


def python(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, **options
    )


def by_name(requirements: list[str]) -> dict[str, SpecifierSet]:
    """Return the range of each distribution; one named twice gets both ranges."""
    found: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def declared(without: Container[str] = LEFT_OUT) -> dict[str, SpecifierSet]:
    """Return the range of everything that the core and all extras ask for, but those left out."""
    extras = PROJECT["optional-dependencies"].items()
    lines = [line for name, extra in extras if name not in without for line in extra]
    return by_name(PROJECT["dependencies"] + lines)


def locked(python: str, platform: str = "linux") -> dict[str, str]:
    """Return the version that the lock gives each distribution on that Python."""
    where = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_machine": "x86_64",
        "os_name": "nt" if platform == "win32" else "posix",
    }
    pins = {}
    for line in LOCK.read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(where):
                (pin,) = requirement.specifier
                assert pin.operator == "==", f"{line}: not an exact version"
                pins[canonicalize_name(requirement.name)] = pin.version
    return pins


def test_conda_installs_the_same_ranges_as_pip():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [line for line in environment["dependencies"] if isinstance(line, str)]
    (pip,) = [group["pip"] for group in environment["dependencies"] if isinstance(group, dict)]
    assert "-e ." in pip, "the course itself is not installed"
    assert by_name([line for line in pip if line != "-e ."]) == declared()
    assert by_name(conda)["python"] == SpecifierSet(PROJECT["requires-python"])


@pytest.mark.parametrize("extra", LEFT_OUT)
def test_an_extra_that_is_left_out_is_declared_and_brought_by_nothing_else(extra):
    """Within a major version; neither conda, nor the lock, nor who renews the lock knows of it."""
    first, *_ = map(Requirement, PROJECT["optional-dependencies"][extra])
    assert {part.operator for part in first.specifier} == {">=", "<"}
    assert first.name in LEFT_OUT[extra]
    assert not LEFT_OUT[extra] & {*locked("3.11"), *locked("3.13"), *declared()}
    renewed = re.search(r"addprefix --extra ,([\w ]+)", (ROOT / "Makefile").read_text())[1].split()
    assert {*renewed} == {*PROJECT["optional-dependencies"]} - {*LEFT_OUT}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_holds_a_version_in_range_of_everything_declared(python):
    pins = locked(python)
    outside = [
        f"{name} {pins.get(name, 'missing')} (wants {wanted})"
        for name, wanted in declared().items()
        if name not in pins or not wanted.contains(pins[name], prereleases=True)
    ]
    assert not outside


def test_the_lock_has_no_addresses_and_no_gpu_packages():
    text = LOCK.read_text()
    assert "://" not in text
    assert " @ " not in text
    names = set(locked("3.11")) | set(locked("3.13"))
    assert not {name for name in names if re.match(r"torch|nvidia-|jax", name)}


def test_the_installed_environment_is_the_locked_one():
    if not (Path(sys.prefix) / "ready").exists():
        pytest.skip("this environment was not made by make")
    # Not all of `sys.path`: setuptools puts a folder of its own, older copies there once imported.
    there = list({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    installed = {canonicalize_name(d.name): d.version for d in metadata.distributions(path=there)}
    pins = locked(f"{sys.version_info[0]}.{sys.version_info[1]}", sys.platform)
    ours = {canonicalize_name(PROJECT["name"]), "pip"}.union(*LEFT_OUT.values())
    assert {name: installed.get(name) for name in pins} == pins
    assert set(installed) - set(pins) <= ours, "installed, but the lock does not know it"


def test_every_cap_has_its_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if re.search(r'"[^"#]*<[^"#]*"', line):
            assert "#" in line.partition('"')[2] or before.startswith("#"), line


@pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")
def test_make_alone_explains_every_target():
    targets = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.M)[1].split()
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    assert {t for t in targets if f"make {t} " not in told} == {"help"}


def test_a_package_that_was_renewed_after_it_was_loaded_asks_for_a_restart():
    old = "import sys, types; sys.modules['numpy'] = numpy = types.ModuleType('numpy')\n"
    done = python("-c", f"{old}numpy.__version__ = '1.26.4'\nimport helpers")
    assert done.returncode == 1
    assert "ImportError: numpy 1.26.4 is in memory, but" in done.stderr
    assert "Restart the kernel" in done.stderr


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each module that a file imports, by its first name, and whether on its top level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module]
        else:
            continue
        # Colab brings what a lesson asks its browser by.
        modules = [name for name in modules if not name.startswith("google.colab")]
        for name in {name.partition(".")[0] for name in modules}:
            if name not in {*sys.stdlib_module_names, *OURS}:
                yield name, node in tree.body


# Only one command imports each of these, and says in a sentence what is not installed.
OF_AN_EXTRA = {
    "reading_faces/exercises/grading.py": "lab",
    "reading_faces/page.py": "app",
    "reading_faces/scale.py": "scale",
}


def of_its_own(path: Path) -> set[str]:
    """Return what a requirements file beside a module names: it has an environment of its own."""
    file = path.with_suffix(".txt")
    lines = file.read_text().splitlines() if file.exists() else []
    return set(by_name([line for line in lines if line and not line.startswith("#")]))


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    """On top of a module: by the core; inside a function: by any extra; in a lesson: by `lab`.

    Inside a function of a module with requirements of its own, also by these.
    """
    core, everything = by_name(PROJECT["dependencies"]), declared(without=())
    extras = PROJECT["optional-dependencies"]
    lab = {**core, **by_name(extras["lab"])}
    of_an_extra = {
        ROOT / path: {**core, **by_name(extras[extra])} for path, extra in OF_AN_EXTRA.items()
    }
    distributions = metadata.packages_distributions()
    lessons = ROOT / "notebooks" / "source"
    used = set()
    for room in (*(ROOT / name for name in OURS), lessons):
        for path in sorted(room.rglob("*.py")):
            for module, on_top in imported(path):
                top = of_an_extra.get(path, core)
                allowed = lab if room == lessons else top if on_top else everything
                allowed = set(allowed) | (set() if on_top else of_its_own(path))
                # What is not installed here is called as it is imported, or `-bin` behind that.
                found = distributions.get(module, [module, f"{module}-bin"])
                names = {canonicalize_name(name) for name in found}
                assert names & allowed, f"{path} imports {module}"
                used |= names
    # MTCNN and keras-facenet import TensorFlow; our own code computes with it through Keras.
    assert set(core) - used <= {"tensorflow"}, "declared, but nothing imports it"


TESTS = """
import os, time, pytest

def compute():
    begun = time.process_time()
    while time.process_time() - begun < 0.3:
        pass

def test_of_a_part(): compute()

@pytest.mark.whole
def test_of_the_whole(): compute()

def test_that_waits(): time.sleep(0.3)

@pytest.fixture
def browser(): pytest.skip("there is no browser")

@pytest.mark.whole
def test_of_the_page(browser): pass
"""


def test_a_long_test_fails_unless_it_is_marked_and_in_ci_one_without_its_browser(tmp_path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = whole: needs a whole system\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment.update(COURSE_TEST_SECONDS="0.2", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    for ci, broken in (({}, {"part"}), ({"CI": "true"}, {"part", "page"})):
        command = ["-m", "pytest", "-rA", "-p", "no:cacheprovider"]
        run = python(*command, cwd=tmp_path, env={**environment, **ci})
        assert {*re.findall(r"^(?:FAILED|ERROR) \S+_(\w+)", run.stdout, re.M)} == broken, run.stdout
        assert "0 s of processor time, more than 0.2" in run.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel as `make wheel` does, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    built = python("-m", "build", "--wheel", "--no-isolation", f"--outdir={folder}", cwd=ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.whole
def test_the_wheel_carries_all_code_the_weights_and_their_cards_and_no_raw_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for path in (ROOT / "data").rglob("*"):
        if path.is_file() and "raw" not in path.relative_to(ROOT).parts:
            assert f"helpers/shipped/{path.relative_to(ROOT / 'data').as_posix()}" in names
    for path in (path for room in OURS for path in (ROOT / room).rglob("*.*")):
        if path.is_file() and path.parent.name != "__pycache__":
            assert path.relative_to(ROOT).as_posix() in names
    assert any(name.endswith(".weights.h5") for name in names)
    assert "helpers/shipped/lessons/01_keypoints_and_flip.py" in names  # what `check` asks
    assert not [name for name in names if "/raw/" in name or name.startswith("data/")]
    assert any(re.search(r"dist-info/licenses/LICENSE", name) for name in names)


@pytest.fixture(scope="module")
def away(wheel, tmp_path_factory) -> Callable[..., subprocess.CompletedProcess]:
    """Install the wheel; return Python in an empty folder, where it finds nothing but that."""
    target, empty = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("empty")
    installed = python("-m", "pip", "install", "--no-deps", f"--target={target}", str(wheel))
    assert installed.returncode == 0, installed.stderr
    environment = {**os.environ, "PYTHONPATH": str(target)}
    where = (
        "import helpers.settings, reading_faces as r; print(helpers.settings.SHIPPED, r.__file__)"
    )
    found = python("-c", where, cwd=empty, env=environment).stdout.split()
    assert found == [
        str(target / "helpers" / "shipped"),
        str(target / "reading_faces" / "__init__.py"),
    ]
    return partial(python, cwd=empty, env=environment)


@pytest.mark.whole
def test_the_installed_wheel_reads_a_face_from_an_empty_folder(away):
    from matplotlib.cbook import get_sample_data

    photo = get_sample_data("grace_hopper.jpg", asfileobj=False)
    run = away("-m", "reading_faces", "predict", photo, "--json")
    assert run.returncode == 0, run.stderr
    (image,) = json.loads(run.stdout)["images"]
    (face,) = image["faces"]
    assert len(face["keypoints"]) == 15


@pytest.mark.whole
def test_the_installed_wheel_scores_a_lesson_by_the_text_that_it_carries(away, tmp_path):
    path = tmp_path / "lesson.ipynb"
    lesson = excerpt(build.sources(["01"])[0])
    path.write_text(nbformat.writes(build.published(lesson)))
    run = away("-m", "reading_faces", "check", str(path), "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["score"] == 0  # the folded solutions do not count


@pytest.mark.whole
def test_the_set_up_cell_of_each_lesson_fetches_nothing_where_the_wheel_is(away):
    for path in build.sources():
        nb = build.read_source(path)
        (setup,) = (c for c in nb.cells if "setup" in c.metadata.get("tags", []))
        run = away("-c", setup.source + "\nimport reading_faces.exercises.check")
        assert (run.returncode, run.stdout) == (0, ""), run.stderr
