"""Quantiles and spreads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from theory_check.claims.estimators.estimator import ByLevels, Estimator, Range, SidedEvidence
from theory_check.claims.observables import Observable, Samples, observable
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Law
from theory_check.inference import design, evidence, intervals
from theory_check.inference.intervals import Interval
from theory_check.inference.validation import check_probability


@dataclass(frozen=True)
class Quantile(Estimator):
    """A quantile, by order statistics.

    Attributes
    ----------
    probability : float
    law : Law
        Predicted; it plans the sample, and its quantile is the default of the target.
    """

    probability: float
    law: Law
    kind: ClassVar[str] = "quantile"
    method: ClassVar[str] = "order statistics"
    told_by: ClassVar[tuple[str, ...]] = ("probability",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_probability("probability", self.probability)

    @property
    def prediction(self) -> Range | None:
        """The quantile of the predicted law."""
        value = float(self.law.quantile(self.probability))
        return value, value

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        centre = float(self.law.quantile(self.probability))
        low, high = self.law.cdf(np.array([centre - margin, centre + margin]))
        return design.quantile_sample_size(
            self.probability, cdf_low=float(low), cdf_high=float(high), alpha=alpha, miss=miss
        )

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        reach = design.quantile_resolution(self.probability, observations=replicates, alpha=alpha)
        return _reach(self.law, self.probability, reach)

    def interval(self, samples: Samples, alpha: float) -> Interval:
        return intervals.quantile_interval(self.observable(samples), self.probability, alpha=alpha)

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        return evidence.quantile_evidence(self.observable(samples), self.probability, null)

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        ordered = np.sort(self.observable(samples))
        n = ordered.size
        beyond = n - np.searchsorted(ordered, values, side="right")
        below = np.searchsorted(ordered, values, side="left")
        return (
            evidence.log_tilted_ratio(beyond, n, 1.0 - self.probability, gain=gain),
            evidence.log_tilted_ratio(below, n, self.probability, gain=gain),
        )

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw from the predicted law, shifted."""
        return (self.law.quantile(rng.random(replicates)) + shift,)


def median(what: str | Observable | Callable[[Samples], FloatArray], law: Law) -> Quantile:
    """Return the median of an observable, planned with its predicted law."""
    return Quantile(observable(what), 0.5, law)


@dataclass(frozen=True)
class Spread(ByLevels):
    """The difference of two quantiles, by order statistics.

    Attributes
    ----------
    probabilities : (float, float)
    law : Law
        Predicted; it plans the sample, and the difference of its quantiles is the default of the target.
    """

    probabilities: Range
    law: Law
    kind: ClassVar[str] = "spread"
    method: ClassVar[str] = "order statistics, two quantiles"
    bounds: ClassVar[Range] = (0.0, math.inf)
    told_by: ClassVar[tuple[str, ...]] = ("probabilities",)

    @property
    def prediction(self) -> Range | None:
        """The difference of the quantiles of the predicted law."""
        low, high = (float(q) for q in self.law.quantile(np.array(self.probabilities)))
        return high - low, high - low

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        low, high = (float(q) for q in self.law.quantile(np.array(self.probabilities)))
        ends = self.law.cdf(np.array([low - margin / 2, low + margin / 2, high - margin / 2, high + margin / 2]))
        a, b, c, d = (float(end) for end in ends)
        return design.quantile_spread_sample_size(
            *self.probabilities, lower_cdf=(a, b), upper_cdf=(c, d), alpha=alpha, miss=miss
        )

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        reaches = design.quantile_spread_resolution(*self.probabilities, observations=replicates, alpha=alpha)
        return sum(_reach(self.law, p, reach) for p, reach in zip(self.probabilities, reaches, strict=True))

    def interval(self, samples: Samples, alpha: float) -> Interval:
        return intervals.quantile_spread_interval(self.observable(samples), *self.probabilities, alpha=alpha)

    def at_levels(self, samples: Samples) -> Callable[[float], Interval]:
        ordered = np.sort(self.observable(samples))
        return lambda level: intervals.quantile_spread_interval(ordered, *self.probabilities, alpha=level)

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw from the predicted law, stretched about its median."""
        middle, low = float(self.law.quantile(0.5)), target[0]
        return ((self.law.quantile(rng.random(replicates)) - middle) * (low + shift) / low + middle,)


def _reach(law: Law, probability: float, reach: Range) -> float:
    if not (reach[0] > 0.0 and reach[1] < 1.0):
        return math.inf
    low, middle, high = (float(q) for q in law.quantile(np.array([reach[0], probability, reach[1]])))
    return max(high - middle, middle - low)
