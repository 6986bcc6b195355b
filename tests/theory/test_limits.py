"""Limit laws against exact finite-depth means, variances and laws."""

import numpy as np
import pytest
from one_layer_laws import a_layer

from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.theory import limits, moments
from theory_check.theory.one_layer import log_multiplier

LAWS = [a_layer(d, kind, slope) for d in (2, 3, 10, 40) for kind, slope in (("linear", 0.0), ("res-3", 0.0))]
LAWS += [a_layer(10, "res-3", 0.3), a_layer(10, "res-3", 1.0, 0.5)]


@pytest.mark.parametrize("d", [1, 2, 3, 10, 40])
def test_corrections_of_finite_depth(d):
    """E4 as printed, linear and ReLU: L^2 (exact - printed) converges, so it changes by O(1/L) between L and 4 L.

    Without the correction it would grow by a factor 4. The third-order coefficient is bounded by what E S^3 gives, so a
    remainder below 1e-9 is zero.
    """
    linear = -(1 - 2 / d) * (1 - 4 / d) / 2, (16 - 6 * d) / d**2
    relu = (
        -(1 + 5 / d) * (1 - 2 / d) * (1 - 4 / d) / 8,
        ((1 + 5 / d) * (d**2 - 10 * d + 20) - (d - 2) ** 2) / (4 * d**2),
    )
    for law, (mean, variance) in ((a_layer(d), linear), (a_layer(d, "res-3"), relu)):
        limit, remainders = limits.lognormal_limit(law), []
        for L in (2000, 8000):
            exact = limits.explosion_law(law, L**-0.5, L)
            rest = np.array([exact.mean - limit.mean - mean / L, exact.variance - limit.variance - variance / L])
            remainders.append(L**2 * rest)
        # Rounding: L^2 * L * 1e-17 = 5e-6 at L = 8000. Relative change: third-order terms are O(1/L), 20 / 2000 = 1%.
        np.testing.assert_allclose(remainders[1], remainders[0], rtol=0.03, atol=2e-5)


def test_limit_of_infinite_depth():
    law = a_layer(7, "res-3", 0.2, 1.3)
    limit = limits.lognormal_limit(law)
    assert limit.mean == pytest.approx(law.kappa * (1 - 2 / 7))
    assert limit.variance == pytest.approx(4 * law.kappa / 7)


def test_sequences_add_up():
    """E11: a schedule's parameters are the sums over its layers."""
    law, a = a_layer(5, "res-3"), np.linspace(0.01, 0.2, 9)
    total = limits.explosion_law(law, a)
    parts = [limits.explosion_law(law, x, 1) for x in a]
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
    law = a_layer(4)
    mean, covariance = limits.norm_profile(law, [0.25, 0.5, 1.0])
    np.testing.assert_allclose(mean, [0.125, 0.25, 0.5])
    np.testing.assert_allclose(np.diag(covariance), [0.25, 0.5, 1.0])
    increments = np.array([[-1, 1, 0], [0, -1, 1]]) @ covariance @ np.array([[-1, 1, 0], [0, -1, 1]]).T
    np.testing.assert_allclose(increments, np.diag([0.25, 0.5]), atol=1e-15)
    with pytest.raises(SpecificationError):
        limits.norm_profile(law, [-0.1])


def test_identity_regime_of_smooth_weights():
    assert limits.smooth_slope(1.5) == -0.5
    with pytest.raises(HypothesisError):
        limits.smooth_slope(limits.SMOOTH_CRITICAL_EXPONENT)


def test_explosion():
    """d = 1 collapses, d = 2 is null, wider networks explode."""
    for law, sign in ((a_layer(1), -1), (a_layer(2), 0), (a_layer(3), 1), (a_layer(9, "res-3"), 1)):
        beta, L = 0.3, 10**6
        exact = limits.explosion_law(law, L**-beta, L)
        # relative correction a^2 = L^(-2 beta) = 2.5e-4, with a factor |d - 4| (1 + 5/d) / d <= 3 for these widths
        rate = exact.mean * L ** (2 * beta - 1)
        assert rate == pytest.approx(limits.explosion_rate(law), rel=1e-3, abs=1e-6)
        assert exact.variance * L ** (2 * beta - 1) == pytest.approx(4 * law.kappa / law.width, rel=1e-2)
        assert np.sign(round(rate, 6)) == sign


def test_explosion_skips_identity_layers():
    law = a_layer(3)
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
        assert log_multiplier(a_layer(2), a).mean == pytest.approx(exp1(1 / a**2), abs=1e-14)
    assert limits.lognormal_limit(a_layer(2)).mean == 0.0
