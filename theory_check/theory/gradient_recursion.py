"""Second moments of the gradient along residual networks of infinite width with correlated weights, res-3 (C4).

Notation
    As in ``infinite_width``: C(k, l) of the forward pass, c its correlation, rho the correlation across layers, of V
    and of W alike; p_k = dLoss/dh_k, C*(k, l) = lim E <p_k, p_l> / ||p_L||^2 as d -> infinity.

Derivation. p_k = p_{k+1} + a W^T Delta V^T p_{k+1} with W, V, Delta of layer k + 1. With a p_L that does not depend on
the weights, the transposed matrices of the backward pass behave at infinite width like independent copies of those of
the forward pass, across layers with the same correlation (gradient independence). Hence, with Delta_k = sigma'(W_k h_k)

    C*(k, l) = C*(k+1, l) + C*(k, l+1) - C*(k+1, l+1) + q*(k, l),              C*(L, l) = C*(k, L) = 1,
    q*(k, l) = a^2 rho(k - l)^2 E[sigma'(u) sigma'(v)] C*(k+1, l+1),
    E[sigma'(u) sigma'(v)] = s + (1 - s)^2 (1/4 + asin(rho c(k, l)) / (2 pi)),

u and v standard normal with correlation rho c(k, l). For independent layers both directions give (1 + kappa a^2)^L
(E1, E16). Otherwise they differ: between distant layers q of the forward pass is of order rho, because a rectified
vector has a mean, and q* is of order rho^2.

Finite width. With J = dh_L/dh_0 and a p_L of uniform direction E D* = E ||J - I||_F^2 / d. By homogeneity J h_0 = h_L,
so that one direction in d moves as the output does, the others by tangents x of J that are orthogonal to h_0:

    E D* = E D / d + (1 - 1/d) E ||J x - x||^2 >= E D / d                                           (at every width)

To first order in a^2 all of it is a sum over pairs of layers. The states do not move: W_k h_0 and W_l h_0 have
coordinates u, v of correlation rho = rho(k - l), W_k x and W_l x independent ones of the same correlation, hence

    E D* = a^2 sum_kl [(1 - 1/d) rho^2 E[sigma'(u) sigma'(v)] + (1/d) rho E[sigma(u) sigma(v)]] + O(a^4),
    E[sigma(u) sigma(v)] = arc(rho)/2 for ReLU                                                      (at every width)

Beyond that order tangents have terms of order 1/d of their own, which are not derived: E J is not the identity, since a
later layer remembers an earlier one and responds to it. They are large, and (1 - 1/d) D*_inf + D_inf/d is no
approximation to 1/d: at H = .7, beta = .5, L = 16 the coefficient of 1/d is 1.4 (brute force, widths 8 to 32), its .56.

Second moment at first order, ReLU. Given u and m_k = sqrt(d) V_k^T p_L / ||p_L||, the d coordinates are independent,
(W_k^T Delta_k m_k summed over k) is N(0, Q/d) in d - 1 directions and P along h_0, with averages over the coordinates
Q = avg sum_kl rho sigma'(u_k) sigma'(u_l) m_k m_l and P = avg sum_k sigma(u_k) m_k, P ~ N(0, T/d) given u for
T = avg sum_kl rho sigma(u_k) sigma(u_l). So D*/a^2 = Q chi2_{d-1}/d + P^2. For one coordinate, by Wick's formula for
m_k and P(all four active) <= sqrt(p_kl p_mn), p = E[sigma'(u) sigma'(v)], and by Minkowski's inequality,

    E Q^2 <= (sum rho^2 sqrt p)^2 + 2 tr(A R A R), R = |rho|, A = |rho| sqrt p;
    ||T||_2 <= sum |rho| sqrt(E[sigma(u)^2 sigma(v)^2]);

E[sigma(u)^2 sigma(v)^2] = (3 rho sqrt(1 - rho^2) + (1 + 2 rho^2) (pi/2 + asin rho)) / (2 pi), and the cross term is
at most the product of ||Q||_2 and ||P^2||_2, the latter of square 3 E T^2 / d^2.

The infinite-width value is exact up to rounding, at the given depth. Quadratic in the depth, in plain NumPy.

Source: derived; gradient independence: Yang, Tensor Programs II (2020), where weights may be tied;
E[sigma(u)^2 sigma(v)^2]: Cho and Saul (2009), kernel of order 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_finite, check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.theory.hypotheses import check_branch

#: Largest depth: the moments of all pairs of layers are kept, 200 MB.
MAXIMAL_DEPTH = 5000


def log_gradient_displacement(branch: Branch, autocovariance: ArrayLike, beta: float, depth: int) -> float:
    """Logarithm of E ||p_0 - p_L||^2 / ||p_L||^2 at infinite width for stationary weights, a = L^(-beta).

    Parameters
    ----------
    branch : Branch
        Piecewise linear, with weights inside and without bias.
    autocovariance : array_like, shape (L,)
        Correlation of an entry of V, and of W, with itself n layers later, n = 0..L-1.
    beta : float
        Scaling exponent.
    depth : int
        L.

    Returns
    -------
    float
        Infinite beyond e^709.

    Raises
    ------
    HypothesisError
        For other branches, whose recursion is not closed.
    SpecificationError
        If the autocovariance is not one number per layer.

    Examples
    --------
    Independent layers have E D* = (1 + kappa a^2)^L - 1:

    >>> round(math.exp(log_gradient_displacement(Branch(), [1.0, 0.0], 0.5, 2)), 12)
    0.5625
    """
    slope = check_branch("the gradient's recursion", branch, inner=True)
    check_finite("beta", beta)
    check_integer("depth", depth, 1, MAXIMAL_DEPTH)
    rho = np.asarray(autocovariance, dtype=np.float64)
    if rho.shape != (depth,):
        raise SpecificationError(f"the autocovariance has shape {rho.shape}; give ({depth},) numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        excess = _excess(slope, rho, float(depth) ** (-2.0 * beta))
    if not math.isfinite(excess):
        return math.inf
    # E D* = C*(0, 0) - 1, as p_0 - p_L has no correlation with p_L.
    return math.log(excess) if excess > 0.0 else -math.inf


@dataclass(frozen=True)
class SmallDisplacement:
    """Means of D* and D divided by a^2 as a -> 0, res-3 with ReLU and stationary weights, exact at every width.

    Attributes
    ----------
    gradient : float
        E D*/a^2.
    output : float
        E D/a^2, which does not depend on the width.
    """

    gradient: float
    output: float


def small_displacement(autocovariance: ArrayLike, width: float = math.inf) -> SmallDisplacement:
    """Return the means of displacements that are small against 1, to first order in a^2.

    Parameters
    ----------
    autocovariance : array_like, shape (L,)
        Correlation of an entry of V, and of W, with itself n layers later, n = 0..L-1.
    width : float
        d, or infinite.

    Returns
    -------
    SmallDisplacement

    Examples
    --------
    Independent layers add up, kappa = 1/2 each:

    >>> found = small_displacement([1.0, 0.0, 0.0], width=8)
    >>> found.gradient, found.output
    (1.5, 1.5)
    """
    rho = _autocovariance(autocovariance, width)
    pairs = np.r_[rho.size, 2.0 * (rho.size - np.arange(1.0, rho.size))]
    root, angle = np.sqrt(1.0 - rho * rho), math.pi / 2.0 + np.arcsin(rho)
    tangent = float(pairs @ (rho * rho * angle)) / (2.0 * math.pi)
    output = float(pairs @ (rho * (root + rho * angle))) / (2.0 * math.pi)
    return SmallDisplacement(tangent + (output - tangent) / width, output)


def small_gradient_variance(autocovariance: ArrayLike, width: float) -> float:
    """Return a bound of the variance of D*/a^2 as a -> 0, res-3 with ReLU; about twice the variance for long memory.

    Parameters
    ----------
    autocovariance, width
        As for :func:`small_displacement`; products of matrices of the depth's size.

    Returns
    -------
    float

    Examples
    --------
    A single layer, where only the term of both Q and P is not exact:

    >>> round(small_gradient_variance([1.0], 4), 2)
    0.75
    """
    rho = _autocovariance(autocovariance, width)
    depth, share = rho.size, 1.0 / width
    memory = np.abs(rho[np.abs(np.subtract.outer(np.arange(depth), np.arange(depth)))])
    signed = rho[np.abs(np.subtract.outer(np.arange(depth), np.arange(depth)))]
    root, angle = np.sqrt(1.0 - signed * signed), math.pi / 2.0 + np.arcsin(signed)
    both = memory * np.sqrt(angle / (2.0 * math.pi))
    product = both @ memory
    moved = float(np.sum(memory * both)) ** 2 + 2.0 * float(np.sum(product * product.T))
    squares = (3.0 * signed * root + (1.0 + 2.0 * signed * signed) * angle) / (2.0 * math.pi)
    along = float(np.sum(memory * np.sqrt(squares))) ** 2
    # E of the square of an average of d independent values, from mean and second moment of one.
    means = small_displacement(rho)
    moved = (1.0 - share) * means.gradient**2 + share * moved
    along = (1.0 - share) * means.output**2 + share * along
    second = (1.0 - share**2) * moved + 2.0 * (1.0 - share) * share * math.sqrt(3.0 * moved * along)
    return second + 3.0 * share**2 * along - small_displacement(rho, width).gradient ** 2


def _autocovariance(values: ArrayLike, width: float) -> FloatArray:
    rho = np.asarray(values, dtype=np.float64)
    if rho.ndim != 1 or rho.size == 0:
        raise SpecificationError(f"the autocovariance has shape {rho.shape}; give one number per layer")
    if not width >= 1.0:
        raise SpecificationError(f"width is {width!r}; it must be at least 1")
    return rho


def _excess(slope: float, rho: FloatArray, squared: float) -> float:
    """E D* from a forward sweep over rows of C, which leaves E[sigma' sigma'], and a backward one of C*.

    Rows are of C - 1 and C* - 1, so that small displacements keep their digits. Entries beyond the diagonal follow by
    symmetry: C(k, k+1) = C(k+1, k).
    """
    depth, rectified = rho.size, (1.0 - slope) ** 2
    derivatives = np.empty((depth, depth))
    diagonal = np.empty(depth)
    row = np.zeros(depth + 1)
    for k in range(depth):
        diagonal[k] = 1.0 + row[k]
        r = rho[k::-1]
        norms = np.sqrt(diagonal[k] * diagonal[: k + 1])
        x = np.clip(r * (1.0 + row[: k + 1]) / norms, -1.0, 1.0)
        angle = np.arcsin(x)
        derivatives[k, : k + 1] = slope + rectified * (0.25 + angle / (2.0 * math.pi))
        arc = (np.sqrt(1.0 - x * x) + x * (math.pi / 2.0 + angle)) / math.pi
        q = squared * r * norms * (rectified / 2.0 * arc + slope * x)
        following = np.zeros(depth + 1)
        # C(k+1, l) = C(k, l) + the sum of q(k, m) over m < l.
        following[1 : k + 1] = row[1 : k + 1] + np.cumsum(q[:k])
        following[k + 1] = 2.0 * following[k] - row[k] + q[k]
        row = following
    row = np.zeros(depth + 1)
    for k in range(depth - 1, -1, -1):
        q = squared * rho[: depth - k] ** 2 * derivatives[k:, k] * (1.0 + row[k + 1 :])
        following = np.zeros(depth + 1)
        following[k + 1 : depth] = row[k + 1 : depth] + np.cumsum(q[:0:-1])[::-1]
        following[k] = 2.0 * following[k + 1] - row[k + 1] + q[0]
        row = following
    return float(row[0])
