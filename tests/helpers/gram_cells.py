"""Networks whose inputs go through Gaussian weights by their Gram matrix, or dense."""

from __future__ import annotations

from theory_check.experiments.cell import Cell
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights


def a_cell(branch, inputs=1, width=5, depth=3, kernel="reduced", factor=0.7, **fields):
    network = Network(branch, width, depth, Scaling.constant(factor))
    return Cell(
        network=network,
        weights=Weights(variance=fields.pop("variance", "unit")),
        input=fields.pop("input", None) or Input(count=inputs),
        kernel=kernel,
        **fields,
    )
