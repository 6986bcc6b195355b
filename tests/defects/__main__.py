"""Run the claims against every planted defect, cheapest first, until one is not supported; print a table.

A true statement is left undecided with a probability of at most 5e-6, and a wrong variant is refuted wherever the
statement is supported: what is inconclusive, or supported without having refuted a variant, is a find as well. The
points of a claim are judged one after another, those with the cheapest samples first, until one of them fails.

``python tests/defects [--profile quick|standard] [--seed N] [NAME...]``, or ``tox run -e defects``. Each defect has a
process of its own; one that needs a profile has that. Exit code 1 if a defect escapes the claims that should find it,
or raises an error in the place of a verdict.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.machine_costs import ESTIMATED
from theory_check.experiments.workload import Workload
from theory_check.findings.run import Finding
from theory_check.foundation import stored_values
from theory_check.simulation.engines import Threads
from theory_check.simulation.execution import Simulation, silent
from theory_check.verification.looks import decide, stops
from theory_check.verification.plan import find_profile, plan_run

sys.path.insert(0, str(Path(__file__).parent))

from planted import DEFECTS, Defect


def caught(defect: Defect, profile: str, seed: int) -> str:
    """Return the first point that fails, with its verdict; nothing if none does."""
    with pytest.MonkeyPatch.context() as patch:
        # What a wrong oracle computes must not be kept on the disk.
        patch.setattr(stored_values, "values_folder", lambda: None)
        defect.plant(patch)
        found = (
            f"`{finding.id}` {failure(finding)}"
            for name in defect.claims
            for finding in judged(name, profile, seed)
            if failure(finding)
        )
        return next(found, "")


def judged(claim: str, profile: str, seed: int) -> Iterator[Finding]:
    """Yield the findings of a claim as its run has them, those whose samples are expected to cost least first.

    Samples are simulated when a finding is asked for, and none for pictures.
    """
    checks = plan_run([claim], find_profile(profile)).checks
    for group in sorted(sharing(checks), key=lambda group: ESTIMATED.seconds(workload(group, "expected").values())):
        with Simulation(
            workload(group, "replicates"), seed, stops=stops(group, {}), engine=Threads(1), folder=None, report=silent
        ) as simulation:
            yield from (decision.finding for decision in decide(group, {}, simulation).values())


def sharing(checks: Iterable[PlannedCheck]) -> list[list[PlannedCheck]]:
    """Return the checks in groups, each on samples of its own."""
    groups: list[tuple[set[str], list[PlannedCheck]]] = []
    for check in checks:
        samples, together = {experiment.identity for experiment in check.experiments}, [check]
        for group in [group for group in groups if group[0] & samples]:
            groups.remove(group)
            samples, together = group[0] | samples, [*group[1], *together]
        groups.append((samples, together))
    return [together for _, together in groups]


def workload(checks: Iterable[PlannedCheck], replicates: str) -> Mapping[str, tuple[Experiment, int]]:
    """Return what checks are judged on, with the numbers of replicates that an attribute of theirs has."""
    return Workload.of((e, getattr(check, replicates)) for check in checks for e in check.experiments).merged


def failure(finding: Finding) -> str:
    """Return in which way a point fails; nothing if it is as it should be."""
    if finding.verdict != "supported":
        return finding.verdict
    missed = [variant.name for variant in finding.variants if variant.verdict != "refuted"]
    return f"does not refute {missed[0]!r}" if missed else ""


def row(name: str, profile: str, seed: int) -> str:
    """Return a row of the table, found in a process of its own."""
    profile = "standard" if DEFECTS[name].profile == "standard" else profile
    forks, begun = multiprocessing.get_context("fork"), time.monotonic()
    answer, question = forks.Pipe(duplex=False)

    def look() -> None:
        found = caught(DEFECTS[name], profile, seed)
        question.send((found, time.process_time()))

    process = forks.Process(target=look)
    process.start()
    question.close()
    try:
        found, seconds = answer.recv()
    except EOFError:
        found, seconds = "**broke off** by an error", math.nan
    process.join()
    escaped = f"**escaped** {', '.join(DEFECTS[name].claims)}" if DEFECTS[name].claims else "no claim, only a unit test"
    said = found or escaped
    print(f"{name}: {said}, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return f"| {name} | {said} | {seconds:.1f} s | {DEFECTS[name].unit_test or 'none'} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="defects", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="defects to plant; default: all")
    parser.add_argument("--profile", default="quick", choices=["quick", "standard"])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in DEFECTS]
    if unknown:
        parser.error(f"there is no defect {unknown[0]!r}; there are {', '.join(DEFECTS)}")
    rows = [row(name, given.profile, given.seed) for name in given.names or DEFECTS]
    print("| Planted defect | Caught by | Processor time | Unit tests that see it |\n|:--|:--|--:|:--|")
    print("\n".join(rows))
    return int(any("**" in text for text in rows))


if __name__ == "__main__":
    raise SystemExit(main())
