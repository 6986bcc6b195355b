"""Scaling factors a_k."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arguments import check_choice, check_finite, plain_number
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind, check_sequence


def _plain(value: Any) -> Any:
    """Return a number, of NumPy too, as a float; anything else as it is, for the check of the fields to name it."""
    try:
        return value if isinstance(value, (str, bytes, bool)) else float(value)
    except TypeError:
        return value
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Scaling:
    """The factors a_k: ``power`` L^-beta, ``constant``, or ``sequence`` (one value a layer)."""

    kind: Literal["power", "constant", "sequence"]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_choice("scaling", self.kind, ("power", "constant", "sequence"))
        check_kind("values of a scaling", self.values, tuple, "a tuple of numbers")
        name = "beta" if self.kind == "power" else "scaling factor"
        if not self.values or (self.kind != "sequence" and len(self.values) != 1):
            wanted = "one number a layer" if self.kind == "sequence" else "one number"
            raise SpecificationError(f"scaling {self.kind} got {len(self.values)} values; it takes {wanted}")
        for value in self.values:
            check_finite(name, value)
        object.__setattr__(self, "values", tuple(plain_number(value) for value in self.values))

    @classmethod
    def power(cls, beta: float) -> Scaling:
        """a_k = L^-beta for every layer of a network of depth L."""
        return cls("power", (_plain(beta),))

    @classmethod
    def constant(cls, factor: float) -> Scaling:
        """a_k = factor for every layer, whatever the depth."""
        return cls("constant", (_plain(factor),))

    @classmethod
    def sequence(cls, factors: tuple[float, ...] | list[float] | NDArray[np.float64]) -> Scaling:
        """a_k = factors[k]; the network must have as many layers."""
        return cls("sequence", tuple(map(_plain, check_sequence("scaling factors", factors))))

    @property
    def beta(self) -> float | None:
        """The scaling exponent, if the scaling is a power of the depth."""
        return self.values[0] if self.kind == "power" else None

    def factor(self, depth: int) -> float:
        """Return the a_k that all layers of a network of this depth share.

        Raises
        ------
        SpecificationError
            For a sequence: its layers have factors of their own.
        """
        if self.kind == "sequence":
            raise SpecificationError(f"{self} differ from layer to layer; there is no common one")
        return float(depth) ** -self.values[0] if self.kind == "power" else self.values[0]

    def factors(self, depth: int) -> NDArray[np.float64]:
        """Return the array of a_k, shape (depth,)."""
        if self.kind != "sequence":
            return np.full(depth, self.factor(depth))
        if len(self.values) != depth:
            raise SpecificationError(
                f"scaling sequence has {len(self.values)} values for depth {depth}; give one a layer"
            )
        return np.array(self.values)

    def __str__(self) -> str:
        if self.kind == "sequence":
            return f"{len(self.values)} scaling factors"
        return f"beta {self.values[0]:g}" if self.kind == "power" else f"scaling factor {self.values[0]:g}"
