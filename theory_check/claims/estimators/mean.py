"""Means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from theory_check.claims.estimators.estimator import Estimator, Range, SidedEvidence
from theory_check.claims.observables import Samples
from theory_check.foundation.arguments import check_count, check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import design, evidence, intervals, variances
from theory_check.inference.intervals import Interval


def variance_violation(values: FloatArray, bound: float, level: float) -> str:
    """Return what contradicts a bound of the variance, in a few words; nothing if nothing does.

    Parameters
    ----------
    values : array, shape (replicates, k)
    bound : float
    level : float
        Probability, at most, of a contradiction that is none.

    Returns
    -------
    str
    """
    pairs = values[: len(values) // 2 * 2].reshape(-1, 2, values.shape[1])
    if not len(pairs):
        return ""
    test = variances.variance_bound_test(pairs.transpose(0, 2, 1).ravel(), bound)
    if test.p_value > level:
        return ""
    return f"the variance exceeds the stated bound {bound:.4g}: it is about {test.statistic:.4g}"


@dataclass(frozen=True)
class Mean(Estimator):
    """A mean, by Catoni's interval with a proven bound on the variance.

    Attributes
    ----------
    observable : Observable
        May give several values per replicate: martingale differences about their common mean.
    variance_bound : float
        Proven; of martingale differences, the bound of their conditional variance.
    values_per_replicate : int
    """

    variance_bound: float
    values_per_replicate: int = 1
    kind: ClassVar[str] = "mean"
    method: ClassVar[str] = "Catoni, proven variance bound"
    told_by: ClassVar[tuple[str, ...]] = ("variance_bound",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("variance_bound", self.variance_bound)
        check_count("values_per_replicate", self.values_per_replicate)

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        values = design.mean_sample_size(variance_bound=self.variance_bound, margin=margin, alpha=alpha, miss=miss)
        return -(-values // self.values_per_replicate)

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        values = replicates * self.values_per_replicate
        return design.mean_resolution(variance_bound=self.variance_bound, observations=values, alpha=alpha)

    def interval(self, samples: Samples, alpha: float) -> Interval:
        return intervals.mean_interval(self.observable(samples), variance_bound=self.variance_bound, alpha=alpha)

    def violated(self, samples: Samples, level: float) -> str:
        """Test the variance bound: E (x - y)^2 / 2 <= v for values x, y of different replicates, whatever their law."""
        values = self.observable(samples).reshape(-1, self.values_per_replicate)
        return variance_violation(values, self.variance_bound, level)

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        values = self.observable(samples)
        return evidence.mean_evidence(values, variance_bound=self.variance_bound, null=null, alpha=alpha)

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        sample = self.observable(samples)
        return evidence.catoni_evidence(sample, values, variance_bound=self.variance_bound, gain=gain)

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw lognormal values of the whole variance that the method assumes: skewed, as ratios of norms are."""
        mean = target[0] + shift
        # A lognormal variable is positive: one of mean 0 or less is moved there.
        positive = mean if mean > 0.0 and target[0] > 0.0 else math.sqrt(self.variance_bound)
        square = math.log1p(self.variance_bound / positive**2)
        deviates = rng.standard_normal(replicates * self.values_per_replicate)
        return (positive * np.exp(math.sqrt(square) * deviates - square / 2.0) + (mean - positive),)
