"""How far the cosine between two inputs is from its limit diffusion at finite depth, to first order in 1/L (E13).

Notation
    As in ``correlation_diffusion``; u, u' unit vectors of cosine c, g = sigma(W u), g' = sigma(W u') the branch; eta =
    a^2 = 1/L; p = |g|^2, p' = |g'|^2, q = <g, g'>, whose means over W are kappa, kappa and kappa k(c).

Expansion. One layer takes f(c) to E f(c_1), c_1 = <h_1, h_1'>/(|h_1| |h_1'|), h_1 = u + a V g, h_1' = u' + a V g'. Odd
orders in a vanish, so that it is 1 + eta A + eta^2 B + O(eta^3), with A the generator of the diffusion and

    B = sum_{j=1}^4 m_j(c) / j! (d/dc)^j,   E (c_1 - c)^j = eta [...] + eta^2 m_j + O(eta^3).

Given W, V g and V g' have independent pairs of coordinates with covariances p/d, q/d and p'/d, of which two lie in the
plane of u and u'. Their moments make every m_j a sum of the four means E p^2, E p p', E q^2, E p q, with polynomials of
c and d as coefficients; these means are (E sigma(x)^2 sigma(y)^2 + (d - 1) kappa^2)/d and the like, for x and y
standard normal of correlation c. After L layers

    (1 + A/L + B/L^2)^L = e^A + (1/L) int_0^1 e^((1-s)A) (B - A^2/2) e^(sA) ds + O(1/L^2),

and the integral is a block of the exponential of the matrix [[A, B - A^2/2], [0, A]].

Entries of W that are not Gaussian do not move the mean kernel to first order in 1/d: averaged over directions their
fourth cumulants act like a scale of the row, which a kernel of degree two sees only through its variance.

Numerical method. Collocation in c at Chebyshev points with both ends, where A and B need no boundary condition. The
kernel has a term (1 - c)^(3/2): the error decreases like a power of the number of points. 128 instead of 64 points
moved the largest value of the term by at most a tenth, for slopes up to 1/2 in size and starts from -.9 to .9; the term
at one angle by an eighth of its largest value for d >= 6, but by half of it for d = 2 and 4 and by all of it for d = 3.
With what 64 points change, ``depth_coefficient`` was at most 1% below the largest value at 128.

Source: derived here.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.stored_values import stored
from theory_check.theory.arc_kernel import cubed_arc, squared_arc
from theory_check.theory.correlation_diffusion import CorrelationDiffusion, differentiation, interpolation

_SIZES = (48, 64)
_ANGLES = 400  # at which distribution functions are compared


@stored
def depth_coefficient(width: int, slope: float, start: float) -> float:
    """Bound L times the Kolmogorov distance of the law of c_L at beta = 1/2 from its limit, to first order in 1/L.

    The largest term of order 1/L of the distribution function, and what it changes by from 48 to 64 points.

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
    float

    Examples
    --------
    At width 10 a hundred layers bring the law within .0014 of its limit:

    >>> round(depth_coefficient(10, 0.0, -0.5), 2)
    0.13
    """
    diffusion = CorrelationDiffusion(width, slope)
    coarse, fine = (first_order(diffusion, start, size) for size in _SIZES)
    return float(np.max(np.abs(fine)) + np.max(np.abs(fine - coarse)))


def first_order(diffusion: CorrelationDiffusion, start: float, size: int) -> FloatArray:
    """Return the term of order 1/L of P(c_L <= cos psi), at even angles psi from 0 to pi.

    Parameters
    ----------
    diffusion : CorrelationDiffusion
    start : float
        c_0, from -1 to 1.
    size : int
        Number of collocation points less 1.

    Returns
    -------
    float64 array, shape (401,)
        What to divide by L.

    Examples
    --------
    Equal inputs stay equal:

    >>> bool(np.max(np.abs(first_order(CorrelationDiffusion(10), 1.0, 48))) < 1e-6)
    True
    """
    from scipy.linalg import expm

    c = np.cos(np.pi * np.arange(size + 1) / size)
    first = differentiation(c)
    second = first @ first
    A = diffusion.drift(c)[:, None] * first + diffusion.variance_rate(c)[:, None] / 2.0 * second
    derivatives = (first, second, second @ first, second @ second)
    B = sum(m[:, None] / math.factorial(j + 1) * derivatives[j] for j, m in enumerate(layer_moments(diffusion, c)))
    carried = expm(np.block([[A, B - A @ A / 2.0], [np.zeros_like(A), A]]))[: size + 1, size + 1 :]
    # Moments of cos(n psi), which are polynomials of c, and the distribution function from them.
    n = np.arange(1, size // 2 + 1)
    moments = interpolation(c, start) @ carried @ np.cos(np.multiply.outer(np.arccos(c), n))
    angles = np.linspace(0.0, np.pi, _ANGLES + 1)
    return np.asarray(-2.0 / np.pi * np.sin(np.multiply.outer(angles, n)) @ (moments / n), dtype=np.float64)


def layer_moments(diffusion: CorrelationDiffusion, cosine: FloatArray) -> tuple[FloatArray, ...]:
    """Return m_1 to m_4, the parts of order a^4 of E (c_1 - c)^j.

    Parameters
    ----------
    diffusion : CorrelationDiffusion
    cosine : float64 array
        c, from -1 to 1.

    Returns
    -------
    tuple of four float64 arrays

    Examples
    --------
    Equal inputs have no fourth moment:

    >>> float(layer_moments(CorrelationDiffusion(3), np.array([1.0]))[3][0])
    0.0
    """
    c, d, s = cosine, diffusion.width, diffusion.slope
    kappa, square, sine = (1.0 + s * s) / 2.0, c * c, 1.0 - c * c
    k = diffusion.kernel(c)
    pp = (1.5 * (1.0 + s**4) + (d - 1) * kappa**2) / d
    both = (1.0 + s**4) * squared_arc(c) + 2.0 * s * s * squared_arc(-c)
    cubes = (1.0 + s**4) * cubed_arc(c) - (s + s**3) * cubed_arc(-c)
    crossed, qq = (both + (d - 1) * kappa**2) / d, (both + (d - 1) * kappa**2 * k * k) / d
    pq = (cubes + (d - 1) * kappa**2 * k) / d
    one = 0.75 * (d - 3) * (d - 1) * c * pp + 0.25 * (d - 1) ** 2 * c * crossed
    one += (3.0 * square + d - 4) * (1.5 * c * qq - (d - 1) * pq)
    two = 0.5 * ((d * d + 4 * d - 9) * square - 4 * d + 8) * pp + 0.5 * ((d * d + 2 * d - 1) * square - 2 * d) * crossed
    two += (23.0 * square**2 + (7 * d - 36) * square + d * d - 7 * d + 12) * qq
    two -= 2.0 * c * ((5 * d + 3) * square + d * d - 5 * d - 4) * pq
    three = 3.0 * (d + 1) * c * (pp + crossed) + 6.0 * c * (5.0 * square + d - 4) * qq
    three -= 6.0 * ((d + 6) * square + d - 4) * pq
    four = 6.0 * (pp + crossed) + 12.0 * square * qq - 24.0 * c * pq
    return one / d**2, two / d**2, -sine * three / d**2, sine**2 * four / d**2
