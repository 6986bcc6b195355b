"""Columns of experiments on networks of depths L, 2 L, ..., 2^J L: of each network, and its distance to the others."""

from __future__ import annotations

import numpy as np

from theory_check.experiments.experiment import Values
from theory_check.foundation.arrays import FloatArray


def norms(vectors: FloatArray) -> FloatArray:
    """Euclidean norms of vectors of shape (..., width, lanes)."""
    return np.asarray(np.sqrt(np.sum(vectors * vectors, axis=-2)))


def doubling_errors(hidden: FloatArray, unit: FloatArray) -> dict[str, FloatArray]:
    """Distances of states (depths, width, lanes) to the deepest network and between neighbours, over ``unit``."""
    return {"finest": norms(hidden[:-1] - hidden[-1:]) / unit, "adjacent": norms(np.diff(hidden, axis=0)) / unit}


def doubling_columns(start: FloatArray, hidden: FloatArray) -> Values:
    """Columns of the outputs at all depths, shape (depths, lanes): see :func:`by_replicate`.

    ``log_norm_ratio`` log(||h||^2 / ||h_0||^2), ``projection`` <h, h_0> / ||h_0||^2 and, with several depths,
    ``finest_error`` and ``adjacent_error``, over ||h_0||.
    """
    unit = norms(start)
    columns = {
        "log_norm_ratio": 2.0 * np.log(norms(hidden) / unit),
        "projection": np.asarray(np.sum(hidden * start, axis=1) / unit**2),
    }
    if len(hidden) > 1:
        columns |= {f"{name}_error": errors for name, errors in doubling_errors(hidden, unit).items()}
    return columns


def by_replicate(columns: Values) -> Values:
    """Put the replicates, the lanes, first."""
    return {name: np.ascontiguousarray(column.T) for name, column in columns.items()}
