"""Passes of the plane chain: a hidden state by its coordinate along h_0 and its distance from that line.

A gradient has four components and an angle, in the frame of :mod:`theory_check.kernels.chain_gradients`.
"""

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
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.passes.protocol import BlockPasses, ControlledPasses


class PlaneBoundary(Boundary):
    """Draws both ends of a block of the plane chain."""

    def hidden(self) -> FloatArray:
        """Return h_0 in units of its own length, shape (1, 2, LANES).

        The law of the weights is rotation invariant and knows no length, so that nothing else of h_0 matters.
        """
        return np.stack([np.ones(LANES), np.zeros(LANES)])[None]

    def gradient(self, hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return p_L in its frame, shape (1, 6, LANES), and its exponents, given x_L and y_L in units of 2^exponents.

        The direction f_L is uniform among those orthogonal to h_0. One is drawn, so that h_L is a vector, as the
        gradient of a loss needs it.
        """
        start = super().hidden()[0]
        length = np.linalg.norm(start, axis=0)
        first = start / length
        across = self._normal(Purpose.REDUCED_BACKWARD, self._cell.network.depth)
        across -= first * np.sum(first * across, axis=0)
        across /= np.linalg.norm(across, axis=0)
        x, y = length * hidden[0]
        outputs, units = super().gradient((x * first + y * across)[None], exponents)
        along = np.sum(first * outputs[0], axis=0)
        rest = outputs[0] - along * first
        size = np.linalg.norm(rest, axis=0)
        # Where p_L is along h_0, the second axis is that of f_L.
        second = np.divide(rest, size, out=across.copy(), where=size > 0.0)
        cosine = np.sum(across * second, axis=0)
        sine = np.linalg.norm(across - cosine * second, axis=0)
        nothing = np.zeros(LANES)
        return np.stack([along, size, nothing, nothing, cosine, sine])[None], units


class ChainPasses(BlockPasses, ControlledPasses):
    """One input, exact in law."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import chain, chain_gradients

        branch, width = cell.network.branch, cell.network.width
        self._forward: Any = chain.forward
        self._backward: Any = chain_gradients.backward
        self._block = (key, first_replicate)
        self._deviation = math.sqrt(cell.weights.gain / width)
        self._branch = (branch.has_inner, branch.activation.negative_slope)
        self._width = width
        self.layer_size = LayerSize.of(cell)
        self._kappa = cell.growth or 0.0

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""
        return np.empty((layers, self.layer_size.kept // 8))

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return a part of it."""
        return kept[first:last]

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any,
        controls: FloatArray | None = None,
    ) -> None:  # fmt: skip
        """Advance ``hidden`` in place; see :class:`~theory_check.simulation.passes.protocol.ControlledPasses`."""
        sums = np.empty((0, 0)) if controls is None else controls[0]
        self._forward(
            *self._block, first, scaling, self._width, self._deviation, self._deviation, *self._branch,
            hidden.reshape(-1), exponents.reshape(-1), kept, self._kappa, sums,
        )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` back in place."""
        self._backward(
            *self._block, first, scaling, self._width, self._deviation, self._deviation, *self._branch,
            kept, gradient.reshape(-1), exponents.reshape(-1),
        )  # fmt: skip

    def side_by_side(self, gradient: FloatArray, hidden: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return both in the frame of the gradient; see :class:`~theory_check.simulation.passes.protocol.Passes`."""
        x, y = hidden[:, 0], hidden[:, 1]
        state = np.stack([x, y * gradient[:, 4], y * gradient[:, 5], np.zeros_like(x)], axis=1)
        return gradient[:, :4], state
