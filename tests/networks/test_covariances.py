"""Correlations against closed forms, and against the law of sums: increments must add up to the process."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.covariances import MATERN, ORNSTEIN_UHLENBECK, PERIODIC, RBF, fractional_noise

#: Unit roundoff of double precision.
UNIT = 2.0**-53

lengths = st.floats(-3.0, 3.0).map(lambda x: 10.0**x)
hursts = st.floats(0.001, 0.999)


def variance_of_sum(correlations):
    """Variance of the sum of m = len(correlations) consecutive values: sum over |n| < m of (m - |n|) r(n)."""
    m = len(correlations)
    return m + 2.0 * float(np.sum((m - np.arange(1, m)) * correlations[1:]))


@given(hursts, st.integers(1, 3000))
def test_fractional_noise_adds_up_to_fractional_brownian_motion(hurst, m):
    """Var B_m = m^2H, for every m: it determines all correlations."""
    found = variance_of_sum(fractional_noise(hurst, m))
    # Each correlation is within a dozen roundings, and so is each term of the sum.
    rounding = 24 * UNIT * (m + 2 * np.sum((m - np.arange(1, m)) * np.abs(fractional_noise(hurst, m)[1:])))
    assert abs(found - m ** (2 * hurst)) <= rounding + 4 * UNIT * m ** (2 * hurst)


def test_fractional_noise_is_its_definition_in_whole_numbers():
    # 2H = 1 is white noise; for 2H -> 2 every correlation tends to 1, at rate (2 - 2H) log n or so.
    assert fractional_noise(0.5, 50).tolist() == [1.0] + [0.0] * 49
    assert np.all(np.abs(fractional_noise(1 - 1e-9, 50) - 1.0) < 1e-7)
    # rho(1) = 2^(2H - 1) - 1 and rho(2) = (3^2H - 2 2^2H + 1)/2.
    assert fractional_noise(0.75, 3)[1:].tolist() == pytest.approx(
        [math.sqrt(2) - 1, (3**1.5 - 2 * 2**1.5 + 1) / 2], rel=1e-14
    )


@pytest.mark.parametrize("hurst", [0.01, 0.2, 0.4999999, 0.5000001, 0.7, 0.97, 0.9999999, 1.0])
def test_fractional_noise_is_its_definition_to_relative_accuracy(hurst):
    rho = fractional_noise(hurst, 10**5 + 1)
    with localcontext() as context:
        context.prec = 60
        power = 2 * Decimal(hurst)
        for n in (1, 2, 3, 15, 16, 1000, 10**5):
            exact = (Decimal(n + 1) ** power - 2 * Decimal(n) ** power + Decimal(n - 1) ** power) / 2
            # A dozen roundings, and those of n^2H, whose exponent 2H log n is up to 23.
            assert rho[n] == pytest.approx(float(exact), rel=5e-15)
    # The definition in double precision loses n^2 2^-53 / (H |2H - 1|) of it.
    n, twice = 1e5, 2 * hurst
    naive = ((n + 1) ** twice - 2 * n**twice + (n - 1) ** twice) / 2
    assert hurst == 1.0 or abs(naive / rho[10**5] - 1) > 1e-8


def test_the_hurst_index_is_checked():
    for hurst in (0.0, 1.1, math.nan):
        with pytest.raises(SpecificationError):
            fractional_noise(hurst, 3)


@given(lengths, st.integers(0, 3))
def test_matern_of_half_integer_smoothness_is_a_polynomial_times_an_exponential(length, p):
    """Rasmussen and Williams (2006), equation 4.16."""
    parameters = {"nu": p + 0.5, "length": length}
    x = math.sqrt(2 * p + 1) / length * 0.01 * np.arange(1, 300)
    polynomial = sum(
        math.factorial(p + i) / (math.factorial(i) * math.factorial(p - i)) * (2 * x) ** (p - i) for i in range(p + 1)
    )
    expected = math.factorial(p) / math.factorial(2 * p) * polynomial * np.exp(-x)
    # Bessel functions are good to a few units of 2^-53 times the order; exp(-x) adds x of them.
    np.testing.assert_allclose(MATERN.values(parameters, 0.01, 300)[1:], expected, rtol=2e-14, atol=1e-300)


def test_values_of_the_other_kernels():
    t = np.arange(50) * 0.03
    # The argument of the exponential, at most 113, is rounded four times on either side, the result once.
    close = {"rtol": (8 * 113 + 2) * UNIT}
    np.testing.assert_allclose(RBF.values({"length": 0.1}, 0.03, 50), np.exp(-50 * t**2), **close)
    np.testing.assert_allclose(ORNSTEIN_UHLENBECK.values({"length": 0.2}, 0.03, 50), np.exp(-5 * t), **close)
    # Period 0.3 and steps of 0.03: the values come back after ten steps.
    periodic = PERIODIC.values({"length": 0.7, "period": 0.3}, 0.03, 50)
    np.testing.assert_allclose(periodic[:10], np.exp(-2 * np.sin(np.pi * t[:10] / 0.3) ** 2 / 0.49), rtol=1e-14)
    np.testing.assert_allclose(periodic[10:20], periodic[:10], rtol=1e-13)
    # Matern at nu = 1/2 is Ornstein-Uhlenbeck's.
    np.testing.assert_allclose(MATERN.values({"nu": 0.5, "length": 0.2}, 0.03, 50), np.exp(-5 * t), rtol=2e-14)


@pytest.mark.parametrize("kernel", [RBF, MATERN, PERIODIC, ORNSTEIN_UHLENBECK], ids=["rbf", "matern", "periodic", "ou"])
@given(nu=st.floats(0.05, 9.9), length=lengths, lags=st.integers(2, 400), depth=st.integers(1, 10**6))
def test_increments_add_up_to_the_process(kernel, nu, length, lags, depth):
    """Var (X_m - X_0) = 2 (1 - k(m h)), in units of 2 (1 - k(h)); with the defect, which is another computation."""
    parameters = {"nu": nu, "length": length, "period": 3.3}
    step = 1.0 / depth
    h = kernel.rate(parameters) * step
    found = variance_of_sum(kernel.increments(parameters, step, lags))
    expected = kernel.defect(lags * h, parameters) / kernel.defect(h, parameters)
    # 1e-12 for each correlation: cancellation at a defect of 0.1, and 1e-13 aimed at by the quadrature of Matern's,
    # which the difference at lag 1 may double.
    assert abs(found - expected) <= 1e-12 * lags**2 + 1e-12 * expected


@given(st.floats(0.01, 20.0), st.integers(1, 10**7), st.integers(1, 500))
def test_increments_in_closed_form(length, depth, lags):
    """2 e^(-x^2/2) - e^(-(x-h)^2/2) - e^(-(x+h)^2/2) = 2 e^(-x^2/2) [1 - e^(-h^2/2) cosh(x h)]; likewise for e^-x."""
    h = 1.0 / (length * depth)
    x = h * np.arange(lags)
    expected = np.exp(-x) * 2 * np.sinh(h / 2) ** 2 / math.expm1(-h) if h < 100 else np.zeros(lags)
    expected[0] = 1.0
    found = ORNSTEIN_UHLENBECK.increments({"length": length}, 1.0 / depth, lags)
    # As above.
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    if h < 0.4:
        m, d = -h * h / 2, x * h
        bracket = -np.expm1(m) * np.cosh(d) - 2 * np.sinh(d / 2) ** 2
        expected = np.where(x < 30, np.exp(-x * x / 2) * bracket, 0.0) / -math.expm1(m)
        found = RBF.increments({"length": length}, 1.0 / depth, lags)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", [RBF, MATERN, PERIODIC, ORNSTEIN_UHLENBECK], ids=["rbf", "matern", "periodic", "ou"])
def test_defect_and_curvature_belong_to_the_correlation(kernel):
    parameters = {"nu": 2.2, "length": 0.8, "period": 1.7}
    x = np.linspace(0.3, 2.0, 9)
    k = kernel.correlation(x, parameters)
    # Absolute errors of a few roundings, and those of the quadrature.
    np.testing.assert_allclose([kernel.defect(t, parameters) for t in x], 1 - k, atol=1e-13)
    step = 1e-3
    second = (kernel.correlation(x + step, parameters) - 2 * k + kernel.correlation(x - step, parameters)) / step**2
    # Differences are off by k''''/12 step^2 < 1e-5 with fourth derivatives below 100, and by 4 roundings / step^2.
    np.testing.assert_allclose(kernel.curvature(x, parameters), second, atol=1e-5)


def test_increments_over_a_period_are_refused():
    parameters = {"length": 1.0, "period": 0.1}
    with pytest.raises(SpecificationError, match=r"increments over a time of 0\.2, a multiple of the period, are zero"):
        PERIODIC.increments(parameters, 0.2, 5)
    assert PERIODIC.increments(parameters, 0.05, 4).tolist() == pytest.approx([1, -1, 1, -1], abs=1e-12)
