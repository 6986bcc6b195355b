"""Networks of depths L, 2 L, ..., 2^J L that share their Brownian motion, an experiment."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import msgspec

from theory_check.experiments import costs
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Values
from theory_check.foundation.arguments import check_choice, check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_fields
from theory_check.kernels import KERNEL_VERSION, LANES
from theory_check.networks.additions import identities
from theory_check.networks.inputs import Input
from theory_check.networks.network import MAXIMAL_DEPTH, Network
from theory_check.networks.weights import Weights

Noise = Literal["shared", "independent"]


#: Streams of a block are numbered by 32 bits, and depths with noise of their own need as many again for each.
MAXIMAL_DEPTHS = 40


@dataclass(frozen=True, kw_only=True)
class EulerMaruyama:
    """Networks of depths L, 2 L, ..., 2^J L that share their Brownian motion, an experiment.

    A sample has the columns

    * ``log_norm_ratio``, shape (replicates, J + 1): log(||h^(j)||^2 / ||h_0||^2) at the output of each depth,
    * ``projection``, (replicates, J + 1): <h^(j), h_0> / ||h_0||^2,
    * for J > 0: ``finest_error``, (replicates, J): ||h^(j) - h^(J)|| / ||h_0||,
    * ``adjacent_error``, (replicates, J): ||h^(j) - h^(j+1)|| / ||h_0||,
    * ``finest_supremum``, ``adjacent_supremum`` (with ``suprema``): the same, largest over the times of the
      coarsest network.

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
    suprema : bool
        Whether to observe the errors at all times of the coarsest network.
    """

    network: Network
    doublings: int
    weights: Weights = field(default_factory=Weights)
    input: Input = field(default_factory=Input)
    noise: Noise = "shared"
    suprema: bool = False

    def __post_init__(self) -> None:
        check_fields(self, network=Network, weights=Weights, input=Input, suprema=bool)
        check_integer("number of doublings", self.doublings, 0, MAXIMAL_DEPTHS - 1)
        check_choice("noise", self.noise, ("shared", "independent"))
        if self.network.branch.has_inner:
            raise SpecificationError(f"branch is {self.network.branch}; Brownian coupling accepts linear and res-1")
        if self.network.scaling.beta != 0.5:
            raise SpecificationError(f"scaling is {self.network.scaling}; Brownian coupling accepts beta 0.5")
        if not self.weights.definition.gaussian:
            raise SpecificationError(f"weights are {self.weights}; Brownian coupling accepts gaussian")
        if self.input.count != 1:
            raise SpecificationError(f"input is {self.input}; Brownian coupling accepts one")
        check_integer("depth of the finest network", self.depths[-1], 1, MAXIMAL_DEPTH)

    @property
    def depths(self) -> tuple[int, ...]:
        """Depth of each network, coarsest first."""
        return tuple(self.network.depth << doubling for doubling in range(self.doublings + 1))

    def doubling(self, index: int) -> Cell:
        """Return the plain network that has the law of the network after that many doublings, as a cell."""
        network = replace(self.network, depth=self.depths[index])
        return Cell(network=network, weights=self.weights, input=self.input, kernel="dense", gradients=False)

    @cached_property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values, whatever is observed."""
        parts = {
            "experiment": "euler-maruyama",
            "network": self.network,
            "doublings": self.doublings,
            "weights": self.weights,
            "input": self.input,
            "noise": self.noise,
            "kernel_version": KERNEL_VERSION,
            **identities(self.network.branch, input_name=self.input.name),
        }
        return json.dumps(msgspec.to_builtins(parts), sort_keys=True, separators=(",", ":"))

    @property
    def content_hash(self) -> str:
        """Hash of the identity and of the observables (16 hexadecimal digits)."""
        return hashlib.sha256(f"{self.identity}|{self.suprema}".encode()).hexdigest()[:16]

    @property
    def layers(self) -> int:
        """Residual layers of a replicate, all depths together."""
        return sum(self.depths)

    @property
    def block_size(self) -> int:
        """Replicates that are simulated together."""
        return LANES

    @cached_property
    def work_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of :mod:`theory_check.experiments.costs`."""
        width, networks = self.network.width, self.doublings + 1
        drawn = 1 if self.noise == "shared" else networks
        layer = drawn * costs.matrix_work(self.weights, width, 1) + networks * (0.3 * width**2 + 8.0 * width)
        layer += networks * costs.activation_work(self.network, 1)
        stops = self.network.depth if self.suprema else 0
        return math.ceil(
            costs.PASS_WORK + LANES * self.depths[-1] * layer + stops * (800_000 + costs.STOP_WORK * drawn)
        )

    @property
    def kind(self) -> str:
        """Branch, width, noise, and whether suprema are observed."""
        kind = f"euler-maruyama, {self.network.branch}, width {self.network.width}, {self.noise} noise"
        return f"{kind}, suprema" if self.suprema else kind

    @property
    def trial(self) -> EulerMaruyama:
        """Itself: the cheapest of its kind is timed."""
        return self

    def merge(self, other: EulerMaruyama) -> EulerMaruyama:
        """Return the experiment with the union of what both observe."""
        return replace(self, suprema=self.suprema or other.suprema)

    def restrict(self, values: Mapping[str, FloatArray], part: EulerMaruyama) -> Values:
        """Return what ``part`` observes: suprema or not."""
        return {name: column for name, column in values.items() if part.suprema or not name.endswith("_supremum")}

    def __str__(self) -> str:
        noise = "one Brownian motion" if self.noise == "shared" else "independent noise"
        return (
            f"{self.network.branch}, width {self.network.width}, depths {self.depths[0]} to {self.depths[-1]}, {noise}"
        )
