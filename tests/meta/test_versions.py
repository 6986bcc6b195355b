"""What is said of versions in several places: lowest ones, Pythons, and what continuous integration runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

#: Python's own, and the order in which continuous integration meets them.
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def bounds():
    """Yield what the package and its tests need, with the lowest version of each."""
    for requirement in {*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]}:
        name, least = requirement.split(">=")
        yield f"{name}=={least}"


def test_the_lowest_versions_are_those_of_the_project():
    lines = (ROOT / "tests" / "lowest.txt").read_text().splitlines()
    ours, _, _ = "\n".join(lines).partition("# Not ours")
    assert sorted(line for line in ours.splitlines() if not line.startswith("#")) == sorted(bounds())


def test_all_pythons_are_told_everywhere():
    classified = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    tox = (ROOT / "tox.ini").read_text()
    assert classified == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert all(f"py{version.replace('.', '')}" in tox for version in PYTHONS)
    assert f"python-version: {PYTHONS}".replace("'", '"') in (ROOT / ".github" / "workflows" / "tests.yml").read_text()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_what_workflows_run_is_pinned(workflow):
    text = workflow.read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)
    assert all("==" in package for line in re.findall(r"pip install (.*)", text) for package in line.split())


def test_workflows_run_environments_that_exist():
    environments = set(re.findall(r"^\[testenv:(\w+)\]", (ROOT / "tox.ini").read_text(), re.MULTILINE))
    named = {name for path in WORKFLOWS for name in re.findall(r"tox run -e (\w+)", path.read_text())}
    assert named >= {"lowest", "nightly", "release"}
    assert named <= environments
