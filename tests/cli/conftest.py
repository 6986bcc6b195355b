from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from theory_check.cli import main
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
