"""Networks with tanh(W h + b): moments by quadrature, and the mean of D by integrating out a layer, and by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import mean_interval
from theory_check.theory.bounded_branch import bounded_displacement, tanh_moments


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


def test_sizes_are_checked():
    with pytest.raises(SpecificationError, match="depth"):
        bounded_displacement(8, 0.5, 0)
