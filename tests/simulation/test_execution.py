"""Simulation in threads that can be asked for more: which units they are given, and when."""

from __future__ import annotations

import pytest

from theory_check.experiments.spelling import network
from theory_check.experiments.workload import Workload
from theory_check.kernels import LANES
from theory_check.simulation import execution
from theory_check.simulation.execution import Simulation, silent

SHORT, LONG = (network("linear", "uniform", width=3, depth=depth) for depth in (2, 400))


@pytest.fixture
def begun(monkeypatch):
    """The experiments of the units that were begun, in this order."""
    monkeypatch.setattr("theory_check.simulation.units.UNIT_WORK", 1)
    seen, simulate_blocks = [], execution.simulate_blocks

    def watched(unit, *arguments, **options):
        seen.append(unit.experiment)
        return simulate_blocks(unit, *arguments, **options)

    monkeypatch.setattr(execution, "simulate_blocks", watched)
    return seen


def simulation(threads, report=silent):
    merged = Workload.of([(SHORT, 3 * LANES), (LONG, 3 * LANES)]).merged
    return Simulation(merged, 5, stops={}, threads=threads, folder=None, report=report)


def test_longer_units_asked_for_later_go_first(begun):
    with simulation(threads=1) as running:
        running.ask([(SHORT, 3 * LANES)])
        running.ask([(LONG, 3 * LANES)])
        while not running.is_idle:
            running.wait()
        assert begun == [SHORT, *[LONG] * 3, *[SHORT] * 2]
        assert running.has([(SHORT, 3 * LANES), (LONG, 3 * LANES)])


@pytest.mark.parametrize("threads", [1, 2])
def test_no_unit_waits_in_a_thread(begun, threads):
    """When a unit is received its thread has no other yet: an interruption there leaves what the other threads do."""
    seen = []

    def report(done, total):
        seen.append((len(begun), 3 * done // total))

    with simulation(threads, report) as running:
        running.limit({LONG.identity: 3 * LANES, SHORT.identity: 0})
        running.ask([(LONG, 3 * LANES)])
        while not running.is_idle:
            running.wait()
    assert seen[-1][0] == 3
    assert all(count < received + threads for count, received in seen[1:])


def test_units_received_between_two_waits_are_told_by_the_next(begun):
    with simulation(threads=1) as running:
        running.ask([(SHORT, LANES)])
        while not running.has([(SHORT, LANES)]):
            running.receive()
        assert not running.is_idle
        assert running.wait() == {SHORT.identity}
        assert running.is_idle
