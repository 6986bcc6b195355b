"""The claims on smooth and rough Gaussian weights: what they plan with, what they predict, and what they refute."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.catalogue.gaussian_paths import networks
from theory_check.catalogue.smooth_weights import _PATH, SMOOTH, _bounds, _scalar_explosion
from theory_check.claims.claim import PROFILES
from theory_check.claims.estimators import QuantileEstimator
from theory_check.claims.localisation import BracketEstimator
from theory_check.claims.planning import plan_claim
from theory_check.claims.rates import EveryLevel, LevelValues, PathSlope, PathSlopes
from theory_check.experiments.experiment import Sample
from theory_check.simulation.runner import run_experiments
from theory_check.theory.orders import rough_path_order

CLAIMS = {claim.id: claim for claim in SMOOTH.claims}
QUICK = {planned.id: planned for claim in SMOOTH.claims for planned in plan_claim(claim, PROFILES["quick"])}
MEDIANS = [p for p in QUICK.values() if isinstance(p.check.estimator, QuantileEstimator)]


def sample_of(logarithms, depth=16):
    experiment = networks("linear", 2, depth, 1.5, _PATH)
    return Sample(experiment, 0, {"log_displacement": np.asarray(logarithms, float)}, 0.0)


def test_the_slope_of_a_path_is_that_between_its_ends():
    steps = math.log(4.0) * np.array([[0.0, -7.0, -0.5], [1.0, 0.0, 1.0]])
    assert PathSlope()([sample_of(steps)]) == pytest.approx([-0.5, 0.0])
    assert PathSlopes(2)([sample_of(steps), sample_of(2.0 * steps)]) == pytest.approx(np.array([[-0.5, -1.0], [0, 0]]))


def test_a_path_that_never_moved_has_slope_zero():
    assert PathSlope()([sample_of([[-np.inf] * 3])]).tolist() == [0.0]


def test_levels_one_by_one_and_all_together():
    sample = sample_of([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
    assert LevelValues("log_displacement", -1, 2.0)([sample]).tolist() == [4.0, 2.0]
    assert EveryLevel("log_displacement", 0.5, 1.5)([sample]).tolist() == [0.0, 1.0]
    assert EveryLevel("log_displacement", upper=2.0)([sample]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("planned", MEDIANS, ids=lambda p: p.id)
def test_planned_laws_are_wide_enough_and_targets_near_enough(planned):
    check = planned.check
    cells = check.experiments
    samples = run_experiments(dict.fromkeys(cells, 256), 2, threads=1)
    values = check.estimator.observable([samples[cell] for cell in cells])
    # Power is a density at the median: the share within the planned quartiles must be at least a half about the sampled
    # median. 1e-6 is the chance that a share of exactly a half fails.
    low, middle, high = check.estimator.law.quantile(np.array([0.25, 0.5, 0.75]))
    centred = values - np.median(values)
    inside = int(np.sum((centred >= low - middle) & (centred <= high - middle)))
    assert inside >= stats.binom.ppf(1e-6, values.size, 0.5)
    # What is left for the width is enough, at five standard errors of a median.
    spread = 5.0 * 1.2533 * np.std(values) / math.sqrt(values.size)
    assert abs(np.median(values) - check.target[0]) <= check.allowance * check.margin + spread


@pytest.mark.parametrize("name", PROFILES)
def test_displacement_slopes_are_those_of_p8(name):
    for check in CLAIMS["P8"].checks(PROFILES[name]):
        if check.name.endswith("-slope"):
            beta = check.experiments[0].network.scaling.beta
            # The prediction at these depths is the limit up to O(L^(2 - 2 beta)): a tenth of the margin.
            assert check.target[0] == pytest.approx(1.0 - beta, abs=0.1 * check.margin)


def test_the_critical_exponent_is_bracketed_within_the_margin():
    checks = [c for c in CLAIMS["P8"].checks(PROFILES["standard"]) if isinstance(c.estimator, BracketEstimator)]
    assert len(checks) == 3
    for check in checks:
        assert check.target == (1.0, 1.0)
        assert check.margin == pytest.approx(0.02)
        # Cells are in the order of the exponents.
        assert [c.network.scaling.beta for c in check.experiments] == pytest.approx(check.estimator.betas)


def test_the_order_one_is_refuted_where_paths_are_rough_only():
    rough = [c for c in CLAIMS["C2"].checks(PROFILES["quick"]) if c.name.endswith("-error")]
    for check in rough:
        smoothness = check.experiments[0].path.smoothness
        named = {variant.name for variant in check.variants}
        assert ("order 1" in named) == (rough_path_order(smoothness) < 1.0)
    assert any(check.experiments[0].path.smoothness < 0.5 for check in rough)


def test_corrections_name_variants():
    for claim in SMOOTH.claims:
        names = {v.name for check in claim.checks(PROFILES["quick"]) for v in check.variants}
        assert {correction.variant for correction in claim.corrections} <= names


def test_bounds_at_the_critical_exponent_hold_for_tied_matrices_too():
    """The upper bound is proved for every covariance along the layers; norms of matrices show how far off it is."""
    low, high = _bounds("linear", 12, 64)
    assert 0.0 < low < 1.0 < high
    rng = np.random.Generator(np.random.Philox(5))
    norms = np.linalg.norm(rng.standard_normal((2000, 12, 12)) / math.sqrt(12.0), 2, axis=(1, 2))
    # At most 1/40 of the means of norms exceed it: of 2000, fewer than 84 with probability 1 - 1e-6.
    assert np.sum(np.expm1(norms) ** 2 > high) < 84
    assert _bounds("res-3", 12, 64)[1] > high


def test_explosion_at_width_one_is_a_matter_of_sign():
    """Paths of one entry by themselves, without the networks: prod (1 + a V_k) >= 3."""
    depth, runs = 256, 20000
    functions = networks("linear", 1, depth, 0.5, _PATH, doublings=0).path.grid_functions(depth)
    rng = np.random.Generator(np.random.Philox(6))
    paths = rng.standard_normal((runs, len(functions))) @ functions
    ratio = np.prod(1.0 + paths / math.sqrt(depth), axis=1)
    found = np.mean((ratio - 1.0) ** 2 >= 4.0)
    # Five standard errors of a proportion, and the omitted terms of order 1/L with a constant of one.
    assert found == pytest.approx(_scalar_explosion(depth, 0.5, 4.0), abs=5.0 * 0.5 / math.sqrt(runs) + 1.0 / depth)
    assert abs(_scalar_explosion(2**12, 0.5, 4.0) - 0.5) < abs(_scalar_explosion(2**8, 0.5, 4.0) - 0.5)
