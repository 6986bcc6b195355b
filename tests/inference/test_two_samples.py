"""Two samples: the exact law of Smirnov's statistic against counting, and intervals that cover the distance of laws."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design, kolmogorov_test, law_distance_interval, proportion_interval, smirnov_test
from theory_check.inference.kolmogorov import kolmogorov_radius
from theory_check.inference.two_samples import _equal_tail

SEED = 20260901


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6])
def test_the_tail_is_that_of_all_arrangements(n):
    places = [np.isin(np.arange(2 * n), chosen) for chosen in combinations(range(2 * n), n)]
    statistics = np.array([np.abs(np.cumsum(np.where(place, 1, -1))).max() for place in places])
    for h in range(1, n + 1):
        # Sums of a few terms of order one, each good to a few roundings of logarithms up to 2 n log n < 25.
        assert _equal_tail(n, h) == pytest.approx(np.mean(statistics >= h), rel=1e-13)


@pytest.mark.parametrize(("n", "h"), [(50, 12), (400, 60), (5000, 300)])
def test_the_tail_is_that_of_scipy(n, h):
    x = np.arange(n, dtype=float)
    # Shifted by h places: D = h/n. SciPy's recursion of n products rounds n times.
    assert smirnov_test(x, x + h - 0.5).statistic == h / n
    expected = stats.ks_2samp(x, x + h - 0.5, method="exact").pvalue
    assert smirnov_test(x, x + h - 0.5).p_value == pytest.approx(expected, rel=1e-11)


def test_unequal_sizes_and_ties():
    first, second = [1.0, 2.0, 2.0], [2.0, 3.0]
    test = smirnov_test(first, second)
    # F_3 - G_2 at 1, 2, 3: 1/3, 1 - 1/2, 0.
    assert test.statistic == pytest.approx(0.5, abs=1e-15)
    assert smirnov_test([1.0] * 20, [1.0] * 20).p_value == 1.0
    assert not smirnov_test(first, second).rejects(0.05)


def test_two_samples_of_one_law_are_rejected_at_the_level_and_the_misuse_more_often():
    rng, runs, n, level = np.random.default_rng(SEED), 2000, 200, 0.05
    rejected, misused, missed = 0, 0, 0
    for _ in range(runs):
        x, y = rng.standard_exponential((2, n))
        rejected += smirnov_test(x, y).rejects(level)
        ordered = np.sort(y)
        misused += kolmogorov_test(x, lambda t, s=ordered: np.searchsorted(s, t, side="right") / s.size).rejects(level)
        missed += not law_distance_interval(x, y + 0.5, alpha=level).contains(1.0 - np.exp(-0.5))
    # Discrete: the largest attainable level below .05 at n = 200 is P(D >= .140) = .0397.
    attainable = max(p for p in (_equal_tail(n, h) for h in range(1, n)) if p <= level)
    assert proportion_interval(rejected, runs, alpha=1e-6).contains(attainable)
    assert proportion_interval(missed, runs, alpha=1e-6).lower <= level
    # The empirical law in the place of the law: a third of true statements are rejected at 5%.
    assert proportion_interval(misused, runs, alpha=1e-6).lower > 0.2


def test_the_interval_has_two_bands_and_finds_a_shift():
    rng = np.random.default_rng(SEED + 1)
    x, y = rng.standard_normal((2, 4000))
    same, moved = (law_distance_interval(x, z, alpha=1e-6) for z in (y, y + 0.5))
    assert same.lower == 0.0
    # sup |Phi(t) - Phi(t - 1/2)| = 2 Phi(1/4) - 1.
    assert moved.lower > 0.0
    assert moved.contains(2.0 * stats.norm.cdf(0.25) - 1.0)
    assert moved.upper - moved.estimate == pytest.approx(2.0 * kolmogorov_radius(4000, 5e-7), rel=1e-12)


def test_samples_of_the_planned_size_support_one_law():
    rng, plan = np.random.default_rng(SEED + 2), {"alpha": 1e-6, "miss": 1e-6}
    n = design.law_distance_sample_size(margin=0.1, **plan)
    assert (
        design.law_distance_margin(observations=n, **plan)
        <= 0.1
        < design.law_distance_margin(observations=n - 1, **plan)
    )
    for _ in range(20):
        assert law_distance_interval(*rng.standard_cauchy((2, n)), alpha=1e-6).inside(0.0, 0.1)


def test_samples_are_checked():
    with pytest.raises(SpecificationError, match="second"):
        smirnov_test([1.0], [np.nan])
    with pytest.raises(SpecificationError, match="alpha"):
        law_distance_interval([1.0], [2.0], alpha=0.0)
