"""P5 and E8: laws of gradients that bite, and the pairing at every depth."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.catalogue.gradients import EVERY_KERNEL, conservation, gradients, layers_check
from theory_check.claims import PROFILES
from theory_check.claims.networks import COMBINATIONS
from theory_check.claims.planning import plan_claim
from theory_check.experiments.cell import Sample
from theory_check.simulation.runner import simulate


def test_laws_of_gradients_cover_the_three_regimes_and_refute_a_mistake_within_three_margins():
    laws = [planned.check for planned in plan_claim(gradients, PROFILES["quick"]) if planned.id.endswith("-law")]
    seen = {(c.experiments[0].network.branch.name, c.experiments[0].weights.law) for c in laws}
    assert seen == set(COMBINATIONS)
    assert {c.experiments[0].network.scaling.beta for c in laws} == {1.0, 0.5, 0.25}
    for check in laws:
        assert min(variant.distance for variant in check.variants) < 4.0


def test_every_kernel_and_both_sides_of_the_critical_exponent_keep_the_pairing_at_every_depth():
    checks = [c for c in conservation.checks(PROFILES["quick"]) if c.name.endswith("-layers")]
    assert {c.experiments[0].kernel for c in checks} == {"dense", "reduced", "chain", "stored"}
    assert {c.experiments[0].input.count for c in checks} == {1, 2}
    assert {c.experiments[0].network.scaling.beta for c in checks} == {0.25, 1.0}


@pytest.mark.parametrize("kind", [kind for kind in EVERY_KERNEL[1:] if kind[2] != "gram"], ids=str)
def test_a_pairing_that_changes_in_between_alone_is_seen(kind):
    """Both ends agree; the pairing at one depth is off by one part in a hundred thousand of the largest product."""
    check = layers_check(*kind, 0.25, 1.0)
    (deep, _), event = check.experiments, check.estimator.observable
    values = dict(simulate(deep, 64, seed=3).values)
    assert np.all(event([Sample(deep, 3, values, 0.0)]) == 1.0)
    products = np.exp(0.5 * (values["gradient_profile"] + values["norm_profile"] - values["log_norm_ratio"][:, None]))
    changed = values["pairing_profile"].copy()
    changed[:, 5] += 1e-5 * products.max(axis=1)
    assert not np.any(event([Sample(deep, 3, {**values, "pairing_profile": changed}, 0.0)]))
