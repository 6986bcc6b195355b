"""Weight gradients: moments by hand and as a sum, the one law against its moments and against draws."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from one_layer_laws import a_layer
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.theory.depth_law import depth_law
from theory_check.theory.moments import multiplier_moment_excess
from theory_check.theory.weight_gradients import (
    mean_weight_gradient,
    neighbour_ratio_law,
    scheduled_weight_gradient,
    weight_gradient_law,
    weight_gradient_variance,
)

LAYERS = [a_layer(6, "linear"), a_layer(6, "res-3"), a_layer(6, "res-3", 0.3)]
SEED_OF_LAWS = 12

#: Two tests look at one law, which takes seconds.
law_of = cache(weight_gradient_law)


def test_first_moments_at_depth_one_by_hand():
    """||dLoss/dV||^2 = a^2 ||g||^2: a^2 for linear; with ReLU chi2_N/d, mean 1/2 and second moment 1/4 + 5/(4 d)."""
    a, d = 0.7, 6
    # Closed forms of a few operations on numbers below 1: roundings of 1e-16 each, also where they cancel.
    assert mean_weight_gradient(LAYERS[0], a, 1) == pytest.approx(a**2, rel=1e-14)
    assert weight_gradient_variance(LAYERS[0], a, 1) == pytest.approx(0.0, abs=1e-15)
    assert mean_weight_gradient(LAYERS[1], a, 1) == pytest.approx(a**2 / 2, rel=1e-14)
    assert weight_gradient_variance(LAYERS[1], a, 1) == pytest.approx(a**4 * 5 / (4 * d), rel=1e-14)


@pytest.mark.parametrize("multiplier", LAYERS, ids=str)
def test_the_law_has_the_moments(multiplier):
    a, depth = 0.5, 4
    law = law_of(multiplier, a, depth)
    x = np.linspace(-30.0, 12.0, 200_001)
    steps = np.diff(law.cdf(x))
    middles = np.exp((x[1:] + x[:-1]) / 2)
    # The law's own bound of its error, at the ends.
    assert law.cdf(np.array([-np.inf, np.inf])) == pytest.approx([law.atom, 1.0], abs=law.error)
    # By parts, an error of the distribution function below e changes a moment by at most e exp(order x) up to x, and
    # above it by no more than the tail, negligible from four deviations over the mean on.
    mean, variance = mean_weight_gradient(multiplier, a, depth), weight_gradient_variance(multiplier, a, depth)
    reach = mean + 4.0 * math.sqrt(variance)
    assert steps @ middles == pytest.approx(mean, abs=law.error * reach)
    assert steps @ middles**2 - mean**2 == pytest.approx(variance, abs=law.error * reach * (reach + 2.0 * mean))
    assert law.error < 2e-5
    p = np.array([0.05, 0.5, 0.95])
    # Interpolation in one table, there and back: roundings.
    assert law.cdf(law.quantile(p)) == pytest.approx(p, abs=1e-15)
    assert law.quantile(0.0) == law.lower


def test_the_law_is_that_of_the_product():
    """a^2 (chi2_N/d) times three multipliers, drawn from their definitions."""
    rng = np.random.Generator(np.random.Philox(SEED_OF_LAWS))
    n, d, a, depth = 40_000, 6, 0.5, 4

    def chi2(degrees):
        return 2.0 * rng.standard_gamma(degrees / 2.0)

    squares = a**2 * chi2(rng.binomial(d, 0.5, n)) / d
    for _ in range(depth - 1):
        scale = a * np.sqrt(chi2(rng.binomial(d, 0.5, n))) / d
        squares *= (1.0 + scale * rng.standard_normal(n)) ** 2 + scale**2 * chi2(np.full(n, d - 1))
    with np.errstate(divide="ignore"):
        values = np.log(squares)
    law = law_of(LAYERS[1], a, depth)
    points = np.sort(values)
    empirical = np.arange(1, n + 1) / n
    distance = np.max(np.abs(law.cdf(points) - empirical)[points > -np.inf])
    # The Kolmogorov distance of the sample at level 1e-9, the table and a step of the sample.
    assert distance < stats.kstwo.isf(1e-9, n) + law.error + 1 / n


def test_what_the_law_needs():
    with pytest.raises(SpecificationError, match="depth must be at least 2, got 1"):
        weight_gradient_law(LAYERS[0], 0.5, 1)
    with pytest.raises(SpecificationError, match="gain 1"):
        weight_gradient_law(a_layer(6, "res-3", gain=2.0), 0.5, 3)


def test_the_exponent_is_one_less_than_the_depth():
    # A geometric sum: kappa a^2 (1 + kappa a^2)^(L-1) over L = 1..10 is (1 + kappa a^2)^10 - 1, the mean displacement.
    a = 0.5
    for multiplier in LAYERS:
        total = sum(mean_weight_gradient(multiplier, a, depth) for depth in range(1, 11))
        # Ten terms of a few roundings each.
        assert total == pytest.approx(math.expm1(10 * math.log1p(multiplier.kappa * a**2)), rel=1e-14)


def test_moments_for_unequal_factors_are_products_over_the_other_layers():
    factors = [0.3, 0.9, 0.6]
    for multiplier in LAYERS:
        d, kappa = multiplier.width, multiplier.kappa
        growth = [1.0 + kappa * a**2 for a in factors]
        second = [1.0 + multiplier_moment_excess(multiplier, a, 2) for a in factors]
        mean, variance = scheduled_weight_gradient(multiplier, factors, 2)
        # Logarithms of numbers of size 1 and their exponential.
        assert mean == pytest.approx(kappa * 0.81 * growth[0] * growth[2], rel=1e-13)
        square = 0.9**4 * d**2 * multiplier.scale_moment(2) * second[0] * second[2]
        assert variance == pytest.approx(square - mean**2, rel=1e-12)
    with pytest.raises(SpecificationError, match="layer"):
        scheduled_weight_gradient(LAYERS[0], factors, 4)


def test_the_ratio_of_neighbours_is_that_of_two_independent_layers():
    width, a = 5, 0.6
    law, layer = neighbour_ratio_law(width, a), depth_law(a_layer(width, "linear"), a, 1)
    x = np.array([-1.0, -0.2, 0.0, 0.7])
    # The mean over the middles of 4000 cells of equal probability of a function between 0 and 1: within one cell.
    copies = layer.quantile((np.arange(4000) + 0.5) / 4000)
    assert law.cdf(x) == pytest.approx([float(np.mean(layer.cdf(y + copies))) for y in x], abs=1 / 4000)
    grid = np.linspace(-12.0, 12.0, 40_001)
    steps, middles = np.diff(law.cdf(grid)), (grid[1:] + grid[:-1]) / 2
    # By parts an error e of the distribution function on [-4, 4], beyond which there is nothing to speak of.
    assert steps @ middles**2 == pytest.approx(2.0 * layer.variance, abs=law.error * 16.0)
    assert law.error < 1e-4


def test_a_layer_among_layers_that_hardly_move_has_its_own_law():
    """At a = 1e-3 log R has a deviation of 1e-3: the law is that of a^2 chi2_N/d, a mixture in closed form.

    A rule with the nodes that a wide law of log R allows has steps of its weights, up to .05.
    """
    a, d = 1e-3, 6
    law = weight_gradient_law(a_layer(d, "res-3"), a, 4)
    x = np.linspace(-4.0, 2.0, 301)
    counts = np.arange(1, d + 1)
    expected = stats.binom.pmf(counts, d, 0.5) @ stats.chi2.cdf(d * np.exp(x), counts[:, None]) + 0.5**d
    # log R moves a distribution function of slope below 1/2 by half of its mean absolute value at most.
    np.testing.assert_allclose(law.cdf(x + 2.0 * math.log(a)), expected, atol=1e-3 + law.error)
    assert law.error < 1e-4
