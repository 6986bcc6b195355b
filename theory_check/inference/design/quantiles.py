"""Planning of quantiles and their spreads by order statistics.

Margins and resolutions are values of the distribution function: see :func:`quantile_margin`.
"""

from __future__ import annotations

from typing import SupportsIndex

from theory_check.foundation.arguments import check_count, check_unit
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.binomial import miss_bound
from theory_check.inference.design.proportions import detected_probability
from theory_check.inference.design.search import smallest_sample
from theory_check.inference.validation import check_level, check_power, check_probability


def _quantile_reach(observations: int, probability: float, alpha: float, miss: float) -> tuple[float, float]:
    """Return the cdf values that the two ends of the interval stay within, each with probability 1 - miss."""
    above = detected_probability(observations, probability, alpha / 2, miss)
    below = detected_probability(observations, 1.0 - probability, alpha / 2, miss)
    return 1.0 - below, above


def quantile_sample_size(probability: float, *, cdf_low: float, cdf_high: float, alpha: float, miss: float) -> int:
    r"""Return the sample size for which the interval of a quantile q lies within its margin.

    The margin is on the scale of the values and enters through the law one plans for: ``cdf_low`` =
    :math:`F(q - \delta)` and ``cdf_high`` = :math:`F(q + \delta)`. The interval leaves the margin below when at least l
    values are less than :math:`q - \delta`, and above when fewer than u values are at most :math:`q + \delta`: two
    binomial events, each given half of `miss`.
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
    r"""Return (cdf_low, cdf_high) between which the interval lies with probability 1 - miss, for every law.

    With the quantile function Q of the planned law and q its p-quantile the margin is
    :math:`\max(Q(\text{cdf\_high}) - q, q - Q(\text{cdf\_low}))`. A side on which the sample is too small for a finite
    end is -inf or inf instead of a probability.
    """
    p = check_probability("probability", probability)
    n = check_count("observations", observations)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return _quantile_reach(n, p, alpha, miss / 2)


def quantile_resolution(
    probability: float, *, observations: SupportsIndex, alpha: float, power: float = 0.99
) -> tuple[float, float]:
    """Return (low, high): the interval excludes a target t when F(t) is below low or above high for the true law F.

    Each side holds with probability `power`. For a true law that is the predicted one shifted, the resolution is
    max(Q(high) - q, q - Q(low)) with the quantile function Q and quantile q of either. Infinite entries say that
    nothing is detected on that side.
    """
    p = check_probability("probability", probability)
    n = check_count("observations", observations)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return _quantile_reach(n, p, alpha, 1.0 - power)


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

    ``lower_cdf`` = :math:`(F(q_1 - \delta/2), F(q_1 + \delta/2))` at the lower quantile, ``upper_cdf`` the same at the
    upper one, for the law one plans for. Each quantile has half of the margin, of `alpha` and of `miss`; other ways to
    share the margin work as well.
    """
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return max(
        quantile_sample_size(p, cdf_low=low, cdf_high=high, alpha=alpha / 2, miss=miss / 2)
        for p, (low, high) in ((lower_probability, lower_cdf), (upper_probability, upper_cdf))
    )


def quantile_spread_margin(
    lower_probability: float, upper_probability: float, *, observations: SupportsIndex, alpha: float, miss: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    r"""Return the cdf values that bound the intervals of both quantiles with probability 1 - miss.

    With (a, b) for the lower quantile, (c, d) for the upper one and Q the quantile function of the planned law, the
    margin of the spread is the larger of :math:`(Q(d) - q_2) + (q_1 - Q(a))` and :math:`(q_2 - Q(c)) + (Q(b) - q_1)`.
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
    r"""Return the cdf values that decide which deviations of a spread are detected.

    With (a, b), (c, d) and Q as in :func:`quantile_spread_margin`, now for the true law: a true spread above the target
    by more than :math:`(q_2 - Q(c)) + (Q(b) - q_1)`, or below it by more than :math:`(Q(d) - q_2) + (q_1 - Q(a))`, is
    detected with probability `power`.
    """
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return (
        quantile_resolution(lower_probability, observations=observations, alpha=alpha / 2, power=0.5 + power / 2),
        quantile_resolution(upper_probability, observations=observations, alpha=alpha / 2, power=0.5 + power / 2),
    )
