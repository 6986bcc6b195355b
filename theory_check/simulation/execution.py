"""Simulation that can be asked for more: experiments grow block by block while others look at them."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import accumulate, count
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self

import numpy as np

from theory_check.experiments.experiment import MEMORY, E, Sample, Values
from theory_check.experiments.machine_costs import ESTIMATED, MachineCosts
from theory_check.simulation.engines import Engine
from theory_check.simulation.units import Unit, UnitStore, plan_units

#: Called with (done, total), both in microseconds of estimated processor time: at the beginning, with what an earlier
#: command has done, and whenever work ends.
Report = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Report nothing."""


class Simulation(Generic[E]):
    """Experiments under a seed, simulated as far as they are asked for; a context that ends what simulates.

    Units of work end at the stops, so that what is asked for never needs half a unit, and a run that was interrupted
    finds the units of the same plan in its store. Units are handed out when some before have been received, the longest
    first, and several short ones together where a call is dear: an interruption leaves nothing behind but the units
    that run, which stop.

    Parameters
    ----------
    merged : mapping of str to (experiment, int)
        By identity: what is simulated, and at most how many replicates.
    seed : int
        Root seed.
    stops : mapping of str to iterable of int
        By identity: numbers of replicates that will be asked for.
    engine : Engine
        Where units are simulated.
    folder : Path, optional
        Where finished units are kept.
    report : callable
        Called with what is done and what is expected to be needed in all, in estimated microseconds.
    memory : int
        Bytes that stored weights may take on a machine, all its threads together.
    costs : MachineCosts
        What simulations are expected to take, for the order of the units and for the report.
    """

    def __init__(
        self,
        merged: Mapping[str, tuple[E, int]],
        seed: int,
        *,
        stops: Mapping[str, Iterable[int]],
        engine: Engine,
        folder: Path | None,
        report: Report,
        memory: int = MEMORY,
        costs: MachineCosts = ESTIMATED,
    ) -> None:
        self._seed, self._report = seed, report
        self._unions = {identity: experiment for identity, (experiment, _) in merged.items()}
        self._units = {
            identity: plan_units(experiment, most, seed, stops.get(identity, ()))
            for identity, (experiment, most) in merged.items()
        }
        self._expected = {identity: len(units) for identity, units in self._units.items()}
        self._asked = dict.fromkeys(merged, 0)
        #: Microseconds of a block, of the first units of each, and of all that are expected to be asked for.
        self._cost = {i: max(1, round(1e6 * costs.block_seconds(experiment))) for i, experiment in self._unions.items()}
        self._costs = {i: [0, *accumulate(map(self._unit_cost, units))] for i, units in self._units.items()}
        self._wanted = sum(costs[-1] for costs in self._costs.values())
        self._parts: dict[str, list[tuple[Values, float] | None]] = {i: [None] * len(u) for i, u in self._units.items()}
        self._joined: dict[str, tuple[int, Values, float]] = {}
        #: Asked for and not begun: a heap of (-cost, number of the request, identity, place), longest first.
        self._pending: list[tuple[int, int, str, int]] = []
        self._requested = count()
        #: Microseconds of what is pending.
        self._backlog = 0
        self._running: dict[Future[Any], list[tuple[str, int]]] = {}
        self._received: set[str] = set()
        store = UnitStore(folder)
        names = store.names()
        #: Units that an earlier command has finished: they take no time.
        self._kept = {
            (identity, place)
            for identity, units in self._units.items() if names
            for place, unit in enumerate(units) if unit.name in names
        }  # fmt: skip
        self._done = sum(self._unit_cost(self._units[identity][place]) for identity, place in self._kept)
        self._pool = engine.open(store, memory)

    def __enter__(self) -> Self:
        self._tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close(self._running, interrupted=kind is not None and issubclass(kind, KeyboardInterrupt))

    def _tell(self) -> None:
        # An earlier command may have done more than this one asks for.
        self._report(min(self._done, self._wanted), self._wanted)

    def ask(self, requests: Iterable[tuple[E, int]]) -> None:
        """Let experiments be simulated up to these numbers of replicates, the longest units first."""
        for experiment, replicates in requests:
            identity = experiment.identity
            needed = self._needed(identity, replicates)
            for place in range(self._asked[identity], needed):
                cost = self._unit_cost(self._units[identity][place])
                heapq.heappush(self._pending, (-cost, next(self._requested), identity, place))
                self._backlog += cost
            self._set_bounds(identity, self._expected[identity], max(self._asked[identity], needed))
        self._hand_out()

    def _hand_out(self) -> None:
        slots = self._pool.slots if self._pending else 0
        while self._pending and len(self._running) < slots:
            places = self._next(min(self._pool.most_together, self._backlog // slots))
            self._running[self._pool.submit([self._units[i][place] for i, place in places])] = places

    def _next(self, most: int) -> list[tuple[str, int]]:
        """Take the longest pending unit, and the next as long as all together take no more microseconds than this."""
        places: list[tuple[str, int]] = []
        taken = 0
        while self._pending and (not places or taken - self._pending[0][0] <= most):
            cost, _, identity, place = heapq.heappop(self._pending)
            places.append((identity, place))
            taken -= cost
        self._backlog -= taken
        return places

    def receive(self) -> None:
        """Take over the units that are finished by now and hand out the next: for use between two waits."""
        finished = [future for future in self._running if future.done()]
        for future in finished:
            places = self._running.pop(future)
            units = [self._units[identity][place] for identity, place in places]
            for (identity, place), unit, part in zip(places, units, self._pool.result(units, future), strict=True):
                self._parts[identity][place] = part
                self._received.add(identity)
                if (identity, place) not in self._kept:
                    self._done += self._unit_cost(unit)
            self._tell()
        if finished:
            self._hand_out()

    def expect(self, requests: Mapping[str, int]) -> None:
        """Say how many replicates, by identity, are expected to be asked for in all: for the progress only."""
        for identity, replicates in requests.items():
            self._set_bounds(identity, self._needed(identity, replicates), self._asked[identity])

    def _set_bounds(self, identity: str, expected: int, asked: int) -> None:
        costs = self._costs[identity]
        self._wanted -= costs[max(self._expected[identity], self._asked[identity])]
        self._expected[identity], self._asked[identity] = expected, asked
        self._wanted += costs[max(expected, asked)]

    def _unit_cost(self, unit: Unit[E]) -> int:
        return (unit.last - unit.first) * self._cost[unit.experiment.identity]

    def wait(self) -> set[str]:
        """Return the identities of what has grown when another unit is finished; raise what a unit raised."""
        if not self._received:
            wait(self._running, return_when=FIRST_COMPLETED)
            self.receive()
        grown, self._received = self._received, set()
        return grown

    def _needed(self, identity: str, replicates: int) -> int:
        """Return how many units hold so many replicates."""
        blocks = -(-replicates // self._unions[identity].block_size)
        return bisect_left(self._units[identity], blocks, key=lambda unit: unit.first)

    def has(self, requests: Iterable[tuple[E, int]]) -> bool:
        """Tell whether so many replicates of each experiment are there."""
        return all(
            part is not None
            for experiment, replicates in requests
            for part in self._parts[experiment.identity][: self._needed(experiment.identity, replicates)]
        )

    @property
    def is_idle(self) -> bool:
        """Whether all that was asked for is there and has been told by :meth:`wait`."""
        return not (self._running or self._received)

    @property
    def simulated(self) -> dict[str, tuple[E, int]]:
        """By identity: the experiment and the replicates that were simulated."""
        return {
            identity: (
                union,
                sum((u.last - u.first) * union.block_size for u, p in zip(*self._pairs(identity), strict=True) if p),
            )
            for identity, union in self._unions.items()
        }

    def _pairs(self, identity: str) -> tuple[list[Unit[E]], list[tuple[Values, float] | None]]:
        return self._units[identity], self._parts[identity]

    def sample(self, experiment: E, replicates: int) -> Sample[E]:
        """Return the first replicates of what an experiment observes."""
        identity = experiment.identity
        union = self._unions[identity]
        values, seconds = self._join(identity, self._needed(identity, replicates))
        first = {name: column[:replicates] for name, column in values.items()}
        return Sample(experiment, self._seed, union.restrict(first, experiment), seconds)

    def _join(self, identity: str, needed: int) -> tuple[Values, float]:
        """Return the columns of the first units, and of more if they were joined already."""
        count, values, seconds = self._joined.get(identity, (0, {}, 0.0))
        if needed > count:
            parts: list[Any] = self._parts[identity][count:needed]
            pieces = ([values] if count else []) + [part[0] for part in parts]
            values = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
            seconds += sum(part[1] for part in parts)
            self._joined[identity] = needed, values, seconds
            # The joined columns hold the values from now on.
            self._parts[identity][count:needed] = [({}, 0.0)] * len(parts)
        return values, seconds
