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

Second moments and gradients, to first order in 1/d (`bounded_laws`). With x = E D, w = Var D, r = Cov(D, Q) and the
inner products <h - h_0, h>/d of mean x,

    w' = w + 2 a^2 T' r + 4 a^2 x T / d + a^4 (T'^2 v + (1 + 2/d) E S^2 - T^2),
    r' = (1 + a^2 T') r + a^2 T' v + 4 a^2 x T / d + a^4 (T'^2 v + (1 + 2/d) E S^2 - T^2).

Backward, J = I + a V D_h W with slopes s = 1 - tanh^2, and tau = E tr(J_k J_k^T)/d is E R* of an isotropic gradient.
With B(q) = E s^2, B' = E (8 s^2 - 10 s^3), B'' = E (64 s^2 - 260 s^3 + 210 s^4) and, by Stein's lemma, E z^2 s^2 =
B + 2 Q B' where z is the coordinate along h: if u = h^T J J^T h / ||h||^2 and c = Cov(Q, tr(J J^T)/d),

    tau' = tau + a^2 (B tau + B'' v tau / 2 + B' c + 2 m B' u / d),
    c' = (1 + a^2 T') ((1 + a^2 B) c + a^2 B' tau v),
    m' u' = m u + a^2 (tau T + tau m B + 2 m T' u) + a^4 (m T'^2 u + tau E (s^2 - s^3) + tau B T),

u at infinite width. E D* = tau_L - 1, since E J = I. Var log R* is the sum of 4 a^2 B / (d (1 + a^2 B)^2), from the
directions, and of the variance of tr(J J^T)/d over tau^2, whose only part of order 1/d comes through Q.

Source: derived; setting of Marion, Fermanian, Biau, Vert (2022; JMLR 2025).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.stored_values import stored

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


@stored
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


@dataclass(frozen=True)
class BoundedLaws:
    """Mean and variance of D, the mean of R*, and the variance of its logarithm."""

    displacement_mean: float
    displacement_variance: float
    gradient_mean: float
    log_gradient_variance: float

    @property
    def gradient_median(self) -> float:
        """The median of R* if its logarithm is normal."""
        return self.gradient_mean * math.exp(-0.5 * self.log_gradient_variance)


@dataclass(frozen=True)
class _SlopeMoments:
    """B(q), its first two derivatives, and E s^2 tanh^2."""

    value: float
    slope: float
    curvature: float
    mixed: float


def _slope_moments(q: float) -> _SlopeMoments:
    s = 1.0 - np.tanh(math.sqrt(q) * _POINTS) ** 2
    square, cube, fourth = (float(_WEIGHTS @ s**power) for power in (2, 3, 4))
    return _SlopeMoments(
        square, 8.0 * square - 10.0 * cube, 64.0 * square - 260.0 * cube + 210.0 * fourth, square - cube
    )


def bounded_laws(width: int, a: float, depth: int, *, bias_variance: float = 0.0) -> BoundedLaws:
    """Return the moments of D and R* for tanh(W h + b), to first order in 1/d, as :func:`bounded_displacement`.

    Parameters
    ----------
    width : int
        d.
    a : float
    depth : int
    bias_variance : float

    Returns
    -------
    BoundedLaws

    Examples
    --------
    One layer: E R* = 1 + a^2 E s^2, the coordinate along h included.

    >>> one = bounded_laws(10, 0.5, 1)
    >>> round(one.displacement_mean / tanh_moments(1.0).value, 12), 1.1 < one.gradient_mean < 1.25
    (0.25, True)
    """
    check_integer("width", width, 1, 10**9)
    check_integer("depth", depth, 1, 10**6)
    square, part = a * a, 1.0 / width
    m, v, moved, joint = 1.0, 0.0, 0.0, 0.0
    trace, along, coupled, spread, turned = 1.0, 1.0, 0.0, 0.0, 0.0
    for _ in range(depth):
        at, slope = tanh_moments(m + bias_variance), _slope_moments(m + bias_variance)
        lengths = (1.0 + 2.0 * part) * (at.value**2 + (at.fourth - at.value**2) * part) - at.value**2
        steps = square**2 * (at.slope**2 * v + lengths)
        pulled = 4.0 * square * part * (m - 1.0) * at.value + steps
        moved += 2.0 * square * at.slope * joint + pulled
        joint = (1.0 + square * at.slope) * joint + square * at.slope * v + pulled

        forward, growth = 1.0 + square * at.slope, 1.0 + square * slope.value
        shifted = square * slope.slope * trace
        spread = growth**2 * spread + 2.0 * growth * shifted * coupled + shifted**2 * v
        turned += 4.0 * square * part * slope.value / growth**2
        longer = m * along * (1.0 + 2.0 * square * at.slope + (square * at.slope) ** 2)
        longer += square * trace * (at.value + m * slope.value)
        longer += square**2 * trace * (slope.mixed + slope.value * at.value)
        trace += square * (
            (slope.value + 0.5 * slope.curvature * v) * trace
            + slope.slope * coupled
            + 2.0 * part * m * slope.slope * along
        )
        coupled = forward * (growth * coupled + shifted * v)
        along = longer / (m + square * at.value)

        grown = m + square * (at.value + 0.5 * at.curvature * v)
        v = (
            forward**2 * v
            + 4.0 * square * part * (m * at.value + (at.slope + 0.5 * m * at.curvature) * v)
            + square**2 * lengths
        )
        m = grown
    return BoundedLaws(m - 1.0, moved, trace, turned + spread / trace**2)
