from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from command_line import names

from theory_check.cli import main
from theory_check.simulation import units
from theory_check.simulation.cluster import Cluster


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run the command line in an empty folder; return exit code, stdout and stderr lines."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return stopped.value.code, out.splitlines(), err.splitlines()

    return run


@pytest.fixture
def refusal(command, tmp_path):
    """Run a command of bad input, which ends with code 2 and writes no file; return its one line on stderr."""

    def run(*arguments):
        code, out, err = command(*arguments)
        assert (code, out, len(err)) == (2, [], 1)
        assert err[0].startswith("theory-check: error: ")
        assert names(tmp_path) == []
        return err[0]

    return run


@pytest.fixture
def interrupt(command, monkeypatch):
    """Run a command on one thread and interrupt it once it has kept some units, of one block each.

    Returns the list of units that were kept, which grows when the command is repeated.
    """
    monkeypatch.setattr(units, "UNIT_WORK", 1)
    kept, save = [], units.UnitStore.save

    def run(*arguments, after=1):
        def save_and_interrupt(store, unit, *values):
            save(store, unit, *values)
            kept.append(unit)
            if len(kept) == after:
                raise KeyboardInterrupt

        monkeypatch.setattr(units.UnitStore, "save", save_and_interrupt)
        code, out, err = command(*arguments, "--threads", 1)
        assert (code, out) == (130, [])
        assert err[-1] == "theory-check: interrupted; finished parts are kept, the same command continues"
        return kept

    return run


class _ThreadsOfAClient:
    """What a client of dask offers here: calls run in threads of this process."""

    def __init__(self, count):
        self.count = count

    def nthreads(self):
        return {"tcp://127.0.0.1:1": self.count}

    def get_executor(self, pure):
        assert not pure
        return ThreadPoolExecutor(self.count)


@pytest.fixture
def cluster_of_threads(monkeypatch):
    """Let ``--cluster`` reach threads of this process; return with what each cluster was opened."""
    opened = []

    @contextmanager
    def open_cluster(where, *, workers, prepare, share):
        opened.append((where, workers, share, prepare))
        yield Cluster(_ThreadsOfAClient(workers), share)

    monkeypatch.setattr("theory_check.simulation.cluster.open_cluster", open_cluster)
    return opened
