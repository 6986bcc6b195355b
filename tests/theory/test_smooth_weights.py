"""Smooth weights: two terms of the error of tied layers, regimes, and the order along Matern paths, measured."""

import numpy as np
import pytest
from scipy import signal, special
from scipy.linalg import expm

from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.theory.orders import rough_path_order, tied_linear_error
from theory_check.theory.smooth_weights import CRITICAL_EXPONENT, smooth_slope, tied_error_terms


def test_two_terms_of_the_error_of_tied_layers():
    V = np.random.default_rng(3).standard_normal((4, 4))
    first, second = tied_error_terms(V)
    # two products in another order
    np.testing.assert_allclose(first, tied_linear_error(V, np.eye(4)), rtol=1e-12, atol=1e-12)
    for L in (1000, 4000):
        error = np.linalg.matrix_power(np.eye(4) + V / L, L) - expm(V)
        remainder = L**2 * (error - first / L)
        # the third term over L, with norms of V^6 e^V of some 100; rounding 1e-16 L^3
        np.testing.assert_allclose(remainder, second, atol=100 * np.linalg.norm(second) / L + 1e-5)
        assert np.linalg.norm(remainder) > 0.5 * np.linalg.norm(second) > 0.1


def test_one_dimension():
    # V = 1: -e/2 and 11 e/24
    first, second = tied_error_terms([[1.0]])
    assert first[0, 0] == pytest.approx(-np.e / 2)
    assert second[0, 0] == pytest.approx(11 * np.e / 24)


@pytest.mark.parametrize(("smoothness", "slope"), [(0.25, -0.75), (0.4, -0.9)])
def test_left_point_sums_of_matern_processes(smoothness, slope):
    """Mean square error of the Riemann sum, exactly from the covariance, between two depths; fine grid as reference."""
    assert -rough_path_order(smoothness) == pytest.approx(slope)
    errors = []
    for L in (32, 64):
        fine = 32 * L
        lag = np.maximum(np.arange(fine) / fine * np.sqrt(2 * smoothness) / 0.5, 1e-12)
        covariance = 2 ** (1 - smoothness) / special.gamma(smoothness) * lag**smoothness * special.kv(smoothness, lag)
        weight = np.full(fine, 1 / fine)
        weight[::32] -= 1 / L
        pairs = signal.correlate(weight, weight, method="fft")[fine - 1 :]
        errors.append(pairs[0] * covariance[0] + 2 * pairs[1:] @ covariance[1:])
    # the fine sum itself errs by 32^slope of it, alike at both depths; end points add L^-1 to L^slope, which at 64 and
    # nu = 0.4 is not small: the measured slope lies between the two
    measured = np.log2(errors[1] / errors[0]) / 2
    assert measured > -1.0
    assert measured == pytest.approx(slope, abs=0.04)


def test_regimes():
    assert smooth_slope(1.5) == -0.5
    with pytest.raises(HypothesisError):
        smooth_slope(CRITICAL_EXPONENT)
    with pytest.raises(SpecificationError):
        tied_error_terms(np.ones(3))
