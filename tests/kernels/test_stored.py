"""Stored passes against textbook loops with rigorous bounds, an automatic gradient, and the identities they keep."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from given_networks import SEED_OF_WEIGHTS, Tied, new_exponents, unscaled
from hypothesis import given
from hypothesis import strategies as st
from numpy_twins import UNIT
from scipy.linalg import expm

from theory_check import strategies
from theory_check.kernels import PANEL
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch

ACTIVATIONS = [Activation("relu"), Activation("leaky", 0.2), Activation("identity"), Activation("tanh")]
BRANCHES = [Branch("linear"), *(Branch(name, a) for name in ("res-1", "res-2", "res-3") for a in ACTIVATIONS)]
HOMOGENEOUS = [b for b in BRANCHES if b.homogeneous]

each_branch = pytest.mark.parametrize("branch", BRANCHES, ids=str)


class Tape:
    """Reverse-mode differentiation of the few operations of a network, on arrays of shape (width, columns)."""

    def __init__(self):
        self.steps = []

    def linear(self, matrix, argument):
        value = {"x": matrix @ argument["x"], "p": 0.0}
        self.steps.append(lambda: add(argument, matrix.T @ value["p"]))
        return value

    def shifted(self, argument, bias):
        value = {"x": argument["x"] + bias, "p": 0.0}
        self.steps.append(lambda: add(argument, value["p"]))
        return value

    def activated(self, activation, argument):
        x = argument["x"]
        if activation.name == "tanh":
            value, slope = {"x": np.tanh(x), "p": 0.0}, 1.0 / np.cosh(x) ** 2
        else:
            value = {"x": np.maximum(x, 0) + activation.negative_slope * np.minimum(x, 0), "p": 0.0}
            slope = np.heaviside(x, 0.0) * (1.0 - activation.negative_slope) + activation.negative_slope
        self.steps.append(lambda: add(argument, slope * value["p"]))
        return value

    def moved(self, argument, factor, increment):
        value = {"x": argument["x"] + factor * increment["x"], "p": 0.0}
        self.steps.append(lambda: (add(argument, value["p"]), add(increment, factor * value["p"])))
        return value

    def run_back(self):
        for step in reversed(self.steps):
            step()


def add(node, gradient):
    node["p"] = node["p"] + gradient


def gradient_of_the_tape(twin, start, output):
    tape, first = Tape(), {"x": start, "p": 0.0}
    state = first
    for k, factor in enumerate(twin.scaling):
        inside = state
        if twin.branch.has_inner:
            inside = tape.linear(twin.inners[k], inside)
            if twin.branch.has_bias:
                inside = tape.shifted(inside, twin.biases[k])
        increment = tape.linear(twin.outers[k], tape.activated(twin.branch.activation, inside))
        state = tape.moved(state, factor, increment)
    add(state, output)
    tape.run_back()
    return state["x"], first["p"]


def assert_passes_agree(network):
    start, output = network.states(2)
    end, slopes = network.forward(start)
    pulled = network.backward(slopes, output)
    for panel in range(len(start)):
        twin = network.twin(panel)
        expected, bound, expected_slopes = twin.forward(start[panel])
        gradient, gradient_bound = twin.backward(expected_slopes, output[panel])
        assert np.all(np.abs(end[panel] - expected) <= bound)
        assert np.all(np.abs(pulled[panel] - gradient) <= gradient_bound)
        # A bound that admits everything would be no test: at these sizes the worst case is below 1% of the norm, mostly
        # far below.
        assert np.median(bound) <= 0.01 * np.median(np.linalg.norm(expected, axis=0))
        assert np.median(gradient_bound) <= 0.01 * np.median(np.linalg.norm(gradient, axis=0))


@each_branch
@pytest.mark.parametrize("panels", [1, 2, 4, 5])
def test_branches_are_their_twins(branch, panels):
    assert_passes_agree(Tied.draw(branch, panels=panels))


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 17, 40])
def test_widths_are_their_twins(width):
    # Products go in tiles of four rows: widths on both sides of multiples of four. Panels go in strips, of six at a
    # width of 40.
    assert_passes_agree(Tied.draw(Branch("res-2"), width=width, depth=2, panels=7))


@pytest.mark.parametrize("width", [16, 17, 31, 40, 64, 100])
@pytest.mark.parametrize("branch", [Branch("linear"), Branch("res-2"), Branch("res-3", Activation("tanh"))], ids=str)
def test_a_column_alone_has_the_same_bits(branch, width):
    network = Tied.draw(branch, width=width)
    start, output = (np.broadcast_to(vector[..., :1], vector.shape) for vector in network.states(2))
    network = replace(network, factors=np.ones((1, PANEL)))
    runs = (passed(one, start, output) for one in (network, replace(network, alone=True)))
    for together, single in zip(*runs, strict=True):
        np.testing.assert_array_equal(together, single)


def passed(network, start, output):
    end, kept = network.forward(start)
    return [end, *kept, network.backward(kept, output)]


@each_branch
def test_gradients_are_those_of_an_automatic_differentiation(branch):
    network = Tied.draw(branch)
    start, output = network.states(2)
    end, slopes = network.forward(start)
    pulled = network.backward(slopes, output)
    twin = network.twin()
    expected, bound, expected_slopes = twin.forward(start[0])
    _, gradient_bound = twin.backward(expected_slopes, output[0])
    value, gradient = gradient_of_the_tape(twin, start[0], output[0])
    # The tape computes in double precision, 2^-29 of the bounds for single precision.
    assert np.all(np.abs(end[0] - value) <= (1 + 2.0**-20) * bound)
    assert np.all(np.abs(pulled[0] - gradient) <= (1 + 2.0**-20) * gradient_bound)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13)


@each_branch
def test_gradients_are_central_differences(branch):
    network = Tied.draw(branch)
    (start,), (output,), (direction,) = network.states(3)
    twin, step = network.twin(), 2.0**-18
    _, _, slopes = twin.forward(start)
    _, bound = twin.backward(slopes, output)
    ahead, _, slopes_ahead = twin.forward(start + step * direction)
    behind, _, slopes_behind = twin.forward(start - step * direction)
    difference = np.sum(output * (ahead - behind), axis=0) / (2 * step)
    pulled = network.backward(network.forward(start[None])[1], output[None])[0]
    found = np.sum(pulled * direction, axis=0)
    # Without a kink between the two points the network is linear there, or, for tanh, has third derivatives of order
    # 1e2 at these sizes, an error of 1e2 step^2 / 6 = 3e-10; rounding adds 1e-15 x 1e2 / step = 3e-8. The kernel itself
    # is within its bound.
    if branch.activation.homogeneous:
        pairs = zip(slopes_ahead, slopes_behind, strict=True)
        smooth = np.all([np.all(a[0] == b[0], axis=0) for a, b in pairs], axis=0)
        assert smooth.sum() > PANEL // 2
    else:
        smooth = np.ones(PANEL, bool)
    allowed = np.sum(np.abs(direction) * bound, axis=0) + 1e-6 + 1e-7 * np.abs(difference)
    assert np.all(np.abs(found - difference)[smooth] <= allowed[smooth])


@each_branch
def test_backward_is_the_adjoint_of_the_tangent(branch):
    """<J v, w> = <v, J^T w>, with J from the twin in double precision and J^T w from the kernel."""
    network = Tied.draw(branch, width=6)
    start, output, direction = network.states(3)
    twin = network.twin()
    _, _, slopes = twin.forward(start[0])
    _, bound = twin.backward(slopes, output[0])
    pulled = network.backward(network.forward(start)[1], output)[0]
    left = np.sum(twin.tangent(slopes, direction[0]) * output[0], axis=0)
    right = np.sum(direction[0] * pulled, axis=0)
    # The kernel is within the bound of the twin, whose own rounding in double precision is 2^-29 of it.
    assert np.all(np.abs(left - right) <= np.sum(np.abs(direction[0]) * bound, axis=0))


@each_branch
def test_conservation(branch):
    """<p, h> is constant for bias-free positively homogeneous branches, and for no other."""
    network = Tied.draw(branch, width=6)
    start, output = network.states(2)
    end, slopes = network.forward(start)
    pulled, twin = network.backward(slopes, output)[0], network.twin()
    _, bound, expected_slopes = twin.forward(start[0])
    _, gradient_bound = twin.backward(expected_slopes, output[0])
    change = np.abs(np.sum(pulled * start[0], axis=0) - np.sum(output[0] * end[0], axis=0))
    allowed = np.sum(np.abs(start[0]) * gradient_bound + np.abs(output[0]) * bound, axis=0)
    if branch.homogeneous:
        assert np.all(change <= allowed)
    else:
        # A change may be small by chance in a few columns, not in half of them.
        assert np.median(change / allowed) > 10


@pytest.mark.parametrize("branch", [Branch("res-2"), Branch("res-3"), Branch("linear")], ids=str)
@pytest.mark.parametrize("scale", [30.0, 1e6])
def test_growing_columns_are_their_twins_layer_by_layer(branch, scale):
    """Columns leave the range of double precision, each at its own pace; in units of a power of two they do not.

    Bounds of many layers would grow faster than the state, so that every layer starts from what the kernel made of the
    last, in the units of that state: exact, as the twin of a layer multiplies by powers of two, the bias included.
    """
    network = Tied.draw(branch, depth=300, scale=scale)
    start, output = network.states(2)
    hidden, exponents = start, new_exponents(start)
    kept = []
    for k in range(300):
        layer, before = network.cut(k, k + 1), exponents.copy()
        after, slope = layer.forward(hidden, exponents=exponents)
        kept.append(slope)
        twin = layer.twin()
        twin = replace(twin, biases=np.ldexp(twin.biases, -before))
        expected, bound, _ = twin.forward(hidden[0])
        assert np.all(np.abs(np.ldexp(after[0], (exponents - before)[0]) - expected) <= bound)
        hidden = after
    assert np.all(np.abs(hidden) < 2.0**80)
    # The column with factor 0 stays where it is, others leave double precision, 2^1024.
    assert exponents[0, 0] == 0
    assert np.unique(exponents).size > PANEL // 2
    assert exponents.max() > 1024

    gradient, exponents = output, new_exponents(output)
    for k in reversed(range(300)):
        layer, before = network.cut(k, k + 1), exponents.copy()
        after = layer.backward(kept[k], gradient, exponents)
        slopes = [(layer.slopes(kept[k], 0)[0], 0.0)]
        expected, bound = layer.twin().backward(slopes, gradient[0])
        assert np.all(np.abs(np.ldexp(after[0], (exponents - before)[0]) - expected) <= bound)
        gradient = after
    assert exponents.max() > 1024


def test_one_call_leaves_the_range_of_double_precision():
    """As above in one call: log ||h|| grows by log(1 + a v) a layer, d = 1, whatever its size."""
    network = Tied.draw(Branch("linear"), width=1, depth=500, scale=1e5)
    start, exponents = network.states(1)[0], np.zeros((1, PANEL), np.int64)
    end, _ = network.forward(start, keep=False, exponents=exponents)
    weights = network.outer[:, 0, 0].astype(np.float64)
    factors = 1.0 + network.scaling[:, None] * network.factors[0] * weights[:, None]
    expected = np.log(np.abs(start[0, 0])) + np.log(np.abs(factors)).sum(axis=0)
    found = np.log(np.abs(end[0, 0])) + math.log(2.0) * exponents[0]
    # Every layer rounds its increment twice to single precision, relative to |1 + x| at most 2 UNIT |x| / |1 + x|.
    allowed = 1.01 * (2 * UNIT * np.abs((factors - 1.0) / factors)).sum(axis=0) + 1e-9
    assert np.all(np.abs(found - expected) <= allowed)
    assert exponents.max() > 1024


@pytest.mark.parametrize("branch", [Branch("res-2"), Branch("res-1", Activation("tanh")), Branch("res-3")], ids=str)
@pytest.mark.parametrize("cut", [1, 3])
def test_composition_of_layers_is_exact(branch, cut):
    network = Tied.draw(branch, depth=4, scale=1e6, panels=2)
    start, output = network.states(2)
    exponents, gradient_exponents = new_exponents(start), new_exponents(start)
    end, slopes = network.forward(start, exponents=exponents)
    pulled = network.backward(slopes, output, gradient_exponents)
    parts, part_exponents, gradient_part_exponents = start, new_exponents(start), new_exponents(start)
    kept = []
    for first, last in ((0, cut), (cut, 4)):
        parts, slope = network.cut(first, last).forward(parts, exponents=part_exponents)
        kept.append(slope)
    np.testing.assert_array_equal(parts, end)
    np.testing.assert_array_equal(part_exponents, exponents)
    part = network.cut(cut, 4).backward(kept[1], output, gradient_part_exponents)
    part = network.cut(0, cut).backward(kept[0], part, gradient_part_exponents)
    np.testing.assert_array_equal(part, pulled)
    np.testing.assert_array_equal(gradient_part_exponents, gradient_exponents)


@given(strategies.branches(homogeneous=True), st.integers(-60, 60))
def test_powers_of_two_pass_through_exactly(branch, power):
    network = Tied.draw(branch, width=3)
    start = network.states(1)[0]
    exponents, shifted_exponents = new_exponents(start), new_exponents(start)
    end, _ = network.forward(start, exponents=exponents)
    shifted, _ = network.forward(np.ldexp(start, power), exponents=shifted_exponents)
    np.testing.assert_array_equal(unscaled(shifted, shifted_exponents), np.ldexp(unscaled(end, exponents), power))


@pytest.mark.parametrize("branch", [Branch("res-2"), Branch("res-3", Activation("tanh")), Branch("linear")], ids=str)
def test_columns_do_not_touch(branch):
    """A column has the same value in any place and among any others, to the bit."""
    network = Tied.draw(branch, panels=3)
    start, output = network.states(2)
    end, slopes = network.forward(start)
    pulled = network.backward(slopes, output)
    order = np.random.default_rng(1).permutation(3 * PANEL)[:PANEL]

    def chosen(state):
        return np.moveaxis(np.moveaxis(state, 1, 2).reshape(3 * PANEL, -1)[order][None], 1, 2).copy()

    alone = replace(network, factors=network.factors.reshape(-1)[order][None].copy())
    found, kept = alone.forward(chosen(start))
    np.testing.assert_array_equal(found, chosen(end))
    np.testing.assert_array_equal(alone.backward(kept, chosen(output)), chosen(pulled))


@each_branch
def test_weights_may_be_read_only(branch):
    """As paths come that are kept."""
    network = Tied.draw(branch)
    kept = [part.copy() for part in (network.outer, network.inner, network.bias)]
    for part in kept:
        part.flags.writeable = False
    held = replace(network, outer=kept[0], inner=kept[1], bias=kept[2])
    start, output = network.states(2)
    end, slopes = network.forward(start)
    np.testing.assert_array_equal(held.forward(start)[0], end)
    np.testing.assert_array_equal(held.backward(slopes, output), network.backward(slopes, output))


def test_tied_linear_weights_approach_the_exponential():
    """C1: (I + V/L)^L h -> expm(V) h; ||(I + V/L)^L - e^V|| <= ||V||^2 e^||V|| / (2 L), of order 1/L and no better."""
    width, start = 6, None
    errors = []
    drawn = np.random.default_rng(SEED_OF_WEIGHTS).standard_normal((1, width, width))
    matrix = (drawn / math.sqrt(width)).astype(np.float32)
    for depth in (200, 400):
        layers = np.repeat(matrix, depth, axis=0)
        factors = np.full((1, PANEL), 1.0 / depth)
        network = Tied(
            Branch("linear"), layers, layers[:1], np.zeros((1, width), np.float32), np.ones(depth), factors
        )  # fmt: skip
        start = network.states(1)[0] if start is None else start
        end, _ = network.forward(start, keep=False)
        exact = matrix[0].astype(np.float64)
        # The error constant of C1: -V^2 e^V / (2 L) h; the next term is of order ||V||^4 e^||V|| / L^2.
        leading = -exact @ exact @ expm(exact) @ start[0] / (2 * depth)
        size = np.linalg.norm(exact, 2)
        error = end[0] - expm(exact) @ start[0]
        remainder = np.linalg.norm(error - leading, axis=0)
        # (I + V/L)^L = exp(L log(I + V/L)) = e^V exp(-V^2/(2L) + V^3/(3L^2) - ...): the rest is below (||V||^3/3 +
        # ||V||^4/8 + ...) e^||V|| / L^2, and rounding adds (width + 4) UNIT ||V|| e^||V||.
        allowed = (size**3 + size**4) * math.exp(size) / depth**2 + (width + 4) * UNIT * size * math.exp(size)
        assert np.all(remainder <= allowed * np.linalg.norm(start[0], axis=0))
        # Not a better scheme: the error is there.
        assert np.median(np.linalg.norm(error, axis=0)) > 0.5 * np.median(np.linalg.norm(leading, axis=0))
        errors.append(error)
    assert np.linalg.norm(errors[0]) > 1.8 * np.linalg.norm(errors[1])
