"""Networks whose weights are smooth across layers: Euler schemes of ordinary differential equations (C1, C2, P7, P8).

Notation
    h_{k+1} = h_k + L^(-beta) V_k g(h_k), V_k values of a process at k/L, beta = 1: Euler's scheme with step 1/L.
    nu smoothness of a Gaussian process: E |V_t - V_s|^2 ~ |t - s|^(2 nu) for nu < 1 (Matern-nu; RBF: infinite).

Tied linear weights (C1). log(1 + x/L) = x/L - x^2/(2 L^2) + x^3/(3 L^3) - ... gives, exactly, as L -> infinity

    (I + V/L)^L = e^V [ I - V^2/(2L) + (V^3/3 + V^4/8)/L^2 + O(L^-3) ],

so the error of the scheme is V^2 e^V/(2L) to first order. With V = 1 in dimension one it is also the weak error of
E14 (``euler_maruyama``).

Exponents are asymptotic: the error of the scheme is O(L^-1) for continuously differentiable weights; for rougher
processes a left-point sum errs by independent-like terms, L (L^(-1-nu))^2 = L^(-1-2nu) in mean square, which dominates
the end-point error L^-1 as long as nu < 1/2.

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025), sections on smooth weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory_check.errors import HypothesisError, SpecificationError
from theory_check.theory.multiplier import FloatArray

#: Order of the Euler scheme for smooth weights, on every path (P7).
EULER_ORDER = 1

#: Critical scaling exponent of smooth weights (P8): identity above it, explosion below it (at large width).
CRITICAL_EXPONENT = 1.0


def tied_limit(matrix: ArrayLike) -> FloatArray:
    """e^V, the limit of (I + V/L)^L."""
    from scipy.linalg import expm

    return np.asarray(expm(_square(matrix)), dtype=np.float64)


def tied_error_terms(matrix: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Matrices E_1, E_2 with e^V - (I + V/L)^L = E_1/L + E_2/L^2 + O(L^-3) (C1).

    E_1 = V^2 e^V/2 and E_2 = -(V^3/3 + V^4/8) e^V.
    """
    V = _square(matrix)
    limit = tied_limit(V)
    square = V @ V
    return square @ limit / 2, -(square @ V / 3 + square @ square / 8) @ limit


def displacement_slope(beta: float) -> float:
    """Slope of log sqrt(D) against log L for smooth weights and beta > 1: 1 - beta (P8)."""
    if not beta > CRITICAL_EXPONENT:
        raise HypothesisError(f"smooth weights give the identity for beta > 1, not for {beta!r}")
    return 1 - beta


def euler_error_slope(smoothness: float) -> float:
    """Slope of log error against log L at beta = 1 for a Gaussian process of smoothness nu: -min(1, 1/2 + nu) (C2)."""
    if not smoothness > 0:
        raise SpecificationError(f"the smoothness nu of a process is {smoothness!r}; it must be positive")
    return -min(1.0, 0.5 + smoothness)


def _square(matrix: ArrayLike) -> FloatArray:
    V = np.asarray(matrix, dtype=np.float64)
    if V.ndim != 2 or V.shape[0] != V.shape[1] or not np.all(np.isfinite(V)):
        raise SpecificationError(f"V must be a square matrix of finite numbers, not an array of shape {V.shape}")
    return V
