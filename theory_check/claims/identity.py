"""Identity of what a claim states at a profile: nothing but a change of its meaning changes it.

The evidence of many nights belongs to one statement. Its identity covers what is computed: experiments, observable,
kind and numbers of the estimator, target, margin, remainder, exactness, level, and the version of the kernels. Names of
classes and functions, prose, and what only plans the sample stay out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from theory_check.claims.planning import PlannedCheck
from theory_check.kernels import KERNEL_VERSION


def claim_version(checks: Sequence[PlannedCheck]) -> str:
    """Return the identity of what a claim states at a profile (16 hexadecimal digits).

    Numbers enter with six digits and laws by their deciles: an update of a library that moves the last digits is not
    another statement. The number of replicates stays out: no null depends on it.
    """
    text = json.dumps({"checks": [_statement(planned) for planned in checks], "kernel_version": KERNEL_VERSION})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _statement(planned: PlannedCheck) -> list[object]:
    check, estimator = planned.check, planned.check.estimator
    return [
        planned.id,
        [experiment.identity for experiment in check.experiments],
        estimator.observable.formula,
        [estimator.kind, *(_spelled(getattr(estimator, field)) for field in estimator.told_by)],
        _spelled((*check.target, check.margin, check.remainder, planned.level)),
        check.basis.exact,
    ]


def _spelled(value: object) -> object:
    if hasattr(value, "quantile"):
        value = tuple(float(q) for q in value.quantile(np.arange(0.1, 0.95, 0.1)))
    if isinstance(value, tuple):
        return [_spelled(part) for part in value]
    return f"{value + 0.0:.6g}" if isinstance(value, float) else str(value)
