"""The parametrisation of a layer and the moments of its scale."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_layer_laws import a_layer

from theory_check.foundation.errors import SpecificationError
from theory_check.theory.multiplier import layer_groups

WIDTHS = st.integers(1, 200)
SLOPES = st.floats(-3, 3)
ROUNDING = 1e-11  # log-sum-exp of a few hundred terms whose logarithms reach 1e3: 1e3 * 2^-52 * (a few) relative


@settings(deadline=None)
@given(WIDTHS, SLOPES, st.floats(0.01, 100))
def test_first_scale_moment_is_kappa_over_width(width, slope, gain):
    for kind in ("linear", "res-3"):
        law = a_layer(width, kind, slope, gain)
        assert law.scale_moment(1) == pytest.approx(law.kappa / width, rel=ROUNDING)


@settings(deadline=None)
@given(WIDTHS, SLOPES)
def test_second_scale_moment_is_the_catalogued_one(width, slope):
    """E19: [3 d (1 + s^4) / 2 + d (d - 1) kappa^2] / d^4, and its ReLU case of E3, (5 d + d^2) / (4 d^4)."""
    d, law = width, a_layer(width, "res-3", slope)
    expected = (3 * d * (1 + slope**4) / 2 + d * (d - 1) * law.kappa**2) / d**4
    assert law.scale_moment(2) == pytest.approx(expected, rel=ROUNDING)
    relu = a_layer(width, "res-3")
    assert relu.scale_moment(2) == pytest.approx((5 * d + d**2) / (4 * d**4), rel=ROUNDING)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0, -2.0])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_scale_moments_by_convolution_of_the_coordinates(width, slope, order):
    """E (sum of d independent copies of sigma(w)^2)^k by adding the coordinates one at a time."""
    single = [(1 + slope ** (2 * k)) / 2 * math.prod(range(1, 2 * k, 2)) if k else 1.0 for k in range(order + 1)]
    total = [1.0] + [0.0] * order
    for _ in range(width):
        total = [sum(math.comb(k, j) * total[j] * single[k - j] for j in range(k + 1)) for k in range(order + 1)]
    law = a_layer(width, "res-3", slope, gain=1.7)
    assert law.scale_moment(order) == pytest.approx(total[order] * 1.7**order / width ** (2 * order), rel=ROUNDING)


def test_gain_scales_and_slope_one_is_a_chi_square():
    law = a_layer(6, "res-3", 1.0, 2.0)
    assert law.kappa == 2.0
    assert law.atom == 0.0
    # S = 2 chi2_6 / 36: E S^3 = 8 * 6 * 8 * 10 / 36^3
    assert law.scale_moment(3) == pytest.approx(8 * 480 / 36**3, rel=ROUNDING)
    assert a_layer(6, "linear", gain=2.0).scale_moment(3) == pytest.approx(1 / 27, rel=ROUNDING)
    assert a_layer(3, "res-3").atom == 1 / 8
    assert a_layer(3, "linear").scale_moment(0) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"width": 0},
        {"width": 3, "kind": "res-2"},
        {"width": 3, "gain": 0.0},
        {"width": 3, "gain": math.inf},
        {"width": 3, "slope": math.nan},
    ],
)
def test_bad_multipliers_are_refused(arguments):
    with pytest.raises(SpecificationError):
        a_layer(**arguments)


def test_layer_groups_count_the_layers():
    values, counts = layer_groups([0.5, -0.25, 0.25, 0.5, 0.5])
    np.testing.assert_array_equal(values, [0.25, 0.5])
    np.testing.assert_array_equal(counts, [2, 3])
    values, counts = layer_groups(-0.1, 7)
    assert (values.tolist(), counts.tolist()) == ([0.1], [7.0])


@pytest.mark.parametrize(
    ("scaling", "depth"),
    [(0.1, None), (0.1, 0), ([], None), ([[0.1]], None), ([0.1, 0.2], 3), ([np.nan], None)],
)
def test_bad_scalings_are_refused(scaling, depth):
    with pytest.raises(SpecificationError):
        layer_groups(scaling, depth)


def test_negative_orders_are_refused():
    with pytest.raises(SpecificationError):
        a_layer(3).log_scale_moment(-1)
