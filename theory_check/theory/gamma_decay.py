"""Decay of the gamma function along vertical lines, from which the numerical error bounds follow.

Notation
    x > 0, u >= 0, q = u / x.

    log |Gamma(x) / Gamma(x + iu)| = (1/2) sum_{n>=0} log(1 + u^2 / (x + n)^2) >= G(x, u) / 2,
    G(x, u) = int_x^inf log(1 + u^2 / t^2) dt = x (2 q atan q - log(1 + q^2)),

because the terms decrease in n. G increases and is convex in u (derivative 2 atan q), decreases in x, and is at most
u^2 / x. Exact inequalities; |Gamma(x + iu)| / Gamma(x) is the modulus of the characteristic function of log chi2_{2x}.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arrays import FloatArray


def log_gamma_decay(x: FloatArray | float, u: FloatArray | float) -> FloatArray:
    """G(x, u): |Gamma(x + iu)| / Gamma(x) <= exp(-G / 2)."""
    q = np.asarray(u, dtype=np.float64) / x
    return np.asarray(x * (2 * q * np.arctan(q) - np.log1p(q * q)), dtype=np.float64)


def decay_frequency(x: float, log_level: float) -> float:
    """Frequency u at which G(x, u) / 2 reaches ``log_level``, by Newton's method."""
    u = math.sqrt(2 * log_level * x)  # below the root; after one step convexity keeps the iterates above it
    for _ in range(12):
        step = (float(log_gamma_decay(x, u)) - 2 * log_level) / (2 * math.atan(u / x))
        if u - step == u:
            break
        u -= step
    return u
