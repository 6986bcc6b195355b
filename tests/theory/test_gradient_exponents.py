"""Critical exponents of gradients: sums of the memory they see, and dense networks with their whole Jacobian."""

from __future__ import annotations

import math

import numpy as np
import pytest
from one_layer_laws import a_branch

from theory_check.networks.covariances import fractional_noise
from theory_check.theory.gradient_recursion import log_gradient_displacement
from theory_check.theory.infinite_width import log_displacement


def displacements(hurst, beta, depth, width=math.inf):
    """E D at infinite width and E D* at the given one, res-3 with ReLU."""
    branch = a_branch()
    gradient = log_gradient_displacement(branch, fractional_noise(hurst, depth), beta, depth, width=width)
    return math.exp(log_displacement(branch, hurst, beta, depth)), math.exp(gradient)


@pytest.mark.parametrize("hurst", [0.3, 0.7, 0.9])
def test_small_displacements_are_sums_of_the_memory_and_have_its_exponents(hurst):
    """Far above the critical exponent states do not move, and E D and E D* are sums over pairs of layers."""

    def sums(depth):
        rho = fractional_noise(hurst, depth)
        pairs = np.concatenate([[depth], 2.0 * (depth - np.arange(1.0, depth))])
        kernel = (np.sqrt(1.0 - rho**2) + rho * (np.pi / 2.0 + np.arcsin(rho))) / np.pi
        output = pairs @ (rho * kernel / 2.0)
        return np.array([output, pairs @ (rho**2 * (0.25 + np.arcsin(rho) / (2.0 * np.pi)))])

    beta, depth = 3.0, 60
    # What is left out is of the order of D itself: 60^(2 H - 6) < 1e-7.
    found = displacements(hurst, beta, depth)
    assert found == pytest.approx(sums(depth) * depth ** (-2.0 * beta), rel=1e-6)
    exponents = 0.5 * np.log2(sums(2_000_000) / sums(1_000_000))
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


def test_dense_networks_agree_to_the_order_of_the_width_and_never_fall_below_the_share_of_the_output():
    width, depth, hurst, beta, runs = 30, 40, 0.8, 0.65, 120
    values = simulated(width, depth, beta, hurst, runs)
    # ||J - I||_F^2 >= ||(J - I) h_0||^2 / ||h_0||^2, to rounding.
    assert np.all(values[:, 0] >= values[:, 1] / width * (1.0 - 1e-12))
    output, predicted = displacements(hurst, beta, depth, width)
    error = 5.0 * values[:, 0].std() / math.sqrt(runs)
    # The prediction leaves out terms of order 1/d: four of them relative to its value.
    assert values[:, 0].mean() == pytest.approx(predicted, abs=error + 4.0 / width * predicted)
    # The gradient does not move as the output does.
    assert values[:, 0].mean() < 0.7 * output
