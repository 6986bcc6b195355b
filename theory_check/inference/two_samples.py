r"""Comparison of two samplers: whether they have one law, and how far apart their laws are.

Notation. F_n and G_m are the empirical distribution functions of two independent samples of sizes n and m, with laws F
and G; D = sup |F_n - G_m|.

Test of F = G. For continuous laws D has one law for all F; for laws with atoms D, taken at the distinct values, is
smaller, so that the test stays valid. For n = m, by reflection (Gnedenko and Korolyuk),

    P(D >= h/n) = 2 sum_{k >= 1} (-1)^(k-1) C(2n, n - k h) / C(2n, n),

whose terms alternate and decrease.

Interval of the distance. |sup |F - G| - D| is at most sup |F_n - F| + sup |G_m - G|, and each supremum exceeds its
exact quantile at level alpha/2 with probability at most alpha/2. The interval excludes 0 at larger distances than the
test does, by a factor of about sqrt 2: it is what supports a statement, the test is what refutes it first. The tempting
misuse of the one-sample test with G_m in the place of the law forgets the second band.

References
----------
B. V. Gnedenko and V. S. Korolyuk, Doklady Akademii Nauk SSSR 80 (1951) 525-528. P. Massart, Annals of Probability 18
(1990) 1269-1283. For other pairs of sizes: J. L. Hodges, Arkiv foer Matematik 3 (1958) 469-486, as SciPy has it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.inference.intervals import Interval
from theory_check.inference.kolmogorov import kolmogorov_radius
from theory_check.inference.significance import Test
from theory_check.inference.validation import check_level, check_sample

#: Terms of the alternating sum below this share of the first do not change it.
_NEGLIGIBLE = 1e-17


def smirnov_test(first: ArrayLike, second: ArrayLike) -> Test:
    """Exact test that two independent samples have one law.

    Parameters
    ----------
    first, second : array_like, shapes (n,) and (m,)
        Independent values; those of a sample have one law.

    Returns
    -------
    Test
        Of level alpha for every law; conservative where values tie.

    Examples
    --------
    >>> test = smirnov_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    >>> test.statistic, round(test.p_value, 12), 2 / math.comb(6, 3)
    (1.0, 0.1, 0.1)
    """
    x, y = check_sample("first", first), check_sample("second", second)
    steps, n, m = _steps(x, y), x.size, y.size
    if n == m:
        p_value = _equal_tail(n, steps // n)
    else:
        from scipy.stats import ks_2samp

        p_value = float(ks_2samp(x, y, method="exact").pvalue)
    return Test(steps / (n * m), p_value, "Smirnov, exact", n + m)


def law_distance_interval(first: ArrayLike, second: ArrayLike, *, alpha: float) -> Interval:
    r"""Interval of the Kolmogorov distance of the laws of two independent samples, by two bands.

    Parameters
    ----------
    first, second : array_like, shapes (n,) and (m,)
        Independent values; those of a sample have one law, which may have atoms.
    alpha : float
        Error probability.

    Returns
    -------
    Interval
        :math:`D \pm (\varepsilon_n + \varepsilon_m)`, cut off at 0 and 1, with the exact quantiles
        :math:`\varepsilon_n \le \sqrt{\ln(4/\alpha)/(2n)}`.

    Examples
    --------
    >>> interval = law_distance_interval(range(1000), range(1000, 2000), alpha=1e-3)
    >>> interval.estimate, round(interval.lower, 2), round(2 * math.sqrt(math.log(4e3) / 2e3), 2), interval.upper
    (1.0, 0.87, 0.13, 1.0)
    """
    alpha = check_level("alpha", alpha)
    x, y = check_sample("first", first), check_sample("second", second)
    distance = _steps(x, y) / (x.size * y.size)
    radius = kolmogorov_radius(x.size, alpha / 2.0) + kolmogorov_radius(y.size, alpha / 2.0)
    return Interval(distance, max(0.0, distance - radius), min(1.0, distance + radius), alpha, "two Kolmogorov bands")


def _steps(x: FloatArray, y: FloatArray) -> int:
    """Return n m sup |F_n - G_m|, at the distinct values; a whole number."""
    both = np.concatenate([x, y])
    below_x, below_y = (np.searchsorted(np.sort(sample), both, side="right") for sample in (x, y))
    return int(np.max(np.abs(below_x * y.size - below_y * x.size)))


def _equal_tail(n: int, h: int) -> float:
    """Return P(D >= h/n) for two samples of n values from a continuous law."""
    if h == 0:
        return 1.0
    from scipy.special import gammaln

    steps = np.arange(1, n // h + 1, dtype=np.float64) * h
    logs = 2.0 * gammaln(n + 1.0) - gammaln(n - steps + 1.0) - gammaln(n + steps + 1.0)
    terms = np.exp(logs[logs >= logs[0] + math.log(_NEGLIGIBLE)])
    signs = np.where(np.arange(terms.size) % 2 == 0, 2.0, -2.0)
    return min(1.0, max(0.0, float(np.dot(signs, terms))))
