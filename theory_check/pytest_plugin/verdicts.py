"""The verdicts of one test: what was asserted, what was found, and the level that it spends."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from theory_check.inference.intervals import Interval


def seed_of(name: str) -> int:
    """Return the seed that belongs to a name, 64 bits.

    Examples
    --------
    >>> seed_of("test_a") == seed_of("test_a"), seed_of("test_a") == seed_of("test_b"), seed_of("test_a") < 2**64
    (True, False, True)
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


class Verdicts:
    """Level and seed of a test, or of an example of one, and the verdicts that it records on given intervals.

    Attributes
    ----------
    level : float
        Chance of a false alarm that may be spent, on all assertions together.
    seed : int
        A function of a name alone; 64 bits.
    """

    def __init__(self, name: str, level: float, *, run_seed: int = 0, command: str = "") -> None:
        self.level = level
        self.seed = seed_of(name if run_seed == 0 else f"{name}|{run_seed}")
        self._name, self._run_seed, self._command = name, run_seed, command
        self._own: list[dict[str, Any]] = []
        self._intervals: list[Interval] = []
        self._shares: list[float] = []
        self._failure = ""

    def supports(
        self,
        interval: Interval,
        *,
        target: tuple[float, float],
        margin: float,
        remainder: float = 0.0,
        exact: bool = False,
    ) -> None:
        """Fail unless an interval lies inside the target widened by the margin.

        For quantities that no sampler assertion knows; the interval is made from values that ``seed`` has drawn, at
        most at ``level``.

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
        >>> evidence = Verdicts("tests/test_mean.py::test_mean", 1e-6)
        >>> evidence.supports(Interval(0.5, 0.49, 0.51, 1e-6, "Catoni"), target=(0.5, 0.5), margin=0.02)
        >>> evidence.spent
        1e-06
        """
        __tracebackhide__ = True
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
        >>> evidence = Verdicts("tests/test_mean.py::test_mean", 1e-6)
        >>> evidence.refutes(Interval(0.5, 0.49, 0.51, 1e-6, "Catoni"), target=(0.6, 0.6), margin=0.02)
        """
        __tracebackhide__ = True
        self._assert("refuted", interval, target, margin, remainder, exact)

    def admits(self, interval: Interval, *, target: tuple[float, float]) -> None:
        """Fail if the interval excludes an exact target: a test at the interval's level, without a claim of support."""
        __tracebackhide__ = True
        verdict = "refuted" if interval.disjoint(*target) else "admitted"
        self._record("admitted", verdict, interval.method, interval, target, 0.0)

    def _assert(
        self, wanted: str, interval: Interval, target: tuple[float, float], margin: float, remainder: float, exact: bool
    ) -> None:
        __tracebackhide__ = True
        from theory_check.inference.verdicts import judge

        verdict = judge(interval, target=target, margin=margin, remainder=remainder, exact=exact)
        self._record(wanted, verdict, interval.method, interval, target, margin + remainder)

    def _record(
        self, wanted: str, verdict: str, what: str, interval: Interval, target: tuple[float, float], tolerance: float
    ) -> None:
        __tracebackhide__ = True
        # An interval that misses the truth does so for all targets it is judged against: its level counts once.
        if wanted != "refuted" and not any(known is interval for known in self._intervals):
            self._intervals.append(interval)
        self._note(wanted, verdict, what, interval, target=list(target), tolerance=tolerance)
        if verdict != wanted:
            self._fail(f"{verdict}, expected {wanted}: {found(what, interval)}{apart(interval, target, tolerance)}")
        self._check_level()

    def _note(self, wanted: str, verdict: str, what: str, interval: Interval | None, **numbers: Any) -> None:
        """Keep what was asserted and found; infinite numbers, which JSON does not have, as None."""
        ends: dict[str, float] = {}
        if interval is not None:
            ends = {"estimate": interval.estimate, "lower": interval.lower, "upper": interval.upper,
                    "level": interval.level}  # fmt: skip
        known = {name: value if math.isfinite(value) else None for name, value in ends.items()}
        self._own.append({"wanted": wanted, "verdict": verdict, "what": what, **known, **numbers})

    def _check_level(self) -> None:
        __tracebackhide__ = True
        # 1e-9: n levels of level / n each may add up to a little more than the level by rounding.
        if self.spent > self.level * (1.0 + 1e-9):
            self._fail(f"the intervals of this test spend a level of {self.spent:.3g}, more than its {self.level:.3g}")

    def _fail(self, text: str) -> NoReturn:
        __tracebackhide__ = True
        self._failure = self._failure or text
        pytest.fail(f"{text}. Repeat: {self._command}" if self._command else text)

    @property
    def spent(self) -> float:
        """Sum of the levels of what was asserted so far."""
        return sum(interval.level for interval in self._intervals) + sum(self._shares)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Assertions and what was found."""
        return self._own

    @property
    def failure(self) -> str:
        """Text of the first assertion that did not hold."""
        return self._failure

    @property
    def refused(self) -> bool:
        """Whether some verdict was other than stated."""
        return any(record["wanted"] != record["verdict"] for record in self.records)


def found(what: str, interval: Interval, observations: int | None = None) -> str:
    """Return what was seen, in words.

    Parameters
    ----------
    what : str
        The quantity, or the method where there is no other name.
    interval : Interval
    observations : int, optional
        Behind the interval.

    Returns
    -------
    str

    Examples
    --------
    >>> from theory_check.inference.intervals import Interval
    >>> found("the mean of u", Interval(0.5, 0.49, 0.51, 1e-6, "Catoni"), 1000)
    'the mean of u is 0.5 [0.49, 0.51] from 1,000 values (Catoni, level 1e-06)'
    """
    drawn = "" if observations is None else f" from {observations:,} values"
    seen = f"{interval.estimate:.5g} [{interval.lower:.5g}, {interval.upper:.5g}]"
    if what == interval.method:
        return f"{what}: {seen}{drawn} (level {interval.level:.2g})"
    return f"{what} is {seen}{drawn} ({interval.method}, level {interval.level:.2g})"


def apart(interval: Interval, target: tuple[float, float], tolerance: float, observations: int | None = None) -> str:
    """Return what was stated, how far the estimate is from it, and how many values decide at that distance.

    The width of an interval shrinks as the root of the sample size; it decides when it no longer reaches from the
    estimate to the nearest end of what is tolerated.

    Parameters
    ----------
    interval : Interval
    target : (float, float)
    tolerance : float
        Margin and remainder.
    observations : int, optional
        Behind the interval.

    Returns
    -------
    str

    Examples
    --------
    >>> from theory_check.inference.intervals import Interval
    >>> apart(Interval(0.5, 0.48, 0.52, 1e-6, "Catoni"), (0.55, 0.55), 0.01, 1000)
    '; stated is 0.55 with tolerance 0.01, and the estimate is off by 0.05, 5 tolerances; about 250 values decide that'
    """
    low, high = target
    stated = f"{low:.5g}" if low == high else f"[{low:.5g}, {high:.5g}]"
    off = max(low - interval.estimate, interval.estimate - high, 0.0)
    text = f"; stated is {stated} with tolerance {tolerance:.3g}, and the estimate is off by {off:.3g}"
    if tolerance > 0.0 and math.isfinite(off):
        text += f", {off / tolerance:.2g} tolerances"
    gap = min(abs(interval.estimate - low + tolerance), abs(high + tolerance - interval.estimate))
    reach = max(interval.estimate - interval.lower, interval.upper - interval.estimate)
    if observations is not None and gap > 0.0 and math.isfinite(reach / gap):
        text += f"; about {math.ceil(observations * (reach / gap) ** 2):,} values decide that"
    return text
