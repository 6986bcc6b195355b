"""Every kernel of states and gradients against the textbook in decimal arithmetic, at small size."""

from __future__ import annotations

import math

import decimal_textbook as textbook
import numpy as np
import pytest
from decimal_textbook import exact
from dense_blocks import FIRST_REPLICATE, KEY, Block, twin_of
from given_networks import slope_rooms
from numpy_twins import LANES, UNIT, StoredTwin, even, normal_row, words

from theory_check.experiments.cell import Cell
from theory_check.foundation.streams import Purpose
from theory_check.kernels import PANEL, stored
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.compiled import compiled_activation
from theory_check.simulation.passes.gram import GramPasses
from theory_check.simulation.passes.reduced import ReducedPasses

WIDTH, DEPTH, FACTOR = 3, 2, 0.7
LANES_SEEN = (0, 17, LANES - 1)

BRANCHES = [
    Branch("linear"),
    *(Branch(name, Activation(a)) for name in ("res-1", "res-2", "res-3") for a in ("relu", "tanh")),
    Branch("res-3", Activation("leaky", 0.25)),
]
each_branch = pytest.mark.parametrize("branch", BRANCHES, ids=str)


def a_cell(branch, weights, inputs=1, kernel="dense"):
    network = Network(branch, WIDTH, DEPTH, Scaling.constant(FACTOR))
    return Cell(network=network, weights=Weights.parse(weights), input=Input(count=inputs), kernel=kernel)


def states(count, seed):
    return np.random.default_rng(seed).standard_normal((count, WIDTH, LANES)).astype(np.float32).astype(np.float64)


def doubles(values):
    return np.array([float(x) for x in values])


def assert_textbook(layers, branch, twin, ends, start, output):
    """Kernel and twin against the textbook, lane by lane: the one within its bound, the other to 1e-13."""
    end, bound, slopes = twin.forward(start)
    pulled, pulled_bound = twin.backward(slopes, output)
    for lane in sorted({lane % start.shape[1] for lane in LANES_SEEN}):
        given = layers(lane)
        expected, slope = textbook.forward(branch.activation, given, [FACTOR] * DEPTH, exact(start[:, lane]))
        gradient = textbook.backward(given, [FACTOR] * DEPTH, slope, exact(output[:, lane]))
        for found, twins, error, decimal in (
            (ends[0], end, bound, expected), (ends[1], pulled, pulled_bound, gradient),
        ):  # fmt: skip
            # Sums of up to 3 products a layer in double precision, of numbers below 20.
            np.testing.assert_allclose(twins[:, lane], doubles(decimal), rtol=1e-13, atol=1e-13)
            assert np.all(np.abs(found[:, lane] - doubles(decimal)) <= error[:, lane] + 1e-13)


@each_branch
@pytest.mark.parametrize("weights", ["uniform", "gaussian", "rademacher:variance=he"])
def test_the_dense_kernel_is_the_textbook(branch, weights):
    cell = a_cell(branch, weights)
    start, output, twin, block = states(1, 1), states(1, 2), twin_of(cell), Block(cell)

    def layers(lane):
        def matrix(layer, purpose):
            return exact(twin.matrix(layer, purpose, WIDTH)[0][:, :, lane])

        return [
            (
                matrix(k, Purpose.OUTER_WEIGHTS), matrix(k, Purpose.INNER_WEIGHTS) if branch.has_inner else None,
                exact(twin.bias(k, WIDTH)[:, lane]) if branch.has_bias else None,
            )
            for k in range(DEPTH)
        ]  # fmt: skip

    ends = block.forward(start)[0], block.backward(output)[0]
    assert_textbook(layers, branch, twin, ends, start[0], output[0])


@each_branch
def test_the_stored_kernel_is_the_textbook(branch):
    rng = np.random.default_rng(3)
    outer, inner = (rng.standard_normal((DEPTH, WIDTH, WIDTH)).astype(np.float32) for _ in range(2))
    bias = rng.standard_normal((DEPTH, WIDTH)).astype(np.float32)
    start, output = (states(1, seed)[..., :PANEL].copy() for seed in (4, 5))
    scaling, factors = np.full(DEPTH, FACTOR), np.ones((1, PANEL))
    activate, constants = compiled_activation(branch.activation)
    hidden, exponents = start.reshape(1, -1).copy(), np.zeros((1, PANEL), np.int64)
    kept = slope_rooms(branch.activation, DEPTH, 1, WIDTH)
    stored.forward(
        outer, inner, bias, branch.has_inner, branch.has_bias, scaling, factors, activate, constants,
        branch.activation.homogeneous, False, hidden, exponents, *kept,
    )  # fmt: skip
    gradient, gradient_exponents = output.reshape(1, -1).copy(), np.zeros((1, PANEL), np.int64)
    stored.backward(
        outer, inner, branch.has_inner, scaling, factors, constants, branch.activation.homogeneous, False, *kept,
        gradient, gradient_exponents,
    )  # fmt: skip
    ends = [
        np.ldexp(vector.reshape(WIDTH, PANEL), powers[0])
        for vector, powers in ((hidden, exponents), (gradient, gradient_exponents))
    ]
    given = [
        (exact(outer[k]), exact(inner[k]) if branch.has_inner else None, exact(bias[k]) if branch.has_bias else None)
        for k in range(DEPTH)
    ]
    twin = StoredTwin.of(branch, np.full((DEPTH, PANEL), FACTOR), outer, inner, bias)
    assert_textbook(lambda _: given, branch, twin, ends, start[0], output[0])


def normals(layer, purpose, count, lane):
    """Normal vectors of a layer in turn, rounded to single precision as the kernel has them up to 12 UNIT."""
    drawn = words(KEY, FIRST_REPLICATE, layer, purpose, count * even(WIDTH)).reshape(count, -1, LANES)
    return [exact(normal_row(part, even(WIDTH))[0][:WIDTH, lane]) for part in drawn]


def reduced_textbook(branch, start, output, lane):
    """States and gradients of m inputs through Gaussian weights by the conditional laws, layer after layer."""
    count, deviation = len(start), math.sqrt(1.0 / WIDTH)
    hidden, kept = [exact(vector[:, lane]) for vector in start], []
    for k in range(DEPTH):
        drawn = normals(k, Purpose.REDUCED_FORWARD, (count if branch.has_inner else 0) + branch.has_bias + count, lane)
        inner, bias, outer = drawn[:count], drawn[count : count + branch.has_bias], drawn[-count:]
        pre = textbook.images(hidden, inner, deviation) if branch.has_inner else hidden
        shift = [exact(np.float64(deviation)) * b for b in bias[0]] if bias else None
        moved = [[a + b for a, b in zip(x, shift, strict=True)] for x in pre] if shift else pre
        post, slopes = zip(*(textbook.precisely(textbook.activated)(branch.activation, x) for x in moved), strict=True)
        kept.append((hidden, inner, list(post), slopes, outer))
        added = textbook.images(list(post), outer, deviation)
        hidden = [
            textbook.combination([1, exact(np.float64(FACTOR))], pair) for pair in zip(hidden, added, strict=True)
        ]
    gradients = [exact(vector[:, lane]) for vector in output]
    for k in range(DEPTH - 1, -1, -1):
        fresh = normals(k, Purpose.REDUCED_BACKWARD, count * (1 + branch.has_inner), lane)
        below, inner, post, slopes, outer = kept[k]
        pulled = textbook.conditional_transposes(post, outer, gradients, fresh[:count], deviation)
        pulled = [[s * q for s, q in zip(*pair, strict=True)] for pair in zip(slopes, pulled, strict=True)]
        if branch.has_inner:
            pulled = textbook.conditional_transposes(below, inner, pulled, fresh[count:], deviation)
        gradients = [
            textbook.combination([1, exact(np.float64(FACTOR))], pair) for pair in zip(gradients, pulled, strict=True)
        ]
    return np.array([doubles(x) for x in hidden]), np.array([doubles(x) for x in gradients])


@each_branch
@pytest.mark.parametrize(("kind", "inputs"), [(ReducedPasses, 1), (GramPasses, 1), (GramPasses, 2)])
def test_reduced_kernels_are_the_textbook(branch, kind, inputs):
    start, output = states(inputs, 6), states(inputs, 7)
    passes = kind(a_cell(branch, "gaussian", inputs, "reduced"), KEY, FIRST_REPLICATE)
    factors, kept = np.full(DEPTH, FACTOR), passes.storage(DEPTH)
    hidden, exponents = start.copy(), np.zeros((inputs, LANES), np.int64)
    passes.forward(0, factors, hidden, exponents, kept)
    gradient, gradient_exponents = output.copy(), np.zeros((inputs, LANES), np.int64)
    passes.backward(0, factors, kept, gradient, gradient_exponents)
    found = np.ldexp(hidden, exponents[:, None]), np.ldexp(gradient, gradient_exponents[:, None])
    for lane in LANES_SEEN:
        expected = reduced_textbook(branch, start, output, lane)
        for ours, decimal in zip(found, expected, strict=True):
            # Normal numbers are within 12 UNIT, a layer rounds about 20 times, and two layers multiply errors by less
            # than 10 with these states: 600 UNIT of the largest norm.
            assert np.max(np.abs(ours[:, :, lane] - decimal)) <= 600 * UNIT * np.linalg.norm(decimal, axis=1).max()


def test_the_textbook_sees_a_missing_projection():
    start, output = states(2, 6), states(2, 7)
    right = reduced_textbook(Branch("res-3"), start, output, 0)[1]
    plain = textbook.conditional_transposes
    try:
        textbook.conditional_transposes = lambda conditions, normals, gradients, fresh, deviation: textbook.images(
            gradients, fresh, deviation
        )
        wrong = reduced_textbook(Branch("res-3"), start, output, 0)[1]
    finally:
        textbook.conditional_transposes = plain
    assert np.max(np.abs(wrong - right)) > 0.01 * np.linalg.norm(right)
