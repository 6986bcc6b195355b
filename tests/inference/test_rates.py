from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory_check.errors import SpecificationError
from theory_check.inference.intervals import Interval
from theory_check.inference.rates import slope_interval


def component(lower, upper, level=0.01):
    return Interval(math.sqrt(lower * upper) if 0 < lower < upper < math.inf else upper, lower, upper, level, "test")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.floats(0.01, 10), st.floats(0.01, 10)), min_size=2, max_size=6))
def test_the_slope_takes_the_worst_corner(rows):
    x = np.array([row[0] for row in rows], dtype=float)
    assume(np.unique(x).size > 1)
    parts = [component(min(a, b), max(a, b) + 0.01) for _, a, b in rows]
    slope = slope_interval(x, parts, alpha=0.1)
    corners = itertools.product(*((math.log(part.lower), math.log(part.upper)) for part in parts))
    slopes = [np.polyfit(x, corner, 1)[0] for corner in corners]
    # Least squares by another route: rounding only.
    assert slope.lower == pytest.approx(min(slopes), abs=1e-9)
    assert slope.upper == pytest.approx(max(slopes), abs=1e-9)
    assert slope.estimate == pytest.approx(np.polyfit(x, np.log([p.estimate for p in parts]), 1)[0], abs=1e-9)


def test_the_slope_keeps_its_sign():
    x = np.log([1.0, 2.0, 4.0])
    rising = slope_interval(x, [component(q, q * (1 + 1e-9)) for q in (1.0, 4.0, 16.0)], alpha=0.1)
    falling = slope_interval(x, [component(q, q * (1 + 1e-9)) for q in (16.0, 4.0, 1.0)], alpha=0.1)
    # The components are exact to 1e-9.
    assert rising.estimate == pytest.approx(2.0, abs=1e-8)
    assert falling.estimate == pytest.approx(-2.0, abs=1e-8)


@pytest.mark.parametrize("lower", [0.0, -1.0, -math.inf])
def test_a_component_that_reaches_zero_leaves_the_slope_open(lower):
    slope = slope_interval([0.0, 1.0, 2.0], [component(1, 2), component(lower, 2), component(1, 2)], alpha=0.1)
    assert (slope.lower, slope.upper) == (-math.inf, math.inf)


def test_an_open_component_leaves_one_side_of_the_slope_open():
    slope = slope_interval([0.0, 1.0], [component(1.0, 2.0), component(1.0, math.inf)], alpha=0.1)
    assert slope.lower == -math.log(2.0)
    assert slope.upper == math.inf
    assert math.isnan(slope.estimate)


def test_a_size_in_the_middle_has_no_weight():
    slope = slope_interval([0.0, 1.0, 2.0], [component(1, 2), component(1, math.inf), component(1, 2)], alpha=0.1)
    assert slope.inside(-1.0, 1.0)


def test_the_slope_needs_distinct_sizes_matching_intervals_and_enough_level():
    parts = [component(1, 2), component(1, 2)]
    with pytest.raises(SpecificationError, match="different sizes"):
        slope_interval([1.0, 1.0], parts, alpha=0.1)
    with pytest.raises(SpecificationError, match="one interval per size"):
        slope_interval([1.0, 2.0, 3.0], parts, alpha=0.1)
    with pytest.raises(SpecificationError, match="add up"):
        slope_interval([1.0, 2.0], parts, alpha=0.019)
    assert slope_interval([1.0, 2.0], parts, alpha=0.02).level == 0.02
