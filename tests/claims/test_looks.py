"""Looks: a point is judged a few planned times, and its level, power and evidence hold for all of them together."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from simulated_rates import assert_rate_at_least, assert_rate_at_most, generator

from theory_check.claims import Basis, Distance, Mean, Normal, Probability, check, median
from theory_check.claims.claim import claim
from theory_check.claims.judging import decisive_look
from theory_check.claims.planning import plan_check
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network
from theory_check.kernels import LANES

NETWORK = network("linear", width=3, depth=2)
LIMIT = Basis("a limit")
LEVEL, MISS, RUNS = 0.05, 0.02, 160

#: One check of each method: the exact ones have a true null at the target, the others up to the edge of their margin.
CHECKS = {
    "mean": check("p", NETWORK, "q", Mean("x", 1.0), 2.0, margin=0.2, miss_rate=MISS),
    "probability": check("p", NETWORK, "q", Probability("x"), 0.3, margin=0.08, basis=LIMIT, miss_rate=MISS),
    "distance": check("p", NETWORK, "q", Distance("x", Normal(0.0, 1.0)), margin=0.08, basis=LIMIT, miss_rate=MISS),
    "median": check("p", NETWORK, "q", median("x", Normal(1.0, 1.0)), margin=0.2, basis=LIMIT, miss_rate=MISS),
}


@claim("N1")
def stated(profile):
    """A statement."""
    return CHECKS["mean"]


def planned(name, level=LEVEL):
    return plan_check(stated, CHECKS[name], level)


def judged_run(point, values):
    """The finding at the look that decides on one sequence of values."""
    given = replace(point.check.estimator, observable=lambda samples: samples[0].column("x"))
    seen = replace(point, check=replace(point.check, estimator=given))
    look = decisive_look(seen, [Sample(NETWORK, 0, {"x": values}, 0.0)])
    finding = look.finding
    # A look that is told without its finding is told by the verdicts of it.
    supported = finding.verdict == "supported" and finding.has_teeth
    assert look.is_decided == (finding.verdict == "refuted" or supported)
    assert not finding.violation
    return finding


@pytest.mark.parametrize("name", CHECKS)
def test_looks_are_whole_blocks_that_end_at_the_planned_number(name):
    point = planned(name)
    assert point.looks[-1] == point.replicates
    assert all(count % LANES == 0 for count in point.looks[:-1])
    assert list(point.looks) == sorted(set(point.looks))
    assert 1 < len(point.looks) <= 8
    assert math.fsum(point.shares) == pytest.approx(1.0, abs=1e-15)


def test_few_replicates_are_judged_once_at_the_whole_level():
    coarse = check("p", NETWORK, "q", Mean("x", 1.0), 2.0, margin=2.0, miss_rate=MISS)
    point = plan_check(stated, coarse, LEVEL)
    assert (point.looks, point.shares) == ((point.replicates,), (1.0,))


@pytest.mark.parametrize("name", CHECKS)
def test_a_true_statement_is_supported_early_and_as_often_as_planned(name):
    point, rng = planned(name), generator(f"looks, true {name}")
    findings = [
        judged_run(point, point.check.estimator.draw(point.check.target, 0.0, point.replicates, rng)[0])
        for _ in range(RUNS)
    ]
    assert_rate_at_most(LEVEL, [finding.verdict == "refuted" for finding in findings])
    assert_rate_at_least(1.0 - MISS, [finding.verdict == "supported" for finding in findings])
    assert np.mean([finding.replicates for finding in findings]) < 0.95 * point.replicates
    # An e-value exceeds 1/a with probability at most a, at whatever look it is read off.
    assert_rate_at_most(LEVEL, [finding.log_evidence >= -math.log(LEVEL) for finding in findings])


@pytest.mark.parametrize("name", CHECKS)
def test_a_true_statement_needs_as_many_replicates_as_expected(name):
    """At the levels of claims, where normal theory holds; a mean of 40 needs is known to 0.02 N."""
    check = replace(CHECKS[name], miss_rate=1e-6)
    point, rng = plan_check(stated, check, 1e-6), generator(f"looks, expected {name}")
    needs = [
        judged_run(point, check.estimator.draw(check.target, 0.0, point.replicates, rng)[0]).replicates
        for _ in range(40)
    ]
    assert abs(np.mean(needs) - point.expected) < 0.1 * point.replicates


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_expected_after_a_look_agrees_with_what_is_expected_before_it(name):
    """The tower property: the next look, and the later ones as often as it does not decide; each is rounded up."""
    point = planned(name)
    last = len(point.looks) - 1
    assert point.expected_after(0) == point.expected
    assert point.expected_after(last) == point.replicates
    for made in range(last):
        here, later = point.expected_after(made), point.expected_after(made + 1)
        going_on = (here - point.looks[made]) / (later - point.looks[made])
        again = point._undecided[made + 1] / point._undecided[made]
        # Both numbers are rounded up, by less than one replicate.
        assert going_on == pytest.approx(again, abs=1.0 / (later - point.looks[made]))


@pytest.mark.parametrize("name", CHECKS)
def test_a_false_statement_at_the_edge_is_rarely_supported(name):
    point, rng = planned(name), generator(f"looks, edge {name}")
    findings = [
        judged_run(
            point, point.check.estimator.draw(point.check.target, point.check.tolerance, point.replicates, rng)[0]
        )
        for _ in range(RUNS)
    ]
    assert_rate_at_most(LEVEL, [finding.verdict == "supported" for finding in findings])


@pytest.mark.parametrize("name", CHECKS)
def test_a_statement_that_is_off_by_two_tolerances_is_refuted(name):
    point, rng = planned(name), generator(f"looks, wrong {name}")
    far = 2.0 * point.check.tolerance
    findings = [
        judged_run(point, point.check.estimator.draw(point.check.target, far, point.replicates, rng)[0])
        for _ in range(RUNS // 4)
    ]
    assert_rate_at_least(1.0 - MISS, [finding.verdict == "refuted" for finding in findings])


def test_a_finding_says_what_was_planned_and_what_was_needed():
    point = planned("median")
    finding = judged_run(
        point, point.check.estimator.draw(point.check.target, 0.0, point.replicates, generator("a"))[0]
    )
    assert finding.planned == point.replicates
    assert finding.replicates in point.looks
    assert finding.level == LEVEL


@pytest.mark.parametrize("name", CHECKS)
def test_a_finding_is_frozen_at_the_look_that_decides(name):
    point, rng = planned(name), generator(f"looks, frozen {name}")
    values = point.check.estimator.draw(point.check.target, 0.0, point.replicates, rng)[0]
    finding = judged_run(point, values)
    assert finding.replicates < point.replicates
    # What follows contradicts the statement, and is never looked at.
    later = values.copy()
    later[finding.replicates :] = 1.0
    assert judged_run(point, later) == finding
    later[: finding.replicates // 2] = 1.0
    assert judged_run(point, later) != finding
