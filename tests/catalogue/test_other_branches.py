"""E24 and E25: which networks they are on, and mistakes that lie near."""

from __future__ import annotations

import pytest
from plans import plan_of

from theory_check.catalogue.other_branches import DOMAIN, other_branches
from theory_check.catalogue.paper_networks import paper_networks
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import HypothesisError

PLANNED = {claim.id: plan_of(claim.id) for claim in (other_branches, paper_networks)}


def test_every_branch_is_checked_in_the_three_regimes():
    shapes = [planned.experiments[0].network for planned in PLANNED["E24"]]
    found = {(shape.branch.name, shape.branch.activation.name, shape.scaling.beta) for shape in shapes}
    for branch in (("res-3", "tanh"), ("res-2", "tanh"), ("res-3", "leaky"), ("res-2", "relu")):
        # E18 has the bias at beta = 1/2.
        assert {(*branch, beta) for beta in (1.0, 0.25)} <= found
    assert {("res-3", "tanh", 0.5), ("res-2", "tanh", 0.5), ("res-3", "leaky", 0.5)} <= found


def test_the_papers_input_and_loss_are_in_every_regime():
    cells = {planned.experiments[0] for planned in PLANNED["E25"]}
    assert {cell.input.name for cell in cells} == {"paper"}
    kinds = {(cell.weights.law, cell.network.scaling.beta) for cell in cells}
    assert kinds == {("uniform", 0.25), ("uniform", 0.5), ("uniform", 1.0), ("smooth", 1.0), ("fgn", 0.8)}


@pytest.mark.parametrize("planned", [p for found in PLANNED.values() for p in found], ids=lambda p: p.id)
def test_every_point_refutes_a_named_mistake_within_about_three_margins(planned):
    assert min(variant.distance for variant in planned.check.variants) <= 4.0


def test_bounded_branches_of_other_weights_or_small_widths_are_refused():
    for deep, word in (
        (network("res-3", "uniform", activation="tanh", width=8, depth=8, input="sphere"), "Gaussian"),
        (network("res-3", activation="tanh", width=4, depth=8, input="sphere"), "width"),
        (network("res-3", activation="tanh", width=8, depth=8), "norm of the input"),
    ):
        with pytest.raises(HypothesisError, match=word):
            DOMAIN.checks(deep, 1.0)
