"""Observables: they evaluate as NumPy does, their formulas tell them apart, and they say which columns they read."""

from __future__ import annotations

import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check.claims.estimators import crossing
from theory_check.claims.observables import (
    CONTROLLED_LOG_RATIO,
    LEAST,
    LOG_DISPLACEMENT,
    LOG_NORM_RATIO,
    NORM_RATIO,
    always,
    at_beta,
    between,
    column,
    controlled_square,
    cos,
    displacement_slope,
    error_slope,
    exp,
    expm1,
    increments,
    log,
    observable,
    pooled,
    stack,
)
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network, path_networks
from theory_check.foundation.errors import SpecificationError

DEPTHS = (8, 16, 32, 64)
CELL = network("linear", width=2, depth=4)


def sample_of(experiment=CELL, **columns):
    return Sample(experiment, 0, {name: np.asarray(values, float) for name, values in columns.items()}, 0.0)


# A tree is a column (name, place), a number, or (operation, parts ...). It is built as an observable and computed with
# NumPy, each by a function of its own.
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
FUNCTIONS = {
    "abs": (abs, np.abs),
    "cos": (cos, np.cos),
    "exp": (lambda x: exp(x.clip(-3.0, 3.0)), lambda v: np.exp(np.clip(v, -3.0, 3.0))),
    "expm1": (lambda x: expm1(x.clip(-3.0, 3.0)), lambda v: np.expm1(np.clip(v, -3.0, 3.0))),
    "log": (lambda x: log(x.clip(0.5)), lambda v: np.log(np.maximum(v, 0.5))),
    "square": (lambda x: x**2, np.square),
}


def build(tree):
    """Return the observable of a tree."""
    if isinstance(tree, float):
        return tree
    operation, *parts = tree
    if operation in ARITHMETIC:
        return ARITHMETIC[operation](*map(build, parts))
    if operation in FUNCTIONS:
        return FUNCTIONS[operation][0](build(*parts))
    if operation == "between":
        return between(build(parts[0]), *parts[1:])
    return build(parts[0]) & build(parts[1]) if operation == "and" else column(operation, *parts)


def compute(tree, samples):
    """Return its values."""
    if isinstance(tree, float):
        return tree
    operation, *parts = tree
    if operation in ARITHMETIC:
        return ARITHMETIC[operation](*(compute(part, samples) for part in parts))
    if operation in FUNCTIONS:
        return FUNCTIONS[operation][1](compute(*parts, samples))
    if operation == "between":
        values = compute(parts[0], samples)
        return np.where((values < parts[1]) | (values > parts[2]), 0.0, 1.0)
    if operation == "and":
        return np.minimum(*(compute(part, samples) for part in parts))
    return samples[parts[0]].values[operation]


def columns_of(tree):
    """Return the columns that stand in it."""
    if isinstance(tree, float):
        return set()
    if tree[0] in ("a", "b"):
        return {tree}
    return set().union(*(columns_of(part) for part in tree[1:]))


NUMBERS = st.sampled_from([-2.0, 0.0, 0.1, 0.3, 1.0]) | st.floats(-2.0, 2.0)
DIVISORS = st.sampled_from([-2.0, 0.1, 0.3, 1.0])
COLUMNS = st.tuples(st.sampled_from("ab"), st.integers(0, 1))


def grow(parts):
    events = st.tuples(st.just("between"), parts, NUMBERS, NUMBERS)
    signs = st.sampled_from("+-*")
    return st.one_of(
        st.tuples(signs, parts, parts | NUMBERS),
        st.tuples(signs, NUMBERS, parts),
        st.tuples(st.just("/"), parts, DIVISORS),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), parts),
        events,
        st.tuples(st.just("and"), events, events),
    )


TREES = st.recursive(COLUMNS, grow, max_leaves=6)
GENERATOR = np.random.Generator(np.random.Philox(3))
TWO_SAMPLES = [sample_of(a=GENERATOR.uniform(-2.0, 2.0, 40), b=GENERATOR.uniform(-2.0, 2.0, 40)) for _ in range(2)]


@given(TREES)
def test_the_algebra_evaluates_as_numpy_does_and_says_what_it_reads(tree):
    made = build(tree)
    # The same operations in the same order: equal to the last bit.
    np.testing.assert_array_equal(made(TWO_SAMPLES), compute(tree, TWO_SAMPLES))
    assert made.columns == columns_of(tree)


@given(TREES, TREES)
def test_equal_formulas_have_equal_values(first, second):
    one, other, again = build(first), build(second), build(first)
    assert (one, hash(one), repr(one)) == (again, hash(again), repr(again))
    if one == other:
        np.testing.assert_array_equal(one(TWO_SAMPLES), other(TWO_SAMPLES))


A = column("a")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (A, column("b")),
        (A, column("a", 1)),
        (A - 1.0, 1.0 - A),
        (A + 0.1 + 0.2, A + (0.1 + 0.2)),
        ((A + 1.0) * 2.0, A + 1.0 * 2.0),
        (A[0], A[1]),
        (A**2, A * 2),
        (A.clip(0.0), A.clip(0.0, 1.0)),
        (between(A, lower=0.5), between(A, upper=0.5)),
        (between(A, 0.5, 1.0), between(A, 0.5, 1.0 + 1e-15)),
        (A.given(between(A, 0.0)), A & between(A, 0.0)),
        (stack(A, column("b")), stack(column("b"), A)),
        (always(A), pooled(A)),
        (increments(A), A.mean()),
        (error_slope("a", DEPTHS), error_slope("a", DEPTHS[:-1])),
        (error_slope("a", DEPTHS), error_slope("a", DEPTHS, experiment=1)),
        (displacement_slope(), displacement_slope(1)),
        (at_beta("a", 0.5), at_beta("a", 0.25)),
        (crossing(), crossing(shift=0.1)),
        (crossing(), crossing(other=1)),
        (crossing(), crossing("log_gradient_displacement")),
        (observable(lambda samples: samples[0].column("a")), observable(lambda samples: samples[0].column("b"))),
    ],
    ids=str,
)
def test_formulas_tell_different_observables_apart(one, other):
    assert one != other
    assert repr(one) != repr(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (2 * A, 2.0 * A),
        (A**2, A**2.0),
        (np.float64(0.1) * A, 0.1 * A),
        (A.clip(np.float64(0.1)), A.clip(0.1)),
        (A.clip(0, 1), A.clip(0.0, 1.0)),
        (between(A, 0, 1), between(A, 0.0, 1.0)),
        (crossing(shift=np.float64(0.1)), crossing(shift=0.1)),
        (at_beta("a", 1), at_beta("a", 1.0)),
        (observable("a"), A),
        (observable(A), A),
    ],
    ids=str,
)
def test_two_spellings_of_a_number_or_a_column_are_one_observable(one, other):
    assert one == other
    assert repr(one) == repr(other)


def threshold(level):
    return lambda samples: samples[0].column("a") > level


def test_a_function_is_told_by_its_code_and_constants_not_by_its_name():
    def first(samples):
        return samples[0].column("a") * 2.0

    def second(samples):
        """Say the same."""
        return samples[0].column("a") * 2.0

    assert observable(first) == observable(second)
    assert observable(threshold(0.1)) == observable(threshold(0.1))
    assert observable(threshold(0.1)) != observable(threshold(0.2))


@pytest.mark.parametrize("what", [3.0, None, ["a"]])
def test_what_is_no_observable_is_refused(what):
    with pytest.raises(SpecificationError, match="give a column, a formula or a function"):
        observable(what)


def test_nobody_goes_through_the_columns_of_an_observable_for_ever():
    for go in (tuple, dict, sum):
        with pytest.raises(TypeError, match="not iterable"):
            go(A)


def test_columns_of_every_kind_of_formula_are_reported():
    event = between(column("b", 1), 0.0)
    assert A.given(event).columns == {("a", 0), ("b", 1)}
    assert stack(A, column("a", 2)).columns == {("a", 0), ("a", 2)}
    assert pooled(increments(A)).columns == always(A).columns == A[0].mean().columns == {("a", 0)}
    assert error_slope("e", DEPTHS, experiment=1).columns == {("e", 1)}
    assert displacement_slope(2).columns == {("log_displacement", 2)}
    assert at_beta("a", 0.5).columns == {("a", 0)}
    assert crossing("a", 1, other=2).columns == {("a", 1), ("a", 2)}


def test_rows_and_columns():
    sample = sample_of(a=[[1.0, 3.0, 4.0], [0.0, 0.5, 2.5]], b=[1.0, 0.0])
    assert A[-1]([sample]).tolist() == [4.0, 2.5]
    assert A.mean()([sample]) == pytest.approx([8.0 / 3.0, 1.0])
    assert increments(A)([sample]).tolist() == [[2.0, 1.0], [0.5, 2.0]]
    assert pooled(increments(A))([sample]).tolist() == [2.0, 1.0, 0.5, 2.0]
    assert stack(A[0], column("b"))([sample]).tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert A[0].given(between(column("b"), 0.5))([sample]).tolist() == [1.0]


def test_levels_one_by_one_and_all_together():
    sample = sample_of(log_displacement=[[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
    assert (2.0 * LOG_DISPLACEMENT[-1])([sample]).tolist() == [4.0, 2.0]
    assert always(between(LOG_DISPLACEMENT, 0.5, 1.5))([sample]).tolist() == [0.0, 1.0]
    assert always(between(LOG_DISPLACEMENT, upper=2.0))([sample]).tolist() == [1.0, 1.0]


def test_a_displacement_that_did_not_happen_is_below_every_bound():
    sample = sample_of(log_displacement=[-math.inf, -700.0])
    assert between(LOG_DISPLACEMENT, lower=LEAST)([sample]).tolist() == [0.0, 1.0]


def test_differences_and_powers_of_columns():
    sample = sample_of(log_norm_ratio=np.log([[1.0, 3.0, 4.0]]), e=[[2.0, 3.0]])
    assert (NORM_RATIO[2] - NORM_RATIO[0])([sample]) == pytest.approx([3.0])
    assert increments(exp(LOG_NORM_RATIO))([sample]) == pytest.approx(np.array([[2.0, 1.0]]))
    assert (column("e") ** 2)([sample]).tolist() == [[4.0, 9.0]]
    assert (log(column("e")[1]) + 2.0)([sample]) == pytest.approx([math.log(3.0) + 2.0])


def test_the_controlled_logarithm_and_its_square():
    u, q, s, t = np.random.Generator(np.random.Philox(8)).standard_normal((4, 6))
    sample = sample_of(control_projection=u, control_length=q, control_square=s, log_floored_ratio=t)
    assert CONTROLLED_LOG_RATIO([sample]) == pytest.approx(t - u - q + s / 2)
    expected = (t - 0.3) ** 2 - (u**2 - 0.7) - 2 * u * (q - s / 2)
    assert controlled_square(0.3, 0.7)([sample]) == pytest.approx(expected)


def test_the_slope_of_a_replicate_is_that_of_numpys_least_squares():
    errors = np.exp(np.random.Generator(np.random.Philox(7)).standard_normal((5, 4)))
    slopes = error_slope("adjacent_error", DEPTHS)([sample_of(adjacent_error=errors)])
    expected = np.polyfit(np.log(DEPTHS), np.log(errors).T, 1)[0]
    # Four numbers of order 1: a few roundings.
    assert slopes == pytest.approx(expected, abs=1e-13)


def test_a_network_that_never_moved_counts_against_convergence():
    errors = np.array([[0.0] * 4, [1.0, 0.5, 0.25, 0.125]])
    assert error_slope("e", DEPTHS)([sample_of(e=errors)]).tolist() == [0.0, pytest.approx(-1.0)]


@pytest.mark.parametrize(("depths", "message"), [("text", "depth"), ((8, 0.5), "depth"), ((8, 8), "two different")])
def test_a_slope_needs_whole_depths_that_differ(depths, message):
    with pytest.raises(SpecificationError, match=message):
        error_slope("e", depths)


def test_the_slope_of_another_experiment_can_be_taken():
    first, second = (sample_of(e=np.array([8.0, 16.0, 32.0, 64.0])[None] ** power) for power in (1.0, -2.0))
    assert error_slope("e", DEPTHS, experiment=1)([first, second]) == pytest.approx([-2.0])


def displaced(logarithms):
    deep = path_networks("linear", "smooth:length=0.1", width=2, depth=16, doublings=2, beta=1.5)
    return sample_of(deep, log_displacement=logarithms)


def test_the_slope_of_a_path_is_that_between_its_ends():
    steps = math.log(4.0) * np.array([[0.0, -7.0, -0.5], [1.0, 0.0, 1.0]])
    assert displacement_slope()([displaced(steps)]) == pytest.approx([-0.5, 0.0])
    both = stack(displacement_slope(0), displacement_slope(1))
    assert both([displaced(steps), displaced(2.0 * steps)]) == pytest.approx(np.array([[-0.5, -1.0], [0, 0]]))


def test_a_path_that_never_moved_has_slope_zero():
    assert displacement_slope()([displaced([[-np.inf] * 3])]).tolist() == [0.0]
