"""Gradients of single weights of a network with independent Gaussian weights: moments and law (E10, E16).

Notation
    V_k, W_k weights of layer k; G_k = ||dLoss/dV_k||_F^2 / (||h_0||^2 ||p_L||^2) and the same for W_k; S, M and kappa
    as in ``multiplier``; R_n the norm ratio of n layers.

dLoss/dV_k = a p_k g(h_{k-1})^T and dLoss/dW_k = a q_k h_{k-1}^T, q_k = sigma'(W_k h_{k-1}) * V_k^T p_k, have rank one:

    G_k = a^2 (||g(h_{k-1})||^2 / ||h_{k-1}||^2) (||h_{k-1}||^2 / ||h_0||^2) (||p_k||^2 / ||p_L||^2)         (V_k)
    G_k = a^2 (||q_k||^2 / ||p_k||^2)            (||h_{k-1}||^2 / ||h_0||^2) (||p_k||^2 / ||p_L||^2)         (W_k).

By E16 the three ratios are independent for symmetric weights (the Jacobians of different layers are, for any states),
the second belongs to k - 1 layers and the third to L - k. Gaussian weights: the first has the law of d S either way,
and R_{L-k} backward that of R_{L-k} forward, hence **one law for every k, for V_k and for W_k**:

    G_k = a^2 d S R_{L-1} in law,    E G_k = kappa a^2 (1 + kappa a^2)^(L-1),    E G_k^2 = a^4 d^2 E S^2 (E M^2)^(L-1).

The mean needs symmetric weights of unit variance alone. For entries of kurtosis at most 3 the second moment is an upper
bound: each of the three factors has at most its Gaussian second moment (see ``moments``; backward, V^T and W^T take the
places of W and V, the signs of W h being fair coins).

Unequal factors. The same with a_k in front and the product over the other layers: E G_k = kappa a_k^2 prod_{j != k}
(1 + kappa a_j^2), which is flat in k no more, and E G_k^2 with (E M_j^2) likewise.

Neighbours, linear branch. G_k / G_{k+1} = (a_k / a_{k+1})^2 (||p_k||^2 / ||p_{k+1}||^2) / (||h_k||^2 / ||h_{k-1}||^2):
layer k + 1 backward over layer k forward, two independent multipliers whatever the other layers are.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting. Exact; the law up to ``error``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count, check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.theory.depth_law import DepthLaw, depth_law
from theory_check.theory.moments import log_norm_ratio_moment
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.one_layer import CDF_ERROR, log_multiplier
from theory_check.theory.scale_mixture import scale_nodes

#: Accuracy of the quadrature over S, and mass of S that may be moved.
_QUADRATURE_ERROR = 1e-9

#: Mass of a point of a grid that is left out.
_NEGLIGIBLE = 1e-15

#: Points of the table of the distribution function.
_TABLE = 4001

#: Nodes of S from which the sum over them is a convolution on their grid.
_FEW = 1000


def mean_weight_gradient(multiplier: Multiplier, a: float, depth: int) -> float:
    """E G_k = kappa a^2 (1 + kappa a^2)^(L-1), every symmetric law, every layer.

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    a : float
        The scaling factor of every layer.
    depth : int
        L.

    Returns
    -------
    float

    Examples
    --------
    >>> round(mean_weight_gradient(Multiplier(5), 0.5, 3), 12)
    0.390625
    """
    return multiplier.kappa * a**2 * math.exp(_log_growth(multiplier, a, depth, 1))


def weight_gradient_variance(multiplier: Multiplier, a: float, depth: int) -> float:
    """Var G_k for Gaussian weights, every layer; an upper bound for kurtosis at most 3.

    Parameters
    ----------
    multiplier, a, depth
        As for :func:`mean_weight_gradient`.

    Returns
    -------
    float

    Examples
    --------
    Two linear layers with a = 1: G_k = R_1, of variance 3 at width 2.

    >>> round(weight_gradient_variance(Multiplier(2), 1.0, 2), 12)
    3.0
    """
    own = multiplier.width**2 * multiplier.scale_moment(2)
    square = a**4 * own * math.exp(_log_growth(multiplier, a, depth, 2))
    return square - mean_weight_gradient(multiplier, a, depth) ** 2


def scheduled_weight_gradient(multiplier: Multiplier, factors: ArrayLike, layer: int) -> tuple[float, float]:
    """Mean and variance of G_k for layers of unequal scaling factors, Gaussian weights.

    The mean holds for every symmetric law of unit variance; the variance is an upper bound for kurtosis at most 3.

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    factors : sequence of float
        a_1, ..., a_L.
    layer : int
        k, from 1 to L.

    Returns
    -------
    tuple of float

    Examples
    --------
    Equal factors:

    >>> mean, variance = scheduled_weight_gradient(Multiplier(5), [0.5, 0.5, 0.5], 2)
    >>> round(mean / mean_weight_gradient(Multiplier(5), 0.5, 3), 12)
    1.0
    >>> round(variance / weight_gradient_variance(Multiplier(5), 0.5, 3), 12)
    1.0
    """
    every = np.asarray(factors, dtype=np.float64)
    check_integer("layer", layer, 1, every.size)
    square, others = float(every[layer - 1]) ** 2, np.delete(every, layer - 1)
    first, second = (
        math.exp(log_norm_ratio_moment(multiplier, others, order=n)) if others.size else 1.0 for n in (1, 2)
    )
    mean = multiplier.kappa * square * first
    return mean, square**2 * multiplier.width**2 * multiplier.scale_moment(2) * second - mean**2


def _log_growth(multiplier: Multiplier, a: float, depth: int, order: int) -> float:
    """Logarithm of E R_{L-1}^order."""
    return log_norm_ratio_moment(multiplier, a, depth - 1, order) if depth > 1 else 0.0


@dataclass(frozen=True, eq=False)
class WeightGradientLaw:
    """The law of log G_k, or of the difference of two of them, for Gaussian weights.

    Attributes
    ----------
    error : float
        Bound on sup |cdf - exact distribution function|.
    atom : float
        Probability that the gradient is 0 (no active coordinate in the layer): the mass at minus infinity.
    """

    error: float
    atom: float
    _points: FloatArray = field(repr=False)
    _values: FloatArray = field(repr=False)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(log G_k <= x)."""
        return np.asarray(np.interp(np.asarray(x, dtype=np.float64), self._points, self._values, left=self.atom))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Smallest x from :attr:`lower` on with cdf(x) >= p: of the law of log G_k cut off there."""
        return np.asarray(np.interp(np.asarray(p, dtype=np.float64), self._values, self._points))

    @property
    def lower(self) -> float:
        """Below it there is the atom alone, to within the error."""
        return float(self._points[0])


def weight_gradient_law(multiplier: Multiplier, a: float, depth: int) -> WeightGradientLaw:
    """Return the law of log G_k: a mixture over S of shifted laws of log R_{L-1}.

    Parameters
    ----------
    multiplier : Multiplier
        Of gain 1.
    a : float
        The scaling factor of every layer.
    depth : int
        L, at least 2.

    Returns
    -------
    WeightGradientLaw

    Raises
    ------
    SpecificationError
        For another gain.

    Examples
    --------
    Two linear layers have G_k = a^2 R_1:

    >>> law, other = weight_gradient_law(Multiplier(3), 0.5, 2), depth_law(Multiplier(3), 0.5, 1)
    >>> abs(float(law.cdf(math.log(0.25)) - other.cdf(0.0))) < law.error < 1e-3
    True
    """
    check_count("depth", depth, 2)
    if multiplier.gain != 1.0:
        raise SpecificationError(f"the law of a weight gradient needs weights of gain 1, not {multiplier.gain!r}")
    others = depth_law(multiplier, a, depth - 1)
    # Given S the distribution function is that of log R, as steep as its deviation s is small. Its Fourier transform
    # at 2 pi / step is that of log R, about exp(-(2 pi s / step)^2 / 2): below 1e-9 for steps up to 2 pi s / 6.5.
    low, high = (float(x) for x in others.quantile(np.array([0.1587, 0.8413])))
    scales, weights = scale_nodes(multiplier, math.pi * (high - low) / 6.5)
    shifts = np.log(a**2 * multiplier.width * scales)
    # Nodes that carry almost nothing would stretch the table; their mass is moved to the lowest that is kept.
    order = np.argsort(shifts)
    first = int(np.searchsorted(np.cumsum(weights[order]), _QUADRATURE_ERROR))
    below = order[:first]
    weights, shifts = weights.copy(), shifts.copy()
    shifts[below] = shifts[order[first]]
    if shifts.size > _FEW:
        points, values = _convolved(others, np.log(a**2 * multiplier.width * scales), weights)
    else:
        points = np.linspace(others.lower + shifts.min(), others.upper + shifts.max(), _TABLE)
        values = sum(w * others.cdf(points - s) for s, w in zip(shifts, weights, strict=True))
    values = multiplier.atom + values
    # Linear interpolation is within an eighth of the second difference, up to terms of higher order.
    interpolation = float(np.max(np.abs(np.diff(values, 2)))) / 4
    error = others.error + 2 * _QUADRATURE_ERROR + interpolation
    return WeightGradientLaw(error, multiplier.atom, points, np.maximum.accumulate(values))


def neighbour_ratio_law(width: int, a: float) -> WeightGradientLaw:
    """Return the law of log (G_k / G_{k+1}) in a linear network: log M less an independent copy of it.

    The sum over the grid of one copy, on which smooth functions are integrated to rounding, of the distribution
    function of the other.

    Parameters
    ----------
    width : int
    a : float
        The scaling factor of every layer.

    Returns
    -------
    WeightGradientLaw

    Examples
    --------
    It is symmetric:

    >>> round(float(neighbour_ratio_law(4, 0.5).cdf(0.0)), 9)
    0.5
    """
    layer = log_multiplier(Multiplier(width), a)
    (panel,) = layer.panels
    reach = float(panel.nodes[-1] - panel.nodes[0])
    points = np.linspace(-reach, reach, _TABLE)
    kept = panel.weights > _NEGLIGIBLE
    values = np.array([float(panel.weights[kept] @ layer.cdf(x + panel.nodes[kept])) for x in points])
    interpolation = float(np.max(np.abs(np.diff(values, 2)))) / 4
    error = CDF_ERROR + _NEGLIGIBLE * panel.weights.size + interpolation
    return WeightGradientLaw(error, 0.0, points, np.maximum.accumulate(values))


def _convolved(others: DepthLaw, shifts: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return points and sum_j w_j F(x - s_j) there, F that of a narrow law, on the even grid of many shifts s_j."""
    step = float(shifts[-1] - shifts[0]) / (shifts.size - 1)
    window = np.arange(math.floor(others.lower / step), math.ceil(others.upper / step) + 1)
    points = shifts[0] + step * np.arange(window[0], shifts.size + window[-1])
    # Shifts so far below a point that F is 1 count in full.
    full = np.zeros(points.size)
    full[window.size :] = np.cumsum(weights)[: points.size - window.size]
    return points, full + np.convolve(weights, others.cdf(step * window))
