from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design, pilot_size, variance_bound_test, variance_limit


def two_points(p):
    """Variance and kurtosis of Bernoulli(p): q = p (1 - p) and (1 - 3 q) / q."""
    q = p * (1.0 - p)
    return q, (1.0 - 3.0 * q) / q


@pytest.mark.parametrize("p", [0.5, 0.2, 0.01])
def test_second_moment_of_half_squared_differences(p):
    # Of Bernoulli values a difference is 0 or of size 1, the latter with probability 2 q: E y^2 = 2 q / 4.
    q, kurtosis = two_points(p)
    # Both sides are q / 2, with half a dozen roundings.
    assert 2.0 * q * 0.25 == pytest.approx((kurtosis + 3.0) * q**2 / 2.0, rel=1e-14)


@pytest.mark.parametrize("p", [0.5, 0.2, 0.01])
@pytest.mark.parametrize("alpha", [0.05, 1e-6])
def test_the_limit_is_exceeded_with_at_most_its_level(p, alpha):
    # The number of pairs that differ is binomial, so that the probability is known exactly.
    q, kurtosis = two_points(p)
    m = pilot_size(kurtosis_bound=kurtosis, alpha=alpha) // 2
    counts = np.arange(m + 1)
    chances = stats.binom.pmf(counts, m, 2.0 * q)
    part = math.sqrt((kurtosis + 3.0) * -math.log(alpha) / m)
    assert chances[0.5 * counts / m / (1.0 - part) < q].sum() <= alpha
    # A limit without the correction would be exceeded half of the time.
    assert chances[0.5 * counts / m < q].sum() > 0.3


def test_a_kurtosis_that_is_stated_too_low_is_noticed_by_the_limit_only_by_luck():
    # One value in a thousand is 1: of the 216 values of a pilot none is, four times out of five.
    rng = np.random.default_rng(1)
    q, kurtosis = two_points(1e-3)
    plan = {"kurtosis_bound": 1.0, "alpha": 0.05}
    missed = [variance_limit(rng.random(pilot_size(**plan)) < 1e-3, **plan) < q for _ in range(200)]
    assert np.mean(missed) > 0.6
    right = {"kurtosis_bound": kurtosis, "alpha": 0.05}
    missed = [variance_limit(rng.random(pilot_size(**right)) < 1e-3, **right) < q for _ in range(20)]
    assert not any(missed)


def test_a_bound_that_is_too_low_is_rejected_and_a_right_one_is_not():
    values = np.random.default_rng(2).exponential(1.0, 4000)
    assert variance_bound_test(values, 1.0).p_value > 0.01
    assert variance_bound_test(values, 0.7).rejects(1e-6)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: variance_limit([1.0] * 100, kurtosis_bound=3.0, alpha=1e-6), "100 values do not limit a variance"),
        (lambda: variance_limit([1.0], kurtosis_bound=3.0, alpha=0.1), "two or more"),
        (lambda: pilot_size(kurtosis_bound=0.5, alpha=0.1), "kurtosis_bound must be a number from 1 up"),
    ],
)
def test_bad_input(call, reason):
    with pytest.raises(SpecificationError, match=reason):
        call()


def test_open_looks_spend_at_most_the_level_and_end_at_the_largest_sample():
    looks = list(design.open_looks(256, 2**22, alpha=1e-3))
    assert [size for size, _ in looks] == [2**k for k in range(8, 23)]
    # 1 / (k (k + 1)) telescopes: K of them add up to 1 - 1 / (K + 1).
    # The sum adds no rounding to those of its terms.
    assert math.fsum(level for _, level in looks) == pytest.approx(1e-3 * (1.0 - 1.0 / 16.0), rel=1e-15)
