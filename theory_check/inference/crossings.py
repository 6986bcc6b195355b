"""Zeros of a quantity that decreases along a grid: crossings of curves, and brackets of medians by their signs.

Notation. Points x_1 < ... < x_B, values y_ij of replicate i at x_j, m(x) the median of the values at x, decreasing.
m(x_j) > 0 puts the zero of m at x_j or above, m(x_j) < 0 at x_j or below. Each sign is decided by order statistics or,
as a p-value, by an exact sign test, at level alpha / B or multiplied by B (Bonferroni). Only monotonicity is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.inference.intervals import Interval, quantile_interval

#: A crossing outside the grid, above or below with the minus sign: farther off than any exponent.
OUTSIDE = 10.0


def last_crossings(points: ArrayLike, values: FloatArray) -> FloatArray:
    """Return where each row of ``values`` (replicates, points) is zero for the last time, going from above to below."""
    points, positive = np.asarray(points), values > 0.0
    last = np.where(positive.any(axis=1), len(points) - 1 - np.argmax(positive[:, ::-1], axis=1), -1)
    inside = (last >= 0) & (last < len(points) - 1)
    left = np.where(inside, last, 0)
    rows = np.arange(len(values))
    above, below = values[rows, left], values[rows, left + 1]
    share = np.where(inside, above / np.where(inside, above - below, 1.0), 0.0)
    found = points[left] + share * (points[left + 1] - points[left])
    return np.asarray(np.where(inside, found, np.where(last < 0, -OUTSIDE, OUTSIDE)))


def bracket(points: Sequence[float], values: FloatArray, *, alpha: float) -> tuple[float, float, float]:
    """Bracket the zero of the median; signs that contradict monotonicity decide nothing.

    Parameters
    ----------
    points : sequence of float
        Increasing.
    values : array, shape (replicates, points)
    alpha : float
        Level of the bracket.

    Returns
    -------
    (float, float, float)
        The crossing of the interpolated empirical medians, then the largest point with a positive median and the
        smallest with a negative one, each beyond doubt; an end is infinite where there is none.

    Examples
    --------
    >>> values = np.array([1.0, 0.5, -0.5, -1.0]) + np.linspace(-0.2, 0.2, 101)[:, None]
    >>> [float(x) for x in bracket((0.0, 1.0, 2.0, 3.0), values, alpha=0.01)]
    [1.5, 1.0, 2.0]
    """
    medians: list[Interval] = [quantile_interval(column, 0.5, alpha=alpha / len(points)) for column in values.T]
    lower = max((x for x, m in zip(points, medians, strict=True) if m.lower > 0.0), default=-math.inf)
    upper = min((x for x, m in zip(points, medians, strict=True) if m.upper < 0.0), default=math.inf)
    if lower > upper:
        lower, upper = -math.inf, math.inf
    estimate = last_crossings(points, np.array([[m.estimate for m in medians]]))[0]
    return float(np.clip(estimate, lower, upper)), lower, upper


def crossing_log_p(points: ArrayLike, values: FloatArray, at: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return log p-values against "the zero is at most x" and "at least x": exact sign tests at all points beyond x.

    Parameters
    ----------
    points : array_like
    values : array, shape (replicates, points)
    at : array_like
        Each x.

    Returns
    -------
    (array, array)

    Examples
    --------
    Ten positive values at 1 are evidence against a zero at most at 1, and none against one at least there.

    >>> below, above = crossing_log_p([1.0], np.ones((10, 1)), [1.0])
    >>> float(np.exp(below[0]) * 2**10), float(above[0])
    (1.0, 0.0)
    """
    from scipy.stats import binom

    points, n = np.asarray(points), len(values)
    positive, negative = (binom.logsf(np.sum(side, axis=0) - 1, n, 0.5) for side in (values > 0.0, values < 0.0))
    count, at = math.log(len(points)), np.asarray(at)
    return (
        np.array([min(0.0, count + np.min(positive, where=points >= x, initial=0.0)) for x in at]),
        np.array([min(0.0, count + np.min(negative, where=points <= x, initial=0.0)) for x in at]),
    )
