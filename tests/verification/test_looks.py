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
def outcome():
    return examine(SELECTION, seed=7, threads=1)


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
