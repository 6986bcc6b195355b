"""P2: the probability of a displacement above the median of R, and its bounds by the triangle inequality."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.catalogue.explosion import explosion
from theory_check.claims import PROFILES
from theory_check.claims.planning import plan_claim
from theory_check.simulation.runner import simulate

CHECKS = {planned.check.name: planned.check for planned in plan_claim(explosion, PROFILES["quick"])}
MEDIANS = {name: check for name, check in CHECKS.items() if name.endswith("-median")}


def test_medians_cover_widths_and_exponents_and_refute_the_next_width_corrections():
    networks = [check.experiments[0].network for check in MEDIANS.values()]
    assert len({deep.width for deep in networks}) >= 4
    assert len({deep.scaling.beta for deep in networks}) >= 4
    for check in MEDIANS.values():
        named = {variant.name: variant.distance for variant in check.variants}
        assert 2.0 <= named["the width correction is 1/d"] < 8.0


@pytest.mark.parametrize("name", ["linear-gaussian-d3-beta0.1-median", "res-3-gaussian-d5-beta0.25-median"])
def test_the_bounds_hold_network_by_network(name):
    """sqrt(R) > c + 1 implies sqrt(D) > c, which implies sqrt(R) > c - 1; shares of the target lie about one half."""
    check = MEDIANS[name]
    sample = simulate(check.experiments[0], 512, seed=7)
    root, norm = np.exp(sample.column("log_displacement")), np.exp(0.5 * sample.column("log_norm_ratio"))
    # Norms of single precision.
    assert np.all(np.abs(root - norm) <= 1.0 + 1e-5 * norm)
    assert check.target[0] <= 0.5 <= check.target[1] < check.target[0] + 0.05
