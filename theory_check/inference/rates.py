"""Orders of convergence: the slope of an error against size on logarithmic scales, with its sign and uncertainty.

Notation. Sizes L_1 < ... < L_K (depths, say), x_k = log L_k, errors e_k > 0 with simultaneous confidence intervals
[l_k, u_k] whose levels add up to alpha, w_k = (x_k - mean x) / sum (x_j - mean x)^2.

The slope of the least-squares line through the points (x_k, log e_k) of the *true* errors is sum w_k log e_k. On the
event that all intervals hold it lies in

    [sum w_k^+ log l_k - w_k^- log u_k,  sum w_k^+ log u_k - w_k^- log l_k],

for any dependence of the intervals: sizes should share their random numbers. The slope keeps its sign, so that a
diverging scheme has a positive slope. Averages of log2-ratios of neighbours are not used: they telescope to the two
ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kinds, check_sequence
from theory_check.inference.intervals import Interval, mean_interval
from theory_check.inference.validation import check_level, check_sample, check_squares

#: An error closer to 0 than this many standard errors has no usable logarithm.
RESOLVED = 5.0


@dataclass(frozen=True)
class Rate:
    """Order of convergence of a sequence of errors.

    Attributes
    ----------
    sizes : tuple of float
        Increasing.
    slope : Interval
        Slope of log error against log size, over all sizes; negative for a scheme that converges.
    local_slopes : tuple of Interval
        Slopes between neighbouring sizes, valid together with ``slope``.
    resolved : bool
        Whether every error is at least five standard errors from 0.
    line : (float, float)
        Intercept and slope of the least-squares line through the estimates, for drawing only; NaN where an estimate is
        not positive.
    """

    sizes: tuple[float, ...]
    slope: Interval
    local_slopes: tuple[Interval, ...]
    resolved: bool
    line: tuple[float, float]

    @property
    def interval(self) -> Interval:
        """The slope to judge: the whole line, hence inconclusive, unless the errors are resolved."""
        if self.resolved:
            return self.slope
        return Interval(self.slope.estimate, -math.inf, math.inf, self.slope.level, f"{self.slope.method}, unresolved")


def slope_weights(log_sizes: ArrayLike) -> FloatArray:
    r"""Return the least-squares weights :math:`w_k = (x_k - \bar x) / \sum_j (x_j - \bar x)^2` of a slope."""
    x = check_squares("log_sizes", check_sample("log_sizes", log_sizes))
    if np.unique(x).size < 2:
        raise SpecificationError(f"log_sizes must hold at least two different sizes, got {x.size} equal or single ones")
    centred = x - x.mean()
    return np.asarray(centred / np.dot(centred, centred), dtype=np.float64)


def slope_variance(sizes: ArrayLike, degrees: float) -> float:
    r"""Variance of the slope of log error when squared errors are independent and chi-square: for planning.

    :math:`\tfrac14 \psi'(\nu/2) \sum_k w_k^2`, since the logarithm of chi-square of :math:`\nu` degrees of freedom has
    variance :math:`\psi'(\nu/2)`.
    """
    from scipy.special import polygamma

    weights = slope_weights(np.log(np.asarray(sizes, dtype=np.float64)))
    return 0.25 * float(polygamma(1, degrees / 2.0)) * math.fsum(weights**2)


def slope_interval(log_sizes: ArrayLike, intervals: Sequence[Interval], *, alpha: float) -> Interval:
    r"""Interval of the order of a power law from intervals of a positive quantity at several sizes.

    The slope is the least-squares slope of the logarithms of the *true* quantities :math:`q_k`, which is
    :math:`\sum_k w_k \ln q_k`. If :math:`L_k \le q_k \le U_k` for all k it lies in

    .. math:: \Bigl[\sum_k w_k^+ \ln L_k - w_k^- \ln U_k,\; \sum_k w_k^+ \ln U_k - w_k^- \ln L_k\Bigr].

    Parameters
    ----------
    log_sizes : array_like, shape (K,)
        Logarithms of the sizes, at least two different ones.
    intervals : sequence of Interval
        One interval per size. Their levels add up to at most `alpha`; they may depend on each other.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        The whole line when a lower end is not positive; the estimate is NaN when an estimate is not positive.

    Raises
    ------
    SpecificationError
        If the number of intervals is not that of the sizes, or their levels add up to more than `alpha`.

    Examples
    --------
    >>> parts = [Interval(1.0, 0.9, 1.1, 0.005, "first"), Interval(0.5, 0.45, 0.55, 0.005, "second")]
    >>> found = slope_interval(np.log([10.0, 20.0]), parts, alpha=0.01)
    >>> round(found.estimate, 12), round(found.upper - found.lower, 6) == round(2.0 * math.log(11.0 / 9.0, 2.0), 6)
    (-1.0, True)
    """
    alpha = check_level("alpha", alpha)
    weights = slope_weights(log_sizes)
    intervals = _check_intervals(intervals)
    if len(intervals) != weights.size:
        raise SpecificationError(f"one interval per size is needed, got {len(intervals)} for {weights.size} sizes")
    spent = math.fsum(interval.level for interval in intervals)
    # K copies of alpha / K may add up to alpha plus a few roundings.
    if spent > alpha * (1.0 + 1e-12):
        raise SpecificationError(f"the levels of the intervals must add up to at most alpha={alpha!r}, got {spent!r}")
    estimates = [interval.estimate for interval in intervals]
    positive = all(0.0 < estimate < math.inf for estimate in estimates)
    estimate = float(np.dot(weights, np.log(estimates))) if positive else math.nan
    lower = upper = 0.0
    for weight, interval in zip(weights.tolist(), intervals, strict=True):
        if interval.lower <= 0.0:
            lower, upper = -math.inf, math.inf
            break
        ends = [weight * math.log(interval.lower), weight * math.log(interval.upper)] if weight else [0.0, 0.0]
        lower += min(ends)
        upper += max(ends)
    return Interval(estimate, lower, upper, alpha, "slope of simultaneous intervals")


def rate(
    sizes: ArrayLike, intervals: Sequence[Interval], *, alpha: float, standard_errors: ArrayLike | None = None
) -> Rate:
    r"""Order of convergence from simultaneous intervals of the error at several sizes.

    Parameters
    ----------
    sizes : array_like, shape (K,)
        Different positive sizes L_k; step sizes in decreasing order will do, the result is by increasing size.
    intervals : sequence of Interval
        One interval per size, from :func:`error_intervals`, say. Their levels add up to at most `alpha`. An error that
        may have either sign enters by its magnitude.
    alpha : float
        Level of the slope.
    standard_errors : array_like, shape (K,), optional
        Of the estimates. By default half the width of each interval over :math:`\sqrt{2 \ln(2/\alpha_k)}`, which is
        what a standard error is to a Catoni or a sub-Gaussian interval.

    Returns
    -------
    Rate

    Raises
    ------
    SpecificationError
        If the sizes are not positive and different, or the standard errors not one non-negative number per size.

    Examples
    --------
    >>> parts = [Interval(1.0 / n, 0.99 / n, 1.01 / n, 0.002, "error") for n in (8, 16, 32)]
    >>> found = rate([8, 16, 32], parts, alpha=0.01)
    >>> round(found.interval.estimate, 12), found.resolved, len(found.local_slopes)
    (-1.0, True, 2)
    """
    size = check_sample("sizes", sizes)
    if not np.all(size > 0.0) or np.unique(size).size < size.size:
        raise SpecificationError(f"sizes must be positive and different, got {size.tolist()}")
    intervals = _check_intervals(intervals)
    if len(intervals) != size.size:
        raise SpecificationError(f"one interval per size is needed, got {len(intervals)} for {size.size} sizes")
    order = np.argsort(size)
    size, intervals = size[order], [intervals[place] for place in order]
    parts = [magnitude(interval) for interval in intervals]
    x = np.log(size)
    slope = slope_interval(x, parts, alpha=alpha)
    if standard_errors is None:
        halves = [0.5 * (part.upper - part.lower) / math.sqrt(2.0 * math.log(2.0 / part.level)) for part in intervals]
        errors = np.array(halves)
    else:
        errors = check_sample("standard_errors", standard_errors)
        if errors.shape != size.shape or np.any(errors < 0.0):
            raise SpecificationError(f"standard_errors must be {size.size} numbers that are not negative")
        errors = errors[order]
    estimates = np.array([part.estimate for part in parts])
    resolved = all(part.lower > 0.0 for part in parts) and bool(np.all(estimates >= RESOLVED * errors))
    pairs = [(k, k + 2) for k in range(size.size - 1)]
    local = tuple(
        slope_interval(x[a:b], parts[a:b], alpha=min(alpha, math.fsum(part.level for part in parts[a:b])))
        for a, b in pairs
    )
    line = (math.nan, math.nan)
    if math.isfinite(slope.estimate):
        line = (float(np.mean(np.log(estimates)) - slope.estimate * np.mean(x)), slope.estimate)
    return Rate(tuple(size.tolist()), slope, local, resolved, line)


def _check_intervals(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """Return intervals as a tuple."""
    found = check_sequence("intervals", intervals)
    check_kinds("intervals", found, Interval, "an Interval")
    return found


def magnitude(interval: Interval) -> Interval:
    """Return the interval of the absolute value."""
    if interval.lower >= 0.0:
        return interval
    lower, upper = interval.lower, interval.upper
    ends = (-upper, -lower) if upper < 0.0 else (0.0, max(-lower, upper))
    return Interval(abs(interval.estimate), *ends, interval.level, interval.method)


def error_intervals(
    errors: Sequence[ArrayLike], *, variance_bounds: Sequence[float], alpha: float
) -> tuple[Interval, ...]:
    r"""Simultaneous Catoni intervals of mean errors, one sample of errors for each size.

    Each is at level :math:`\alpha / K` (Bonferroni), so the samples may be coupled by common random numbers.

    Parameters
    ----------
    errors : sequence of array_like
        K samples of errors, of any sizes.
    variance_bounds : sequence of float
        Proven bounds on the variance of an error at each size. Values in [a, b] have a variance of at most
        :math:`(b - a)^2 / 4` (Popoviciu), which serves as the bound of a bounded error.
    alpha : float
        Probability, at most, that any of the intervals misses.

    Returns
    -------
    tuple of Interval

    Raises
    ------
    SpecificationError
        If the number of bounds is not that of the samples.

    Examples
    --------
    >>> parts = error_intervals([[0.5] * 1000, [0.25] * 1000], variance_bounds=[0.01, 0.0025], alpha=0.01)
    >>> [round(part.estimate, 6) for part in parts], [part.level for part in parts]
    ([0.5, 0.25], [0.005, 0.005])
    """
    alpha = check_level("alpha", alpha)
    samples, bounds = check_sequence("errors", errors), check_sequence("variance_bounds", variance_bounds)
    if not samples or len(samples) != len(bounds):
        raise SpecificationError(f"one variance bound per size is needed, got {len(bounds)} for {len(samples)} sizes")
    level = alpha / len(samples)
    return tuple(
        mean_interval(sample, variance_bound=check_positive("variance_bounds", v), alpha=level)
        for sample, v in zip(samples, bounds, strict=True)
    )
