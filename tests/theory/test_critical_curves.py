from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from one_layer_laws import a_branch

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.networks.covariances import fractional_noise
from theory_check.networks.weights import Weights
from theory_check.theory import critical_curves as module
from theory_check.theory.critical_curves import (
    THREADS,
    contour,
    critical_curves,
    curve_seconds,
    extrapolated_exponent,
    gradient_contour,
    limiting_exponents,
    stationary,
)
from theory_check.theory.gradient_recursion import log_gradient_displacement
from theory_check.theory.infinite_width import effective_exponents, log_displacement, wide_network

HURSTS = [0.2, 0.5, 0.8]
RES3 = Branch()


def fractional(hurst):
    return Weights("fgn", (("hurst", hurst),))


def test_curves_are_the_effective_exponents_and_the_root_of_the_gradient():
    curves = critical_curves(a_branch(), HURSTS, 60, threads=2)
    for index, hurst in enumerate(HURSTS):
        found = effective_exponents(a_branch(), hurst, 60)
        assert (curves.contour[index], curves.stationary[index]) == (found.contour.value, found.stationary.value)
        root = curves.gradient_contour[index]
        # A root to 1e-5 in beta; the slope of log E D* is about -2 log 60.
        assert abs(log_gradient_displacement(a_branch(), fractional_noise(hurst, 60), root, 60)) < 2e-4
    np.testing.assert_array_equal(curves.limit, [0.5, 0.5, 0.8])
    np.testing.assert_allclose(curves.gradient_limit, [0.5, 0.5, 0.6], rtol=1e-15)
    # Independent layers: the two directions have one law, and the contour is where (1 + a^2/2)^60 = 2.
    exact = -np.log(2 * np.expm1(np.log(2.0) / 60)) / (2 * np.log(60.0))
    np.testing.assert_allclose([curves.contour[1], curves.gradient_contour[1]], exact, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("branch", "limits"),
    [
        (a_branch("res-1"), [np.nan, 0.5, 0.8]),
        (a_branch("linear"), [np.nan, 0.5, 0.8]),
        (a_branch("res-3", 1.0), [0.5, 0.5, 0.6]),
        (a_branch("res-3", 0.1), [0.5, 0.5, 0.8]),
    ],
)
def test_limits_of_the_branches(branch, limits):
    np.testing.assert_allclose(limiting_exponents(branch, HURSTS), limits, rtol=1e-15)
    curves = critical_curves(branch, HURSTS, 20)
    np.testing.assert_array_equal(np.isnan(curves.contour), np.isnan(limits))
    assert np.isnan(curves.gradient_contour).all() == (branch.name != "res-3")


def test_too_shallow_for_a_slope():
    curves = critical_curves(a_branch(), [0.7], 3)
    assert np.isnan(curves.stationary).all()


def test_an_interruption_waits_for_no_hurst_index(monkeypatch):
    begun, released = [], threading.Event()

    def exponents(_branch, hurst, _depth):
        begun.append(hurst)
        if len(begun) == 1:
            raise KeyboardInterrupt
        released.wait(60.0)
        raise SpecificationError

    monkeypatch.setattr(module, "effective_exponents", exponents)
    with pytest.raises(KeyboardInterrupt):
        critical_curves(a_branch("linear"), [0.5, 0.6, 0.7, 0.8], 20)
    # The command line leaves without a thread of this name.
    left = [thread for thread in threading.enumerate() if thread.name.startswith(THREADS)]
    released.set()
    for thread in left:
        thread.join()
    assert len(begun) <= 2


def test_curves_that_are_not_computed_take_no_time():
    assert curve_seconds(a_branch(), HURSTS, 50_001) == 0.0 < curve_seconds(a_branch(), HURSTS, 5000)
    assert curve_seconds(a_branch("linear"), [0.3, 0.7], 100) == curve_seconds(a_branch("linear"), [0.7], 100)


def test_predictions_are_the_effective_exponents_of_the_recursion():
    # Both are roots of one function, to 1e-5 and 1e-10.
    for hurst in (0.3, 0.7):
        assert contour(RES3, fractional(hurst), 100) == pytest.approx(
            effective_exponents(a_branch(), hurst, 100).contour.value, abs=2e-5
        )
    beta = stationary(RES3, fractional(0.7), 10, 160)
    deep, shallow = (log_displacement(a_branch(), 0.7, beta, depth) for depth in (160, 10))
    # A root to 1e-5 of the difference, whose slope in beta is 2 log 16 = 5.5 for powers of L and below 10 here.
    assert deep == pytest.approx(shallow, abs=1e-4)


def test_the_predicted_transition_moves_from_independent_to_smooth_weights():
    laws = (*(fractional(h) for h in (0.5, 0.6, 0.7, 0.8, 0.9)), Weights.parse("smooth:length=0.3"))
    exponents = [stationary(RES3, law, 15, 250) for law in laws]
    assert np.all(np.diff(exponents) > 0.03)
    # L log(1 + x) with x = 1/(2 L^(2 beta)) is the same at depths N and L where, to first order in e = beta - 1/2,
    # 2 e log(L/N) = (1/N - 1/L)/4. Terms left out are of relative order e log L and 1/N: a tenth of e, below 3e-4.
    coarse, fine = 15, 250
    first_order = (1.0 / coarse - 1.0 / fine) / 8.0 / math.log(fine / coarse)
    assert exponents[0] == pytest.approx(0.5 + first_order, abs=3e-4)
    # To first order in D a network is the trapezoid sum of its covariance, without an error of order 1/L; the next
    # order leaves D c/L with c below 1 for the left Riemann sum of a growth by D, so the root moves by less than this.
    displacement = math.exp(
        wide_network(a_branch(), laws[-1].autocovariance(fine), 1.0 / fine, fine).log_displacement[-1]
    )
    shift = displacement * (1.0 / coarse - 1.0 / fine) / 2.0 / math.log(fine / coarse)
    assert exponents[-1] == pytest.approx(1.0, abs=shift)


def test_the_extrapolation_says_how_uncertain_it_is():
    for hurst in (0.7, 0.9):
        coarse, fine = (extrapolated_exponent(hurst, depth) for depth in (250, 1000))
        assert fine.error < 0.5 * coarse.error < 0.02
        for estimate in (coarse, fine):
            assert abs(estimate.value - hurst) <= estimate.error
            # What is extrapolated over is several times the error.
        assert hurst - contour(RES3, fractional(hurst), 250) > 3.0 * coarse.error


def test_gradients_turn_before_outputs_above_one_half_and_with_them_at_one_half():
    for hurst in (0.7, 0.9):
        output = contour(RES3, fractional(hurst), 250)
        assert (
            gradient_contour(fractional(hurst), 250, math.inf)
            < gradient_contour(fractional(hurst), 250, 20)
            < output - 0.06
        )
    # Independent layers have one mean of D and D* (E1): two roots, each to 1e-5.
    assert gradient_contour(fractional(0.5), 100, 20) == pytest.approx(contour(RES3, fractional(0.5), 100), abs=2e-5)
