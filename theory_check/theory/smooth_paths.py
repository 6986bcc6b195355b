"""Networks of finite width that read one smooth path of weights: bounds at the critical scaling, width 1 (P8).

Notation
    h_{k+1} = h_k + L^(-beta) V_k g(h_k); entries of sqrt(d) V_k (and of sqrt(d) W_k) copies of one stationary Gaussian
    process of correlation rho at k/L; D = ||h_L - h_0||^2 / ||h_0||^2.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import ScaledChiSquare
from theory_check.networks.branches import Branch
from theory_check.theory.euler_error import Correlation


def displacement_bounds(
    branch: Branch, correlation: Correlation, width: int, depth: int, *, miss: float = 1.0 / 40.0
) -> tuple[float, float]:
    """Return bounds of D at beta = 1, each left with a probability of at most ``miss`` at any of three depths.

    Upper: sqrt(D) <= exp(mean ||V_k|| ||W_k||) - 1. Each root mean square of ||V_k|| over the layers is a Lipschitz
    function of Gaussian entries with the constant d^(-1/2), of mean at most sqrt(4 + 1/d), so that it exceeds that by
    t / sqrt(d) with probability at most exp(-t^2/2); three times for three depths, twice for the two matrices of
    res-3, where the bound is wide.

    Lower: half the quantile, at ``miss``, of what the branches add up to when they all read the input, kappa v chi2_d /
    d. The lower bound is not proven; the check tests it.

    Parameters
    ----------
    branch : Branch
        What is applied in each layer.
    correlation : callable
        rho, on arrays of lags in units of the whole depth.
    width, depth : int
        d and L.
    miss : float
        Probability of leaving a bound.

    Returns
    -------
    lower, upper : float

    Examples
    --------
    >>> lower, upper = displacement_bounds(Branch("linear"), np.ones_like, 10, 16)
    >>> round(lower, 4), upper > math.expm1(2.0) ** 2
    (0.0812, True)
    """
    matrices = 2 if branch.has_inner else 1
    reach = math.sqrt(4.0 + 1.0 / width) + math.sqrt(2.0 * math.log(3 * matrices / miss) / width)
    # The branch of res-3 has the correlation of its inner weights too: at least that of independent ones, 1/pi.
    share = 1.0 if branch.is_linear else 1.0 / math.pi
    small = ScaledChiSquare(width, float(np.mean(_covariance(correlation, depth))) * share, root=True)
    return (0.5 * float(small.quantile(miss))) ** 2, math.expm1(reach**matrices) ** 2


def scalar_explosion(correlation: Correlation, depth: int, beta: float, bound: float) -> float:
    """P(D >= bound) of a linear network of width 1, bound >= 1, to O(1/L) at beta = 1/2.

    Factors 1 + a V_k are positive but for deviates beyond 1/a, so that D >= bound means h_L/h_0 >= 1 + sqrt(bound). The
    logarithm of this ratio is S - a^2/2 sum V_k^2 + O(a^2 S), S = a sum V_k normal. With C the covariance of the V_k, 1
    the vector of ones and q = |C 1|^2 / 1'C1, the second sum is tr C - q + q S^2 / Var S in mean, given S.

    Parameters
    ----------
    correlation : callable
        rho, on arrays of lags in units of the whole depth.
    depth : int
        L.
    beta, bound : float
        Scaling exponent; smallest D that counts.

    Returns
    -------
    float

    Examples
    --------
    Tied weights at beta = 1 have h_L/h_0 = exp(V) in the limit, and P(V >= log 2) = 0.244:

    >>> round(scalar_explosion(np.ones_like, 1000, 1.0, 1.0), 3)
    0.244
    """
    from scipy.special import ndtr

    a = float(depth) ** -beta
    sums = np.sum(_covariance(correlation, depth), axis=0)
    variance, shared = a * a * float(np.sum(sums)), float(np.sum(sums**2) / np.sum(sums))
    least = math.log1p(math.sqrt(bound))
    for _ in range(50):  # a contraction: the derivative is a^2 shared S / variance, of order a
        least = math.log1p(math.sqrt(bound)) + 0.5 * a * a * (depth + shared * (least * least / variance - 1.0))
    return float(ndtr(-least / math.sqrt(variance)))


def _covariance(correlation: Correlation, depth: int) -> FloatArray:
    times = np.arange(depth) / depth
    return correlation(np.subtract.outer(times, times))
