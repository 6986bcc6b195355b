"""Estimators of d/dm E f(m + s Z), Z standard normal: the gradient of a function that Gaussian noise smooths.

Each is a sampler: it takes a NumPy generator and a number n, and returns n independent values whose mean is the
gradient. With the Lipschitz constant l of f, values of ``pathwise`` lie in [-l, l], and those of the other two have a
variance of at most E (l Z^2)^2 = 3 l^2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Function = Callable[[Array], Array]


def pathwise(rng: np.random.Generator, n: int, *, derivative: Function, m: float, s: float) -> Array:
    """Return n values of f'(m + s Z)."""
    return derivative(m + s * rng.standard_normal(n))


def score(rng: np.random.Generator, n: int, *, f: Function, m: float, s: float) -> Array:
    """Return n values of (f(m + s Z) - f(m)) Z / s: no derivative is needed, by Stein's identity."""
    z = rng.standard_normal(n)
    return (f(m + s * z) - f(np.full(n, m))) * z / s


def antithetic(rng: np.random.Generator, n: int, *, f: Function, m: float, s: float) -> Array:
    """Return n values of (f(m + s Z) - f(m - s Z)) Z / (2 s)."""
    z = rng.standard_normal(n)
    return (f(m + s * z) - f(m - s * z)) * z / (2.0 * s)
