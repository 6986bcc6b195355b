"""Planning of Kolmogorov distances and of the other tests of a law."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import SupportsIndex

from theory_check.foundation.arguments import check_count, check_positive
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.design.search import smallest_sample
from theory_check.inference.goodness_of_fit import anderson_darling_tail, cramer_von_mises_tail
from theory_check.inference.kolmogorov import planning_radius
from theory_check.inference.validation import check_level, check_power


def kolmogorov_margin(*, observations: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest margin of a distance for which a true law is supported.

    Under the predicted law :math:`D_n \le \varepsilon_n(\text{miss})` with probability 1 - miss, so the upper end of
    the interval is at most :math:`\varepsilon_n(\alpha) + \varepsilon_n(\text{miss})`, with
    :math:`\varepsilon_n` the exact radius of :func:`~theory_check.inference.kolmogorov.planning_radius`.
    """
    n = check_count("observations", observations)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return planning_radius(n, alpha) + planning_radius(n, miss)


def kolmogorov_sample_size(*, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`kolmogorov_margin` is at most `margin`."""
    margin = check_positive("margin", margin)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if margin >= 1.0:
        raise SpecificationError(f"margin must be below 1, the largest distance between two laws, got {margin!r}")
    return _kolmogorov_size(margin, alpha, miss)


@lru_cache(maxsize=1024)
def _kolmogorov_size(margin: float, alpha: float, miss: float) -> int:
    return smallest_sample(lambda n: kolmogorov_margin(observations=n, alpha=alpha, miss=miss) <= margin)


def kolmogorov_resolution(*, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the distance from the predicted law at which the interval excludes 0.

    If :math:`|F(x) - F_0(x)| = \Delta` at one point, Hoeffding's inequality at that point gives :math:`D_n >
    \varepsilon_n(\alpha)` with the required power as soon as :math:`\Delta \ge \varepsilon_n(\alpha) + \sqrt{\ln(1/(1 -
    \text{power}))/(2n)}`.
    """
    n = check_count("observations", observations)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return planning_radius(n, alpha) + math.sqrt(-math.log1p(-power) / (2.0 * n))


def kolmogorov_detection_size(*, deviation: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`kolmogorov_resolution` with power 1 - `miss` is at most `deviation`.

    For a test that should refute a law at that distance; to support a law, plan with :func:`kolmogorov_sample_size`.
    """
    deviation = check_positive("deviation", deviation)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    if deviation >= 1.0:
        raise SpecificationError(f"deviation must be below 1, the largest distance between two laws, got {deviation!r}")
    return smallest_sample(lambda n: kolmogorov_resolution(observations=n, alpha=alpha, power=1.0 - miss) <= deviation)


# Integrated squared differences


@lru_cache(maxsize=256)
def _critical(tail: Callable[[float], float], alpha: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda x: math.log(max(tail(x), 1e-320) / alpha), 1e-4, 1500.0, xtol=1e-12))


def _integrated_reach(tail: Callable[[float], float], weight: float, n: int, alpha: float, miss: float) -> float:
    return math.sqrt(_critical(tail, alpha) / (weight * n)) + planning_radius(n, miss)


def cramer_von_mises_resolution(*, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the distance :math:`(\int (F - F_0)^2 dF_0)^{1/2}` from which on the Cramer-von Mises test rejects.

    By the triangle inequality :math:`W \ge \sqrt n (\Delta - \sup |F_n - F|)`, so that :math:`\Delta =
    \sqrt{w_\alpha/n} + \varepsilon_n(1 - \text{power})` suffices, with the Kolmogorov radius and the critical value of
    the limit law.
    """
    n = check_count("observations", observations)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return _integrated_reach(cramer_von_mises_tail, 1.0, n, alpha, 1.0 - power)


def cramer_von_mises_sample_size(*, deviation: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`cramer_von_mises_resolution` is at most `deviation`."""
    deviation = check_positive("deviation", deviation)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return smallest_sample(lambda n: _integrated_reach(cramer_von_mises_tail, 1.0, n, alpha, miss) <= deviation)


def anderson_darling_resolution(*, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    r"""Return the distance :math:`(\int (F - F_0)^2 dF_0)^{1/2}` from which on the Anderson-Darling test rejects.

    As :func:`cramer_von_mises_resolution` with :math:`A^2 \ge 4 W^2`, since :math:`F_0 (1 - F_0) \le 1/4`: a bound that
    is far from sharp for deviations in the tails.
    """
    n = check_count("observations", observations)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return _integrated_reach(anderson_darling_tail, 4.0, n, alpha, 1.0 - power)


def anderson_darling_sample_size(*, deviation: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`anderson_darling_resolution` is at most `deviation`."""
    deviation = check_positive("deviation", deviation)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return smallest_sample(lambda n: _integrated_reach(anderson_darling_tail, 4.0, n, alpha, miss) <= deviation)
