"""Several inputs through Gaussian weights: one layer against drawn weights, networks against dense and exact laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gram_cells import a_cell
from numpy_twins import LANES, key_of
from one_layer_laws import a_layer
from scipy import stats

from theory_check.inference.intervals import kolmogorov_interval, proportion_interval
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.simulation.passes.gram import GramPasses
from theory_check.simulation.runner import simulate
from theory_check.theory.depth_law import depth_law

SEED_OF_LAWS = 191
SEED_OF_DENSE = 192
KEY = key_of(18)

# Error probability of every statistical check; there are fewer than 60.
LEVEL = 1e-9

# The joint law of one layer by brute force.

LAYER_WIDTH = 4
LAYER_INPUTS = 3
LAYER_DRAWS = 6400


def brute_force_layer(rng, h, a, bias):
    """h_1 and p_0 of many layers with every weight drawn, p_1 = 1 + h_1^2: a gradient that depends on the images."""
    w, v = (rng.standard_normal((LAYER_DRAWS, LAYER_WIDTH, LAYER_WIDTH)) / math.sqrt(LAYER_WIDTH) for _ in range(2))
    b = rng.standard_normal((LAYER_DRAWS, LAYER_WIDTH, 1)) / math.sqrt(LAYER_WIDTH) * bias
    z = w @ h + b
    end = h + a * v @ np.maximum(z, 0.0)
    p = 1.0 + end**2
    q = (z > 0) * (np.swapaxes(v, 1, 2) @ p)
    return end, p + a * np.swapaxes(w, 1, 2) @ q


def kernel_layer(h, a, branch):
    """The same from the kernel."""
    cell = a_cell(branch, LAYER_INPUTS, LAYER_WIDTH, 1)
    ends, starts = [], []
    for block in range(LAYER_DRAWS // LANES):
        passes = GramPasses(cell, KEY, block * LANES)
        hidden = np.repeat(h.T[:, :, None], LANES, axis=2)
        exponents = np.zeros((LAYER_INPUTS, LANES), np.int64)
        kept = passes.storage(1)
        passes.forward(0, np.array([a]), hidden, exponents, kept)
        gradient = 1.0 + hidden**2
        ends.append(np.moveaxis(hidden, 2, 0))
        passes.backward(0, np.array([a]), kept, gradient, exponents.copy())
        starts.append(np.moveaxis(gradient, 2, 0))
    return tuple(np.swapaxes(np.concatenate(part), 1, 2) for part in (ends, starts))


def layer_statistics(end, p):
    """Functions of all inputs at once, of both ends: inner products, and the pairing of each p_0 with other states."""
    flat = np.concatenate([end.reshape(len(end), -1), p.reshape(len(p), -1)], axis=1)
    mixed = np.random.default_rng(8).standard_normal((flat.shape[1], 6))
    return {
        "inner products": np.einsum("nij,nik->njk", end, end)[:, 0, 1],
        "gradient products": np.einsum("nij,nik->njk", p, p)[:, 1, 2],
        "pairing": np.einsum("nij,nij->n", end, p),
        "crossed pairing": np.einsum("ni,ni->n", end[:, :, 0], p[:, :, 2]),
        **{f"projection {i}": flat @ mixed[:, i] for i in range(6)},
        "quadratic": np.sum((flat[:, :24:3] * flat[:, 12::2][:, :4:1].sum(axis=1, keepdims=True)), axis=1),
    }


@pytest.mark.parametrize("branch", [Branch("res-3"), Branch("res-2")], ids=str)
def test_one_layer_forward_and_back_has_the_law_of_drawn_weights(branch):
    rng = np.random.default_rng(SEED_OF_DENSE)
    # Three inputs of which the third is a combination: the conditional law at rank 2.
    h = rng.standard_normal((LAYER_WIDTH, LAYER_INPUTS))
    h[:, 2] = h[:, 0] - 0.5 * h[:, 1]
    expected = layer_statistics(*brute_force_layer(rng, h, 0.8, branch.has_bias))
    found = layer_statistics(*kernel_layer(h, 0.8, branch))
    for name, values in expected.items():
        assert stats.ks_2samp(found[name], values).pvalue > LEVEL, name
    # A wrong law: gradients of another layer (no conditioning on the images) would break their dependence.
    end, p = kernel_layer(h, 0.8, branch)
    independent = layer_statistics(end, np.roll(p, 1, axis=0))
    assert min(stats.ks_2samp(independent[name], values).pvalue for name, values in expected.items()) < LEVEL


# The law of a whole network, dense and reduced.

REPLICATES = 4096
DEPTH = 5


def network_statistics(values):
    ratio, back = values["log_norm_ratio"], values["log_gradient_ratio"]
    return {
        "log R": ratio[:, 0],
        "log R of the last input": ratio[:, -1],
        "difference of log R": ratio[:, 0] - ratio[:, 1],
        "cosine": values["cosine_output"][:, -1],
        "log R*": back[:, 1],
        "difference of log R*": back[:, 0] - back[:, -1],
        "R and R*": ratio[:, 0] + back[:, 1],
        "R* against cosine": back[:, 0] * values["cosine_output"][:, 1],
        "displacement": np.exp(values["log_displacement"][:, 1]) - np.exp(values["log_gradient_displacement"][:, -1]),
        "pairing": values["pairing_output"][:, 0] + values["pairing_input"][:, -1],
    }


NETWORKS = [
    (Branch("res-3"), 6, Input(count=3)),
    (Branch("res-3", Activation("leaky", 0.2)), 3, Input("sphere", 5)),
    (Branch("res-2", Activation("tanh")), 4, Input(count=2)),
    (Branch("res-2"), 3, Input("correlated", 2, 0.9)),
    (Branch("res-1"), 6, Input("paper", 3)),
    (Branch("linear"), 2, Input("correlated", 3, -0.5)),
]


@pytest.mark.parametrize(("branch", "width", "observed"), NETWORKS, ids=str)
def test_both_kernels_have_one_joint_law(branch, width, observed):
    dense, short, wrong = (
        network_statistics(
            simulate(
                a_cell(branch, 1, width, DEPTH, kernel, factor, input=observed), REPLICATES, seed
            ).values
        )
        for kernel, factor, seed in (
            ("dense", 0.6, SEED_OF_DENSE), ("reduced", 0.6, SEED_OF_LAWS), ("reduced", 0.6 * 1.25, SEED_OF_LAWS)
        )
    )  # fmt: skip
    for name, values in dense.items():
        assert stats.ks_2samp(short[name], values, method="exact").pvalue > LEVEL, name
    # The power of the same test: weights that are a quarter larger.
    assert min(stats.ks_2samp(wrong[name], values).pvalue for name, values in dense.items()) < LEVEL


@pytest.mark.parametrize("branch", [Branch("res-3"), Branch("linear")], ids=str)
def test_inputs_depend_on_each_other_as_in_the_dense_kernel(branch):
    """Both R above the median, R above and R* of the other above: proportions, joint and not 1/4."""
    width, intervals = 2, {}
    median = float(depth_law(a_layer(width, branch.name), 0.7, DEPTH).quantile(0.5))
    for kernel, seed in (("dense", SEED_OF_DENSE), ("reduced", SEED_OF_LAWS)):
        cell = a_cell(branch, 1, width, DEPTH, kernel, input=Input("correlated", 2, 0.95))
        values = simulate(cell, 2 * REPLICATES, seed).values
        above, back = values["log_norm_ratio"] > median, values["log_gradient_ratio"] > median
        intervals[kernel] = [
            proportion_interval(int(both.sum()), len(both), alpha=LEVEL)
            for both in (above[:, 0] & above[:, 1], above[:, 0] & back[:, 1])
        ]
    for dense, short in zip(intervals["dense"], intervals["reduced"], strict=True):
        assert not dense.disjoint(short.lower, short.upper)
        assert short.lower > 0.25


@pytest.mark.parametrize(
    ("branch", "multiplier"),
    [(Branch("linear"), a_layer(3)), (Branch("res-3", Activation("leaky", 0.2)), a_layer(4, "res-3", 0.2))],
    ids=str,
)
def test_every_input_has_the_exact_law(branch, multiplier):
    values = simulate(a_cell(branch, 3, multiplier.width, DEPTH), 2 * REPLICATES, SEED_OF_LAWS).values
    law, wrong = (depth_law(multiplier, factor, DEPTH) for factor in (0.7, 0.7 * 1.5))
    for column in ("log_norm_ratio", "log_gradient_ratio"):
        for m in range(3):
            # The predicted law itself is exact up to law.error. Radius of the test: 0.036.
            assert kolmogorov_interval(values[column][:, m], law.cdf, alpha=LEVEL).lower <= law.error
            assert kolmogorov_interval(values[column][:, m], wrong.cdf, alpha=LEVEL).lower > wrong.error
