"""Networks of correlated weights timed against NumPy, in one interleaved run: built, passed through, mapped.

    python benchmarks/correlated_networks.py [--quick] [--out FILE]

Works, for smooth weights and fractional noise, res-3, beta 1/2:

* ``build``: V and W of all layers of a network;
* ``1 input``, ``10 inputs``: a network built, the inputs carried forward and their gradients back;
* ``map``: the same for 10 inputs under each of 70 scalings, a draw of the phase map.

The NumPy programs, in double and in single precision, do what is known to be fast: a factor of the covariance of low
rank times one matrix of normal numbers; or Davies and Harte's method, two paths from one
complex transform of SciPy, in batches that fit the cache. All columns go through a layer by one ``matmul`` for each
matrix, in place. Single precision overflows at small beta, where theory_check keeps powers of two. Before anything is
timed, the laws of log R are compared by Smirnov's exact test.
"""

from __future__ import annotations

# Sets the number of threads before NumPy is loaded.
from machine import machine_line  # isort: skip

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from correlated_weights import autocovariance
from numpy.typing import NDArray
from scipy import fft
from speed import OWN, SEED, Turn, Work, check_law, enough, take_turns
from speed_report import table

from theory_check.experiments.spelling import network
from theory_check.experiments.sweep import Sweep
from theory_check.foundation.streams import Purpose, stream_key
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights
from theory_check.simulation.paths.sources import open_paths
from theory_check.simulation.runner import simulate

Array = NDArray[np.floating]

#: Complex numbers of the transforms of a batch: what a second-level cache holds.
BATCH = 2**16

#: Least eigenvalue, relative to the largest, that a factor keeps; theory_check leaves out less than this of a variance.
TRUNCATION = 2.0**-48

BETAS = tuple(np.linspace(0.0, 1.3, 70).tolist())


@dataclass(frozen=True)
class Size:
    """How much work is timed; weights of a matrix in all layers are at most ``weights``."""

    rounds: int = 5
    seconds: float = 0.1
    depth: int = 1000
    weights: int = 2 * 10**6
    widths: tuple[int, ...] = (10, 20, 40, 100)
    laws: tuple[str, ...] = ("smooth", "fgn:hurst=0.7")
    compared: int = 512


QUICK = Size(1, 1e-3, 20, 10**4, (4,), compared=64)


@dataclass(frozen=True)
class Program:
    """A NumPy program in one precision, with its tables: a factor of low rank, or amplitudes of a transform."""

    width: int
    depth: int
    dtype: type[np.floating]
    factor: Array | None
    amplitudes: Array | None

    @classmethod
    def prepare(cls, law: str, width: int, depth: int, dtype: type[np.floating]) -> Program:
        correlations, scale = autocovariance(law, depth + 1, depth), 1.0 / math.sqrt(width)
        if law.startswith("fgn"):
            row = np.concatenate([correlations, correlations[-2:0:-1]])
            roots = np.sqrt(np.maximum(np.fft.fft(row).real, 0.0) / len(row))
            return cls(width, depth, dtype, None, np.repeat(scale * roots, 2).astype(dtype))
        values, vectors = np.linalg.eigh(correlations[np.abs(np.subtract.outer(np.arange(depth), np.arange(depth)))])
        needed = values > TRUNCATION * values[-1]
        return cls(
            width, depth, dtype, np.ascontiguousarray(scale * vectors[:, needed] * np.sqrt(values[needed]), dtype), None
        )

    def matrices(self, generator: np.random.Generator) -> Array:
        """Return the matrices of all layers, (depth, width, width)."""
        entries = self.width**2
        if self.factor is not None:
            normals = generator.standard_normal((self.factor.shape[1], entries), self.dtype)
            return (self.factor @ normals).reshape(self.depth, self.width, self.width)
        out, numbers = np.empty((self.depth, entries), self.dtype), len(self.amplitudes)
        pairs = max(1, BATCH // numbers)
        for first in range(0, entries, 2 * pairs):
            count = min(pairs, (entries - first + 1) // 2)
            noise = generator.standard_normal((count, numbers), self.dtype)
            noise *= self.amplitudes
            complex_type = np.complex64 if self.dtype is np.float32 else np.complex128
            series = fft.fft(noise.view(complex_type), axis=1, overwrite_x=True).view(self.dtype)
            paths = series[:, : 2 * self.depth].reshape(count, self.depth, 2).transpose(1, 0, 2).reshape(self.depth, -1)
            out[:, first : first + 2 * count] = paths[:, : entries - first]
        return out.reshape(self.depth, self.width, self.width)

    def passes(self, outer: Array, inner: Array, factors: Array, generator: np.random.Generator) -> NDArray[np.float64]:
        """Carry a state for each factor forward and the gradient of its squared norm back; return log R."""
        hidden = generator.standard_normal((self.width, factors.size), self.dtype)
        start, factors = np.sum(hidden.astype(np.float64) ** 2, axis=0), factors.astype(self.dtype)
        first, second = np.empty_like(hidden), np.empty_like(hidden)
        active = np.empty((self.depth, *hidden.shape), bool)
        for layer in range(self.depth):
            np.matmul(inner[layer], hidden, out=first)
            np.greater(first, 0, out=active[layer])
            np.maximum(first, 0, out=first)
            np.matmul(outer[layer], first, out=second)
            second *= factors
            hidden += second
        gradient = 2 * hidden
        for layer in reversed(range(self.depth)):
            np.matmul(outer[layer].T, gradient, out=second)
            second *= active[layer]
            np.matmul(inner[layer].T, second, out=first)
            first *= factors
            gradient += first
        return np.log(np.sum(hidden.astype(np.float64) ** 2, axis=0) / start)


def numpy_runs(law: str, width: int, depth: int, factors: Array | None) -> dict[str, Callable[[int], Array]]:
    """Return the programs by name: so many networks built, and passed through if there are factors."""

    def runner(program: Program) -> Callable[[int], Array]:
        def run(count: int) -> Array:
            generator, found = np.random.Generator(np.random.SFC64(SEED)), np.empty(0)
            for _ in range(count):
                outer, inner = program.matrices(generator), program.matrices(generator)
                if factors is not None:
                    found = np.append(found, program.passes(outer, inner, factors, generator))
            return found

        return run

    kinds: dict[str, type[np.floating]] = {"NumPy, double": np.float64, "NumPy, single": np.float32}
    with np.errstate(over="ignore"):
        return {name: runner(Program.prepare(law, width, depth, kind)) for name, kind in kinds.items()}


def own_builder(law: str, width: int, depth: int) -> Callable[[int], object]:
    weights, key = Weights.parse(law), np.array(stream_key(SEED, law), np.uint32)

    def build(count: int) -> object:
        purposes = (Purpose.OUTER_WEIGHTS, Purpose.INNER_WEIGHTS)
        return [
            open_paths(weights, width, depth, key, replicate, purpose, budget_bytes=2**30).layers(0, depth).shape
            for replicate in range(count)
            for purpose in purposes
        ]

    return build


def own_runner(law: str, width: int, depth: int, inputs: int) -> Callable[[int], object]:
    deep = network("res-3", law, width=width, depth=depth, inputs=inputs, gradients=True)
    return lambda count: simulate(deep, count, SEED, threads=1)


def own_mapper(law: str, width: int, depth: int) -> Callable[[int], object]:
    sweep = Sweep(width=width, depth=depth, weights=Weights.parse(law), betas=BETAS, input=Input("gaussian", 10))
    return lambda count: simulate(sweep, count, SEED, threads=1)


def check_laws(law: str, size: Size) -> None:
    width, depth = 5, 20
    own = simulate(network("res-3", law, width=width, depth=depth), size.compared, SEED, threads=1)
    runs = numpy_runs(law, width, depth, np.full(1, depth**-0.5))
    check_law(law, {OWN: own.column("log_norm_ratio"), **{name: run(size.compared) for name, run in runs.items()}})


def measure(size: Size) -> list[Work]:
    works = []
    for law in size.laws:
        check_laws(law, size)
        for width in size.widths:
            depth = min(size.depth, size.weights // width**2)
            half, many = np.full(1, depth**-0.5), np.repeat(depth ** -np.array(BETAS), 10)
            kinds: dict[str, tuple[Callable[[int], object], Array | None]] = {
                "build": (own_builder(law, width, depth), None),
                "1 input": (own_runner(law, width, depth, 1), half),
                "10 inputs": (own_runner(law, width, depth, 10), np.repeat(half, 10)),
                "map": (own_mapper(law, width, depth), many),
            }
            for kind, (own, factors) in kinds.items():
                runs: dict[str, Callable[[int], Any]] = {OWN: own, **numpy_runs(law, width, depth, factors)}
                turns = {name: counted(run, size) for name, run in runs.items()}
                name = f"{law}, width {width}, depth {depth}"
                works.append(take_turns(kind, name, "network", turns, size.rounds))
    return sorted(works, key=lambda work: list(kinds).index(work.group))


def counted(run: Callable[[int], Any], size: Size) -> Turn:
    def turn(count: int) -> float:
        run(count)
        return float(count)

    return enough(turn, size.seconds, most=1000)


def render(works: list[Work], size: Size) -> str:
    lines = [
        "# Benchmark: networks of correlated weights against NumPy",
        "",
        f"{machine_line('scipy')} Repeat with `tox run -e bench`.",
        "",
        f"One interleaved run of {size.rounds} rounds on one thread, processor time; the module describes each work. "
        "The first column is the time of theory_check, the others are times as multiples of it in the same round: "
        "medians, with the least and the largest in brackets. Depths at width 100 are smaller, so that both programs "
        "stay in memory.",
        "",
    ]
    for kind in dict.fromkeys(work.group for work in works):
        lines += [*table([asdict(work) for work in works if work.group == kind]), ""]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time networks of correlated weights against NumPy.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the tables to a Markdown file too")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else Size()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        report = render(measure(size), size)
    print(report, end="")
    if options.out:
        options.out.write_text(report, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
