"""Input laws: where h_0 and the gradient at the output come from."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arguments import (
    check_choice,
    check_finite,
    check_integer,
    parse_call,
    plain_number,
    render_call,
)
from theory_check.foundation.errors import SpecificationError

InputName = Literal["gaussian", "sphere", "ones", "paper", "correlated"]


INPUT_NAMES: tuple[InputName, ...] = ("gaussian", "sphere", "ones", "paper", "correlated")


#: Size of the observation in the paper's experiments.
PAPER_INPUT_SIZE = 64


@dataclass(frozen=True)
class Input:
    """Where h_0 and the gradient at the output come from, and how many inputs share the weights.

    ``gaussian``: h_0 and p_L standard normal in R^d. ``sphere``: both uniform on the sphere of radius sqrt(d).
    ``ones``: h_0 = (1, ..., 1), p_L standard normal; one input only.
    ``correlated``: as ``sphere``, but every two h_0 have the given cosine, in a frame of uniform orientation.
    ``paper``: x uniform on [0, 1]^64, h_0 = A x with A uniform of variance 1/64, output B h_L with one row B uniform of
    variance 1/d, squared loss against a target uniform on [0, 1]. Several inputs share A and B and, for the other laws,
    nothing but the residual weights. Spelled ``NAME`` or ``correlated:cosine=0.3``.
    """

    name: InputName = "gaussian"
    count: int = 1
    cosine: float | None = None

    def __post_init__(self) -> None:
        check_choice("input", self.name, INPUT_NAMES)
        check_integer("number of inputs", self.count, 1, 1000)
        if self.name == "ones" and self.count > 1:
            raise SpecificationError(f"several inputs of ones are one input; the number is 1, not {self.count}")
        if self.name != "correlated":
            if self.cosine is not None:
                raise SpecificationError(f"input {self.name} takes no cosine; only correlated does")
            return
        if self.count == 1:
            raise SpecificationError("correlated inputs are at least 2, not 1")
        check_finite("cosine of correlated inputs", self.cosine)
        least = -1.0 / (self.count - 1)
        if self.cosine is None or not least <= self.cosine <= 1.0:
            raise SpecificationError(
                f"cosine of correlated inputs is {self.cosine!r}; {self.count} inputs accept {least:g} to 1"
            )
        object.__setattr__(self, "cosine", plain_number(self.cosine))

    @classmethod
    def parse(cls, text: str, count: int = 1) -> Input:
        """Read ``gaussian``, ``sphere``, ``ones``, ``paper`` or ``correlated:cosine=0.3``."""
        name, arguments = parse_call("input", text)
        check_choice("input", name, INPUT_NAMES)
        for key in arguments:
            check_choice(f"parameter of input {name}", key, ("cosine",) if name == "correlated" else ())
        return cls(name, count, **arguments)  # type: ignore[arg-type]

    @property
    def spelling(self) -> str:
        """What :meth:`parse` reads back."""
        return render_call(self.name, {} if self.cosine is None else {"cosine": self.cosine})

    @property
    def correlation_factor(self) -> NDArray[np.float64]:
        """Lower triangular factor of the matrix of the cosines c of correlated inputs, (1 - c) I + c 1 1^T.

        Elimination of one input leaves a matrix of the same form, with c_j (1 - c)/(1 - c + c_j) in the place of c_j.
        Columns that vanish (c = 1, or c at its lower end) are left out.
        """
        if self.cosine is None:
            raise SpecificationError(f"input {self.name} has no cosine; only correlated does")
        rest, common = 1.0 - self.cosine, self.cosine
        factor = np.zeros((self.count, self.count))
        rank = 0
        for j in range(self.count):
            pivot = rest + common
            # Two roundings of numbers up to 1, and one in every common factor before.
            if pivot <= 4.0 * self.count * sys.float_info.epsilon:
                break
            factor[j, j] = math.sqrt(pivot)
            factor[j + 1 :, j] = common / factor[j, j]
            common *= rest / pivot
            rank = j + 1
        return factor[:, :rank]

    def __str__(self) -> str:
        return f"{self.spelling} input" if self.count == 1 else f"{self.count} {self.spelling} inputs"
