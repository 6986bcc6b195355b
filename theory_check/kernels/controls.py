"""Sums along the depth whose mean is known exactly: control variates of log R.

Notation
    h -> h + a V g(h), g(h) = h or sigma(W h); u = <h, V g>/||h||^2, r = ||V g||^2/||h||^2, so that the squared norm is
    multiplied by M = 1 + 2 a u + a^2 r; kappa the mean of r given h.

Four sums over the layers:

    projection  2 a u,   length  a^2 (r - kappa),   square  4 a^2 (u^2 - kappa/d),   floored  log max(M, 1/2).

The terms of the first three are martingale differences: given all layers below and W, the entries of V are centred and
uncorrelated of variance v/d, so that u has mean 0, u^2 mean v s/d and r mean v s with s = ||g||^2/||h||^2; and s has
mean kappa/v given the layers below, because s = 1 (linear), or because W h has symmetric coordinates of equal variance,
whose positive and negative parts have half of the second moment each. Only means are used: any symmetric law of finite
variance has them. The floored sum is log R unless some layer more than halves the squared norm.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import float64

from theory_check.kernels import LANES
from theory_check.kernels.compilation import kernel

#: Least multiplier of a layer that the floored sum counts.
FLOOR = 0.5


@kernel()
def add_terms(norm, pairing, square, factor, growth, width, totals):
    """Add the terms of one layer, given ||h||^2, <h, V g> and ||V g||^2 of every lane."""
    for lane in range(LANES):
        if norm[lane] > 0.0:
            projection = 2.0 * factor * pairing[lane] / norm[lane]
            length = factor * factor * square[lane] / norm[lane]
            totals[0, lane] += projection
            totals[1, lane] += length - growth
            totals[2, lane] += projection * projection - 4.0 * growth / width
            totals[3, lane] += math.log(max(1.0 + projection + length, FLOOR))


@kernel()
def add_controls(vector, factor, increment, growth, totals):
    """Add the terms of one layer to ``totals``, float64 array (4, LANES); a state of norm 0 stays and adds nothing.

    ``vector`` is h and ``factor * increment`` is a V g, block vectors in the same units; ``growth`` is a^2 kappa.
    """
    width = vector.size // LANES
    norm, pairing, square = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    for j in range(width):
        for lane in range(LANES):
            state, step = vector[j * LANES + lane], float64(increment[j * LANES + lane])
            norm[lane] += state * state
            pairing[lane] += state * step
            square[lane] += step * step
    add_terms(norm, pairing, square, factor, growth, width, totals)
