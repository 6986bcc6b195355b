from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design
from theory_check.inference.gaussian import (
    covariance_test,
    mean_vector_test,
    norms_test,
    scale_test,
    variance_interval,
    variance_test,
)
from theory_check.inference.goodness_of_fit import kolmogorov_test

# Chance that a correct method fails a check here, for the fixed seeds as drawn once.
FALSE_ALARM = 1e-6
VECTOR_TESTS = [scale_test, norms_test, mean_vector_test, covariance_test]


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


def assert_rate_at_least(rate, hits):
    assert sum(hits) >= stats.binom.ppf(FALSE_ALARM, len(hits), rate)


samples = st.lists(st.integers(-30, 30), min_size=2, max_size=30).filter(lambda v: len(set(v)) > 1)


@settings(deadline=None)
@given(values=samples, alpha=st.floats(1e-6, 0.9))
def test_the_variance_interval_inverts_two_chi_square_tails(values, alpha):
    n, known = len(values), 0.5
    for interval, total, degrees in (
        (variance_interval(values, alpha=alpha), n * np.var(values), n - 1),
        (variance_interval(values, alpha=alpha, mean=known), np.sum((np.array(values) - known) ** 2), n),
    ):
        assert interval.estimate == pytest.approx(total / degrees, rel=1e-12)
        # Two inversions of one incomplete gamma function.
        assert stats.chi2.sf(total / interval.lower, degrees) == pytest.approx(alpha / 2, rel=1e-9)
        assert stats.chi2.cdf(total / interval.upper, degrees) == pytest.approx(alpha / 2, rel=1e-9)


@settings(deadline=None)
@given(values=samples, alpha=st.floats(1e-6, 0.9), null=st.floats(0.1, 1e4))
def test_a_variance_is_rejected_exactly_if_its_interval_excludes_it(values, alpha, null):
    for mean in (None, 0.5):
        test = variance_test(values, null, mean=mean)
        assume(abs(test.p_value / alpha - 1.0) > 1e-9)
        assert test.rejects(alpha) == (not variance_interval(values, alpha=alpha, mean=mean).contains(null))
        # Affine maps: exact in integers but for the division by the null.
        moved = variance_test([3 * v + 7 for v in values], 9 * null, mean=None if mean is None else 3 * mean + 7)
        assert moved.p_value == pytest.approx(test.p_value, rel=1e-9)


@settings(deadline=None)
@given(values=samples, pair=st.tuples(st.floats(1e-6, 0.9), st.floats(1e-6, 0.9)).map(sorted))
def test_variance_intervals_are_nested(values, pair):
    wide, narrow = (variance_interval(values, alpha=alpha) for alpha in pair)
    # Two inversions that agree to rounding when the levels do.
    assert wide.lower <= narrow.lower * (1 + 1e-12)
    assert narrow.upper <= wide.upper * (1 + 1e-12)


@settings(deadline=None, max_examples=40)
@given(degrees=st.integers(2, 3000), alpha=st.floats(1e-8, 0.3), miss=st.floats(1e-6, 0.3))
def test_the_variance_plan_is_an_exact_power(degrees, alpha, miss):
    margin = design.variance_margin(degrees=degrees, alpha=alpha, miss=miss)
    law = stats.chi2(degrees)
    # [Q / high, Q / low] within 1 +- margin, Q chi-square; rounding of quantiles.
    leaves_above = law.sf((1 + margin) * law.ppf(alpha / 2))
    leaves_below = law.cdf((1 - margin) * law.isf(alpha / 2))
    assert max(leaves_above, leaves_below) == pytest.approx(miss / 2, rel=1e-6)
    assert leaves_above + leaves_below <= miss * (1 + 1e-6)
    if margin < 1e3:
        needed = design.variance_sample_size(margin=margin * (1 + 1e-9), alpha=alpha, miss=miss)
        assert needed <= degrees
        assert design.variance_margin(degrees=degrees + 1, alpha=alpha, miss=miss) < margin
    resolution = design.variance_resolution(degrees=degrees, alpha=alpha, power=1 - miss)
    detected = law.sf(law.isf(alpha / 2) / (1 + resolution))
    assert detected >= (1 - miss) * (1 - 1e-9)


def test_the_triangle_is_that_of_the_cholesky_factor():
    x = generator("cholesky").standard_normal((9, 4))
    triangle = np.linalg.cholesky(x.T @ x)
    scores = stats.norm.isf(stats.chi2.sf(np.diag(triangle) ** 2, 9 - np.arange(4)))
    expected = np.sum(np.tril(triangle, -1) ** 2) + np.sum(scores**2)
    # Squaring the condition number of a small matrix costs a few digits.
    assert covariance_test(x).statistic == pytest.approx(expected, rel=1e-9)
    assert covariance_test(x).p_value == pytest.approx(stats.chi2.sf(expected, 10), rel=1e-8)


@pytest.mark.parametrize(("n", "p"), [(5, 5), (6, 2), (12, 3), (40, 8), (3, 1)])
@pytest.mark.parametrize("test", VECTOR_TESTS)
def test_p_values_are_uniform_under_the_statement(test, n, p):
    g = generator(f"{test.__name__} {n} {p}")
    p_values = [test(g.standard_normal((n, p))).p_value for _ in range(1500)]
    # The Kolmogorov p-value of norms has its safety of 1e-4; all others are exact.
    assert kolmogorov_test(np.array(p_values), lambda u: np.clip(u, 0.0, 1.0)).p_value > FALSE_ALARM


def correlated(g, n, p, rho, i, j):
    covariance = np.eye(p)
    covariance[i, j] = covariance[j, i] = rho
    return g.standard_normal((n, p)) @ np.linalg.cholesky(covariance).T


@pytest.mark.parametrize(("i", "j"), [(1, 0), (3, 0), (3, 2)])
def test_the_planned_vectors_detect_a_correlation(i, j):
    alpha, miss, rho, p = 1e-3, 0.1, 0.3, 4
    n = design.covariance_sample_size(p, correlation=rho, alpha=alpha, miss=miss)
    # 1 - (1 - miss) is rounded.
    assert design.covariance_resolution(p, observations=n, alpha=alpha, power=1 - miss) <= rho * (1 + 1e-9)
    assert design.covariance_resolution(p, observations=n - 1, alpha=alpha, power=1 - miss) > rho * (1 - 1e-9)
    g = generator(f"correlation {i} {j}")
    assert_rate_at_least(1 - miss, [covariance_test(correlated(g, n, p, rho, i, j)).rejects(alpha) for _ in range(300)])
    # The bound is not wasteful: a third of the sample does not do.
    few = [covariance_test(correlated(g, n // 3, p, rho, i, j)).rejects(alpha) for _ in range(300)]
    assert sum(few) < stats.binom.isf(FALSE_ALARM, 300, 1 - miss)


@pytest.mark.parametrize(("i", "j"), [(1, 0), (39, 0), (39, 38)])
def test_a_strong_correlation_of_two_among_many_coordinates_is_seen(i, j):
    alpha, miss, n, p = 1e-3, 0.1, 200, 40
    rho = design.covariance_resolution(p, observations=n, alpha=alpha, power=1 - miss)
    assert rho < 0.95
    g = generator(f"wide correlation {i} {j}")
    assert_rate_at_least(1 - miss, [covariance_test(correlated(g, n, p, rho, i, j)).rejects(alpha) for _ in range(100)])
    # The bound is not wasteful: two thirds of the correlation do not do.
    few = [covariance_test(correlated(g, n, p, rho / 1.5, i, j)).rejects(alpha) for _ in range(100)]
    assert sum(few) < stats.binom.isf(FALSE_ALARM, 100, 1 - miss)


@pytest.mark.parametrize("p", [1, 3, 20])
def test_the_planned_vectors_detect_a_mean(p):
    alpha, miss, deviation = 1e-4, 0.05, 0.4
    n = design.mean_vector_sample_size(p, deviation=deviation, alpha=alpha, miss=miss)
    critical = stats.chi2.isf(alpha, p)
    # The exact power, by another library function.
    assert stats.ncx2.sf(critical, p, n * deviation**2) >= 1 - miss
    assert stats.ncx2.sf(critical, p, (n - 1) * deviation**2) < 1 - miss
    assert design.mean_vector_resolution(p, observations=n, alpha=alpha, power=1 - miss) <= deviation
    g = generator(f"mean {p}")
    shift = deviation / math.sqrt(p)
    assert_rate_at_least(
        1 - miss, [mean_vector_test(g.standard_normal((n, p)) + shift).rejects(alpha) for _ in range(200)]
    )


def test_each_test_refutes_its_own_defect():
    """A wrong variance, a drift, correlations, one wrong coordinate, random scales: nearby wrong generators."""
    g = generator("defects")
    n, p = 2000, 16
    x = g.standard_normal((n, p))
    alpha = 1e-6
    assert scale_test(x * math.sqrt(1.05)).rejects(alpha)
    assert mean_vector_test(x + 0.05).rejects(alpha)
    assert covariance_test(correlated(g, n, p, 0.25, 15, 0)).rejects(alpha)
    one = x.copy()
    one[:, 7] *= 1.2
    assert covariance_test(one).rejects(alpha)
    # A common random scale of mean square 1 keeps mean, total variance and uncorrelated coordinates.
    scales = np.where(g.random(n) < 0.5, 0.6, math.sqrt(2 - 0.36))
    heavy = x * scales[:, None]
    assert norms_test(heavy).rejects(alpha)
    assert not mean_vector_test(heavy).rejects(alpha)
    for test in VECTOR_TESTS:
        assert not test(x).rejects(alpha)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), n=st.integers(4, 12))
def test_rotations_leave_scale_norms_and_mean(seed, n):
    g = np.random.Generator(np.random.Philox(seed))
    x = g.standard_normal((n, 3))
    q = np.linalg.qr(g.standard_normal((3, 3)))[0]
    for test in (scale_test, norms_test, mean_vector_test):
        # Sums of a few rounded products.
        assert test(x @ q).p_value == pytest.approx(test(x).p_value, rel=1e-9)
    # Rows may come in any order, and signs do not matter to the covariance.
    assert covariance_test(-x[::-1]).p_value == pytest.approx(covariance_test(x).p_value, rel=1e-9)


def test_a_constant_sample_has_no_variance_and_refutes_any():
    interval = variance_interval([2.0, 2.0, 2.0], alpha=0.1)
    assert (interval.lower, interval.upper) == (0.0, 0.0)
    assert variance_test([2.0, 2.0, 2.0], 1.0).p_value == 0.0
    assert covariance_test(np.zeros((5, 2))).p_value == 0.0


def test_more_coordinates_than_vectors_need_contrasts():
    with pytest.raises(SpecificationError, match="project on 3 orthonormal contrasts"):
        covariance_test(np.ones((3, 4)))
    with pytest.raises(SpecificationError, match="at least 4 observations"):
        design.covariance_resolution(4, observations=3, alpha=0.01)
    assert design.covariance_resolution(4, observations=5, alpha=1e-6) == math.inf
    with pytest.raises(SpecificationError, match="below 1"):
        design.covariance_sample_size(4, correlation=1.0, alpha=0.01, miss=0.01)
    # Long sequences: k contrasts of n > k vectors are again N(0, I).
    g = generator("contrasts")
    contrasts = np.linalg.qr(g.standard_normal((200, 10)))[0]
    assert not covariance_test(g.standard_normal((30, 200)) @ contrasts).rejects(1e-6)


@pytest.mark.parametrize("mean", [1e300, -math.inf])
def test_a_mean_that_is_too_far_is_refused(mean):
    with pytest.raises(SpecificationError, match="values less their mean has values whose squares leave double"):
        variance_interval([1.0, 2.0], alpha=0.05, mean=mean)
