"""The arc-cosine kernel: covariances of rectified Gaussian variables.

Notation
    u, v standard normal with correlation r = cos theta; sigma(x) = x for x > 0 and s x otherwise (ReLU: s = 0).

    arc(r) = (sqrt(1 - r^2) + r (pi/2 + asin r)) / pi = (sin theta + (pi - theta) cos theta) / pi,
    E relu(u) relu(v)     = arc(r) / 2,
    E sigma(u) sigma(v)   = (1 - s)^2 arc(r) / 2 + s r,          since sigma(x) = (1 - s) relu(x) + s x,
    E relu(u)^2 relu(v)^2 = (3 sin theta cos theta + (pi - theta)(1 + 2 cos^2 theta)) / (2 pi),
    E relu(u)^3 relu(v)   = (3 (pi - theta) cos theta + 3 sin theta cos^2 theta + 2 sin^3 theta) / (2 pi),
    arc'(r) = 1 - acos(r) / pi,   arc(-r) = arc(r) - r,   arc(r) = 1/pi + r/2 + r^2/(2 pi) + r^4/(24 pi) + ...

Everything rests on the gap arc(r) - r = arc(-r) = (sin theta - theta cos theta) / pi, a function of the deficit 1 - r
that behaves like (2 sqrt 2 / 3 pi)(1 - r)^(3/2): it is computed from the deficit, by its series where the two terms
cancel, so that arc has full relative accuracy at -1 and the gap has it at 1.

Source: Cho and Saul, Kernel Methods for Deep Learning (NIPS 2009). Exact up to rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError

_SERIES_BELOW = 0.5  # theta; beyond, sin theta - theta cos theta loses less than 4 bits
_SERIES = tuple((-1) ** (n + 1) * 2 * n / math.factorial(2 * n + 1) for n in range(1, 9))


def gap(deficit: ArrayLike) -> FloatArray:
    """arc(r) - r at r = 1 - deficit, 0 <= deficit <= 2, to relative accuracy."""
    e = np.asarray(deficit, dtype=np.float64)
    if not np.all((e >= 0) & (e <= 2)):
        raise SpecificationError("the deficit 1 - r of a correlation must lie between 0 and 2")
    theta = 2 * np.arcsin(np.sqrt(e / 2))
    square, series = np.minimum(theta, _SERIES_BELOW) ** 2, np.zeros_like(e)
    for coefficient in _SERIES[::-1]:
        series = coefficient + series * square
    series = series * square * np.minimum(theta, _SERIES_BELOW)
    direct = np.sqrt(e * (2 - e)) - theta * (1 - e)
    return np.where(theta < _SERIES_BELOW, series, direct) / np.pi


def arc(r: ArrayLike) -> FloatArray:
    """arc(r) = 2 E relu(u) relu(v), -1 <= r <= 1, to relative accuracy."""
    x = _correlation(r)
    return np.where(x < 0, 0.0, x) + gap(1 - np.abs(x))


def squared_arc(r: ArrayLike) -> FloatArray:
    """E relu(u)^2 relu(v)^2: 3/2 at r = 1, 1/4 at r = 0."""
    x = _correlation(r)
    theta = np.arccos(x)
    return (3 * np.sqrt(1 - x * x) * x + (np.pi - theta) * (1 + 2 * x * x)) / (2 * np.pi)


def cubed_arc(r: ArrayLike) -> FloatArray:
    """E relu(u)^3 relu(v): 3/2 at r = 1, 1/pi at r = 0."""
    x = _correlation(r)
    theta, sine = np.arccos(x), np.sqrt(1 - x * x)
    return np.asarray((3 * (np.pi - theta) * x + 3 * sine * x * x + 2 * sine**3) / (2 * np.pi))


def _correlation(r: ArrayLike) -> FloatArray:
    x = np.asarray(r, dtype=np.float64)
    if not np.all(np.abs(x) <= 1):
        raise SpecificationError("a correlation must lie between -1 and 1")
    return x
