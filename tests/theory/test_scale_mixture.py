"""The quadrature for the law of the squared scale."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_layer_laws import a_layer

from theory_check.theory.scale_mixture import scale_nodes


@pytest.mark.parametrize("slope", [0.0, 1e-3, 0.01, 0.3, 1.0, -2.0, 10.0])
@pytest.mark.parametrize("width", [1, 2, 3, 10, 40, 300])
def test_laplace_transform_at_every_scale(width, slope):
    """E exp(-c S d^2) = sum_N binomial (1 + 2c)^(-N/2) (1 + 2c s^2)^(-(d-N)/2), which is [average of two factors]^d."""
    law = a_layer(width, "res-3", slope)
    S, w = scale_nodes(law)
    c = 10.0 ** np.arange(-4, 9)
    exact = (((1 + 2 * c) ** -0.5 + (1 + 2 * c * slope**2) ** -0.5) / 2) ** width
    value = law.atom + np.exp(-np.multiply.outer(c, S * width**2)) @ w
    # trapezoidal error 1e-15 a component, mass rounding; the lump of 1e-10 sits at S_0 d^2 = 1e-20, so c S_0 <= 1e-12
    np.testing.assert_allclose(value, exact, rtol=0, atol=1e-13)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 100), st.floats(-2, 2).map(lambda s: round(s, 4)), st.floats(0.1, 10))
def test_moments(width, slope, gain):
    law = a_layer(width, "res-3", slope, gain)
    S, w = scale_nodes(law)
    assert np.all(S > 0)
    assert np.all(w >= 0)
    assert w.sum() == pytest.approx(1 - law.atom, rel=1e-13)
    for order in (1, 2, 3):
        # as above, relative to the moment; log-gammas of size 1e3 in the closed form
        assert w @ S**order == pytest.approx(law.scale_moment(order), rel=1e-11)


def test_linear_is_a_point():
    S, w = scale_nodes(a_layer(5, gain=2.0))
    assert (S.tolist(), w.tolist()) == ([0.4], [1.0])


def test_logarithmic_moment():
    """E log S for slope 1 is log(2 / d^2) + digamma(d / 2): sensitive to the small scales."""
    from scipy.special import digamma

    for width in (1, 2, 7):
        S, w = scale_nodes(a_layer(width, "res-3", 1.0))
        # d = 1: the lump of mass 1e-10 at S_0 misplaces log S by 2 on average there
        assert w @ np.log(S) == pytest.approx(math.log(2 / width**2) + digamma(width / 2), abs=1e-9)


def test_shared_arrays_cannot_be_written():
    S, _ = scale_nodes(a_layer(3, "res-3"))
    with pytest.raises(ValueError, match="read-only"):
        S[0] = 1.0
