"""Networks whose weights are fractional Gaussian noise across layers: laws, exponents and rates (C3, C5, C6, C7).

Notation
    rho autocovariance of the weights along the layers, H Hurst index, a scaling, d width, L depth;
    g(n) = rho(n) arc(rho(n)) for res-3 with ReLU (V and W both carry the process), g(n) = rho(n) for linear;
    S = sum_{n>=1} g(n), Q_L = sum_{k,l<L} g(k-l); kappa = 1/2 and 1.

Second-order expansion. log R = log ||h_L||^2 / ||h_0||^2 to order a^2, E over Gaussian weights, any rho and any width:
with B h_0 the sum of the increments at h_0, R - 1 = 2 a <u, B u> + a^2 |B u|^2 + 2 a^2 sum_{k>l} <u, B_k' B_l u> + ...,

    E log R = kappa a^2 [ (1 - 2/d) Q_L + (Q_L - L)/d ] + O(a^4):

|B u|^2 gives Q_L, the square of <u, B u> gives -2 Q_L/d, and the ordered pairs, through the derivative of the later
layer along the earlier one, (Q_L - L)/d. Linear: Q_L = L^2H, hence C6, E log R = a^2 [(1 - 1/d) L^2H - L/d].

Diffusion limit (C5). For H < 1/2 the covariances are summable, and for a = L^(-1/2) the slow variable h follows dh =
(S/(2d)) h dt + |h| sqrt((1 + 2S)/(2d)) dB, the drift being the derivative term above. Ito's formula gives the law.

The sum S. Since sum_{n>=1} rho(n) = -1/2 for H < 1/2, S = -1/(2 pi) + sum f(n) with f = rho (arc(rho) - 1/pi) =
rho^2/2 + rho^3/(2 pi) + r_5, |r_5| <= |rho|^5/(12 pi). Up to N the sum is direct, beyond it rho(n) = sum b_j n^(2H-2j)
(``covariances``) turns powers into Hurwitz zeta functions; |b_1| <= 1/8 and the next coefficients are smaller, so
what is left out is below sum_{n>N} n^(4H-8) <= N^(4H-7)/(7-4H) plus the quintic term, below N^(10H-9)/9/(12 pi) b_1^5.

Exact: the autocovariances and S (bound given). Asymptotic: C5 as L -> infinity; C6 and its relatives as a^2 L^2H -> 0
and a^2 L/d -> 0; exponents, rates and the limit of C7 as L -> infinity.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting; the limit is that of Kesten and Papanicolaou
(1979) for summable covariances.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.foundation.laws import Normal
from theory_check.networks.covariances import fractional_noise
from theory_check.theory.arc_kernel import arc
from theory_check.theory.estimates import Estimate

_DIRECT = 10_000  # lags summed one by one


def interaction_sum(hurst: float) -> Estimate:
    """S(H) = sum_{n>=1} rho(n) arc(rho(n)), 0 < H <= 1/2, with a proven error (see the head of the module).

    S(1/2) = 0, but S(H) -> -1/(2 pi) as H -> 1/2 from below: the sum to n = L lacks a tail of order L^(2H-1), so that
    the depth needed for the limit grows without bound. For a network of depth L use `finite_interaction_sum`.
    """
    from scipy.special import zeta

    _check_hurst(hurst)
    if hurst > 0.5:
        raise HypothesisError(f"S(H) converges for H <= 1/2 only, not for H = {hurst!r}")
    if hurst == 0.5:
        return Estimate(0.0, 0.0)
    rho = fractional_noise(hurst, _DIRECT + 1)[1:]
    # arc(r) - 1/pi by its series where the difference would cancel; the next term is r^6 / (80 pi)
    series = rho / 2 + rho**2 / (2 * math.pi) + rho**4 / (24 * math.pi)
    rest = np.where(np.abs(rho) < 1e-3, series, arc(rho) - 1 / math.pi)
    total = math.fsum((rho * rest).tolist())
    b1 = hurst * (2 * hurst - 1)
    b2 = b1 * (2 * hurst - 2) * (2 * hurst - 3) / 12
    start = _DIRECT + 1
    tail = b1**2 / 2 * float(zeta(4 - 4 * hurst, start))
    tail += b1 * b2 * float(zeta(6 - 4 * hurst, start)) + b1**3 / (2 * math.pi) * float(zeta(6 - 6 * hurst, start))
    omitted = _DIRECT ** (4 * hurst - 7) / (7 - 4 * hurst)
    omitted += abs(b1) ** 5 / (12 * math.pi) * _DIRECT ** (10 * hurst - 9) / (9 - 10 * hurst)
    # the summands are exact to a few roundings, their absolute values sum to at most 1/2
    return Estimate(total + tail - 1 / (2 * math.pi), omitted + 8 * float(np.finfo(np.float64).eps))


def finite_interaction_sum(hurst: float, depth: int) -> float:
    """S_L = sum_{0<n<L} (1 - n/L) rho(n) arc(rho(n)), so that Q_L = L (1 + 2 S_L); any H, tends to S(H) for H < 1/2."""
    check_integer("depth", depth, 1, 10**8)
    n = np.arange(1, depth)
    rho = fractional_noise(hurst, depth)[1:]
    return math.fsum(((1 - n / depth) * rho * arc(rho)).tolist())


def rough_lognormal_limit(width: int, hurst: float, total: float = 1.0, *, depth: int | None = None) -> Normal:
    """Limit of log R for res-3 with ReLU, a = L^(-1/2), H <= 1/2 (C5).

    N(((1 + 2S)(1 - 2/d)/2 + S/d) total, (2/d)(1 + 2S) total); at H = 1/2 it is E4.

    Parameters
    ----------
    width : int
        Dimension d of the hidden state.
    hurst : float
        Hurst index H, at most 1/2.
    total : float
        lim L a^2.
    depth : int, optional
        Take the sum S_L of that depth for S, which leaves corrections of order total^2 L^(2H-1) with a small constant,
        from distant lags whose states have moved in between.

    Returns
    -------
    Normal

    Raises
    ------
    HypothesisError
        If H is above 1/2.

    Examples
    --------
    >>> rough_lognormal_limit(4, 0.5)
    Normal(mean=0.25, variance=0.5)
    """
    check_integer("width", width, 1, 10**9)
    if hurst > 0.5:
        raise HypothesisError(f"the limit is lognormal for H <= 1/2, not for H = {hurst!r}")
    S = interaction_sum(hurst).value if depth is None else finite_interaction_sum(hurst, depth)
    mean = (1 + 2 * S) * (1 - 2 / width) / 2 + S / width
    return Normal(mean * total, 2 / width * (1 + 2 * S) * total)


def linear_leading_mean(width: int, hurst: float, scaling: float, depth: int) -> float:
    """E log R = a^2 [(1 - 1/d) L^2H - L/d] for linear branches (C6), remainder O(a^4).

    Valid as a^2 L^2H -> 0 and a^2 L/d -> 0. Negative (contraction) only where L^(1-2H) > d - 1.

    Parameters
    ----------
    width : int
        Dimension d of the hidden state.
    hurst, scaling : float
        Hurst index H; scaling a.
    depth : int
        L.

    Returns
    -------
    float

    Examples
    --------
    >>> round(linear_leading_mean(2, 1.0, 0.1, 100), 12)
    49.5
    """
    _check_hurst(hurst)
    variance: float = float(depth) ** (2 * hurst)
    return scaling * scaling * ((1 - 1 / width) * variance - depth / width)


def drift_correction(width: int, scaling: float) -> float:
    """Coefficient a^2/(2d) of h to add in every linear layer: it removes the term -L/d of C6 (H < 1/2)."""
    check_integer("width", width, 1, 10**9)
    return scaling**2 / (2 * width)


def corrected_scaling(width: int, scaling: float) -> float:
    """Scaling factor a of the corrected linear network that equals a plain one times one factor per layer.

    With c = a^2/(2d) a corrected layer is (1 + c) h + a V h = (1 + c) (h + a/(1 + c) V h): a solves a/(1 + c) =
    ``scaling``. log R of the corrected network is that of the plain one plus 2 L log(1 + c).
    """
    return (1.0 - math.sqrt(1.0 - 2.0 * scaling**2 / width)) * width / scaling


def long_memory_displacement(hurst: float) -> Estimate:
    r"""E D of the limit of C7: res-3 with ReLU, beta = H > 1/2, depth to infinity after width.

    With phi(t)^2 = C(t, t), the recursion of :mod:`theory_check.theory.infinite_width` becomes

    .. math:: \phi(t)^2 = 1 + \frac{1}{2\pi} \int_0^t\!\int_0^t H(2H-1) |s-r|^{2H-2} \phi(s) \phi(r) \,ds\,dr,

    since weights of separate layers are nearly independent, arc(rho c) -> arc(0) = 1/pi. On N steps with the exact
    covariances of increments the error is of order 1/N; it is extrapolated, and the change by the last halving of the
    step is the error that is stated, an estimate.
    """
    _check_hurst(hurst)
    if not hurst > 0.5:
        raise HypothesisError(f"long memory needs H > 1/2, not H = {hurst!r}")
    values = [_limiting_displacement(hurst, steps) for steps in (500, 1000, 2000)]
    coarse, fine = (2 * b - a for a, b in pairwise(values))
    return Estimate(fine, abs(fine - coarse))


def _limiting_displacement(hurst: float, steps: int) -> float:
    rho = fractional_noise(hurst, steps)
    phi = np.ones(steps + 1)
    excess = 0.0
    for n in range(steps):
        past = float(rho[1 : n + 1] @ phi[:n][::-1])
        excess += steps ** (-2 * hurst) / (2 * math.pi) * phi[n] * (phi[n] + 2 * past)
        phi[n + 1] = math.sqrt(1 + excess)
    return excess


def _check_hurst(hurst: float) -> None:
    if not 0 < hurst <= 1:
        raise SpecificationError(f"the Hurst index is {hurst!r}; it must be above 0 and at most 1")
