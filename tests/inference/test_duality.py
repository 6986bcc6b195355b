"""Duality of evidence and intervals: what an interval refutes at level alpha has evidence near 1/alpha."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory_check.inference.evidence import (
    bernoulli_evidence,
    kolmogorov_log_tail,
    log_calibrated,
    log_p_from_intervals,
    mean_evidence,
    quantile_evidence,
)
from theory_check.inference.intervals import (
    kolmogorov_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_spread_interval,
)


@pytest.mark.parametrize("shift", [0.0, 0.08, 0.3])
def test_evidence_agrees_with_the_interval(shift):
    sample = np.random.Generator(np.random.Philox(17)).standard_normal(2000) + shift
    alpha = 1e-5
    null = (-0.02, 0.02)
    median = quantile_interval(sample, 0.5, alpha=alpha)
    mean = mean_interval(sample, variance_bound=1.0, alpha=alpha)
    positive = int((sample > 0.0).sum())
    share = proportion_interval(positive, 2000, alpha=alpha)
    law = kolmogorov_interval(sample, stats.norm.cdf, alpha=alpha)
    excess = max(law.estimate - 0.02, 0.0)
    found = {
        "median": (quantile_evidence(sample, 0.5, null), median.disjoint(*null)),
        "mean": (mean_evidence(sample, variance_bound=1.0, null=null, alpha=alpha), mean.disjoint(*null)),
        "share": (bernoulli_evidence(positive, 2000, (0.49, 0.51)), share.disjoint(0.49, 0.51)),
        "law": (log_calibrated(float(kolmogorov_log_tail(2000, excess))), law.disjoint(0.0, 0.02)),
    }
    threshold = -math.log(alpha)
    for name, (log_e, refuted) in found.items():
        assert refuted == (shift == 0.3), name
        assert (log_e >= threshold) == (shift == 0.3), name
    # A true null is rarely worth more than a few units, and this sample is no exception.
    assert shift > 0.0 or all(log_e < 3.0 for log_e, _ in found.values())


@given(st.floats(0.3, 3.0))
def test_the_evidence_about_a_mean_reaches_the_threshold_where_the_interval_refutes(scale):
    sample = np.random.Generator(np.random.Philox(5)).standard_normal(500)
    alpha = 1e-4
    interval = mean_interval(sample, variance_bound=1.0, alpha=alpha)
    point = scale * interval.upper
    log_e = mean_evidence(sample, variance_bound=1.0, null=(point, point), alpha=alpha)
    # The end is a root to 1e-9 standard errors.
    if interval.disjoint(point, point) and abs(point - interval.upper) > 1e-8:
        assert log_e >= -math.log(alpha)


def test_spreads_through_their_intervals():
    sample = np.random.Generator(np.random.Philox(3)).standard_normal(3000)
    true = 2.0 * float(stats.norm.ppf(0.75))

    def at_levels(level):
        return quantile_spread_interval(sample, 0.25, 0.75, alpha=level)

    nulls = [(true, true), (-math.inf, 1.1), (1.6, math.inf), (-math.inf, 1.6)]
    log_p = log_p_from_intervals(at_levels, nulls)
    assert log_p[0] > math.log(0.05)
    assert log_p[1] < -10.0
    assert log_p[2] < -10.0
    assert log_p[3] == 0.0
    for null, value in zip(nulls[1:3], log_p[1:3], strict=True):
        # The level found is the smallest of the ladder: the next one no longer separates.
        assert at_levels(math.exp(value)).disjoint(*null)
        assert not at_levels(math.exp(value - 1.0 / 16.0)).disjoint(*null)
