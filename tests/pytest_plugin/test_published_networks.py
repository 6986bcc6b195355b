"""Networks that the package does not simulate, stated as published by a NumPy sampler of one's own.

Without an outer matrix (Hanin, Rolnick, 2018), and normalised before or after the branch (Xiong et al., 2020). Given a
state h a Gaussian W h is ||h|| times a normal vector over sqrt(d), which the samplers draw in its place. Predictions
are exact where nothing else is said. The last test has slopes on the depth, of networks that the package simulates.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import theory_check as tc

#: E relu(xi) of a normal number; with a factor 1/sqrt(d) in units of ||h||.
MEAN = 1.0 / math.sqrt(2.0 * math.pi)


def relu(z):
    return np.maximum(z, 0.0)


def multiplied(rng, h):
    """A Gaussian matrix of entries of variance 1/d times each row."""
    return np.sqrt(np.mean(h * h, axis=1, keepdims=True)) * rng.standard_normal(h.shape)


def without_outer(rng, n, *, width, depth, a, shift=0.0):
    """R and D of h + a (relu(W h) - shift ||h||/sqrt(d)), started from a Gaussian state."""
    start = h = rng.standard_normal((n, width))
    for _ in range(depth):
        h = h + a * (relu(multiplied(rng, h)) - shift * np.sqrt(np.mean(h * h, axis=1, keepdims=True)))
    square = np.sum(start**2, axis=1)
    return np.sum(h * h, axis=1) / square, np.sum((h - start) ** 2, axis=1) / square


def wide(depth, a):
    """R and D of such a network at infinite width: its mean coordinate grows by a MEAN ||h||/sqrt(d) a layer."""
    ratio, moved, mean = 1.0, 0.0, 0.0
    for _ in range(depth):
        step = a * MEAN * math.sqrt(ratio)
        added = 2.0 * mean * step + 0.5 * a * a * ratio
        ratio, moved, mean = ratio + added, moved + added, mean + step
    return ratio, moved


def slope(sizes, values):
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


@pytest.mark.statistical
def test_without_an_outer_matrix_the_displacement_settles_at_beta_1(evidence):
    # At L = 50 and d = 40 Hanin and Rolnick's networks have .176; sinh(MEAN)^2 = .168 is the limit of both.
    predicted = wide(50, 1 / 50)[1]
    assert abs(predicted - math.sinh(MEAN) ** 2) < 0.01
    evidence.quantile(
        lambda rng, n: without_outer(rng, n, width=200, depth=50, a=1 / 50)[1], (predicted - 0.005, predicted + 0.005),
        probability=0.5, margin=0.02, wrong={"the branch has mean 0: exp(kappa/L) - 1": math.expm1(0.01)},
    )  # fmt: skip


@pytest.mark.statistical
@pytest.mark.parametrize(("beta", "usual"), [(1.0, -1.0), (1.5, -2.0)])
def test_without_an_outer_matrix_the_critical_exponent_is_1(evidence, beta, usual):
    depths = (64, 32, 16)

    def moved(rng, n):
        return np.stack([without_outer(rng, n, width=40, depth=L, a=L**-beta)[1] for L in depths], axis=1)

    # The slope of the wide network at these depths: 2 (1 - beta) but for terms of order 1/L.
    predicted = slope(depths, [wide(L, L**-beta)[1] for L in depths])
    assert abs(predicted - 2.0 * (1.0 - beta)) < 0.1
    evidence.order(moved, predicted, sizes=depths, margin=0.15, kurtosis_bound=9, wrong={"1 - 2 beta": usual})


@pytest.mark.statistical
def test_a_centred_branch_without_an_outer_matrix_has_critical_exponent_one_half(evidence):
    width, depth, kappa = 20, 8, 0.5 - MEAN**2
    predicted = (1.0 + kappa / depth) ** depth
    # A layer multiplies ||h||^2 by 1 + 2 a u + a^2 r with E u = E (r - kappa) = 0, E u^2 = kappa/d, and E r^2 - kappa^2
    # and |E u r| at most 5/d and 1/d.
    second = (1.0 + kappa / depth) ** 2 + (4.0 * kappa / depth + 4.0 * depth**-1.5 + 5.0 / depth**2) / width
    evidence.mean(
        lambda rng, n: without_outer(rng, n, width=width, depth=depth, a=depth**-0.5, shift=MEAN)[0], predicted,
        margin=0.08, variance_bound=second**depth - predicted**2, wrong={"not centred": wide(depth, depth**-0.5)[0]},
    )  # fmt: skip


@pytest.mark.statistical
def test_a_layer_without_an_outer_matrix_may_do_nothing(evidence):
    stays = 1 / 8
    evidence.probability(
        lambda rng, n: without_outer(rng, n, width=3, depth=1, a=1.0)[1] == 0.0, stays, margin=0.01,
        wrong={"of width 2": 0.25},
    )  # fmt: skip


def normalised(h, *, centred=False):
    h = h - np.mean(h, axis=1, keepdims=True) if centred else h
    return h / np.sqrt(np.mean(h * h, axis=1, keepdims=True))


def before_branch(rng, n, *, width, depth, negative=0.0, centred=False):
    """h_0 of squared norm d and h_L of h + V sigma(W norm(h)), sigma leaky of slope ``negative``."""
    start = h = normalised(rng.standard_normal((n, width)))
    for _ in range(depth):
        z = multiplied(rng, normalised(h, centred=centred))
        h = h + multiplied(rng, np.where(z > 0.0, z, negative * z))
    return start, h


@pytest.mark.statistical
@pytest.mark.parametrize(("negative", "centred"), [(0.0, False), (0.0, True), (0.3, False), (1.0, False)])
def test_a_normalised_branch_adds_as_much_in_every_layer(evidence, negative, centred):
    width, depth, share = 16, 10, 0.5 * (1.0 + negative**2)
    # ||V g||^2 / d has mean ``share`` and second moment (share^2 + spread/d)(1 + 2/d); 2 <h, V g>/d has the variance
    # 4 share ||h||^2 / d^2, and what layers add is uncorrelated.
    spread = 1.5 * (1.0 + negative**4) - share**2
    added = (share**2 + spread / width) * (1.0 + 2.0 / width) - share**2
    variance = sum(4.0 * share * (1.0 + share * k) / width + added for k in range(depth))
    evidence.mean(
        lambda rng, n: np.mean(
            before_branch(rng, n, width=width, depth=depth, negative=negative, centred=centred)[1] ** 2, axis=1),
        1.0 + depth * share, margin=0.04 * depth * share, variance_bound=variance,
        wrong={"the branch follows the state": (1.0 + share) ** depth, "the first layer is lost": 1.0 + 9 * share},
    )  # fmt: skip


@pytest.mark.statistical
def test_a_stream_that_is_normalised_after_the_branch_forgets_its_input_exponentially(evidence):
    def cosine(rng, n):
        start = h = normalised(rng.standard_normal((n, 400)))
        for _ in range(4):
            h = normalised(h + multiplied(rng, relu(multiplied(rng, h))))
        return np.mean(start * h, axis=1)

    # (1 + 1/2)^(-L/2) at infinite width; terms of order 1/d have room.
    before = 3.0**-0.5  # (1 + L/2)^(-1/2)
    evidence.quantile(
        cosine, (4 / 9 - 0.005, 4 / 9 + 0.005), probability=0.5, margin=0.02, wrong={"normalised before": before}
    )


#: Observable, and networks by their depth, whose mean D is (1 + kappa a^2)^L - 1.
COORDINATES = {
    "linear, beta = 1": (
        "log_displacement", lambda L: tc.network("linear", width=20, depth=L, beta=1.0), 1.0, {"-2 beta": -2.0}),
    "res-3, beta = 1/2": (
        "log_displacement", lambda L: tc.network("res-3", "rademacher", width=10, depth=L), 0.5, {"grows": 0.5}),
    "gradients, beta = 1": (
        "log_gradient_displacement", lambda L: tc.network("res-3", width=20, depth=L, beta=1.0, gradients=True), 0.5,
        {"flat": 0.0}),
    "one factor for all depths": (
        "log_displacement", lambda L: tc.network("linear", width=40, depth=L, scale=0.125), 1.0, {"flat": 0.0}),
}  # fmt: skip


@pytest.mark.statistical
@pytest.mark.parametrize("name", COORDINATES)
def test_coordinates_move_with_the_depth_as_their_means_do(evidence, name):
    column, deep, kappa, wrong = COORDINATES[name]
    depths = (32, 16, 8)

    def moved(rng, n):
        seeds = rng.integers(2**62, size=len(depths))
        found = [tc.simulate(deep(L), n, seed=int(s), threads=1) for L, s in zip(depths, seeds, strict=True)]
        return np.stack([np.exp(2.0 * sample.column(column)) for sample in found], axis=1)

    means = [math.expm1(L * math.log1p(kappa * deep(L).network.scaling.factor(L) ** 2)) for L in depths]
    evidence.order(moved, slope(depths, means), sizes=depths, margin=0.1, kurtosis_bound=30, wrong=wrong)
