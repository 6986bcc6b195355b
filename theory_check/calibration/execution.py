"""Trials in, counts out: draw the samples of every law once, judge them with every procedure, in parallel processes.

Repetition r of a law at a sample size has one sample under a root seed: repetitions are drawn in blocks whose size
depends on the sample size alone, each from a counter of its own, and not on the number of repetitions, processes or
procedures.
"""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from theory_check.calibration.known_laws import Law
from theory_check.calibration.scenarios import Case
from theory_check.calibration.trials import Trial
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.origin import package_sources
from theory_check.foundation.streams import stream_key
from theory_check.simulation.engines import available_threads
from theory_check.simulation.units import UnitStore

if TYPE_CHECKING:
    from theory_check.simulation.cluster import Cluster

#: Values in a block of samples, at most: a megabyte.
BLOCK_VALUES = 2**17

#: Repetitions in a block, at most.
BLOCK_REPETITIONS = 250

#: Blocks are put together until a unit of work has so many repetitions.
UNIT_REPETITIONS = 250

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0

#: Called with (done, total), in judged samples.
Report = Callable[[int, int], None]


def block_repetitions(observations: int) -> int:
    """Return the number of repetitions that are drawn together."""
    return max(1, min(BLOCK_REPETITIONS, BLOCK_VALUES // observations))


def draw_block(law: Law, observations: int, seed: int, block: int) -> FloatArray:
    """Draw one block of samples.

    Parameters
    ----------
    law : Law
    observations : int
        Size of a sample.
    seed : int
        Root seed.
    block : int
        Its number, from 0.

    Returns
    -------
    float64 array (repetitions, observations)
    """
    key = np.array(stream_key(seed, f"calibration:{law.stream}:n={observations}"), dtype=np.uint64)
    # The highest word of the counter: no block can draw so much as to reach the next one.
    counter = np.array([0, 0, 0, block], dtype=np.uint64)
    generator = np.random.Generator(np.random.Philox(key=key, counter=counter))
    return law.draw(generator, (block_repetitions(observations), observations))


@dataclass(frozen=True)
class Unit:
    """Trials that share a law and a sample size, and the blocks ``first`` to ``last - 1`` to judge."""

    trials: tuple[Trial, ...]
    seed: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """File name of its stored counts, which another version of the package does not read."""
        trials = ",".join(f"{trial.id}:{trial.repetitions}" for trial in self.trials)
        text = f"{package_sources()}:{trials}:{self.seed}:{self.first}:{self.last}"
        return hashlib.sha256(text.encode()).hexdigest()[:24] + ".unit"

    @property
    def judgements(self) -> int:
        """Samples times procedures: a measure of its duration."""
        size = block_repetitions(self.trials[0].case.observations)
        return sum(max(0, min(self.last * size, t.repetitions) - self.first * size) for t in self.trials)


def count_rejections(unit: Unit) -> tuple[int, ...]:
    """Judge the samples of a unit; return the rejections of each of its trials."""
    law, observations = unit.trials[0].sample
    size = block_repetitions(observations)
    counts = [0] * len(unit.trials)
    for block in range(unit.first, unit.last):
        samples = draw_block(law, observations, unit.seed, block)
        for place, trial in enumerate(unit.trials):
            wanted = samples[: max(0, trial.repetitions - block * size)]
            if len(wanted):
                counts[place] += int(trial.case.reject(wanted, trial.hypothesis, trial.level).sum())
    return tuple(counts)


def plan_units(trials: Sequence[Trial], seed: int) -> list[Unit]:
    """Group the trials by their samples and cut each group into units.

    A judgement takes far longer by some procedures than by others. All groups advance together, each
    by its share, so that a tenth of the units takes about a tenth of the time.
    """
    groups: dict[tuple[tuple[str, str, float, float], int], list[Trial]] = {}
    for trial in trials:
        law, observations = trial.sample
        groups.setdefault((law.identity, observations), []).append(trial)
    placed: list[tuple[float, Unit]] = []
    for number, ((_, observations), group) in enumerate(groups.items()):
        size = block_repetitions(observations)
        step = -(-UNIT_REPETITIONS // size)
        blocks = -(-max(trial.repetitions for trial in group) // size)
        units = [Unit(tuple(group), seed, b, min(b + step, blocks)) for b in range(0, blocks, step)]
        # Multiples of the golden ratio fill the interval evenly: groups of few units do not meet at one place.
        offset = number * _GOLDEN % 1.0
        placed += [((place + offset) / len(units), unit) for place, unit in enumerate(units)]
    return [unit for _, unit in sorted(placed, key=itemgetter(0))]


def run_trials(
    trials: Sequence[Trial], seed: int, *, threads: int, report: Report, cluster: Cluster | None = None,
    folder: Path | None = None,
) -> dict[str, int]:  # fmt: skip
    """Return the number of rejections of each trial.

    Parameters
    ----------
    trials : sequence of Trial
    seed : int
        Root seed.
    threads : int
        Processes; counts do not depend on it.
    report : callable
        Called with (done, total), in judged samples.
    cluster : Cluster, optional
        Where to judge instead of in processes of this machine.
    folder : Path, optional
        Where the counts of finished units are kept, so that an interrupted calibration goes on when repeated.

    Returns
    -------
    dict of str to int
        By the id of a trial.
    """
    units, store = plan_units(trials, seed), UnitStore(folder)
    total, done = sum(unit.judgements for unit in units), 0
    counts = dict.fromkeys((trial.id for trial in trials), 0)

    def add(unit: Unit, rejections: Iterable[int]) -> None:
        nonlocal done
        for trial, count in zip(unit.trials, rejections, strict=True):
            counts[trial.id] += int(count)
        done += unit.judgements

    missing = []
    for unit in units:
        kept = store.load(unit)
        if kept is None:
            missing.append(unit)
        else:
            add(unit, kept[0]["rejections"])
    report(done, total)
    for unit, rejections in _judged(missing, threads, cluster) if missing else ():
        store.save(unit, {"rejections": np.array(rejections)}, 0.0)
        add(unit, rejections)
        report(done, total)
    return counts


def _judged(units: Sequence[Unit], threads: int, cluster: Cluster | None) -> Iterator[tuple[Unit, tuple[int, ...]]]:
    if cluster is not None:
        from theory_check.simulation.cluster import judge_elsewhere, received

        judge = partial(judge_elsewhere, count_rejections)
        with cluster.executor() as pool:
            yield from _in_parallel(pool, judge, received, units, 2 * threads)
        return
    if threads == 1:
        for unit in units:
            yield unit, count_rejections(unit)
        return
    # Most procedures are short calls, which the interpreter's lock would make wait for one another in threads.
    # Processes beyond the processors would only wait for one another, each with its own copy of the libraries.
    processes = min(threads, len(units), max(2, available_threads()))
    with _workers(processes) as pool:
        yield from _in_parallel(pool, count_rejections, Future.result, units, 2 * processes)


def _in_parallel(
    pool: Executor, judge: Callable[[Unit], Any], result: Callable[[Future[Any]], Any], units: Sequence[Unit], most: int
) -> Iterator[tuple[Unit, tuple[int, ...]]]:
    """Yield units with their rejections as they end, with at most so many handed out at a time."""
    running: dict[Future[Any], Unit] = {}
    queue = iter(units)
    # To wait for futures takes the lock of each; an interrupt meanwhile leaves some locked for ever.
    finished: SimpleQueue[Future[Any]] = SimpleQueue()
    while True:
        for unit in islice(queue, most - len(running)):
            future = pool.submit(judge, unit)
            running[future] = unit
            future.add_done_callback(finished.put)
        if not running:
            return
        future = finished.get()
        yield running.pop(future), result(future)


def _prepare_worker() -> None:
    """Leave interrupts to the first process, which tells the others to stop; end with it if it is killed."""
    # An interrupt from the keyboard reaches all processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _workers(count: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, context, initializer=_prepare_worker)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def time_case(case: Case, seed: int) -> float:
    """Return the seconds in which a procedure judges one sample of the size of the case, at level 1e-3."""
    hypothesis = case.hypothesis or case.law
    samples = draw_block(case.law, case.observations, seed, 0)
    # The first call loads and compiles; it is told from the second by its sample.
    case.reject(samples[:, : case.observations // 100], hypothesis, 1e-3)
    started = perf_counter()
    case.reject(samples, hypothesis, 1e-3)
    return perf_counter() - started
