from __future__ import annotations

import math

import numpy as np
import pytest
from one_layer_laws import a_branch

from theory_check.experiments.sweep import Sweep
from theory_check.foundation.errors import HypothesisError, SpecificationError
from theory_check.inference.intervals import mean_interval, quantile_interval
from theory_check.networks.covariances import fractional_noise
from theory_check.networks.weights import Weights
from theory_check.simulation.runner import run_experiments
from theory_check.theory.gradient_recursion import (
    log_gradient_displacement,
    small_displacement,
    small_gradient_variance,
)
from theory_check.theory.infinite_width import log_displacement


def by_single_steps(slope, rho, beta, depth):
    """The two recurrences as they stand, entry by entry."""
    a2, rectified = depth ** (-2 * beta), (1 - slope) ** 2
    C, back = np.ones((depth + 1, depth + 1)), np.ones((depth + 1, depth + 1))
    correlation = np.empty((depth, depth))
    for k in range(depth):
        for m in range(k + 1):
            norms = math.sqrt(C[k, k] * C[m, m])
            r = min(max(rho[k - m] * C[k, m] / norms, -1), 1)
            correlation[k, m] = correlation[m, k] = r
            arc = (math.sqrt(1 - r * r) + r * (math.pi / 2 + math.asin(r))) / math.pi
            q = a2 * rho[k - m] * norms * (rectified / 2 * arc + slope * r)
            C[k + 1, m + 1] = C[m + 1, k + 1] = C[k + 1, m] + C[k, m + 1] - C[k, m] + q
    for k in range(depth - 1, -1, -1):
        for m in range(depth - 1, k - 1, -1):
            both = slope + rectified * (0.25 + math.asin(correlation[k, m]) / (2 * math.pi))
            q = a2 * rho[m - k] ** 2 * both * back[k + 1, m + 1]
            back[k, m] = back[m, k] = back[k + 1, m] + back[k, m + 1] - back[k + 1, m + 1] + q
    return math.log(back[0, 0] - 1)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(("hurst", "beta"), [(0.2, 0.4), (0.7, 0.6), (0.95, 0.9)])
def test_row_by_row_is_entry_by_entry(slope, hurst, beta):
    rho = fractional_noise(hurst, 40)
    found = log_gradient_displacement(a_branch("res-3", slope), rho, beta, 40)
    # The naive one loses digits where D* is small against 1: 2^-53 over 0.01, times 40^2 roundings.
    assert found == pytest.approx(by_single_steps(slope, rho, beta, 40), rel=0, abs=40**2 * 2.0**-53 / 0.01)


@pytest.mark.parametrize(("slope", "beta"), [(0.0, 0.5), (0.3, 0.25), (1.0, 1.0)])
def test_independent_layers(slope, beta):
    depth, kappa = 100, (1 + slope**2) / 2
    exact = math.log(math.expm1(depth * math.log1p(kappa * depth ** (-2 * beta))))
    found = log_gradient_displacement(a_branch("res-3", slope), np.eye(1, depth)[0], beta, depth)
    # 100 roundings forward and 100 backward.
    assert found == pytest.approx(exact, rel=0, abs=400 * 2.0**-53 * max(1.0, abs(exact)))


def test_an_odd_activation_treats_both_directions_alike():
    """With slope 1 q = a^2 rho^2 C in both."""
    branch, rho = a_branch("res-3", 1.0), fractional_noise(0.8, 50)
    forward = log_displacement(branch, 0.8, 0.6, 50)
    # 50^2 roundings of each.
    assert log_gradient_displacement(branch, rho, 0.6, 50) == pytest.approx(forward, rel=0, abs=2 * 50**2 * 2.0**-53)


@pytest.mark.parametrize(("hurst", "beta"), [(0.3, 3.0), (0.9, 3.5)])
def test_small_displacements_are_the_start_of_the_recursion(hurst, beta):
    depth = 60
    rho, a2 = fractional_noise(hurst, depth), depth ** (-2 * beta)
    small = small_displacement(rho)
    # What is left out is of the order of D itself: at most 60^(2 H - 2 beta) < 1e-7.
    assert math.exp(log_gradient_displacement(a_branch(), rho, beta, depth)) == pytest.approx(
        a2 * small.gradient, rel=1e-6
    )
    assert math.exp(log_displacement(a_branch(), hurst, beta, depth)) == pytest.approx(a2 * small.output, rel=1e-6)


def test_a_share_of_the_width_moves_as_the_output_does():
    rho = fractional_noise(0.9, 50)
    wide, narrow, single = (small_displacement(rho, width) for width in (math.inf, 10, 1))
    assert narrow.gradient == pytest.approx(0.9 * wide.gradient + 0.1 * wide.output, rel=1e-12)
    # At width 1 there is no direction besides that of the input.
    assert single.gradient == pytest.approx(single.output, rel=1e-12)
    with pytest.raises(SpecificationError, match="width is 0"):
        small_displacement(rho, 0)
    with pytest.raises(SpecificationError, match=r"shape \(\)"):
        small_displacement(1.0)


def first_order(hurst, depth, width, runs, rng):
    """D*/a^2 to first order by its definition, from whole matrices: p moves by the sum of W_k^T Delta_k V_k^T p."""
    lags = np.abs(np.subtract.outer(np.arange(depth), np.arange(depth)))
    factor = np.linalg.cholesky(fractional_noise(hurst, depth)[lags])
    start, gradient = (np.ones(width) / math.sqrt(width) for _ in range(2))
    found = []
    for _ in range(runs):
        inner, outer = (
            (factor @ rng.standard_normal((depth, width**2)) / math.sqrt(width)).reshape(depth, width, width)
            for _ in range(2)
        )
        active = inner @ start > 0.0
        moved = np.einsum("kij,ki,kli,l->j", inner, active, outer, gradient)
        found.append(np.sum(moved**2))
    return np.array(found)


@pytest.mark.statistical
@pytest.mark.parametrize("width", [2, 8, 20])
def test_first_order_by_brute_force(evidence, width):
    """E D*/a^2 has no further term in 1/d, and its variance obeys the bound."""
    depth, runs = 12, 4000
    rho = fractional_noise(0.9, depth)
    small, bound = small_displacement(rho, width), small_gradient_variance(rho, width)
    values = first_order(0.9, depth, width, runs, np.random.Generator(np.random.Philox(evidence.seed)))
    interval = mean_interval(values, variance_bound=bound, alpha=evidence.level)
    evidence.supports(interval, target=(small.gradient, small.gradient), margin=0.3 * small.gradient)
    # The bound is nearly twice the variance here.
    assert np.var(values) < bound
    evidence.refutes(interval, target=(depth / 2, depth / 2), margin=0.01)
    # At width 2 the output's value is within the interval's half width, at these numbers of networks.
    if width > 2:
        evidence.refutes(interval, target=(small.output, small.output), margin=0.01)


def test_an_explosion_is_infinite_and_misuse_is_refused():
    branch, rho = a_branch(), np.ones(200)
    assert log_gradient_displacement(branch, rho, -2.0, 200) == math.inf
    with pytest.raises(HypothesisError, match="needs weights inside the activation, not linear"):
        log_gradient_displacement(a_branch("linear"), rho, 0.5, 200)
    with pytest.raises(SpecificationError, match=r"shape \(200,\)"):
        log_gradient_displacement(branch, rho, 0.5, 100)


@pytest.mark.statistical
def test_simulated_gradients(evidence):
    """The gradient of long memory grows as its own recursion says, not as the output does."""
    hurst, beta, depth = 0.7, 0.6, 64
    sweep = Sweep(width=64, depth=depth, weights=Weights.parse(f"fgn:hurst={hurst}"), betas=(beta,))
    values = run_experiments({sweep: 200}, evidence.seed)[sweep].values["log_gradient_displacement"][:, 0, 0]
    interval = quantile_interval(2 * values, 0.5, alpha=evidence.level)
    gradient = log_gradient_displacement(a_branch(), fractional_noise(hurst, depth), beta, depth)
    output = log_displacement(a_branch(), hurst, beta, depth)
    # The terms of order 1/d: 0.12 was observed at d = 40, 0.03 at 120.
    evidence.supports(interval, target=(gradient, gradient), margin=0.3)
    evidence.refutes(interval, target=(output, output), margin=0.3)
