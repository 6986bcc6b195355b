"""Critical exponents of gradients: sums of the memory they see, and dense networks with their whole Jacobian."""

from __future__ import annotations

import math

import numpy as np
import pytest
from one_layer_laws import a_branch

from theory_check.networks.covariances import fractional_noise
from theory_check.theory.gradient_recursion import log_gradient_displacement, small_displacement
from theory_check.theory.infinite_width import log_displacement


@pytest.mark.parametrize("hurst", [0.3, 0.7, 0.9])
def test_small_displacements_have_the_exponents_of_the_memory_they_see(hurst):
    near, far = (small_displacement(fractional_noise(hurst, depth)) for depth in (1_000_000, 2_000_000))
    exponents = 0.5 * np.log2([far.output / near.output, far.gradient / near.gradient])
    # The next terms are smaller by L^-0.2 at worst, and count for a fifth of their relative size in the exponent.
    assert exponents == pytest.approx([max(hurst, 0.5), max(2.0 * hurst - 1.0, 0.5)], abs=0.2 * 1e6**-0.2)


def simulated(width, depth, beta, hurst, runs):
    """||J - I||_F^2 / d and D of dense networks in NumPy, fractional noise by a Cholesky factor."""
    rng = np.random.Generator(np.random.Philox(8))
    lags = np.abs(np.subtract.outer(np.arange(depth), np.arange(depth))).astype(float)
    covariance = 0.5 * ((lags + 1) ** (2 * hurst) - 2 * lags ** (2 * hurst) + np.abs(lags - 1) ** (2 * hurst))
    factor = np.linalg.cholesky(covariance)
    result = []
    for _ in range(runs):
        inner, outer = (
            (factor @ rng.standard_normal((depth, width**2)) / math.sqrt(width)).reshape(depth, width, width)
            for _ in range(2)
        )
        start = rng.standard_normal(width)
        state, jacobian = start.copy(), np.eye(width)
        for w, v in zip(inner, outer, strict=True):
            active = (w @ state > 0.0).astype(float)
            step = depth**-beta * v @ (active[:, None] * w)
            state, jacobian = state + step @ state, jacobian + step @ jacobian
        moved = np.sum((jacobian - np.eye(width)) ** 2) / width
        result.append((moved, np.sum((state - start) ** 2) / np.sum(start**2)))
    return np.array(result)


def test_dense_networks_never_fall_below_the_share_of_the_output():
    width, depth, hurst, beta, runs = 30, 40, 0.8, 0.65, 120
    values = simulated(width, depth, beta, hurst, runs)
    # ||J - I||_F^2 >= ||(J - I) h_0||^2 / ||h_0||^2, to rounding.
    assert np.all(values[:, 0] >= values[:, 1] / width * (1.0 - 1e-12))
    output = math.exp(log_displacement(a_branch(), hurst, beta, depth))
    error = 5.0 * values[:, 0].std() / math.sqrt(runs)
    # The gradient does not move as the output does.
    assert values[:, 0].mean() + error < 0.8 * output


@pytest.mark.parametrize("width", [8, 20, 40])
def test_dense_networks_that_hardly_move_agree_at_every_width(width):
    """The whole Jacobian at beta = 2.5, where the first order leaves out a relative 1e-3."""
    depth, hurst, beta, runs = 16, 0.9, 2.5, 150
    values = simulated(width, depth, beta, hurst, runs)[:, 0] * depth ** (2.0 * beta)
    small = small_displacement(fractional_noise(hurst, depth), width)
    # At five standard errors, of at most 8% at width 8: the traces average over all d directions.
    error = 5.0 * values.std() / math.sqrt(runs)
    assert error < 0.4 * small.gradient
    assert values.mean() == pytest.approx(small.gradient, abs=error)
    assert abs(values.mean() - small.output) > error


def test_large_displacements_have_a_term_of_order_one_over_the_width_beyond_the_share_of_the_output():
    """d (E D* - E_inf D*) is about 1.4 at H = .7, beta = .5, L = 16 where the share of the output alone is .56."""
    width, depth, hurst, beta, runs = 8, 16, 0.7, 0.5, 1500
    values = simulated(width, depth, beta, hurst, runs)[:, 0]
    rho, branch = fractional_noise(hurst, depth), a_branch()
    wide = math.exp(log_gradient_displacement(branch, rho, beta, depth))
    share = math.exp(log_displacement(branch, hurst, beta, depth)) - wide
    assert share == pytest.approx(0.557, abs=0.001)
    error = 4.0 * width * values.std() / math.sqrt(runs)
    assert width * (values.mean() - wide) - error > share
