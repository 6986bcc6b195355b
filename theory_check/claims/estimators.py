"""Estimators: from the samples of a check to an interval, and from a margin to a number of replicates.

An estimator joins an observable (a pure function of samples) with one method of :mod:`theory_check.inference` and with
what that method needs to be planned. They are frozen values; wrong variants are other estimators of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol

import numpy as np

from theory_check.experiments.cell import Sample
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Law as Law
from theory_check.inference import design, evidence, intervals, rates
from theory_check.inference.intervals import Interval

Range = tuple[float, float]

#: Log e-values against "the quantity is at most x" and against "at least x", for each x of a grid.
SidedEvidence = tuple[FloatArray, FloatArray]

_UNBOUNDED = (-math.inf, math.inf)

#: One number for each replicate, from the samples of a check's cells.
Observable = Callable[[Sequence[Sample]], FloatArray]


class Estimator(Protocol):
    """What a check needs of its estimator."""

    @property
    def method(self) -> str:
        """Usual name of the interval."""

    @property
    def bounds(self) -> Range:
        """The values that the quantity can take."""

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """Return how many replicates support a true statement with probability 1 - miss."""

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """Return the smallest deviation that is detected with probability 99%."""

    def interval(self, samples: Sequence[Sample], alpha: float) -> Interval:
        """Return the confidence interval at level alpha."""

    def log_evidence(self, samples: Sequence[Sample], null: Range, alpha: float) -> float:
        """Return a log e-value against "the quantity lies in null", for decisions at a level near alpha."""

    def sided_evidence(self, samples: Sequence[Sample], values: FloatArray, gain: float) -> SidedEvidence:
        """Return log e-values against "at most x" and "at least x" for each x, made for products over nights."""


@dataclass(frozen=True)
class MeanEstimator:
    """A mean, by Catoni's interval with a proven bound on the variance.

    An observable may give several values for each replicate, ``values_per_replicate``: martingale differences about
    their common mean, with the bound on their conditional variance.
    """

    observable: Observable
    variance_bound: float
    method: str = "Catoni, proven variance bound"
    values_per_replicate: int = 1
    bounds: ClassVar[Range] = _UNBOUNDED

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """See :func:`theory_check.inference.design.mean_sample_size`."""
        values = design.mean_sample_size(variance_bound=self.variance_bound, margin=margin, alpha=alpha, miss=miss)
        return -(-values // self.values_per_replicate)

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """See :func:`theory_check.inference.design.mean_resolution`."""
        values = replicates * self.values_per_replicate
        return design.mean_resolution(variance_bound=self.variance_bound, observations=values, alpha=alpha)

    def interval(self, samples: Sequence[Sample], alpha: float) -> Interval:
        """See :func:`theory_check.inference.intervals.mean_interval`."""
        return intervals.mean_interval(self.observable(samples), variance_bound=self.variance_bound, alpha=alpha)

    def log_evidence(self, samples: Sequence[Sample], null: Range, alpha: float) -> float:
        """See :func:`theory_check.inference.evidence.mean_evidence`."""
        values = self.observable(samples)
        return evidence.mean_evidence(values, variance_bound=self.variance_bound, null=null, alpha=alpha)

    def sided_evidence(self, samples: Sequence[Sample], values: FloatArray, gain: float) -> SidedEvidence:
        """See :func:`theory_check.inference.evidence.catoni_evidence`."""
        sample = self.observable(samples)
        return evidence.catoni_evidence(sample, values, variance_bound=self.variance_bound, gain=gain)


@dataclass(frozen=True)
class ProportionEstimator:
    """The probability of an event (an observable of zeros and ones), by Clopper and Pearson.

    ``truth`` is the probability to plan for, where it is known to differ from the ends of the target: "at least 0.9" is
    supported sooner if it is 0.98. A probability twice the margin below such a target must be refuted all the same, so
    that is planned for as well; ``exact`` says whether it is enough then to exclude the target without its margin.
    """

    observable: Observable
    truth: float | None = None
    exact: bool = False
    method: str = "Clopper-Pearson"
    bounds: ClassVar[Range] = (0.0, 1.0)

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """See :func:`theory_check.inference.design.proportion_sample_size`."""
        needed = design.proportion_sample_size(target, margin=margin, alpha=alpha, miss=miss, truth=self.truth)
        wrong = target[0] - 2.0 * margin
        if self.truth is None or wrong <= 0.0:
            return needed
        # Nine tenths, because an upper end at 1 excludes nothing.
        room = min(2.0 * margin if self.exact else margin, 0.9 * (1.0 - wrong))
        detected = design.proportion_sample_size((0.0, wrong), margin=room, alpha=alpha, miss=miss, truth=wrong)
        return max(needed, detected)

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """See :func:`theory_check.inference.design.proportion_resolution`."""
        return design.proportion_resolution(target, trials=replicates, alpha=alpha)

    def interval(self, samples: Sequence[Sample], alpha: float) -> Interval:
        """See :func:`theory_check.inference.intervals.proportion_interval`."""
        event = self.observable(samples)
        return intervals.proportion_interval(int(event.sum()), event.size, alpha=alpha)

    def log_evidence(self, samples: Sequence[Sample], null: Range, alpha: float) -> float:
        """See :func:`theory_check.inference.evidence.bernoulli_evidence`."""
        event = self.observable(samples)
        return evidence.bernoulli_evidence(int(event.sum()), event.size, null)

    def sided_evidence(self, samples: Sequence[Sample], values: FloatArray, gain: float) -> SidedEvidence:
        """See :func:`theory_check.inference.evidence.log_tilted_ratio`, of the event and of its complement."""
        event = self.observable(samples)
        n, k = event.size, float(event.sum())
        return (
            evidence.log_tilted_ratio(k, n, values, gain=gain),
            evidence.log_tilted_ratio(n - k, n, 1.0 - values, gain=gain),
        )


@dataclass(frozen=True)
class QuantileEstimator:
    """A quantile, by order statistics; ``law`` is the predicted law, used for planning only."""

    observable: Observable
    probability: float
    law: Law
    method: str = "order statistics"
    bounds: ClassVar[Range] = _UNBOUNDED

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """See :func:`theory_check.inference.design.quantile_sample_size`."""
        centre = float(self.law.quantile(self.probability))
        low, high = self.law.cdf(np.array([centre - margin, centre + margin]))
        return design.quantile_sample_size(
            self.probability, cdf_low=float(low), cdf_high=float(high), alpha=alpha, miss=miss
        )

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """See :func:`theory_check.inference.design.quantile_resolution`."""
        reach = design.quantile_resolution(self.probability, observations=replicates, alpha=alpha)
        return _reach(self.law, self.probability, reach)

    def interval(self, samples: Sequence[Sample], alpha: float) -> Interval:
        """See :func:`theory_check.inference.intervals.quantile_interval`."""
        return intervals.quantile_interval(self.observable(samples), self.probability, alpha=alpha)

    def log_evidence(self, samples: Sequence[Sample], null: Range, alpha: float) -> float:
        """See :func:`theory_check.inference.evidence.quantile_evidence`."""
        return evidence.quantile_evidence(self.observable(samples), self.probability, null)

    def sided_evidence(self, samples: Sequence[Sample], values: FloatArray, gain: float) -> SidedEvidence:
        """See :func:`theory_check.inference.evidence.log_tilted_ratio`, of the numbers of values beyond each x."""
        ordered = np.sort(self.observable(samples))
        n = ordered.size
        beyond = n - np.searchsorted(ordered, values, side="right")
        below = np.searchsorted(ordered, values, side="left")
        return (
            evidence.log_tilted_ratio(beyond, n, 1.0 - self.probability, gain=gain),
            evidence.log_tilted_ratio(below, n, self.probability, gain=gain),
        )


@dataclass(frozen=True)
class SpreadEstimator:
    """The difference of two quantiles, by order statistics; ``law`` is the predicted law, used for planning only."""

    observable: Observable
    probabilities: Range
    law: Law
    method: str = "order statistics, two quantiles"
    bounds: ClassVar[Range] = (0.0, math.inf)

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """See :func:`theory_check.inference.design.quantile_spread_sample_size`."""
        low, high = (float(q) for q in self.law.quantile(np.array(self.probabilities)))
        ends = self.law.cdf(np.array([low - margin / 2, low + margin / 2, high - margin / 2, high + margin / 2]))
        a, b, c, d = (float(end) for end in ends)
        return design.quantile_spread_sample_size(
            *self.probabilities, lower_cdf=(a, b), upper_cdf=(c, d), alpha=alpha, miss=miss
        )

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """See :func:`theory_check.inference.design.quantile_spread_resolution`."""
        reaches = design.quantile_spread_resolution(*self.probabilities, observations=replicates, alpha=alpha)
        return sum(_reach(self.law, p, reach) for p, reach in zip(self.probabilities, reaches, strict=True))

    def interval(self, samples: Sequence[Sample], alpha: float) -> Interval:
        """See :func:`theory_check.inference.intervals.quantile_spread_interval`."""
        return intervals.quantile_spread_interval(self.observable(samples), *self.probabilities, alpha=alpha)

    def log_evidence(self, samples: Sequence[Sample], null: Range, alpha: float) -> float:
        """Calibrate the smallest level at which the interval is disjoint from the null."""
        return evidence.log_calibrated(float(evidence.log_p_from_intervals(self._at_levels(samples), [null])[0]))

    def sided_evidence(self, samples: Sequence[Sample], values: FloatArray, gain: float) -> SidedEvidence:
        """Calibrate the smallest levels at which the interval leaves each side."""
        return _sided_calibration(self._at_levels(samples), values, gain)

    def _at_levels(self, samples: Sequence[Sample]) -> Callable[[float], Interval]:
        ordered = np.sort(self.observable(samples))
        return lambda level: intervals.quantile_spread_interval(ordered, *self.probabilities, alpha=level)


def _sided_calibration(interval_at: Callable[[float], Interval], values: FloatArray, gain: float) -> SidedEvidence:
    below = [(-math.inf, float(x)) for x in values]
    above = [(float(x), math.inf) for x in values]
    log_p = evidence.log_p_from_intervals(interval_at, below + above)
    first, second = np.split(evidence.tilted_calibration(log_p, gain=gain), 2)
    return first, second


def _reach(law: Law, probability: float, reach: Range) -> float:
    if not (reach[0] > 0.0 and reach[1] < 1.0):
        return math.inf
    low, middle, high = (float(q) for q in law.quantile(np.array([reach[0], probability, reach[1]])))
    return max(high - middle, middle - low)


@dataclass(frozen=True)
class DistanceEstimator:
    """The Kolmogorov distance to a predicted law, by the exact Kolmogorov distribution."""

    observable: Observable
    law: Law
    method: str = "Kolmogorov, exact"
    bounds: ClassVar[Range] = (0.0, 1.0)

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """See :func:`theory_check.inference.design.kolmogorov_sample_size`."""
        return design.kolmogorov_sample_size(margin=margin, alpha=alpha, miss=miss)

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """See :func:`theory_check.inference.design.kolmogorov_resolution`."""
        return design.kolmogorov_resolution(observations=replicates, alpha=alpha)

    def interval(self, samples: Sequence[Sample], alpha: float) -> Interval:
        """See :func:`theory_check.inference.intervals.kolmogorov_interval`."""
        return intervals.kolmogorov_interval(self.observable(samples), self.law.cdf, alpha=alpha)

    def log_evidence(self, samples: Sequence[Sample], null: Range, alpha: float) -> float:
        """Calibrate the exact p-value of the distance from the null that the empirical law shows.

        If the true distance is in [low, high], the empirical law is at least D - high and low - D away from the true.
        """
        n, distance = self._distance(samples)
        excess = max(distance - null[1], null[0] - distance, 0.0)
        return evidence.log_calibrated(float(evidence.kolmogorov_log_tail(n, excess)))

    def sided_evidence(self, samples: Sequence[Sample], values: FloatArray, gain: float) -> SidedEvidence:
        """Calibrate the exact p-values of the distance from each side."""
        n, distance = self._distance(samples)
        return (
            evidence.tilted_calibration(evidence.kolmogorov_log_tail(n, distance - values), gain=gain),
            evidence.tilted_calibration(evidence.kolmogorov_log_tail(n, values - distance), gain=gain),
        )

    def _distance(self, samples: Sequence[Sample]) -> tuple[int, float]:
        values = self.observable(samples)
        return values.size, intervals.kolmogorov_interval(values, self.law.cdf, alpha=0.5).estimate


@dataclass(frozen=True)
class SlopeEstimator:
    """The slope of the logarithm of a median against log depth; one cell and one predicted law for each depth."""

    observable: Observable
    depths: tuple[int, ...]
    laws: tuple[Law, ...]
    method: str = "order statistics at each depth, weighted"
    bounds: ClassVar[Range] = _UNBOUNDED

    @property
    def _log_depths(self) -> FloatArray:
        return np.log(np.array(self.depths, dtype=np.float64))

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """Plan every component with its share of the margin (as a factor), of the level and of the miss rate."""
        share = design.slope_component_margin(self._log_depths, margin=margin)
        count = len(self.depths)
        needed = 1
        for law in self.laws:
            centre = float(law.quantile(0.5))
            low, high = law.cdf(np.array([centre * math.exp(-share), centre * math.exp(share)]))
            size = design.quantile_sample_size(
                0.5, cdf_low=float(low), cdf_high=float(high), alpha=alpha / count, miss=miss / count
            )
            needed = max(needed, size)
        return needed

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """Return the slope error that the component intervals leave with probability 99%."""
        count = len(self.depths)
        low, high = design.quantile_resolution(
            0.5, observations=replicates, alpha=alpha / count, power=1.0 - 0.01 / count
        )
        if not (low > 0.0 and high < 1.0):
            return math.inf
        widest = 0.0
        for law in self.laws:
            a, m, b = (math.log(float(q)) for q in law.quantile(np.array([low, 0.5, high])))
            widest = max(widest, b - m, m - a)
        return design.slope_margin(self._log_depths, component_margin=widest)

    def interval(self, samples: Sequence[Sample], alpha: float) -> Interval:
        """See :func:`theory_check.inference.rates.slope_interval`."""
        return self._slope([self.observable([sample]) for sample in samples], alpha)

    def log_evidence(self, samples: Sequence[Sample], null: Range, alpha: float) -> float:
        """Calibrate the smallest level at which the interval is disjoint from the null."""
        return evidence.log_calibrated(float(evidence.log_p_from_intervals(self._at_levels(samples), [null])[0]))

    def sided_evidence(self, samples: Sequence[Sample], values: FloatArray, gain: float) -> SidedEvidence:
        """Calibrate the smallest levels at which the interval leaves each side."""
        return _sided_calibration(self._at_levels(samples), values, gain)

    def _at_levels(self, samples: Sequence[Sample]) -> Callable[[float], Interval]:
        return partial(self._slope, [np.sort(self.observable([sample])) for sample in samples])

    def _slope(self, columns: Sequence[FloatArray], alpha: float) -> Interval:
        parts = [intervals.quantile_interval(values, 0.5, alpha=alpha / len(columns)) for values in columns]
        return rates.slope_interval(self._log_depths, parts, alpha=alpha)
