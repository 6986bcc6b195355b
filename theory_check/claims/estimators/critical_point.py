"""Locating a critical exponent: the beta at which a quantity that decreases in beta crosses zero, with an interval.

Networks that share their weights at every beta (a sweep) have a :func:`crossing` each, and the median of the
crossings has an interval by order statistics. Where each beta has networks of its own, :class:`CriticalPoint` finds
between which two of the betas the median changes sign. Both hold at every sample size; neither interpolates between
depths or appeals to a limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from theory_check.claims.estimators.estimator import Estimator, Range, SidedEvidence
from theory_check.claims.observables import Observable, Samples
from theory_check.experiments.experiment import Sample
from theory_check.foundation.arguments import check_count, check_number, check_text
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.laws import Law
from theory_check.inference import design, evidence
from theory_check.inference.crossings import bracket, crossing_log_p, last_crossings
from theory_check.inference.intervals import Interval


def crossing(
    name: str = "log_displacement", experiment: int = 0, other: int | None = None, shift: float = 0.0
) -> Observable:
    r"""Return the last beta of a sweep at which log D, or its growth from one depth to another, is positive.

    D is averaged over the inputs that share a draw of the weights. Between neighbouring betas the logarithm is
    interpolated linearly. A draw that is positive at the largest beta, or nowhere, crosses at plus or minus
    :data:`~theory_check.inference.crossings.OUTSIDE`: it counts on its side of a median, which is all a median asks.
    If in every draw the quantity decreases in beta, the median of the crossings is where its median is zero.

    Parameters
    ----------
    name : str
        ``log_displacement`` or ``log_gradient_displacement``: logarithm of the root of D.
    experiment : int
        Place of the sweep in the check.
    other : int, optional
        Place of a sweep of another depth with the same betas: the quantity is log D of the first less log D of the
        second, for pairs of independent networks.
    shift : float
        Added to every crossing: what separates the exponent at this depth from the one that is asked for.

    Returns
    -------
    Observable
        One exponent per replicate.

    Raises
    ------
    SpecificationError
        Unless the arguments are of their kinds; on evaluation, if both sweeps have different betas.
    """
    check_text("column", name)
    shift = check_number("shift", shift)
    for place in (experiment, other):
        if place is not None:
            check_count("place of an experiment", place, 0)

    def evaluate(samples: Samples) -> FloatArray:
        sweep = samples[experiment].experiment
        values = log_mean_square(samples[experiment], name)
        if other is not None:
            if samples[other].experiment.betas != sweep.betas:
                raise SpecificationError("sweeps of two depths must have the same betas")
            values = values - log_mean_square(samples[other], name)
        return last_crossings(sweep.betas, values) + shift

    against = "" if other is None else f" less @{other}"
    places = {experiment} | ({other} if other is not None else set())
    return Observable(
        f"crossing of {name}@{experiment}{against} + {float(shift)!r}", evaluate, frozenset((name, p) for p in places)
    )


def log_mean_square(sample: Sample[Any], column: str) -> FloatArray:
    """Return the logarithm of D, averaged over inputs: shape (replicates, betas)."""
    from scipy.special import logsumexp

    logarithms = 2.0 * sample.column(column)
    return np.asarray(logsumexp(logarithms, axis=2) - math.log(logarithms.shape[2]))


@dataclass(frozen=True)
class CriticalPoint(Estimator):
    r"""Where the median of a quantity that decreases in beta is zero, from its sign at each beta of a grid.

    The interval ends at the largest beta with a median that is positive and at the smallest with one that is negative,
    each beyond doubt at level alpha over the number of betas; an end is infinite where there is none. Only monotonicity
    is used. Signs that contradict it decide nothing.

    Attributes
    ----------
    observable : Observable, or a function of the samples
        Values of the quantity, shape (replicates, betas); the columns may come from different cells.
    betas : tuple of float
        Increasing. To be supported, the margin must hold a beta, strictly, on either side of the target.
    law_at : callable
        Predicted law of the quantity at any beta, decreasing in it; for planning only. A frozen value.
    """

    betas: tuple[float, ...]
    law_at: Callable[[float], Law]
    kind: ClassVar[str] = "critical point"
    method: ClassVar[str] = "signs of medians, bracketed"
    told_by: ClassVar[tuple[str, ...]] = ("betas",)

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        """Return how many replicates decide the signs at the outermost betas within the margin.

        Raises
        ------
        SpecificationError
            If there is no beta within the margin on one side.
        """
        below = [b for b in self.betas if target[0] - margin < b < target[0]]
        above = [b for b in self.betas if target[1] < b < target[1] + margin]
        if not below or not above:
            raise SpecificationError(
                f"the margin of {margin:g} about {target} holds no beta on one side; add betas closer to the target"
            )
        shares = [1.0 - self._negative(below[0]), self._negative(above[-1])]
        return max(
            design.quantile_sample_size(
                0.5, cdf_low=1.0 - share, cdf_high=share, alpha=alpha / len(self.betas), miss=miss / 2.0
            )
            for share in shares
        )

    def resolution(self, target: Range, replicates: int, alpha: float) -> float:
        """Return the smallest shift of the predicted laws along beta that is detected with probability 99%."""
        low, high = design.quantile_resolution(0.5, observations=replicates, alpha=alpha / len(self.betas))
        right, left = (
            # The interval ends beyond the target, or at it, as soon as one beta there is decided.
            [self._shift(beta, share) for beta in self.betas if side * (beta - centre) > 0.0]
            for side, centre, share in ((1.0, target[1], low), (-1.0, target[0], high))
        )
        return max(min(map(abs, right), default=math.inf), min(map(abs, left), default=math.inf))

    def interval(self, samples: Samples, alpha: float) -> Interval:
        """Return the bracket, with the crossing of the interpolated empirical medians as estimate."""
        return Interval(*bracket(self.betas, self.observable(samples), alpha=alpha), alpha, self.method)

    def log_evidence(self, samples: Samples, null: Range, alpha: float) -> float:
        """Calibrate the smaller of the p-values of both sides, doubled."""
        low, high = null
        below, above = crossing_log_p(self.betas, self.observable(samples), [low, high])
        return evidence.log_calibrated(min(0.0, float(min(below[1], above[0])) + math.log(2.0)))

    def sided_evidence(self, samples: Samples, values: FloatArray, gain: float) -> SidedEvidence:
        """Calibrate the p-values of each side."""
        below, above = crossing_log_p(self.betas, self.observable(samples), values)
        return evidence.tilted_calibration(below, gain=gain), evidence.tilted_calibration(above, gain=gain)

    def _negative(self, beta: float) -> float:
        """Predicted probability of a negative value."""
        return float(self.law_at(beta).cdf(np.array([0.0]))[0])

    def _shift(self, beta: float, share: float) -> float:
        """Return the shift of the laws that makes a value at ``beta`` negative with probability ``share``."""
        if not 0.0 < share < 1.0:
            return math.inf
        reach = 1.0
        near, far = -reach, reach
        if not self._negative(beta + near) < share < self._negative(beta + far):
            return math.inf
        while far - near > 1e-6:
            middle = 0.5 * (near + far)
            near, far = (middle, far) if self._negative(beta + middle) < share else (near, middle)
        return near

    def draw(self, target: Range, shift: float, replicates: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """Draw from the predicted laws, shifted along beta."""
        laws = [self.law_at(beta - shift) for beta in self.betas]
        return (np.stack([law.quantile(rng.random(replicates)) for law in laws], axis=1),)
