"""Activations: what a branch does to each coordinate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from theory_check.foundation.arguments import check_choice, check_finite, parse_call, render_call
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_pairs
from theory_check.networks.definitions import Definition, Parameters, Registry

#: ``function(x, constants)`` of one number; compiled, so arithmetic and ``math`` only.
Scalar = Callable[[float, Sequence[float]], float]


@dataclass(frozen=True, kw_only=True, eq=False)
class ActivationDefinition(Definition):
    """A function of one number and its derivative, or a slope for negative arguments.

    Attributes
    ----------
    negative_slope : callable, optional
        Of the parameters, for an activation that is x for x > 0 and s x otherwise: s. None for every other.
    function, derivative : callable, optional
        sigma(x, constants) and sigma'(x, constants), given where the slope is not.
    kernel : str
        ``entrywise``, or the name of a specialised kernel of :mod:`theory_check.kernels.layers`.
    on_array : callable, optional
        sigma of a whole array in double precision, for the built-in ones.
    """

    negative_slope: Callable[[Parameters], float] | None = None
    function: Scalar | None = None
    derivative: Scalar | None = None
    kernel: str = "entrywise"
    on_array: Callable[[FloatArray], FloatArray] | None = None


_LINE = (-np.inf, np.inf)

ACTIVATIONS: Registry[ActivationDefinition] = Registry(
    "activation",
    (
        ActivationDefinition(name="relu", summary="max(x, 0)", negative_slope=lambda _: 0.0),
        ActivationDefinition(
            name="leaky",
            summary="x for x > 0, slope x otherwise",
            defaults={"slope": 0.01},
            ranges={"slope": _LINE},
            negative_slope=lambda p: p["slope"],
        ),
        ActivationDefinition(name="identity", summary="x", negative_slope=lambda _: 1.0),
        ActivationDefinition(name="tanh", summary="tanh(x)", kernel="tanh", on_array=np.tanh, work=30.0),
    ),
)

#: Largest slope: activations are in single precision, and variances take its square.
STEEPEST = 1e6


@dataclass(frozen=True)
class Activation:
    """An activation by its name, with its parameters, spelled ``leaky:slope=0.1``.

    Attributes
    ----------
    name : str
        ``relu``, ``leaky``, ``identity``, ``tanh``, or one that was added.
    slope : float
        The parameter of that name, of ``leaky``.
    parameters : tuple of (str, float), or unset
        All other parameters, of activations that have some.
    """

    name: str = "relu"
    slope: float = 0.0
    parameters: tuple[tuple[str, float], ...] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        definition = self.definition
        check_finite("activation slope", self.slope)
        if abs(self.slope) > STEEPEST:
            raise SpecificationError(f"activation slope is {self.slope!r}; at most {STEEPEST:g} in absolute value")
        if self.slope != 0.0 and "slope" not in definition.defaults:
            taking = ", ".join(other.name for other in ACTIVATIONS if "slope" in other.defaults)
            raise SpecificationError(f"activation {self.name} takes no slope; accepted by: {taking}")
        complete = definition.complete(f"activation {self.name}", self.named)
        object.__setattr__(self, "slope", complete.pop("slope", 0.0))
        object.__setattr__(self, "parameters", tuple(complete.items()) or msgspec.UNSET)

    @classmethod
    def parse(cls, text: str) -> Activation:
        """Read ``NAME`` or ``NAME:key=value,...``."""
        name, arguments = parse_call("activation", text)
        definition = ACTIVATIONS.find(name)
        for key, value in arguments.items():
            check_choice(f"parameter of activation {name}", key, definition.defaults)
            check_finite(f"activation {key}", value)
        given = {**definition.defaults, **arguments}
        slope = given.pop("slope", 0.0)
        return cls(name, slope, tuple(given.items()))  # type: ignore[arg-type]  # numbers, checked above

    def __str__(self) -> str:
        return render_call(self.name, self.named)

    @property
    def definition(self) -> ActivationDefinition:
        """The registered definition of that name."""
        return ACTIVATIONS.find(self.name)

    @property
    def named(self) -> dict[str, float]:
        """The parameters by their names."""
        slope = {"slope": self.slope} if "slope" in self.definition.defaults else {}
        return {**slope, **({} if self.parameters is msgspec.UNSET else check_pairs("parameters", self.parameters))}

    @property
    def negative_slope(self) -> float | None:
        """Slope for negative arguments when the activation is piecewise linear through 0, else None."""
        slope = self.definition.negative_slope
        return None if slope is None else slope(self.named)

    @property
    def constants(self) -> FloatArray:
        """Numbers that the kernel of the activation reads."""
        slope = self.negative_slope
        return np.array(self.definition.constants(self.named) if slope is None else (slope,), dtype=np.float64)

    @property
    def homogeneous(self) -> bool:
        """Whether sigma(c x) = c sigma(x) for c > 0."""
        return self.negative_slope is not None

    @property
    def second_moment(self) -> float | None:
        """E sigma(z)^2 / E z^2 for symmetric z without an atom at 0: (1 + s^2)/2; None if it depends on the law."""
        return None if self.negative_slope is None else (1.0 + self.negative_slope**2) / 2.0
