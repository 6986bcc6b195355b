from __future__ import annotations

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import (
    Interval,
    kolmogorov_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_ranks,
    quantile_spread_interval,
)

alphas = st.floats(1e-9, 0.9)
integers = st.lists(st.integers(-50, 50), min_size=1, max_size=60)


def uniform_cdf(x):
    return np.clip(x, 0.0, 1.0)


def nested(wide, narrow):
    return wide.inside(-math.inf, math.inf) and wide.lower <= narrow.lower and narrow.upper <= wide.upper


# The value object


def test_an_interval_answers_the_three_questions():
    interval = Interval(0.5, 0.0, 1.0, 0.05, "test")
    assert interval.contains(0.0)
    assert interval.contains(1.0)
    assert not interval.contains(1.1)
    assert interval.inside(0.0, 1.0)
    assert not interval.inside(0.1, 2.0)
    assert interval.disjoint(1.1, 2.0)
    assert not interval.disjoint(1.0, 2.0)


@pytest.mark.parametrize("ends", [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_an_interval_has_ordered_ends(ends):
    with pytest.raises(SpecificationError):
        Interval(0.5, *ends, 0.05, "test")


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.0, math.nan])
def test_every_interval_checks_its_level(alpha):
    for call in (
        lambda: proportion_interval(1, 2, alpha=alpha),
        lambda: quantile_interval([1.0], 0.5, alpha=alpha),
        lambda: quantile_ranks(3, 0.5, alpha=alpha),
        lambda: quantile_spread_interval([1.0], 0.2, 0.5, alpha=alpha),
        lambda: mean_interval([1.0], variance_bound=1.0, alpha=alpha),
        lambda: kolmogorov_interval([0.5], uniform_cdf, alpha=alpha),
    ):
        with pytest.raises(SpecificationError, match="alpha"):
            call()


def test_importing_the_modules_does_not_load_scipy():
    code = (
        "import sys, theory_check.inference.design, theory_check.inference.verdicts; "
        "sys.exit(any(name in sys.modules for name in ('scipy', 'statsmodels', 'numba')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Proportions


@settings(deadline=None)
@given(trials=st.integers(1, 500), alpha=alphas, data=st.data())
def test_proportions_agree_with_scipy(trials, alpha, data):
    successes = data.draw(st.integers(0, trials))
    ours = proportion_interval(successes, trials, alpha=alpha)
    theirs = stats.binomtest(successes, trials).proportion_ci(1 - alpha, method="exact")
    # SciPy forms 1 - (1 - alpha) first, which loses 1e-16 / alpha = 1e-7 at the smallest level drawn.
    assert (ours.lower, ours.upper) == pytest.approx(tuple(theirs), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 640), (3, 640), (639, 640), (70_000, 10**6)])
def test_proportions_have_the_digits_of_statsmodels(successes, trials):
    from statsmodels.stats.proportion import proportion_confint

    for alpha in (0.3, 1e-3, 1e-9):
        ours = proportion_interval(successes, trials, alpha=alpha)
        assert (ours.lower, ours.upper) == proportion_confint(successes, trials, alpha, method="beta")


@pytest.mark.parametrize("alpha", [1e-3, 0.05, 0.4])
@pytest.mark.parametrize("trials", [1, 2, 7, 20])
def test_proportions_cover_at_every_truth_on_both_sides(trials, alpha):
    counts = np.arange(trials + 1)
    found = [proportion_interval(int(k), trials, alpha=alpha) for k in counts]
    ends = [end for i in found for end in (i.lower, i.upper)]
    # Coverage jumps at the ends of the intervals, so their neighbourhoods are the worst truths.
    truths = np.unique(
        np.clip(np.concatenate([np.linspace(0, 1, 101), np.add.outer(ends, [-1e-9, 1e-9]).ravel()]), 0, 1)
    )
    for p in truths:
        weight = stats.binom.pmf(counts, trials, p)
        above = weight[[i.lower > p for i in found]].sum()
        below = weight[[i.upper < p for i in found]].sum()
        # The neighbourhoods are 1e-9 wide, and probabilities change by at most `trials` times that.
        assert max(above, below) <= alpha / 2 + 1e-7


@settings(deadline=None)
@given(trials=st.integers(1, 200), alpha=alphas, truth=st.floats(0.001, 0.999), data=st.data())
def test_a_proportion_is_outside_exactly_if_its_one_sided_test_rejects(trials, alpha, truth, data):
    successes = data.draw(st.integers(0, trials))
    interval = proportion_interval(successes, trials, alpha=alpha)
    p_high = stats.binomtest(successes, trials, truth, alternative="greater").pvalue
    p_low = stats.binomtest(successes, trials, truth, alternative="less").pvalue
    # On the boundary itself rounding decides.
    assume(min(abs(interval.lower - truth), abs(interval.upper - truth)) > 1e-9)
    assert interval.contains(truth) == (min(p_high, p_low) > alpha / 2)


@settings(deadline=None)
@given(trials=st.integers(1, 500), pair=st.tuples(alphas, alphas).map(sorted), data=st.data())
def test_proportions_are_nested_in_alpha_and_mirror_images(trials, pair, data):
    successes = data.draw(st.integers(0, trials))
    assume(pair[1] > pair[0] * 1.001)
    wide, narrow = (proportion_interval(successes, trials, alpha=alpha) for alpha in pair)
    assert nested(wide, narrow)
    mirror = proportion_interval(trials - successes, trials, alpha=pair[0])
    # 1 - x of two numbers that are each rounded at 1.
    assert (1 - mirror.upper, 1 - mirror.lower) == pytest.approx((wide.lower, wide.upper), abs=1e-12)


def test_all_or_nothing_is_one_sided():
    # (alpha / 2)^(1/n), the closed form at k = n, up to the rounding of a beta quantile.
    interval = proportion_interval(10, 10, alpha=0.02)
    assert interval.upper == 1.0
    assert interval.lower == pytest.approx(0.01**0.1, rel=1e-12)


def test_tiny_levels_keep_their_accuracy():
    assert proportion_interval(100, 100, alpha=2e-60).lower == pytest.approx(10**-0.6, rel=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(3, 2), (-1, 2), (0, 0), (1.0, 2), (1, 2.5)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(SpecificationError):
        proportion_interval(successes, trials, alpha=0.05)


@pytest.mark.parametrize("alpha", [0.3, 1e-3, 1e-12])
@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 10), (10, 10), (499, 1000), (10**6, 10**6), (9, 10**9)])
def test_the_ends_of_a_proportion_are_beta_quantiles(successes, trials, alpha):
    k, n = successes, trials
    ours = proportion_interval(k, n, alpha=alpha)
    lower = special.betaincinv(k, n - k + 1, alpha / 2) if k else 0.0
    upper = special.betainccinv(k + 1, n - k, alpha / 2) if k < n else 1.0
    # Quantiles of one library, reached through another.
    np.testing.assert_allclose((ours.lower, ours.upper), (lower, upper), rtol=1e-12)


# Quantiles


@settings(deadline=None)
@given(values=integers, probability=st.floats(0.01, 0.99), alpha=st.floats(1e-6, 0.9))
def test_quantiles_agree_with_scipy(values, probability, alpha):
    ours = quantile_interval(values, probability, alpha=alpha)
    theirs = stats.quantile_test(values, p=probability).confidence_interval(1 - alpha)
    # SciPy reports a missing end as NaN. At an exact tie of a tail with alpha / 2 rounding decides.
    tails = stats.binom.cdf(np.arange(-1, len(values) + 1), len(values), probability)
    assume(np.abs(tails - alpha / 2).min() > 1e-12 < np.abs(1 - tails - alpha / 2).min())
    assert ours.lower == (-math.inf if math.isnan(theirs.low) else theirs.low)
    assert ours.upper == (math.inf if math.isnan(theirs.high) else theirs.high)
    assert ours.estimate == np.quantile(values, probability, method="inverted_cdf")
    assert ours.contains(ours.estimate)


@pytest.mark.parametrize("alpha", [1e-3, 0.04, 0.3])
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("observations", [1, 5, 12, 40])
def test_ranks_keep_each_side_and_are_the_tightest(observations, probability, alpha):
    low, high = quantile_ranks(observations, probability, alpha=alpha)
    law = stats.binom(observations, probability)
    # Rounding of the tails, far below the smallest gap between tail and level on this grid.
    assert law.cdf(low - 1) <= alpha / 2 + 1e-14
    assert law.sf(high - 1) <= alpha / 2 + 1e-14
    assert law.cdf(low) > alpha / 2
    assert law.sf(high - 2) > alpha / 2


@pytest.mark.parametrize("probability", [0.25, 0.5, 0.7])
def test_quantiles_of_a_law_with_ties_are_covered(probability):
    weights, n, alpha = {0.0: 0.3, 1.0: 0.2, 2.0: 0.5}, 7, 0.2
    below = above = 0.0
    # F jumps to 0.3, 0.5 and 1; at 0.5 the median is the whole interval [1, 2].
    true_low = 0.0 if probability < 0.3 else 1.0 if probability <= 0.5 else 2.0
    true_high = 2.0 if probability == 0.5 else true_low
    for values in itertools.product(weights, repeat=n):
        interval = quantile_interval(values, probability, alpha=alpha)
        chance = math.prod(weights[value] for value in values)
        above += chance * (interval.lower > true_low)
        below += chance * (interval.upper < true_high)
    assert max(above, below) <= alpha / 2


@settings(deadline=None)
@given(values=integers, probability=st.floats(0.01, 0.99), alpha=alphas)
def test_quantiles_follow_increasing_maps(values, probability, alpha):
    # Exact in integers: 2 x^3 + 5 stays below 2^53.
    def mapped(x):
        return 2.0 * x**3 + 5.0 if math.isfinite(x) else x

    before = quantile_interval(values, probability, alpha=alpha)
    after = quantile_interval([mapped(x) for x in values], probability, alpha=alpha)
    assert (after.estimate, after.lower, after.upper) == tuple(
        map(mapped, (before.estimate, before.lower, before.upper))
    )


@settings(deadline=None)
@given(values=integers, probability=st.floats(0.01, 0.99), pair=st.tuples(alphas, alphas).map(sorted))
def test_quantiles_are_nested_in_alpha(values, probability, pair):
    assert nested(*(quantile_interval(values, probability, alpha=alpha) for alpha in pair))
    assert nested(*(quantile_spread_interval(values, 0.3 * probability, probability, alpha=alpha) for alpha in pair))


@settings(deadline=None)
@given(values=integers, data=st.data(), alpha=alphas)
def test_quantiles_ignore_the_order_of_the_values(values, data, alpha):
    shuffled = data.draw(st.permutations(values))
    assert quantile_interval(shuffled, 0.4, alpha=alpha) == quantile_interval(values, 0.4, alpha=alpha)


def test_a_small_sample_has_infinite_ends():
    # 2^-4 > 0.05 / 2: four values do not enclose the median at level 0.05, six do.
    assert quantile_interval([1, 2, 3, 4], 0.5, alpha=0.05) == Interval(
        2.0, -math.inf, math.inf, 0.05, "order statistics"
    )
    assert quantile_interval(range(1, 7), 0.5, alpha=0.05) == Interval(3.0, 1.0, 6.0, 0.05, "order statistics")


def test_the_empirical_quantile_survives_rounding_of_the_rank():
    # 100 * 0.07 and 100 * 0.29 are rounded to either side of the integer.
    values = np.arange(1, 101)
    for percent in range(1, 100):
        assert quantile_interval(values, percent / 100, alpha=0.05).estimate == percent


def test_the_values_are_not_reordered_in_place():
    values = np.array([3.0, 1.0, 2.0])
    quantile_interval(values, 0.5, alpha=0.5)
    kolmogorov_interval(values, lambda x: np.full(x.shape, 0.5), alpha=0.5)
    mean_interval(values, variance_bound=1.0, alpha=0.5)
    assert values.tolist() == [3.0, 1.0, 2.0]


@settings(deadline=None)
@given(values=st.lists(st.integers(-50, 50), min_size=10, max_size=80), alpha=alphas)
def test_a_spread_combines_two_quantiles_and_scales(values, alpha):
    spread = quantile_spread_interval(values, 0.25, 0.75, alpha=alpha)
    low, high = (quantile_interval(values, p, alpha=alpha / 2) for p in (0.25, 0.75))
    assert spread.lower == max(0.0, high.lower - low.upper)
    assert spread.upper == high.upper - low.lower
    scaled = quantile_spread_interval([7 - 4 * v for v in values], 0.25, 0.75, alpha=alpha)
    # Reflection exchanges the two quantiles and is exact in integers.
    assert (scaled.lower, scaled.upper) == (4 * spread.lower, 4 * spread.upper)


def test_a_spread_of_too_few_values_is_half_a_line():
    spread = quantile_spread_interval([1.0, 2.0], 0.25, 0.75, alpha=0.01)
    assert (spread.lower, spread.upper) == (0.0, math.inf)


def test_a_spread_needs_two_ordered_probabilities():
    with pytest.raises(SpecificationError, match="below upper_probability"):
        quantile_spread_interval([1.0, 2.0], 0.5, 0.5, alpha=0.05)
