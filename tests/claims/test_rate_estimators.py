"""Observables of coupled networks, the planning of their slopes, and what the claims on orders predict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from theory_check.catalogue.orders import ORDERS
from theory_check.claims.claim import PROFILES
from theory_check.claims.estimators import QuantileEstimator
from theory_check.claims.planning import plan_claim
from theory_check.claims.rates import (
    AdjacentNormRatioDifferences,
    ErrorSlope,
    LogError,
    NormRatioDifference,
    RateEstimator,
    SquaredError,
    slope_variance,
)
from theory_check.experiments.cell import Sample
from theory_check.simulation.runner import run_experiments

DEPTHS = (8, 16, 32, 64)
CLAIMS = {claim.id: claim for claim in ORDERS.claims}
MEDIANS = [
    planned
    for claim in ORDERS.claims
    for planned in plan_claim(claim, PROFILES["quick"])
    if isinstance(planned.check.estimator, QuantileEstimator)
]


def sample_of(**columns):
    return Sample(CLAIMS["P6"].checks(PROFILES["quick"])[0].experiments[0], 0, columns, 0.0)


def test_the_slope_of_a_replicate_is_that_of_numpys_least_squares():
    errors = np.exp(np.random.Generator(np.random.Philox(7)).standard_normal((5, 4)))
    slopes = ErrorSlope("adjacent_error", DEPTHS)([sample_of(adjacent_error=errors)])
    expected = np.polyfit(np.log(DEPTHS), np.log(errors).T, 1)[0]
    # Four numbers of order 1: a few roundings.
    assert slopes == pytest.approx(expected, abs=1e-13)


def test_a_network_that_never_moved_counts_against_convergence():
    errors = np.array([[0.0] * 4, [1.0, 0.5, 0.25, 0.125]])
    assert ErrorSlope("e", DEPTHS)([sample_of(e=errors)]).tolist() == [0.0, pytest.approx(-1.0)]


def test_the_slope_of_another_cell_can_be_taken():
    first, second = (sample_of(e=np.array([8.0, 16.0, 32.0, 64.0])[None] ** power) for power in (1.0, -2.0))
    assert ErrorSlope("e", DEPTHS, cell=1)([first, second]) == pytest.approx([-2.0])


def test_differences_and_powers_of_columns():
    sample = sample_of(log_norm_ratio=np.log([[1.0, 3.0, 4.0]]), e=np.array([[2.0, 3.0]]))
    assert NormRatioDifference(0, 2)([sample]) == pytest.approx([3.0])
    assert AdjacentNormRatioDifferences()([sample]) == pytest.approx(np.array([[2.0, 1.0]]))
    assert SquaredError("e")([sample]).tolist() == [[4.0, 9.0]]
    assert LogError("e", 1, 2.0)([sample]) == pytest.approx([math.log(3.0) + 2.0])


@pytest.mark.parametrize("degrees", [1.0, 5.0])
def test_the_planned_variance_is_that_of_independent_chi_square_errors(degrees):
    g = np.random.Generator(np.random.Philox(11))
    runs = 40000
    squares = stats.chi2.rvs(degrees, size=(runs, 4), random_state=g)
    slopes = np.polyfit(np.log(DEPTHS), 0.5 * np.log(squares).T, 1)[0]
    # Relative standard error of a variance: sqrt((kurtosis - 1)/runs), with a kurtosis of at most 9, that of one
    # logarithm of chi-square of one degree being 7; five of them.
    assert np.var(slopes) == pytest.approx(slope_variance(DEPTHS, degrees), rel=5.0 * math.sqrt(8.0 / runs))


@pytest.mark.parametrize("planned", MEDIANS, ids=lambda p: p.id)
def test_the_law_that_a_median_is_planned_with_is_no_narrower_than_the_sampled_one(planned):
    check = planned.check
    replicates = 384
    cells = check.experiments[:1]
    samples = run_experiments(dict.fromkeys(cells, replicates), 2, threads=1)
    values = check.estimator.observable([samples[cell] for cell in cells])
    # Replicates power, and power is a density at the median: the share within the planned quartiles must be at least a
    # half about the sampled median. 1e-6 is the chance that a share of exactly a half fails.
    low, middle, high = check.estimator.law.quantile(np.array([0.25, 0.5, 0.75]))
    centred = values - np.median(values)
    inside = int(np.sum((centred >= low - middle) & (centred <= high - middle)))
    assert inside >= stats.binom.ppf(1e-6, replicates, 0.5)
    # What is left for the size is enough: the median is that near its target, at five standard errors of a median.
    spread = 5.0 * 1.2533 * np.std(values) / math.sqrt(replicates)
    assert abs(np.median(values) - check.target[0]) <= check.allowance * check.margin + spread


@pytest.mark.parametrize("name", PROFILES)
def test_exact_slopes_steepen_to_the_order_of_the_limit(name):
    strong, weak, error = CLAIMS["E14"].checks(PROFILES[name])
    for check in (strong, weak):
        assert isinstance(check.estimator, RateEstimator)
        assert check.exact
        assert -1.0 < check.target[0] < -0.8
        # Local slopes of (1 + 1/2L)^2L - (1 + 1/L)^L tend to -1 from above.
        local = np.diff(np.log(check.estimator.errors)) / math.log(2.0)
        assert np.all(np.diff(local) < 0.0)
        assert local[-1] > -1.0
    assert error.target[0] == pytest.approx((1 + 1 / 32) ** 32 - (1 + 1 / 4) ** 4, rel=1e-13)


def test_noise_that_is_not_shared_is_simulated_and_refuted():
    check = CLAIMS["P6"].checks(PROFILES["quick"])[0]
    assert [cell.noise for cell in check.experiments] == ["shared", "independent"]
    wrong = next(v for v in check.variants if v.estimator is not None)
    samples = list(run_experiments(dict.fromkeys(check.experiments, 1000), 3, threads=1).values())
    assert wrong.estimator.interval(samples, 1e-6).lower > -0.25 > check.estimator.interval(samples, 1e-6).upper
