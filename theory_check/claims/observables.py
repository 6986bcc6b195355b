"""Observables: pure functions from samples to one number for each replicate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory_check.experiments import experiment as experiments
from theory_check.experiments.cell import Sample
from theory_check.foundation.arrays import FloatArray


@dataclass(frozen=True)
class Column:
    """A column of the sample of one cell of the check."""

    name: str
    cell: int = 0

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return samples[self.cell].column(self.name)


@dataclass(frozen=True)
class Component:
    """Entry ``index`` of a column with several values for each replicate, times a number, cut off at ``floor``.

    Tests of laws need finite values; a logarithm of 0 is minus infinity.
    """

    name: str
    index: int
    factor: float = 1.0
    floor: float = -np.inf

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return np.maximum(self.factor * samples[0].column(self.name)[:, self.index], self.floor)


@dataclass(frozen=True)
class ExponentialComponent:
    """exp(entry ``index`` of a column) over a number."""

    name: str
    index: int
    divisor: float = 1.0

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return np.exp(samples[0].column(self.name)[:, self.index]) / self.divisor


@dataclass(frozen=True)
class Exponential:
    """exp(power * column): the ratio R from log R (power 1), D from log sqrt(D) (power 2)."""

    name: str
    power: float = 1.0
    divisor: float = 1.0

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return np.exp(self.power * samples[0].column(self.name)) / self.divisor


@dataclass(frozen=True)
class Scaled:
    """A column times a number."""

    name: str
    factor: float

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return self.factor * samples[0].column(self.name)


@dataclass(frozen=True)
class Between:
    """The event lower <= x <= upper, as zeros and ones."""

    observable: Callable[[Sequence[Sample]], FloatArray]
    lower: float = -np.inf
    upper: float = np.inf

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        values = self.observable(samples)
        return ((values >= self.lower) & (values <= self.upper)).astype(np.float64)


@dataclass(frozen=True)
class ProfileIncrement:
    """log(||h_k||^2 / ||h_j||^2) for two positions j < k of the recorded depths."""

    start: int
    end: int

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        profile = samples[0].column("norm_profile")
        return profile[:, self.end] - profile[:, self.start]


@dataclass(frozen=True)
class LayerGrowth:
    """(||h_{k+1}||^2 / ||h_k||^2 - 1) / ``square`` for every layer, one replicate after the other.

    Needs all depths recorded. Several values for each replicate: martingale differences about their mean.
    """

    square: float

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return as many values for each replicate as there are layers."""
        profile = samples[0].column("norm_profile")
        return (np.expm1(np.diff(profile, axis=1)) / self.square).ravel()


@dataclass(frozen=True)
class ActiveGrowth:
    """log(||relu h_L||^2 / ||relu h_0||^2) / time for the networks that moved, cut off at +-``cut``.

    A network without an active coordinate at the input never moves and does not count; the event is known at the input,
    so that the others are independent draws from the conditional law.
    """

    time: float
    cut: float

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each network that moved."""
        moved = samples[0].column("log_displacement") > -np.inf
        growth = samples[0].column("log_active_norm_ratio")[moved]
        return np.clip(growth, -self.cut, self.cut) / self.time


@dataclass(frozen=True)
class Cosine:
    """cos(frequency * column)."""

    name: str
    frequency: float

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return np.cos(self.frequency * samples[0].column(self.name))


@dataclass(frozen=True)
class Difference:
    """One observable less another, for pairs of networks that may be independent."""

    first: Callable[[Sequence[Sample]], FloatArray]
    second: Callable[[Sequence[Sample]], FloatArray]

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return self.first(samples) - self.second(samples)


@dataclass(frozen=True)
class Swept:
    """A column of a sweep at one of its betas, for the first input."""

    name: str
    beta: float

    def __call__(self, samples: Sequence[experiments.Sample[Any]]) -> FloatArray:
        """Return one value for each replicate."""
        (sample,) = samples
        return sample.column(self.name)[:, sample.experiment.betas.index(self.beta), 0]


@dataclass(frozen=True)
class Both:
    """The event that two events happen together."""

    first: Callable[[Sequence[Sample]], FloatArray]
    second: Callable[[Sequence[Sample]], FloatArray]

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return self.first(samples) * self.second(samples)


@dataclass(frozen=True)
class PairingDefect:
    """|<p_0, h_0> - <p_L, h_L>| / (||p_L|| ||h_L||) in a cell of the check, plus a drift that was not simulated."""

    cell: int = 0
    drift: float = 0.0

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        sample = samples[self.cell]
        return np.abs(sample.column("pairing_input") - sample.column("pairing_output")) + self.drift


@dataclass(frozen=True)
class InputMean:
    """The average of a column over the inputs that share the weights of a replicate, plus a number."""

    name: str
    shift: float = 0.0

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return np.asarray(samples[0].column(self.name).mean(axis=1)) + self.shift


@dataclass(frozen=True)
class LogInputMean:
    """log of the average of exp(power * column) over the inputs that share the weights of a replicate."""

    name: str
    power: float = 1.0

    def __call__(self, samples: Sequence[Sample]) -> FloatArray:
        """Return one value for each replicate."""
        return np.asarray(np.log(np.exp(self.power * samples[0].column(self.name)).mean(axis=1)))


NORM_RATIO = Exponential("log_norm_ratio")
DISPLACEMENT = Exponential("log_displacement", 2.0)
ROOT_DISPLACEMENT = Exponential("log_displacement")
GRADIENT_RATIO = Exponential("log_gradient_ratio")
GRADIENT_DISPLACEMENT = Exponential("log_gradient_displacement", 2.0)
LOG_NORM_RATIO = Column("log_norm_ratio")
LOG_GRADIENT_RATIO = Column("log_gradient_ratio")
LOG_DETERMINANT = Column("log_determinant")

#: Cosine of the outputs of two inputs.
COSINE = Component("cosine_output", 1)
