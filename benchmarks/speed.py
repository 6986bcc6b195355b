"""Everything timed in one interleaved run against NumPy, PyTorch, JAX and the paper's procedure; tables and pictures.

    python benchmarks/speed.py [--quick] [--out DIR] [--readme FILE] [--render]

Contenders of a work take turns, round after round, on one thread; a round gives a time of each and ratios to
theory_check. Tables show medians and, in brackets, the least and the largest. Before a work is timed, the laws of log R
of all contenders are compared by Smirnov's exact test, the log singular values of Jacobians likewise: a contender that
computes something else is not worth timing. Depths differ between contenders, because the time of a weight does not
depend on them; networks are counted in whole blocks. Times are of the processor, but for those of two threads.

``--out`` receives ``RESULTS.md``, ``results.json`` and the pictures in ``figures/``; ``--readme`` names a file whose
marked block receives the table of the README; ``--render`` writes both from ``results.json`` without timing anything.
"""

from __future__ import annotations

# Sets the number of threads before NumPy is loaded.
from machine import available_threads, elapsed, machine_line  # isort: skip

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import speed_report
from numpy.typing import NDArray
from peers import Problem, contenders, numpy_jacobians, procedures

from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.inference.two_samples import smirnov_test
from theory_check.kernels import LANES
from theory_check.simulation.runner import simulate

OWN, SEED = "theory_check", 1

#: Least p-value of two samples of one law; there are fewer than a hundred comparisons.
LEVEL = 1e-7

#: Weights of a trial of a batch, of a compared sample, and most that are kept for the backward pass.
SEARCHED, COMPARED, KEPT = 4 * 10**6, 10**8, 10**8

#: Runs a contender once; returns how many units (weights, networks, layers) it computed.
Turn = Callable[[], float]


@dataclass(frozen=True)
class Size:
    """How much work is timed."""

    rounds: int = 5
    seconds: float = 0.1
    depth: int = 1000
    widths: tuple[int, ...] = (20, 40, 100)
    uniform_widths: tuple[int, ...] = (2, 256)
    backward: tuple[int, ...] = (40, 100)
    reduced: tuple[int, ...] = (100,)
    batches: tuple[int, ...] = (8, 32, 128)
    jacobians: tuple[int, ...] = (10, 20, 40, 100)
    depths: tuple[int, ...] = (10**3, 10**4, 10**5, 10**6, 10**7)
    memory_depths: tuple[int, ...] = (10**3, 10**6)
    compared: int = 512


QUICK = Size(1, 1e-3, 20, (4,), (), (4,), (4,), (8,), (4,), (10, 100), (10, 100), 64)


@dataclass(frozen=True)
class Work:
    """Times of every contender in each round, in seconds for a unit."""

    group: str
    name: str
    unit: str
    times: dict[str, list[float]]


def take_turns(group: str, name: str, unit: str, turns: dict[str, Turn], rounds: int) -> Work:
    times: dict[str, list[float]] = {contender: [] for contender in turns}
    for turn in turns.values():
        turn()  # compiles
    for _ in range(rounds):
        for contender, turn in turns.items():
            started = process_time()
            units = turn()
            times[contender].append((process_time() - started) / units)
    print(f"{group}, {name}: " + ", ".join(f"{c} {np.median(t):.3g} s" for c, t in times.items()), file=sys.stderr)
    return Work(group, name, unit, times)


def enough(turn: Callable[[int], float], seconds: float, most: int = 10**6) -> Turn:
    """Return a turn of about so many seconds from one whose work is proportional to its argument."""
    turn(1)
    started = process_time()
    turn(1)
    count = min(most, max(1, round(seconds / max(process_time() - started, 1e-6))))
    return lambda: turn(count)


def check_law(name: str, samples: dict[str, NDArray[np.float64]]) -> None:
    own = samples.pop(OWN)
    for contender, sample in samples.items():
        # Single precision merges values that are nearly equal; nothing else may tie.
        if smirnov_test(own, sample).p_value < LEVEL:
            raise SystemExit(f"{name}: {contender} and {OWN} have different laws")


def cell(problem: Problem, kernel: str = "dense", **observed: Any) -> Cell:
    return network(
        problem.branch, problem.law, width=problem.width, depth=problem.depth, kernel=kernel,
        gradients=problem.gradients, **observed,
    )  # fmt: skip


def log_norm_ratios(deep: Cell, replicates: int, threads: int = 1) -> NDArray[np.float64]:
    return simulate(deep, replicates, SEED, threads=threads).column("log_norm_ratio")


def own_turn(deep: Cell, units: float, size: Size) -> Turn:
    """Return a turn of whole blocks; ``units`` are those of one network."""

    def blocks(count: int) -> float:
        log_norm_ratios(deep, count * LANES)
        return count * LANES * units

    return enough(blocks, size.seconds)


def peer_turn(run: Callable[[Problem, int, int], Any], problem: Problem, size: Size) -> Turn:
    """Return a turn with the batch that suits a peer best, in as many layers as fill the time."""
    layer = replace(problem, depth=1).weights
    rates = {}
    for batch in size.batches:
        shallow = replace(problem, depth=max(2, min(50, SEARCHED // (batch * layer))))
        run(shallow, batch, SEED)
        rates[batch] = elapsed(lambda b=batch, p=shallow: run(p, b, SEED)) / (batch * shallow.weights)
    batch = min(rates, key=rates.__getitem__)
    # The backward pass reads all weights: at most KEPT of them.
    most = min(problem.depth, max(2, KEPT // (batch * layer)))
    deep = replace(problem, depth=min(most, max(2, int(size.seconds / (rates[batch] * batch * layer)))))

    def turn() -> float:
        run(deep, batch, SEED)
        return float(batch * deep.weights)

    return turn


def paper_turn(run: Callable[[Problem, int, int], Any], problem: Problem, size: Size) -> Turn:
    """Return a turn of whole networks."""

    def networks(count: int) -> float:
        run(problem, count, SEED)
        return count * problem.weights

    return enough(networks, size.seconds)


# Works ----------------------------------------------------------------------------------------------------------------


def dense_work(problem: Problem, size: Size, peers: dict[str, Any]) -> Work:
    short = replace(problem, depth=min(problem.depth, 20))
    name = f"{problem.branch}, {problem.law}, width {problem.width}"
    count = max(LANES, min(size.compared, COMPARED // short.weights))
    samples = {n: run(short, count, SEED) for n, run in peers.items()}
    check_law(name, {OWN: log_norm_ratios(cell(short), count), **samples})
    turns = {n: peer_turn(run, problem, size) for n, run in peers.items()}
    if problem.gradients:
        found = simulate(cell(short), count, SEED, threads=1)
        pairs = {n: run(short, count, SEED) for n, run in procedures().items()}
        for place, column in enumerate(("log_norm_ratio", "log_gradient_ratio")):
            drawn = {n: pair[:, place] for n, pair in pairs.items()}
            check_law(f"{name}, {column}", {OWN: found.column(column), **drawn})
        turns |= {n: paper_turn(run, problem, size) for n, run in procedures().items()}
    group = "forward and backward" if problem.gradients else "forward"
    return take_turns(
        group, name, "weight", {OWN: own_turn(cell(problem), problem.weights, size), **turns}, size.rounds
    )


def gaussian_work(problem: Problem, size: Size, peers: dict[str, Any]) -> Work:
    """Time exact reductions per layer of a network, beside the dense programs."""
    kernel = "chain"
    short, layers = replace(problem, depth=min(problem.depth, 20)), problem.weights / problem.depth
    name = f"{problem.branch}, width {problem.width}, {'four observables' if problem.gradients else 'norms'}"
    check_law(name, {OWN: log_norm_ratios(cell(short, kernel), size.compared),
                     "dense": log_norm_ratios(cell(short), size.compared)})  # fmt: skip
    turns = {OWN: own_turn(cell(problem, kernel), problem.depth, size),
             "dense kernel": own_turn(cell(problem), problem.depth, size)}  # fmt: skip
    for peer, run in peers.items():
        turn = peer_turn(run, problem, size)
        turns[peer] = lambda turn=turn: turn() / layers
    return take_turns("Gaussian weights, exact reductions", name, "layer", turns, size.rounds)


def jacobian_work(width: int, size: Size) -> Work:
    problem, name = Problem("res-3", "uniform", width, min(size.depth, 100)), f"res-3, uniform, width {width}"
    deep = cell(problem, jacobian=True)
    found = simulate(deep, size.compared, SEED, threads=1).values["log_singular_values"]
    other = numpy_jacobians(problem, size.compared if width < 100 else LANES, SEED, np.float64)
    for place in (0, width // 2, width - 1):
        check_law(f"Jacobian, {name}", {OWN: found[:, place], "NumPy": other[:, place]})

    def jacobians(dtype: type[np.floating]) -> Turn:
        def turn(count: int) -> float:
            numpy_jacobians(problem, 16 * count, SEED, dtype)
            return 16.0 * count

        return enough(turn, size.seconds, most=16)

    turns = {
        OWN: own_turn(deep, 1.0, size),
        "NumPy, double": jacobians(np.float64),
        "NumPy, single": jacobians(np.float32),
    }
    return take_turns("Jacobian, 100 layers", name, "network", turns, size.rounds)


def deep_times(size: Size) -> list[dict[str, Any]]:
    """Time a block of networks against depth: memory must not grow, nor the time of a layer."""
    kinds = {"chain, any width": ("gaussian", 20, "chain"), "signs, width 20": ("rademacher", 20, "dense"),
             "uniform, width 20": ("uniform", 20, "dense")}  # fmt: skip
    rows = []
    for name, (law, width, kernel) in kinds.items():
        for depth in size.depths:
            if depth > 10**6 and kernel == "dense":
                continue
            deep = cell(Problem("linear", law, width, depth), kernel)
            started = process_time()
            log_norm_ratios(deep, LANES)
            rows.append({"name": name, "depth": depth, "seconds": process_time() - started})
            print(f"{name}, depth {depth:.0e}: {rows[-1]['seconds']:.3g} s", file=sys.stderr)
    return rows


def thread_times(size: Size) -> list[dict[str, Any]]:
    """Time equal work on one thread and on all, by the clock on the wall, in turns."""
    deep = cell(Problem("res-3", "uniform", 40, size.depth))
    # Several units of work for each thread: a run of half a second is one unit, which one thread takes.
    replicates = LANES * max(2, round(64 * size.seconds / 0.1))
    rows: list[dict[str, Any]] = [{"threads": n, "seconds": []} for n in range(1, available_threads() + 1)]
    for _ in range(size.rounds):
        for row in rows:
            row["seconds"].append(elapsed(lambda n=row["threads"]: log_norm_ratios(deep, replicates, n)))
    return rows


def memory(size: Size) -> list[dict[str, Any]]:
    """Return the peak memory in MiB of fresh processes that carry 64 networks forward."""
    rows = []
    # The first process may have kernels to compile, which takes more memory than the networks.
    for depth in (size.memory_depths[0], *size.memory_depths):
        command = [sys.executable, __file__, "--memory", str(depth)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append({"depth": depth, "MiB": float(answer.stdout)})
    return rows[1:]


def print_peak_memory(depth: int) -> None:
    import resource

    log_norm_ratios(cell(Problem("linear", "uniform", 20, depth)), LANES)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def measure(size: Size) -> dict[str, Any]:
    peers = contenders()
    peaks = memory(size)  # before this process has grown: a child is charged with the memory of its parent
    works = [
        dense_work(Problem("res-3", law, width, size.depth), size, peers)
        for law in ("uniform", "rademacher", "gaussian")
        for width in sorted((*size.widths, *(size.uniform_widths if law == "uniform" else ())))
    ]
    works += [
        dense_work(Problem("res-3", "uniform", width, size.depth, gradients=True), size, peers)
        for width in size.backward
    ]
    for gradients in (False, True):
        works += [
            gaussian_work(Problem(branch, "gaussian", d, size.depth, gradients), size, peers)
            for branch in ("linear", "res-3")
            for d in size.reduced
        ]
    works += [jacobian_work(width, size) for width in size.jacobians]
    return {
        "machine": machine_line("scipy", "torch", "jax"),
        "rounds": size.rounds,
        "works": [asdict(work) for work in works],
        "depths": deep_times(size),
        "threads": thread_times(size),
        "memory": peaks,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time theory_check against other programs, in one run.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write tables, pictures and results.json there")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="fill the marked block of this file")
    parser.add_argument("--render", action="store_true", help="time nothing; read results.json in DIR")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.memory:
        print_peak_memory(options.memory)
        return 0
    if options.render and options.out is None:
        parser.error("--render reads results.json of a folder; give --out DIR")
    stored = options.out / "results.json" if options.out else None
    results = (
        json.loads(stored.read_text(encoding="utf-8"))
        if options.render
        else measure(QUICK if options.quick else Size())
    )
    if stored:
        options.out.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (options.out / "RESULTS.md").write_text(speed_report.render(results), encoding="utf-8")
        speed_report.draw(results, options.out / "figures")
    else:
        print(speed_report.render(results), end="")
    if options.readme:
        options.readme.write_text(
            speed_report.filled(options.readme.read_text(encoding="utf-8"), results), encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
