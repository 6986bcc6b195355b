"""Cells in, samples out: plan the union of the cells, execute it in threads, keep finished parts, resume.

The unit of work, :func:`simulate_blocks`, is a pure function of picklable arguments that returns arrays; any engine
that maps functions over arguments can run it with the same values.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from theory_check.cells import GRADIENT_COLUMNS, Cell, Sample
from theory_check.errors import StorageError
from theory_check.kernels import LANES
from theory_check.simulation import Values, never, simulate_block
from theory_check.storage import write_atomically

#: Random numbers, all lanes, that a unit of work draws: about a second, so that a killed run loses little.
UNIT_DRAWS = 4 * 10**9

#: Processor seconds that a random number costs on an ordinary core, drawing and using it: the model of all estimates.
SECONDS_PER_DRAW = 2e-10

#: ``report(done, total)`` in units of random numbers drawn.
Report = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Unit:
    """Blocks ``first`` to ``last - 1`` of a cell under a root seed."""

    cell: Cell
    seed: int
    first: int
    last: int

    @property
    def draws(self) -> int:
        """Estimate of the random numbers that it needs: a measure of its duration."""
        return (self.last - self.first) * draws_per_block(self.cell)

    @property
    def name(self) -> str:
        """File name of its stored values."""
        text = f"{self.cell.content_hash}:{self.seed}:{self.first}:{self.last}"
        return hashlib.sha256(text.encode()).hexdigest()[:24] + ".npz"


def draws_per_block(cell: Cell) -> int:
    """Estimate the random numbers that a block draws, forward and backward."""
    network = cell.network
    matrices = 2 if network.branch.has_inner else 1
    size = network.width**2 if cell.kernel == "dense" else 4 * network.width
    passes = 2 if cell.gradients else 1
    return LANES * network.depth * size * matrices * passes


def simulate_blocks(unit: Unit, stop: Callable[[], bool] = never) -> tuple[Values, float]:
    """Simulate a unit of work; return its columns and the processor seconds it took."""
    started = thread_time()
    blocks = [simulate_block(unit.cell, unit.seed, block, stop) for block in range(unit.first, unit.last)]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return values, thread_time() - started


def merge_cells(cells: Iterable[Cell]) -> dict[str, Cell]:
    """Return one cell for each identity: the most replicates and the union of what is observed."""
    merged: dict[str, Cell] = {}
    for cell in cells:
        known = merged.get(cell.identity, cell)
        merged[cell.identity] = replace(
            known,
            replicates=max(known.replicates, cell.replicates),
            gradients=known.gradients or cell.gradients,
            profile=tuple(sorted({*known.profile, *cell.profile})),
        )
    return merged


def restrict(sample: Sample, cell: Cell) -> Sample:
    """Return the part of a merged sample that a cell asked for: its replicates, its profile, gradients or not."""
    positions = [sample.cell.profile.index(depth) for depth in cell.profile]
    values: dict[str, NDArray[np.float64]] = {}
    for name, column in sample.values.items():
        rows = column[: cell.replicates]
        if name in GRADIENT_COLUMNS and not cell.gradients:
            continue
        if name.endswith("_profile"):
            if positions:
                values[name] = rows[..., positions]
        else:
            values[name] = rows
    return Sample(cell, sample.seed, values, sample.seconds)


def plan_units(cell: Cell, seed: int) -> list[Unit]:
    """Cut a cell into units of work of about a second; the cuts depend on the cell alone."""
    blocks = -(-cell.replicates // LANES)
    step = max(1, UNIT_DRAWS // draws_per_block(cell))
    return [Unit(cell, seed, first, min(first + step, blocks)) for first in range(0, blocks, step)]


class UnitStore:
    """A folder of finished units, written whole or not at all. Without a folder, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, unit: Unit) -> tuple[Values, float] | None:
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

    def save(self, unit: Unit, values: Values, seconds: float) -> None:
        """Keep the result of a unit."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot create {self._folder}: {error.strerror}") from error
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


def _execute(units: Sequence[Unit], store: UnitStore, threads: int, report: Report) -> dict[Unit, tuple[Values, float]]:
    total = sum(unit.draws for unit in units)
    results: dict[Unit, tuple[Values, float]] = {}
    missing: list[Unit] = []
    for unit in units:
        stored = store.load(unit)
        if stored is None:
            missing.append(unit)
        else:
            results[unit] = stored
    done = total - sum(unit.draws for unit in missing)
    report(done, total)
    stopped = threading.Event()
    running: dict[Future[tuple[Values, float]], Unit] = {}
    with ThreadPoolExecutor(threads) as pool:
        try:
            while missing or running:
                while missing and len(running) < threads:
                    unit = missing.pop(0)
                    running[pool.submit(simulate_blocks, unit, stopped.is_set)] = unit
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    unit = running.pop(future)
                    results[unit] = future.result()
                    store.save(unit, *results[unit])
                    done += unit.draws
                    report(done, total)
        except BaseException:
            stopped.set()
            raise
    return results


def run_cells(
    cells: Iterable[Cell],
    seed: int,
    *,
    threads: int | None = None,
    folder: Path | None = None,
    report: Report = silent,
) -> dict[Cell, Sample]:
    """Simulate the union of cells once and return a sample for each.

    Parameters
    ----------
    cells : iterable of Cell
        Cells of one identity share their replicates, whatever they observe and however many they ask for.
    seed : int
        Root seed.
    threads : int, optional
        Default: all processors this process may use. Values do not depend on it.
    folder : Path, optional
        Where finished units are kept until :meth:`UnitStore.clear`; a later call with the same cells goes on from them.
    report : callable
        Called with the work done and the total.
    """
    wanted = list(cells)
    merged = merge_cells(wanted)
    units = {identity: plan_units(cell, seed) for identity, cell in merged.items()}
    results = _execute(
        [u for us in units.values() for u in us], UnitStore(folder), threads or available_threads(), report
    )
    samples: dict[str, Sample] = {}
    for identity, cell in merged.items():
        parts = [results[unit] for unit in units[identity]]
        values = {n: np.concatenate([v[n] for v, _ in parts])[: cell.replicates] for n in parts[0][0]}
        samples[identity] = Sample(cell, seed, values, sum(seconds for _, seconds in parts))
    return {cell: restrict(samples[cell.identity], cell) for cell in wanted}
