"""Critical scaling exponents at finite depth and in the limit, of a network or over the Hurst index (C3, C4, P9).

All are of infinite width but that of the gradient, which is to leading order in 1/d. Curves over the Hurst index are
those of a phase map.

Limits, res-3 with a rectifier. Over the L^2 pairs of layers, a^2 rho is summed forward and a^2 rho^2 backward (see
``gradient_recursion``). With rho(n) of order n^(2H-2) the sums are of order L^max(1, 2H) and L^max(1, 4H-2): critical
exponents max(1/2, H) of the output (C3), max(1/2, 2H - 1) of the gradient. The latter needs the width to go to infinity
first: at fixed width E D* is at least of order D/d, and the exponent is that of the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.foundation.stored_values import stored
from theory_check.networks.branches import Branch
from theory_check.networks.covariances import fractional_noise
from theory_check.networks.weights import Weights
from theory_check.theory.estimates import Estimate
from theory_check.theory.gradient_recursion import MAXIMAL_DEPTH, log_gradient_displacement
from theory_check.theory.hypotheses import check_branch
from theory_check.theory.infinite_width import MAXIMAL_DEPTH as DEEPEST
from theory_check.theory.infinite_width import effective_exponents, limiting_exponent, wide_network

#: How the names of the threads begin: the command line leaves without them.
THREADS = "theory-check curves"

#: Processor seconds of a Hurst index over the squared depth, measured: both exponents with inner weights and without,
#: and the gradient's, whose recursion is in NumPy: it has besides a part that grows with the depth.
_SECONDS, _PLAIN_SECONDS, _GRADIENT_SECONDS, _GRADIENT_LAYER = 4e-7, 1.3e-7, 2.2e-7, 3e-4

#: Between these the critical exponents of one network are searched: far below, displacements overflow.
_SEARCHED = (0.2, 1.2)


@stored
def contour(branch: Branch, weights: Weights, depth: int) -> float:
    """Return the beta at which E D = 1 at infinite width, to 1e-5.

    Parameters
    ----------
    branch : Branch
        What is applied in each layer.
    weights : Weights
        Stationary along the layers.
    depth : int
        L.

    Returns
    -------
    float

    Examples
    --------
    Independent layers have D = 1 where (1 + a^2/2)^L = 2:

    >>> found = contour(Branch("res-3"), Weights.parse("gaussian"), 50)
    >>> round(found, 4), round(-math.log(2.0 * math.expm1(math.log(2.0) / 50), 50) / 2.0, 4)
    (0.4574, 0.4574)
    """
    return _root(lambda beta: _log_displacement(branch, weights, beta, depth), *_SEARCHED)


@stored
def stationary(branch: Branch, weights: Weights, coarse: int, fine: int) -> float:
    """Return the beta at which E D at infinite width is the same at both depths, to 1e-5.

    Parameters
    ----------
    branch, weights
        As for :func:`contour`.
    coarse, fine : int
        The two depths.

    Returns
    -------
    float

    Examples
    --------
    Independent layers tend to 1/2 as 1/L:

    >>> near, far = (stationary(Branch("linear"), Weights.parse("gaussian"), n, 2 * n) - 0.5 for n in (100, 200))
    >>> 1.5 < near / far < 2.0
    True
    """

    def growth(beta: float) -> float:
        deep, shallow = (_log_displacement(branch, weights, beta, depth) for depth in (fine, coarse))
        return deep - shallow

    return _root(growth, *_SEARCHED)


@stored
def gradient_contour(weights: Weights, depth: int, width: float) -> float:
    """Return the beta at which E D* = 1 for res-3 with ReLU, to leading order in the width and to 1e-5.

    Parameters
    ----------
    weights : Weights
        Stationary along the layers.
    depth : int
        L.
    width : float
        Infinite, or d.

    Returns
    -------
    float

    Examples
    --------
    Independent layers have D* of the law of D:

    >>> round(gradient_contour(Weights.parse("gaussian"), 50, math.inf), 4)
    0.4574
    """
    rho = weights.autocovariance(depth)
    return _root(lambda beta: log_gradient_displacement(Branch(), rho, beta, depth, width=width), *_SEARCHED)


@stored
def extrapolated_exponent(hurst: float, depth: int) -> Estimate:
    """Return the critical exponent of res-3 with ReLU, extrapolated from this depth and its halves to a sixteenth."""
    return limiting_exponent(Branch(), hurst, tuple(depth // n for n in (16, 8, 4, 2, 1)))


def _log_displacement(branch: Branch, weights: Weights, beta: float, depth: int) -> float:
    network = wide_network(branch, weights.autocovariance(depth), depth**-beta, depth)
    return float(network.log_displacement[-1])


@dataclass(frozen=True, eq=False)
class CriticalCurves:
    """Critical exponents at each Hurst index; NaN where there is none between 0 and 1.5.

    Parameters
    ----------
    hursts
        Hurst indices.
    contour, stationary
        Where E D = 1, and where d log E D / d log L = 0, at the given depth.
    gradient_contour
        Where E D* = 1 at that depth and the given width; NaN unless the branch is res-3.
    limit
        Where the displacement of the output neither vanishes nor explodes as L -> infinity.
    gradient_limit
        The same for the gradient when the width tends to infinity first; NaN unless the branch is res-3.
    """

    hursts: FloatArray = field(repr=False)
    contour: FloatArray = field(repr=False)
    stationary: FloatArray = field(repr=False)
    gradient_contour: FloatArray = field(repr=False)
    limit: FloatArray = field(repr=False)
    gradient_limit: FloatArray = field(repr=False)


def limiting_exponents(branch: Branch, hursts: ArrayLike) -> FloatArray:
    """Return the critical exponent of the output as L -> infinity (C3).

    max(H, 1/2) for res-1 and res-3 with a rectifier, max(1/2, 2H - 1) for res-3 with an odd activation, H for linear
    and H >= 1/2. NaN for H < 1/2 without inner weights: there the contraction C6, of finite width, rules.
    """
    h = np.atleast_1d(np.asarray(hursts, dtype=np.float64))
    if branch.has_inner:
        odd = check_branch("the exponent", branch) == 1.0
        return np.maximum(0.5, 2.0 * h - 1.0) if odd else np.maximum(0.5, h)
    return np.where(h >= 0.5, h, np.nan)


def critical_curves(
    branch: Branch, hursts: ArrayLike, depth: int, *, width: float = math.inf, threads: int = 1
) -> CriticalCurves:
    """Return the critical curves over Hurst indices; a second or two of processor time for each at depth 1000.

    For branches without inner weights and H < 1/2 all are NaN: see :func:`limiting_exponents`.

    Parameters
    ----------
    branch : Branch
        What is applied in each layer.
    hursts : array_like, shape (n,)
        Hurst indices.
    depth : int
        Depth L of the curves at finite depth.
    width : float
        Infinite, or d: then the curve of the gradient is to leading order in 1/d.
    threads : int
        Hurst indices that are computed at once.

    Returns
    -------
    CriticalCurves

    Examples
    --------
    Independent layers have D = 1 where (1 + a^2/2)^L = 2:

    >>> curves = critical_curves(Branch(), [0.5], 50)
    >>> round(float(curves.contour[0]), 4), round(-math.log(2.0 * math.expm1(math.log(2.0) / 50), 50) / 2.0, 4)
    (0.4574, 0.4574)
    """
    h = np.atleast_1d(np.asarray(hursts, dtype=np.float64))
    limit = limiting_exponents(branch, h)

    def at(hurst: float) -> tuple[float, float, float]:
        try:
            found = effective_exponents(branch, hurst, depth)
        except SpecificationError:  # too shallow, or no transition
            pair = (np.nan, np.nan)
        else:
            pair = (found.contour.value, found.stationary.value)
        return *pair, _gradient_contour(branch, hurst, depth, width)

    asked = np.isfinite(limit)
    found = np.full((h.size, 3), np.nan)
    pool = ThreadPoolExecutor(threads, THREADS)
    try:
        found[asked] = list(pool.map(at, h[asked].tolist()))
    finally:
        # An interruption drops what has not begun, and waits for nothing.
        pool.shutdown(wait=False, cancel_futures=True)
    backward = np.maximum(0.5, 2.0 * h - 1.0) if branch.has_inner else np.full(h.size, np.nan)
    return CriticalCurves(h, found[:, 0], found[:, 1], found[:, 2], limit, backward)


def curve_seconds(branch: Branch, hursts: ArrayLike, depth: int) -> float:
    """Return about how much processor time :func:`critical_curves` takes.

    Parameters
    ----------
    branch, hursts, depth
        As for :func:`critical_curves`.

    Returns
    -------
    float

    Examples
    --------
    >>> round(curve_seconds(Branch(), [0.3] * 17, 1000)), curve_seconds(Branch("linear"), [0.3], 1000)
    (16, 0.0)
    """
    points = np.count_nonzero(np.isfinite(limiting_exponents(branch, hursts)))
    squared = float(depth) ** 2
    seconds = 0.0
    if depth <= DEEPEST:
        seconds += (_SECONDS if branch.has_inner else _PLAIN_SECONDS) * squared
    if branch.has_inner and depth <= MAXIMAL_DEPTH:
        seconds += _GRADIENT_SECONDS * squared + _GRADIENT_LAYER * depth
    return float(points * seconds)


def _gradient_contour(branch: Branch, hurst: float, depth: int, width: float) -> float:
    if not branch.has_inner or depth > MAXIMAL_DEPTH:
        return float("nan")
    rho = fractional_noise(hurst, depth)
    try:
        return _root(lambda beta: min(log_gradient_displacement(branch, rho, beta, depth, width=width), 1e3))
    except HypothesisError:
        return float("nan")


def _root(function: Callable[[float], float], low: float = 0.0, high: float = 1.5) -> float:
    from scipy.optimize import brentq

    if function(low) <= 0 or function(high) >= 0:
        raise HypothesisError(f"there is no transition for beta in [{low:g}, {high:g}] at this depth")
    # Four digits are more than a picture shows.
    return float(brentq(function, low, high, xtol=1e-5))
