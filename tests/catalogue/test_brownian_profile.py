"""E5: all quarters and all pairs, the pairs by the probability that two normal numbers agree in sign."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from theory_check.catalogue.brownian_profile import brownian_profile
from theory_check.claims import PROFILES
from theory_check.claims.planning import plan_claim
from theory_check.experiments.cell import Sample
from theory_check.inference.two_samples import smirnov_test

QUICK = {planned.check.name: planned.check for planned in plan_claim(brownian_profile, PROFILES["quick"])}


def test_every_pair_of_quarters_is_compared_on_one_sample():
    pairs = [check for name, check in QUICK.items() if name.startswith("linear-gaussian-d8-depth64-pair")]
    assert len(pairs) == 6
    assert len({check.experiments for check in pairs}) == 1
    named = min(variant.distance for check in pairs for variant in check.variants)
    assert named < 3.0


def test_agreement_is_read_off_the_profile():
    check = QUICK["linear-gaussian-d8-depth64-pair24"]
    middle = 0.2
    profile = np.cumsum([[0.0, 0.0, middle, 0.0, 1.0], [0.0, 9.0, -1.0, 0.0, 1.0]], axis=1)
    (deep,) = check.experiments
    observed = check.estimator.observable([Sample(deep, 0, {"norm_profile": profile}, 0.0)])
    np.testing.assert_array_equal(observed, [1.0, 0.0])


@pytest.mark.parametrize("correlation", [0.25, 0.5])
def test_the_mistakes_are_orthant_probabilities(correlation):
    """P(both below 0) + P(both above 0) = 2 P(both below 0), by integration of the bivariate density."""
    below = multivariate_normal(cov=[[1.0, correlation], [correlation, 1.0]]).cdf([0.0, 0.0])
    # The integrator's own tolerance is 1e-5, of half of it.
    assert 0.5 + math.asin(correlation) / math.pi == pytest.approx(2.0 * below, abs=2e-5)


def test_the_gradient_is_read_from_the_middle_down_to_the_first_quarter():
    check = QUICK["res-3-uniform-d20-gradient-increment"]
    (deep,) = check.experiments
    profile = np.array([[9.0, 4.0, 1.5, 0.5, 0.0]])
    observed = check.estimator.observable([Sample(deep, 0, {"gradient_profile": profile}, 0.0)])
    np.testing.assert_array_equal(observed, [2.5])
    assert deep.recorded_depths == (0, 32, 64, 96, 128)


def test_gaussian_gradients_have_an_exact_law_over_every_quarter():
    names = ["linear-gaussian-d20-gradient-increment" + place for place in ("-first", "", "-third", "-last")]
    profile = np.array([[9.0, 4.0, 1.5, 0.5, 0.0]])
    found = []
    for check in map(QUICK.__getitem__, names):
        sample = Sample(check.experiments[0], 0, {"gradient_profile": profile}, 0.0)
        found.append(float(check.estimator.observable([sample])[0]))
        assert check.basis.exact
    assert found == [5.0, 2.5, 1.0, 0.5]


def test_one_layer_changes_gradients_as_it_changes_states():
    """Of weights drawn in full, states and gradients of different networks; slopes of 1/2 everywhere are told."""
    generator = np.random.default_rng(7)
    width, count = 5, 40_000
    outer, inner = (generator.standard_normal((count, width, width)) / math.sqrt(width) for _ in range(2))
    # One network of 2^5 does not move: both lengths are exactly 1 then.
    state, gradient = np.eye(width)[:2]
    pre = inner @ state
    forward = state + np.einsum("nij,nj->ni", outer, np.maximum(pre, 0.0))
    upper = np.einsum("nji,j->ni", outer, gradient)

    def growth(slopes):
        backward = gradient + np.einsum("nji,nj->ni", inner, slopes * upper)
        return np.linalg.norm(backward, axis=1)

    sizes = np.linalg.norm(forward, axis=1)
    assert smirnov_test(sizes[::2], growth(pre > 0.0)[1::2]).p_value > 1e-6
    assert smirnov_test(sizes[::2], growth(np.full_like(pre, 0.5))[1::2]).p_value < 1e-6
