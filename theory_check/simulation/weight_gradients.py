"""Norms and cosines of the gradients of chosen weights, from the states and gradients on either side of a layer.

Notation
    h_k = h_{k-1} + a_k V_k g(h_{k-1}),  g(h) = sigma(W_k h + b_k),  p_k = dLoss/dh_k. Then

    dLoss/dV_k = a_k p_k g(h_{k-1})^T,      dLoss/dW_k = a_k q h_{k-1}^T with q = sigma'(W_k h_{k-1} + b_k) * V_k^T p_k,

matrices of rank one: a Frobenius product is the product of two products of vectors, and so is a norm. g(h_{k-1}) is
drawn again in the forward pass, q in the backward pass; no pass changes.
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


def cosine(first: NDArray[Any], second: NDArray[Any]) -> FloatArray:
    """Return the cosine of two vectors of every row and lane, whatever their units; 0 where one is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.sum(first * first, axis=1) * np.sum(second * second, axis=1)
        product = np.sum(first * second, axis=1)
        return np.asarray(np.divide(product, np.sqrt(square), out=np.zeros(square.shape), where=square != 0.0))


class WeightGradients:
    """Observes the layers ``layers`` (from 1) of one traversal; told of every state and gradient at a stop.

    Parameters
    ----------
    layers : tuple of int
    pairs : tuple of int
        Layers that are compared with the next; both are among ``layers``.
    passes : BranchPasses
    scaling : float64 array (depth,)
    has_inner : bool
    """

    def __init__(
        self,
        layers: tuple[int, ...],
        pairs: tuple[int, ...],
        passes: BranchPasses,
        scaling: FloatArray,
        *,
        has_inner: bool,
    ) -> None:
        self._layers = layers
        self._pairs = pairs
        self._passes = passes
        self._scaling = scaling
        self._has_inner = has_inner
        self._states: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._norms: dict[int, tuple[FloatArray, FloatArray]] = {}
        # Layers in pairs: h_{k-1} and g(h_{k-1}), then the cosines of those of the layer with those of the next.
        self._vectors: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._forward: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._above: tuple[FloatArray, FloatArray] | None = None
        self._cosines: dict[int, tuple[FloatArray, FloatArray]] = {}

    @property
    def stops(self) -> tuple[int, ...]:
        """Depths at which the passes must stop: below and above every observed layer."""
        return tuple(sorted({*self._layers, *(layer - 1 for layer in self._layers)}))

    @np.errstate(over="ignore", invalid="ignore")
    def enter(self, depth: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> None:
        """Note the state h_{k-1} below layer k = ``depth`` + 1, and its branch.

        Parameters
        ----------
        depth : int
        hidden : float64 array (rows, width, LANES)
            In units of 2^exponents.
        exponents : int64 array (rows, LANES)
        """
        layer = depth + 1
        if layer not in self._layers:
            return
        branch = self._passes.branch_value(depth, hidden, exponents)
        self._states[layer] = log_squared_norm(hidden, exponents), log_squared_norm(branch, exponents)
        if layer in self._pairs or layer - 1 in self._pairs:
            vectors = self._vectors[layer] = hidden.copy(), np.asarray(branch, np.float64)
            if layer - 1 in self._pairs:
                below = self._vectors.pop(layer - 1)
                self._forward[layer - 1] = cosine(below[0], vectors[0]), cosine(below[1], vectors[1])

    @np.errstate(over="ignore", invalid="ignore")
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
        pulled = np.zeros_like(gradient)
        if self._has_inner:
            pulled = np.asarray(self._passes.pull_back(depth, kept, gradient), np.float64)
            inner = scale + state + log_squared_norm(pulled, exponents)
        self._norms[layer] = scale + branch + log_squared_norm(gradient, exponents), inner
        if layer in self._pairs and self._above is not None:
            states, branches = self._forward[layer]
            sign = np.sign(factor * float(self._scaling[layer]))
            above, pulled_above = self._above
            self._cosines[layer] = (
                sign * cosine(gradient, above) * branches, sign * cosine(pulled, pulled_above) * states
            )  # fmt: skip
        if layer - 1 in self._pairs:
            self._above = gradient.copy(), pulled

    def columns(self, reference: FloatArray) -> Values:
        """Return the columns, shape (rows, LANES, layers); ``reference`` is log(||h_0||^2 ||p_L||^2)."""
        outer, inner = (np.stack([self._norms[k][i] - reference for k in self._layers], axis=-1) for i in range(2))
        found = {"outer_weight_gradient": outer, "inner_weight_gradient": inner}
        if self._pairs:
            outer, inner = (np.stack([self._cosines[k][i] for k in self._pairs], axis=-1) for i in range(2))
            found |= {"outer_gradient_cosine": outer, "inner_gradient_cosine": inner}
        return {name: column for name, column in found.items() if self._has_inner or name.startswith("outer")}
