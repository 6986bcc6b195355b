"""Base classes of estimators: what a check needs of one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from theory_check.claims.estimators import deviations
from theory_check.claims.observables import Observable, Samples, observable
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_sequence
from theory_check.foundation.laws import Normal, check_law
from theory_check.foundation.user_code import is_foreign
from theory_check.inference import evidence
from theory_check.inference.intervals import Interval

Range: TypeAlias = tuple[float, float]

#: Log e-values against "the quantity is at most x" and against "at least x", for each x of a grid.
SidedEvidence: TypeAlias = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Estimator(ABC):
    """An observable with a method of inference.

    Attributes
    ----------
    observable : Observable, or the name of a column, or a function of the samples
    kind : str
        Name of the quantity in identities.
    method : str
        Usual name of the interval, for reports.
    bounds : (float, float)
        The values that the quantity can take.
    deviation : Normal or Kolmogorov
        Law of the error of the estimate, in units of a scale over the root of the sample size, for expected costs.
    told_by : tuple of str
        Fields that the interval depends on besides the observable; those that only plan the sample are left out.
    """

    observable: Observable
    kind: ClassVar[str]
    method: ClassVar[str]
    bounds: ClassVar[Range] = (-math.inf, math.inf)
    told_by: ClassVar[tuple[str, ...]] = ()
    deviation: ClassVar[deviations.Normal | deviations.Kolmogorov] = deviations.Normal()

    def __post_init__(self) -> None:
        object.__setattr__(self, "observable", observable(self.observable))
        laws = getattr(self, "laws", (getattr(self, "law", None),))
        for law in check_sequence("laws", laws):
            if law is not None and not (hasattr(law, "cdf") and hasattr(law, "quantile")):
                raise SpecificationError(f"law is {law!r}; give one with the functions cdf and quantile")
            if isinstance(law, Normal) or (law is not None and is_foreign(type(law))):
                check_law(law)

    @property
    def prediction(self) -> Range | None:
        """Value that the predicted law has; None if there is no law, or if it does not fix the quantity."""
        return None

    @abstractmethod
    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """Plan a sample.

        Parameters
        ----------
        target : (float, float)
        margin : float
        alpha : float
            Level of the interval.
        miss : float
            Probability, at most, that a true statement is not supported.

        Returns
        -------
        int
        """

    @abstractmethod
    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """Return the smallest deviation that is detected with probability 99%.

        Parameters
        ----------
        target : (float, float)
        replicates : int
        alpha : float
        """

    @abstractmethod
    def interval(self, samples: Samples, alpha: float) -> Interval:
        """Return the confidence interval at level alpha."""

    def values(self, samples: Samples) -> tuple[FloatArray, ...]:
        """Return what the interval is made of, one row per replicate; one array per sample where each is by itself."""
        return (self.observable(samples),)

    def violated(self, samples: Samples, level: float) -> str:
        """Return which of its hypotheses the samples contradict at that level; nothing if none, or if it has none."""
        return ""

    @abstractmethod
    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        """Return a log e-value against "the quantity lies in null".

        Parameters
        ----------
        samples : sequence of Sample
        null : (float, float)
        alpha : float
            Decisions are made at a level near it.
        """

    @abstractmethod
    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        """Return log e-values against "at most x" and "at least x", made for products over nights.

        Parameters
        ----------
        samples : sequence of Sample
        values : array
            Each x.
        gain : float
            Log e-value that the whole product should reach.
        """

    @abstractmethod
    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw values of the observable in a world where the quantity is the target plus a shift.

        Parameters
        ----------
        target : (float, float)
        shift : float
        replicates : int
        rng : Generator

        Returns
        -------
        tuple of arrays
            One for each time that the interval evaluates the observable.
        """

    def instead(self, wrong: object) -> Any:
        """Return the estimator under a mistake: another one, or another observable."""
        return wrong if isinstance(wrong, Estimator) else replace(self, observable=observable(wrong))

    def separation(self, other: Estimator) -> float | None:
        """Return how far the prediction of another estimator is from its own; None if only samples can tell."""
        return None

    def displaced(self, target: Range, step: float) -> Mapping[str, Range | Estimator]:
        """Return the statements that lie a step away from the target on either side, by what they say."""
        low, high = target[0] - step, target[1] + step
        return {"a value lower by twice the margin": (low, low), "a value higher by twice the margin": (high, high)}


class ByLevels(Estimator):
    """An estimator whose evidence is the smallest level at which its interval excludes a value, calibrated."""

    @abstractmethod
    def at_levels(self, samples: Samples) -> Callable[[float], Interval]:
        """Return the interval as a function of its level, on samples that are sorted once."""

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        log_p = evidence.log_p_from_intervals(self.at_levels(samples), [null])
        return evidence.log_calibrated(float(log_p[0]))

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        nulls = [(-math.inf, float(x)) for x in values] + [(float(x), math.inf) for x in values]
        log_p = evidence.log_p_from_intervals(self.at_levels(samples), nulls)
        first, second = np.split(evidence.tilted_calibration(log_p, gain=gain), 2)
        return first, second
