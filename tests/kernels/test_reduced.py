"""Reduced passes: twins on the same stream, the conditions on the pulled-back gradient, and the joint law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy_twins import LANES, UNIT, activate, even, key_of, normal_row, words
from one_layer_laws import a_layer
from scipy import stats

from theory_check.experiments.cell import Cell
from theory_check.foundation.streams import Purpose
from theory_check.inference.intervals import kolmogorov_interval, proportion_interval
from theory_check.kernels import reduced
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.reduced import ReducedPasses
from theory_check.simulation.runner import simulate
from theory_check.theory.depth_law import depth_law

SEED_OF_STATES = 6
SEED_OF_LAWS = 91
SEED_OF_DEPENDENCE = 92
FIRST_REPLICATE = 5 * LANES
KEY = key_of(17)

# Error probability of every statistical check; there are fewer than 60.
LEVEL = 1e-9

BRANCHES = [
    Branch("linear"),
    *(Branch(name, Activation(a)) for name in ("res-1", "res-2", "res-3") for a in ("relu", "identity", "tanh")),
    Branch("res-3", Activation("leaky", 0.2)),
]


def a_cell(branch, width=5, depth=3, kernel="reduced", factor=0.7, variance="unit"):
    network = Network(branch, width, depth, Scaling.constant(factor))
    return Cell(network=network, weights=Weights(variance=variance), kernel=kernel)


def states(width, count=1):
    return np.random.default_rng(SEED_OF_STATES).standard_normal((count, width, LANES))


def normals(layer, width, count):
    """The normal vectors of a layer in turn, with bounds, from the NumPy twins of the stream."""
    drawn = words(KEY, FIRST_REPLICATE, layer, Purpose.REDUCED_FORWARD, count * even(width)).reshape(count, -1, LANES)
    rows = (normal_row(part, even(width)) for part in drawn)
    return iter([(row[:width], bound[:width]) for row, bound in rows])


def gaussian_image(vector, error, normal, deviation):
    """deviation ||vector|| normal, with a bound: the norm moves by at most the norm of the error, and 4 roundings."""
    xi, xi_bound = normal
    norm, moved = np.linalg.norm(vector, axis=0), np.linalg.norm(error, axis=0)
    value = deviation * norm * xi
    return value, deviation * ((norm + moved) * xi_bound + moved * np.abs(xi)) + 4 * UNIT * np.abs(value)


def twin_forward(cell, hidden):
    branch, width = cell.network.branch, cell.network.width
    deviation = math.sqrt(cell.weights.gain / width)
    error = np.zeros_like(hidden)
    for layer, factor in enumerate(cell.network.scaling.factors(cell.network.depth)):
        xi = normals(layer, width, 1 + branch.has_inner + branch.has_bias)
        pre, bound = hidden, error + UNIT * np.abs(hidden)
        if branch.has_inner:
            pre, bound = gaussian_image(hidden, bound, next(xi), deviation)
            if branch.has_bias:
                bias, bias_bound = (deviation * part for part in next(xi))
                pre, bound = pre + bias, bound + bias_bound + 3 * UNIT * (np.abs(bias) + np.abs(pre + bias))
        post, bound, _, _ = activate(branch.activation, pre, bound)
        increment, bound = gaussian_image(post, bound, next(xi), deviation)
        hidden = hidden + factor * increment
        error = error + abs(factor) * 1.001 * bound + 2.0**-50 * np.abs(hidden)
    return hidden, error


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("width", [1, 4, 5])
@pytest.mark.parametrize("variance", ["unit", "he"])
def test_forward_is_its_twin(branch, width, variance):
    cell = a_cell(branch, width, variance=variance)
    start = states(width)
    passes, found, exponents = ReducedPasses(cell, KEY, FIRST_REPLICATE), start.copy(), np.zeros((1, LANES), np.int64)
    passes.forward(0, cell.network.scaling.factors(3), found, exponents, passes.storage(3))
    expected, bound = twin_forward(cell, start[0])
    assert np.all(np.abs(np.ldexp(found[0], exponents[0]) - expected) <= bound)
    # A bound that admits everything would be no test.
    assert np.median(bound) <= 1e-4 * np.median(np.linalg.norm(expected, axis=0))


@pytest.mark.parametrize("width", [1, 2, 5])
def test_conditional_transpose_meets_its_condition(width):
    """Given A c = y, <A^T p, c> = <p, y>; orthogonal to c, A^T p is deviation ||p|| times a standard normal vector."""
    condition, image, gradient, normal = (s.astype(np.float32) for s in states(width, 4))
    out, deviation = np.empty((width, LANES), np.float32), 0.6
    reduced.conditional_transpose(
        condition.reshape(-1), image.reshape(-1), gradient.reshape(-1), deviation, normal.reshape(-1), out.reshape(-1)
    )
    condition, image, gradient, normal = (a.astype(np.float64) for a in (condition, image, gradient, normal))
    length = deviation * np.linalg.norm(gradient, axis=0)
    square = np.sum(condition**2, axis=0)
    pairing = (np.sum(image * gradient, axis=0) - length * np.sum(condition * normal, axis=0)) / square
    terms = np.abs(length * normal) + np.abs(pairing * condition)
    # Two rounded factors, two products and a sum in single precision.
    assert np.all(np.abs(out - (length * normal + pairing * condition)) <= 4 * UNIT * terms)
    change = np.abs(np.sum(out * condition, axis=0) - np.sum(image * gradient, axis=0))
    assert np.all(change <= 5 * UNIT * np.sum(terms * np.abs(condition), axis=0))
    if width > 1:
        residual = (out - deviation * np.linalg.norm(gradient, axis=0) * normal) / np.sqrt(square)
        across = residual - condition * np.sum(residual * condition, axis=0) / square
        assert np.all(np.abs(across) <= 10 * UNIT * (terms.max(axis=0) / np.sqrt(square)))


def test_nothing_is_conditioned_on_a_zero_vector():
    condition, image, gradient, normal = (s.astype(np.float32) for s in states(3, 4))
    condition[:, ::2] = image[:, ::2] = 0
    out = np.empty((3, LANES), np.float32)
    reduced.conditional_transpose(
        condition.reshape(-1), image.reshape(-1), gradient.reshape(-1), 0.6, normal.reshape(-1), out.reshape(-1)
    )
    expected = 0.6 * np.linalg.norm(gradient.astype(np.float64), axis=0) * normal
    # Two roundings of the factor and one of the product.
    np.testing.assert_allclose(out[:, ::2], expected[:, ::2], rtol=4 * UNIT)


@pytest.mark.parametrize("branch", [b for b in BRANCHES if b.homogeneous], ids=str)
@pytest.mark.parametrize("width", [1, 5, 12])
def test_the_pairing_is_conserved(branch, width):
    values = simulate(a_cell(branch, width, depth=20), 200, SEED_OF_LAWS).values
    change = np.abs(values["pairing_input"] - values["pairing_output"])
    # <p, h> / (||p_L|| ||h_L||): every layer adds roundings relative to ||p_k|| ||h_k||, about 10 UNIT, and these
    # products are at most a few hundred times the last one along paths of 20 layers with factor 0.7.
    assert np.all(change <= 20 * 10 * UNIT * 300)


@pytest.mark.parametrize("branch", [Branch("res-2"), Branch("res-3", Activation("tanh"))], ids=str)
def test_the_pairing_is_not_conserved_with_a_bias_or_tanh(branch):
    values = simulate(a_cell(branch, depth=20), 200, SEED_OF_LAWS).values
    assert np.median(np.abs(values["pairing_input"] - values["pairing_output"])) > 0.01


# Laws, dense and reduced. Continuous ones: a ReLU of width 8 is the identity with probability 2^-8 per layer, so that
# log R = 0 has probability 2^-40.
LAWS = [
    (Branch("linear"), a_layer(3)),
    (Branch("linear"), a_layer(1)),
    (Branch("res-3", Activation("leaky", 0.2)), a_layer(4, "res-3", 0.2)),
    (Branch("res-3"), a_layer(8, "res-3")),
]
DEPTH = 5
REPLICATES = 8192


@pytest.mark.parametrize("kernel", ["dense", "reduced"])
@pytest.mark.parametrize(("branch", "multiplier"), LAWS, ids=str)
def test_both_kernels_have_the_exact_law(kernel, branch, multiplier):
    """Forward and backward: log R and log R* share the exact law of the depth (independent Jacobians)."""
    cell = a_cell(branch, multiplier.width, DEPTH, kernel)
    values = simulate(cell, REPLICATES, SEED_OF_LAWS).values
    law, wrong = (depth_law(multiplier, factor, DEPTH) for factor in (0.7, 0.7 * 1.5))
    for column in ("log_norm_ratio", "log_gradient_ratio"):
        # The predicted law itself is exact up to law.error. Radius of the test: 0.036.
        assert kolmogorov_interval(values[column], law.cdf, alpha=LEVEL).lower <= law.error
        assert kolmogorov_interval(values[column], wrong.cdf, alpha=LEVEL).lower > wrong.error


@pytest.mark.parametrize(("branch", "multiplier"), [(Branch("linear"), a_layer(2)), LAWS[2]], ids=str)
def test_both_kernels_have_the_same_dependence(branch, multiplier):
    """The probability that R and R* are both above the median, which is not 1/4: they share the weights."""
    median = float(depth_law(multiplier, 0.7, DEPTH).quantile(0.5))
    intervals = []
    for kernel in ("dense", "reduced"):
        values = simulate(a_cell(branch, multiplier.width, DEPTH, kernel), REPLICATES, SEED_OF_DEPENDENCE).values
        both = (values["log_norm_ratio"] > median) & (values["log_gradient_ratio"] > median)
        intervals.append(proportion_interval(int(both.sum()), REPLICATES, alpha=LEVEL))
    dense, short = intervals
    assert not dense.disjoint(short.lower, short.upper)
    assert all(interval.lower > 0.25 for interval in intervals)


def test_a_rotated_input_has_the_same_law():
    """Gaussian weights: h_0 = e_1 ||h_0|| and a generic h_0 lead to one law of the norm."""
    width, cell = 3, a_cell(Branch("res-3", Activation("leaky", 0.2)), 3, 1)
    start = np.zeros((1, width, LANES))
    start[0, 0] = 2.0
    ratios = []
    for block in range(64):
        passes, hidden = ReducedPasses(cell, KEY, block * LANES), start.copy()
        passes.forward(0, np.array([0.7]), hidden, np.zeros((1, LANES), np.int64), passes.storage(0))
        ratios.append(np.log(np.sum(hidden[0] ** 2, axis=0) / 4.0))
    law = depth_law(a_layer(3, "res-3", 0.2), 0.7, 1)
    values = np.concatenate(ratios)
    assert kolmogorov_interval(values, law.cdf, alpha=LEVEL).lower <= law.error
    assert kolmogorov_interval(values, stats.norm(law.mean, 2 * math.sqrt(law.variance)).cdf, alpha=LEVEL).lower > 0
