"""Cell to sample: chooses the kernels, streams blocks of replicates and segments of depth, reads off the observables.

The unit of work is a block of :data:`~theory_check.kernels.LANES` replicates, a pure function of (cell, seed, block).
Depth is cut into segments, so that memory does not grow with it and a run can stop between two segments. With
gradients, the activation slopes of a segment are kept; when they do not all fit the budget, the state at the start of
each segment is kept instead and the backward pass runs the segment forward once more, drawing the same weights. The
tangent vectors of a Jacobian follow the forward pass, segment after segment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.boundary import Boundary
from theory_check.cells import Cell, Sample
from theory_check.experiments import InterruptedSimulationError, Values, never
from theory_check.jacobian import Jacobian
from theory_check.kernels import LANES
from theory_check.passes import DensePasses, Passes, make_passes
from theory_check.streams import stream_key

FloatArray = NDArray[np.float64]

#: Bytes that the slopes or hidden states kept for the backward pass of a block may take.
SEGMENT_BYTES = 48 * 2**20

#: Weights (all lanes) that one kernel call may draw: a fraction of a second, the time a run takes to react to an
#: interrupt.
SEGMENT_DRAWS = 2 * 10**9


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
    if (cell.gradients or cell.jacobian) and depth * passes.bytes_per_layer > SEGMENT_BYTES:
        most = min(most, max(1, SEGMENT_BYTES // passes.bytes_per_layer))
    stops = sorted({0, depth, *cell.profile})
    return [(first, min(first + most, stop)) for start, stop in pairwise(stops) for first in range(start, stop, most)]


def simulate_block(cell: Cell, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Simulate the replicates ``block * LANES`` to ``(block + 1) * LANES - 1`` of a cell.

    Returns the columns of :data:`~theory_check.cells.Sample` with LANES rows. Raises
    :class:`InterruptedSimulationError` when
    ``stop()`` becomes true.
    """
    first_replicate = block * LANES
    key = np.array(stream_key(seed, cell.identity), np.uint32)
    passes = make_passes(cell, key, first_replicate)
    boundary = Boundary(cell, key, first_replicate)
    network = cell.network
    scaling = network.scaling.factors(network.depth)
    segments = _segments(cell, passes)
    fits = cell.gradients and network.depth * passes.bytes_per_layer <= SEGMENT_BYTES
    longest = max(last - first for first, last in segments)
    keeps = cell.gradients or cell.jacobian
    kept = passes.storage(network.depth if fits else longest if keeps else 0)
    jacobian = Jacobian(cell, passes) if cell.jacobian and isinstance(passes, DensePasses) else None

    start = boundary.hidden()
    hidden = start.copy()
    exponents = np.zeros((cell.input.count, LANES), np.int64)
    checkpoints: list[tuple[FloatArray, NDArray[np.int64]]] = []
    norms = {0: np.zeros((cell.input.count, LANES))}
    cosines = {0: _cosines(start)}

    def room(first: int, last: int) -> Any:
        if not keeps:
            return kept
        return passes.slice(kept, first, last) if fits else passes.slice(kept, 0, last - first)

    for first, last in segments:
        if stop():
            raise InterruptedSimulationError("simulation interrupted")
        if cell.gradients and not fits:
            checkpoints.append((hidden.copy(), exponents.copy()))
        passes.forward(first, scaling[first:last], hidden, exponents, room(first, last))
        if jacobian is not None:
            jacobian.advance(first, last, room(first, last), stop)
        norms[last] = _log_ratio(hidden, exponents, start)
        cosines[last] = _cosines(hidden)

    columns: Values = {}
    columns["log_norm_ratio"], columns["log_displacement"] = _observe_ends(start, hidden, exponents)
    if cell.profile:
        columns["norm_profile"] = np.stack([norms[k] for k in cell.profile], axis=-1)
    if cell.input.count > 1:
        columns["cosine_input"], columns["cosine_output"] = cosines[0], cosines[network.depth]
        if cell.profile:
            columns["cosine_profile"] = np.stack([cosines[k] for k in cell.profile], axis=-1)
    if jacobian is not None:
        columns |= jacobian.columns()
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
