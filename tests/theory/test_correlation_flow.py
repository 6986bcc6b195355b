"""The flow of the cosine between two inputs: recurrence, differential equation and quadrature against each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.theory.arc_kernel import arc, gap
from theory_check.theory.correlation_flow import correlation_flow, layer_product, wide_correlations
from theory_check.theory.moments import multiplier_variance
from theory_check.theory.multiplier import Multiplier


def leaky_kernel(r, slope):
    """E sigma(u) sigma(v) over the four signs of u and v."""
    return (arc(r) + slope**2 * arc(r) - 2 * slope * arc(-r)) / 2


def flow_time(start, end, slope):
    """Time from one cosine to another and its error, by quadrature of 1/(speed gap); e = exp(-x) leaves no pole."""
    low, high = -math.log1p(-start), -math.log1p(-end)
    integral = integrate.quad(
        lambda x: math.exp(-x) / float(gap(min(2.0, math.exp(-x)))), low, high, epsabs=0, epsrel=1e-12
    )
    return tuple(x * 2 / (1 - slope) ** 2 for x in integral)


@settings(deadline=None, max_examples=30)
@given(st.floats(-1, 1), st.floats(-1.5, 1.5), st.lists(st.floats(0, 2), min_size=1, max_size=20))
def test_the_recurrence_of_the_three_products(c, slope, scaling):
    """The squared norms and the product of two states, as matrices of second moments."""
    moments = np.array([[1.0, 2 * c], [2 * c, 4.0]])
    for a in scaling:
        roots = np.sqrt(np.diag(moments))
        cosines = np.clip(moments / np.outer(roots, roots), -1, 1)
        moments = moments + a * a * np.outer(roots, roots) * leaky_kernel(cosines, slope)
    # the clip loses what rounding takes above 1; 20 layers of a few roundings each
    expected = moments[0, 1] / math.sqrt(moments[0, 0] * moments[1, 1])
    assert wide_correlations(c, scaling, slope=slope)[-1] == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("slope", [0.0, -1.0, 0.3])
@pytest.mark.parametrize("c", [-1.0, -0.2, 0.9])
def test_the_flow_takes_the_time_of_its_quadrature(c, slope):
    c1, c2 = correlation_flow(c, [0.4, 3.0], slope=slope)
    (first, first_error), (second, second_error) = flow_time(c, c1, slope), flow_time(c, c2, slope)
    # cosines are good to 1e-11, times to that over the speed (1 - s)^2/2 gap > 0.01 here
    assert first == pytest.approx(0.4, abs=1e-9 + first_error)
    assert second == pytest.approx(3.0, abs=2e-8 + second_error)


def test_a_leaky_activation_is_relu_slowed_down():
    t = np.array([0.3, 1.0, 4.0])
    # both solved to 1e-11
    np.testing.assert_allclose(correlation_flow(0.1, t, slope=0.5), correlation_flow(0.1, t / 4), atol=1e-10)
    np.testing.assert_allclose(correlation_flow(0.1, t, slope=1.0), 0.1, atol=1e-10)


def test_deep_networks_follow_the_flow_at_order_one():
    """L (c_L - c) converges: it changes by O(1/L) of itself between L and 4 L."""
    limit = float(correlation_flow(-0.5, [1.0])[0])
    errors = [L * (wide_correlations(-0.5, L**-0.5, L)[-1] - limit) for L in (200, 800)]
    assert abs(errors[0]) > 0.01
    # the relative change is of order 1/200; the flow contributes 800e-11
    assert errors[1] == pytest.approx(errors[0], rel=0.02)


def test_the_approach_to_one():
    t = 1e4
    # e ~ 18 pi^2/t^2, corrections of relative order 1/t and log t/t^2 from the start and the next term
    assert 1 - correlation_flow(0.0, [t])[0] == pytest.approx(18 * math.pi**2 / t**2, rel=2e-2)
    np.testing.assert_array_equal(correlation_flow(1.0, [0.0, 5.0]), 1.0)


def test_mistakes():
    for bad in (lambda: correlation_flow(1.2, [1.0]), lambda: correlation_flow(0.0, [2.0, 1.0])):
        with pytest.raises(SpecificationError):
            bad()
    with pytest.raises(SpecificationError):
        wide_correlations(0.1, 0.5)


def test_mean_and_variance_of_the_product_of_two_states_after_a_layer():
    rng = np.random.default_rng(3)
    width, scaling, c, n = 5, 1.3, -0.4, 40_000
    u, v = np.zeros(width), np.zeros(width)
    u[0], v[0], v[1] = 1.0, c, math.sqrt(1.0 - c * c)
    outer, inner = (rng.normal(size=(n, width, width)) / width**0.5 for _ in range(2))
    first, second = (h + scaling * np.einsum("nij,nj->ni", outer, np.maximum(inner @ h, 0.0)) for h in (u, v))
    products = np.sum(first * second, axis=1)
    mean, variance = layer_product(c, scaling, width)
    # five standard errors, of a variance whose kurtosis is below 30
    assert products.mean() == pytest.approx(mean, abs=5.0 * math.sqrt(variance / n))
    assert products.var() == pytest.approx(variance, rel=5.0 * math.sqrt(30.0 / n))


def test_equal_inputs_have_the_moments_of_one():
    layer = Multiplier(7, Branch("res-3"))
    mean, variance = layer_product(1.0, 0.8, 7)
    assert mean == pytest.approx(1.0 + 0.5 * 0.64, rel=1e-14)
    assert variance == pytest.approx(multiplier_variance(layer, 0.8), rel=1e-13)
