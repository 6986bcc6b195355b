from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design
from theory_check.inference.binomial import upper_tail
from theory_check.inference.equivalence import equivalence_test, proportion_test, quantile_test
from theory_check.inference.intervals import proportion_interval, quantile_interval

alternatives = ["greater", "less"]
levels = st.floats(1e-6, 0.4)


@settings(deadline=None)
@given(trials=st.integers(1, 300), null=st.floats(0.001, 0.999), data=st.data())
def test_proportion_tests_agree_with_scipy(trials, null, data):
    k = data.draw(st.integers(0, trials))
    for alternative in alternatives:
        reference = stats.binomtest(k, trials, null, alternative=alternative).pvalue
        # Two evaluations of one incomplete beta function.
        assert proportion_test(k, trials, null, alternative=alternative).p_value == pytest.approx(
            reference, rel=1e-9, abs=1e-300
        )


@settings(deadline=None)
@given(trials=st.integers(1, 300), null=st.floats(0.001, 0.999), alpha=levels, data=st.data())
def test_a_proportion_is_rejected_exactly_if_its_interval_excludes_it(trials, null, alpha, data):
    k = data.draw(st.integers(0, trials))
    interval = proportion_interval(k, trials, alpha=alpha)
    # At an end itself rounding decides.
    assume(min(abs(interval.lower - null), abs(interval.upper - null)) > 1e-9)
    assert proportion_test(k, trials, null).rejects(alpha) == (not interval.contains(null))


@pytest.mark.parametrize("null", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("trials", [1, 4, 9])
@pytest.mark.parametrize("alternative", [*alternatives, "two-sided"])
def test_all_outcomes_of_a_proportion_keep_the_level(trials, null, alternative):
    chances: dict[float, float] = {}
    for outcome in itertools.product((0, 1), repeat=trials):
        k = sum(outcome)
        p = proportion_test(k, trials, null, alternative=alternative).p_value
        chances[p] = chances.get(p, 0.0) + null**k * (1.0 - null) ** (trials - k)
    # P(p-value <= alpha) <= alpha at every attained value; rounding of sums of 2^n products.
    for alpha in chances:
        spent = sum(chance for p, chance in chances.items() if p <= alpha)
        assert spent <= alpha + 1e-12
        if alternative != "two-sided":
            assert spent == pytest.approx(alpha, abs=1e-12) or chances[alpha] == 0.0


values = st.lists(st.integers(-20, 20), min_size=1, max_size=60)


@settings(deadline=None)
@given(values=values, probability=st.floats(0.01, 0.99), null=st.integers(-21, 21))
def test_quantile_tests_agree_with_scipy(values, probability, null):
    for alternative in [*alternatives, "two-sided"]:
        reference = stats.quantile_test(values, q=null, p=probability, alternative=alternative).pvalue
        found = quantile_test(values, probability, null, alternative=alternative).p_value
        # 1 - p is rounded before it enters one of the two functions: n 1e-16 relative.
        assert found == pytest.approx(min(1.0, reference), rel=1e-9, abs=1e-15)


@settings(deadline=None)
@given(values=values, probability=st.floats(0.01, 0.99), null=st.integers(-21, 21), alpha=levels)
def test_a_quantile_is_rejected_exactly_if_its_interval_excludes_it(values, probability, null, alpha):
    interval = quantile_interval(values, probability, alpha=alpha)
    test = quantile_test(values, probability, null)
    # Doubling and halving are exact, so only a p-value of exactly alpha is left out.
    assume(test.p_value != alpha)
    assert test.rejects(alpha) == (not interval.contains(null))
    # An increasing affine map, exact in integers, changes nothing; a decreasing one mirrors the sides.
    moved = [3 * v + 7 for v in values]
    assert quantile_test(moved, probability, 3 * null + 7) == test


def test_quantile_tests_keep_the_level_for_ties():
    weights, n, p = {0: 0.3, 1: 0.2, 2: 0.5}, 6, 0.5
    # Every number in [1, 2] is a median.
    for null, alternative in ((1, "less"), (2, "greater"), (1, "two-sided"), (2, "two-sided")):
        outcomes = [
            (
                quantile_test(sample, p, null, alternative=alternative).p_value,
                math.prod(weights[x] for x in sample),
            )
            for sample in itertools.product(weights, repeat=n)
        ]
        for alpha in {found for found, _ in outcomes}:
            assert sum(chance for found, chance in outcomes if found <= alpha) <= alpha + 1e-12


@settings(deadline=None)
@given(
    trials=st.integers(1, 300),
    bounds=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)).map(sorted),
    data=st.data(),
)
def test_equivalence_is_two_incomplete_beta_functions(trials, bounds, data):
    low, high = bounds
    assume(high - low > 1e-3)
    k = data.draw(st.integers(0, trials))
    reference = max(upper_tail(k, trials, low), upper_tail(trials - k, trials, 1.0 - high))
    # 1 - high is rounded before it enters: n 1e-16 relative.
    assert equivalence_test(k, trials, (low, high)).p_value == pytest.approx(reference, rel=1e-12, abs=1e-300)


@settings(deadline=None)
@given(trials=st.integers(1, 300), alpha=st.floats(1e-6, 0.4), data=st.data())
def test_equivalence_is_an_interval_at_twice_the_level_inside(trials, alpha, data):
    k = data.draw(st.integers(0, trials))
    low, high = sorted(data.draw(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0))))
    assume(high - low > 1e-6 and not (low == 0.0 and high == 1.0))
    interval = proportion_interval(k, trials, alpha=2 * alpha)
    assume(min(abs(interval.lower - low), abs(interval.upper - high)) > 1e-9 or low == 0.0 or high == 1.0)
    inside = (low == 0.0 or interval.lower > low) and (high == 1.0 or interval.upper < high)
    assert equivalence_test(k, trials, (low, high)).rejects(alpha) == inside


@pytest.mark.parametrize("bounds", [(0.2, 0.7), (0.0, 0.4), (0.5, 1.0)])
def test_all_outcomes_of_an_equivalence_test_keep_the_level(bounds):
    n = 10
    p_values = [equivalence_test(k, n, bounds).p_value for k in range(n + 1)]
    for truth in [bound for bound in bounds if 0.0 < bound < 1.0]:
        weight = stats.binom.pmf(np.arange(n + 1), n, truth)
        for alpha in p_values:
            assert weight[[p <= alpha for p in p_values]].sum() <= alpha + 1e-12


def exact_power(p_values, trials, truth, alpha):
    return stats.binom.pmf(np.arange(trials + 1), trials, truth)[np.array(p_values) <= alpha].sum()


@pytest.mark.parametrize(("null", "truth"), [(0.5, 0.6), (0.5, 0.4), (0.02, 0.06), (0.99, 0.95), (0.3, 0.9)])
def test_the_planned_trials_detect_a_wrong_proportion(null, truth):
    alpha, miss = 1e-3, 0.05
    size = design.proportion_test_sample_size(null, truth, alpha=alpha, miss=miss)
    alternative = "greater" if truth > null else "less"
    for n in (size, size + 1, size + 5, size + 40):
        p_values = [proportion_test(k, n, null, alternative=alternative).p_value for k in range(n + 1)]
        assert exact_power(p_values, n, truth, alpha) >= 1 - miss - 1e-12
    fewer = math.floor(0.67 * size)
    p_values = [proportion_test(k, fewer, null, alternative=alternative).p_value for k in range(fewer + 1)]
    assert exact_power(p_values, fewer, truth, alpha) < 1 - miss
    low, high = design.proportion_test_resolution(null, trials=size, alpha=alpha, power=1 - miss)
    # The search stops at 1e-13 of its range.
    assert (high <= truth + 1e-9) if truth > null else (low >= truth - 1e-9)


@pytest.mark.parametrize(("bounds", "truth"), [((0.4, 0.6), 0.5), ((0.0, 0.1), 0.02), ((0.9, 1.0), 0.97)])
def test_the_planned_trials_show_equivalence(bounds, truth):
    alpha, miss = 1e-2, 0.05
    size = design.equivalence_sample_size(bounds, truth=truth, alpha=alpha, miss=miss)
    for n in (size, size + 1, size + 7):
        p_values = [equivalence_test(k, n, bounds).p_value for k in range(n + 1)]
        assert exact_power(p_values, n, truth, alpha) >= 1 - miss - 1e-12
    margin = design.equivalence_margin(truth, trials=size, alpha=alpha, miss=miss)
    # The bounds beyond 0 and 1 are free. The search stops at 1e-13 of its range.
    assert margin <= max(abs(truth - bound) for bound in bounds if 0 < bound < 1) + 1e-9


def test_equivalence_needs_bounds_around_the_truth():
    with pytest.raises(SpecificationError, match="nothing to show"):
        equivalence_test(1, 2, (0.0, 1.0))
    with pytest.raises(SpecificationError, match="two different"):
        equivalence_test(1, 2, (0.3, 0.3))
    with pytest.raises(SpecificationError, match="strictly between"):
        design.equivalence_sample_size((0.3, 0.5), truth=0.5, alpha=0.01, miss=0.01)
    with pytest.raises(SpecificationError, match="differ from null"):
        design.proportion_test_sample_size(0.5, 0.5, alpha=0.01, miss=0.01)
    with pytest.raises(SpecificationError, match="alternative must be"):
        proportion_test(1, 2, 0.5, alternative="larger")
    assert design.equivalence_margin(0.5, trials=2, alpha=1e-3, miss=0.01) == math.inf
