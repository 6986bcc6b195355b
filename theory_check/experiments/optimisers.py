"""Optimisers: how a gradient moves a weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from theory_check.foundation.arguments import check_choice, check_finite, parse_call, render_call
from theory_check.foundation.errors import SpecificationError

#: Parameters of each optimiser with their defaults, those of PyTorch.
OPTIMISERS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "gradient-descent": {},
        "momentum": {"momentum": 0.9},
        "adam": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    }
)


@dataclass(frozen=True)
class Optimiser:
    """An optimiser by its name, with its parameters, spelled ``adam:beta1=0.8``.

    Attributes
    ----------
    name : str
        ``gradient-descent``; ``momentum``: v <- momentum v + gradient, weights <- weights - rate v; or ``adam``.
    parameters : tuple of (str, float)
        All parameters, in the order of their names.
    """

    name: str = "adam"
    parameters: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        check_choice("optimiser", self.name, OPTIMISERS)
        defaults = OPTIMISERS[self.name]
        for key, value in self.parameters:
            check_choice(f"parameter of {self.name}", key, defaults)
            check_finite(f"{key} of {self.name}", value)
            # The mean of the squares is divided by 1 - beta2^t, and by its root.
            if not (value > 0.0 if key == "epsilon" else 0.0 <= value < 1.0):
                accepted = "be positive" if key == "epsilon" else "be at least 0 and below 1"
                raise SpecificationError(f"{key} of {self.name} is {value:g}; it must {accepted}")
        complete = {**defaults, **dict(self.parameters)}
        object.__setattr__(self, "parameters", tuple((key, float(complete[key]) + 0.0) for key in sorted(complete)))

    @classmethod
    def parse(cls, text: str) -> Optimiser:
        """Read ``NAME`` or ``NAME:key=value,...``."""
        name, arguments = parse_call("optimiser", text)
        return cls(name, tuple(arguments.items()))  # type: ignore[arg-type]  # __post_init__ refuses text

    def __getitem__(self, parameter: str) -> float:
        return dict(self.parameters)[parameter]

    def __str__(self) -> str:
        defaults = OPTIMISERS[self.name]
        return render_call(self.name, {key: value for key, value in self.parameters if value != defaults[key]})
