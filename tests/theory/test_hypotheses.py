"""One function refuses a branch, with the hypothesis that fails."""

from __future__ import annotations

import pytest
from one_layer_laws import a_branch

from theory_check.foundation.errors import HypothesisError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.theory.hypotheses import check_branch
from theory_check.theory.multiplier import Multiplier

EVERY = {
    "linear": {"inner": False, "rectifier": True, "closed": True},
    "res-1": {"inner": False, "rectifier": True},
    "res-3": {"inner": True, "rectifier": True, "closed": True},
}


@pytest.mark.parametrize("name", EVERY)
def test_a_branch_that_is_admitted_gives_its_slope(name):
    assert check_branch("it", Branch(name), **EVERY[name]) == (1.0 if name == "linear" else 0.0)
    assert check_branch("it", a_branch("res-3", 0.3), inner=True, closed=True) == 0.3


@pytest.mark.parametrize(
    ("branch", "hypotheses", "message"),
    [
        (Branch("res-3", Activation("tanh")), {}, "it needs a piecewise linear activation, not res-3 tanh"),
        (Branch("res-2"), {}, "it needs a branch without bias, not res-2"),
        (Branch("linear"), {"inner": True}, "it needs weights inside the activation, not linear"),
        (Branch("res-3"), {"inner": False}, "it needs no weights inside the activation, not res-3"),
        (Branch("res-1"), {"closed": True}, "it needs a linear branch or weights inside the activation, not res-1"),
        (a_branch("res-1", 0.3), {"rectifier": True}, "it needs a linear branch or ReLU, not res-1 leaky"),
    ],
)
def test_a_branch_that_is_not_is_refused_in_one_line(branch, hypotheses, message):
    with pytest.raises(HypothesisError, match=message):
        check_branch("it", branch, **hypotheses)


def test_the_one_layer_law_is_that_of_its_branch():
    for branch in (Branch("res-1"), Branch("res-2"), Branch("res-3", Activation("tanh"))):
        with pytest.raises(HypothesisError, match="the one-layer law needs"):
            Multiplier(3, branch)
    assert Multiplier(3, a_branch("res-3", 0.5), 2.0).kappa == 1.25
