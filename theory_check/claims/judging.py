"""Judging: from the samples of a check to a finding, at one of its planned looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Sample
from theory_check.findings.run import Finding, VariantFinding
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.verdicts import judge


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
    level = planned.level * planned.shares[look]
    interval = check.estimator.interval(samples, level)
    variants = []
    for variant in check.all_variants:
        estimate = interval if variant.estimator is None else variant.estimator.interval(samples, level)
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
        resolution=check.estimator.resolution(check.target, planned.looks[look], level),
        verdict=judge(
            interval, target=check.target, margin=check.margin, remainder=check.remainder, exact=check.basis.exact
        ),
        replicates=planned.looks[look],
        planned=planned.replicates,
        log_evidence=log_evidence(planned, samples, look),
        variants=tuple(variants),
    )


def is_decided(finding: Finding) -> bool:
    """Tell whether no further look is needed: refuted, or supported with every wrong variant refuted."""
    return finding.verdict == "refuted" or (finding.verdict == "supported" and finding.has_teeth)


def log_evidence(planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int) -> float:
    """Return a log e-value against the check from all looks up to this one.

    Each look has an e-value E_k of its own. The sum of w_k E_k over the looks that were made, w_k the shares of the
    level, is at most the sum over all looks that were planned, whose mean is at most 1 under the statement: whatever
    rule stopped the looks, it is an e-value.
    """
    found = [
        check_evidence + np.log(share)
        for check_evidence, share in (
            (planned.check.estimator.log_evidence(prefix, planned.check.null, planned.level * share), share)
            for prefix, share in _prefixes(planned, samples, look)
        )
    ]
    return float(np.logaddexp.reduce(found))


def sided_evidence(
    planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int, values: FloatArray, gain: float
) -> tuple[FloatArray, FloatArray]:
    """Return log e-values against "at most x" and "at least x" for each x, mixed over the looks as log_evidence."""
    below, above = zip(
        *(
            [side + np.log(share) for side in planned.check.estimator.sided_evidence(prefix, values, gain)]
            for prefix, share in _prefixes(planned, samples, look)
        ),
        strict=True,
    )
    return np.logaddexp.reduce(below), np.logaddexp.reduce(above)


def _prefixes(
    planned: PlannedCheck, samples: Sequence[Sample[Any]], look: int
) -> list[tuple[list[Sample[Any]], float]]:
    made = zip(planned.looks[: look + 1], planned.shares, strict=False)
    return [([sample.first(count) for sample in samples], share) for count, share in made]
