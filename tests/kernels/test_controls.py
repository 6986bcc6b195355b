"""Control variates: their twin in NumPy, what leaves them alone, and their means over all matrices of signs."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from decimal_textbook import dot, exact, precisely
from numpy_twins import LANES
from sign_matrices import sign_matrices

from theory_check.experiments.spelling import network
from theory_check.kernels.controls import FLOOR, add_controls
from theory_check.simulation.runner import simulate

WIDTH = 5
SEED = 31


def vectors(count):
    return np.random.default_rng(SEED).standard_normal((count, WIDTH, LANES))


def sums(hidden, factor, increment, growth):
    totals = np.zeros((4, LANES))
    add_controls(hidden.reshape(-1), factor, increment.astype(np.float32).reshape(-1), growth, totals)
    return totals


def twin(hidden, factor, increment, growth):
    """The four terms, from squared norms before and after."""
    step = factor * increment.astype(np.float32).astype(np.float64)
    norm = np.sum(hidden**2, axis=0)
    projection, length = 2.0 * np.sum(hidden * step, axis=0) / norm, np.sum(step**2, axis=0) / norm
    ratio = np.sum((hidden + step) ** 2, axis=0) / norm
    return np.array(
        [projection, length - growth, projection**2 - 4.0 * growth / WIDTH, np.log(np.maximum(ratio, FLOOR))]
    )


@pytest.mark.parametrize("factor", [0.1, -0.7, 2.0])
def test_terms_of_a_layer_are_their_twin(factor):
    hidden, increment = vectors(2)
    # Sums of five products in double precision, and a ratio that may lose a factor of 1/2 above the floor.
    np.testing.assert_allclose(
        sums(hidden, factor, increment, 0.3), twin(hidden, factor, increment, 0.3), rtol=1e-13, atol=1e-13
    )


@precisely
def in_decimals(hidden, factor, increment, growth):
    """The four terms of one lane as the docstring of the kernel states them."""
    h, step, a, growth = exact(hidden), exact(increment), Decimal(factor), Decimal(growth)
    u, r = dot(h, step) / dot(h, h), dot(step, step) / dot(h, h)
    floored = max(1 + 2 * a * u + a * a * r, Decimal(FLOOR)).ln()
    terms = 2 * a * u, a * a * r - growth, 4 * (a * a * u * u - growth / WIDTH), floored
    return np.array([float(term) for term in terms])


@pytest.mark.parametrize("factor", [0.1, -0.7, 2.0])
def test_terms_in_decimal_arithmetic(factor):
    hidden, increment = vectors(2)
    increment = increment.astype(np.float32)
    found = sums(hidden, factor, increment, 0.3)
    for lane in range(LANES):
        expected = in_decimals(hidden[:, lane], factor, increment[:, lane], 0.3)
        # Sums of 5 products and a few more roundings, relative to the sizes of the terms: q is that of a step.
        q = abs(factor) * np.linalg.norm(increment[:, lane]) / np.linalg.norm(hidden[:, lane])
        size = np.array([2 * q, q * q + 0.3, 8 * q * q + 0.3, (1 + q) ** 2 / FLOOR])
        assert np.all(np.abs(found[:, lane] - expected) <= (2 * WIDTH + 6) * 2.0**-53 * size)


def test_layers_that_halve_the_norm_are_floored_and_a_state_of_norm_0_adds_nothing():
    (hidden,) = vectors(1)
    hidden[:, 1] = 0.0
    # h - 0.5 h: a quarter of the squared norm is left; h - h: nothing, whose logarithm does not exist.
    for factor in (-0.5, -1.0):
        single = hidden.astype(np.float32).astype(np.float64)
        found = sums(single, factor, single, 0.3)
        np.testing.assert_allclose(found[3, 0], math.log(FLOOR), rtol=1e-15)
        assert not found[:, 1].any()


@pytest.mark.parametrize("power", [-90, 40])
def test_the_units_of_the_state_do_not_matter(power):
    hidden, increment = vectors(2)
    scaled = sums(np.ldexp(hidden, power), 0.4, np.ldexp(increment, power), 0.3)
    np.testing.assert_array_equal(scaled, sums(hidden, 0.4, increment, 0.3))


@pytest.mark.parametrize("branch", ["linear", "res-3"])
def test_means_over_all_matrices_of_signs_are_zero(branch):
    """Width 2, from every direction: 16 matrices V, for res-3 times 16 matrices W. A wrong centre has another mean."""
    signs, kappa, d = list(sign_matrices(2)), 1.0 if branch == "linear" else 0.5, 2
    for angle in np.linspace(0.1, 3.0, 7):
        h = np.array([math.cos(angle), math.sin(angle)])
        values = [h] if branch == "linear" else [np.maximum(w @ h, 0.0) for w in signs]
        images = np.array([v @ g for g in values for v in signs])
        u, r = images @ h, np.sum(images**2, axis=1)
        assert u.mean() == pytest.approx(0.0, abs=1e-15)
        assert r.mean() == pytest.approx(kappa, rel=1e-14)
        assert np.mean(u**2) == pytest.approx(kappa / d, rel=1e-14)
        assert np.mean(u**2) != pytest.approx(kappa / (d + 2), rel=0.1)
        assert np.mean(u * (r - 2.0 * u**2)) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(("branch", "weights"), [("linear", "gaussian"), ("res-3", "uniform"), ("res-3", "gaussian")])
def test_controls_take_nearly_all_variance_off_the_logarithm(branch, weights):
    deep = network(branch, weights, width=10, depth=300, controls=True)
    values = simulate(deep, 512, SEED).values
    projection, length, square, floored = (values[name] for name in (
        "control_projection", "control_length", "control_square", "log_floored_ratio"
    ))  # fmt: skip
    np.testing.assert_allclose(floored, values["log_norm_ratio"], rtol=0, atol=1e-12)
    variances = [np.var(floored - part) for part in (0.0, projection, projection + length - 0.5 * square)]
    # 4 kappa/d against terms of order a^4 and a^6, that is 1/L and 1/L^2: constants of 0.1 to 1. With the opposite
    # sign of the last control the terms of order a^4 stay.
    assert variances[0] > 50.0 * variances[1] > 50.0 * 20.0 * variances[2]
    assert np.var(floored - projection - length - 0.5 * square) > 20.0 * variances[2]
