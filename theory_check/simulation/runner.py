"""Experiments in, samples out: plan their union, execute it in threads, keep finished parts, resume.

The unit of work, :func:`simulate_blocks`, is a pure function of picklable arguments that returns arrays; any engine
that maps functions over arguments can run it with the same values.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from time import thread_time
from types import MappingProxyType
from typing import Any, Generic

import numpy as np

from theory_check.experiments.cell import Cell
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.experiment import MEMORY, E, Sample, Values, check_replicates, never
from theory_check.experiments.sweep import Sweep
from theory_check.experiments.workload import Workload
from theory_check.foundation.files import make_directory, write_atomically
from theory_check.foundation.streams import check_seed
from theory_check.simulation import cell as simulation
from theory_check.simulation import euler, euler_maruyama
from theory_check.simulation import sweep as sweeps

#: Work of a unit: about a second, so that a killed run loses little.
UNIT_WORK = 4 * 10**9

#: Called with (done, total), both in units of work.
Report = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Unit(Generic[E]):
    """Blocks ``first`` to ``last - 1`` of an experiment under a root seed."""

    experiment: E
    seed: int
    first: int
    last: int

    @property
    def work(self) -> int:
        """Estimate of its duration, in the unit of :mod:`theory_check.experiments.costs`."""
        return (self.last - self.first) * self.experiment.work_per_block

    @property
    def name(self) -> str:
        """File name of its stored values."""
        text = f"{self.experiment.content_hash}:{self.seed}:{self.first}:{self.last}"
        return hashlib.sha256(text.encode()).hexdigest()[:24] + ".npz"


#: ``simulate_block(experiment, seed, block, stop)``: the columns of a block, one row per replicate.
Simulator = Callable[..., Values]

#: How each kind of experiment is simulated, and the only place that tells them apart.
SIMULATORS: Mapping[type, Simulator] = MappingProxyType(
    {
        Cell: simulation.simulate_block,
        Sweep: sweeps.simulate_block,
        EulerMaruyama: euler_maruyama.simulate_block,
        Euler: euler.simulate_block,
    }
)

#: Kinds whose memory can be bounded: their simulators take ``memory=bytes`` besides.
BOUNDED = frozenset({Cell, Sweep})


def simulate_blocks(unit: Unit[Any], stop: Callable[[], bool] = never, *, memory: int = MEMORY) -> tuple[Values, float]:
    """Simulate a unit of work: a pure function of picklable arguments.

    Parameters
    ----------
    unit : Unit
    stop : callable
        Asked between two kernel calls whether to stop.
    memory : int
        Bytes that stored weights, and what is kept for their backward pass, may take. Values do not depend on it.

    Returns
    -------
    values : Values
        Columns of the blocks of the unit, one after another.
    seconds : float
        Processor time.
    """
    started = thread_time()
    simulate_block = SIMULATORS[type(unit.experiment)]
    options = {"memory": memory} if type(unit.experiment) in BOUNDED else {}
    blocks = [simulate_block(unit.experiment, unit.seed, b, stop, **options) for b in range(unit.first, unit.last)]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return values, thread_time() - started


def restrict(sample: Sample[E], part: E, replicates: int) -> Sample[E]:
    """Return what an experiment observes of a merged sample, for its first replicates.

    Parameters
    ----------
    sample : Sample
        Of an experiment of the same identity that observes at least as much.
    part : Experiment
    replicates : int

    Returns
    -------
    Sample
    """
    columns = sample.experiment.restrict(sample.values, part)
    return Sample(part, sample.seed, columns, sample.seconds).first(replicates)


def plan_units(experiment: E, replicates: int, seed: int) -> list[Unit[E]]:
    """Cut an experiment into units of work of about a second.

    Parameters
    ----------
    experiment : Experiment
        The cuts depend on it alone: more replicates go on from the units that are there.
    replicates : int
    seed : int

    Returns
    -------
    list of Unit
    """
    blocks = -(-replicates // experiment.block_size)
    step = max(1, UNIT_WORK // experiment.work_per_block)
    return [Unit(experiment, seed, first, min(first + step, blocks)) for first in range(0, blocks, step)]


class UnitStore:
    """A folder of finished units, written whole or not at all. Without a folder, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, unit: Unit[Any]) -> tuple[Values, float] | None:
        """Return the stored result of a unit, if there is a readable one."""
        if self._folder is None:
            return None
        try:
            content = (self._folder / unit.name).read_bytes()
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                values = {name: stored[name] for name in stored.files}
            return values, float(values.pop("seconds"))
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
            return None

    def save(self, unit: Unit[Any], values: Values, seconds: float) -> None:
        """Keep the result of a unit.

        Parameters
        ----------
        unit : Unit
        values : Values
        seconds : float
            As :func:`simulate_blocks` returns them.
        """
        if self._folder is None:
            return
        buffer = io.BytesIO()
        np.savez(buffer, seconds=np.float64(seconds), **values)  # type: ignore[arg-type]
        write_atomically(self._folder / unit.name, buffer.getvalue())

    def clear(self) -> None:
        """Delete what is kept, and the folder if nothing else is in it."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in self._folder.glob("*.npz"):
            path.unlink(missing_ok=True)
        if not any(self._folder.iterdir()):
            self._folder.rmdir()


def available_threads() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _execute(
    units: Sequence[Unit[E]], store: UnitStore, threads: int, report: Report, memory: int
) -> dict[Unit[E], tuple[Values, float]]:
    total = sum(unit.work for unit in units)
    results: dict[Unit[E], tuple[Values, float]] = {}
    missing: list[Unit[E]] = []
    for unit in units:
        stored = store.load(unit)
        if stored is None:
            missing.append(unit)
        else:
            results[unit] = stored
    done = total - sum(unit.work for unit in missing)
    # The longest first: what is left at the end, when threads run out of work, is short.
    missing.sort(key=lambda unit: -unit.work)
    report(done, total)
    stopped = threading.Event()
    running: dict[Future[tuple[Values, float]], Unit[E]] = {}
    with ThreadPoolExecutor(threads) as pool:
        try:
            while missing or running:
                while missing and len(running) < threads:
                    unit = missing.pop(0)
                    running[pool.submit(simulate_blocks, unit, stopped.is_set, memory=memory // threads)] = unit
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    unit = running.pop(future)
                    results[unit] = future.result()
                    store.save(unit, *results[unit])
                    done += unit.work
                    report(done, total)
        except BaseException:
            stopped.set()
            raise
    return results


def run_experiments(
    requests: Mapping[E, int] | Workload[E],
    seed: int,
    *,
    threads: int | None = None,
    folder: Path | None = None,
    report: Report = silent,
    memory: int = MEMORY,
) -> dict[E, Sample[E]]:
    """Simulate the union of experiments once and return a sample for each.

    Parameters
    ----------
    requests : mapping of experiment to int, or Workload
        How many replicates of each are wanted. Experiments of one identity share them, whatever they observe.
    seed : int
        Root seed.
    threads : int, optional
        Default: all processors this process may use. Values do not depend on it.
    folder : Path, optional
        Where finished units are kept until :meth:`UnitStore.clear`; a later call with the same experiments goes on
        from them.
    report : callable
        Called with (done, total), both in units of work.
    memory : int
        Bytes that stored weights, and what is kept for their backward pass, may take in all threads together. Values
        do not depend on it.

    Returns
    -------
    samples : dict of experiment to Sample

    Raises
    ------
    SpecificationError
        If a number of replicates or the seed is out of range.
    """
    check_seed(seed)
    workload = requests if isinstance(requests, Workload) else Workload.of(requests.items())
    for replicates in workload.requests.values():
        check_replicates(replicates)
    if folder is not None:
        make_directory(folder)
    units = {identity: plan_units(*request, seed) for identity, request in workload.merged.items()}
    planned = [unit for parts in units.values() for unit in parts]
    results = _execute(planned, UnitStore(folder), threads or available_threads(), report, memory)
    samples: dict[str, Sample[E]] = {}
    for identity, (union, replicates) in workload.merged.items():
        parts = [results[unit] for unit in units[identity]]
        values = {n: np.concatenate([v[n] for v, _ in parts])[:replicates] for n in parts[0][0]}
        samples[identity] = Sample(union, seed, values, sum(seconds for _, seconds in parts))
    return {part: restrict(samples[part.identity], part, wanted) for part, wanted in workload.requests.items()}


def simulate(
    experiment: E, replicates: int, seed: int = 0, *, threads: int | None = None, memory: int = MEMORY
) -> Sample[E]:
    """Simulate one experiment.

    Parameters
    ----------
    experiment : Experiment
        As ``network`` returns it.
    replicates : int
        Independent networks, one row of the sample each.
    seed : int
        Root seed, 0 to 2^64 - 1. Replicate r has one value under a seed, however many replicates and threads there are.
    threads, memory : int
        As of :func:`run_experiments`.

    Returns
    -------
    Sample

    Raises
    ------
    SpecificationError
        If the number of replicates or the seed is out of range.
    """
    return run_experiments({experiment: replicates}, seed, threads=threads, memory=memory)[experiment]
