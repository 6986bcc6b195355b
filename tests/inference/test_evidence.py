"""Every e-value against closed forms, exact rationals and its definition: mean at most 1 under its null."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from decimal_textbook import precisely
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.evidence import (
    LARGEST_LOG,
    bernoulli_evidence,
    catoni_evidence,
    kolmogorov_log_tail,
    log_average,
    log_calibrated,
    log_mixture_ratio,
    log_p_from_intervals,
    log_tilted_ratio,
    mean_evidence,
    p_value,
    quantile_evidence,
    tilted_calibration,
)
from theory_check.inference.intervals import (
    Interval,
    kolmogorov_radius,
    mean_interval,
)

probabilities = st.floats(1e-6, 1.0 - 1e-6)
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))

# Calibration


def integral(log_e):
    # In u = -ln p the integral over (0, 1) has the weight e^-u; beyond 690 nothing is left but the clipped tail.
    value, error = integrate.quad(lambda u: math.exp(log_e(-u) - u), 0.0, 690.0, limit=500, points=[1.0, 20.0])
    assert error < 1e-7
    return value


def test_the_calibrator_has_integral_one():
    # The part above u = 690 is the integral of 1/u^2: 1/690. Up to there e is exact.
    assert integral(log_calibrated) == pytest.approx(1.0 - 1.0 / 690.0, abs=2e-6)
    # A nearby wrong calibrator, with ln p for ln^2 p, does not pass.
    assert integral(lambda log_p: log_calibrated(log_p) + math.log(max(-log_p, 1e-9))) > 2.0


@pytest.mark.parametrize("gain", [0.01, 1.0, 14.0])
def test_the_tilted_calibrator_has_integral_one(gain):
    kappa = 1.0 / (1.0 + math.sqrt(2.0 * gain) + gain)
    found = integral(lambda log_p: float(tilted_calibration(log_p, gain=gain)))
    # What is cut off is exp(-690 kappa); quad is good to 1e-7.
    assert found == pytest.approx(1.0 - math.exp(-690.0 * kappa), abs=1e-6)


@pytest.mark.parametrize("p", [1e-300, 1e-12, 0.01, 0.3, 0.36, 0.37, 0.9])
def test_the_calibrator_is_its_closed_form_and_its_mixture(p):
    closed = (1.0 - p + p * math.log(p)) / (p * math.log(p) ** 2)
    # The closed form cancels two digits at p = 0.9 and none below.
    assert log_calibrated(math.log(p)) == pytest.approx(math.log(closed), rel=1e-12, abs=1e-13)
    if p > 1e-13:
        mixture = integrate.quad(lambda k: k * p ** (k - 1.0), 0.0, 1.0)[0]
        # quad promises a relative error of 1.5e-8.
        assert math.exp(log_calibrated(math.log(p))) == pytest.approx(mixture, rel=2e-8)


@precisely
def test_the_calibrator_in_decimal_arithmetic():
    for u in (0.001, 0.5, math.nextafter(1.0, 0.0), 1.0, 1.5, 30.0, 690.0):
        expected = float(((Decimal(u).exp() - 1 - Decimal(u)) / Decimal(u) ** 2).ln())
        # 19 terms of one sign, or six roundings of numbers up to u; at 1 a third of the digits' unit is lost as well.
        assert abs(log_calibrated(-u) - expected) <= (40.0 + 6.0 * u) * 2.0**-53


def test_the_calibrator_near_one():
    assert log_calibrated(0.0) == math.log(0.5)
    for u in (1e-300, 1e-16, 1e-8, 1e-4):
        # The next term of the series is u^2/24, relative to 1/2 below 1e-9; rounding adds 2e-16.
        assert math.exp(log_calibrated(-u)) == pytest.approx(0.5 + u / 6.0 + u * u / 24.0, rel=1e-13)
    below, above = log_calibrated(-math.nextafter(1.0, 0.0)), log_calibrated(-1.0)
    # Both branches meet: their values at 1 differ by roundings only.
    assert below == pytest.approx(above, abs=1e-14)


@given(st.floats(0, 2000), st.floats(0, 2000))
def test_less_probable_is_more_evidence(first, second):
    low, high = sorted((first, second))
    # Non-decreasing up to two roundings of a number below 700.
    assert log_calibrated(-low) <= log_calibrated(-high) + 3e-13
    assert log_calibrated(-high) <= log_calibrated(-LARGEST_LOG)
    assert p_value(log_calibrated(-high)) >= math.exp(-min(high, LARGEST_LOG))


@pytest.mark.parametrize("log_p", [0.1, math.nan])
def test_p_values_above_one_are_refused(log_p):
    with pytest.raises(SpecificationError, match="log_p"):
        log_calibrated(log_p)


@given(st.floats(-50, 50), st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=5))
def test_p_values_from_nested_intervals(centre, nulls):
    # Gaussian intervals: p against a null at distance a is 2 P(Z > a), rounded up by at most e^(1/16).
    def interval_at(level):
        half = float(stats.norm.isf(level / 2.0))
        return Interval(centre, centre - half, centre + half, level, "z")

    ranges = [(centre + a, centre + a + b) for a, b in nulls]
    expected = [math.log(2.0) + float(stats.norm.logsf(a)) for a, _ in nulls]
    for found, exact in zip(log_p_from_intervals(interval_at, ranges), expected, strict=True):
        # isf is good to 1e-12 of the level; the ends are numbers up to 60, whose rounding moves the level by 1e-13.
        assert exact - 1e-9 <= found <= exact + 1.0 / 16.0 + 1e-9


# Combination


@given(st.lists(st.floats(-600, 600), min_size=1, max_size=8))
def test_averages(logs):
    # The average is between its smallest and largest member.
    assert min(logs) - 1e-12 <= log_average(logs) <= max(logs) + 1e-12
    expected = float(np.logaddexp.reduce(logs)) - math.log(len(logs))
    # Two log-sum-exps of the same numbers differ by roundings of the largest.
    assert log_average(logs) == pytest.approx(expected, rel=1e-13, abs=1e-12)


def test_weights_of_an_average():
    assert log_average([0.0, math.log(9.0)], [0.75, 0.25]) == pytest.approx(math.log(3.0), rel=1e-14)
    assert log_average([-math.inf, 0.0]) == math.log(0.5)
    assert log_average([-math.inf]) == -math.inf
    for weights in ([0.5, 0.6], [1.5, -0.5], [1.0]):
        with pytest.raises(SpecificationError, match="weights"):
            log_average([0.0, 0.0], weights)
    for logs in ([], [math.nan]):
        with pytest.raises(SpecificationError, match="log_values"):
            log_average(logs)


# Probabilities


def exact_mixture(k, n, null):
    """The likelihood ratio integrated term by term in rational numbers."""
    p = Fraction(null)
    # With s uniform: (1 + s r)^k (1 - s)^(n - k), r = (1 - p)/p, and int s^i (1 - s)^(n-k) ds = i! (n-k)!/(i+n-k+1)!.
    r = (1 - p) / p
    total = sum(
        math.comb(k, i) * r**i * Fraction(math.factorial(i) * math.factorial(n - k), math.factorial(i + n - k + 1))
        for i in range(k + 1)
    )
    # Rational numbers beyond the range of floats keep their logarithm.
    return math.log(total.numerator) - math.log(total.denominator)


@pytest.mark.parametrize("null", [0.001, 0.25, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 60), (7, 60), (53, 60), (60, 60)])
def test_the_mixture_ratio_is_the_exact_integral(k, n, null):
    # Sums of logarithms below 500 with a dozen roundings each.
    assert log_mixture_ratio(k, n, null) == pytest.approx(exact_mixture(k, n, null), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(("k", "n", "null"), [(0, 3000, 0.5), (300, 3000, 0.9), (10_000, 40_000, 0.6), (5, 9000, 0.2)])
def test_the_mixture_ratio_survives_underflow(k, n, null):
    from scipy.special import betaincc

    assert betaincc(k + 1, n - k + 1, null) < 1e-250
    # Substituting s = x / (n - k) brings the integrand to the order of one.
    odds = (1.0 - null) / null

    def integrand(x):
        s = x / (n - k)
        return math.exp(k * math.log1p(s * odds) + (n - k) * math.log1p(-s)) if s < 1.0 else 0.0

    value = integrate.quad(integrand, 0.0, 60.0, epsabs=0.0, epsrel=1e-11, limit=500)[0] / (n - k)
    # Beyond x = 60 the integrand is below e^-30 in these cases, quad is good to 1e-11.
    assert log_mixture_ratio(k, n, null) == pytest.approx(math.log(value), abs=1e-10)


@given(counts, probabilities, probabilities)
def test_the_mixture_ratio_decreases_in_the_null(count, first, second):
    low, high = sorted((first, second))
    # Logarithms below 6000 with a few roundings.
    assert log_mixture_ratio(*count, low) >= log_mixture_ratio(*count, high) - 1e-9


@given(st.integers(1, 60), probabilities, probabilities)
def test_the_mixture_ratio_has_mean_at_most_one_under_the_composite_null(n, truth, null):
    truth, null = sorted((truth, null))
    k = np.arange(n + 1)
    ratios = np.array([log_mixture_ratio(int(i), n, null) for i in k])
    mean = float(np.exp(stats.binom.logpmf(k, n, truth) + ratios).sum())
    # Sixty terms, each good to 1e-11.
    assert mean <= 1.0 + 1e-9
    # A ratio beyond the largest log is stated as that.
    if truth == null and ratios.max() < LARGEST_LOG:
        assert mean == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("null", [0.05, 0.5, 0.8])
def test_the_mean_is_one_at_the_edge_and_more_outside(null):
    n, k = 50, np.arange(51)
    ratios = np.array([log_mixture_ratio(int(i), n, null) for i in k])

    def mean(truth):
        return float(np.exp(stats.binom.logpmf(k, n, truth) + ratios).sum())

    # Fifty terms, each good to 1e-11.
    assert mean(null) == pytest.approx(1.0, abs=1e-9)
    assert mean(null + 0.1) > 1.2


@given(st.integers(1, 60), probabilities, probabilities, st.floats(1e-3, 30))
def test_the_tilted_ratio_has_mean_at_most_one_under_the_composite_null(n, truth, null, gain):
    truth, null = sorted((truth, null))
    k = np.arange(n + 1)
    mean = float(np.exp(stats.binom.logpmf(k, n, truth) + log_tilted_ratio(k, n, null, gain=gain)).sum())
    # Sixty terms whose exponents, below 1000, have a few roundings.
    assert mean <= 1.0 + 1e-9
    at_edge = float(np.exp(stats.binom.logpmf(k, n, null) + log_tilted_ratio(k, n, null, gain=gain)).sum())
    assert at_edge == pytest.approx(1.0, abs=1e-9)


def test_edges_of_probabilities():
    assert bernoulli_evidence(3, 10, (0.0, 1.0)) == 0.0
    assert log_mixture_ratio(1, 10, 0.0) == LARGEST_LOG
    # int (1 - s)^10 ds, and the mirror image.
    assert log_mixture_ratio(0, 10, 0.0) == pytest.approx(-math.log(11.0), rel=1e-15)
    assert bernoulli_evidence(10, 10, (1.0, 1.0)) == pytest.approx(-math.log(11.0), rel=1e-15)
    assert bernoulli_evidence(9, 10, (1.0, 1.0)) == LARGEST_LOG
    np.testing.assert_array_equal(log_tilted_ratio([0.0, 3.0], 5, [1.0, 0.0], gain=1.0), [0.0, LARGEST_LOG])
    assert -1.0 < float(log_tilted_ratio(0.0, 5, 0.0, gain=1.0)) < 0.0
    with pytest.raises(SpecificationError, match="successes must not exceed trials"):
        bernoulli_evidence(11, 10, (0.2, 0.3))


@given(counts, probabilities, probabilities)
def test_evidence_on_both_sides_is_symmetric(count, first, second):
    low, high = sorted((first, second))
    k, n = count
    mirrored = bernoulli_evidence(n - k, n, (1.0 - high, 1.0 - low))
    # 1 - (1 - p) moves p by 1e-16, and 400 log p with p above 1e-6 by 1e-7 at most.
    assert bernoulli_evidence(k, n, (low, high)) == pytest.approx(mirrored, abs=1e-6)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), probabilities, st.floats(-5, 5), st.floats(0, 5))
def test_quantiles_are_probabilities_of_their_indicators(values, p, low, width):
    sample, high = np.array(values), low + width
    n = sample.size
    up = log_mixture_ratio(n - int((sample <= high).sum()), n, 1.0 - p)
    down = log_mixture_ratio(int((sample < low).sum()), n, p)
    # The same two numbers, averaged.
    assert quantile_evidence(sample, p, (low, high)) == pytest.approx(log_average([up, down]), abs=1e-12)
    assert quantile_evidence(sample, p, (-math.inf, high)) == pytest.approx(up, abs=1e-12)
    assert quantile_evidence(sample, p, (-math.inf, math.inf)) == 0.0


def test_a_quantile_at_an_atom_is_not_accused():
    # Half of the mass sits on the median: only values beyond it count.
    sample = np.repeat([0.0, 1.0, 2.0], [250, 500, 250])
    assert quantile_evidence(sample, 0.5, (1.0, 1.0)) < 0.0
    assert quantile_evidence(sample, 0.5, (1.1, 1.2)) > 20.0
    assert quantile_evidence(sample, 0.5, (0.8, 0.9)) > 20.0


# Means


@pytest.mark.parametrize("seed", range(5))
def test_the_catoni_interval_is_where_the_evidence_is_small(seed):
    sample = np.random.Generator(np.random.Philox(seed)).standard_t(3, 400)
    alpha, v = 1e-3, 3.0
    interval = mean_interval(sample, variance_bound=v, alpha=alpha)
    ends = np.array([interval.lower, interval.upper])
    below, above = catoni_evidence(sample, ends, variance_bound=v, gain=math.log(2.0 / alpha))
    # The roots are found to 1e-9 standard errors, where the evidence has slope sqrt(2 ln(2/alpha)) < 4 a unit.
    assert below[0] == pytest.approx(math.log(2.0 / alpha), abs=1e-7)
    assert above[1] == pytest.approx(math.log(2.0 / alpha), abs=1e-7)


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=30), st.floats(-50, 50), st.floats(-50, 50), st.floats(0.1, 20)
)
def test_evidence_about_a_mean_is_monotone(values, first, second, gain):
    means = sorted((first, second))
    below, above = catoni_evidence(values, means, variance_bound=2.0, gain=gain)
    # Sums of thirty numbers below 10.
    assert below[0] >= below[1] - 1e-11
    assert above[0] <= above[1] + 1e-11


@pytest.mark.parametrize("variance", [0.25, 0.4])
def test_evidence_about_a_mean_has_mean_at_most_one(variance):
    # Ten coin tosses, all outcomes: E e(1/2) is a binomial sum. The variance of a toss is 1/4.
    n, gain = 10, 3.0
    k = np.arange(n + 1)
    weights = stats.binom.pmf(k, n, 0.5)
    rows = [np.repeat([0.0, 1.0], [n - i, i]) for i in k]
    below = np.array([catoni_evidence(row, 0.5, variance_bound=variance, gain=gain)[0][0] for row in rows])
    assert float(weights @ np.exp(below)) <= 1.0
    # Without the compensator it would not be an e-value.
    assert float(weights @ np.exp(below + n * math.log1p(gain / n))) > 1.0


def test_evidence_against_one_sided_and_trivial_statements_on_a_mean():
    sample = np.array([1.0, 2.0, 3.0])
    gain = math.log(20.0)
    below, above = catoni_evidence(sample, [0.0], variance_bound=1.0, gain=gain)
    known = {"variance_bound": 1.0, "alpha": 0.1}
    assert mean_evidence(sample, null=(-math.inf, 0.0), **known) == pytest.approx(float(below[0]), rel=1e-15)
    assert mean_evidence(sample, null=(0.0, math.inf), **known) == pytest.approx(float(above[0]), rel=1e-15)
    both = mean_evidence(sample, null=(0.0, 0.0), **known)
    assert both == pytest.approx(log_average([float(below[0]), float(above[0])]), rel=1e-14)
    assert mean_evidence(sample, null=(-math.inf, math.inf), **known) == 0.0


# Distances


@pytest.mark.parametrize("n", [10, 145, 2000, 2001, 300_000])
@pytest.mark.parametrize("level", [1e-12, 1e-6, 1e-3, 0.03, 0.3])
def test_the_tail_of_the_distance_inverts_its_radius(n, level):
    found = math.exp(float(kolmogorov_log_tail(n, kolmogorov_radius(n, level))))
    # Exact up to 2000 values: 1e-4 for the safe side of the bulk, and the bound that is twice the one-sided tail. The
    # radius is on the safe side by 1e-11, which the slope of the tail, n d/(1 - d) = 190 at n = 10, turns into 2e-9.
    # Beyond, both are upper bounds, and the
    # radius may be the smaller one: by 0.3% (Massart), which is exp(0.006 ln(2/level)) < 1.2 in the level.
    assert level * (1.0 - 3e-9) <= found <= level * (1.0 + 3e-4 if n <= 2000 else 1.2)


def test_the_tail_of_the_distance_is_scipys():
    d = np.linspace(0.02, 0.35, 30)
    # ks_1samp's own law, exact for 100 values; below the level 0.02 the union bound exceeds it by 1e-5, above by 1e-4.
    np.testing.assert_allclose(np.exp(kolmogorov_log_tail(100, d)), stats.kstwo.sf(d, 100), rtol=2e-4)
    assert float(kolmogorov_log_tail(100, 0.0)) == 0.0
    assert float(kolmogorov_log_tail(100, -0.5)) == 0.0
    assert float(kolmogorov_log_tail(5000, 1.0)) == -LARGEST_LOG
