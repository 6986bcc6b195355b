"""The recursion on the grid of layers: compiled, interpreted and written out in NumPy."""

from decimal import Decimal

import decimal_textbook as textbook
import numpy as np
import pytest
from decimal_textbook import exact
from scipy.linalg import toeplitz

from theory_check.kernels.recursion import second_moments


def naive(outer, inner, scaling, slope):
    """C on the whole grid, as the theory states it, by rows of its lower half."""
    L = scaling.size
    C = np.ones((L + 1, L + 1))
    for k in range(L):
        for j in range(k + 1):
            size = np.sqrt(C[k, k] * C[j, j])
            r = np.clip(inner[k, j] * C[k, j] / size, -1, 1)
            arc = (np.sqrt(1 - r * r) + r * (np.pi / 2 + np.arcsin(r))) / np.pi
            q = scaling[k] * scaling[j] * outer[k, j] * size * ((1 - slope) ** 2 / 2 * arc + slope * r)
            C[k + 1, j + 1] = C[k + 1, j] + C[k, j + 1] - C[k, j] + q
            C[j + 1, k + 1] = C[k + 1, j + 1]
    return np.diag(C)


@textbook.precisely
def in_decimals(outer, inner, scaling, slope):
    """C(k, k) - 1 as above, the whole grid in decimal arithmetic."""
    outer, inner, scaling, slope = (exact(part) for part in (outer, inner, scaling, np.float64(slope)))
    L, pi = len(scaling), textbook.half_turn()
    C = [[Decimal(1)] * (L + 1) for _ in range(L + 1)]
    for k in range(L):
        for j in range(k + 1):
            size = (C[k][k] * C[j][j]).sqrt()
            r = min(inner[k][j] * C[k][j] / size, Decimal(1))
            arc = ((1 - r * r).sqrt() + r * (pi / 2 + textbook.arcsine(r))) / pi
            q = scaling[k] * scaling[j] * outer[k][j] * size * ((1 - slope) ** 2 / 2 * arc + slope * r)
            C[k + 1][j + 1] = C[j + 1][k + 1] = C[k + 1][j] + C[k][j + 1] - C[k][j] + q
    return np.array([float(C[k][k] - 1) for k in range(L + 1)])


def run(function, outer, inner, scaling, slope):
    excess, exponents = np.empty(scaling.size + 1), np.empty(scaling.size + 1, np.int64)
    function(outer, inner, scaling, slope, excess, exponents)
    return excess, exponents


def problem(seed, depth):
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((depth, depth)) + 1.0
    covariance = roots @ roots.T
    deviation = np.sqrt(np.diag(covariance))
    return covariance / np.outer(deviation, deviation), toeplitz(0.7 ** np.arange(depth)), rng.uniform(0, 0.8, depth)


@pytest.mark.parametrize("slope", [0.0, 1.0, -1.0, 0.3])
def test_the_grid_written_out(slope):
    outer, inner, scaling = problem(3, 12)
    excess, exponents = run(second_moments, outer, inner, scaling, slope)
    # sums of 144 terms of one size
    np.testing.assert_allclose(excess, naive(outer, inner, scaling, slope) - 1, rtol=1e-12, atol=1e-14)
    assert not exponents.any()
    # an inner correlation in the place of the outer one is seen
    assert abs(run(second_moments, inner, inner, scaling, slope)[0][-1] / excess[-1] - 1) > 0.01


@pytest.mark.parametrize("slope", [0.0, -1.0, 0.3])
def test_the_grid_in_decimal_arithmetic(slope):
    outer, inner, scaling = problem(3, 7)
    # 49 increments of at most 15 roundings each, all sizes below the last one.
    expected = in_decimals(outer, inner, scaling, slope)
    found = run(second_moments, outer, inner, scaling, slope)[0]
    assert np.max(np.abs(found - expected)) <= 49 * 15 * 2.0**-53 * (1.0 + expected[-1])


def test_interpreted_and_compiled_agree():
    outer, inner, scaling = problem(4, 9)
    interpreted = getattr(second_moments, "py_func", second_moments)
    for factor in (1.0, 1e30):
        ours, theirs = (run(f, outer, inner, scaling * factor, 0.2) for f in (second_moments, interpreted))
        # fused products: an ulp an operation
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-13)
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_rescaling_changes_nothing():
    """Scalings of 1e30 leave [2^-400, 2^400] within 5 layers; the top power of the scaling dominates C."""
    outer, inner, scaling = problem(5, 12)
    excess, exponents = run(second_moments, outer, inner, scaling * 1e30, 0.0)
    assert exponents[-1] >= 1200
    larger, more = run(second_moments, outer, inner, scaling * 1e40, 0.0)
    growth = np.log10(larger[1:] / excess[1:]) + (more - exponents)[1:] * np.log10(2)
    # all terms but the top one are below 1e-30 of it; logarithms of 1e700 to 1e-13 of themselves
    np.testing.assert_allclose(growth, 20.0 * np.arange(1, 13), atol=1e-9)
