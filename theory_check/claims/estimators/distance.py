"""Distances from a law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from theory_check.claims.estimators import deviations
from theory_check.claims.estimators.estimator import Estimator, Range, SidedEvidence
from theory_check.claims.observables import Samples
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Law, Tilted, law_distance
from theory_check.inference import design, evidence, intervals
from theory_check.inference.intervals import Interval


@dataclass(frozen=True)
class Distance(Estimator):
    """The Kolmogorov distance from a predicted law, by the exact Kolmogorov distribution.

    Attributes
    ----------
    law : Law
        With ``cdf`` and ``quantile``; it may have atoms.
    """

    law: Law
    kind: ClassVar[str] = "distance"
    method: ClassVar[str] = "Kolmogorov, exact"
    bounds: ClassVar[Range] = (0.0, 1.0)
    told_by: ClassVar[tuple[str, ...]] = ("law",)
    deviation: ClassVar[deviations.Normal | deviations.Kolmogorov] = deviations.Kolmogorov()

    @property
    def prediction(self) -> Range | None:
        """A law is at distance 0 from itself."""
        return 0.0, 0.0

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        return design.kolmogorov_sample_size(margin=margin, alpha=alpha, miss=miss)

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        return design.kolmogorov_resolution(observations=replicates, alpha=alpha)

    def interval(self, samples: Samples, alpha: float) -> Interval:
        return intervals.kolmogorov_interval(self.observable(samples), self.law.cdf, alpha=alpha)

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        """Calibrate the exact p-value of the distance from the null that the empirical law shows.

        If the true distance is in [low, high], the empirical law is at least D - high and low - D away from the true.
        """
        n, distance = self._distance(samples)
        excess = max(distance - null[1], null[0] - distance, 0.0)
        return evidence.log_calibrated(float(evidence.kolmogorov_log_tail(n, excess)))

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        """Calibrate the exact p-values of the distance from each side."""
        n, distance = self._distance(samples)
        return (
            evidence.tilted_calibration(evidence.kolmogorov_log_tail(n, distance - values), gain=gain),
            evidence.tilted_calibration(evidence.kolmogorov_log_tail(n, values - distance), gain=gain),
        )

    def _distance(self, samples: Samples) -> tuple[int, float]:
        values = self.observable(samples)
        return values.size, intervals.kolmogorov_interval(values, self.law.cdf, alpha=0.5).estimate

    def instead(self, wrong: object) -> Any:
        if hasattr(wrong, "cdf"):
            return replace(self, law=cast("Law", wrong))
        return super().instead(wrong)

    def separation(self, other: Estimator) -> float | None:
        if not isinstance(other, Distance) or other.observable != self.observable:
            return None
        return law_distance(self.law, other.law)

    def displaced(self, target: Range, step: float) -> Mapping[str, Range | Estimator]:
        return {
            f"the predicted law tilted {word} by twice the margin": replace(self, law=Tilted(self.law, sign * step))
            for word, sign in (("down", 1.0), ("up", -1.0))
        }

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw from the law, tilted to the distance ``shift``."""
        return (Tilted(self.law, shift).quantile(rng.random(replicates)),)
