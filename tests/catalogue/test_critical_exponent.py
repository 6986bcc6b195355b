"""What the claims on critical exponents predict, and whether they are planned with the spread that networks have."""

from __future__ import annotations

import numpy as np
import pytest
from plans import plan_of
from scipy import stats

from theory_check.catalogue.critical_exponent import critical_exponent, finite_depth_exponent, fractional, grid
from theory_check.claims import PROFILES, Quantile
from theory_check.claims.observables import at_beta, column
from theory_check.experiments.cell import Sample
from theory_check.inference.crossings import OUTSIDE
from theory_check.networks.branches import Branch
from theory_check.simulation.runner import run_experiments
from theory_check.theory.critical_curves import contour

CLAIMS = (critical_exponent, finite_depth_exponent)
PLANNED = [planned for claim in CLAIMS for planned in plan_of(claim.id)]
CROSSINGS = [planned for planned in PLANNED if isinstance(planned.check.estimator, Quantile)]


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
    assert abs(np.median(values) - check.target[0]) <= check.basis.allowance * check.margin + spread


@pytest.mark.parametrize("name", PROFILES)
def test_named_values_are_beyond_two_margins(name):
    for claim in CLAIMS:
        for check in (planned.check for planned in plan_of(claim.id, name)):
            for variant in check.variants:
                if variant.target is not None:
                    distance = abs(variant.target[0] - check.target[0])
                    assert distance > 2.0 * (check.margin + check.remainder), (check.name, variant.name)


def test_linear_networks_are_checked_below_one_half_on_the_side_of_infinite_width():
    check = next(c for c in finite_depth_exponent.checks(PROFILES["quick"]) if c.name == "linear-0.3-contour")
    assert check.target[0] == pytest.approx(contour(Branch("linear"), fractional(0.3), 250))
    # The limit at infinite width is H; 1/2 is the place of the contraction at fixed width.
    assert check.target[0] < 0.4


def test_observables_of_pairs_and_of_one_beta():
    sweep = next(p for p in PLANNED if p.id.endswith("beta0.6-output")).check.experiments[0]
    columns = {"log_displacement": np.array([[[1.0]], [[2.0]]])}
    sample = Sample(sweep, 0, columns, 0.0)
    assert at_beta("log_displacement", 0.6)([sample]).tolist() == [1.0, 2.0]
    one, two = (Sample(sweep, 0, {"x": np.array([value])}, 0.0) for value in (5.0, 3.0))
    assert (column("x") - column("x", 1))([one, two]).tolist() == [2.0]
