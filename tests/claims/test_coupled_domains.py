"""Domains of networks of several depths: what lies outside is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

import theory_check as tc
from theory_check.claims.coupled_domains import coupled_strata
from theory_check.foundation.errors import HypothesisError

CLAIMS = {claim.id: claim for claim in tc.all_claims()}
BROWNIAN = tc.brownian_networks("linear", width=8, depth=4, doublings=2)
SMOOTH = tc.path_networks("res-1", "smooth:length=0.5", width=8, depth=16, doublings=3)


@pytest.mark.parametrize(
    ("id", "deep", "failing"),
    [
        ("E14", replace(BROWNIAN, noise="independent"), "read one Brownian motion"),
        ("E14", tc.brownian_networks("res-1", width=8, depth=4, doublings=2), "the branch is linear"),
        ("E14", tc.brownian_networks("linear", width=3, depth=4, doublings=2), "the width is 4 or more"),
        ("P6", BROWNIAN, "the branch is res-1"),
        ("P6", tc.brownian_networks("res-1", width=10, depth=4, doublings=3), "at least 16"),
        ("P7", tc.path_networks("res-1", "ou", width=8, depth=16, doublings=3, reference=False), "one smooth path"),
        ("P7", tc.path_networks("res-1", "smooth:length=0.1", width=8, depth=16, doublings=3), "moves slowly"),
        ("P7", tc.path_networks("res-1", "tied", width=8, depth=8, doublings=3), "depth of at least 16"),
        ("C1", SMOOTH, "one matrix"),
        ("C2", SMOOTH, "continuous Gaussian path on a grid"),
        ("P8", replace(SMOOTH, network=replace(SMOOTH.network, scaling=tc.Scaling.power(0.5))), "beta is at least 1"),
        ("C5", tc.network("res-3", "fgn:hurst=0.7", width=8, depth=64), "Hurst index between"),
    ],
)
def test_outside_the_hypothesis_that_fails_is_named(id, deep, failing):
    with pytest.raises(HypothesisError, match=failing):
        CLAIMS[id].domain.checks(deep, 1.0)


def test_parts_of_coupled_networks():
    assert coupled_strata(BROWNIAN) == ("critical", "linear", "one Brownian motion", "width 8-15", "depth 4-7")
    steep = replace(SMOOTH, network=replace(SMOOTH.network, scaling=tc.Scaling.power(1.5)))
    assert coupled_strata(steep)[:3] == ("smooth identity", "res-1 relu", "smooth paths")
