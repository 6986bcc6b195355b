"""Relations that hold on every path of the weights: between two runs on the same streams, to the bit or to rounding.

Scaling by a power of two commutes with every rounding, so that homogeneity holds to the bit. Where the order of a sum
or a factor changes, both runs are rounded versions of one exact result, and each stays within the running error bound
of its twin (``numpy_twins``): the two differ by no more than the sum of the bounds. Each relation has a near one that
fails.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from dense_blocks import KEY, Block, twin_of
from given_networks import Tied, new_exponents, unscaled
from hypothesis import example, given
from hypothesis import strategies as st
from numpy_twins import LANES

from theory_check import strategies
from theory_check.experiments.cell import Cell
from theory_check.kernels import PANEL
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import GAINS, Weights
from theory_check.simulation.cell import make_passes
from theory_check.simulation.passes.stored import StoredPasses

SEED_OF_STATES = 11

#: Any power of two far from the ends of the range of single precision, in which branch values are computed.
POWERS = st.integers(-30, 30)

WEIGHTS = strategies.weights(finite_variance=True, nonzero=True) | strategies.weight_processes()


def cells(*, homogeneous=None, **parts):
    """Cells whose kernel carries a state that is given; the chain has two components of its own, at width 1 as well."""
    return strategies.cells(
        branches=strategies.branches(homogeneous=homogeneous),
        **({"weights": WEIGHTS, "inputs": st.just(Input())} | parts),
    ).filter(lambda cell: cell.kernel != "chain")


def moves(cell, least=1e-3):
    """Tell whether a network moves a state by far more than rounding, and elsewhere than to 0.

    Factors may be tiny, weights all zero, and discrete weights of a narrow network may cancel what they act on.
    """
    hidden, gradient = states(cell)
    largest = np.abs(cell.network.scaling.factors(cell.network.depth)).max()
    output = carried(cell, hidden, gradient)[0]
    return largest > least and np.any((output != hidden) & (output != 0.0))


def with_every_weight():
    """Cells whose matrices are drawn as they are: the reduced kernel draws what V adds in a frame of h."""
    return cells(weights=strategies.weights(finite_variance=True), kernel="dense") | cells(
        weights=strategies.weight_processes()
    )


def doomed(depth):
    """A network whose layers double a state or make it 0."""
    network = Network(Branch("linear"), 1, depth, Scaling.power(0.0))
    return Cell(network=network, weights=Weights("orthogonal"), kernel="dense")


def states(cell, inputs=1):
    lanes = PANEL if cell.kernel == "stored" else LANES
    return np.random.default_rng(SEED_OF_STATES).standard_normal((2, inputs, cell.network.width, lanes))


def carried(cell, hidden, gradient, cuts=()):
    """h_L and p_0 by the kernel of a cell, on streams that are the same for all cells, in one call or in several."""
    if cell.kernel == "stored":
        passes = StoredPasses(cell.network, cell.weights, KEY, 0, np.ones((len(hidden), PANEL)), 2**20)
    else:
        passes = make_passes(
            replace(cell, input=Input(count=len(hidden)), weight_gradients=(), gradient_cosines=()), KEY, 0
        )
    scaling = cell.network.scaling.factors(cell.network.depth)
    parts, room = list(pairwise([0, *cuts, len(scaling)])), passes.storage(len(scaling))
    (hidden, shift), (gradient, back) = (
        (x.copy(), np.zeros((len(x), x.shape[2]), np.int64)) for x in (hidden, gradient)
    )
    for first, last in parts:
        passes.forward(first, scaling[first:last], hidden, shift, passes.slice(room, first, last))
    for first, last in reversed(parts):
        passes.backward(first, scaling[first:last], passes.slice(room, first, last), gradient, back)
    return np.ldexp(hidden, shift[:, None]), np.ldexp(gradient, back[:, None])


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@given(cells(homogeneous=True), POWERS)
def test_homogeneous_networks_scale_with_their_input_and_gradients_do_not(cell, power):
    hidden, gradient = states(cell)
    output, back = carried(cell, hidden, gradient)
    assert_equal(carried(cell, np.ldexp(hidden, power), gradient), (np.ldexp(output, power), back))


@pytest.mark.parametrize(
    "branch", [Branch("res-1", Activation("tanh")), Branch("res-2"), Branch("res-3", Activation("tanh"))]
)
def test_other_networks_do_not_scale(branch):
    cell = Cell(network=Network(branch, 4, 2, Scaling.power(0.5)), weights=Weights(), kernel="dense")
    hidden, gradient = states(cell)
    (output, back), (twice, back_of_twice) = (carried(cell, c * hidden, gradient) for c in (1.0, 2.0))
    assert not np.any(twice == 2.0 * output)
    assert np.any(back != back_of_twice)


@given(cells(), POWERS)
def test_the_gradient_at_the_input_is_linear_in_that_at_the_output(cell, power):
    hidden, gradient = states(cell)
    output, back = carried(cell, hidden, gradient)
    assert_equal(carried(cell, hidden, np.ldexp(gradient, power)), (output, np.ldexp(back, power)))


@given(with_every_weight())
def test_odd_networks_and_only_they_reflect(cell):
    branch = cell.network.branch
    rectified = branch.activation.homogeneous and branch.activation.negative_slope != 1.0
    hidden, gradient = states(cell)
    if not branch.has_bias and not rectified:
        output, back = carried(cell, hidden, gradient)
        assert_equal(carried(cell, -hidden, gradient), (-output, back))
    elif moves(cell):
        output, _ = carried(cell, hidden, gradient)
        assert np.any(carried(cell, -hidden, gradient)[0] != -output)


@given(with_every_weight())
@example(doomed(depth=2))
def test_equal_inputs_have_equal_outputs_and_company_changes_nothing(cell):
    (hidden, gradient), (other, other_gradient) = states(cell), states(cell)[:, ::-1] * 0.5 + 1.0
    alone = carried(cell, hidden, gradient)
    together = carried(
        cell, np.concatenate([hidden, other, hidden]), np.concatenate([gradient, other_gradient, gradient])
    )
    for found, expected in zip(together, alone, strict=True):
        assert_equal(found[[0, 2]], np.concatenate([expected, expected]))
        # Discrete weights of a narrow network may cancel every state: then all inputs have the output 0.
        assert np.all(np.any(found[1] != found[0], axis=0) | np.all(found[0] == 0.0, axis=0))


@given(cells(), st.integers(0, 100))
@example(doomed(depth=30), 3)
def test_a_deep_network_is_its_parts_one_after_the_other(cell, cut):
    hidden, gradient = states(cell)
    cut %= cell.network.depth + 1
    whole = carried(cell, hidden, gradient)
    assert_equal(carried(cell, hidden, gradient, cuts=(cut,)), whole)

    def only(layers):
        factors = np.where(layers, cell.network.scaling.factors(cell.network.depth), 0.0)
        shorter = replace(cell.network, scaling=Scaling.sequence(tuple(factors)))
        return carried(replace(cell, network=shorter), hidden, gradient)[0]

    # Without the layer behind the cut it is another one, unless that layer does nothing, because weights may all be
    # zero, or another layer makes every state 0.
    layers = np.arange(cell.network.depth)
    if np.any((only(layers < cut) != only(layers <= cut)) & (whole[0] != 0.0)):
        assert np.any(only(layers != cut) != whole[0])


#: Pairs of branches that are one, the second a limit of a parameter.
LIMITS = {
    "leaky of slope 0 is relu": ("res-3", Activation("relu"), "res-3", Activation("leaky", 0.0)),
    "leaky of slope 1 is the identity": ("res-3", Activation("identity"), "res-3", Activation("leaky", 1.0)),
    "res-1 of the identity is linear": ("linear", None, "res-1", Activation("identity")),
}


@pytest.mark.parametrize("names", LIMITS.values(), ids=LIMITS)
@given(cell=cells())
def test_limits_of_activations(names, cell):
    first, one, second, other = names
    branches = (Branch(first) if one is None else Branch(first, one), Branch(second, other))
    networks = (replace(cell.network, branch=branch) for branch in branches)
    plain = replace(cell, active_norm=False, controls=False)  # which not every branch has
    found = [carried(replace(plain, network=network), *states(cell)) for network in networks]
    assert_equal(*found)


@pytest.mark.parametrize(
    ("first", "second"),
    [(Activation("relu"), Activation("leaky", 1e-3)), (Activation("identity"), Activation("leaky", 1.0 - 1e-3))],
)
def test_near_activations_are_not_their_limits(first, second):
    networks = (Network(Branch("res-3", activation), 4, 2, Scaling.power(0.5)) for activation in (first, second))
    one, other = (
        carried(c, *states(c)) for c in (Cell(network=n, weights=Weights(), kernel="dense") for n in networks)
    )
    assert np.any(one[0] != other[0])


@given(
    cells(homogeneous=True, weights=strategies.weights(finite_variance=True, nonzero=True), kernel="dense"),
    st.sampled_from(sorted(GAINS)),
)
def test_the_scale_of_the_weights_is_that_of_the_factors(cell, convention):
    inner = cell.network.branch.has_inner
    first, second = (replace(cell.weights, variance=name) for name in ("unit", convention))
    # Both matrices have the convention: c = sqrt(gain) for each, and a homogeneous activation lets it pass.
    c = GAINS[convention] if inner else math.sqrt(GAINS[convention])
    factors = cell.network.scaling.factors(cell.network.depth)
    scaled = replace(cell.network, scaling=Scaling.sequence(tuple(c * factors)))
    pair = replace(cell, weights=first, network=scaled), replace(cell, weights=second)
    hidden, _ = states(cell)
    (one, bound), (other, other_bound) = ((Block(c).forward(hidden)[0], twin_of(c).forward(hidden[0])[1]) for c in pair)
    # The twins' results are one number up to a few roundings of double precision.
    allowed = bound + other_bound + 1e-12 * np.abs(one)
    assert np.all(np.abs(one - other) <= allowed)
    if convention in ("he", "pytorch") and moves(cell, 0.1):
        # The gain in the place of its root, or its root in the place of it.
        wrong = replace(scaled, scaling=Scaling.sequence(tuple((math.sqrt(c) if inner else c * c) * factors)))
        assert np.any(np.abs(Block(replace(pair[0], network=wrong)).forward(hidden)[0] - other) > allowed)


BRANCHES = strategies.branches()


@given(BRANCHES, st.integers(2, 9), st.integers(1, 4), st.data())
def test_symmetries_of_the_coordinates(branch, width, depth, data):
    """Coordinates of h may be permuted, and reflected where the branch has its own matrix before the activation.

    With S a signed permutation of the coordinates and P one of the hidden units, V' = S V P^T and W' = P W S^T carry
    S h to S h_L: these are symmetries of a product of matrices around an activation. Without W the activation acts on
    h itself: P = S, and signs only if it is odd.
    """
    network = Tied.draw(branch, width=width, depth=depth)
    order = np.array(data.draw(st.permutations(range(width))))
    odd = branch.activation.name == "tanh" or branch.activation.negative_slope == 1.0
    signs = np.where(data.draw(st.lists(st.booleans(), min_size=width, max_size=width)), -1.0, 1.0)
    if not branch.has_inner and not odd:
        signs = np.ones(width)
    units = np.array(data.draw(st.permutations(range(width)))) if branch.has_inner else order
    own = np.ones(width) if branch.has_inner else signs
    moved = replace(
        network,
        outer=np.float32(signs[:, None] * network.outer[:, order][:, :, units] * own),
        inner=np.float32(network.inner[:, units][:, :, order] * signs),
        bias=network.bias[:, units],
    )
    start = network.states(1)
    bent = signs[:, None] * start[:, :, order]
    (end, bound), (image, image_bound) = (forward(n, x) for n, x in ((network, start), (moved, bent)))
    expected, expected_bound = signs[:, None] * end[order], bound[order]
    allowed = expected_bound + image_bound + 1e-12 * np.abs(expected)
    assert np.all(np.abs(image - expected) <= allowed)
    if np.any(order != np.arange(width)):
        # The matrices moved and the state not.
        wrong, _ = forward(moved, start)
        assert np.any(np.abs(wrong - expected) > allowed)


@given(BRANCHES, st.integers(1, 6), st.integers(1, 5), st.integers(1, 3))
def test_coordinates_of_zeros_change_nothing(branch, width, more, depth):
    network = Tied.draw(branch, width=width, depth=depth)
    square, line = ((0, 0), (0, more), (0, more)), ((0, 0), (0, more))
    wider = replace(
        network,
        outer=np.pad(network.outer, square),
        inner=np.pad(network.inner, square),
        bias=np.pad(network.bias, line),
    )
    start = network.states(1)
    padded = np.pad(start, ((0, 0), (0, 0), (0, more), (0, 0)))
    (end, bound), (image, image_bound) = forward(network, start), forward(wider, padded)
    assert np.all(np.abs(image[:width] - end) <= bound + image_bound[:width])
    assert not np.any(image[width:])
    if np.any(end != start[0, 0]):
        # Weights of the variance that the larger width would ask for.
        shrunk = replace(wider, outer=wider.outer * np.float32(math.sqrt(width / (width + more))))
        assert np.any(np.abs(forward(shrunk, padded)[0][:width] - end) > bound + image_bound[:width])


def forward(network, start):
    """h_L of the first panel, (width, PANEL), and its distance at most from the exact result."""
    exponents = new_exponents(start[0])
    end, _ = network.forward(start, exponents=exponents)
    return unscaled(end[0], exponents)[0], network.twin().forward(start[0, 0])[1]
