"""Timing: each kind of experiment once, by what a small block of it takes."""

from __future__ import annotations

from theory_check.experiments.costs import TRIAL_WORK
from theory_check.experiments.machine_costs import ESTIMATED, MachineCosts
from theory_check.experiments.spelling import network
from theory_check.simulation import timing
from theory_check.simulation.timing import measured_costs

SHALLOW, DEEP, OTHER = (network("linear", "uniform", width=w, depth=L) for w, L in ((20, 40), (20, 10**6), (4, 40)))


def test_kinds_are_timed_once_by_experiments_that_take_milliseconds(monkeypatch):
    timed, factor = [], timing._factor
    monkeypatch.setattr(timing, "_factor", lambda trial, stop: timed.append(trial) or factor(trial, stop))
    found = measured_costs([SHALLOW, DEEP, OTHER], ESTIMATED, 1)
    assert found.factors.keys() == {SHALLOW.kind, OTHER.kind}
    assert len(timed) == 2
    assert all(trial.work_per_block < 2 * TRIAL_WORK for trial in timed)
    assert all(value > 0.0 for value in found.factors.values())
    assert measured_costs([SHALLOW, OTHER], found, 1) == found
    assert len(timed) == 2


def test_what_takes_long_to_time_keeps_its_estimate(monkeypatch):
    monkeypatch.setattr(timing, "_MOST_WORK", 1)
    known = MachineCosts({"a": 3.0})
    assert measured_costs([SHALLOW], known, 1) == known
