"""Residual branches g."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from theory_check.foundation.arguments import check_choice
from theory_check.networks.activations import Activation

BranchName = Literal["linear", "res-1", "res-2", "res-3"]


@dataclass(frozen=True)
class Branch:
    """A residual branch g: ``linear`` h, ``res-1`` sigma(h), ``res-2`` sigma(W h + b), ``res-3`` sigma(W h)."""

    name: BranchName = "res-3"
    activation: Activation = field(default_factory=Activation)

    def __post_init__(self) -> None:
        check_choice("branch", self.name, ("linear", "res-1", "res-2", "res-3"))
        if self.name == "linear" and self.activation.name != "identity":
            object.__setattr__(self, "activation", Activation("identity"))

    def __str__(self) -> str:
        plain = self.name == "linear" or self.activation == Activation()
        return self.name if plain else f"{self.name} {self.activation}"

    @property
    def has_inner(self) -> bool:
        """Whether the branch has a weight matrix W inside the activation."""
        return self.name in ("res-2", "res-3")

    @property
    def has_bias(self) -> bool:
        """Whether the branch has a bias b; its entries have the law of those of W."""
        return self.name == "res-2"

    @property
    def homogeneous(self) -> bool:
        """Whether g(c h) = c g(h) for c > 0 (no bias, piecewise linear)."""
        return self.activation.homogeneous and not self.has_bias

    @property
    def kappa(self) -> float | None:
        """E ||g(h)||^2 / ||h||^2 for unit-variance weights, where it does not depend on h; None otherwise."""
        if self.name == "linear":
            return 1.0
        return self.activation.second_moment if self.name == "res-3" else None
