"""Capital processes of sequential tests: products over observations, one for every bet, averaged over the bets.

They serve :mod:`theory_check.inference.betting` and :mod:`theory_check.inference.catoni`, whose results are those of
:mod:`theory_check.inference.sequential`. The e-values of :mod:`theory_check.inference.evidence` need no compiled loop.

Capitals are carried in units of a common power of two, so that they neither overflow nor vanish together. A capital
below 1e-300 of the sum may be lost: the sum is then too small, which keeps a test valid.
"""

from __future__ import annotations

import math

import numpy as np

from theory_check.kernels.compilation import kernel

_UPPER = 2.0**400
_LOWER = 2.0**-400

#: Largest value of a single factor: its product with a capital cannot overflow. Cutting one makes the capital smaller.
_LARGEST_FACTOR = 2.0**400

#: Where nothing is written, capitals are summed after this many moderate factors: their product stays below 2^320.
_PATIENCE = 16
_MODERATE_FACTOR = 2.0**20

#: Values of |z| with such factors 1 + |z| + z^2/2. Cutting |z| keeps psi(z) <= ln(1 + z + z^2/2), all that is used.
_LARGEST_TILT = 2.0**200
_MODERATE_TILT = 2.0**10

_LN2 = math.log(2.0)


@kernel()
def sum_and_rescale(capitals, exponent):
    """Return the sum of the capitals and the exponent of their unit, after bringing the sum near 1 if it is far."""
    total = 0.0
    for k in range(capitals.size):
        total += capitals[k]
    if total > 0.0 and not (_LOWER < total < _UPPER):
        shift = math.frexp(total)[1]
        # Two steps, because 2^-shift itself may overflow.
        half = math.ldexp(1.0, -(shift // 2))
        rest = math.ldexp(1.0, -(shift - shift // 2))
        total = total * half * rest
        for k in range(capitals.size):
            capitals[k] = capitals[k] * half * rest
        exponent += shift
    return total, exponent


@kernel()
def settle(capitals, losses, exponent):
    """Divide the capitals by the losses noted so far, one division for many factors, and sum them."""
    for k in range(capitals.size):
        capitals[k] /= losses[k]
        losses[k] = 1.0
    return sum_and_rescale(capitals, exponent)


@kernel()
def bet(values, mean, fractions, path):
    """Return log of the average over k of prod_i (1 - c_k + c_k x_i / m), and write it after every observation.

    Parameters
    ----------
    values : float64 array of numbers >= 0
    mean : float, m > 0
    fractions : float64 array, c_k in (0, 1)
    path : float64 array of the length of ``values``, or empty: nothing is written then
    """
    capitals = np.full(fractions.size, 1.0 / fractions.size)
    exponent = 0
    waiting = 0
    for i in range(values.size):
        ratio = min(values[i] / mean, _LARGEST_FACTOR)
        if ratio > _MODERATE_FACTOR:
            total, exponent = sum_and_rescale(capitals, exponent)
            waiting = _PATIENCE
        for k in range(fractions.size):
            capitals[k] *= 1.0 - fractions[k] + fractions[k] * ratio
        waiting += 1
        if path.size or waiting >= _PATIENCE:
            total, exponent = sum_and_rescale(capitals, exponent)
            waiting = 0
            if path.size:
                path[i] = math.log(total) + _LN2 * exponent
    total, exponent = sum_and_rescale(capitals, exponent)
    return math.log(total) + _LN2 * exponent


@kernel()
def tilt(values, mean, variance_bound, tilts, path):
    """Return log of the average over k of prod_i exp(psi(l_k (x_i - m))) / (1 + l_k^2 v / 2), and write it on the way.

    psi(z) = sgn(z) ln(1 + |z| + z^2/2), so that a factor is 1 + z + z^2/2 for z >= 0 and 1 / (1 - z + z^2/2) below.

    Parameters
    ----------
    values : float64 array
    mean, variance_bound : float, m and v
    tilts : float64 array, l_k; negative ones bet on a mean below m
    path : float64 array of the length of ``values``, or empty: nothing is written then
    """
    capitals = np.full(tilts.size, 1.0 / tilts.size)
    losses = np.ones(tilts.size)
    fees = 1.0 / (1.0 + 0.5 * tilts * tilts * variance_bound)
    largest = np.abs(tilts).max()
    exponent = 0
    waiting = 0
    for i in range(values.size):
        distance = values[i] - mean
        if largest * abs(distance) > _MODERATE_TILT:
            total, exponent = settle(capitals, losses, exponent)
            waiting = _PATIENCE
        for k in range(tilts.size):
            z = tilts[k] * distance
            size = min(abs(z), _LARGEST_TILT)
            growth = 1.0 + size + 0.5 * size * size
            gained = z >= 0.0
            capitals[k] *= fees[k] * (growth if gained else 1.0)
            losses[k] *= 1.0 if gained else growth
        waiting += 1
        if path.size or waiting >= _PATIENCE:
            total, exponent = settle(capitals, losses, exponent)
            waiting = 0
            if path.size:
                path[i] = math.log(total) + _LN2 * exponent
    total, exponent = settle(capitals, losses, exponent)
    return math.log(total) + _LN2 * exponent
