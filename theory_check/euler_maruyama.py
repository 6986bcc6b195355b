"""Networks of depths L, 2 L, ..., 2^J L as Euler-Maruyama schemes of one Brownian motion (P6, E14).

Notation
    h^(j): the network of depth L_j = 2^j L, h_{k+1} = h_k + L_j^(-1/2) V_{k+1} g(h_k), entries of V normal of variance
    s^2 = gain / d; it is the scheme of dH = dB g(H), entries of B of variance s^2 t, with step 1 / L_j.

Coupling. All levels see the same path of B: V of level j is 2^(-(J-j)/2) times the sum of 2^(J-j) matrices of level J,
a normal matrix again. That closure under sums is why the weights must be Gaussian; then every level by itself has the
law of the plain network, exactly. With ``noise="independent"`` every level draws its own: the contrast case, in which
nothing converges.

Orders. For Lipschitz g the strong error is of order 1/2 (Kloeden and Platen, *Numerical Solution of Stochastic
Differential Equations*, 1992, theorem 10.2.2). For a linear branch it is exact (``theory.orders``). Between adjacent
levels the same order shows without the bias of a finite reference: mean squares of distances to level J behave as
1/L_j - 1/L_J, those of adjacent levels as 1/L_j.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from theory_check import costs
from theory_check.boundary import Boundary
from theory_check.cells import MAXIMAL_REPLICATES, Cell
from theory_check.errors import SpecificationError
from theory_check.experiments import InterruptedSimulationError, Values, never
from theory_check.initializations import Weights
from theory_check.kernels import KERNEL_VERSION, LANES
from theory_check.levels import by_replicate, level_columns, level_errors, norms
from theory_check.networks import MAXIMAL_DEPTH, Input, Network
from theory_check.passes import compiled_activation, row_filler
from theory_check.specifications import check_choice, check_integer
from theory_check.streams import stream_key

FloatArray = NDArray[np.float64]
Noise = Literal["shared", "independent"]

#: Weights (all lanes) that one kernel call may draw: a fraction of a second, the time a run takes to react to an
#: interrupt.
SEGMENT_DRAWS = 2 * 10**9

#: Streams of a block are numbered by 32 bits, and levels with noise of their own need as many again for each.
MAXIMAL_LEVELS = 40


@dataclass(frozen=True, kw_only=True)
class EulerMaruyama:
    """Networks of depths L, 2 L, ..., 2^J L that share their Brownian motion, an experiment.

    A sample has the columns

    * ``log_norm_ratio``, shape (replicates, J + 1): log(||h^(j)||^2 / ||h_0||^2) at the output of each level,
    * ``projection``, (replicates, J + 1): <h^(j), h_0> / ||h_0||^2,
    * for J > 0: ``finest_error``, (replicates, J): ||h^(j) - h^(J)|| / ||h_0||,
    * ``adjacent_error``, (replicates, J): ||h^(j) - h^(j+1)|| / ||h_0||,
    * ``finest_supremum``, ``adjacent_supremum`` (with ``suprema``): the same, largest over the L times of level 0.

    Attributes
    ----------
    network : Network
        The coarsest: linear or res-1, a_L = L^(-1/2).
    doublings : int
        J.
    weights : Weights
        Gaussian, of any variance convention.
    input : Input
        A single one.
    noise : ``shared`` or ``independent``
    replicates : int
    suprema : bool
        Whether to observe the errors at all times of the coarsest level.
    """

    network: Network
    doublings: int
    weights: Weights = field(default_factory=Weights)
    input: Input = field(default_factory=Input)
    noise: Noise = "shared"
    replicates: int
    suprema: bool = False

    def __post_init__(self) -> None:
        check_integer("number of doublings", self.doublings, 0, MAXIMAL_LEVELS - 1)
        check_integer("number of replicates", self.replicates, 1, MAXIMAL_REPLICATES)
        check_choice("noise", self.noise, ("shared", "independent"))
        if self.network.branch.has_inner:
            raise SpecificationError(f"branch is {self.network.branch}; Brownian coupling accepts linear and res-1")
        if self.network.scaling.beta != 0.5:
            raise SpecificationError(f"scaling is {self.network.scaling}; Brownian coupling accepts beta 0.5")
        if self.weights.law != "gaussian":
            raise SpecificationError(f"weights are {self.weights}; Brownian coupling accepts gaussian")
        if self.input.count != 1:
            raise SpecificationError(f"input is {self.input}; Brownian coupling accepts one")
        check_integer("depth of the finest level", self.depths[-1], 1, MAXIMAL_DEPTH)

    @property
    def depths(self) -> tuple[int, ...]:
        """Depth of each level, coarsest first."""
        return tuple(self.network.depth << level for level in range(self.doublings + 1))

    def level(self, index: int) -> Cell:
        """Return the plain network that has the law of a level, as a cell."""
        network = replace(self.network, depth=self.depths[index])
        return Cell(
            network=network, weights=self.weights, input=self.input, kernel="dense", replicates=self.replicates,
            gradients=False,
        )  # fmt: skip

    @property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values, whatever is observed and how often."""
        parts = {
            "experiment": "euler-maruyama",
            "network": self.network,
            "doublings": self.doublings,
            "weights": self.weights,
            "input": self.input,
            "noise": self.noise,
            "kernel_version": KERNEL_VERSION,
        }
        return json.dumps(msgspec.to_builtins(parts), sort_keys=True, separators=(",", ":"))

    @property
    def content_hash(self) -> str:
        """Hash of the identity and of the observables, but not of the number of replicates (16 hexadecimal digits)."""
        return hashlib.sha256(f"{self.identity}|{self.suprema}".encode()).hexdigest()[:16]

    @property
    def layers(self) -> int:
        """Residual layers of a replicate, all levels together."""
        return sum(self.depths)

    @property
    def block_size(self) -> int:
        """Replicates that are simulated together."""
        return LANES

    @property
    def draws_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of :mod:`theory_check.costs`."""
        width, levels = self.network.width, self.doublings + 1
        drawn = 1 if self.noise == "shared" else levels
        layer = drawn * costs.matrix_draws(self.weights, width, 1) + levels * (0.3 * width**2 + 8.0 * width)
        layer += levels * costs.activation_draws(self.network, 1)
        stops = self.network.depth if self.suprema else 0
        return math.ceil(
            costs.PASS_DRAWS + LANES * self.depths[-1] * layer + stops * (800_000 + costs.STOP_DRAWS * drawn)
        )

    def merge(self, other: EulerMaruyama) -> EulerMaruyama:
        """Return the experiment with the most replicates of both and the union of what they observe."""
        return replace(
            self, replicates=max(self.replicates, other.replicates), suprema=self.suprema or other.suprema
        )  # fmt: skip

    def restrict(self, values: Mapping[str, FloatArray], part: EulerMaruyama) -> Values:
        """Return what ``part`` asked for: its replicates, suprema or not."""
        return {
            name: column[: part.replicates]
            for name, column in values.items()
            if part.suprema or not name.endswith("_supremum")
        }

    def __str__(self) -> str:
        noise = "one Brownian motion" if self.noise == "shared" else "independent noise"
        return (
            f"{self.network.branch}, width {self.network.width}, depths {self.depths[0]} to {self.depths[-1]}, {noise}"
        )


class Levels:
    """The levels of a block: states in, states out, any number of finest steps at a time."""

    def __init__(self, experiment: EulerMaruyama, key: NDArray[np.uint32], first_replicate: int) -> None:
        from theory_check.kernels import euler_maruyama

        network, filler = experiment.network, row_filler(experiment.weights)
        self._kernel: Any = euler_maruyama
        self._block = (key, first_replicate)
        deviation = math.sqrt(experiment.weights.gain / network.width) / filler.natural_deviation
        self._finest = experiment.depths[-1]
        # The scaling of the dense passes at the finest depth, so that its level takes their values to the bit.
        self._scaling = float(network.scaling.factors(self._finest)[0]) * deviation
        self._functions = (filler.fill, filler.constants, *compiled_activation(network.branch.activation))
        self._periods = np.array([self._finest // depth for depth in experiment.depths], np.int64)
        levels = len(self._periods)
        self._held = np.empty((levels, network.width * LANES), np.float32)
        # Levels that draw from streams of their own go through the kernel one by one.
        self._groups = [(0, levels)] if experiment.noise == "shared" else [(m, m + 1) for m in range(levels)]

    def advance(self, first: int, steps: int, hidden: FloatArray) -> None:
        """Advance ``hidden`` (levels, width * LANES) by finest steps, in place; steps follow one another from 0."""
        for group, (start, stop) in enumerate(self._groups):
            self._kernel.forward(
                *self._block, first, steps, group * self._finest, self._scaling, *self._functions,
                self._periods[start:stop], hidden[start:stop], self._held[start:stop],
            )  # fmt: skip


def simulate_block(experiment: EulerMaruyama, seed: int, block: int, stop: Callable[[], bool] = never) -> Values:
    """Simulate the replicates ``block * LANES`` to ``(block + 1) * LANES - 1``.

    Returns the columns of :class:`EulerMaruyama` with LANES rows. Raises
    :class:`~theory_check.experiments.InterruptedSimulationError` when ``stop()`` becomes true.
    """
    first_replicate = block * LANES
    key = np.array(stream_key(seed, experiment.identity), np.uint32)
    start = Boundary(experiment.level(0), key, first_replicate).hidden()[0]
    levels = Levels(experiment, key, first_replicate)
    hidden = np.repeat(start[None], experiment.doublings + 1, axis=0)
    flat = hidden.reshape(len(hidden), -1)
    unit = norms(start)
    suprema: Values = dict.fromkeys(("finest", "adjacent"), np.zeros((experiment.doublings, LANES)))

    finest = experiment.depths[-1]
    most = max(1, SEGMENT_DRAWS // (experiment.network.width**2 * LANES))
    stride = finest // experiment.network.depth if experiment.suprema else finest
    for begin in range(0, finest, stride):
        for first in range(begin, begin + stride, most):
            if stop():
                raise InterruptedSimulationError("simulation interrupted")
            levels.advance(first, min(most, begin + stride - first), flat)
        if experiment.suprema:
            errors = level_errors(hidden, unit)
            suprema = {name: np.maximum(largest, errors[name]) for name, largest in suprema.items()}

    columns = level_columns(start, hidden)
    if experiment.doublings and experiment.suprema:
        columns |= {f"{name}_supremum": largest for name, largest in suprema.items()}
    return by_replicate(columns)
