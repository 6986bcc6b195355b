"""Passes of the plane chain: a hidden state by its coordinate along h_0 and its distance from that line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.experiments.segments import LayerSize
from theory_check.foundation.arrays import FloatArray
from theory_check.kernels import LANES
from theory_check.simulation.passes.protocol import BlockPasses, ControlledPasses


def unit_states() -> FloatArray:
    """Return h_0 of a block in units of its own length, shape (1, 2, LANES).

    The law of the weights is rotation invariant and knows no length, so that nothing else of h_0 matters.
    """
    return np.stack([np.ones(LANES), np.zeros(LANES)])[None]


class ChainPasses(BlockPasses, ControlledPasses):
    """Forward passes of two coordinates, exact in law; nothing is kept, for there is no backward pass."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import chain

        branch, width = cell.network.branch, cell.network.width
        self._kernel: Any = chain
        self._block = (key, first_replicate)
        self._deviation = math.sqrt(cell.weights.gain / width)
        self._branch = (branch.has_inner, branch.activation.negative_slope)
        self._width = width
        self.layer_size = LayerSize.of(cell)
        self._kappa = cell.growth or 0.0

    def storage(self, layers: int) -> Any:
        """Return room for nothing of each layer."""
        return np.empty((layers, 0))

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return a part of it."""
        return kept[first:last]

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any,
        controls: FloatArray | None = None,
    ) -> None:  # fmt: skip
        """Advance ``hidden`` in place; see :class:`~theory_check.simulation.passes.protocol.ControlledPasses`."""
        del kept
        sums = np.empty((0, 0)) if controls is None else controls[0]
        self._kernel.forward(
            *self._block, first, scaling, self._width, self._deviation, self._deviation, *self._branch,
            hidden.reshape(-1), exponents.reshape(-1), self._kappa, sums,
        )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Refuse: cells of this kernel have no gradients."""
        raise NotImplementedError("the chain kernel has no backward pass")
