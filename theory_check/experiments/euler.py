"""Networks of depths L, 2 L, ..., 2^J L along one Gaussian path of weights, an experiment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec

from theory_check.experiments.experiment import Values
from theory_check.foundation.arguments import check_finite, check_integer, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_fields
from theory_check.foundation.streams import Purpose
from theory_check.kernels import KERNEL_VERSION, LANES
from theory_check.networks.additions import identities
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.path_laws import PathLaw

#: Deepest finest network: products of matrices replicate by replicate take a minute a block beyond.
MAXIMAL_FINEST_DEPTH = 2**17


#: Finest grid of a rough path: the root of a covariance matrix of this size takes seconds.
MAXIMAL_GRID = 2**12


@dataclass(frozen=True, kw_only=True)
class Euler:
    """Networks of depths L, 2 L, ..., 2^J L that read one path of weights, an experiment.

    A sample has the columns

    * ``log_norm_ratio``, shape (replicates, J + 1): log(||h^(j)||^2 / ||h_0||^2) at the output of each depth,
    * ``projection``, (replicates, J + 1): <h^(j), h_0> / ||h_0||^2,
    * ``log_displacement``, (replicates, J + 1): log(||h^(j) - h_0|| / ||h_0||), minus infinity if nothing moved,
    * for J > 0: ``finest_error``, (replicates, J): ||h^(j) - h^(J)|| / ||h_0||,
    * ``adjacent_error``, (replicates, J): ||h^(j) - h^(j+1)|| / ||h_0||,
    * with ``reference``: ``flow_error``, (replicates, J + 1): ||h^(j) - H(1)|| / ||h_0||, and ``reference_error``,
      (replicates,): an estimate of the error of H(1) itself, over ||h_0||.

    Attributes
    ----------
    network : Network
        The coarsest; a_L = L^(-beta), beta = 1 with a reference.
    path : PathLaw
        Of every entry of sqrt(d) times the weights.
    doublings : int
        J.
    input : Input
        A single one.
    reference : bool
        Whether to follow the differential equation; for paths that are known at all times.
    tolerance : float
        Of the reference, a step.
    """

    network: Network
    path: PathLaw = field(default_factory=PathLaw)
    doublings: int
    input: Input = field(default_factory=Input)
    reference: bool = True
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        check_fields(self, network=Network, path=PathLaw, input=Input, reference=bool)
        check_integer("number of doublings", self.doublings, 0, 40)
        check_finite("tolerance", self.tolerance)
        check_positive("tolerance", self.tolerance)
        beta = self.network.scaling.beta
        if beta is None or (self.reference and beta != 1.0):
            wanted = "beta 1 with a reference, any power of the depth without"
            raise SpecificationError(f"scaling is {self.network.scaling}; Euler's scheme accepts {wanted}")
        if self.input.count != 1:
            raise SpecificationError(f"input is {self.input}; Euler's scheme accepts one")
        if self.reference and not self.path.everywhere:
            raise SpecificationError(f"{self.path} paths are known on a grid only; they accept reference=False")
        most = MAXIMAL_FINEST_DEPTH if self.path.everywhere else MAXIMAL_GRID
        check_integer("depth of the finest network", self.depths[-1], 1, most)
        replace(self.network, depth=self.depths[-1]).check_displacement()

    @property
    def depths(self) -> tuple[int, ...]:
        """Depth of each network, coarsest first."""
        return tuple(self.network.depth << doubling for doubling in range(self.doublings + 1))

    @property
    def layers(self) -> int:
        """Residual layers of a replicate, all depths together."""
        return sum(self.depths)

    @cached_property
    def identity(self) -> str:
        """Canonical text of all that determines a replicate's values, whatever is observed."""
        parts: dict[str, Any] = {
            "experiment": "euler",
            "network": self.network,
            "path": self.path,
            "doublings": self.doublings,
            "input": self.input,
            "tolerance": self.tolerance,
            "kernel_version": KERNEL_VERSION,
            **identities(self.network.branch, self.path.name, self.input.name),
        }
        if not self.path.everywhere:
            parts["root"] = "symmetric"
        return json.dumps(msgspec.to_builtins(parts), sort_keys=True, separators=(",", ":"))

    @property
    def content_hash(self) -> str:
        """Hash of the identity and of the observables (16 hexadecimal digits)."""
        return hashlib.sha256(f"{self.identity}|{self.reference}|displacement".encode()).hexdigest()[:16]

    @property
    def block_size(self) -> int:
        """Replicates that are simulated together."""
        return LANES

    @cached_property
    def work_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of ``costs``, fitted to 54 experiments.

        Normal numbers for every term of the path, products for every layer, calls for every time; the reference takes
        some thousand times, each with a product for every term.
        """
        finest = self.depths[-1]
        terms = len(self.path.grid_functions(1 if self.path.everywhere else finest))
        products = 20 * self.layers + 65 * terms + (4000 * (terms + 1) if self.reference else 0)
        return 55_000 * finest + LANES * len(weight_purposes(self.network)) * self.network.width**2 * products

    @property
    def kind(self) -> str:
        """Branch, width, and whether the differential equation is followed."""
        kind = f"euler, {self.network.branch}, width {self.network.width}"
        return f"{kind}, reference" if self.reference else kind

    @property
    def trial(self) -> Euler:
        """Itself: the cheapest of its kind is timed."""
        return self

    def merge(self, other: Euler) -> Euler:
        """Return the experiment with the union of what both observe."""
        return replace(self, reference=self.reference or other.reference)

    def restrict(self, values: Mapping[str, FloatArray], part: Euler) -> Values:
        """Return what ``part`` observes: the reference or not."""
        referred = ("flow_error", "reference_error")
        return {name: column for name, column in values.items() if part.reference or name not in referred}

    def __str__(self) -> str:
        first, last = self.depths[0], self.depths[-1]
        scaling = "" if self.network.scaling.beta == 1.0 else f", {self.network.scaling}"
        return (
            f"{self.network.branch}, width {self.network.width}, depths {first} to {last}, {self.path} paths{scaling}"
        )


def weight_purposes(network: Network) -> list[Purpose]:
    """Streams of the weights that a branch has, in the order of :class:`~theory_check.simulation.flows.Flow`."""
    inner = [Purpose.INNER_WEIGHTS] if network.branch.has_inner else []
    return [Purpose.OUTER_WEIGHTS, *inner, *([Purpose.BIAS] if network.branch.has_bias else [])]
