"""Limit laws of deep networks with independent weights and their finite-depth corrections (E4-E7, E11, E20).

Notation
    a_k scalings, Lam = sum a_k^2, kappa, S and the one-layer multiplier M as in ``multiplier``, R norm ratio,
    D displacement.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the three regimes. Expansion behind the corrections: given
tau = a^2 S, the Mellin transform of M is, to all orders in tau,

    E [M^p | tau] = sum_k (-p)_k (1 - p - d/2)_k (2 tau)^k / k!        ((x)_k rising factorial),

and the first two derivatives at p = 0 give

    E log M   = (d - 2) a^2 E S - (d - 2)(d - 4) a^4 E S^2 / 2 + O(a^6)
    Var log M = 4 a^2 E S + a^4 [(d^2 - 10 d + 20) E S^2 - (d - 2)^2 (E S)^2] + O(a^6).

Asymptotic statements: E4, E5, E11 as max a_k -> 0 with Lam convergent (any symmetric law with the leading terms,
Gaussian weights with the corrections); E6 for 1/2 < beta; E7 and E20 for 0 < beta < 1/2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.foundation.laws import Normal
from theory_check.foundation.stored_values import stored
from theory_check.theory.multiplier import Multiplier, layer_groups


def lognormal_limit(multiplier: Multiplier, total: float = 1.0) -> Normal:
    """Limit of log R when sum a_k^2 -> total and max a_k -> 0: N(kappa (1 - 2/d) total, 4 kappa total / d) (E4, E11).

    At beta = 1/2 total is 1. The law of the entries does not matter beyond symmetry and variance.
    """
    d, rate = multiplier.width, multiplier.kappa * total
    return Normal(rate * (1 - 2 / d), 4 * rate / d)


def norm_profile(multiplier: Multiplier, times: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Mean vector and covariance matrix of log(||h_{tL}||^2 / ||h_0||^2) at the given times, beta = 1/2 (E5).

    The limit is a Brownian motion with the drift and variance rate of `lognormal_limit`: independent increments.
    """
    t = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if t.ndim != 1 or np.any(t < 0):
        raise SpecificationError("times must be a sequence of non-negative numbers")
    unit = lognormal_limit(multiplier)
    return unit.mean * t, unit.variance * np.minimum.outer(t, t)


#: Critical scaling exponent of smooth weights (P8).
SMOOTH_CRITICAL_EXPONENT = 1.0


def smooth_slope(beta: float) -> float:
    """Slope of log sqrt(D) against log L for weights that are smooth across layers, beta > 1: 1 - beta (P8)."""
    if not beta > SMOOTH_CRITICAL_EXPONENT:
        raise HypothesisError(f"smooth weights give the identity for beta > 1, not for {beta!r}")
    return 1 - beta


def explosion_rate(multiplier: Multiplier) -> float:
    """Limit in probability of L^(2 beta - 1) log R for 0 < beta < 1/2: kappa (1 - 2/d) (E7)."""
    return lognormal_limit(multiplier).mean


@stored
def explosion_law(multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None) -> Normal:
    """Return the normal approximation of log R centred at sum E log M_k with variance sum Var log M_k (E7).

    Gaussian weights. The central limit theorem for the L independent terms, with the exact one-layer mean and
    variance: valid for every beta > 0 as L -> infinity, while centring at L^(1 - 2 beta) kappa (1 - 2/d) is only good
    enough for beta > 1/6.

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.

    Returns
    -------
    Normal

    Examples
    --------
    A linear layer of width 2 has E log M = E1(1 / a^2):

    >>> from scipy.special import exp1
    >>> round(explosion_law(Multiplier(2), 1.0, 3).mean, 12) == round(3.0 * float(exp1(1.0)), 12)
    True
    """
    from theory_check.theory.one_layer import log_multiplier

    values, counts = layer_groups(scaling, depth)
    laws = [log_multiplier(multiplier, float(a)) for a in values if a > 0]
    weights = counts[values > 0]
    return Normal(
        float(sum(n * law.mean for n, law in zip(weights, laws, strict=True))),
        float(sum(n * law.variance for n, law in zip(weights, laws, strict=True))),
    )


def singular_value_rates(multiplier: Multiplier) -> FloatArray:
    """Limits of L^(2 beta - 1) log sigma_i(J), i = 1..d, for 0 < beta < 1/2: kappa (d - 2 i) / (2 d) (E20)."""
    d = multiplier.width
    return multiplier.kappa * (d - 2 * np.arange(1, d + 1, dtype=np.float64)) / (2 * d)
