"""The autocovariance against integers of arbitrary precision, sums and its definition."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.errors import SpecificationError
from theory_check.theory.fractional_noise import fractional_autocovariance, tail_coefficients


def exact(n, hurst):
    getcontext().prec = 60
    power = Decimal(2) * Decimal(hurst)
    return (Decimal(n + 1) ** power - 2 * Decimal(n) ** power + Decimal(n - 1) ** power) / 2


@pytest.mark.parametrize("hurst", [0.01, 0.2, 0.4999999, 0.5000001, 0.7, 0.97, 0.9999999])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000, 10**6, 10**8])
def test_relative_accuracy_at_every_lag(n, hurst):
    # a dozen roundings, and n^2H from pow with an error of 2H log n ulps of its exponent: 40 * 1.1e-16
    assert float(fractional_autocovariance(n, hurst)) == pytest.approx(float(exact(n, hurst)), rel=5e-15)


def test_the_definition_loses_what_the_series_keeps():
    n, hurst = 10.0**6, 0.2
    naive = ((n + 1) ** 0.4 - 2 * n**0.4 + (n - 1) ** 0.4) / 2
    # eps n^2 / (H (1 - 2H)): 2e-16 * 1e12 / 0.12
    assert abs(naive / float(fractional_autocovariance(n, hurst)) - 1) > 1e-5


@settings(deadline=None)
@given(st.floats(1e-3, 1.0), st.integers(1, 3000))
def test_partial_sums_telescope(hurst, count):
    """Sum over |n| < L of (L - |n|) rho(n) is L^2H, the variance of fractional Brownian motion."""
    n = np.arange(count)
    rho = fractional_autocovariance(n, hurst)
    total = count * rho[0] + 2 * np.sum((count - n[1:]) * rho[1:])
    # the terms of either sign add up to at most L^2; pairwise sums lose a few eps of them, and L^2H is at least 1
    assert total == pytest.approx(count ** (2 * hurst), rel=1e-11, abs=1e-15 * count**2)


def test_special_cases():
    n = np.array([-3, -1, 0, 1, 3])
    np.testing.assert_array_equal(fractional_autocovariance(n, 0.5), [0, 0, 1, 0, 0])
    # n^2 sum of one term: two roundings
    np.testing.assert_allclose(fractional_autocovariance(n, 1.0), 1.0, rtol=1e-15)
    assert np.all(fractional_autocovariance(np.arange(1, 50), 0.2) < 0)
    b = tail_coefficients(0.3, 3)
    assert b[0] == pytest.approx(0.3 * -0.4)
    far = 1e5
    # the next term is b_2/b_1 n^-2
    assert float(fractional_autocovariance(far, 0.3)) == pytest.approx(b[0] * far**-1.4, rel=1e-9)
    for lags, hurst in ((1, 0.0), (1, 1.1), (0.5, 0.3)):
        with pytest.raises(SpecificationError):
            fractional_autocovariance(lags, hurst)
