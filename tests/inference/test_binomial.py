from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from theory_check.inference.binomial import miss_bound, rejection_count, upper_tail

levels = st.floats(1e-9, 0.5)
probabilities = st.floats(1e-3, 1 - 1e-3)


@settings(deadline=None)
@given(trials=st.integers(1, 300), probability=probabilities, data=st.data())
def test_the_tail_is_that_of_scipy(trials, probability, data):
    count = data.draw(st.integers(0, trials + 1))
    # Two implementations of the incomplete beta function, each good to about 1e-13.
    assert upper_tail(count, trials, probability) == pytest.approx(
        binom.sf(count - 1, trials, probability), rel=1e-10, abs=1e-300
    )


@settings(deadline=None)
@given(trials=st.integers(1, 300), null=probabilities, level=levels)
def test_the_rejection_count_is_the_smallest_that_keeps_the_level(trials, null, level):
    count = rejection_count(trials, null, level)
    assert upper_tail(count, trials, null) <= level
    assert upper_tail(count - 1, trials, null) > level


@pytest.mark.parametrize(("null", "expected"), [(0.0, 1), (1.0, 11)])
def test_a_certain_null_is_rejected_by_the_first_contradiction_or_never(null, expected):
    assert rejection_count(10, null, 0.01) == expected


@settings(deadline=None)
@given(trials=st.integers(1, 2000), null=probabilities, share=st.floats(0, 1), level=levels)
def test_the_miss_bound_is_a_bound_and_loses_at_most_one_count(trials, null, share, level):
    truth = null + share * (1 - null)
    count = rejection_count(trials, null, level)
    bound = miss_bound(trials, null, truth, level)
    # Rounding of the incomplete beta function.
    assert bound >= binom.cdf(count - 1, trials, truth) - 1e-12
    if count < trials:
        assert bound <= binom.cdf(count, trials, truth) + 1e-12


@pytest.mark.parametrize("level", [1e-6, 5e-4, 0.05])
@pytest.mark.parametrize(
    ("null", "truth"), [(0.5, 0.55), (0.01, 0.03), (0.97, 0.99), (0.2, 0.9), (0.98, 0.9999), (0.0, 0.01), (0.95, 1.0)]
)
def test_the_miss_bound_decreases_with_the_sample_size(null, truth, level):
    misses = [miss_bound(n, null, truth, level) for n in range(1, 1500, 3)]
    # Differences below the rounding of the incomplete beta function are not differences.
    assert all(later <= earlier + 1e-13 for earlier, later in itertools.pairwise(misses))
