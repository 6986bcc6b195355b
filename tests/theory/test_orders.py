from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, special

from theory_check.foundation.errors import SpecificationError
from theory_check.theory import orders

SEED = 11


def matrix(width, scale=1.0):
    return scale * np.random.default_rng(SEED).standard_normal((width, width)) / math.sqrt(width)


@pytest.mark.parametrize("gain", [0.3, 1.0, 2.0])
def test_the_mean_square_error_is_the_difference_of_growths(gain):
    for coarse, fine in ((1, 2), (3, 12), (7, 7 * 64)):
        expected = (1 + gain / fine) ** fine - (1 + gain / coarse) ** coarse
        # Plain powers of numbers near 1 lose a factor of the depth in rounding.
        assert orders.mean_square_error(coarse, fine, gain=gain) == pytest.approx(expected, rel=fine * 1e-15, abs=1e-12)
    assert orders.mean_square_error(5, 5) == 0.0


def test_the_constant_of_the_strong_error():
    # e - (1 + 1/N)^N = e/(2N) - 11e/(24 N^2) + O(N^-3).
    for depth in (10**2, 10**4, 10**6):
        expected = math.e / (2 * depth) * (1 - 11 / (12 * depth))
        # The next term and a few roundings: nothing cancels, however large N.
        assert orders.mean_square_error(depth) == pytest.approx(expected, rel=2 / depth**2 + 2e-15)


@settings(max_examples=25)
@given(st.integers(1, 400), st.integers(2, 5))
def test_mean_square_errors_in_fractions(coarse, ratio):
    e = sum(Fraction(1, math.factorial(n)) for n in range(40))
    growth, finer = ((1 + Fraction(1, n)) ** n for n in (coarse, ratio * coarse))
    # A few roundings; a difference of two deficits of which one is at most half of the other.
    assert orders.mean_square_error(coarse) == pytest.approx(float(e - growth), rel=1e-14)
    assert orders.mean_square_error(coarse, ratio * coarse) == pytest.approx(float(finer - growth), rel=1e-14)


def test_one_coarse_step_by_hand():
    # N = 1 against 2: the difference is V_2 V_1 h / 2, of mean square 1/4.
    assert orders.mean_square_error(1, 2) == pytest.approx(0.25, rel=1e-14)


@given(st.integers(1, 10**9), st.integers(1, 10**6))
def test_errors_of_adjacent_levels_add_up(coarse, ratio):
    middle, fine = coarse * ratio, 2 * coarse * ratio
    total = orders.mean_square_error(coarse, middle) + orders.mean_square_error(middle, fine)
    # Each is accurate to a few roundings of a growth factor below e.
    assert orders.mean_square_error(coarse, fine) == pytest.approx(total, rel=1e-9, abs=1e-14)


def test_orders_along_rough_paths():
    assert orders.rough_path_order(0.25) == 0.75
    assert orders.rough_path_order(0.5) == orders.rough_path_order(2.5) == orders.ODE_ORDER


@pytest.mark.parametrize(("smoothness", "slope"), [(0.25, -0.75), (0.4, -0.9)])
def test_left_point_sums_of_matern_processes(smoothness, slope):
    """Mean square error of the Riemann sum, exactly from the covariance, between two depths; fine grid as reference."""
    assert -orders.rough_path_order(smoothness) == pytest.approx(slope)
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


@pytest.mark.parametrize("depth", [0, -1, 1.5])
def test_depths_are_whole(depth):
    with pytest.raises(SpecificationError, match="coarse depth"):
        orders.mean_square_error(depth)


@pytest.mark.parametrize(("coarse", "fine"), [(1, 2), (3, 6), (16, 32), (2, math.inf), (64, math.inf)])
def test_the_wide_error_of_tied_weights_in_fractions(coarse, fine):
    def coefficient(power, depth):
        if depth == math.inf:
            return Fraction(1, math.factorial(power))
        return Fraction(math.comb(depth, power), depth**power)

    square = sum((coefficient(k, coarse) - coefficient(k, fine)) ** 2 for k in range(40))
    # The logarithms of thirty factors, of which each is rounded once.
    assert orders.tied_wide_error(coarse, fine) == pytest.approx(math.sqrt(square), rel=1e-13)


def test_the_wide_error_tends_to_its_first_order_constant():
    from scipy.special import i0

    for depth in (10**3, 10**5):
        # The next term is of relative order 1/N with a constant of a few.
        assert depth * orders.tied_wide_error(depth) == pytest.approx(0.5 * math.sqrt(i0(2.0)), rel=5 / depth)


def test_the_wide_error_is_that_of_a_wide_matrix():
    width = 1500
    weights, start = matrix(width), np.ones(width)
    coarse, fine = (np.linalg.matrix_power(np.eye(width) + weights / n, n) @ start for n in (4, 8))
    # The logarithm of the norm fluctuates by less than 2/sqrt(d); three of these.
    expected = orders.tied_wide_error(4, 8)
    assert np.linalg.norm(coarse - fine) / math.sqrt(width) == pytest.approx(expected, rel=6.0 / math.sqrt(width))
