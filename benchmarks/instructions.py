"""Instructions that kernels take, counted by callgrind: a guard that does not depend on how busy a machine is.

    python benchmarks/instructions.py [NAME...]

One process under callgrind simulates a block of shallow and one of deep networks for each work, after both were
compiled and run once uncounted; the difference is that of the layers alone, in the instructions of Haswell, which
callgrind knows. Exit code 1 if a work takes more than its limit. Without valgrind the program says so and ends with 0.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Work:
    """Networks whose instructions are counted.

    Attributes
    ----------
    law, kernel : str
    width : int
    units : int
        Units of a layer of a network: weights, or the layer itself.
    limit : float
        Most instructions of a unit: those measured and a tenth, which other versions of the compiler may take. A kernel
        that loses its vectors takes several times as many.
    jacobian : bool
    """

    law: str
    kernel: str
    width: int
    units: int
    limit: float
    jacobian: bool = False


WORKS = {
    "uniform": Work("uniform", "dense", 20, 800, 2.75),
    "gaussian": Work("gaussian", "dense", 20, 800, 7.85),
    "chain": Work("gaussian", "chain", 20, 1, 187.0),
    "jacobian": Work("uniform", "dense", 32, 2048, 16.2, jacobian=True),
    "narrow-jacobian": Work("uniform", "dense", 10, 200, 15.75, jacobian=True),
}

#: What the process under callgrind says when it has done what it was told to.
READY = "ready"

#: Layers of the networks of the two blocks, of 64 networks each.
SHALLOW, DEEP = 50, 150

HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+popcnt,+lzcnt,+sse4.2"}


def simulate() -> None:
    """Simulate a block of every work, then what is asked for: lines of a work and a depth, each answered by a line."""
    from theory_check.experiments.spelling import network
    from theory_check.simulation.cell import simulate_block

    def block(name: str, depth: int) -> None:
        work = WORKS[name]
        observed: dict[str, Any] = {"jacobian": work.jacobian, "gradients": False, "kernel": work.kernel}
        simulate_block(network("res-3", work.law, width=work.width, depth=depth, **observed), 1, 0)

    for name in WORKS:
        block(name, DEEP)
    print(READY, flush=True)
    for line in sys.stdin:
        name, depth = line.split()
        block(name, int(depth))
        print(READY, flush=True)


@dataclass(frozen=True)
class Counter:
    """A process under callgrind that simulates what it is told to."""

    process: subprocess.Popen[str]
    file: Path

    @classmethod
    @contextmanager
    def start(cls, folder: Path) -> Iterator[Counter]:
        environment = {**os.environ, **HASWELL, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        command, file = [sys.executable, __file__, "--simulate"], folder / "counts"
        # Compiles, and keeps the kernels on disk, before anything is counted.
        subprocess.run(command, check=True, env=environment, input="", capture_output=True, text=True)
        tool = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={file}"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([*tool, *command], env=environment, **pipes) as process:
            counter = cls(process, file)
            counter.wait()
            counter.control("--instr=on")
            yield counter
            process.stdin.close()  # type: ignore[union-attr]

    def wait(self) -> None:
        """Wait until the process has done what it was told to."""
        for line in self.process.stdout or ():
            if line.strip() == READY:
                return
        raise SystemExit("the process under callgrind ended early")

    def control(self, option: str) -> None:
        """Tell callgrind something."""
        command = ["callgrind_control", option, str(self.process.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def count(self, name: str, depth: int) -> int:
        """Return the instructions of a block."""
        self.control("--zero")
        self.process.stdin.write(f"{name} {depth}\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        self.wait()
        # Every dump has a file of its own, numbered from 1.
        self.control(f"--dump={name}-{depth}")
        newest = max(self.file.parent.glob(f"{self.file.name}.*"), key=lambda path: int(path.suffix[1:]))
        found = re.search(r"^totals: (\d+)$", newest.read_text(encoding="utf-8"), re.MULTILINE)
        if found is None:
            raise SystemExit(f"callgrind counted nothing of {name}")
        return int(found.group(1))


def main(names: list[str]) -> int:
    """Count the works of these names, all by default; return the exit code."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed; instructions were not counted")
        return 0
    unknown = sorted({*names} - {*WORKS})
    if unknown:
        raise SystemExit(f"{unknown[0]} is no work; there are {', '.join(WORKS)}")
    failed = False
    with tempfile.TemporaryDirectory() as folder, Counter.start(Path(folder)) as counter:
        for name in names or WORKS:
            work = WORKS[name]
            shallow, deep = (counter.count(name, depth) for depth in (SHALLOW, DEEP))
            each = (deep - shallow) / (64 * (DEEP - SHALLOW) * work.units)
            failed |= each > work.limit
            print(f"{name}: {each:.3f} instructions, at most {work.limit:g}", flush=True)
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--simulate"]:
        simulate()
    else:
        sys.exit(main(sys.argv[1:]))
