"""Units on a cluster: values of threads, whatever workers do."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.kernels import LANES
from theory_check.simulation import cluster
from theory_check.simulation.cluster import Cluster, judge_elsewhere, received, simulate_elsewhere
from theory_check.simulation.unit_files import origin
from theory_check.simulation.units import UnitStore, plan_units, simulate_blocks

pytest.importorskip("distributed")

CELL = network("res-3", "uniform", width=5, depth=20)
[UNIT] = plan_units(CELL, LANES, 7)

#: In a process of its own: workers, some of them killed while they work, a law of the suite and one of the user's.
PROGRAM = """
import os, signal, sys
from functools import partial
from pathlib import Path
import numpy as np
import theory_check.simulation.units as units
from theory_check.experiments.spelling import network
from theory_check.simulation.cluster import open_cluster
from theory_check.simulation.runner import run_experiments, simulate
from theory_check.verification.user_claims import add_source, load_definitions

if __name__ == "__main__":
    units.UNIT_WORK = 10**6  # many units
    source = Path(sys.argv[1])
    load_definitions(source)
    prepare = partial(add_source, source.name, source.read_bytes())
    workers, killed = map(int, sys.argv[2:])
    with open_cluster("local", workers=workers, prepare=prepare) as engine:
        assert engine.processors == workers
        for weights in ("uniform", "tent"):
            cell = network("res-3", weights, width=8, depth=40)
            here = simulate(cell, 4000, 3)
            doomed = iter(list(engine._client.run(os.getpid).values())[:killed] if weights == "uniform" else [])

            def report(done, total):
                if 4 * done > total:
                    pid = next(doomed, None)
                    if pid is not None:
                        os.kill(pid, signal.SIGKILL)

            there = run_experiments({cell: 4000}, 3, engine=engine, report=report)[cell]
            assert next(doomed, None) is None
            for name, column in here.values.items():
                np.testing.assert_array_equal(there.values[name], column)
    print("same")
"""

LAW = """
import math
import theory_check as tc
tent = tc.WeightLaw(name="tent", transform=lambda u, v, _: math.sqrt(6.0) * (u + v - 1.0), kurtosis=lambda _: 2.4)
"""


@pytest.mark.parametrize(("workers", "killed"), [(2, 1), pytest.param(4, 2, marks=pytest.mark.slow)])
def test_killed_workers_and_own_laws_change_no_value(tmp_path, workers, killed):
    (tmp_path / "law.py").write_text(LAW)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program, tmp_path / "law.py", str(workers), str(killed)], cwd=tmp_path, env=os.environ,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "same\n"), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["law.py", "program.py"]


class _Executor:
    """Runs at once what it is given."""

    def __init__(self, outcome=None):
        self.outcome, self.submitted = outcome, 0

    def submit(self, function, *arguments):
        self.submitted += 1
        future = Future()
        if isinstance(self.outcome, BaseException):
            future.set_exception(self.outcome)
        else:
            future.set_result(self.outcome or function(*arguments))
        return future

    def shutdown(self, wait):
        assert not wait


class _Client:
    def __init__(self, executor, workers):
        self.executor, self.workers = executor, workers

    def nthreads(self):
        return self.workers

    def get_executor(self, pure):
        # A pure call would be looked up by its arguments, and its result kept on the workers.
        assert not pure
        return self.executor


def pool_of(executor, store=None, share=None):
    workers = {"tcp://10.0.0.1:40001": 2, "tcp://10.0.0.1:40002": 1, "tcp://10.0.0.2:40001": 1}
    engine = Cluster(_Client(executor, workers), share)
    assert engine.processors == 4
    return engine.open(UnitStore(store), 3 * 2**20)


def test_the_memory_of_a_machine_is_shared_by_its_workers(monkeypatch):
    given = []
    monkeypatch.setattr(cluster, "simulate_elsewhere", lambda units, memory, share: given.append((memory, share)))
    pool = pool_of(_Executor(), share="there")
    assert pool.slots == 8
    pool.submit([UNIT])
    assert given == [(2**20, "there")]


def test_a_call_tells_what_made_its_value():
    assert judge_elsewhere(abs, -2) == (origin(), 2)
    assert received(_Executor().submit(judge_elsewhere, abs, -2)) == 2
    with pytest.raises(SpecificationError, match="other versions, theirs"):
        received(_Executor(("theirs", 2)).submit(judge_elsewhere, abs, -2))


def test_a_finished_unit_is_kept_and_not_submitted_again(tmp_path):
    executor = _Executor()
    pool = pool_of(executor, tmp_path)
    [(values, _)] = pool.result([UNIT], pool.submit([UNIT]))
    [(again, _)] = pool.result([UNIT], pool.submit([UNIT]))
    assert executor.submitted == 1
    expected, _ = simulate_blocks(UNIT)
    for name, column in expected.items():
        np.testing.assert_array_equal(values[name], column)
        np.testing.assert_array_equal(again[name], column)


def test_units_of_a_call_keep_their_places(tmp_path):
    units = plan_units(CELL, 12 * LANES, 7, stops=range(LANES, 12 * LANES, LANES))
    assert len(units) == 12
    pool = pool_of(_Executor(), tmp_path)
    pool.result(units[3:5], pool.submit(units[3:5]))
    together = [units[number] for number in (7, 3, 0, 4, 11)]
    for unit, (values, seconds) in zip(together, pool.result(together, pool.submit(together)), strict=True):
        np.testing.assert_array_equal(values["log_norm_ratio"], simulate_blocks(unit)[0]["log_norm_ratio"])
        assert seconds > 0
    assert {path.name for path in tmp_path.iterdir()} == {unit.name for unit in (*together, units[3])}


def test_values_of_another_origin_are_refused(tmp_path):
    pool = pool_of(_Executor(("kernels 0; numpy 1.0", b"")), tmp_path)
    with pytest.raises(SpecificationError, match=r"a worker of the cluster has other versions, kernels 0; numpy 1\.0"):
        pool.result([UNIT], pool.submit([UNIT]))
    assert list(tmp_path.iterdir()) == []


def test_a_unit_that_kills_its_workers_is_an_error_in_one_line():
    from distributed import KilledWorker

    pool = pool_of(_Executor(KilledWorker("task", None, 3)))
    with pytest.raises(StorageError, match="the cluster lost 4 workers while they simulated res-3, width 5"):
        pool.result([UNIT], pool.submit([UNIT]))


def simulated(share):
    made_by, content = simulate_elsewhere([UNIT], 2**20, share)
    assert made_by == origin()
    [found] = pickle.loads(content)
    return found


def test_shared_units_are_taken_unless_they_are_damaged(tmp_path, monkeypatch):
    share = (tmp_path / "share").as_uri()
    values, seconds = simulated(share)
    [kept] = Path(tmp_path / "share").iterdir()
    assert kept.name == UNIT.name
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "simulate_blocks", None)
        again, as_before = simulated(share)
    assert as_before == seconds
    kept.write_bytes(kept.read_bytes()[:-100])
    anew, _ = simulated(share)
    for found in (again, anew):
        np.testing.assert_array_equal(found["log_norm_ratio"], values["log_norm_ratio"])


@pytest.mark.parametrize(
    ("where", "options", "error", "says"),
    [
        ("nowhere", {}, SpecificationError, "cluster 'nowhere': accepted are local"),
        ("1:0:3", {}, SpecificationError, "cluster '1:0:3': accepted are local"),
        ("strange://127.0.0.1:1", {}, SpecificationError, "accepted are local"),
        (__file__, {}, SpecificationError, "accepted are local"),
        ("tcp://127.0.0.1:1", {}, StorageError, "cannot use the cluster tcp://127.0.0.1:1: "),
        ("127.0.0.1:1", {"workers": 2}, SpecificationError, "has its own number of workers"),
        (
            "local",
            {"workers": 10**7},
            SpecificationError,
            "number of threads is 10000000; as many processes take about",
        ),
    ],
)
def test_what_is_no_cluster_is_named(where, options, error, says, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT", 0.2)
    with pytest.raises(error, match=says), cluster.open_cluster(where, **options):
        pass
