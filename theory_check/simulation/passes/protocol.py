"""The interface of all passes: states forward through the layers of a block, gradients back."""

from __future__ import annotations

from copy import copy
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.segments import LayerSize
from theory_check.foundation.arrays import FloatArray


@runtime_checkable
class BranchPasses(Protocol):
    """The two vectors of a layer that its weight gradients are made of, in law with the passes through it.

    dLoss/dV = a p g(h)^T and dLoss/dW = a q h^T with q = sigma'(z) * V^T p, for the gradient p above the layer and the
    hidden state h below.
    """

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h).

        Parameters
        ----------
        layer : int
            From 0.
        hidden : float64 array (rows, width, LANES)
            State below the layer, in units of 2^exponents.
        exponents : int64 array (rows, LANES)

        Returns
        -------
        float32 array (rows, width, LANES)
            In the same units.
        """

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return q.

        Parameters
        ----------
        layer : int
            From 0.
        kept : any
            What the forward pass kept of the layer.
        gradient : float64 array (rows, width, LANES)
            Gradient above the layer.

        Returns
        -------
        float32 array (rows, width, LANES)
            In the units of ``gradient``.
        """


class Passes(Protocol):
    """Forward and backward passes over segments of layers of one block.

    Attributes
    ----------
    layer_size : LayerSize
        What the backward pass keeps of a layer, and how many weights it has.
    """

    layer_size: LayerSize

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return a part of a room.

        Parameters
        ----------
        kept : any
            As :meth:`storage` made it.
        first, last : int
            Layers ``first`` to ``last - 1``, counted from that of the room.

        Returns
        -------
        any
        """

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any
    ) -> None:
        """Advance states through consecutive layers.

        Parameters
        ----------
        first : int
            First layer, from 0.
        scaling : float64 array (layers,)
            Factors a_k of these layers.
        hidden : float64 array (inputs, width, LANES)
            States in units of 2^exponents, changed in place.
        exponents : int64 array (inputs, LANES)
            Changed in place.
        kept : any
            Room that receives what the backward pass needs; too short a room receives nothing.
        """

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry gradients back through the same layers.

        Parameters
        ----------
        first, scaling
            As of :meth:`forward`.
        kept : any
            What :meth:`forward` kept of these layers.
        gradient : float64 array (inputs, width, LANES)
            In units of 2^exponents, changed in place.
        exponents : int64 array (inputs, LANES)
            Changed in place.
        """

    def side_by_side(self, gradient: FloatArray, hidden: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return a gradient and the hidden state of the same depth as vectors that have an inner product.

        Parameters
        ----------
        gradient, hidden : float64 array (inputs, width, LANES)
            As the passes carry them.

        Returns
        -------
        tuple of two float64 arrays (inputs, n, LANES)
            The gradient p_L has the same components whatever it is compared with.
        """
        return gradient, hidden


@runtime_checkable
class ControlledPasses(Protocol):
    """Passes that can sum control variates in the forward pass."""

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any,
        controls: FloatArray | None = None,
    ) -> None:  # fmt: skip
        """Advance states through consecutive layers.

        Parameters
        ----------
        first, scaling, hidden, exponents, kept
            As of :meth:`Passes.forward`.
        controls : float64 array (inputs, 4, LANES), optional
            The sums of :mod:`theory_check.kernels.controls`, which the layers are added to.
        """


class BlockPasses(Passes):
    """Passes that draw the weights of a block by the number of its first replicate."""

    _block: tuple[NDArray[np.uint32], int]

    def beside(self, first_replicate: int) -> Self:
        """Return the passes of another block of the same cell.

        Parameters
        ----------
        first_replicate : int
            Of that block.

        Returns
        -------
        Passes
        """
        other = copy(self)
        other._block = (self._block[0], first_replicate)
        return other


class SlopeRoom(Passes):
    """Room for activation slopes, shape (layers, rows, width * LANES), of passes that keep nothing else."""

    _shape: tuple[int, int]

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""
        return np.empty((max(layers, 1), *self._shape), np.float32)

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of the room that belongs to layers ``first`` to ``last``."""
        return kept[first:last]
