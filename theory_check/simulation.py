"""Cell to sample: chooses the kernels, streams blocks of replicates and segments of depth, reads off the observables.

The unit of work is a block of :data:`~theory_check.kernels.LANES` replicates, a pure function of (cell, seed, block).
Depth is cut into segments, so that memory does not grow with it and a run can stop between two segments. With
gradients, the activation slopes of a segment are kept; when they do not all fit the budget, the state at the start of
each segment is kept instead and the backward pass runs the segment forward once more, drawing the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from time import thread_time
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from theory_check.cells import Cell, Sample
from theory_check.errors import TheoryCheckError
from theory_check.initializations import Weights
from theory_check.kernels import LANES
from theory_check.networks import PAPER_INPUT_SIZE, Activation
from theory_check.streams import Purpose, stream_key

FloatArray = NDArray[np.float64]
Values = dict[str, FloatArray]

#: Bytes that the slopes or hidden states kept for the backward pass of a block may take.
SEGMENT_BYTES = 48 * 2**20

#: Weights (all lanes) that one kernel call may draw: a fraction of a second, the time a run takes to react to an
#: interrupt.
SEGMENT_DRAWS = 2 * 10**9


class InterruptedSimulationError(TheoryCheckError):
    """The simulation was asked to stop between two segments."""


def never() -> bool:
    """Return False: do not stop."""
    return False


@dataclass(frozen=True)
class Filler:
    """A compiled row filler with the numbers it reads and the deviation of its natural units."""

    fill: Any
    constants: FloatArray
    natural_deviation: float


@cache
def row_filler(weights: Weights) -> Filler:
    """Return the compiled filler of a weight law."""
    from theory_check.kernels import rows

    law = weights.definition
    if law.kernel == "entrywise":
        return Filler(rows.entrywise_filler(law.transform), weights.constants, 1.0)
    fill = {
        "normal": rows.fill_normal,
        "uniform": rows.fill_uniform,
        "signs": rows.fill_signs,
        "orthogonal": rows.fill_normal,
        "zero": rows.fill_zero,
    }[law.kernel]
    return Filler(fill, weights.constants, rows.UNIFORM_NATURAL_DEVIATION if law.kernel == "uniform" else 1.0)


def compiled_activation(activation: Activation) -> tuple[Any, FloatArray]:
    """Return the activation kernel and its parameters."""
    from theory_check.kernels import layers

    if activation.negative_slope is None:
        return layers.activate_tanh, np.empty(0)
    return layers.activate_piecewise_linear, np.array([activation.negative_slope])


class Passes(Protocol):
    """Forward and backward passes over segments of layers of one block.

    ``kept`` is what :meth:`forward` stores for :meth:`backward`, made by :meth:`storage` for a number of layers.
    """

    bytes_per_layer: int
    draws_per_layer: int

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


class DensePasses:
    """Every weight drawn on the fly; several inputs share the weights."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import dense

        network, weights = cell.network, cell.weights
        width, inputs = network.width, cell.input.count
        outer, inner = row_filler(weights), row_filler(weights.inner)
        self._kernel: Any = dense
        self._block = (key, first_replicate)
        self._weights = (
            outer.fill, outer.constants, math.sqrt(weights.gain / width) / outer.natural_deviation,
            inner.fill, inner.constants, math.sqrt(weights.inner.gain / width) / inner.natural_deviation,
        )  # fmt: skip
        self._orthogonal = weights.law == "orthogonal"
        self._branch = network.branch
        self._activation = compiled_activation(network.branch.activation)
        self._shape = (inputs, width * LANES)
        self.bytes_per_layer = 4 * inputs * width * LANES
        self.draws_per_layer = width * width * LANES * (2 if network.branch.has_inner else 1)

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
        self.draws_per_layer = self._size * (2 if network.branch.has_inner else 1)

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


class Boundary:
    """Draws h_0 and, given h_L, the gradient p_L of a block."""

    def __init__(self, cell: Cell, key: NDArray[np.uint32], first_replicate: int) -> None:
        self._cell = cell
        self._key = key
        self._first = first_replicate
        self._width = cell.network.width

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
        vector = row.reshape(-1, LANES)[: self._width].astype(np.float64)
        if self._cell.input.name == "sphere":
            vector *= math.sqrt(self._width) / np.sqrt(np.sum(vector**2, axis=0))
        return vector

    def hidden(self) -> FloatArray:
        """Return h_0, shape (inputs, width, LANES)."""
        from theory_check.kernels import dense, rows

        count = self._cell.input.count
        if self._cell.input.name != "paper":
            return np.stack([self._normal(Purpose.INPUT, m) for m in range(count)])
        size = PAPER_INPUT_SIZE
        observations = np.stack([self._uniform(Purpose.INPUT, m, size) + 0.5 for m in range(count)])
        hidden = np.empty((count, self._width * LANES), np.float32)
        dense.multiply(
            rows.fill_uniform, np.empty(0), False, self._state(Purpose.INPUT_WEIGHTS, 0), np.empty(size * LANES,
            np.float32), observations.astype(np.float32).reshape(count, -1), hidden,
        )  # fmt: skip
        scaled = hidden.astype(np.float64) / (math.sqrt(size) * rows.UNIFORM_NATURAL_DEVIATION)
        return scaled.reshape(count, self._width, LANES)

    def gradient(self, hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return p_L and its exponents, given h_L in units of 2^exponents."""
        count = self._cell.input.count
        if self._cell.input.name != "paper":
            return np.stack([self._normal(Purpose.READOUT, m) for m in range(count)]), np.zeros_like(exponents)
        readout = self._uniform(Purpose.READOUT, 0, self._width) * math.sqrt(12.0 / self._width)
        targets = np.stack([self._uniform(Purpose.TARGET, m, 1)[0] + 0.5 for m in range(count)])
        # d/dh (B h - y)^2 = 2 (B h - y) B^T, in units of the larger of h and 1.
        units = np.maximum(exponents, 0)
        shrunk = np.ldexp(hidden, (exponents - units)[:, None, :])
        residual = np.einsum("il,mil->ml", readout, shrunk) - np.ldexp(targets, -units)
        return 2.0 * residual[:, None, :] * readout, units


def _squared(vector: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.sum(vector * vector, axis=1))


def _log_ratio(vector: FloatArray, exponents: NDArray[np.int64], reference: FloatArray) -> FloatArray:
    """Return log(||vector 2^exponents||^2 / ||reference||^2) for every input and lane; infinite after an overflow."""
    square = _squared(vector)
    with np.errstate(divide="ignore"):
        ratio = np.log(square) + 2.0 * math.log(2.0) * exponents - np.log(_squared(reference))
    return np.where(np.isfinite(square), ratio, np.inf)


def _observe_ends(start: FloatArray, end: FloatArray, shift: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return log of the squared norm ratio and of the displacement from ``start`` to ``end 2^shift``."""
    larger = np.maximum(shift, 0)[:, None, :]
    moved = np.ldexp(end, shift[:, None, :] - larger) - np.ldexp(start, -larger)
    return _log_ratio(end, shift, start), 0.5 * _log_ratio(moved, larger[:, 0, :], start)


def _segments(cell: Cell, passes: Passes) -> list[tuple[int, int]]:
    """Cut the depth at the profile, and wherever a kernel call would grow too long or keep too much."""
    depth = cell.network.depth
    most = max(1, SEGMENT_DRAWS // passes.draws_per_layer)
    if cell.gradients and depth * passes.bytes_per_layer > SEGMENT_BYTES:
        most = min(most, max(1, SEGMENT_BYTES // passes.bytes_per_layer))
    stops = sorted({0, depth, *cell.profile})
    return [(first, min(first + most, stop)) for start, stop in pairwise(stops) for first in range(start, stop, most)]


def simulate_block(cell: Cell, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Simulate the replicates ``block * LANES`` to ``(block + 1) * LANES - 1`` of a cell.

    Returns the columns of :class:`~theory_check.cells.Sample` with LANES rows. Raises
    :class:`InterruptedSimulationError` when
    ``stop()`` becomes true.
    """
    first_replicate = block * LANES
    key = np.array(stream_key(seed, cell.identity), np.uint32)
    passes: Passes = (DensePasses if cell.kernel == "dense" else ReducedPasses)(cell, key, first_replicate)
    boundary = Boundary(cell, key, first_replicate)
    network = cell.network
    scaling = network.scaling.factors(network.depth)
    segments = _segments(cell, passes)
    fits = cell.gradients and network.depth * passes.bytes_per_layer <= SEGMENT_BYTES
    longest = max(last - first for first, last in segments)
    kept = passes.storage(network.depth if fits else longest if cell.gradients else 0)

    start = boundary.hidden()
    hidden = start.copy()
    exponents = np.zeros((cell.input.count, LANES), np.int64)
    checkpoints: list[tuple[FloatArray, NDArray[np.int64]]] = []
    norms = {0: np.zeros((cell.input.count, LANES))}

    def room(first: int, last: int) -> Any:
        if not cell.gradients:
            return kept
        return passes.slice(kept, first, last) if fits else passes.slice(kept, 0, last - first)

    for first, last in segments:
        if stop():
            raise InterruptedSimulationError("simulation interrupted")
        if cell.gradients and not fits:
            checkpoints.append((hidden.copy(), exponents.copy()))
        passes.forward(first, scaling[first:last], hidden, exponents, room(first, last))
        norms[last] = _log_ratio(hidden, exponents, start)

    columns: Values = {}
    columns["log_norm_ratio"], columns["log_displacement"] = _observe_ends(start, hidden, exponents)
    if cell.profile:
        columns["norm_profile"] = np.stack([norms[k] for k in cell.profile], axis=-1)
    if cell.input.count > 1:
        columns["cosine_input"] = _cosines(start)
        columns["cosine_output"] = _cosines(hidden)
    if cell.gradients:
        columns |= _gradients(
            cell, passes, boundary, segments, scaling, (start, hidden, exponents), checkpoints, room, stop
        )
    by_lane = {name: np.moveaxis(column, 1, 0) for name, column in columns.items()}
    return {name: column[:, 0] if cell.input.count == 1 else column for name, column in by_lane.items()}


def _gradients(
    cell: Cell,
    passes: Passes,
    boundary: Boundary,
    segments: list[tuple[int, int]],
    scaling: FloatArray,
    states: tuple[FloatArray, FloatArray, NDArray[np.int64]],
    checkpoints: list[tuple[FloatArray, NDArray[np.int64]]],
    room: Callable[[int, int], Any],
    stop: Callable[[], bool],
) -> Values:
    """Run the backward pass and return its columns, shape (inputs, LANES)."""
    start, hidden, exponents = states
    output, output_exponents = boundary.gradient(hidden, exponents)
    gradient, gradient_exponents = output.copy(), output_exponents.copy()
    norms = {cell.network.depth: np.zeros((cell.input.count, LANES))}
    for index in range(len(segments) - 1, -1, -1):
        if stop():
            raise InterruptedSimulationError("simulation interrupted")
        first, last = segments[index]
        if checkpoints and index < len(segments) - 1:
            again, again_exponents = checkpoints[index]
            passes.forward(first, scaling[first:last], again, again_exponents, room(first, last))
        passes.backward(first, scaling[first:last], room(first, last), gradient, gradient_exponents)
        norms[first] = _log_ratio(gradient, gradient_exponents - output_exponents, output)

    columns: Values = {}
    shift = gradient_exponents - output_exponents
    columns["log_gradient_ratio"], columns["log_gradient_displacement"] = _observe_ends(output, gradient, shift)
    columns["pairing_output"] = _normalised(output, hidden, output, hidden)
    columns["pairing_input"] = np.ldexp(_normalised(gradient, start, output, hidden), shift - exponents)
    if cell.profile:
        columns["gradient_profile"] = np.stack([norms[k] for k in cell.profile], axis=-1)
    return columns


def _normalised(left: FloatArray, right: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return <left, right> / (||first|| ||second||) for every input and lane; 0 where a norm is 0."""
    norms = np.sqrt(_squared(first)) * np.sqrt(_squared(second))
    with np.errstate(over="ignore", invalid="ignore"):
        products = np.sum(left * right, axis=1)
        return np.asarray(np.divide(products, norms, out=np.zeros_like(norms), where=norms != 0.0))


def _cosines(vectors: FloatArray) -> FloatArray:
    return _normalised(vectors, vectors[:1], vectors, vectors[:1])


def simulate(cell: Cell, seed: int) -> Sample:
    """Simulate all replicates of a cell in this thread; :func:`theory_check.runner.run_cells` uses several."""
    started = thread_time()
    blocks = [simulate_block(cell, seed, block) for block in range(-(-cell.replicates // LANES))]
    values = {name: np.concatenate([b[name] for b in blocks])[: cell.replicates] for name in blocks[0]}
    return Sample(cell, seed, values, thread_time() - started)
