"""Whether the law that a median is planned with is wide enough, and its target near enough, by simulation."""

from __future__ import annotations

import math

import numpy as np
from plans import plan_of
from scipy import stats

from theory_check.claims import Quantile
from theory_check.simulation.runner import run_experiments


def planned_medians(*claims):
    """Return the planned checks of medians at the quick profile."""
    planned = [p for claim in claims for p in plan_of(claim.id)]
    return [p for p in planned if isinstance(p.check.estimator, Quantile)]


def assert_planned_well(check, replicates, experiments):
    samples = run_experiments(dict.fromkeys(experiments, replicates), 2, threads=1)
    values = check.estimator.observable([samples[experiment] for experiment in experiments])
    # Replicates power, and power is a density at the median: the share within the planned quartiles must be at least a
    # half about the sampled median. 1e-6 is the chance that a share of exactly a half fails.
    low, middle, high = check.estimator.law.quantile(np.array([0.25, 0.5, 0.75]))
    centred = values - np.median(values)
    inside = int(np.sum((centred >= low - middle) & (centred <= high - middle)))
    assert inside >= stats.binom.ppf(1e-6, values.size, 0.5)
    # What is left for the size is enough: the median is that near its target, at five standard errors of a median.
    spread = 5.0 * 1.2533 * np.std(values) / math.sqrt(values.size)
    assert abs(np.median(values) - check.target[0]) <= check.basis.allowance * check.margin + spread
