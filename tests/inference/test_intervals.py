from __future__ import annotations

import itertools
import math
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from theory_check.errors import SpecificationError
from theory_check.inference.intervals import (
    Interval,
    kolmogorov_interval,
    kolmogorov_radius,
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_ranks,
    quantile_spread_interval,
    slope_interval,
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
    component = Interval(1.0, 0.5, 2.0, 0.01, "test")
    for call in (
        lambda: proportion_interval(1, 2, alpha=alpha),
        lambda: quantile_interval([1.0], 0.5, alpha=alpha),
        lambda: quantile_ranks(3, 0.5, alpha=alpha),
        lambda: quantile_spread_interval([1.0], 0.2, 0.5, alpha=alpha),
        lambda: mean_interval([1.0], variance_bound=1.0, alpha=alpha),
        lambda: kolmogorov_interval([0.5], uniform_cdf, alpha=alpha),
        lambda: slope_interval([0.0, 1.0], [component, component], alpha=alpha),
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


# Means


def psi(z):
    return math.copysign(math.log(1 + abs(z) + z * z / 2), z)


@settings(deadline=None)
@given(z=st.floats(-1e6, 1e6))
def test_the_influence_function_is_below_the_quadratic_logarithm(z):
    # The inequality the interval rests on; cancellation costs 1e-16 relative to z^2.
    assert math.exp(psi(z)) <= (1 + z + z * z / 2) * (1 + 1e-9) + 1e-9


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-100, 100), min_size=12, max_size=60),
    variance_bound=st.floats(0.01, 1e4),
    alpha=st.floats(0.01, 0.9),
)
def test_the_ends_of_a_mean_solve_their_equations(values, variance_bound, alpha):
    n, log_level = len(values), math.log(2 / alpha)
    interval = mean_interval(values, variance_bound=variance_bound, alpha=alpha)
    tilt = math.sqrt(2 * log_level / (n * variance_bound))
    threshold = n * math.log1p(tilt**2 * variance_bound / 2) + log_level

    def influence(m):
        return math.fsum(psi(tilt * (x - m)) for x in values)

    # The roots are found to a billionth of a standard error, plus the spacing of doubles at 100.
    step = 1e-8 * math.sqrt(variance_bound / n) + 1e-12
    for root, level in ((interval.estimate, 0.0), (interval.lower, threshold), (interval.upper, -threshold)):
        assert influence(root - step) > level > influence(root + step)


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-100, 100), min_size=12, max_size=60),
    shift=st.floats(-1e3, 1e3),
    scale=st.floats(1e-3, 1e3),
    alpha=st.floats(0.01, 0.9),
)
def test_means_follow_shifts_scales_and_reflection(values, shift, scale, alpha):
    base = mean_interval(values, variance_bound=25.0, alpha=alpha)
    moved = mean_interval(shift - scale * np.array(values), variance_bound=25.0 * scale**2, alpha=alpha)
    expected = (shift - scale * base.estimate, shift - scale * base.upper, shift - scale * base.lower)
    # Twice the tolerance of the roots (1e-9 standard errors of at most 5 * scale), plus rounding at shift + 100 scale.
    tolerance = 1e-8 * scale + 1e-11 * (abs(shift) + 100 * scale)
    assert (moved.estimate, moved.lower, moved.upper) == pytest.approx(expected, abs=tolerance, rel=0)


def test_a_mean_is_close_to_the_average_for_light_tails():
    values = np.random.Generator(np.random.Philox(key=101)).uniform(size=10_000)
    interval = mean_interval(values, variance_bound=1 / 12, alpha=1e-3)
    half = math.sqrt(2 / 12 * math.log(2000) / 10_000)
    # The influence function differs from the identity by a third-order term, of relative size ln(2/alpha)/n.
    assert interval.estimate == pytest.approx(values.mean(), abs=0.01 * half)
    assert interval.upper - interval.lower == pytest.approx(2 * half, rel=0.01)


def test_a_mean_ignores_the_size_of_an_outlier():
    values = np.random.Generator(np.random.Philox(key=102)).standard_normal(2000)
    calm = mean_interval(values, variance_bound=1.0, alpha=1e-3)
    values[0] = 1e300
    wild = mean_interval(values, variance_bound=1.0, alpha=1e-3)
    # psi(1e300 tilt) is about 1380, so the estimate moves by 1380 / (n tilt), with n tilt = sqrt(2 n ln(2/alpha)).
    assert 0 < wild.estimate - calm.estimate < 1400 / math.sqrt(2 * 2000 * math.log(2000))


@pytest.mark.parametrize("variance_bound", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("extreme", [1.0, 1e150, 1.7e308])
def test_no_magnitude_overflows(extreme, variance_bound):
    interval = mean_interval([extreme, -extreme, 0.0] * 10, variance_bound=variance_bound, alpha=0.1)
    # Up to the tolerance of the root.
    assert abs(interval.estimate) <= 1e-9 * math.sqrt(variance_bound)
    assert math.isfinite(interval.lower)
    assert math.isfinite(interval.upper)
    assert interval.contains(0.0)


def test_equal_values_leave_only_the_width_of_the_bound():
    interval = mean_interval([5.0] * 100, variance_bound=4.0, alpha=0.01)
    assert interval.estimate == 5.0
    # Up to the tolerance of the roots.
    assert 5.0 - interval.lower == pytest.approx(interval.upper - 5.0, rel=1e-7)


def test_too_few_values_say_nothing_about_a_mean():
    # 2 ln(2 / 0.01) = 10.6.
    assert mean_interval([1.0] * 10, variance_bound=1.0, alpha=0.01) == Interval(
        1.0, -math.inf, math.inf, 0.01, "Catoni"
    )
    assert mean_interval([1.0] * 11, variance_bound=1.0, alpha=0.01).upper < math.inf


@pytest.mark.parametrize("variance_bound", [0.0, -1.0, math.inf, math.nan])
def test_a_variance_bound_is_positive_and_finite(variance_bound):
    with pytest.raises(SpecificationError, match="variance_bound"):
        mean_interval([1.0], variance_bound=variance_bound, alpha=0.05)


def test_a_million_values_take_less_than_a_second():
    values = np.random.Generator(np.random.Philox(key=103)).lognormal(size=10**6)
    mean_interval(values[:100], variance_bound=5.0, alpha=1e-3)
    start = time.process_time()
    mean_interval(values, variance_bound=5.0, alpha=1e-5)
    # Processor time of this process, so that other work on the machine does not count.
    assert time.process_time() - start < 1.0


# Laws


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=50), alpha=st.floats(1e-6, 0.9))
def test_distances_agree_with_scipy(values, alpha):
    interval = kolmogorov_interval(values, uniform_cdf, alpha=alpha)
    reference = stats.ks_1samp(values, uniform_cdf, method="exact")
    # Two ways to round the same difference.
    assert interval.estimate == pytest.approx(reference.statistic, abs=1e-14)
    # Duality of test and interval, away from the boundary: the radius has a safety of 1e-4 of its level.
    assume(abs(interval.estimate - kolmogorov_radius(len(values), alpha)) > 1e-3)
    assert (interval.lower > 0.0) == (reference.pvalue < alpha)


def test_the_radius_of_one_value_is_known():
    # D_1 = max(U, 1 - U), so P(D_1 > x) = 2 (1 - x) for x >= 1/2; the level is met to 1e-4 above 0.02.
    for alpha in (0.01, 0.3, 0.9):
        assert kolmogorov_radius(1, alpha) == pytest.approx(1 - alpha / 2, abs=1e-4)


@pytest.mark.parametrize("observations", [1, 2, 10, 100, 139, 145, 1000, 2000])
@pytest.mark.parametrize("alpha", [0.9, 0.1, 0.021, 0.02, 1e-3, 1e-6, 1e-12])
def test_the_radius_has_the_exact_level(observations, alpha):
    radius = kolmogorov_radius(observations, alpha)
    assert radius <= math.sqrt(math.log(2 / alpha) / (2 * observations))
    tail = stats.kstwo.sf(radius, observations)
    # Never above the level but for the rounding of the reference, 1e-15 absolute where it is 1 - cdf.
    assert tail <= alpha * (1 + 1e-9) + 1e-14
    # Below by the safety of 1e-4 above 0.02; below 0.02 by what rounding near a radius of 1 does to (1 - radius)^n.
    if alpha > 1e-9:
        assert tail >= alpha * (1 - 2e-4)


@pytest.mark.parametrize("alpha", [0.3, 1e-3, 1e-8])
def test_the_radius_decreases_across_the_limit_of_the_exact_inversion(alpha):
    sizes = [1, 2, 5, 100, 139, 140, 141, 1999, 2000, 2001, 2002, 2010, 2100, 10**4, 10**6, 10**8]
    radii = [kolmogorov_radius(n, alpha) for n in sizes]
    assert all(later <= earlier for earlier, later in itertools.pairwise(radii))
    # Massart's radius is (1 / 6n) / radius too large in relative terms: 0.0017 at 2000 for a radius of 0.05.
    ratio = kolmogorov_radius(2100, alpha) / kolmogorov_radius(2000, alpha) / math.sqrt(2000 / 2100)
    assert ratio == pytest.approx(1, abs=0.003)


def test_the_radius_stays_sensible_at_absurd_levels():
    assert kolmogorov_radius(1, 1e-300) <= 1.0
    assert kolmogorov_radius(1000, 1e-300) <= math.sqrt(math.log(2e300) / 2000)


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.integers(0, 64), min_size=1, max_size=50), alpha=alphas)
def test_distances_follow_increasing_maps(values, alpha):
    shares = np.array(values) / 64
    before = kolmogorov_interval(shares, uniform_cdf, alpha=alpha)
    # Dyadic numbers: x -> 8 x - 3 and back is exact.
    assert kolmogorov_interval(8 * shares - 3, lambda x: uniform_cdf((x + 3) / 8), alpha=alpha) == before
    # A decreasing map exchanges the two one-sided statistics, up to rounding of i / n.
    mirror = kolmogorov_interval(1 - shares, uniform_cdf, alpha=alpha)
    assert mirror.estimate == pytest.approx(before.estimate, abs=1e-15)


@settings(deadline=None, max_examples=50)
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=50), pair=st.tuples(alphas, alphas).map(sorted))
def test_distances_are_nested_in_alpha(values, pair):
    assume(pair[1] > 1.001 * pair[0])
    wide, narrow = (kolmogorov_interval(values, uniform_cdf, alpha=alpha) for alpha in pair)
    assert nested(wide, narrow)
    assert wide.inside(0.0, 1.0)


def test_tied_values_count_together():
    # F_n jumps from 0 to 1 at 0.3: the largest difference is on the upper side.
    assert kolmogorov_interval([0.3] * 4, uniform_cdf, alpha=0.5).estimate == pytest.approx(0.7, abs=1e-15)


@pytest.mark.parametrize("wrong", [1.5, -0.1, math.nan])
def test_a_cdf_returns_probabilities(wrong):
    with pytest.raises(SpecificationError, match="cdf must return probabilities"):
        kolmogorov_interval([0.1, 0.2], lambda x: np.full(x.shape, wrong), alpha=0.05)


def test_a_cdf_is_vectorised():
    with pytest.raises(SpecificationError, match="one probability per value"):
        kolmogorov_interval([0.1, 0.2], lambda _: 0.5, alpha=0.05)


# Orders


def component(lower, upper, level=0.01):
    return Interval(math.sqrt(lower * upper) if 0 < lower < upper < math.inf else upper, lower, upper, level, "test")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.floats(0.01, 10), st.floats(0.01, 10)), min_size=2, max_size=6))
def test_the_slope_takes_the_worst_corner(rows):
    x = np.array([row[0] for row in rows], dtype=float)
    assume(np.unique(x).size > 1)
    parts = [component(min(a, b), max(a, b) + 0.01) for _, a, b in rows]
    slope = slope_interval(x, parts, alpha=0.1)
    corners = itertools.product(*((math.log(part.lower), math.log(part.upper)) for part in parts))
    slopes = [np.polyfit(x, corner, 1)[0] for corner in corners]
    # Least squares by another route: rounding only.
    assert slope.lower == pytest.approx(min(slopes), abs=1e-9)
    assert slope.upper == pytest.approx(max(slopes), abs=1e-9)
    assert slope.estimate == pytest.approx(np.polyfit(x, np.log([p.estimate for p in parts]), 1)[0], abs=1e-9)


def test_the_slope_keeps_its_sign():
    x = np.log([1.0, 2.0, 4.0])
    rising = slope_interval(x, [component(q, q * (1 + 1e-9)) for q in (1.0, 4.0, 16.0)], alpha=0.1)
    falling = slope_interval(x, [component(q, q * (1 + 1e-9)) for q in (16.0, 4.0, 1.0)], alpha=0.1)
    # The components are exact to 1e-9.
    assert rising.estimate == pytest.approx(2.0, abs=1e-8)
    assert falling.estimate == pytest.approx(-2.0, abs=1e-8)


@pytest.mark.parametrize("lower", [0.0, -1.0, -math.inf])
def test_a_component_that_reaches_zero_leaves_the_slope_open(lower):
    slope = slope_interval([0.0, 1.0, 2.0], [component(1, 2), component(lower, 2), component(1, 2)], alpha=0.1)
    assert (slope.lower, slope.upper) == (-math.inf, math.inf)


def test_an_open_component_leaves_one_side_of_the_slope_open():
    slope = slope_interval([0.0, 1.0], [component(1.0, 2.0), component(1.0, math.inf)], alpha=0.1)
    assert slope.lower == -math.log(2.0)
    assert slope.upper == math.inf
    assert math.isnan(slope.estimate)


def test_a_size_in_the_middle_has_no_weight():
    slope = slope_interval([0.0, 1.0, 2.0], [component(1, 2), component(1, math.inf), component(1, 2)], alpha=0.1)
    assert slope.inside(-1.0, 1.0)


def test_the_slope_needs_distinct_sizes_matching_intervals_and_enough_level():
    parts = [component(1, 2), component(1, 2)]
    with pytest.raises(SpecificationError, match="different sizes"):
        slope_interval([1.0, 1.0], parts, alpha=0.1)
    with pytest.raises(SpecificationError, match="one interval per size"):
        slope_interval([1.0, 2.0, 3.0], parts, alpha=0.1)
    with pytest.raises(SpecificationError, match="add up"):
        slope_interval([1.0, 2.0], parts, alpha=0.019)
    assert slope_interval([1.0, 2.0], parts, alpha=0.02).level == 0.02


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 10), (499, 1000), (10**6, 10**6)])
def test_proportion_agrees_with_statsmodels(successes, trials):
    from statsmodels.stats.proportion import proportion_confint

    alpha = 1e-3
    ours = proportion_interval(successes, trials, alpha=alpha)
    # Beta quantiles from two libraries; statsmodels takes the upper one at 1 - alpha/2 and loses three digits of 16.
    np.testing.assert_allclose(
        (ours.lower, ours.upper), proportion_confint(successes, trials, alpha, "beta"), rtol=1e-12
    )
