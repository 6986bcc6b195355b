"""What the checks of E13 tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from plans import plan_of

from theory_check.claims import Distance
from theory_check.claims.observables import COSINE
from theory_check.experiments.spelling import network
from theory_check.simulation.runner import simulate
from theory_check.theory.correlation_flow import correlation_flow

CHECKS = {planned.check.name: planned.check for planned in plan_of("E13")}


def test_the_cosine_observed_is_that_of_the_second_input():
    deep = network("res-3", width=6, depth=3, input="correlated:cosine=-0.5", inputs=2, kernel="reduced")
    sample = simulate(deep, 5, 11)
    np.testing.assert_array_equal(COSINE([sample]), sample.column("cosine_output")[:, 1])
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
    laws = [check for check in CHECKS.values() if isinstance(check.estimator, Distance)]
    assert len(laws) == 7
    for check in laws:
        assert {"the law of twice the width", "no activation"} <= {v.name for v in check.variants}


@pytest.mark.statistical
def test_a_network_of_another_width_is_refuted(evidence):
    """Networks of width 8 against the law of width 4, planned like the check itself."""
    check = CHECKS["res-3-gaussian-d4-cosine-0.5-law"]
    wrong = network("res-3", width=8, depth=32, input="correlated:cosine=-0.5", inputs=2)
    # The laws are 0.14 apart and depth 32 moves either by less than 0.02: room for the margin and two radii of 0.03.
    sample = simulate(wrong, 8192, evidence.seed)
    interval = check.estimator.interval([sample], evidence.level)
    evidence.refutes(interval, target=(0.0, 0.0), margin=check.margin)
