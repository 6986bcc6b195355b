"""What the claims on critical exponents predict, and whether they are planned with the spread that networks have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.catalogue.critical import CONTINUUM
from theory_check.catalogue.fractional_exponents import (
    RES3,
    contour,
    fractional,
    gradient_contour,
    grid,
    limit,
    stationary,
)
from theory_check.claims.claim import PROFILES
from theory_check.claims.estimators import QuantileEstimator
from theory_check.claims.localisation import OUTSIDE
from theory_check.claims.observables import Column, Difference, Swept
from theory_check.claims.planning import plan_claim
from theory_check.experiments.cell import Sample
from theory_check.networks.branches import Branch
from theory_check.networks.weights import Weights
from theory_check.simulation.runner import run_experiments
from theory_check.theory.infinite_width import WideBranch, effective_exponents, log_displacement, wide_network

CLAIMS = {claim.id: claim for claim in CONTINUUM.claims}
PLANNED = [planned for claim in CONTINUUM.claims for planned in plan_claim(claim, PROFILES["quick"])]
CROSSINGS = [planned for planned in PLANNED if isinstance(planned.check.estimator, QuantileEstimator)]


def test_predictions_are_the_effective_exponents_of_the_recursion():
    # Both are roots of one function, to 1e-5 and 1e-10.
    for hurst in (0.3, 0.7):
        assert contour(RES3, fractional(hurst), 100) == pytest.approx(
            effective_exponents(WideBranch(), hurst, 100).contour.value, abs=2e-5
        )
    beta = stationary(RES3, fractional(0.7), 160)
    deep, shallow = (log_displacement(WideBranch(), 0.7, beta, depth) for depth in (160, 10))
    # A root to 1e-5 of the difference, whose slope in beta is 2 log 16 = 5.5 for powers of L and below 10 here.
    assert deep == pytest.approx(shallow, abs=1e-4)


def test_the_predicted_transition_moves_from_independent_to_smooth_weights():
    laws = (*(fractional(h) for h in (0.5, 0.6, 0.7, 0.8, 0.9)), Weights.parse("smooth:length=0.3"))
    exponents = [stationary(RES3, law, 250) for law in laws]
    assert np.all(np.diff(exponents) > 0.03)
    # L log(1 + x) with x = 1/(2 L^(2 beta)) is the same at depths N and L where, to first order in e = beta - 1/2,
    # 2 e log(L/N) = (1/N - 1/L)/4. Terms left out are of relative order e log L and 1/N: a tenth of e, below 3e-4.
    coarse, fine = 15, 250
    first_order = (1.0 / coarse - 1.0 / fine) / 8.0 / math.log(fine / coarse)
    assert exponents[0] == pytest.approx(0.5 + first_order, abs=3e-4)
    # To first order in D a network is the trapezoid sum of its covariance, without an error of order 1/L; the next
    # order leaves D c/L with c below 1 for the left Riemann sum of a growth by D, so the root moves by less than this.
    displacement = math.exp(
        wide_network(WideBranch(), laws[-1].autocovariance(fine), 1.0 / fine, fine).log_displacement[-1]
    )
    shift = displacement * (1.0 / coarse - 1.0 / fine) / 2.0 / math.log(fine / coarse)
    assert exponents[-1] == pytest.approx(1.0, abs=shift)


def test_the_extrapolation_says_how_uncertain_it_is():
    for hurst in (0.7, 0.9):
        coarse, fine = limit(hurst, 250), limit(hurst, 1000)
        assert fine.error < 0.5 * coarse.error < 0.02
        for estimate in (coarse, fine):
            assert abs(estimate.value - hurst) <= estimate.error
            # What is extrapolated over is several times the error.
        assert hurst - contour(RES3, fractional(hurst), 250) > 3.0 * coarse.error


def test_gradients_turn_before_outputs_above_one_half_and_with_them_at_one_half():
    for hurst in (0.7, 0.9):
        output = contour(RES3, fractional(hurst), 250)
        assert gradient_contour(hurst, 250, float("inf")) < gradient_contour(hurst, 250, 20) < output - 0.06
    # Independent layers have one mean of D and D* (E1): two roots, each to 1e-5.
    assert gradient_contour(0.5, 100, 20) == pytest.approx(contour(RES3, fractional(0.5), 100), abs=2e-5)


def test_grids_hold_their_centre_in_the_middle():
    for centre in (0.5, 0.6371, 1.0):
        betas = grid(centre, 0.02)
        assert len(betas) == 8
        assert betas[3] <= centre < betas[4]
        assert np.allclose(np.diff(betas), 0.02)


@pytest.mark.parametrize("planned", CROSSINGS, ids=lambda p: p.id)
def test_the_law_that_a_crossing_is_planned_with_is_no_narrower_than_the_sampled_one(planned):
    check, replicates = planned.check, 64
    cells = check.experiments
    samples = run_experiments(dict.fromkeys(cells, replicates), 2, threads=1)
    values = check.estimator.observable([samples[cell] for cell in cells])
    # Sweeps reach far enough: hardly a draw crosses outside, where it would count but not be located.
    assert np.mean(np.abs(values) > 0.5 * OUTSIDE) < 0.05
    low, middle, high = check.estimator.law.quantile(np.array([0.25, 0.5, 0.75]))
    centred = values - np.median(values)
    inside = int(np.sum((centred >= low - middle) & (centred <= high - middle)))
    # The share within the planned quartiles must be at least a half; 1e-6 is the chance that exactly a half fails.
    assert inside >= stats.binom.ppf(1e-6, replicates, 0.5)
    # What is left for the width is enough: the median is that near its target, at five standard errors of a median.
    quartile = float(np.quantile(np.abs(centred), 0.5))
    spread = 5.0 * 1.2533 * quartile / 0.6745 / np.sqrt(replicates)
    assert abs(np.median(values) - check.target[0]) <= check.allowance * check.margin + spread


def test_corrections_name_variants_that_are_refuted():
    for claim in CLAIMS.values():
        names = {v.name for planned in plan_claim(claim, PROFILES["quick"]) for v in planned.check.variants}
        assert claim.corrections
        assert {correction.variant for correction in claim.corrections} <= names


@pytest.mark.parametrize("name", PROFILES)
def test_named_values_are_beyond_two_margins(name):
    for claim in CLAIMS.values():
        for check in claim.checks(PROFILES[name]):
            for variant in check.variants:
                if variant.target is not None:
                    distance = abs(variant.target[0] - check.target[0])
                    assert distance > 2.0 * (check.margin + check.remainder), (check.name, variant.name)


def test_linear_networks_are_checked_below_one_half_on_the_side_of_infinite_width():
    check = next(c for c in CLAIMS["C3"].checks(PROFILES["quick"]) if c.name == "linear-0.3-contour")
    assert check.target[0] == pytest.approx(contour(Branch("linear"), fractional(0.3), 250))
    # The limit at infinite width is H; 1/2 is the place of the contraction at fixed width.
    assert check.target[0] < 0.4


def test_observables_of_pairs_and_of_one_beta():
    sweep = next(p for p in PLANNED if p.id.endswith("beta0.6-output")).experiments[0]
    columns = {"log_displacement": np.array([[[1.0]], [[2.0]]])}
    sample = Sample(sweep, 0, columns, 0.0)
    assert Swept("log_displacement", 0.6)([sample]).tolist() == [1.0, 2.0]
    one, two = (Sample(sweep, 0, {"x": np.array([value])}, 0.0) for value in (5.0, 3.0))
    assert Difference(Column("x"), Column("x", cell=1))([one, two]).tolist() == [2.0]
