"""E22: what the claim writes out, against sums of matrices, and against the covariances of the package."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theory_check.catalogue.weight_sums import PATHS_DOMAIN, accumulated, sums
from theory_check.networks.weights import Weights

SPELLINGS = [
    "fgn:hurst=0.2", "fgn:hurst=0.5", "fgn:hurst=0.95", "smooth:length=0.1", "smooth-increments:length=0.3",
    "ou:length=0.4", "ou-increments:length=2", "periodic:length=0.5", "periodic:length=0.7,period=2", "matern:length=3",
    "matern-increments:length=0.2", "tied", "piecewise:pieces=1", "piecewise:pieces=3", "piecewise:pieces=100",
]  # fmt: skip


@pytest.mark.parametrize("depth", [2, 3, 16, 64])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_written_sums_agree_with_the_covariance_of_the_package(spelling, depth):
    weights = Weights.parse(spelling)
    written = accumulated(weights.law, dict(weights.parameters), depth)
    # Increments of smooth paths lose digits in 1 - rho(1/L): 1e-16 over the square of 1/(3 L).
    assert written == pytest.approx(float(weights.covariance(depth).sum()), rel=1e-11)


def test_written_sums_of_small_depths_are_those_of_hand():
    assert accumulated("fgn", {"hurst": 0.75}, 4) == pytest.approx(8.0, rel=1e-14)
    assert accumulated("tied", {}, 5) == 25.0
    # Times 0, 1/5, 2/5 and 3/5, 4/5.
    assert accumulated("piecewise", {"pieces": 2.0}, 5) == 9.0 + 4.0
    assert accumulated("ou", {"length": 0.5}, 2) == pytest.approx(2.0 + 2.0 * math.exp(-1.0), rel=1e-14)
    assert accumulated("smooth", {"length": 0.5}, 2) == pytest.approx(2.0 + 2.0 * math.exp(-0.5), rel=1e-14)
    # X(1) - X(0) in two steps of variance 2 (1 - rho(1/2)) each.
    smooth = (1.0 - math.exp(-2.0)) / (1.0 - math.exp(-0.5))
    assert accumulated("smooth-increments", {"length": 0.5}, 2) == pytest.approx(smooth, rel=1e-14)


def test_the_variance_that_the_interval_uses_is_that_of_averages_over_inputs():
    rng = np.random.default_rng(20261126)
    width, inputs, networks = 4, 16, 4000
    matrices = rng.standard_normal((networks, width, width)) / math.sqrt(width)
    states = rng.standard_normal((networks, width, inputs))
    ratios = np.sum((matrices @ states) ** 2, axis=1) / np.sum(states**2, axis=1)
    expected = 2.0 / width * (1.0 / inputs + (1.0 - 1.0 / inputs) / width)
    # The fourth moment of an average is about 4 times its squared variance: 5 standard errors are 14%.
    assert np.var(ratios.mean(axis=1)) == pytest.approx(expected, rel=0.14)


def test_terms_of_higher_order_and_roundings_stay_below_the_remainder():
    deep, rng = sums("tied", 64), np.random.default_rng(20261126)
    a = deep.network.scaling.values[0]
    for _ in range(20):
        matrix, state = rng.standard_normal((3, 3)) / math.sqrt(3.0), rng.standard_normal(3)
        moved = state.copy()
        for _ in range(64):
            moved = moved + a * (matrix @ moved)
        expected = 64.0**2 * np.sum((matrix @ state) ** 2)
        assert np.sum((moved - state) ** 2) / a**2 == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("spelling", ["periodic-increments", "matern:nu=0.5"])
def test_processes_that_are_not_written_out_are_outside(spelling):
    assert PATHS_DOMAIN.violated(sums(spelling, 3)).name == "written process"
