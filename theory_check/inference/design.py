"""Planning before sampling: how many replicates, for which margin, and what they would detect.

Every method of :mod:`theory_check.inference.intervals` has three functions.

* ``*_sample_size``: replicates such that a true statement is supported (the interval lies within the margin) with
  probability at least 1 - ``miss``. Every larger sample keeps the promise.
* ``*_margin``: the smallest margin for which a given sample size keeps it.
* ``*_resolution``: the smallest deviation of the truth from the target at which the interval excludes the target with
  probability at least ``power``.

All rest on inequalities that hold at finite sample size, never on a normal approximation. A statement with a proven
remainder is planned by its margin alone, since the remainder widens target and margin alike. For laws that are known
only through their quantiles, margins and resolutions are values of the distribution function: see
:func:`quantile_margin`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.errors import SpecificationError
from theory_check.inference.binomial import miss_bound
from theory_check.inference.intervals import kolmogorov_radius, slope_weights
from theory_check.inference.validation import (
    check_count,
    check_level,
    check_nonnegative,
    check_positive,
    check_power,
    check_probability,
    check_unit,
    check_unit_range,
)

_LARGEST_SAMPLE = 10**12


# Searches over monotone conditions


def _smallest_sample(sufficient: Callable[[int], bool]) -> int:
    """Return the smallest n with ``sufficient(n)``, which holds for all larger n."""
    above = 1
    while not sufficient(above):
        above *= 2
        if above > _LARGEST_SAMPLE:
            raise SpecificationError(
                f"more than {_LARGEST_SAMPLE:.0e} replicates would be needed: widen the margin or relax the levels"
            )
    below = above // 2
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if sufficient(middle) else (middle, above)
    return above


def _smallest_value(sufficient: Callable[[float], bool], lower: float, upper: float) -> float:
    """Return the smallest x in [lower, upper] with ``sufficient(x)``, which holds for all larger x; inf if none."""
    if sufficient(lower):
        return lower
    if not sufficient(upper):
        return math.inf
    # 1e-13 of the range is below the rounding of the probabilities compared; `upper` always passes.
    tolerance = 1e-13 * (upper - lower)
    while upper - lower > tolerance:
        middle = 0.5 * (lower + upper)
        lower, upper = (lower, middle) if sufficient(middle) else (middle, upper)
    return upper


# Kolmogorov distance


def kolmogorov_margin(*, observations: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest margin of a distance for which a true law is supported.

    Under the predicted law :math:`D_n \le \varepsilon_n(\text{miss})` with probability 1 - miss, so the upper end of
    the interval is at most :math:`\varepsilon_n(\alpha) + \varepsilon_n(\text{miss})`, with
    :math:`\varepsilon_n` the exact radius of :func:`~theory_check.inference.intervals.kolmogorov_radius`.
    """
    n = check_count(observations, "observations")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    return kolmogorov_radius(n, alpha) + kolmogorov_radius(n, miss)


def kolmogorov_sample_size(*, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`kolmogorov_margin` is at most `margin`."""
    margin = check_positive(margin, "margin")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    if margin >= 1.0:
        raise SpecificationError(f"margin must be below 1, the largest distance between two laws, got {margin!r}")
    return _smallest_sample(lambda n: kolmogorov_margin(observations=n, alpha=alpha, miss=miss) <= margin)


def kolmogorov_resolution(*, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the distance from the predicted law at which the interval excludes 0.

    If :math:`|F(x) - F_0(x)| = \Delta` at one point, Hoeffding's inequality at that point gives :math:`D_n >
    \varepsilon_n(\alpha)` with the required power as soon as :math:`\Delta \ge \varepsilon_n(\alpha) + \sqrt{\ln(1/(1 -
    \text{power}))/(2n)}`.
    """
    n = check_count(observations, "observations")
    alpha, power = check_level(alpha), check_power(power)
    return kolmogorov_radius(n, alpha) + math.sqrt(-math.log1p(-power) / (2.0 * n))


# Probabilities


def _proportion_miss(
    trials: int, target: tuple[float, float], margin: float, alpha: float, truth: float | None
) -> float:
    """Bound the probability that the Clopper-Pearson interval leaves target +- margin.

    P(a <= K <= b) first rises and then falls in p, so over a range of truths it is smallest at an end.
    """
    lower, upper = target[0] - margin, target[1] + margin

    def miss(p: float) -> float:
        below = miss_bound(trials, lower, p, alpha / 2) if lower > 0.0 else 0.0
        above = miss_bound(trials, 1.0 - upper, 1.0 - p, alpha / 2) if upper < 1.0 else 0.0
        return below + above

    return max(miss(p) for p in (target if truth is None else (truth,)))


def proportion_sample_size(
    target: tuple[float, float], *, margin: float, alpha: float, miss: float, truth: float | None = None
) -> int:
    """Return trials for which the Clopper-Pearson interval lies in `target` widened by `margin`.

    Parameters
    ----------
    target : tuple of float
        Predicted probability, lower and upper value; (0.99, 1) says "at least 0.99".
    margin : float
        Tolerated deviation; ends of the widened target beyond 0 or 1 are free.
    alpha, miss : float
        Level of the interval; probability, at most, that it does not lie inside.
    truth : float, optional
        The probability to plan for. Without it the promise holds for every truth in the target.

    Notes
    -----
    The exact power is a sawtooth in the number of trials. The plan uses the smooth bound of
    :func:`theory_check.inference.binomial.miss_bound`, which loses at most one count on each side.
    """
    low, high = check_unit_range(target)
    margin = check_nonnegative(margin, "margin")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    truth = None if truth is None else check_unit(truth, "truth")
    lower, upper = low - margin, high + margin
    if lower <= 0.0 and upper >= 1.0:
        raise SpecificationError(f"target {target} with margin {margin!r} covers every probability: nothing to check")
    for p in (low, high) if truth is None else (truth,):
        if (lower > 0.0 and p <= lower) or (upper < 1.0 and p >= upper):
            raise SpecificationError(
                f"a truth of {p!r} must lie strictly inside target +- margin = [{lower!r}, {upper!r}] to be supported"
            )
    return _smallest_sample(lambda n: _proportion_miss(n, (low, high), margin, alpha, truth) <= miss)


def proportion_margin(
    target: tuple[float, float], *, trials: SupportsIndex, alpha: float, miss: float, truth: float | None = None
) -> float:
    """Return the smallest margin that :func:`proportion_sample_size` grants to `trials`, inf if none below triviality.

    A margin that leaves no probability outside would be trivial.
    """
    low, high = check_unit_range(target)
    n = check_count(trials, "trials")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    truth = None if truth is None else check_unit(truth, "truth")
    trivial = max(low, 1.0 - high)
    least = 0.0 if truth is None else max(0.0, low - truth, truth - high)

    def sufficient(margin: float) -> bool:
        return margin < trivial and _proportion_miss(n, (low, high), margin, alpha, truth) <= miss

    # Just below the trivial margin one side is still checked.
    return _smallest_value(sufficient, least, max(least, trivial * (1.0 - 1e-12)))


def proportion_resolution(
    target: tuple[float, float], *, trials: SupportsIndex, alpha: float, power: float = 0.99
) -> float:
    """Return the smallest D such that every probability farther than D from `target` is told apart from it.

    On a side where no probability is far enough to be seen, D is the whole room on that side; D is inf if that
    happens on both, so that nothing would be detected.
    """
    low, high = check_unit_range(target)
    n = check_count(trials, "trials")
    alpha, power = check_level(alpha), check_power(power)
    if low <= 0.0 and high >= 1.0:
        raise SpecificationError("target (0, 1) holds every probability: nothing to detect")

    def reach(null: float) -> float:
        return _detected_probability(n, null, alpha / 2, 1.0 - power) - null

    sides = [(reach(null), 1.0 - null) for null in (high, 1.0 - low) if null < 1.0]
    if all(deviation == math.inf for deviation, _ in sides):
        return math.inf
    return max(min(deviation, room) for deviation, room in sides)


def _detected_probability(trials: int, null: float, level: float, miss: float) -> float:
    """Return the smallest truth above `null` that the one-sided test misses with probability <= miss; inf if none."""
    return _smallest_value(lambda p: p > null and miss_bound(trials, null, p, level) <= miss, null, 1.0)


# Quantiles


def _quantile_reach(observations: int, probability: float, alpha: float, miss: float) -> tuple[float, float]:
    """Return the cdf values that the two ends of the interval stay within, each with probability 1 - miss."""
    above = _detected_probability(observations, probability, alpha / 2, miss)
    below = _detected_probability(observations, 1.0 - probability, alpha / 2, miss)
    return 1.0 - below, above


def quantile_sample_size(probability: float, *, cdf_low: float, cdf_high: float, alpha: float, miss: float) -> int:
    r"""Return the sample size for which the interval of a quantile q lies within its margin.

    The margin is on the scale of the values and enters through the law one plans for: ``cdf_low`` =
    :math:`F(q - \delta)` and ``cdf_high`` = :math:`F(q + \delta)`. The interval leaves the margin below when at least l
    values are less than :math:`q - \delta`, and above when fewer than u values are at most :math:`q + \delta`: two
    binomial events, each given half of `miss`.
    """
    p = check_probability(probability)
    low, high = check_unit(cdf_low, "cdf_low"), check_unit(cdf_high, "cdf_high")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    if not low < p < high:
        raise SpecificationError(
            f"cdf_low < probability < cdf_high is needed (the law at both ends of the margin), got {low}, {p}, {high}"
        )

    def sufficient(n: int) -> bool:
        above = miss_bound(n, p, high, alpha / 2)
        below = miss_bound(n, 1.0 - p, 1.0 - low, alpha / 2)
        return max(above, below) <= miss / 2

    return _smallest_sample(sufficient)


def quantile_margin(
    probability: float, *, observations: SupportsIndex, alpha: float, miss: float
) -> tuple[float, float]:
    r"""Return (cdf_low, cdf_high) between which the interval lies with probability 1 - miss, for every law.

    With the quantile function Q of the planned law and q its p-quantile the margin is
    :math:`\max(Q(\text{cdf\_high}) - q, q - Q(\text{cdf\_low}))`. A side on which the sample is too small for a finite
    end is -inf or inf instead of a probability.
    """
    p = check_probability(probability)
    n = check_count(observations, "observations")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    return _quantile_reach(n, p, alpha, miss / 2)


def quantile_resolution(
    probability: float, *, observations: SupportsIndex, alpha: float, power: float = 0.99
) -> tuple[float, float]:
    """Return (low, high): the interval excludes a target t when F(t) is below low or above high for the true law F.

    Each side holds with probability `power`. For a true law that is the predicted one shifted, the resolution is
    max(Q(high) - q, q - Q(low)) with the quantile function Q and quantile q of either. Infinite entries say that
    nothing is detected on that side.
    """
    p = check_probability(probability)
    n = check_count(observations, "observations")
    alpha, power = check_level(alpha), check_power(power)
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
    alpha, miss = check_level(alpha), check_level(miss, "miss")
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
    alpha, miss = check_level(alpha), check_level(miss, "miss")
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
    alpha, power = check_level(alpha), check_power(power)
    return (
        quantile_resolution(lower_probability, observations=observations, alpha=alpha / 2, power=0.5 + power / 2),
        quantile_resolution(upper_probability, observations=observations, alpha=alpha / 2, power=0.5 + power / 2),
    )


# Mean with a bounded variance


def _mean_reach(variance_bound: float, observations: int, alpha: float, log_miss: float) -> float:
    r"""Return the deviation that one end of Catoni's interval exceeds with probability at most exp(-log_miss).

    The upper end exceeds :math:`m + \delta` iff :math:`r(m + \delta) > -B` with :math:`B = n \ln(1 + a) + s`,
    :math:`s = \ln(2/\alpha)`, :math:`a = \lambda^2 v/2 = s/n`. Since :math:`\psi(z) \le \ln(1 + z + z^2/2)`,

    .. math:: P(r(m + \delta) > -B) \le e^{B} (1 - u + u^2/2 + a)^n, \qquad u = \lambda\delta,

    which is at most :math:`e^{-t}` when :math:`u - u^2/2 \ge c = 1 + a - e^{-(s + t)/n} / (1 + a)`. The smallest such u
    is :math:`1 - \sqrt{1 - 2c}`, if :math:`c \le 1/2`; a larger deviation is exceeded less often. Asymptotically
    :math:`\delta = (3s + t) \sqrt{v/(2sn)}`: half width plus deviation of the estimate.
    """
    n = observations
    s = math.log(2.0 / alpha)
    a = s / n
    c = a - math.expm1(-math.log1p(a) - (s + log_miss) / n)
    if c > 0.5:
        return math.inf
    u = 2.0 * c / (1.0 + math.sqrt(1.0 - 2.0 * c))
    return u * math.sqrt(n / (2.0 * s)) * math.sqrt(variance_bound)


def mean_margin(*, variance_bound: float, observations: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest margin that holds Catoni's interval around the true mean with probability 1 - miss.

    Each end has half of `miss`. With :math:`s = \ln(2/\alpha)`, :math:`t = \ln(2/\text{miss})`, :math:`a = s/n` and
    :math:`c = 1 + a - e^{-(s+t)/n}/(1 + a)` the margin is :math:`(1 - \sqrt{1 - 2c}) \sqrt{nv/(2s)}`, about
    :math:`(3s + t) \sqrt{v/(2sn)}`; it is inf when c > 1/2. The only assumption is a variance of at most
    `variance_bound`.

    References
    ----------
    O. Catoni, Annales de l'Institut Henri Poincare 48 (2012) 1148-1185, for the inequality behind it.
    """
    v = check_positive(variance_bound, "variance_bound")
    n = check_count(observations, "observations")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    return _mean_reach(v, n, alpha, math.log(2.0 / miss))


def mean_sample_size(*, variance_bound: float, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`mean_margin` is at most `margin`."""
    v = check_positive(variance_bound, "variance_bound")
    margin = check_positive(margin, "margin")
    alpha, miss = check_level(alpha), check_level(miss, "miss")
    return _smallest_sample(lambda n: _mean_reach(v, n, alpha, math.log(2.0 / miss)) <= margin)


def mean_resolution(*, variance_bound: float, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    """Return the distance of the true mean from the target at which Catoni's interval excludes the target.

    As :func:`mean_margin` with the whole miss probability 1 - power on one side; the variance bound must hold for the
    true law too.
    """
    v = check_positive(variance_bound, "variance_bound")
    n = check_count(observations, "observations")
    alpha, power = check_level(alpha), check_power(power)
    return _mean_reach(v, n, alpha, -math.log1p(-power))


# Order of a power law


def slope_margin(log_sizes: ArrayLike, *, component_margin: float) -> float:
    r"""Return the margin of a slope whose components are known within a factor.

    If every component interval lies within the factors :math:`e^{\pm h}` of its true quantity, h = `component_margin`,
    the slope interval lies within :math:`h \sum_k |w_k|` of the true slope. The miss rates of the components add up.
    """
    h = check_nonnegative(component_margin, "component_margin")
    return h * float(np.abs(slope_weights(log_sizes)).sum())


def slope_component_margin(log_sizes: ArrayLike, *, margin: float) -> float:
    """Return the margin, on the logarithmic scale, to plan each component with; inverse of :func:`slope_margin`."""
    margin = check_positive(margin, "margin")
    return margin / float(np.abs(slope_weights(log_sizes)).sum())
