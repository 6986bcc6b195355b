"""Statistical assertions for pytest, with a known chance of a false alarm.

A test marked ``statistical`` asks for the fixture ``evidence``, takes its level and its seed from there, and asserts
verdicts on confidence intervals::

    @pytest.mark.statistical
    def test_mean_of_uniforms(evidence):
        values = np.random.Generator(np.random.Philox(evidence.seed)).random(10_000)
        interval = mean_interval(values, variance_bound=1 / 12, alpha=evidence.level)
        evidence.supports(interval, target=(0.5, 0.5), margin=0.05)
        evidence.refutes(interval, target=(0.6, 0.6), margin=0.02)

An assertion that does not hold fails inside its test. A marked test that records no verdict fails, and so does one that
spends more than its level. Nothing is ever run again. Under xdist the verdicts travel with the test reports; only the
controlling process prints the summary.

This module imports nothing heavy: pytest loads it at every start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from theory_check.inference.intervals import Interval

_MARKER = "statistical"
_PROPERTY = "theory_check"
_KEY = pytest.StashKey["Evidence"]()


class Evidence:
    """Level and seed of one statistical test, and the verdicts it records.

    Attributes
    ----------
    level : float
        Chance of a false alarm that the test may spend, on all its intervals together.
    seed : int
        A function of the test's name and parameters alone; 64 bits.
    """

    def __init__(self, name: str, level: float) -> None:
        self.level = level
        self.seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
        self.records: list[dict[str, Any]] = []
        self._intervals: list[Interval] = []

    def supports(
        self,
        interval: Interval,
        *,
        target: tuple[float, float],
        margin: float,
        remainder: float = 0.0,
        exact: bool = False,
    ) -> None:
        """Fail unless the interval lies inside the target widened by the margin.

        Parameters
        ----------
        interval : Interval
            A confidence interval; its level counts against that of the test.
        target : tuple of float
            Predicted lower and upper value.
        margin : float
            Deviation that still counts as agreement.
        remainder : float
            Proven bound on the error of the prediction.
        exact : bool
            Whether the prediction is exact: the interval must then contain the target.

        Examples
        --------
        >>> from theory_check.inference.intervals import Interval
        >>> evidence = Evidence("tests/test_mean.py::test_mean", 1e-6)
        >>> evidence.supports(Interval(0.5, 0.49, 0.51, 1e-6, "Catoni"), target=(0.5, 0.5), margin=0.02)
        >>> evidence.spent
        1e-06
        """
        self._assert("supported", interval, target, margin, remainder, exact)

    def refutes(
        self,
        interval: Interval,
        *,
        target: tuple[float, float],
        margin: float = 0.0,
        remainder: float = 0.0,
        exact: bool = False,
    ) -> None:
        """Fail unless the interval excludes the target, widened by the margin if the statement is not exact.

        Parameters
        ----------
        interval : Interval
            A confidence interval; its level counts against that of the test.
        target : tuple of float
            The wrong prediction, lower and upper value.
        margin, remainder, exact
            As for :meth:`supports`.

        Examples
        --------
        >>> from theory_check.inference.intervals import Interval
        >>> evidence = Evidence("tests/test_mean.py::test_mean", 1e-6)
        >>> evidence.refutes(Interval(0.5, 0.49, 0.51, 1e-6, "Catoni"), target=(0.6, 0.6), margin=0.02)
        """
        self._assert("refuted", interval, target, margin, remainder, exact)

    def admits(self, interval: Interval, *, target: tuple[float, float]) -> None:
        """Fail if the interval excludes an exact target: a test at the interval's level, without a claim of support."""
        verdict = "refuted" if interval.disjoint(*target) else "admitted"
        self._record("admitted", verdict, interval, target, 0.0)

    def _assert(
        self, wanted: str, interval: Interval, target: tuple[float, float], margin: float, remainder: float, exact: bool
    ) -> None:
        from theory_check.inference.verdicts import judge

        verdict = judge(interval, target=target, margin=margin, remainder=remainder, exact=exact)
        self._record(wanted, verdict, interval, target, margin + remainder)

    def _record(
        self, wanted: str, verdict: str, interval: Interval, target: tuple[float, float], tolerance: float
    ) -> None:
        __tracebackhide__ = True
        # An interval that misses the truth does so for all targets it is judged against: its level counts once.
        if not any(known is interval for known in self._intervals):
            self._intervals.append(interval)
        self.records.append({"wanted": wanted, "verdict": verdict, "level": interval.level})
        text = f"{interval.method}: {interval.estimate:.6g} [{interval.lower:.6g}, {interval.upper:.6g}]"
        if verdict != wanted:
            pytest.fail(f"{verdict}, expected {wanted}: {text}; target {target}, tolerance {tolerance:.3g}")
        # 1e-9: n levels of level / n each may add up to a little more than the level by rounding.
        if self.spent > self.level * (1.0 + 1e-9):
            pytest.fail(f"the intervals of this test spend a level of {self.spent:.3g}, more than its {self.level:.3g}")

    @property
    def spent(self) -> float:
        """Sum of the levels of the intervals judged so far."""
        return sum(interval.level for interval in self._intervals)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini options."""
    parser.addini("theory_check_family_level", "chance of any false alarm in a test session", default="1e-3")
    parser.addini("theory_check_places", "statistical tests that share the family level equally", default="1000")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and, in the controlling process, the summary."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(level=None): a test that must record verdicts through the fixture `evidence`"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Summary(), "theory_check_summary")


def _level(item: pytest.Item) -> float:
    marker = item.get_closest_marker(_MARKER)
    given = None if marker is None else marker.kwargs.get("level")
    if given is not None:
        return float(given)
    return float(item.config.getini("theory_check_family_level")) / float(item.config.getini("theory_check_places"))


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Level, seed and verdicts of this test; see :class:`Evidence`."""
    item = request.node
    granted = Evidence(item.nodeid, _level(item))
    item.stash[_KEY] = granted
    return granted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Hand the verdicts to the report, and fail a marked test without any."""
    recorded = item.stash.get(_KEY, None)
    try:
        result = yield
    finally:
        if recorded is not None:
            item.user_properties.append((_PROPERTY, json.dumps(recorded.records)))
    if item.get_closest_marker(_MARKER) is not None and (recorded is None or not recorded.records):
        pytest.fail("a statistical test must record a verdict through the fixture `evidence`")
    return result


class _Summary:
    """Collects verdicts from the reports of all workers and prints one line."""

    def __init__(self) -> None:
        self._tests = 0
        self._records: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdicts of a finished test."""
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == _PROPERTY:
                self._tests += 1
                self._records += json.loads(str(value))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print how many verdicts were as they should be, and the chance of a false alarm among them."""
        if not self._records:
            return
        kept = sum(record["wanted"] == record["verdict"] for record in self._records)
        level = sum(record["level"] for record in self._records)
        terminalreporter.write_line(
            f"theory_check: {kept} of {len(self._records)} verdicts as stated in {self._tests} statistical tests; "
            f"chance of any false alarm at most {level:.1e}"
        )
