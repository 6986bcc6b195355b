"""Memory of simulations: the model behind what a command announces and refuses.

What is large is counted as the code allocates it: what the backward pass keeps of a block, the weights that are stored,
the paths that they are read from, the values of all replicates. :data:`PROGRAM` and :data:`VECTORS` stand for the rest;
they were measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from theory_check.experiments.cell import Cell
from theory_check.experiments.costs import LEAST_WORK, SHARE, UNIT_WORK
from theory_check.experiments.euler import Euler, weight_purposes
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.experiment import MEMORY
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.segments import SEGMENT_BYTES, LayerSize, StoredPlan, blocks_together, components
from theory_check.experiments.sweep import Sweep
from theory_check.experiments.training import Training
from theory_check.experiments.workload import Workload
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.machine import format_size
from theory_check.kernels import LANES, PANEL
from theory_check.networks.covariance_factors import (
    CANDIDATES,
    FULL_RANK_DEPTH,
    TILE,
    TILES,
    embedding_factor,
    padded_rank,
    path_rank,
)

#: Python, its libraries, and the kernels, some of them compiled on the way.
PROGRAM = 400 * 2**20

#: Vectors in double precision that a block has at a time: states, their squares and differences, and both ends.
VECTORS = 16

#: Bytes of a unit of work besides its values: the unit, its cost, its place in the queue, and its array objects.
UNIT = 2500

#: Units at the beginning of an experiment that are shorter than the others: they grow by eighths, to fifty times.
SHORT_UNITS = 50

#: Copies of the values of one experiment besides its own: one while units are joined, one while they are written.
COPIES = 2

#: Bytes of a layer, whatever the width: its factor, and copies of it.
FACTORS = 40

#: Bytes for each layer of a path that is made by a Fourier transform, 2.2 times as many points at most: the spectrum
#: while it is made, amplitudes of two matrices, and two pairs of paths that are transformed together.
SPECTRUM = 240

#: Of these, what is kept for the next path: the spectrum, and the amplitudes.
TRANSFORM = 40

#: Bytes for each layer of a path that is made by a factor: its variance, its lag, and correlations on their way.
LAGS = 40

#: Steps in which stored weights get less.
_PARTS = 16

#: Bytes of the matrices of a path that Euler's scheme reads at a time.
CHUNK = 32 * 2**20


def _course(cell: Cell, size: LayerSize, kept_bytes: int, vector: int) -> int:
    """Return what a pass through the depth and back takes, ``vector`` bytes for the states of a block."""
    depth, keeps = cell.network.depth, cell.gradients or cell.jacobian
    longest = size.longest_segment(depth, kept_bytes, gradients=cell.gradients, keeps=keeps)
    stops = len(cell.recorded_depths) + 2 * len(cell.weight_gradients)
    checkpoints = states = 0
    if cell.gradients:
        states = len(cell.recorded_depths)
        if size.fits(depth, kept_bytes):
            longest = depth
        else:
            checkpoints = -(-depth // longest) + stops
    kept = longest * size.kept if keeps else 0
    # Exponents of the lanes stand beside the states.
    # One factor for all layers is laid out for a segment at a time.
    factors = FACTORS * depth if cell.network.scaling.kind == "sequence" else 8 * longest
    return kept + (VECTORS + checkpoints + states) * vector + factors


def _vector(cell: Cell, columns: int) -> int:
    return 8 * columns * (components(cell) + 1)


def _paths(cell: Cell, chunk: int) -> tuple[int, int]:
    """Return what it takes to make a chunk of a path, besides the chunk, and what of that remains for the next."""
    process, depth = cell.weights.process, cell.network.depth
    generator = "function" if process is None else process.generator
    if process is None or generator not in ("circulant", "gaussian", "covariance"):
        return 0, 0
    parameters = cell.weights.parameters
    rank = None if generator == "circulant" else path_rank(process, parameters, depth)
    if rank is None and generator != "covariance":
        transformed = SPECTRUM * embedding_factor(process, parameters, depth) * depth + 2**20
        # Correlations that are made in many steps leave arrays of sizes that the allocator keeps.
        return transformed, (TRANSFORM * depth if generator == "circulant" else transformed)
    # Rows of the factor for the layers that are searched, a copy, and the triangle; then those of the chunk, with two
    # deviations.
    known = min(depth, FULL_RANK_DEPTH) if rank is None else rank
    searched = 8 * known * (2 * min(depth, CANDIDATES) + known)
    tiles = 4 * padded_rank(known) * min(depth, TILES * TILE)
    scaled = 2 * 4 * padded_rank(known) * chunk
    return LAGS * depth + searched + tiles + scaled, 8 * depth + tiles + scaled


def _stored(cell: Cell, columns: int, memory: int) -> int:
    """Return what one network of stored weights takes: chunks of them, and of the paths that make them."""
    network, plan = cell.network, StoredPlan.of(cell.network, columns, memory)
    width = network.width
    matrices = 2 if network.branch.has_inner else 1
    weights = 4 * matrices * width**2 * plan.chunk
    # Biases have a path of their own; the next chunk is made in one piece.
    weights += 4 * width * plan.chunk * int(network.branch.has_bias)
    paths, tables = _paths(cell, plan.chunk)
    vector = _vector(cell, -(-columns // PANEL) * PANEL)
    course = _course(cell, LayerSize.stored(network, columns), plan.kept_bytes, vector)
    # Paths that can be kept are made before the pass, others during it.
    return weights + (max(paths, tables + course) if plan.chunk == network.depth else paths + course)


def _cell(cell: Cell, memory: int) -> int:
    if cell.kernel == "stored":
        return _stored(cell, cell.input.count, memory)
    width, inputs = cell.network.width, cell.input.count
    vector = _vector(cell, inputs * LANES)
    total = blocks_together(cell) * _course(cell, LayerSize.of(cell), SEGMENT_BYTES, vector)
    if cell.weights.definition.orthogonal:
        total += 8 * LANES * width**2
    if cell.jacobian:
        # Frames and rows of all inputs; a triangle, matrices, and the frame of one input in the order of the kernel.
        total += 8 * LANES * width**2 * (4 * inputs + 6)
    return total


def _sweep(sweep: Sweep, memory: int) -> int:
    return _stored(sweep.cell, len(sweep.betas) * sweep.input.count, memory)


def _euler_maruyama(experiment: EulerMaruyama, _memory: int) -> int:
    networks = experiment.doublings + 1
    return 6 * networks * 8 * LANES * experiment.network.width + FACTORS * experiment.network.depth


def _euler(experiment: Euler, _memory: int) -> int:
    path, finest = experiment.path, experiment.depths[-1]
    terms = len(path.grid_functions(1 if path.everywhere else finest))
    matrices = len(weight_purposes(experiment.network))
    # Normal numbers and a copy; matrices of many times and a copy; the root of a covariance.
    drawn = 2 * matrices * terms * 8 * LANES * experiment.network.width**2
    root = 0 if path.everywhere else 5 * 8 * finest**2
    return drawn + 3 * CHUNK + root + VECTORS * (experiment.doublings + 20) * 8 * LANES * experiment.network.width


def _training(training: Training, _memory: int) -> int:
    examples = training.data.examples
    return training.bytes + examples.inputs.nbytes + 400 * len(examples.inputs) + 8 * training.batch * examples.pixels


def _first_step(experiment: FirstStep, memory: int) -> int:
    network = experiment.network
    # The weights before, their gradients, and matrices of the whole branch.
    copies = 8 * 6 * experiment.training.matrices * network.depth * network.width**2
    return _training(experiment.training, memory) + copies


#: What a block of each kind takes besides its values, given bytes for stored weights.
BLOCKS: Mapping[type, Callable[[Any, int], int]] = MappingProxyType(
    {
        Cell: _cell,
        Sweep: _sweep,
        EulerMaruyama: _euler_maruyama,
        Euler: _euler,
        Training: _training,
        FirstStep: _first_step,
    }
)


def block_memory(experiment: Any, memory: int = MEMORY) -> int:
    """Return the bytes that a block of an experiment takes, besides its values.

    Parameters
    ----------
    experiment : Experiment
    memory : int
        Bytes that stored weights, and what is kept for their backward pass, may take.

    Returns
    -------
    int
    """
    return BLOCKS[type(experiment)](experiment, memory)


def _cell_values(cell: Cell) -> int:
    several, inner = cell.input.count > 1, cell.network.branch.has_inner
    matrices = 2 if inner else 1
    numbers = 2 + 4 * cell.gradients + 2 * several + cell.active_norm + 4 * cell.controls
    numbers += len(cell.recorded_depths) * (1 + 2 * cell.gradients + several)
    numbers += matrices * (len(cell.weight_gradients) + len(cell.gradient_cosines))
    return cell.input.count * (numbers + (cell.network.width + 1) * cell.jacobian)


def _training_values(training: Training) -> int:
    validated = training.split[1] > 0
    numbers = 4 + validated + training.epochs * (1 + validated) + (training.trained_scaling != "fixed")
    return numbers + training.matrices * (
        8 + 4 * len(training.lags) + 2 * len(training.entries) * training.network.depth
    )


def _euler_maruyama_values(experiment: EulerMaruyama) -> int:
    return 2 + (4 + 2 * experiment.suprema) * experiment.doublings


def _euler_values(experiment: Euler) -> int:
    doublings = experiment.doublings
    return 3 * (doublings + 1) + 2 * doublings + (doublings + 2) * experiment.reference


def _sweep_values(sweep: Sweep) -> int:
    return (4 if sweep.gradients else 2) * len(sweep.betas) * sweep.input.count


def _first_step_values(_experiment: FirstStep) -> int:
    return 4


#: How many numbers the values of a replicate are, for each kind; at most, for first steps.
VALUES: Mapping[type, Callable[[Any], int]] = MappingProxyType(
    {
        Cell: _cell_values,
        Sweep: _sweep_values,
        EulerMaruyama: _euler_maruyama_values,
        Euler: _euler_values,
        Training: _training_values,
        FirstStep: _first_step_values,
    }
)


def replicate_memory(experiment: Any) -> int:
    """Return the bytes of the values of a replicate of an experiment."""
    return 8 * VALUES[type(experiment)](experiment)


@dataclass(frozen=True)
class Memory:
    """Bytes that a simulation takes at most, and what for.

    Attributes
    ----------
    blocks : int
        What the threads work on, all together.
    values : int
        Of all replicates, and the units of work that make them.
    stored : int
        Of ``blocks``, what stored weights and their backward pass may take: an argument of the simulation.
    more : int
        Of what is made of the values.
    """

    blocks: int
    values: int
    stored: int = MEMORY
    more: int = 0

    @property
    def total(self) -> int:
        """With the program itself."""
        return PROGRAM + self.blocks + self.values + self.more

    def check(self, limit: float, source: str) -> None:
        """Raise if a limit is exceeded; the text says what is needed, what is there and what to make smaller.

        Parameters
        ----------
        limit : float
            Bytes.
        source : str
            Where the limit comes from.

        Raises
        ------
        SpecificationError
        """
        if self.total <= limit:
            return
        advice = {
            PROGRAM: "allow more (--memory)",
            self.blocks: "use fewer threads (--threads), or networks of less width, depth or inputs",
            self.values + self.more: "ask for fewer replicates, or observe less of each",
        }
        raise SpecificationError(
            f"up to {format_size(self.total)} of memory are needed, {source} {format_size(limit)}: "
            f"{advice[max(advice)]}"
        )

    @classmethod
    def of(cls, workload: Workload[Any], threads: int, stored: int = MEMORY) -> Memory:
        """Return what a simulation takes.

        Parameters
        ----------
        workload : Workload
        threads : int
            At most: there are no more than units of work.
        stored : int
            Bytes for stored weights, all threads together.

        Returns
        -------
        Memory
        """
        units = values = widest = longest = largest = 0
        for union, replicates in workload.merged.values():
            blocks = -(-replicates // union.block_size)
            size = replicate_memory(union)
            # A unit is never longer than this share of its experiment, or the least work.
            share = max(1, LEAST_WORK // union.work_per_block, blocks // SHARE)
            length = min(blocks, share, max(1, UNIT_WORK // union.work_per_block))
            units += min(blocks, -(-blocks // length) + SHORT_UNITS)
            values += blocks * union.block_size * size
            longest = max(longest, blocks * union.block_size * size)
            largest = max(largest, block_memory(union, stored // threads))
            # The blocks of a unit, and their values joined.
            widest = max(widest, 2 * length * union.block_size * size)
        return cls(min(threads, units) * (largest + widest), values + COPIES * longest + UNIT * units, stored)

    @classmethod
    def within(
        cls, limit: float, workload: Workload[Any], threads: int, *, stored: int = MEMORY, more: int = 0
    ) -> Memory:
        """Return what a simulation takes whose stored weights get less where they would exceed a limit.

        Parameters
        ----------
        limit : float
            Bytes. What is returned exceeds it where even the least does.
        workload : Workload
        threads : int
        stored : int
            Bytes for stored weights, at most. Less is slower and changes no value.
        more : int
            Bytes of what is made of the values.

        Returns
        -------
        Memory
        """
        for part in range(_PARTS, 0, -1):
            found = replace(cls.of(workload, threads, stored * part // _PARTS), more=more)
            if found.total <= limit:
                break
        return found
