"""Coupled networks against the dense kernel, to the bit, and against summed matrices, with proved bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import decimal_textbook as textbook
import numpy as np
import pytest
from decimal_textbook import exact
from numpy_twins import LANES, UNIT, DenseTwin, Matrices, key_of

from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.foundation.streams import Purpose
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.euler_maruyama import Ladder
from theory_check.simulation.passes.compiled import row_filler
from theory_check.simulation.passes.dense import DensePasses

SEED_OF_STATES = 6
FIRST_REPLICATE = 2 * LANES
KEY = key_of(43)

BRANCHES = [
    Branch("linear"),
    *(Branch("res-1", a) for a in (Activation("relu"), Activation("leaky", 0.2), Activation("tanh"))),
]
each_branch = pytest.mark.parametrize("branch", BRANCHES, ids=str)


def ladder_of(branch, *, width=5, depth=3, doublings=2, **fields):
    network = Network(branch, width, depth, Scaling.power(0.5))
    return EulerMaruyama(network=network, doublings=doublings, **fields)


def start_of(experiment):
    return np.random.default_rng(SEED_OF_STATES).standard_normal((experiment.network.width, LANES))


def run(experiment, cuts=()):
    """Outputs of all networks, shape (networks, width, LANES); with cuts, in several calls."""
    start, ladder = start_of(experiment), Ladder(experiment, KEY, FIRST_REPLICATE)
    hidden = np.repeat(start.reshape(1, -1), experiment.doublings + 1, axis=0)
    stops = [0, *cuts, experiment.depths[-1]]
    for first, last in pairwise(stops):
        ladder.advance(first, last - first, hidden)
    return hidden.reshape(-1, *start.shape)


@dataclass(frozen=True)
class Sums(Matrices):
    """Matrices of a coarse network: sums of ``period`` consecutive ones, numbered from ``stream``."""

    period: int = 1
    stream: int = 0

    def draw(self, key, first_replicate, layer, purpose, rows, columns):
        drawn = [
            super(Sums, self).draw(key, first_replicate, self.stream + self.period * layer + i, purpose, rows, columns)
            for i in range(self.period)
        ]
        total = np.sum([matrix for matrix, _ in drawn], axis=0)
        # The kernel adds products with each matrix, so that roundings go with the sum of the absolute values: columns +
        # 6 of them, as in `product`, for what the absolute value of the sum lacks.
        spread = np.sum([np.abs(matrix) for matrix, _ in drawn], axis=0) - np.abs(total)
        return total, (columns + 6) * UNIT * spread


def twin_of(experiment, doubling):
    filler, width = row_filler(experiment.weights), experiment.network.width
    deviation = math.sqrt(experiment.weights.gain / width)
    depth, finest = experiment.depths[doubling], experiment.depths[-1]
    stream = doubling * finest if experiment.noise == "independent" else 0
    outer = Sums(filler.fill, filler.constants, deviation, period=finest // depth, stream=stream)
    return DenseTwin(experiment.network.branch, (finest**-0.5,) * depth, KEY, FIRST_REPLICATE, outer, outer)


@each_branch
@pytest.mark.parametrize("doublings", [0, 3])
@pytest.mark.parametrize("width", [1, 8, 9])
def test_the_finest_network_is_the_dense_kernel_to_the_bit(branch, doublings, width):
    experiment = ladder_of(branch, width=width, doublings=doublings)
    cell = experiment.doubling(doublings)
    passes, depth = DensePasses(cell, KEY, FIRST_REPLICATE), cell.network.depth
    hidden, exponents = start_of(experiment)[None].copy(), np.zeros((1, LANES), np.int64)
    passes.forward(0, cell.network.scaling.factors(depth), hidden, exponents, passes.storage(0))
    assert not exponents.any()
    np.testing.assert_array_equal(run(experiment)[-1], hidden[0])


@each_branch
@pytest.mark.parametrize("noise", ["shared", "independent"])
def test_every_level_is_the_network_of_the_summed_matrices(branch, noise):
    experiment = ladder_of(branch, noise=noise, weights=Weights(variance="he"))
    found = run(experiment)
    for doubling, output in enumerate(found):
        expected, bound, _ = twin_of(experiment, doubling).forward(start_of(experiment))
        assert np.all(np.abs(output - expected) <= bound)
        # A bound that admits everything would be no test.
        assert np.median(bound) <= 0.01 * np.median(np.linalg.norm(expected, axis=0))
        # Nor would networks that hardly differ.
        if doubling < experiment.doublings:
            assert np.median(np.abs(output - found[-1])) > 100 * np.median(bound)


@each_branch
def test_levels_in_decimal_arithmetic(branch):
    experiment = ladder_of(branch, width=3)
    found, start = run(experiment), start_of(experiment)
    for doubling, depth in enumerate(experiment.depths):
        twin = twin_of(experiment, doubling)
        matrices = [twin.matrix(k, Purpose.OUTER_WEIGHTS, 3)[0] for k in range(depth)]
        end, bound, _ = twin.forward(start)
        for lane in (0, LANES - 1):
            layers = [(exact(matrix[:, :, lane]), None, None) for matrix in matrices]
            decimal, _ = textbook.forward(branch.activation, layers, twin.scaling, exact(start[:, lane]))
            decimal = np.array([float(x) for x in decimal])
            # A step of the twin: a sum of 3 products, a factor, a sum and an activation, of states that 12 steps
            # multiply by less than 8.
            error = 12 * 8 * 10 * 2.0**-53 * np.linalg.norm(start[:, lane])
            assert np.max(np.abs(end[:, lane] - decimal)) <= error
            assert np.all(np.abs(found[doubling][:, lane] - decimal) <= bound[:, lane] + error)


@each_branch
def test_rounding_is_far_below_the_distance_of_levels(branch):
    """What the documentation promises: about 1e-7 of the state, whatever the depth."""
    experiment = ladder_of(branch, depth=8, doublings=5)
    found = run(experiment)
    exact = twin_of(experiment, experiment.doublings).forward(start_of(experiment))[0]
    error = np.linalg.norm(found[-1] - exact, axis=0) / np.linalg.norm(exact, axis=0)
    # 256 steps of rounding of about UNIT of an increment, whose squares add up to that of the state; growth of the
    # error by the network multiplies it by a few.
    assert np.quantile(error, 0.9) < 10 * UNIT
    adjacent = np.linalg.norm(found[-2] - found[-1], axis=0) / np.linalg.norm(exact, axis=0)
    assert np.median(error) < 1e-4 * np.median(adjacent)


@each_branch
@pytest.mark.parametrize("cuts", [(1,), (4,), (1, 2, 3, 7, 8)])
def test_steps_may_be_taken_in_any_portions(branch, cuts):
    experiment = ladder_of(branch)
    np.testing.assert_array_equal(run(experiment), run(experiment, cuts))


@each_branch
def test_levels_do_not_touch(branch):
    """A network has the same values whatever other networks there are."""
    together = run(ladder_of(branch, depth=3, doublings=2))
    np.testing.assert_array_equal(together[1:], run(ladder_of(branch, depth=6, doublings=1)))


def test_independent_levels_draw_from_streams_of_their_own():
    shared, apart = (run(ladder_of(Branch("linear"), noise=noise)) for noise in ("shared", "independent"))
    # The first network has the streams from 0 in both.
    np.testing.assert_array_equal(shared[0], apart[0])
    assert not np.any(shared[1:] == apart[1:])
    alone = replace(ladder_of(Branch("linear"), noise="independent"), doublings=0)
    assert not np.any(run(alone) == apart[1])
