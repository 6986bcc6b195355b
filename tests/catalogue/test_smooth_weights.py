"""The trichotomy for smooth weights: what it plans with, what it predicts, and what it refutes."""

from __future__ import annotations

import pytest
from planned_laws import assert_planned_well, planned_medians

from theory_check.catalogue.smooth_weights import smooth_weights
from theory_check.claims import PROFILES, CriticalPoint


@pytest.mark.parametrize("planned", planned_medians(smooth_weights), ids=lambda p: p.id)
def test_planned_laws_are_wide_enough_and_targets_near_enough(planned):
    assert_planned_well(planned.check, 256, planned.check.experiments)


@pytest.mark.parametrize("name", PROFILES)
def test_displacement_slopes_are_those_of_p8(name):
    for check in smooth_weights.checks(PROFILES[name]):
        if check.name.endswith("-slope"):
            beta = check.experiments[0].network.scaling.beta
            # The prediction at these depths is the limit up to O(T^2), T = L^(1 - beta): a tenth of the margin at
            # length 0.1. Longer paths come near tied ones, E D = T^2 (1 + T^2/4): T^2 (1 - 1/2)/(16 log 2) at 5/4.
            time = check.experiments[0].network.depth ** (1.0 - beta)
            longer = time**2 / 22.0 if "length" in check.name and beta > 1.0 else 0.0
            assert check.target[0] == pytest.approx(1.0 - beta, abs=max(0.1 * check.margin, longer))


def test_the_critical_exponent_is_bracketed_within_the_margin():
    checks = [c for c in smooth_weights.checks(PROFILES["standard"]) if isinstance(c.estimator, CriticalPoint)]
    assert len(checks) == 3
    for check in checks:
        assert check.target == (1.0, 1.0)
        assert check.margin == pytest.approx(0.02)
        # Experiments are in the order of the exponents.
        assert [e.network.scaling.beta for e in check.experiments] == pytest.approx(check.estimator.betas)
