"""E1: the one-layer identity, on networks and on worlds made up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.catalogue import exact_means as module
from theory_check.catalogue.exact_means import exact_means
from theory_check.claims import PROFILES, Mean
from theory_check.claims.networks import one_layer
from theory_check.claims.observables import column, expm1, increments, pooled
from theory_check.claims.planning import plan_claim
from theory_check.experiments.cell import Sample
from theory_check.experiments.spelling import network
from theory_check.inference.intervals import mean_interval
from theory_check.simulation.runner import simulate
from theory_check.theory import moments

QUICK = PROFILES["quick"]


def layer_growth(square):
    return pooled(expm1(increments(column("norm_profile"))) / square)


def test_growth_is_read_off_the_profile_layer_by_layer():
    profile = np.log(np.array([[1.0, 1.1, 1.32], [1.0, 0.9, 1.8]]))
    deep = network("linear", width=3, depth=2, recorded_depths=(0, 1, 2))
    sample = Sample(deep, 0, {"norm_profile": profile}, 0.0)
    # Rounding of logarithms of numbers near 1, over 0.5.
    np.testing.assert_allclose(layer_growth(0.5)([sample]), [0.2, 0.4, -0.2, 2.0], atol=1e-14)
    np.testing.assert_allclose(np.prod(1 + 0.5 * layer_growth(0.5)([sample]).reshape(2, 2), axis=1), [1.32, 1.8])


def test_the_growth_agrees_with_a_simulation():
    deep = network("res-3", "uniform", width=4, depth=6, recorded_depths=tuple(range(7)))
    sample = simulate(deep, 1, 3)
    growth = layer_growth(1 / 6)([sample]).reshape(1, 6)
    assert np.log1p(growth / 6).sum() == pytest.approx(sample.column("log_norm_ratio")[0], rel=1e-12)


def test_layers_count_as_values_in_the_plan():
    one, many = (Mean(layer_growth(1.0), 4.0, values_per_replicate=k) for k in (1, 50))
    plan = ((1.0, 1.0), 0.1, 1e-6, 1e-3)
    assert many.replicates(*plan) == math.ceil(one.replicates(*plan) / 50)
    assert many.resolution((1.0, 1.0), 20, 1e-6) == one.resolution((1.0, 1.0), 1000, 1e-6)


def test_layer_checks_are_deep_in_the_explosion_regime_and_refute_near_theories():
    checks = [planned.check for planned in plan_claim(exact_means, QUICK) if planned.check.name.endswith("-layer")]
    deep = [check for check in checks if check.experiments[0].network.scaling.beta == 0.25]
    assert len(deep) == 6
    assert all(check.experiments[0].network.depth >= 200 for check in deep)
    for check in deep:
        names = " ".join(variant.name for variant in check.variants)
        for word in ("other branch", "by a instead of a^2", "drift of the logarithm", "no growth"):
            assert word in names


def test_catoni_holds_for_martingale_differences_that_depend_on_the_past():
    """Variance switched on and off by the past, and skewed: the sum is far from one of independent values."""
    g = np.random.Generator(np.random.Philox(key=20261))
    repeats, layers, alpha = 600, 40, 0.1
    missed = 0
    for _ in range(repeats):
        values = np.empty((8, layers))
        last = np.zeros(8)
        for k in range(layers):
            # Two-point, mean 0, conditional variance 4 after a negative value and 1/4 after a positive one.
            scale = np.where(last < 0.0, 2.0, 0.5)
            last = scale * np.where(g.random(8) < 0.1, 3.0, -1.0 / 3.0)
            values[:, k] = last
        missed += not mean_interval(1.0 + values.ravel(), variance_bound=4.0, alpha=alpha).contains(1.0)
    # Chance of a false alarm of this test: 1e-6.
    assert missed <= stats.binom.isf(1e-6, repeats, alpha)


@pytest.mark.statistical
def test_the_mean_of_r_is_useless_where_its_layers_are_not(evidence):
    """Linear, width 10, beta = 1/4, depth 400: few networks tell kappa; the average of R is far from its mean."""
    check = next(c for c in exact_means.checks(QUICK) if c.name == "linear-gaussian-d10-beta0.25-layer")
    deep = check.experiments[0]
    growth = check.estimator
    size = growth.replicates(check.target, check.margin, evidence.level, 1e-9)
    sample = simulate(deep, size, evidence.seed)
    interval = growth.interval([sample], evidence.level)
    evidence.supports(interval, target=check.target, margin=check.margin, exact=True)
    for variant in check.variants:
        evidence.refutes(interval, target=variant.target, exact=True)
    # The relative standard error of the average of R over the same networks is above 1.
    layer = one_layer(deep)
    relative = moments.log_norm_ratio_variance(*layer) - 2 * moments.log_norm_ratio_moment(*layer)
    assert math.exp(relative) / size > 1.0


@pytest.mark.parametrize("weights", ["gaussian", "uniform"])
def test_several_inputs_of_a_linear_network_have_a_product_and_averages(weights):
    deep = network(
        "linear", weights, width=6, depth=8, gradients=True, kernel="dense", input="correlated:cosine=0.8", inputs=3
    )
    checks = module.DOMAIN.checks(deep, 0.4)
    assert [one.name.rpartition("-")[2] for one in checks] == ["norm", "displacement", "gradient", "product"]
    sample = simulate(deep, 6000, 11)
    for one in checks:
        found = one.estimator.interval([sample], 1e-6)
        # The mistake: a mean that is off by 15%, half widths are 4 to 11%.
        assert found.contains(one.target[0])
        assert not found.contains(1.15 * one.target[0])


def test_rectifiers_have_no_product_and_several_inputs_no_layers():
    correlated = {"input": "correlated:cosine=0.8", "inputs": 2}
    deep = network("res-3", "uniform", width=6, depth=4, recorded_depths=range(5), **correlated)
    assert [one.name.rpartition("-")[2] for one in module.DOMAIN.checks(deep, 1.0)] == ["displacement"]
