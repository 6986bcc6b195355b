"""Norms and cosines of weight gradients by every kernel: against textbook networks, differences and profiles."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy_twins import LANES, DenseTwin, Matrices

from theory_check.experiments.cell import Cell
from theory_check.experiments.kernel_choice import choose_kernel
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation import cell as simulation
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.cell import simulate_block
from theory_check.simulation.passes.compiled import row_filler
from theory_check.simulation.paths.sources import open_paths
from theory_check.simulation.runner import simulate

SEED = 31
BRANCHES = [
    Branch("linear"),
    Branch("res-1"),
    Branch("res-2", Activation("tanh")),
    Branch("res-3"),
    Branch("res-3", Activation("leaky", 0.2)),
]


def a_cell(branch, weights="uniform", kernel="dense", width=4, depth=3, factor=0.6, **fields):
    network = Network(branch, width, depth, Scaling.constant(factor))
    observed = {"weight_gradients": tuple(range(1, depth + 1)), "recorded_depths": tuple(range(depth + 1))}
    return Cell(network=network, weights=Weights.parse(weights), kernel=kernel, **observed | fields)


class Textbook:
    """The network of a dense cell in double precision, with explicit matrices (rows, columns, LANES)."""

    def __init__(self, cell):
        width = cell.network.width
        matrices = [
            Matrices(f.fill, f.constants, math.sqrt(w.gain / width) / f.natural_deviation, w.law == "orthogonal")
            for w, f in ((w, row_filler(w)) for w in (cell.weights, cell.weights.inner))
        ]
        key = np.array(stream_key(SEED, cell.identity), np.uint32)
        self.factors = cell.network.scaling.factors(cell.network.depth)
        self.twin = DenseTwin(cell.network.branch, self.factors, key, 0, *matrices)
        boundary = Boundary(cell, key, 0)
        self.start = boundary.hidden()[0]
        self.gradient = boundary.gradient(self.start[None], np.zeros((1, LANES), np.int64))[0][0]
        layers = range(len(self.factors))
        self.outer = [self.twin.matrix(k, Purpose.OUTER_WEIGHTS, width)[0] for k in layers]
        branch = cell.network.branch
        self.inner = [
            self.twin.matrix(k, Purpose.INNER_WEIGHTS, width)[0] if branch.has_inner else None for k in layers
        ]
        self.biases = [self.twin.bias(k, width) if branch.has_bias else 0.0 for k in layers]
        self.activation = branch.activation

    def loss(self):
        """<p_L, h_L>: its gradient at the output is p_L whatever the weights."""
        hidden = self.start
        for factor, outer, inner, bias in zip(self.factors, self.outer, self.inner, self.biases, strict=True):
            pre = hidden if inner is None else np.einsum("ijl,jl->il", inner, hidden) + bias
            negative = self.activation.negative_slope
            post = np.tanh(pre) if negative is None else np.where(pre > 0, pre, negative * pre)
            hidden = hidden + factor * np.einsum("ijl,jl->il", outer, post)
        return np.sum(self.gradient * hidden, axis=0)

    def gradient_of(self, matrix):
        """dLoss/dmatrix by central differences, entry by entry: shape (rows * columns, LANES)."""
        slopes, step = [], 1e-5
        for i, j in np.ndindex(matrix.shape[:2]):
            kept = matrix[i, j].copy()
            matrix[i, j] = kept + step
            above = self.loss()
            matrix[i, j] = kept - step
            slopes.append((above - self.loss()) / (2 * step))
            matrix[i, j] = kept
        return np.array(slopes)


@pytest.mark.parametrize("weights", ["uniform", "orthogonal"])
@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_dense_norms_and_cosines_are_those_of_finite_differences(branch, weights):
    """Branches piecewise linear in a weight have exact differences away from kinks; tanh an error of step^2."""
    scaling = Scaling.sequence((0.6, 0.6, -0.6))
    cell = a_cell(branch, weights, gradient_cosines=(1, 2))
    cell = replace(cell, network=replace(cell.network, scaling=scaling))
    values = simulate(cell, LANES, SEED).values
    book = Textbook(cell)
    reference = np.sum(book.start**2, axis=0) * np.sum(book.gradient**2, axis=0)
    for name, matrices in (("outer", book.outer), ("inner", book.inner)):
        if matrices[0] is None:
            assert f"{name}_weight_gradient" not in values
            continue
        gradients = [book.gradient_of(matrix) for matrix in matrices]
        squares = [np.sum(gradient**2, axis=0) for gradient in gradients]
        for index, square in enumerate(squares):
            found = np.exp(values[f"{name}_weight_gradient"][:, index])
            # Differences divide rounding of the loss, about 1e-15, by the step; the kernel rounds singly, 1e-6 after
            # a few layers of width 4.
            np.testing.assert_allclose(found, square / reference, rtol=1e-4, atol=1e-8)
        for index, (one, other) in enumerate(pairwise(gradients)):
            # Where neither gradient is so small that rounding decides on its direction.
            sure = np.minimum(squares[index], squares[index + 1]) > 1e-6 * reference
            expected = np.sum(one * other, axis=0)[sure] / np.sqrt(squares[index] * squares[index + 1])[sure]
            assert np.sum(sure) > LANES // 3
            np.testing.assert_allclose(values[f"{name}_gradient_cosine"][sure, index], expected, atol=1e-4)


@pytest.mark.parametrize("weights", ["gaussian", "tied", "uniform"])
@pytest.mark.parametrize("inputs", [1, 2])
def test_linear_norms_are_products_of_the_profiles(weights, inputs):
    kernel = choose_kernel(Weights.parse(weights), Input(count=inputs), 4)
    cell = a_cell(Branch("linear"), weights, kernel, input=Input(count=inputs))
    values = simulate(cell, 5, SEED).values
    expected = 2 * math.log(0.6) + values["norm_profile"][..., :-1] + values["gradient_profile"][..., 1:]
    # The branch of the linear network is the state rounded to single precision.
    np.testing.assert_allclose(values["outer_weight_gradient"], expected, atol=1e-6)


def stored_gradients(cell, replicate):
    """Logarithms and cosines by layer, from the matrices as a whole: the gradients are formed as outer products."""
    network, key = cell.network, np.array(stream_key(SEED, cell.identity), np.uint32)
    branch, width, depth = network.branch, network.width, network.depth

    def path(purpose, rows):
        source = open_paths(cell.weights, width, depth, key, replicate, purpose, rows=rows, budget_bytes=10**6)
        return source.layers(0, depth).astype(np.float64)

    outer, inner = path(Purpose.OUTER_WEIGHTS, width), path(Purpose.INNER_WEIGHTS, width)
    bias = path(Purpose.BIAS, 1)[:, 0] if branch.has_bias else np.zeros((depth, width))
    boundary = Boundary.of_replicate(cell, key, replicate)
    states = [boundary.hidden()[0, :, 0]]
    factors, kept = network.scaling.factors(depth), []
    for k in range(depth):
        pre = inner[k] @ states[-1] + bias[k]
        post, slope = (np.tanh(pre), 1 - np.tanh(pre) ** 2) if branch.has_bias else (np.maximum(pre, 0), pre > 0)
        kept.append((post, slope))
        states.append(states[-1] + factors[k] * outer[k] @ post)
    gradient = boundary.gradient(states[-1][None, :, None], np.zeros((1, 1), np.int64))[0][0, :, 0]
    reference = np.sum(states[0] ** 2) * np.sum(gradient**2)
    logarithms, directions = {}, {}
    for k in range(depth - 1, -1, -1):
        post, slope = kept[k]
        pulled = slope * (outer[k].T @ gradient)
        both = factors[k] * np.outer(gradient, post), factors[k] * np.outer(pulled, states[k])
        logarithms[k + 1] = [math.log(np.sum(part**2) / reference) for part in both]
        gradient = gradient + factors[k] * inner[k].T @ pulled
        directions[k + 1] = [(part / np.linalg.norm(part)).ravel() for part in both]
    return logarithms, {k: [a @ b for a, b in zip(directions[k], directions[k + 1], strict=True)] for k in (1, 2, 3)}


@pytest.mark.parametrize("branch", [Branch("res-3"), Branch("res-2", Activation("tanh"))], ids=str)
def test_stored_norms_and_cosines_are_those_of_given_matrices(branch):
    cell = a_cell(branch, "smooth:length=0.3", "stored", depth=4, weight_gradients=(1, 3, 4), gradient_cosines=(3,))
    full = simulate(cell, 3, SEED).values
    for replicate in range(3):
        expected, cosines = stored_gradients(cell, replicate)
        found = [full[f"{name}_gradient_cosine"][replicate, 0] for name in ("outer", "inner")]
        np.testing.assert_allclose(found, cosines[3], atol=1e-5)
        for index, layer in enumerate(cell.weight_gradients):
            found = [full[f"{name}_weight_gradient"][replicate, index] for name in ("outer", "inner")]
            # Single precision over four layers of width 4.
            np.testing.assert_allclose(found, expected[layer], atol=1e-5)
    # Cutting the memory changes which weights are loaded when, not the values.
    small = [simulate_block(cell, SEED, r, memory=1) for r in range(3)]
    for name in ("outer_weight_gradient", "inner_weight_gradient", "outer_gradient_cosine", "inner_gradient_cosine"):
        np.testing.assert_array_equal(np.concatenate([block[name] for block in small]), full[name])


@pytest.mark.parametrize("kernel", ["dense", "reduced"])
def test_values_do_not_depend_on_segments_or_on_other_layers(kernel, monkeypatch):
    pairs = {"dense": (1, 2, 4), "reduced": ()}[kernel]
    cell = a_cell(
        Branch("res-3"), "gaussian", kernel, depth=5, weight_gradients=(1, 2, 3, 4, 5), gradient_cosines=pairs
    )
    whole = simulate(cell, LANES, SEED).values
    part = replace(cell, weight_gradients=(2, 3), gradient_cosines=pairs[1:2], recorded_depths=())
    for name, column in cell.restrict(whole, part).items():
        np.testing.assert_array_equal(simulate(part, LANES, SEED).values[name], column)
    monkeypatch.setattr(simulation, "SEGMENT_BYTES", 1)
    for name, column in simulate(cell, LANES, SEED).values.items():
        np.testing.assert_array_equal(column, whole[name])


def test_norms_beyond_double_precision_are_finite():
    cell = a_cell(
        Branch("res-3"), "gaussian", "reduced", depth=200, factor=1e4, weight_gradients=(1, 200), recorded_depths=()
    )
    values = simulate(cell, LANES, SEED).values
    for name in ("outer_weight_gradient", "inner_weight_gradient"):
        # R^2 grows by about a^2 kappa = 5e7 a layer: e^3500 after 200. A layer without an active coordinate
        # (probability 1/16 at width 4) has no gradient at all.
        still = values[name] == -np.inf
        assert 0 < np.sum(still) < 30
        assert np.all((values[name] > 2000.0) | still)
        assert np.all(values[name] < np.inf)


def test_a_layer_without_scaling_has_no_gradient():
    network = Network(Branch("res-3"), 4, 2, Scaling.sequence((0.0, 1.0)))
    cell = replace(a_cell(Branch("res-3"), depth=2, weight_gradients=(1, 2)), network=network)
    values = simulate(cell, LANES, SEED).values
    assert np.all(values["outer_weight_gradient"][:, 0] == -np.inf)
    assert np.all(values["inner_weight_gradient"][:, 0] == -np.inf)
    assert np.any(np.isfinite(values["outer_weight_gradient"][:, 1]))


def test_active_norms_of_a_reduced_and_a_stored_network():
    network = Network(Branch("res-1"), 3, 1, Scaling.constant(0.5))
    cell = Cell(network=network, weights=Weights(), kernel="reduced", active_norm=True)
    sample = simulate(cell, 640, SEED)
    moved = sample.values["log_displacement"] > -np.inf
    growth = sample.values["log_active_norm_ratio"]
    # Without an active coordinate (probability 1/8) nothing moves.
    assert 0 < np.sum(~moved) < 160
    assert np.all(growth[~moved] == 0.0)
    assert np.all(growth[moved] != 0.0)
    dense = replace(cell, kernel="dense", weights=Weights("uniform"))
    key = np.array(stream_key(SEED, dense.identity), np.uint32)
    start = Boundary(dense, key, 0).hidden()[0]
    f = row_filler(dense.weights)
    matrices = Matrices(f.fill, f.constants, math.sqrt(1 / 3) / f.natural_deviation)
    end, _, _ = DenseTwin(network.branch, np.array([0.5]), key, 0, matrices, matrices).forward(start)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = [np.sum(np.maximum(h, 0.0) ** 2, axis=0) for h in (end, start)]
        expected = np.where(squares[1] > 0, np.log(squares[0] / squares[1]), 0.0)
    found = simulate(dense, LANES, SEED).values["log_active_norm_ratio"][:LANES]
    np.testing.assert_allclose(found, expected, atol=1e-5)
