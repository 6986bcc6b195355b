"""Gaussian paths as sums of fixed functions of time with independent normal coefficients.

    X(t) = sum_n xi_n phi_n(t),   sum_n phi_n(s) phi_n(t) = correlation(s - t),   E X(t)^2 = 1,   0 <= t <= 1.

Smooth paths are such a series at every time, so that networks of any depth and the differential equation read the same
path:

* ``smooth``: exp(-(s - t)^2 / (2 l^2)) = sum_n phi_n(s) phi_n(t) with phi_n(t) = e^(-x^2 / 2) x^n / sqrt(n!) and
  x = (t - 1/2) / l, by the series of e^(xy). From term N on, the variance at t is P(Poisson(x^2) >= N).
* ``periodic``: exp(-2 sin^2(pi (s - t) / p) / l^2) = e^(-z) [I_0(z) + 2 sum_n I_n(z) cos(2 pi n (s - t) / p)],
  z = 1 / l^2 (Abramowitz and Stegun, 9.6.34): cosines and sines. I_{n+1}(z) / I_n(z) < 1/2 for n >= z (Amos 1974), so
  that the terms from n on have variance at most 4 e^(-z) I_n(z).
* ``tied``: one term, 1.

Both series stop where the standard deviation of the rest is below 2^-53, the rounding of a number near 1.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.networks.definitions import Parameters

#: Variance of what a series leaves out.
REMAINDER = 2.0**-106

#: Shorter lengths of the series need more than a thousand terms.
SERIES_LENGTHS = (0.02, 1e6)


def tied_functions(_parameters: Parameters, times: FloatArray) -> FloatArray:
    """Return the one function of the same matrix at every time."""
    return np.ones((1, len(times)))


def smooth_functions(parameters: Parameters, times: FloatArray) -> FloatArray:
    """Return e^(-x^2 / 2) x^n / sqrt(n!), x = (t - 1/2) / length."""
    from scipy.special import gammainc, gammaln, xlogy

    length = parameters["length"]
    counts = np.arange(1, 64)
    while gammainc(counts[-1], 0.25 / length**2) > REMAINDER:
        counts = np.arange(1, 2 * len(counts))
    # P(Poisson(m) >= N) is the regularised incomplete gamma function of N at m.
    terms = np.arange(counts[np.argmax(gammainc(counts, 0.25 / length**2) <= REMAINDER)])[:, None]
    x = (times - 0.5) / length
    size = np.exp(xlogy(terms, np.abs(x)) - 0.5 * x**2 - 0.5 * gammaln(terms + 1.0))
    return np.asarray(np.where((terms % 2 == 1) & (x < 0), -size, size))


def periodic_functions(parameters: Parameters, times: FloatArray) -> FloatArray:
    """Return cosines and sines with their amplitudes, sqrt(2 e^(-z) I_n(z))."""
    from scipy.special import ive

    z = parameters["length"] ** -2.0
    orders = np.arange(math.ceil(z) + 64)
    while 4.0 * ive(orders[-1], z) > REMAINDER:
        orders = np.arange(2 * len(orders))
    needed = (orders < z) | (4.0 * ive(orders, z) > REMAINDER)
    orders = orders[: int(np.argmin(needed))] if not needed.all() else orders
    amplitudes = np.sqrt(ive(orders, z) * np.where(orders > 0, 2.0, 1.0))[:, None]
    angles = 2.0 * math.pi * orders[:, None] * times / parameters["period"]
    return np.concatenate([amplitudes * np.cos(angles), (amplitudes * np.sin(angles))[1:]])
