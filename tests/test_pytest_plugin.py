"""The plugin is tested by running pytest inside pytest."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

HEAD = """
import pytest
from theory_check.inference.intervals import Interval

def interval(lower, upper, level=1e-7):
    return Interval((lower + upper) / 2, lower, upper, level, "given")
"""


def run(pytester: pytest.Pytester, body: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(HEAD + body)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_verdicts_as_stated_pass_and_are_summarised(pytester):
    result = run(
        pytester,
        """
@pytest.mark.statistical
def test_it(evidence):
    found = interval(0.49, 0.51)
    evidence.supports(found, target=(0.5, 0.5), margin=0.05)
    evidence.refutes(found, target=(0.6, 0.6), margin=0.05)
    evidence.admits(found, target=(0.505, 0.505))
""",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*3 of 3 verdicts as stated in 1 statistical tests*"])


@pytest.mark.parametrize(
    "assertion",
    [
        "evidence.supports(interval(0.3, 0.4), target=(0.5, 0.5), margin=0.05)",
        "evidence.supports(interval(0.0, 1.0), target=(0.5, 0.5), margin=0.05)",
        "evidence.refutes(interval(0.4, 0.6), target=(0.5, 0.5))",
        "evidence.admits(interval(0.4, 0.6), target=(0.7, 0.7))",
    ],
)
def test_a_verdict_other_than_stated_fails_inside_its_test_and_in_junit(pytester, assertion):
    result = run(
        pytester,
        f"""
@pytest.mark.statistical
def test_it(evidence):
    {assertion}
""",
        "--junit-xml=report.xml",
    )
    result.assert_outcomes(failed=1)
    assert 'failures="1"' in (pytester.path / "report.xml").read_text()


@pytest.mark.parametrize("signature", ["", "evidence"])
def test_a_marked_test_without_a_verdict_fails(pytester, signature):
    result = run(pytester, f"\n@pytest.mark.statistical\ndef test_it({signature}):\n    pass\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*must record a verdict*"])


def test_spending_more_than_the_level_fails(pytester):
    result = run(
        pytester,
        """
@pytest.mark.statistical(level=1e-6)
def test_it(evidence):
    assert evidence.level == 1e-6
    for index in range(3):
        evidence.admits(interval(0, 1, level=4e-7), target=(0.5, 0.5))
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*spend a level of 1.2e-06, more than its 1e-06*"])


def test_level_is_a_share_of_the_family_level_and_seed_a_function_of_the_test(pytester):
    pytester.makeini("[pytest]\ntheory_check_family_level = 1e-2\ntheory_check_places = 100\n")
    body = """
@pytest.mark.statistical
@pytest.mark.parametrize("name", ["a", "b"])
def test_it(evidence, name):
    assert evidence.level == pytest.approx(1e-4)
    print("seed", evidence.seed)
    evidence.admits(interval(0, 1), target=(0.5, 0.5))
"""
    first, second = (run(pytester, body, "-s") for _ in range(2))
    seeds = [re.findall(r"seed (\d+)", "\n".join(result.outlines)) for result in (first, second)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 2


def test_workers_hand_their_verdicts_to_the_controller(pytester):
    pytest.importorskip("xdist")
    result = run(
        pytester,
        """
@pytest.mark.statistical
@pytest.mark.parametrize("index", range(4))
def test_it(evidence, index):
    evidence.supports(interval(0.49, 0.51), target=(0.5, 0.5), margin=0.05 if index else 0.001)
""",
        "-n2",
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*3 of 4 verdicts as stated in 4 statistical tests*"])


def test_the_plugin_imports_nothing_heavy():
    heavy = ("numpy", "numba", "scipy")
    code = f"import sys, theory_check.pytest_plugin; print([m for m in {heavy} if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
