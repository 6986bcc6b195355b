"""The res-1 ReLU network as a diffusion: a norm driven by the number of active coordinates (E12).

Notation
    dh_i = d^(-1/2) ||relu h|| dB_i, the limit of h_{k+1} = h_k + L^(-1/2) V relu(h_k); Y = ||relu h||^2, X = ||h||^2,
    N_t the number of positive coordinates. x -> relu(x)^2 has a continuous derivative, so Ito's formula holds:

    d log Y = ((N_t - 2)/d) dt + (2/sqrt d) dB.

Clock. With d tau = (Y/d) dt all coordinates are independent Brownian motions in tau. Let h_0 be standard normal (or
uniform on a sphere: R does not depend on the norm) and v = 1 + tau. As d -> infinity Y/d = v/2 + y(v)/sqrt d and X/d =
v + x(v)/sqrt d with (x, y) the Gaussian limit of sums over independent coordinates, t = 2 log v - (4/sqrt d) int_1^v
y/w^2 dw, hence v_t = e^(t/2) to leading order and, with R = X_t/X_0,

    sqrt(d) (log R - t/2) -> x(v_t)/v_t - x(1) + 2 int_1^{v_t} y/w^2 dw.

With Cov(x, x) = 2 min^2, Cov(x, y) = min^2, Cov(y_v, y_w) = v w (K(sqrt(min/max)) - 1/4), K(r) = E relu(u)^2 relu(v)^2
(``arc_kernel.squared_arc``), the cross terms cancel and

    d Var(log R) -> 4 (1 - e^(-t/2)) + 8 int_0^{t/2} (t/2 - u) (K(e^(-u/2)) - 1/4) du,          2.6753 at t = 1,

where independent active sets in every layer (res-3) would give 2 t. ``initial_drift`` is exact for the diffusion at
t = 0.

L layers. The same clock with steps: v_{k+1} = v_k + a^2 Y_k/d, so that v_k = g^k to leading order, g = 1 + a^2/2, and

    sqrt(d) (log R - L log g) -> x_L/g^L - x_0 + (a^2/g) sum_{k<L} y_k/g^k,
    d Var(log R) -> 4 (1 - g^-L) - 2 (a^2/g)(1 - g^-L) + (a^2/g)^2 sum_{j, k < L} (K(g^(-|j - k|/2)) - 1/4).

Mean. E dX = E Y dt and E dY = E N Y/d dt, where N and Y are correlated: with n the limit of (N - d/2)/sqrt d and

    Cov(n_v, y_w) = w c(sqrt(w/v)),  w <= v,    c(r) = (asin r + r sqrt(1 - r^2))/(2 pi),
    D(t) = d Cov(N/d, log Y) = 1/2 + 2 int_0^{t/2} c(e^(-u/2)) du,
    m(t) = lim (E N_t - d/2) = -(phi - sin(2 phi)/2)/pi,  cos phi = e^(-t/4),
    E R = e^(t/2) + (1/d) int_0^t (1/2) e^(s/2) (int_0^s D + m) ds + O(d^-2),

since log Y = t/2 + (2 y/v + 2 int_1^v y/w^2 dw)/sqrt d up to a constant. N loses because a coordinate B drives its own
clock: v at time t is off by (2 v/d) int_1^v (relu(B_w)^2 - w/2)/w^2 dw, which moves P(B_v > 0) by half of that times
the second derivative of the step, -(1/(pi v d)) int_1^v sqrt((v - w)/w) dw. Cumulants of log R from the third on are of
order d^-2, so that E log R = log E R - Var(log R)/2 up to d^-2, with L log g for t/2. The median is lower by the third
cumulant over 6 Var(log R), of order 1/d.

Source: the limit equation is that of Marion, Fermanian, Biau, Vert (2022; JMLR 2025); the rest is derived here.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arguments import check_integer, check_nonnegative
from theory_check.foundation.arrays import FloatArray
from theory_check.theory.arc_kernel import squared_arc
from theory_check.theory.estimates import Estimate


def initial_drift(width: int) -> float:
    """E (N_0 - 2)/d = (d/2 / (1 - 2^-d) - 2)/d, given at least one active coordinate: the drift of log Y at t = 0.

    Symmetric continuous h_0. Negative for d <= 3, positive for d >= 4.
    """
    check_integer("width", width, 1, 10**9)
    return (width / 2 / -math.expm1(-width * math.log(2.0)) - 2) / width


def wide_variance(time: float = 1.0) -> Estimate:
    """Limit of d Var(log R) as d -> infinity at time t, by quadrature with its error."""
    from scipy.integrate import quad

    half = check_nonnegative("time", time) / 2
    # u = x^2: K has a term (1 - r)^(5/2) at r = 1, and the integrand becomes smooth.
    value, error = quad(
        lambda x: 2 * x * (half - x * x) * (float(squared_arc(math.exp(-x * x / 2))) - 0.25), 0, math.sqrt(half)
    )
    return Estimate(-4 * math.expm1(-half) + 8 * value, 8 * error)


def layers_mean(width: int, depth: int, time: float) -> float:
    """E log R after L layers, a^2 = t/L, up to terms of order d^-2 and 1/(d L).

    Parameters
    ----------
    width : int
        d.
    depth : int
        L.
    time : float
        t, positive.

    Returns
    -------
    float

    Examples
    --------
    >>> round(layers_mean(10**9, 10**6, 1.0), 6)
    0.5
    """
    times = np.linspace(0.0, time, 2001)
    r = np.exp(-times / 4.0)  # u = times / 2
    joint = (np.arcsin(r) + r * np.sqrt(np.maximum(1.0 - r * r, 0.0))) / (2.0 * math.pi)
    drift = _integrals(_integrals(joint, times) + 0.5 + lost_coordinates(times), times)
    excess = _integrals(0.5 * np.exp(times / 2.0) * drift, times)[-1] * math.exp(-time / 2.0)
    wide = depth * math.log1p(time / (2.0 * depth))
    return wide + (float(excess) - layers_variance(depth, time) / 2.0) / width


def lost_coordinates(times: FloatArray) -> FloatArray:
    """Limit of E N_t - d/2 as d -> infinity, from 0 at t = 0 to -1/2.

    Parameters
    ----------
    times : float array
        Not negative.

    Returns
    -------
    float array
        Of the shape of ``times``.

    Examples
    --------
    >>> round(float(lost_coordinates(np.array([4.0]))[0]), 4)
    -0.2712
    """
    angle = np.arccos(np.exp(-times / 4.0))
    return np.asarray(-(angle - np.sin(2.0 * angle) / 2.0) / math.pi)


def _integrals(values: FloatArray, at: FloatArray) -> FloatArray:
    """Return the integral up to each point, by trapezoids."""
    return np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(at))])


def layers_variance(depth: int, time: float) -> float:
    """Limit of d Var(log R) as d -> infinity after L layers, a^2 = t/L.

    Parameters
    ----------
    depth : int
        L.
    time : float
        t, positive.

    Returns
    -------
    float

    Examples
    --------
    >>> abs(layers_variance(4000, 1.0) - wide_variance(1.0).value) < 1e-3
    True
    """
    square = time / depth
    growth = 1.0 + square / 2.0
    step, left = square / growth, 1.0 - growth**-depth
    apart = np.arange(1, depth)
    kernel = 2.0 * (depth - apart) * (squared_arc(growth ** (-apart / 2.0)) - 0.25)
    return 4.0 * left - 2.0 * step * left + step**2 * (1.25 * depth + float(np.sum(kernel)))


def growth_variance(width: int, depth: int, time: float) -> float:
    """Bound the variance of the growth of the log active norm over t = L a^2, divided by t.

    Notation: u = relu h/||relu h||, eps = a/sqrt d, one layer moves h/||relu h|| by eps xi with xi standard normal.

    One layer. ||relu(h + eps ||relu h|| xi)|| >= ||relu h|| (1 + eps u.xi), and u.xi is N(0, 1): a layer quarters the
    active norm with probability at most Phi(-3/(4 eps)), some layer of L with L times that, below 1e-7 here. On the
    rest the logarithm of the squared norm has a gradient of 2 eps/||relu(.)||, so by the Gaussian Poincare inequality
    its variance is at most 4 eps^2 c, c = E (1 + eps Z)^-2 over Z > -3/(4 eps). Its mean is the integral of (N - 2)/Y
    over the time eps^2, between -eps^2 c and (d - 2) eps^2 c. Martingale part and sum of the means together: the
    standard deviation of log Y is at most c (2 sqrt(t/d) + t (d - 1)/(2d)).

    Parameters
    ----------
    width : int
        Dimension d of the hidden state.
    depth : int
        L.
    time : float
        t, positive.

    Returns
    -------
    float

    Examples
    --------
    At width 1 the bound tends to 4 / t:

    >>> round(growth_variance(1, 10**9, 1.0), 6)
    4.0
    """
    square = time / (width * depth)
    # c = 1 + 3 eps^2 + 15 eps^4 + ..., below 1 + 4 eps^2 for eps up to 1/5 by quadrature.
    room = 1.0 + 4.0 * square
    deviation = room * (2.0 * math.sqrt(time / width) + time * (width - 1) / (2.0 * width))
    return (deviation / time) ** 2
