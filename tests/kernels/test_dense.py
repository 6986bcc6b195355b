"""Dense passes against textbook loops in double precision, with rigorous bounds, and the identities they must keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense_blocks import Block, twin_of
from hypothesis import given
from hypothesis import strategies as st
from numpy_twins import LANES, UNIT
from weight_laws import VARIED

from theory_check import strategies
from theory_check.experiments.cell import Cell
from theory_check.kernels.dense import add_outer, dot
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

SEED_OF_STATES = 5

ACTIVATIONS = [Activation("relu"), Activation("leaky", 0.2), Activation("identity"), Activation("tanh")]
BRANCHES = [Branch("linear"), *(Branch(name, a) for name in ("res-1", "res-2", "res-3") for a in ACTIVATIONS)]
HOMOGENEOUS = [b for b in BRANCHES if b.homogeneous]
FACTORS = (0.7, -0.4, 1.0)


def a_cell(branch, width=5, factors=FACTORS, weights=Weights(), inputs=1):  # noqa: B008 - a frozen value
    network = Network(branch, width, len(factors), Scaling.sequence(factors))
    return Cell(network=network, weights=weights, input=Input(count=inputs), kernel="dense")


def states(cell, count=1):
    shape = (count, cell.input.count, cell.network.width, LANES)
    return np.random.default_rng(SEED_OF_STATES).standard_normal(shape)


def assert_passes_agree(cell):
    start, output = states(cell, 2)
    block, twin = Block(cell), twin_of(cell)
    found, found_gradient = block.forward(start), block.backward(output)
    for m in range(cell.input.count):
        expected, bound, slopes = twin.forward(start[m])
        gradient, gradient_bound = twin.backward(slopes, output[m])
        assert np.all(np.abs(found[m] - expected) <= bound)
        assert np.all(np.abs(found_gradient[m] - gradient) <= gradient_bound)
        # A bound that admits everything would be no test: at these sizes the worst case is below 1% of the norm, mostly
        # far below.
        assert np.median(bound) <= 0.01 * np.median(np.linalg.norm(expected, axis=0))
        assert np.median(gradient_bound) <= 0.01 * np.median(np.linalg.norm(gradient, axis=0))


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("inputs", [1, 3])
def test_branches_are_their_twins(branch, inputs):
    assert_passes_agree(a_cell(branch, inputs=inputs))


@pytest.mark.parametrize("weights", VARIED, ids=str)
@pytest.mark.parametrize("branch", [Branch("linear"), Branch("res-2"), Branch("res-3")], ids=str)
def test_laws_are_their_twins(weights, branch):
    assert_passes_agree(a_cell(branch, width=4, weights=weights, inputs=2))


@pytest.mark.parametrize("variance", ["he", "glorot", "lecun", "pytorch"])
def test_variance_conventions_are_their_twins(variance):
    for branch in (Branch("res-2"), Branch("linear")):
        assert_passes_agree(a_cell(branch, weights=Weights("uniform", variance=variance)))


@pytest.mark.parametrize("width", [1, 2, 7, 8, 9, 16, 17, 40])
def test_widths_are_their_twins(width):
    # Sums are taken in eights: widths on both sides of 8 and 16.
    assert_passes_agree(a_cell(Branch("res-3"), width=width, factors=(0.6, 0.6)))


@pytest.mark.parametrize("branch", [Branch("res-2"), Branch("res-3"), Branch("linear")], ids=str)
@pytest.mark.parametrize("factor", [30.0, 1e6])
def test_growing_networks_are_their_twins_layer_by_layer(branch, factor):
    """The state leaves the range of single precision; in units of a power of two it does not, and the bias follows.

    Bounds of many layers would grow faster than the state, so that every layer starts from what the kernel made of the
    last.
    """
    depth = 40
    cell = a_cell(branch, factors=(factor,) * depth)
    (hidden,), (gradient,) = states(cell, 2)
    block, exponents = Block(cell), np.zeros((1, LANES), np.int64)
    scaled, trace = hidden[None].copy(), [hidden]
    for k in range(depth):
        block.passes.forward(k, block.scaling[:1], scaled, exponents, block.passes.slice(block.kept, k, k + 1))
        trace.append(np.ldexp(scaled[0], exponents[0]))
    one_layer = replace(twin_of(cell), scaling=block.scaling[:1])
    slopes = []
    for k in range(depth):
        expected, bound, (slope,) = one_layer.forward(trace[k], first_layer=k)
        slopes.append(slope)
        assert np.all(np.abs(trace[k + 1] - expected) <= bound)
    assert np.all(exponents > 100)

    scaled, exponents = gradient[None].copy(), np.zeros((1, LANES), np.int64)
    for k in reversed(range(depth)):
        expected, bound = one_layer.backward([slopes[k]], np.ldexp(scaled[0], exponents[0]), first_layer=k)
        block.passes.backward(k, block.scaling[:1], block.passes.slice(block.kept, k, k + 1), scaled, exponents)
        assert np.all(np.abs(np.ldexp(scaled[0], exponents[0]) - expected) <= bound)
    assert np.all(exponents > 100)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_twin_gradient_is_the_derivative_of_the_twin(branch):
    """Central differences: the textbook itself is checked against the definition of a gradient."""
    cell = a_cell(branch)
    start, output, direction = (s[0] for s in states(cell, 3))
    twin, step = twin_of(cell), 2.0**-18
    _, _, slopes = twin.forward(start)
    ahead, _, slopes_ahead = twin.forward(start + step * direction)
    behind, _, slopes_behind = twin.forward(start - step * direction)
    difference = np.sum(output * (ahead - behind), axis=0) / (2 * step)
    predicted = np.sum(twin.backward(slopes, output)[0] * direction, axis=0)
    # Without a kink between the two points the network is linear there, or, for tanh, has third derivatives of order
    # 1e2 at these sizes, an error of 1e2 step^2 / 6 = 3e-10; rounding adds 1e-15 x 1e2 / step = 3e-8.
    if branch.activation.homogeneous:
        pairs = zip(slopes_ahead, slopes_behind, strict=True)
        smooth = np.all([np.all(a[0] == b[0], axis=0) for a, b in pairs], axis=0)
        assert smooth.sum() > LANES // 2
    else:
        smooth = np.ones(LANES, bool)
    np.testing.assert_allclose(difference[smooth], predicted[smooth], rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_backward_is_the_adjoint_of_the_tangent(branch):
    """<J v, w> = <v, J^T w>, with J from the twin in double precision and J^T w from the kernel."""
    cell = a_cell(branch, width=4)
    start, output, direction = (s[0] for s in states(cell, 3))
    twin, block = twin_of(cell), Block(cell)
    _, _, slopes = twin.forward(start)
    _, bound = twin.backward(slopes, output)
    block.forward(start[None])
    pulled = block.backward(output[None])[0]
    left = np.sum(twin.tangent(slopes, direction) * output, axis=0)
    right = np.sum(direction * pulled, axis=0)
    # The kernel is within the bound of the twin, whose own rounding in double precision is 2^-29 of it.
    assert np.all(np.abs(left - right) <= np.sum(np.abs(direction) * bound, axis=0))


@pytest.mark.parametrize("branch", [Branch("res-2"), Branch("res-1", Activation("tanh")), Branch("res-3")], ids=str)
@pytest.mark.parametrize("cuts", [(1,), (3,), (1, 2, 4)])
def test_composition_of_layers_is_exact(branch, cuts):
    cell = a_cell(branch, factors=(0.7, 20.0, -0.4, 30.0, 0.1), inputs=2)
    start, output = states(cell, 2)
    whole, parts = Block(cell), Block(cell)
    np.testing.assert_array_equal(whole.forward(start), parts.forward(start, cuts))
    np.testing.assert_array_equal(whole.backward(output), parts.backward(output, cuts))


@given(strategies.branches(homogeneous=True), st.integers(-60, 60))
def test_powers_of_two_pass_through_exactly(branch, power):
    cell = a_cell(branch, width=3)
    start = states(cell)[0]
    np.testing.assert_array_equal(
        Block(cell).forward(np.ldexp(start, power)), np.ldexp(Block(cell).forward(start), power)
    )


@pytest.mark.parametrize("branch", HOMOGENEOUS, ids=str)
@pytest.mark.parametrize("c", [3.0, 0.1])
def test_positive_factors_pass_through_to_rounding(branch, c):
    cell = a_cell(branch)
    start = states(cell)[0]
    bound = twin_of(cell).forward(start[0])[1]
    difference = Block(cell).forward(c * start)[0] / c - Block(cell).forward(start)[0]
    # Each of the two is within the bound of the exact value.
    assert np.all(np.abs(difference) <= 2 * bound)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_conservation(branch):
    """<p, h> is constant for bias-free positively homogeneous branches, and for no other."""
    cell = a_cell(branch, width=6)
    start, output = states(cell, 2)
    block, twin = Block(cell), twin_of(cell)
    end, pulled = block.forward(start)[0], block.backward(output)[0]
    _, bound, slopes = twin.forward(start[0])
    _, gradient_bound = twin.backward(slopes, output[0])
    change = np.abs(np.sum(pulled * start[0], axis=0) - np.sum(output[0] * end, axis=0))
    allowed = np.sum(np.abs(start[0]) * gradient_bound + np.abs(output[0]) * bound, axis=0)
    if branch.homogeneous:
        assert np.all(change <= allowed)
    else:
        # A change may be small by chance in a few lanes, not in half of them.
        assert np.median(change / allowed) > 10


@pytest.mark.parametrize("position", range(3))
def test_inputs_go_through_the_same_weights_and_do_not_touch(position):
    """An input has the same values alone and among others, to the bit."""
    cell = a_cell(Branch("res-2"), inputs=3)
    start, output = states(cell, 2)
    together, alone = Block(cell), Block(a_cell(Branch("res-2")))
    chosen = slice(position, position + 1)
    np.testing.assert_array_equal(together.forward(start)[chosen], alone.forward(start[chosen]))
    np.testing.assert_array_equal(together.backward(output)[chosen], alone.backward(output[chosen]))


@pytest.mark.parametrize("width", [1, 7, 8, 9, 24])
def test_products(width):
    row, vector = (s.reshape(-1).astype(np.float32) for s in states(a_cell(Branch("linear"), width=width), 2))
    found = np.empty(LANES, np.float32)
    dot(row, vector, found)
    terms = row.reshape(width, LANES).astype(np.float64) * vector.reshape(width, LANES)
    # Every term goes through at most width + 1 roundings.
    assert np.all(np.abs(found - terms.sum(axis=0)) <= 1.001 * (width + 1) * UNIT * np.abs(terms).sum(axis=0))
    total = vector.copy()
    add_outer(row, found, total)
    exact = vector.reshape(width, LANES) + row.reshape(width, LANES) * found.astype(np.float64)
    size = np.abs(vector.reshape(width, LANES)) + np.abs(row.reshape(width, LANES) * found)
    assert np.all(np.abs(total.reshape(width, LANES) - exact) <= 2.001 * UNIT * size)
