"""Forward passes timed against NumPy, in one run: ns per weight, seconds per replicate, ratios, peak memory.

    python benchmarks/dense_forward.py [--quick] [--out FILE]

Contenders, all on networks of depth 1000 at beta = 1/2, with every weight drawn:

* ``dense``: the dense kernel of theory_check;
* ``plain NumPy``: a batch of replicates at a time, weights from the distribution methods of ``np.random.Generator`` in
  double precision, one batched ``matmul`` for each matrix;
* ``tuned NumPy``: the same in single precision and in place, uniform weights and random signs made from raw 64-bit
  words, centring and scaling moved from the weights to the products, a faster bit generator (SFC64).

Both NumPy versions get the batch size that suits them best. Every time is the best of several repetitions, compilation
excluded, in which the contenders take turns, so that other work on the machine falls on none in particular.
"""

from __future__ import annotations

import os

# One thread for each contender until threads are asked for; NumPy reads this when it is loaded.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import math
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Branch = Literal["linear", "res-3"]
Draw = Callable[[np.random.Generator, NDArray[np.floating]], NDArray[np.floating]]

LAWS = ("uniform", "gaussian", "rademacher")
BRANCHES: tuple[Branch, ...] = ("linear", "res-3")
SEED = 1
MEMORY_BAR = 300  # MiB


@dataclass(frozen=True)
class Size:
    """How much work is timed; ``units`` of work of the runner for each thread, or a single block."""

    depth: int = 1000
    widths: tuple[int, ...] = (40, 100)
    batches: tuple[int, ...] = (8, 32, 128)
    search_depth: int = 50
    units: int = 1
    repetitions: int = 5
    memory_depths: tuple[int, ...] = (10**3, 10**6)


QUICK = Size(depth=20, widths=(16,), batches=(8,), search_depth=2, units=0, repetitions=1, memory_depths=(10, 100))


@dataclass(frozen=True)
class Problem:
    """A forward pass: branch, weight law, width, depth."""

    branch: Branch
    law: str
    width: int
    depth: int

    @property
    def weights(self) -> int:
        """Weights of one replicate."""
        return self.depth * self.width**2 * (2 if self.branch == "res-3" else 1)


# NumPy ----------------------------------------------------------------------------------------------------------------


def plain_uniform(generator: np.random.Generator, out: NDArray[np.floating]) -> NDArray[np.floating]:
    return generator.uniform(-math.sqrt(3.0), math.sqrt(3.0), out.shape)


def plain_gaussian(generator: np.random.Generator, out: NDArray[np.floating]) -> NDArray[np.floating]:
    return generator.standard_normal(out.shape)


def plain_rademacher(generator: np.random.Generator, out: NDArray[np.floating]) -> NDArray[np.floating]:
    return 2.0 * generator.integers(0, 2, out.shape) - 1.0


def _words(generator: np.random.Generator, count: int) -> NDArray[np.uint64]:
    return generator.integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)


def tuned_uniform(generator: np.random.Generator, out: NDArray[np.floating]) -> NDArray[np.floating]:
    """Whole numbers uniform on 32 bits with sign; the scale is applied to the product."""
    words = _words(generator, (out.size + 1) // 2).view(np.int32)
    np.copyto(out.reshape(-1), words[: out.size], casting="unsafe")
    return out


def tuned_gaussian(generator: np.random.Generator, out: NDArray[np.floating]) -> NDArray[np.floating]:
    return generator.standard_normal(out=out, dtype=np.float32)


def tuned_rademacher(generator: np.random.Generator, out: NDArray[np.floating]) -> NDArray[np.floating]:
    """Zeros and ones, one bit each; the product becomes 2 B h - sum(h)."""
    bits = np.unpackbits(_words(generator, (out.size + 63) // 64).view(np.uint8))
    np.copyto(out.reshape(-1), bits[: out.size], casting="unsafe")
    return out


@dataclass(frozen=True)
class NumpyVersion:
    """A NumPy implementation: how it draws, in which precision, from which bit generator."""

    name: str
    draws: dict[str, Draw]
    dtype: type[np.floating]
    bits: type[np.random.BitGenerator]

    def forward(self, problem: Problem, batch: int, seed: int) -> NDArray[np.float64]:
        """Carry a batch of replicates through the network; return log(||h_L||^2 / ||h_0||^2)."""
        generator = np.random.Generator(self.bits(seed))
        draw, width = self.draws[problem.law], problem.width
        tuned = self.dtype is np.float32
        deviation = math.sqrt(2.0**64 / 12.0) if tuned and problem.law == "uniform" else 1.0
        scale = self.dtype(1.0 / (math.sqrt(width) * deviation))
        factor = self.dtype(problem.depth**-0.5)
        matrices = np.empty((batch, width, width), self.dtype)
        hidden = generator.standard_normal((batch, width)).astype(self.dtype)
        start = np.sum(hidden.astype(np.float64) ** 2, axis=1)

        def product(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
            image = np.matmul(draw(generator, matrices), vectors[:, :, None])[:, :, 0]
            if tuned and problem.law == "rademacher":
                image = image + image - vectors.sum(axis=1, keepdims=True)
            return image * scale

        for _ in range(problem.depth):
            inner = np.maximum(product(hidden), 0) if problem.branch == "res-3" else hidden
            hidden += factor * product(inner)
        return np.log(np.sum(hidden.astype(np.float64) ** 2, axis=1) / start)


PLAIN = NumpyVersion(
    "plain NumPy",
    {"uniform": plain_uniform, "gaussian": plain_gaussian, "rademacher": plain_rademacher},
    np.float64,
    np.random.PCG64,
)
TUNED = NumpyVersion(
    "tuned NumPy",
    {"uniform": tuned_uniform, "gaussian": tuned_gaussian, "rademacher": tuned_rademacher},
    np.float32,
    np.random.SFC64,
)


def elapsed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def best_batch(numpy_version: NumpyVersion, problem: Problem, size: Size) -> int:
    short = replace(problem, depth=size.search_depth)
    times = {
        batch: min(elapsed(lambda b=batch: numpy_version.forward(short, b, SEED)) for _ in range(2)) / batch
        for batch in size.batches
    }
    return min(batch for batch, time in times.items() if time <= 1.02 * min(times.values()))


def numpy_seconds(numpy_version: NumpyVersion, problem: Problem, batch: int, threads: int) -> float:
    """Return seconds per replicate, every thread with a batch and a generator of its own."""
    with ThreadPoolExecutor(threads) as pool:
        tasks = range(threads)
        taken = elapsed(lambda: list(pool.map(lambda task: numpy_version.forward(problem, batch, SEED + task), tasks)))
    return taken / (batch * threads)


# theory_check ---------------------------------------------------------------------------------------------------------


def log_norm_ratios(
    problem: Problem, replicates: int, threads: int, kernel: Literal["dense", "reduced"] = "dense"
) -> NDArray[np.float64]:
    from theory_check.experiments.spelling import network
    from theory_check.simulation.runner import simulate

    cell = network(problem.branch, problem.law, width=problem.width, depth=problem.depth, kernel=kernel)
    return simulate(cell, replicates, SEED, threads=threads).column("log_norm_ratio")


def kernel_replicates(problem: Problem, size: Size, threads: int) -> int:
    """Return a number of replicates in whole units of work, so that no thread waits for another."""
    from theory_check.kernels import LANES
    from theory_check.simulation.units import UNIT_WORK

    blocks = size.units * max(1, UNIT_WORK // (LANES * problem.weights))
    return LANES * threads * max(1, blocks)


def check_agreement(problem: Problem) -> None:
    """Compare the means of log R: a contender that does less than the others is not worth timing."""
    samples = [log_norm_ratios(problem, 256, 1), *(v.forward(problem, 256, SEED) for v in (PLAIN, TUNED))]
    for other in samples[1:]:
        error = math.sqrt(np.var(samples[0]) / samples[0].size + np.var(other) / other.size)
        difference = abs(float(np.mean(samples[0]) - np.mean(other)))
        if difference > 6.0 * error:
            raise AssertionError(f"{problem}: the means of log R differ by {difference / error:.1f} standard errors")


# Measurements ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """Seconds per replicate of every contender."""

    problem: Problem
    threads: int
    dense: float
    plain: float
    tuned: float


def measure(problem: Problem, size: Size, thread_counts: tuple[int, ...]) -> list[Row]:
    log_norm_ratios(replace(problem, depth=2), 64, 1)
    check_agreement(replace(problem, depth=min(problem.depth, 50)))
    batches = {v.name: best_batch(v, problem, size) for v in (PLAIN, TUNED)}
    rows = []
    for threads in thread_counts:
        replicates = kernel_replicates(problem, size, threads)
        dense = plain = tuned = math.inf
        for _ in range(size.repetitions):
            dense = min(dense, elapsed(lambda n=replicates, t=threads: log_norm_ratios(problem, n, t)) / replicates)
            plain = min(plain, numpy_seconds(PLAIN, problem, batches[PLAIN.name], threads))
            tuned = min(tuned, numpy_seconds(TUNED, problem, batches[TUNED.name], threads))
        rows.append(Row(problem, threads, dense, plain, tuned))
    return rows


def measure_reduced(problem: Problem, size: Size) -> tuple[float, float]:
    """Return seconds per replicate, dense and reduced, on one thread."""
    replicates = kernel_replicates(problem, size, 1)
    log_norm_ratios(replace(problem, depth=2), 64, 1, "reduced")
    dense = reduced = math.inf
    for _ in range(size.repetitions):
        dense = min(dense, elapsed(lambda: log_norm_ratios(problem, replicates, 1)) / replicates)
        reduced = min(
            reduced, elapsed(lambda: log_norm_ratios(problem, 4 * replicates, 1, "reduced")) / (4 * replicates)
        )
    return dense, reduced


def peak_memory(problem: Problem) -> float:
    """Return the peak memory in MiB of a fresh process that carries 64 networks forward.

    Call it before this process has grown: at its start a child is charged with the memory of its parent.
    """
    arguments = (problem.branch, problem.law, str(problem.width), str(problem.depth))
    answer = subprocess.run(
        [sys.executable, __file__, "--memory", *arguments], check=True, capture_output=True, text=True
    )
    return float(answer.stdout)


def print_peak_memory(problem: Problem) -> None:
    import resource

    log_norm_ratios(problem, 64, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (2**20 if sys.platform == "darwin" else 2**10))


# Report ---------------------------------------------------------------------------------------------------------------


def processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def available_threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1.0 else f"{1e3 * value:.3g} ms"


def render(
    rows: list[Row],
    reduced: list[tuple[Problem, float, float]],
    memory: list[tuple[Problem, float]],
    repetitions: int,
) -> str:
    packages = ("theory-check", "numpy", "numba")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    depth = rows[0].problem.depth
    lines = [
        "# Benchmark: dense forward passes against NumPy",
        "",
        f"{date.today().isoformat()}, {processor()}, {available_threads()} processors, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, {versions}. Repeat with `tox run -e bench`.",
        "",
        f"Depth {depth}, beta 1/2, forward only, every weight drawn. *Plain NumPy*: batches of replicates, double "
        "precision, distribution methods of `np.random.Generator`. *Tuned NumPy*: single precision, in place, raw "
        "words turned into uniform numbers and signs, SFC64. Both with their best batch size; with several threads, "
        f"one generator and one batch each. Times are the best of {repetitions}.",
        "",
        "## Nanoseconds per weight",
        "",
        "| branch | weights | width | threads | dense | plain NumPy | tuned NumPy | plain / dense | tuned / dense |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        p, unit = row.problem, 1e9 / row.problem.weights
        lines.append(
            f"| {p.branch} | {p.law} | {p.width} | {row.threads} | {row.dense * unit:.3f} | {row.plain * unit:.2f} | "
            f"{row.tuned * unit:.2f} | {row.plain / row.dense:.0f} | {row.tuned / row.dense:.1f} |"
        )
    lines += [
        "",
        "## Time per replicate",
        "",
        "| branch | weights | width | threads | dense | plain NumPy | tuned NumPy |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        p = row.problem
        times = " | ".join(seconds(value) for value in (row.dense, row.plain, row.tuned))
        lines.append(f"| {p.branch} | {p.law} | {p.width} | {row.threads} | {times} |")
    lines += [
        "",
        "## Gaussian weights: reduced against dense, one thread",
        "",
        "The reduced kernel draws the action of the weights on the hidden state, exact in law, instead of the weights.",
        "",
        "| branch | width | dense | reduced | dense / reduced |",
        "|:--|--:|--:|--:|--:|",
    ]
    for p, dense, short in reduced:
        lines.append(f"| {p.branch} | {p.width} | {seconds(dense)} | {seconds(short)} | {dense / short:.0f} |")
    lines += [
        "",
        f"## Peak memory of a process that carries 64 networks forward (bar: {MEMORY_BAR} MiB)",
        "",
        "| branch | weights | width | depth | peak, MiB |",
        "|:--|:--|--:|--:|--:|",
    ]
    for p, peak in memory:
        lines.append(f"| {p.branch} | {p.law} | {p.width} | {p.depth:,} | {peak:.0f} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time forward passes against NumPy.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the tables to a Markdown file too")
    parser.add_argument("--memory", nargs=4, metavar=("BRANCH", "LAW", "WIDTH", "DEPTH"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.memory:
        branch, law, width, depth = options.memory
        print_peak_memory(Problem(branch, law, int(width), int(depth)))
        return 0
    size = QUICK if options.quick else Size()
    deep = [Problem("res-3", "uniform", 40, depth) for depth in size.memory_depths]
    simulated = [(problem, peak_memory(problem)) for problem in (deep[0], *deep)]
    memory = simulated[1:]  # the first call may have compiled the kernels, which takes memory of its own
    counts = tuple(sorted({1, available_threads()}))
    rows, reduced = [], []
    for branch in BRANCHES:
        for law in LAWS:
            for width in size.widths:
                print(f"{branch}, {law}, width {width}", file=sys.stderr, flush=True)
                rows += measure(Problem(branch, law, width, size.depth), size, counts)
        for width in size.widths:
            problem = Problem(branch, "gaussian", width, size.depth)
            reduced.append((problem, *measure_reduced(problem, size)))
    text = render(rows, reduced, memory, size.repetitions)
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0 if all(peak <= MEMORY_BAR for _, peak in memory) else 1


if __name__ == "__main__":
    sys.exit(main())
