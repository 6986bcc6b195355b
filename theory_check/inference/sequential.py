"""Results of sequential methods: evidence that may be looked at after every observation.

An *e-process* against a hypothesis is a non-negative process with mean at most 1 at every stopping time if the
hypothesis is true. By Ville's inequality it ever reaches 1/alpha with probability at most alpha: the level holds for
looks after every observation and for any rule of stopping or continuing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import Interval
from theory_check.inference.validation import check_level


@dataclass(frozen=True, eq=False)
class EvidencePath:
    """The logarithm of an e-process after every observation.

    Attributes
    ----------
    log_evidence : float64 array
        Natural logarithm of the evidence against the hypothesis after 1, 2, ... observations.
    method : str
        Usual name of the construction.
    """

    log_evidence: FloatArray
    method: str

    @property
    def final(self) -> float:
        """Log evidence after the last observation: an e-value, to be multiplied or averaged with others."""
        return float(self.log_evidence[-1])

    @property
    def peak(self) -> float:
        """Largest log evidence so far: the level of a test under continuous monitoring is exp(-peak)."""
        return float(self.log_evidence.max())

    @property
    def p_value(self) -> float:
        """Anytime-valid p-value min(1, exp(-peak))."""
        return math.exp(-max(0.0, self.peak))

    def crossing(self, alpha: float) -> int | None:
        """Return after how many observations the evidence first reached 1/alpha; None if it never did."""
        reached = self.log_evidence >= -math.log(check_level("alpha", alpha))
        return int(np.argmax(reached)) + 1 if reached.any() else None


@dataclass(frozen=True, eq=False)
class ConfidenceSequence:
    """Intervals after several numbers of observations that cover the mean together with probability 1 - level.

    Attributes
    ----------
    observations : int64 array
        Numbers of observations at which the intervals stand.
    estimates, lower, upper : float64 array
        Estimates and running intersections. A lower end above the upper one leaves no mean, which has probability at
        most ``level`` if the assumptions hold.
    level : float
    method : str
    """

    observations: NDArray[np.int64]
    estimates: FloatArray
    lower: FloatArray
    upper: FloatArray
    level: float
    method: str

    @property
    def last(self) -> Interval:
        """The interval after the last observation."""
        lower, upper = float(self.lower[-1]), float(self.upper[-1])
        if lower > upper:
            raise SpecificationError(
                f"the confidence sequence is empty: [{lower!r}, {upper!r}]; an event of probability at most "
                f"{self.level!r} unless an assumption is wrong"
            )
        return Interval(float(self.estimates[-1]), lower, upper, self.level, self.method)


def monitoring_times(observations: int) -> NDArray[np.int64]:
    """Return two numbers of observations per octave, up to and including `observations`."""
    octaves = math.log2(max(observations, 1))
    times = np.unique(np.round(2.0 ** np.arange(0.0, octaves, 0.5)).astype(np.int64))
    return np.append(times[times < observations], np.int64(observations))


def check_times(times: ArrayLike | None, observations: int) -> NDArray[np.int64]:
    """Return increasing numbers of observations between 1 and `observations`; by default :func:`monitoring_times`."""
    if times is None:
        return monitoring_times(observations)
    numbers = np.asarray(times)
    if numbers.ndim != 1 or numbers.size == 0 or not np.issubdtype(numbers.dtype, np.integer):
        raise SpecificationError(f"times must be a sequence of whole numbers, got {times!r}")
    if numbers[0] < 1 or numbers[-1] > observations or np.any(np.diff(numbers) <= 0):
        raise SpecificationError(f"times must increase and lie between 1 and the {observations} observations")
    return numbers.astype(np.int64)


def safe_root(excess: Callable[[float], float], *, guess: float, limit: float, tolerance: float) -> float:
    """Return a point with ``excess >= 0`` just above the root of an increasing function.

    Few evaluations: logarithms of capitals are nearly linear around the root.

    Parameters
    ----------
    excess : callable
        The function; it increases, and is negative far below `guess`.
    guess : float
        Positive; the search starts there.
    limit : float
        The search goes no further up.
    tolerance : float
        Largest distance from the root.

    Returns
    -------
    float
        `limit` if there is no root below.

    Examples
    --------
    >>> root = safe_root(lambda x: x - 2.0, guess=1.0, limit=10.0, tolerance=1e-6)
    >>> 2.0 <= root <= 2.0 + 1e-6, safe_root(lambda x: x - 2.0, guess=0.5, limit=1.0, tolerance=1e-6)
    (True, 1.0)
    """
    from scipy.optimize import brentq

    low, high = 0.9 * guess, min(1.1 * guess, limit)
    low_excess, high_excess = excess(low), excess(high)
    stride = 0.2 * guess
    while high_excess < 0.0:
        if high >= limit:
            return limit
        stride *= 2.0
        low, low_excess = high, high_excess
        high = min(high + stride, limit)
        high_excess = excess(high)
    while low_excess >= 0.0:
        stride *= 2.0
        high, high_excess = low, low_excess
        low -= stride
        low_excess = excess(low)
    known = {low: low_excess, high: high_excess}
    root = float(brentq(lambda x: known[x] if x in known else excess(x), low, high, xtol=0.5 * tolerance))
    return min(high, root + 0.5 * tolerance)
