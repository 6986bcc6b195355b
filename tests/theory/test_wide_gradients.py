"""Gradients at infinite width: exact cases, the forward recursion, and networks whose Jacobian is known in full."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theory_check.covariances import fractional_noise
from theory_check.errors import HypothesisError, SpecificationError
from theory_check.theory.infinite_width import WideBranch, log_displacement
from theory_check.theory.wide_gradients import gradient_displacement, wide_displacements

RELU = WideBranch()


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("hurst", [0.2, 0.8])
def test_outputs_are_those_of_the_forward_recursion(slope, hurst):
    branch = WideBranch("res-3", slope)
    output, _ = wide_displacements(branch, hurst, 0.6, 40)
    # Sums of 1600 terms: a thousand roundings.
    assert math.log(output) == pytest.approx(log_displacement(branch, hurst, 0.6, 40), abs=1e-12)


def test_independent_layers_have_the_exact_mean_of_any_width():
    """E1: E D* = E D = (1 + kappa a^2)^L - 1."""
    for slope in (0.0, 0.5):
        branch = WideBranch("res-3", slope)
        exact = (1.0 + branch.kappa / 30.0) ** 30 - 1.0
        # The correlation at H = 1/2 is white to rounding, whose sums over 900 pairs stay below this.
        assert wide_displacements(branch, 0.5, 0.5, 30) == pytest.approx((exact, exact), rel=1e-8)


def test_output_and_gradient_are_one_when_the_activation_is_the_identity():
    """J is then a product of I + a V W, with the law of its transpose in reverse order: E ||J h||^2 is the same."""
    output, gradient = wide_displacements(WideBranch("res-3", 1.0), 0.8, 0.6, 50)
    assert gradient == pytest.approx(output, rel=1e-12)


def test_the_width_mixes_a_share_of_the_output():
    output, gradient = wide_displacements(RELU, 0.8, 0.6, 30)
    assert gradient < output
    assert gradient_displacement(RELU, 0.8, 0.6, 30, 10) == pytest.approx(0.9 * gradient + 0.1 * output)
    assert gradient_displacement(RELU, 0.8, 0.6, 30, math.inf) == gradient


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
    assert wide_displacements(RELU, hurst, beta, depth) == pytest.approx(sums(depth) * depth ** (-2.0 * beta), rel=1e-6)
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
    output, _ = wide_displacements(RELU, hurst, beta, depth)
    predicted = gradient_displacement(RELU, hurst, beta, depth, width)
    error = 5.0 * values[:, 0].std() / math.sqrt(runs)
    # The prediction leaves out terms of order 1/d: four of them relative to its value.
    assert values[:, 0].mean() == pytest.approx(predicted, abs=error + 4.0 / width * predicted)
    # The gradient does not move as the output does.
    assert values[:, 0].mean() < 0.7 * output


def test_what_is_not_derived_is_refused():
    with pytest.raises(HypothesisError, match="derived for res-3"):
        wide_displacements(WideBranch("linear"), 0.7, 0.5, 10)
    with pytest.raises(SpecificationError, match="depth"):
        wide_displacements(RELU, 0.7, 0.5, 0)
