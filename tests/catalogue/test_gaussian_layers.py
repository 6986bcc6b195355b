"""E23: moments of one layer against quadrature over every entry, and against NumPy layers of independent entries."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from theory_check.catalogue.gaussian_layers import (
    both_ways,
    gaussian_layers,
    product_variance,
    scalar_product,
    squared_product,
)
from theory_check.claims import PROFILES
from theory_check.experiments.cell import Sample
from theory_check.simulation.runner import simulate

#: Gauss-Hermite: exact for polynomials of degree 11 in every entry.
NODES, MASSES = np.polynomial.hermite_e.hermegauss(6)
MASSES = MASSES / MASSES.sum()


def mean_over_entries(function):
    """Mean of a polynomial of a 2 x 2 matrix of entries of variance 1/2."""
    total = 0.0
    for places in itertools.product(range(6), repeat=4):
        matrix = NODES[list(places)].reshape(2, 2) / math.sqrt(2.0)
        total += float(np.prod(MASSES[list(places)])) * function(matrix)
    return total


def test_moments_of_a_linear_layer_are_those_of_its_entries():
    a, angles = 0.7, [math.pi * (2 * k + 1) / 16 for k in range(16)]
    h = np.array([1.0, 0.0])
    # A polynomial of degree 2 in the cosine is averaged exactly by equally spaced angles.
    gradients = np.array([[math.cos(t), math.sin(t)] for t in angles])

    def both(matrix):
        ratio = np.sum((h + a * matrix @ h) ** 2)
        return ratio * np.mean(np.sum((gradients + a * gradients @ matrix) ** 2, axis=1))

    # Here and below: a sum over 1,296 nodes, each term with a few roundings; the terms have one sign or nearly so.
    assert mean_over_entries(both) == pytest.approx(both_ways(2, "linear", a), rel=1e-12)
    c = 0.6
    x = np.array([0.6, 0.8])

    def product(matrix):
        return float((h + a * matrix @ h) @ (x + a * matrix @ x))

    assert mean_over_entries(product) == pytest.approx(scalar_product("linear", c, a), rel=1e-12)
    square = mean_over_entries(lambda matrix: product(matrix) ** 2)
    assert square == pytest.approx(squared_product(2, c, a), rel=1e-12)
    # A difference of numbers of its own size: the same roundings, a few times larger.
    assert product_variance(2, "linear", c, a) == pytest.approx(square - scalar_product("linear", c, a) ** 2, rel=1e-11)


@pytest.mark.parametrize("a", [0.3, 1.0])
def test_a_relu_layer_of_width_one_has_the_moments_of_two_normal_numbers(a):
    # R = R* = (1 + a V W 1[W > 0])^2, E V^2 W^2 1 = 1/2, E V^4 W^4 1 = 9/2: E R^2 = 1 + 6 a^2/2 + 9 a^4/2. Roundings of
    # a few sums and products of positive numbers.
    assert both_ways(1, "res-3", a) == pytest.approx(1.0 + 3.0 * a**2 + 4.5 * a**4, rel=1e-14)


def test_moments_of_a_relu_layer_agree_with_layers_in_numpy():
    rng, width, a, cosine, networks = np.random.default_rng(20261126), 3, 0.8, 0.5, 400_000
    outer, inner = (rng.standard_normal((networks, width, width)) / math.sqrt(width) for _ in range(2))
    h, p = np.zeros(width), rng.standard_normal((networks, width))
    h[0] = 1.0
    other = np.array([cosine, math.sqrt(1.0 - cosine**2), 0.0])
    p /= np.linalg.norm(p, axis=1, keepdims=True)
    first, second = inner @ h, inner @ other
    forward = h + a * np.einsum("nij,nj->ni", outer, np.maximum(first, 0.0))
    beside = other + a * np.einsum("nij,nj->ni", outer, np.maximum(second, 0.0))
    back = np.einsum("nij,ni->nj", outer, p) * (first > 0.0)
    backward = p + a * np.einsum("nij,ni->nj", inner, back)
    both = np.sum(forward**2, axis=1) * np.sum(backward**2, axis=1)
    product = np.sum(forward * beside, axis=1)
    for values, expected in ((both, both_ways(width, "res-3", a)), (product, scalar_product("res-3", cosine, a))):
        # Five standard errors.
        assert abs(values.mean() - expected) < 5.0 * values.std() / math.sqrt(networks)
    assert product.var() < product_variance(width, "res-3", cosine, a)
    # Equal inputs: E relu(u)^2 relu(v)^2 is 3/2, so that the bound is the variance. Five standard errors of that.
    deviations = (np.sum(forward**2, axis=1) - scalar_product("res-3", 1.0, a)) ** 2
    error = deviations.std() / math.sqrt(networks)
    assert abs(deviations.mean() - product_variance(width, "res-3", 1.0, a)) < 5.0 * error


@pytest.mark.parametrize(
    ("name", "place", "share"),
    [(None, (), 0.0), ("cosine_input", 1, 1e-6), ("cosine_profile", (1, 0), 1e-6), ("cosine_profile", (1, 1), 1e-6)],
)
def test_a_cosine_that_is_not_that_of_its_depth_is_seen(name, place, share):
    (check,) = (c for c in gaussian_layers.checks(PROFILES["quick"]) if c.name.endswith("dense-cosines"))
    (deep,) = check.experiments
    values = dict(simulate(deep, 64, seed=3).values)
    if name is not None:
        values[name] = values[name].copy()
        values[name][(slice(None), *np.atleast_1d(place))] *= 1.0 + share
    found = check.estimator.observable([Sample(deep, 3, values, 0.0)])
    # A cosine of c_1 below 1e-3 in size is not moved by 1e-9.
    assert np.mean(found) == 1.0 if name is None else np.mean(found) <= 0.1
