"""Experiments in, samples out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from theory_check.experiments.experiment import MEMORY, E, Sample, check_experiment
from theory_check.experiments.machine_costs import MachineCosts, stored_costs
from theory_check.experiments.workload import Workload
from theory_check.foundation.arguments import check_integer
from theory_check.foundation.files import make_directory
from theory_check.foundation.streams import check_seed
from theory_check.simulation.engines import Engine, Threads, count_threads
from theory_check.simulation.execution import Report, Simulation, silent

#: More bytes than any machine addresses.
_MOST_BYTES = 2**62


def run_experiments(
    requests: Mapping[E, int] | Workload[E],
    seed: int,
    *,
    threads: int | None = None,
    folder: Path | None = None,
    report: Report = silent,
    memory: int = MEMORY,
    engine: Engine | None = None,
    costs: MachineCosts | None = None,
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
        Called with (done, total), both in microseconds of estimated processor time.
    memory : int
        Bytes that stored weights, and what is kept for their backward pass, may take in all threads together. Values
        do not depend on it.
    engine : Engine, optional
        Where to simulate instead of in threads, see :func:`theory_check.simulation.cluster.open_cluster`.
    costs : MachineCosts, optional
        What simulations are expected to take, for the report; default: what was measured on this machine so far.

    Returns
    -------
    samples : dict of experiment to Sample

    Raises
    ------
    SpecificationError
        If a number of replicates, of threads or of bytes, or the seed, is out of range.
    """
    check_seed(seed)
    check_integer("memory in bytes", memory, 0, _MOST_BYTES)
    workload = requests if isinstance(requests, Workload) else Workload.of(requests.items())
    if folder is not None:
        make_directory(folder)
    chosen = engine or Threads(count_threads(threads))
    with Simulation(
        workload.merged,
        seed,
        stops={},
        engine=chosen,
        folder=folder,
        report=report,
        memory=memory,
        costs=stored_costs() if costs is None else costs,
    ) as simulation:
        simulation.ask(workload.merged.values())
        while not simulation.is_idle:
            simulation.wait()
        return {part: simulation.sample(part, wanted) for part, wanted in workload.requests.items()}


def simulate(
    experiment: E,
    replicates: int,
    seed: int = 0,
    *,
    threads: int | None = None,
    memory: int = MEMORY,
    engine: Engine | None = None,
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
    threads, memory, engine
        As of :func:`run_experiments`.

    Returns
    -------
    Sample

    Raises
    ------
    SpecificationError
        If a number of replicates, of threads or of bytes, or the seed, is out of range.
    """
    check_experiment(experiment)
    return run_experiments({experiment: replicates}, seed, threads=threads, memory=memory, engine=engine)[experiment]
