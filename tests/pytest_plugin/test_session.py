"""Sampler assertions in sessions of pytest: levels at collection and at the end, seeds, reports, and other runners."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import statsmodels.stats.proportion  # noqa: F401  (a session inside forgets what it loads, and NumPy loads only once)

import theory_check.pytest_plugin.sampling  # noqa: F401

#: A test of one's own, which loads nothing.
HEAD = """
import asyncio, random, types, unittest
import pytest

def test_result(p_value):
    return types.SimpleNamespace(p_value=p_value)

test_result.__test__ = False
"""


def run(pytester: pytest.Pytester, body: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(HEAD + body)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)


MANY = """
@pytest.mark.statistical
@pytest.mark.parametrize("index", range(1500))
def test_it(evidence, index):
    raise AssertionError("this ran")
"""


@pytest.mark.parametrize("options", [(), ("-n2",), ("--continue-on-collection-errors",)], ids=str)
def test_levels_that_add_up_to_more_than_the_family_level_are_refused_at_collection(pytester, options):
    if "-n2" in options:
        pytest.importorskip("xdist")
    result = run(pytester, MANY, *options)
    result.assert_outcomes(errors=1)
    assert result.ret != 0
    result.stdout.fnmatch_lines(
        [
            "the levels of 1,500 statistical tests add up to 0.0015, more than the family level of 0.001: set "
            "theory_check_places = 1500 in the configuration of pytest, or raise theory_check_family_level"
        ]
    )
    assert "this ran" not in result.stdout.str()


def test_the_remedy_is_enough_and_a_place_less_is_not(pytester):
    body = """
@pytest.mark.statistical
@pytest.mark.parametrize("index", range(30))
def test_it(evidence, index):
    evidence.not_rejected(test_result(0.5))

@pytest.mark.statistical(level=2e-4)
def test_other(evidence):
    evidence.not_rejected(test_result(0.5))
"""
    # 30 places of a family level of which a fifth is taken: 30 / 0.8 = 37.5.
    for places, passed in ((10, False), (37, False), (38, True)):
        pytester.makeini(f"[pytest]\ntheory_check_places = {places}\n")
        result = run(pytester, body)
        result.assert_outcomes(**({"passed": 31} if passed else {"errors": 1}))
        if not passed:
            result.stdout.fnmatch_lines(["*set theory_check_places = 38 in*"])


def test_markers_that_take_too_much_are_refused_and_so_are_twenty_of_a_fifth(pytester):
    result = run(
        pytester,
        """
@pytest.mark.statistical(level=0.2)
@pytest.mark.parametrize("index", range(20))
def test_it(evidence, index):
    pass
""",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*add up to 4, more than*: lower the levels of the markers, 4 together,*"])


@pytest.mark.parametrize(
    ("marker", "reason"),
    [
        ("statistical(level=2.0)", "level is 2.0; it must be a number between 0 and 1"),
        ("statistical(level='low')", "level is 'low'; it must be a number between 0 and 1"),
        ("statistical(0.1)", "the marker statistical takes level="),
        ("statistical(levels=0.1)", "the marker statistical takes level="),
    ],
)
def test_levels_that_are_none_are_refused_at_collection(pytester, marker, reason):
    result = run(pytester, f"\n@pytest.mark.{marker}\ndef test_it(evidence):\n    pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*::test_it: {reason}*"])


@pytest.mark.parametrize(
    ("ini", "option", "reason"),
    [
        ("theory_check_family_level = 0", "", "theory_check_family_level is '0'; it must be a number between 0 and 1"),
        ("theory_check_places = 2.5", "", "theory_check_places is '2.5'; it must be a whole number from 1 up"),
        ("theory_check_places = many", "", "theory_check_places is 'many'; it must be a whole number from 1 up"),
        ("", "--theory-check-seed=-1", "--theory-check-seed is -1; it must be a whole number from 0 up"),
    ],
)
def test_options_are_checked(pytester, ini, option, reason):
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = run(pytester, "\ndef test_it():\n    pass\n", *filter(None, [option]))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {reason}"])


def test_a_session_that_spends_more_than_collection_saw_fails_at_the_end(pytester):
    pytester.makeini("[pytest]\ntheory_check_places = 2\n")
    result = run(
        pytester,
        """
@pytest.mark.parametrize("index", range(5))
def test_it(request, index):
    evidence = request.getfixturevalue("evidence")
    evidence.not_rejected(test_result(0.5))
""",
    )
    # Half of a level of 5e-4 each.
    result.assert_outcomes(passed=5)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*the session fails, for it spent more than the family level of 0.001*"])


SEEDS = """
class TestIt:
    @pytest.mark.statistical
    @pytest.mark.parametrize("name", ["a", "b"])
    def test_it(self, evidence, name):
        evidence.not_rejected(test_result(0.5))
        print("seed", name, evidence.seed)
"""


def test_seeds_do_not_depend_on_the_working_directory_or_on_the_way_of_import(pytester, monkeypatch):
    folder = pytester.mkpydir("package")
    (folder / "test_seeds.py").write_text(HEAD + SEEDS)
    calls = [
        (pytester.path, "package/test_seeds.py", ()),
        (folder, "test_seeds.py", ("--rootdir=.",)),
        (pytester.path.parent, str(folder / "test_seeds.py"), ("--import-mode=importlib",)),
        (pytester.path, "package", ("-p", "no:randomly", "--deselect", "package/test_seeds.py::TestIt::test_it[a]")),
        (pytester.path, "package", ("--theory-check-seed=3",)),
    ]
    seeds = []
    for place, argument, options in calls:
        monkeypatch.chdir(place)
        result = pytester.runpytest_inprocess("-s", "-p", "no:cacheprovider", argument, *options)
        seeds.append(dict(re.findall(r"seed (\w) (\d+)", result.stdout.str())))
    assert len(set(seeds[0].values())) == 2
    assert seeds[0] == seeds[1] == seeds[2]
    assert seeds[3] == {"b": seeds[0]["b"]}
    assert not set(seeds[4].values()) & set(seeds[0].values())


REFUSED = """
@pytest.mark.statistical
def test_it(evidence):
    evidence.probability(lambda rng, n: rng.random(n) < 0.5, 0.7, margin=0.05, wrong={"half": 0.5})
"""


def test_a_failure_has_one_paragraph_no_frames_of_the_plugin_and_numbers_in_junit(pytester):
    result = run(pytester, REFUSED, "--junit-xml=report.xml")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "theory_check/pytest_plugin" not in text
    repeat = re.search(r"E +Failed: refuted, expected supported: .*Repeat: (python -m pytest .*)$", text, re.MULTILINE)
    assert repeat is not None
    assert repeat.group(1).startswith("python -m pytest test_a_failure_has_one_paragraph")
    properties = ElementTree.parse(pytester.path / "report.xml").iter("property")
    told = json.loads(next(p.get("value") for p in properties if p.get("name") == "theory_check"))
    (record,) = told["verdicts"]
    assert record["verdict"] == "refuted"
    assert record["lower"] < record["estimate"] < record["upper"] < 0.65
    assert (record["target"], record["tolerance"]) == ([0.7, 0.7], 0.05)
    assert record["observations"] > 100
    # What the paragraph tells to run fails in the same way.
    again = pytester.runpytest_inprocess(*repeat.group(1).split()[3:], "-p", "no:cacheprovider")
    assert repeat.group(0) in again.stdout.str()


def test_the_guide_shows_what_is_seen(pytester):
    text = (Path(__file__).parents[2] / "docs/guides/monte-carlo.md").read_text(encoding="utf-8")
    body = next(block for block in re.findall(r"```python.*?\n(.*?)```", text, re.DOTALL) if "evidence.mean" in block)
    shown = next(block for block in re.findall(r"```text\n(.*?)```", text, re.DOTALL) if "Failed: refuted" in block)
    for scale, outcome in (("0.5", "passed"), ("0.6", "failed")):
        pytester.makepyfile(test_waits=body.replace("exponential(0.5", f"exponential({scale}"))
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "test_waits.py")
        result.assert_outcomes(**{outcome: 1})
    # The command names the profile of Hypothesis where that is loaded, as it is here.
    assert " ".join(shown.split()) in result.stdout.str()


#: What plugins that run failed tests again do.
RERUN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in range(3):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = any(report.failed for report in reports)
        for report in reports:
            if report.failed and attempt < 2:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not failed:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""

LUCKY = """
counter = []

@pytest.mark.statistical
def test_refused(evidence):
    counter.append(0)
    evidence.not_rejected(test_result(0.0 if len(counter) == 1 else 0.5))

@pytest.mark.statistical
def test_an_error_of_the_network(evidence):
    counter.append(0)
    assert len(counter) > 2, "no network"
    evidence.not_rejected(test_result(0.5))
"""


def test_a_refused_verdict_stays_refused_when_the_test_runs_again(pytester):
    pytester.makeconftest(RERUN)
    result = run(pytester, LUCKY)
    assert result.parseoutcomes()["failed"] == 1
    assert result.parseoutcomes()["passed"] == 1
    result.stdout.fnmatch_lines(["*a verdict was refused when this test ran before, and a rerun changes no verdict: *"])
    # Each test counts once.
    result.stdout.fnmatch_lines(["*1 of 2 verdicts as stated in 2 statistical tests; *at most 1.0e-06"])


ELSEWHERE = """
@pytest.mark.statistical
class TestOld(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _take(self, evidence):
        self.evidence = evidence

    def test_right(self):
        self.evidence.not_rejected(test_result(0.5))

    def test_wrong(self):
        self.evidence.not_rejected(test_result(0.0))

    def test_nothing(self):
        pass

    def test_caught(self):
        with self.assertRaises(pytest.fail.Exception):
            self.evidence.not_rejected(test_result(0.0))

@pytest.mark.statistical
class TestAsynchronous(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _take(self, evidence):
        self.evidence = evidence

    async def test_right(self):
        await asyncio.sleep(0)
        self.evidence.not_rejected(test_result(0.5))

    async def test_wrong(self):
        await asyncio.sleep(0)
        self.evidence.not_rejected(test_result(0.0))

@pytest.mark.statistical
def test_loop(evidence):
    async def sample():
        await asyncio.sleep(0)
        evidence.not_rejected(test_result(0.5))

    asyncio.run(sample())
"""


def test_cases_of_unittest_and_coroutines_have_verdicts(pytester):
    result = run(pytester, ELSEWHERE)
    result.assert_outcomes(passed=3, failed=4)
    text = result.stdout.str()
    for name in (
        "TestOld::test_wrong",
        "TestOld::test_nothing",
        "TestOld::test_caught",
        "TestAsynchronous::test_wrong",
    ):
        assert re.search(rf"^FAILED \S+::{name}", text, re.MULTILINE)
    assert text.count("rejected, expected not rejected: the test: SimpleNamespace, p = 0 at level 5e-07. Repeat: ") == 2
    assert text.count("a statistical test must record a verdict") == 1
    assert text.count("a verdict other than stated was recorded, and the test went on: rejected, expected") == 1


def test_the_order_of_tests_changes_no_verdict(pytester):
    body = """
@pytest.mark.statistical
@pytest.mark.parametrize("index", range(6))
def test_it(evidence, index):
    evidence.not_rejected(test_result(0.5))
    print("values", index, evidence.seed)
"""
    found = []
    for hook in ("", "def pytest_collection_modifyitems(items):\n    items.reverse()\n"):
        pytester.makeconftest(hook)
        result = run(pytester, body, "-s")
        result.assert_outcomes(passed=6)
        found.append(re.findall(r"values (\d) (\d+)", result.stdout.str()))
    assert found[0] == found[1][::-1]


PROPERTY = """
import numpy as np
from hypothesis import HealthCheck, given, settings, strategies as st

@pytest.mark.statistical
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True, database=None)
@given(st.integers(1, 9))
def test_it(evidence, k):
    with evidence.share(k, examples=5) as example:
        example.probability(lambda rng, n: rng.random(n) < k / 10, TARGET(k), margin=0.03)
"""


@pytest.mark.parametrize(("target", "outcome"), [("k / 10", "passed"), ("min(k, 7) / 10", "failed")])
def test_a_property_shares_its_level_among_examples(pytester, target, outcome):
    result = run(pytester, PROPERTY.replace("TARGET(k)", f"({target})"))
    result.assert_outcomes(**{outcome: 1})
    if outcome == "failed":
        # The simplest example at which it fails.
        result.stdout.fnmatch_lines(["*Example: 8"])
