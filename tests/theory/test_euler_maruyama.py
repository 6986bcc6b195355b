"""Exact weak errors against rational arithmetic."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.errors import SpecificationError
from theory_check.theory.euler_maruyama import STRONG_ORDER, WEAK_ORDER, weak_error, weak_error_expansion

E_FRACTION = sum(Fraction(1, math.factorial(n)) for n in range(30))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 400))
def test_relative_accuracy(L):
    exact = E_FRACTION - (1 + Fraction(1, L)) ** L
    # a few roundings
    assert weak_error(L) == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize("L", [10**3, 10**6, 10**9])
def test_expansion(L):
    # relative remainder 2 * 2447/5760 / L^3
    assert weak_error_expansion(L) == pytest.approx(weak_error(L), rel=1 / L**3 + 1e-14)
    assert weak_error(L) == pytest.approx(math.e / (2 * L), rel=1 / L)
    # res-3: e^kappa kappa^2/(2L)
    assert weak_error(L, 0.5) == pytest.approx(math.exp(0.5) / (8 * L), rel=1 / L)


def test_orders_and_mistakes():
    assert (STRONG_ORDER, WEAK_ORDER) == (0.5, 1.0)
    for bad in (lambda: weak_error(0), lambda: weak_error(3, 0.0)):
        with pytest.raises(SpecificationError):
            bad()
