"""Limit laws against exact finite-depth means, variances and laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.theory import limits, moments
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.one_layer import log_multiplier

LAWS = [Multiplier(d, kind, slope) for d in (2, 3, 10, 40) for kind, slope in (("linear", 0.0), ("res-3", 0.0))]
LAWS += [Multiplier(10, "res-3", 0.3), Multiplier(10, "res-3", 1.0, 0.5)]


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 10**6))
def test_corrections_of_the_catalogue(d, L):
    """E4 as printed, linear and ReLU."""
    linear = limits.corrected_lognormal(Multiplier(d), L**-0.5, L)
    assert linear.mean == pytest.approx((1 - 2 / d) - (1 - 2 / d) * (1 - 4 / d) / (2 * L), abs=1e-12)
    assert linear.variance == pytest.approx(4 / d + (16 - 6 * d) / (d**2 * L), abs=1e-11)
    relu = limits.corrected_lognormal(Multiplier(d, "res-3"), L**-0.5, L)
    mean = (1 - 2 / d) / 2 - (1 + 5 / d) * (1 - 2 / d) * (1 - 4 / d) / (8 * L)
    variance = 2 / d + ((1 + 5 / d) * (d**2 - 10 * d + 20) - (d - 2) ** 2) / (4 * d**2 * L)
    assert relu.mean == pytest.approx(mean, abs=1e-12)
    # terms up to 60 at d = 1 with a few hundred roundings
    assert relu.variance == pytest.approx(variance, abs=1e-11)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_corrections_leave_a_second_order_remainder(law):
    """L^2 (exact - corrected) converges, so it changes by O(1/L) between L and 4 L; without the correction it would
    grow by a factor 4. The third-order coefficient is bounded by what E S^3 gives, so a remainder below 1e-9 is zero.
    """
    remainders = []
    for L in (2000, 8000):
        one = log_multiplier(law, L**-0.5)
        corrected = limits.corrected_lognormal(law, L**-0.5, L)
        remainders.append(L**2 * np.array([L * one.mean - corrected.mean, L * one.variance - corrected.variance]))
    # Rounding: L^2 * L * 1e-17 = 5e-6 at L = 8000. Relative change: third-order terms are O(1/L), 20 / 2000 = 1%.
    np.testing.assert_allclose(remainders[1], remainders[0], rtol=0.03, atol=2e-5)


def test_limit_is_the_correction_at_infinite_depth():
    law = Multiplier(7, "res-3", 0.2, 1.3)
    limit, corrected = limits.lognormal_limit(law), limits.corrected_lognormal(law, 1e-6, 10**12)
    # corrections are of order 1e-12
    assert corrected.mean == pytest.approx(limit.mean, rel=1e-10)
    assert corrected.variance == pytest.approx(limit.variance, rel=1e-10)
    assert limit.mean == pytest.approx(law.kappa * (1 - 2 / 7))
    assert limit.variance == pytest.approx(4 * law.kappa / 7)


def test_sequences_add_up():
    """E11: a schedule's parameters are the sums over its layers."""
    law, a = Multiplier(5, "res-3"), np.linspace(0.01, 0.2, 9)
    total = limits.corrected_lognormal(law, a)
    parts = [limits.corrected_lognormal(law, x, 1) for x in a]
    assert total.mean == pytest.approx(sum(p.mean for p in parts))
    assert total.variance == pytest.approx(sum(p.variance for p in parts))
    limit = limits.lognormal_limit(law, float(np.sum(a**2)))
    assert limit.mean == pytest.approx(0.5 * np.sum(a**2) * (1 - 2 / 5))


def test_lognormal_mean_matches_the_exact_mean():
    """E e^{log R} of the limit law is e^kappa, the limit of (1 + kappa/L)^L: an identity between E1 and E4."""
    for law in LAWS:
        limit = limits.lognormal_limit(law)
        assert limit.mean + limit.variance / 2 == pytest.approx(law.kappa)
        # kappa - L log(1 + kappa/L) <= kappa^2 / (2 L)
        assert moments.log_norm_ratio_moment(law, 1e-3, 10**6) == pytest.approx(law.kappa, abs=1e-6)


def test_profile_is_a_brownian_motion():
    law = Multiplier(4)
    mean, covariance = limits.norm_profile(law, [0.25, 0.5, 1.0])
    np.testing.assert_allclose(mean, [0.125, 0.25, 0.5])
    np.testing.assert_allclose(np.diag(covariance), [0.25, 0.5, 1.0])
    increments = np.array([[-1, 1, 0], [0, -1, 1]]) @ covariance @ np.array([[-1, 1, 0], [0, -1, 1]]).T
    np.testing.assert_allclose(increments, np.diag([0.25, 0.5]), atol=1e-15)
    with pytest.raises(SpecificationError):
        limits.norm_profile(law, [-0.1])


def test_identity_regime():
    """The limit law's first two moments are those of the exact D as a -> 0 (beta = 1, L = 1000: remainder O(1/L))."""
    law, L = Multiplier(6, "res-3"), 1000
    scale = law.kappa / L
    x = np.linspace(0, 5, 11) * scale
    np.testing.assert_allclose(limits.identity_cdf(law, 1 / L, L, x), stats.chi2(6).cdf(6 * x / scale), atol=1e-12)
    assert moments.mean_displacement(law, 1 / L, L) == pytest.approx(scale, rel=2 / L)
    second = moments.displacement_second_moment(law, 1 / L, L)
    # relative corrections: Var S and kappa a^2 L, both of order (6 + d) / L
    assert second == pytest.approx((1 + 2 / 6) * scale**2, rel=12 / L)
    assert limits.identity_slope(0.75) == -0.25
    with pytest.raises(HypothesisError):
        limits.identity_slope(0.5)
    with pytest.raises(HypothesisError):
        limits.identity_cdf(law, 0.0, 3, x)


def test_explosion():
    assert [limits.explosion_outcome(d) for d in (1, 2, 3, 9)] == ["collapses", "null", "explodes", "explodes"]
    with pytest.raises(SpecificationError):
        limits.explosion_outcome(0)
    for law in (Multiplier(1), Multiplier(2), Multiplier(3), Multiplier(9, "res-3")):
        beta, L = 0.3, 10**6
        exact = limits.explosion_law(law, L**-beta, L)
        # relative correction a^2 = L^(-2 beta) = 2.5e-4, with a factor |d - 4| (1 + 5/d) / d <= 3 for these widths
        rate = exact.mean * L ** (2 * beta - 1)
        assert rate == pytest.approx(limits.explosion_rate(law), rel=1e-3, abs=1e-6)
        assert exact.variance * L ** (2 * beta - 1) == pytest.approx(4 * law.kappa / law.width, rel=1e-2)
        assert (
            np.sign(round(rate, 6)) == {"collapses": -1, "null": 0, "explodes": 1}[limits.explosion_outcome(law.width)]
        )


def test_explosion_skips_identity_layers():
    law = Multiplier(3)
    assert limits.explosion_law(law, [0.0, 0.3]).mean == pytest.approx(limits.explosion_law(law, 0.3, 1).mean)


def test_spectrum_rates_sum_to_the_log_determinant():
    """Sum of E20 over i is -kappa / 2: the drift of log |det| (E9), whatever the width."""
    for law in LAWS:
        rates = limits.singular_value_rates(law)
        assert rates.sum() == pytest.approx(-law.kappa / 2)
        assert np.all(np.diff(rates) < 0)
        assert rates[0] == pytest.approx(limits.explosion_rate(law) / 2)


def test_two_dimensional_mean_is_an_exponential_integral():
    """d = 2, linear: E log M = E1(1 / a^2) exactly, all powers of a^2 vanish."""
    from scipy.special import exp1

    for a in (1.0, 0.5, 0.2):
        assert log_multiplier(Multiplier(2), a).mean == pytest.approx(exp1(1 / a**2), abs=1e-14)
    assert math.isclose(limits.corrected_lognormal(Multiplier(2), 0.1, 100).mean, 0.0, abs_tol=1e-15)
