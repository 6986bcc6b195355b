from __future__ import annotations

import numpy as np
import pytest

from theory_check.networks.covariances import fractional_noise
from theory_check.theory.critical_curves import critical_curves, limiting_exponents
from theory_check.theory.gradient_recursion import log_gradient_displacement
from theory_check.theory.infinite_width import WideBranch, effective_exponents

HURSTS = [0.2, 0.5, 0.8]


def test_curves_are_the_effective_exponents_and_the_root_of_the_gradient():
    curves = critical_curves(WideBranch(), HURSTS, 60, threads=2)
    for index, hurst in enumerate(HURSTS):
        found = effective_exponents(WideBranch(), hurst, 60)
        assert (curves.contour[index], curves.stationary[index]) == (found.contour.value, found.stationary.value)
        root = curves.gradient_contour[index]
        # A root to 1e-5 in beta; the slope of log E D* is about -2 log 60.
        assert abs(log_gradient_displacement(WideBranch(), fractional_noise(hurst, 60), root, 60)) < 2e-4
    np.testing.assert_array_equal(curves.limit, [0.5, 0.5, 0.8])
    np.testing.assert_allclose(curves.gradient_limit, [0.5, 0.5, 0.6], rtol=1e-15)
    # Independent layers: the two directions have one law, and the contour is where (1 + a^2/2)^60 = 2.
    exact = -np.log(2 * np.expm1(np.log(2.0) / 60)) / (2 * np.log(60.0))
    np.testing.assert_allclose([curves.contour[1], curves.gradient_contour[1]], exact, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("branch", "limits"),
    [
        (WideBranch("res-1"), [np.nan, 0.5, 0.8]),
        (WideBranch("linear"), [np.nan, 0.5, 0.8]),
        (WideBranch("res-3", 1.0), [0.5, 0.5, 0.6]),
        (WideBranch("res-3", 0.1), [0.5, 0.5, 0.8]),
    ],
)
def test_limits_of_the_branches(branch, limits):
    np.testing.assert_allclose(limiting_exponents(branch, HURSTS), limits, rtol=1e-15)
    curves = critical_curves(branch, HURSTS, 20)
    np.testing.assert_array_equal(np.isnan(curves.contour), np.isnan(limits))
    assert np.isnan(curves.gradient_contour).all() == (branch.name != "res-3")


def test_too_shallow_for_a_slope():
    curves = critical_curves(WideBranch(), [0.7], 3)
    assert np.isnan(curves.stationary).all()
