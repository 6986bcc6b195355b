"""Planning of quantiles and their spreads by order statistics.

Margins and resolutions are values of the distribution function: see :func:`quantile_margin`.
"""

from __future__ import annotations

from typing import SupportsIndex

from theory_check.foundation.arguments import check_count, check_unit
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.stored_values import stored
from theory_check.inference.binomial import miss_bound
from theory_check.inference.design.proportions import detected_probability
from theory_check.inference.design.search import LARGEST_SAMPLE, smallest_sample
from theory_check.inference.validation import check_level, check_power, check_probability, check_range


def _quantile_reach(probability: float, observations: SupportsIndex, alpha: float, miss: float) -> tuple[float, float]:
    """Return the cdf values that the two ends of the interval stay within, each with probability 1 - miss."""
    p, n = (
        check_probability("probability", probability),
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
    )
    level = check_level("alpha", alpha) / 2
    below, above = detected_probability(n, 1.0 - p, level, miss), detected_probability(n, p, level, miss)
    return 1.0 - below, above


@stored
def quantile_sample_size(probability: float, *, cdf_low: float, cdf_high: float, alpha: float, miss: float) -> int:
    r"""Return the sample size for which the interval of a quantile q lies within its margin.

    The margin :math:`\delta` is on the scale of the values and enters through the law to plan for. The interval leaves
    it below when at least l values are less than :math:`q - \delta`, and above when fewer than u values are at most
    :math:`q + \delta`: two binomial events, each given half of `miss`.

    Parameters
    ----------
    probability : float
        The p of the p-quantile.
    cdf_low, cdf_high : float
        :math:`F(q - \delta)` and :math:`F(q + \delta)` for the distribution function F of the planned law.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        Unless ``cdf_low < probability < cdf_high``.

    Examples
    --------
    Ends that are certain to hold the interval need only that the sample has order statistics on both sides, 2^-n <=
    alpha / 2:

    >>> quantile_sample_size(0.5, cdf_low=0.0, cdf_high=1.0, alpha=0.002, miss=0.01)
    10
    """
    p = check_probability("probability", probability)
    low, high = check_unit("cdf_low", cdf_low), check_unit("cdf_high", cdf_high)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if not low < p < high:
        raise SpecificationError(
            f"cdf_low < probability < cdf_high is needed (the law at both ends of the margin), got {low}, {p}, {high}"
        )

    def sufficient(n: int) -> bool:
        above = miss_bound(n, p, high, alpha / 2)
        below = miss_bound(n, 1.0 - p, 1.0 - low, alpha / 2)
        return max(above, below) <= miss / 2

    return smallest_sample(sufficient)


def quantile_margin(
    probability: float, *, observations: SupportsIndex, alpha: float, miss: float
) -> tuple[float, float]:
    r"""Return the values of the distribution function between which the interval of a quantile lies, for every law.

    With the quantile function Q of the planned law and q its p-quantile the margin is
    ``max(Q(cdf_high) - q, q - Q(cdf_low))``.

    Parameters
    ----------
    probability : float
        The p of the p-quantile.
    observations : int
        Sample size.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    cdf_low, cdf_high : float
        A side on which the sample is too small for a finite end is -inf or inf instead of a probability.

    Examples
    --------
    >>> low, high = quantile_margin(0.5, observations=10_000, alpha=1e-3, miss=1e-2)
    >>> round(low + high, 9), 0.52 < high < 0.54
    (1.0, True)
    >>> quantile_margin(0.5, observations=5, alpha=1e-3, miss=1e-2)
    (-inf, inf)
    """
    return _quantile_reach(probability, observations, alpha, check_level("miss", miss) / 2)


def quantile_resolution(
    probability: float, *, observations: SupportsIndex, alpha: float, power: float = 0.99
) -> tuple[float, float]:
    """Return the values of the true distribution function at the targets that the interval of a quantile excludes.

    For a true law that is the predicted one shifted, the resolution is max(Q(high) - q, q - Q(low)) with the quantile
    function Q and quantile q of either.

    Parameters
    ----------
    probability : float
        The p of the p-quantile.
    observations : int
        Sample size.
    alpha, power : float
        Level of the interval; probability with which each side excludes its targets.

    Returns
    -------
    low, high : float
        The interval excludes a target t if F(t) is below `low` or above `high`. Infinite entries say that nothing is
        detected on that side.

    Examples
    --------
    >>> quantile_resolution(0.5, observations=10_000, alpha=1e-3) == quantile_margin(
    ...     0.5, observations=10_000, alpha=1e-3, miss=2 * (1 - 0.99)
    ... )
    True
    """
    return _quantile_reach(probability, observations, alpha, 1.0 - check_power("power", power))


@stored
def quantile_spread_sample_size(
    lower_probability: float,
    upper_probability: float,
    *,
    lower_cdf: tuple[float, float],
    upper_cdf: tuple[float, float],
    alpha: float,
    miss: float,
) -> int:
    r"""Return the sample size for which the interval of a quantile spread lies within its margin.

    Each quantile has half of the margin, of `alpha` and of `miss`; other ways to share the margin work as well.

    Parameters
    ----------
    lower_probability, upper_probability : float
        The two quantiles.
    lower_cdf, upper_cdf : tuple of float
        :math:`(F(q - \delta/2), F(q + \delta/2))` at the lower and at the upper quantile, for the distribution function
        F of the planned law and the margin :math:`\delta`.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    int

    Examples
    --------
    Quartiles of uniform values to 0.1 each:

    >>> both = quantile_spread_sample_size(
    ...     0.25, 0.75, lower_cdf=(0.15, 0.35), upper_cdf=(0.65, 0.85), alpha=2e-3, miss=0.02
    ... )
    >>> both == quantile_sample_size(0.25, cdf_low=0.15, cdf_high=0.35, alpha=1e-3, miss=0.01)
    True
    """
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return max(
        quantile_sample_size(p, cdf_low=low, cdf_high=high, alpha=alpha / 2, miss=miss / 2)
        for p, (low, high) in (
            (lower_probability, check_range("lower_cdf", lower_cdf)),
            (upper_probability, check_range("upper_cdf", upper_cdf)),
        )
    )


def quantile_spread_margin(
    lower_probability: float, upper_probability: float, *, observations: SupportsIndex, alpha: float, miss: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    r"""Return the values of the distribution function that bound the intervals of both quantiles of a spread.

    With (a, b) for the lower quantile, (c, d) for the upper one and Q the quantile function of the planned law, the
    margin of the spread is the larger of :math:`(Q(d) - q_2) + (q_1 - Q(a))` and :math:`(q_2 - Q(c)) + (Q(b) - q_1)`.

    Parameters
    ----------
    lower_probability, upper_probability : float
        The two quantiles.
    observations : int
        Sample size.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    lower, upper : tuple of float
        (a, b) and (c, d); infinite where the sample is too small.

    Examples
    --------
    >>> lower, upper = quantile_spread_margin(0.25, 0.75, observations=10_000, alpha=2e-3, miss=0.02)
    >>> lower == quantile_margin(0.25, observations=10_000, alpha=1e-3, miss=0.01)
    True
    """
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return (
        quantile_margin(lower_probability, observations=observations, alpha=alpha / 2, miss=miss / 2),
        quantile_margin(upper_probability, observations=observations, alpha=alpha / 2, miss=miss / 2),
    )


def quantile_spread_resolution(
    lower_probability: float,
    upper_probability: float,
    *,
    observations: SupportsIndex,
    alpha: float,
    power: float = 0.99,
) -> tuple[tuple[float, float], tuple[float, float]]:
    r"""Return the values of the true distribution function that decide which deviations of a spread are detected.

    With (a, b), (c, d) and Q as in :func:`quantile_spread_margin`, now for the true law: a true spread above the target
    by more than :math:`(q_2 - Q(c)) + (Q(b) - q_1)`, or below it by more than :math:`(Q(d) - q_2) + (q_1 - Q(a))`, is
    detected with probability `power`.

    Parameters
    ----------
    lower_probability, upper_probability : float
        The two quantiles.
    observations : int
        Sample size.
    alpha, power : float
        Level of the interval; probability with which it excludes the target.

    Returns
    -------
    lower, upper : tuple of float
        (a, b) and (c, d); infinite where the sample is too small.

    Examples
    --------
    >>> lower, upper = quantile_spread_resolution(0.25, 0.75, observations=10_000, alpha=2e-3, power=0.98)
    >>> upper == quantile_resolution(0.75, observations=10_000, alpha=1e-3, power=0.99)
    True
    """
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return (
        quantile_resolution(lower_probability, observations=observations, alpha=alpha / 2, power=0.5 + power / 2),
        quantile_resolution(upper_probability, observations=observations, alpha=alpha / 2, power=0.5 + power / 2),
    )
