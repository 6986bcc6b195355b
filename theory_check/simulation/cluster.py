"""Units of work on the machines of a ``dask.distributed`` cluster, with the values that threads give.

A unit is a pure function of its experiment, seed and blocks, so that where it runs, and how often after a worker died,
changes no value. Workers tell what made their values, kernels and libraries; values of another origin are refused.
"""

from __future__ import annotations

import json
import logging
import pickle
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from theory_check.experiments.experiment import Values
from theory_check.foundation.arguments import check_count
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.machine import available_memory, format_size
from theory_check.simulation.engines import Pool, available_threads
from theory_check.simulation.unit_files import decode_unit, encode_unit, origin
from theory_check.simulation.units import Unit, UnitStore, simulate_blocks

if TYPE_CHECKING:
    from distributed import Client, WorkerPlugin

A = TypeVar("A")
R = TypeVar("R")

#: Calls handed out for each processor of the cluster: the next is there when one is finished.
_AHEAD = 2

#: Microseconds that the units of a call may be expected to take, a hundred times what a call costs: a worker that dies
#: loses little.
_TOGETHER = 500_000

#: Seconds to wait for a scheduler, for its first worker, and between two looks at how many there are.
_CONNECT, _PATIENCE, _LOOK = 10.0, 60.0, 1.0

#: Workers that a unit may lose before it is given up: it may be the unit that kills them.
_LOSSES = 3


def simulate_elsewhere(units: Sequence[Unit[Any]], memory: int, share: str | None) -> tuple[str, bytes]:
    """Simulate units on a worker, or take them from what is shared.

    Parameters
    ----------
    units : sequence of Unit
    memory : int
        Bytes, as of :func:`simulate_blocks`.
    share : str, optional
        Folder or URL of finished units. They carry a digest: what is half written, damaged or of another origin is
        simulated anew.

    Returns
    -------
    (str, bytes)
        What makes the values here; pickled, a list of the columns and the processor time of each unit. Many short
        arrays travel faster as one string than as messages of their own.
    """
    found = [_simulated_or_shared(unit, memory, share) for unit in units]
    return origin(), pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL)


def _simulated_or_shared(unit: Unit[Any], memory: int, share: str | None) -> tuple[Values, float]:
    if share is None:
        return simulate_blocks(unit, memory=memory)
    from fsspec.core import url_to_fs

    files, root = url_to_fs(share)
    path = f"{root}/{unit.name}"
    with suppress(OSError):
        stored = decode_unit(unit.name, files.cat_file(path))
        if stored is not None:
            return stored
    found = simulate_blocks(unit, memory=memory)
    files.makedirs(root, exist_ok=True)
    files.pipe_file(path, encode_unit(unit.name, *found))
    return found


def judge_elsewhere(function: Callable[[A], R], argument: A) -> tuple[str, R]:
    """Call a function on a worker; return what makes the values there besides."""
    return origin(), function(argument)


def received(finished: Future[tuple[str, R]]) -> R:
    """Return the value of a call that is finished, see :func:`judge_elsewhere`.

    Parameters
    ----------
    finished : Future

    Returns
    -------
    The value.

    Raises
    ------
    SpecificationError
        If the worker has other versions.
    StorageError
        If the call lost its workers.
    """
    with _losses("a call"):
        made_by, value = finished.result()
    _check_origin(made_by)
    return value


@contextmanager
def _losses(what: object) -> Iterator[None]:
    from distributed import KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise StorageError(
            f"the cluster lost {_LOSSES + 1} workers while they simulated {what}; give them more memory"
        ) from error


def _check_origin(made_by: str) -> None:
    if made_by != origin():
        raise SpecificationError(
            f"a worker of the cluster has other versions, {made_by}, where this process has {origin()}; install the "
            "same everywhere"
        )


class Cluster:
    """An engine: the workers that a client reaches, those that come later included.

    Parameters
    ----------
    client : distributed.Client
    share : str, optional
        Where workers keep finished units for each other and for later runs: a folder that all of them see, or a URL
        that fsspec takes.
    """

    def __init__(self, client: Client, share: str | None = None) -> None:
        self._client, self.share = client, share
        self._looked, self._threads = -_LOOK, Counter[str]()

    def _by_machine(self) -> Counter[str]:
        """Return how many units each machine simulates at a time."""
        if monotonic() - self._looked >= _LOOK:
            self._threads = Counter()
            for address, count in self._client.nthreads().items():
                self._threads[urlsplit(address).hostname or address] += count
            self._looked = monotonic()
        return self._threads

    @property
    def processors(self) -> int:
        """How many units are simulated at a time, now."""
        return max(1, self._by_machine().total())

    def executor(self) -> Executor:
        """Return what hands calls to the workers, whose values :func:`received` checks."""
        made: Executor = self._client.get_executor(pure=False)
        return made

    def open(self, store: UnitStore, memory: int) -> Pool:
        """Return a pool that hands units to the workers."""
        return _ClusterPool(self, store, memory // max(self._by_machine().values(), default=1))


class _ClusterPool:
    most_together = _TOGETHER

    def __init__(self, cluster: Cluster, store: UnitStore, memory: int) -> None:
        self._cluster, self._store, self._memory = cluster, store, memory
        self._executor = cluster.executor()
        #: What the store had of the units of each call.
        self._stored: dict[Future[Any], list[tuple[Values, float] | None]] = {}

    @property
    def slots(self) -> int:
        return _AHEAD * self._cluster.processors

    def submit(self, units: Sequence[Unit[Any]]) -> Future[Any]:
        stored = [self._store.load(unit) for unit in units]
        missing = [unit for unit, found in zip(units, stored, strict=True) if found is None]
        submitted: Future[Any] = Future()
        if missing:
            submitted = self._executor.submit(simulate_elsewhere, missing, self._memory, self._cluster.share)
        else:
            submitted.set_result((origin(), pickle.dumps([])))
        self._stored[submitted] = stored
        return submitted

    def result(self, units: Sequence[Unit[Any]], finished: Future[Any]) -> list[tuple[Values, float]]:
        stored = self._stored.pop(finished)
        with _losses(", ".join(dict.fromkeys(str(unit.experiment) for unit in units))):
            made_by, content = finished.result()
        _check_origin(made_by)
        simulated = iter(pickle.loads(content))
        found: list[tuple[Values, float]] = []
        for unit, kept in zip(units, stored, strict=True):
            if kept is None:
                found.append(next(simulated))
                self._store.save(unit, *found[-1])
            else:
                found.append(kept)
        return found

    def close(self, _running: Collection[Future[Any]], *, interrupted: bool) -> None:  # noqa: ARG002 - of Pool
        # What runs on a worker ends there after a unit of about a second, and is dropped.
        self._executor.shutdown(wait=False)


@contextmanager
def open_cluster(
    where: str,
    *,
    workers: int | None = None,
    prepare: Callable[[], object] | None = None,
    share: str | None = None,
) -> Iterator[Cluster]:
    """Reach a cluster, or start one of processes on this machine, for as long as the context lasts.

    Parameters
    ----------
    where : str
        ``local``; the address of a scheduler, ``tcp://HOST:PORT``; or its file (``dask scheduler --scheduler-file``).
    workers : int, optional
        Processes of a local cluster; default: one for each processor.
    prepare : callable, optional
        Called once on every worker, those that come later included. It must be picklable.
    share : str, optional
        As of :class:`Cluster`.

    Yields
    ------
    Cluster

    Raises
    ------
    SpecificationError
        If ``distributed`` is not installed, ``where`` is none of the three, a number of workers is given for a
        cluster that exists, or this machine has no memory for so many.
    StorageError
        If the scheduler cannot be reached, or has no worker within a minute.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise SpecificationError("a cluster needs dask.distributed: pip install 'theory-check[cluster]'") from error
    # What goes wrong ends up in one line of ours.
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    # How many processes there may be is told by the memory.
    count = available_threads() if workers is None else check_count("number of threads", workers)
    if where != "local" and workers is not None:
        raise SpecificationError(f"the cluster {where} has its own number of workers; give no number of threads")
    with ExitStack() as ends:
        try:
            if where == "local":
                folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="theory-check-"))
                _check_room(count)
                here = ends.enter_context(_local_cluster(count, folder))
                client = ends.enter_context(Client(here))
            else:
                client = ends.enter_context(_connected(where))
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError) as error:
            reason = str(error) or "no worker came within a minute"
            raise StorageError(f"cannot use the cluster {where}: {reason}") from error
        if prepare is not None:
            client.register_plugin(_preparation(prepare))
        yield Cluster(client, share)


#: What makes a worker of this machine as fast as a thread: it does not watch itself, which takes three hundredths of a
#: processor, and keeps memory that it has freed; fetching it anew for each block takes a fifth more time.
_LIKE_A_THREAD = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}


#: Bytes of a worker before it simulates anything: 68 MiB were measured.
_WORKER = 68 * 2**20


def _check_room(workers: int) -> None:
    room = available_memory()
    if room is not None and workers * _WORKER > room:
        raise SpecificationError(
            f"number of threads is {workers}; as many processes take about {format_size(workers * _WORKER)}, and this "
            f"machine has {format_size(room)}"
        )


def _local_cluster(workers: int, folder: str) -> Any:
    import dask.config
    from distributed import LocalCluster

    with dask.config.set(_LIKE_A_THREAD):
        return LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0,
            local_directory=folder, silence_logs=logging.CRITICAL + 1,
        )  # fmt: skip


def _connected(where: str) -> Client:
    from distributed import Client

    accepted = f"cluster {where!r}: accepted are local, the address of a scheduler, tcp://HOST:PORT, or its file"
    try:
        address = json.loads(Path(where).read_bytes())["address"] if Path(where).is_file() else where
        if re.fullmatch(r"((tcp|tls|ucx|wss?)://)?([^/\s:]+|\[[^/\s\]]+\]):\d+", address):
            return Client(address, timeout=_CONNECT)
    except (ValueError, KeyError, TypeError) as error:  # what is in a file
        raise SpecificationError(accepted) from error
    raise SpecificationError(accepted)


def _preparation(prepare: Callable[[], object]) -> WorkerPlugin:
    from distributed import WorkerPlugin

    plugin = WorkerPlugin()
    plugin.name = "theory-check"
    plugin.setup = lambda worker: prepare()  # noqa: ARG005 - of dask
    return plugin
