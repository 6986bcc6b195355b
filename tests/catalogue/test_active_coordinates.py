"""Active coordinates (E12): the room that unproven errors have, and what the checks tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from theory_check.catalogue.active_coordinates import RES3, UNCONDITIONED, active_coordinates
from theory_check.claims import PROFILES, Mean
from theory_check.claims.planning import plan_claim
from theory_check.experiments.cell import Sample


def checks(name):
    return [planned.check for planned in plan_claim(active_coordinates, PROFILES[name])]


def drift_checks(name):
    return [check for check in checks(name) if isinstance(check.estimator, Mean)]


@pytest.mark.parametrize("name", PROFILES)
def test_the_sign_of_the_drift_is_decided(name):
    _, narrow, wide = drift_checks(name)
    assert narrow.target[0] + narrow.margin < 0.0 < wide.target[0] - wide.margin


@pytest.mark.parametrize("name", PROFILES)
def test_the_constant_of_the_variance_bound(name):
    """1 + 4 eps^2 is above E (1 + eps Z)^-2 over Z > -3/(4 eps), and layers quarter the norm hardly ever."""
    for check in drift_checks(name):
        network = check.experiments[0].network
        eps = network.scaling.factors(network.depth)[0] / np.sqrt(network.width)
        value, _ = integrate.quad(lambda z, e=eps: stats.norm.pdf(z) / (1 + e * z) ** 2, -0.75 / eps, 12, limit=200)
        assert value < 1 + 4 * eps**2
        assert network.depth * stats.norm.cdf(-0.75 / eps) < 1e-6


def test_networks_that_never_move_do_not_count():
    check = drift_checks("standard")[0]
    columns = {
        "log_displacement": np.array([-np.inf, 0.1, -0.2, 0.3]),
        "log_active_norm_ratio": np.array([0.0, 1.0, -np.inf, 3.0]),
    }
    found = check.estimator.observable([Sample(check.experiments[0], 1, columns, 0.0)])
    # Cut off at 40, over the time 0.4 of the profile: roundings.
    np.testing.assert_allclose(found, [2.5, -100.0, 7.5], rtol=1e-15)


@pytest.mark.parametrize("name", PROFILES)
def test_named_variants_are_out_of_reach_of_the_margin(name):
    for check in checks(name):
        assert check.variants
        for variant in check.variants:
            assert abs(variant.target[0] - check.target[0]) > 2.0 * check.margin


@pytest.mark.parametrize("name", PROFILES)
def test_what_the_remarks_deny_is_a_variant(name):
    named = {variant.name for check in checks(name) for variant in check.variants}
    assert {RES3, UNCONDITIONED} <= named
    assert len(active_coordinates.remarks) == 2


def test_the_room_shrinks_with_the_size():
    """Margins of centre and spread follow 1/d, and 1/L falls as fast."""
    for coarse, fine in zip(checks("quick")[:4], checks("nightly")[:4], strict=True):
        ratio = coarse.experiments[0].network.width / fine.experiments[0].network.width
        assert coarse.experiments[0].network.depth / fine.experiments[0].network.depth == ratio
        # The centre is a drift over the same time, the spread itself falls with the width.
        units = (c.target[0] if c.name.endswith("-scale") else 1.0 for c in (fine, coarse))
        relative = [check.margin / unit for check, unit in zip((fine, coarse), units, strict=True)]
        # Equal but for a few roundings of 1e-16.
        assert relative[0] == pytest.approx(ratio * relative[1], rel=1e-14)
