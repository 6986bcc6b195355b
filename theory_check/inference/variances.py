r"""Bounds on the variance of one sample: a test of a bound that is believed, and a limit that a pilot sample gives.

Notation. x_1, ..., x_2m independent with mean mu, variance s^2 > 0 and kurtosis k = E (x - mu)^4 / s^4; y_i = (x_2i-1 -
x_2i)^2 / 2, m independent non-negative values with mean s^2. With four independent copies the fourth moment of a
difference is 2 k s^4 + 6 s^4, so that

    E y^2 = (k + 3) s^4 / 2.

Lower tail. exp(-z) <= 1 - z + z^2/2 for z >= 0, hence E exp(-l y) <= exp(-l s^2 + l^2 E y^2 / 2), and by Markov's
inequality at l = t s^2 / E y^2

    P(mean of y <= (1 - t) s^2) <= exp(-m t^2 s^4 / (2 E y^2)) = exp(-m t^2 / (k + 3)).

No upper moment of y beyond the second enters, and nothing is assumed of the tails but the bound on k. Without such a
bound no sample limits a variance from above: a rare huge value may have been missed.

References
----------
A. Maurer, Journal of Inequalities in Pure and Applied Mathematics 4 (2003) 15, for the lower tail. F. J. Hickernell, L.
Jiang, Y. Liu and A. B. Owen, in Monte Carlo and Quasi-Monte Carlo Methods 2012 (2013) 105-128, for means whose variance
is bounded by a pilot sample under a bound on the kurtosis.
"""

from __future__ import annotations

import math
from typing import SupportsFloat

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_number
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.betting import nonnegative_mean_evidence
from theory_check.inference.significance import Test
from theory_check.inference.validation import check_level, check_sample, check_squares

#: The part t by which a pilot may underestimate: the limit is 3/2 of the estimate, from 9 (k + 3) ln(1/alpha) pairs.
_UNDERESTIMATE = 1.0 / 3.0


def variance_bound_test(values: ArrayLike, bound: SupportsFloat) -> Test:
    """Test that a variance is at most a stated bound, by betting on half the squared differences of pairs.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one mean, at least two.
    bound : float
        Positive.

    Returns
    -------
    Test
        Its statistic is the mean of half the squared differences, an estimate of the variance.

    Examples
    --------
    >>> tests = [variance_bound_test([-1.0, 1.0] * 200, bound) for bound in (1.0, 3.0)]
    >>> [(test.statistic, test.rejects(1e-9)) for test in tests]
    [(2.0, True), (2.0, False)]
    """
    squares = _half_squares(values)
    return Test(float(squares.mean()), nonnegative_mean_evidence(squares, bound).p_value, "betting", squares.size)


def pilot_size(*, kurtosis_bound: SupportsFloat, alpha: SupportsFloat) -> int:
    r"""Return the number of values from which :func:`variance_limit` limits a variance.

    Parameters
    ----------
    kurtosis_bound : float
        Stated bound on :math:`E (x - \mu)^4 / s^4`, at least 1.
    alpha : float
        Probability, at most, that the variance exceeds the limit.

    Returns
    -------
    int
        Twice :math:`9 (k + 3) \ln(1/\alpha)`, rounded up.

    Examples
    --------
    >>> pilot_size(kurtosis_bound=3.0, alpha=math.exp(-10.0))
    1080
    """
    k = _check_kurtosis(kurtosis_bound)
    return 2 * math.ceil((k + 3.0) * -math.log(check_level("alpha", alpha)) / _UNDERESTIMATE**2)


def variance_limit(values: ArrayLike, *, kurtosis_bound: SupportsFloat, alpha: SupportsFloat) -> float:
    """Return an upper confidence limit of a variance from a pilot sample and a bound on the kurtosis.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent values with one law.
    kurtosis_bound : float
        Stated bound on the kurtosis: 3 for normal laws, 9 for exponential ones, 1.8 for uniform ones.
    alpha : float
        Probability, at most, that the variance exceeds the limit.

    Returns
    -------
    float
        Half the mean squared difference of pairs, divided by 1 - t with the t that the number of pairs grants.

    Raises
    ------
    SpecificationError
        If the sample is too small for a limit (t >= 1).

    Examples
    --------
    >>> plan = {"kurtosis_bound": 1.0, "alpha": 1e-6}
    >>> values = [-1.0, 1.0] * (pilot_size(**plan) // 2)
    >>> round(variance_limit(values, **plan), 2)
    3.0
    """
    k, alpha = _check_kurtosis(kurtosis_bound), check_level("alpha", alpha)
    squares = _half_squares(values)
    part = math.sqrt((k + 3.0) * -math.log(alpha) / squares.size)
    if part >= 1.0:
        raise SpecificationError(
            f"{2 * squares.size} values do not limit a variance at level {alpha:.3g} with kurtosis up to {k:g}; "
            f"{pilot_size(kurtosis_bound=k, alpha=alpha)} do"
        )
    return float(squares.mean()) / (1.0 - part)


def _half_squares(values: ArrayLike) -> FloatArray:
    sample = check_squares("values", check_sample("values", values))
    if sample.size < 2:
        raise SpecificationError("values must be two or more: a single one says nothing about a variance")
    pairs = sample[: sample.size // 2 * 2].reshape(-1, 2)
    return np.asarray(0.5 * (pairs[:, 0] - pairs[:, 1]) ** 2, dtype=np.float64)


def _check_kurtosis(value: SupportsFloat) -> float:
    k = check_number("kurtosis_bound", value)
    if not 1.0 <= k < math.inf:
        raise SpecificationError(f"kurtosis_bound must be a number from 1 up (3 for a normal law), got {k!r}")
    return k
