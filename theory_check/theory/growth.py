"""Growth of the displacement from one depth to another, where networks of both depths are independent (P3).

E D and E D^2 are those of :mod:`theory_check.theory.moments`: exact for Gaussian weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from theory_check.foundation.laws import Normal
from theory_check.foundation.stored_values import stored
from theory_check.theory import moments
from theory_check.theory.multiplier import Multiplier


@dataclass(frozen=True)
class GrowthLaws:
    """Law of log sqrt(D) at one depth less that of another network at a smaller depth, as if D were lognormal."""

    layer: Multiplier
    coarse: int
    fine: int

    def __call__(self, beta: float) -> Normal:
        """Return the law at one exponent, for planning."""
        mean = variance = 0.0
        for sign, depth in ((-1.0, self.coarse), (1.0, self.fine)):
            layer = (self.layer, float(depth) ** -beta, depth)
            growth = moments.log_norm_ratio_moment(*layer)
            # log(e^x - 1), for large x without leaving double precision.
            first = growth + math.log(-math.expm1(-growth))
            spread = moments.log_displacement_second_moment(*layer) - 2.0 * first
            mean += sign * 0.5 * (first - 0.5 * spread)
            variance += 0.25 * spread
        return Normal(mean, variance)


@stored
def mean_crossing(layer: Multiplier, coarse: int, fine: int) -> float:
    """Return the beta at which E D is the same at both depths: 1/2 + O(1/coarse).

    Parameters
    ----------
    layer : Multiplier
        Law of one layer.
    coarse, fine : int
        The two depths.

    Returns
    -------
    float

    Examples
    --------
    >>> near, far = (mean_crossing(Multiplier(10), n, 2 * n) - 0.5 for n in (100, 200))
    >>> 1.5 < near / far < 2.0
    True
    """
    from scipy.optimize import brentq

    def growth(beta: float) -> float:
        first, second = (moments.mean_displacement(layer, float(n) ** -beta, n) for n in (coarse, fine))
        return second - first

    return float(brentq(growth, 0.4, 0.6, xtol=1e-12))
