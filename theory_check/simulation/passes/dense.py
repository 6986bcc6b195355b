"""Passes that draw every weight on the fly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.experiments.segments import LayerSize
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose
from theory_check.kernels import LANES
from theory_check.simulation.passes.compiled import activate, compiled_activation, row_filler
from theory_check.simulation.passes.protocol import BlockPasses, BranchPasses, ControlledPasses, SlopeRoom


class DensePasses(BlockPasses, SlopeRoom, BranchPasses, ControlledPasses):
    """Every weight drawn on the fly; several inputs share the weights."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import dense

        network, weights, inside = cell.network, cell.weights, cell.weights.inner
        width, inputs = network.width, cell.input.count
        outer, inner = row_filler(weights), row_filler(inside)
        self._kernel: Any = dense
        self._block = (key, first_replicate)
        self._weights = (
            *outer.law, math.sqrt(weights.gain / width) / outer.natural_deviation,
            *inner.law, math.sqrt(inside.gain / width) / inner.natural_deviation,
        )  # fmt: skip
        self._branch = network.branch
        self._kind = (network.branch.has_inner, network.branch.has_bias, network.branch.activation.homogeneous)
        self._activation = compiled_activation(network.branch.activation)
        self._shape = (inputs, width * LANES)
        self._kappa = cell.growth or 0.0
        self.layer_size = LayerSize.of(cell)

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any,
        controls: FloatArray | None = None,
    ) -> None:  # fmt: skip
        """Advance ``hidden`` in place; see :class:`~theory_check.simulation.passes.protocol.ControlledPasses`."""
        (has_inner, has_bias, homogeneous), unasked = self._kind, np.empty((0, 0, 0))
        self._kernel.forward(
            *self._block, first, scaling, *self._weights, has_inner, has_bias,
            *self._activation, homogeneous, hidden.reshape(self._shape), exponents, kept,
            self._kappa, unasked if controls is None else controls,
        )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` back in place."""
        self._kernel.backward(
            *self._block, first, scaling, *self._weights, self._kind[0],
            kept, gradient.reshape(self._shape), exponents,
        )  # fmt: skip

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h); see :class:`~theory_check.simulation.passes.protocol.BranchPasses`."""
        from theory_check.kernels import layers

        pre = hidden.reshape(self._shape).astype(np.float32)
        if self._branch.has_inner:
            fill, constants, _, deviation = self._weights[4:]
            pre = self._product(self._kernel.multiply, Purpose.INNER_WEIGHTS, layer, pre)
            if self._branch.has_bias:
                bias = np.zeros(self._kernel.row_size(self._shape[1] // LANES), np.float32)
                fill(self._seeded(Purpose.BIAS, layer), bias, constants)
                for row, shift in zip(pre, exponents, strict=True):
                    layers.add_bias(row, bias, deviation, shift)
        return activate(self._activation, pre)[0].reshape(hidden.shape)

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return sigma'(z) * V^T p; see :class:`~theory_check.simulation.passes.protocol.BranchPasses`."""
        vectors = gradient.reshape(self._shape).astype(np.float32)
        product = self._product(self._kernel.multiply_transposed, Purpose.OUTER_WEIGHTS, layer, vectors)
        return np.asarray((kept[0] * product).reshape(gradient.shape))

    def _seeded(self, purpose: Purpose, layer: int) -> NDArray[np.uint32]:
        from theory_check.kernels import words

        state = np.empty(4 * LANES, np.uint32)
        words.seed_lanes(state, *self._block, layer, int(purpose))
        return state

    def _product(
        self, multiply: Any, purpose: Purpose, layer: int, vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        *law, deviation = self._weights[4:] if purpose == Purpose.INNER_WEIGHTS else self._weights[:4]
        buffer = self._kernel.row_buffer(self._shape[1] // LANES, law[2], law[2])
        products = np.empty_like(vectors)
        multiply(*law, self._seeded(purpose, layer), buffer, vectors, products)
        return np.asarray(np.float32(deviation) * products)

    def tangent(self, first: int, scaling: FloatArray, kept: Any, index: int, frame: FloatArray) -> None:
        """Carry tangent vectors of one input through the same layers.

        Parameters
        ----------
        first, scaling, kept
            As of :meth:`backward`.
        index : int
            Number of the input.
        frame : float64 array (columns, width * LANES)
            Changed in place.
        """
        from theory_check.kernels import jacobian, tangents

        slopes = np.ascontiguousarray(kept[: len(scaling), index])
        advance: Any = tangents.advance if len(frame) >= tangents.LEAST_WIDTH else jacobian.advance
        advance(*self._block, first, scaling, *self._weights, self._branch.has_inner, slopes, frame)
