"""Bounds on the gamma function along vertical lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import loggamma

from theory_check.theory.gamma_decay import decay_frequency, log_gamma_decay


@settings(deadline=None)
@given(st.floats(0.5, 1e3), st.floats(1e-3, 1e3))
def test_bounds_the_modulus_of_gamma(x, u):
    exact = (loggamma(x) - loggamma(x + 1j * u)).real
    # rounding of log-gammas of size x log x
    assert float(log_gamma_decay(x, u)) / 2 <= exact + 1e-12 * (1 + abs(loggamma(x)))


@pytest.mark.parametrize(("x", "u"), [(0.5, 3.0), (4.0, 0.1), (50.0, 80.0)])
def test_is_the_integral(x, u):
    value, error = quad(lambda t: np.log1p((u / t) ** 2), x, np.inf)
    assert float(log_gamma_decay(x, u)) == pytest.approx(value, abs=2 * error + 1e-12)


@settings(deadline=None)
@given(st.floats(0.5, 1e9), st.floats(1.0, 50.0))
def test_decay_frequency_inverts(x, level):
    u = decay_frequency(x, level)
    assert float(log_gamma_decay(x, u)) / 2 == pytest.approx(level, rel=1e-6)


@settings(deadline=None)
@given(st.floats(0.5, 1e6), st.floats(1e-3, 1e3), st.floats(1.0, 10.0))
def test_monotone(x, u, factor):
    value = float(log_gamma_decay(x, u))
    # differences of two terms of relative size u / x: q^2 is kept to rounding
    assert float(log_gamma_decay(x, u * factor)) >= value * (1 - 1e-9)
    assert float(log_gamma_decay(x * factor, u)) <= value * (1 + 1e-9)
    assert value <= u * u / x * (1 + 1e-9)
