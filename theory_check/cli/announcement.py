"""Announcement of the time and memory of a command before it begins, and refusal where memory is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from theory_check.experiments.memory import Memory
    from theory_check.experiments.workload import Workload
    from theory_check.simulation.engines import Engine

#: Bytes that a network which a search draws may take, with its values.
_DRAWN = 2**30


def weigh(
    workload: Workload[Any],
    *,
    threads: int | None,
    limit: int | None,
    cluster: str | None = None,
    more: int = 0,
) -> Memory:
    """Return the memory that a command may need; refuse it where there is less.

    Parameters
    ----------
    workload : Workload
        What is simulated, at most.
    threads : int, optional
        Default: all processors.
    limit : int, optional
        Bytes that the process may take; default: what the machine has.
    cluster : str, optional
        ``local``, whose processes are programs of their own, or another one, which has memory of its own.
    more : int
        Bytes besides those of the simulation.

    Returns
    -------
    Memory
        With the bytes that stored weights may take.

    Raises
    ------
    SpecificationError
        If the limit is exceeded.
    """
    from theory_check.experiments.experiment import MEMORY
    from theory_check.experiments.memory import PROGRAM, Memory
    from theory_check.simulation.engines import available_threads

    most, source = _limit(limit)
    stored = MEMORY if limit is None else limit
    count = threads or available_threads()
    if cluster == "local":
        more += PROGRAM * count
    elif cluster is not None:
        count = 1
    memory = Memory.within(most, workload, count, stored=stored, more=more)
    memory.check(most, source)
    return memory


def announce(command: str, workload: Workload[Any], *, seconds: float = 0.0, **options: Any) -> Memory:
    """Say in one line what a command takes; refuse it where there is less memory than it may need.

    Parameters
    ----------
    command : str
    seconds : float
        Processor time besides that of the simulation.
    workload, **options
        As of :func:`weigh`.

    Returns
    -------
    Memory
        As of :func:`weigh`, which raises what is raised.
    """
    from theory_check.experiments.machine_costs import stored_costs

    memory = weigh(workload, **options)
    say(command, stored_costs().seconds(workload.merged.values()) + seconds, memory.total)
    return memory


def say(command: str, seconds: float, memory: float) -> None:
    """Print the line.

    Parameters
    ----------
    command : str
    seconds, memory : float
        What it takes, the memory in bytes.
    """
    from theory_check.foundation.machine import format_size
    from theory_check.reporting.numerals import format_duration

    time = format_duration(max(seconds, 0.1))
    click.echo(
        f"theory-check {command}: about {time} of processor time, at most {format_size(memory)} of memory", err=True
    )


def sampler_within(
    limit: int | None, engine: Engine, cluster: str | None = None
) -> tuple[int, Callable[..., dict[Any, Any]]]:
    """Return the bytes that samples of networks that are not known yet may take, and what draws samples within them.

    Parameters
    ----------
    limit : int, optional
        As of :func:`weigh`.
    engine : Engine
        Where samples are drawn.
    cluster : str, optional
        As of :func:`weigh`.

    Returns
    -------
    bytes : int
        With the program.
    sampler : callable
        Of requests and a seed; raises :exc:`SpecificationError` for a network that takes more.

    Raises
    ------
    SpecificationError
        If the program alone takes more.
    """
    from theory_check.experiments.memory import PROGRAM, Memory
    from theory_check.experiments.workload import Workload
    from theory_check.simulation.runner import run_experiments

    there, source = _limit(limit)
    # The processes of a local cluster are programs of their own; another cluster has memory of its own.
    count = engine.processors if cluster in (None, "local") else 1
    programs = PROGRAM * count if cluster == "local" else 0
    Memory(0, programs).check(there, source)
    most = round(min(there, PROGRAM + programs + _DRAWN))

    def sampler(requests: Mapping[Any, int], seed: int) -> dict[Any, Any]:
        workload = Workload.of(requests.items())
        memory = Memory.within(most, workload, count, more=programs)
        memory.check(most, "a drawn network may take")
        return run_experiments(workload, seed, memory=memory.stored, engine=engine)

    return most, sampler


def _limit(limit: int | None) -> tuple[float, str]:
    from theory_check.foundation.machine import available_memory

    there = available_memory() if limit is None else limit
    return math.inf if there is None else there, "this machine has" if limit is None else "--memory allows"
