"""Training timed against PyTorch and JAX, in one run: milliseconds for an epoch of one network, ratios.

    python benchmarks/training.py [--quick] [--out FILE]

The work is an epoch on the digits: res-1, width 30, 11 batches of 128 images, Adam, single precision, one thread. All
contenders start from equal weights and see the images in equal order; their losses are compared before they are timed.
Contenders, those that are installed:

* ``theory_check``: :meth:`theory_check.simulation.training.TrainingRun.train_epoch`;
* ``PyTorch, eager``: a loop over the layers, automatic differentiation, ``torch.optim.Adam``; *batched*: 16 networks at
  once by ``torch.bmm``, the time divided by 16;
* ``JAX``: one compiled function for an epoch, scans over batches and layers; *batched*: 16 networks by ``jax.vmap``.

Every time is the least processor time of several repetitions in which the contenders take turns, compilation excluded.
"""

from __future__ import annotations

# Sets the number of threads of NumPy to one before it is loaded.
from machine import machine_line, seconds  # isort: skip

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from theory_check.experiments.spelling import training
from theory_check.experiments.training import Training
from theory_check.foundation.streams import Purpose
from theory_check.kernels.linear_algebra import one_thread
from theory_check.simulation.training import TrainingRun

SEED, BATCH, BATCHES, RATE, TOGETHER = 1, 128, 11, 1e-3, 16

#: Least ratios to theory_check at depth 100, and most seconds of an epoch.
RATIOS = {"JAX": 2.3, "PyTorch, batched": 2.0, "PyTorch, eager": 5.0}
BARS = {100: 0.015, 1000: 0.22}

#: A contender trains for one epoch and returns the mean loss of one network.
Epoch = Callable[[], float]


@dataclass(frozen=True)
class Size:
    """How much work is timed."""

    depths: tuple[int, ...] = (100, 1000)
    repetitions: int = 5


QUICK = Size(depths=(5,), repetitions=1)


@dataclass(frozen=True)
class Problem:
    """Equal weights and orders for all contenders."""

    experiment: Training
    run: TrainingRun
    rows: np.ndarray

    @classmethod
    def draw(cls, depth: int) -> Problem:
        experiment = training("res-1", depth=depth, batch=BATCH, learning_rate=RATE, lags=())
        run = TrainingRun(experiment, SEED, 0)
        # Whole batches only, so that compiled contenders need one shape; the order of the first epoch.
        run.seen = run.seen[: BATCH * BATCHES]
        order = run.seen[run._streams.permutation(Purpose.ORDER, 0, len(run.seen))]
        return cls(experiment, run, order.reshape(BATCHES, BATCH))

    @property
    def images(self) -> np.ndarray:
        """Batches of images, shape (batches, batch, pixels)."""
        return (self.experiment.data.examples.inputs[self.rows] / np.float32(16)).astype(np.float32)

    @property
    def labels(self) -> np.ndarray:
        """Their classes."""
        return self.experiment.data.examples.labels[self.rows]


def own(problem: Problem) -> Epoch:
    """Return the contender of this package."""
    return lambda: problem.run.train_epoch(0)


# PyTorch --------------------------------------------------------------------------------------------------------------


def torch_epoch(problem: Problem, networks: int) -> Epoch:
    import torch

    torch.set_num_threads(1)
    weights = problem.run.weights
    copies = [np.repeat(part[None], networks, axis=0).copy() for part in (weights.entry, weights.readout)]
    outer = torch.tensor(np.repeat(weights.outer[:, None], networks, axis=1), requires_grad=True)
    entry, readout = (torch.tensor(part, requires_grad=True) for part in copies)
    optimiser = torch.optim.Adam([outer, entry, readout], lr=RATE)
    images = torch.tensor(problem.images).transpose(1, 2)
    labels, factor = torch.tensor(problem.labels), float(weights.scaling[0])

    def epoch() -> float:
        total = 0.0
        for x, y in zip(images, labels, strict=True):
            hidden = torch.matmul(entry, x)
            for v in outer.unbind(0):
                hidden = hidden + factor * torch.bmm(v, torch.relu(hidden))
            logits = torch.bmm(readout, hidden).transpose(1, 2).reshape(-1, readout.shape[1])
            loss = torch.nn.functional.cross_entropy(logits, y.repeat(networks), reduction="sum") / len(y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
        return total / BATCHES / networks

    return epoch


# JAX ------------------------------------------------------------------------------------------------------------------


def jax_epoch(problem: Problem, networks: int) -> Epoch:
    import jax
    import jax.numpy as jnp

    weights, factor = problem.run.weights, float(problem.run.weights.scaling[0])
    images, labels = jnp.asarray(problem.images.transpose(0, 2, 1)), jnp.asarray(problem.labels)

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        outer, entry, readout = parameters

        def layer(hidden: Any, v: Any) -> tuple[Any, None]:
            return hidden + factor * v @ jax.nn.relu(hidden), None

        hidden, _ = jax.lax.scan(layer, entry @ x, outer)
        logs = jax.nn.log_softmax((readout @ hidden).T)
        return -jnp.mean(logs[jnp.arange(BATCH), y])

    def step(state: Any, batch: Any) -> tuple[Any, Any]:
        parameters, first, second, count = state
        value, gradients = jax.value_and_grad(loss)(parameters, *batch)
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        length, correction = RATE / (1 - 0.9**count), 1 / jnp.sqrt(1 - 0.999**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - length * m / (jnp.sqrt(v) * correction + 1e-8), parameters, first, second
        )
        return (parameters, first, second, count), value

    def epoch_of_one(state: Any) -> tuple[Any, Any]:
        state, losses = jax.lax.scan(step, state, (images, labels))
        return state, jnp.mean(losses)

    parameters = tuple(map(jnp.asarray, (weights.outer, weights.entry, weights.readout)))
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    one = (parameters, zeros, zeros, jnp.float32(0))
    state = one if networks == 1 else jax.tree.map(lambda part: jnp.stack([part] * networks), one)
    compiled = jax.jit(epoch_of_one if networks == 1 else jax.vmap(epoch_of_one))

    def epoch() -> float:
        nonlocal state
        state, value = compiled(state)
        return float(jnp.mean(value))

    return epoch


# Timing ---------------------------------------------------------------------------------------------------------------


def contenders(problem: Problem) -> dict[str, tuple[Epoch, int]]:
    """Return those that are installed, with the number of networks that each trains at once; weights are copied."""
    found: dict[str, tuple[Epoch, int]] = {}
    for name, package, make in (("PyTorch", "torch", torch_epoch), ("JAX", "jax", jax_epoch)):
        if find_spec(package) is None:
            print(f"{name} is not installed; it is left out", file=sys.stderr)
            continue
        found[f"{name}, eager" if name == "PyTorch" else name] = make(problem, 1), 1
        found[f"{name}, batched"] = make(problem, TOGETHER), TOGETHER
    return {"theory_check": (own(problem), 1), **found}


def measure(depth: int, size: Size) -> dict[str, float]:
    """Return processor seconds of an epoch and network."""
    problem = Problem.draw(depth)
    timed = contenders(problem)
    losses = {name: epoch() for name, (epoch, _) in timed.items()}
    for name, loss in losses.items():
        # Single precision, eleven updates; a contender that does something else is not worth timing.
        if not math.isclose(loss, losses["theory_check"], rel_tol=1e-4):
            raise SystemExit(f"{name} has a loss of {loss}, theory_check {losses['theory_check']}")
    best = dict.fromkeys(timed, math.inf)
    for _ in range(size.repetitions):
        for name, (epoch, networks) in timed.items():
            started = process_time()
            epoch()
            best[name] = min(best[name], (process_time() - started) / networks)
    return best


def render(times: dict[int, dict[str, float]], size: Size) -> str:
    lines = [
        "# Benchmark: training against PyTorch and JAX",
        "",
        f"{machine_line('scipy', 'torch', 'jax')} Repeat with `tox run -e bench`.",
        "",
        f"An epoch of one network on the digits: res-1, width 30, {BATCHES} batches of {BATCH}, Adam, single "
        f"precision. Processor time on one thread, the least of {size.repetitions}. *Batched*: {TOGETHER} networks at "
        "once, the time divided by their number.",
        "",
        "| depth | contender | an epoch | over theory_check | bar | kept |",
        "|--:|:--|--:|--:|--:|:--|",
    ]
    for depth, found in times.items():
        for name, time in found.items():
            ratio = time / found["theory_check"]
            bar, kept = "", ""
            if name == "theory_check" and depth in BARS:
                bar, kept = f"at most {seconds(BARS[depth])}", "yes" if time <= BARS[depth] else "no"
            elif depth == 100 and name in RATIOS:
                bar, kept = f"at least {RATIOS[name]:g}", "yes" if ratio >= RATIOS[name] else "no"
            lines.append(f"| {depth} | {name} | {seconds(time)} | {ratio:.1f} | {bar} | {kept} |")
    return "\n".join(lines) + "\n"


def notes_of(file: Path) -> str:
    """Return what was written by hand below the table of an earlier run: all from the first heading of level 2 on."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    _, heading, notes = text.partition("\n## ")
    return heading + notes


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time training against PyTorch and JAX.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table to a Markdown file too")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else Size()
    times = {}
    with one_thread():
        for depth in size.depths:
            print(f"depth {depth}", file=sys.stderr, flush=True)
            times[depth] = measure(depth, size)
    report = render(times, size)
    print(report, end="")
    if options.out:
        options.out.write_text(report + notes_of(options.out), encoding="utf-8")
    return 1 if "| no |" in report else 0


if __name__ == "__main__":
    sys.exit(main())
