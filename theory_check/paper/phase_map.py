"""The (H, beta) phase map: output and gradient of a network over a parameter of its weights and the scaling exponent.

One :class:`~theory_check.experiments.sweep.Sweep` over beta for each value of the parameter (the Hurst index of
fractional noise, the length of a smooth process).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from theory_check.experiments.experiment import MAXIMAL_REPLICATES, MEMORY, Sample
from theory_check.experiments.sweep import Sweep, check_grid
from theory_check.foundation.arguments import check_choice, check_integer, parse_call, parse_grid
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.kernels import KERNEL_VERSION
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights, process_names
from theory_check.simulation.engines import Engine
from theory_check.simulation.execution import Report, silent
from theory_check.simulation.runner import run_experiments


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
        check_choice(f"parameter of {self.weights.law} weights", self.parameter, self.weights.definition.defaults)
        check_grid(self.parameter, self.values)
        check_integer("number of draws", self.draws, 1, MAXIMAL_REPLICATES)
        _ = self.sweeps  # they check the rest

    @property
    def sweeps(self) -> list[Sweep]:
        """One sweep for each value of the parameter."""
        fixed = dict(self.weights.parameters)
        return [
            Sweep(
                branch=self.branch,
                width=self.width,
                depth=self.depth,
                weights=replace(self.weights, parameters=tuple(sorted({**fixed, self.parameter: value}.items()))),
                betas=self.betas,
                input=self.input,
                gradients=self.gradients,
            )
            for value in self.values
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON values."""
        specification: dict[str, Any] = msgspec.to_builtins(self)
        return {**specification, "kernel_version": KERNEL_VERSION}


def make_map(
    *,
    branch: str = "res-3",
    activation: str = "relu",
    width: int = 40,
    depth: int = 1000,
    process: str = "fgn",
    parameters: str = "0.05:0.97:51",
    betas: str = "0:1.3:70",
    draws: int = 5,
    inputs: int = 10,
    input_name: str = "paper",
    gradients: bool = True,
) -> MapSpecification:
    """Build a specification from the spellings of the command line.

    Parameters
    ----------
    branch, activation, width, depth
        The network.
    process : str
        Weight process; the first of its parameters that its spelling leaves open varies.
    parameters, betas : str
        Grids: ``FIRST:LAST:COUNT``, or numbers separated by commas.
    draws, inputs : int
        Draws of the weights for each value of the parameter, and inputs for each draw.
    input_name : str
    gradients : bool

    Returns
    -------
    MapSpecification

    Raises
    ------
    SpecificationError
        If a spelling is not accepted, or the process leaves no parameter to vary.
    """
    name, given = parse_call("process", process)
    check_choice("process", name, process_names())
    weights = Weights.parse(process)
    free = [key for key in weights.definition.defaults if key not in given]
    if not free:
        raise SpecificationError(f"process {process!r} leaves no parameter to vary along the map")
    return MapSpecification(
        branch=Branch(branch, Activation.parse(activation)),
        width=width,
        depth=depth,
        weights=weights,
        parameter=free[0],
        values=parse_grid("parameters", parameters),
        betas=parse_grid("betas", betas),
        draws=draws,
        input=Input(input_name, inputs),
        gradients=gradients,
    )


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
        """Return log10 of a ratio or displacement, its median over draws and inputs at each point: (values, betas).

        Inputs of one draw share its weights: the spread over them is not that of independent networks.
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
    engine: Engine | None = None,
) -> PhaseMap:
    """Simulate a map.

    Parameters
    ----------
    specification : MapSpecification
    seed : int
        Root seed.
    threads, folder, report, memory, engine
        As of :func:`theory_check.simulation.runner.run_experiments`.

    Returns
    -------
    PhaseMap
    """
    requests = dict.fromkeys(specification.sweeps, specification.draws)
    samples = run_experiments(
        requests, seed, threads=threads, folder=folder, report=report, memory=memory, engine=engine
    )
    return collect_map(specification, seed, samples)


def collect_map(specification: MapSpecification, seed: int, samples: Mapping[Sweep, Sample[Sweep]]) -> PhaseMap:
    """Return the map that the samples of its sweeps make up.

    Parameters
    ----------
    specification : MapSpecification
    seed : int
        Root seed of the samples.
    samples : mapping of Sweep to Sample

    Returns
    -------
    PhaseMap
    """
    sweeps = specification.sweeps
    names = samples[sweeps[0]].values
    # Samples have the draws first.
    values = {name: np.stack([np.swapaxes(samples[s].values[name], 0, 1) for s in sweeps]) for name in names}
    return PhaseMap(specification, seed, values, sum(samples[s].seconds for s in sweeps))
