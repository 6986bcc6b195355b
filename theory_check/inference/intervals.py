"""Confidence intervals whose level holds at every sample size, without normal approximation.

Throughout, ``alpha`` is the error probability: the interval misses the true value with probability at most ``alpha``.
Two-sided intervals spend ``alpha / 2`` on each side. Each docstring gives the formula, what must hold for it, and its
source.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count, check_number, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.binomial import rejection_count
from theory_check.inference.kolmogorov import kolmogorov_radius, kolmogorov_statistic
from theory_check.inference.validation import check_level, check_probability, check_sample, check_successes


@dataclass(frozen=True)
class Interval:
    """A confidence interval with its point estimate.

    Attributes
    ----------
    estimate : float
        Point estimate; NaN where there is none.
    lower, upper : float
        Closed interval. An infinite end means that the sample gives no bound on that side.
    level : float
        Probability, at most, that the interval misses the true value.
    method : str
        Usual name of the construction.
    """

    estimate: float
    lower: float
    upper: float
    level: float
    method: str

    def __post_init__(self) -> None:
        check_level("level", self.level)
        if not check_number("lower", self.lower) <= check_number("upper", self.upper):
            raise SpecificationError(f"an interval needs lower <= upper, got [{self.lower!r}, {self.upper!r}]")

    def contains(self, value: float) -> bool:
        """Return whether `value` is compatible with the sample."""
        return self.lower <= value <= self.upper

    def inside(self, lower: float, upper: float) -> bool:
        """Return whether the whole interval lies in [lower, upper]."""
        return lower <= self.lower and self.upper <= upper

    def disjoint(self, lower: float, upper: float) -> bool:
        """Return whether the interval and [lower, upper] have no point in common."""
        return self.upper < lower or self.lower > upper


def proportion_interval(successes: SupportsIndex, trials: SupportsIndex, *, alpha: float) -> Interval:
    r"""Clopper-Pearson interval of a probability from independent trials.

    The ends are beta quantiles, :math:`B(\alpha/2; k, n-k+1)` and :math:`B(1-\alpha/2; k+1, n-k)`, which invert the two
    exact one-sided binomial tests; the lower end is 0 at k = 0 and the upper end is 1 at k = n.

    Parameters
    ----------
    successes, trials : int
        Counts k of n.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        About the share of successes.

    References
    ----------
    C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413.

    Examples
    --------
    Without a success the upper end is 1 - (alpha/2)^(1/n):

    >>> interval = proportion_interval(0, 10, alpha=0.05)
    >>> interval.lower, round(interval.upper, 6), round(1.0 - 0.025**0.1, 6)
    (0.0, 0.308497, 0.308497)
    """
    alpha = check_level("alpha", alpha)
    k, n = check_successes(successes, trials)
    from scipy.stats import beta

    # As statsmodels has it, without loading pandas.
    lower = float(beta.ppf(alpha / 2, k, n - k + 1)) if k > 0 else 0.0
    upper = float(beta.isf(alpha / 2, k + 1, n - k)) if k < n else 1.0
    return Interval(k / n, lower, upper, alpha, "Clopper-Pearson")


def quantile_ranks(observations: SupportsIndex, probability: float, *, alpha: float) -> tuple[int, int]:
    r"""Return the ranks of the order statistics that enclose a quantile.

    Parameters
    ----------
    observations : int
        Sample size n.
    probability : float
        The p of the p-quantile.
    alpha : float
        Error probability.

    Returns
    -------
    l, u : int
        Counted from 1: l is the largest rank with :math:`P(K \le l-1) \le \alpha/2` and u the smallest with :math:`P(K
        \ge u) \le \alpha/2` for K Binomial(n, p). Rank 0 stands for minus infinity and rank n + 1 for infinity.

    Examples
    --------
    >>> quantile_ranks(10, 0.5, alpha=2.0**-9), quantile_ranks(9, 0.5, alpha=2.0**-9)
    ((1, 10), (0, 10))
    """
    alpha = check_level("alpha", alpha)
    p = check_probability("probability", probability)
    n = check_count("observations", observations)
    return n + 1 - rejection_count(n, 1.0 - p, alpha / 2), rejection_count(n, p, alpha / 2)


def quantile_interval(values: ArrayLike, probability: float, *, alpha: float) -> Interval:
    r"""Interval of a quantile by order statistics, exact for every law.

    The interval is :math:`[X_{(l)}, X_{(u)}]` with the ranks of :func:`quantile_ranks`. It covers every p-quantile q,
    that is :math:`F(q-) \le p \le F(q)`: the number of values up to q is binomial with success probability at least p,
    and the number below q with at most p. Equality holds for continuous laws; ties only make it wider.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one law.
    probability : float
        The p of the p-quantile.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        About the empirical quantile :math:`X_{(\lceil np \rceil)}`. An end is infinite when the sample is too small for
        its side.

    References
    ----------
    W. R. Thompson, Annals of Mathematical Statistics 7 (1936) 122-128.
    H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1.

    Examples
    --------
    >>> interval = quantile_interval(range(1, 11), 0.5, alpha=2.0**-9)
    >>> interval.estimate, interval.lower, interval.upper
    (5.0, 1.0, 10.0)
    """
    alpha = check_level("alpha", alpha)
    p = check_probability("probability", probability)
    sample = check_sample("values", values)
    n = sample.size
    low, high = quantile_ranks(n, p, alpha=alpha)
    middle = min(max(math.ceil(n * p), 1), n)
    if middle > 1 and (middle - 1) / n >= p:  # n * p was rounded up across an integer
        middle -= 1
    ranks = sorted({rank for rank in (low, middle, high) if 1 <= rank <= n})
    ordered = np.partition(sample, [rank - 1 for rank in ranks])
    return Interval(
        float(ordered[middle - 1]),
        float(ordered[low - 1]) if low >= 1 else -math.inf,
        float(ordered[high - 1]) if high <= n else math.inf,
        alpha,
        "order statistics",
    )


def quantile_spread_interval(
    values: ArrayLike, lower_probability: float, upper_probability: float, *, alpha: float
) -> Interval:
    r"""Interval of the distance between two quantiles, a robust measure of scale.

    With intervals :math:`[L_1, U_1]` and :math:`[L_2, U_2]` of the lower and the upper quantile, each at level
    :math:`\alpha/2` (Bonferroni), the distance lies in :math:`[\max(0, L_2 - U_1), U_2 - L_1]`. Valid for every law.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one law.
    lower_probability, upper_probability : float
        The two quantiles.
    alpha : float
        Error probability.

    Returns
    -------
    Interval

    Raises
    ------
    SpecificationError
        Unless the lower probability is below the upper one.

    Examples
    --------
    >>> interval = quantile_spread_interval(range(1, 101), 0.25, 0.75, alpha=0.01)
    >>> interval.estimate, interval.lower < 50.0 < interval.upper
    (50.0, True)
    """
    alpha = check_level("alpha", alpha)
    p_low = check_probability("lower_probability", lower_probability)
    p_high = check_probability("upper_probability", upper_probability)
    if not p_low < p_high:
        raise SpecificationError(f"lower_probability must be below upper_probability, got {p_low!r} and {p_high!r}")
    sample = check_sample("values", values)
    below = quantile_interval(sample, p_low, alpha=alpha / 2)
    above = quantile_interval(sample, p_high, alpha=alpha / 2)
    return Interval(
        above.estimate - below.estimate,
        max(0.0, above.lower - below.upper),
        above.upper - below.lower,
        alpha,
        "order statistics, Bonferroni",
    )


def mean_interval(values: ArrayLike, *, variance_bound: float, alpha: float) -> Interval:
    r"""Catoni's interval of a mean, for independent values or martingale differences with a proved variance bound.

    With :math:`\psi(z) = \mathrm{sgn}(z) \ln(1 + |z| + z^2/2)` and :math:`r(m) = \sum_i \psi(\lambda(x_i - m))`,
    the inequality :math:`\psi(z) \le \ln(1 + z + z^2/2)` gives :math:`E e^{r(m)} \le (1 + \lambda^2 v/2)^n` at the true
    mean m, and the same for -r. By Markov's inequality each of

    .. math:: \pm r(m) \ge n \ln(1 + \lambda^2 v / 2) + \ln(2/\alpha)

    has probability at most :math:`\alpha/2`. The interval is the set of all m that neither rejects; since r decreases
    in m, its ends are two roots. Any fixed :math:`\lambda` is valid; here :math:`\lambda = \sqrt{2 \ln(2/\alpha)/(n
    v)}`. Independence is not needed: it is enough that given the past each value has mean m and variance at most v.
    Then :math:`E[e^{\psi(\lambda(x_i - m))} \mid \text{past}] \le 1 + \lambda^2 v/2` for every i, and the bound on the
    product follows by conditioning on the past of the last value, then of the one before, and so on.

    Parameters
    ----------
    values : array_like, shape (n,)
        Values with a common mean.
    variance_bound : float
        Proven bound v on the variance; an estimated variance does not qualify. Nothing else is assumed about the tails.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        About Catoni's estimate, the root of r; the whole line up to :math:`n = 2 \ln(2/\alpha)`.

    References
    ----------
    O. Catoni, Annales de l'Institut Henri Poincare 48 (2012) 1148-1185.

    Examples
    --------
    >>> interval = mean_interval([-1.0, 1.0] * 5000, variance_bound=1.0, alpha=2.0 * math.exp(-8.0))
    >>> round(interval.upper, 2), round(math.sqrt(2 * 8.0 / 10_000), 2)
    (0.04, 0.04)
    """
    alpha = check_level("alpha", alpha)
    v = check_positive("variance_bound", variance_bound)
    sample = check_sample("values", values)
    n = sample.size
    log_level = math.log(2.0 / alpha)
    # The square roots are taken apart so that no product overflows.
    tilt = math.sqrt(2.0 * log_level / n) / math.sqrt(v)
    # Halves: a median adds the two values in the middle.
    estimate = _influence_root(sample, tilt, 0.0, 2.0 * float(np.median(0.5 * sample)), v)
    if n <= 2.0 * log_level:
        return Interval(estimate, -math.inf, math.inf, alpha, "Catoni")
    threshold = n * math.log1p(log_level / n) + log_level
    lower = _influence_root(sample, tilt, threshold, estimate, v)
    upper = _influence_root(sample, tilt, -threshold, estimate, v)
    # On a degenerate scale (a spread below the spacing of floats at the mean) roots may cross by one rounding.
    return Interval(estimate, min(lower, estimate), max(upper, estimate), alpha, "Catoni")


def _influence_root(sample: FloatArray, tilt: float, level: float, start: float, variance_bound: float) -> float:
    """Return the m with sum psi(tilt (x - m)) = level, searched from `start`."""
    from scipy.optimize import brentq

    n = sample.size

    def excess(m: float) -> float:
        return influence(sample, m, tilt) - level

    # The slope of r lies between -n tilt and 0, so excess / (n tilt) never passes the root: a step slightly longer
    # usually does, and together they bracket it. All values between these bounds decide the sign in any case,
    # because |level| < n psi(1).
    leftmost, rightmost = float(sample.min()) - 1.0 / tilt, float(sample.max()) + 1.0 / tilt
    # A billionth of the bound on the standard error does not change a verdict.
    tolerance = 1e-9 * math.sqrt(variance_bound / n)
    near, gap = start, excess(start)
    if gap == 0.0:
        return near
    direction = 1.0 if gap > 0.0 else -1.0
    step = 1.01 * abs(gap) / (n * tilt) + tolerance
    while True:
        far = min(max(near + direction * step, leftmost), rightmost)
        if far == near:
            return near
        far_gap = excess(far)
        if far_gap * direction <= 0.0:
            break
        near, gap, step = far, far_gap, 2.0 * step
    known = {near: gap, far: far_gap}
    # rtol is the smallest that SciPy accepts: four roundings.
    rounding = 4 * np.finfo(np.float64).eps
    return float(brentq(lambda m: known[m] if m in known else excess(m), near, far, xtol=tolerance, rtol=rounding))


def influence(sample: FloatArray, m: float, tilt: float) -> float:
    """Return the sum of Catoni's psi(tilt (x - m)), which decreases in m, without overflow.

    Parameters
    ----------
    sample : float64 array, shape (n,)
        Values x.
    m, tilt : float
        Candidate of the mean; scale, in the inverse unit of the values.

    Returns
    -------
    float

    Examples
    --------
    >>> influence(np.array([1.0]), 0.0, 2.0) == math.log(1.0 + 2.0 + 2.0), influence(np.array([-3.0, 5.0]), 1.0, 1.0)
    (True, 0.0)
    """
    with np.errstate(over="ignore"):
        z = sample - m
        z *= tilt
    # Truncation keeps the square finite. It moves psi towards 0, where |psi| is already 690, so the inequality
    # psi(z) <= log(1 + z + z^2/2) still holds.
    np.minimum(z, 1e150, out=z)
    np.maximum(z, -1e150, out=z)
    size = np.abs(z)
    growth = 0.5 * size
    growth += 1.0
    growth *= size
    np.log1p(growth, out=growth)
    return float(np.copysign(growth, z, out=growth).sum())


def kolmogorov_interval(values: ArrayLike, cdf: Callable[[FloatArray], ArrayLike], *, alpha: float) -> Interval:
    r"""Interval of the Kolmogorov distance between the law of the sample and a predicted law.

    With :math:`D_n = \sup_x |F_n(x) - F_0(x)|` the distance :math:`\sup_x |F(x) - F_0(x)|` lies in
    :math:`[\max(0, D_n - \varepsilon), \min(1, D_n + \varepsilon)]` whenever :math:`\sup_x |F_n - F| \le \varepsilon`.
    Here :math:`\varepsilon` is the exact upper quantile of that supremum for a continuous F. For any other F the
    supremum is smaller in law, so the interval stays valid. Jumps of either law are seen: :math:`F_0(x-)` is `cdf` just
    below each distinct value.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one law.
    cdf : callable
        The predicted distribution function, applied to the distinct values and just below them.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        About :math:`D_n`.

    References
    ----------
    P. Massart, Annals of Probability 18 (1990) 1269-1283, for the bound on the radius.
    G. Marsaglia, W. W. Tsang and J. Wang, Journal of Statistical Software 8 (2003) 18; R. Simard and P. L'Ecuyer,
    Journal of Statistical Software 39 (2011) 11, for its exact value.

    Examples
    --------
    >>> interval = kolmogorov_interval([0.5], lambda x: x, alpha=0.1)
    >>> interval.estimate, interval.lower, interval.upper
    (0.5, 0.0, 1.0)
    """
    alpha = check_level("alpha", alpha)
    distance, n = kolmogorov_statistic(values, cdf)
    radius = kolmogorov_radius(n, alpha)
    return Interval(distance, max(0.0, distance - radius), min(1.0, distance + radius), alpha, "Kolmogorov")
