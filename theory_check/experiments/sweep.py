"""Sweeps: many scalings a = L^-beta and several inputs through the same weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from theory_check.experiments.cell import Cell
from theory_check.experiments.costs import stored_work
from theory_check.experiments.experiment import Values
from theory_check.foundation.arguments import MAXIMAL_GRID, check_finite
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_fields, check_kind
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

#: Columns of a sweep; the last two with gradients only.
OUTPUTS = ("log_norm_ratio", "log_displacement")


GRADIENTS = ("log_gradient_ratio", "log_gradient_displacement")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Networks under many scalings. Columns as of a cell's sample, shape (replicates, betas, inputs).

    Attributes
    ----------
    branch, width, depth
        The network.
    weights : Weights
        A weight process.
    betas : tuple of float
        Scaling exponents, increasing.
    input : Input
        Law and number of the inputs that go through each draw.
    gradients : bool
        Whether to carry the gradient back as well.
    """

    branch: Branch = field(default_factory=Branch)
    width: int
    depth: int
    weights: Weights
    betas: tuple[float, ...]
    input: Input = field(default_factory=Input)
    gradients: bool = True

    def __post_init__(self) -> None:
        check_grid("beta", self.betas)
        check_fields(self, branch=Branch, weights=Weights, input=Input, gradients=bool)
        # The smallest exponent has the largest factor; a cell checks the rest.
        Network(self.branch, self.width, self.depth, Scaling.power(self.betas[0]))
        last = Network(self.branch, self.width, self.depth, Scaling.power(self.betas[-1]))
        last.check_displacement(self.cell.branch_size)

    @cached_property
    def cell(self) -> Cell:
        """The experiment, but for the scaling, which is left at 1."""
        return Cell(
            network=Network(self.branch, self.width, self.depth, Scaling.power(0.0)),
            weights=self.weights,
            input=self.input,
            kernel="stored",
            gradients=self.gradients,
        )

    @cached_property
    def identity(self) -> str:
        """Canonical text of all that determines the value of one replicate, beta and input."""
        return "sweep:" + replace(self.cell, input=Input(self.input.name)).identity

    @property
    def content_hash(self) -> str:
        """Hash of the identity and of what is swept and observed."""
        text = f"{self.identity}|{list(self.betas)}|{self.input.count}|{self.gradients}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def layers(self) -> int:
        """Residual layers of a replicate, all scalings together."""
        return self.depth * len(self.betas)

    @property
    def block_size(self) -> int:
        """One: a block is a draw of the weights."""
        return 1

    @cached_property
    def work_per_block(self) -> int:
        """Estimate of what a block costs, in the unit of :mod:`theory_check.experiments.costs`."""
        passes = 2 if self.gradients else 1
        return stored_work(self.cell.network, self.weights, self.input.count, passes, scalings=len(self.betas))

    @property
    def kind(self) -> str:
        """Weights and width."""
        return f"sweep, {self.weights.law}, width {self.width}"

    @property
    def trial(self) -> Sweep:
        """Itself: the cheapest of its kind is timed."""
        return self

    def merge(self, other: Sweep) -> Sweep:
        """Return the sweep over the betas of both, with the most inputs."""
        return replace(
            self,
            betas=tuple(sorted({*self.betas, *other.betas})),
            input=max(self.input, other.input, key=lambda i: i.count),
            gradients=self.gradients or other.gradients,
        )

    def restrict(self, values: Mapping[str, FloatArray], part: Sweep) -> Values:
        """Return what ``part`` observes: its betas and inputs, gradients or not."""
        positions = [self.betas.index(beta) for beta in part.betas]
        names = OUTPUTS + GRADIENTS if part.gradients else OUTPUTS
        return {name: values[name][:, positions, : part.input.count] for name in names}

    def __str__(self) -> str:
        first, last = self.betas[0], self.betas[-1]
        return (
            f"{self.branch}, width {self.width}, depth {self.depth}, {len(self.betas)} betas from {first:g} to "
            f"{last:g}, {self.weights} weights, {self.input}"
        )


def check_grid(what: str, values: tuple[float, ...]) -> None:
    """Raise unless these are finite numbers, increasing, at least one and not too many."""
    check_kind(f"grid of {what}", values, tuple, "a tuple of numbers")
    for value in values:
        check_finite(what, value)
    if not values or len(values) > MAXIMAL_GRID or any(b <= a for a, b in pairwise(values)):
        raise SpecificationError(
            f"the grid of {what} is {list(values[:5])}, {len(values)} values; it must increase and have 1 to "
            f"{MAXIMAL_GRID}"
        )
