"""First step to sample: gradients as differences of the weights, and what is equal between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theory_check.experiments.experiment import Values, never
from theory_check.experiments.first_step import RATE, FirstStep
from theory_check.foundation.arrays import FloatArray
from theory_check.simulation.training import TrainingRun


def simulate_block(experiment: FirstStep, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Take the first step of one replicate.

    Parameters
    ----------
    experiment : FirstStep
    seed : int
        Root seed.
    block : int
        Number of the replicate, from 0.
    stop : callable
        Asked between two kernel calls whether to stop.

    Returns
    -------
    Values
        Columns as of :class:`~theory_check.experiments.first_step.FirstStep`, with one row.

    Raises
    ------
    InterruptedSimulationError
        When ``stop()`` becomes true.
    """
    from theory_check.kernels.linear_algebra import one_thread

    run = TrainingRun(experiment.training, seed, block)
    outer, inner, entry, readout, scaling = before = [part.copy() for part in run.weights]
    with one_thread():
        run.train_epoch(0, stop)
    gradients = [(old - new) / RATE for old, new in zip(before, run.weights, strict=True)]
    defects = {"ends_defect": ends_defect(entry, gradients[2], readout, gradients[3])}
    if experiment.trained_scaling == "layers":
        matrices, slopes = (outer, gradients[0]) if len(outer) else (inner, gradients[1])
        defects["scales_defect"] = scales_defect(scaling, gradients[4], matrices, slopes)
    if len(inner) and len(outer):
        defects["units_defect"] = units_defect(outer, gradients[0], inner, gradients[1])
    elif len(outer) > 1:
        factors = scaling[:, None, None]
        defects["chain_defect"] = chain_defect(np.eye(outer.shape[1]) + factors * outer, gradients[0] / factors)
    return {name: np.array([defect]) for name, defect in defects.items()}


def ends_defect(entry: FloatArray, entry_slope: FloatArray, readout: FloatArray, readout_slope: FloatArray) -> float:
    """Return |<A, G_A> - <B, G_B>| over the norms: a factor of A, divided out of B, changes no answer.

    Parameters
    ----------
    entry, entry_slope, readout, readout_slope : array (rows, columns)
        A and B, each followed by its gradient.

    Returns
    -------
    float
    """
    norms = np.linalg.norm(entry) * np.linalg.norm(entry_slope) + np.linalg.norm(readout) * np.linalg.norm(
        readout_slope
    )
    return _relative(abs(np.sum(entry * entry_slope) - np.sum(readout * readout_slope)), norms)


def units_defect(outer: FloatArray, outer_slope: FloatArray, inner: FloatArray, inner_slope: FloatArray) -> float:
    """Return the largest |<V_:j, G_V:j> - <W_j:, G_Wj:>| over the largest norms.

    Parameters
    ----------
    outer, outer_slope, inner, inner_slope : array (layers, width, width)
        V and W, each followed by its gradient.

    Returns
    -------
    float
    """
    columns, rows = np.sum(outer * outer_slope, axis=1), np.sum(inner * inner_slope, axis=2)
    norms = np.linalg.norm(outer, axis=1) * np.linalg.norm(outer_slope, axis=1)
    norms += np.linalg.norm(inner, axis=2) * np.linalg.norm(inner_slope, axis=2)
    return _relative(np.max(np.abs(columns - rows)), np.max(norms))


def scales_defect(scaling: FloatArray, scaling_slope: FloatArray, matrices: FloatArray, slopes: FloatArray) -> float:
    """Return the largest |a_k G_a_k - <X_k, G_X_k>| over the largest |a_k G_a_k| + ||X_k|| ||G_X_k||.

    Parameters
    ----------
    scaling, scaling_slope : array (layers,)
        The a_k and their gradients.
    matrices, slopes : array (layers, width, width)
        The X_k and theirs.

    Returns
    -------
    float
    """
    products, along = scaling * scaling_slope, np.sum(matrices * slopes, axis=(1, 2))
    norms = np.abs(products) + np.linalg.norm(matrices, axis=(1, 2)) * np.linalg.norm(slopes, axis=(1, 2))
    return float(np.max(np.abs(products - along)) / np.max(norms))


def chain_defect(matrices: FloatArray, slopes: FloatArray) -> float:
    """Return the largest ||M_{k+1}^T G_{k+1} - G_k M_k^T|| over the largest ||M_k|| ||G_k||.

    Parameters
    ----------
    matrices, slopes : array (layers, width, width)
        M_k and their gradients G_k.

    Returns
    -------
    float
    """
    left = np.swapaxes(matrices[1:], 1, 2) @ slopes[1:]
    right = slopes[:-1] @ np.swapaxes(matrices[:-1], 1, 2)
    norms = np.linalg.norm(matrices, axis=(1, 2)) * np.linalg.norm(slopes, axis=(1, 2))
    return _relative(np.max(np.linalg.norm(left - right, axis=(1, 2))), np.max(norms))


def _relative(defect: np.floating[Any], norms: np.floating[Any]) -> float:
    """Return a defect over norms; nothing is missing where all gradients vanish, as with weights that are all 0."""
    return float(defect / norms) if norms > 0.0 else 0.0
