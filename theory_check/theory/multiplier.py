"""The one-layer multiplier of a residual network with independent Gaussian weights.

Notation
    h_{k+1} = h_k + a_k V_{k+1} g(h_k), k = 0..L-1, h_k in R^d; the entries of V have variance v_V / d.
    linear  g(h) = h.
    res-3   g(h) = sigma(W h), sigma(x) = x for x > 0 and slope * x otherwise; the entries of W have variance v_W / d.
    gain    v_V for linear, v_V * v_W for res-3: it enters every law through a^2 * gain only.
    kappa   E ||g(h)||^2 / ||h||^2 times the gain: gain (linear), gain (1 + slope^2) / 2 (res-3).

Given h, the vector V g(h) is isotropic with squared scale S ||h||^2 per coordinate for every h, so that
``||h_{k+1}||^2 / ||h_k||^2`` are independent copies (one per layer) of

    M = (1 + a sqrt(S) z)^2 + a^2 S chi2_{d-1},
    S = gain / d                                         (linear)
    S = gain (chi2_N + slope^2 chi2_{d-N}) / d^2         (res-3, N binomial(d, 1/2), the positive coordinates of W h).

Source: Marion, Fermanian, Biau, Vert, Scaling ResNets in the Large-depth Regime (2022; JMLR 26(56), 2025) for the
setting. Everything in this module is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.theory.hypotheses import check_branch

LINEAR = Branch("linear")


@dataclass(frozen=True)
class Multiplier:
    """The law of the squared norm ratio of one layer, before its scaling a is chosen.

    Parameters
    ----------
    width : int
        Dimension d of the hidden state.
    branch : Branch
        Linear, or piecewise linear with weights W inside the activation.
    gain : float
        Variance of sqrt(d) V, times that of sqrt(d) W for branches with W.

    Raises
    ------
    HypothesisError
        For any other branch.
    """

    width: int
    branch: Branch = LINEAR
    gain: float = 1.0

    def __post_init__(self) -> None:
        if self.width < 1:
            raise SpecificationError(f"width must be a positive integer, not {self.width!r}")
        check_branch("the one-layer law", self.branch, closed=True)
        if not (self.gain > 0 and math.isfinite(self.gain)):
            raise SpecificationError(f"gain must be positive and finite, not {self.gain!r}")

    @property
    def has_inner(self) -> bool:
        """Whether S is random: weights W inside the activation."""
        return self.branch.has_inner

    @property
    def slope(self) -> float:
        """Slope of the activation on negative inputs: 0 is ReLU, 1 the identity."""
        return check_branch("the one-layer law", self.branch)

    @property
    def kappa(self) -> float:
        """Mean of ||V g(h)||^2 / ||h||^2: the growth rate of the squared norm per unit of a^2."""
        assert self.branch.kappa is not None
        return self.gain * self.branch.kappa

    @property
    def atom(self) -> float:
        """Probability that S = 0, hence that the layer is the identity: 2^-d for ReLU, 0 otherwise."""
        return 2.0**-self.width if self.has_inner and self.slope**2 == 0 else 0.0

    def log_scale_moment(self, order: int) -> float:
        """Logarithm of E S^order, for an integer order >= 0."""
        count = check_count("order", order, 0)
        return _log_scale_moment(self.width, self.gain, self.slope if self.has_inner else None, count)

    def scale_moment(self, order: int) -> float:
        """E S^order; E S = kappa / d."""
        return math.exp(self.log_scale_moment(order))


@lru_cache(2**12)
def _log_scale_moment(width: int, gain: float, slope: float | None, order: int) -> float:
    """Return log E S^order, which each layer of a network asks for; without weights W there is no slope.

    Given N, chi2_N and chi2_{d-N} are independent with E (chi2_n)^j = 2^j Gamma(n/2 + j) / Gamma(n/2), so
    E (chi2_N + slope^2 chi2_{d-N})^k is a binomial sum of positive terms, summed here in logarithms.
    """
    d = width
    if order == 0:
        return 0.0
    if slope is None:
        return order * math.log(gain / d)
    from scipy.special import gammaln, logsumexp, xlogy

    def log_chi2_moment(n: FloatArray, j: FloatArray) -> FloatArray:
        """Logarithm of E (chi2_n)^j, with chi2_0 = 0 and 0^0 = 1."""
        safe = np.maximum(n, 1.0)
        value = gammaln(safe / 2 + j) - gammaln(safe / 2) + j * math.log(2.0)
        return np.where(n > 0, value, np.where(j == 0, 0.0, -np.inf))

    N = np.arange(d + 1.0)[:, None]
    j = np.arange(order + 1.0)[None, :]
    with np.errstate(divide="ignore"):
        log_binomials = (
            gammaln(d + 1) - gammaln(N + 1) - gammaln(d - N + 1) - d * math.log(2.0)
            + gammaln(order + 1) - gammaln(j + 1) - gammaln(order - j + 1)
        )  # fmt: skip
        terms = log_binomials + log_chi2_moment(N, j) + log_chi2_moment(d - N, order - j) + xlogy(order - j, slope**2)
    return float(logsumexp(terms)) + order * math.log(gain / d**2)


def layer_groups(scaling: ArrayLike, depth: int | None = None) -> tuple[FloatArray, FloatArray]:
    """Distinct absolute scalings of the layers and the number of layers of each.

    The weights are symmetric, so the sign of a scaling changes no law.

    Parameters
    ----------
    scaling
        The sequence a_0..a_{L-1}, or one number shared by all layers.
    depth
        L, with a single scaling only.

    Returns
    -------
    values, counts
        Float arrays of the same length; the counts add up to L.
    """
    a = np.abs(np.asarray(scaling, dtype=np.float64))
    if not np.all(np.isfinite(a)):
        raise SpecificationError("scalings must be finite numbers")
    if a.ndim == 0:
        if depth is None or depth < 1:
            raise SpecificationError(f"a single scaling needs a depth >= 1, not {depth!r}")
        return a.reshape(1), np.array([float(depth)])
    if a.ndim != 1 or a.size == 0:
        raise SpecificationError(f"scalings must be a number or a non-empty sequence, not an array of shape {a.shape}")
    if depth is not None and depth != a.size:
        raise SpecificationError(f"depth {depth} differs from the number of scalings, {a.size}; leave depth out")
    values, counts = np.unique(a, return_counts=True)
    return values, counts.astype(np.float64)
