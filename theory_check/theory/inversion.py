"""Inversion of increasing functions, many levels at once.

The regula falsi in its Illinois form (Dowell and Jarratt, BIT 11, 1971) keeps a bracket and closes in on a smooth root
with order 1.44; from the brackets of a common grid that takes about ten evaluations to rounding. Every fourth step
halves the bracket instead, so that steps of the function or its rounding cost no more than four times a bisection.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theory_check.foundation.arrays import FloatArray

#: Brackets as narrow as this, relative to their ends, are closed: some units in the last place.
_NARROW = 4e-15

#: Points of the common grid.
_GRID = 257


def crossing(
    increasing: Callable[[FloatArray], FloatArray], level: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return the smallest x in [low, high] with ``increasing(x) >= level``, to rounding.

    Parameters
    ----------
    increasing : callable
        An increasing function, elementwise on arrays of shape (points,).
    level, low, high : float64 arrays, shape (points,)
        Levels to reach, and the brackets to search.

    Returns
    -------
    float64 array, shape (points,)
        ``high`` where the function stays below the level.

    Examples
    --------
    >>> crossing(np.sqrt, np.array([2.0, 9.0]), np.zeros(2), np.full(2, 16.0)).round(12).tolist()
    [4.0, 16.0]
    """
    grid = np.linspace(low.min(), high.max(), _GRID)
    place = np.searchsorted(np.maximum.accumulate(increasing(grid)), level)
    low = np.maximum(low, grid[np.maximum(place - 1, 0)])
    high = np.minimum(high, grid[np.minimum(place, _GRID - 1)])
    below, above = increasing(low) - level, increasing(high) - level
    high = np.where(below >= 0, low, high)
    low = np.where(above < 0, high, low)
    side = np.zeros(level.shape)
    for step in range(1, 200):
        resolution = _NARROW * np.maximum(np.abs(low), np.abs(high))
        open_ = np.flatnonzero(high - low > resolution)
        if open_.size == 0:
            break
        a, b, fa, fb = low[open_], high[open_], below[open_], above[open_]
        middle = 0.5 * (a + b)
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = b - fb * ((b - a) / (fb - fa))
        inside = (secant >= a) & (secant <= b) & (step % 4 > 0)
        # A root known at one end alone is passed by the least step that brings the other end near.
        least = 0.5 * resolution[open_]
        x = np.where(inside, np.minimum(np.maximum(secant, a + least), b - least), middle)
        value = increasing(x) - level[open_]
        reached = value >= 0
        # An end that stays twice in a row counts for half, which draws the next secant to its side.
        repeated = side[open_] == np.where(reached, 1.0, -1.0)
        low[open_], high[open_] = np.where(reached, a, x), np.where(reached, x, b)
        below[open_] = np.where(reached, np.where(repeated, 0.5 * fa, fa), value)
        above[open_] = np.where(reached, value, np.where(repeated, 0.5 * fb, fb))
        side[open_] = np.where(reached, 1.0, -1.0)
    return high
