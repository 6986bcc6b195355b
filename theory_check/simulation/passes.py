"""Forward and backward passes over a block of replicates: a cell's network and weights as kernel calls.

The kinds share one protocol, so that :mod:`theory_check.simulation.cell` does not care which kernel a cell uses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose
from theory_check.kernels import LANES
from theory_check.networks.activations import Activation, Scalar
from theory_check.networks.weight_laws import Transform
from theory_check.networks.weights import Weights, find_independent_law


@dataclass(frozen=True)
class Filler:
    """A compiled row filler with the numbers it reads and the deviation of its natural units."""

    fill: Any
    constants: FloatArray
    natural_deviation: float


@cache
def _entrywise_filler(transform: Transform) -> Any:
    """Return the filler of a law's function: one for all its parameters, since compiling takes seconds."""
    from theory_check.kernels import rows

    return rows.entrywise_filler(transform)


def row_filler(weights: Weights) -> Filler:
    """Return the compiled filler of a weight law."""
    from theory_check.kernels import rows
    from theory_check.kernels.compilation import ROW_FILLER, callback

    law = find_independent_law(weights.law)
    if law.transform is not None:
        fill, natural_deviation = _entrywise_filler(law.transform), 1.0
    else:
        fill, natural_deviation = rows.FILLERS[law.kernel]
    return Filler(callback(fill, ROW_FILLER), weights.constants, natural_deviation)


@cache
def _entrywise_activator(function: Scalar, derivative: Scalar) -> Any:
    """Return the kernel of an activation: one for all its parameters, since compiling takes seconds."""
    from theory_check.kernels import layers

    return layers.entrywise_activator(function, derivative)


def compiled_activation(activation: Activation) -> tuple[Any, FloatArray]:
    """Return the activation kernel and its parameters."""
    from theory_check.kernels import layers
    from theory_check.kernels.compilation import ACTIVATOR, callback

    definition = activation.definition
    if activation.homogeneous:
        kernel = layers.activate_piecewise_linear
    elif definition.function is not None and definition.derivative is not None:
        kernel = _entrywise_activator(definition.function, definition.derivative)
    else:
        kernel = layers.ACTIVATORS[definition.kernel]
    return callback(kernel, ACTIVATOR), activation.constants


def activate(
    activation: tuple[Any, FloatArray], pre: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what an activation kernel and its parameters make of block vectors (rows, size), and its derivative."""
    function, parameters = activation
    post, slope = np.empty_like(pre), np.empty_like(pre)
    for row in range(len(pre)):
        function(pre[row], post[row], slope[row], parameters)
    return post, slope


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


def make_passes(cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> Passes:
    """Return the passes of a cell's kernel."""
    if cell.kernel == "dense":
        return DensePasses(cell, key, first_replicate)
    return (ReducedPasses if cell.input.count == 1 else GramPasses)(cell, key, first_replicate)


class DensePasses:
    """Every weight drawn on the fly; several inputs share the weights."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import dense

        network, weights, inside = cell.network, cell.weights, cell.weights.inner
        width, inputs = network.width, cell.input.count
        outer, inner = row_filler(weights), row_filler(inside)
        self._kernel: Any = dense
        self._block = (key, first_replicate)
        self._weights = (
            outer.fill, outer.constants, math.sqrt(weights.gain / width) / outer.natural_deviation,
            inner.fill, inner.constants, math.sqrt(inside.gain / width) / inner.natural_deviation,
        )  # fmt: skip
        self._orthogonal = weights.definition.orthogonal
        self._branch = network.branch
        self._activation = compiled_activation(network.branch.activation)
        self._shape = (inputs, width * LANES)
        self.bytes_per_layer = 4 * inputs * width * LANES
        self.weights_per_layer = width * width * LANES * (2 if network.branch.has_inner else 1)

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""
        return np.empty((max(layers, 1), *self._shape), np.float32)

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of the room that belongs to layers ``first`` to ``last``."""
        return kept[first:last]

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any
    ) -> None:
        """Advance ``hidden`` in place."""
        branch = self._branch
        self._kernel.forward(
            *self._block, first, scaling, *self._weights, branch.has_inner, branch.has_bias, self._orthogonal,
            *self._activation, branch.activation.homogeneous, hidden.reshape(self._shape), exponents, kept,
        )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` back in place."""
        self._kernel.backward(
            *self._block, first, scaling, *self._weights, self._branch.has_inner, self._orthogonal,
            kept, gradient.reshape(self._shape), exponents,
        )  # fmt: skip

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h); see :class:`BranchPasses`."""
        from theory_check.kernels import layers

        pre = hidden.reshape(self._shape).astype(np.float32)
        if self._branch.has_inner:
            fill, constants, deviation = self._weights[3:]
            pre = self._product(self._kernel.multiply, Purpose.INNER_WEIGHTS, layer, pre)
            if self._branch.has_bias:
                bias = self._buffer(1)
                fill(self._seeded(Purpose.BIAS, layer), bias, constants)
                for row, shift in zip(pre, exponents, strict=True):
                    layers.add_bias(row, bias, deviation, shift)
        return activate(self._activation, pre)[0].reshape(hidden.shape)

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return sigma'(z) * V^T p; see :class:`BranchPasses`."""
        vectors = gradient.reshape(self._shape).astype(np.float32)
        product = self._product(self._kernel.multiply_transposed, Purpose.OUTER_WEIGHTS, layer, vectors)
        return np.asarray((kept[0] * product).reshape(gradient.shape))

    def _buffer(self, rows: int) -> NDArray[np.float32]:
        return np.zeros(rows * int(self._kernel.row_size(self._shape[1] // LANES)), np.float32)

    def _seeded(self, purpose: Purpose, layer: int) -> NDArray[np.uint32]:
        from theory_check.kernels import words

        state = np.empty(4 * LANES, np.uint32)
        words.seed_lanes(state, *self._block, layer, int(purpose))
        return state

    def _product(
        self, multiply: Any, purpose: Purpose, layer: int, vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        fill, constants, deviation = self._weights[3:] if purpose == Purpose.INNER_WEIGHTS else self._weights[:3]
        buffer = self._buffer(self._shape[1] // LANES if self._orthogonal else 1)
        products = np.empty_like(vectors)
        multiply(fill, constants, self._orthogonal, self._seeded(purpose, layer), buffer, vectors, products)
        return np.asarray(np.float32(deviation) * products)

    def tangent(self, first: int, scaling: FloatArray, kept: Any, index: int, frame: FloatArray) -> None:
        """Carry the tangent vectors ``frame`` (columns, width * LANES) of one input through the same layers."""
        from theory_check.kernels import jacobian as tangent

        slopes = np.ascontiguousarray(kept[: len(scaling), index])
        tangent.advance(
            *self._block, first, scaling, *self._weights, self._branch.has_inner, self._orthogonal, slopes, frame
        )


class GramPasses:
    """Gaussian weights by their action on several hidden states at once, exact in law."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import gram

        network, inputs = cell.network, cell.input.count
        deviation = math.sqrt(cell.weights.gain / network.width)
        self._kernel: Any = gram
        self._block = (key, first_replicate)
        self._deviations = (deviation, deviation)
        self._branch = network.branch
        self._activation = compiled_activation(network.branch.activation)
        self._shape = (inputs, network.width * LANES)
        self.bytes_per_layer = (4 * network.width + 8) * inputs * LANES
        self.weights_per_layer = inputs * network.width * LANES * (2 if network.branch.has_inner else 1)

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""
        return np.empty((layers, *self._shape), np.float32), np.empty((layers, self._shape[0], LANES), np.int64)

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of the room that belongs to layers ``first`` to ``last``."""
        return kept[0][first:last], kept[1][first:last]

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any
    ) -> None:
        """Advance ``hidden`` in place."""
        branch = self._branch
        self._kernel.forward(
            *self._block, first, scaling, *self._deviations, branch.has_inner, branch.has_bias,
            *self._activation, branch.activation.homogeneous, hidden.reshape(self._shape), exponents, *kept,
        )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` back in place."""
        branch = self._branch
        self._kernel.backward(
            *self._block, first, scaling, *self._deviations, branch.has_inner, branch.has_bias,
            *self._activation, *kept, gradient.reshape(self._shape), exponents,
        )  # fmt: skip


class ReducedPasses:
    """Gaussian weights by their action on the hidden state, exact in law; one input."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import reduced

        network = cell.network
        deviation = math.sqrt(cell.weights.gain / network.width)
        self._kernel: Any = reduced
        self._block = (key, first_replicate)
        self._deviations = (deviation, deviation)
        self._branch = network.branch
        self._activation = compiled_activation(network.branch.activation)
        self._size = network.width * LANES
        self.bytes_per_layer = 4 * self._size + 8 * LANES
        self.weights_per_layer = self._size * (2 if network.branch.has_inner else 1)

    def storage(self, layers: int) -> Any:
        """Return room for what ``layers`` layers must keep."""
        return np.empty((layers, self._size), np.float32), np.empty((layers, LANES), np.int64)

    def slice(self, kept: Any, first: int, last: int) -> Any:
        """Return the part of the room that belongs to layers ``first`` to ``last``."""
        return kept[0][first:last], kept[1][first:last]

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any
    ) -> None:
        """Advance ``hidden`` in place."""
        branch = self._branch
        self._kernel.forward(
            *self._block, first, scaling, *self._deviations, branch.has_inner, branch.has_bias,
            *self._activation, branch.activation.homogeneous, hidden.reshape(self._size), exponents[0], *kept,
        )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` back in place."""
        branch = self._branch
        self._kernel.backward(
            *self._block, first, scaling, *self._deviations, branch.has_inner, branch.has_bias,
            *self._activation, *kept, gradient.reshape(self._size), exponents[0],
        )  # fmt: skip

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h); see :class:`BranchPasses`."""
        state = hidden.reshape(self._size).astype(np.float32)
        return np.asarray(self._draw(layer, state, exponents[0]).post.reshape(hidden.shape))

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return sigma'(z) * V^T p, V conditioned on the forward pass; see :class:`BranchPasses`."""
        from theory_check.kernels import rows, words

        drawn = self._draw(layer, kept[0][0], kept[1][0])
        state, product = np.empty(4 * LANES, np.uint32), np.empty(self._size, np.float32)
        words.seed_lanes(state, *self._block, layer, int(Purpose.REDUCED_BACKWARD))
        rows.fill_normal(state, drawn.normal, np.empty(0))
        self._kernel.conditional_transpose(
            drawn.post, drawn.branch, gradient.reshape(self._size).astype(np.float32), self._deviations[0],
            drawn.normal, product,
        )  # fmt: skip
        return np.asarray((drawn.slope * product).reshape(gradient.shape))

    def _draw(self, layer: int, state: NDArray[np.float32], exponents: NDArray[np.int64]) -> _Layer:
        outer, inner = self._deviations
        normal, _, pre, biased, post, slope, branch, norms = self._kernel.workspace(self._size)
        self._kernel.draw_layer(
            *self._block, layer, self._branch.has_inner, self._branch.has_bias, inner, outer, *self._activation,
            state, exponents, normal, norms, pre, biased, post, slope, branch,
        )  # fmt: skip
        return _Layer(post, slope, branch, normal)


@dataclass(frozen=True)
class _Layer:
    """One layer as the reduced kernel drew it: g(h), sigma'(z), V g(h), and room for a normal row."""

    post: NDArray[np.float32]
    slope: NDArray[np.float32]
    branch: NDArray[np.float32]
    normal: NDArray[np.float32]
