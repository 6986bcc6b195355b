"""Passes through one network whose weights are tied across layers by a law, and columns that share them.

A column is one input under one scaling; see :mod:`theory_check.kernels.stored` for the layout of columns in panels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.segments import LayerSize, StoredPlan
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose
from theory_check.kernels import PANEL
from theory_check.networks.network import Network
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.compiled import activate, compiled_activation
from theory_check.simulation.passes.protocol import BranchPasses, SlopeRoom
from theory_check.simulation.paths.sources import PathSource, open_paths


def to_panels(columns: NDArray[Any]) -> NDArray[Any]:
    """Arrange one row for each column, shape (columns, ...), as (panels, ..., PANEL).

    The last panel is filled up with copies, so that no column is special.
    """
    panels = -(-len(columns) // PANEL)
    filled = np.take(columns, np.arange(panels * PANEL) % len(columns), axis=0)
    return np.ascontiguousarray(np.moveaxis(filled.reshape(panels, PANEL, *columns.shape[1:]), 1, -1))


def from_panels(panels: NDArray[Any], columns: int) -> NDArray[Any]:
    """Undo :func:`to_panels`."""
    rows = np.moveaxis(panels, -1, 1)
    return np.ascontiguousarray(rows.reshape(-1, *rows.shape[2:])[:columns])


class StoredPasses(SlopeRoom, BranchPasses):
    """Weights of one replicate read from their paths, in chunks over the depth.

    Parameters
    ----------
    network : Network
        Its scaling is not read: passes get their factors call by call.
    weights : Weights
    key, replicate
        Streams of the weights.
    factors : float64 array (panels, PANEL)
        What multiplies the factors of the depth in each column.
    memory : int
        Bytes that the weights, and what :func:`theory_check.simulation.course.traverse` keeps, may take; values do
        not depend on it.
    columns : int
        How many there are; a single one, all lanes of one panel, takes less time and has the same values.

    Attributes
    ----------
    kept_bytes : int
        Bytes for the slopes, as of :class:`~theory_check.experiments.segments.StoredPlan`.
    """

    def __init__(
        self,
        network: Network,
        weights: Weights,
        key: NDArray[np.uint32],
        replicate: int,
        factors: FloatArray,
        memory: int,
        columns: int = PANEL,
    ) -> None:
        from theory_check.kernels import single_column, stored

        width, depth = network.width, network.depth
        plan = StoredPlan.of(network, factors.size, memory)
        size = LayerSize.stored(network, factors.size)

        def paths(purpose: Purpose, rows: int = width) -> PathSource:
            return open_paths(weights, width, depth, key, replicate, purpose, rows=rows, budget_bytes=plan.path_bytes)

        self._kernel: Any = stored
        self._branch = network.branch
        self._paths = [paths(Purpose.OUTER_WEIGHTS)]
        if network.branch.has_inner:
            self._paths.append(paths(Purpose.INNER_WEIGHTS))
        if network.branch.has_bias:
            self._paths.append(paths(Purpose.BIAS, 1))
        self._depth = depth
        self._chunk = plan.chunk
        self._loaded: tuple[int, list[NDArray[np.float32]]] = (-1, [])
        self._factors = factors
        self._activation = compiled_activation(network.branch.activation)
        self._homogeneous = network.branch.activation.homogeneous
        self._shape = (len(factors), width * PANEL)
        self._alone = columns == 1 and width >= single_column.LEAST_WIDTH
        self.layer_size, self.kept_bytes = size, plan.kept_bytes

    def storage(self, layers: int) -> Any:
        """Return room for slopes; of a piecewise linear activation for words of bits, shape (layers, panels, width)."""
        if not self._homogeneous:
            return super().storage(layers)
        panels, size = self._shape
        return np.empty((max(layers, 1), panels, size // PANEL), np.uint16)

    def _rooms(self, kept: Any) -> tuple[Any, Any]:
        """Return the slopes and the words of bits that kernels take, of which one is empty."""
        if self._homogeneous:
            return np.empty((0, 0, 0), np.float32), kept
        return kept, np.empty((0, 0, 0), np.uint16)

    def _chunks(self, first: int, last: int) -> list[tuple[int, int]]:
        """Cut layers where the chunks of the depth end."""
        stops = sorted({first, last, *range(-(-first // self._chunk) * self._chunk, last, self._chunk)})
        return list(pairwise(stops))

    def _weights(self, first: int, last: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return V, W and b of layers of one chunk, which stays loaded: paths may cost as much for a part as whole."""
        chunk = first // self._chunk
        start = chunk * self._chunk
        if self._loaded[0] != chunk:
            self._loaded = (-1, [])  # room for the next
            end = min(start + self._chunk, self._depth)
            self._loaded = (chunk, [path.layers(start, end) for path in self._paths])
        parts = [part[first - start : last - start] for part in self._loaded[1]]
        unread = np.empty((0, 0, 0), np.float32)
        outer, inner, bias = [*parts, unread, unread][:3]
        return outer, inner, bias[:, 0] if self._branch.has_bias else unread.reshape(0, 0)

    def forward(
        self, first: int, scaling: FloatArray, hidden: FloatArray, exponents: NDArray[np.int64], kept: Any
    ) -> None:
        """Advance ``hidden`` (panels, width, PANEL) in units of 2^exponents, in place."""
        branch = self._branch
        keeps = len(kept) >= len(scaling)
        for start, end in self._chunks(first, first + len(scaling)):
            layers = slice(start - first, end - first)
            self._kernel.forward(
                *self._weights(start, end), branch.has_inner, branch.has_bias, scaling[layers], self._factors,
                *self._activation, self._homogeneous, self._alone, hidden.reshape(self._shape), exponents,
                *self._rooms(kept[layers] if keeps else kept),
            )  # fmt: skip

    def backward(
        self, first: int, scaling: FloatArray, kept: Any, gradient: FloatArray, exponents: NDArray[np.int64]
    ) -> None:
        """Carry ``gradient`` (panels, width, PANEL) back through the same layers, in place."""
        for start, end in reversed(self._chunks(first, first + len(scaling))):
            layers = slice(start - first, end - first)
            outer, inner, _ = self._weights(start, end)
            self._kernel.backward(
                outer, inner, self._branch.has_inner, scaling[layers], self._factors, self._activation[1],
                self._homogeneous, self._alone, *self._rooms(kept[layers]), gradient.reshape(self._shape), exponents,
            )  # fmt: skip
            # Their chunk must go before the next one comes.
            del outer, inner

    def branch_value(self, layer: int, hidden: FloatArray, exponents: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return g(h); see :class:`~theory_check.simulation.passes.protocol.BranchPasses`."""
        pre = hidden
        if self._branch.has_inner:
            _, inner, bias = self._weights(layer, layer + 1)
            pre = np.einsum("ij,pjl->pil", inner[0], hidden, dtype=np.float64)
            if self._branch.has_bias:
                pre += bias[0][:, None] * np.ldexp(1.0, -exponents)[:, None, :]
        post, _ = activate(self._activation, pre.reshape(self._shape).astype(np.float32))
        return post.reshape(hidden.shape)

    def pull_back(self, layer: int, kept: Any, gradient: FloatArray) -> NDArray[np.float32]:
        """Return sigma'(z) * V^T p; see :class:`~theory_check.simulation.passes.protocol.BranchPasses`."""
        outer = self._weights(layer, layer + 1)[0]
        product = np.einsum("ij,pil->pjl", outer[0], gradient, dtype=np.float64)
        slopes = kept[0]
        if self._homogeneous:
            above = np.unpackbits(slopes.view(np.uint8), axis=-1, bitorder="little")
            slopes = np.where(above, np.float32(1), np.float32(self._activation[1][0]))
        return np.asarray(slopes.reshape(gradient.shape) * product, np.float32)
