"""The plugin is tested by running pytest inside pytest."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

# A session inside forgets what it loads, and NumPy loads only once.
from theory_check.inference.intervals import Interval
from theory_check.pytest_plugin.evidence import Evidence

HEAD = """
import pytest
from theory_check.inference.intervals import Interval

def interval(lower, upper, level=1e-7):
    return Interval((lower + upper) / 2, lower, upper, level, "given")
"""


PROPERTY = """
from hypothesis import HealthCheck, assume, example, given, settings, strategies as st

@pytest.mark.statistical(level=1e-6)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True, database=None)
@given(st.integers(0, 9))
"""


def run(pytester: pytest.Pytester, body: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(HEAD + body)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)


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


def test_workers_hand_verdicts_and_examples_to_the_controller(pytester):
    pytest.importorskip("xdist")
    result = run(
        pytester,
        """
@pytest.mark.statistical
@pytest.mark.parametrize("index", range(4))
def test_it(evidence, index):
    evidence.supports(interval(0.49, 0.51), target=(0.5, 0.5), margin=0.05 if index else 0.001)

@pytest.mark.statistical
@pytest.mark.parametrize("index", range(4))
def test_examples(evidence, index):
    for n in range(3):
        with evidence.share(n, examples=3, strata={"index": str(index)}) as example:
            example.admits(interval(0, 1, level=example.level), target=(0.5, 0.5))
""",
        "-n2",
    )
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["*15 of 16 verdicts as stated in 8 statistical tests*"])
    result.stdout.fnmatch_lines(["*12 examples of properties; 4 of index: 0, 1, 2, 3"])


def test_examples_share_the_level_and_one_drawn_again_spends_nothing(pytester):
    # Ten examples of ten numbers, some of them twice: their share each, so that the test spends all of its level.
    result = run(
        pytester,
        PROPERTY
        + """
def test_it(evidence, n):
    for _ in range(2):
        with evidence.share(n, examples=10, strata={"parity": "odd" if n % 2 else "even"}) as example:
            assert example.level == pytest.approx(1e-7)
            example.admits(interval(0, 1, level=example.level), target=(0.5, 0.5))
    assert evidence.spent <= 1e-6 * (1 + 1e-9)
""",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*10 of 10 verdicts as stated in 1 statistical tests; *at most 1.0e-06"])
    result.stdout.fnmatch_lines(["*10 examples of properties; 2 of parity: even, odd"])


BREACHES = {
    "with evidence.share(n, examples=9) as e: e.admits(interval(0, 1), target=(0, 0))": "more than 9 examples",
    "with evidence.share(n, examples=10): pass": "an example must record a verdict",
    "with evidence.share(n, examples=10) as e: e.admits(interval(0, 1, 2e-7), target=(0, 0))": "a level of 2e-07",
    "with evidence.share(object(), examples=10): pass": "their repr tells apart",
    "with evidence.share(n, examples=0): pass": "examples is 0",
    "evidence.share(n, examples=10).admits(interval(0, 1), target=(0, 0))": "in `with evidence.share(...) as example:`",
}


def test_a_property_that_spends_more_or_judges_nothing_fails(pytester):
    tests = (f"{PROPERTY}def test_{i}(evidence, n):\n    {body}\n" for i, body in enumerate(BREACHES))
    result = run(pytester, "".join(tests))
    result.assert_outcomes(failed=len(BREACHES))
    for reason in BREACHES.values():
        result.stdout.fnmatch_lines_random([f"*{reason}*"])


def test_examples_have_streams_of_their_own_whatever_their_order(pytester):
    body = """
import random

@pytest.mark.statistical
@pytest.mark.parametrize("name", ["a", "b"])
def test_it(evidence, name):
    for n in random.Random(ORDER).sample(range(5), 5):
        with evidence.share(n, "drawn", examples=5) as example:
            print("seed", name, n, example.seed)
            example.admits(interval(0, 1, level=example.level), target=(0.5, 0.5))
"""
    seeds = {}
    for key, order, options in (("a", 1, ()), ("b", 2, ()), ("night", 1, ("--theory-check-seed=7",))):
        result = run(pytester, body.replace("ORDER", str(order)), "-s", "-p", "no:randomly", *options)
        result.assert_outcomes(passed=2)
        seeds[key] = dict(re.findall(r"seed (\w \d) (\d+)", "\n".join(result.outlines)))
    assert seeds["a"] == seeds["b"]
    assert len({*seeds["a"].values(), *seeds["night"].values()}) == 20


FAILING = (
    PROPERTY
    + """
def test_it(evidence, n):
    with evidence.share(n, examples=10, repeat="draw({seed}, {level})") as example:
        print("drawn", n)
        lower = 0.6 if n >= 3 else 0.4
        example.admits(interval(lower, 0.7, level=example.level), target=(0.5, 0.5))
"""
)


def test_shrinking_spends_nothing_and_the_first_failure_stands_beside_the_simplest(pytester):
    result = run(pytester, FAILING)
    result.assert_outcomes(failed=1)
    text = "\n".join(result.outlines)
    # Shrunk to the simplest example that fails, on its own streams; more than ten were tried.
    assert re.search(r"Example: 3$", text, re.MULTILINE)
    first = re.search(r"The test failed first, and by its own streams, at (\d): refuted, expected admitted", text)
    assert first is not None
    assert int(first.group(1)) > 3
    assert "share the level" not in text
    verdicts = re.search(r"(\d+) of (\d+) verdicts as stated in 1 statistical tests", text)
    assert verdicts is not None
    assert int(verdicts.group(2)) == int(verdicts.group(1)) + 1 <= 10
    assert re.search(r"Repeat the test: python -m pytest \S+::test_it --hypothesis-profile=\w+$", text, re.MULTILINE)
    assert re.search(r"Repeat the example:\nE? *draw\(\d+, 1e-07\)", text)


def test_arrays_that_are_shown_alike_are_examples_of_their_own():
    drawn = [np.zeros(2000) for _ in range(2)] + [np.array([0.1]), np.array([0.1 + 1e-12])]
    drawn[1][1000] = 1.0
    assert len(set(map(repr, drawn))) == 2
    test = Evidence("module::test", 1e-6)
    seeds = set()
    for values in drawn:
        with test.share(values, examples=4) as example:
            example.admits(Interval(0.5, 0.0, 1.0, example.level, "given"), target=(0.5, 0.5))
            seeds.add(example.seed)
    assert len(seeds) == 4
    assert test.spent == pytest.approx(1e-6)


def test_an_assumption_that_fails_takes_no_share_and_an_error_of_the_test_spends_none_while_it_shrinks(pytester):
    result = run(
        pytester,
        PROPERTY
        + """
def test_assumption(evidence, n):
    with evidence.share(n, examples=5) as example:
        assume(n % 2)
        example.admits(interval(0, 1, level=example.level), target=(0.5, 0.5))

@pytest.mark.statistical
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(st.integers(0, 10**9))
def test_error(evidence, n):
    with evidence.share(n, examples=100) as example:
        example.admits(interval(0, 1, level=example.level), target=(0.5, 0.5))
        assert n < 1000, "an error of the test"
""",
    )
    result.assert_outcomes(passed=1, failed=1)
    text = "\n".join(result.outlines)
    assert re.search(r"Example: 1000$", text, re.MULTILINE)
    assert "share the level" not in text


def test_mistakes_that_no_example_tells_are_shown(pytester):
    result = run(
        pytester,
        """
@pytest.mark.statistical
def test_it(evidence):
    for n in range(2):
        with evidence.share(n, examples=2) as example:
            example.admits(interval(0, 1, level=example.level), target=(0.5, 0.5))
            example.mistakes |= {"twice": n == 1, "half": False}
""",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*: 1 of 2 named mistakes are told by some example with a probability of 99% or more",
            "  not by test_it: half",
        ]
    )


def test_a_test_that_catches_a_refused_verdict_fails(pytester):
    result = run(
        pytester,
        """
@pytest.mark.statistical
def test_it(evidence):
    with pytest.raises(pytest.fail.Exception):
        evidence.admits(interval(0.4, 0.6), target=(0.7, 0.7))
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*a verdict other than stated was recorded, and the test went on*"])


def test_the_plugin_imports_nothing_heavy():
    heavy = ("numpy", "numba", "scipy")
    code = f"import sys, theory_check.pytest_plugin; print([m for m in {heavy} if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
