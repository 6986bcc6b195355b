"""Moments of the displacement against the closed forms of low order, quadrature and simulation of the one-layer law."""

import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_layer_laws import a_layer

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import mean_interval
from theory_check.theory import moments
from theory_check.theory.joint_moments import displacement_moment, norm_displacement_moment, overlap_moment

# The closed forms sum logarithms and log-gammas of size up to 1e3.
ROUNDING = 1e-11

laws = st.builds(
    a_layer,
    width=st.integers(1, 12),
    kind=st.sampled_from(["linear", "res-3"]),
    slope=st.floats(-1.5, 1.5),
    gain=st.floats(0.1, 3.0),
)


@settings(max_examples=50)
@given(laws, st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4))
def test_moments_of_low_order_are_the_closed_forms(multiplier, scaling):
    assert displacement_moment(multiplier, scaling, order=0) == 1.0
    assert displacement_moment(multiplier, scaling, order=1) == pytest.approx(
        moments.mean_displacement(multiplier, scaling), rel=ROUNDING, abs=1e-300
    )
    # The closed form of E D^2 is good to 1e-10.
    assert displacement_moment(multiplier, scaling, order=2) == pytest.approx(
        moments.displacement_second_moment(multiplier, scaling), rel=2e-10, abs=1e-300
    )


@pytest.mark.parametrize("depth", [1, 2, 37])
def test_equal_layers_are_a_matrix_power(depth):
    multiplier = a_layer(5, "res-3", 0.2)
    for order in (3, 4):
        together = displacement_moment(multiplier, 0.2, depth, order=order)
        one_by_one = displacement_moment(multiplier, np.full(depth, 0.2), order=order)
        # Only the last conversion rounds.
        assert together == pytest.approx(one_by_one, rel=1e-15)


def test_a_single_layer_by_moments_of_the_chi_square():
    # h_0 + a V h_0: D = a^2 chi2_d / d.
    d, a = 7, 0.3
    expected = a**8 * math.prod(d + 2 * i for i in range(4)) / d**4
    assert displacement_moment(a_layer(d), a, 1, order=4) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("depth", [1, 3])
def test_fourth_moments_at_width_one_by_quadrature(depth):
    # D = (prod (1 + a z_k) - 1)^2 is a polynomial of degree 2 in each z_k, D^4 of degree 8: five nodes are exact.
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    product, chance = np.ones(1), np.ones(1)
    for _ in range(depth):
        product = np.outer(product, 1.0 + 0.4 * nodes).ravel()
        chance = np.outer(chance, weights / weights.sum()).ravel()
    expected = float(chance @ (product - 1.0) ** 8)
    assert displacement_moment(a_layer(1), 0.4, depth, order=4) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("kind", "slope"), [("linear", 0.0), ("res-3", 0.0), ("res-3", 0.5)])
def test_moments_agree_with_a_plain_simulation(kind, slope):
    # All of h, no reduction: 10^5 networks of width 3 and depth 3.
    d, depth, a, n = 3, 3, 0.3, 100_000
    g = np.random.Generator(np.random.Philox(key=zlib.crc32(f"joint {kind} {slope}".encode())))
    h = np.zeros((n, d))
    h[:, 0] = 1.0
    start = h.copy()
    for _ in range(depth):
        branch = h
        if kind == "res-3":
            pre = np.einsum("nij,nj->ni", g.normal(size=(n, d, d)), h) / math.sqrt(d)
            branch = np.where(pre > 0.0, pre, slope * pre)
        h = h + a * np.einsum("nij,nj->ni", g.normal(size=(n, d, d)), branch) / math.sqrt(d)
    displacement = np.sum((h - start) ** 2, axis=1)
    multiplier = a_layer(d, kind, slope)
    second, fourth = (displacement_moment(multiplier, a, depth, order=order) for order in (2, 4))
    interval = mean_interval(displacement**2, variance_bound=fourth - second**2, alpha=1e-6)
    assert interval.contains(second)
    # A tenth off in the scaling is seen.
    assert not interval.contains(displacement_moment(multiplier, 1.1 * a, depth, order=2))


def test_orders_out_of_range_are_one_line_that_teaches():
    with pytest.raises(SpecificationError, match="it must be a whole number from 0 to 8"):
        displacement_moment(a_layer(3), 0.1, 2, order=9)


def test_mixed_moments_of_low_order_are_the_closed_forms():
    """E R D = E R^2 - 2 E R Y + E R, and E Y^2 = 1 + (E R - 1)/d: sums of numbers of size 10, rounded."""
    for multiplier in (a_layer(5, "linear"), a_layer(7, "res-3", 0.3, 1.5)):
        scaling = [0.3, 0.8, 0.5]
        ratio, second = (moments.norm_ratio_moment(multiplier, scaling, order=n) for n in (1, 2))
        product = second - 2.0 * math.exp(moments.log_norm_overlap_moment(multiplier, scaling)) + ratio
        assert norm_displacement_moment(multiplier, scaling, order=1) == pytest.approx(product, rel=ROUNDING)
        square = 1.0 + (ratio - 1.0) / multiplier.width
        assert overlap_moment(multiplier, scaling, order=2) == pytest.approx(square, rel=ROUNDING)


def test_mixed_moments_at_width_one_are_integrals():
    """Y = (1 + a z)(1 + b w), R = Y^2, D = (Y - 1)^2: polynomials, which Gauss and Hermite integrate to rounding."""
    points, weights = np.polynomial.hermite_e.hermegauss(20)
    y = np.multiply.outer(1.0 + 0.5 * points, 1.0 + 0.8 * points)
    density = np.multiply.outer(weights, weights) / (2.0 * math.pi)
    layer, scaling = a_layer(1, "linear"), [0.5, 0.8]
    for order in (1, 2):
        integral = float(np.sum(density * (y * (y - 1.0)) ** (2 * order)))
        assert norm_displacement_moment(layer, scaling, order=order) == pytest.approx(integral, rel=ROUNDING)
    for order in (1, 3, 4):
        integral = float(np.sum(density * y**order))
        assert overlap_moment(layer, scaling, order=order) == pytest.approx(integral, rel=ROUNDING)


def test_orders_of_mixed_moments_out_of_range_are_refused():
    with pytest.raises(SpecificationError, match="it must be a whole number from 0 to 4"):
        norm_displacement_moment(a_layer(2, "linear"), 1.0, 1, order=5)
    with pytest.raises(SpecificationError, match="it must be a whole number from 0 to 8"):
        overlap_moment(a_layer(2, "linear"), 1.0, 1, order=9)
