"""Orders and exact errors of the Euler-Maruyama scheme that a network with independent weights is (P6, E14).

Notation
    beta = 1/2, Gaussian V; linear branch: E R_L = (1 + 1/L)^L, E R of the limit e.

Weak error of E R, exact: e - (1 + 1/L)^L = e (1 - exp(L log(1 + 1/L) - 1)) = e/(2L) - 11 e/(24 L^2) + O(L^-3); the scheme
is below its limit. For res-3 the same with kappa = 1/2: e^kappa - (1 + kappa/L)^L = e^kappa kappa^2/(2L) + ...

Source: Marion, Fermanian, Biau, Vert (2022; JMLR 2025); Kloeden and Platen (1992) for the orders.
"""

from __future__ import annotations

import math

from theory_check.errors import SpecificationError
from theory_check.specifications import check_integer

#: Strong order with coupled Brownian increments, Lipschitz branches.
STRONG_ORDER = 0.5

#: Order of the error of means of smooth functions.
WEAK_ORDER = 1.0


def weak_error(depth: int, kappa: float = 1.0) -> float:
    """e^kappa - (1 + kappa/L)^L > 0, to relative accuracy."""
    check_integer("depth", depth, 1, 10**15)
    if not 0 < kappa < math.inf:
        raise SpecificationError(f"kappa must be positive and finite, not {kappa!r}")
    return -math.exp(kappa) * math.expm1(-kappa * _log_deficit(kappa / depth))


def weak_error_expansion(depth: int) -> float:
    """e/(2L) - 11 e/(24 L^2) + 7 e/(16 L^3): the linear weak error up to O(L^-4)."""
    return math.e * (1 / 2 - (11 / 24 - 7 / 16 / depth) / depth) / depth


def _log_deficit(x: float) -> float:
    """1 - log(1 + x)/x, by its series x/2 - x^2/3 + ... where the difference would cancel."""
    if x > 0.05:
        return 1 - math.log1p(x) / x
    return math.fsum((-1) ** n * x**n / -(n + 1) for n in range(1, 14))
