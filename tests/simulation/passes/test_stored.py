"""Weights read from their paths in chunks: the network of the textbook, whatever the memory."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy_twins import StoredTwin, key_of
from scipy.linalg import expm

from theory_check.experiments.cell import Cell
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.kernels import PANEL
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.passes.stored import StoredPasses, from_panels, to_panels
from theory_check.simulation.paths.sources import open_paths
from theory_check.simulation.runner import simulate

KEY = key_of(43)
REPLICATE = 3
WIDTH, DEPTH = 5, 7
PLENTY = 2**20

BRANCHES = [Branch("linear"), Branch("res-1", Activation("tanh")), Branch("res-2"), Branch("res-3")]
WEIGHTS = [Weights("fgn", (("hurst", 0.8),)), Weights("smooth", variance="he"), Weights("tied")]


def a_network(branch):
    return Network(branch, WIDTH, DEPTH, Scaling.power(0.5))


def weights_of(network, weights, key=KEY, replicate=REPLICATE):
    """V, W, b of all layers, straight from their paths."""

    def layers(purpose, rows):
        return open_paths(weights, network.width, network.depth, key, replicate, purpose, rows=rows).layers(
            0, network.depth
        )

    outer = layers(Purpose.OUTER_WEIGHTS, network.width)
    inner = layers(Purpose.INNER_WEIGHTS, network.width)
    return outer, inner, layers(Purpose.BIAS, 1)[:, 0]


def columns_of(panels):
    rng = np.random.default_rng(5)
    factors = rng.uniform(-1.0, 1.0, (panels, PANEL))
    return factors, *rng.standard_normal((2, panels, WIDTH, PANEL))


def passed(passes, start, output, cuts=(0, DEPTH), keep=True):
    """h_L and p_0, in several calls."""
    hidden, exponents = start.copy(), np.zeros((len(start), PANEL), np.int64)
    kept = passes.storage(DEPTH if keep else 0)
    scaling = np.linspace(0.5, 1.0, DEPTH)
    for first, last in pairwise(cuts):
        room = passes.slice(kept, first, last) if keep else kept
        passes.forward(first, scaling[first:last], hidden, exponents, room)
    hidden = np.ldexp(hidden, exponents[:, None])
    if not keep:
        return hidden, None
    gradient, exponents = output.copy(), np.zeros((len(start), PANEL), np.int64)
    for first, last in reversed(list(pairwise(cuts))):
        passes.backward(first, scaling[first:last], passes.slice(kept, first, last), gradient, exponents)
    return hidden, np.ldexp(gradient, exponents[:, None])


@given(st.integers(1, 3 * PANEL), st.integers(1, 3))
def test_columns_come_back_from_their_panels(count, width):
    columns = np.arange(float(count * width)).reshape(count, width)
    panels = to_panels(columns)
    assert panels.shape == (-(-count // PANEL), width, PANEL)
    np.testing.assert_array_equal(from_panels(panels, count), columns)
    assert set(panels.ravel()) == set(columns.ravel())
    np.testing.assert_array_equal(from_panels(to_panels(columns[:, 0]), count), columns[:, 0])


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
def test_passes_are_the_textbook_with_the_weights_of_the_paths(branch, weights):
    network = a_network(branch)
    factors, start, output = columns_of(2)
    end, pulled = passed(StoredPasses(network, weights, KEY, REPLICATE, factors, PLENTY), start, output)
    scaling = np.linspace(0.5, 1.0, DEPTH)
    for panel in range(2):
        twin = StoredTwin.of(branch, scaling[:, None] * factors[panel], *weights_of(network, weights))
        expected, bound, slopes = twin.forward(start[panel])
        gradient, gradient_bound = twin.backward(slopes, output[panel])
        assert np.all(np.abs(end[panel] - expected) <= bound)
        assert np.all(np.abs(pulled[panel] - gradient) <= gradient_bound)
        # Not the network of the next replicate.
        other = StoredTwin.of(
            branch, scaling[:, None] * factors[panel], *weights_of(network, weights, replicate=REPLICATE + 1)
        )
        assert np.all(np.abs(other.forward(start[panel])[0] - expected).max(axis=0) > bound.max(axis=0))


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize("memory", [1, 4 * 100, 4 * 350, 4 * 800])
def test_values_do_not_depend_on_memory_or_calls(branch, weights, memory):
    """A layer of V takes 4 * 25 bytes: chunks of 1, 2, 3 to 7 layers, in calls that do not end where they end."""
    factors, start, output = columns_of(2)
    expected = passed(StoredPasses(a_network(branch), weights, KEY, REPLICATE, factors, PLENTY), start, output)
    passes = StoredPasses(a_network(branch), weights, KEY, REPLICATE, factors, memory)
    for cuts in ((0, DEPTH), (0, 1, 5, DEPTH)):
        for found, wanted in zip(passed(passes, start, output, cuts), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(passed(passes, start, output, keep=False)[0], expected[0])


@pytest.mark.parametrize("branch", [Branch("linear"), Branch("res-3")], ids=str)
def test_memory_is_bounded(branch):
    network = Network(branch, 10, 1000, Scaling.power(0.5))
    factors = np.ones((1, PANEL))
    needed = 4 * 100 * 1000 * (2 if branch.has_inner else 1)
    for memory in (1, 50_000, needed, 3 * needed, 100 * needed):
        passes = StoredPasses(network, Weights("fgn"), KEY, 0, factors, memory)
        weights = 4 * 100 * passes._chunk * (2 if branch.has_inner else 1)
        assert weights <= max(memory / 2, needed / 1000)
        # A pass over L layers keeps n slopes of a bit and L/n states of 64: with n = 8 sqrt(L) that is least.
        least = (math.isqrt(64 * 1000) + 1) * passes.layer_size.kept
        assert least <= passes.kept_bytes <= max(memory - weights, least)
    assert passes._chunk == 1000
    assert passes.kept_bytes > 1000 * passes.layer_size.kept


def test_a_chunk_is_made_once_for_all_calls_inside(monkeypatch):
    """Fractional noise costs as much for a part as whole."""
    from theory_check.simulation.paths.sources import PathSource

    made, layers = [], PathSource.layers
    monkeypatch.setattr(PathSource, "layers", lambda self, *ends: made.append(ends) or layers(self, *ends))
    factors, start, output = columns_of(1)
    passes = StoredPasses(a_network(Branch("linear")), WEIGHTS[0], KEY, REPLICATE, factors, 2 * 4 * 25 * 4)
    passed(passes, start, output, cuts=range(DEPTH + 1))
    # Chunks of four layers: forward 0, 4; backward 4 again is loaded, then 0.
    assert made == [(0, 4), (4, 7), (0, 4)]


@pytest.mark.parametrize("depth", [100, 1000])
def test_tied_linear_weights_approach_the_exponential(depth):
    """C1 through a cell: at beta = 1, ||h_L|| is ||expm(V) h_0|| up to order 1/L, with the constant of C1."""
    network = Network(Branch("linear"), 6, depth, Scaling.power(1.0))
    cell = Cell(network=network, weights=Weights("tied"), input=Input(), kernel="stored")
    replicates = 20
    found = simulate(cell, replicates, 1).values["log_norm_ratio"]
    key = np.array(stream_key(1, cell.identity), np.uint32)
    errors, leading, allowed = (np.empty(replicates) for _ in range(3))
    for r in range(replicates):
        matrix = weights_of(network, cell.weights, key, r)[0][0].astype(np.float64)
        start = Boundary.of_replicate(cell, key, r).hidden()[0, :, 0]
        limit = expm(matrix) @ start
        correction = -matrix @ matrix @ limit / (2 * depth)
        errors[r] = found[r] - 2.0 * math.log(np.linalg.norm(limit) / np.linalg.norm(start))
        leading[r] = 2.0 * limit @ correction / (limit @ limit)
        # (I + V/L)^L = e^V e^E, E = -V^2/(2L) + V^3/(3L^2) - ... . With s = ||V|| < L/10: ||E|| <= 0.6 s^2/L, ||E +
        # V^2/(2L)|| <= (s^3/3 + s^4/(3L)) / L^2 and ||e^E - 1 - E|| <= 0.2 s^4/L^2. Applied to the limit, relative to
        # its norm, all this grows by the condition c at most; the logarithm of the squared norm doubles the linear part
        # and adds less than 4 (1.1 c ||E||)^2.
        size = np.linalg.norm(matrix, 2)
        assert size < depth / 10
        condition = np.linalg.norm(expm(matrix), 2) * np.linalg.norm(start) / np.linalg.norm(limit)
        allowed[r] = 4 * condition * (size**3 / 3 + size**4 / 8) / depth**2 + 2 * (condition * size**2 / depth) ** 2
        # Single precision: 10 roundings of each increment, together L (10 s / L) 2^-24 of the largest state.
        allowed[r] += 2 * 10 * size * 2.0**-24 * math.exp(size) * np.linalg.norm(start) / np.linalg.norm(limit)
    assert np.all(np.abs(errors - leading) <= allowed)
    # The correction itself is seen: without it, or with half of it, the bound fails.
    assert np.any(np.abs(errors) > allowed)
    assert np.any(np.abs(errors - leading / 2) > allowed)
