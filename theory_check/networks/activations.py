"""Activations: what a branch does to each coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from theory_check.foundation.arguments import check_choice, check_finite, parse_call, plain_number, render_call
from theory_check.foundation.errors import SpecificationError

ActivationName = Literal["relu", "leaky", "identity", "tanh"]


@dataclass(frozen=True)
class Activation:
    """An activation: ``relu``, ``leaky`` (with the slope for negative arguments), ``identity`` or ``tanh``."""

    name: ActivationName = "relu"
    slope: float = 0.0

    def __post_init__(self) -> None:
        check_choice("activation", self.name, ("relu", "leaky", "identity", "tanh"))
        check_finite("activation slope", self.slope)
        if self.name != "leaky" and self.slope != 0.0:
            raise SpecificationError(f"activation {self.name} takes no slope; only leaky does")
        object.__setattr__(self, "slope", plain_number(self.slope))

    @classmethod
    def parse(cls, text: str) -> Activation:
        """Read ``relu``, ``leaky:slope=0.1``, ``identity`` or ``tanh``."""
        name, arguments = parse_call("activation", text)
        check_choice("activation", name, ("relu", "leaky", "identity", "tanh"))
        accepted = {"slope": 0.01} if name == "leaky" else {}
        for key in arguments:
            check_choice(f"parameter of activation {name}", key, tuple(accepted))
        return cls(name, **{**accepted, **arguments})  # type: ignore[arg-type]

    def __str__(self) -> str:
        return render_call(self.name, {"slope": self.slope} if self.name == "leaky" else {})

    @property
    def negative_slope(self) -> float | None:
        """Slope for negative arguments when the activation is piecewise linear through 0, else None."""
        return {"relu": 0.0, "leaky": self.slope, "identity": 1.0}.get(self.name)

    @property
    def homogeneous(self) -> bool:
        """Whether sigma(c x) = c sigma(x) for c > 0."""
        return self.negative_slope is not None

    @property
    def second_moment(self) -> float | None:
        """E sigma(z)^2 / E z^2 for symmetric z without an atom at 0: (1 + s^2)/2; None if it depends on the law."""
        return None if self.negative_slope is None else (1.0 + self.negative_slope**2) / 2.0
