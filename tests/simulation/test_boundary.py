"""Inputs and output gradients of networks: their laws, and the paper's own written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy_twins import LANES, UNIT, key_of, uniform_row, words
from scipy import stats

from theory_check.experiments.cell import Cell
from theory_check.foundation.streams import Purpose
from theory_check.inference.intervals import kolmogorov_interval, mean_interval, quantile_interval
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import PAPER_INPUT_SIZE, Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.boundary import Boundary

SEED_OF_INPUTS = 2

# Error probability of every statistical check; there are fewer than 20.
LEVEL = 1e-9


def a_cell(width, observed):
    network = Network(Branch("linear"), width, 1, Scaling.constant(0.5))
    return Cell(network=network, weights=Weights("uniform"), input=observed, kernel="dense")


def boundary(name, *, width=5, count=1, block=0):
    return Boundary(a_cell(width, Input(name, count)), key_of(SEED_OF_INPUTS), block * LANES)


def no_exponents(count):
    return np.zeros((count, LANES), np.int64)


@pytest.mark.parametrize("name", ["gaussian", "sphere", "paper"])
def test_inputs_and_gradients_have_one_vector_for_each_input_and_lane(name):
    drawn = boundary(name, count=3)
    hidden = drawn.hidden()
    gradient, exponents = drawn.gradient(hidden, no_exponents(3))
    assert hidden.shape == gradient.shape == (3, 5, LANES)
    assert exponents.shape == (3, LANES)
    assert np.unique(hidden).size == hidden.size


@pytest.mark.parametrize("name", ["gaussian", "sphere", "paper"])
def test_a_replicate_alone_has_the_input_and_gradient_of_its_block(name):
    cell = a_cell(5, Input(name, 2))
    block, lane = Boundary(cell, key_of(SEED_OF_INPUTS), LANES), 7
    alone = Boundary.of_replicate(cell, key_of(SEED_OF_INPUTS), LANES + lane)
    hidden, part = block.hidden(), alone.hidden()
    np.testing.assert_array_equal(part, hidden[..., lane : lane + 1])
    exponents = no_exponents(2) + 3
    gradient, units = block.gradient(hidden, exponents)
    found, found_units = alone.gradient(part, exponents[:, lane : lane + 1])
    np.testing.assert_array_equal(found_units, units[:, lane : lane + 1])
    # A scalar product of five terms may be summed in another order, and cancel against the target: five terms below
    # 20 add up to 100 at most, whose five roundings, times twice an entry of the readout below .78, are 9e-14.
    np.testing.assert_allclose(found, gradient[..., lane : lane + 1], rtol=1e-13, atol=1e-13)


def test_ones_are_the_same_in_every_network():
    drawn = boundary("ones", width=7)
    np.testing.assert_array_equal(drawn.hidden(), np.ones((1, 7, LANES)))
    # The gradient is normal all the same; its law is tested above for the other inputs.
    gradient, _ = drawn.gradient(np.ones((1, 7, LANES)), no_exponents(1))
    assert np.unique(gradient).size > 400


def test_lengths_on_the_sphere():
    drawn = boundary("sphere", width=7)
    for vector in (drawn.hidden(), drawn.gradient(drawn.hidden(), no_exponents(1))[0]):
        # A sum of 7 squares, a root and a quotient, squared again: at most 10 roundings of 2^-52.
        np.testing.assert_allclose(np.sum(vector**2, axis=1), 7.0, rtol=10 * 2.0**-52)


@pytest.mark.parametrize(
    ("count", "cosine", "width"),
    [(2, 0.3, 5), (2, -1.0, 1), (2, 1.0, 1), (3, -0.5, 2), (4, -1 / 3, 3), (4, 0.7, 4), (7, 0.0, 7), (3, 1 - 1e-12, 9)],
)
def test_correlated_inputs_have_their_cosine(count, cosine, width):
    observed = Input("correlated", count, cosine)
    cell = a_cell(width, observed)
    hidden = np.moveaxis(Boundary(cell, key_of(SEED_OF_INPUTS), 0).hidden(), 2, 0)
    expected = width * (cosine + (1 - cosine) * np.eye(count))
    # Sums of up to 9 products in double precision; a pivot below 4 count 2^-52 is left out.
    np.testing.assert_allclose(
        hidden @ np.swapaxes(hidden, 1, 2),
        np.broadcast_to(expected, (LANES, count, count)),
        rtol=0,
        atol=width * 40 * count * 2.0**-52,
    )


def test_correlated_inputs_have_no_preferred_direction():
    """The first on the sphere, and of the second the part across: a component squared is Beta(1/2, (d - 1)/2)."""
    width, cosine = 4, 0.6
    cell = a_cell(width, Input("correlated", 2, cosine))
    pairs = np.concatenate([Boundary(cell, key_of(SEED_OF_INPUTS), b * LANES).hidden() for b in range(100)], axis=2)
    across = (pairs[1] - cosine * pairs[0]) / math.sqrt(1 - cosine**2)
    law, wrong = stats.beta(0.5, (width - 1) / 2), stats.beta(0.5, width / 2)
    for vector in (pairs[0], across):
        assert kolmogorov_interval(vector[1] ** 2 / width, law.cdf, alpha=LEVEL).lower == 0.0
        assert kolmogorov_interval(vector[1] ** 2 / width, wrong.cdf, alpha=LEVEL).lower > 0.0


@pytest.mark.parametrize("width", [1, 4, 5])
def test_gaussian_inputs_have_chi_square_norms(width):
    blocks = [boundary("gaussian", width=width, block=block) for block in range(100)]
    for vectors in ([b.hidden() for b in blocks], [b.gradient(b.hidden(), no_exponents(1))[0] for b in blocks]):
        squares = np.concatenate([np.sum(v[0] ** 2, axis=0) for v in vectors])
        assert kolmogorov_interval(squares, stats.chi2(width).cdf, alpha=LEVEL).lower == 0.0
        # The wrong law: a fifth too large, at a radius of 0.041 for 6400 values.
        assert kolmogorov_interval(squares, lambda x: stats.chi2(width).cdf(1.5 * x), alpha=LEVEL).lower > 0.0


def uniforms(purpose, index, columns):
    """Uniform numbers on (-1/2, 1/2) of a stream, rows of even length."""
    drawn = words(key_of(SEED_OF_INPUTS), 0, index, purpose, columns + columns % 2)
    return (uniform_row(drawn, columns)[:columns]).astype(np.float64) * 2.0**-32


def test_paper_inputs_are_a_uniform_matrix_times_uniform_observations():
    width, count, size = 5, 3, PAPER_INPUT_SIZE
    hidden = boundary("paper", width=width, count=count).hidden()
    matrix = uniforms(Purpose.INPUT_WEIGHTS, 0, width * size).reshape(width, size, LANES) * math.sqrt(12.0 / size)
    for m in range(count):
        observation = uniforms(Purpose.INPUT, m, size) + 0.5
        expected = np.einsum("ijl,jl->il", matrix, observation)
        # 64 products and sums in single precision, and the rounding of the observations.
        bound = 1.001 * (size + 3) * UNIT * np.einsum("ijl,jl->il", np.abs(matrix), observation)
        assert np.all(np.abs(hidden[m] - expected) <= bound)


def test_paper_gradients_are_those_of_the_squared_loss():
    width, count = 5, 2
    drawn = boundary("paper", width=width, count=count)
    hidden = drawn.hidden()
    readout = uniforms(Purpose.READOUT, 0, width) * math.sqrt(12.0 / width)
    for shift in (0, 40, -20):
        gradient, exponents = drawn.gradient(hidden, no_exponents(count) + shift)
        for m in range(count):
            target = uniforms(Purpose.TARGET, m, 1)[0] + 0.5
            expected = 2.0 * (np.sum(readout * np.ldexp(hidden[m], shift), axis=0) - target) * readout
            # Sums of five terms in double precision; the difference may cancel, relative to its two parts.
            size = np.abs(readout) * 2.0 * (np.sum(np.abs(readout * np.ldexp(hidden[m], shift)), axis=0) + target)
            assert np.all(np.abs(np.ldexp(gradient[m], exponents[m]) - expected) <= 10 * 2.0**-53 * size)


def test_paper_inputs_have_variance_one_third():
    """Given x, a component of A x has variance ||x||^2 / 64, of mean 1/3.

    A sum of symmetric uniform variables has kurtosis below 3, so that the fourth moment is at most 3 E (||x||^2/64)^2 =
    3 (1/9 + (1/5 - 1/9)/64) = 0.3375, and the variance of the square at most 0.3375 - 1/9 = 0.2264.
    """
    values = np.concatenate([boundary("paper", width=1, block=block).hidden()[0, 0] for block in range(200)])
    interval = mean_interval(values**2, variance_bound=0.2264, alpha=LEVEL)
    assert interval.contains(1 / 3)
    # Wrong pipelines: centred observations, or entries of variance 1/3 of the right one, or x of variance 1.
    assert not any(interval.contains(wrong) for wrong in (1 / 12, 1 / 9, 1.0))
    assert quantile_interval(values, 0.5, alpha=LEVEL).contains(0.0)
