"""Planning of variances and of tests of Gaussian vectors; all powers are exact or bounded from below."""

from __future__ import annotations

import math
from typing import SupportsIndex

from theory_check.foundation.arguments import check_count, check_positive
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.design.search import (
    LARGEST_SAMPLE,
    LARGEST_WIDTH,
    sample_for,
    smallest_sample,
    smallest_value,
)
from theory_check.inference.validation import check_level, check_power


def _quantiles(degrees: int, level: float) -> tuple[float, float]:
    """Return the chi-square values with probability `level` below, and above."""
    from scipy.special import chdtri, gammaincinv

    return 2.0 * float(gammaincinv(degrees / 2.0, level)), float(chdtri(degrees, level))


def variance_margin(*, degrees: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest relative margin of a variance for a number of degrees of freedom.

    The interval lies within :math:`\sigma^2 (1 \pm m)` with probability 1 - miss for

    .. math:: m = \max(\chi^2_{1-\text{miss}/2} / \chi^2_{\alpha/2} - 1,\; 1 - \chi^2_{\text{miss}/2} /
              \chi^2_{1-\alpha/2}),

    exactly but for the shares of `miss`.

    Parameters
    ----------
    degrees : int
        Degrees of freedom: n for a known mean, n - 1 otherwise, np for n vectors of p coordinates.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    float
        A share of the variance.

    Examples
    --------
    Two degrees of freedom have the quantiles -2 ln(1 - p), at 1/2 on both sides -2 ln(3/4) and -2 ln(1/4):

    >>> round(variance_margin(degrees=2, alpha=0.5, miss=0.5), 6), round(math.log(4) / math.log(4 / 3) - 1, 6)
    (3.818842, 3.818842)
    """
    nu = check_count("degrees", degrees)
    low, high = _quantiles(nu, check_level("alpha", alpha) / 2)
    least, most = _quantiles(nu, check_level("miss", miss) / 2)
    return max(most / low - 1.0 if low > 0.0 else math.inf, 1.0 - least / high)


def variance_sample_size(*, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest number of degrees of freedom whose :func:`variance_margin` is at most `margin`.

    Parameters
    ----------
    margin : float
        Tolerated deviation, as a share of the variance.
    alpha, miss : float
        As for :func:`variance_margin`.

    Returns
    -------
    int

    Examples
    --------
    >>> n = variance_sample_size(margin=0.1, alpha=1e-3, miss=1e-2)
    >>> [variance_margin(degrees=nu, alpha=1e-3, miss=1e-2) <= 0.1 for nu in (n - 1, n)]
    [False, True]
    """
    return sample_for("margin", margin, lambda nu: variance_margin(degrees=nu, alpha=alpha, miss=miss))


def variance_resolution(*, degrees: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the relative deviation from which on a wrong variance, too large or too small, is detected.

    A variance :math:`\rho \sigma^2` is told from :math:`\sigma^2` with probability `power` exactly if :math:`\rho \ge
    \chi^2_{1-\alpha/2} / \chi^2_{1-\text{power}}` or :math:`\rho \le \chi^2_{\alpha/2} / \chi^2_{\text{power}}`.

    Parameters
    ----------
    degrees : int
        Degrees of freedom, as in :func:`variance_margin`.
    alpha, power : float
        Level of the interval; probability with which it excludes the stated variance.

    Returns
    -------
    float
        A share of the variance, above 1 if small samples see only much larger variances; 0 if `power` is at most half
        of `alpha`, the share of the true variance.

    Examples
    --------
    Two degrees of freedom have the quantiles -2 ln(1 - p):

    >>> found = variance_resolution(degrees=2, alpha=0.02, power=0.99)
    >>> round(found, 3), round(math.log(0.01) / math.log(0.99) - 1.0, 3)
    (457.211, 457.211)
    """
    nu = check_count("degrees", degrees)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    low, high = _quantiles(nu, alpha / 2)
    least, most = _quantiles(nu, 1.0 - power)
    return max(high / least - 1.0 if least > 0.0 else math.inf, 1.0 - low / most if most > 0.0 else 0.0, 0.0)


def _noncentrality(width: int, alpha: float, miss: float) -> float:
    from scipy.special import chdtri, chndtrinc

    # A test at this level rejects so often whatever the mean.
    if miss >= 1.0 - alpha:
        return 0.0
    return float(chndtrinc(float(chdtri(width, alpha)), width, miss))


def mean_vector_resolution(
    width: SupportsIndex, *, observations: SupportsIndex, alpha: float, power: float = 0.99
) -> float:
    r"""Return the norm of the mean from which on :func:`~theory_check.inference.gaussian.mean_vector_test` rejects.

    For unit covariance the statistic is noncentral chi-square with :math:`n ||\mu||^2`: the power is exact.

    Parameters
    ----------
    width : int
        Coordinates p of a vector.
    observations : int
        Number n of vectors.
    alpha, power : float
        Level of the test; probability with which it rejects.

    Returns
    -------
    float
        A Euclidean norm, in standard deviations of a coordinate.

    Examples
    --------
    One coordinate is a z-test: 1.96 + 0.84 standard errors are seen with probability 0.8.

    >>> round(mean_vector_resolution(1, observations=100, alpha=0.05, power=0.8), 3)
    0.28
    """
    p, n = (
        check_count("width", width, maximum=LARGEST_WIDTH),
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
    )
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return math.sqrt(_noncentrality(p, alpha, 1.0 - power) / n)


def mean_vector_sample_size(width: SupportsIndex, *, deviation: float, alpha: float, miss: float) -> int:
    """Return the number of vectors with which the test of the mean sees a deviation.

    Parameters
    ----------
    width : int
        Coordinates of a vector.
    deviation : float
        Norm of the mean, in standard deviations of a coordinate.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    int

    Examples
    --------
    One coordinate is a z-test: n = (1.96 + 0.84)^2 / 0.28^2.

    >>> mean_vector_sample_size(1, deviation=0.28, alpha=0.05, miss=0.2)
    101
    """
    p, deviation = check_count("width", width, maximum=LARGEST_WIDTH), check_positive("deviation", deviation)
    needed = math.sqrt(_noncentrality(p, check_level("alpha", alpha), check_level("miss", miss)))
    return smallest_sample(lambda n: math.sqrt(n) * deviation >= needed)


def _correlation_power(correlation: float, width: int, n: int, alpha: float, miss: float) -> float:
    r"""Bound from below the probability that the covariance test rejects a correlation of any two coordinates.

    Let coordinates i > j have correlation rho, all else as stated. Row i of the triangle becomes :math:`T_{ik} = \rho
    T'_{jk} + \sqrt{1-\rho^2} T'_{ik}` (T' that of the true statement, :math:`T'_{jk} = 0` for k > j). Drop the scores
    of rows i and j alone. Given row j, each T_ik is normal of variance 1 - rho^2, so that its square over 1 - rho^2
    exceeds in law that of a standard normal variable; all other squares have variance 1, and exceed 1 - rho^2 times
    themselves. T_ij has a mean of size at least rho t where :math:`T'_{jj}^2 \ge t^2`, the `miss`/2-quantile of
    chi2_{n-p+2} (j <= p - 1). Hence the statistic over 1 - rho^2 exceeds in law a noncentral chi-square variable with
    p(p+1)/2 - 2 degrees of freedom and noncentrality :math:`\rho^2 t^2/(1-\rho^2)`, but for a chance of `miss`/2.

    At large width the common factor 1 - rho^2 costs more than the correlation adds. Then drop row i but for T_ij and
    its score, and the score of row j: p(p+1)/2 - p - 1 squares at least are left as they are. Of these, of T_jj, of
    T'_ij and of :math:`T'_{ii}^2`, chi2_{n-p+1} where i = p, the score of which is the weakest, each is beyond its
    `miss`/4-quantile but for a chance of `miss`/4.
    """
    from scipy.special import chdtr, chdtri, chndtr, ndtri

    total = width * (width + 1) // 2
    kept = total - 2
    least = _quantiles(n - width + 2, miss / 2)[0]
    rest = 1.0 - correlation**2
    critical, noncentrality = float(chdtri(total, alpha)) / rest, correlation**2 * least / rest
    # At most exp(-40) lies below or above, lost beside 1 (Birge 2001, lemma 8.1); SciPy 1.12 fails beyond 1e11.
    negligible = kept + noncentrality - 2.0 * math.sqrt(40.0 * (kept + 2.0 * noncentrality))
    certain = 2.0 * (kept + noncentrality) - negligible + 80.0
    if critical < negligible:
        missed = 0.0
    else:
        missed = 1.0 if critical > certain else float(chndtr(critical, kept, noncentrality))
    seen = 1.0 - missed - miss / 2
    if total > width + 1:
        others = _quantiles(total - width - 1, miss / 4)[0]
        pivot, largest = _quantiles(n - width + 2, miss / 4)[0], _quantiles(n - width + 1, miss / 4)[1]
        entry = abs(correlation) * math.sqrt(pivot) + math.sqrt(rest) * float(ndtri(miss / 4))
        score = float(ndtri(chdtr(n - width + 1, rest * largest)))
        if others + max(entry, 0.0) ** 2 + min(score, 0.0) ** 2 >= critical * rest:
            seen = max(seen, 1.0 - miss)
    return seen


def covariance_resolution(
    width: SupportsIndex, *, observations: SupportsIndex, alpha: float, power: float = 0.99
) -> float:
    """Return a correlation between any two coordinates that the covariance test detects.

    A bound: the test may detect less. For variances of all coordinates that are wrong together use
    :func:`variance_resolution` with np degrees of freedom.

    Parameters
    ----------
    width : int
        Coordinates of a vector, at least 2.
    observations : int
        Number of vectors, at least `width`.
    alpha, power : float
        Level of the test; probability with which it rejects.

    Returns
    -------
    float
        Between 0 and 1; infinity if this bound of the power shows none that is certain to be seen.

    Raises
    ------
    SpecificationError
        If there are fewer vectors than coordinates.

    Examples
    --------
    >>> small, large = (covariance_resolution(3, observations=n, alpha=1e-3) for n in (1000, 4000))
    >>> round(small / large, 1)
    2.0
    """
    p, n = (
        check_count("width", width, 2, LARGEST_WIDTH),
        check_count("observations", observations, maximum=LARGEST_SAMPLE),
    )
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    if n < p:
        raise SpecificationError(f"the covariance of {p} coordinates needs at least {p} observations, got {n}")
    miss = 1.0 - power
    return smallest_value(lambda r: _correlation_power(r, p, n, alpha, miss) >= power, 0.0, 1.0 - 1e-9)


def covariance_sample_size(width: SupportsIndex, *, correlation: float, alpha: float, miss: float) -> int:
    """Return a number of vectors with which the covariance test sees a correlation of two coordinates.

    Parameters
    ----------
    width : int
        Coordinates of a vector, at least 2.
    correlation : float
        Its size, below 1.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    int

    Raises
    ------
    SpecificationError
        If the correlation is 1 or more.

    Examples
    --------
    >>> n = covariance_sample_size(3, correlation=0.2, alpha=1e-3, miss=0.01)
    >>> covariance_resolution(3, observations=n, alpha=1e-3) <= 0.2 + 1e-9
    True
    """
    p, rho = check_count("width", width, 2, LARGEST_WIDTH), check_positive("correlation", correlation)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if rho >= 1.0:
        raise SpecificationError(f"correlation must be below 1, got {rho!r}")
    return smallest_sample(lambda n: n >= p and _correlation_power(rho, p, n, alpha, miss) >= 1.0 - miss)
