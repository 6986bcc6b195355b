"""What a check needs of its estimator, and what all of them share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

from theory_check.claims.observables import Observable, Samples, observable
from theory_check.foundation.arrays import FloatArray
from theory_check.inference import evidence
from theory_check.inference.intervals import Interval

Range: TypeAlias = tuple[float, float]

#: Log e-values against "the quantity is at most x" and against "at least x", for each x of a grid.
SidedEvidence: TypeAlias = tuple[FloatArray, FloatArray]

UNBOUNDED: Range = (-math.inf, math.inf)


class Estimator(Protocol):
    """An observable with a method of inference.

    Attributes
    ----------
    kind : str
        Name of the quantity in identities.
    method : str
        Usual name of the interval, for reports.
    bounds : (float, float)
        The values that the quantity can take.
    told_by : tuple of str
        Fields that the interval depends on besides the observable; those that only plan the sample are left out.
    """

    kind: ClassVar[str]
    method: ClassVar[str]
    bounds: ClassVar[Range]
    told_by: ClassVar[tuple[str, ...]]

    @property
    def observable(self) -> Observable:
        """What it reads of the samples."""

    @property
    def prediction(self) -> Range | None:
        """Value that its predicted law has, where there is one."""

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """Return how many replicates support a true statement with probability 1 - miss."""

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """Return the smallest deviation that is detected with probability 99%."""

    def interval(self, samples: Samples, alpha: float) -> Interval:
        """Return the confidence interval at level alpha."""

    def values(self, samples: Samples) -> tuple[FloatArray, ...]:
        """Return what the interval is made of, one row per replicate; one array per sample where each is by itself."""

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        """Return a log e-value against "the quantity lies in null", for decisions at a level near alpha."""

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        """Return log e-values against "at most x" and "at least x" for each x, made for products over nights."""

    def instead(self, wrong: object) -> Estimator:
        """Return the estimator under a mistake: another law, another observable."""

    def separation(self, other: Estimator) -> float | None:
        """Return how far the prediction of another estimator is from its own; None if only samples can tell."""

    def displaced(self, target: Range, step: float) -> Mapping[str, Range | Estimator]:
        """Return the statements that lie a step away from the target on either side, by what they say."""

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw values of the observable in a world where the quantity is the target plus ``shift``.

        Returns
        -------
        tuple of arrays
            One for each time that the interval evaluates the observable.
        """


@dataclass(frozen=True)
class OfObservable:
    """What estimators share: an observable, and a quantity whose value can be displaced.

    Attributes
    ----------
    observable : Observable, or the name of a column, or a function of the samples
    """

    observable: Observable
    told_by: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "observable", observable(self.observable))

    @property
    def prediction(self) -> Range | None:
        """None: its law, if it has one, does not fix the quantity."""
        return None

    def values(self, samples: Samples) -> tuple[FloatArray, ...]:
        return (self.observable(samples),)

    def instead(self, wrong: object) -> Any:
        if hasattr(wrong, "interval"):
            return wrong
        return replace(self, observable=observable(wrong))

    def separation(self, other: Estimator) -> float | None:
        return None

    def displaced(self, target: Range, step: float) -> Mapping[str, Range | Estimator]:
        low, high = target[0] - step, target[1] + step
        return {"a value lower by twice the margin": (low, low), "a value higher by twice the margin": (high, high)}


def calibrated(interval_at: Callable[[float], Interval], null: Range) -> float:
    """Calibrate the smallest level at which an interval is disjoint from the null."""
    return evidence.log_calibrated(float(evidence.log_p_from_intervals(interval_at, [null])[0]))


def sided_calibration(interval_at: Callable[[float], Interval], values: FloatArray, gain: float) -> SidedEvidence:
    """Calibrate the smallest levels at which an interval leaves each side of each value."""
    below = [(-math.inf, float(x)) for x in values]
    above = [(float(x), math.inf) for x in values]
    log_p = evidence.log_p_from_intervals(interval_at, below + above)
    first, second = np.split(evidence.tilted_calibration(log_p, gain=gain), 2)
    return first, second
