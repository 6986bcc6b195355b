"""Judging: from the samples of a check to a finding, at one of its planned looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from theory_check.claims.estimators import Range, SidedEvidence
from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Sample
from theory_check.findings.run import Finding, VariantFinding
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.intervals import Interval
from theory_check.inference.verdicts import Verdict, judge


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
    check, look = planned.check, range(len(planned.looks))[look]
    level, exact = planned.level * planned.shares[look], check.basis.exact

    def judged(estimate: Interval, target: Range) -> Verdict:
        return judge(estimate, target=target, margin=check.margin, remainder=check.remainder, exact=exact)

    interval = check.estimator.interval(samples, level)
    variants = []
    for variant in check.all_variants:
        estimate = interval if variant.estimator is None else variant.estimator.interval(samples, level)
        target = check.target if variant.target is None else variant.target
        variants.append(
            VariantFinding(
                name=variant.name, target_lower=target[0], target_upper=target[1], estimate=estimate.estimate,
                lower=estimate.lower, upper=estimate.upper, verdict=judged(estimate, target), distance=variant.distance,
            )
        )  # fmt: skip
    return Finding(
        id=planned.id, network="; ".join(str(sample.experiment) for sample in samples), quantity=check.quantity,
        method=check.estimator.method, estimate=interval.estimate, lower=interval.lower, upper=interval.upper,
        target_lower=check.target[0], target_upper=check.target[1], remainder=check.remainder, margin=check.margin,
        exact=exact, level=planned.level, miss_rate=check.miss_rate,
        resolution=check.estimator.resolution(check.target, planned.looks[look], level),
        verdict=judged(interval, check.target), replicates=planned.looks[look], planned=planned.replicates,
        log_evidence=log_evidence(planned, samples, look), variants=tuple(variants),
    )  # fmt: skip


def is_decided(finding: Finding) -> bool:
    """Tell whether no further look is needed: refuted, or supported with every wrong variant refuted."""
    return finding.verdict == "refuted" or (finding.verdict == "supported" and finding.has_teeth)


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
        estimator.log_evidence(prefix, null, planned.level * share) + np.log(share)
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
    estimator = planned.check.estimator
    sides = (
        [side + np.log(share) for side in estimator.sided_evidence(prefix, values, gain)]
        for prefix, share in _prefixes(planned, samples, look)
    )
    below, above = zip(*sides, strict=True)
    return np.logaddexp.reduce(below), np.logaddexp.reduce(above)


def _prefixes(
    planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int
) -> Iterator[tuple[list[Sample[Any]], float]]:
    for count, share in zip(planned.looks[: look + 1], planned.shares, strict=False):
        yield [sample.first(count) for sample in samples], share
