r"""Means of bounded and of non-negative variables, by betting: no variance, no normal approximation.

Notation. x_i >= 0, and given the past the mean of x_i is at most m. Staking the fraction c of a capital of 1 on tickets
that cost m and pay x_i gives

    W_c(n; m) = prod_{i <= n} (1 - c + c x_i / m),    0 < c < 1,

after n tickets: for every law an e-process against "mean <= m". Capital is divided equally among the fractions c_k
= 2^-k, k = 1..20; their average is the wealth of one predictable bet (Cover's universal portfolio), grows within a
factor of 20 as fast as the best of them, and decreases in m. For x in [0, 1] the same bets on 1 - x at the price 1 - m
test "mean >= m", and the average of both tests "mean = m".

Exact at every stopping time, for independent or dependent x_i: only the conditional mean matters.
"""

from __future__ import annotations

import math
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_number, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import Interval
from theory_check.inference.sequential import ConfidenceSequence, EvidencePath, check_times, safe_root
from theory_check.inference.validation import check_level, check_range, check_sample

#: The fractions that capital is divided among. The best one for a deviation of r standard deviations s is about
#: (m / s) r: the smallest serves relative deviations of 1e-6 s / m, which take 10^12 observations to see.
FRACTIONS: FloatArray = 2.0 ** -np.arange(1.0, 21.0)

_NOTHING: FloatArray = np.empty(0)

#: Prices are searched down to the average times exp(-600); a lower end is reported as 0.
_DEEPEST = 600.0


def nonnegative_mean_evidence(values: ArrayLike, bound: SupportsFloat) -> EvidencePath:
    r"""Evidence against "the mean is at most `bound`" for non-negative observations.

    The e-process is :math:`\frac1K \sum_k \prod_i (1 + c_k (x_i/m - 1))`, m = `bound`. Nothing is assumed of the tails,
    not even a finite mean. There is no such test of "the mean is at least m": the sample may have missed a rare huge
    value.

    Parameters
    ----------
    values : array_like, shape (n,)
        Non-negative observations in their order. Under the hypothesis each has a mean of at most `bound`, given those
        before.
    bound : float
        Positive.

    Returns
    -------
    EvidencePath
        Log evidence after each observation.

    References
    ----------
    J. Ville, Etude critique de la notion de collectif (1939); T. Cover, Mathematical Finance 1 (1991) 1-29.

    Examples
    --------
    A value of 2 multiplies the capital of the bet c by 1 + c:

    >>> path = nonnegative_mean_evidence([2.0], 1.0)
    >>> math.isclose(math.exp(path.final), float(np.mean(1.0 + FRACTIONS)))
    True
    """
    sample = _check_nonnegative_sample(values)
    return EvidencePath(_capital_path(sample, check_positive("bound", bound)), "betting")


def bounded_mean_evidence(
    values: ArrayLike, mean: SupportsFloat, *, support: tuple[float, float] = (0.0, 1.0)
) -> EvidencePath:
    """Evidence against "the mean is `mean`" for observations in a known interval.

    With y = (x - a)/(b - a) in [0, 1] and m accordingly the e-process is the average of the capitals of
    :func:`nonnegative_mean_evidence` for y at the price m and for 1 - y at the price 1 - m.

    Parameters
    ----------
    values : array_like, shape (n,)
        Observations in their order, each in `support`.
    mean : float
        The hypothesis, in `support`: the mean of each observation given those before.
    support : tuple of float
        Smallest and largest possible value, a < b.

    Returns
    -------
    EvidencePath
        Log evidence after each observation.

    References
    ----------
    I. Waudby-Smith and A. Ramdas, Journal of the Royal Statistical Society B 86 (2024) 1-27.

    Examples
    --------
    Ten successes have the capitals (1 + c)^10 and (1 - c)^10 against one half:

    >>> path = bounded_mean_evidence([1.0] * 10, 0.5)
    >>> expected = 0.5 * float(np.mean((1.0 + FRACTIONS) ** 10) + np.mean((1.0 - FRACTIONS) ** 10))
    >>> math.isclose(math.exp(path.final), expected)
    True
    """
    sample, low, high = _check_bounded_sample(values, support)
    price = _check_mean(mean, low, high)
    up, down = _capital_path(sample, price), _capital_path(1.0 - sample, 1.0 - price)
    return EvidencePath(np.logaddexp(up, down) - math.log(2.0), "betting")


def bounded_mean_interval(
    values: ArrayLike, *, support: tuple[float, float] = (0.0, 1.0), alpha: SupportsFloat
) -> Interval:
    r"""Interval of the mean of observations in a known interval.

    It consists of all m whose two capitals are below :math:`2/\alpha`. At the average of the observations both are at
    most 1 by the inequality of the geometric mean, and each is monotone in m: the ends are two roots on either side of
    it. A mean outside has evidence of at least :math:`1/\alpha` in :func:`bounded_mean_evidence`; one inside, less than
    :math:`1/\alpha + 1/2`. Valid also when the number of observations was chosen while looking at them.

    Parameters
    ----------
    values : array_like, shape (n,)
        Observations in their order, each in `support`.
    support : tuple of float
        Smallest and largest possible value.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        About the average of the observations.

    Examples
    --------
    >>> interval = bounded_mean_interval([0.4, 0.6] * 500, alpha=1e-3)
    >>> round(interval.estimate, 12), round(interval.lower + interval.upper, 3), interval.upper < 0.52
    (0.5, 1.0, True)
    """
    alpha = check_level("alpha", alpha)
    sample, low, high = _check_bounded_sample(values, support)
    lower, upper = _ends(sample, alpha)
    width = high - low
    return Interval(low + width * float(sample.mean()), low + width * lower, low + width * upper, alpha, "betting")


def bounded_mean_sequence(
    values: ArrayLike,
    *,
    support: tuple[float, float] = (0.0, 1.0),
    alpha: SupportsFloat,
    times: ArrayLike | None = None,
) -> ConfidenceSequence:
    """Confidence sequence of the mean: running intersections of :func:`bounded_mean_interval`.

    Parameters
    ----------
    values : array_like, shape (n,)
        Observations in their order, each in `support`.
    support : tuple of float
        Smallest and largest possible value.
    alpha : float
        Probability, at most, that an interval misses the mean at any time.
    times : array_like of int, optional
        Increasing numbers of observations at which to look; two per octave by default.

    Returns
    -------
    ConfidenceSequence
        Its intervals at all `times` cover the mean together with probability 1 - `alpha`.

    Examples
    --------
    >>> sequence = bounded_mean_sequence([0.4, 0.6] * 500, alpha=1e-3, times=[100, 1000])
    >>> sequence.last == bounded_mean_interval([0.4, 0.6] * 500, alpha=1e-3)
    True
    """
    alpha = check_level("alpha", alpha)
    sample, low, high = _check_bounded_sample(values, support)
    stops = check_times(times, sample.size)
    ends = np.array([_ends(sample[:stop], alpha) for stop in stops.tolist()])
    width = high - low
    means = np.cumsum(sample)[stops - 1] / stops
    return ConfidenceSequence(
        stops,
        low + width * means,
        low + width * np.maximum.accumulate(ends[:, 0]),
        low + width * np.minimum.accumulate(ends[:, 1]),
        alpha,
        "betting",
    )


def nonnegative_mean_interval(values: ArrayLike, *, alpha: SupportsFloat) -> Interval:
    r"""One-sided interval [l, inf) of the mean of non-negative observations, without an assumption on their tails.

    The end l is the largest m with a capital of at least :math:`1/\alpha`: a lower confidence limit. An upper limit
    would need a bound on the tail. Valid at every stopping time.

    Parameters
    ----------
    values : array_like, shape (n,)
        Non-negative observations in their order.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        Its upper end is infinity.

    Examples
    --------
    >>> interval = nonnegative_mean_interval([0.5, 1.5] * 1000, alpha=1e-3)
    >>> interval.estimate, interval.upper, 0.9 < interval.lower < 1.0
    (1.0, inf, True)
    """
    alpha = check_level("alpha", alpha)
    sample = _check_nonnegative_sample(values)
    average = float(sample.mean())
    return Interval(average, _lower_end(sample, average, -math.log(alpha)), math.inf, alpha, "betting")


def _check_nonnegative_sample(values: ArrayLike) -> FloatArray:
    sample = check_sample("values", values)
    if float(sample.min()) < 0.0:
        raise SpecificationError(f"values must not be negative, got {float(sample.min())!r}")
    with np.errstate(over="ignore"):
        if np.isinf(sample.sum()):
            raise SpecificationError("values add up to more than double precision holds; scale them down")
    return sample


def _check_bounded_sample(values: ArrayLike, support: tuple[float, float]) -> tuple[FloatArray, float, float]:
    """Return the values moved to [0, 1], and the support."""
    low, high = check_range("support", support)
    if not (low < high and math.isfinite(high - low)):
        raise SpecificationError(f"support must be a finite interval (a, b) with a < b, got ({low!r}, {high!r})")
    sample = check_sample("values", values)
    if float(sample.min()) < low or float(sample.max()) > high:
        raise SpecificationError(
            f"values must lie in the support [{low!r}, {high!r}], got {float(sample.min())!r} to "
            f"{float(sample.max())!r}"
        )
    return np.clip((sample - low) / (high - low), 0.0, 1.0), low, high


def _check_mean(mean: SupportsFloat, low: float, high: float) -> float:
    price = check_number("mean", mean)
    if not low <= price <= high:
        raise SpecificationError(f"mean must lie in the support [{low!r}, {high!r}], got {price!r}")
    return min(max((price - low) / (high - low), 0.0), 1.0)


def _kernel() -> Any:
    from theory_check.kernels.evidence import bet

    return bet


def _capital_path(sample: FloatArray, price: float) -> FloatArray:
    """Return log capital after every observation; at the price 0 any positive value is worth infinitely much."""
    if price <= 0.0:
        return np.where(np.maximum.accumulate(sample) > 0.0, np.inf, 0.0)
    path = np.empty(sample.size)
    _kernel()(np.ascontiguousarray(sample), price, FRACTIONS, path)
    return path


def _ends(sample: FloatArray, alpha: float) -> tuple[float, float]:
    """Return the ends of the interval of the mean of values in [0, 1]."""
    needed = math.log(2.0 / alpha)
    average = float(sample.mean())
    return _lower_end(sample, average, needed), 1.0 - _lower_end(1.0 - sample, 1.0 - average, needed)


def _lower_end(sample: FloatArray, average: float, needed: float) -> float:
    """Return the largest price at which the log capital is at least `needed`, from below; 0 if there is none."""
    if average <= 0.0:
        return 0.0
    bet = _kernel()
    contiguous = np.ascontiguousarray(sample)

    def excess(depth: float) -> float:
        return float(bet(contiguous, average * math.exp(-depth), FRACTIONS, _NOTHING)) - needed

    # The best fraction loses the division of the capital and gains half a squared standard error.
    log_capital = needed + math.log(FRACTIONS.size)
    exponent = math.frexp(average)[1]  # in units of a power of two near the average squares do not overflow
    deviation = math.sqrt(2.0 * log_capital * float(np.ldexp(sample, -exponent).var()) / sample.size)
    spread = deviation / math.ldexp(average, -exponent) + log_capital / sample.size
    guess = -math.log1p(-min(spread, 0.9))
    # In logarithms of the price, because the end may be smaller than the average by orders of magnitude; a
    # ten-thousandth of the distance, or of the price, does not change a verdict.
    depth = safe_root(excess, guess=guess, limit=_DEEPEST, tolerance=1e-4 * min(guess, 1.0))
    return average * math.exp(-depth) if depth < _DEEPEST else 0.0
