"""Tangent vectors network by network: to the bit those of sixteen networks in a vector, for every width and branch."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.experiments.cell import Cell
from theory_check.kernels import LANES, jacobian, tangents
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.dense import DensePasses

KEY = np.array([31, 0x9E3779B9], np.uint32)

# Vectors of sixteen: less than one, one, one and a half, two, three, four, seven.
WIDTHS = (1, 3, 16, 21, 32, 41, 64, 100)


def carried(kernel, branch, weights, width, columns, depth=2):
    """A frame of ``columns`` vectors through a block, by one of both kernels."""
    network = Network(branch, width, depth, Scaling.constant(0.4))
    cell = Cell(network=network, weights=Weights.parse(weights), kernel="dense", gradients=False)
    passes = DensePasses(cell, KEY, 2 * LANES)
    kept, generator = passes.storage(depth), np.random.default_rng(width)
    hidden = generator.standard_normal((1, width, LANES))
    hidden[..., :3] = -abs(hidden[..., :3])  # few units of the first layer of res-2 are active there, or none
    passes.forward(0, network.scaling.factors(network.depth), hidden, np.zeros((1, LANES), np.int64), kept)
    frame = generator.standard_normal((columns, width * LANES))
    slopes = np.ascontiguousarray(kept[:, 0])
    kernel.advance(
        *passes._block, 0, network.scaling.factors(network.depth), *passes._weights, branch.has_inner, slopes, frame
    )
    return frame


@pytest.mark.parametrize("width", WIDTHS)
def test_values_are_those_of_sixteen_networks_in_a_vector(width):
    for branch, weights in ((Branch("res-3"), "uniform"), (Branch("linear"), "rademacher")):
        both = [carried(kernel, branch, weights, width, min(width, 20)) for kernel in (jacobian, tangents)]
        np.testing.assert_array_equal(*both)


@pytest.mark.parametrize("branch", [Branch("res-1"), Branch("res-2"), Branch("res-2", Activation("tanh")),
                                    Branch("res-3", Activation("leaky", 0.2))], ids=str)  # fmt: skip
@pytest.mark.parametrize("weights", ["gaussian", "orthogonal", "student:df=3"])
def test_every_branch_and_way_of_drawing(branch, weights):
    np.testing.assert_array_equal(*(carried(kernel, branch, weights, 18, 18) for kernel in (jacobian, tangents)))


def test_wide_networks_are_carried_one_by_one(monkeypatch):
    """The width decides which kernel carries a network, and changes no value."""
    network = Network(Branch("res-3"), 30, 4, Scaling.constant(0.4))
    cell = Cell(network=network, weights=Weights.parse("uniform"), kernel="dense", gradients=False)
    frames = []
    for least in (30, 31):
        monkeypatch.setattr(tangents, "LEAST_WIDTH", least)
        passes, frame = DensePasses(cell, KEY, 0), np.repeat(np.eye(30), LANES, axis=1)
        kept = passes.storage(4)
        passes.forward(
            0, network.scaling.factors(network.depth), np.ones((1, 30, LANES)), np.zeros((1, LANES), np.int64), kept
        )
        passes.tangent(0, network.scaling.factors(network.depth), kept, 0, frame)
        frames.append(frame)
    np.testing.assert_array_equal(*frames)


def test_components_without_slope_are_left_out():
    slopes = np.zeros((5, LANES), np.float32)
    slopes[[1, 4], 7] = 1.0, 0.5
    active, factors = np.empty(5, np.int64), np.empty(5, np.float32)
    assert tangents.list_active(slopes.ravel(), 7, np.float32(2.0), active, factors) == 2
    assert active[:2].tolist() == [1, 4]
    assert factors[:2].tolist() == [2.0, 1.0]
    assert tangents.list_active(slopes.ravel(), 8, np.float32(2.0), active, factors) == 0
    assert tangents.list_active(np.ones(5 * LANES, np.float32), 0, np.float32(2.0), active, factors) == 5
