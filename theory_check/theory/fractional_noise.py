"""Autocovariance of fractional Gaussian noise, to relative accuracy at every lag (C3).

Notation
    H Hurst index in (0, 1]; rho(n) = (|n+1|^2H - 2 |n|^2H + |n-1|^2H) / 2, the covariance at lag n of the increments of
    fractional Brownian motion.

The defining formula subtracts numbers of size n^2H to get one of size n^(2H-2) and is useless from n = 1e5 on. Here

    rho(1) = 2^(2H-1) - 1,      rho(n) = sum_{j>=1} b_j n^(2H-2j),  b_j = binomial(2H, 2j),  n >= 2,

where all b_j have the factor H (2H - 1), and b_2, b_3, ... have one sign: nothing cancels except, mildly, for H > 1/2,
where b_1 > 0 > b_2 but |b_2 / b_1| <= 1/6. Exact up to rounding; rho(n) ~ H (2H - 1) n^(2H-2).

Source: Mandelbrot and Van Ness, SIAM Review 10 (1968).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from theory_check.errors import SpecificationError
from theory_check.theory.multiplier import FloatArray

_TERMS = 27  # at n = 2 a term is a quarter of the one before: 4^-27 = 6e-17


def check_hurst(hurst: float) -> None:
    """Raise unless 0 < H <= 1."""
    if not 0 < hurst <= 1:
        raise SpecificationError(f"the Hurst index is {hurst!r}; it must be above 0 and at most 1")


def tail_coefficients(hurst: float, count: int) -> FloatArray:
    """b_1, ..., b_count with rho(n) = sum_j b_j n^(2H-2j); b_1 = H (2H - 1)."""
    check_hurst(hurst)
    b = [hurst * (2 * hurst - 1)]
    for j in range(1, count):
        b.append(b[-1] * (2 * hurst - 2 * j) * (2 * hurst - 2 * j - 1) / ((2 * j + 1) * (2 * j + 2)))
    return np.array(b)


def fractional_autocovariance(lags: ArrayLike, hurst: float) -> FloatArray:
    """rho at whole lags (their signs do not matter), relative error about 1e-15.

    Parameters
    ----------
    lags
        Whole numbers.
    hurst
        Hurst index H, 0 < H <= 1: 1/2 is white noise, 1 a constant.
    """
    n = np.abs(np.asarray(lags, dtype=np.float64))
    if not np.all(n == np.floor(n)):
        raise SpecificationError("lags of fractional noise must be whole numbers")
    far = np.maximum(n, 2.0)
    square, series = far**-2.0, np.zeros_like(far)
    for b in tail_coefficients(hurst, _TERMS)[::-1]:
        series = (series + b) * square
    rho = far ** (2 * hurst) * series
    near = math.expm1((2 * hurst - 1) * math.log(2.0))
    return np.where(n == 0, 1.0, np.where(n == 1, near, rho))
