from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design
from theory_check.inference.intervals import Interval, proportion_interval, quantile_ranks
from theory_check.inference.rates import slope_interval

levels = st.floats(1e-8, 0.3)
misses = st.floats(1e-4, 0.3)


@functools.cache
def all_intervals(trials, alpha):
    """Both ends of the Clopper-Pearson intervals of all counts."""
    found = [proportion_interval(k, trials, alpha=alpha) for k in range(trials + 1)]
    return np.array([i.lower for i in found]), np.array([i.upper for i in found])


def exact_probability_inside(trials, lower, upper, truth, alpha):
    """Enumerate all counts: the chance that the Clopper-Pearson interval lies in [lower, upper]."""
    low, high = all_intervals(trials, alpha)
    return stats.binom.pmf(np.arange(trials + 1), trials, truth)[(low >= lower) & (high <= upper)].sum()


def exact_probability_outside(trials, target, truth, alpha):
    """Enumerate all counts: the chance that the interval and the target are disjoint."""
    low, high = all_intervals(trials, alpha)
    return stats.binom.pmf(np.arange(trials + 1), trials, truth)[(low > target[1]) | (high < target[0])].sum()


# Kolmogorov distance


@settings(deadline=None, max_examples=25)
@given(margin=st.floats(0.01, 0.9), alpha=levels, miss=misses)
def test_kolmogorov_sample_size_and_margin_are_inverse(margin, alpha, miss):
    n = design.kolmogorov_sample_size(margin=margin, alpha=alpha, miss=miss)
    assert design.kolmogorov_margin(observations=n, alpha=alpha, miss=miss) <= margin
    if n > 1:
        assert design.kolmogorov_margin(observations=n - 1, alpha=alpha, miss=miss) > margin
    # The exact radius never asks for more than the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart.
    massart = math.sqrt(math.log(2 / alpha) / 2) + math.sqrt(math.log(2 / miss) / 2)
    assert n <= math.ceil((massart / margin) ** 2 * (1 + 1e-9))


@settings(deadline=None, max_examples=25)
@given(observations=st.integers(1, 10**5), alpha=levels, miss=misses)
def test_kolmogorov_planning_improves_with_the_sample(observations, alpha, miss):
    more = 2 * observations
    small, large = (design.kolmogorov_margin(observations=n, alpha=alpha, miss=miss) for n in (observations, more))
    assert large < small
    small, large = (design.kolmogorov_resolution(observations=n, alpha=alpha, power=0.9) for n in (observations, more))
    assert large < small


# Probabilities

proportions = [
    ((0.5, 0.5), 0.1, None),
    ((0.02, 0.02), 0.03, None),
    ((0.02, 0.02), 0.01, None),
    ((0.9, 1.0), 0.05, None),
    ((0.9, 1.0), 0.05, 0.99),
    ((0.9, 1.0), 0.05, 1.0),
    ((0.0, 0.05), 0.05, 0.0),
    ((0.3, 0.4), 0.15, None),
]


@pytest.mark.parametrize(("target", "margin", "truth"), proportions)
def test_the_planned_trials_support_a_true_proportion_and_so_do_more(target, margin, truth):
    alpha, miss = 1e-3, 0.05
    n = design.proportion_sample_size(target, margin=margin, alpha=alpha, miss=miss, truth=truth)
    truths = np.unique(np.linspace(*target, 5)) if truth is None else [truth]
    for trials in (n, n + 1, n + 2, n + 3, n + 7, n + 30):
        for p in truths:
            # Rounding of a sum over all counts.
            assert (
                exact_probability_inside(trials, target[0] - margin, target[1] + margin, p, alpha) >= 1 - miss - 1e-12
            )


@pytest.mark.parametrize(("target", "margin", "truth"), proportions)
def test_the_planned_trials_are_not_wasteful(target, margin, truth):
    alpha, miss = 1e-3, 0.05
    n = design.proportion_sample_size(target, margin=margin, alpha=alpha, miss=miss, truth=truth)
    truths = target if truth is None else [truth]
    # The bound loses a count on either side, which matters most where counts are few; a third less must not do.
    fewer = math.floor(0.67 * n)
    chances = [exact_probability_inside(fewer, target[0] - margin, target[1] + margin, p, alpha) for p in truths]
    assert min(chances) < 1 - miss


@settings(deadline=None, max_examples=40)
@given(p=st.floats(0.01, 0.99), trials=st.integers(20, 5000), alpha=levels, miss=misses)
def test_proportion_margin_and_sample_size_are_inverse(p, trials, alpha, miss):
    margin = design.proportion_margin((p, p), trials=trials, alpha=alpha, miss=miss)
    if margin < math.inf:
        n = design.proportion_sample_size((p, p), margin=margin, alpha=alpha, miss=miss)
        assert n <= trials
        # The same margin, up to the tolerance of its root (1e-13) and the rounding of p - margin near 0.
        assert design.proportion_margin((p, p), trials=n, alpha=alpha, miss=miss) <= margin + 1e-11


@settings(deadline=None, max_examples=40)
@given(p=st.floats(0.05, 0.95), margin=st.floats(0.01, 0.04), alpha=levels, miss=misses, factor=st.floats(1.1, 3))
def test_proportion_planning_is_monotone(p, margin, alpha, miss, factor):
    n = design.proportion_sample_size((p, p), margin=margin, alpha=alpha, miss=miss)
    assert design.proportion_sample_size((p, p), margin=margin / factor, alpha=alpha, miss=miss) >= n
    assert design.proportion_sample_size((p, p), margin=margin, alpha=alpha / factor, miss=miss) >= n
    assert design.proportion_sample_size((p, p), margin=margin, alpha=alpha, miss=miss / factor) >= n
    small, large = (design.proportion_resolution((p, p), trials=k, alpha=alpha) for k in (n, 2 * n))
    assert large <= small


@pytest.mark.parametrize("target", [(0.5, 0.5), (0.1, 0.1), (0.0, 0.02), (0.95, 1.0), (0.2, 0.4), (0.0, 0.0)])
@pytest.mark.parametrize("trials", [150, 400])
def test_the_resolution_of_a_proportion_is_detected_from_there_on(target, trials):
    alpha, power = 1e-3, 0.99
    deviation = design.proportion_resolution(target, trials=trials, alpha=alpha, power=power)
    for truth in [target[0] - f * deviation for f in (1, 1.2, 2)] + [target[1] + f * deviation for f in (1, 1.2, 2)]:
        if 0 <= truth <= 1:
            # Rounding of the truth and of a sum over all counts.
            assert exact_probability_outside(trials, target, truth, alpha) >= power - 1e-9
    nearer = [p for p in (target[0] - 0.8 * deviation, target[1] + 0.8 * deviation) if 0 <= p <= 1]
    assert min(exact_probability_outside(trials, target, truth, alpha) for truth in nearer) < power


def test_a_margin_that_no_sample_of_this_size_grants_is_infinite():
    assert design.proportion_margin((0.9, 1.0), trials=1, alpha=1e-3, miss=0.01) == math.inf
    assert design.proportion_resolution((0.5, 0.5), trials=3, alpha=1e-3) == math.inf
    # Downwards nothing can be seen, not even a probability of 0; upwards a large deviation can.
    deviation = design.proportion_resolution((0.001, 0.001), trials=100, alpha=1e-3)
    assert 0.001 < deviation < 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": (0.5, 0.5), "margin": 0.5}, "nothing to check"),
        ({"target": (0.5, 0.5), "margin": 0.0}, "strictly inside"),
        ({"target": (0.5, 0.5), "margin": 0.1, "truth": 0.7}, "strictly inside"),
        ({"target": (0.5, 0.5), "margin": -0.1}, "margin"),
        ({"target": (0.5, 1.5), "margin": 0.1}, "between 0 and 1"),
        ({"target": (0.5, 0.5), "margin": 1e-9}, "replicates would be needed"),
    ],
)
def test_impossible_plans_for_a_proportion_are_refused(arguments, message):
    arguments = dict(arguments)
    with pytest.raises(SpecificationError, match=message):
        design.proportion_sample_size(arguments.pop("target"), alpha=1e-3, miss=0.01, **arguments)


def test_a_range_of_all_probabilities_has_no_resolution():
    with pytest.raises(SpecificationError, match="nothing to detect"):
        design.proportion_resolution((0.0, 1.0), trials=10, alpha=0.01)


# Quantiles


@settings(deadline=None, max_examples=40)
@given(p=st.floats(0.05, 0.95), below=st.floats(0.1, 0.95), above=st.floats(0.1, 0.95), alpha=levels, miss=misses)
def test_the_planned_values_hold_a_quantile_within_its_margin(p, below, above, alpha, miss):
    low, high = p * below, 1 - (1 - p) * above
    size = design.quantile_sample_size(p, cdf_low=low, cdf_high=high, alpha=alpha, miss=miss)
    for n in (size, size + 1, size + 2, size + 10):
        rank_low, rank_high = quantile_ranks(n, p, alpha=alpha)
        # X_(l) below the margin: at least l values there. X_(u) above it: fewer than u values up to it.
        leaves = stats.binom.sf(rank_low - 1, n, low) + stats.binom.cdf(rank_high - 1, n, high)
        assert leaves <= miss * (1 + 1e-9)


@settings(deadline=None, max_examples=40)
@given(p=st.floats(0.05, 0.95), n=st.integers(5, 10_000), alpha=levels, miss=misses)
def test_quantile_margin_and_sample_size_are_inverse(p, n, alpha, miss):
    low, high = design.quantile_margin(p, observations=n, alpha=alpha, miss=miss)
    if math.isinf(low) or math.isinf(high):
        rank_low, rank_high = quantile_ranks(n, p, alpha=alpha)
        # Infinite only when an end is, or would be with one count less (the slack of the bound).
        assert rank_low <= 1 or rank_high >= n
    else:
        assert 0 <= low < p < high <= 1
        # The margin is a root found to 1e-13 and rounded once more where it is mirrored at 1.
        size = design.quantile_sample_size(
            p, cdf_low=max(low - 1e-12, 0.0), cdf_high=min(high + 1e-12, 1.0), alpha=alpha, miss=miss
        )
        assert size <= n


@settings(deadline=None, max_examples=40)
@given(p=st.floats(0.1, 0.9), n=st.integers(500, 10_000), alpha=levels)
def test_quantile_planning_improves_with_the_sample(p, n, alpha):
    small = design.quantile_resolution(p, observations=n, alpha=alpha)
    large = design.quantile_resolution(p, observations=2 * n, alpha=alpha)
    assert small[0] < large[0] < p < large[1] < small[1]


def test_the_resolution_of_a_quantile_is_an_exact_binomial_power():
    n, p, alpha = 500, 0.3, 1e-4
    low, high = design.quantile_resolution(p, observations=n, alpha=alpha, power=0.99)
    rank_low, rank_high = quantile_ranks(n, p, alpha=alpha)
    # X_(u) lies below a target t when at least u values do, with F(t) = high.
    assert 0.99 <= stats.binom.sf(rank_high - 1, n, high) <= 0.995
    assert 0.99 <= stats.binom.cdf(rank_low - 1, n, low) <= 0.995


def test_a_small_sample_has_no_quantile_margin():
    assert design.quantile_margin(0.5, observations=5, alpha=1e-3, miss=0.01) == (-math.inf, math.inf)


@pytest.mark.parametrize("ends", [(0.5, 0.6), (0.4, 0.5), (0.6, 0.4), (-0.1, 0.6), (0.4, 1.1)])
def test_the_law_at_the_ends_of_a_quantile_margin_must_enclose_it(ends):
    with pytest.raises(SpecificationError, match="cdf"):
        design.quantile_sample_size(0.5, cdf_low=ends[0], cdf_high=ends[1], alpha=0.01, miss=0.01)


def test_a_spread_is_planned_as_two_quantiles():
    alpha, miss = 1e-3, 0.02
    size = design.quantile_spread_sample_size(
        0.25, 0.75, lower_cdf=(0.2, 0.31), upper_cdf=(0.7, 0.79), alpha=alpha, miss=miss
    )
    lower, upper = design.quantile_spread_margin(0.25, 0.75, observations=size, alpha=alpha, miss=miss)
    assert 0.2 <= lower[0] < 0.25 < lower[1] <= 0.31
    assert 0.7 <= upper[0] < 0.75 < upper[1] <= 0.79
    fewer = design.quantile_spread_margin(0.25, 0.75, observations=size - 1, alpha=alpha, miss=miss)
    assert fewer[1][1] > 0.79
    resolution = design.quantile_spread_resolution(0.25, 0.75, observations=size, alpha=alpha, power=0.99)
    # Half of a miss of 0.01 on each of two ends, against half of 0.02 / 2 on each of four. 1 - 0.99 is rounded at 1,
    # and the searches stop at 1e-13 of their range.
    assert resolution[0] == pytest.approx(lower, abs=1e-9)
    assert resolution[1] == pytest.approx(upper, abs=1e-9)


# Means


@settings(deadline=None)
@given(v=st.floats(1e-6, 1e6), share=st.floats(0.01, 1.0), alpha=levels, miss=misses)
def test_mean_sample_size_and_margin_are_inverse(v, share, alpha, miss):
    margin = share * math.sqrt(v)
    n = design.mean_sample_size(variance_bound=v, margin=margin, alpha=alpha, miss=miss)
    assert design.mean_margin(variance_bound=v, observations=n, alpha=alpha, miss=miss) <= margin
    assert design.mean_margin(variance_bound=v, observations=n - 1, alpha=alpha, miss=miss) > margin


@settings(deadline=None)
@given(n=st.integers(1, 10**6), alpha=levels, miss=misses)
def test_mean_planning_improves_with_the_sample_and_scales(n, alpha, miss):
    small, large = (design.mean_margin(variance_bound=1.0, observations=k, alpha=alpha, miss=miss) for k in (n, n + 1))
    assert large < small or large == small == math.inf
    scaled = design.mean_margin(variance_bound=9.0, observations=n, alpha=alpha, miss=miss)
    # The variance bound enters by its square root alone, rounded once.
    assert scaled == pytest.approx(3 * small, rel=1e-12)
    one_sided = design.mean_resolution(variance_bound=1.0, observations=n, alpha=alpha, power=1 - miss / 2)
    # 1 - (1 - miss / 2) is rounded at 1, so the two agree to 1e-16 / miss.
    assert one_sided == pytest.approx(small, rel=1e-9)


def test_a_mean_plan_tends_to_half_width_plus_deviation():
    n, alpha, miss = 10**9, 1e-4, 1e-2
    s, t = math.log(2 / alpha), math.log(2 / miss)
    expected = (3 * s + t) / math.sqrt(2 * s * n)
    # The next term is smaller by a factor of s / n = 1e-8.
    assert design.mean_margin(variance_bound=1.0, observations=n, alpha=alpha, miss=miss) == pytest.approx(
        expected, rel=1e-6
    )


def test_no_margin_is_promised_where_the_interval_is_the_whole_line():
    for alpha, miss in itertools.product([0.2, 1e-3, 1e-8], [0.3, 1e-3]):
        largest_vacuous = math.floor(2 * math.log(2 / alpha))
        margin = design.mean_margin(variance_bound=1.0, observations=largest_vacuous, alpha=alpha, miss=miss)
        assert margin == math.inf


# Orders


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 1000), min_size=2, max_size=6, unique=True),
    h=st.floats(1e-3, 2.0),
    order=st.floats(-3, 3),
)
def test_a_slope_stays_within_its_planned_margin(sizes, h, order):
    x = np.log(sizes)
    truth = np.exp(order * x)
    # The widest components that the plan allows.
    parts = [Interval(q, q * math.exp(-h), q * math.exp(h), 0.001, "test") for q in truth]
    slope = slope_interval(x, parts, alpha=0.01)
    margin = design.slope_margin(x, component_margin=h)
    # Rounding of logarithms, magnified by weights of up to 1 / log(1000 / 999).
    assert (slope.lower, slope.upper) == pytest.approx((order - margin, order + margin), abs=1e-9)
    # A product and a quotient by the same sum: two roundings.
    assert design.slope_component_margin(x, margin=margin) == pytest.approx(h, rel=1e-12)


# Arguments

plans = {
    "kolmogorov_margin": {"observations": 10, "alpha": 0.01, "miss": 0.01},
    "kolmogorov_sample_size": {"margin": 0.1, "alpha": 0.01, "miss": 0.01},
    "kolmogorov_resolution": {"observations": 10, "alpha": 0.01, "power": 0.9},
    "proportion_sample_size": {"target": (0.5, 0.5), "margin": 0.1, "alpha": 0.01, "miss": 0.01},
    "proportion_margin": {"target": (0.5, 0.5), "trials": 10, "alpha": 0.01, "miss": 0.01},
    "proportion_resolution": {"target": (0.5, 0.5), "trials": 10, "alpha": 0.01, "power": 0.9},
    "quantile_sample_size": {"probability": 0.5, "cdf_low": 0.4, "cdf_high": 0.6, "alpha": 0.01, "miss": 0.01},
    "quantile_margin": {"probability": 0.5, "observations": 10, "alpha": 0.01, "miss": 0.01},
    "quantile_resolution": {"probability": 0.5, "observations": 10, "alpha": 0.01, "power": 0.9},
    "quantile_spread_margin": {
        "lower_probability": 0.2,
        "upper_probability": 0.8,
        "observations": 10,
        "alpha": 0.01,
        "miss": 0.01,
    },
    "quantile_spread_resolution": {
        "lower_probability": 0.2,
        "upper_probability": 0.8,
        "observations": 10,
        "alpha": 0.01,
        "power": 0.9,
    },
    "mean_margin": {"variance_bound": 1.0, "observations": 10, "alpha": 0.01, "miss": 0.01},
    "mean_sample_size": {"variance_bound": 1.0, "margin": 0.1, "alpha": 0.01, "miss": 0.01},
    "mean_resolution": {"variance_bound": 1.0, "observations": 10, "alpha": 0.01, "power": 0.9},
}
wrong_values = {"alpha": 0.0, "miss": 1.0, "power": 1.0, "observations": 0, "trials": 2.5, "variance_bound": 0.0}
wrong_calls = [(plan, name) for plan, arguments in plans.items() for name in arguments if name in wrong_values]


@pytest.mark.parametrize(("plan", "name"), wrong_calls)
def test_every_plan_checks_its_arguments(plan, name):
    with pytest.raises(SpecificationError, match=name):
        getattr(design, plan)(**(plans[plan] | {name: wrong_values[name]}))


@pytest.mark.parametrize("margin", [0.0, -1.0, 1.0, math.nan])
def test_a_margin_of_a_distance_lies_between_0_and_1(margin):
    with pytest.raises(SpecificationError, match="margin"):
        design.kolmogorov_sample_size(margin=margin, alpha=0.01, miss=0.01)
