"""The three descriptions of the environment agree, and the wheel works away from the checkout."""

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
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.11", "3.12", "3.13")


def by_name(requirements: list[str]) -> dict[str, SpecifierSet]:
    """Return the range of each distribution; one named twice gets both ranges."""
    found: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, requirements):
        name = canonicalize_name(requirement.name)
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def declared() -> dict[str, SpecifierSet]:
    extras = PROJECT["optional-dependencies"].values()
    return by_name(PROJECT["dependencies"] + [line for extra in extras for line in extra])


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
    ours = {canonicalize_name(PROJECT["name"]), "pip"}
    assert {name: installed.get(name) for name in pins} == pins
    assert set(installed) - set(pins) <= ours, "installed, but the lock does not know it"


def test_every_cap_has_its_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if re.search(r'"[^"#]*<[^"#]*"', line):
            assert "#" in line.partition('"')[2] or before.startswith("#"), line


@pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")
def test_a_package_that_was_renewed_after_it_was_loaded_asks_for_a_restart():
    old = "import sys, types; sys.modules['numpy'] = numpy = types.ModuleType('numpy')\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{old}numpy.__version__ = '1.26.4'\nimport helpers"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ImportError: numpy 1.26.4 is in memory, but" in done.stderr
    assert "Restart the kernel" in done.stderr


def test_make_alone_explains_every_target():
    targets = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.M)[1].split()
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    assert {t for t in targets if f"make {t} " not in told} == {"help"}


def test_helpers_imports_nothing_undeclared():
    """What is imported at the top of a module is a core dependency; the rest is in an extra."""
    core, everything = by_name(PROJECT["dependencies"]), declared()
    distributions = metadata.packages_distributions()
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            else:
                continue
            allowed = core if node in tree.body else everything
            for module in {name.partition(".")[0] for name in modules}:
                if module in sys.stdlib_module_names or module == "helpers":
                    continue
                names = {canonicalize_name(name) for name in distributions.get(module, [])}
                assert names & set(allowed), f"{path.name} imports {module}"


def python(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=300, **options
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel as `make wheel` does, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    built = python("-m", "build", "--wheel", "--no-isolation", f"--outdir={folder}", cwd=ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_carries_the_weights_and_their_cards_and_no_raw_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for path in (ROOT / "data").rglob("*"):
        if path.is_file() and "raw" not in path.relative_to(ROOT).parts:
            assert f"helpers/shipped/{path.relative_to(ROOT / 'data').as_posix()}" in names
    assert any(name.endswith(".weights.h5") for name in names)
    assert "helpers/shipped/lessons/01_keypoints_and_flip.py" in names  # what `check` asks
    assert not [name for name in names if "/raw/" in name or name.startswith("data/")]
    assert any(re.search(r"dist-info/licenses/LICENSE", name) for name in names)


@pytest.mark.slow
def test_the_installed_wheel_reads_a_face_from_an_empty_folder(wheel, tmp_path):
    from matplotlib.cbook import get_sample_data

    target, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    installed = python("-m", "pip", "install", "--no-deps", f"--target={target}", str(wheel))
    assert installed.returncode == 0, installed.stderr
    away = {**os.environ, "PYTHONPATH": str(target)}

    where = "import helpers.settings as s; print(s.SHIPPED)"
    shipped = python("-c", where, cwd=empty, env=away).stdout.strip()
    assert Path(shipped) == target / "helpers" / "shipped"

    photo = get_sample_data("grace_hopper.jpg", asfileobj=False)
    run = python("-m", "reading_faces", "predict", photo, "--json", cwd=empty, env=away)
    assert run.returncode == 0, run.stderr
    (image,) = json.loads(run.stdout)["images"]
    (face,) = image["faces"]
    assert len(face["keypoints"]) == 15
