"""Where units of work are simulated: an engine opens a pool for each simulation, and a pool takes units."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

from theory_check.experiments.experiment import Values
from theory_check.foundation.arguments import check_integer
from theory_check.foundation.machine import MAXIMAL_THREADS
from theory_check.simulation.units import Unit, UnitStore, simulate_blocks

#: How the names of the threads begin.
THREADS = "theory-check simulation"

#: Seconds that an interrupt waits for the units that run, which are kept, and then for the kernels of those that stop.
_GRACE, _PATIENCE = 0.7, 0.5


class Pool(Protocol):
    """A pool of threads, processes or workers that simulates the units of one simulation."""

    @property
    def slots(self) -> int:
        """How many calls to hand out at a time."""

    @property
    def most_together(self) -> int:
        """Microseconds that several units of a call may be expected to take, all together."""

    def submit(self, units: Sequence[Unit[Any]]) -> Future[Any]:
        """Begin a call of some units, or take them from the store."""

    def result(self, units: Sequence[Unit[Any]], finished: Future[Any]) -> list[tuple[Values, float]]:
        """Return columns and processor time of each unit of a call that is finished; raise what it raised."""

    def close(self, running: Collection[Future[Any]], *, interrupted: bool) -> None:
        """Stop what runs and take no more."""


class Engine(Protocol):
    """A maker of pools. Values do not depend on it."""

    @property
    def processors(self) -> int:
        """How many units are simulated at a time."""

    def open(self, store: UnitStore, memory: int) -> Pool:
        """Return a pool that keeps finished units in a store; all its units of a machine share ``memory`` bytes."""


def available_threads() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_threads(threads: int | None) -> int:
    """Return how many threads were asked for, by default all processors; raise unless there may be so many."""
    if threads is None:
        return available_threads()
    check_integer("number of threads", threads, 1, MAXIMAL_THREADS)
    return threads


@dataclass(frozen=True)
class Threads:
    """The threads of this process.

    Attributes
    ----------
    processors : int
        How many.
    """

    processors: int

    def open(self, store: UnitStore, memory: int) -> Pool:
        """Return a pool of new threads."""
        return _ThreadPool(self.processors, store, memory // self.processors)


class _ThreadPool:
    """Threads that stop between two kernels, and finish no unit after an interrupt that would not wait for it."""

    #: A call costs next to nothing: each unit has its own.
    most_together = 0

    def __init__(self, count: int, store: UnitStore, memory: int) -> None:
        self.slots = count
        self._store, self._memory = store, memory
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(count, THREADS)

    def submit(self, units: Sequence[Unit[Any]]) -> Future[Any]:
        return self._pool.submit(lambda: [self._finish(unit) for unit in units])

    def _finish(self, unit: Unit[Any]) -> tuple[Values, float]:
        stored = self._store.load(unit)
        if stored is not None:
            return stored
        found = simulate_blocks(unit, self._stopped.is_set, memory=self._memory)
        self._store.save(unit, *found)
        return found

    def result(self, _units: Sequence[Unit[Any]], finished: Future[Any]) -> list[tuple[Values, float]]:
        found: list[tuple[Values, float]] = finished.result()
        return found

    def close(self, running: Collection[Future[Any]], *, interrupted: bool) -> None:
        left = set(running)
        try:
            if interrupted:
                left = wait(left, timeout=_GRACE).not_done
            self._stopped.set()
            left = wait(left, timeout=_PATIENCE if interrupted else None).not_done
        finally:
            # A second interrupt waits for nothing.
            self._stopped.set()
            if left:
                # A kernel cannot be stopped. Nobody waits for it, and what it returns is dropped.
                self._store = UnitStore(None)
            self._pool.shutdown(wait=not left)
