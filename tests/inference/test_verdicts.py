from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.intervals import Interval
from theory_check.inference.verdicts import judge


def interval(lower, upper, estimate=None):
    middle = 0.5 * (lower + upper) if estimate is None else estimate
    return Interval(middle, lower, upper, 0.01, "test")


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (-0.5, 0.5, "supported"),
        (-1.0, 1.0, "supported"),
        (-1.1, 0.5, "inconclusive"),
        (0.5, 1.1, "inconclusive"),
        (1.0, 2.0, "inconclusive"),
        (1.1, 2.0, "refuted"),
        (-2.0, -1.1, "refuted"),
        (-math.inf, math.inf, "inconclusive"),
        (-math.inf, 0.0, "inconclusive"),
        (2.0, math.inf, "refuted"),
    ],
)
def test_the_three_verdicts_on_a_point(lower, upper, verdict):
    assert judge(interval(lower, upper, 0.0), target=(0.0, 0.0), margin=1.0) == verdict


def test_a_range_is_widened_by_margin_and_remainder():
    claim = {"target": (2.0, 3.0), "margin": 0.5, "remainder": 0.25}
    assert judge(interval(1.25, 3.75), **claim) == "supported"
    assert judge(interval(1.24, 3.75), **claim) == "inconclusive"
    assert judge(interval(3.76, 4.0), **claim) == "refuted"


def test_a_one_sided_statement():
    claim = {"target": (-math.inf, 1.0), "margin": 0.5}
    assert judge(interval(-math.inf, 1.5, 0.0), **claim) == "supported"
    assert judge(interval(-9.0, 1.6), **claim) == "inconclusive"
    assert judge(interval(1.6, 2.0), **claim) == "refuted"


def test_an_exact_statement_is_refuted_by_missing_its_target_even_within_the_margin():
    near = interval(0.1, 0.2)
    assert judge(near, target=(0.0, 0.0), margin=1.0) == "supported"
    assert judge(near, target=(0.0, 0.0), margin=1.0, exact=True) == "refuted"
    assert judge(near, target=(0.0, 0.15), margin=1.0, exact=True) == "supported"


@pytest.mark.parametrize("estimate", [math.nan, math.inf, -math.inf])
def test_an_estimate_that_is_not_a_number_is_never_supported(estimate):
    assert judge(interval(0.0, 0.1, estimate), target=(-1.0, 1.0), margin=0.0) == "inconclusive"


def test_an_exact_statement_has_no_remainder():
    with pytest.raises(SpecificationError, match="remainder 0"):
        judge(interval(0.0, 1.0), target=(0.0, 0.0), margin=1.0, remainder=0.1, exact=True)


@pytest.mark.parametrize("name", ["margin", "remainder"])
def test_margin_and_remainder_are_not_negative(name):
    with pytest.raises(SpecificationError, match=name):
        judge(interval(0.0, 1.0), **{"target": (0.0, 0.0), "margin": 0.0, name: -1.0})


numbers = st.integers(-20, 20).map(float)


@given(
    ends=st.tuples(numbers, numbers).map(sorted),
    target=st.tuples(numbers, numbers).map(sorted),
    margin=st.integers(0, 9),
)
def test_verdicts_are_what_the_sets_say(ends, target, margin):
    inside = set(range(int(target[0]) - margin, int(target[1]) + margin + 1))
    seen = set(range(int(ends[0]), int(ends[1]) + 1))
    expected = "supported" if seen <= inside else "refuted" if not seen & inside else "inconclusive"
    assert judge(interval(*ends), target=(target[0], target[1]), margin=margin) == expected


@given(ends=st.tuples(numbers, numbers).map(sorted), margin=st.integers(0, 9))
def test_a_wider_margin_never_turns_support_into_anything_else(ends, margin):
    order = ["refuted", "inconclusive", "supported"]
    narrow, wide = (judge(interval(*ends), target=(0.0, 0.0), margin=m) for m in (margin, margin + 1))
    assert order.index(wide) >= order.index(narrow)
