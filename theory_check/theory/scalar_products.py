r"""Moments of the scalar product of two hidden states of a linear network.

Notation
    P = <h_k, h_k'>, N = ||h_k||^2 ||h_k'||^2 of two inputs that share the weights, in units of the norms at the input;
    c: cosine at the input; a: factor of a layer; d: width.

h_{k+1} = h_k + a V h_k with centred uncorrelated entries of variance 1/d, so that E <V h, V h'> = <h, h'> and

    E[P' | h, h'] = (1 + a^2) P.

For symmetric V odd terms vanish. Wick's theorem for Gaussian entries, E <h, V h'>^2 = N/d,
E <h, V h'> <h', V h> = P^2/d, E <V h, V h'>^2 = P^2 + (N + P^2)/d, E ||V h||^2 ||V h'||^2 = N + 2 P^2/d, leaves

    E[P'^2 | h, h'] = P^2 [1 + 2 a^2 (1 + 1/d) + a^4 (1 + 1/d)] + N [2 a^2/d + a^4/d],
    E[N' | h, h']   = P^2 [4 a^2/d + 2 a^4/d] + N (1 + a^2)^2.

All coefficients are positive and each of the last two expectations has fourth cumulants of entries times
sum_j h_j^2 h_j'^2 alone: entries of kurtosis at most 3 have at most these moments.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.theory.multiplier import Multiplier


def mean_product(multiplier: Multiplier, a: float, depth: int, cosine: float) -> float:
    """Return E <h_L, h_L'> / (||h_0|| ||h_0'||) of a linear network.

    Parameters
    ----------
    multiplier : Multiplier
        Of a linear branch.
    a : float
        Factor of all layers.
    depth : int
        L.
    cosine : float
        Of the two inputs.

    Returns
    -------
    float

    Examples
    --------
    >>> mean_product(Multiplier(3), 1.0, 2, 0.5)
    2.0
    """
    return cosine * math.exp(depth * math.log1p(multiplier.kappa * a * a))


def product_variance(multiplier: Multiplier, a: float, depth: int, cosine: float) -> float:
    """Return the variance of that product for Gaussian weights; a bound for kurtosis at most 3.

    Parameters
    ----------
    multiplier, a, depth, cosine
        As of :func:`mean_product`.

    Returns
    -------
    float

    Examples
    --------
    Two inputs that are one have the variance of R:

    >>> round(product_variance(Multiplier(2), 1.0, 1, 1.0), 12)
    3.0
    """
    d, s = multiplier.width, multiplier.kappa * a * a
    both = s * (2.0 + s) / d
    layer = np.array([[1.0 + s * (2.0 + s) * (1.0 + 1.0 / d), both], [2.0 * both, (1.0 + s) ** 2]])
    # In units of the squared mean growth, so that deep networks keep their digits.
    square = float(np.linalg.matrix_power(layer / (1.0 + s) ** 2, depth)[0] @ [cosine**2, 1.0])
    return math.exp(2.0 * depth * math.log1p(s)) * (square - cosine**2)
