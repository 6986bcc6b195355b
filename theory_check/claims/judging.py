"""Judging: from the samples of a check to a finding, at one of its planned looks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from theory_check.claims.checks import Variant
from theory_check.claims.divergence import Converged, leave_out_diverged
from theory_check.claims.estimators import Estimator, Range, SidedEvidence
from theory_check.claims.planning import PlannedCheck
from theory_check.claims.violations import violation
from theory_check.experiments.experiment import Sample
from theory_check.findings.run import Finding, VariantFinding, VariantKind
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.intervals import Interval
from theory_check.inference.verdicts import Verdict, judge


@dataclass(frozen=True)
class Look:
    """A check at one of its planned looks: each interval is made once, and only if something asks for it.

    Attributes
    ----------
    planned : PlannedCheck
    samples : sequence of Sample
        One for each of its experiments, with as many replicates as the look has.
    number : int
        Place among the planned looks.
    """

    planned: PlannedCheck
    samples: Sequence[Sample[Any]]
    number: int

    @property
    def is_last(self) -> bool:
        """Whether no other look is planned."""
        return self.number == len(self.planned.looks) - 1

    @property
    def is_decided(self) -> bool:
        """Whether no further look is needed: refuted, or supported with every wrong variant refuted."""
        if self.verdict != "supported":
            return self.verdict == "refuted"
        return bool(self._variants) and all(self._judged(place)[1] == "refuted" for place in range(len(self._variants)))

    @property
    def finding(self) -> Finding:
        """The finding at this look, with the evidence of all looks up to it."""
        planned, check = self.planned, self.planned.check
        variants, displaced = [], len(check.displaced)
        for place, variant in enumerate(self._variants):
            kind: VariantKind = "value" if variant.estimator is None else "measured"
            estimate, verdict = self._judged(place)
            target = check.target if variant.target is None else variant.target
            variants.append(
                VariantFinding(
                    name=variant.name, target_lower=target[0], target_upper=target[1], estimate=estimate.estimate,
                    lower=estimate.lower, upper=estimate.upper, verdict=verdict, distance=variant.distance,
                    kind="displaced" if place < displaced else kind,
                )
            )  # fmt: skip
        count, interval = planned.looks[self.number], self._interval
        return Finding(
            id=planned.id, network="; ".join(str(sample.experiment) for sample in self.samples),
            quantity=check.quantity, method=check.estimator.method, estimate=interval.estimate, lower=interval.lower,
            upper=interval.upper, target_lower=check.target[0], target_upper=check.target[1],
            remainder=check.remainder, margin=check.margin, exact=check.basis.exact, level=planned.level,
            miss_rate=check.miss_rate, resolution=self._resolution,
            verdict="inapplicable" if self._violation else self.verdict, replicates=count, planned=planned.replicates,
            log_evidence=0.0 if self._violation else log_evidence(planned, self.samples, self.number),
            violation=self._violation, divergence=self._converged.divergence, variants=tuple(variants),
        )  # fmt: skip

    @property
    def _level(self) -> float:
        return self.planned.level * self.planned.shares[self.number]

    @cached_property
    def _converged(self) -> Converged:
        return leave_out_diverged(self.planned.check, self.samples)

    def _estimate(self, estimator: Estimator) -> Interval:
        if self._converged.violation:
            return Interval(math.nan, -math.inf, math.inf, self._level, estimator.method)
        return estimator.interval(self._converged.samples, self._level)

    @property
    def _resolution(self) -> float:
        if self._converged.violation:
            return math.inf
        check, judged = self.planned.check, self.planned.looks[self.number] - self._converged.left_out
        return check.estimator.resolution(check.target, judged, self._level)

    @cached_property
    def _interval(self) -> Interval:
        return self._estimate(self.planned.check.estimator)

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict on the statement, whatever becomes of its wrong variants and hypotheses."""
        return self._verdict_on(self._interval, self.planned.check.target)

    @cached_property
    def _violation(self) -> str:
        planned, converged = self.planned, self._converged
        return converged.violation or violation(
            planned.check.estimator, converged.samples, self._level, believed=planned.believed
        )

    @cached_property
    def _variants(self) -> tuple[Variant, ...]:
        return self.planned.check.all_variants

    @cached_property
    def _known(self) -> dict[int, tuple[Interval, Verdict]]:
        return {}

    def _judged(self, place: int) -> tuple[Interval, Verdict]:
        """Return the interval that judges a variant, and the verdict on it."""
        if place not in self._known:
            other, target = self._variants[place].estimator, self._variants[place].target
            estimate = self._interval if other is None else self._estimate(other)
            self._known[place] = estimate, self._verdict_on(estimate, target or self.planned.check.target)
        return self._known[place]

    def _verdict_on(self, estimate: Interval, target: Range) -> Verdict:
        check = self.planned.check
        return judge(estimate, target=target, margin=check.margin, remainder=check.remainder, exact=check.basis.exact)


def decisive_look(planned: PlannedCheck, samples: Sequence[Sample[Any]]) -> Look:
    """Make one planned look after the other until one decides; what comes after it changes nothing.

    Parameters
    ----------
    planned : PlannedCheck
    samples : sequence of Sample
        One for each of its experiments, with as many replicates as are planned.

    Returns
    -------
    Look
        The first that decides, or else the last.
    """
    looks = (
        Look(planned, [sample.first(count) for sample in samples], number) for number, count in enumerate(planned.looks)
    )
    return next(look for look in looks if look.is_decided or look.is_last)


def evaluate(planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int = -1) -> Finding:
    """Judge a check and its wrong variants at a look.

    Parameters
    ----------
    planned : PlannedCheck
    samples : sequence of Sample
        One for each of its experiments, with as many replicates as the look has.
    look : int
        Place among the planned looks; default: the last.

    Returns
    -------
    Finding
    """
    return Look(planned, samples, range(len(planned.looks))[look]).finding


def log_evidence(planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int) -> float:
    """Return a log e-value against the check from all looks up to this one.

    Each look has an e-value E_k of its own. The sum of w_k E_k over the looks that were made, w_k the shares of the
    level, is at most the sum over all looks that were planned, whose mean is at most 1 under the statement: whatever
    rule stopped the looks, it is an e-value.

    Parameters
    ----------
    planned : PlannedCheck
    samples : sequence of Sample
    look : int

    Returns
    -------
    float
    """
    estimator, null = planned.check.estimator, planned.check.null
    found = [
        (0.0 if prefix is None else estimator.log_evidence(prefix, null, planned.level * share)) + np.log(share)
        for prefix, share in _prefixes(planned, samples, look)
    ]
    return float(np.logaddexp.reduce(found))


def sided_evidence(
    planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int, values: FloatArray, gain: float
) -> SidedEvidence:
    """Return log e-values against "at most x" and "at least x" for each x, mixed over the looks as log_evidence.

    Parameters
    ----------
    planned : PlannedCheck
    samples : sequence of Sample
    look : int
    values : array
        Each x.
    gain : float
        As for :meth:`Estimator.sided_evidence`.

    Returns
    -------
    (array, array)
    """
    estimator, none = planned.check.estimator, (np.zeros(len(values)),) * 2
    sides = (
        [side + np.log(share) for side in (none if prefix is None else estimator.sided_evidence(prefix, values, gain))]
        for prefix, share in _prefixes(planned, samples, look)
    )
    below, above = zip(*sides, strict=True)
    return np.logaddexp.reduce(below), np.logaddexp.reduce(above)


def _prefixes(
    planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int
) -> Iterator[tuple[Sequence[Sample[Any]] | None, float]]:
    """Return the samples of each look, None where too many trainings diverged: its e-value is 1."""
    for count, share in zip(planned.looks[: look + 1], planned.shares, strict=False):
        converged = leave_out_diverged(planned.check, [sample.first(count) for sample in samples])
        yield None if converged.violation else converged.samples, share
