"""Estimators of orders of convergence from the errors of coupled networks of several depths.

Where the mean errors and a bound of their variances are known, the slope of their logarithms is planned and judged by
:class:`RateEstimator`. Where they are not, every replicate has a slope of its own, since it has all depths: a median of
these slopes is judged by order statistics, which need no law.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from theory_check.claims.estimators import Observable, Range, SidedEvidence
from theory_check.experiments.experiment import Sample
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import design, evidence, rates
from theory_check.inference.intervals import Interval


@dataclass(frozen=True)
class RateEstimator:
    """The slope of the logarithm of a mean error against log depth, by Catoni's interval at each depth.

    Attributes
    ----------
    observable : callable
        Errors, shape (replicates, depths); depths may share their random numbers.
    depths : tuple of int
    errors : tuple of float
        Predicted means, for planning only.
    variance_bounds : tuple of float
        Proven, of the error at each depth.
    """

    observable: Observable
    depths: tuple[int, ...]
    errors: tuple[float, ...]
    variance_bounds: tuple[float, ...]
    method: str = "Catoni at each depth, weighted"
    bounds: ClassVar[Range] = (-math.inf, math.inf)

    @property
    def _log_depths(self) -> FloatArray:
        return np.log(np.array(self.depths, dtype=np.float64))

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """See :func:`theory_check.inference.design.rate_sample_size`."""
        return design.rate_sample_size(
            self._log_depths, self.errors, variance_bounds=self.variance_bounds, margin=margin, alpha=alpha, miss=miss
        )

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """See :func:`theory_check.inference.design.rate_margin`; half of its miss probability is on either side."""
        return design.rate_margin(
            self._log_depths, self.errors, variance_bounds=self.variance_bounds, observations=replicates, alpha=alpha,
            miss=0.02,
        )  # fmt: skip

    def interval(self, samples: Sequence[Sample[Any]], alpha: float) -> Interval:
        """See :func:`theory_check.inference.rates.rate`."""
        return self._slope(self.observable(samples), alpha)

    def log_evidence(self, samples: Sequence[Sample[Any]], null: Range, alpha: float) -> float:
        """Return the average of 1 and of decisions at level alpha / 3 and its square, worth the inverse of their level.

        A decision at a level that is false with at most that probability is an e-value, multiplied by its inverse.
        Catoni's intervals are not nested in their level, so that no p-value is read off them.
        """
        return float(self._decisions(samples, [null], math.log(3.0 / alpha))[0])

    def sided_evidence(self, samples: Sequence[Sample[Any]], values: FloatArray, gain: float) -> SidedEvidence:
        """Return the same average on each side, of decisions at the levels exp(-g - 2) and its square."""
        nulls = [(-math.inf, float(x)) for x in values] + [(float(x), math.inf) for x in values]
        below, above = np.split(self._decisions(samples, nulls, gain + 2.0), 2)
        return below, above

    def _decisions(self, samples: Sequence[Sample[Any]], nulls: Sequence[Range], worth: float) -> FloatArray:
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


@dataclass(frozen=True)
class ErrorSlope:
    """The slope of log error against log depth of each replicate, from a column of errors (replicates, depths).

    A replicate that an error of 0 leaves without a slope, a network that never moved, is given slope 0: it counts
    against convergence.
    """

    name: str
    depths: tuple[int, ...]
    cell: int = 0

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return one value for each replicate."""
        errors = samples[self.cell].column(self.name)
        weights = rates.slope_weights(np.log(np.array(self.depths, dtype=np.float64)))
        moved = np.all(errors > 0.0, axis=1)
        return np.where(moved, np.log(np.where(moved[:, None], errors, 1.0)) @ weights, 0.0)


@dataclass(frozen=True)
class SquaredError:
    """The square of a column of errors."""

    name: str

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return values of shape (replicates, depths)."""
        return samples[0].column(self.name) ** 2


@dataclass(frozen=True)
class NormRatioDifference:
    """R of a finer level less R of a coarser one."""

    coarse: int
    fine: int

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return one value for each replicate."""
        logarithms = samples[0].column("log_norm_ratio")
        return np.exp(logarithms[:, self.fine]) - np.exp(logarithms[:, self.coarse])


@dataclass(frozen=True)
class AdjacentNormRatioDifferences:
    """R of every level less R of the next coarser one."""

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return values of shape (replicates, levels - 1)."""
        return np.diff(np.exp(samples[0].column("log_norm_ratio")), axis=1)


@dataclass(frozen=True)
class LogError:
    """log(error) at one level of a column of errors, plus a constant."""

    name: str
    level: int
    shift: float = 0.0

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return one value for each replicate."""
        return np.log(samples[0].column(self.name)[:, self.level]) + self.shift


def slope_variance(depths: Sequence[int], degrees: float) -> float:
    r"""Variance of the slope of log error when squared errors are independent and chi-square: for planning.

    :math:`\tfrac14 \psi'(\nu/2) \sum_k w_k^2`, since the logarithm of chi-square of :math:`\nu` degrees of freedom has
    variance :math:`\psi'(\nu/2)`.
    """
    from scipy.special import polygamma

    weights = rates.slope_weights(np.log(np.array(depths, dtype=np.float64)))
    return 0.25 * float(polygamma(1, degrees / 2.0)) * math.fsum(weights**2)


@dataclass(frozen=True)
class PathSlope:
    """The slope of log sqrt(D) on log L of each replicate, between the coarsest and the finest depth of an experiment.

    A network that never moved is given slope 0: it counts against vanishing and against explosion.
    """

    cell: int = 0

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return one value for each replicate."""
        sample = samples[self.cell]
        values = sample.column("log_displacement")[:, [0, -1]]
        depths = sample.experiment.depths
        moved = np.all(np.isfinite(values), axis=1)
        kept: FloatArray = np.where(moved[:, None], values, 0.0)
        return np.asarray((kept[:, 1] - kept[:, 0]) / math.log(depths[-1] / depths[0]))


@dataclass(frozen=True)
class PathSlopes:
    """:class:`PathSlope` of each of several experiments, one for each beta."""

    count: int

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return values of shape (replicates, experiments)."""
        return np.stack([PathSlope(cell)(samples) for cell in range(self.count)], axis=1)


@dataclass(frozen=True)
class AcrossDepths:
    """exp(power * column) of every cell of a check, networks of different depths that share no random numbers."""

    name: str
    power: float = 1.0

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return values of shape (replicates, cells)."""
        return np.exp(self.power * np.stack([sample.column(self.name) for sample in samples], axis=1))


@dataclass(frozen=True)
class PairedGrowth:
    """A column of each second cell less that of the cell before it: pairs of depths, one pair for each beta."""

    name: str

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return values of shape (replicates, pairs)."""
        values = np.stack([sample.column(self.name) for sample in samples], axis=1)
        return np.asarray(values[:, 1::2] - values[:, ::2])


@dataclass(frozen=True)
class LevelValues:
    """One level of a column with a value for each depth, times a number."""

    name: str
    level: int
    factor: float = 1.0

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return one value for each replicate."""
        return self.factor * samples[0].column(self.name)[:, self.level]


@dataclass(frozen=True)
class EveryLevel:
    """The event that a column lies between two bounds at every depth, as zeros and ones."""

    name: str
    lower: float = -math.inf
    upper: float = math.inf

    def __call__(self, samples: Sequence[Sample[Any]]) -> FloatArray:
        """Return one value for each replicate."""
        values = samples[0].column(self.name)
        return np.asarray(np.all((values >= self.lower) & (values <= self.upper), axis=1), dtype=np.float64)
