"""Passes that draw Gaussian weights by their action on the hidden states alone, exact in law."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.experiments.segments import LayerSize
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose
from theory_check.kernels import LANES
from theory_check.simulation.passes.compiled import compiled_activation
from theory_check.simulation.passes.protocol import BlockPasses, BranchPasses, ControlledPasses


class GaussianPasses(BlockPasses):
    """What the kernels for one input and for several share.

    Parameters
    ----------
    kernel : module
        With functions ``forward`` and ``backward``.
    rows : tuple of int
        Leading axis of the states that the kernel takes: the number of inputs, or none.
    cell, key, first_replicate
        Network, streams and first replicate of the block.
    """

    def __init__(
        self, kernel: Any, rows: tuple[int, ...], cell: Cell, key: NDArray[np.uint32], first_replicate: int
    ) -> None:
        network = cell.network
        self._kernel = kernel
        self._block = (key, first_replicate)
        self._deviation = math.sqrt(cell.weights.gain / network.width)
        self._branch = network.branch
        self._kind = (network.branch.has_inner, network.branch.has_bias, network.branch.activation.homogeneous)
        self._activation = compiled_activation(network.branch.activation)
        self._states = (*rows, network.width * LANES)
        self._units = (*rows, LANES)
        self.layer_size = LayerSize.of(cell)

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""
        return np.empty((layers, *self._states), np.float32), np.empty((layers, *self._units), np.int64)

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of the room that belongs to layers ``first`` to ``last``."""
        return kept[0][first:last], kept[1][first:last]

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any, *more: Any
    ) -> None:
        """Advance ``hidden`` in place; ``more`` is what else the kernel takes."""
        has_inner, has_bias, homogeneous = self._kind
        self._kernel.forward(
            *self._block, first, scaling, self._deviation, self._deviation, has_inner, has_bias,
            *self._activation, homogeneous, hidden.reshape(self._states),
            exponents.reshape(self._units), *kept, *more,
        )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` back in place."""
        has_inner, has_bias, _ = self._kind
        self._kernel.backward(
            *self._block, first, scaling, self._deviation, self._deviation, has_inner, has_bias,
            *self._activation, *kept, gradient.reshape(self._states), exponents.reshape(self._units),
        )  # fmt: skip


class ReducedPasses(GaussianPasses, BranchPasses, ControlledPasses):
    """One input."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import reduced

        super().__init__(reduced, (), cell, key, first_replicate)
        self._kappa = cell.growth or 0.0

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any,
        controls: FloatArray | None = None,
    ) -> None:  # fmt: skip
        """Advance ``hidden`` in place; see :class:`~theory_check.simulation.passes.protocol.ControlledPasses`."""
        sums = np.empty((0, 0)) if controls is None else controls[0]
        super().forward(first, scaling, hidden, exponents, kept, self._kappa, sums)

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h); see :class:`~theory_check.simulation.passes.protocol.BranchPasses`."""
        state = hidden.reshape(self._states).astype(np.float32)
        return np.asarray(self._draw(layer, state, exponents.reshape(self._units)).post.reshape(hidden.shape))

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return sigma'(z) * V^T p, V conditioned on the forward pass, as the protocol says."""
        from theory_check.kernels import rows, words

        drawn = self._draw(layer, kept[0][0], kept[1][0])
        state, product = np.empty(4 * LANES, np.uint32), np.empty(self._states, np.float32)
        words.seed_lanes(state, *self._block, layer, int(Purpose.REDUCED_BACKWARD))
        rows.fill_normal(state, drawn.normal, np.empty(0))
        self._kernel.conditional_transpose(
            drawn.post, drawn.branch, gradient.reshape(self._states).astype(np.float32), self._deviation,
            drawn.normal, product,
        )  # fmt: skip
        return np.asarray((drawn.slope * product).reshape(gradient.shape))

    def _draw(self, layer: int, state: NDArray[np.float32], exponents: NDArray[np.int64]) -> _Layer:
        normal, _, pre, biased, post, slope, branch, norms = self._kernel.workspace(*self._states)
        self._kernel.draw_layer(
            *self._block, layer, self._branch.has_inner, self._branch.has_bias, self._deviation, self._deviation,
            *self._activation, state, exponents, normal, norms, pre, biased, post, slope, branch,
        )  # fmt: skip
        return _Layer(post, slope, branch, normal)


@dataclass(frozen=True)
class _Layer:
    """One layer as the reduced kernel drew it: g(h), sigma'(z), V g(h), and room for a normal row."""

    post: NDArray[np.float32]
    slope: NDArray[np.float32]
    branch: NDArray[np.float32]
    normal: NDArray[np.float32]
