"""What passes through the layers of a block offer to whoever carries states to the end and gradients back."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray


class BranchPasses(Protocol):
    """The two vectors of a layer that its weight gradients are made of, in law with the passes through it.

    dLoss/dV = a p g(h)^T and dLoss/dW = a q h^T with q = sigma'(z) * V^T p, for the gradient p above the layer and the
    hidden state h below.
    """

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h), in the shape and the units of ``hidden``."""

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return q, in the shape and the units of ``gradient``; ``kept`` is what the forward pass kept of the layer."""


class Passes(Protocol):
    """Forward and backward passes over segments of layers of one block.

    ``kept`` is what :meth:`forward` stores for :meth:`backward`, made by :meth:`storage` for a number of layers.
    """

    bytes_per_layer: int
    weights_per_layer: int

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of the room that belongs to layers ``first`` to ``last``."""

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any
    ) -> None:
        """Advance ``hidden`` (inputs, width, LANES) in units of 2^exponents, in place."""

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` (inputs, width, LANES) back through the same layers, in place."""


class SlopeRoom:
    """Room for activation slopes, shape (layers, rows, width * LANES), of passes that keep nothing else."""

    _shape: tuple[int, int]

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""
        return np.empty((max(layers, 1), *self._shape), np.float32)

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of the room that belongs to layers ``first`` to ``last``."""
        return kept[first:last]
