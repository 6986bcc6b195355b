"""Jacobians of whole networks: identities with other columns, exact products, and the laws E9, E16 and E20."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from exact_spectra import exact_symmetric, symmetric, whole_numbers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy_twins import UNIT, Matrices
from scipy import stats

from theory_check import strategies
from theory_check.experiments.cell import Cell
from theory_check.foundation.errors import InterruptedSimulationError
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.inference.intervals import kolmogorov_interval, quantile_interval
from theory_check.kernels import LANES
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation import jacobian as jacobian_module
from theory_check.simulation.cell import simulate_block
from theory_check.simulation.jacobian import STRETCH, stretches
from theory_check.simulation.passes.compiled import row_filler
from theory_check.simulation.runner import simulate

SEED = 7
SEED_OF_LAWS = 291

# Error probability of every statistical check; there are fewer than 60.
LEVEL = 1e-9


def a_cell(branch, width, depth, scaling=None, weights="gaussian", activation="relu", **fields):
    network = Network(Branch(branch, Activation.parse(activation)), width, depth, scaling or Scaling.power(0.5))
    fields = {"kernel": "dense", "gradients": False, "jacobian": True} | fields
    return Cell(network=network, weights=Weights.parse(weights), **fields)


@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=40))
def test_stretches(factors):
    depths = stretches(np.array(factors))
    assert depths[-1] == len(factors)
    assert list(depths) == sorted(set(depths))
    for first, last in zip((0, *depths[:-1]), depths, strict=True):
        assert last == first + 1 or sum(a * a for a in factors[first:last]) <= STRETCH
    # None could be longer.
    for first, last in pairwise((0, *depths[:-1])):
        assert sum(a * a for a in factors[first : last + 1]) > STRETCH


HOMOGENEOUS = strategies.cells(
    branches=strategies.branches(homogeneous=True),
    weights=strategies.weights(laws=("gaussian", "uniform", "rademacher", "orthogonal")),
    kernel="dense",
)


# Factors 1 - 1e-13 and signs, d = 1: layers of 1e-13, far below single precision.
ALMOST_SINGULAR = Cell(
    network=Network(Branch("linear"), 1, 2, Scaling.power(1.53864e-13)),
    weights=Weights("rademacher"),
    kernel="dense",
)


@settings(max_examples=40)
@given(HOMOGENEOUS)
@example(ALMOST_SINGULAR)
def test_the_spectrum_bounds_both_norm_ratios_and_its_sum_is_the_determinant(cell):
    """h_L = J h_0 and p_0 = J^T p_L where the branch is homogeneous: R and R* lie between the squared extremes."""
    values = simulate(replace(cell, gradients=True, jacobian=True), 3, SEED).values
    spectrum, determinant = values["log_singular_values"], values["log_determinant"]
    assert np.all(np.diff(spectrum, axis=-1) <= 0)
    regular = np.isfinite(spectrum).all(axis=-1)
    # A layer that is nearly singular is known to 1e-7 over its smallest singular value. Where those of J stay above
    # e^-4, those of each layer are above e^-4 over the norms of the other four, at most 5^4: an error of up to 0.01.
    regular &= spectrum[..., -1] > np.maximum(spectrum[..., 0] - 9.0, -4.0)
    for column in ("log_norm_ratio", "log_gradient_ratio"):
        ratio = values[column]
        assert np.all((ratio <= 2 * spectrum[..., 0] + 0.02)[regular])
        assert np.all((ratio >= 2 * spectrum[..., -1] - 0.02)[regular])
    np.testing.assert_allclose(spectrum.sum(axis=-1)[regular], determinant[regular], rtol=0, atol=1e-9)


def test_a_singular_layer():
    """Random signs, d = 1, a = 1: J is 0 or 2^60, and mostly 0."""
    values = simulate(a_cell("linear", 1, 60, Scaling.constant(1.0), "rademacher"), LANES, SEED).values
    assert np.all(np.isneginf(values["log_determinant"]))
    assert np.all(np.isneginf(values["log_singular_values"]))


def test_one_dimension_is_the_norm_ratio():
    values = simulate(a_cell("linear", 1, 50, Scaling.constant(0.3), "uniform"), 200, SEED).values
    assert values["log_singular_values"].shape == (200, 1)
    # 50 roundings of a factor near 1, in some of them of a small one.
    np.testing.assert_allclose(2 * values["log_determinant"], values["log_norm_ratio"], rtol=0, atol=50 * 100 * UNIT)
    # One logarithm of a product against a sum of logarithms in double precision.
    np.testing.assert_allclose(values["log_singular_values"][:, 0], values["log_determinant"], rtol=0, atol=1e-13)


def layer_matrices(cell, block, lane):
    """The weights of a linear network in double precision, shape (depth, d, d)."""
    key = np.array(stream_key(SEED, cell.identity), np.uint32)
    filler, width = row_filler(cell.weights), cell.network.width
    deviation = math.sqrt(cell.weights.gain / width) / filler.natural_deviation
    drawn = Matrices(filler.fill, filler.constants, deviation)
    return np.stack([
        drawn.draw(key, block * LANES, k, Purpose.OUTER_WEIGHTS, width, width)[0][..., lane]
        for k in range(cell.network.depth)
    ])  # fmt: skip


@pytest.mark.parametrize(("width", "depth", "beta"), [(2, 300, 0.0), (4, 80, 0.0), (5, 60, 0.25), (3, 40, 0.5)])
def test_every_singular_value_of_a_deep_product(width, depth, beta):
    """A linear network against the exact product of I + a V_k; at beta = 0 the values span up to e^300."""
    cell = a_cell("linear", width, depth, Scaling.power(beta), "uniform")
    found = simulate(cell, LANES, SEED).values
    bounds = []
    for lane in (0, 9, 50):
        layers = np.eye(width) + float(depth) ** -beta * layer_matrices(cell, 0, lane)
        product, places = np.identity(width, dtype=int).astype(object), 0
        for layer in layers:
            whole, more = whole_numbers(layer, np.zeros(width))
            product, places = whole @ product, places + more
        expected = exact_symmetric(product, places)
        # Relative perturbation of a layer: its weights and products in single precision, over its smallest singular
        # value. It moves log|det J| by at most width times that, exactly; the other sums by the same times the inverse
        # sine of the angle between the leading subspaces of both sides of the layer, 10 allowed.
        size = np.linalg.norm(layers - np.eye(width), axis=(1, 2)) * np.linalg.norm(np.linalg.inv(layers), 2, (1, 2))
        bound = 2 * width * (width + 4) * UNIT * size.sum()
        assert abs(2 * found["log_determinant"][lane] - expected[-1]) <= bound
        np.testing.assert_allclose(symmetric(found["log_singular_values"][lane]), expected, rtol=0, atol=10 * bound)
        bounds.append(10 * bound)
    # A bound that admits everything would be no test.
    assert min(bounds) <= 0.05
    if beta == 0.0:
        assert np.median(np.ptp(found["log_singular_values"], axis=1)) > 53 * math.log(2.0)


def test_several_inputs_have_a_jacobian_each():
    cell = a_cell("res-3", 4, 12, weights="uniform", input=Input(count=3))
    values = simulate(cell, 5, SEED).values
    assert values["log_singular_values"].shape == (5, 3, 4)
    assert values["log_determinant"].shape == (5, 3)
    assert np.unique(values["log_determinant"]).size == 15
    linear = simulate(a_cell("linear", 4, 12, weights="uniform", input=Input(count=3)), 5, SEED).values
    np.testing.assert_array_equal(linear["log_determinant"], linear["log_determinant"][:, :1] * np.ones(3))


def test_a_stop_is_obeyed_between_stretches():
    cell = a_cell("res-3", 4, 30, Scaling.constant(1.0))
    allowed = iter([False] * 7)
    with pytest.raises(InterruptedSimulationError):
        simulate_block(cell, SEED, 0, lambda: next(allowed, True))


def test_values_do_not_depend_on_the_budget_of_a_stretch_but_to_rounding(monkeypatch):
    cell = a_cell("res-3", 5, 50, weights="uniform")
    expected = simulate(cell, LANES, SEED).values["log_singular_values"]
    for budget in (0.0, 10.0):
        monkeypatch.setattr(jacobian_module, "STRETCH", budget)
        found = simulate(cell, LANES, SEED).values["log_singular_values"]
        # 50 layers of factor 0.14 in single precision, condition numbers of up to 50 without intermediate frames.
        np.testing.assert_allclose(found, expected, rtol=0, atol=50 * 0.14 * 20 * UNIT * 50)


@pytest.mark.parametrize(("branch", "width", "beta"), [("res-3", 5, 0.5), ("linear", 3, 0.13), ("linear", 2, 0.0)])
def test_products_have_the_singular_values_that_rotations_find(branch, width, beta, monkeypatch):
    """Spreads below 2^20 in all lanes, in some of them, and in none."""
    cell = a_cell(branch, width, 60, Scaling.power(beta), "uniform")
    mixed = simulate(cell, LANES, SEED).values["log_singular_values"]
    monkeypatch.setattr(jacobian_module, "REACH", -1)
    rotated = simulate(cell, LANES, SEED).values["log_singular_values"]
    spread = (rotated[:, 0] - rotated[:, -1]) / math.log(2.0)
    # Singular values of the product in double precision, an error of a few width 2^-53 of the largest.
    bound = 10 * width * 2.0**-53 * 2.0 ** np.minimum(spread, 20)
    assert np.all(np.abs(mixed - rotated).max(axis=1) <= bound + 2.0**-50 * np.abs(rotated).max(axis=1))
    np.testing.assert_array_equal(mixed[spread > 20], rotated[spread > 20])
    assert {0.5: np.all(spread < 20), 0.13: 0 < np.sum(spread < 20) < LANES, 0.0: np.all(spread > 20)}[beta]


def test_values_do_not_depend_on_how_much_a_call_does(monkeypatch):
    cell = a_cell("res-3", 30, 9, weights="uniform", input=Input(count=2))
    expected = simulate(cell, 1, SEED).values["log_singular_values"]
    monkeypatch.setattr(jacobian_module, "CALL_PRODUCTS", 1)
    np.testing.assert_array_equal(simulate(cell, 1, SEED).values["log_singular_values"], expected)


# E9: log|det J| -> N(-kappa/2, kappa) at beta = 1/2, whatever d and the law.

DETERMINANTS = [
    ("linear", "gaussian", 2, (-0.5, 1.0)),
    ("linear", "rademacher", 3, (-0.5, 1.0)),
    ("res-3", "gaussian", 2, (-0.25, 0.5)),
    ("res-3", "uniform", 3, (-0.25, 0.5)),
]


@pytest.mark.parametrize(("branch", "weights", "width", "moments"), DETERMINANTS)
def test_log_determinants_are_normal(branch, weights, width, moments):
    cell = a_cell(branch, width, 200, weights=weights)
    values = simulate(cell, 16384, SEED_OF_LAWS).values["log_determinant"]
    mean, variance = moments
    interval = kolmogorov_interval(values, stats.norm(mean, math.sqrt(variance)).cdf, alpha=LEVEL)
    # Radius 0.026 at this size. Finite depth moves the mean by a few 1/L, a distance of 0.4 x 3/200 = 0.006.
    assert interval.upper <= 0.026 + 0.006 + 0.013
    for wrong in ((-mean, variance), (2 * mean, variance), (mean, 2 * variance), (mean, variance / 2)):
        refuted = kolmogorov_interval(values, stats.norm(wrong[0], math.sqrt(wrong[1])).cdf, alpha=LEVEL)
        # Each is at a distance of at least 0.08.
        assert refuted.lower > 0.05


# E16: layer Jacobians are independent copies of I + a V Delta W, with Delta of independent fair coins.

LAYERS = 6
DRAWS = 4096


def drawn_spectra(rng, width, factor, slope):
    product = np.broadcast_to(np.eye(width), (DRAWS, width, width))
    for _ in range(LAYERS):
        v, w = (rng.standard_normal((DRAWS, width, width)) / math.sqrt(width) for _ in range(2))
        delta = np.where(rng.random((DRAWS, width, 1)) < 0.5, 1.0, slope)
        product = product + factor * v @ (delta * (w @ product))
    return np.log(np.linalg.svd(product, compute_uv=False))


@pytest.mark.parametrize(("activation", "slope"), [("relu", 0.0), ("leaky:slope=0.3", 0.3)])
def test_layer_jacobians_are_independent(activation, slope):
    width, factor = 4, 0.5
    cell = a_cell("res-3", width, LAYERS, Scaling.constant(factor), activation=activation)
    found = simulate(cell, DRAWS, SEED_OF_LAWS).values["log_singular_values"]
    rng = np.random.default_rng(SEED_OF_LAWS)
    expected, wrong = (drawn_spectra(rng, width, factor, s) for s in (slope, slope + 0.5))
    for i in range(width):
        assert stats.ks_2samp(found[:, i], expected[:, i], method="exact").pvalue > LEVEL
    assert stats.ks_2samp(found[:, 1] - found[:, 2], expected[:, 1] - expected[:, 2]).pvalue > LEVEL
    assert min(stats.ks_2samp(found[:, i], wrong[:, i]).pvalue for i in range(width)) < LEVEL


@pytest.mark.parametrize("kernel", ["dense", "reduced"])
def test_gradients_have_the_law_of_states(kernel):
    """(R*, D*) and (R, D) have one joint law for res-3; not for res-1."""
    distances, observed = {}, {"jacobian": False, "gradients": True}
    for branch in ("res-3", "res-1"):
        forward, back = (
            simulate(
                a_cell(branch, 5, 8, Scaling.constant(0.8), kernel=kernel, **observed),
                8192,
                seed,
            ).values
            for seed in (SEED_OF_LAWS, SEED_OF_LAWS + 1)
        )  # fmt: skip
        ratio, moved = forward["log_norm_ratio"], np.exp(2 * forward["log_displacement"])
        back_ratio, back_moved = back["log_gradient_ratio"], np.exp(2 * back["log_gradient_displacement"])
        pairs = [
            (ratio, back_ratio),
            (moved, back_moved),
            (np.exp(ratio) - moved, np.exp(back_ratio) - back_moved),  # 2 <h_L, h_0> / ||h_0||^2 - 1
        ]
        distances[branch] = min(stats.ks_2samp(a, b).pvalue for a, b in pairs)
    assert distances["res-3"] > LEVEL
    assert distances["res-1"] < LEVEL


# E20: L^(2 beta - 1) log sigma_i -> kappa (d - 2 i) / (2 d) for 0 < beta < 1/2.


@pytest.mark.parametrize(("branch", "kappa"), [("linear", 1.0), ("res-3", 0.5)])
def test_rates_of_singular_values(branch, kappa):
    width, depth, beta = 4, 10_000, 0.25
    cell = a_cell(branch, width, depth, Scaling.power(beta))
    values = simulate(cell, 256, SEED_OF_LAWS).values["log_singular_values"] * depth ** (2 * beta - 1)
    for i in range(1, width + 1):
        interval = quantile_interval(values[:, i - 1], 0.5, alpha=LEVEL)
        target = kappa * (width - 2 * i) / (2 * width)
        # Half width 0.6 / 10 / sqrt(width). Finite depth: a^2 = 0.01 relative, and the O(1) of every log sigma_i
        # beside L^(1 - 2 beta) = 100.
        margin = kappa * 0.25 / width
        assert interval.inside(target - margin, target + margin), (i, interval)
        # Neighbouring rates, and the index moved by a half as for a spectrum symmetric about its middle.
        for wrong in (-0.5, 0.5):
            shifted = kappa * (width - 2 * (i + wrong)) / (2 * width)
            assert not interval.contains(shifted)
