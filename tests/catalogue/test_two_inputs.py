"""The tabulated law of the cosine, and what the checks of E13 tell apart."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.catalogue.several_inputs import SEVERAL_INPUTS, cosine_law
from theory_check.claims import observables as of
from theory_check.claims.claim import PROFILES
from theory_check.claims.estimators import DistanceEstimator
from theory_check.claims.networks import cell
from theory_check.networks.inputs import Input
from theory_check.simulation.cell import simulate
from theory_check.theory.correlation_diffusion import CorrelationDiffusion
from theory_check.theory.correlation_flow import correlation_flow

QUICK = PROFILES["quick"]
CHECKS = {check.name: check for check in SEVERAL_INPUTS.claims[0].checks(QUICK)}


@pytest.mark.parametrize(("width", "slope", "start"), [(4, 0.0, -0.5), (10, 0.3, 0.3), (20, 0.0, -0.5)])
def test_the_table_is_the_law(width, slope, start):
    table, law = cosine_law(width, slope, start), CorrelationDiffusion(width, slope).law(start)
    x = np.linspace(-1.0, 1.0, 4321)
    # What the table's law is computed to, and the bound of the docstring for linear interpolation.
    np.testing.assert_allclose(table.cdf(x), np.maximum.accumulate(law.cdf(x)), rtol=0.0, atol=1e-5 + 1e-6)
    p = (np.arange(20_000) + 0.5) / 20_000
    np.testing.assert_allclose(table.cdf(table.quantile(p)), p, rtol=0.0, atol=1e-9)
    # Midpoint rule for a bounded monotone function: at most the range, 2, over twice the number of points.
    assert table.quantile(p).mean() == pytest.approx(law.mean.value, abs=5e-5)


def test_the_density_integrates_to_the_distribution_function():
    table = cosine_law(10, 0.0, 0.3)
    x = np.linspace(-0.6, 0.9, 3001)
    density = table.density(x)
    integral = np.sum((density[1:] + density[:-1]) / 2.0) * (x[1] - x[0])
    # A central difference of step 2e-3 is off by 1e-6 times the third derivative, about 100 for a deviation of 1/4.
    assert integral == pytest.approx(float(np.diff(table.cdf(x[[0, -1]]))[0]), abs=2e-4)


def test_the_cosine_observed_is_that_of_the_second_input():
    network = cell("res-3", "gaussian", 6, 3, 0.5, inputs=Input("correlated", 2, -0.5))
    sample = simulate(network, 5, 11)
    np.testing.assert_array_equal(of.COSINE([sample]), sample.column("cosine_output")[:, 1])
    np.testing.assert_allclose(sample.column("cosine_output")[:, 0], 1.0)


def test_narrow_networks_refute_the_flow_and_wide_ones_its_absence():
    narrow = CHECKS["res-3-gaussian-d4-cosine-0.5-median"]
    flow = float(correlation_flow(-0.5, [1.0])[0])
    assert {v.name: v.target for v in narrow.variants}["the flow of infinite width"] == (flow, flow)
    # The median of the flow is missed by more than twice the margin at both widths, in the direction of the start.
    for width in (4, 10):
        check = CHECKS[f"res-3-gaussian-d{width}-cosine-0.5-median"]
        assert -0.5 < check.target[0] < flow - 2.0 * check.margin
    for name, check in CHECKS.items():
        if name.endswith("-flow"):
            assert "no drift" in {v.name for v in check.variants}
            assert check.experiments[0].network.width >= 400


def test_every_law_is_told_from_another_width_and_from_no_activation():
    laws = [check for check in CHECKS.values() if isinstance(check.estimator, DistanceEstimator)]
    assert len(laws) == 7
    for check in laws:
        assert {"the law of twice the width", "no activation"} <= {v.name for v in check.variants}


@pytest.mark.statistical
def test_a_network_of_another_width_is_refuted(evidence):
    """Networks of width 8 against the law of width 4, planned like the check itself."""
    check = CHECKS["res-3-gaussian-d4-cosine-0.5-law"]
    wrong = cell("res-3", "gaussian", 8, 32, 0.5, inputs=Input("correlated", 2, -0.5))
    # The laws are 0.14 apart and depth 32 moves either by less than 0.02: room for the margin and two radii of 0.03.
    sample = simulate(wrong, 8192, evidence.seed)
    interval = check.estimator.interval([sample], evidence.level)
    evidence.refutes(interval, target=(0.0, 0.0), margin=check.margin)
