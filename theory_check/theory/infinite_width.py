"""Second moments of residual networks of infinite width with correlated weights, exact at finite depth (C4).

Notation
    h_{k+1} = h_k + a_k V_{k+1} g_k, k = 0..L-1; across layers the entries of sqrt(d) V_k have correlation rho_V(k, l),
    those of sqrt(d) W_k rho_W(k, l); C(k, l) = lim E <h_k, h_l> / ||h_0||^2 as d -> infinity, c its correlation;
    sigma(x) = x for x > 0 and s x otherwise, kappa = (1 + s^2)/2.

Derivation. The forward pass contains no matrix together with its transpose. Then, as d -> infinity, vectors V_{k+1} g_k
behave like Gaussian ones with E <V_{k+1} g_k, V_{l+1} g_l> = rho_V(k, l) E <g_k, g_l>, although g_k depends on earlier
layers, and they are uncorrelated with h_0. Expanding <h_{k+1} - h_k, h_{l+1} - h_l>,

    C(k+1, l+1) = C(k+1, l) + C(k, l+1) - C(k, l) + q(k, l),        C(k, 0) = C(0, l) = 1,
    q(k, l) = a_k a_l rho_V(k, l) sqrt(C_kk C_ll) [(1 - s)^2/2 arc(r) + s r],

where r is the correlation between what enters the activation in layers k and l:

    res-3   r = rho_W c(k, l): W h_k and W h_l are Gaussian, and W carries the process a second time. For ReLU q =
            a^2 rho sqrt(C_kk C_ll) arc(rho c)/2; for s = 1 (an odd activation) q = a^2 rho^2 C.
    res-1   r = c(k, l), closed if the coordinates of h_0 are Gaussian (otherwise the law of h_0 enters);
    linear  s = 1, r = c: q = a^2 rho C(k, l).

Hence E ||h_L||^2/||h_0||^2 = C(L, L) and E D = C(L, L) - 1, and both concentrate. Independent layers: C(L, L) =
prod (1 + kappa a_k^2), which is exact at every width (E1). A tanh activation is not homogeneous: not covered.

The width goes to infinity before the depth. For H < 1/2 linear and res-1 networks then spread on the scale
beta = H, while at fixed width their contraction (C6) rules from beta = 1/2 down.

Exact up to rounding. The exponents of ``effective_exponents`` hold at the given depth; ``limiting_exponent``
extrapolates them.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting; Yang, Tensor Programs I (NeurIPS 2019), for the
Gaussian limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_finite, check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.networks.branches import Branch
from theory_check.networks.covariances import fractional_noise
from theory_check.theory.estimates import Estimate
from theory_check.theory.hypotheses import check_branch
from theory_check.theory.multiplier import layer_groups

#: Largest depth of the recursion: its cost is quadratic, a minute or so here.
MAXIMAL_DEPTH = 50_000


@dataclass(frozen=True, eq=False)
class WideNetwork:
    """Mean squared norms and displacements along a network of infinite width.

    Parameters
    ----------
    log_norm_ratio
        log C(k, k) = log E ||h_k||^2 / ||h_0||^2, k = 0..L.
    log_displacement
        log E ||h_k - h_0||^2 / ||h_0||^2; minus infinity at k = 0.
    """

    log_norm_ratio: FloatArray = field(repr=False)
    log_displacement: FloatArray = field(repr=False)


def wide_network(
    branch: Branch,
    correlation: ArrayLike,
    scaling: ArrayLike,
    depth: int | None = None,
    *,
    inner_correlation: ArrayLike | None = None,
) -> WideNetwork:
    """Run the recursion of one network.

    Parameters
    ----------
    branch : Branch
        Piecewise linear, without bias; without weights inside the coordinates of h_0 are Gaussian.
    correlation : array_like, shape (L,) or (L, L)
        rho_V: the autocovariance at lags 0..L-1, or a symmetric matrix; 1 at lag 0.
    scaling, depth
        The sequence of the a_k, or one value with its depth L.
    inner_correlation : array_like, optional
        rho_W (res-3 only), the same as ``correlation`` unless given.

    Returns
    -------
    WideNetwork

    Raises
    ------
    SpecificationError
        If there is a correlation of inner weights without such weights, or the second moments are not numbers.

    Examples
    --------
    Independent layers multiply the squared norm by 1 + kappa a^2:

    >>> network = wide_network(Branch("linear"), [1.0, 0.0], 0.5, 2)
    >>> np.exp(network.log_norm_ratio).round(12).tolist()
    [1.0, 1.25, 1.5625]
    """
    from theory_check.kernels.recursion import second_moments

    layer_groups(scaling, depth)  # checks
    a = np.asarray(scaling, dtype=np.float64)
    L = int(depth if depth is not None else a.size)
    check_integer("depth", L, 1, MAXIMAL_DEPTH)
    outer = _matrix(correlation, L)
    slope = check_branch("the recursion", branch)
    if not branch.has_inner:
        if inner_correlation is not None:
            raise SpecificationError(f"{branch.name} has no inner weights; leave inner_correlation out")
        inner = np.lib.stride_tricks.as_strided(np.ones(1), (L, L), (0, 0))
    else:
        inner = outer if inner_correlation is None else _matrix(inner_correlation, L)
    excess, exponents = np.empty(L + 1), np.empty(L + 1, dtype=np.int64)
    second_moments(outer, inner, np.array(np.broadcast_to(a, L)), slope, excess, exponents)
    if not np.all(np.isfinite(excess)):
        raise SpecificationError("the second moments are not numbers: the correlation is not positive semi-definite")
    units = exponents * math.log(2.0)
    with np.errstate(divide="ignore", under="ignore"):
        log_displacement = np.log(np.maximum(excess, 0.0)) + units
        log_norm_ratio = np.where(exponents == 0, np.log1p(excess), np.log(excess + np.exp(-units)) + units)
    return WideNetwork(log_norm_ratio, log_displacement)


def log_displacement(branch: Branch, hurst: float, beta: float, depth: int) -> float:
    """Logarithm of E D for fractional noise, a = L^(-beta).

    Parameters
    ----------
    branch : Branch
        Piecewise linear, without bias; without weights inside the coordinates of h_0 are Gaussian.
    hurst, beta : float
        Hurst index H; scaling exponent.
    depth : int
        L.

    Returns
    -------
    float

    Examples
    --------
    Independent layers have E D = (1 + kappa a^2)^L - 1:

    >>> round(math.exp(log_displacement(Branch(), 0.5, 0.5, 2)), 12)
    0.5625
    """
    return _log_displacement(branch, fractional_noise(hurst, depth), beta, depth)


def displacement_slope(branch: Branch, hurst: float, beta: float, depth: int) -> Estimate:
    """Return d log E D / d log L at fixed beta and H, with an estimate of its error.

    Central differences over L +- 1 and L +- 2, extrapolated; the error is what extrapolation changed.

    Parameters
    ----------
    branch, hurst, beta, depth
        As for :func:`log_displacement`; the depth is at least 5.

    Returns
    -------
    Estimate

    Examples
    --------
    Independent layers have D of order L a^2 = L^(1 - 2 beta):

    >>> round(displacement_slope(Branch(), 0.5, 1.0, 200).value, 2)
    -1.0
    """
    check_integer("depth", depth, 5, MAXIMAL_DEPTH - 2)
    rho = fractional_noise(hurst, depth + 2)
    narrow, wide = (
        (_log_displacement(branch, rho, beta, depth + n) - _log_displacement(branch, rho, beta, depth - n))
        / math.log((depth + n) / (depth - n))
        for n in (1, 2)
    )
    return Estimate(narrow + (narrow - wide) / 3, abs(narrow - wide) / 3)


@dataclass(frozen=True)
class EffectiveExponents:
    """Exponents of the transition at finite depth.

    Parameters
    ----------
    stationary
        The beta at which d log E D / d log L = 0: the displacement does not move with the depth.
    contour
        The beta at which E D = 1.
    """

    stationary: Estimate
    contour: Estimate


def effective_exponents(branch: Branch, hurst: float, depth: int) -> EffectiveExponents:
    """Effective critical exponents of fractional noise at depth L, errors of root-finding and differences included.

    Both tend to the critical exponent as L -> infinity, slowly, and differ from each other at any depth.

    Parameters
    ----------
    branch, hurst, depth
        As for :func:`log_displacement`; the depth is at least 5.

    Returns
    -------
    EffectiveExponents

    Examples
    --------
    Independent layers have D = 1 where (1 + a^2/2)^L = 2:

    >>> found = effective_exponents(Branch(), 0.5, 100).contour
    >>> round(found.value, 9), round(-math.log(2.0 * math.expm1(math.log(2.0) / 100)) / (2.0 * math.log(100)), 9)
    (0.464159631, 0.464159631)
    """

    def slope(beta: float) -> Estimate:
        return displacement_slope(branch, hurst, beta, depth)

    tolerance, step = 2 * _ROOT_TOLERANCE, 1e-4
    stationary = _root(lambda beta: slope(beta).value)
    steepness = abs(slope(stationary + step).value - slope(stationary - step).value) / (2 * step)
    error = tolerance + slope(stationary).error / steepness
    contour = _root(lambda beta: log_displacement(branch, hurst, beta, depth))
    return EffectiveExponents(Estimate(stationary, error), Estimate(contour, tolerance))


def limiting_exponent(branch: Branch, hurst: float, depths: tuple[int, ...] = (125, 250, 500, 1000, 2000)) -> Estimate:
    """Extrapolate the stationary exponent to infinite depth; the error is an estimate, not a bound.

    The exponents at the given depths are fitted by beta_c + sum_i A_i L^(-p_i) with as many terms as depths allow, p_i
    the smallest sums of the two correction rates: 2H - 1 and 2 - 2H for H > 1/2 (C7), 1 - 2H and 1 below. The error is
    twice the largest change when one or two of the outer depths are left out, each with one term. It is large where a
    rate is small (H near 1/2 or 1): such depths do not determine the limit.

    Parameters
    ----------
    branch : Branch
        res-3 with ReLU.
    hurst : float
        Hurst index H.
    depths : tuple of int
        At least four, increasing.

    Returns
    -------
    Estimate

    Raises
    ------
    HypothesisError
        For other branches, whose correction rates are not known.
    SpecificationError
        If the depths are too few or do not increase.

    Examples
    --------
    >>> found = limiting_exponent(Branch(), 0.5, (20, 40, 80, 160))
    >>> abs(found.value - 0.5) <= found.error < 0.01
    True
    """
    if check_branch("the extrapolation", branch, inner=True) != 0.0:
        raise HypothesisError(f"the extrapolation needs ReLU, not {branch}")
    if len(depths) < 4 or sorted(set(depths)) != list(depths):
        raise SpecificationError("extrapolation needs at least four increasing depths")
    values = [effective_exponents(branch, hurst, L).stationary for L in depths]
    parts = (slice(None), slice(1, None), slice(-1), slice(2, None), slice(1, -1))
    fits = [_extrapolate(depths[part], values[part], hurst) for part in parts]
    moved = max(abs(fit.value - fits[0].value) for fit in fits[1:])
    return Estimate(fits[0].value, 2 * moved + fits[0].error)


_ROOT_TOLERANCE = 1e-10


def _root(function: Callable[[float], float]) -> float:
    """Return the root of a decreasing function of beta in [0, 1.5]."""
    from scipy.optimize import brentq

    low, high = 0.0, 1.5
    if function(low) <= 0 or function(high) >= 0:
        raise HypothesisError("there is no transition for beta in [0, 1.5] at this depth")
    return float(brentq(function, low, high, xtol=_ROOT_TOLERANCE, rtol=1e-14))


def _extrapolate(depths: tuple[int, ...], values: list[Estimate], hurst: float) -> Estimate:
    """Constant term of the fit through all points, and what their errors do to it."""
    logs = np.log(np.array(depths, dtype=np.float64))
    terms = _correction_terms(hurst, logs.size - 1)
    basis = np.stack([np.ones(logs.size), *(np.exp(-rate * logs) * logs**power for rate, power in terms)], axis=1)
    weights = np.linalg.inv(basis)[0]
    return Estimate(float(weights @ [v.value for v in values]), float(np.abs(weights) @ [v.error for v in values]))


def _correction_terms(hurst: float, count: int) -> list[tuple[float, int]]:
    """Return the slowest correction terms L^-rate (log L)^power: sums of two rates, a logarithm where sums coincide."""
    if hurst == 0.5:
        return [(float(n), 0) for n in range(1, count + 1)]
    first, second = (2 * hurst - 1, 2 - 2 * hurst) if hurst > 0.5 else (1 - 2 * hurst, 1.0)
    pairs = [(i, j) for i in range(count + 1) for j in range(count + 1) if i + j > 0]
    rates = sorted(round(i * first + j * second, 9) for i, j in pairs)[:count]
    return [(rate, rates[:n].count(rate)) for n, rate in enumerate(rates)]


def _log_displacement(branch: Branch, rho: FloatArray, beta: float, depth: int) -> float:
    check_finite("beta", beta)
    return float(wide_network(branch, rho[:depth], depth**-beta, depth).log_displacement[-1])


def _matrix(correlation: ArrayLike, depth: int) -> FloatArray:
    """Return a matrix of correlations; an autocovariance becomes a Toeplitz view without a copy."""
    rho = np.asarray(correlation, dtype=np.float64)
    if not np.all(np.isfinite(rho)) or rho.shape not in ((depth,), (depth, depth)):
        raise SpecificationError(
            f"correlations have shape {rho.shape}; give finite numbers of shape ({depth},) or ({depth}, {depth})"
        )
    unit = rho[:1] if rho.ndim == 1 else np.diagonal(rho)
    # 1e-9: rounding of a covariance computed elsewhere
    if np.any(np.abs(unit - 1) > 1e-9) or np.any(np.abs(rho) > 1 + 1e-9):
        raise SpecificationError("correlations must be 1 on the diagonal and between -1 and 1 elsewhere")
    if rho.ndim == 2:
        return rho if rho.flags.writeable else rho.copy()  # the kernel's signature wants arrays it may write to
    both = np.concatenate([rho[::-1], rho[1:]])
    step = both.strides[0]
    return np.lib.stride_tricks.as_strided(both[depth - 1 :], (depth, depth), (-step, step))
