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

where independent active sets in every layer (res-3) would give 2 t. Asymptotic in d and L; ``initial_drift`` is exact
for the diffusion at t = 0.

Source: the limit equation is that of Marion, Fermanian, Biau, Vert (2022; JMLR 2025); the variance is derived here.
"""

from __future__ import annotations

import math

from theory_check.foundation.arguments import check_integer, check_nonnegative
from theory_check.theory.arc_kernel import squared_arc
from theory_check.theory.estimates import Estimate


def initial_drift(width: int) -> float:
    """E (N_0 - 2)/d = (d/2 / (1 - 2^-d) - 2)/d, given at least one active coordinate: the drift of log Y at t = 0.

    Symmetric continuous h_0. Negative for d <= 3, positive for d >= 4.
    """
    check_integer("width", width, 1, 10**9)
    return (width / 2 / -math.expm1(-width * math.log(2.0)) - 2) / width


def wide_mean(time: float = 1.0) -> float:
    """Limit of E log R as d -> infinity at time t = L a^2: t/2."""
    return check_nonnegative("time", time) / 2


def wide_variance(time: float = 1.0) -> Estimate:
    """Limit of d Var(log R) as d -> infinity at time t, by quadrature with its error."""
    from scipy.integrate import quad

    half = check_nonnegative("time", time) / 2
    # u = x^2: K has a term (1 - r)^(5/2) at r = 1, and the integrand becomes smooth.
    value, error = quad(
        lambda x: 2 * x * (half - x * x) * (float(squared_arc(math.exp(-x * x / 2))) - 0.25), 0, math.sqrt(half)
    )
    return Estimate(-4 * math.expm1(-half) + 8 * value, 8 * error)


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
