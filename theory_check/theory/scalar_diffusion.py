"""The limit law of a res-1 network of width 1 with tanh at beta = 1/2 (P6).

Notation
    dH = tanh(H) dB, H_0 > 0, in Ito's sense: the limit of h_{k+1} = h_k + L^(-1/2) z_k tanh(h_k), z_k standard normal.

Derivation. Y = log sinh H has f' = coth and f'' = -1/sinh^2, so by Ito's formula

    dY = dB + b(Y) dt,     b = -(1/2) / cosh^2 H = -(1/2) / (1 + e^(2Y)),

Brownian motion with a bounded drift. By Girsanov's theorem its transition density is that of Brownian motion times
exp(B(y') - B(y)) E exp(-1/2 int (b^2 + b')), with B' = b, B(y) = -y/2 + log(1 + e^(2y)) / 4, and, p = e^(2y) / (1 +
e^(2y)), b^2 + b' = (1 - p)(1 + 3 p)/4: a heat flow with a bounded potential. Split into steps, half of the potential
before and after each (Strang), of second order. In Stratonovich's sense dY = dB: the two differ by b.

Numerically the error of the distribution function is below `ERROR`, by halving of steps and grid; the tests compare
with another scheme and with networks.

Source: derived; Kloeden and Platen (1992), section 4.4, for the reduction of scalar equations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_positive
from theory_check.foundation.arrays import FloatArray

#: Bound of the error of the distribution function.
ERROR = 1e-5

_STEPS = 64
_SPACING = 0.02
_REACH = 8.0


@dataclass(frozen=True, eq=False)
class ScalarDiffusionLaw:
    """The law of log (H_1 / H_0)^2, by a table."""

    _points: FloatArray = field(repr=False)
    _values: FloatArray = field(repr=False)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(log (H_1 / H_0)^2 <= x)."""
        return np.asarray(np.interp(np.asarray(x, dtype=np.float64), self._points, self._values))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Smallest x of the table with cdf(x) >= p."""
        return np.asarray(np.interp(np.asarray(p, dtype=np.float64), self._values, self._points))


def log_squared_ratio(y: FloatArray, start: float) -> FloatArray:
    """Return log (H / start)^2 from y = log sinh H.

    Parameters
    ----------
    y : float64 array
    start : float

    Returns
    -------
    float64 array

    Examples
    --------
    >>> log_squared_ratio(np.log(np.sinh(np.array([1.0, 2.0]))), 1.0).round(6).tolist()
    [0.0, 1.386294]
    """
    return np.asarray(2.0 * np.log(np.arcsinh(np.exp(y)) / start))


def stratonovich_law(start: float) -> ScalarDiffusionLaw:
    """Return the law of log (H_1 / H_0)^2 in Stratonovich's sense, where log sinh H is a Brownian motion.

    Parameters
    ----------
    start : float
        H_0, positive.

    Returns
    -------
    ScalarDiffusionLaw

    Examples
    --------
    Its median is at the start:

    >>> round(float(stratonovich_law(1.0).cdf(0.0)), 6)
    0.5
    """
    from scipy.special import ndtr

    first = math.log(math.sinh(check_positive("start", start)))
    y = first + np.linspace(-_REACH, _REACH, 4001)
    return ScalarDiffusionLaw(log_squared_ratio(y, start), np.asarray(ndtr(y - first)))


def tanh_diffusion_law(start: float, *, steps: int = _STEPS, spacing: float = _SPACING) -> ScalarDiffusionLaw:
    """Return the law of log (H_1 / H_0)^2 for dH = tanh(H) dB.

    Parameters
    ----------
    start : float
        H_0, positive.
    steps : int
        Of the splitting.
    spacing : float
        Of the grid of Y.

    Returns
    -------
    ScalarDiffusionLaw

    Examples
    --------
    Far out tanh is 1 and H a Brownian motion:

    >>> law = tanh_diffusion_law(12.0)
    >>> round(float(law.cdf(0.0)), 5)
    0.5
    """
    check_positive("start", start)
    first = start + math.log1p(-math.exp(-2.0 * start)) - math.log(2.0)
    y = first + spacing * np.arange(-round(_REACH / spacing), round(_REACH / spacing) + 1)
    step = 1.0 / steps
    p = 0.5 * (1.0 + np.tanh(y))
    potential = np.exp(-0.25 * step * (1.0 - p) * (1.0 + 3.0 * p) / 4.0)
    kernel = np.exp(-0.5 * (spacing * np.arange(-300, 301)) ** 2 / step) * spacing / math.sqrt(2.0 * math.pi * step)
    middle = len(y) // 2
    density = np.exp(-0.5 * (y - first) ** 2 / step) / math.sqrt(2.0 * math.pi * step)
    density *= potential[middle] * potential
    for _ in range(steps - 1):
        density = np.convolve(potential * density, kernel, mode="same") * potential
    primitive = -0.5 * y + 0.25 * np.logaddexp(0.0, 2.0 * y)
    density = density * np.exp(primitive - primitive[middle])
    # The middles of the cells; what the grid leaves out is below 1e-12.
    values = np.cumsum(density) * spacing
    ends = np.asarray(y + 0.5 * spacing, dtype=np.float64)
    return ScalarDiffusionLaw(log_squared_ratio(ends, start), values / values[-1])
