"""Distance between networks of two depths along one path of weights, at infinite width and finite depth (C2).

Notation
    h^(L)_{k+1} = h_k + (1/L) V(k/L) g(h_k), k = 0..L-1; entries of sqrt(d) V (and of sqrt(d) W in res-3) copies of one
    stationary process of correlation rho; N a multiple of L; A(k, l) = lim E <h^(L)_k, h^(N)_l> / ||h_0||^2 as d ->
    infinity.

As within one network (``infinite_width``), vectors V(s) g behave like Gaussian ones of covariance rho(s - t) E <g, g'>
as the width grows, so that

    A(k+1, l+1) = A(k+1, l) + A(k, l+1) - A(k, l) + rho(k/L - l/N) K(k, l) / (L N),     A(k, 0) = A(0, l) = 1,
    K = A                                                                               linear
    K = sqrt(C^L_kk C^N_ll) arc(r) / 2,   r = c (res-1, Gaussian h_0),  r = rho c (res-3)        ReLU,

C^L_kk the squared norms of one network, c the cosine. Hence the squared error

    E ||h^(L) - h^(N)||^2 / ||h_0||^2 = C^L_LL - 2 A(L, N) + C^N_NN,

which concentrates. Exact up to rounding, a few 1e-13 of the squared norm.

Order. For N = 2 L the leading part is (1/2L) sum_k (V(t_k + 1/2L) - V(t_k)) g(h_k). Smooth paths: the sum is a
difference of ends plus what the drift of h adds, order 1. For a smoothness nu < 1/2 its terms are hardly correlated, of
size L^-nu, and the order is nu + 1/2 (``orders.rough_path_order``). Both parts are there for every nu, and their ratio
is L^(nu - 1/2) times a constant that short correlation lengths make large: at nu = 3/4 and length 0.1 the slope is
still -1.18 at depth 100, where -1 is the limit. So compare with the slopes of this recursion, not with the limit.

Displacement (P8). One network with a_L = L^(-beta) has E D = C_LL - 1 by the same recursion (``infinite_width``).

Source: derived, with the Gaussian limit of Yang, Tensor Programs I (NeurIPS 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.theory.arc_kernel import arc
from theory_check.theory.hypotheses import check_branch
from theory_check.theory.infinite_width import MAXIMAL_DEPTH, wide_network

#: Correlation of a stationary process at lags in units of the whole depth.
Correlation = Callable[[FloatArray], FloatArray]


def wide_euler_error(branch: Branch, correlation: Correlation, coarse: int, fine: int) -> float:
    """Root mean square of ||h^(coarse) - h^(fine)|| / ||h_0|| in the limit of infinite width, a_L = 1/L.

    Parameters
    ----------
    branch : Branch
        Linear, or res-1 (Gaussian input) or res-3 with ReLU.
    correlation : callable
        rho, an even function of lags between -1 and 1, on arrays.
    coarse, fine : int
        Depths; the first divides the second.

    Returns
    -------
    float

    Raises
    ------
    HypothesisError
        For other branches.
    SpecificationError
        If the coarse depth does not divide the fine one.

    Examples
    --------
    Tied linear weights have a closed form:

    >>> from theory_check.theory.orders import tied_wide_error
    >>> round(wide_euler_error(Branch("linear"), np.ones_like, 4, 8) / tied_wide_error(4, 8), 9)
    1.0
    """
    check_integer("fine depth", fine, 1, MAXIMAL_DEPTH)
    check_integer("coarse depth", coarse, 1, fine)
    if fine % coarse:
        raise SpecificationError(f"coarse depth is {coarse}; it must divide the fine depth {fine}")
    check_branch("the error", branch, rectifier=True)
    first, second = (_squared_norms(branch, correlation, depth) for depth in (coarse, fine))
    times = np.arange(fine) / fine
    growth = np.zeros(fine)
    row = np.ones(fine + 1)
    for k in range(coarse):
        rho = np.asarray(correlation(k / coarse - times))
        growth += rho * _pairing(branch, row[:-1], np.sqrt(first[k] * second[:-1]), rho) / (coarse * fine)
        row[1:] = 1.0 + np.cumsum(growth)
    return float(np.sqrt(max(first[-1] - 2.0 * row[-1] + second[-1], 0.0)))


def wide_error_slope(branch: Branch, correlation: Correlation, depths: Sequence[int]) -> float:
    """Least-squares slope against log L of the logarithm of the error between depths L and 2 L.

    Parameters
    ----------
    branch, correlation
        As for :func:`wide_euler_error`.
    depths : sequence of int
        The depths L.

    Returns
    -------
    float

    Examples
    --------
    Smooth weights have order 1:

    >>> round(wide_error_slope(Branch("linear"), np.ones_like, [64, 128]), 1)
    -1.0
    """
    x = np.log(np.array(depths, dtype=np.float64))
    errors = [wide_euler_error(branch, correlation, depth, 2 * depth) for depth in depths]
    return float(np.polyfit(x, np.log(errors), 1)[0])


def _squared_norms(branch: Branch, correlation: Correlation, depth: int) -> FloatArray:
    rho = np.asarray(correlation(np.arange(depth) / depth))
    return np.asarray(np.exp(wide_network(branch, rho, 1.0 / depth, depth).log_norm_ratio))


def _pairing(branch: Branch, overlap: FloatArray, norms: FloatArray, rho: FloatArray) -> FloatArray:
    if branch.is_linear:
        return overlap
    cosine = np.clip(overlap / norms, -1.0, 1.0) * (rho if branch.has_inner else 1.0)
    return np.asarray(0.5 * norms * arc(cosine))


def wide_displacement(branch: Branch, correlation: Correlation, beta: float, depth: int) -> float:
    """Logarithm of E D in the limit of infinite width, with a_L = L^(-beta).

    Parameters
    ----------
    branch, correlation
        As for :func:`wide_euler_error`.
    beta : float
        Scaling exponent.
    depth : int
        L.

    Returns
    -------
    float

    Examples
    --------
    Tied linear weights have E D = sum_{j > 0} (binomial(L, j) a^j)^2:

    >>> round(float(np.exp(wide_displacement(Branch("linear"), np.ones_like, 1.0, 2))), 12)
    1.0625
    """
    rho = np.asarray(correlation(np.arange(depth) / depth))
    return float(wide_network(branch, rho, float(depth) ** -beta, depth).log_displacement[-1])


def wide_displacement_slope(branch: Branch, correlation: Correlation, beta: float, coarse: int, fine: int) -> float:
    """Slope of log sqrt(E D) between two depths: 1 - beta at beta > 1, up to O(coarse^(2 - 2 beta)) (P8).

    Parameters
    ----------
    branch, correlation, beta
        As for :func:`wide_displacement`.
    coarse, fine : int
        The two depths.

    Returns
    -------
    float

    Examples
    --------
    >>> round(wide_displacement_slope(Branch("linear"), np.ones_like, 2.0, 100, 200), 3)
    -1.0
    """
    first, second = (wide_displacement(branch, correlation, beta, depth) for depth in (coarse, fine))
    return 0.5 * (second - first) / float(np.log(fine / coarse))
