"""Both ends of a network: the hidden state h_0 it starts from and the gradient p_L it sends back, by input law."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import Purpose
from theory_check.kernels import LANES
from theory_check.networks.inputs import PAPER_INPUT_SIZE


class Boundary:
    """Draws h_0 and, given h_L, the gradient p_L of a block, or of some of its lanes."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int, lanes: slice = slice(None)) -> None:
        self._cell = cell
        self._key = key
        self._first = first_replicate
        self._lanes = lanes
        self._width = cell.network.width

    @classmethod
    def of_replicate(cls, cell: Cell, key: NDArray[np.uint32], replicate: int) -> Boundary:
        """Return the boundary of one replicate, with the values that it has in its block.

        Parameters
        ----------
        cell : Cell
        key : uint32 array (2,)
            Of the streams of the cell.
        replicate : int

        Returns
        -------
        Boundary
        """
        lane = replicate % LANES
        return cls(cell, key, replicate - lane, slice(lane, lane + 1))

    def _state(self, purpose: Purpose, index: int) -> NDArray[np.uint32]:
        from theory_check.kernels import words

        state = np.empty(4 * LANES, np.uint32)
        words.seed_lanes(state, self._key, self._first, index, int(purpose))
        return state

    def _uniform(self, purpose: Purpose, index: int, columns: int) -> FloatArray:
        """Uniform on (-1/2, 1/2), shape (columns, LANES)."""
        from theory_check.kernels import rows

        row = np.empty((columns + columns % 2) * LANES, np.float32)
        rows.fill_uniform(self._state(purpose, index), row, np.empty(0))
        return row.reshape(-1, LANES)[:columns].astype(np.float64) * 2.0**-32

    def _normal(self, purpose: Purpose, index: int) -> FloatArray:
        from theory_check.kernels import rows

        row = np.empty((self._width + self._width % 2) * LANES, np.float32)
        rows.fill_normal(self._state(purpose, index), row, np.empty(0))
        vector = row.reshape(-1, LANES)[: self._width, self._lanes].astype(np.float64)
        # A normal number is 0 once in 4 10^7; alone, at width 1, it has neither norm nor direction.
        vector[0, ~vector.any(axis=0)] = 1.0
        return vector

    def hidden(self) -> FloatArray:
        """Return h_0, shape (inputs, width, lanes)."""
        from theory_check.kernels import dense, rows

        inputs = self._cell.input
        if not inputs.law.observed:
            return inputs.hidden(np.stack([self._normal(Purpose.INPUT, m) for m in range(inputs.vectors)]))
        count = inputs.count
        size = PAPER_INPUT_SIZE
        observations = np.stack([self._uniform(Purpose.INPUT, m, size) + 0.5 for m in range(count)])
        hidden = np.empty((count, self._width * LANES), np.float32)
        fill, _, way = rows.FILLERS["uniform"]
        dense.multiply(
            fill, np.empty(0), way, self._state(Purpose.INPUT_WEIGHTS, 0), dense.row_buffer(size, way, way),
            observations.astype(np.float32).reshape(count, -1), hidden,
        )  # fmt: skip
        scaled = hidden.astype(np.float64) / (math.sqrt(size) * rows.UNIFORM_NATURAL_DEVIATION)
        return scaled.reshape(count, self._width, LANES)[..., self._lanes]

    # The same for every scaling of a sweep.
    @cached_property
    def _directions(self) -> FloatArray:
        """Gradients p_L of all inputs that do not depend on h_L."""
        law = self._cell.input.law
        normal = [self._normal(Purpose.READOUT, m) for m in range(self._cell.input.count)]
        return np.stack([law.evaluate(law.gradient, vectors) for vectors in normal])

    @cached_property
    def _losses(self) -> tuple[FloatArray, FloatArray]:
        """B and the targets y of the losses (B h - y)^2."""
        readout = self._uniform(Purpose.READOUT, 0, self._width)[:, self._lanes] * math.sqrt(12.0 / self._width)
        count = self._cell.input.count
        targets = np.stack([self._uniform(Purpose.TARGET, m, 1)[0, self._lanes] + 0.5 for m in range(count)])
        return readout, targets

    def gradient(self, hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return p_L and its exponents, given h_L in units of 2^exponents."""
        if not self._cell.input.law.observed:
            return self._directions, np.zeros_like(exponents)
        readout, targets = self._losses
        # d/dh (B h - y)^2 = 2 (B h - y) B^T, in units of the larger of h and 1.
        units = np.maximum(exponents, 0)
        shrunk = np.ldexp(hidden, (exponents - units)[:, None, :])
        residual = np.einsum("il,mil->ml", readout, shrunk) - np.ldexp(targets, -units)
        return 2.0 * residual[:, None, :] * readout, units
