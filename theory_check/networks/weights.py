"""Weights at initialisation: a law or process by its name, with parameters and a variance convention.

Independent entries follow a :class:`~theory_check.networks.weight_laws.WeightLaw`, weights that are correlated from
layer to layer a :class:`~theory_check.networks.processes.WeightProcess`; both are spelled in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arguments import check_choice, check_finite, parse_call, render_call
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_pairs
from theory_check.networks.custom_processes import PathFunction
from theory_check.networks.definitions import Registry
from theory_check.networks.processes import PROCESSES, Process
from theory_check.networks.weight_laws import LAWS, WeightLaw

Variance = Literal["unit", "he", "glorot", "lecun", "pytorch"]

#: Variance of an entry of a square matrix, times the width: 2/fan-in (He), 2/(fan-in + fan-out) (Glorot), 1/fan-in
#: (LeCun), and 1/(3 fan-in) for PyTorch's default Linear, uniform on +-1/sqrt(fan-in).
GAINS: Mapping[str, float] = MappingProxyType(
    {"unit": 1.0, "he": 2.0, "glorot": 1.0, "lecun": 1.0, "pytorch": 1.0 / 3.0}
)


#: Laws of independent weights and processes along the layers, which are spelled in the same way.
WEIGHTS: Registry[WeightLaw | Process] = Registry("weight law", (*LAWS, *PROCESSES))


def process_names() -> tuple[str, ...]:
    """Return the names of all weight processes."""
    return tuple(process.name for process in WEIGHTS if isinstance(process, Process))


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
        law = self.definition
        check_choice("variance convention", self.variance, GAINS)
        complete = law.complete(
            f"{self.law} weights", check_pairs(f"parameters of {self.law} weights", self.parameters)
        )
        object.__setattr__(self, "parameters", tuple(complete.items()))
        if isinstance(law, PathFunction) and self.variance != "unit":
            raise SpecificationError(f"{self.law} weights are given as they are; they accept no variance convention")

    @classmethod
    def parse(cls, text: str) -> Weights:
        """Read ``NAME[:key=value,...]``; the key ``variance`` names the convention."""
        if not isinstance(text, str):
            raise SpecificationError(f"weights are {text!r}; give a name, by add_law or add_process for your own")
        name, arguments = parse_call("weights", text)
        law = WEIGHTS.find(name)
        variance = arguments.pop("variance", "unit")
        check_choice("variance convention", variance, GAINS)
        for key, value in arguments.items():
            check_choice(f"parameter of {name} weights", key, (*law.defaults, "variance"))
            check_finite(f"{key} of {name} weights", value)
        parameters = tuple(sorted((key, float(value)) for key, value in arguments.items()))
        return cls(name, parameters, variance)  # type: ignore[arg-type]  # a name of GAINS, checked above

    def __str__(self) -> str:
        defaults = self.definition.defaults
        arguments: dict[str, float | str] = {k: v for k, v in self.parameters if v != defaults[k]}
        if self.variance != "unit":
            arguments["variance"] = self.variance
        return render_call(self.law, arguments)

    @cached_property
    def definition(self) -> WeightLaw | Process:
        """The law or process itself."""
        return WEIGHTS.find(self.law)

    def __reduce__(self) -> tuple[type[Weights], tuple[object, ...]]:
        # Definitions have functions, which cannot be pickled; the name finds them again.
        return Weights, (self.law, self.parameters, self.variance)

    @property
    def process(self) -> Process | None:
        """The process along the layers; None if layers are independent."""
        definition = self.definition
        return definition if isinstance(definition, Process) else None

    def covariance(self, depth: int) -> NDArray[np.float64]:
        """Return the covariance of an entry over the layers, in units of its variance: (depth, depth)."""
        process = self.process
        return np.eye(depth) if process is None else process.matrix(self._named, depth)

    def autocovariance(self, depth: int) -> NDArray[np.float64]:
        """Return the covariance of an entry with itself 0 .. depth - 1 layers later, in units of its variance."""
        process = self.process
        return np.asarray(np.eye(1, depth)[0]) if process is None else process.autocovariance(self._named, depth)

    @property
    def _named(self) -> dict[str, float]:
        return dict(self.parameters)

    @cached_property
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
        return self.definition.skewness

    @property
    def is_dominated_by_gaussian(self) -> bool:
        """Whether fourth moments of independent symmetric entries are at most Gaussian ones of the same variance."""
        # 1e-12: kurtosis 3 is computed for some laws.
        return self.definition.independent and self.is_symmetric and self.kurtosis <= 3.0 + 1e-12

    @cached_property
    def inner(self) -> Weights:
        """The law of the weights inside the activation."""
        name = self.definition.inner
        return Weights(name, variance=self.variance) if name else self
