from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import Interval, mean_interval


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


def test_the_largest_values_have_a_mean():
    interval = mean_interval([1e308] * 20, variance_bound=0.5, alpha=0.05)
    assert (interval.lower, interval.estimate, interval.upper) == (1e308, 1e308, 1e308)
