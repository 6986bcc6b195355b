"""Probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from theory_check.claims.estimators.estimator import Estimator, Range, SidedEvidence
from theory_check.claims.observables import Samples, observable
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design, evidence, intervals
from theory_check.inference.intervals import Interval


@dataclass(frozen=True)
class Probability(Estimator):
    """The probability of an event, by Clopper and Pearson.

    Attributes
    ----------
    observable : Observable
        The event as zeros and ones, such as ``between(DISPLACEMENT, upper=1.0)``.
    truth : float, optional
        Probability to plan for, where it is known to differ from the ends of the target: "at least 0.9" is supported
        sooner if it is 0.98. A probability twice the margin below the target is still refuted.
    exact : bool
        Whether it is enough, to refute, to exclude the target without its margin.
    """

    truth: float | None = None
    exact: bool = False
    kind: ClassVar[str] = "probability"
    method: ClassVar[str] = "Clopper-Pearson"
    bounds: ClassVar[Range] = (0.0, 1.0)

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        needed = design.proportion_sample_size(target, margin=margin, alpha=alpha, miss=miss, truth=self.truth)
        wrong = target[0] - 2.0 * margin
        if self.truth is None or wrong <= 0.0:
            return needed
        # Nine tenths, because an upper end at 1 excludes nothing.
        room = min(2.0 * margin if self.exact else margin, 0.9 * (1.0 - wrong))
        detected = design.proportion_sample_size((0.0, wrong), margin=room, alpha=alpha, miss=miss, truth=wrong)
        return max(needed, detected)

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        return design.proportion_resolution(target, trials=replicates, alpha=alpha)

    def _event(self, samples: Samples) -> FloatArray:
        event = self.observable(samples)
        if not np.all((event == 0.0) | (event == 1.0)):
            raise SpecificationError(
                f"event {self.observable} must be 0 or 1 in each replicate; between(...) makes one"
            )
        return event

    def interval(self, samples: Samples, alpha: float) -> Interval:
        event = self._event(samples)
        return intervals.proportion_interval(int(event.sum()), event.size, alpha=alpha)

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        event = self._event(samples)
        return evidence.bernoulli_evidence(int(event.sum()), event.size, null)

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        event = self._event(samples)
        n, k = event.size, float(event.sum())
        return (
            evidence.log_tilted_ratio(k, n, values, gain=gain),
            evidence.log_tilted_ratio(n - k, n, 1.0 - values, gain=gain),
        )

    def instead(self, wrong: object) -> Any:
        return wrong if isinstance(wrong, Estimator) else Probability(observable(wrong))

    def displaced(self, target: Range, step: float) -> Mapping[str, Range | Estimator]:
        values = super().displaced(target, step)
        return {text: at for text, at in values.items() if not isinstance(at, tuple) or 0.0 <= at[0] <= 1.0}

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw events; without a shift, of the probability that was planned for."""
        low, high = target
        centre = self.truth if self.truth is not None and shift == 0.0 else (low if shift < 0.0 else high)
        return ((rng.random(replicates) < centre + shift).astype(np.float64),)
