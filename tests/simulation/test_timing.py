"""Timing: each kind of experiment once, by what a small block of it takes."""

from __future__ import annotations

from itertools import chain

from theory_check.experiments.costs import SECONDS_PER_WORK, TRIAL_WORK
from theory_check.experiments.machine_costs import ESTIMATED, MachineCosts
from theory_check.experiments.spelling import network, training
from theory_check.simulation import timing
from theory_check.simulation.timing import measured_costs, training_costs

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


def test_a_training_is_timed_by_its_own_updates_without_the_one_that_compiles(monkeypatch):
    found = training("res-1", "fgn:hurst=0.7", width=4, depth=5, epochs=3, batch=20)
    # Begin and end of each update: the first takes a hundred seconds, one is disturbed, the others take two.
    times = chain.from_iterable((0.0, length) for length in (100.0, 2.0, 2.0, 50.0, 2.0, 2.0))
    monkeypatch.setattr(timing, "thread_time", lambda: next(times))
    costs = training_costs(found)
    assert costs.factor(found.kind) == 2.0 / (SECONDS_PER_WORK * found.work_per_batch)
    assert next(times, None) is None
