"""The arc-cosine kernel against quadrature, its series and identities."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from theory_check.foundation.errors import SpecificationError
from theory_check.theory.arc_kernel import arc, cubed_arc, gap, squared_arc

correlations = st.floats(-1, 1)


def half_mean(mean, deviation):
    """E relu(mean + deviation z)."""
    x = mean / deviation
    return mean * special.ndtr(x) + deviation * stats.norm.pdf(x)


def half_square(mean, deviation):
    """E relu(mean + deviation z)^2."""
    x = mean / deviation
    return (mean**2 + deviation**2) * special.ndtr(x) + mean * deviation * stats.norm.pdf(x)


@pytest.mark.parametrize("r", [-0.99, -0.5, 0.0, 0.3, 0.9])
def test_against_one_dimensional_quadrature(r):
    """Condition on u: v is normal with mean r u and variance 1 - r^2."""
    s = math.sqrt(1 - r * r)
    first = integrate.quad(lambda u: u * half_mean(r * u, s) * stats.norm.pdf(u), 0, 12, epsabs=1e-13)[0]
    second = integrate.quad(lambda u: u**2 * half_square(r * u, s) * stats.norm.pdf(u), 0, 12, epsabs=1e-13)[0]
    third = integrate.quad(lambda u: u**3 * half_mean(r * u, s) * stats.norm.pdf(u), 0, 12, epsabs=1e-13)[0]
    # the tolerance of quad, and the tail beyond 12 below 1e-30
    assert float(arc(r)) / 2 == pytest.approx(first, abs=1e-12)
    assert float(squared_arc(r)) == pytest.approx(second, abs=1e-12)
    assert float(cubed_arc(r)) == pytest.approx(third, abs=1e-12)


@settings(deadline=None)
@given(correlations)
def test_identities(r):
    # roundings of numbers up to 1
    assert float(arc(r)) == pytest.approx(
        (math.sqrt(1 - r * r) + r * (math.pi / 2 + math.asin(r))) / math.pi, abs=1e-15
    )
    assert float(arc(-r)) == pytest.approx(float(arc(r)) - r, abs=1e-15)
    assert float(squared_arc(r) + squared_arc(-r)) == pytest.approx((1 + 2 * r * r) / 2, abs=1e-14)


@pytest.mark.parametrize("e", [1e-300, 1e-12, 1e-6, 1e-3, 0.1, 0.12, 0.13, 0.5, 1.0, 1.9, 2.0])
def test_gap_to_relative_accuracy(e):
    """gap = int_0^e acos(1 - x) dx / pi, a sum of positive terms: acos(1 - x) = sqrt(2x) 2F1(1/2, 1/2; 3/2; x/2)."""
    value = integrate.quad(lambda x: 2 * x * x * math.sqrt(2) * special.hyp2f1(0.5, 0.5, 1.5, x * x * e / 2), 0, 1)[0]
    # quad is accurate to 1e-14 except at the branch point e = 2, 1e-10
    assert float(gap(e)) == pytest.approx(e**1.5 * value / math.pi, rel=1e-13 if e < 1.95 else 1e-9)
    # arc near -1 is the gap near 1
    if 1e-12 < e < 1:
        assert float(arc(-1 + e)) == pytest.approx(float(gap(1 + (-1 + e))), rel=1e-14)


def test_limits_of_the_gap():
    # (2 sqrt 2/3 pi) e^(3/2) (1 + 3 e/20 + ...)
    assert float(gap(1e-10)) == pytest.approx(2 * math.sqrt(2) / (3 * math.pi) * 1e-15, rel=1e-10)
    assert float(gap(0.0)) == 0.0
    assert float(gap(2.0)) == 1.0
    assert float(arc(0.0)) == pytest.approx(1 / math.pi)


def test_mistakes():
    with pytest.raises(SpecificationError):
        arc(1.01)
    with pytest.raises(SpecificationError):
        gap(-0.1)
