"""The law of the Kolmogorov statistic: tail probabilities and radii at every sample size and level.

Notation. D_n = sup |F_n - F| for n values with the distribution function F, D_n+ = sup (F_n - F). Both have one law for
all continuous F, and are stochastically smaller for F with atoms: F_n - F takes the values of the uniform empirical
process at the range of F alone. F_n is constant between distinct values x and F increases, so that the supremum is at
some F_n(x) - F(x) or F_n(x-) - F(x-). Smirnov's formula gives the tail of D_n+ exactly,

    P(D_n+ > d) = (1 - d)^n + d sum_{j=1}^{floor(n (1 - d))} C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j),

and P(D_n > d) <= 2 P(D_n+ > d), a union bound that exceeds the exact tail by less than 1e-5 of its value where it is at
most 0.02: the first neglected terms are of relative order (P/2)^3, as the four-fold reflection shows.

Where SciPy is trustworthy. Below 0.02 ``scipy.stats.kstwo.sf`` is this union bound too, but its ``isf`` inverts the
distribution function instead of the tail (at n = 145 the radius for 1e-12 has level 1.2e-12, at some levels it fails),
and ``scipy.special.smirnov`` takes a second for n = 10^6. Above 0.02 ``kstwo.sf`` is exact to rounding up to n = 140
and good to 4e-5 of the tail beyond.

References
----------
N. V. Smirnov, Annals of Mathematical Statistics 19 (1948) 279-281. P. Massart, Annals of Probability 18 (1990)
1269-1283. R. Simard and P. L'Ecuyer, Journal of Statistical Software 39 (2011) 11.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.laws import left_limits
from theory_check.inference.validation import check_sample

#: Most by which a distribution function may decrease: tables of exact laws aim at errors of 1e-5, on either side.
_DECREASE = 2e-5

#: Below a value that repeats, an atom, F is taken at this part of the way to the value before: a function that tells
#: values of a lattice by a tolerance jumps a little below them. F at any place of the way makes no distance too large.
#: There is an atom if this part of what F grows by on the whole way is on the last of it.
_INTO_GAP, _JUMPING = 1e-6, 1e-3

#: The union bound is used up to here.
_SMALL = 0.02

#: Bound on the relative error of SciPy's series above `_SMALL`; radii for a level reduced by it are never too small.
_SERIES_ERROR = 1e-4

#: Up to here tails are summed, at a cost proportional to n (0.1 s); beyond, Massart's bound 2 exp(-2 n d^2), which
#: exceeds the exact tail by a relative 2 d / 3 (0.2% at the levels in question) is taken.
_LARGEST_SUM = 10**6

#: Up to here plans use the exact radius; beyond, Massart's, at most 0.3% larger at the levels in question.
_LARGEST_PLANNED = 2000


def kolmogorov_statistic(values: ArrayLike, cdf: Callable[[FloatArray], ArrayLike]) -> tuple[float, int]:
    r"""Return :math:`D_n = \sup_x |F_n(x) - F_0(x)|` and n."""
    sample = check_sample("values", values)
    distinct, counts = np.unique(sample, return_counts=True)
    predicted = predicted_probabilities(distinct, cdf)
    n = sample.size
    steps = np.concatenate([[0], np.cumsum(counts)]) / n
    below = steps[:-1]
    # Where F(x) exceeds F_n(x), F exceeds it by as much just below the next value; where F_n(x-) exceeds F(x-), F_n
    # exceeded F by as much at the value before.
    distance = float((steps[1:] - predicted).max())
    if distinct.size < n:
        before = left_limits(cdf, distinct, predicted)
        wide = left_limits(cdf, distinct, predicted, _INTO_GAP * _gaps(distinct))
        jumps = predicted - wide > _JUMPING * np.diff(predicted, prepend=0.0)
        before = np.where(jumps & (counts > 1), np.minimum(wide, before), before)
        return max(distance, float((before - below).max())), n
    # F(x-) is at most F(x), and not asked for where even that is no farther away; but the step to the left of 0 depends
    # on the other values.
    asked = predicted - below > distance if distinct.all() else np.full(n, fill_value=True)
    if asked.any():
        before = left_limits(cdf, distinct[asked], predicted[asked])
        distance = max(distance, float((before - below[asked]).max()))
    return distance, n


def _gaps(distinct: FloatArray) -> FloatArray:
    """Return how far each value is from the one before; the first from the one after, and one alone from 0."""
    if distinct.size == 1:
        return np.abs(distinct)
    # Halves, so that no difference leaves double precision.
    gaps = 2.0 * np.minimum(np.diff(distinct / 2.0), sys.float_info.max / 2.0)
    return np.concatenate([gaps[:1], gaps])


def predicted_probabilities(values: ArrayLike, cdf: Callable[[FloatArray], ArrayLike]) -> FloatArray:
    """Return the predicted distribution function at the sorted values, checked."""
    sample = np.sort(check_sample("values", values))
    if not callable(cdf):
        raise SpecificationError(f"cdf is {cdf!r}; it must be a function")
    found = np.asarray(cdf(sample))
    if found.dtype.kind not in "fbiu":
        raise SpecificationError(f"cdf must return probabilities, got {type(found.flat[0] if found.size else found)!r}")
    predicted = found.astype(np.float64)
    if predicted.shape != sample.shape:
        raise SpecificationError(
            f"cdf must return one probability per value, got shape {predicted.shape} for {sample.size} values"
        )
    if not np.all((predicted >= 0.0) & (predicted <= 1.0)):
        raise SpecificationError("cdf must return probabilities between 0 and 1, got a value outside or NaN")
    # Distribution functions that are computed may err.
    if np.any(np.diff(predicted) < -_DECREASE):
        raise SpecificationError("cdf must not decrease, but it does between two of the values")
    return predicted


def _stirling_error(counts: FloatArray) -> FloatArray:
    """Return log k! - [(k + 1/2) log k - k + log(2 pi)/2] for k >= 1, to rounding."""
    from scipy.special import gammaln

    small = np.minimum(counts, 20.0)
    exact = gammaln(small + 1.0) - ((small + 0.5) * np.log(small) - small + 0.5 * math.log(2.0 * math.pi))
    square = 1.0 / (counts * counts)
    series = (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / counts
    return np.where(counts <= 20.0, exact, series)


def _log_one_sided_tail(observations: int, distance: float) -> float:
    """Return log P(D_n+ > distance) by Smirnov's formula, for 0 < distance < 1.

    The binomial coefficients are taken together with the powers, log C(n, j) + j log(j/n) + (n-j) log(1-j/n) being a
    Stirling expression without cancellation; what remains are logarithms of 1 +- nd/j. Relative accuracy of the tail:
    1e-15 times n d, below 1e-11 at the sizes and levels in question.
    """
    n, d = observations, distance
    first = n * math.log1p(-d)
    j = np.arange(1.0, min(math.ceil(n * (1.0 - d)), n - 1) + 1.0)
    j = j[n * d < n - j]
    if j.size == 0:
        return first
    rest = n - j
    terms = 0.5 * np.log(n / (2.0 * math.pi * j * rest)) - _stirling_error(j) - _stirling_error(rest)
    terms += float(_stirling_error(np.array([float(n)]))[0])
    terms += j * np.log1p(n * d / j) + rest * np.log1p(-n * d / rest) - np.log(d + j / n) + math.log(d)
    top = max(first, float(terms.max()))
    return top + math.log(math.exp(first - top) + float(np.exp(terms - top).sum()))


def _summed_tail(observations: int, distance: float) -> float:
    """Return the bound on P(D_n > distance) for a sample size that is summed."""
    union = 2.0 * math.exp(_log_one_sided_tail(observations, distance))
    if union <= _SMALL:
        return union
    from scipy.stats import kstwo

    return max(_SMALL, float(kstwo.sf(distance, observations)) / (1.0 - _SERIES_ERROR))


def kolmogorov_tail(observations: int, distance: float) -> float:
    r"""Return P(D_n > distance) for a continuous law, a bound for others: a p-value, dual to :func:`kolmogorov_radius`.

    Up to :math:`n = 10^6` it is exact in the sense of the head of this module: at most :math:`10^{-5}` (below 0.02) or
    :math:`10^{-4}` (above) of its value too large, never too small. Beyond, it is Massart's bound, at most 0.2% too
    large at levels above :math:`10^{-10}`.
    """
    n, d = observations, distance
    if d <= 0.5 / n:  # the statistic is never smaller
        return 1.0
    if d >= 1.0:
        return 0.0
    massart = 2.0 * math.exp(-2.0 * n * d * d)
    # The tail of fewer values is larger, so that the smaller of the two bounds is valid.
    return min(1.0, massart, _summed_tail(min(n, _LARGEST_SUM), d))


def _massart_radius(observations: int, level: float) -> float:
    return math.sqrt(math.log(2.0 / level) / (2.0 * observations))


@lru_cache(maxsize=1024)  # inverting takes milliseconds, and all samples beyond the limit share one radius
def _exact_radius(observations: int, level: float) -> float:
    """Solve 2 P(D_n+ > d) = level; Massart's radius is above the root and, for large n, 1/6n away from it."""
    from scipy.optimize import brentq

    n, wanted = observations, math.log(level / 2.0)

    def excess(distance: float) -> float:
        return _log_one_sided_tail(n, distance) - wanted

    upper = min(_massart_radius(n, level), 1.0 - 2.0**-53)
    if excess(upper) > 0.0:  # even a distance of 1, up to rounding, is not as rare as that
        return 1.0
    lower = max(upper - 0.5 / n, 0.25 / n)
    if excess(lower) <= 0.0:
        lower = 0.25 / n
    # The accuracy of the tail's logarithm, 1e-11, over its slope 4 n d > 1/d is a relative 1e-11 of the root.
    return min(1.0, float(brentq(excess, lower, upper, xtol=1e-15, rtol=1e-13)) * (1.0 + 1e-11))


@lru_cache(maxsize=1024)
def _summed_radius(observations: int, level: float) -> float:
    """Return the inverse of :func:`_summed_tail`."""
    small = _exact_radius(observations, min(level, _SMALL))
    if level <= _SMALL:
        return small
    from scipy.stats import kstwo

    return min(small, float(kstwo.isf(level * (1.0 - _SERIES_ERROR), observations)))


def kolmogorov_radius(observations: int, level: float) -> float:
    r"""Return a number that the Kolmogorov statistic of n values exceeds with probability at most `level`.

    The quantile of the exact law for continuous F, the inverse of :func:`kolmogorov_tail`. It is never more than the
    Dvoretzky-Kiefer-Wolfowitz radius :math:`\sqrt{\ln(2/\alpha)/(2n)}` with Massart's constant, and decreases in n and
    `level`.
    """
    return min(_massart_radius(observations, level), _summed_radius(min(observations, _LARGEST_SUM), level))


def planning_radius(observations: int, level: float) -> float:
    """Return a bound on :func:`kolmogorov_radius` that costs little at any size, for searches over sample sizes."""
    # The radius of fewer values is valid too, which keeps it decreasing across the limit.
    return min(_massart_radius(observations, level), _summed_radius(min(observations, _LARGEST_PLANNED), level))
