"""Judging: from the samples of a check to a finding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Sample
from theory_check.findings.run import Finding, VariantFinding
from theory_check.inference.verdicts import judge


def evaluate(planned: PlannedCheck, samples: Sequence[Sample[Any]]) -> Finding:
    """Judge a check and its wrong variants on samples of its experiments."""
    check = planned.check
    interval = check.estimator.interval(samples, planned.level)
    variants = []
    for variant in check.all_variants:
        estimate = interval if variant.estimator is None else variant.estimator.interval(samples, planned.level)
        target = check.target if variant.target is None else variant.target
        verdict = judge(
            estimate, target=target, margin=check.margin, remainder=check.remainder, exact=check.basis.exact
        )  # fmt: skip
        variants.append(
            VariantFinding(
                name=variant.name, target_lower=target[0], target_upper=target[1], estimate=estimate.estimate,
                lower=estimate.lower, upper=estimate.upper, verdict=verdict, distance=variant.distance,
            )
        )  # fmt: skip
    return Finding(
        id=planned.id,
        network="; ".join(str(sample.experiment) for sample in samples),
        quantity=check.quantity,
        method=check.estimator.method,
        estimate=interval.estimate,
        lower=interval.lower,
        upper=interval.upper,
        target_lower=check.target[0],
        target_upper=check.target[1],
        remainder=check.remainder,
        margin=check.margin,
        exact=check.basis.exact,
        level=planned.level,
        miss_rate=check.miss_rate,
        resolution=check.estimator.resolution(check.target, planned.replicates, planned.level),
        verdict=judge(
            interval, target=check.target, margin=check.margin, remainder=check.remainder, exact=check.basis.exact
        ),
        replicates=planned.replicates,
        log_evidence=check.estimator.log_evidence(samples, check.null, planned.level),
        variants=tuple(variants),
    )
