"""Norms of the gradients of chosen weights, from the states and gradients on either side of a layer.

Notation
    h_k = h_{k-1} + a_k V_k g(h_{k-1}),  g(h) = sigma(W_k h + b_k),  p_k = dLoss/dh_k. Then

    dLoss/dV_k = a_k p_k g(h_{k-1})^T,      dLoss/dW_k = a_k q h_{k-1}^T with q = sigma'(W_k h_{k-1} + b_k) * V_k^T p_k,

matrices of rank one: the Frobenius norm is the product of two norms of vectors. g(h_{k-1}) is drawn again on the way
forward, q on the way back; no pass changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.experiment import Values
from theory_check.foundation.arrays import FloatArray
from theory_check.simulation.passes.protocol import BranchPasses


def log_squared_norm(vector: NDArray[Any], exponents: NDArray[np.int64]) -> FloatArray:
    """Return log ||vector 2^exponents||^2 for every row and lane; infinite after an overflow."""
    values = np.asarray(vector, np.float64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        square = np.sum(values * values, axis=1)
        return np.where(np.isfinite(square), np.log(square) + 2.0 * math.log(2.0) * exponents, np.inf)


class WeightGradients:
    """Observes the layers ``layers`` (from 1) of one traversal; told of every state and gradient at a stop."""

    def __init__(self, layers: tuple[int, ...], passes: BranchPasses, scaling: FloatArray, has_inner: bool) -> None:
        self._layers = layers
        self._passes = passes
        self._scaling = scaling
        self._has_inner = has_inner
        self._states: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._norms: dict[int, tuple[FloatArray, FloatArray]] = {}

    @property
    def stops(self) -> tuple[int, ...]:
        """Depths at which the passes must stop: below and above every observed layer."""
        return tuple(sorted({*self._layers, *(layer - 1 for layer in self._layers)}))

    def enter(self, depth: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> None:
        """Note the state h_{k-1} below layer k = ``depth`` + 1, and its branch.

        Parameters
        ----------
        depth : int
        hidden : float64 array (rows, width, LANES)
            In units of 2^exponents.
        exponents : int64 array (rows, LANES)
        """
        if depth + 1 in self._layers:
            branch = self._passes.branch_value(depth, hidden, exponents)
            self._states[depth + 1] = log_squared_norm(hidden, exponents), log_squared_norm(branch, exponents)

    def leave(self, depth: int, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]) -> None:
        """Note the gradient p_k above layer k = ``depth`` + 1.

        Parameters
        ----------
        depth : int
        kept : any
            What the forward pass kept of that layer.
        gradient : float64 array (rows, width, LANES)
            In units of 2^exponents.
        exponents : int64 array (rows, LANES)
        """
        layer = depth + 1
        if layer not in self._layers:
            return
        state, branch = self._states[layer]
        factor = float(self._scaling[depth])
        scale = 2.0 * math.log(abs(factor)) if factor != 0.0 else -math.inf
        inner = np.full_like(state, -math.inf)
        if self._has_inner:
            pulled = self._passes.pull_back(depth, kept, gradient)
            inner = scale + state + log_squared_norm(pulled, exponents)
        self._norms[layer] = scale + branch + log_squared_norm(gradient, exponents), inner

    def columns(self, reference: FloatArray) -> Values:
        """Return the columns, shape (rows, LANES, layers); ``reference`` is log(||h_0||^2 ||p_L||^2)."""
        outer, inner = (np.stack([self._norms[k][i] - reference for k in self._layers], axis=-1) for i in range(2))
        return {"outer_weight_gradient": outer, **({"inner_weight_gradient": inner} if self._has_inner else {})}
