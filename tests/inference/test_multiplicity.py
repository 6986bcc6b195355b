from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.multiplicity import assign_levels, holm, restart_level, series_share


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=50), st.floats(1e-9, 0.5))
def test_levels_share_the_family_level_in_proportion(weights, level):
    levels = assign_levels(weights, level)
    # Fifty roundings.
    assert math.fsum(levels) == pytest.approx(level, rel=1e-14)
    assert levels[0] * weights[-1] == pytest.approx(levels[-1] * weights[0], rel=1e-13)


def test_equal_levels():
    assert assign_levels(4, 0.02) == (0.005,) * 4


def test_the_shares_of_all_versions_add_up_to_one():
    # The remainder of the series after n terms is between 6 / (pi^2 (n + 1)) and 6 / (pi^2 n).
    n = 1000
    spent = math.fsum(series_share(v) for v in range(1, n + 1))
    assert 6.0 / (math.pi**2 * (n + 1)) < 1.0 - spent < 6.0 / (math.pi**2 * n)
    assert restart_level(0.01, 3) == pytest.approx(0.01 * 6.0 / (math.pi**2 * 9.0), rel=1e-15)


def by_hand(p_values):
    """Holm's step-down procedure, written out."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


@settings(max_examples=25)  # a call takes tens of milliseconds
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_the_step_down_procedure(p_values):
    # One product each.
    assert holm(p_values, alpha=0.05) == pytest.approx(by_hand(p_values), rel=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assign_levels(0, 0.1), "number of claims must be at least 1"),
        (lambda: assign_levels([1.0, 0.0], 0.1), "weights must be positive"),
        (lambda: assign_levels([1.0], 1.0), "family_level"),
        (lambda: restart_level(0.1, 0), "position must be at least 1"),
        (lambda: holm([], alpha=0.1), "p_values is empty"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(SpecificationError, match=message):
        call()
