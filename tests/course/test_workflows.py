"""GitHub's files follow their schemas; what runs there is pinned, bounded and allowed little."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(
    set((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) - {GITHUB / "ISSUE_TEMPLATE/config.yml"}
)
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
}
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> dict:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["on"] = content.pop(True, None)  # YAML 1.1 takes `on` for true
    return content


def validate(schema: str, *paths: Path):
    """Run check-jsonschema with one of the schemas that it brings along."""
    cli = pytest.importorskip("check_jsonschema", reason="not installed: check-jsonschema (`dev`)")
    from click.testing import CliRunner

    return CliRunner().invoke(cli.main, ["--builtin-schema", schema, *map(str, paths)])


def test_there_are_the_workflows_that_keep_the_course_alive():
    assert {path.stem for path in WORKFLOWS} >= {"tests", "weekly", "links", "site", "release"}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_follow_their_schema(schema):
    assert SCHEMAS[schema]
    run = validate(schema, *SCHEMAS[schema])
    assert run.exit_code == 0, run.output


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-workflows", "on: push\njobs: {a: {steps: []}}"),
        ("vendor.github-issue-forms", "name: a\ndescription: b\nbody: [{type: inputs}]"),
        ("vendor.github-issue-config", "blank_issues: true"),
        ("vendor.dependabot", "version: 2\nupdates: [{package-ecosystem: pypi}]"),
    ],
)
def test_a_file_that_breaks_its_schema_is_found(schema, text, tmp_path):
    path = tmp_path / "broken.yml"
    path.write_text(text)
    assert validate(schema, path).exit_code == 1


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
    assert all(set(names.split(",")) == set(project["optional-dependencies"]) for names in lists)


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


@pytest.mark.skipif(not shutil.which("git"), reason="no git on this machine")
def test_the_commit_hooks_pass_on_what_is_committed_and_stop_what_is_not(tmp_path):
    pytest.importorskip("pre_commit", reason="not installed: pre-commit (extra `dev`)")
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}, "a hook would be fetched"
    config["repos"][0]["hooks"] = [
        {**hook, "entry": hook["entry"].replace(".venv/bin/python", sys.executable)}
        for hook in config["repos"][0]["hooks"]
        if hook["id"] in ("ruff-check", "ruff-format", "sizes")
    ]
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))

    def commit(name: str, text: str) -> subprocess.CompletedProcess:
        (tmp_path / name).write_text(text)
        subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
        command = [sys.executable, "-m", "pre_commit", "run", "--files", name]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    good = commit("good.py", "x = 1\n")
    assert good.returncode == 0, good.stdout + good.stderr
    assert commit("lint.py", "import os\n").returncode == 1
    assert commit("format.py", "x=1\n").returncode == 1
    assert commit("large.txt", "x" * 1_500_001).returncode == 1
