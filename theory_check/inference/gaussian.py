r"""Exact inference for Gaussian values: a variance, and vectors that should be N(0, I) after whitening.

Notation. X is the n x p matrix of n independent vectors; under the statement its entries are independent N(0, 1). All
laws below are exact at every n, by Gaussianity alone; nothing here is valid for other laws.

    mean          n ||mean of the rows||^2 ~ chi2_p
    scale         sum of all squares ~ chi2_{np}
    norms         ||x_i||^2 independent chi2_p, compared by the exact Kolmogorov test
    covariance    X^T X = T T^T with T lower triangular: T_ij ~ N(0, 1) for i > j and T_ii^2 ~ chi2_{n-i+1}, i = 1..p,
                  all independent (Bartlett); with z_i the normal scores of T_ii^2, sum T_ij^2 + sum z_i^2 ~
                  chi2_{p(p+1)/2}

The covariance test needs n >= p. With fewer vectors than coordinates (long sequences) take k <= n orthonormal contrasts
first, chosen before the values are seen: X C^T is N(0, I_k) again.

References
----------
M. S. Bartlett, Proceedings of the Royal Society of Edinburgh 53 (1933) 260-283. T. W. Anderson, An Introduction to
Multivariate Statistical Analysis (2003), section 7.2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_number, check_positive
from theory_check.foundation.arrays import FloatArray, check_array
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.equivalence import Alternative, combine_tails
from theory_check.inference.goodness_of_fit import kolmogorov_test
from theory_check.inference.intervals import Interval
from theory_check.inference.significance import Test
from theory_check.inference.validation import check_level, check_sample, check_squares


def _squares(values: ArrayLike, mean: float | None) -> tuple[float, int]:
    """Return the sum of squares about `mean`, or about the average, and its degrees of freedom."""
    sample = check_squares("values", check_sample("values", values))
    if mean is None:
        if sample.size < 2:
            raise SpecificationError("at least two values are needed for a variance about their average; or give mean")
        return float(np.sum((sample - sample.mean()) ** 2)), sample.size - 1
    apart = check_squares("values less their mean", sample - check_number("mean", mean))
    return float(np.sum(apart**2)), sample.size


def variance_interval(values: ArrayLike, *, alpha: float, mean: float | None = None) -> Interval:
    r"""Chi-square interval of the variance of independent Gaussian values.

    :math:`[Q / \chi^2_{\nu, 1-\alpha/2},\; Q / \chi^2_{\nu, \alpha/2}]` with Q the sum of squares about the average and
    :math:`\nu = n - 1`, or about a known `mean` and :math:`\nu = n`.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent Gaussian values.
    alpha : float
        Error probability.
    mean : float, optional
        Known mean.

    Returns
    -------
    Interval
        About :math:`Q / \nu`.

    Examples
    --------
    Two degrees of freedom have the quantiles -2 ln(1 - p):

    >>> interval = variance_interval([-1.0, 1.0], alpha=0.5, mean=0.0)
    >>> round(interval.lower * math.log(4.0), 12), round(interval.upper * math.log(4.0 / 3.0), 12)
    (1.0, 1.0)
    """
    alpha = check_level("alpha", alpha)
    from scipy.special import chdtri, gammaincinv

    total, degrees = _squares(values, mean)
    high = float(chdtri(degrees, alpha / 2))
    low = 2.0 * float(gammaincinv(degrees / 2.0, alpha / 2))
    upper = total / low if low > 0.0 else math.inf
    return Interval(total / degrees, total / high, upper, alpha, "chi-square")


def variance_test(
    values: ArrayLike, variance: float, *, mean: float | None = None, alternative: Alternative = "two-sided"
) -> Test:
    """Chi-square test of the variance of independent Gaussian values, dual to :func:`variance_interval`.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent Gaussian values.
    variance : float
        The stated variance, positive.
    mean : float, optional
        Known mean.
    alternative : {"greater", "less", "two-sided"}
        ``greater`` gives evidence that the variance exceeds the stated one.

    Returns
    -------
    Test
        The statistic is the sum of squares over the stated variance.

    Examples
    --------
    >>> test = variance_test([-1.0, 1.0], 0.5, mean=0.0, alternative="greater")
    >>> test.statistic, round(test.p_value * math.exp(2.0), 12)
    (4.0, 1.0)
    """
    null = check_positive("variance", variance)
    total, degrees = _squares(values, mean)
    return _chi_square(total / null, degrees, alternative, "chi-square of a variance", degrees + (mean is None))


def _chi_square(statistic: float, degrees: int, alternative: Alternative, method: str, observations: int) -> Test:
    from scipy.special import chdtr, chdtrc

    greater, less = float(chdtrc(degrees, statistic)), float(chdtr(degrees, statistic))
    return Test(statistic, combine_tails(greater, less, alternative), method, observations)


def check_vectors(vectors: ArrayLike) -> FloatArray:
    """Return a float array of shape (vectors, coordinates), without NaN or infinity, neither number 0."""
    array = check_array("vectors", vectors)
    if array.ndim != 2 or 0 in array.shape:
        raise SpecificationError(f"vectors must have shape (vectors, coordinates), none of them 0, got {array.shape}")
    check_sample("vectors", array.ravel())
    return array


def scale_test(vectors: ArrayLike, *, alternative: Alternative = "two-sided") -> Test:
    """Test the total variance of vectors that should be N(0, I): the sum of all squares is chi2_{np}."""
    x = check_vectors(vectors)
    return _chi_square(float(np.sum(x * x)), x.size, alternative, "chi-square of the norms", x.shape[0])


def norms_test(vectors: ArrayLike) -> Test:
    """Test the law of the norms of vectors that should be N(0, I): exact Kolmogorov against chi2_p.

    It detects heavy tails and random scales, which change neither mean nor covariance.
    """
    from scipy.special import chdtr

    x = check_vectors(vectors)
    found = kolmogorov_test(np.sum(x * x, axis=1), lambda square: chdtr(x.shape[1], square))
    return Test(found.statistic, found.p_value, "Kolmogorov of squared norms, exact", found.observations)


def mean_vector_test(vectors: ArrayLike) -> Test:
    """Test the mean of vectors that should be N(0, I): n times its squared norm is chi2_p."""
    x = check_vectors(vectors)
    mean = x.mean(axis=0)
    return _chi_square(x.shape[0] * float(mean @ mean), x.shape[1], "greater", "chi-square of the mean", x.shape[0])


def covariance_test(vectors: ArrayLike) -> Test:
    """Test the whole sample covariance, about 0, of vectors that should be N(0, I), by Bartlett's decomposition.

    The sum of p(p+1)/2 independent squares of standard normal variables is exactly chi-square at every n >= p. Large
    values are evidence of correlations or of wrong variances in any coordinate. The order of the coordinates affects
    the power of the test, not its level.
    """
    from scipy.special import chdtr, chdtrc, ndtri

    x = check_vectors(vectors)
    n, p = x.shape
    if n < p:
        raise SpecificationError(
            f"the covariance of {p} coordinates needs at least {p} vectors, got {n}; project on {n} orthonormal "
            "contrasts or fewer"
        )
    # The triangle of X = Q T^T, up to signs that do not change the squares.
    triangle: FloatArray = np.transpose(np.linalg.qr(x, mode="r"))
    squares = np.diag(triangle) ** 2
    degrees = n - np.arange(p)
    low, high = chdtr(degrees, squares), chdtrc(degrees, squares)
    # From the smaller tail, which is accurate.
    scores = ndtri(np.minimum(low, high))
    statistic = float(np.sum(np.tril(triangle, -1) ** 2) + np.sum(scores**2))
    return _chi_square(statistic, p * (p + 1) // 2, "greater", "Bartlett decomposition, chi-square", n)
