r"""Tests of "the values are independent with this law", for a law that is known exactly.

Notation. u_(1) <= ... <= u_(n) are the sorted values of the predicted distribution function :math:`F_0`; under the
statement they are ordered uniforms, and each statistic has one law for all :math:`F_0`.

    Kolmogorov         D   = sup |F_n - F_0|                                 exact at every n and level
    Cramer-von Mises   W^2 = n int (F_n - F_0)^2 dF_0                        limit law
    Anderson-Darling   A^2 = n int (F_n - F_0)^2 / (F_0 (1 - F_0)) dF_0      limit law

Verdicts rest on the Kolmogorov test. The other two are second looks, more powerful against shifts (W^2) and in the
tails (A^2).

Limit laws. Both are weighted sums of squares of independent standard normal variables, with weights 1/a_j, a_j = (pi
j)^2 and a_j = j (j + 1). By Smirnov's formula, with D(u) = prod (1 - u/a_j) = sin(sqrt u)/sqrt u and = -cos(pi sqrt(1 +
4u)/2)/(pi u),

    P(sum Z_j^2 / a_j > x) = (1/pi) sum_{k >= 1} (-1)^(k+1) int_{a_(2k-1)}^{a_(2k)} exp(-x u/2) / (u sqrt|D(u)|) du.

The terms alternate and decrease, so that the first one left out bounds what is left out. Their integrands have
inverse square roots at both ends: 64 Chebyshev nodes in sqrt(u) (in sqrt(u + 1/4)) integrate them to rounding, the
nearest other singularity being as far from an end as the ends are from each other. Relative accuracy of the upper tail:
1e-12, down to 1e-100.

Accuracy of the limit laws at finite n, measured on 4 10^6 samples for n <= 10, fewer beyond. The true level of the A^2
test exceeds the nominal one: at 0.05, 0.01 and 0.001 by 5%, 10% and 17% for n = 5, by 2.5%, 4% and 5% for n = 10, and
by less than 2%, 2% and 6% for n >= 20, the accuracy of the measurement; at n = 2 by 12% to 46%. That of the W^2 test is
smaller: at the same levels by 9%, 34% and 83% for n = 5, 5%, 16% and 43% for n = 10, 3%, 8% and 22% for n = 20, 0%, 3%
and 8% for n = 50. W^2 is at most n/3, so that it never rejects at tiny levels and small n.

Discrete laws. Pearson's statistic sum (O_j - E_j)^2 / E_j of the counts O_j of m cells with expectations E_j = n p_j
has mean m - 1 exactly and the limit law chi2_{m-1}. Neighbouring cells are joined until each expects LEAST_EXPECTED
values: the joining looks at the law alone, which keeps the limit law. Two cells have the exact law of their binomial
count instead. Measured on 10^6 samples, the level with more cells exceeds the nominal one at 0.05, 0.01 and 0.001 by
at most 0%, 6% and 25% (Poisson, uniform and geometric laws, n = 50 to 300, 3 to 10 cells).

References
----------
T. W. Anderson and D. A. Darling, Annals of Mathematical Statistics 23 (1952) 193-212; Journal of the American
Statistical Association 49 (1954) 765-769. N. V. Smirnov, Matematicheskii Sbornik 2 (1937) 973-993. J. Imhof,
Biometrika 48 (1961) 419-426. G. Marsaglia and J. Marsaglia, Journal of Statistical Software 9 (2004) 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.kolmogorov import kolmogorov_statistic, kolmogorov_tail, predicted_probabilities
from theory_check.inference.significance import Test
from theory_check.inference.validation import check_sample

_ORDER = 64
_NODES = np.cos((np.arange(_ORDER) + 0.5) * math.pi / _ORDER)
_HALF_CIRCLE = np.sqrt(1.0 - _NODES**2) * math.pi / _ORDER

#: Values that a cell of Pearson's test expects at least.
LEAST_EXPECTED = 10.0

#: Probabilities add up to 1 within this.
_ROUNDING = 1e-9

#: Statistics below are certain to be exceeded: P(W^2 < 0.002) < exp(-1/(8 * 0.002)) / 1e-3 and P(A^2 < 0.03) <
#: exp(-pi^2 / (8 * 0.03)) / 1e-3 are below 1e-14.
_LEAST_CRAMER_VON_MISES = 0.002
_LEAST_ANDERSON_DARLING = 0.03


def kolmogorov_test(values: ArrayLike, cdf: Callable[[FloatArray], ArrayLike]) -> Test:
    """Exact Kolmogorov test, dual to the interval of the distance.

    The p-value is at most alpha exactly if ``kolmogorov_interval(values, cdf, alpha=alpha)`` does not contain 0. See
    :mod:`theory_check.inference.kolmogorov` for its accuracy: never too small, and less than 1e-4 of its value too
    large up to a million values. For a law with atoms, which `cdf` tells just below each value, the true level is
    smaller: the test is conservative, and :func:`chi_square_test` a second look.
    """
    distance, n = kolmogorov_statistic(values, cdf)
    return Test(distance, kolmogorov_tail(n, distance), "Kolmogorov, exact", n)


def cramer_von_mises_test(values: ArrayLike, cdf: Callable[[FloatArray], ArrayLike]) -> Test:
    r"""Cramer-von Mises test with the limit law of its statistic.

    .. math:: W^2 = \frac1{12n} + \sum_{i=1}^n \Bigl(u_{(i)} - \frac{2i-1}{2n}\Bigr)^2.

    Asymptotic, conservative in the upper tail at finite n: see the head of the module. Ties are an error, since the law
    is that for continuous laws only.
    """
    u = _without_ties(values, cdf)
    n = u.size
    middle = (np.arange(1, n + 1) - 0.5) / n
    statistic = 1.0 / (12.0 * n) + float(np.sum((u - middle) ** 2))
    return Test(statistic, cramer_von_mises_tail(statistic), "Cramer-von Mises, limit law", n)


def anderson_darling_test(values: ArrayLike, cdf: Callable[[FloatArray], ArrayLike]) -> Test:
    r"""Anderson-Darling test of a fully specified law, with the limit law of its statistic.

    .. math:: A^2 = -n - \frac1n \sum_{i=1}^n (2i - 1) \bigl[\ln u_{(i)} + \ln(1 - u_{(n+1-i)})\bigr].

    Asymptotic: see the head of the module for its error, a few per cent of the level from n = 10 on at levels of 1e-3
    and more. At smaller levels and n the true level may be a multiple of the nominal one (2.5 times at n = 1 and 1e-5):
    a second look, not a gate. Ties are an error.
    A value that the law excludes (u = 0 or 1) makes the statistic infinite and the p-value 0.
    """
    u = _without_ties(values, cdf)
    n = u.size
    if u[0] <= 0.0 or u[-1] >= 1.0:
        return Test(math.inf, 0.0, "Anderson-Darling, limit law", n)
    odd = 2.0 * np.arange(1, n + 1) - 1.0
    statistic = -n - float(np.dot(odd, np.log(u) + np.log1p(-u[::-1]))) / n
    return Test(statistic, anderson_darling_tail(statistic), "Anderson-Darling, limit law", n)


def chi_square_test(values: ArrayLike, support: ArrayLike, probabilities: ArrayLike) -> Test:
    """Pearson's chi-square test of a law on countably many points, with the limit law of its statistic.

    Asymptotic: see the head of the module for its error; a second look, as the tests above. A value outside of
    the support makes the statistic infinite and the p-value 0 if the probabilities add up to 1; otherwise the points
    that are not named form one cell.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one law.
    support : array_like, shape (k,)
        Different points, increasing.
    probabilities : array_like, shape (k,)
        What the law gives to each; they add up to at most 1.

    Returns
    -------
    Test

    Raises
    ------
    SpecificationError
        If the points do not increase, the probabilities are none, or there are too few values for two cells.

    Examples
    --------
    A die that shows 60 ones in 300 throws:

    >>> found = chi_square_test([1] * 60 + [2, 3, 4, 5, 6] * 48, [1, 2, 3, 4, 5, 6], [1 / 6] * 6)
    >>> round(found.statistic, 12), round(found.p_value, 3)
    (2.4, 0.791)
    """
    sample = check_sample("values", values)
    points, masses = check_sample("support", support), check_sample("probabilities", probabilities)
    if points.shape != masses.shape or np.any(points[1:] <= points[:-1]):
        raise SpecificationError("support must increase, with one probability for each point")
    with np.errstate(over="ignore"):
        total = float(masses.sum())
    if np.any(masses < 0.0) or total > 1.0 + _ROUNDING:
        raise SpecificationError(f"probabilities must be positive and add up to at most 1, not to {total!r}")
    place = np.minimum(np.searchsorted(points, sample), points.size - 1)
    named = points[place] == sample
    observed = np.bincount(place[named], minlength=points.size).astype(np.float64)
    expected = sample.size * masses
    elsewhere = sample.size * max(0.0, 1.0 - total) if total < 1.0 - _ROUNDING else 0.0
    outside = float(np.count_nonzero(~named))
    if np.any(observed[masses == 0.0]) or (outside and not elsewhere):
        return Test(math.inf, 0.0, "chi-square, limit law", sample.size)
    found, predicted = _joined(np.append(observed, outside), np.append(expected, elsewhere))
    if found.size < 2:
        raise SpecificationError(
            f"{sample.size} values are too few: two cells of the law need {LEAST_EXPECTED:g} expected values each"
        )
    from scipy.special import gammaincc
    from scipy.stats import binom

    statistic = float(np.sum((found - predicted) ** 2 / predicted))
    if found.size == 2:
        count = binom(sample.size, predicted[0] / predicted.sum())
        low, high = predicted[0] - abs(found[0] - predicted[0]), predicted[0] + abs(found[0] - predicted[0])
        p_value = float(count.cdf(math.floor(low + _ROUNDING)) + count.sf(math.ceil(high - _ROUNDING) - 1))
        return Test(statistic, min(1.0, p_value), "chi-square, exact", sample.size)
    p_value = float(gammaincc((found.size - 1) / 2.0, statistic / 2.0))
    return Test(statistic, p_value, "chi-square, limit law", sample.size)


def _joined(observed: FloatArray, expected: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Join neighbouring cells until each expects enough; what is left over at the end joins the last."""
    cell = np.zeros(expected.size, dtype=np.intp)
    reached, number = 0.0, 0
    for j, amount in enumerate(expected.tolist()):
        cell[j] = number
        reached += amount
        if reached >= LEAST_EXPECTED:
            reached, number = 0.0, number + 1
    if reached < LEAST_EXPECTED:
        cell[cell == number] = max(number - 1, 0)
    joined = [np.bincount(cell, amounts).astype(np.float64) for amounts in (observed, expected)]
    return joined[0], joined[1]


def _without_ties(values: ArrayLike, cdf: Callable[[FloatArray], ArrayLike]) -> FloatArray:
    u = predicted_probabilities(values, cdf)
    sample = np.sort(np.asarray(values, dtype=np.float64))
    tied = int(np.count_nonzero(np.diff(sample) == 0.0))
    if tied:
        raise SpecificationError(
            f"{tied} of {sample.size} values repeat another one, but the law of this statistic holds for continuous "
            "laws only; kolmogorov_test stays valid with ties"
        )
    return u


def _alternating(terms: FloatArray) -> float:
    signs = np.where(np.arange(terms.size) % 2 == 0, 1.0, -1.0)
    return min(1.0, max(0.0, float(np.dot(signs, terms))))


def _terms(statistic: float, spacing: float) -> FloatArray:
    """Return k = 1, 2, ... as far as exp(-statistic (spacing k)^2 / 2) is above 1e-20 of the first, as a column."""
    count = math.ceil(math.sqrt(92.0 / statistic + spacing**2) / spacing) + 1
    return np.arange(1.0, count + 1.0)[:, None]


def cramer_von_mises_tail(statistic: float) -> float:
    """Return P(sum Z_j^2 / (pi j)^2 > statistic), the limit of P(W^2 > statistic)."""
    if statistic <= _LEAST_CRAMER_VON_MISES:
        return 1.0
    s = math.pi * (2.0 * _terms(statistic, 2.0 * math.pi) - 0.5 + 0.5 * _NODES)
    density = np.exp(-0.5 * statistic * s * s) / np.sqrt(s * np.abs(np.sin(s)))
    return _alternating(density @ _HALF_CIRCLE)


def anderson_darling_tail(statistic: float) -> float:
    """Return P(sum Z_j^2 / (j (j + 1)) > statistic), the limit of P(A^2 > statistic)."""
    if statistic <= _LEAST_ANDERSON_DARLING:
        return 1.0
    v = 2.0 * _terms(statistic, 2.0) + 0.5 * _NODES
    u = v * v - 0.25
    density = v * np.exp(-0.5 * statistic * u) / np.sqrt(math.pi * u * np.abs(np.cos(math.pi * v)))
    return _alternating(density @ _HALF_CIRCLE)
