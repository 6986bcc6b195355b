from __future__ import annotations

import errno
import io
import os
import pickle
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory_check import strategies
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import MAXIMAL_REPLICATES
from theory_check.experiments.machine_costs import ESTIMATED
from theory_check.experiments.spelling import network
from theory_check.experiments.workload import Workload
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.kernels import LANES
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation import engines, units
from theory_check.simulation.cell import simulate_block
from theory_check.simulation.runner import run_experiments, simulate
from theory_check.simulation.units import Unit, UnitStore, plan_units, simulate_blocks

SEED = 3
NETWORK = Network(Branch(), 3, 4, Scaling.power(0.5))
CELL = Cell(network=NETWORK, weights=Weights("uniform"), kernel="dense", recorded_depths=(1, 3))
OTHER = replace(CELL, weights=Weights("gaussian"), kernel="reduced", recorded_depths=())
REQUESTS = {CELL: 5 * LANES - 3, OTHER: 100}


@pytest.fixture
def small_units(monkeypatch):
    """A unit of work for every block."""
    monkeypatch.setattr(units, "UNIT_WORK", 1)


@pytest.fixture
def simulated(monkeypatch):
    """The units that are simulated, in order."""
    seen = []

    def watched(unit, *arguments, **options):
        seen.append(unit)
        return simulate_blocks(unit, *arguments, **options)

    monkeypatch.setattr(engines, "simulate_blocks", watched)
    return seen


def assert_same(found, expected):
    assert set(found.values) == set(expected.values)
    for name, column in expected.values.items():
        np.testing.assert_array_equal(found.values[name], column, err_msg=name)


def block_by_block(cell, replicates, seed):
    """The sample without the runner."""
    blocks = [simulate_block(cell, seed, block) for block in range(-(-replicates // cell.block_size))]
    values = {name: np.concatenate([block[name] for block in blocks])[:replicates] for name in blocks[0]}
    return Sample(cell, seed, values, 0.0)


def interrupt_after(count):
    """A report that interrupts once ``count`` parts are done."""
    calls = iter(range(count))

    def report(done, total):
        if next(calls, None) is None:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_values_do_not_depend_on_threads_or_units(threads, small_units):
    samples = run_experiments(REQUESTS, SEED, threads=threads)
    for cell, sample in samples.items():
        assert (sample.experiment, sample.replicates) == (cell, REQUESTS[cell])
        assert sample.seed == SEED
        assert sample.seconds > 0
        assert_same(sample, block_by_block(cell, REQUESTS[cell], SEED))


def test_cells_of_one_identity_are_simulated_once(simulated):
    wanted = {
        CELL: 5 * LANES - 3,
        replace(CELL, recorded_depths=()): 7,
        replace(CELL, recorded_depths=(0, 3, 4)): 200,
        replace(CELL, gradients=False, recorded_depths=(4,)): 9,
    }
    samples = run_experiments(wanted, SEED, threads=1)
    assert [(unit.first, unit.last) for unit in simulated] == [(0, 5)]
    for cell, replicates in wanted.items():
        assert_same(samples[cell], block_by_block(cell, replicates, SEED))


def test_observables_of_one_network_are_shared_and_cut_back():
    small = replace(OTHER.network, width=3, depth=6)
    plain = replace(OTHER, network=small, kernel="dense", jacobian=False)
    cells = [plain, replace(plain, jacobian=True, gradients=not plain.gradients)]
    assert len(Workload.of((cell, 100) for cell in cells).merged) == 1
    for cell, sample in run_experiments(dict.fromkeys(cells, 100), SEED, threads=1).items():
        assert_same(sample, block_by_block(cell, 100, SEED))
        assert ("log_determinant" in sample.values) == cell.jacobian


@dataclass(frozen=True)
class Counter:
    """An experiment of another kind: replicate r is r + seed, observed under the names it asks for."""

    names: frozenset[str]
    identity: str = "counter"
    kind: str = "counter"
    work_per_block: int = 1
    block_size: int = LANES

    @property
    def content_hash(self):
        return f"counter {sorted(self.names)}"

    def merge(self, other):
        return replace(self, names=self.names | other.names)

    def restrict(self, values, part):
        return {name: values[name] for name in part.names}


def count(counter, seed, block, stop):
    size = counter.block_size
    return {name: seed + np.arange(block * size, (block + 1) * size, dtype=float) for name in counter.names}


@pytest.mark.parametrize("size", [1, 10, LANES])
def test_any_kind_of_experiment_is_run(size, small_units, monkeypatch, tmp_path):
    monkeypatch.setattr(units, "SIMULATORS", {**units.SIMULATORS, Counter: count})
    few = Counter(frozenset("ab"), block_size=size)
    many = Counter(frozenset("b"), block_size=size)
    samples = run_experiments({few: 3, OTHER: 100, many: 2 * LANES + 1}, SEED, threads=2, folder=tmp_path)
    assert_same(samples[OTHER], block_by_block(OTHER, 100, SEED))
    assert set(samples[few].values) == {"a", "b"}
    np.testing.assert_array_equal(samples[few].column("a"), SEED + np.arange(3.0))
    assert set(samples[many].values) == {"b"}
    np.testing.assert_array_equal(samples[many].column("b"), SEED + np.arange(2.0 * LANES + 1))


def test_restriction_keeps_the_order_of_the_recorded_depths():
    every, few = replace(CELL, recorded_depths=(0, 1, 2, 3, 4)), replace(CELL, recorded_depths=(3, 1))
    samples = run_experiments({every: 5, few: 2}, SEED, threads=1)
    profile = samples[every].values["norm_profile"]
    np.testing.assert_array_equal(samples[few].values["norm_profile"], profile[:2, [3, 1]])
    assert samples[few].replicates == 2


@given(strategies.cells(), st.integers(1, 10**6), st.lists(st.integers(1, 10**6), max_size=3))
def test_units_cover_the_replicates_and_end_at_the_stops(cell, replicates, stops):
    units = plan_units(cell, replicates, SEED, stops)
    ends = {unit.last * cell.block_size for unit in units}
    assert all(any(0 <= end - stop < cell.block_size for end in ends) for stop in stops if stop <= replicates)
    assert units[0].first == 0
    assert all(unit.last == following.first for unit, following in pairwise(units))
    assert (units[-1].last - 1) * cell.block_size < replicates <= units[-1].last * cell.block_size
    assert all(unit.work > 0 for unit in units)
    assert len({unit.name for unit in units}) == len(units)


def test_names_tell_units_apart():
    unit = Unit(CELL, SEED, 0, 1)
    others = [
        replace(unit, last=2),
        replace(unit, seed=4),
        replace(unit, experiment=OTHER),
        replace(unit, experiment=replace(CELL, recorded_depths=())),
    ]
    assert len({unit.name, *(u.name for u in others)}) == 5


def test_the_number_of_replicates_does_not_cut_the_units(small_units):
    """More of them go on from what is there."""
    assert plan_units(CELL, 200, SEED) == plan_units(CELL, 5 * LANES, SEED)[: -(-200 // LANES)]


def test_a_short_cell_has_work_for_several_threads():
    """Half a second is cut into units whose longest is an eighth of what comes before it, and never below 20 ms."""
    cell = network("res-3", "uniform", width=40, depth=1000)
    units_of_512 = plan_units(cell, 512, SEED)
    assert [unit.last - unit.first for unit in units_of_512] == [1] * 8
    longest = [unit.last - unit.first for unit in plan_units(cell, 200 * LANES, SEED)]
    assert 8 * max(longest) <= 200
    assert max(unit.work for unit in plan_units(cell, 10**6, SEED)) <= units.UNIT_WORK
    tiny = plan_units(CELL, 10**6, SEED)
    assert all(unit.work > 0.9 * units.LEAST_WORK for unit in tiny[:-1])


@pytest.mark.parametrize("cell", [CELL, OTHER, network("res-3", "fgn:hurst=0.7", width=3, depth=4)], ids=str)
def test_units_can_be_sent_to_another_process(cell):
    unit = Unit(cell, SEED, 0, 1)
    values, _ = simulate_blocks(unit)
    again = pickle.loads(pickle.dumps(unit))
    assert (again, again.name) == (unit, unit.name)
    for name, column in simulate_blocks(again)[0].items():
        np.testing.assert_array_equal(column, values[name], err_msg=name)


def test_reports_rise_to_the_total(small_units):
    calls = []
    run_experiments(REQUESTS, SEED, threads=2, report=lambda done, total: calls.append((done, total)))
    done, totals = zip(*calls, strict=True)
    assert len(set(totals)) == 1
    assert list(done) == sorted(done)
    assert (done[0], done[-1]) == (0, totals[0])


def test_an_interrupted_run_goes_on(small_units, simulated, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_experiments({CELL: REQUESTS[CELL]}, SEED, threads=1, folder=tmp_path, report=interrupt_after(3))
    first = list(simulated)
    # Reports: one before the first unit, one after each of three that are kept by then.
    assert len(list(tmp_path.iterdir())) == 3
    simulated.clear()
    sample = run_experiments({CELL: REQUESTS[CELL]}, SEED, threads=1, folder=tmp_path)[CELL]
    assert_same(sample, block_by_block(CELL, REQUESTS[CELL], SEED))
    stored = set(plan_units(CELL, REQUESTS[CELL], SEED)) - set(simulated)
    assert len(stored) == 3
    assert stored <= set(first)
    simulated.clear()
    assert_same(run_experiments({CELL: REQUESTS[CELL]}, SEED, threads=2, folder=tmp_path)[CELL], sample)
    assert simulated == []


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"garbage",
        lambda content: content[:100],
        lambda content: content[:-30],
        lambda content: content[:200] + bytes([content[200] ^ 255]) + content[201:],
        lambda content: npz(log_norm_ratio=np.zeros(3)),
        lambda content: npy(np.zeros(3)),
    ],
    ids=["empty", "garbage", "cut", "no directory", "flipped", "no seconds", "array"],
)
def test_a_damaged_part_is_simulated_again(damage, small_units, simulated, tmp_path):
    expected = run_experiments({CELL: REQUESTS[CELL]}, SEED, threads=1, folder=tmp_path)[CELL]
    victim = sorted(tmp_path.iterdir())[2]
    victim.write_bytes(damage(victim.read_bytes()))
    simulated.clear()
    assert_same(run_experiments({CELL: REQUESTS[CELL]}, SEED, threads=1, folder=tmp_path)[CELL], expected)
    assert [unit.name for unit in simulated] == [victim.name]


def test_the_first_report_has_what_an_earlier_command_has_finished(small_units, tmp_path):
    def reports(replicates, seed):
        calls = []
        run_experiments(
            {CELL: replicates},
            seed,
            threads=2,
            folder=tmp_path,
            report=lambda *call: calls.append(call),
            costs=ESTIMATED,
        )
        assert calls == sorted(calls)
        assert calls[-1] == (calls[0][1], calls[0][1])
        return calls

    total = reports(REQUESTS[CELL], SEED)[0][1]
    assert reports(REQUESTS[CELL], SEED)[0] == (total, total)
    victim = plan_units(CELL, REQUESTS[CELL], SEED)[1]
    (tmp_path / victim.name).unlink()
    left = (victim.last - victim.first) * round(1e6 * ESTIMATED.block_seconds(CELL))
    assert reports(REQUESTS[CELL], SEED)[0] == (total - left, total)
    assert reports(REQUESTS[CELL], SEED + 1)[0] == (0, total)


def test_clearing_deletes_the_parts_and_nothing_else(tmp_path):
    folder = tmp_path / "parts"
    store = UnitStore(folder)
    run_experiments({OTHER: 100}, SEED, folder=folder)
    (folder / "notes.txt").write_text("mine")
    store.clear()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    store.clear()
    assert not folder.exists()
    store.clear()
    UnitStore(None).clear()


@pytest.mark.parametrize(("owner", "step"), [(Path, "open"), (os, "replace")])
def test_a_full_disk_leaves_nothing_half_written(owner, step, tmp_path, monkeypatch):
    found = getattr(owner, step)

    def full(path, *arguments, **options):
        if step == "open" and "xb" not in arguments:
            return found(path, *arguments, **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(owner, step, full)
    with pytest.raises(StorageError, match="no space left on device"):
        run_experiments({OTHER: 100}, SEED, threads=1, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot create"):
        run_experiments({OTHER: 100}, SEED, threads=1, folder=tmp_path / "file" / "parts")


def test_the_number_of_threads_is_that_of_this_process():
    assert engines.count_threads(None) == engines.available_threads() >= 1


@pytest.mark.parametrize("replicates", [0, MAXIMAL_REPLICATES + 1])
def test_refused_numbers_of_replicates(replicates):
    message = f"number of replicates is {replicates}"
    with pytest.raises(SpecificationError, match=message):
        run_experiments({CELL: replicates}, SEED)
    with pytest.raises(SpecificationError, match=message):
        simulate(CELL, replicates, SEED)
