"""Weights at initialisation: a law or process by its name, with parameters and a variance convention.

Independent entries follow a :class:`~theory_check.networks.weight_laws.WeightLaw`, weights that are correlated from
layer to layer a :class:`~theory_check.networks.processes.WeightProcess`; both are spelled in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arguments import check_choice, check_finite, parse_call, render_call
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.added_laws import all_laws
from theory_check.networks.processes import PROCESSES, WeightProcess
from theory_check.networks.weight_laws import WeightLaw

Variance = Literal["unit", "he", "glorot", "lecun", "pytorch"]

#: Variance of an entry of a square matrix, times the width: 2/fan-in (He), 2/(fan-in + fan-out) (Glorot), 1/fan-in
#: (LeCun), and 1/(3 fan-in) for PyTorch's default Linear, uniform on +-1/sqrt(fan-in).
GAINS: Mapping[str, float] = MappingProxyType(
    {"unit": 1.0, "he": 2.0, "glorot": 1.0, "lecun": 1.0, "pytorch": 1.0 / 3.0}
)


def _definitions() -> tuple[WeightLaw | WeightProcess, ...]:
    return (*all_laws(), *PROCESSES)


def law_names() -> tuple[str, ...]:
    """Return the names of all weight laws and weight processes."""
    return tuple(law.name for law in _definitions())


def find_law(name: str) -> WeightLaw | WeightProcess:
    """Return the weight law or weight process of that name."""
    check_choice("weight law", name, law_names())
    return next(law for law in _definitions() if law.name == name)


def find_independent_law(name: str) -> WeightLaw:
    """Return the weight law of that name; weight processes are refused."""
    laws = all_laws()
    check_choice("law of independent weights", name, [law.name for law in laws])
    return next(law for law in laws if law.name == name)


@dataclass(frozen=True)
class Weights:
    """A weight law or process with its parameters and its variance convention, spelled ``student:df=5,variance=he``.

    Entries of V have variance ``gain / width``, with gain 1 for the conventions ``unit``, ``glorot`` and ``lecun``, 2
    for ``he`` and 1/3 for ``pytorch``.
    """

    law: str = "gaussian"
    parameters: tuple[tuple[str, float], ...] = ()
    variance: Variance = "unit"

    def __post_init__(self) -> None:
        law = find_law(self.law)
        check_choice("variance convention", self.variance, GAINS)
        for key, value in self.parameters:
            check_choice(f"parameter of {self.law} weights", key, law.defaults)
            check_finite(f"{key} of {self.law} weights", value)
            low, high = law.ranges[key]
            if not low < value < high:
                raise SpecificationError(
                    f"{key} of {self.law} weights is {value:g}; it must be between {low:g} and {high:g}"
                )
            if isinstance(law, WeightProcess) and key in law.whole and value != int(value):
                raise SpecificationError(f"{key} of {self.law} weights is {value:g}; it must be a whole number")
        complete = {**law.defaults, **dict(self.parameters)}
        object.__setattr__(self, "parameters", tuple((k, float(complete[k])) for k in sorted(complete)))

    @classmethod
    def parse(cls, text: str) -> Weights:
        """Read ``NAME[:key=value,...]``; the key ``variance`` names the convention."""
        name, arguments = parse_call("weights", text)
        law = find_law(name)
        variance = arguments.pop("variance", "unit")
        check_choice("variance convention", variance, GAINS)
        for key, value in arguments.items():
            check_choice(f"parameter of {name} weights", key, (*law.defaults, "variance"))
            check_finite(f"{key} of {name} weights", value)
        return cls(name, tuple(sorted((k, float(v)) for k, v in arguments.items())), variance)  # type: ignore[arg-type]

    def __str__(self) -> str:
        defaults = find_law(self.law).defaults
        arguments: dict[str, float | str] = {k: v for k, v in self.parameters if v != defaults[k]}
        if self.variance != "unit":
            arguments["variance"] = self.variance
        return render_call(self.law, arguments)

    @property
    def definition(self) -> WeightLaw | WeightProcess:
        """The law or process itself."""
        return find_law(self.law)

    @property
    def process(self) -> WeightProcess | None:
        """The process along the layers; None if layers are independent."""
        definition = self.definition
        return definition if isinstance(definition, WeightProcess) else None

    def covariance(self, depth: int) -> NDArray[np.float64]:
        """Return the covariance of an entry over the layers, in units of its variance: (depth, depth)."""
        process = self.process
        return np.eye(depth) if process is None else process.covariance(self._named, depth)

    def autocovariance(self, depth: int) -> NDArray[np.float64]:
        """Return the covariance of an entry with itself 0 .. depth - 1 layers later, in units of its variance."""
        process = self.process
        return np.asarray(np.eye(1, depth)[0]) if process is None else process.autocovariance(self._named, depth)

    @property
    def regularity(self) -> float:
        """Hoelder exponent of the process whose values or increments the layers are; 1/2 if they are independent."""
        process = self.process
        return 0.5 if process is None else process.regularity(self._named)

    @property
    def _named(self) -> dict[str, float]:
        return dict(self.parameters)

    @property
    def constants(self) -> NDArray[np.float64]:
        """Numbers that the kernel of the law reads."""
        return np.array(self.definition.constants(self._named), dtype=np.float64)

    @property
    def gain(self) -> float:
        """Variance of an entry times the width, by the convention, for a law of unit variance."""
        return GAINS[self.variance]

    @property
    def entry_variance(self) -> float:
        """Variance of an entry times the width: the gain, 0 for zero weights, infinite for heavy tails."""
        return self.gain * self.definition.variance(self._named)

    @property
    def kurtosis(self) -> float:
        """Fourth moment of an entry over its squared variance."""
        return self.definition.kurtosis(self._named)

    @property
    def is_symmetric(self) -> bool:
        """Whether an entry has the law of its negative; weight processes are Gaussian."""
        return self.skewness == 0.0

    @property
    def skewness(self) -> float:
        """Third moment of an entry in units of its variance."""
        definition = self.definition
        return 0.0 if isinstance(definition, WeightProcess) else definition.skewness

    @property
    def is_dominated_by_gaussian(self) -> bool:
        """Whether fourth moments of independent symmetric entries are at most Gaussian ones of the same variance."""
        # 1e-12: kurtosis 3 is computed for some laws.
        return self.definition.independent and self.is_symmetric and self.kurtosis <= 3.0 + 1e-12

    @property
    def inner(self) -> Weights:
        """The law of the weights inside the activation."""
        name = self.definition.inner
        return Weights(name, variance=self.variance) if name else self
