"""Slopes on log depth: of medians, and of mean errors, the orders of convergence.

Where the mean errors and a bound of their variances are known, :class:`Order` plans and judges the slope of their
logarithms. Where they are not, every replicate has a slope of its own, since it has all depths: its median is judged by
order statistics, which need no law.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from theory_check.claims.estimators.estimator import ByLevels, Estimator, Range, SidedEvidence
from theory_check.claims.estimators.mean import variance_violation
from theory_check.claims.observables import Samples
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Law
from theory_check.inference import design, evidence, intervals, rates
from theory_check.inference.intervals import Interval


@dataclass(frozen=True)
class Slope(ByLevels):
    """The slope of the logarithm of a median on log depth, by order statistics; one experiment for each depth.

    Attributes
    ----------
    observable : Observable
        Positive.
    depths : tuple of int
    laws : tuple of Law
        Predicted, one for each depth; they plan the sample.
    """

    depths: tuple[int, ...]
    laws: tuple[Law, ...]
    kind: ClassVar[str] = "slope"
    method: ClassVar[str] = "order statistics at each depth, weighted"
    told_by: ClassVar[tuple[str, ...]] = ("depths",)

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

    def values(self, samples: Samples) -> tuple[FloatArray, ...]:
        return tuple(self.observable([sample]) for sample in samples)

    def interval(self, samples: Samples, alpha: float) -> Interval:
        return self._slope(self.values(samples), alpha)

    def at_levels(self, samples: Samples) -> Callable[[float], Interval]:
        return partial(self._slope, [np.sort(values) for values in self.values(samples)])

    def _slope(self, columns: Sequence[FloatArray], alpha: float) -> Interval:
        parts = [intervals.quantile_interval(values, 0.5, alpha=alpha / len(columns)) for values in columns]
        return rates.slope_interval(self._log_depths, parts, alpha=alpha)

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw from the predicted laws, times a power of the depth."""
        depths = np.array(self.depths)
        return tuple(
            law.quantile(rng.random(replicates)) * (depth / depths[0]) ** shift
            for law, depth in zip(self.laws, depths, strict=True)
        )


@dataclass(frozen=True)
class Order(Estimator):
    """The slope of the logarithm of a mean error on log depth, by Catoni's interval at each depth.

    Attributes
    ----------
    observable : Observable
        Errors, shape (replicates, depths); depths may share their random numbers.
    depths : tuple of int
    errors : tuple of float
        Predicted means, for planning only.
    variance_bounds : tuple of float
        Proven, of the error at each depth.
    """

    depths: tuple[int, ...]
    errors: tuple[float, ...]
    variance_bounds: tuple[float, ...]
    kind: ClassVar[str] = "order"
    method: ClassVar[str] = "Catoni at each depth, weighted"
    told_by: ClassVar[tuple[str, ...]] = ("depths", "variance_bounds")

    @property
    def _log_depths(self) -> FloatArray:
        return np.log(np.array(self.depths, dtype=np.float64))

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        return design.rate_sample_size(
            self._log_depths, self.errors, variance_bounds=self.variance_bounds, margin=margin, alpha=alpha, miss=miss
        )

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        return design.rate_margin(
            self._log_depths, self.errors, variance_bounds=self.variance_bounds, observations=replicates, alpha=alpha,
            miss=0.02,
        )  # fmt: skip

    def interval(self, samples: Samples, alpha: float) -> Interval:
        return self._slope(self.observable(samples), alpha)

    def violated(self, samples: Samples, level: float) -> str:
        """Test the variance bound at each depth."""
        errors = self.observable(samples)
        found = (
            variance_violation(errors[:, [place]], bound, level / len(self.depths))
            for place, bound in enumerate(self.variance_bounds)
        )
        return next(filter(None, found), "")

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        """Return the average of 1 and of decisions at level alpha / 3 and its square, worth the inverse of their level.

        A decision at a level that is false with at most that probability is an e-value, multiplied by its inverse.
        Catoni's intervals are not nested in their level, so that no p-value is read off them.
        """
        return float(self._decisions(samples, [null], math.log(3.0 / alpha))[0])

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        """Return the same average on each side, of decisions at the levels exp(-g - 2) and its square."""
        nulls = [(-math.inf, float(x)) for x in values] + [(float(x), math.inf) for x in values]
        below, above = np.split(self._decisions(samples, nulls, gain + 2.0), 2)
        return below, above

    def _decisions(self, samples: Samples, nulls: Sequence[Range], worth: float) -> FloatArray:
        errors = self.observable(samples)
        found = np.zeros((3, len(nulls)))
        # Beyond the cut of all evidence no level is left to decide at.
        for row, gain in enumerate((worth, 2.0 * worth), start=1):
            used = min(gain, 0.9 * evidence.LARGEST_LOG)
            interval = self._slope(errors, math.exp(-used))
            found[row] = [used if interval.disjoint(*null) else -math.inf for null in nulls]
        return np.asarray(np.logaddexp.reduce(found, axis=0) - math.log(len(found)))

    def _slope(self, errors: FloatArray, alpha: float) -> Interval:
        parts = rates.error_intervals(list(errors.T), variance_bounds=self.variance_bounds, alpha=alpha)
        return rates.rate(self.depths, parts, alpha=alpha).interval

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw lognormal errors with the predicted means times a power of depth, and the proven variances."""
        depths = np.array(self.depths)
        means = np.array(self.errors) * (depths / depths[0]) ** shift
        square = np.log1p(np.array(self.variance_bounds) / means**2)
        deviates = rng.standard_normal((replicates, len(depths)))
        return (means * np.exp(np.sqrt(square) * deviates - square / 2.0),)
