"""The plane chain: its chi-square and binomial numbers, its twin lane by lane, and its law against other kernels."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from chain_twins import FIRST_REPLICATE, KEY, layer_numbers
from decimal_textbook import precisely
from numpy_twins import LANES
from one_layer_laws import a_branch, a_layer
from scipy import stats

from theory_check.experiments.cell import Cell
from theory_check.inference.intervals import kolmogorov_interval, mean_interval
from theory_check.inference.two_samples import smirnov_test
from theory_check.kernels import chain
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.passes.chain import ChainPasses, PlaneBoundary
from theory_check.simulation.runner import simulate
from theory_check.theory import moments
from theory_check.theory.depth_law import depth_law

SEED_OF_LAWS = 95
SEED_OF_NUMBERS = 96

# Error probability of every statistical check; there are fewer than 60.
LEVEL = 1e-9

#: Branch and negative slope of its activation.
BRANCHES = [("linear", 0.0), ("res-3", 0.0), ("res-3", 0.2)]


def a_cell(branch, slope, width, depth, kernel="chain", factor=0.7):
    network = Network(a_branch(branch, slope), width, depth, Scaling.constant(factor))
    return Cell(network=network, weights=Weights(), kernel=kernel, gradients=False, controls=True)


def chi_squares(degrees, blocks):
    """Chi-square numbers of the lanes of so many blocks, shape (blocks, LANES), and the share of lanes in doubt."""
    found, doubts = np.empty((blocks, LANES)), 0
    degrees = np.full(LANES, float(degrees))
    generator = np.random.default_rng(SEED_OF_NUMBERS)
    for block in found:
        state, given = (generator.integers(0, 2**32, n * LANES, dtype=np.uint32) for n in (4, 1))
        normals, doubtful = generator.standard_normal(LANES).astype(np.float32), np.empty(LANES, np.bool_)
        chain.fill_chi_square(state, degrees, normals, given, doubtful, block)
        doubts += int(doubtful.sum())
    return found, doubts / found.size


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 18, 98, 9998])
def test_chi_square_numbers_have_their_law(degrees):
    """65,536 of them; a degree more or less, or the numbers without the whole test, have another law."""
    values, doubts = chi_squares(degrees, 1024)
    # Radius .013; laws a degree apart are .28 / sqrt(degrees) apart: 9998 are told from 9800 only.
    assert kolmogorov_interval(values.ravel(), stats.chi2(degrees).cdf, alpha=LEVEL).lower == 0.0
    for wrong in (1.3 * degrees, 0.7 * degrees) if degrees < 5 else (1.1 * degrees, 0.9 * degrees):
        assert kolmogorov_interval(values.ravel(), stats.chi2(wrong).cdf, alpha=LEVEL).lower > 0.0
    # P(U >= 1 - 0.0331 X^4) is at most 0.0331 E X^4 = .0993.
    assert doubts <= (0.105 if degrees > 1 else 0.0)


def test_no_degree_of_freedom_gives_0():
    assert not chi_squares(0, 2)[0].any()


@pytest.mark.parametrize("width", [1, 2, 31, 32, 33, 64, 65, 200])
def test_binomial_numbers_count_the_bits_of_their_words(width):
    state = np.random.default_rng(SEED_OF_NUMBERS).integers(0, 2**32, 4 * LANES, dtype=np.uint32)
    drawn, counts = np.empty(-(-width // 32) * LANES, np.uint32), np.empty(LANES)
    chain.count_positive(state, width, drawn, counts)
    for lane in range(LANES):
        bits = "".join(f"{word:032b}" for word in drawn[lane::LANES])
        # The last word gives its upper bits.
        assert counts[lane] == bits[:width].count("1")


def twin(branch, slope, width, depth, factor, lane, number=float):
    """The chain of one lane by its recursion, with lengths and a vector of the plane, in the arithmetic of a number."""
    x, y, factor, slope = (number(value) for value in (1.0, 0.0, factor, slope))
    root, half, controls = number(0.5), number(1) / 2, np.array([number(0.0)] * 4)
    kappa = number(1) if branch == "linear" else (1 + slope**2) / 2
    for layer in range(depth):
        drawn = layer_numbers(branch, slope, width, layer, lane, number)
        r2 = (x**2 + y**2) / width
        if branch != "linear":
            r2 *= (drawn.active + slope**2 * drawn.passive) / width
        eta = np.array([drawn.along, drawn.beside])
        step, before = factor * r2**root * eta, np.array([x, y])
        across = factor**2 * r2 * drawn.rest
        projection = 2 * (before @ step) / (before @ before)
        length = (step @ step + across) / (before @ before)
        growth = kappa * factor**2
        floored = max(1 + projection + length, half)
        controls = controls + np.array([
            projection, length - growth, projection**2 - 4 * growth / width,
            math.log(floored) if number is float else floored.ln(),
        ])  # fmt: skip
        x, y = before[0] + step[0], ((before[1] + step[1]) ** 2 + across) ** root
    return x, y, controls


@pytest.mark.parametrize(("branch", "slope"), BRANCHES)
@pytest.mark.parametrize("width", [1, 2, 3, 40])
def test_the_chain_is_its_twin(branch, slope, width):
    cell, depth = a_cell(branch, slope, width, 4), 4
    passes, exponents = ChainPasses(cell, KEY, FIRST_REPLICATE), np.zeros((1, LANES), np.int64)
    plane, nothing = PlaneBoundary(cell, KEY, FIRST_REPLICATE).hidden(), passes.storage(0)
    sums = np.zeros((1, 4, LANES))
    # In two calls: a call goes on where the one before ended.
    passes.forward(0, np.full(1, 0.7), plane, exponents, nothing, sums)
    passes.forward(1, np.full(depth - 1, 0.7), plane, exponents, nothing, sums)
    found = np.ldexp(plane[0], exponents)
    for lane in range(0, LANES, 3):
        x, y, controls = twin(branch, slope, width, depth, 0.7, lane)
        # Double precision but for the normal numbers, which are the same ones; x and y lose to the norm at most.
        np.testing.assert_allclose(found[:, lane], [x, y], rtol=0, atol=1e-13 * math.hypot(x, y))
        np.testing.assert_allclose(sums[0, :, lane], controls, rtol=1e-12, atol=1e-12)
    for lane in (0, 17, LANES - 1):
        x, y, controls = precisely(twin)(branch, slope, width, depth, 0.7, lane, Decimal)
        # A layer rounds about 30 times, relative to the norm before or after it, which 4 layers change by less than 16;
        # the terms are below 16 too.
        bound = 4 * 30 * 16 * 2.0**-53
        assert np.all(np.abs(found[:, lane] - [float(x), float(y)]) <= bound * math.hypot(x, y))
        assert np.all(np.abs(sums[0, :, lane] - controls.astype(np.float64)) <= bound)


def test_states_beyond_double_precision_keep_their_ratio():
    """Without rescaling, the norm would overflow after 30 of 100 layers."""
    values = simulate(a_cell("linear", 0.0, 5, 100, factor=1e12), 64, SEED_OF_LAWS).values
    assert np.all(np.abs(values["log_norm_ratio"] / (200 * math.log(1e12)) - 1) < 0.05)
    # D is R but for terms of order 1/sqrt(R).
    np.testing.assert_allclose(2 * values["log_displacement"], values["log_norm_ratio"], rtol=1e-12)


DEPTH, REPLICATES = 5, 8192
LAWS = [("linear", 0.0, 1), ("linear", 0.0, 2), ("linear", 0.0, 20), ("res-3", 0.2, 3), ("res-3", 0.0, 8)]


@pytest.mark.parametrize(("branch", "slope", "width"), LAWS)
def test_log_r_has_its_exact_law(branch, slope, width):
    values = simulate(a_cell(branch, slope, width, DEPTH), REPLICATES, SEED_OF_LAWS).values["log_norm_ratio"]
    layer = a_layer(width, branch, slope)
    law, wrong = (depth_law(layer, factor, DEPTH) for factor in (0.7, 0.7 * 1.5))
    # Radius of the test: .036.
    assert kolmogorov_interval(values, law.cdf, alpha=LEVEL).lower <= law.error
    assert kolmogorov_interval(values, wrong.cdf, alpha=LEVEL).lower > wrong.error


@pytest.mark.parametrize(("branch", "slope", "width"), LAWS)
def test_displacements_and_their_dependence_are_those_of_the_dense_kernel(branch, slope, width):
    """D, and the cosine with h_0, which both R and D enter; drawn 1.2 times as far they have another law."""
    dense, short, wrong = (
        simulate(a_cell(branch, slope, width, DEPTH, kernel, factor), REPLICATES, SEED_OF_LAWS).values
        for kernel, factor in (("dense", 0.7), ("chain", 0.7), ("chain", 0.84))
    )
    for observable in (lambda v: v["log_displacement"], _cosine):
        if observable is _cosine and width == 1:
            continue  # a sign, which rounding leaves near 1 and -1
        assert smirnov_test(observable(dense), observable(short)).p_value > LEVEL
        assert smirnov_test(observable(dense), observable(wrong)).p_value < LEVEL


def _cosine(values):
    ratio, displacement = np.exp(values["log_norm_ratio"]), np.exp(2 * values["log_displacement"])
    return (1 + ratio - displacement) / (2 * np.sqrt(ratio))


@pytest.mark.parametrize(("branch", "slope", "width"), LAWS)
def test_the_mean_of_d_is_exact(branch, slope, width):
    """E D = (1 + a^2 kappa)^L - 1, with its exact variance; the mean of one layer less is rejected."""
    values = simulate(a_cell(branch, slope, width, DEPTH, factor=0.4), REPLICATES, SEED_OF_LAWS).values
    layer = a_layer(width, branch, slope)
    mean, shallower = (moments.mean_displacement(layer, 0.4, depth) for depth in (DEPTH, DEPTH - 1))
    interval = mean_interval(
        np.exp(2 * values["log_displacement"]), variance_bound=moments.displacement_variance(layer, 0.4, DEPTH),
        alpha=LEVEL,
    )  # fmt: skip
    assert interval.lower <= mean <= interval.upper
    assert interval.lower > shallower
