"""The fastest kernel of those that are exact."""

from __future__ import annotations

import pytest
from hypothesis import given

from theory_check import strategies
from theory_check.experiments.cell import Cell
from theory_check.experiments.kernel_choice import can_reduce, choose_kernel
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

NETWORK = Network(Branch("res-3"), 4, 3, Scaling.power(0.5))


@given(strategies.weights(), strategies.inputs())
def test_the_reduced_kernel_is_for_gaussian_weights(weights, inputs):
    kernel = choose_kernel(weights, inputs)
    assert (kernel == "reduced") == can_reduce(weights, inputs) == (weights.law == "gaussian")
    Cell(network=NETWORK, weights=weights, input=inputs, kernel=kernel)
    if kernel == "dense":
        with pytest.raises(
            SpecificationError, match=r"the reduced kernel needs gaussian weights and at most 32 inputs.*use dense"
        ):
            Cell(network=NETWORK, weights=weights, input=inputs, kernel="reduced")


def test_the_kernel_is_the_faster_one_of_those_that_are_exact():
    gaussian = Weights()
    assert choose_kernel(gaussian, Input(), 1) == "reduced"
    assert choose_kernel(gaussian, Input(count=10), 40) == "reduced"
    assert choose_kernel(gaussian, Input(count=11), 40) == "dense"
    assert choose_kernel(gaussian, Input(count=33), 10_000) == "dense"
    assert choose_kernel(gaussian, Input(), 10, every_weight=True) == "dense"
    norms = [choose_kernel(gaussian, Input(), 10, norms_of=Branch(name)) for name in ("linear", "res-3", "res-1")]
    assert norms == ["chain", "chain", "reduced"]
    gradients = [choose_kernel(gaussian, Input(), d, norms_of=Branch("linear"), gradients=True) for d in (63, 64)]
    assert gradients == ["reduced", "chain"]
    assert choose_kernel(gaussian, Input(count=2), 10, norms_of=Branch("linear")) == "reduced"
    assert choose_kernel(gaussian, Input(), 10, norms_of=Branch("linear"), every_weight=True) == "dense"
