from __future__ import annotations

import itertools
import math
import zlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design
from theory_check.inference.intervals import Interval
from theory_check.inference.rates import (
    error_intervals,
    magnitude,
    rate,
    slope_interval,
    slope_weights,
)
from theory_check.inference.verdicts import judge


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


# Rates

SIZES = np.array([8.0, 16.0, 32.0, 64.0, 128.0])


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


def coupled_errors(order, count, name, sigma=0.3):
    """Errors of mean L^order (1 + 1/L) with a common random factor of mean 1, as common random numbers give."""
    factor = np.exp(sigma * generator(name).standard_normal(count) - sigma**2 / 2)
    means = SIZES**order * (1 + 1 / SIZES)
    return [mean * factor for mean in means], means, means**2 * math.expm1(sigma**2)


@pytest.mark.parametrize("order", [-1.0, -0.5, 0.0, 0.7])
def test_a_rate_finds_the_order_with_its_sign(order):
    errors, means, variances = coupled_errors(order, 4000, f"order {order}")
    found = rate(SIZES, error_intervals(errors, variance_bounds=variances, alpha=1e-3), alpha=1e-3)
    truth = float(slope_weights(np.log(SIZES)) @ np.log(means))
    assert found.resolved
    assert found.interval == found.slope
    assert found.slope.contains(truth)
    # Half widths of 2% at each of the sizes over their range of 2.8 in log L.
    assert found.slope.upper - found.slope.lower < 0.1
    local = [math.log(means[k + 1] / means[k]) / math.log(2.0) for k in range(4)]
    assert len(found.local_slopes) == 4
    assert all(part.contains(slope) for part, slope in zip(found.local_slopes, local, strict=True))
    assert not found.slope.contains(truth - 0.1)
    assert not found.slope.contains(truth + 0.1)


def test_a_diverging_scheme_has_a_positive_slope():
    errors, _, variances = coupled_errors(0.5, 4000, "diverging")
    found = rate(SIZES, error_intervals(errors, variance_bounds=variances, alpha=1e-3), alpha=1e-3)
    assert found.slope.lower > 0.4
    assert judge(found.interval, target=(-0.5, -0.5), margin=0.1) == "refuted"
    assert all(part.lower > 0.0 for part in found.local_slopes)


def test_ends_that_agree_do_not_hide_the_middle():
    """Averaged log2 ratios telescope to the two ends; the local slopes show what happens between."""
    parts = [component(q * 0.99, q * 1.01, 0.001) for q in (1.0, 4.0, 1.0, 0.25, 1 / 16)]
    found = rate(SIZES, parts, alpha=0.01)
    assert found.local_slopes[0].lower > 1.9
    assert found.local_slopes[1].upper < -1.9


def test_an_error_within_five_standard_errors_is_inconclusive():
    parts = [component(q * 0.99, q * 1.01, 0.001) for q in (16.0, 8.0, 4.0, 2.0, 1.0)]
    assert rate(SIZES, parts, alpha=0.01).resolved
    weak = rate(SIZES, parts, alpha=0.01, standard_errors=[0.01, 0.01, 0.01, 0.01, 0.25])
    assert not weak.resolved
    assert judge(weak.interval, target=(-1.0, -1.0), margin=0.1) == "inconclusive"
    # By default from the width: half of it is sqrt(2 ln(2 / level)) = 3.9 standard errors.
    wide = [*parts[:-1], component(0.3, 1.7, 0.001)]
    wide[-1] = Interval(1.0, 0.3, 1.7, 0.001, "test")
    assert rate(SIZES, wide, alpha=0.01).resolved == (5.0 * 0.7 / math.sqrt(2 * math.log(2000)) <= 1.0)
    assert rate(SIZES, [*parts[:-1], Interval(1.0, 0.0, 1.7, 0.001, "test")], alpha=0.01).interval.upper == math.inf


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.floats(0.01, 10), st.floats(1.001, 2)), min_size=2, max_size=6),
    scale=st.floats(0.1, 10),
    unit=st.floats(0.1, 10),
)
def test_a_rate_ignores_units(rows, scale, unit):
    sizes = np.cumsum(np.arange(1.0, len(rows) + 1))
    parts = [Interval(q, q / f, q * f, 0.001, "test") for q, f in rows]
    scaled = [Interval(scale * q, scale * q / f, scale * q * f, 0.001, "test") for q, f in rows]
    a, b = rate(sizes, parts, alpha=0.01), rate(unit * sizes, scaled, alpha=0.01)
    # Rounding of logarithms, magnified by weights of at most 1 / log(6/3).
    assert (b.slope.lower, b.slope.upper) == pytest.approx((a.slope.lower, a.slope.upper), abs=1e-9)
    assert b.resolved == a.resolved


def test_the_line_is_least_squares_through_the_estimates():
    parts = [component(q * 0.9, q * 1.1, 0.001) for q in (5.0, 3.0, 2.5, 1.0, 0.7)]
    intercept, slope = rate(SIZES, parts, alpha=0.01).line
    expected = np.polyfit(np.log(SIZES), np.log([part.estimate for part in parts]), 1)
    # Least squares by another route: rounding only.
    assert (slope, intercept) == pytest.approx(tuple(expected), abs=1e-12)


def test_weak_errors_are_means_of_paired_differences():
    """E exp(sigma Z): values and references share Z, so their difference is far less noisy than either."""
    g = generator("paired")
    z = g.standard_normal(20_000)
    exact = np.exp(0.5 * z - 0.125)
    # The scheme misses a share 1 / L of it, from below: a negative error, which enters by its size.
    values = [exact * (1 - 1 / size) for size in SIZES]
    variance = math.expm1(0.25)
    bounds = [variance / size**2 for size in SIZES]
    differences = [value - exact for value in values]
    parts = [magnitude(part) for part in error_intervals(differences, variance_bounds=bounds, alpha=1e-3)]
    assert all(part.contains(1 / size) for part, size in zip(parts, SIZES, strict=True))
    found = rate(SIZES, parts, alpha=1e-3)
    assert found.interval.contains(-1.0)
    assert judge(found.interval, target=(-1.0, -1.0), margin=0.1) == "supported"
    assert judge(found.interval, target=(-0.5, -0.5), margin=0.1) == "refuted"


@pytest.mark.parametrize(
    ("ends", "expected"), [((1, 2), (1, 2)), ((-2, -1), (1, 2)), ((-1, 2), (0, 2)), ((-3, 2), (0, 3)), ((0, 2), (0, 2))]
)
def test_the_magnitude_of_an_interval(ends, expected):
    found = magnitude(Interval(0.5 * (ends[0] + ends[1]), *ends, 0.01, "test"))
    assert (found.lower, found.upper) == expected
    assert found.estimate == abs(0.5 * (ends[0] + ends[1]))


@pytest.mark.parametrize("order", [-1.0, 0.5])
def test_a_rate_is_supported_as_planned(order):
    _, means, variances = coupled_errors(order, 1, "plan")
    x, alpha, miss, margin = np.log(SIZES), 0.01, 0.1, 0.15
    size = design.rate_sample_size(x, means, variance_bounds=variances, margin=margin, alpha=alpha, miss=miss)
    plan = {"variance_bounds": variances, "alpha": alpha, "miss": miss}
    assert design.rate_margin(x, means, observations=size, **plan) <= margin
    assert design.rate_margin(x, means, observations=size - 1, **plan) > margin
    truth = float(slope_weights(x) @ np.log(means))
    hits, misses = 0, 0
    for repeat in range(200):
        errors = coupled_errors(order, size, f"plan {order} {repeat}")[0]
        found = rate(SIZES, error_intervals(errors, variance_bounds=variances, alpha=alpha), alpha=alpha)
        hits += found.interval.inside(truth - margin, truth + margin)
        misses += not found.interval.contains(truth)
    # Chance of a false alarm of this test: 1e-6.
    assert hits >= stats.binom.ppf(1e-6, 200, 1 - miss)
    assert misses <= stats.binom.isf(1e-6, 200, alpha)


def test_an_unresolved_plan_has_no_margin():
    _, means, variances = coupled_errors(-1.0, 1, "plan")
    plan = {"variance_bounds": variances, "alpha": 0.01, "miss": 0.1}
    assert design.rate_margin(np.log(SIZES), means, observations=3, **plan) == math.inf


def test_step_sizes_may_decrease():
    """As packages for differential equations list them: errors n^-1 at step sizes 1/n have order 1 in the step."""
    steps = [1 / 8, 1 / 16, 1 / 32]
    parts = [component(0.99 * step, 1.01 * step) for step in steps]
    found = rate(steps, parts, alpha=0.1, standard_errors=[0.001, 0.002, 0.003])
    assert found == rate(steps[::-1], parts[::-1], alpha=0.1, standard_errors=[0.003, 0.002, 0.001])
    assert found.interval.estimate == pytest.approx(1.0)


def test_rates_check_what_they_are_given():
    parts = [component(1, 2), component(1, 2)]
    with pytest.raises(SpecificationError, match="different"):
        rate([2.0, 2.0], parts, alpha=0.1)
    with pytest.raises(SpecificationError, match="standard_errors"):
        rate([1.0, 2.0], parts, alpha=0.1, standard_errors=[0.1])
    with pytest.raises(SpecificationError, match="one variance bound per size"):
        error_intervals([[1.0]], variance_bounds=[1.0, 2.0], alpha=0.1)
    with pytest.raises(SpecificationError, match="per size"):
        design.rate_margin([0.0, 1.0], [1.0, 0.0], variance_bounds=[1.0, 1.0], observations=9, alpha=0.1, miss=0.1)
