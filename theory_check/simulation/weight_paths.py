"""Statistics of the matrices of all layers before and after training, as paths over the layers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.experiment import Values
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.roughness import quadratic_variations


def variations(path: FloatArray, lags: tuple[int, ...]) -> FloatArray:
    """Return the quadratic variations of orders 1 and 2, shape (2, lags), of a path (layers, entries).

    Infinite where an entry is not finite.
    """
    if not lags or not np.all(np.isfinite(path)):
        return np.full((2, len(lags)), np.inf)
    return np.stack([quadratic_variations(path.T, order=order, lags=lags) for order in (1, 2)])


def _root_mean_square(values: FloatArray) -> float:
    return math.sqrt(float(np.mean(values * values))) if values.size else 0.0


def path_columns(
    name: str,
    initial: NDArray[np.floating],
    trained: NDArray[np.floating],
    lags: tuple[int, ...],
    entries: tuple[tuple[int, int], ...],
) -> Values:
    """Return the columns of one kind of matrix for one replicate, as of :class:`Training`, without a first axis.

    Parameters
    ----------
    name : ``outer`` or ``inner``
    initial, trained : float arrays (layers, width, width)
    lags : tuple of int
    entries : tuple of (int, int)

    Returns
    -------
    Values
        Not a number where weights are not.
    """
    layers = len(initial)
    before, after = (np.asarray(part, np.float64).reshape(layers, -1) for part in (initial, trained))
    moved = after - before
    steps = np.diff(after, axis=0)
    norms = np.sum(after * after, axis=1)
    size = _root_mean_square(before)
    columns: Values = {
        "movement": np.array(_root_mean_square(moved) / size if size else math.inf),
        "increments": np.array([_root_mean_square(np.diff(path, axis=0)) for path in (before, after, moved)]),
        "variations": np.stack([variations(path, lags) for path in (before, after)]),
        "maximal_norm": np.array(math.sqrt(norms.max())),
        "maximal_increment": np.array(math.sqrt(np.sum(steps * steps, axis=1).max(initial=0.0))),
        "root_sum_of_squares": np.array(math.sqrt(norms.sum())),
        "initial_root_sum_of_squares": np.array(size * math.sqrt(before.size)),
        "entries": np.array([[part[:, i, j] for i, j in entries] for part in (initial, trained)], np.float64).reshape(
            2, len(entries), layers
        ),
    }
    return {f"{name}_{key}": column for key, column in columns.items()}
