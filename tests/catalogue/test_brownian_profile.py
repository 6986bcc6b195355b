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
