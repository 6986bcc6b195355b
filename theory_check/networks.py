"""What a residual network is: ``h_{k+1} = h_k + a_k V_{k+1} g(h_k, theta_{k+1})``, k = 0..L-1.

Frozen values without arithmetic on networks: activations, branches g, scalings a_k, inputs.
Notation and names follow Marion, Fermanian, Biau, Vert, *Scaling ResNets in the Large-depth Regime* (JMLR, 2025).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.errors import SpecificationError
from theory_check.specifications import check_choice, check_finite, check_integer, parse_call, render_call

ActivationName = Literal["relu", "leaky", "identity", "tanh"]
BranchName = Literal["linear", "res-1", "res-2", "res-3"]
InputName = Literal["gaussian", "sphere", "ones", "paper", "correlated"]

INPUT_NAMES: tuple[InputName, ...] = ("gaussian", "sphere", "ones", "paper", "correlated")

#: Largest depth, width and number of replicates that are accepted; beyond them a typing error is likelier than a plan.
MAXIMAL_DEPTH = 10**8
MAXIMAL_WIDTH = 10**4

_LOG_MAX = math.log(sys.float_info.max) - 1e-9  # less the rounding of a product with a logarithm

#: Size of the observation in the paper's experiments.
PAPER_INPUT_SIZE = 64


def _plain(value: float) -> float:
    """Return one spelling of equal numbers, 1.0 for 1 and 0.0 for -0.0: the identity of a cell is made of spellings."""
    return float(value) + 0.0


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
        object.__setattr__(self, "slope", _plain(self.slope))

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


@dataclass(frozen=True)
class Scaling:
    """The factors a_k: ``power`` L^-beta, ``constant``, or ``sequence`` (one value a layer)."""

    kind: Literal["power", "constant", "sequence"]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        check_choice("scaling", self.kind, ("power", "constant", "sequence"))
        name = "beta" if self.kind == "power" else "scaling factor"
        if not self.values or (self.kind != "sequence" and len(self.values) != 1):
            wanted = "one number a layer" if self.kind == "sequence" else "one number"
            raise SpecificationError(f"scaling {self.kind} got {len(self.values)} values; it takes {wanted}")
        for value in self.values:
            check_finite(name, value)
        object.__setattr__(self, "values", tuple(_plain(value) for value in self.values))

    @classmethod
    def power(cls, beta: float) -> Scaling:
        """a_k = L^-beta for every layer of a network of depth L."""
        return cls("power", (float(beta),))

    @classmethod
    def constant(cls, factor: float) -> Scaling:
        """a_k = factor for every layer, whatever the depth."""
        return cls("constant", (float(factor),))

    @classmethod
    def sequence(cls, factors: tuple[float, ...] | list[float] | NDArray[np.float64]) -> Scaling:
        """a_k = factors[k]; the network must have as many layers."""
        return cls("sequence", tuple(float(f) for f in factors))

    @property
    def beta(self) -> float | None:
        """The scaling exponent, if the scaling is a power of the depth."""
        return self.values[0] if self.kind == "power" else None

    def factors(self, depth: int) -> NDArray[np.float64]:
        """Return the array of a_k, shape (depth,)."""
        if self.kind == "sequence":
            if len(self.values) != depth:
                raise SpecificationError(
                    f"scaling sequence has {len(self.values)} values for depth {depth}; give one a layer"
                )
            return np.array(self.values)
        factor = float(depth) ** -self.values[0] if self.kind == "power" else self.values[0]
        return np.full(depth, factor)

    def __str__(self) -> str:
        if self.kind == "sequence":
            return f"{len(self.values)} scaling factors"
        return f"beta {self.values[0]:g}" if self.kind == "power" else f"scaling factor {self.values[0]:g}"


@dataclass(frozen=True)
class Network:
    """A residual network at initialisation: branch, width d, depth L, scaling a_k."""

    branch: Branch
    width: int
    depth: int
    scaling: Scaling

    def __post_init__(self) -> None:
        check_integer("width", self.width, 1, MAXIMAL_WIDTH)
        check_integer("depth", self.depth, 1, MAXIMAL_DEPTH)
        if self.scaling.kind == "sequence":
            self.scaling.factors(self.depth)
        elif self.scaling.kind == "power" and -self.scaling.values[0] * math.log(self.depth) > _LOG_MAX:
            raise SpecificationError(
                f"beta is {self.scaling.values[0]:g}; L^-beta is not a number at depth {self.depth}"
            )

    def __str__(self) -> str:
        return f"{self.branch}, width {self.width}, depth {self.depth}, {self.scaling}"


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
        object.__setattr__(self, "cosine", _plain(self.cosine))

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
