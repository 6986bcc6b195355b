"""Passes of several blocks at a time: their rows follow one another, and each block draws its own weights.

What happens between two kernels costs as much for one block as for many. Short networks are simulated by the thousand,
and took longer there than in the kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.simulation.passes.protocol import BranchPasses, ControlledPasses, Passes


class PassesTogether(Passes, BranchPasses, ControlledPasses):
    """Passes of blocks of one cell, in their order.

    Parameters
    ----------
    blocks : sequence of Passes
        Each has what a call asks of it.
    inputs : int
        Rows of a block.
    """

    def __init__(self, blocks: Sequence[Any], inputs: int) -> None:
        self._blocks = blocks
        self._inputs = inputs
        self.layer_size = blocks[0].layer_size

    def _parts(self, kept: Sequence[Any]) -> Iterator[tuple[Any, slice, Any]]:
        """Yield the passes, the rows and the room of each block."""
        for number, (passes, room) in enumerate(zip(self._blocks, kept, strict=True)):
            yield passes, slice(number * self._inputs, (number + 1) * self._inputs), room

    def storage(self, layers: int) -> Any:
        """Return a room for each block."""
        return [passes.storage(layers) for passes in self._blocks]

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of each room that belongs to layers ``first`` to ``last``."""
        return [passes.slice(room, first, last) for passes, _, room in self._parts(kept)]

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any,
        controls: FloatArray | None = None,
    ) -> None:  # fmt: skip
        """Advance ``hidden`` in place; see :class:`~theory_check.simulation.passes.protocol.ControlledPasses`."""
        for passes, rows, room in self._parts(kept):
            sums = () if controls is None else (controls[rows],)
            passes.forward(first, scaling, hidden[rows], exponents[rows], room, *sums)

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` back in place."""
        for passes, rows, room in self._parts(kept):
            passes.backward(first, scaling, room, gradient[rows], exponents[rows])

    def side_by_side(self, gradient: FloatArray, hidden: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return vectors that have an inner product; see :class:`~theory_check.simulation.passes.protocol.Passes`."""
        pairs: tuple[FloatArray, FloatArray] = self._blocks[0].side_by_side(gradient, hidden)
        return pairs

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h); see :class:`~theory_check.simulation.passes.protocol.BranchPasses`."""
        parts = self._parts(self._blocks)
        return np.concatenate([passes.branch_value(layer, hidden[r], exponents[r]) for passes, r, _ in parts])

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return sigma'(z) * V^T p; see :class:`~theory_check.simulation.passes.protocol.BranchPasses`."""
        return np.concatenate([passes.pull_back(layer, room, gradient[r]) for passes, r, room in self._parts(kept)])
