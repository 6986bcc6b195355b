"""What a cluster costs: worker processes beside threads, the scheduler's time for a call, and what follows for more.

``python benchmarks/cluster.py [--claims N] [--rounds N] [--out FILE.md]`` needs the extra ``cluster``. Processor times
of both ways, of all their processes together, can be compared on a busy machine too; wall-clock times need an idle one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from concurrent.futures import wait
from pathlib import Path
from time import process_time

from machine import elapsed, machine_line, seconds  # isort: skip

from theory_check.claims.claim import PROFILES
from theory_check.experiments.machine_costs import ESTIMATED
from theory_check.experiments.spelling import network
from theory_check.reporting.numerals import format_duration
from theory_check.simulation.cluster import open_cluster, simulate_elsewhere
from theory_check.simulation.engines import Threads
from theory_check.simulation.units import Unit, plan_units
from theory_check.verification.plan import plan_run
from theory_check.verification.run import examine

WORKERS = 2
#: Rounds of calls of next to nothing, for the time that the scheduler needs for one: the least of them counts.
ROUNDS, CALLS = 5, 500


def largest_claims(count: int) -> list[str]:
    """Return the claims that are expected to take most time at standard."""
    plan = plan_run([], PROFILES["standard"])
    costs = {
        claim.id: sum(ESTIMATED.seconds((e, check.expected) for e in check.experiments) for check in checks)
        for _, claims in plan.regimes
        for claim, checks in claims
    }
    return sorted(costs, key=costs.__getitem__)[-count:]


def processor_time(engine) -> float:
    """Return the processor seconds that this process, with the scheduler in it, and all workers have taken."""
    return process_time() + sum(engine._client.run(process_time).values())


def took(engine, action) -> tuple[float, float]:
    """Return wall-clock and processor seconds of an action."""
    before = processor_time(engine)
    wall = elapsed(action)
    return wall, processor_time(engine) - before


def overhead(engine) -> float:
    """Return the processor seconds of this process, which holds the scheduler and the command, for a call."""
    cell = network("linear", "uniform", width=1, depth=1)
    executor = engine._client.get_executor(pure=False)
    found = []
    for first in range(0, ROUNDS * CALLS, CALLS):
        before = process_time()
        calls = [[Unit(cell, 1, block, block + 1)] for block in range(first, first + CALLS)]
        wait([executor.submit(simulate_elsewhere, units, 2**20, None) for units in calls])
        found.append((process_time() - before) / CALLS)
    return min(found)


def units_of(profile: str) -> tuple[int, float]:
    """Return the number of units that a profile is expected to need, and their core-seconds."""
    expected = plan_run([], PROFILES[profile]).expected.merged.values()
    return sum(len(plan_units(e, n, 1)) for e, n in expected), ESTIMATED.seconds(expected)


def model(work: float, units: int, each: float, processors: int) -> float:
    """Return the seconds of a run: the processors share the work, the scheduler serves one unit after another."""
    return max(work / processors, units * each) + work / units


def compared(pairs) -> str:
    """Return the times of threads and of workers, and the speed of workers relative to threads."""
    threads, cluster = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(first / second for first, second in pairs)
    return f"{threads:.1f} s and {cluster:.1f} s (a speed of {ratio:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=3, help="how many of the largest")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    names = largest_claims(given.claims)
    options = {"profile": "standard", "seed": 1, "budget": 1e6}
    with open_cluster("local", workers=WORKERS) as engine:
        for one in (engine, Threads(WORKERS)):  # compiled and planned
            examine(names, profile="quick", seed=1, engine=one)
        rounds = [
            [took(engine, lambda one=one: examine(names, **options, engine=one)) for one in (Threads(WORKERS), engine)]
            for _ in range(given.rounds)
        ]
        each = overhead(engine)
    walls, works = ([tuple(one[kind] for one in both) for both in rounds] for kind in (0, 1))
    lines = [
        "# What a cluster costs",
        "",
        machine_line("distributed"),
        "",
        f"{', '.join(names)} at `standard`, by {WORKERS} threads and by {WORKERS} worker processes, "
        f"{'once' if given.rounds == 1 else f'medians of {given.rounds} rounds'}: {compared(works)} of processor time "
        f"of all processes together, {compared(walls)} of wall-clock time.",
        "",
        f"The scheduler and the command take {seconds(each)} of processor time for a call, the least of {ROUNDS} "
        f"rounds of {CALLS} calls of next to nothing. They serve one call after another. If every unit has a call of "
        "its own, the time of a run is",
        "",
        "$$T(P) = \\max(W / P,\\; U c) + W / U$$",
        "",
        "for W core-seconds in U units, c seconds for each, and P processors: more than W / (U c) processors wait for "
        "the scheduler. While many units wait, short ones share calls of up to half a second, so that this is an upper "
        "bound.",
        "",
        "| Run | Units U | Core-seconds W | W / (U c) | T(10) | T(100) | T(1,000) | T(10,000) |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    runs = [(f"`{profile}`", *units_of(profile)) for profile in PROFILES]
    deep = network("res-3", "uniform", width=40, depth=1000)
    blocks = 10**9 // deep.block_size
    runs.append((
        "10^9 replicates of width 40, depth 1000",
        len(plan_units(deep, 10**9, 1)),
        blocks * ESTIMATED.block_seconds(deep),
    ))  # fmt: skip
    for name, units, work in runs:
        times = " | ".join(format_duration(model(work, units, each, one)) for one in (10, 100, 1000, 10_000))
        lines.append(f"| {name} | {units:,} | {work:,.0f} | {work / (units * each):,.0f} | {times} |")
    text = "\n".join(lines) + "\n"
    if given.out is None:
        sys.stdout.write(text)
    else:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
