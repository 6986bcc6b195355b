"""Mean displacement of networks whose branch is tanh(W h + b), to second order in 1/d, Gaussian weights (E24).

Notation
    ||h_0||^2 = d, Q_k = ||h_k||^2 / d, c = E ||b||^2 / d the variance of an entry of b, S = ||g||^2 / d for
    g = tanh(W h + b); T(q) = E tanh(sqrt(q) z)^2 and F(q) = E tanh(sqrt(q) z)^4, z standard normal.

Given h_k the entries of g are independent copies of tanh(sqrt(Q + c) z), and V g is isotropic: (Q, D) is a Markov
chain,

    Q' = Q + 2 a sqrt(Q S / d) z_1 + (a^2 S / d) chi2_d,   E[S | Q] = T(Q + c),   E[S^2 | Q] = T^2 + (F - T^2)/d,

T and F at Q + c. So E D = E Q_L - 1 at every depth and width, but T is curved: E T(Q) is not T(E Q). With m and v the
mean and variance of Q, to second order,

    m' = m + a^2 (T + T'' v / 2),
    v' = (1 + a^2 T')^2 v + (4 a^2 / d) (m T + (T' + m T''/2) v) + a^4 ((1 + 2/d) E S^2 - T^2),

everything at m + c. v is of order 1/d; third cumulants of Q, which are left out, are of order 1/d^2. Infinite width has
v = 0: m' = m + a^2 T(m + c), where T tends to 1, so that D grows like a^2 L = L^(1 - 2 beta), a power and no
exponential, below beta = 1/2.

Derivatives, with s = 1 - tanh^2 and by Stein's lemma: T' = E[3 s^2 - 2 s], T'' = -E[4 s - 30 s^2 + 30 s^3].

Variance for intervals. T is concave (tested), T(q) <= alpha + beta q with the tangent at any point; with that in the
place of T the moments of degree 2 of (Q, D) obey a linear recursion whose terms are all increasing in it, an upper
bound of E D^2. The bound of Var D takes off the square of the mean less 2%.

Source: derived; setting of Marion, Fermanian, Biau, Vert (2022; JMLR 2025).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.arrays import FloatArray

#: Grid of a standard normal number: the trapezoidal rule is exact to rounding for functions analytic in a strip; what
#: the sum rounds, 1e-14, is cut off.
_POINTS = np.linspace(-9.0, 9.0, 721)
_WEIGHTS = np.exp(-0.5 * _POINTS**2) * (_POINTS[1] - _POINTS[0]) / math.sqrt(2.0 * math.pi)


@dataclass(frozen=True)
class TanhMoments:
    """T(q), its first two derivatives, and F(q)."""

    value: float
    slope: float
    curvature: float
    fourth: float


def tanh_moments(q: float) -> TanhMoments:
    """Return the moments of tanh of a centred normal number of variance q.

    Parameters
    ----------
    q : float
        Not negative.

    Returns
    -------
    TanhMoments

    Examples
    --------
    >>> tanh_moments(0.0).slope, tanh_moments(0.0).curvature
    (1.0, -4.0)
    >>> round(tanh_moments(1.0).value, 4)
    0.3943
    """
    square: FloatArray = np.tanh(math.sqrt(q) * _POINTS) ** 2
    s = 1.0 - square

    def mean(values: FloatArray) -> float:
        return round(float(_WEIGHTS @ values), 12)

    return TanhMoments(
        mean(square), mean(3.0 * s**2 - 2.0 * s), -mean(4.0 * s - 30.0 * s**2 + 30.0 * s**3), mean(square**2)
    )


@dataclass(frozen=True)
class BoundedDisplacement:
    """Mean of D, a bound of its variance, and its mean at infinite width."""

    mean: float
    variance_bound: float
    wide: float


def bounded_displacement(width: int, a: float, depth: int, *, bias_variance: float = 0.0) -> BoundedDisplacement:
    """Return the moments of D for tanh(W h + b), Gaussian weights of unit variance and an input of norm sqrt(d).

    Parameters
    ----------
    width : int
        d.
    a : float
        The scaling factor of every layer.
    depth : int
        L.
    bias_variance : float
        Variance of an entry of b; 0 without a bias.

    Returns
    -------
    BoundedDisplacement

    Examples
    --------
    One layer is exact: E D = a^2 T(1).

    >>> one = bounded_displacement(10, 0.5, 1)
    >>> round(one.mean / tanh_moments(1.0).value, 12), one.mean == one.wide
    (0.25, True)
    """
    check_integer("width", width, 1, 10**9)
    check_integer("depth", depth, 1, 10**6)
    square, part = a * a, 1.0 / width
    m, v, wide = 1.0, 0.0, 1.0
    # Bounds of E Q, E Q^2, E D Q and E D^2, by the tangent of T at the value for infinite width.
    first, second, mixed, displaced = 1.0, 1.0, 0.0, 0.0
    for _ in range(depth):
        at = tanh_moments(m + bias_variance)
        spread = at.value**2 + (at.fourth - at.value**2) * part
        grown = m + square * (at.value + 0.5 * at.curvature * v)
        v = (
            (1.0 + square * at.slope) ** 2 * v
            + 4.0 * square * part * (m * at.value + (at.slope + 0.5 * m * at.curvature) * v)
            + square**2 * ((1.0 + 2.0 * part) * spread - at.value**2)
        )
        m = grown

        tangent = tanh_moments(wide + bias_variance)
        slope, level = tangent.slope, tangent.value - tangent.slope * wide
        scale = level + slope * first
        on_state, on_displaced = level * first + slope * second, level * (first - 1.0) + slope * mixed
        fourth = (1.0 + 2.0 * part) * (level**2 + 2.0 * level * slope * first + slope**2 * second + part * scale)
        second += square * (2.0 + 4.0 * part) * on_state + square**2 * fourth
        mixed += square * (1.0 + 2.0 * part) * (on_displaced + on_state) + square**2 * fourth
        displaced += square * (2.0 + 4.0 * part) * on_displaced + square**2 * fourth
        first += square * scale
        wide += square * tangent.value
    mean = m - 1.0
    return BoundedDisplacement(mean, displaced - (0.98 * mean) ** 2, wide - 1.0)
