from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy_twins import LANES, UNIT

from theory_check.kernels import layers

SEED_OF_VECTORS = 11


def vectors(count, width, scale=1.0):
    return scale * np.random.default_rng(SEED_OF_VECTORS).standard_normal((count, width * LANES))


@pytest.mark.parametrize("slope", [0.0, 0.1, -0.5, 1.0])
def test_piecewise_linear_activation(slope):
    pre = vectors(1, 5)[0].astype(np.float32)
    pre[:3] = [0.0, -0.0, np.float32(2.0**-140)]
    post, derivative = np.empty_like(pre), np.empty_like(pre)
    layers.activate_piecewise_linear(pre, post, derivative, np.array([slope]))
    expected = np.where(pre > 0, np.float32(1), np.float32(slope))
    np.testing.assert_array_equal(derivative, expected)
    np.testing.assert_array_equal(post, expected * pre)


def test_tanh_activation():
    pre = np.concatenate([vectors(1, 3)[0], np.linspace(-30, 30, 2 * LANES)]).astype(np.float32)
    post, derivative = np.empty_like(pre), np.empty_like(pre)
    layers.activate_tanh(pre, post, derivative, np.empty(0))
    exact = np.tanh(pre.astype(np.float64))
    # Libraries compute tanh in single precision within 2 units in the last place, 4 UNIT; its square is rounded once
    # more.
    assert np.all(np.abs(post - exact) <= 4 * UNIT * np.abs(exact))
    assert np.all(np.abs(derivative - (1 - exact**2)) <= 10 * UNIT)


@pytest.mark.parametrize("width", [1, 2, 7])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_squared_norms(width, kind):
    vector, norms = vectors(1, width)[0].astype(kind), np.empty(LANES)
    layers.squared_norms(vector, norms)
    expected = np.sum(vector.reshape(width, LANES).astype(np.float64) ** 2, axis=0)
    # width products and sums in double precision.
    np.testing.assert_allclose(norms, expected, rtol=(width + 2) * 2.0**-53)
    # The lanes of a panel, as many as there are norms.
    few = np.empty(LANES // 4)
    layers.squared_norms(np.ascontiguousarray(vector.reshape(width, LANES)[:, : LANES // 4]).ravel(), few)
    np.testing.assert_array_equal(few, norms[: LANES // 4])


@given(st.lists(st.integers(-400, 400), min_size=LANES, max_size=LANES), st.integers(1, 4))
def test_rescaling_is_exact_and_leads_back_to_norm_one(powers, width):
    vector = np.ldexp(vectors(1, width)[0].reshape(width, LANES), np.array(powers))
    rescaled, exponents, norms = vector.copy(), np.zeros(LANES, np.int64), np.empty(LANES)
    layers.rescale(rescaled.reshape(-1), exponents, norms)
    np.testing.assert_array_equal(np.ldexp(rescaled, exponents), vector)
    lengths = np.linalg.norm(rescaled, axis=0)
    # The exponent of the squared norm is halved rounding down: norms end in [1/2, 2), give or take one power of two.
    moved = exponents != 0
    assert np.all((lengths[moved] >= 0.25) & (lengths[moved] < 4.0))
    assert np.all((lengths >= 2.0**-40) & (lengths <= 2.0**40))


@pytest.mark.parametrize("special", [0.0, math.inf, math.nan])
def test_rescaling_leaves_special_lanes_alone(special):
    vector = vectors(1, 2)[0].reshape(2, LANES) * 2.0**100
    vector[:, 3] = special
    rescaled, exponents = vector.copy(), np.zeros(LANES, np.int64)
    layers.rescale(rescaled.reshape(-1), exponents, np.empty(LANES))
    np.testing.assert_array_equal(rescaled[:, 3], vector[:, 3])
    assert exponents[3] == 0
    assert np.all(np.delete(exponents, 3) != 0)


def test_sums():
    vector, increment = vectors(2, 3)
    single = np.empty(3 * LANES, np.float32)
    layers.narrow(increment, single)
    np.testing.assert_array_equal(single, increment.astype(np.float32))
    total = vector.copy()
    layers.add_scaled(total, 0.3, single)
    # One product and one sum in double precision, or one rounding where they are fused.
    exact = vector + 0.3 * single.astype(np.float64)
    np.testing.assert_allclose(total, exact, rtol=0, atol=2.0**-52 * np.max(np.abs(vector) + np.abs(single)))


def test_bias_is_in_the_units_of_the_state():
    pre, bias = vectors(2, 3).astype(np.float32)
    exponents = np.arange(LANES) - 32
    total = pre.copy()
    layers.add_bias(total, bias, 0.7, exponents)
    added = np.ldexp(0.7 * bias.reshape(3, LANES).astype(np.float64), -exponents).ravel()
    # The factor, the product and the sum are rounded.
    assert np.all(np.abs(total - (pre + added)) <= 2 * UNIT * np.abs(added) + UNIT * np.abs(pre + added) * 1.01)
