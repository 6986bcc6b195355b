"""The cosine between two inputs of a res-3 network of finite width as a diffusion (E13).

Notation
    h, h' two inputs of one network with independent layers, c = cos theta their cosine; W Gaussian; s slope of the
    activation, kappa = (1 + s^2)/2, k(c) = E sigma(u) sigma(v)/kappa = c + g, g = (1 - s)^2/(1 + s^2) (arc(c) - c)
    (``arc_kernel``); q = kappa/d; time t = sum of the a_k^2.

Derivation. Given both states, V g(h) and V g(h') have independent coordinates with covariances |g|^2/d, <g, g'>/d,
whose means over W are q ||h||^2 and q ||h|| ||h'|| k(c). As max a_k -> 0 only these means matter: dh = sqrt(q) ||h||
dB, dh' = sqrt(q) ||h'|| dB', d<B_i, B'_j> = delta_ij k(c) dt. Ito's formula for <h, h'>/(||h|| ||h'||), then for theta:

    dc     = q [d (k - c) + c + c^2 k - 2 k] dt + sqrt(2 q (1 - c^2)(1 - c k)) dB,
    dtheta = -q (d - 2) g / sin theta dt + sqrt(2 q (sin^2 theta - c g)) dB.

Ends. c = 1: with e = 1 - c, de ~ 2 q e dt + sqrt(8 q) e dB, so log e is a Brownian motion with drift -2 q: c = 1 is
never reached, and stays if it is the start (a natural boundary: nothing is absorbed in finite time). c = -1: pi - theta
is a Bessel process of dimension d - 1 to leading order (s != 1), never reached for d >= 3, reached and left at once for
d = 2. Functions of c have a vanishing derivative in theta there, which is the boundary condition in every case. d = 1
has no diffusion (c = +-1).

Numerical method. The backward equation du/dt = A u by collocation in theta at N + 1 Chebyshev points x = cos phi,
theta = pi (1 + x)/2, and the matrix exponential. g is analytic in theta, u and the density of phi have all derivatives,
so the error decreases faster than any power of N. The law follows from the moments m_n = E cos(n phi_t),

    P(phi_t <= phi) = phi/pi + (2/pi) sum_n m_n sin(n phi)/n.

Errors are estimates, from a second computation with other N. Exact, up to these, for the limit diffusion; asymptotic
for networks, whose terms of order 1/L are in ``correlation_steps``.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025) for the setting; Trefethen, Spectral Methods in MATLAB (2000),
for the differentiation matrix. The diffusion is derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_between, check_finite, check_integer, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.stored_values import stored
from theory_check.theory.arc_kernel import gap
from theory_check.theory.estimates import Estimate

_SIZES = (48, 64)  # for moments: functions of c vary on the scale of 1 at every width
_LARGEST = 486  # 64 * 1.5^5; the exponential of a matrix of that size takes half a second


@dataclass(frozen=True)
class CorrelationDiffusion:
    """The diffusion of the cosine.

    Parameters
    ----------
    width
        d >= 2.
    slope
        Slope of the activation on negative arguments.
    """

    width: int
    slope: float = 0.0

    def __post_init__(self) -> None:
        check_integer("width", self.width, 2, 10**6)
        check_finite("slope", self.slope)

    @property
    def rate(self) -> float:
        """Return q = kappa/d."""
        return (1 + self.slope**2) / 2 / self.width

    def kernel(self, cosine: ArrayLike) -> FloatArray:
        """Return k(c) = E sigma(u) sigma(v) / kappa."""
        c = np.asarray(cosine, dtype=np.float64)
        return np.asarray(c + self._excess(1 - c))

    def drift(self, cosine: ArrayLike) -> FloatArray:
        """Return q [d (k - c) + c + c^2 k - 2 k] = q [(d - 2 + c^2) g - c (1 - c^2)]."""
        c = np.asarray(cosine, dtype=np.float64)
        return np.asarray(self.rate * ((self.width - 2 + c * c) * self._excess(1 - c) - c * (1 - c * c)))

    def variance_rate(self, cosine: ArrayLike) -> FloatArray:
        """Return 2 q (1 - c^2)(1 - c k), the squared diffusion coefficient."""
        c = np.asarray(cosine, dtype=np.float64)
        return np.asarray(2 * self.rate * (1 - c * c) * (1 - c * c - c * self._excess(1 - c)))

    def law(self, start: float, time: float = 1.0, *, tolerance: float = 1e-6) -> CosineLaw:
        """Law of c_t from c_0 = ``start``.

        Parameters
        ----------
        start : float
            c_0, from -1 to 1.
        time : float
            t = sum a_k^2: 1 at beta = 1/2.
        tolerance : float
            Aim for ``cdf_error``; the field says what was reached. Narrow laws (large width, c_0 near 1) need more
            points than are allowed for 1e-6.

        Returns
        -------
        CosineLaw

        Examples
        --------
        Equal inputs stay equal:

        >>> CorrelationDiffusion(10).law(1.0).mean.value
        1.0
        """
        start, time = check_between("the cosine of two inputs", start, -1, 1), check_positive("time", time)
        if start == 1:
            return CosineLaw(Estimate(1.0, 0.0), Estimate(0.0, 0.0), 0.0, np.empty(0))
        (rough_mean, rough_variance), (mean, variance) = (self._moments(start, time, size) for size in _SIZES)
        size, cosines, error = 64, self._cosine_moments(start, time, 64), math.inf
        while error > tolerance and size < _LARGEST:
            size = size * 3 // 2
            rough, cosines = cosines, self._cosine_moments(start, time, size)
            change = np.abs(cosines - np.pad(rough, (0, cosines.size - rough.size)))
            error = float(np.sum(change / np.arange(1, change.size + 1))) * 2 / math.pi
        # 1e-12: rounding in the exponential
        return CosineLaw(
            Estimate(mean, abs(mean - rough_mean) + 1e-12),
            Estimate(variance, abs(variance - rough_variance) + 1e-12),
            error,
            cosines,
        )

    def _excess(self, deficit: FloatArray) -> FloatArray:
        """Return g = k(c) - c."""
        return np.asarray((1 - self.slope) ** 2 / (1 + self.slope**2) * gap(deficit), dtype=np.float64)

    def _moments(self, start: float, time: float, size: int) -> tuple[float, float]:
        x = np.cos(np.pi * np.arange(1, size + 1) / size)
        shift = np.cos(np.pi * (1 + x) / 2) - start
        first, second = self._expectations(np.stack([shift, shift**2], axis=1), start, time, size)
        return start + float(first), float(second - first**2)

    def _cosine_moments(self, start: float, time: float, size: int) -> FloatArray:
        """E cos(n phi_t), n = 1..size/2; higher ones are not resolved."""
        return np.asarray(_start_weights(start, size) @ _carried_cosines(self, time, size), dtype=np.float64)

    def _expectations(self, functions: FloatArray, start: float, time: float, size: int) -> FloatArray:
        """E f(theta_t) for the columns f, given at the nodes without theta = pi."""
        return np.asarray(_start_weights(start, size) @ self._carried(functions, time, size), dtype=np.float64)

    def _carried(self, functions: FloatArray, time: float, size: int) -> FloatArray:
        """E f(theta_t) from each node as the start, without theta = pi."""
        from scipy.linalg import expm

        x, D, boundary = _grid(size)
        theta = np.pi * (1 + x[1:]) / 2
        first = D[1:, 1:] + np.outer(D[1:, 0], boundary)
        second = D[1:] @ D
        second = second[:, 1:] + np.outer(second[:, 0], boundary)
        sine, cosine = np.sin(theta), np.cos(theta)
        g = self._excess(2 * np.sin(theta / 2) ** 2)
        A = self.rate * ((sine**2 - cosine * g)[:, None] * second)
        A[:-1] -= self.rate * (self.width - 2) * (g[:-1] / sine[:-1])[:, None] * first[:-1]
        A[-1] = 0.0  # theta = 0 does not move
        return np.asarray(expm(time * A) @ functions, dtype=np.float64)


@lru_cache(maxsize=32)  # the matrix exponential, most of a law's cost, does not depend on the start
def _carried_cosines(diffusion: CorrelationDiffusion, time: float, size: int) -> FloatArray:
    """E cos(n phi_t), n = 1..size/2, from each node as the start, without theta = pi."""
    phi = np.pi * np.arange(1, size + 1) / size
    return diffusion._carried(np.cos(np.multiply.outer(phi, np.arange(1, size // 2 + 1))), time, size)


def _grid(size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the Chebyshev points, d/dtheta, and the weights of the other values in the one at theta = pi (node 0).

    That value is the one that makes the derivative there vanish.
    """
    x = np.cos(np.pi * np.arange(size + 1) / size)
    D = differentiation(x) * 2 / np.pi
    return x, D, -D[0, 1:] / D[0, 0]


def _start_weights(start: float, size: int) -> FloatArray:
    """Weights of the values at the nodes, without theta = pi, in the value at the start."""
    x, _, boundary = _grid(size)
    at_start = interpolation(x, 2 * math.acos(start) / math.pi - 1)
    return np.asarray(at_start[1:] + at_start[0] * boundary, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class CosineLaw:
    """The law of the cosine c_t.

    Parameters
    ----------
    mean, variance
        With estimated errors.
    cdf_error
        Estimate of sup |cdf - distribution function|.
    """

    mean: Estimate
    variance: Estimate
    cdf_error: float
    _cosines: FloatArray = field(repr=False)

    def cdf(self, cosine: ArrayLike) -> FloatArray:
        """P(c_t <= cosine)."""
        c = np.asarray(cosine, dtype=np.float64)
        if self._cosines.size == 0:
            return (c >= 1).astype(np.float64)
        # theta falls as c and as phi grow: c_t <= c means theta_t >= theta and phi_t <= phi.
        phi = np.arccos(np.clip(2 / np.pi * np.arccos(np.clip(c, -1.0, 1.0)) - 1, -1.0, 1.0))
        n = np.arange(1, self._cosines.size + 1)
        total = phi / np.pi + 2 / np.pi * (np.sin(np.multiply.outer(phi, n)) @ (self._cosines / n))
        return np.clip(total, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class CosineTable:
    """The law of the cosine, tabulated at 8001 even angles: fast where a law is evaluated at every point of a sample.

    The distribution function is linear between two angles. The error is a second derivative times (pi/8000)^2 / 8,
    below 1e-6 for laws of deviation above 0.1.

    Parameters
    ----------
    error
        Estimate of sup |cdf - distribution function|.
    """

    error: float
    _angles: FloatArray = field(repr=False)
    _probabilities: FloatArray = field(repr=False)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        angles = np.arccos(np.clip(np.asarray(x, dtype=np.float64), -1.0, 1.0))
        return np.asarray(np.interp(-angles, -self._angles, self._probabilities))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        return np.asarray(np.cos(np.interp(np.asarray(p, dtype=np.float64), self._probabilities, self._angles)))

    def density(self, x: ArrayLike) -> FloatArray:
        """Return the density, by central differences."""
        points, step = np.asarray(x, dtype=np.float64), 2e-3
        return np.asarray((self.cdf(points + step) - self.cdf(points - step)) / (2.0 * step))


@stored
def cosine_table(width: int, slope: float, start: float) -> CosineTable:
    """Tabulate the law of c_1 from c_0 = ``start``, the limit at beta = 1/2.

    The aim of 1e-5 for the error is a thousandth of what samples resolve. A finer aim costs seconds where a boundary
    makes the numerical method converge slowly.

    Parameters
    ----------
    width : int
        d >= 2.
    slope : float
        Slope of the activation on negative arguments.
    start : float
        c_0, from -1 to 1.

    Returns
    -------
    CosineTable

    Examples
    --------
    Without an activation the law from 0 is symmetric:

    >>> abs(float(cosine_table(10, 1.0, 0.0).quantile(0.5))) < 1e-4
    True
    """
    law = CorrelationDiffusion(width, slope).law(start, tolerance=1e-5)
    cosines = np.cos(np.linspace(np.pi, 0.0, 8001))
    # Rounding makes a flat end waver.
    probabilities = np.maximum.accumulate(law.cdf(cosines))
    return CosineTable(law.cdf_error + 1e-6, np.arccos(cosines), probabilities)


def differentiation(x: FloatArray) -> FloatArray:
    """Return the matrix that differentiates a polynomial given at the Chebyshev points x."""
    w = _barycentric_weights(x.size)
    distance = x[:, None] - x + np.eye(x.size)
    D = w / w[:, None] / distance
    np.fill_diagonal(D, 0.0)
    return np.asarray(D - np.diag(D.sum(axis=1)), dtype=np.float64)


def interpolation(x: FloatArray, at: float) -> FloatArray:
    """Weights of the values at the Chebyshev points in the value of their polynomial at ``at``."""
    distance = at - x
    hit = distance == 0
    if np.any(hit):
        return np.asarray(hit, dtype=np.float64)
    ratio = _barycentric_weights(x.size) / distance
    return np.asarray(ratio / ratio.sum(), dtype=np.float64)


def _barycentric_weights(size: int) -> FloatArray:
    w: FloatArray = np.where(np.arange(size) % 2, -1.0, 1.0)
    w[[0, -1]] /= 2
    return w
