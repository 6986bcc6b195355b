"""Scalar products of two states: known cases, enumeration of random signs, and sums of Gaussian weights."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from one_layer_laws import a_layer
from sign_matrices import sign_matrices

from theory_check.catalogue import gaussian_layers
from theory_check.theory.moments import norm_ratio_moment, norm_ratio_variance
from theory_check.theory.scalar_products import mean_product, product_variance


@pytest.mark.parametrize(("width", "a", "depth"), [(1, 0.7, 3), (4, 0.3, 20), (30, 1.5, 7)])
@pytest.mark.parametrize("gain", [1.0, 1 / 3])
def test_two_inputs_that_are_one_have_the_moments_of_the_norm(width, a, depth, gain):
    layer = a_layer(width, gain=gain), a, depth
    # A rounding a layer, of numbers that cancel to the variance.
    assert mean_product(*layer, 1.0) == pytest.approx(norm_ratio_moment(*layer), rel=1e-13)
    assert product_variance(*layer, 1.0) == pytest.approx(norm_ratio_variance(*layer), rel=1e-12)


@pytest.mark.parametrize("cosine", [-0.5, 0.0, 0.3, 0.9])
def test_one_layer_is_that_of_the_theorem_of_wick(cosine):
    """Written out entry by entry in E23."""
    expected = gaussian_layers.product_variance(5, "linear", cosine, 0.8)
    assert product_variance(a_layer(5), 0.8, 1, cosine) == pytest.approx(expected, rel=1e-12)


def products(matrices, a, depth, cosine):
    """All values of the product after each choice of the matrices of so many layers."""
    first, second = np.array([1.0, 0.0]), np.array([cosine, math.sqrt(1.0 - cosine**2)])
    for chosen in itertools.product(matrices, repeat=depth):
        states = np.stack([first, second], axis=1)
        for matrix in chosen:
            states = states + a * matrix @ states
        yield states[:, 0] @ states[:, 1]


@pytest.mark.parametrize("cosine", [-0.5, 0.3])
@pytest.mark.parametrize("depth", [1, 2])
def test_random_signs_have_the_mean_and_at_most_the_variance(cosine, depth):
    values = np.array(list(products(list(sign_matrices(2)), 0.8, depth, cosine)))
    bound = product_variance(a_layer(2), 0.8, depth, cosine)
    assert values.mean() == pytest.approx(mean_product(a_layer(2), 0.8, depth, cosine), rel=1e-13)
    assert 0.1 * bound < values.var() < bound


def test_two_layers_of_width_two_by_quadrature():
    """Entries on the Gauss and Hermite rule of three points have the moments of normal ones up to the fifth."""
    points, masses = np.array([-math.sqrt(3.0), 0.0, math.sqrt(3.0)]), np.array([1.0, 4.0, 1.0]) / 6.0
    entries = list(itertools.product(range(3), repeat=4))
    matrices = [points[list(chosen)].reshape(2, 2) / math.sqrt(2.0) for chosen in entries]
    mass = np.array([masses[list(chosen)].prod() for chosen in entries])
    weights = np.outer(mass, mass).ravel()
    values = np.array(list(products(matrices, 0.8, 2, 0.3)))
    mean, square = weights @ values, weights @ values**2
    assert mean == pytest.approx(mean_product(a_layer(2), 0.8, 2, 0.3), rel=1e-12)
    assert square - mean**2 == pytest.approx(product_variance(a_layer(2), 0.8, 2, 0.3), rel=1e-12)
    # Without what the two norms share, 2 P^2/d, the variance of the second layer is smaller by 3%.
    assert square - mean**2 != pytest.approx(0.97 * product_variance(a_layer(2), 0.8, 2, 0.3), rel=0.01)
