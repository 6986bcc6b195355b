"""Simulation in threads that can be asked for more: which units they are given, and when; how they are interrupted."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest

from theory_check.experiments.machine_costs import ESTIMATED
from theory_check.experiments.spelling import network
from theory_check.experiments.workload import Workload
from theory_check.kernels import LANES
from theory_check.simulation import engines
from theory_check.simulation.engines import THREADS, Threads
from theory_check.simulation.execution import Simulation, silent
from theory_check.simulation.runner import simulate
from theory_check.simulation.units import simulate_blocks

SHORT, LONG = (network("linear", "uniform", width=3, depth=depth) for depth in (2, 400))


@pytest.fixture
def begun(monkeypatch):
    """The experiments of the units that were begun, in this order."""
    monkeypatch.setattr("theory_check.simulation.units.UNIT_WORK", 1)
    seen, simulate_blocks = [], engines.simulate_blocks

    def watched(unit, *arguments, **options):
        seen.append(unit.experiment)
        return simulate_blocks(unit, *arguments, **options)

    monkeypatch.setattr(engines, "simulate_blocks", watched)
    return seen


def simulation(threads, report=silent):
    merged = Workload.of([(SHORT, 3 * LANES), (LONG, 3 * LANES)]).merged
    return Simulation(merged, 5, stops={}, engine=Threads(threads), folder=None, report=report)


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
        running.expect({LONG.identity: 3 * LANES, SHORT.identity: 0})
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


class _Calls:
    """An engine that keeps what it is given, and ends it when asked for the result."""

    processors = slots = 2

    def __init__(self, most_together):
        self.most_together, self.calls = most_together, []

    def open(self, store, memory):
        return self

    def submit(self, units):
        self.calls.append(units)
        future = Future()
        future.set_result(None)
        return future

    def result(self, units, finished):
        return [simulate_blocks(unit) for unit in units]

    def close(self, running, *, interrupted):
        assert not running


@pytest.mark.parametrize(("together", "lengths"), [(0, [1] * 64), (8, [8, 8, 8, 8, 8, 8, 8, 4, 2, 1, 1])])
def test_short_units_share_a_call(monkeypatch, together, lengths):
    """As many as a call may take, but never more than the part of a slot in what is left."""
    monkeypatch.setattr("theory_check.simulation.units.UNIT_WORK", 1)
    merged = Workload.of([(SHORT, 64 * LANES)]).merged
    engine = _Calls(together * round(1e6 * ESTIMATED.block_seconds(SHORT)))
    with Simulation(merged, 5, stops={}, engine=engine, folder=None, report=silent) as running:
        running.ask([(SHORT, 64 * LANES)])
        while not running.is_idle:
            running.wait()
        sample = running.sample(SHORT, 64 * LANES)
    assert [len(units) for units in engine.calls] == lengths
    assert [unit.first for units in engine.calls for unit in units] == list(range(64))
    expected = simulate(SHORT, 64 * LANES, 5, threads=1)
    np.testing.assert_array_equal(sample.values["log_norm_ratio"], expected.values["log_norm_ratio"])


@pytest.fixture
def deaf(monkeypatch):
    """A unit of work that is deaf until the test lets it end: what tells that it has begun, and what ends it."""
    begun, let_go = threading.Event(), threading.Event()

    def simulate_blocks(unit, stop, *, memory):
        begun.set()
        assert let_go.wait(30)
        return {"log_norm_ratio": np.zeros(unit.last - unit.first)}, 0.0

    monkeypatch.setattr(engines, "simulate_blocks", simulate_blocks)
    monkeypatch.setattr(engines, "_GRACE", 0.1)
    monkeypatch.setattr(engines, "_PATIENCE", 0.1)
    yield begun, let_go
    let_go.set()
    join()


def join():
    for thread in threading.enumerate():
        if thread.name.startswith(THREADS):
            thread.join(30)


def seconds_to_end(deaf, folder, error):
    """Return how long a simulation takes to end after an error while a unit is running."""
    begun, _ = deaf
    merged = Workload.of([(SHORT, LANES)]).merged
    running = Simulation(merged, 5, stops={}, engine=Threads(1), folder=folder, report=silent)
    running.ask(merged.values())
    assert begun.wait(30)
    started = time.perf_counter()
    running.__exit__(error, error(), None)
    return time.perf_counter() - started


def test_an_interrupt_leaves_the_kernel_and_drops_what_it_returns(deaf, tmp_path):
    # The unit would go on for 30 s.
    assert seconds_to_end(deaf, tmp_path, KeyboardInterrupt) < 10.0
    deaf[1].set()
    join()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_finishes_and_keeps_the_unit_that_runs(deaf, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_GRACE", 30.0)
    threading.Timer(0.2, deaf[1].set).start()
    assert 0.1 < seconds_to_end(deaf, tmp_path, KeyboardInterrupt) < 20.0
    assert len(list(tmp_path.iterdir())) == 1


def test_a_second_interrupt_waits_for_nothing(deaf, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_GRACE", 30.0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    again = threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    again.start()
    started = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            seconds_to_end(deaf, tmp_path, KeyboardInterrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - started < 20.0
    deaf[1].set()
    join()
    assert list(tmp_path.iterdir()) == []


def test_an_error_waits_for_the_kernel_and_keeps_its_unit(deaf, tmp_path):
    threading.Timer(0.3, deaf[1].set).start()
    assert seconds_to_end(deaf, tmp_path, ValueError) > 0.1
    assert len(list(tmp_path.iterdir())) == 1
