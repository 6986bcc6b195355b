"""Sums of correlated weights: their mean and the bounds of its variance, against small simulations and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.networks.covariances import fractional_noise
from theory_check.theory.rough_weights import finite_interaction_sum
from theory_check.theory.small_steps import rectified_variance, sum_over_pairs


@pytest.mark.parametrize("hurst", [0.1, 0.5, 0.9])
def test_the_correlations_of_fractional_noise_add_up_to_the_variance_of_fractional_brownian_motion(hurst):
    # 40 terms of size 1 at most, each rounded once or twice
    assert sum_over_pairs(fractional_noise(hurst, 40)) == pytest.approx(40.0 ** (2.0 * hurst), rel=1e-12)


def displacements(width, hurst, depth, inputs, replicates, seed):
    """D/a^2 averaged over the inputs, by plain NumPy."""
    rng = np.random.default_rng(seed)
    rho = fractional_noise(hurst, depth)
    root = np.linalg.cholesky(rho[np.abs(np.subtract.outer(np.arange(depth), np.arange(depth)))])
    states = rng.normal(size=(replicates, width, inputs))
    states /= np.linalg.norm(states, axis=1, keepdims=True)

    def weights():
        return np.einsum("kl,rlij->rkij", root, rng.normal(size=(replicates, depth, width, width))) / width**0.5

    outer = weights()
    return np.sum(np.sum(outer @ np.maximum(weights() @ states[:, None], 0.0), axis=1) ** 2, axis=1).mean(axis=1)


@pytest.mark.parametrize(("width", "hurst", "inputs"), [(2, 0.2, 1), (5, 0.8, 1), (5, 0.8, 4)])
def test_means_are_the_sums_and_variances_stay_below_their_bounds(width, hurst, inputs):
    depth, n = 4, 4000
    sample = displacements(width, hurst, depth, inputs, n, seed=7)
    target = 0.5 * depth * (1.0 + 2.0 * finite_interaction_sum(hurst, depth))
    bound = rectified_variance(width, fractional_noise(hurst, depth), inputs)
    # five standard errors of a mean; of a variance whose kurtosis is below 12: 5 sqrt(11/n) = .26
    assert sample.mean() == pytest.approx(target, abs=5.0 * (bound / n) ** 0.5)
    assert sample.var() < 1.26 * bound


def test_the_bound_of_one_layer_is_exact():
    width = 6
    second = (width + 5.0) / (4.0 * width)  # E |relu(W u)|^4
    assert rectified_variance(width, np.ones(1)) == pytest.approx((1.0 + 2.0 / width) * second - 0.25, rel=1e-14)
