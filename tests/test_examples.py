"""The example package: its suite has the same verdicts however it is run, and a wrong sampler is refuted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "smoothed_gradients"

SHUFFLED = """
import random

def pytest_collection_modifyitems(items):
    random.Random(4).shuffle(items)
"""


def run(folder, *options):
    """Return exit code, verdicts of each test as JUnit has them, and output of the suite in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml=report.xml", *options],
        cwd=folder, capture_output=True, text=True, check=False, timeout=500,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    cases = ElementTree.parse(folder / "report.xml").iter("testcase")
    found = {}
    for case in cases:
        told = [p.get("value") for p in case.iter("property") if p.get("name") == "theory_check"]
        found[case.get("name")] = [json.loads(one)["verdicts"] for one in told]
    assert found, done.stdout + done.stderr
    return done.returncode, found, done.stdout


@pytest.fixture
def example(tmp_path):
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__")))


def compare(example, *others):
    code, alone, _ = run(example)
    assert code == 0
    assert all(records[0] for records in alone.values())
    for options, hook in others:
        (example / "conftest.py").write_text(hook)
        code, found, _ = run(example, *options)
        assert code == 0
        assert found == {name: alone[name] for name in found}
        assert len(found) == (len(alone) if "-k" not in options else 2)


def test_the_suite_holds_and_has_the_same_verdicts_in_another_order_on_two_workers(example):
    pytest.importorskip("xdist")
    # Every worker loads everything anew: two tests stand for all.
    compare(example, (("-n2", "-k", "event or every_scale"), SHUFFLED))


@pytest.mark.slow
def test_the_suite_has_the_same_verdicts_on_four_workers_and_in_another_order(example):
    pytest.importorskip("xdist")
    compare(example, (("-n4",), ""), ((), SHUFFLED), (("-n4",), SHUFFLED))


def test_a_wrong_sampler_is_refuted(example):
    source = example / "smoothed_gradients" / "__init__.py"
    right = source.read_text()
    wrong = right.replace("* z / (2.0 * s)", "* z / s")
    assert wrong != right
    source.write_text(wrong)
    code, found, text = run(example, "-k", "smoothed_relu or chi_square")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert text.count("refuted, expected supported: the mean of antithetic is") == 1
    assert text.count("refuted, expected supported: the distance of antithetic from its law is") == 1
    verdicts = {name: records[0][0]["verdict"] for name, records in found.items()}
    assert sorted(verdicts.values()) == ["refuted", "refuted", "supported"]
