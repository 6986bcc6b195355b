"""Active coordinates (E12): the variance bound, the room that unproven errors have, and what the checks tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from theory_check.catalogue.active_coordinates import ACTIVE_COORDINATES, growth_variance
from theory_check.claims import observables as of
from theory_check.claims.claim import PROFILES
from theory_check.claims.estimators import MeanEstimator
from theory_check.experiments.cell import Cell, Sample
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

SEED = 8


def checks(name):
    return ACTIVE_COORDINATES.checks(PROFILES[name])


def drift_checks(name):
    return [check for check in checks(name) if isinstance(check.estimator, MeanEstimator)]


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


def test_the_variance_bound_holds_and_is_not_wasteful():
    rng = np.random.Generator(np.random.Philox(SEED))
    for width, depth, time in ((2, 32, 1.0), (4, 32, 1.0)):
        hidden = rng.standard_normal((100_000, width))
        hidden = hidden[(hidden > 0).any(axis=1)]
        start = np.sum(np.maximum(hidden, 0) ** 2, axis=1)
        for _ in range(depth):
            norm = np.sqrt(np.sum(np.maximum(hidden, 0) ** 2, axis=1) * time / (width * depth))
            hidden += norm[:, None] * rng.standard_normal(hidden.shape)
        growth = np.log(np.sum(np.maximum(hidden, 0) ** 2, axis=1) / start) / time
        bound = growth_variance(width, depth, time)
        # A sample variance of 9e4 nearly normal numbers is within 3% of the variance with six standard deviations.
        assert 0.5 * bound < growth.var() < 1.03 * bound


def test_networks_that_never_move_do_not_count():
    network = Network(Branch("res-1"), 3, 4, Scaling.constant(0.5))
    cell = Cell(network=network, weights=Weights(), kernel="reduced", active_norm=True)
    columns = {
        "log_displacement": np.array([-np.inf, 0.1, -0.2, 0.3]),
        "log_active_norm_ratio": np.array([0.0, 1.0, -np.inf, 3.0]),
    }
    np.testing.assert_array_equal(of.ActiveGrowth(0.5, 2.0)([Sample(cell, 1, columns, 0.0)]), [2.0, -4.0, 4.0])


@pytest.mark.parametrize("name", PROFILES)
def test_named_variants_are_out_of_reach_of_the_margin(name):
    for check in checks(name):
        assert check.variants
        for variant in check.variants:
            assert abs(variant.target[0] - check.target[0]) > 2.0 * check.margin


@pytest.mark.parametrize("name", PROFILES)
def test_corrections_have_their_evidence(name):
    named = {variant.name for check in checks(name) for variant in check.variants}
    assert {correction.variant for correction in ACTIVE_COORDINATES.corrections} <= named


def test_the_room_shrinks_with_the_size():
    """Margins of centre and spread follow 1/d, and 1/L falls as fast."""
    for coarse, fine in zip(checks("quick")[:4], checks("nightly")[:4], strict=True):
        ratio = coarse.experiments[0].network.width / fine.experiments[0].network.width
        assert coarse.experiments[0].network.depth / fine.experiments[0].network.depth == ratio
        relative = [check.margin / check.target[0] for check in (fine, coarse)]
        # Equal but for a few roundings of 1e-16.
        assert relative[0] == pytest.approx(ratio * relative[1], rel=1e-14)
