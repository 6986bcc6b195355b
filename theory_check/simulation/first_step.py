"""First step to sample: gradients as differences of the weights, and what is equal between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theory_check.experiments.experiment import Values, never
from theory_check.experiments.first_step import PARTS, RATE, FirstStep
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
    with one_thread():
        outer, inner, entry, readout, scaling = _gradients(run, stop)
    weights = run.weights
    defects = {"ends_defect": ends_defect(weights.entry, entry, weights.readout, readout)}
    if experiment.trained_scaling == "layers":
        matrices, slopes = (weights.outer, outer) if len(weights.outer) else (weights.inner, inner)
        defects["scales_defect"] = scales_defect(weights.scaling, scaling, matrices, slopes)
    if len(weights.inner) and len(weights.outer):
        defects["units_defect"] = units_defect(weights.outer, outer, weights.inner, inner)
    elif len(weights.outer) > 1:
        factors = weights.scaling[:, None, None]
        defects["chain_defect"] = chain_defect(
            np.eye(weights.outer.shape[1]) + factors * weights.outer, outer / factors
        )
    return {name: np.array([defect]) for name, defect in defects.items()}


def _gradients(run: TrainingRun, stop: Callable[[], bool]) -> list[FloatArray]:
    """Return what each part of the examples adds to the gradient, (parts, ...), of each of the weights."""
    before = [part.copy() for part in run.weights]
    found: list[list[FloatArray]] = [[] for _ in before]
    for examples in np.array_split(run.seen, PARTS):
        run.train(examples, stop=stop)
        share = len(examples) / len(run.seen)
        for of_parts, old, new in zip(found, before, run.weights, strict=True):
            of_parts.append(share * (old - new) / RATE)
            new[...] = old
    return [np.stack(of_parts) for of_parts in found]


def ends_defect(entry: FloatArray, entry_slope: FloatArray, readout: FloatArray, readout_slope: FloatArray) -> float:
    """Return |<A, G_A> - <B, G_B>| over the norms: a factor of A, divided out of B, changes no answer.

    Parameters
    ----------
    entry, readout : array (rows, columns)
        A and B.
    entry_slope, readout_slope : array (parts, rows, columns)
        What each part of the examples adds to their gradients.

    Returns
    -------
    float
    """
    missing = np.sum(entry * entry_slope) - np.sum(readout * readout_slope)
    norms = np.linalg.norm(entry) * np.linalg.norm(entry_slope, axis=(1, 2)) + np.linalg.norm(readout) * np.linalg.norm(
        readout_slope, axis=(1, 2)
    )
    return _relative(missing, norms)


def units_defect(outer: FloatArray, outer_slope: FloatArray, inner: FloatArray, inner_slope: FloatArray) -> float:
    """Return the largest |<V_:j, G_V:j> - <W_j:, G_Wj:>| over the largest norms.

    Parameters
    ----------
    outer, inner : array (layers, width, width)
        V and W.
    outer_slope, inner_slope : array (parts, layers, width, width)
        What each part of the examples adds to their gradients.

    Returns
    -------
    float
    """
    missing = np.sum(outer * outer_slope, axis=(0, 2)) - np.sum(inner * inner_slope, axis=(0, 3))
    norms = np.linalg.norm(outer, axis=1) * np.linalg.norm(outer_slope, axis=2)
    norms += np.linalg.norm(inner, axis=2) * np.linalg.norm(inner_slope, axis=3)
    return _relative(missing, norms)


def scales_defect(scaling: FloatArray, scaling_slope: FloatArray, matrices: FloatArray, slopes: FloatArray) -> float:
    """Return the largest |a_k G_a_k - <X_k, G_X_k>| over the largest |a_k G_a_k| + ||X_k|| ||G_X_k||.

    Parameters
    ----------
    scaling : array (layers,)
        The a_k.
    scaling_slope : array (parts, layers)
        What each part of the examples adds to their gradients.
    matrices : array (layers, width, width)
        The X_k.
    slopes : array (parts, layers, width, width)
        As for the a_k.

    Returns
    -------
    float
    """
    products, along = scaling * scaling_slope, np.sum(matrices * slopes, axis=(2, 3))
    norms = np.abs(products) + np.linalg.norm(matrices, axis=(1, 2)) * np.linalg.norm(slopes, axis=(2, 3))
    return _relative(np.sum(products - along, axis=0), norms)


def chain_defect(matrices: FloatArray, slopes: FloatArray) -> float:
    """Return the largest ||M_{k+1}^T G_{k+1} - G_k M_k^T|| over the largest ||M_k|| ||G_k||.

    Parameters
    ----------
    matrices : array (layers, width, width)
        The M_k.
    slopes : array (parts, layers, width, width)
        What each part of the examples adds to their gradients G_k.

    Returns
    -------
    float
    """
    gradients = np.sum(slopes, axis=0)
    left = np.swapaxes(matrices[1:], 1, 2) @ gradients[1:]
    right = gradients[:-1] @ np.swapaxes(matrices[:-1], 1, 2)
    norms = np.linalg.norm(matrices, axis=(1, 2)) * np.linalg.norm(slopes, axis=(2, 3))
    return _relative(np.linalg.norm(left - right, axis=(1, 2)), norms)


def _relative(missing: FloatArray | np.floating[Any], norms: FloatArray) -> float:
    """Return the largest of what is missing over the largest sum of the norms of the parts, (parts, ...).

    Nothing is missing where all gradients vanish, as with weights that are all 0.
    """
    largest = np.max(np.sum(norms, axis=0))
    return float(np.max(np.abs(missing)) / largest) if largest > 0.0 else 0.0
