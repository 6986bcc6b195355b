"""Instructions that kernels take, counted by callgrind: a guard that does not depend on how busy a machine is.

    python benchmarks/instructions.py [NAME...]

One process simulates a block of every work, others more blocks of one of them; the difference is counted, in the
instructions of Haswell, which callgrind knows. Exit code 1 if a work takes more than its limit. Without valgrind the
program says so and ends with 0.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
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
    "uniform": Work("uniform", "dense", 20, 800, 3.3),
    "gaussian": Work("gaussian", "dense", 20, 800, 8.3),
    "chain": Work("gaussian", "chain", 20, 1, 390.0),
    "jacobian": Work("uniform", "dense", 32, 2048, 24.0, jacobian=True),
}

#: Blocks more, of 64 networks.
MORE, DEPTH = 8, 50
HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+popcnt,+lzcnt,+sse4.2"}


def simulate(more: str) -> None:
    """Simulate a block of every work, and ``MORE`` of one."""
    from theory_check.experiments.spelling import network
    from theory_check.simulation.cell import simulate_block

    for name, work in WORKS.items():
        observed: dict[str, Any] = {"jacobian": work.jacobian, "gradients": False, "kernel": work.kernel}
        deep = network("res-3", work.law, width=work.width, depth=DEPTH, **observed)
        for block in range(1 + (MORE if name == more else 0)):
            simulate_block(deep, 1, block)


def counted(more: str) -> int:
    """Return the instructions of a process."""
    environment = {**os.environ, **HASWELL, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command = [sys.executable, __file__, "--simulate", more]
        # Compiled and kept on disk before anything is counted.
        subprocess.run(command, check=True, env=environment)
        done = subprocess.run([*tool, *command], check=True, env=environment, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise SystemExit(f"callgrind counted nothing: {done.stderr[-500:]}")
    return int(found.group(1))


def main(names: list[str]) -> int:
    """Count the works of these names, all by default; return the exit code."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed; instructions were not counted")
        return 0
    unknown = sorted({*names} - {*WORKS})
    if unknown:
        raise SystemExit(f"{unknown[0]} is no work; there are {', '.join(WORKS)}")
    base, failed = counted("none"), False
    for name in names or WORKS:
        work = WORKS[name]
        each = (counted(name) - base) / (MORE * 64 * DEPTH * work.units)
        failed |= each > work.limit
        print(f"{name}: {each:.3f} instructions, at most {work.limit:g}", flush=True)
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--simulate"]:
        simulate(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
