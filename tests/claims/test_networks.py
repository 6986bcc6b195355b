"""The laws of the networks of claims: what is refused, and what a network passes on."""

from __future__ import annotations

import pytest

from theory_check.claims.networks import controlled_logarithm
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import HypothesisError
from theory_check.theory.multiplier import Multiplier


def test_a_network_passes_its_depth_scaling_and_moments_on():
    law = controlled_logarithm(network("linear", "ternary", width=6, depth=16))
    assert (law.multiplier, law.scaling, law.depth, law.excess) == (Multiplier(6), 0.25, 16, 5.0)
    # 8 <= 3 q^2 for the fourth moment.
    assert law.dominating_variance**2 == pytest.approx(8.0 / 3.0)


@pytest.mark.parametrize("weights", ["laplace", "orthogonal", "student:df=5"])
def test_weights_without_a_dominating_normal_law_are_refused(weights):
    with pytest.raises(HypothesisError, match=f"they are known for gaussian, .* weights, not for {weights[:6]}"):
        controlled_logarithm(network("linear", weights, width=6, depth=16))
