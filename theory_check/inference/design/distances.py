"""Planning of Kolmogorov distances and of the other tests of a law."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import SupportsIndex

from theory_check.foundation.arguments import check_count, check_positive
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.stored_values import stored
from theory_check.inference.design.search import LARGEST_SAMPLE, sample_for
from theory_check.inference.goodness_of_fit import anderson_darling_tail, cramer_von_mises_tail
from theory_check.inference.kolmogorov import planning_radius
from theory_check.inference.validation import check_level, check_power


def kolmogorov_margin(*, observations: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest margin of a distance for which a true law is supported.

    Under the predicted law :math:`D_n \le \varepsilon_n(\text{miss})` with probability 1 - miss, so the upper end of
    the interval is at most :math:`\varepsilon_n(\alpha) + \varepsilon_n(\text{miss})`, with
    :math:`\varepsilon_n` the exact radius of :func:`~theory_check.inference.kolmogorov.planning_radius`.

    Parameters
    ----------
    observations : int
        Sample size n.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    float
        A Kolmogorov distance.

    Examples
    --------
    Two of Massart's radii, sqrt(ln(2/level)/(2n)):

    >>> margin = kolmogorov_margin(observations=10**6, alpha=2e-3, miss=2e-3)
    >>> round(margin, 5), round(2.0 * math.sqrt(math.log(1e3) / 2e6), 5)
    (0.00372, 0.00372)
    """
    n = check_count("observations", observations, maximum=LARGEST_SAMPLE)
    return planning_radius(n, check_level("alpha", alpha)) + planning_radius(n, check_level("miss", miss))


def kolmogorov_sample_size(*, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`kolmogorov_margin` is at most `margin`.

    Parameters
    ----------
    margin : float
        Tolerated distance, below 1.
    alpha, miss : float
        As for :func:`kolmogorov_margin`.

    Returns
    -------
    int

    Examples
    --------
    >>> n = kolmogorov_sample_size(margin=0.1, alpha=1e-3, miss=1e-2)
    >>> [kolmogorov_margin(observations=size, alpha=1e-3, miss=1e-2) <= 0.1 for size in (n - 1, n)]
    [False, True]
    """
    return _kolmogorov_size(_check_distance("margin", margin), alpha, miss)


@stored
def _kolmogorov_size(margin: float, alpha: float, miss: float) -> int:
    return sample_for("margin", margin, lambda n: kolmogorov_margin(observations=n, alpha=alpha, miss=miss))


def law_distance_margin(*, observations: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest margin of the distance of two laws for which two samples of one law are supported.

    :math:`D \le 2 \varepsilon_n(\text{miss}/2)` with probability 1 - miss, and the interval of
    :func:`~theory_check.inference.two_samples.law_distance_interval` ends :math:`2 \varepsilon_n(\alpha/2)` above it.

    Parameters
    ----------
    observations : int
        Size n of each sample.
    alpha, miss : float
        Level of the interval; probability, at most, that it leaves the margin.

    Returns
    -------
    float
        A Kolmogorov distance.

    Examples
    --------
    >>> margin = law_distance_margin(observations=10**6, alpha=4e-3, miss=4e-3)
    >>> round(margin, 5), round(4.0 * math.sqrt(math.log(1e3) / 2e6), 5)
    (0.00743, 0.00743)
    """
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return 2.0 * kolmogorov_margin(observations=observations, alpha=alpha / 2.0, miss=miss / 2.0)


def law_distance_sample_size(*, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest size of two equally large samples whose :func:`law_distance_margin` is at most `margin`.

    Parameters
    ----------
    margin : float
        Tolerated distance, below 1.
    alpha, miss : float
        As for :func:`law_distance_margin`.

    Returns
    -------
    int
        Of each sample.

    Examples
    --------
    >>> n = law_distance_sample_size(margin=0.1, alpha=1e-3, miss=1e-2)
    >>> [law_distance_margin(observations=size, alpha=1e-3, miss=1e-2) <= 0.1 for size in (n - 1, n)]
    [False, True]
    """
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return _kolmogorov_size(_check_distance("margin", margin) / 2.0, alpha / 2.0, miss / 2.0)


def _check_distance(what: str, value: float) -> float:
    distance = check_positive(what, value)
    if distance >= 1.0:
        raise SpecificationError(f"{what} must be below 1, the largest distance between two laws, got {distance!r}")
    return distance


def kolmogorov_resolution(*, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the distance from the predicted law at which the interval excludes 0.

    If :math:`|F(x) - F_0(x)| = \Delta` at one point, Hoeffding's inequality at that point gives :math:`D_n >
    \varepsilon_n(\alpha)` with the required power as soon as :math:`\Delta \ge \varepsilon_n(\alpha) + \sqrt{\ln(1/(1 -
    \text{power}))/(2n)}`.

    Parameters
    ----------
    observations : int
        Sample size n.
    alpha, power : float
        Level of the interval; probability with which it excludes 0.

    Returns
    -------
    float
        A Kolmogorov distance.

    Examples
    --------
    >>> found = kolmogorov_resolution(observations=10**6, alpha=2e-3, power=0.999)
    >>> round(found, 5), round(2.0 * math.sqrt(math.log(1e3) / 2e6), 5)
    (0.00372, 0.00372)
    """
    n = check_count("observations", observations, maximum=LARGEST_SAMPLE)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return planning_radius(n, alpha) + math.sqrt(-math.log1p(-power) / (2.0 * n))


def kolmogorov_detection_size(*, deviation: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`kolmogorov_resolution` with power 1 - `miss` is at most `deviation`.

    For a test that should refute a law at that distance. To support a law, plan with :func:`kolmogorov_sample_size`.

    Parameters
    ----------
    deviation : float
        Distance of the wrong law, below 1.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    int

    Examples
    --------
    >>> n = kolmogorov_detection_size(deviation=0.1, alpha=1e-3, miss=1e-2)
    >>> [kolmogorov_resolution(observations=size, alpha=1e-3) <= 0.1 for size in (n - 1, n)]
    [False, True]
    """
    _check_distance("deviation", deviation)
    power = 1.0 - check_level("miss", miss)
    return sample_for("deviation", deviation, lambda n: kolmogorov_resolution(observations=n, alpha=alpha, power=power))


# Integrated squared differences


@lru_cache(maxsize=256)
def _critical(tail: Callable[[float], float], alpha: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda x: math.log(max(tail(x), 1e-320) / alpha), 1e-4, 1500.0, xtol=1e-12))


def _integrated_reach(
    tail: Callable[[float], float], weight: float, observations: SupportsIndex, alpha: float, miss: float
) -> float:
    n, alpha = check_count("observations", observations, maximum=LARGEST_SAMPLE), check_level("alpha", alpha)
    return math.sqrt(_critical(tail, alpha) / (weight * n)) + planning_radius(n, miss)


def cramer_von_mises_resolution(*, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the distance :math:`(\int (F - F_0)^2 dF_0)^{1/2}` from which on the Cramer-von Mises test rejects.

    By the triangle inequality :math:`W \ge \sqrt n (\Delta - \sup |F_n - F|)`, so that :math:`\Delta =
    \sqrt{w_\alpha/n} + \varepsilon_n(1 - \text{power})` suffices, with the Kolmogorov radius and the critical value of
    the limit law.

    Parameters
    ----------
    observations : int
        Sample size n.
    alpha, power : float
        Level of the test; probability with which it rejects.

    Returns
    -------
    float
        A root mean square difference of distribution functions.

    Examples
    --------
    The critical value at 1% is 0.7435:

    >>> found = cramer_von_mises_resolution(observations=10**6, alpha=0.01, power=0.998)
    >>> round(found, 5), round(math.sqrt(0.7435 / 1e6) + math.sqrt(math.log(1e3) / 2e6), 5)
    (0.00272, 0.00272)
    """
    return _integrated_reach(cramer_von_mises_tail, 1.0, observations, alpha, 1.0 - check_power("power", power))


def cramer_von_mises_sample_size(*, deviation: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`cramer_von_mises_resolution` is at most `deviation`.

    Parameters
    ----------
    deviation : float
        Distance of the wrong law, as in :func:`cramer_von_mises_resolution`.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    int

    Examples
    --------
    >>> n = cramer_von_mises_sample_size(deviation=0.1, alpha=1e-3, miss=1e-2)
    >>> [cramer_von_mises_resolution(observations=size, alpha=1e-3) <= 0.1 for size in (n - 1, n)]
    [False, True]
    """
    miss = check_level("miss", miss)
    return sample_for("deviation", deviation, lambda n: _integrated_reach(cramer_von_mises_tail, 1.0, n, alpha, miss))


def anderson_darling_resolution(*, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the distance :math:`(\int (F - F_0)^2 dF_0)^{1/2}` from which on the Anderson-Darling test rejects.

    As :func:`cramer_von_mises_resolution` with :math:`A^2 \ge 4 W^2`, since :math:`F_0 (1 - F_0) \le 1/4`: a bound that
    is far from sharp for deviations in the tails.

    Parameters
    ----------
    observations : int
        Sample size n.
    alpha, power : float
        Level of the test; probability with which it rejects.

    Returns
    -------
    float
        A root mean square difference of distribution functions.

    Examples
    --------
    The critical value at 1% is 3.878:

    >>> found = anderson_darling_resolution(observations=10**6, alpha=0.01, power=0.998)
    >>> round(found, 5), round(math.sqrt(3.878 / 4e6) + math.sqrt(math.log(1e3) / 2e6), 5)
    (0.00284, 0.00284)
    """
    return _integrated_reach(anderson_darling_tail, 4.0, observations, alpha, 1.0 - check_power("power", power))


def anderson_darling_sample_size(*, deviation: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`anderson_darling_resolution` is at most `deviation`.

    Parameters
    ----------
    deviation : float
        Distance of the wrong law, as in :func:`anderson_darling_resolution`.
    alpha, miss : float
        Level of the test; probability, at most, that it does not reject.

    Returns
    -------
    int

    Examples
    --------
    >>> n = anderson_darling_sample_size(deviation=0.1, alpha=1e-3, miss=1e-2)
    >>> [anderson_darling_resolution(observations=size, alpha=1e-3) <= 0.1 for size in (n - 1, n)]
    [False, True]
    """
    miss = check_level("miss", miss)
    return sample_for("deviation", deviation, lambda n: _integrated_reach(anderson_darling_tail, 4.0, n, alpha, miss))
