"""E2: the bounded function of log R, and its distance from the limit, against the exact law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ncx2, norm

from theory_check.catalogue.one_layer_law import one_layer_law
from theory_check.claims import PROFILES
from theory_check.claims.networks import finite_depth_law, one_layer
from theory_check.claims.planning import plan_claim
from theory_check.experiments.cell import Sample
from theory_check.simulation.runner import simulate


def cosine_check():
    checks = (planned.check for planned in plan_claim(one_layer_law, PROFILES["quick"]))
    return next(check for check in checks if check.name == "linear-gaussian-d10-depth50-dense-cosine")


def test_the_cosine_agrees_with_a_simulation():
    check = cosine_check()
    deep = check.experiments[0]
    sample = simulate(deep, 1, 3)
    frequency = 1.0 / finite_depth_law(*one_layer(deep)).mean
    cosine = check.estimator.observable([sample])
    assert cosine[0] == pytest.approx(math.cos(frequency * sample.column("log_norm_ratio")[0]), rel=1e-12)


def test_a_cosine_has_the_exact_value_and_variance():
    check = cosine_check()
    deep = check.experiments[0]
    law = finite_depth_law(*one_layer(deep))
    x = law.quantile((np.arange(20_000) + 0.5) / 20_000)
    cosine = check.estimator.observable([Sample(deep, 0, {"log_norm_ratio": x}, 0.0)])
    # Averages over 20,000 quantiles: 1/20,000 of the variation, and the law's error of 1e-5.
    assert cosine.mean() == pytest.approx(check.target[0], abs=2e-4)
    assert cosine.var() == pytest.approx(check.estimator.variance_bound, abs=4e-4)
    assert len(check.variants) == 4


def test_the_distance_from_the_limit_agrees_with_the_noncentral_chi_square():
    """One linear layer of width 3 has R = (1 + z/sqrt 3)^2 + chi2_2/3; its limit is N(1/3, 4/3)."""
    name = "linear-gaussian-d3-depth1-dense-from-limit"
    check = next(p.check for p in plan_claim(one_layer_law, PROFILES["quick"]) if p.check.name == name)
    at = check.estimator.observable
    ((lower, upper), r) = check.target, math.exp(-0.0516296339)
    # 3 R is a noncentral chi-square of three degrees of freedom and noncentrality 3.
    probability = ncx2(3, 3.0).cdf(3.0 * r)
    assert lower - 1e-6 <= probability <= upper + 1e-6
    apart = norm(1.0 / 3.0, math.sqrt(4.0 / 3.0)).cdf(math.log(r)) - probability
    # The distance as a reader sees it, rounded to four digits.
    assert round(apart, 4) == 0.1168
    values = np.log(r) + np.array([-1e-6, 1e-6])
    sample = Sample(check.experiments[0], 0, {"log_norm_ratio": values}, 0.0)
    np.testing.assert_array_equal(at([sample]), [1.0, 0.0])
