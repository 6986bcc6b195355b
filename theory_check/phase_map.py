"""The (H, beta) phase map: output and gradient of a network over a parameter of its weights and the scaling exponent.

For each value of the parameter (the Hurst index of fractional noise, the length of a smooth process) some networks are
drawn; all inputs and all scalings a = L^-beta go through the same weights in one pass. A value depends on the seed, the
network, the law, its draw, its input and its beta alone, whatever else is on the map: grids can be refined and joined.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import thread_time
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from theory_check.boundary import Boundary
from theory_check.cells import Cell
from theory_check.errors import SpecificationError
from theory_check.initializations import Weights
from theory_check.kernels import KERNEL_VERSION
from theory_check.networks import Branch, Input, Network, Scaling
from theory_check.runner import MEMORY, Report, UnitStore, available_threads, execute, silent, stored_draws
from theory_check.simulation import Course, Values, never, traverse
from theory_check.specifications import MAXIMAL_GRID, check_choice, check_finite, check_integer
from theory_check.stored_passes import StoredPasses, from_panels, to_panels
from theory_check.streams import check_seed, stream_key

FloatArray = NDArray[np.float64]

#: Columns of :class:`PhaseMap`; the last two with gradients only.
OUTPUTS = ("log_norm_ratio", "log_displacement")
GRADIENTS = ("log_gradient_ratio", "log_gradient_displacement")


@dataclass(frozen=True, kw_only=True)
class MapSpecification:
    """What is mapped; the defaults are those of the paper's figure 7.

    Attributes
    ----------
    branch, width, depth
        The network.
    weights : Weights
        A weight process. Its ``parameter`` takes the ``values``, increasing.
    betas : tuple of float
        Scaling exponents, increasing.
    draws : int
        Draws of the weights for each value of the parameter.
    input : Input
        Law and number of the inputs that go through each draw.
    gradients : bool
        Whether to carry the gradient back as well.
    """

    branch: Branch = field(default_factory=Branch)
    width: int = 40
    depth: int = 1000
    weights: Weights = field(default_factory=lambda: Weights("fgn"))
    parameter: str = "hurst"
    values: tuple[float, ...] = tuple(np.linspace(0.05, 0.97, 51).tolist())
    betas: tuple[float, ...] = tuple(np.linspace(0.0, 1.3, 70).tolist())
    draws: int = 5
    input: Input = field(default_factory=lambda: Input("paper", 10))
    gradients: bool = True

    def __post_init__(self) -> None:
        check_integer("number of draws", self.draws, 1, 10**6)
        for name, grid in ((self.parameter, self.values), ("beta", self.betas)):
            for value in grid:
                check_finite(name, value)
            if not grid or any(b <= a for a, b in pairwise(grid)):
                raise SpecificationError(f"the grid of {name} is {list(grid)}; it must increase and not be empty")
            if len(grid) > MAXIMAL_GRID:
                raise SpecificationError(f"the grid of {name} has {len(grid)} values; at most {MAXIMAL_GRID}")
        check_choice(f"parameter of {self.weights.law} weights", self.parameter, self.weights.definition.defaults)
        Network(self.branch, self.width, self.depth, Scaling.power(self.betas[0]))
        for value in self.values:
            self.cell(value)

    def cell(self, value: float) -> Cell:
        """Return the experiment at one value of the parameter, but for the scaling, which is left at 1."""
        parameters = {**dict(self.weights.parameters), self.parameter: value}
        return Cell(
            network=Network(self.branch, self.width, self.depth, Scaling.power(0.0)),
            weights=replace(self.weights, parameters=tuple(sorted(parameters.items()))),
            input=self.input,
            kernel="stored",
            replicates=self.draws,
            gradients=self.gradients,
        )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of the map: values, betas, draws, inputs."""
        return len(self.values), len(self.betas), self.draws, self.input.count

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON values; :meth:`from_json` reads them back."""
        specification: dict[str, Any] = msgspec.to_builtins(self)
        return {**specification, "kernel_version": KERNEL_VERSION}

    @classmethod
    def from_json(cls, specification: Mapping[str, Any]) -> MapSpecification:
        """Read a specification; the kernel version it was made with is not part of it."""
        fields = {k: v for k, v in specification.items() if k != "kernel_version"}
        try:
            return msgspec.convert(fields, cls)
        except msgspec.ValidationError as error:
            raise SpecificationError(f"not the specification of a map: {error}") from error


@dataclass(frozen=True)
class MapUnit:
    """One draw of the weights at one value of the parameter, with all betas and inputs."""

    specification: MapSpecification
    seed: int
    index: int
    draw: int

    @property
    def cell(self) -> Cell:
        """The experiment at this value."""
        return self.specification.cell(self.specification.values[self.index])

    @property
    def identity(self) -> str:
        """Text of all that determines the value of one column."""
        cell = self.cell
        return "map:" + replace(cell, input=Input(cell.input.name)).identity

    @property
    def draws(self) -> int:
        """Estimate of its duration, in random numbers as :class:`theory_check.runner.Unit` counts them."""
        specification = self.specification
        columns = len(specification.betas) * specification.input.count
        return stored_draws(self.cell.network, columns, 2 if specification.gradients else 1)

    @property
    def name(self) -> str:
        """File name of its stored values."""
        specification = self.specification
        parts = [
            self.identity, self.seed, self.draw, specification.betas, specification.input.count,
            specification.gradients,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24] + ".npz"


def simulate_draw(unit: MapUnit, stop: Callable[[], bool] = never, *, memory: int) -> tuple[Values, float]:
    """Simulate a unit; return its columns, shape (betas, inputs), and the processor seconds it took."""
    started = thread_time()
    specification, cell = unit.specification, unit.cell
    key = np.array(stream_key(unit.seed, unit.identity), np.uint32)
    boundary = Boundary.of_replicate(cell, key, unit.draw)
    start = boundary.hidden()
    betas, inputs, width = len(specification.betas), len(start), specification.width
    depth = specification.depth
    powers = np.array([float(depth) ** -beta for beta in specification.betas])
    factors = to_panels(np.repeat(powers, inputs))
    passes = StoredPasses(cell.network, cell.weights, key, unit.draw, factors, memory)
    course = Course(passes, np.ones(depth), cell.gradients, (), passes.kept_bytes)

    def output_gradient(hidden: FloatArray, exponents: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
        states = from_panels(hidden, betas * inputs).reshape(betas, inputs, width, 1)
        units = from_panels(exponents, betas * inputs).reshape(betas, inputs, 1)
        pairs = [boundary.gradient(state, exponent) for state, exponent in zip(states, units, strict=True)]
        gradient, gradient_exponents = (np.concatenate(part)[..., 0] for part in zip(*pairs, strict=True))
        return to_panels(gradient), to_panels(gradient_exponents)

    states = to_panels(np.tile(start[..., 0], (betas, 1)))
    columns, _ = traverse(course, states, output_gradient, stop)
    wanted = OUTPUTS + GRADIENTS if cell.gradients else OUTPUTS
    values = {name: columns[name].reshape(-1)[: betas * inputs].reshape(betas, inputs) for name in wanted}
    return values, thread_time() - started


@dataclass(frozen=True)
class PhaseMap:
    """Values of a map.

    Attributes
    ----------
    specification : MapSpecification
    seed : int
    values : mapping of str to float64 array (values, betas, draws, inputs)
        ``log_norm_ratio`` = log R, ``log_displacement`` = log sqrt(D) and, with gradients, ``log_gradient_ratio`` =
        log R* and ``log_gradient_displacement`` = log sqrt(D*).
    seconds : float
        Processor time that the simulation took, all threads together.
    """

    specification: MapSpecification
    seed: int
    values: Mapping[str, FloatArray]
    seconds: float

    def median(self, name: str) -> FloatArray:
        """Return log10 of a column (the logarithm of a ratio or a displacement), its median at each point of the map.

        Over an odd number of values the median is one of them; over an even number, the mean of the two in the middle.
        """
        column = self.values[name]
        return np.asarray(np.median(column.reshape(*column.shape[:2], -1), axis=2) / math.log(10.0))


def run_map(
    specification: MapSpecification,
    seed: int,
    *,
    threads: int | None = None,
    folder: Path | None = None,
    report: Report = silent,
    memory: int = MEMORY,
) -> PhaseMap:
    """Simulate a map; arguments as in :func:`theory_check.runner.run_cells`."""
    check_seed(seed)
    units = [
        MapUnit(specification, seed, index, draw)
        for index in range(len(specification.values))
        for draw in range(specification.draws)
    ]
    workers = threads or available_threads()
    work = partial(simulate_draw, memory=memory // workers)
    results = execute(units, work, UnitStore(folder), workers, report)
    names = OUTPUTS + GRADIENTS if specification.gradients else OUTPUTS
    arrays = {name: np.empty(specification.shape) for name in names}
    for unit, (values, _) in results.items():
        for name in names:
            arrays[name][unit.index, :, unit.draw] = values[name]
    return PhaseMap(specification, seed, arrays, sum(seconds for _, seconds in results.values()))
