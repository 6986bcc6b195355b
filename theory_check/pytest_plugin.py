"""Statistical assertions for pytest, with a known chance of a false alarm.

A test marked ``statistical`` asks for the fixture ``evidence``, takes its level and its seed from there, and asserts
verdicts on confidence intervals::

    @pytest.mark.statistical
    def test_mean_of_uniforms(evidence):
        values = np.random.Generator(np.random.Philox(evidence.seed)).random(10_000)
        interval = mean_interval(values, variance_bound=1 / 12, alpha=evidence.level)
        evidence.supports(interval, target=(0.5, 0.5), margin=0.05)
        evidence.refutes(interval, target=(0.6, 0.6), margin=0.02)

An assertion that does not hold fails inside its test, and a test that catches it fails all the same. A marked test that
records no verdict fails, and so does one that spends more than its level. Nothing is ever run again. Under xdist the
verdicts travel with the test reports; only the controlling process prints the summary.

A property shares its level among the examples that Hypothesis draws::

    @pytest.mark.statistical
    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(tc.strategies.networks())
    def test_all_networks(evidence, network):
        with evidence.share(network, examples=20) as example:
            interval = ...  # simulated from example.seed, at level example.level
            example.supports(interval, target=..., margin=...)

The health check may be suppressed because the state that examples have in common is what their level is counted in.

This module imports nothing heavy: pytest loads it at every start.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Generator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pytest

from theory_check.pytest_summary import PROPERTY, Summary

if TYPE_CHECKING:
    from theory_check.inference.intervals import Interval

_MARKER = "statistical"
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

    def __init__(self, name: str, level: float, *, run_seed: int = 0, command: str = "") -> None:
        self.level = level
        self.seed = _seed(name if run_seed == 0 else f"{name}|{run_seed}")
        self._name, self._run_seed, self._command = name, run_seed, command
        self._own: list[dict[str, str]] = []
        self._intervals: list[Interval] = []
        self._examples: dict[str, Example] = {}
        self._first_failure = ""

    def share(
        self, *drawn: object, examples: int, strata: Mapping[str, str] | None = None, repeat: str = ""
    ) -> Example:
        """Return the evidence of one example of a property: an equal share of the level and a seed of its own.

        The seed is a function of the test's name and parameters and of the example, not of the order of the examples.
        An example that is drawn again has the same values and the same verdicts, and spends its share once. A property
        in which each of n examples errs with probability at most level / n errs with probability at most the level,
        however Hypothesis chooses the n examples, as long as it chooses them without a look at the streams of those to
        come; a stream belongs to one example, so that it cannot.

        The first example that fails decides: the test has failed, whatever follows. Shrinking, explaining and the
        search for other failures can change which example is shown, not the outcome, and so they spend nothing. An
        example that is shrunk is another example and is simulated on a stream of its own: it is shown only if it fails
        there too, and the message names the first one beside it.

        Parameters
        ----------
        *drawn
            What Hypothesis drew; their ``repr`` must tell them.
        examples : int
            Number n of examples that share the level: ``max_examples`` and those given by ``@example``.
        strata : mapping of str to str
            Where in the domain the example lies, ``{"branch": "linear"}``; the summary counts the values of each.
        repeat : str
            Lines of Python that repeat the example, with ``{seed}`` and ``{level}`` in the place of its own; shown when
            it fails.

        Returns
        -------
        Example
            To be used by ``with``.

        Examples
        --------
        >>> from theory_check.inference.intervals import Interval
        >>> evidence = Evidence("tests/test_mean.py::test_means", 1e-6)
        >>> for mean in (0.5, 0.6, 0.5):
        ...     with evidence.share(mean, examples=4) as example:
        ...         found = Interval(mean, mean - 0.1, mean + 0.1, example.level, "Catoni")
        ...         example.supports(found, target=(mean, mean), margin=0.2)
        >>> evidence.spent
        5e-07
        """
        text = ", ".join(map(repr, drawn))
        if not drawn or " at 0x" in text:
            pytest.fail(f"share() needs drawn values that their repr tells apart, not ({text})")
        if examples < 1:
            pytest.fail(f"examples is {examples}; at least one shares the level")
        return Example(self, text, self.level / examples, examples, dict(strata or {}), repeat)

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

        A wrong statement that is not refuted is no false alarm: an interval that is made for it alone spends no level.

        Parameters
        ----------
        interval : Interval
            A confidence interval.
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
        if wanted != "refuted" and not any(known is interval for known in self._intervals):
            self._intervals.append(interval)
        self._own.append({"wanted": wanted, "verdict": verdict})
        text = f"{interval.method}: {interval.estimate:.6g} [{interval.lower:.6g}, {interval.upper:.6g}]"
        if verdict != wanted:
            pytest.fail(f"{verdict}, expected {wanted}: {text}; target {target}, tolerance {tolerance:.3g}")
        # 1e-9: n levels of level / n each may add up to a little more than the level by rounding.
        if self.spent > self.level * (1.0 + 1e-9):
            pytest.fail(f"the intervals of this test spend a level of {self.spent:.3g}, more than its {self.level:.3g}")

    @property
    def spent(self) -> float:
        """Sum of the levels of the intervals judged so far."""
        own = sum(interval.level for interval in self._intervals)
        return own + sum(example.spent for example in self._examples.values())

    @property
    def records(self) -> list[dict[str, str]]:
        """What was asserted and what was found; that of the examples included."""
        return self._own + [record for example in self._examples.values() for record in example.records]

    @property
    def strata(self) -> list[dict[str, str]]:
        """Where the examples lie."""
        return [example.place for example in self._examples.values()]

    @property
    def told(self) -> dict[str, bool]:
        """Named mistakes, and whether some example tells them from the statement with a probability of 99% or more."""
        found: dict[str, bool] = {}
        for example in self._examples.values():
            for name, told in example.mistakes.items():
                found[name] = found.get(name, False) or told
        return found


class Example(Evidence):
    """Level, seed and verdicts of one example of a property; :meth:`Evidence.share` makes it.

    Attributes
    ----------
    place : dict of str to str
        Where in the domain it lies.
    mistakes : dict of str to bool
        Named mistakes, and whether planning promises that this example tells them from the statement with a
        probability of 99% or more. The summary shows those that no example of a test tells.
    """

    def __init__(
        self, test: Evidence, drawn: str, level: float, examples: int, place: dict[str, str], repeat: str
    ) -> None:
        super().__init__(f"{test._name}({drawn})", level, run_seed=test._run_seed)
        self.place = place
        self.mistakes: dict[str, bool] = {}
        self._test, self._drawn, self._count, self._repeat = test, drawn, examples, repeat

    def __enter__(self) -> Self:
        """Take a share of the level, unless the test has failed already: what is drawn then decides nothing."""
        test = self._test
        if not test._first_failure:
            if self._drawn not in test._examples and len(test._examples) == self._count:
                pytest.fail(f"more than {self._count} examples share the level of {test._name}")
            test._examples[self._drawn] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Keep the first failure, and say with each how it is repeated."""
        __tracebackhide__ = True
        test = self._test
        if error is None:
            if not self.records:
                pytest.fail(f"an example must record a verdict: {self._drawn}")
        elif _is_rejected(error):
            if not self.records:
                test._examples.pop(self._drawn, None)
        else:
            for note in self._notes():
                error.add_note(note)
            test._first_failure = test._first_failure or f"{self._drawn}: {error}"

    def _notes(self) -> Generator[str]:
        test = self._test
        yield f"Example: {self._drawn}"
        if test._first_failure and not test._first_failure.startswith(f"{self._drawn}: "):
            yield f"The test failed first, and by its own streams, at {test._first_failure}"
        if test._command:
            yield f"Repeat the test: {test._command}"
        if self._repeat:
            lines = self._repeat.replace("{seed}", str(self.seed)).replace("{level}", repr(self.level))
            yield f"Repeat the example:\n{lines}"


def _is_rejected(error: BaseException) -> bool:
    """Tell whether Hypothesis gives an example up: an assumption that does not hold, or too many choices."""
    errors = sys.modules.get("hypothesis.errors")
    return errors is not None and isinstance(error, (errors.UnsatisfiedAssumption, errors.StopTest))


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    parser.getgroup("theory_check").addoption(
        "--theory-check-seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of a night, above 0: statistical tests draw other streams than in every other run",
    )
    parser.addini("theory_check_family_level", "chance of any false alarm in a test session", default="1e-3")
    parser.addini("theory_check_places", "statistical tests that share the family level equally", default="1000")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and, in the controlling process, the summary."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(level=None): a test that must record verdicts through the fixture `evidence`"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Summary(), "theory_check_summary")


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
    run_seed = item.config.getoption("--theory-check-seed")
    granted = Evidence(item.nodeid, _level(item), run_seed=run_seed, command=_command(item))
    item.stash[_KEY] = granted
    return granted


def _command(item: pytest.Item) -> str:
    """Return the command that repeats a test: the same examples on the same streams."""
    words = ["python", "-m", "pytest", item.nodeid]
    if run_seed := item.config.getoption("--theory-check-seed"):
        words.append(f"--theory-check-seed={run_seed}")
    if "hypothesis" in sys.modules:
        words.append(f"--hypothesis-profile={sys.modules['hypothesis'].settings.get_current_profile_name()}")
        seed = item.config.getoption("--hypothesis-seed", None)
        words += [] if seed is None else [f"--hypothesis-seed={seed}"]
    return shlex.join(words)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Hand the verdicts to the report, and fail a marked test without any."""
    recorded = item.stash.get(_KEY, None)
    try:
        result = yield
    finally:
        if recorded is not None:
            told = {"verdicts": recorded.records, "strata": recorded.strata, "level": recorded.spent,
                    "told": recorded.told}  # fmt: skip
            item.user_properties.append((PROPERTY, json.dumps(told)))
    if recorded is not None and any(record["wanted"] != record["verdict"] for record in recorded.records):
        pytest.fail("a verdict other than stated was recorded, and the test went on")
    if item.get_closest_marker(_MARKER) is not None and (recorded is None or not recorded.records):
        pytest.fail("a statistical test must record a verdict through the fixture `evidence`")
    return result
