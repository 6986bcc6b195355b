"""Timing kinds of experiments on this machine, once: a small block of each."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median
from time import thread_time
from typing import Any

import numpy as np

from theory_check.experiments.cell import Cell
from theory_check.experiments.costs import SECONDS_PER_WORK, TRIAL_WORK
from theory_check.experiments.machine_costs import MachineCosts
from theory_check.experiments.segments import blocks_together
from theory_check.experiments.training import Training
from theory_check.networks.weights import Weights
from theory_check.simulation.engines import THREADS
from theory_check.simulation.training import TrainingRun
from theory_check.simulation.units import Unit, simulate_blocks

#: Times that a block is simulated, if it takes milliseconds, and otherwise; the first time compiles its kernels, the
#: least of the others counts.
_TIMES, _LONG_TIMES = 3, 2

#: Work beyond which a block is not timed: a kind without a small experiment keeps its estimate.
_MOST_WORK = 20 * TRIAL_WORK

#: Updates of a training that are timed.
_UPDATES = 5

#: Short blocks that are timed together, at most: as many as there are between two looks.
_TOGETHER = 6


def measured_costs(experiments: Iterable[Any], known: MachineCosts, threads: int) -> MachineCosts:
    """Time the kinds of experiments that are not known yet, about a hundredth of a second each.

    Parameters
    ----------
    experiments : iterable of Experiment
    known : MachineCosts
    threads : int
        They run at the same time, as in a simulation: cores share caches and power.

    Returns
    -------
    MachineCosts
        What was known and what was measured.
    """
    trials: dict[str, Any] = {}
    for experiment in experiments:
        trial = experiment.trial
        if trial.kind not in known.factors and _unsuited(trial) < _unsuited(trials.get(trial.kind)):
            trials[trial.kind] = trial
    stopped = threading.Event()
    pool = ThreadPoolExecutor(threads, THREADS)
    try:
        factors = dict(
            zip(trials, pool.map(lambda trial: _factor(trial, stopped.is_set), trials.values()), strict=True)
        )
    finally:
        # An interruption waits for no block: those that are being timed stop after a kernel.
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
    return MachineCosts({**known.factors, **factors})


def _unsuited(trial: Any) -> float:
    """Tell how far the work of a block is from what is best to time."""
    if trial is None or trial.work_per_block > _MOST_WORK:
        return math.inf
    return abs(math.log(trial.work_per_block / TRIAL_WORK))


def _factor(trial: Any, stop: Callable[[], bool]) -> float:
    """Return measured over estimated time of a block, beside others where blocks go together."""
    most = blocks_together(trial) if isinstance(trial, Cell) else 1
    unit = Unit(trial, 0, 0, max(1, min(_TOGETHER, most, 2 * TRIAL_WORK // trial.work_per_block)))
    seconds = []
    for _ in range(_TIMES if unit.work <= 2 * TRIAL_WORK else _LONG_TIMES):
        started = thread_time()
        simulate_blocks(unit, stop)
        seconds.append(thread_time() - started)
    return min(seconds[1:]) / (SECONDS_PER_WORK * float(unit.work))


def training_costs(training: Training) -> MachineCosts:
    """Time updates of one training: kinds of networks and batches differ by more than a factor of all trainings tells.

    Parameters
    ----------
    training : Training

    Returns
    -------
    MachineCosts
        For this training alone.
    """
    from theory_check.kernels.linear_algebra import one_thread

    # The time of an update does not depend on the law of the weights, that of the drawing does.
    run = TrainingRun(replace(training, weights=Weights("uniform")), 0, 0)
    seconds = []
    # What diverges overflows.
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        for _ in range(1 + _UPDATES):
            started = thread_time()
            run.train(run.seen[: training.batch])
            seconds.append(thread_time() - started)
    # The first update compiles the kernel.
    return MachineCosts({training.kind: median(seconds[1:]) / (SECONDS_PER_WORK * training.work_per_batch)})
