"""Networks with tanh(W h + b): moments by quadrature, and the mean of D by integrating out a layer, and by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import mean_interval
from theory_check.theory.bounded_branch import (
    _slope_moments,
    bounded_displacement,
    bounded_laws,
    tanh_moments,
)


@pytest.mark.parametrize("q", [0.05, 1.0, 9.0])
def test_the_moments_are_integrals_and_their_derivatives_differences(q):
    found = tanh_moments(q)
    for power, value in ((2, found.value), (4, found.fourth)):
        integral = quad(lambda z, n=power: np.tanh(np.sqrt(q) * z) ** n * norm.pdf(z), -9.0, 9.0)[0]
        # The integrator's own tolerance.
        assert value == pytest.approx(integral, abs=2e-8)
    # Central differences of a function known to 1e-12: h^2 times the next derivative but one, below 1e3 here.
    step = 1e-4
    below, above = tanh_moments(q - step), tanh_moments(q + step)
    assert found.slope == pytest.approx((above.value - below.value) / (2 * step), abs=1e-5)
    assert found.curvature == pytest.approx((above.slope - below.slope) / (2 * step), abs=1e-5)


def test_the_mean_square_of_tanh_is_concave_and_below_its_tangents():
    grid = np.linspace(0.0, 40.0, 201)
    found = [tanh_moments(float(q)) for q in grid]
    assert all(one.curvature < 0.0 for one in found)
    values = np.array([one.value for one in found])
    for one, q in zip(found[::20], grid[::20], strict=True):
        # Equal at the point itself, to rounding.
        assert np.all(values <= one.value + one.slope * (grid - q) + 1e-13)


def test_two_layers_are_an_integral_over_the_first():
    """E D = a^2 T(1) + a^2 E T(Q_1), the law of Q_1 by draws of the recursion itself."""
    g = np.random.Generator(np.random.Philox(key=8))
    n, d, a = 200_000, 8, 0.7
    branch = np.tanh(g.standard_normal((n, d)))
    h = a * np.linalg.norm(branch, axis=1)[:, None] / np.sqrt(d) * g.standard_normal((n, d))
    h[:, 0] += np.sqrt(d)
    grid = np.linspace(0.0, 20.0, 801)
    second = np.interp(np.sum(h**2, axis=1) / d, grid, [tanh_moments(q).value for q in grid])
    mean = a * a * (tanh_moments(1.0).value + second)
    found = bounded_displacement(d, a, 2)
    # Five standard errors of values between 0 and 1/2, exceeded with probability 6e-7, and the third cumulant of Q, of
    # order (a^2/d)^2, times T'''/6, which is below 1 here.
    error = 5.0 * float(np.std(mean)) / np.sqrt(n)
    assert found.mean == pytest.approx(np.mean(mean), abs=error + (a * a / d) ** 2 / 4)
    # Infinite width is told from it.
    assert found.wide > np.mean(mean) + 2.0 * error


@pytest.mark.parametrize("bias", [0.0, 0.125])
def test_the_mean_is_that_of_numpy_networks_and_the_variance_is_bounded(bias):
    g = np.random.Generator(np.random.Philox(key=9))
    n, d, depth, a = 4_000, 8, 12, 0.5
    h = g.standard_normal((n, d, 1))
    h *= np.sqrt(d) / np.linalg.norm(h, axis=1, keepdims=True)
    start = h.copy()
    for _ in range(depth):
        v, w = (g.standard_normal((n, d, d)) / np.sqrt(d) for _ in range(2))
        h = h + a * v @ np.tanh(w @ h + np.sqrt(bias) * g.standard_normal((n, d, 1)))
    displaced = np.sum((h - start) ** 2, axis=(1, 2)) / d
    found = bounded_displacement(d, a, depth, bias_variance=bias)
    interval = mean_interval(displaced, variance_bound=found.variance_bound, alpha=1e-6)
    # Order 1/d^2, found to be 0.3% at this width.
    assert interval.lower <= found.mean * 1.01
    assert found.mean * 0.99 <= interval.upper
    assert np.var(displaced) < found.variance_bound < 3.0 * np.var(displaced)


@pytest.mark.parametrize("q", [0.05, 1.0, 9.0])
def test_the_mean_square_of_the_slope_is_an_integral_and_its_derivatives_differences(q):
    def slope(z):
        return 1.0 - np.tanh(np.sqrt(q) * z) ** 2

    found, step = _slope_moments(q), 1e-4
    assert found.value == pytest.approx(quad(lambda z: slope(z) ** 2 * norm.pdf(z), -9.0, 9.0)[0], abs=2e-8)
    # Stein's lemma: E z^2 s^2 is B + 2 q B'.
    squares = quad(lambda z: (z * slope(z)) ** 2 * norm.pdf(z), -9.0, 9.0)[0]
    assert found.value + 2.0 * q * found.slope == pytest.approx(squares, abs=5e-8)
    below, above = _slope_moments(q - step), _slope_moments(q + step)
    # Central differences as above.
    assert found.slope == pytest.approx((above.value - below.value) / (2 * step), abs=1e-5)
    assert found.curvature == pytest.approx((above.slope - below.slope) / (2 * step), abs=1e-5)


def test_one_layer_has_exact_moments():
    a, d, at, slope = 0.7, 6, tanh_moments(1.0), _slope_moments(1.0)
    found = bounded_laws(d, a, 1)
    # D = a^2 S chi2_d / d; tr(J J^T) = d + a^2 sum s_i^2 |w_i|^2, of which E z^2 s^2 along h.
    square = at.value**2 + (at.fourth - at.value**2) / d
    assert found.displacement_variance == pytest.approx(a**4 * ((1 + 2 / d) * square - at.value**2), rel=1e-12)
    assert found.gradient_mean == pytest.approx(1 + a * a * (slope.value + 2 * slope.slope / d), rel=1e-12)


@pytest.mark.parametrize("bias", [0.0, 0.125])
def test_gradients_and_variances_are_those_of_numpy_networks(bias):
    """The mean of tr(J J^T)/d, whose fluctuations are small, and the variances of D and of log R*."""
    g = np.random.Generator(np.random.Philox(key=10))
    n, d, depth, a = 6_000, 8, 8, 0.5
    h = g.standard_normal((n, d, 1))
    h *= np.sqrt(d) / np.linalg.norm(h, axis=1, keepdims=True)
    start, jacobian = h.copy(), np.broadcast_to(np.eye(d), (n, d, d))
    for _ in range(depth):
        v, w = (g.standard_normal((n, d, d)) / np.sqrt(d) for _ in range(2))
        post = np.tanh(w @ h + np.sqrt(bias) * g.standard_normal((n, d, 1)))
        jacobian = jacobian + a * v @ ((1.0 - post**2) * (w @ jacobian))
        h = h + a * v @ post
    displaced = np.sum((h - start) ** 2, axis=(1, 2)) / d
    trace = np.sum(jacobian**2, axis=(1, 2)) / d
    output = g.standard_normal((n, 1, d))
    ratio = np.sum((output @ jacobian) ** 2, axis=(1, 2)) / np.sum(output**2, axis=(1, 2))
    found = bounded_laws(d, a, depth, bias_variance=bias)
    assert found.displacement_mean == pytest.approx(
        bounded_displacement(d, a, depth, bias_variance=bias).mean, abs=1e-9
    )
    # Five standard errors, and terms of order 1/d^2: 1.5%.
    error = 5.0 * np.std(trace) / np.sqrt(n)
    assert found.gradient_mean == pytest.approx(np.mean(trace), abs=error + 0.3 / d**2)
    # Infinite width, and a slope that stays that at the input, are told from it.
    wide = bounded_laws(10**6, a, depth, bias_variance=bias).gradient_mean
    unchanged = bounded_laws(10**6, a, 1, bias_variance=bias).gradient_mean ** depth
    assert min(wide, unchanged) > np.mean(trace) + 2.0 * error
    # A sample variance of nearly normal numbers errs by sqrt(2/n); to first order in 1/d.
    for values, variance in ((displaced, found.displacement_variance), (np.log(ratio), found.log_gradient_variance)):
        assert np.var(values) / variance == pytest.approx(1.0, abs=5.0 * np.sqrt(2.0 / n) + 1.2 / d)


def test_sizes_are_checked():
    with pytest.raises(SpecificationError, match="depth"):
        bounded_displacement(8, 0.5, 0)
