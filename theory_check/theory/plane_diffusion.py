"""The limit law of a res-1 network of width 2 with tanh at beta = 1/2 (P6).

Notation
    dH = d^(-1/2) dB tanh(H), H_0 = (x, x), d = 2: the limit of h_{k+1} = h_k + L^(-1/2) V tanh(h_k), V Gaussian of
    variance 1/d; s(h)^2 = (tanh(h_1)^2 + tanh(h_2)^2)/d.

Derivation. The rows of B are independent, and each meets the same vector tanh(H): so dH = s(H) dW with a plane Brownian
motion W. The density solves dp/dt = 1/2 Laplace(s^2 p). A random walk on the lattice of spacing delta that leaves a
point for each of its four neighbours at the rate s^2/(2 delta^2) is a martingale with the same covariance, and has this
limit with an error of order delta^2; its masses are spread over the squares of the lattice.

Numerically the error of the distribution function of log(||H_1||^2/||H_0||^2) is below `ERROR`, by halving of the
spacing; the tests compare with networks.

Source: derived; Kushner and Dupuis, *Numerical Methods for Stochastic Control Problems in Continuous Time* (2001),
chapter 5, for approximation by Markov chains.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arguments import check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.theory.scalar_diffusion import ScalarDiffusionLaw

#: Bound of the error of the distribution function.
ERROR = 1e-3

_SPACING = 0.05
_REACH = 5.0

#: Parts in which each side of a square of the lattice is cut to spread its mass.
_PARTS = 4

#: Part of a step that may leave a point: below 1 all masses stay positive.
_LEAVING = 0.9


def plane_diffusion_law(start: float, *, shared: bool = True, spacing: float = _SPACING) -> ScalarDiffusionLaw:
    """Return the law of log(||H_1||^2/||H_0||^2) for two coordinates with tanh.

    Parameters
    ----------
    start : float
        x, from 1/2 to 2.
    shared : bool
        Whether the length of tanh(H) drives both coordinates, as matrices do; if not, each is driven by its own tanh.
    spacing : float
        Of the lattice, of which the start is a point.

    Returns
    -------
    ScalarDiffusionLaw

    Examples
    --------
    The mean of ||H||^2 grows by the mean of ||tanh H||^2, from 2 by less than 2:

    >>> law = plane_diffusion_law(1.0)
    >>> mean = float(np.mean(np.exp(law.quantile((np.arange(1000) + 0.5) / 1000))))
    >>> 1.3 < mean < 1.6
    True
    """
    check_positive("start", start)
    half = round((start + _REACH) / spacing)
    x: FloatArray = spacing * np.arange(-half, half + 1, dtype=np.float64)
    square = np.tanh(x) ** 2
    both = (square[:, None] + square) / 2.0
    along, across = (both, both) if shared else (square[:, None] + 0.0 * both, square + 0.0 * both)
    steps = math.ceil(float((along + across).max()) / (_LEAVING * spacing**2))
    first, second = (part / (2.0 * steps * spacing**2) for part in (along, across))
    mass = np.zeros_like(both)
    mass[half + round(start / spacing), half + round(start / spacing)] = 1.0
    for _ in range(steps):
        up, right = first * mass, second * mass
        mass = mass - 2.0 * (up + right)
        mass[1:] += up[:-1]
        mass[:-1] += up[1:]
        mass[:, 1:] += right[:, :-1]
        mass[:, :-1] += right[:, 1:]
    return _table(x, mass, start, spacing)


def _table(x: FloatArray, mass: FloatArray, start: float, spacing: float) -> ScalarDiffusionLaw:
    """Return the law of log(||H||^2/||H_0||^2) on a grid, each mass spread over its square."""
    edges = np.linspace(-12.0, 6.0, 1801)
    inside = np.zeros(len(edges) - 1)
    for shift in spacing * ((np.arange(_PARTS) + 0.5) / _PARTS - 0.5):
        for other in spacing * ((np.arange(_PARTS) + 0.5) / _PARTS - 0.5):
            squares = (x[:, None] + shift) ** 2 + (x + other) ** 2
            inside += np.histogram(np.log(squares / (2.0 * start**2)), edges, weights=mass)[0] / _PARTS**2
    return ScalarDiffusionLaw(edges, np.concatenate([[0.0], np.cumsum(inside) / inside.sum()]))
