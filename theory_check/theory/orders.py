"""Orders of convergence with exact constants: Euler-Maruyama and Euler schemes of linear branches (P6, P7, E14, C1).

Notation
    h^(N): the network of depth N. Stochastic, a = N^(-1/2): dH = dB H, entries of B independent of variance gain t / d,
    all depths driven by one B. Tied, a = 1/N: dH/dt = V H.

Stochastic. Let N_1 divide N_2, m = N_2 / N_1, c = gain. Over one step of N_1, with independent centred matrices V_i of
E V^T V = c I, h^(N_1) is multiplied by I + a sum V_i and h^(N_2) by prod (I + a V_i), a^2 = 1 / N_2. In
E (I + a sum V_i)^T prod (I + a V_i) only the terms with one V_i on each side survive, m of a^2 c I, so that

    E <h^(N_1), h^(N_2)> = (1 + c / N_1)^N_1 ||h_0||^2 = E ||h^(N_1)||^2,
    E ||h^(N_1) - h^(N_2)||^2 / ||h_0||^2 = (1 + c / N_2)^N_2 - (1 + c / N_1)^N_1,

and e^c - (1 + c / N)^N = c^2 e^c / (2 N) + O(N^-2) to the limit: strong order 1/2, weak order 1 for E R, with one
constant. The difference of h^(N_1) and h^(N_2) is a sum of increments V x that are isotropic given the past, so that
the variance of a coordinate of it is 1/d of this. No law is needed beyond symmetric independent entries.

Tied. (I + V/N)^N = expm(V) - V^2 expm(V) / (2 N) + O(N^-2).

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the limits; Kloeden and Platen (1992) for the orders.
"""

from __future__ import annotations

import math

from theory_check.foundation.arguments import check_integer

#: Orders of the schemes for Lipschitz, respectively smooth, branches.
STRONG_ORDER = 0.5
ODE_ORDER = 1.0


def rough_path_order(smoothness: float) -> float:
    """Order of Euler's scheme along a Gaussian path of Hoelder smoothness nu (C2): min(1, nu + 1/2).

    Over a step of 1/N the path differs from its value at one end by about N^-nu, an error of N^(-1-nu) that is centred
    and hardly correlated between steps: N of them add up to N^(1/2) N^(-1-nu). From nu = 1/2 on the drift of the error,
    of order 1, is as large.
    """
    return min(ODE_ORDER, smoothness + 0.5)


def mean_square_error(coarse: int, fine: float = math.inf, *, gain: float = 1.0) -> float:
    """E ||h^(coarse) - h^(fine)||^2 / ||h_0||^2 for the linear branch with one Brownian motion.

    It is the weak error E R^(fine) - E R^(coarse) as well.

    Parameters
    ----------
    coarse : int
        Depth N_1.
    fine : int or infinity
        Depth N_2, a multiple of it; infinity is the limit.
    gain : float
        Variance c of an entry of sqrt(d) V.

    Returns
    -------
    float

    Examples
    --------
    >>> round(mean_square_error(1, 2), 12), round(mean_square_error(1), 12) == round(math.e - 2.0, 12)
    (0.25, True)
    """
    check_integer("coarse depth", coarse, 1, 10**15)
    first, second = (gain * _log_deficit(gain / depth) for depth in (coarse, fine))
    return math.exp(gain - first) * math.expm1(first - second)


def _log_deficit(x: float) -> float:
    """1 - log(1 + x)/x, by its series x/2 - x^2/3 + ... where the difference would cancel."""
    if x > 0.05:
        return 1 - math.log1p(x) / x
    return math.fsum(-((-x) ** n) / (n + 1) for n in range(1, 14))


def tied_wide_error(coarse: int, fine: float = math.inf) -> float:
    """Root mean square of ||h^(coarse) - h^(fine)|| / ||h_0||, tied Gaussian linear, in the limit of infinite width.

    (1 + x/N)^N has the coefficients c_k(N) = N (N - 1) ... (N - k + 1) / (k! N^k), 1 / k! for infinite N. Powers of a
    square matrix of independent entries of variance 1/d become orthonormal on a vector: E <V^k h, V^l h> is ||h||^2 if
    k = l and 0 otherwise, with an error of order 1/d (of Wick's pairings of the entries only the parallel one has no
    loop less). So the square is sum_k (c_k(coarse) - c_k(fine))^2. N times its root at coarse = N tends to
    sqrt(I_0(2)) / 2, the norm of V^2 expm(V) h / 2.
    """
    check_integer("coarse depth", coarse, 1, 10**15)
    # The terms from 30 on are below the rounding of the sum.
    return math.sqrt(math.fsum(_coefficient_gap(k, coarse, fine) ** 2 for k in range(30)))


def _coefficient_gap(power: int, coarse: int, fine: float) -> float:
    """c_k(coarse) - c_k(fine), without cancellation where both are positive."""
    first, second = (
        -math.inf if power > depth else math.fsum(math.log1p(-j / depth) for j in range(power))
        for depth in (coarse, fine)
    )
    if math.inf in (-first, -second):
        return (math.exp(first) - math.exp(second)) / math.factorial(power)
    return math.exp(second) * math.expm1(first - second) / math.factorial(power)
