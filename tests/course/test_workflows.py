"""What runs at GitHub is pinned, bounded and allowed little, and asks for what is there."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> dict:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["on"] = content.pop(True, None)  # YAML 1.1 takes `on` for true
    return content


def test_there_are_the_workflows_that_keep_the_course_alive():
    assert {path.stem for path in WORKFLOWS} >= {"tests", "weekly", "links", "site", "release"}


@each_workflow
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"\s*(- )?uses: ", line) and "uses: ./" not in line:
            assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_an_action_has_the_same_commit_everywhere():
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w/-]+)@(\w{40} # \S+)", text))
    assert len(pins) == len({name for name, _ in pins}) >= 4


@each_workflow
def test_jobs_may_read_and_no_more_unless_they_say_so_and_none_runs_for_hours(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        if "uses" not in job:
            assert 0 < job["timeout-minutes"] <= 90


def test_each_system_python_and_set_of_dependencies_is_tried():
    rows = read(GITHUB / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"][
        "include"
    ]
    assert {row["os"].split("-")[0] for row in rows} == {"ubuntu", "macos", "windows"}
    assert {row["dependencies"] for row in rows} == {"oldest", "locked", "newest"}
    assert {row["python"] for row in rows} == {"3.11", "3.12", "3.13"}
    assert {row["os"].split("-")[0] for row in rows if row["dependencies"] == "locked"} >= {"macos"}


def test_all_extras_are_installed_wherever_the_lock_is_not():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = re.findall(r'"\.\[([\w,]+)\]"', (GITHUB / "workflows" / "tests.yml").read_text())
    assert len(lists) == 2
    extras = {*project["optional-dependencies"]} - {"scale"}  # what it needs, only .ci/run tries
    assert all(set(names.split(",")) == extras for names in lists)


def test_the_weekly_run_opens_an_issue_only_when_something_failed():
    workflow = read(GITHUB / "workflows" / "weekly.yml")
    assert workflow["on"]["schedule"]
    report = workflow["jobs"]["report"]
    assert report["if"] == "failure()"
    assert set(report["needs"]) == set(workflow["jobs"]) - {"report"}
    assert "gh issue create" in report["steps"][0]["run"]


def test_the_issue_form_offers_each_lesson_and_asks_for_cell_and_versions():
    form = read(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")
    fields = {field["id"]: field for field in form["body"]}
    offered = {option[:2] for option in fields["where"]["attributes"]["options"]}
    assert offered >= {path.name[:2] for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    assert all(fields[name]["validations"]["required"] for name in ("where", "cell", "versions"))


def test_the_commands_of_the_workflows_exist():
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    for name in re.findall(r"(?<![\w/.])((?:docs|notebooks|\.ci)/\w+(?:\.py)?)(?= |$)", text, re.M):
        assert (ROOT / name).exists(), name


def test_the_weekly_run_comes_to_the_tests_of_whole_systems():
    assert read(GITHUB / "workflows" / "weekly.yml")["jobs"]["tests"]["uses"].endswith("/tests.yml")
    jobs = read(GITHUB / "workflows" / "tests.yml")["jobs"]
    assert ".ci/run" in [step.get("run") for step in jobs["fresh"]["steps"]]
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in commands if line.startswith("make ")] == ["make test", "make test-all"]


def test_the_commit_hooks_fetch_nothing_and_name_what_exists():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    for hook in config["repos"][0]["hooks"]:
        for name in re.findall(r"(?<= )[\w/]+\.py", hook["entry"]):
            assert (ROOT / name).exists(), name
