"""Judging while simulating: what a run decides does not depend on threads, order or interruption."""

from __future__ import annotations

import pytest

from theory_check.claims.claim import PROFILES
from theory_check.claims.judging import evaluate
from theory_check.simulation.runner import run_experiments
from theory_check.verification.plan import plan_run
from theory_check.verification.run import examine

SELECTION = ("E3", "E6", "P4")


@pytest.fixture(scope="module")
def told():
    """What the run of ``outcome`` told of its progress."""
    return []


@pytest.fixture(scope="module")
def outcome(told):
    return examine(SELECTION, seed=7, threads=1, report=lambda done, total: told.append((done, total)))


def test_findings_do_not_depend_on_the_threads(outcome):
    other = examine(SELECTION, seed=7, threads=3)
    assert other.record.claims == outcome.record.claims


def test_points_are_judged_on_the_first_replicates_of_a_whole_run(outcome):
    plan = plan_run(SELECTION, PROFILES["quick"])
    samples = run_experiments(plan.workload, 7)
    for check in plan.checks:
        decision = outcome.decisions[check.id]
        count = check.looks[decision.look]
        again = evaluate(check, [samples[experiment].first(count) for experiment in check.experiments], decision.look)
        assert again == decision.finding
        assert decision.finding.replicates == count <= decision.finding.planned


def test_decided_points_save_networks(outcome):
    plan = plan_run(SELECTION, PROFILES["quick"])
    assert outcome.record.simulated_networks < 0.8 * plan.workload.replicates


def test_the_announced_work_comes_true(outcome, told):
    """Within a quarter from the tenth of the run on; what is needed at most is more than that away from the truth."""
    before, *_, (last, _) = told
    assert all(abs(announced - last) < 0.25 * last for done, announced in told if done > 0.1 * last)
    assert before[1] > 1.25 * last


def test_an_interrupted_run_goes_on_at_its_looks(outcome, tmp_path):
    calls = iter(range(40))

    def interrupt(done, total):
        if next(calls, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(SELECTION, seed=7, threads=2, folder=tmp_path, report=interrupt)
    kept = len(list(tmp_path.iterdir()))
    assert kept > 0
    assert examine(SELECTION, seed=7, threads=2, folder=tmp_path).record.claims == outcome.record.claims
