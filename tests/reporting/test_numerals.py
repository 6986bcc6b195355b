from __future__ import annotations

import math
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from theory_check.reporting.numerals import (
    format_at_most,
    format_count,
    format_duration,
    format_estimate,
    format_significant,
    format_target,
    unit_exponent,
)

numbers = st.floats(-1e15, 1e15) | st.floats(-1, 1) | st.floats(0, 1e-6)
parts = re.compile(r"(\S+) \[(\S+), (\S+)\]")


@pytest.mark.parametrize(
    ("estimate", "lower", "upper", "text"),
    [
        (0.474712, 0.473136, 0.476293, "0.4747 [0.4731, 0.4763]"),
        (0.971, 0.95, math.inf, "0.971 (≥ 0.950)"),
        (0.5, -math.inf, 0.53, "0.500 (≤ 0.530)"),
        (0.5, -math.inf, math.inf, "0.5000 (no bound)"),
        (math.nan, 0.1, 0.2, "undefined [0.1000, 0.2000]"),
        (2.0, 2.0, 2.0, "2.000 [2.000, 2.000]"),
        (0.0, 0.0, 0.0037, "0.0000 [0.0000, 0.0037]"),
        (0.0, -0.0004, 0.0004, "0 [-4.0e-4, 4.0e-4]"),
        (3.2e12, 2.9e12, 3.6e12, "3.20e12 [2.90e12, 3.60e12]"),
        (4.747e-7, 4.731e-7, 4.763e-7, "4.747e-7 [4.731e-7, 4.763e-7]"),
        (3.0, -100.0, 250.0, "3 [-100, 250]"),
        (np.float64(0.25), np.float64(0.2), np.float64(0.3), "0.250 [0.200, 0.300]"),
    ],
)
def test_estimates(estimate, lower, upper, text):
    assert format_estimate(estimate, lower, upper) == text


@given(st.tuples(numbers, numbers, numbers).map(sorted))
@example([0.95, 0.95, 0.96])
@example([-1e-300, 0.0, 1e-300])
def test_estimates_parse_back_and_stay_in_order(ends):
    lower, estimate, upper = ends
    unit = Decimal(1).scaleb(unit_exponent(estimate, lower, upper))
    shown = parts.fullmatch(format_estimate(estimate, lower, upper))
    assert shown is not None
    value, low, high = (Decimal(text) for text in shown.groups())
    assert low <= value <= high
    # Outward, by at most one unit of the last digit shown; the estimate by at most half of one.
    assert 0 <= Decimal(repr(lower)) - low <= unit
    assert 0 <= high - Decimal(repr(upper)) <= unit
    assert abs(value - Decimal(repr(estimate))) <= unit / 2


@given(numbers.filter(bool), st.integers(1, 6))
def test_significant_digits_parse_back(value, digits):
    # Half a unit of the last digit, which is largest relative to a power of ten.
    assert float(format_significant(value, digits)) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))


@given(st.floats(1e-300, 1e300))
def test_bounds_are_rounded_up(value):
    shown = float(format_at_most(value))
    assert value <= shown * (1 + 1e-15)
    # Up by less than a unit of the second digit, a tenth of a power of ten.
    assert shown == pytest.approx(value, rel=0.11)


@given(numbers, st.integers(-12, 0))
def test_targets_keep_three_digits(value, exponent):
    # Half a unit of the third digit.
    assert float(format_target(value, value, exponent)) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        (0.5, 0.5, "0.5"),
        (0.50003, 0.50003, "0.5000"),
        (0.5, 0.625, "[0.5, 0.625]"),
        (0.9, math.inf, "≥ 0.9"),
        (-math.inf, 0.9, "≤ 0.9"),
        (-math.inf, math.inf, "any value"),
        (math.inf, math.inf, "∞"),
        (0.0, 0.0, "0"),
    ],
)
def test_targets(lower, upper, text):
    assert format_target(lower, upper, -4) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999_999, "999,999"),
        (1_000_000, "1 million"),
        (45_600_000_000, "45.6 billion"),
        (999_999_999, "1 billion"),
        (7_890_000_000_000, "7.89e12"),
    ],
)
def test_counts(count, text):
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.42, "0.42 s"),
        (12.34, "12.3 s"),
        (59.97, "1 min 00 s"),
        (252.4, "4 min 12 s"),
        (3599.7, "1 h 00 min"),
        (3785, "1 h 03 min"),
    ],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(math.inf, "∞"), (-math.inf, "-∞"), (math.nan, "undefined"), (0.0, "0"), (1.25e-5, "1.3e-5")]
)
def test_bounds(value, text):
    assert format_at_most(value) == text
