"""Residual branches g."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from theory_check.networks.activations import Activation
from theory_check.networks.definitions import Definition, Registry


@dataclass(frozen=True, kw_only=True, eq=False)
class BranchDefinition(Definition):
    """A branch by the order of its operations: g(h) = sigma(z), z = h, W h or W h + b.

    Attributes
    ----------
    has_inner : bool
        Whether there is a weight matrix W inside the activation.
    has_bias : bool
        Whether there is a bias b; its entries have the law of those of W.
    activation : Activation, optional
        The activation where it is a part of the branch; None where it may be any.
    """

    has_inner: bool = False
    has_bias: bool = False
    activation: Activation | None = None


BRANCHES: Registry[BranchDefinition] = Registry(
    "branch",
    (
        BranchDefinition(name="linear", summary="h", activation=Activation("identity")),
        BranchDefinition(name="res-1", summary="sigma(h)"),
        BranchDefinition(name="res-2", summary="sigma(W h + b)", has_inner=True, has_bias=True),
        BranchDefinition(name="res-3", summary="sigma(W h)", has_inner=True),
    ),
)

BranchName: TypeAlias = str


@dataclass(frozen=True)
class Branch:
    """A residual branch g: ``linear`` h, ``res-1`` sigma(h), ``res-2`` sigma(W h + b), ``res-3`` sigma(W h).

    Or one that was added, :func:`theory_check.networks.additions.add_branch`.
    """

    name: BranchName = "res-3"
    activation: Activation = field(default_factory=Activation)

    def __post_init__(self) -> None:
        fixed = self.definition.activation
        if fixed is not None and self.activation != fixed:
            object.__setattr__(self, "activation", fixed)

    def __str__(self) -> str:
        plain = self.definition.activation is not None or self.activation == Activation()
        return self.name if plain else f"{self.name} {self.activation}"

    @property
    def definition(self) -> BranchDefinition:
        """The registered definition of that name."""
        return BRANCHES.find(self.name)

    @property
    def has_inner(self) -> bool:
        """Whether the branch has a weight matrix W inside the activation."""
        return self.definition.has_inner

    @property
    def has_bias(self) -> bool:
        """Whether the branch has a bias b; its entries have the law of those of W."""
        return self.definition.has_bias

    @property
    def homogeneous(self) -> bool:
        """Whether g(c h) = c g(h) for c > 0 (no bias, piecewise linear)."""
        return self.activation.homogeneous and not self.has_bias

    @property
    def is_linear(self) -> bool:
        """Whether g(h) = h."""
        return not self.has_inner and self.activation.negative_slope == 1.0

    @property
    def is_rectifier(self) -> bool:
        """Whether g(h) is the positive part of h, so that coordinates below 0 keep still."""
        return not self.has_inner and self.activation.negative_slope == 0.0

    @property
    def kappa(self) -> float | None:
        """E ||g(h)||^2 / ||h||^2 for unit-variance weights, where it does not depend on h; None otherwise."""
        if self.is_linear:
            return 1.0
        return self.activation.second_moment if self.has_inner and not self.has_bias else None
