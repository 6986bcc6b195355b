from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("width", [1, 3, 10])
def test_the_error_of_tied_weights(width):
    weights, start = matrix(width), np.ones(width)
    flow, constant = orders.tied_linear_flow(weights, start), orders.tied_linear_error(weights, start)
    previous = math.inf
    for depth in (100, 200, 400):
        scaled = depth * (orders.tied_linear_output(weights, start, depth) - flow)
        rest = np.linalg.norm(scaled - constant) / np.linalg.norm(constant)
        # The next term is of relative order 1/L: halved when L doubles, within a fifth at these depths.
        assert rest < 0.6 * previous
        assert rest < 5 / depth * max(1.0, np.linalg.norm(weights, 2) ** 2)
        previous = rest


def test_outputs_of_tied_weights_by_layers():
    weights, start = matrix(4), np.arange(4.0)
    hidden = start.copy()
    for _ in range(13):
        hidden = hidden + weights @ hidden / 13
    np.testing.assert_allclose(orders.tied_linear_output(weights, start, 13), hidden, rtol=1e-13)


def test_the_flow_of_a_rotation():
    angle = 0.7
    turned = orders.tied_linear_flow([[0, -angle], [angle, 0]], [1.0, 0.0])
    np.testing.assert_allclose(turned, [math.cos(angle), math.sin(angle)], rtol=1e-14)


def test_orders_along_rough_paths():
    assert orders.rough_path_order(0.25) == 0.75
    assert orders.rough_path_order(0.5) == orders.rough_path_order(2.5) == orders.ODE_ORDER


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
    error = orders.tied_linear_output(weights, start, 4) - orders.tied_linear_output(weights, start, 8)
    # The logarithm of the norm fluctuates by less than 2/sqrt(d); three of these.
    expected = orders.tied_wide_error(4, 8)
    assert np.linalg.norm(error) / math.sqrt(width) == pytest.approx(expected, rel=6.0 / math.sqrt(width))
