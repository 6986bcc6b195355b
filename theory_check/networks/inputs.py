"""Input laws: where h_0 and the gradient at the output come from."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

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
from theory_check.foundation.arrays import FloatArray, check_array
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.definitions import Definition, Registry

#: Size of the observation in the paper's experiments.
PAPER_INPUT_SIZE = 64

#: ``transform(vectors)`` of standard normal vectors, shape (width, networks), one column a network.
Transform = Callable[[FloatArray], FloatArray]


def unchanged(vectors: FloatArray) -> FloatArray:
    """Return the vectors as they are."""
    return vectors


def to_sphere(vectors: FloatArray) -> FloatArray:
    """Return vectors of the same directions on the sphere of radius sqrt(width)."""
    return np.asarray(vectors * (math.sqrt(len(vectors)) / np.sqrt(np.sum(vectors**2, axis=0))))


@dataclass(frozen=True, kw_only=True, eq=False)
class InputLaw(Definition):
    """A law of h_0 and of the gradient p_L at the output.

    Attributes
    ----------
    hidden, gradient : callable
        h_0 and p_L of one input from a standard normal vector of each network: arrays of shape (width, networks).
    single : bool
        Whether h_0 is not random, so that several inputs would be one.
    takes_cosine : bool
        Whether every two h_0 have a given cosine, in a frame of uniform orientation.
    observed : bool
        Whether h_0 and p_L come from an observation and a loss, as in the paper, instead.
    """

    hidden: Transform = unchanged
    gradient: Transform = unchanged
    single: bool = False
    takes_cosine: bool = False
    observed: bool = False

    def evaluate(self, transform: Transform, vectors: FloatArray) -> FloatArray:
        """Return what ``hidden`` or ``gradient`` makes of normal vectors.

        Parameters
        ----------
        transform : callable
        vectors : array, shape (width, networks)

        Returns
        -------
        array, shape (width, networks)

        Raises
        ------
        SpecificationError
            Unless these are finite numbers, and no vector is 0.
        """
        found = check_array(f"what input {self.name} returns", transform(vectors))
        if found.shape != vectors.shape or not np.all(np.isfinite(found)):
            raise SpecificationError(f"input {self.name}: it must return finite numbers, shape (width, networks)")
        if not found.any(axis=0).all():
            raise SpecificationError(f"input {self.name}: it returns a vector of length 0, which has no norm ratio")
        return found


INPUTS: Registry[InputLaw] = Registry(
    "input",
    (
        InputLaw(name="gaussian", summary="h_0 and p_L standard normal in R^d"),
        InputLaw(
            name="sphere", summary="both uniform on the sphere of radius sqrt(d)", hidden=to_sphere, gradient=to_sphere
        ),
        InputLaw(name="ones", summary="h_0 = (1, ..., 1), p_L standard normal", hidden=np.ones_like, single=True),
        InputLaw(
            name="paper",
            summary="h_0 = A x, x uniform on [0, 1]^64, and the gradient of a squared loss",
            observed=True,
        ),
        InputLaw(
            name="correlated",
            summary="as sphere, but every two h_0 have the given cosine",
            hidden=to_sphere,
            gradient=to_sphere,
            takes_cosine=True,
        ),
    ),
)


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

    name: str = "gaussian"
    count: int = 1
    cosine: float | None = None

    def __post_init__(self) -> None:
        law = self.law
        check_integer("number of inputs", self.count, 1, 1000)
        if law.single and self.count > 1:
            raise SpecificationError(f"inputs of {self.name} are all equal; give one of them, not {self.count}")
        if not law.takes_cosine:
            if self.cosine is not None:
                taking = ", ".join(other.name for other in INPUTS if other.takes_cosine)
                raise SpecificationError(f"input {self.name} takes no cosine; only {taking} does")
            return
        if self.count == 1:
            raise SpecificationError(f"{self.name} inputs are at least 2, not 1")
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
        accepted = ("cosine",) if INPUTS.find(name).takes_cosine else ()
        for key in arguments:
            check_choice(f"parameter of input {name}", key, accepted)
        return cls(name, count, **arguments)  # type: ignore[arg-type]  # __post_init__ refuses text

    @property
    def law(self) -> InputLaw:
        """The registered law of that name."""
        return INPUTS.find(self.name)

    @property
    def least_width(self) -> int:
        """Smallest width at which vectors of these cosines exist."""
        return 1 if self.cosine is None else self.correlation_factor.shape[1]

    def hidden(self, vectors: FloatArray) -> FloatArray:
        """Return h_0, (inputs, width, networks), from as many standard normal vectors as :attr:`vectors`."""
        states = [self.law.evaluate(self.law.hidden, vector) for vector in vectors]
        return np.stack(states) if self.cosine is None else _correlated(states, self.correlation_factor)

    @property
    def vectors(self) -> int:
        """Normal vectors that h_0 of all inputs is made of."""
        return self.count if self.cosine is None else self.correlation_factor.shape[1]

    @property
    def spelling(self) -> str:
        """Text that :meth:`parse` reads back."""
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


def _correlated(vectors: list[FloatArray], factor: FloatArray) -> FloatArray:
    """Combine an orthogonal frame of uniform orientation, Gram-Schmidt twice on vectors of the sphere."""
    frame: list[FloatArray] = []
    for vector in vectors:
        for other in 2 * frame:
            vector = vector - other * (np.sum(other * vector, axis=0) / len(vector))
        frame.append(to_sphere(vector))
    hidden = np.zeros((factor.shape[0], *frame[0].shape))
    for m, row in enumerate(factor):
        for weight, vector in zip(row, frame, strict=True):
            hidden[m] += weight * vector
    return hidden
