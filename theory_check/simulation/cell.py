"""Cell to sample: chooses the kernels, streams blocks of replicates and segments of depth, reads off the observables.

The unit of work is a block of :data:`~theory_check.kernels.LANES` replicates, or of one replicate where weights are
stored, a pure function of (cell, seed, block). Short blocks go through the depth together, which changes no value.
Depth is cut into segments, so that memory does not grow with it and a run can stop between two segments. With
gradients, the activation slopes of a segment are kept; when they do not all fit the budget, the state at the start of
each segment is kept instead and the backward pass runs the segment forward once more, drawing the same weights. The
tangent vectors of a Jacobian follow the forward pass, segment after segment. Segments end on either side of a layer
whose weight gradients are observed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import MEMORY, Values, never
from theory_check.experiments.segments import SEGMENT_BYTES
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import stream_key
from theory_check.kernels import LANES, PANEL
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.controls import Controls
from theory_check.simulation.course import Course, normalised, traverse
from theory_check.simulation.jacobian import Jacobian
from theory_check.simulation.passes.chain import ChainPasses, PlaneBoundary
from theory_check.simulation.passes.dense import DensePasses
from theory_check.simulation.passes.gram import GramPasses
from theory_check.simulation.passes.protocol import BlockPasses, BranchPasses, ControlledPasses, Passes
from theory_check.simulation.passes.reduced import ReducedPasses
from theory_check.simulation.passes.stored import StoredPasses, from_panels, to_panels
from theory_check.simulation.passes.together import PassesTogether
from theory_check.simulation.weight_gradients import WeightGradients


def simulate_block(
    cell: Cell, seed: int, block: int, stop: Callable[[], bool] = never, *, memory: int = MEMORY, blocks: int = 1
) -> Values:
    """Simulate the replicates of a block of a cell, from ``block * block_size`` on, or of several blocks at a time.

    Parameters
    ----------
    cell : Cell
    seed : int
        Root seed.
    block : int
        Number of the block, from 0.
    stop : callable
        Asked between two kernel calls whether to stop.
    memory : int
        Bytes that stored weights, and what is kept for their backward pass, may take. Values do not depend on it.
    blocks : int
        How many blocks, as many as :func:`~theory_check.experiments.segments.blocks_together` at most.

    Returns
    -------
    Values
        Columns as of :data:`~theory_check.experiments.cell.Sample`, with ``cell.block_size`` rows for each block.

    Raises
    ------
    InterruptedSimulationError
        When ``stop()`` becomes true.
    """
    key = np.array(stream_key(seed, cell.identity), np.uint32)
    scaling = cell.network.factors
    if cell.kernel == "stored":
        return _simulate_stored(cell, key, block, scaling, stop, memory)
    firsts, count = [(block + number) * LANES for number in range(blocks)], cell.input.count
    alone = make_passes(cell, key, firsts[0])
    others = [make_passes(cell, key, first, alone) for first in firsts[1:]]
    passes: Passes = PassesTogether([alone, *others], count) if others else alone
    ends = [(PlaneBoundary if cell.kernel == "chain" else Boundary)(cell, key, first) for first in firsts]
    start = np.concatenate([end.hidden() for end in ends])
    tangents = Jacobian(cell, passes) if cell.jacobian and isinstance(passes, DensePasses) else None
    controls = Controls(passes, blocks * count) if cell.controls and isinstance(passes, ControlledPasses) else None
    course = Course(
        passes, scaling, cell.gradients, cell.recorded_depths, SEGMENT_BYTES, tangents,
        _observer(cell, passes, scaling), cell.active_norm, controls,
    )  # fmt: skip
    cosines: dict[int, FloatArray] = {}

    def watch(depth: int, hidden: FloatArray) -> None:
        cosines[depth] = _cosines(hidden, count)

    def output_gradient(hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        rows = [slice(number * count, (number + 1) * count) for number in range(blocks)]
        pairs = [end.gradient(hidden[part], exponents[part]) for end, part in zip(ends, rows, strict=True)]
        gradients, units = zip(*pairs, strict=True)
        return np.concatenate(gradients), np.concatenate(units)

    columns = traverse(course, start, output_gradient, stop, watch if count > 1 else None)
    return _by_replicate(cell, columns, cosines)


def make_passes(
    cell: Cell, key: NDArray[np.uint32], first_replicate: int, like: BlockPasses | None = None
) -> BlockPasses:
    """Return the passes of a kernel without stored weights.

    Parameters
    ----------
    cell : Cell
    key : uint32 array (2,)
        Of the streams of the cell.
    first_replicate : int
        First of the block, a multiple of LANES.
    like : Passes, optional
        Of another block of the cell, which the new ones share what they can with.

    Returns
    -------
    Passes
    """
    if like is not None:
        return like.beside(first_replicate)
    if cell.kernel == "dense":
        return DensePasses(cell, key, first_replicate)
    if cell.kernel == "chain":
        return ChainPasses(cell, key, first_replicate)
    return (ReducedPasses if cell.input.count == 1 else GramPasses)(cell, key, first_replicate)


def _observer(cell: Cell, passes: Passes, scaling: FloatArray) -> WeightGradients | None:
    if not cell.weight_gradients or not isinstance(passes, BranchPasses):
        return None
    return WeightGradients(
        cell.weight_gradients, cell.gradient_cosines, passes, scaling, has_inner=cell.network.branch.has_inner
    )


def _by_replicate(cell: Cell, columns: Values, cosines: dict[int, FloatArray]) -> Values:
    """Add the cosines and turn columns of shape (blocks * inputs, replicates, ...) into those of a sample."""
    if cell.input.count > 1:
        ends = {"cosine_input": cosines[0], "cosine_output": cosines[cell.network.depth]}
        columns = {**columns, **ends}
        if cell.recorded_depths:
            columns["cosine_profile"] = np.stack([cosines[k] for k in cell.recorded_depths], axis=-1)
    count, values = cell.input.count, {}
    for name, column in columns.items():
        if count == 1:
            values[name] = column.reshape(-1, *column.shape[2:])
        else:
            # Inputs stay side by side in memory, as in one block: the order of later sums depends on that.
            by_input = np.moveaxis(column.reshape(-1, count, *column.shape[1:]), 1, 0)
            values[name] = np.moveaxis(by_input.reshape(count, -1, *column.shape[2:]), 1, 0)
    return values


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
    factors = np.ones((len(states), PANEL))
    passes = StoredPasses(cell.network, cell.weights, key, replicate, factors, memory, count)
    observer = _observer(cell, passes, scaling)
    course = Course(
        passes, scaling, cell.gradients, cell.recorded_depths, passes.kept_bytes, weights=observer,
        active_norm=cell.active_norm,
    )  # fmt: skip

    def output_gradient(hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        rows = from_panels(hidden, count)[..., None], from_panels(exponents, count)[..., None]
        gradient, gradient_exponents = boundary.gradient(*rows)
        return to_panels(gradient[..., 0]), to_panels(gradient_exponents[..., 0])

    cosines: dict[int, FloatArray] = {}

    def watch(depth: int, hidden: FloatArray) -> None:
        cosines[depth] = _cosines(from_panels(hidden, count)[..., None], count)

    panels = traverse(course, states, output_gradient, stop, watch if count > 1 else None)
    columns = {name: panel.reshape(-1, *panel.shape[2:])[:count, None] for name, panel in panels.items()}
    return _by_replicate(cell, columns, cosines)


def _cosines(vectors: FloatArray, inputs: int) -> FloatArray:
    """Return the cosines of the states of every block with the first of the block."""
    first = np.repeat(vectors[::inputs], inputs, axis=0)
    return normalised(vectors, first, vectors, first)
