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

Finite width. With J = dh_L/dh_0 and a p_L of uniform direction E D* = E ||J - I||_F^2 / d, and J h_0 = h_L by
homogeneity: the direction of h_0 alone contributes D/d for all weights. To leading order the other d - 1
directions have the value of infinite width:

    E D* = (1 - 1/d) (C*(0, 0) - 1) + (C(L, L) - 1)/d + ...

The infinite-width value is exact up to rounding, at the given depth. Quadratic in the depth, in plain NumPy.

Source: derived; gradient independence: Yang, Tensor Programs II (2020), where weights may be tied.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_finite, check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.theory.hypotheses import check_branch

#: Largest depth: the moments of all pairs of layers are kept, 200 MB.
MAXIMAL_DEPTH = 5000


def log_gradient_displacement(
    branch: Branch, autocovariance: ArrayLike, beta: float, depth: int, *, width: float = math.inf
) -> float:
    """Logarithm of E ||p_0 - p_L||^2 / ||p_L||^2 for stationary weights, a = L^(-beta).

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
    width : float
        Infinite, or d: then to leading order in 1/d.

    Returns
    -------
    float
        Infinite beyond e^709.

    Raises
    ------
    HypothesisError
        For other branches, whose recursion is not closed.
    SpecificationError
        If the autocovariance is not one number per layer, or the width is below 1.

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
    if not width >= 1.0:
        raise SpecificationError(f"width is {width!r}; it must be at least 1")
    with np.errstate(over="ignore", invalid="ignore"):
        gradient, output = _excesses(slope, rho, float(depth) ** (-2.0 * beta))
    excess = gradient + (output - gradient) / width
    if not math.isfinite(excess):
        return math.inf
    # E D* = C*(0, 0) - 1, as p_0 - p_L has no correlation with p_L.
    return math.log(excess) if excess > 0.0 else -math.inf


def _excesses(slope: float, rho: FloatArray, squared: float) -> tuple[float, float]:
    """E D* and E D from a forward sweep over rows of C, which leaves E[sigma' sigma'], and a backward one of C*.

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
    output = float(row[depth])
    row = np.zeros(depth + 1)
    for k in range(depth - 1, -1, -1):
        q = squared * rho[: depth - k] ** 2 * derivatives[k:, k] * (1.0 + row[k + 1 :])
        following = np.zeros(depth + 1)
        following[k + 1 : depth] = row[k + 1 : depth] + np.cumsum(q[:0:-1])[::-1]
        following[k] = 2.0 * following[k + 1] - row[k + 1] + q[0]
        row = following
    return float(row[0]), output
