"""Exact second moments with a bias inside the activation: g(h) = sigma(W h + b) (E18).

Notation
    X = ||h_k||^2, Y = <h_k, h_0>, both with ||h_0|| = 1; B = E ||b||^2 / (v_W ||h_0||^2), the energy of the bias.
    S: squared scale of a layer without a bias (see ``multiplier``).

Given h, the entries of W h + b are independent normal of variance v_W (X + B)/d, so that ||V g||^2 is what it is
without a bias at a squared norm of X + B, while the increment stays isotropic:

    E X'   = X + kappa a^2 (X + B)
    E Y'^2 = Y^2 + (kappa a^2 / d) (X + B)
    E X'Y' = X Y + kappa a^2 (1 + 2/d) (X + B) Y
    E X'^2 = X^2 + 2 kappa a^2 (1 + 2/d) X (X + B) + a^4 d (d + 2) E S^2 (X + B)^2,

and E Y = 1. Exact for Gaussian weights and biases. The last line alone depends on the law beyond its variance; for
independent entries of kurtosis at most 3 it is an upper bound, by the argument at the head of ``moments``, and so are
the variances below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.theory.hypotheses import check_bias
from theory_check.theory.multiplier import Multiplier


def _last_moments(multiplier: Multiplier, scaling: ArrayLike, depth: int | None, bias_energy: float) -> FloatArray:
    """Return the vector of E 1, E X, E X^2, E Y^2, E X Y after the last layer."""
    check_bias(multiplier.branch, bias_energy)
    d, kappa, B = multiplier.width, multiplier.kappa, bias_energy
    factors = np.asarray(scaling, dtype=np.float64)
    if factors.ndim == 0:
        if depth is None or depth < 1:
            raise SpecificationError(f"a single scaling needs a depth >= 1, not {depth!r}")
        factors = np.full(depth, float(factors))
    vector = np.ones(5)
    for a in factors.tolist():
        k = kappa * a * a
        c = k * (1.0 + 2.0 / d)
        q = a**4 * d * (d + 2) * multiplier.scale_moment(2)
        step = np.array(
            [
                [1.0, 0.0, 0.0, 0.0, 0.0],
                [k * B, 1.0 + k, 0.0, 0.0, 0.0],
                [q * B * B, 2.0 * B * (c + q), 1.0 + 2.0 * c + q, 0.0, 0.0],
                [k * B / d, k / d, 0.0, 1.0, 0.0],
                [c * B, 0.0, 0.0, 0.0, 1.0 + c],
            ]
        )
        vector = step @ vector
    return vector


def norm_ratio_variance(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, bias_energy: float
) -> float:
    """Var R with a bias; the mean is :func:`theory_check.theory.moments.biased_norm_ratio_mean`.

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.
    bias_energy : float
        B = E ||b||^2 / (v_W ||h_0||^2), not negative.

    Returns
    -------
    float

    Examples
    --------
    >>> from theory_check.theory import moments
    >>> from theory_check.networks.branches import Branch
    >>> relu, layers = Multiplier(4, Branch("res-3")), (0.5, 3)
    >>> unbiased = moments.norm_ratio_variance(relu, *layers)
    >>> round(norm_ratio_variance(relu, *layers, bias_energy=0.0) / unbiased, 12)
    1.0
    """
    _, mean, square, _, _ = _last_moments(multiplier, scaling, depth, bias_energy).tolist()
    return float(square - mean * mean)


def displacement_variance(
    multiplier: Multiplier, scaling: ArrayLike, depth: int | None = None, *, bias_energy: float
) -> float:
    """Var D = Var(R - 2 Y) with a bias; accurate while D is not small against 1, since it is a difference.

    Parameters
    ----------
    multiplier : Multiplier
        Law of one layer.
    scaling, depth
        As for :func:`~theory_check.theory.multiplier.layer_groups`.
    bias_energy : float
        B = E ||b||^2 / (v_W ||h_0||^2), not negative.

    Returns
    -------
    float

    Examples
    --------
    In one layer the bias acts like a squared norm of 1 + B, in front of D:

    >>> from theory_check.networks.branches import Branch
    >>> relu = Multiplier(4, Branch("res-3"))
    >>> plain, biased = (displacement_variance(relu, 0.5, 1, bias_energy=energy) for energy in (0.0, 1.0))
    >>> round(biased / plain, 12)
    4.0
    """
    _, mean, square, overlap, mixed = _last_moments(multiplier, scaling, depth, bias_energy).tolist()
    return float(square + 4.0 * overlap - 4.0 * mixed - (mean - 2.0) ** 2)
