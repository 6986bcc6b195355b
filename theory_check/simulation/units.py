"""Units of work: blocks of an experiment, simulated by a pure function and kept in a folder.

The unit of work, :func:`simulate_blocks`, is a pure function of picklable arguments that returns arrays; any engine
that maps functions over arguments can run it with the same values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import thread_time
from types import MappingProxyType
from typing import Any, Generic, Protocol

import numpy as np

from theory_check.experiments.cell import Cell
from theory_check.experiments.costs import LEAST_WORK, SHARE, UNIT_WORK
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.experiment import MEMORY, E, Values, never
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.segments import blocks_together
from theory_check.experiments.sweep import Sweep
from theory_check.experiments.training import Training
from theory_check.foundation.files import write_atomically
from theory_check.simulation import cell as simulation
from theory_check.simulation import euler, euler_maruyama, first_step
from theory_check.simulation import sweep as sweeps
from theory_check.simulation import training as trainings
from theory_check.simulation.unit_files import decode_unit, encode_unit


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
        return hashlib.sha256(text.encode()).hexdigest()[:24] + ".unit"


#: ``simulate_block(experiment, seed, block, stop)``: the columns of a block, one row per replicate.
Simulator = Callable[..., Values]

#: How each kind of experiment is simulated, and the only place that tells them apart.
SIMULATORS: Mapping[type, Simulator] = MappingProxyType(
    {
        Cell: simulation.simulate_block,
        Sweep: sweeps.simulate_block,
        EulerMaruyama: euler_maruyama.simulate_block,
        Euler: euler.simulate_block,
        Training: trainings.simulate_block,
        FirstStep: first_step.simulate_block,
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
    most = blocks_together(unit.experiment) if isinstance(unit.experiment, Cell) else 1
    blocks = []
    for block in range(unit.first, unit.last, most):
        together = {"blocks": min(most, unit.last - block)} if most > 1 else {}
        blocks.append(simulate_block(unit.experiment, unit.seed, block, stop, **options, **together))
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return values, thread_time() - started


def plan_units(experiment: E, replicates: int, seed: int, stops: Iterable[int] = ()) -> list[Unit[E]]:
    """Cut an experiment into units of work of about a second, and shorter ones at its beginning.

    Parameters
    ----------
    experiment : Experiment
    replicates : int
    seed : int
    stops : iterable of int
        Numbers of replicates at which a unit ends. The cuts depend on them and on the experiment alone: more
        replicates go on from the units that are there.

    Returns
    -------
    list of Unit
    """
    blocks = -(-replicates // experiment.block_size)
    most, least = (max(1, work // experiment.work_per_block) for work in (UNIT_WORK, LEAST_WORK))
    ends, end = {blocks, *(-(-stop // experiment.block_size) for stop in stops)}, 0
    while end < blocks:
        ends.add(end := end + min(most, max(least, end // SHARE)))
    cuts = [0, *sorted(end for end in ends if 0 < end <= blocks)]
    return [Unit(experiment, seed, first, last) for first, last in pairwise(cuts)]


class Named(Protocol):
    """A unit of any kind of work, with a file name that tells it from all others."""

    @property
    def name(self) -> str:
        """File name of its stored values."""


class UnitStore:
    """A folder of finished units, written whole or not at all. Without a folder, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def names(self) -> frozenset[str]:
        """Return the names of the units that are kept."""
        if self._folder is None or not self._folder.is_dir():
            return frozenset()
        return frozenset(path.name for path in self._folder.glob("*.unit"))

    def load(self, unit: Named) -> tuple[Values, float] | None:
        """Return the stored result of a unit, if there is one that can be reused, see :func:`decode_unit`."""
        if self._folder is None:
            return None
        try:
            return decode_unit(unit.name, (self._folder / unit.name).read_bytes())
        except OSError:
            return None

    def save(self, unit: Named, values: Values, seconds: float) -> None:
        """Keep the result of a unit.

        Parameters
        ----------
        unit : Unit, or another one with a name
        values : Values
        seconds : float
            As :func:`simulate_blocks` returns them.
        """
        if self._folder is None:
            return
        # To wait for the disk would take as long as a short unit; a file that a power cut spoils is not reused.
        write_atomically(self._folder / unit.name, encode_unit(unit.name, values, seconds), flushed=False)

    def clear(self) -> None:
        """Delete what is kept, and the folder if nothing else is in it."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in self._folder.glob("*.unit"):
            path.unlink(missing_ok=True)
        if not any(self._folder.iterdir()):
            self._folder.rmdir()
