"""Cell to sample: chooses the kernels, streams blocks of replicates and segments of depth, reads off the observables.

The unit of work is a block of :data:`~theory_check.kernels.LANES` replicates, or of one replicate where weights are
stored, a pure function of (cell, seed, block).
Depth is cut into segments, so that memory does not grow with it and a run can stop between two segments. With
gradients, the activation slopes of a segment are kept; when they do not all fit the budget, the state at the start of
each segment is kept instead and the backward pass runs the segment forward once more, drawing the same weights. The
tangent vectors of a Jacobian follow the forward pass, segment after segment. Segments end on either side of a layer
whose weight gradients are observed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.boundary import Boundary
from theory_check.cells import Cell, Sample
from theory_check.experiments import MEMORY, InterruptedSimulationError, Values, never
from theory_check.jacobian import Jacobian
from theory_check.kernels import LANES
from theory_check.passes import DensePasses, Passes, ReducedPasses, make_passes
from theory_check.stored_passes import StoredPasses, from_panels, to_panels
from theory_check.streams import stream_key
from theory_check.weight_gradients import WeightGradients, log_squared_norm

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
    """Return log ||vector 2^exponents||^2 - reference for every input and lane; infinite after an overflow."""
    square = _squared(vector)
    with np.errstate(divide="ignore"):
        ratio = np.log(square) + 2.0 * math.log(2.0) * exponents - reference
    return np.where(np.isfinite(square), ratio, np.inf)


def _log_squared(vector: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.log(_squared(vector))


def _log_displacement(
    start: FloatArray, end: FloatArray, shift: NDArray[np.int64], reference: FloatArray
) -> FloatArray:
    """Return log of the displacement from ``start``, of log squared norm ``reference``, to ``end 2^shift``."""
    larger = np.maximum(shift, 0)[:, None, :]
    moved = np.ldexp(end, shift[:, None, :] - larger) - np.ldexp(start, -larger)
    return 0.5 * _log_ratio(moved, larger[:, 0, :], reference)


def _log_active_ratio(start: FloatArray, end: FloatArray, shift: NDArray[np.int64]) -> FloatArray:
    """Return log(||relu(end 2^shift)||^2 / ||relu(start)||^2); 0 where no coordinate of ``start`` is positive.

    Such a state never moves: the ratio is that of a vector with itself.
    """
    before, after = np.maximum(start, 0.0), np.maximum(end, 0.0)
    moving = np.any(before > 0.0, axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(moving, _log_ratio(after, shift, _log_squared(before)), 0.0)


@dataclass(frozen=True)
class Course:
    """What carries states through the depth, and what is observed on the way.

    Attributes
    ----------
    passes : Passes
    scaling : float64 array (depth,)
    gradients : bool
    profile : tuple of int
    kept_bytes : int
        Bytes that the backward pass may keep.
    tangents : Jacobian, optional
        Tangent frames that follow the forward pass.
    weights : WeightGradients, optional
        Observer of the gradients of some layers' weights.
    active_norm : bool
        Whether to observe the norm of the active coordinates at both ends.
    """

    passes: Passes
    scaling: FloatArray
    gradients: bool
    profile: tuple[int, ...]
    kept_bytes: int
    tangents: Jacobian | None = None
    weights: WeightGradients | None = None
    active_norm: bool = False

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.scaling)

    @property
    def keeps(self) -> bool:
        """Whether the forward pass keeps anything."""
        return self.gradients or self.tangents is not None

    @property
    def fits(self) -> bool:
        """Whether all that the backward pass needs can be kept."""
        return self.gradients and self.depth * self.passes.bytes_per_layer <= self.kept_bytes


def _segments(course: Course) -> list[tuple[int, int]]:
    """Cut the depth at the profile, around observed layers, and where a kernel call would take or keep too much."""
    most = max(1, SEGMENT_DRAWS // course.passes.draws_per_layer)
    if course.keeps and not course.fits:
        most = min(most, max(1, course.kept_bytes // course.passes.bytes_per_layer))
    stops = sorted({0, course.depth, *course.profile, *(course.weights.stops if course.weights else ())})
    return [(first, min(first + most, stop)) for start, stop in pairwise(stops) for first in range(start, stop, most)]


def traverse(
    course: Course,
    start: FloatArray,
    output_gradient: Callable[[FloatArray, NDArray[np.int64]], tuple[FloatArray, NDArray[np.int64]]],
    stop: Callable[[], bool] = never,
    watch: Callable[[int, FloatArray], None] | None = None,
) -> Values:
    """Carry states to the end of the depth and, with gradients, a gradient back.

    Parameters
    ----------
    course : Course
    start : float64 array (rows, width, LANES)
        Hidden states h_0.
    output_gradient : callable
        Returns p_L and its exponents, given h_L in units of 2^exponents.
    stop : callable
        Asked between two segments.
    watch : callable
        Shown the depth and the states, each up to a power of two, at the start and after every segment: at every depth
        of the profile.

    Returns
    -------
    columns : Values
        Logarithms of ratios and displacements, pairings and profiles, shape (rows, LANES[, depths]).
    """
    passes, scaling = course.passes, course.scaling
    segments = _segments(course)
    longest = max(last - first for first, last in segments)
    kept = passes.storage(0 if not course.keeps else course.depth if course.fits else longest)
    checkpoints: list[tuple[FloatArray, NDArray[np.int64]]] = []

    def room(first: int, last: int) -> Any:
        if not course.keeps:
            return kept
        return passes.slice(kept, first, last) if course.fits else passes.slice(kept, 0, last - first)

    hidden = start.copy()
    exponents = np.zeros((start.shape[0], LANES), np.int64)
    observed = {course.depth, *course.profile}
    reference, norms = _log_squared(start), {0: np.zeros(exponents.shape)}
    if watch is not None:
        watch(0, hidden)
    for first, last in segments:
        if stop():
            raise InterruptedSimulationError("simulation interrupted")
        if course.gradients and not course.fits:
            checkpoints.append((hidden.copy(), exponents.copy()))
        if course.weights is not None:
            course.weights.enter(first, hidden, exponents)
        passes.forward(first, scaling[first:last], hidden, exponents, room(first, last))
        if course.tangents is not None:
            course.tangents.advance(first, last, room(first, last), stop)
        if last in observed:
            norms[last] = _log_ratio(hidden, exponents, reference)
        if watch is not None:
            watch(last, hidden)

    columns: Values = {}
    columns["log_norm_ratio"] = norms[course.depth]
    columns["log_displacement"] = _log_displacement(start, hidden, exponents, reference)
    if course.profile:
        columns["norm_profile"] = np.stack([norms[k] for k in course.profile], axis=-1)
    if course.tangents is not None:
        columns |= course.tangents.columns()
    if course.active_norm:
        columns["log_active_norm_ratio"] = _log_active_ratio(start, hidden, exponents)
    if not course.gradients:
        return columns

    output, output_exponents = output_gradient(hidden, exponents)
    gradient, gradient_exponents = output.copy(), output_exponents.copy()
    observed = {0, *course.profile}
    reference, norms = _log_squared(output), {course.depth: np.zeros(exponents.shape)}
    for index in range(len(segments) - 1, -1, -1):
        if stop():
            raise InterruptedSimulationError("simulation interrupted")
        first, last = segments[index]
        if checkpoints and index < len(segments) - 1:
            passes.forward(first, scaling[first:last], *checkpoints[index], room(first, last))
        if course.weights is not None:
            course.weights.leave(first, room(first, last), gradient, gradient_exponents)
        passes.backward(first, scaling[first:last], room(first, last), gradient, gradient_exponents)
        if first in observed:
            norms[first] = _log_ratio(gradient, gradient_exponents - output_exponents, reference)

    shift = gradient_exponents - output_exponents
    columns["log_gradient_ratio"] = norms[0]
    columns["log_gradient_displacement"] = _log_displacement(output, gradient, shift, reference)
    columns["pairing_output"] = _normalised(output, hidden, output, hidden)
    columns["pairing_input"] = np.ldexp(_normalised(gradient, start, output, hidden), shift - exponents)
    if course.profile:
        columns["gradient_profile"] = np.stack([norms[k] for k in course.profile], axis=-1)
    if course.weights is not None:
        still = np.zeros_like(exponents)
        columns |= course.weights.columns(log_squared_norm(start, still) + log_squared_norm(output, output_exponents))
    return columns


def simulate_block(
    cell: Cell, seed: int, block: int, stop: Callable[[], bool] = never, *, memory: int = MEMORY
) -> Values:
    """Simulate the replicates ``block * block_size`` to ``(block + 1) * block_size - 1`` of a cell.

    Returns the columns of :data:`~theory_check.cells.Sample` with ``cell.block_size`` rows. ``memory`` bounds the
    bytes of stored weights and of what is kept for their backward pass; values do not depend on it. Raises
    :class:`InterruptedSimulationError` when ``stop()`` becomes true.
    """
    key = np.array(stream_key(seed, cell.identity), np.uint32)
    scaling = cell.network.scaling.factors(cell.network.depth)
    if cell.kernel == "stored":
        return _simulate_stored(cell, key, block, scaling, stop, memory)
    first_replicate = block * LANES
    passes = make_passes(cell, key, first_replicate)
    boundary = Boundary(cell, key, first_replicate)
    tangents = Jacobian(cell, passes) if cell.jacobian and isinstance(passes, DensePasses) else None
    course = Course(
        passes, scaling, cell.gradients, cell.profile, SEGMENT_BYTES, tangents, _observer(cell, passes, scaling),
        cell.active_norm,
    )  # fmt: skip
    cosines: dict[int, FloatArray] = {}

    def watch(depth: int, hidden: FloatArray) -> None:
        cosines[depth] = _cosines(hidden)

    columns = traverse(course, boundary.hidden(), boundary.gradient, stop, watch if cell.input.count > 1 else None)
    return _by_replicate(cell, columns, cosines)


def _observer(cell: Cell, passes: Passes, scaling: FloatArray) -> WeightGradients | None:
    if not cell.weight_gradients or not isinstance(passes, DensePasses | ReducedPasses | StoredPasses):
        return None
    return WeightGradients(cell.weight_gradients, passes, scaling, cell.network.branch.has_inner)


def _by_replicate(cell: Cell, columns: Values, cosines: dict[int, FloatArray]) -> Values:
    """Add the cosines and turn columns of shape (inputs, replicates, ...) into those of a sample."""
    if cell.input.count > 1:
        ends = {"cosine_input": cosines[0], "cosine_output": cosines[cell.network.depth]}
        columns = {**columns, **ends}
        if cell.profile:
            columns["cosine_profile"] = np.stack([cosines[k] for k in cell.profile], axis=-1)
    turned = {name: np.moveaxis(column, 1, 0) for name, column in columns.items()}
    return {name: column[:, 0] if cell.input.count == 1 else column for name, column in turned.items()}


def _simulate_stored(
    cell: Cell,
    key: NDArray[np.uint32],
    replicate: int,
    scaling: FloatArray,
    stop: Callable[[], bool],
    memory: int,
) -> Values:
    """Simulate one replicate: its inputs are the columns that share the weights."""
    count = cell.input.count
    boundary = Boundary.of_replicate(cell, key, replicate)
    states = to_panels(boundary.hidden()[..., 0])
    factors = np.ones((len(states), LANES))
    passes = StoredPasses(cell.network, cell.weights, key, replicate, factors, memory)
    observer = _observer(cell, passes, scaling)
    course = Course(
        passes, scaling, cell.gradients, cell.profile, passes.kept_bytes, weights=observer,
        active_norm=cell.active_norm,
    )  # fmt: skip

    def output_gradient(hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        rows = from_panels(hidden, count)[..., None], from_panels(exponents, count)[..., None]
        gradient, gradient_exponents = boundary.gradient(*rows)
        return to_panels(gradient[..., 0]), to_panels(gradient_exponents[..., 0])

    cosines: dict[int, FloatArray] = {}

    def watch(depth: int, hidden: FloatArray) -> None:
        cosines[depth] = _cosines(from_panels(hidden, count)[..., None])

    panels = traverse(course, states, output_gradient, stop, watch if count > 1 else None)
    columns = {name: panel.reshape(-1, *panel.shape[2:])[:count, None] for name, panel in panels.items()}
    return _by_replicate(cell, columns, cosines)


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
    blocks = [simulate_block(cell, seed, block) for block in range(-(-cell.replicates // cell.block_size))]
    values = {name: np.concatenate([b[name] for b in blocks])[: cell.replicates] for name in blocks[0]}
    return Sample(cell, seed, values, thread_time() - started)
