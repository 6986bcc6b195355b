"""Second moments of hidden states at infinite width on the grid of pairs of layers, one row at a time.

``E(k, l) = <h_k, h_l> / ||h_0||^2 - 1`` obeys ``E(k, 0) = 0`` and, with the increments ``q(k, l)`` of
:mod:`theory_check.theory.infinite_width`,

    E(k+1, l+1) = E(k+1, l) + E(k, l+1) - E(k, l) + q(k, l),

so a row follows from the one before by running sums: ``E(k+1, l) = E(k, l) + q(k, 0) + ... + q(k, l-1)`` for ``l <= k``
and ``E(k+1, k+1) = 2 E(k+1, k) - E(k, k) + q(k, k)``. By symmetry ``l <= k`` suffices, in one array of length L.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from theory_check.kernels.compilation import DOUBLES, kernel

_LARGE = 2.0**400
_MATRIX = types.float64[:, :]
_ROWS = types.void(_MATRIX, _MATRIX, DOUBLES, types.float64, DOUBLES, types.int64[::1])


@kernel(_ROWS)
def second_moments(outer, inner, scaling, slope, excess, exponents):
    """Write E(k, k) for k = 0..L in units of 2^exponents[k], in which the 1 of ``E = C - 1`` is rescaled too.

    ``outer`` and ``inner`` (L, L) are the correlations of V and W between layers, of any memory layout; ``scaling``
    holds a_0..a_{L-1}; ``excess`` and ``exponents`` have length L + 1.
    """
    depth = scaling.size
    half = (1.0 - slope) * (1.0 - slope) / 2.0
    row = np.zeros(depth + 1)
    roots = np.zeros(depth + 1)  # sqrt C(l, l) in the current units
    increments = np.empty(depth)
    one = 1.0
    shift = 0
    roots[0] = 1.0
    excess[0] = 0.0
    exponents[0] = 0
    for k in range(depth):
        for column in range(k + 1):
            size = roots[k] * roots[column]
            if size == 0.0:  # the early layer is below the smallest number in these units
                increments[column] = 0.0
                continue
            r = min(1.0, max(-1.0, inner[k, column] * (one + row[column]) / size))
            value = slope * r
            if half > 0.0:
                value += half * (math.sqrt(1.0 - r * r) + r * (math.pi / 2 + math.asin(r))) / math.pi
            increments[column] = scaling[k] * scaling[column] * outer[k, column] * size * value
        total = 0.0
        diagonal = row[k]
        for column in range(k + 1):
            row[column] += total
            total += increments[column]
        row[k + 1] = 2.0 * row[k] - diagonal + increments[k]
        if row[k + 1] > _LARGE:
            for column in range(k + 2):
                row[column] /= _LARGE
                roots[column] /= math.sqrt(_LARGE)
            one /= _LARGE
            shift += 400
        excess[k + 1] = row[k + 1]
        exponents[k + 1] = shift
        roots[k + 1] = math.sqrt(one + row[k + 1])
