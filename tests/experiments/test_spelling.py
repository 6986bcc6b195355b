from __future__ import annotations

from functools import partial

import pytest

from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

default = partial(network, width=40, depth=1000)


def test_cells_from_spellings():
    cell = default(
        branch="res-1", activation="leaky:slope=0.2", weights="student:df=7,variance=he", width=3, depth=2,
        scale="1,0.5", input="sphere", inputs=2, recorded_depths=(1, 2),
    )  # fmt: skip
    assert cell == Cell(
        network=Network(Branch("res-1", Activation("leaky", 0.2)), 3, 2, Scaling.sequence([1.0, 0.5])),
        weights=Weights("student", (("df", 7.0),), "he"),
        input=Input("sphere", 2),
        kernel="dense",
        gradients=False,
        recorded_depths=(1, 2),
    )
    assert default().network.scaling == Scaling.power(0.5)
    assert default(scale="0.1").network.scaling == Scaling.constant(0.1)
    assert default(inputs=2, input="correlated:cosine=-1").input == Input("correlated", 2, -1.0)
    assert [default(inputs=m).kernel for m in (10, 11)] == ["reduced", "dense"]
    assert default(jacobian=True).kernel == "dense"
    assert default(gradients=True, weight_gradients=(1, 1000)).weight_gradients == (1, 1000)
    assert default(branch="res-1", active_norm=True).active_norm
    assert default(branch="linear", controls=True).controls
    assert [default().kernel, default(kernel="dense").kernel, default(weights="laplace").kernel] == [
        "chain",
        "dense",
        "dense",
    ]
    beyond_norms = ({"gradients": True}, {"branch": "res-1"}, {"branch": "res-2"}, {"activation": "tanh"})
    assert {default(**observed).kernel for observed in beyond_norms} == {"reduced"}
    assert default(width=100, gradients=True).kernel == "chain"
    assert default(width=100, gradients=True, weight_gradients=(1,)).kernel == "reduced"


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ({"beta": 0.5, "scale": "1"}, "give beta or a scale, not both"),
        ({"scale": " "}, "scale is empty"),
        ({"scale": "1,x"}, "scale '1,x' must be numbers separated by commas"),
        ({"scale": "1,2,3", "depth": 2}, "3 values for depth 2"),
        ({"scale": ()}, "scale is empty"),
        ({"recorded_depths": 3}, "recorded depths is 3; it must be a sequence"),
        ({"recorded_depths": (1.0,)}, "each part a whole number"),
        ({"activation": None}, "activation is None; it must be text"),
        ({"input": None}, "input is None; it must be a name or an Input"),
        ({"width": None}, "width is None; it must be a whole number"),
        ({"gradients": "no"}, "gradients is 'no'; it must be True or False"),
        ({"kernel": "fast"}, "unknown kernel 'fast'; accepted: auto, dense, reduced"),
    ],
)
def test_refused_spellings(spelling, message):
    with pytest.raises(SpecificationError, match=message):
        default(**spelling)


def test_a_scale_is_a_number_a_number_a_layer_or_a_scaling():
    given = [(2 * 4) ** -0.5, [0.1, 0.2, 0.3, 0.4], Scaling.constant(0.5), "0.1,0.2,0.3,0.4"]
    scalings = [network(width=3, depth=4, scale=scale).network.scaling for scale in given]
    assert scalings[0] == Scaling.constant(8**-0.5)
    assert scalings[1] == scalings[3] == Scaling.sequence([0.1, 0.2, 0.3, 0.4])
    assert scalings[2] == Scaling.constant(0.5)


def test_values_are_accepted_where_spellings_are():
    branch, weights, given = Branch("res-1", Activation("tanh")), Weights("uniform"), Input("sphere", 2)
    cell = network(branch, weights, input=given, width=3, depth=4)
    assert cell == network("res-1", "uniform", activation="tanh", input="sphere", inputs=2, width=3, depth=4)
