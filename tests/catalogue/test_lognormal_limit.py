"""The finest points of E4 on networks whose weights have another variance than the claim believes."""

from __future__ import annotations

import pytest
from plans import plan_of

from theory_check.claims.judging import evaluate
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network
from theory_check.simulation.runner import simulate

SEED = 5
STANDARD = {planned.check.name: planned for planned in plan_of("E4", "standard")}


def verdict(name, excess):
    """Judge a point on networks whose weights have ``1 + excess`` times the variance; controls centred as believed."""
    planned = STANDARD[name]
    (deep,) = planned.experiments
    layers, width = deep.network.depth, deep.network.width
    scale = ((1 + excess) / layers) ** 0.5
    louder = network("linear", "uniform", width=width, depth=layers, scale=scale, controls=True)
    values = dict(simulate(louder, planned.replicates, SEED).values)
    # The kernel centres by the factors of the network that it simulates: kappa sum a_k^2 is 1 + excess, and not 1.
    values["control_length"] = values["control_length"] + excess
    values["control_square"] = values["control_square"] + 4.0 * excess / width
    return evaluate(planned, [Sample(deep, SEED, values, 0.0)]).verdict


@pytest.mark.parametrize(
    ("name", "excess"), [("fine-location", 0.01), ("fine-scale", 0.05), ("depth1000-location", 0.01)]
)
def test_the_point_of_the_control_sees_what_the_controlled_point_does_not(name, excess):
    point = f"linear-uniform-d40-{name}"
    assert verdict(point, 0.0) == verdict(f"{point}-control", 0.0) == "supported"
    # Of first order in the excess for the control, of second order for what is left.
    assert verdict(point, excess) != "refuted"
    assert verdict(f"{point}-control", excess) == "refuted"
