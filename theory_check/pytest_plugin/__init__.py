"""Statistical assertions for pytest: a sampler goes in, a verdict comes out, with a known chance of a false alarm.

A test marked ``statistical`` asks for the fixture ``evidence`` and asserts what a sampler draws. A sampler is a
function of a NumPy generator and a number n that returns n independent values::

    def waits(rng, n):
        return rng.exponential(0.5, n)

    @pytest.mark.statistical
    def test_waits(evidence):
        evidence.mean(waits, 0.5, margin=0.02, kurtosis_bound=9, wrong={"rate for scale": 2.0})
        evidence.probability(lambda rng, n: waits(rng, n) > 1.0, math.exp(-2), margin=0.01)
        evidence.quantile(waits, 0.5 * math.log(2), probability=0.5, margin=0.02)
        evidence.law(waits, scipy.stats.expon(scale=0.5), margin=0.02)

There are also ``same_law`` of two samplers, ``order`` of convergence, ``not_rejected`` for tests that exist, and
``supports``, ``refutes`` and ``admits`` for intervals of one's own, drawn from ``evidence.seed``. An assertion draws
the sample that its margin needs for its part of the level of the test. A wrong variant is a value, a law or a sampler
that must be refuted; it spends no level. The streams follow from the module, the name and the parameters of the test;
``--theory-check-seed=N`` gives others, night by night.

An assertion that does not hold fails inside its test, and a test that catches it fails all the same. A marked test that
records no verdict fails, and so does one that spends more than its level. A verdict that was refused stays refused when
a test is run again. The levels of the tests of a session add up to at most ``theory_check_family_level`` (1e-3), of
which each has the part 1 / ``theory_check_places`` (1000) or the ``level`` of its marker: a session whose levels add up
to more is refused when it is collected. Under xdist the verdicts travel with the test reports; only the controlling
process prints the summary. The property ``theory_check`` of a test in JUnit XML has all numbers, as JSON.

A method of a ``unittest.TestCase``, synchronous or not, has the fixture through one of its class::

    @pytest.fixture(autouse=True)
    def _take(self, evidence):
        self.evidence = evidence

A property shares its level among the examples that Hypothesis draws::

    @pytest.mark.statistical
    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.floats(0.1, 10.0))
    def test_all_scales(evidence, scale):
        with evidence.share(scale, examples=20) as example:
            example.law(lambda rng, n: rng.exponential(scale, n), scipy.stats.expon(scale=scale), margin=0.05)

The health check may be suppressed because the state that examples have in common is what their level is counted in.

This module imports nothing heavy: pytest loads it at every start.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
from collections.abc import Generator
from typing import Any, NoReturn

import pytest

from theory_check.pytest_plugin.evidence import Evidence
from theory_check.pytest_plugin.summary import PROPERTY, Summary

_MARKER, _FIXTURE = "statistical", "evidence"
_FAMILY, _PLACES, _SEED = "theory_check_family_level", "theory_check_places", "--theory-check-seed"
_LEVELS = pytest.StashKey[tuple[float, int]]()
_KEY = pytest.StashKey[Evidence]()
_REFUSED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    parser.getgroup("theory_check").addoption(
        _SEED,
        type=int,
        default=0,
        metavar="N",
        help="seed of a night, above 0: statistical tests draw other streams than in every other run",
    )
    parser.addini(_FAMILY, "chance of any false alarm in a test session", default="1e-3")
    parser.addini(_PLACES, "statistical tests that share the family level equally", default="1000")


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and register the marker and, in the controlling process, the summary."""
    family, places = _number(config.getini(_FAMILY)), _number(config.getini(_PLACES))
    if not 0.0 < family < 1.0:
        raise pytest.UsageError(f"{_FAMILY} is {config.getini(_FAMILY)!r}; it must be a number between 0 and 1")
    if not (places >= 1.0 and places == math.floor(places) < math.inf):
        raise pytest.UsageError(f"{_PLACES} is {config.getini(_PLACES)!r}; it must be a whole number from 1 up")
    if config.getoption(_SEED) < 0:
        raise pytest.UsageError(f"{_SEED} is {config.getoption(_SEED)}; it must be a whole number from 0 up")
    config.stash[_LEVELS] = family, int(places)
    config.addinivalue_line(
        "markers", f"{_MARKER}(level=None): a test that must record verdicts through the fixture `{_FIXTURE}`"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(family), "theory_check_summary")


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return math.nan


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Refuse a session whose levels are no levels, or add up to more than the family level."""
    family, places = session.config.stash[_LEVELS]
    used = [item for item in items if item.get_closest_marker(_MARKER) or _FIXTURE in getattr(item, "fixturenames", ())]
    levels = [_given(item) for item in used]
    wrong = next((f"{item.nodeid}: {given}" for item, given in zip(used, levels, strict=True)
                  if isinstance(given, str)), "")  # fmt: skip
    own = math.fsum(level for level in levels if isinstance(level, float))
    shared = levels.count(None)
    total = own + shared * family / places
    if wrong or total > family * (1.0 + 1e-9):
        needed = math.ceil(shared * family / (family - own) - 1e-9) if own < family else 0
        remedy = f"set {_PLACES} = {needed}" if needed else f"lower the levels of the markers, {own:.2g} together,"
        line = wrong or (
            f"the levels of {len(used):,} statistical tests add up to {total:.2g}, more than the family level of "
            f"{family:g}: {remedy} in the configuration of pytest, or raise {_FAMILY}"
        )
        items.clear()
        report = pytest.CollectReport(f"{_MARKER} tests", "failed", longrepr=line, result=[])
        session.ihook.pytest_collectreport(report=report)


def _given(item: pytest.Item) -> float | str | None:
    """Return the level that the marker of a test gives, None if it gives none, or what is wrong with it."""
    marker = item.get_closest_marker(_MARKER)
    if marker is None or not (marker.args or marker.kwargs):
        return None
    level = marker.kwargs.get("level")
    if marker.args or set(marker.kwargs) != {"level"}:
        return f"the marker {_MARKER} takes level=, a number between 0 and 1, and nothing else"
    if level is None or (isinstance(level, float) and 0.0 < level < 1.0):
        return level
    return f"level is {level!r}; it must be a number between 0 and 1"


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Level, seed and assertions of this test; see :mod:`theory_check.pytest_plugin`."""
    item = request.node
    family, places = item.config.stash[_LEVELS]
    given = _given(item)
    level = given if isinstance(given, float) else family / places
    granted = Evidence(_name(item), level, run_seed=item.config.getoption(_SEED), command=_command(item))
    item.stash[_KEY] = granted
    return granted


def _name(item: pytest.Item) -> str:
    """Return module, name and parameters of a test: the same from every working directory, however it is imported."""
    module, folder = item.path.stem, item.path.parent
    while (folder / "__init__.py").exists():
        module, folder = f"{folder.name}.{module}", folder.parent
    return "::".join([module, *item.nodeid.split("::")[1:]])


def _command(item: pytest.Item) -> str:
    """Return the command that repeats a test: the same examples on the same streams."""
    path = os.path.relpath(item.path, item.config.invocation_params.dir)
    words = ["python", "-m", "pytest", "::".join([path, *item.nodeid.split("::")[1:]])]
    if run_seed := item.config.getoption(_SEED):
        words.append(f"{_SEED}={run_seed}")
    if "hypothesis" in sys.modules:
        words.append(f"--hypothesis-profile={sys.modules['hypothesis'].settings.get_current_profile_name()}")
        seed = item.config.getoption("--hypothesis-seed", None)
        words += [] if seed is None else [f"--hypothesis-seed={seed}"]
    return shlex.join(words)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Hand the verdicts to the report, keep a refused one refused, and fail a marked test without any."""
    if before := item.stash.get(_REFUSED, ""):
        _fail(f"a verdict was refused when this test ran before, and a rerun changes no verdict: {before}")
    try:
        result = yield
    finally:
        recorded = item.stash.get(_KEY, None)
        if recorded is not None:
            told = {"verdicts": recorded.records, "strata": recorded.strata, "level": recorded.spent,
                    "told": recorded.told}  # fmt: skip
            kept = [given for given in item.user_properties if given[0] != PROPERTY]
            item.user_properties[:] = [*kept, (PROPERTY, json.dumps(told))]
            if recorded.refused:
                item.stash[_REFUSED] = recorded.failure
    if recorded is not None and recorded.refused:
        _fail(f"a verdict other than stated was recorded, and the test went on: {recorded.failure}")
    if item.get_closest_marker(_MARKER) is not None and (recorded is None or not recorded.records):
        _fail("a statistical test must record a verdict through the fixture `evidence`")
    return result


def _fail(text: str) -> NoReturn:
    # The frames would be the plugin's alone.
    pytest.fail(text, pytrace=False)
