"""How checks are spelled: targets and their defaults, every kind of wrong value, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from theory_check.claims import (
    EXACT,
    LIMIT,
    Basis,
    Distance,
    Mean,
    Normal,
    Order,
    Probability,
    Quantile,
    Slope,
    Spread,
    check,
    median,
)
from theory_check.claims.checks import LEAST_DISTANCE, MISS_RATE
from theory_check.claims.observables import LOG_NORM_RATIO, between, column, observable
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.laws import Tilted, law_distance

CELL, DEEPER = network("linear", width=4, depth=2), network("linear", width=4, depth=8)
LAW = Normal(0.5, 4.0)
EVENT = between(LOG_NORM_RATIO, upper=0.0)


def made(estimator, target=None, **options):
    return check("point", CELL, "a quantity", estimator, target, **{"margin": 0.1} | options)


def test_a_sized_mistake_is_the_smallest_that_the_margin_tells():
    stated = made(Mean("a", 1.0), 2.0, wrong={"far": 9.0}, sized={"{:.0%} larger": lambda more: 2.0 * (1.0 + more)})
    assert [(v.name, v.target) for v in stated.variants] == [("far", (9.0, 9.0)), ("12% larger", (2.24, 2.24))]
    # .24 / .1: the difference has half a rounding of 2.24, nine times its own.
    assert stated.variants[1].distance == pytest.approx(2.4, rel=1e-14)
    finer = made(Mean("a", 1.0), 2.0, margin=0.01, sized={"{:.0%} larger": lambda more: 2.0 * (1.0 + more)})
    assert [v.name for v in finer.variants] == ["2% larger"]
    assert made(Mean("a", 1.0), 2.0, sized={"{:.0%} larger": lambda more: 2.0}).variants == ()


def test_a_sized_mistake_may_be_a_law():
    """N(0, 1) and N(m, 1) are 2 Phi(m/2) - 1 apart: .197 at m = .5, .236 at .6, with a margin of .1."""
    (told,) = made(Distance("a", Normal(0.0, 1.0)), sized={"{:g} higher": lambda more: Normal(more, 1.0)}).variants
    assert (told.name, told.sized) == ("0.6 higher", 0.6)
    # The distance is the largest at 200 quantiles of each law. One lies within .0066 of the middle, where the second
    # derivative of the difference is .6 phi(.3) = .229: it is at most 5e-6 of .236 too small.
    assert told.distance == pytest.approx(math.erf(0.3 / math.sqrt(2.0)) / 0.1, rel=2.2e-5)


def test_a_check_without_options_has_the_common_ones():
    found = made(Mean("a", 1.0), 2)
    assert found.experiments == (CELL,)
    assert found.target == (2.0, 2.0)
    assert all(isinstance(end, float) for end in found.target)
    assert (found.basis, found.remainder, found.miss_rate, found.variants) == (EXACT, 0.0, MISS_RATE, ())


def test_networks_observe_what_the_estimator_reads_and_no_more():
    for name, asked in (
        ("log_norm_ratio", {}),
        ("log_gradient_ratio", {"gradients": True, "kernel": "reduced"}),  # a chain of any width carries none
        ("control_length", {"controls": True}),
        ("log_floored_ratio", {"controls": True}),
    ):
        found = check("point", (CELL, DEEPER), "", Mean(column(name), 1.0), 0.0, margin=0.1)
        assert found.experiments == (replace(CELL, **asked), DEEPER)
    for kernel in ("reduced", "chain"):
        already = replace(CELL, kernel=kernel, controls=True, gradients=True)
        assert check("point", already, "", Mean("log_norm_ratio", 1.0), 0.0, margin=0.1).experiments == (already,)


def test_several_experiments_stay_in_their_order():
    assert check("point", (DEEPER, CELL), "", Mean("a", 1.0), 0.0, margin=0.1).experiments == (DEEPER, CELL)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (median("a", LAW), 0.5),
        (Quantile("a", 0.9, LAW), float(LAW.quantile(0.9))),
        (Spread("a", (0.25, 0.75), LAW), float(LAW.quantile(0.75) - LAW.quantile(0.25))),
        (Distance("a", LAW), 0.0),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_the_default_target_is_what_the_law_predicts(estimator, expected):
    assert made(estimator).target == (expected, expected)
    assert made(estimator, (0.1, 0.2)).target == (0.1, 0.2)


@pytest.mark.parametrize(
    "estimator",
    [
        Mean("a", 1.0),
        Probability(EVENT),
        Slope("a", (1, 2), (LAW, LAW)),
        Order("a", (1, 2), (1.0, 0.5), (1.0, 1.0)),
    ],
    ids=lambda estimator: estimator.kind,
)
def test_an_estimator_without_a_law_needs_a_target(estimator):
    with pytest.raises(SpecificationError, match=rf"^check point: give it a target, which {estimator.kind} estimates"):
        made(estimator)


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan])
def test_a_margin_must_be_positive(margin):
    with pytest.raises(SpecificationError, match=r"^check point: its margin is .*; it must be positive"):
        made(Mean("a", 1.0), 0.0, margin=margin)


def test_the_null_is_the_target_and_where_the_prediction_is_a_limit_its_neighbourhood():
    exact = made(Mean("a", 1.0), (1.0, 2.0), remainder=0.05)
    assert exact.tolerance == pytest.approx(0.15)
    assert exact.null == (1.0, 2.0)
    assert made(Mean("a", 1.0), (1.0, 2.0), remainder=0.05, basis=LIMIT).null == pytest.approx((0.85, 2.15))
    assert made(Mean("a", 1.0), 0.0, basis=Basis("measured", exact=True)).null == (0.0, 0.0)


@pytest.mark.parametrize(
    ("wrong", "target", "distance"),
    [
        (1.5, (1.5, 1.5), 2.0),
        (4, (4.0, 4.0), 4.0),
        (np.float64(5.0), (5.0, 5.0), 8.0),
        ((0.0, 1.5), (0.0, 1.5), 2.0),
        ((4.0, 5.0), (4.0, 5.0), 4.0),
        # Within the target, and over one of its ends: no distance at all.
        (2.0, (2.0, 2.0), 0.0),
        ((2.5, 4.0), (2.5, 4.0), -2.0),
    ],
    ids=str,
)
def test_a_wrong_number_is_another_target_at_a_distance_in_tolerances(wrong, target, distance):
    (variant,) = made(Mean("a", 1.0), (2.0, 3.0), margin=0.2, remainder=0.05, wrong={"mistake": wrong}).variants
    assert (variant.name, variant.target, variant.estimator) == ("mistake", target, None)
    assert variant.distance == pytest.approx(distance)


@pytest.mark.parametrize(
    ("estimator", "target", "wrong"),
    [
        (Mean("a", 1.0), 2.0, 2.0),
        (Mean("a", 1.0), 0.3, 0.1 + 0.2),
        (Mean("a", 1.0), (2.0, 3.0), (2.0, 3.0)),
        (Distance("a", LAW), None, Normal(0.5, 4.0)),
    ],
    ids=["number", "rounded", "range", "law"],
)
def test_what_equals_the_prediction_is_no_mistake(estimator, target, wrong):
    found = made(estimator, target, margin=0.2, wrong={"the prediction": wrong, "another column": "b"})
    assert [variant.name for variant in found.variants] == ["another column"]


@pytest.mark.parametrize("law", [Normal(1.5, 4.0), Tilted(LAW, 0.125)], ids=repr)
def test_a_wrong_law_is_another_distance_on_the_same_sample(law):
    (variant,) = made(Distance("a", LAW), margin=0.03, remainder=0.02, wrong={"mistake": law}).variants
    assert variant.target is None
    assert variant.estimator == Distance("a", law)
    assert variant.distance == pytest.approx(law_distance(LAW, law) / 0.05)


@pytest.mark.parametrize(
    "wrong", ["b", column("b"), lambda samples: samples[0].column("b")], ids=["name", "formula", "function"]
)
@pytest.mark.parametrize(
    "estimator",
    [
        Mean("a", 1.0),
        Quantile("a", 0.9, LAW),
        Spread("a", (0.25, 0.75), LAW),
        Distance("a", LAW),
        Order("a", (1, 2), (1.0, 0.5), (1.0, 1.0)),
    ],
    ids=lambda estimator: estimator.kind,
)
def test_a_wrong_observable_leaves_the_estimator_as_it_was(estimator, wrong):
    (variant,) = made(estimator, 0.5, wrong={"mistake": wrong}).variants
    assert variant.estimator == replace(estimator, observable=observable(wrong))
    # Only samples tell how far one observable is from another.
    assert (variant.target, variant.distance) == (None, None)


def test_a_wrong_event_is_planned_for_no_probability_of_its_own():
    other = between(LOG_NORM_RATIO, upper=-1.0)
    (variant,) = made(Probability(EVENT, truth=0.98), (0.9, 1.0), wrong={"mistake": other}).variants
    assert variant.estimator == Probability(other)


@pytest.mark.parametrize("estimator", [Mean("a", 1.0), Probability(EVENT), Distance("a", LAW)], ids=lambda e: e.kind)
def test_a_wrong_estimator_is_taken_as_it_is(estimator):
    wrong = median("a", LAW)
    (variant,) = made(estimator, 0.5, wrong={"mistake": wrong}).variants
    assert variant.estimator is wrong
    assert variant.distance is None


def test_mistakes_stay_in_their_order():
    wrong = {"a range": (3.0, 4.0), "a number": 1.0, "another column": "b"}
    assert [variant.name for variant in made(Mean("a", 1.0), 0.0, wrong=wrong).variants] == list(wrong)


@pytest.mark.parametrize("wrong", [None, [1.0], LAW], ids=["nothing", "a list", "a law for a mean"])
def test_what_no_mistake_can_be_is_refused(wrong):
    with pytest.raises(SpecificationError, match="give a column, a formula or a function"):
        made(Mean("a", 1.0), 0.0, wrong={"mistake": wrong})


def test_displaced_statements_lie_twice_the_tolerance_away():
    below, above = made(Mean("a", 1.0), (1.0, 2.0), margin=0.1, remainder=0.05).displaced
    assert (below.target, above.target) == (pytest.approx((0.7, 0.7)), pytest.approx((2.3, 2.3)))
    assert below.distance == above.distance == LEAST_DISTANCE
    down, up = made(Distance("a", LAW)).displaced
    assert (down.estimator.law, up.estimator.law) == (Tilted(LAW, 0.2), Tilted(LAW, -0.2))
    # The tilt is largest at F = 1/2, and the nearest of 200 quantiles is 1/400 off: less by 4 / 400^2 of it.
    assert law_distance(LAW, down.estimator.law) == pytest.approx(0.2, rel=1e-3)


@pytest.mark.parametrize(("target", "sides"), [(0.5, 2), (0.1, 1), ((0.9, 1.0), 1)])
def test_a_probability_is_displaced_within_its_bounds(target, sides):
    found = made(Probability(EVENT), target).displaced
    assert len(found) == sides
    assert all(0.0 <= variant.target[0] <= 1.0 for variant in found)


def test_displaced_statements_come_before_the_named_mistakes():
    found = made(Mean("a", 1.0), 0.0, wrong={"mistake": 1.0})
    assert found.all_variants == (*found.displaced, *found.variants)
