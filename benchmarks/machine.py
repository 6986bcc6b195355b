"""What benchmarks share: one thread for NumPy, the machine and its libraries in words, seconds in words."""

from __future__ import annotations

import os

# One thread for each contender until threads are asked for; NumPy, PyTorch and JAX read this when they are loaded.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import platform
import re
from collections.abc import Callable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter


def elapsed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def available_threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _installed(package: str) -> str:
    try:
        return f", {package} {version(package)}"
    except PackageNotFoundError:
        return ""


def machine_line(*packages: str) -> str:
    """Return date, processor and versions of what is installed of the packages."""
    versions = "".join(map(_installed, ("theory-check", "numpy", "numba", *packages)))
    return (
        f"{date.today().isoformat()}, {processor()}, {available_threads()} processors, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}{versions}."
    )


def seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
