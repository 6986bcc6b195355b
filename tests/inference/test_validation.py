from __future__ import annotations

import math

import numpy as np
import pytest

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import validation


@pytest.mark.parametrize("check", [validation.check_level, validation.check_power, validation.check_probability])
@pytest.mark.parametrize("value", [0, 1, -0.1, 2, math.nan, math.inf, "high", None, [0.1, 0.2]])
def test_an_open_probability_excludes_its_ends_and_everything_else(check, value):
    with pytest.raises(SpecificationError) as caught:
        check("name", value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [1e-300, 0.5, np.float64(0.25), 1 - 1e-16])
def test_an_open_probability_is_returned_as_a_float(value):
    assert validation.check_level("alpha", value) == float(value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "empty"),
        ([[1.0, 2.0]], r"one dimension .* shape \(1, 2\)"),
        (3.0, "one dimension"),
        ([1.0, math.nan, math.inf], "2 of 3 are NaN or infinite"),
        (["a"], "array of real numbers"),
        ([1 + 2j], "array of real numbers"),
    ],
)
def test_a_sample_is_a_finite_vector(values, message):
    with pytest.raises(SpecificationError, match=message):
        validation.check_sample("values", values)


@pytest.mark.parametrize(
    "target", [(1.0, 0.0), (math.inf, math.inf), (-math.inf, -math.inf), (math.nan, 1.0), 0.5, (1,)]
)
def test_a_target_is_an_ordered_pair(target):
    with pytest.raises(SpecificationError):
        validation.check_range("target", target)


def test_a_target_may_be_one_sided():
    assert validation.check_range("target", (-math.inf, 2)) == (-math.inf, 2.0)


@pytest.mark.parametrize("target", [(-0.1, 0.5), (0.5, 1.1)])
def test_a_target_of_a_probability_stays_in_the_unit_interval(target):
    with pytest.raises(SpecificationError, match="between 0 and 1"):
        validation.check_unit_range("target", target)
