from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.foundation.arguments import (
    check_choice,
    check_count,
    check_finite,
    check_integer,
    check_nonnegative,
    check_positive,
    parse_call,
    parse_duration,
    parse_grid,
    render_call,
)
from theory_check.foundation.errors import SpecificationError

names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
# Words that a number is not spelled with.
words = names.filter(lambda w: w not in ("nan", "inf", "infinity"))


@given(names, st.dictionaries(words, st.floats(allow_nan=False) | words, max_size=4))
def test_a_spelling_is_read_back(name, arguments):
    assert parse_call("call", render_call(name, arguments)) == (name, arguments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gaussian", ("gaussian", {})),
        (" student:df=5 ", ("student", {"df": 5.0})),
        ("leaky: slope = 1e-2", ("leaky", {"slope": 0.01})),
        ("student:df=5,variance=he", ("student", {"df": 5.0, "variance": "he"})),
    ],
)
def test_spellings(text, expected):
    assert parse_call("weights", text) == expected


@pytest.mark.parametrize(
    "text", ["", "  ", ":df=5", "student:", "student:df", "student:df=", "student:=5", "student:df=5,"]
)
def test_bad_spellings(text):
    with pytest.raises(SpecificationError, match="is not of the form"):
        parse_call("weights", text)


def test_repeated_key():
    with pytest.raises(SpecificationError, match="gives df twice"):
        parse_call("weights", "student:df=5,df=6")


def test_numbers_are_spelled_shortly():
    assert render_call("student", {"df": 5.0}) == "student:df=5"
    assert render_call("leaky", {"slope": 1e-300}) == "leaky:slope=1e-300"
    assert render_call("tanh", {}) == "tanh"


def test_choices_are_listed_and_the_nearest_is_suggested():
    check_choice("law", "uniform", ("gaussian", "uniform"))
    with pytest.raises(SpecificationError) as caught:
        check_choice("law", "unifrom", ("gaussian", "uniform"))
    assert str(caught.value) == "unknown law 'unifrom'; accepted: gaussian, uniform; did you mean uniform?"
    with pytest.raises(SpecificationError, match=r"accepted: nothing$"):
        check_choice("parameter", "x", ())


@pytest.mark.parametrize("value", [0, 11, True, 1.0, "1", None, math.nan, np.int64(3)])
def test_refused_integers(value):
    with pytest.raises(SpecificationError, match=r"depth is .*; it must be a whole number from 1 to 10"):
        check_integer("depth", value, 1, 10)


@pytest.mark.parametrize("value", [1, 10])
def test_accepted_integers(value):
    check_integer("depth", value, 1, 10)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), (" 10min ", 600.0), ("1.5h", 5400.0), ("1e3s", 1000.0)])
def test_durations_are_read_in_seconds(text, seconds):
    assert parse_duration("budget", text) == seconds


@pytest.mark.parametrize("text", ["", "s", "10", "-1s", "0min", "nanh", "infs", "1 day", "10 m"])
def test_refused_durations(text):
    with pytest.raises(SpecificationError, match=r"budget is .*; it must be a positive duration such as 90s"):
        parse_duration("budget", text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "1", None])
def test_refused_numbers(value):
    with pytest.raises(SpecificationError, match=r"beta is .*; it must be a finite number"):
        check_finite("beta", value)


@pytest.mark.parametrize("value", [0, -1, 1.5, np.float64(2.0)])
def test_accepted_numbers(value):
    check_finite("beta", value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.5", (0.5,)), ("0.5,1,2e-1", (0.5, 1.0, 0.2)), ("0:1:3", (0.0, 0.5, 1.0)), (" 1 : 0 : 2 ", (1.0, 0.0))],
)
def test_grids(text, expected):
    assert parse_grid("betas", text) == expected


@given(st.floats(-10, 10), st.floats(-10, 10), st.integers(2, 100))
def test_even_grids_are_those_of_numpy(first, last, count):
    assert parse_grid("betas", f"{first!r}:{last!r}:{count}") == tuple(np.linspace(first, last, count).tolist())


@pytest.mark.parametrize("text", ["", "a", "1,", "1:2", "1:2:1", "1:2:2.5", "1:2:3:4", "0:inf:3", "0:1:1000001"])
def test_bad_grids(text):
    with pytest.raises(SpecificationError, match="must be FIRST:LAST:COUNT or numbers separated by commas"):
        parse_grid("betas", text)


@pytest.mark.parametrize("value", [0, -3, 2.0, "7", None])
def test_counts_are_positive_integers(value):
    with pytest.raises(SpecificationError, match="trials"):
        check_count("trials", value)


def test_numpy_integers_are_counts():
    assert check_count("trials", np.int32(7)) == 7


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_positive_means_positive_and_finite(value):
    with pytest.raises(SpecificationError, match="margin must be positive"):
        check_positive("margin", value)


@pytest.mark.parametrize("value", [-1.0, math.inf])
def test_nonnegative_means_nonnegative_and_finite(value):
    with pytest.raises(SpecificationError, match="margin must be finite"):
        check_nonnegative("margin", value)
