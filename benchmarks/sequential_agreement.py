"""Verdicts of runs that stop when they are decided against runs of all planned replicates, seed by seed.

    python benchmarks/sequential_agreement.py [CLAIM ...] [--seeds 30] [--profile quick] [--out FILE.jsonl]

Every seed simulates the whole plan once. A point is judged once on all its replicates at its whole level, and at its
planned looks until one decides, as a run does. Whatever the truth, either verdict is wrong with probability at most the
level of the point, and a true statement is missed with probability at most its miss rate: two verdicts differ with
probability at most the sum of both for both, and the number of points that differ is held against that by Markov's
inequality. The output gains a line with each seed; a repeated command goes on after the last one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from theory_check.claims.judging import Look, decisive_look
from theory_check.claims.planning import PlannedCheck
from theory_check.simulation.runner import run_experiments
from theory_check.verification.run import find_profile, plan_run

CLAIMS = ("E3", "P4", "E8", "E19", "C1")


class OneLook(PlannedCheck):
    """A point that is judged once, on all its replicates at its whole level."""

    @cached_property
    def looks(self) -> tuple[int, ...]:
        return (self.replicates,)


@dataclass(frozen=True)
class Comparison:
    """What a seed found: the verdict of each point in either way, and the replicates that were planned and needed."""

    seed: int
    verdicts: dict[str, tuple[str, str]]
    planned: int
    needed: int


def compare(names: tuple[str, ...], profile: str, seed: int) -> Comparison:
    plan = plan_run(names, find_profile(profile))
    samples = run_experiments(plan.workload, seed)
    verdicts, planned, needed = {}, 0, 0
    for check in plan.checks:
        given = [samples[experiment].first(check.replicates) for experiment in check.experiments]
        look = decisive_look(check, given)
        once = OneLook(check.id, check.check, check.level, check.replicates, check.too_near)
        verdicts[check.id] = Look(once, given, 0).verdict, look.verdict
        planned += check.replicates
        needed += check.looks[look.number]
    return Comparison(seed, verdicts, planned, needed)


def allowed(names: tuple[str, ...], profile: str) -> float:
    """Return the expected number of points that differ in one seed, at most."""
    checks = plan_run(names, find_profile(profile)).checks
    return sum(2.0 * (check.level + check.check.miss_rate) for check in checks)


def summarise(found: list[Comparison], rate: float) -> tuple[str, bool]:
    pairs = Counter(pair for comparison in found for pair in comparison.verdicts.values())
    differing = sum(count for (once, looked), count in pairs.items() if once != looked)
    # P(any) is at most its mean.
    chance = min(1.0, rate * len(found))
    share = sum(c.needed for c in found) / max(1, sum(c.planned for c in found))
    lines = [f"{len(found)} seeds, {sum(pairs.values())} verdicts; needed {share:.2f} of the planned replicates"]
    lines += [f"  once {once}, at looks {looked}: {count}" for (once, looked), count in sorted(pairs.items())]
    lines.append(f"{differing} differ; the levels and miss rates allow any with probability at most {chance:.2g}")
    return "\n".join(lines), differing == 0 or chance > 1e-3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="*", default=CLAIMS)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    names = tuple(options.claims)
    found: dict[int, Comparison] = {}
    if options.out is not None and options.out.exists():
        for line in options.out.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record.pop("run") == [list(names), options.profile]:
                verdicts = {point: tuple(pair) for point, pair in record.pop("verdicts").items()}
                found[record["seed"]] = Comparison(verdicts=verdicts, **record)
    for seed in range(1, options.seeds + 1):
        if seed in found:
            continue
        found[seed] = compare(names, options.profile, seed)
        if options.out is not None:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"run": [names, options.profile], **asdict(found[seed])}) + "\n")
        print(f"seed {seed}", file=sys.stderr, flush=True)
    text, agree = summarise(list(found.values()), allowed(names, options.profile))
    print(text)
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
