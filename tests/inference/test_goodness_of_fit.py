from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design
from theory_check.inference.goodness_of_fit import (
    anderson_darling_tail,
    anderson_darling_test,
    chi_square_test,
    cramer_von_mises_tail,
    cramer_von_mises_test,
    kolmogorov_test,
)
from theory_check.inference.intervals import kolmogorov_interval

# Chance that a correct method fails a check here, for the fixed seeds as drawn once.
FALSE_ALARM = 1e-6
SECOND_LOOKS = [cramer_von_mises_test, anderson_darling_test]


def uniform_cdf(x):
    return np.clip(x, 0.0, 1.0)


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


uniforms = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=50, unique=True)


@settings(deadline=None)
@given(values=uniforms, alpha=st.floats(1e-6, 0.9))
def test_the_kolmogorov_test_is_dual_to_the_interval(values, alpha):
    found = kolmogorov_test(values, uniform_cdf)
    # The radius is rounded up by 1e-11 of itself.
    assume(abs(found.p_value / alpha - 1.0) > 1e-6)
    assert found.rejects(alpha) == (not kolmogorov_interval(values, uniform_cdf, alpha=alpha).contains(0.0))
    reference = stats.ks_1samp(values, uniform_cdf, method="exact")
    assert found.statistic == pytest.approx(reference.statistic, abs=1e-14)
    # The safety of 1e-4 and, below 0.02, the union bound's 1e-5.
    assert reference.pvalue * (1.0 - 1e-9) <= found.p_value <= reference.pvalue * 1.00011 + 1e-12


@settings(deadline=None)
@given(values=uniforms)
def test_statistics_agree_with_their_definition(values):
    n = len(values)
    u = np.concatenate([[0.0], np.sort(values), [1.0]])
    # F_n is constant between order statistics: integrate (i/n - u)^2 and (i/n - u)^2 / (u (1 - u)) exactly.
    i = np.arange(n + 1) / n
    squares = ((u[1:] - i) ** 3 - (u[:-1] - i) ** 3) / 3.0

    def primitive(x, c):
        # (c - x)^2 / (x (1 - x)) = c^2 / x + (1 - c)^2 / (1 - x) - 1.
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(c > 0, c**2 * np.log(x), 0.0)
            right = np.where(c < 1, -((1.0 - c) ** 2) * np.log1p(-x), 0.0)
        return left + right - x

    weighted = primitive(u[1:], i) - primitive(u[:-1], i)
    # n times sums of n terms of order one, rounded.
    assert cramer_von_mises_test(values, uniform_cdf).statistic == pytest.approx(n * squares.sum(), abs=1e-12 * n)
    assert anderson_darling_test(values, uniform_cdf).statistic == pytest.approx(n * weighted.sum(), abs=1e-11 * n)
    if n > 1:
        reference = stats.cramervonmises(values, "uniform").statistic
        assert cramer_von_mises_test(values, uniform_cdf).statistic == pytest.approx(reference, abs=1e-12 * n)


def test_tails_meet_published_percentage_points():
    # Anderson and Darling (1952, 1954), as printed to three or five digits; 3.857 for 1% there is corrected to 3.878 by
    # Lewis, Annals of Mathematical Statistics 32 (1961). Half a unit of the last digit moves a tail by under 1e-3.
    for point, level in ((0.34730, 0.10), (0.46136, 0.05), (0.58061, 0.025), (0.74346, 0.01), (1.16786, 0.001)):
        assert cramer_von_mises_tail(point) == pytest.approx(level, rel=1e-4)
    for point, level in ((1.933, 0.10), (2.492, 0.05), (3.878, 0.01), (5.969, 0.001)):
        assert anderson_darling_tail(point) == pytest.approx(level, rel=1e-3)


def imhof(x, characteristic):
    """P(Q > x) = 1/2 + (1/pi) int Im(phi(t) e^{-itx}) / t dt, by Gil-Pelaez."""

    def integrand(t):
        return (characteristic(t) * np.exp(-1j * t * x)).imag / t

    return 0.5 + integrate.quad(integrand, 0.0, 400.0, limit=2000)[0] / math.pi


def characteristic_of(weights):
    """Of sum w_j Z_j^2 with the rest of the series replaced by its mean."""

    def phi(t):
        return np.exp(-0.5 * np.log1p(-2j * t * weights).sum())

    return phi


@pytest.mark.parametrize("x", [0.3, 1.0, 2.5, 4.0])
def test_tails_agree_with_an_inversion_of_the_characteristic_function(x):
    j = np.arange(1.0, 2001.0)
    # The terms beyond j = 2000 have mean 1/2001 and variance below 1e-10: they shift Q by their mean.
    shift = 1.0 / 2001.0
    found = imhof(x - shift, characteristic_of(1.0 / (j * (j + 1.0))))
    # |phi(t)| decays like exp(-sqrt(t) pi / 2): 1e-14 at 400. The variance left out moves the tail by 1e-10.
    assert found == pytest.approx(anderson_darling_tail(x), abs=1e-8)
    weights = 1.0 / (math.pi * j) ** 2
    found = imhof(x / 6 - float(1 / 6 - weights.sum()), characteristic_of(weights))
    # Slower by a factor pi^2 in t: |phi(400)| is exp(-sqrt(400)/2) 6^(-1/2), on a tail of the integral of 1e-6.
    assert found == pytest.approx(cramer_von_mises_tail(x / 6), abs=1e-5)


@settings(deadline=None)
@given(x=st.floats(0.0, 300.0), step=st.floats(1e-3, 2.0))
def test_tails_decrease_and_stay_probabilities(x, step):
    for tail in (cramer_von_mises_tail, anderson_darling_tail):
        # Near 1 both are rounded.
        assert 0.0 <= tail(x + step) <= tail(x) + 1e-13 <= 1.0 + 1e-13


def critical_value(tail, level):
    return optimize.brentq(lambda x: tail(x) - level, 0.01, 50.0)


@pytest.mark.parametrize("size", [10, 50])
def test_the_levels_are_as_documented(size):
    """Interval of the true level at a nominal one, against what the module says of it."""
    g, repeats = generator(f"levels {size}"), 200_000
    u = np.sort(g.random((repeats, size)), axis=1)
    odd = 2 * np.arange(1, size + 1) - 1
    cramer = 1 / (12 * size) + ((u - odd / (2 * size)) ** 2).sum(axis=1)
    anderson = -size - ((np.log(u) + np.log1p(-u[:, ::-1])) * odd).sum(axis=1) / size
    # The same sum in another order.
    assert anderson[0] == pytest.approx(anderson_darling_test(u[0], uniform_cdf).statistic, rel=1e-10)
    for nominal, lowest, highest in ((0.05, 0.93, 1.0), (0.01, 0.80, 1.0)):
        hits = int((cramer >= critical_value(cramer_von_mises_tail, nominal)).sum())
        assert hits >= stats.binom.ppf(FALSE_ALARM, repeats, nominal * lowest)
        assert hits <= stats.binom.isf(FALSE_ALARM, repeats, nominal * highest)
    for nominal, highest in ((0.05, 1.03), (0.01, 1.05), (0.001, 1.10)):
        hits = int((anderson >= critical_value(anderson_darling_tail, nominal)).sum())
        assert hits >= stats.binom.ppf(FALSE_ALARM, repeats, nominal)
        assert hits <= stats.binom.isf(FALSE_ALARM, repeats, nominal * highest)


@pytest.mark.parametrize(
    ("test", "size_of", "resolution"),
    [
        (kolmogorov_test, design.kolmogorov_detection_size, design.kolmogorov_resolution),
        (cramer_von_mises_test, design.cramer_von_mises_sample_size, design.cramer_von_mises_resolution),
        (anderson_darling_test, design.anderson_darling_sample_size, design.anderson_darling_resolution),
    ],
)
def test_the_planned_sample_refutes_a_wrong_law(test, size_of, resolution):
    # Squares of uniforms: F = sqrt(x), sup |F - x| = 1/4, and int (sqrt x - x)^2 dx = 1/2 - 4/5 + 1/3 = 1/30.
    deviation = 0.25 if test is kolmogorov_test else math.sqrt(1.0 / 30.0)
    alpha, miss = 1e-3, 0.1
    size = size_of(deviation=deviation, alpha=alpha, miss=miss)
    # 1 - (1 - miss) is rounded, so the two searches may differ in the last digit.
    assert resolution(observations=size, alpha=alpha, power=1 - miss) <= deviation * (1 + 1e-12)
    assert resolution(observations=size - 1, alpha=alpha, power=1 - miss) > deviation * (1 - 1e-12)
    g = generator(f"power {test.__name__}")
    hits = sum(test(g.random(size) ** 2, uniform_cdf).rejects(alpha) for _ in range(400))
    assert hits >= stats.binom.ppf(FALSE_ALARM, 400, 1 - miss)


@settings(deadline=None)
@given(values=st.lists(st.integers(1, 63), min_size=1, max_size=40, unique=True))
def test_tests_follow_increasing_maps(values):
    shares = np.array(values) / 64
    for test in (kolmogorov_test, *SECOND_LOOKS):
        # Dyadic numbers: x -> 8 x - 3 and back is exact.
        assert test(8 * shares - 3, lambda x: uniform_cdf((x + 3) / 8)) == test(shares, uniform_cdf)


def test_ties_are_refused_where_the_law_does_not_allow_them():
    for test in SECOND_LOOKS:
        with pytest.raises(SpecificationError, match="2 of 4 values repeat"):
            test([0.1, 0.3, 0.3, 0.3], uniform_cdf)
    assert kolmogorov_test([0.3] * 4, uniform_cdf).statistic == pytest.approx(0.7, abs=1e-15)


def test_an_excluded_value_is_certain_evidence():
    found = anderson_darling_test([-1.0, 0.5], uniform_cdf)
    assert (found.statistic, found.p_value) == (math.inf, 0.0)


def test_a_heavier_tail_is_seen_by_the_second_look():
    """Contamination in the tails: A^2 rejects where D does not, which is what it is for."""
    g = generator("tails")
    values = g.standard_t(3, 800)
    found = {test: test(values, stats.norm.cdf) for test in (kolmogorov_test, anderson_darling_test)}
    assert found[anderson_darling_test].p_value < 1e-3 * found[kolmogorov_test].p_value


DISCRETE = {
    "poisson": stats.poisson(3.0),
    "coin": stats.bernoulli(0.5),
    "rare": stats.bernoulli(0.02),
    "binomial": stats.binom(8, 0.3),
}


def supremum(values, law):
    """Sup |F_n - F| from its definition, on a grid finer than the lattice."""
    grid = np.concatenate([np.arange(-1, 40) + shift for shift in (0.0, 0.5, -1e-9)])
    empirical = np.mean(np.asarray(values)[None, :] <= grid[:, None], axis=1)
    return np.max(np.abs(empirical - law.cdf(grid)))


@pytest.mark.parametrize("name", DISCRETE)
def test_distances_of_laws_with_atoms_are_suprema(name):
    law, rng = DISCRETE[name], generator(name)
    for size in (1, 10, 200):
        values = law.rvs(size=size, random_state=rng)
        assert kolmogorov_test(values, law.cdf).statistic == pytest.approx(supremum(values, law), abs=1e-12)


def test_published_cases_of_laws_with_atoms():
    values = stats.poisson(3.0).rvs(size=5000, random_state=np.random.default_rng(0))
    # F(x) at every value, as for continuous laws, is .233 away here: the probability of 3 is .224.
    found = kolmogorov_test(values, stats.poisson(3.0).cdf)
    assert found.statistic < 0.02
    assert found.p_value > 0.1
    coins = np.repeat([0.0, 1.0], [489, 511])
    assert kolmogorov_test(coins, stats.bernoulli(0.5).cdf).statistic == pytest.approx(0.011)
    assert kolmogorov_test(coins, stats.bernoulli(0.6).cdf).statistic == pytest.approx(0.089)


@pytest.mark.parametrize("name", DISCRETE)
def test_the_kolmogorov_test_is_conservative_for_atoms(name):
    law, rng, runs = DISCRETE[name], generator("level " + name), 2000
    samples = law.rvs(size=(runs, 50), random_state=rng)
    rejected = sum(kolmogorov_test(row, law.cdf).rejects(0.05) for row in samples)
    assert rejected <= stats.binom.isf(FALSE_ALARM, runs, 0.05)


def test_chi_square_is_that_of_scipy_on_joined_cells():
    rng = generator("chi square")
    law = stats.poisson(3.0)
    values = law.rvs(size=400, random_state=rng)
    found = chi_square_test(values, np.arange(12), law.pmf(np.arange(12)))
    # 0 to 6 expect 10 and more; 7 expects 8.6 and is joined with 8, and the rest with both.
    cells = np.minimum(values, 7)
    expected = 400 * np.append(law.pmf(np.arange(7)), law.sf(6))
    reference = stats.chisquare(np.bincount(cells, minlength=8), expected)
    assert (found.statistic, found.p_value) == pytest.approx(reference, rel=1e-9)
    # A coin's count has an exact law.
    coin = chi_square_test([0] * 60 + [1] * 40, [0, 1], [0.5, 0.5])
    assert coin.p_value == pytest.approx(stats.binomtest(60, 100, 0.5).pvalue, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "size"), [("poisson", 50), ("poisson", 300), ("coin", 40), ("binomial", 100), ("rare", 600)]
)
def test_the_level_of_chi_square_at_small_samples(name, size):
    """At 1e-2, by an exact binomial test at 1e-2 that the level exceeds a nominal one plus the stated error of 6%."""
    law, runs = DISCRETE[name], 2000
    support = np.arange(30)
    samples = law.rvs(size=(runs, size), random_state=generator(f"chi {name} {size}"))
    rejected = sum(chi_square_test(row, support, law.pmf(support)).rejects(0.01) for row in samples)
    assert stats.binom.sf(rejected - 1, runs, 0.0106) > 0.01


def test_chi_square_sees_another_law_and_points_outside_of_the_support():
    support, law = np.arange(30), stats.poisson(3.0)
    # The Kolmogorov distance of Poisson laws of means 3 and 3.5 is .12.
    values = stats.poisson(3.5).rvs(size=1000, random_state=generator("another mean"))
    assert chi_square_test(values, support, law.pmf(support)).rejects(1e-3)
    assert chi_square_test([*range(5)] * 20 + [7], range(5), [0.2] * 5).p_value == 0.0
    with pytest.raises(SpecificationError, match="too few"):
        chi_square_test([1, 2, 3], [1, 2, 3], [1 / 3] * 3)
    with pytest.raises(SpecificationError, match=r"at most 1, not to 1\.5"):
        chi_square_test([1, 2], [1, 2], [0.75, 0.75])
    with pytest.raises(SpecificationError, match="support must increase"):
        chi_square_test([1, 2], [2, 1], [0.5, 0.5])


def test_points_and_masses_beyond_double_precision_are_refused():
    with pytest.raises(SpecificationError, match="support must increase"):
        chi_square_test([1.0] * 9, [1e308, -1e308], [0.5, 0.5])
    with pytest.raises(SpecificationError, match="not to inf"):
        chi_square_test([1.0] * 9, [-1e308, 1e308], [1e308, 1e308])
