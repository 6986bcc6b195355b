"""Trainings that diverge: counted at every point, left out where they have no value, and never the end of a run."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from theory_check.claims import Basis, Normal, check, claim, median
from theory_check.claims.claim import PROFILES
from theory_check.claims.divergence import MOST, leave_out_diverged
from theory_check.claims.judging import decisive_look, sided_evidence
from theory_check.claims.observables import column, log
from theory_check.claims.planning import plan_check
from theory_check.cli import main
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network, training
from theory_check.findings.run import Divergence
from theory_check.inference.intervals import quantile_interval
from theory_check.reporting.results import load_results

TRAINED = training(width=4, depth=4, epochs=1)
LIMIT = Basis("a limit")
LEVEL = 0.05

#: A training of gradient descent, of which a twentieth or so diverges at rate 1 and more than half at rate 2.
FILE = """
import theory_check as tc

@tc.claim("X1")
def wild(profile):
    '''Weights move by something.'''
    trained = tc.training("res-1", "fgn:hurst=0.7", width=4, depth=8, beta=0.5, epochs=1, batch=256,
                          optimiser="gradient-descent", learning_rate=RATE)
    moved = tc.observables.log(tc.observables.column("outer_movement"))
    return tc.check("movement", trained, "log of the movement", tc.median(moved, tc.Normal(3.5, 9.0)), (0.0, 8.0),
                    margin=3.0, basis=tc.Basis("measured"), wrong={"weights explode": 30.0})
"""


@claim("N1")
def stated(profile):
    """A statement."""
    return check("p", TRAINED, "q", median("outer_movement", Normal(1.0, 1.0)), margin=0.2)


def planned(what="outer_movement", experiments=TRAINED):
    made = check("p", experiments, "q", median(what, Normal(1.0, 1.0)), margin=0.2, basis=LIMIT, miss_rate=0.02)
    return plan_check(stated, made, LEVEL)


def sample(values, diverged, experiment=TRAINED):
    columns = {"test_accuracy": np.where(diverged, 0.1, values), "diverged": diverged.astype(float)}
    # Where training stopped weights may be numbers still, large ones, or none.
    garbage = np.where(np.arange(len(values)) % 2, np.inf, 1e30)
    return Sample(experiment, 0, columns | {"outer_movement": np.where(diverged, garbage, values)}, 0.0)


def drawn(point, share, mean=1.0, stream=0):
    """Normal values of all planned replicates, and which of them diverged: every so many, by the share."""
    rng = np.random.Generator(np.random.Philox(key=[19, stream]))
    diverged = np.arange(point.replicates) % round(1 / share) == 1 if share else np.zeros(point.replicates, bool)
    return rng.normal(mean, 1.0, point.replicates), diverged


def test_a_point_is_judged_on_the_trainings_that_converged():
    point = planned()
    values, diverged = drawn(point, 0.05)
    look = decisive_look(point, [sample(values, diverged)])
    found, count = look.finding, point.looks[look.number]
    kept = values[:count][~diverged[:count]]
    expected = quantile_interval(kept, 0.5, alpha=LEVEL * point.shares[look.number])
    assert (found.estimate, found.lower, found.upper) == (expected.estimate, expected.lower, expected.upper)
    assert (found.verdict, found.replicates) == ("supported", count)
    assert found.divergence == Divergence(diverged[:count].sum(), count - len(kept))
    assert found.divergence.left_out > 0
    assert math.isfinite(found.log_evidence)


def test_it_is_refuted_if_those_that_converged_contradict_it():
    point = planned()
    found = decisive_look(point, [sample(*drawn(point, 0.05, mean=1.8))]).finding
    assert found.verdict == "refuted"
    assert found.log_evidence > 0.0


def test_too_many_make_it_inapplicable_with_the_reason():
    point = planned()
    values, diverged = drawn(point, 0.2)
    samples = [sample(values, diverged)]
    look = decisive_look(point, samples)
    found = look.finding
    assert look.is_last
    assert (found.verdict, found.log_evidence, found.resolution) == ("inapplicable", 0.0, math.inf)
    assert math.isnan(found.estimate)
    assert found.violation.startswith(f"a training diverged in {diverged.sum()} of {point.replicates} replicates")
    assert not found.has_teeth
    # Nothing is booked against or for any value: the shares of the looks add up to 1, with a rounding for each.
    for side in sided_evidence(point, samples, look.number, np.array([0.0, 1.0]), 5.0):
        np.testing.assert_allclose(side, 0.0, rtol=0.0, atol=len(point.looks) * np.finfo(float).eps)


def test_a_part_that_may_be_left_out_is_a_tenth():
    point = planned()
    count = 40
    for left_out, fits in ((round(MOST * count), True), (round(MOST * count) + 1, False)):
        diverged = np.arange(count) < left_out
        found = leave_out_diverged(point.check, [sample(np.ones(count), diverged)])
        assert found.divergence == Divergence(left_out, left_out)
        assert (found.violation == "") == fits


def test_accuracies_are_those_of_all_trainings():
    point = planned("test_accuracy")
    values, diverged = drawn(point, 0.2)
    found = decisive_look(point, [sample(values, diverged)]).finding
    count = found.replicates
    assert found.divergence == Divergence(diverged[:count].sum(), 0)
    seen = np.where(diverged, 0.1, values)[:count]
    assert found.estimate == np.sort(seen)[math.ceil(count / 2) - 1]


def test_what_reads_unknown_columns_reads_all_of_them():
    point = planned(lambda samples: samples[0].values["test_accuracy"])
    values, diverged = drawn(point, 0.05)
    assert leave_out_diverged(point.check, [sample(values, diverged)]).left_out == diverged.sum()


def test_replicates_of_several_experiments_are_left_out_together():
    other = replace(TRAINED, learning_rate=0.5)
    both = column("outer_movement") + 0.0 * column("test_accuracy", 1)
    point = planned(both, (TRAINED, other))
    ones, first, second = np.ones(40), np.arange(40) == 3, np.arange(40) == 5
    samples = [sample(ones, first), sample(ones, second, other)]
    found = leave_out_diverged(point.check, samples)
    # Of the second one only the accuracy is read.
    assert found.divergence == Divergence(2, 1)
    assert [part.replicates for part in found.samples] == [39, 39]
    wrong = replace(point.check.estimator, observable=log(column("loss", 1)))
    variant = replace(point.check.displaced[0], target=None, estimator=wrong)
    assert leave_out_diverged(replace(point.check, variants=(variant,)), samples).left_out == 2


def test_nothing_is_counted_where_nothing_is_trained():
    cell = network("linear", width=3, depth=2)
    made = check("p", cell, "q", median("x", Normal(1.0, 1.0)), margin=0.2, basis=LIMIT)
    samples = [Sample(cell, 0, {"x": np.ones(4)}, 0.0)]
    found = leave_out_diverged(made, samples)
    assert found.divergence is msgspec.UNSET
    assert found.samples == tuple(samples)


@pytest.mark.parametrize(("rate", "code", "verdict"), [(1.0, 0, "supported"), (2.0, 3, "inapplicable")])
def test_a_run_counts_them_and_ends_with_a_verdict(tmp_path, capsys, rate, code, verdict):
    file, out = tmp_path / "my_claims.py", tmp_path / "report"
    file.write_text(FILE.replace("RATE", str(rate)))
    with pytest.raises(SystemExit) as left:
        main(["run", "--claims", str(file), "--out", str(out), "--seed", "3", "--threads", "1"])
    assert int(left.value.code or 0) == code, capsys.readouterr().err
    ((found,),) = [claim.findings for claim in load_results(out / "results.json").claims]
    assert found.verdict == verdict
    counts, share = found.divergence, found.divergence.left_out / found.replicates
    assert counts.diverged == counts.left_out > 0
    assert (share <= MOST) == (verdict == "supported")
    page, data = (out / "claims/X1.md").read_text(), (out / "data/X1-movement.csv").read_text()
    said = f"in {counts.diverged} of {found.replicates} replicates ({share:.1%}), {counts.left_out} left out"
    assert said in page
    assert f"left out: {counts.left_out} replicates with a training that diverged" in data
    if verdict == "inapplicable":
        reason = f"a training diverged in {counts.left_out} of {found.replicates} replicates"
        assert reason in capsys.readouterr().out
        assert reason in (out / "REPORT.md").read_text()
    else:
        assert PROFILES["quick"].precision >= 1.0
        assert len(data.splitlines()) == 6 + found.replicates - counts.left_out
