from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

import theory_check as tc
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.memory import BLOCKS, PROGRAM, VALUES, Memory, block_memory, replicate_memory
from theory_check.experiments.sweep import Sweep
from theory_check.experiments.workload import Workload
from theory_check.networks.weights import Weights
from theory_check.simulation.runner import run_experiments
from theory_check.simulation.units import SIMULATORS

MIB = 2**20
TINY = {"width": 4, "depth": 6}


def swept(width=4, depth=6, count=1, weights="fgn:hurst=0.7"):
    return Sweep(
        width=width,
        depth=depth,
        weights=Weights.parse(weights),
        betas=(0.0, 0.5),
        input=tc.Input("gaussian", count),
    )


def coupled(**options):
    return EulerMaruyama(network=tc.network("linear", width=3, depth=2).network, doublings=2, **options)


def smooth_flow(**options):
    return Euler(network=tc.network("res-1", beta=1.0, width=3, depth=2).network, doublings=2, **options)


def test_every_kind_of_experiment_is_counted():
    assert set(BLOCKS) == set(VALUES) == set(SIMULATORS)


@pytest.mark.parametrize(
    "experiment",
    [
        tc.network("linear", gradients=False, **TINY),
        tc.network("linear", gradients=False, controls=True, recorded_depths=(1, 6), **TINY),
        tc.network("res-1", "uniform", inputs=3, gradients=True, recorded_depths=(2,), active_norm=True, **TINY),
        tc.network("res-3", "uniform", gradients=True, weight_gradients=(1, 2, 6), **TINY),
        tc.network("res-1", "uniform", inputs=2, jacobian=True, **TINY),
        tc.network("res-3", "ou", gradients=True, recorded_depths=(0, 3), **TINY),
        swept(count=3),
        coupled(),
        coupled(suprema=True),
        smooth_flow(),
        smooth_flow(reference=False),
        tc.training("res-3", epochs=2, entries=((0, 1), (1, 0)), validation_share=0.3, **TINY),
        tc.training("res-1", epochs=1, trained_scaling="layers", **TINY),
    ],
    ids=str,
)
def test_values_are_counted_exactly(experiment):
    values = tc.simulate(experiment, experiment.block_size, seed=1).values
    assert sum(column.nbytes for column in values.values()) == experiment.block_size * replicate_memory(experiment)


def test_values_of_first_steps_are_counted_at_most():
    step = FirstStep(network=tc.network("res-3", **TINY).network, weights=Weights("uniform"))
    values = tc.simulate(step, 1, seed=1).values
    assert 0 < sum(column.nbytes for column in values.values()) <= replicate_memory(step)


def resident(name):
    """Return one of the sizes that Linux tells of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return 1024 * int(line.split()[1])
    raise AssertionError(name)


def test_depth_takes_no_memory():
    """A layer has its factor and nothing else; one factor for all of them is laid out for a segment at a time."""
    shallow, deep = (tc.network("linear", gradients=False, kernel="chain", width=4, depth=d) for d in (10, 600_000))
    tc.simulate(shallow, 64, seed=1, threads=1)  # loads and compiles
    tracemalloc.start()
    try:
        tc.simulate(deep, 64, seed=1, threads=1)
        allocated = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A segment has at most 312,500 layers of 8 bytes; all factors would take 4.8 MB.
    assert allocated <= block_memory(deep) + MIB < 4 * MIB
    assert block_memory(tc.network("linear", gradients=False, kernel="chain", width=4, depth=10**8)) == block_memory(
        deep
    )


#: Pairs of a small and a large experiment of the same kernels, replicates of the large one, bytes for stored weights.
MEASURED = {
    "slopes": (tc.network("res-1", "uniform", gradients=True, **TINY),
               tc.network("res-1", "uniform", gradients=True, width=60, depth=5000), 16, MIB),
    "recorded states": (tc.network("res-1", "uniform", gradients=True, **TINY),
                        tc.network("res-1", "uniform", gradients=True, width=40, depth=2000,
                                   recorded_depths=tuple(range(0, 2000, 2))), 32, MIB),
    "tangents": (tc.network("res-1", "uniform", jacobian=True, **TINY),
                 tc.network("res-1", "uniform", jacobian=True, width=100, depth=2), 16, MIB),
    "values": (tc.network("linear", "uniform", gradients=False, **TINY),
               tc.network("linear", "uniform", gradients=False, width=2, depth=1, inputs=200), 6400, MIB),
    "all stored": (tc.network("res-1", "ou", gradients=True, **TINY),
                   tc.network("res-1", "ou", gradients=True, width=40, depth=3000), 2, 200 * MIB),
    "chunks and checkpoints": (tc.network("res-1", "ou", gradients=True, **TINY),
                               tc.network("res-1", "ou", gradients=True, width=40, depth=5000), 2, 16 * MIB),
    "factors": (swept(weights="smooth:length=0.1"), swept(width=2, depth=200_000, weights="smooth:length=0.1"), 1,
                60 * MIB),
    "spectra": (swept(), swept(width=2, depth=100_000), 1, 60 * MIB),
    "training": (tc.training("res-1", epochs=1, precision="double", **TINY),
                 tc.training("res-1", epochs=1, precision="double", width=60, depth=100, batch=700), 1, MIB),
}  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux lets a process begin its peak anew")
@pytest.mark.parametrize("name", MEASURED)
def test_simulations_stay_within_their_memory(name):
    small, large, replicates, stored = MEASURED[name]
    run_experiments({small: 1}, seed=1, threads=1, memory=stored)  # loads and compiles
    said = Memory.of(Workload.of([(large, replicates)]), 2, stored).total - PROGRAM
    tracemalloc.start()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is that from here on
        before = resident("VmRSS")
        run_experiments({large: replicates}, seed=1, threads=2, memory=stored)
        grown, allocated = resident("VmHWM") - before, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A process grows by pages, and by what the tracing notes of each array.
    assert grown <= said + 2 * MIB
    assert max(grown, allocated) >= 0.3 * said


def test_stored_weights_get_what_a_limit_leaves():
    workload = Workload.of([(tc.network("res-3", "fgn:hurst=0.7", gradients=True, width=40, depth=10_000), 2)])
    whole = Memory.within(2**40, workload, 2, stored=512 * MIB)
    assert whole.stored == 512 * MIB
    less = Memory.within(PROGRAM + 100 * MIB, workload, 2, stored=512 * MIB)
    assert less.stored < whole.stored
    assert less.total <= PROGRAM + 100 * MIB
    none = Memory.within(1, workload, 2, stored=512 * MIB)
    assert none.stored == 32 * MIB
    with pytest.raises(tc.SpecificationError, match="are needed, --memory allows 1 MiB: allow more"):
        none.check(MIB, "--memory allows")


@pytest.mark.parametrize(
    ("experiment", "replicates", "threads", "advice"),
    [
        (tc.network("linear", gradients=False, **TINY), 10**8, 1, "ask for fewer replicates, or observe less of each"),
        (tc.network("res-3", "uniform", gradients=True, width=10_000, depth=10**7), 10**6, 2, "use fewer threads"),
    ],
    ids=["values", "blocks"],
)
def test_what_to_make_smaller(experiment, replicates, threads, advice):
    with pytest.raises(tc.SpecificationError, match=advice):
        Memory.of(Workload.of([(experiment, replicates)]), threads).check(2**30, "this machine has")


def test_threads_without_work_take_nothing():
    one = Workload.of([(MEASURED["slopes"][1], 16)])
    assert Memory.of(one, 64) == Memory.of(one, 1)


@pytest.mark.parametrize("weights", ["uniform", "fgn:hurst=0.7", "smooth:length=0.1", "ou", "tied", "orthogonal"])
@pytest.mark.parametrize("width", [1, 1000])
def test_estimates_take_no_time_whatever_the_size(weights, width):
    started = time.process_time()
    largest = tc.network("res-3", weights, width=width, depth=10**8, gradients=True)
    assert block_memory(largest, 2**40) > block_memory(tc.network("res-3", weights, width=width, depth=10), 2**40)
    Memory.within(1.0, Workload.of([(largest, 10**8)]), 1024)
    assert time.process_time() - started < 1.0
