"""The sign of the pairing of gradient and output under the paper's input, output layer and loss.

Notation
    x uniform on [0, 1]^64, h_0 = A x with entries of A of variance 1/64, output u = B h_L with one row B of variance
    1/d, target y uniform on [0, 1], loss (u - y)^2, so that p_L = 2 (u - y) B^T and <p_L, h_L> = 2 (u - y) u.

The pairing is negative where u lies between 0 and y. Given sigma^2 = ||h_L||^2 / d, u is normal of variance sigma^2,
up to the kurtosis of the entries of B: u has the excess -1.2 sum h_i^4 / (sum h_i^2)^2, about -3.6/d, which moves P(u >
y) by 1e-3 at d = 40. With z standard normal

    P(<p_L, h_L> > 0) = 1/2 + E min(1, (sigma z)_+),
    E[min(1, (sigma z)_+) | sigma] = sigma [phi(0) - phi(1/sigma)] + P(z > 1/sigma),

and sigma^2 = m R chi2_d / d, m the mean of the squared observations: of mean 1/3 and variance (1/5 - 1/9)/64. R is
independent of both.

Source: derived; setting of Marion, Fermanian, Biau, Vert (2022; JMLR 2025), section 5.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Normal, ScaledChiSquare
from theory_check.networks.inputs import PAPER_INPUT_SIZE

#: Mean and variance of the mean of the squared observations.
SQUARED_INPUT = Normal(1.0 / 3.0, (1.0 / 5.0 - 1.0 / 9.0) / PAPER_INPUT_SIZE)

_LEVELS = (np.arange(64) + 0.5) / 64


def positive_pairing(width: int, log_ratio: FloatArray, *, second_moment: float | None = None) -> float:
    """P(<p_L, h_L> > 0) for the paper's input, output layer and loss.

    Parameters
    ----------
    width : int
        Dimension d of the hidden states.
    log_ratio : float64 array
        Equally likely values of log R.
    second_moment : float, optional
        Mean of the squared observations, if another one is supposed.

    Returns
    -------
    float

    Examples
    --------
    Small outputs lie between 0 and the target in half of all cases, large ones nearly never:

    >>> small, large = (positive_pairing(40, np.array([log])) for log in (-20.0, 20.0))
    >>> round(small, 4), round(large, 3)
    (0.5, 1.0)
    """
    check_integer("width", width, 1, 10**9)
    means = SQUARED_INPUT.quantile(_LEVELS)
    if second_moment is not None:
        means = means + (second_moment - SQUARED_INPUT.mean)
    scales = ScaledChiSquare(width).quantile(_LEVELS)
    squares = np.multiply.outer(np.multiply.outer(means, scales), np.exp(np.asarray(log_ratio)))
    return 0.5 + float(np.mean(_clipped_half(np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny)))))


def _clipped_half(sigma: FloatArray) -> FloatArray:
    """E min(1, (sigma z)_+)."""
    from scipy.special import ndtr

    cut = 1.0 / sigma
    densities = (1.0 - np.exp(-0.5 * cut * cut)) / math.sqrt(2.0 * math.pi)
    return np.asarray(sigma * densities + ndtr(-cut))
