"""The plane chain backwards: its twin with a vector for each direction, and its law against the dense kernel."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from chain_twins import FIRST_REPLICATE, KEY, Lane, layer_numbers
from decimal_textbook import precisely
from hypothesis import given
from hypothesis import strategies as st
from numpy_twins import LANES
from one_layer_laws import a_branch, a_layer
from scipy import stats

from theory_check.experiments.cell import Cell
from theory_check.experiments.segments import LayerSize
from theory_check.foundation.streams import Purpose
from theory_check.inference.intervals import mean_interval
from theory_check.inference.two_samples import smirnov_test
from theory_check.kernels import chain, chain_gradients, reduced
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.chain import ChainPasses, PlaneBoundary
from theory_check.simulation.runner import simulate
from theory_check.theory import moments

SEED_OF_LAWS = 97

# Error probability of every statistical check; there are fewer than 120.
LEVEL = 1e-9

#: Branch and negative slope of its activation.
BRANCHES = [("linear", 0.0), ("res-3", 0.0), ("res-3", 0.3)]


def a_cell(branch, slope, width, depth, kernel="chain", factor=0.7, **fields):
    network = Network(a_branch(branch, slope), width, depth, Scaling.constant(factor))
    return Cell(network=network, weights=Weights(), kernel=kernel, gradients=True, **fields)


def test_both_kernels_draw_from_streams_of_their_own():
    assert (chain._FORWARD, chain_gradients._BACKWARD) == (reduced._FORWARD, reduced._BACKWARD)
    assert chain_gradients._BACKWARD == Purpose.REDUCED_BACKWARD


class _Space:
    """Vectors with as many axes as were asked for, as lists of numbers."""

    def __init__(self, number, axes):
        self._number, self._axes = number, axes

    def axis(self):
        """A unit vector that is orthogonal to all vectors so far."""
        self._axes += 1
        return [self._number(0)] * (self._axes - 1) + [self._number(1)]

    def sum(self, *terms):
        """A sum of pairs of a factor and a vector."""
        size = max(len(vector) for _, vector in terms)
        padded = [(factor, vector + [self._number(0)] * (size - len(vector))) for factor, vector in terms]
        return [sum((factor * vector[place] for factor, vector in padded), self._number(0)) for place in range(size)]

    def product(self, first, second):
        # Axes that one of the two does not have add nothing.
        return sum((a * b for a, b in zip(first, second, strict=False)), self._number(0))

    def besides(self, vector, axes):
        """The direction of what a vector is besides orthonormal ones, or a new one."""
        rest = self.sum((self._number(1), vector), *((-self.product(vector, axis), axis) for axis in axes))
        length = self.product(rest, rest)
        return self.sum((1 / length ** self._number(0.5), rest)) if length > self._number(1e-24) else self.axis()


def forward_twin(branch, slope, width, depth, factor, lane, number):
    """What each layer is given by: x, y and their direction, the turn of f, and the numbers drawn."""
    x, y, root = number(1), number(0), number(0.5)
    layers = []
    for layer in range(depth):
        drawn = layer_numbers(branch, slope, width, layer, lane, number)
        ratio = number(1)  # ||g|| / ||h||
        if branch != "linear":
            ratio = ((drawn.active + slope**2 * drawn.passive) / width) ** root
        norm = (x**2 + y**2) ** root
        step = factor * ratio * norm / number(width) ** root
        beside, beyond = y + step * drawn.beside, step * drawn.rest**root
        radius = (beside**2 + beyond**2) ** root
        # A layer without positive components does not move: f, whatever it is, stays.
        turn = (beside / radius, beyond / radius) if radius else (number(1), number(0))
        layers.append((drawn, x / norm, y / norm, *turn, ratio))
        x, y = x + step * drawn.along, radius
    return layers


def backward_twin(branch, slope, width, depth, factor, start, lane, number=float):
    """Return p and f, each as a vector, with e and the second axis first: no frame but those that vectors span."""
    factor, slope, root = number(factor), number(slope), number(0.5)
    space, v = _Space(number, 2), 1 / number(width) ** root
    e, second = [number(1), number(0)], [number(0), number(1)]
    p = space.sum((number(start[0]), e), (number(start[1]), second))
    f = space.sum((number(start[2]), second), (number(start[3]), space.axis()))
    layers = forward_twin(branch, slope, width, depth, factor, lane, number)
    for layer in range(depth - 1, -1, -1):
        drawn, x, y, cosine, sine, ratio = layers[layer]
        draw = Lane(layer, Purpose.REDUCED_BACKWARD, lane, number)
        normals, given = draw.normals(8), draw.words(2)
        beyond, outside = (draw.chi_square(width - 4, normals[6 + i], given[i]) for i in (0, 1))
        third = space.besides(f, [second])
        fourth = space.besides(p, [e, second, third])
        tangent = space.sum((-space.product(f, third), second), (space.product(f, second), third))
        m = space.sum((normals[0], tangent), (normals[1], fourth), (beyond**root, space.axis()))
        m = space.sum((1 / space.product(m, m) ** root, m))
        n = space.sum((sine, f), (-cosine, m))
        f = space.sum((cosine, f), (sine, m))
        eta = space.sum((drawn.along, e), (drawn.beside, f), (drawn.rest**root, n))
        tau, spread = v * space.product(eta, p), v * space.product(p, p) ** root
        length = spread
        if branch != "linear":
            inner, words = draw.normals(4), draw.words(2)
            square = draw.chi_square(drawn.count - 1, inner[1], words[0])
            if slope:
                square += slope**2 * draw.chi_square(width - drawn.count - 1, inner[2], words[1])
            length = v * inner_length(drawn, slope, width, tau, spread, square, inner[0], number)
        third = space.besides(f, [second])
        fourth = space.besides(p, [e, second, third])
        xi = space.sum(*zip(normals[2:6], (e, second, third, fourth), strict=True), (outside**root, space.axis()))
        h = space.sum((x, e), (y, f))
        p = space.sum(
            (number(1), p), (factor * (tau * ratio - length * space.product(xi, h)), h), (factor * length, xi)
        )
    return p, f, space


def inner_length(drawn, slope, width, tau, spread, square, zeta, number):
    """||q|| with vectors of the plane of both parts: the derivative applied to tau g/||g|| + spread zeta g'."""
    root = number(0.5)
    g = [drawn.active**root, slope * drawn.passive**root]
    norm = (g[0] ** 2 + g[1] ** 2) ** root
    if not norm:
        return number(0)
    zeta = zeta if 0 < drawn.count < width else number(0)
    image = [tau * g[0] + spread * zeta * g[1], slope * (tau * g[1] - spread * zeta * g[0])]
    return ((image[0] ** 2 + image[1] ** 2) / norm**2 + spread**2 * square) ** root


@pytest.mark.parametrize(("branch", "slope"), BRANCHES)
@pytest.mark.parametrize("width", [4, 5, 40])
def test_the_gradient_is_its_twin(branch, slope, width):
    depth, start = 4, (0.3, 0.8, 0.6, 0.8)
    cell = a_cell(branch, slope, width, depth)
    passes, exponents = ChainPasses(cell, KEY, FIRST_REPLICATE), np.zeros((1, LANES), np.int64)
    plane, factors = PlaneBoundary(cell, KEY, FIRST_REPLICATE).hidden(), np.full(depth, 0.7)
    kept = passes.storage(depth)
    passes.forward(0, factors, plane, exponents.copy(), kept)
    lanes = np.ones(LANES)
    gradient = np.stack([start[0] * lanes, start[1] * lanes, 0 * lanes, 0 * lanes, start[2] * lanes, start[3] * lanes])
    # In two calls: a call goes on where the one before ended.
    for first, last in ((1, depth), (0, 1)):
        passes.backward(first, factors[first:last], passes.slice(kept, first, last), gradient[None], exponents)
    found = np.ldexp(gradient[:4], exponents)
    # A layer rounds about 60 times, relative to norms that 4 layers change by less than 32.
    bound = 4 * 60 * 32 * 2.0**-53
    for lane in range(0, LANES, 5):
        for number in (float, Decimal) if lane % 40 == 0 else (float,):
            run = backward_twin if number is float else precisely(backward_twin)
            p, f, space = run(branch, slope, width, depth, 0.7, start, lane, number)
            expected = [float(value) for value in (p[0], p[1], space.product(p, f), space.product(p, p))]
            size = math.sqrt(expected[3])
            along = gradient[4, lane] * found[1, lane] + gradient[5, lane] * found[2, lane]
            # Components may cancel: their errors are relative to ||p||, that of ||p|| to itself.
            np.testing.assert_allclose([*found[:2, lane], along], expected[:3], rtol=0, atol=bound * size)
            np.testing.assert_allclose(np.linalg.norm(found[:, lane]), size, rtol=bound)
            angle = float(f[1])
            # Components of a unit vector.
            np.testing.assert_allclose(gradient[4:, lane], [angle, math.sqrt(1 - angle**2)], rtol=0, atol=bound)


OBSERVABLES = {
    "R*": lambda v: v["log_gradient_ratio"],
    "D*": lambda v: v["log_gradient_displacement"],
    "R and R*": lambda v: v["log_norm_ratio"] - v["log_gradient_ratio"],
    "D and D*": lambda v: v["log_displacement"] - v["log_gradient_displacement"],
    "D* and R": lambda v: 2 * v["log_gradient_displacement"] - v["log_norm_ratio"],
    "<p, h>": lambda v: v["pairing_input"],
    "halfway": lambda v: v["gradient_profile"][:, 0],
}
INPUTS = [
    ("linear", 0.0, 4, "ones"), ("linear", 0.0, 20, "paper"), ("res-3", 0.0, 4, "paper"), ("res-3", 0.3, 5, "sphere"),
    ("res-3", 0.0, 12, "gaussian"),
]  # fmt: skip


@pytest.mark.parametrize(("branch", "slope", "width", "law"), INPUTS)
def test_gradients_have_the_joint_law_of_the_dense_kernel(branch, slope, width, law):
    """8,192 networks of 5 layers; each statistic is told from that of steps 1.2 times as long."""
    dense, short, wrong = (
        simulate(
            a_cell(branch, slope, width, 5, kernel, factor, input=Input(law), recorded_depths=(2,)), 8192, SEED_OF_LAWS
        ).values
        for kernel, factor in (("dense", 0.7), ("chain", 0.7), ("chain", 0.84))
    )
    for observable in OBSERVABLES.values():
        assert smirnov_test(observable(dense), observable(short)).p_value > LEVEL
    assert min(smirnov_test(f(dense), f(wrong)).p_value for f in OBSERVABLES.values()) < LEVEL


@pytest.mark.parametrize(("branch", "slope", "width"), [("linear", 0.0, 20), ("res-3", 0.3, 6), ("res-3", 0.0, 100)])
def test_the_mean_of_d_star_is_exact(branch, slope, width):
    """E D* = (1 + a^2 kappa)^L - 1, that of D; the mean of one layer less is rejected."""
    values = simulate(a_cell(branch, slope, width, 5, factor=0.4), 8192, SEED_OF_LAWS).values
    layer = a_layer(width, branch, slope)
    mean, shallower = (moments.mean_displacement(layer, 0.4, depth) for depth in (5, 4))
    sample = np.exp(2 * values["log_gradient_displacement"])
    # The law of D* is near that of D at these widths: four times its variance bounds that of D*.
    bound = 4 * moments.displacement_variance(layer, 0.4, 5)
    assert stats.tvar(sample) < bound / 2
    interval = mean_interval(sample, variance_bound=bound, alpha=LEVEL)
    assert interval.lower <= mean <= interval.upper
    assert interval.lower > shallower


@given(st.sampled_from(BRANCHES), st.integers(4, 70), st.integers(1, 30), st.sampled_from([1e-9, 0.3, 1e3]))
def test_the_pairing_is_conserved(branch, width, depth, factor):
    """<p_k, h_k> is the same at every depth, because branches are homogeneous: exact up to rounding."""
    depths = tuple(range(depth + 1))
    values = simulate(a_cell(*branch, width, depth, factor=factor, recorded_depths=depths), 3, SEED_OF_LAWS).values
    pairings = values["pairing_profile"]
    sizes = np.exp(0.5 * (values["norm_profile"] + values["gradient_profile"]))
    sizes = sizes / np.exp(0.5 * values["log_norm_ratio"])[:, None]
    # A layer rounds some 30 times, relative to ||p|| ||h||.
    assert np.all(np.abs(pairings - pairings[:, -1:]) <= 30 * (depth + 1) * 2.0**-52 * sizes.max(axis=1, keepdims=True))


def test_a_backward_pass_in_segments_has_the_same_values(monkeypatch):
    """What does not fit is simulated again from the state at the start of its segment."""
    cell = a_cell("res-3", 0.3, 6, 200, factor=0.1, recorded_depths=(77,))
    whole = simulate(cell, 70, SEED_OF_LAWS).values
    monkeypatch.setattr("theory_check.simulation.cell.SEGMENT_BYTES", 7 * LayerSize.of(cell).kept)
    for name, column in simulate(cell, 70, SEED_OF_LAWS).values.items():
        np.testing.assert_array_equal(column, whole[name], err_msg=name)
