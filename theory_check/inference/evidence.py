r"""Evidence against a null hypothesis as e-values: numbers of mean at most 1 under the null, kept as logarithms.

Notation. An e-value e is a non-negative statistic with :math:`E\,e \le 1` for every law of the null, so that :math:`P(e
\ge 1/\alpha) \le \alpha` (Markov). The average of e-values is an e-value under any dependence. Their product is one if
each has mean at most 1 given those before. A running product E therefore has :math:`P(\sup_t E_t \ge 1/\alpha) \le
\alpha` (Ville). Nulls are closed ranges [low, high] of a quantity with infinite ends where one-sided.

Here each e-value is that of one whole sample, for products over nights. Processes that grow from observation to
observation are in :mod:`theory_check.inference.sequential`.

A *gain* g > 0 tunes an e-value: the logarithm of the evidence that the sample is expected to bring against a null that
is wrong by as much as the sample can show. It must not depend on the sample. Every choice is valid.

References
----------
V. Vovk and R. Wang, E-values: calibration, combination and applications, Annals of Statistics 49 (2021) 1736-1754.
J. Ville, Etude critique de la notion de collectif (1939).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory_check.foundation.arguments import check_count, check_number, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import Interval, influence
from theory_check.inference.kolmogorov import kolmogorov_tail
from theory_check.inference.validation import check_range, check_sample, check_successes

Range = tuple[float, float]

#: Evidence is cut at 1e300, and p-values at 1e-300: an e-value made smaller remains one.
LARGEST_LOG = 300.0 * math.log(10.0)

# From p-values to e-values and back


def log_calibrated(log_p: float) -> float:
    r"""Return the logarithm of the e-value of a p-value, both in logarithms.

    .. math:: e(p) = \int_0^1 \kappa p^{\kappa-1}\,d\kappa = \frac{1 - p + p \ln p}{p \ln^2 p}
        = \frac{e^u - 1 - u}{u^2} = \sum_{k \ge 0} \frac{u^k}{(k+2)!},\qquad u = -\ln p.

    Each :math:`\kappa p^{\kappa-1}` has integral 1 over (0, 1) and decreases in p, hence mean at most 1 under a null;
    so has their average. It falls from infinity to 1/2 at p = 1.
    """
    u = -max(check_number("log_p", log_p), -LARGEST_LOG)
    if u < 0.0:
        raise SpecificationError(f"log_p is the logarithm of a p-value and must be at most 0, got {log_p!r}")
    if u < 1.0:
        # Nineteen terms leave u^19 / 21! < 2e-20.
        series = 0.0
        for k in range(18, -1, -1):
            series = series * u + 1.0 / math.factorial(k + 2)
        return math.log(series)
    return u + math.log1p(-(1.0 + u) * math.exp(-u)) - 2.0 * math.log(u)


def tilted_calibration(log_p: ArrayLike, *, gain: float) -> FloatArray:
    r"""Return the logarithms of :math:`\kappa p^{\kappa-1}` with one :math:`\kappa = 1/(1 + \sqrt{2g} + g)`.

    Products of :func:`log_calibrated` decrease under weak evidence, because every factor has the cost of its mixture.
    One kappa has no such cost. It is best where -ln p has mean :math:`1/\kappa`, and for a Gaussian shift z with
    :math:`g = z^2/2` that mean is between 1 + 0.9 z (small shifts) and about g (large ones).
    """
    gain = check_positive("gain", gain)
    u = -np.maximum(np.asarray(log_p, dtype=np.float64), -LARGEST_LOG)
    kappa = 1.0 / (1.0 + math.sqrt(2.0 * gain) + gain)
    return np.asarray(math.log(kappa) + (1.0 - kappa) * u)


def p_value(log_evidence: float) -> float:
    """Return the p-value of an e-value, min(1, 1/e)."""
    return min(1.0, math.exp(-min(max(check_number("log_evidence", log_evidence), 0.0), LARGEST_LOG)))


#: Sixteen levels per factor e; a p-value rounded up to a level stays valid.
_LEVELS_PER_UNIT = 16
#: The lowest level, e^-640 = 1e-278, leaves room for Bonferroni's divisors above the smallest number.
_LOWEST_LEVEL = 640 * _LEVELS_PER_UNIT


def log_p_from_intervals(interval_at: Callable[[float], Interval], nulls: Sequence[Range]) -> FloatArray:
    r"""Return the logarithm of a p-value against each null, from confidence intervals nested in their level.

    p is the smallest level :math:`e^{-j/16}` at which interval and null are disjoint, 1 if there is none. Since the
    intervals shrink as the level grows, :math:`p \le e^{-j/16}` just if the interval at that level is disjoint from the
    null, which has at most that probability. Levels are searched by bisection.
    """

    @cache
    def interval(step: int) -> Interval:
        return interval_at(math.exp(-step / _LEVELS_PER_UNIT))

    def steps(null: Range) -> int:
        below, above = 0, _LOWEST_LEVEL + 1
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (middle, above) if interval(middle).disjoint(*null) else (below, middle)
        return below

    return np.array([-steps(null) / _LEVELS_PER_UNIT for null in nulls])


# Combination


def log_average(log_values: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the logarithm of the weighted mean of e-values: an e-value of the conjunction under any dependence."""
    logs = np.asarray(log_values, dtype=np.float64)
    if logs.ndim != 1 or logs.size == 0 or np.isnan(logs).any():
        raise SpecificationError(f"log_values must be a non-empty list of logarithms of e-values, got {log_values!r}")
    shares = np.full(logs.size, 1.0 / logs.size) if weights is None else check_sample("weights", weights)
    if shares.size != logs.size or (shares < 0.0).any() or abs(shares.sum() - 1.0) > 1e-9:
        raise SpecificationError(
            f"weights must be one non-negative number per e-value and add up to 1, got {weights!r}"
        )
    largest = float(logs.max())
    if math.isinf(largest):
        return largest
    return largest + math.log(float(np.dot(shares, np.exp(logs - largest))))


def _two_sided(below: float | None, above: float | None) -> float:
    """Average the evidence that the quantity is larger and that it is smaller; a side without a null has no share."""
    sides = [side for side in (below, above) if side is not None]
    return log_average(sides) if sides else 0.0


# Probabilities


def log_mixture_ratio(successes: SupportsIndex, trials: SupportsIndex, null: float) -> float:
    r"""Return the log evidence of counts against "p <= p0": the likelihood ratio of uniform p > p0.

    .. math:: e = \frac{1}{1-p_0} \int_{p_0}^1 \Bigl(\frac{p}{p_0}\Bigr)^k \Bigl(\frac{1-p}{1-p_0}\Bigr)^{n-k} dp
        = \int_0^1 \Bigl(1 + s\,\frac{1-p_0}{p_0}\Bigr)^k (1-s)^{n-k}\,ds
        = \frac{B(k+1, n-k+1)\,I_{1-p_0}(n-k+1, k+1)}{p_0^k (1-p_0)^{n-k+1}}.

    The second form decreases in p0, so under a smaller p it is at most the ratio of that p, which has mean 1: valid for
    the composite null. Where the incomplete beta function underflows, its series in 1 - p0 gives :math:`e =
    \frac{p_0}{n-k+1} \sum_j \prod_{i<j} \frac{n+2+i}{n-k+2+i} (1-p_0)^j`.

    Parameters
    ----------
    successes, trials : int
        Counts k of n.
    null : float
        Largest probability p0 of the hypothesis; 1 or more excludes nothing.

    Returns
    -------
    float

    Examples
    --------
    One success in one trial has e = (1 + p0) / (2 p0):

    >>> round(math.exp(log_mixture_ratio(1, 1, 0.25)), 12)
    2.5
    """
    from scipy.special import betaincc, betaln

    k, n = check_successes(successes, trials)
    p = check_number("null", null)
    if p >= 1.0:
        return 0.0
    if p <= 0.0:
        return LARGEST_LOG if k else -math.log1p(n)
    tail = float(betaincc(k + 1.0, n - k + 1.0, p))
    if tail > 1e-250:
        value = float(betaln(k + 1.0, n - k + 1.0)) + math.log(tail)
        return min(value - k * math.log(p) - (n - k + 1.0) * math.log1p(-p), LARGEST_LOG)
    # So far below p0 the first ratio of terms is well below 1, and later ones are smaller.
    first = (1.0 - p) * (n + 2.0) / (n - k + 2.0)
    i = np.arange(math.ceil(40.0 / (1.0 - first)))
    terms = np.cumprod((1.0 - p) * (n + 2.0 + i) / (n - k + 2.0 + i))
    return math.log(p / (n - k + 1.0)) + math.log1p(float(terms.sum()))


def bernoulli_evidence(successes: SupportsIndex, trials: SupportsIndex, null: Range) -> float:
    """Return the log evidence of counts against "p in [low, high]": half of :func:`log_mixture_ratio` on each side.

    Parameters
    ----------
    successes, trials : int
        Counts of independent trials.
    null : tuple of float
        The range of the hypothesis. An end at 0 or 1 is no restriction, and the other side then has the whole weight.

    Returns
    -------
    float

    Examples
    --------
    >>> bernoulli_evidence(9, 10, (0.0, 0.5)) == log_mixture_ratio(9, 10, 0.5)
    True
    """
    low, high = check_range("null", null)
    k, n = check_successes(successes, trials)
    return _two_sided(
        log_mixture_ratio(k, n, high) if high < 1.0 else None,
        log_mixture_ratio(n - k, n, 1.0 - low) if low > 0.0 else None,
    )


def quantile_evidence(values: ArrayLike, probability: float, null: Range) -> float:
    r"""Return the log evidence against "a p-quantile lies in [low, high]", exact for every law.

    A quantile :math:`q \le \text{high}` makes :math:`P(X \le \text{high}) \ge p`, and :math:`q \ge \text{low}` makes
    :math:`P(X < \text{low}) \le p`: two statements on probabilities, see :func:`log_mixture_ratio`.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one law.
    probability : float
        The p of the p-quantile.
    null : tuple of float
        The range of the hypothesis, infinite where it is one-sided.

    Returns
    -------
    float

    Examples
    --------
    >>> quantile_evidence(range(1, 11), 0.5, (-math.inf, 1.0)) == log_mixture_ratio(9, 10, 0.5)
    True
    """
    low, high = check_range("null", null)
    sample = check_sample("values", values)
    n = sample.size
    return _two_sided(
        log_mixture_ratio(int((sample > high).sum()), n, 1.0 - probability) if high < math.inf else None,
        log_mixture_ratio(int((sample < low).sum()), n, probability) if low > -math.inf else None,
    )


def log_tilted_ratio(successes: ArrayLike, trials: int, null: ArrayLike, *, gain: float) -> FloatArray:
    r"""Return the log evidence of counts against "p <= p0": the likelihood ratio of one alternative p1 > p0.

    p1 exceeds p0 by Bernstein's deviation of n trials at evidence g, :math:`\sqrt{2 g p_0 (1-p_0)/n} + g/(3n)`, and by
    half of the room at most. The ratio increases with the count, so its mean is largest at p = p0, where it is 1.

    Parameters
    ----------
    successes : array_like
        Numbers of successes.
    trials : int
        Number n of trials.
    null : array_like
        Largest probabilities p0 of the hypotheses; broadcast with `successes`.
    gain : float
        Evidence g to tune for, see the head of the module.

    Returns
    -------
    float64 array

    Examples
    --------
    At p0 = 1/2 a large gain moves p1 to 3/4, half of the room:

    >>> round(math.exp(float(log_tilted_ratio(2, 2, 0.5, gain=10.0))), 12)
    2.25
    """
    from scipy.special import xlog1py

    gain = check_positive("gain", gain)
    k, p = np.asarray(successes, dtype=np.float64), np.clip(np.asarray(null, dtype=np.float64), 0.0, 1.0)
    step = np.minimum(np.sqrt(2.0 * gain * p * (1.0 - p) / trials) + gain / (3.0 * trials), 0.5 * (1.0 - p))
    # At p0 = 0 the first success is infinite evidence; at p0 = 1 there is no alternative.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = xlog1py(k, step / p) + xlog1py(trials - k, -step / (1.0 - p))
    return np.asarray(np.where(p >= 1.0, 0.0, np.minimum(ratio, LARGEST_LOG)))


# Means and distances


def catoni_evidence(
    values: ArrayLike, means: ArrayLike, *, variance_bound: float, gain: float
) -> tuple[FloatArray, FloatArray]:
    r"""Return the log evidence against "mean <= m" and against "mean >= m" for each m, with a proved variance bound.

    .. math:: e_\pm(m) = (1 + \lambda^2 v/2)^{-n} \prod_i e^{\pm\psi(\lambda (x_i - m))},
        \qquad \lambda = \sqrt{2 g / (n v)},

    with Catoni's :math:`\psi` as in :func:`~theory_check.inference.intervals.mean_interval`. Both have mean at most 1
    at the true mean; :math:`e_+` decreases in m and :math:`e_-` increases, which makes them valid for all m above the
    true mean, and below. At :math:`g = \ln(2/\alpha)` that interval is where neither exceeds :math:`2/\alpha`.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values, or martingale differences about a mean.
    means : array_like, shape (k,)
        Candidates m.
    variance_bound : float
        Proven bound v on the variance.
    gain : float
        Evidence g to tune for.

    Returns
    -------
    below, above : float64 arrays, shape (k,)
        Log evidence against "mean <= m" and against "mean >= m".

    Examples
    --------
    One value at m leaves the fee 1/(1 + g):

    >>> below, above = catoni_evidence([0.0], [0.0], variance_bound=1.0, gain=3.0)
    >>> np.exp(below).round(12).tolist(), np.exp(above).round(12).tolist()
    ([0.25], [0.25])
    """
    sample = check_sample("values", values)
    gain, v = check_positive("gain", gain), check_positive("variance_bound", variance_bound)
    n = sample.size
    tilt = math.sqrt(2.0 * gain / n) / math.sqrt(v)
    sums = np.array([influence(sample, float(m), tilt) for m in np.atleast_1d(np.asarray(means, dtype=np.float64))])
    penalty = n * math.log1p(gain / n)
    return np.minimum(sums - penalty, LARGEST_LOG), np.minimum(-sums - penalty, LARGEST_LOG)


def mean_evidence(values: ArrayLike, *, variance_bound: float, null: Range, alpha: float) -> float:
    """Return the log evidence against "mean in [low, high]": half of :func:`catoni_evidence` on each side.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values, or martingale differences about a mean.
    variance_bound : float
        Proven bound on the variance.
    null : tuple of float
        The range of the hypothesis, infinite where it is one-sided.
    alpha : float
        The gain is ln(2 / alpha), so that the evidence reaches 1 / alpha whenever the Catoni interval at that level is
        disjoint from the null.

    Returns
    -------
    float

    Examples
    --------
    >>> evidence = mean_evidence([1.0] * 100, variance_bound=1.0, null=(0.0, 0.0), alpha=1e-3)
    >>> evidence > math.log(1e3)
    True
    """
    low, high = check_range("null", null)
    gain = math.log(2.0 / alpha)
    below = above = None
    if high < math.inf:
        below = float(catoni_evidence(values, high, variance_bound=variance_bound, gain=gain)[0][0])
    if low > -math.inf:
        above = float(catoni_evidence(values, low, variance_bound=variance_bound, gain=gain)[1][0])
    return _two_sided(below, above)


# Up to here the exact tail costs no more than a millisecond.
_EXACT_TAIL_LIMIT = 2000


def kolmogorov_log_tail(observations: SupportsIndex, distances: ArrayLike) -> FloatArray:
    r"""Return log P(sup abs(F_n - F) >= d) for the empirical law of n values, or an upper bound on it.

    Up to 2000 values it is the exact law's for continuous F, see :mod:`theory_check.inference.kolmogorov`; for more it
    is Massart's :math:`2 e^{-2 n d^2}`, which needs no sum. For any other F the supremum is smaller in law.
    """
    n = check_count("observations", observations)
    d = np.clip(np.asarray(distances, dtype=np.float64), 0.0, 1.0)
    tail: NDArray[np.float64] = math.log(2.0) - 2.0 * n * d * d
    if n <= _EXACT_TAIL_LIMIT:
        exact = np.array([kolmogorov_tail(n, distance) for distance in np.ravel(d).tolist()]).reshape(d.shape)
        with np.errstate(divide="ignore"):
            tail = np.minimum(tail, np.log(exact))
    return np.clip(tail, -LARGEST_LOG, 0.0)
