"""Networks whose weights are smooth across layers: second-order error of tied layers, regimes (C1, P8).

Notation
    h_{k+1} = h_k + L^(-beta) V_k g(h_k), V_k values of a smooth process at k/L; beta = 1: Euler's scheme, step 1/L.

Tied linear weights (C1). log(1 + x/L) = x/L - x^2/(2 L^2) + x^3/(3 L^3) - ... gives

    (I + V/L)^L = e^V [ I - V^2/(2L) + (V^3/3 + V^4/8)/L^2 + O(L^-3) ],

an expansion whose first term is in ``orders``, with the orders of convergence; the second says from which L on the
first is good. For V = 1 it is that of E14, (1 + 1/L)^L = e - e/(2L) + 11 e/(24 L^2).

Regimes (P8), asymptotic: D ~ L^(2 - 2 beta) for beta > 1. Below 1 networks explode at large width only.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025), sections on smooth weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import HypothesisError, SpecificationError

#: Critical scaling exponent of smooth weights (P8).
CRITICAL_EXPONENT = 1.0


def tied_error_terms(matrix: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Matrices E_1, E_2 with (I + V/L)^L - e^V = E_1/L + E_2/L^2 + O(L^-3) (C1).

    E_1 = -V^2 e^V/2 and E_2 = (V^3/3 + V^4/8) e^V.
    """
    from scipy.linalg import expm

    V = np.asarray(matrix, dtype=np.float64)
    if V.ndim != 2 or V.shape[0] != V.shape[1] or not np.all(np.isfinite(V)):
        raise SpecificationError(f"V must be a square matrix of finite numbers, not an array of shape {V.shape}")
    limit, square = np.asarray(expm(V), dtype=np.float64), V @ V
    return -square @ limit / 2, (square @ V / 3 + square @ square / 8) @ limit


def smooth_slope(beta: float) -> float:
    """Slope of log sqrt(D) against log L for smooth weights and beta > 1: 1 - beta (P8)."""
    if not beta > CRITICAL_EXPONENT:
        raise HypothesisError(f"smooth weights give the identity for beta > 1, not for {beta!r}")
    return 1 - beta
