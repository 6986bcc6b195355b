"""Run a profile under many seeds that are fixed beforehand, and count false alarms, misses and variants supported.

``python tests/seeds [--profile quick|standard] [--seeds N] [--history FILE.jsonl] [CLAIM...]``, or ``tox -e seeds``.
The file has a line for each claim and what was found of it, with the numbers of the seeds that found so. A repeated
command goes on where it stopped, and runs again only claims whose version has changed. Exit code 1 if runs refute more
than their family level allows, at 1e-2, or a named mistake is supported.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scipy.stats import binom

from theory_check.claims.planning import FAMILY_LEVEL
from theory_check.findings.run import RunRecord
from theory_check.foundation.files import write_atomically
from theory_check.verification.nights import versions_of
from theory_check.verification.plan import find_profile, plan_run
from theory_check.verification.run import verify

#: The seeds follow this one. It was never used to find a margin or a target.
BEFORE_FIRST = 20_261_126
#: What a result says of a claim.
_FOUND = ("points", "unsupported", "unrefuted")
#: More refuted runs than the level explains with this probability are a defect.
LEVEL = 1e-2


def summarise(record: RunRecord) -> dict[str, dict[str, Any]]:
    """Return what a run found of each claim: what is not supported, and the mistakes that are not refuted."""
    return {
        claim.id: {
            "points": len(claim.findings),
            "unsupported": {f.id: f.verdict for f in claim.findings if f.verdict != "supported"},
            "unrefuted": {
                f"{f.id}: {v.name}": v.verdict for f in claim.findings for v in f.variants if v.verdict != "refuted"
            },
        }
        for claim in record.claims
    }


#: Profile, claim, version and number of a seed, from 1: what a result is of.
Key = tuple[str, str, str, int]


def load(history: Path) -> dict[Key, dict[str, Any]]:
    """Return the results that a file has."""
    lines = history.read_text(encoding="utf-8").splitlines() if history.exists() else []
    return {
        (line["profile"], line["claim"], line["version"], seed): {name: line[name] for name in _FOUND}
        for line in map(json.loads, lines)
        for seed in line["seeds"]
    }


def save(history: Path, results: Mapping[Key, Mapping[str, Any]]) -> None:
    """Write results to a file: seeds with the same result share a line."""
    seeds: dict[str, list[int]] = {}
    for (profile, claim, version, seed), found in sorted(results.items(), key=lambda item: item[0]):
        seeds.setdefault(json.dumps({"profile": profile, "claim": claim, "version": version, **found}), []).append(seed)
    lines = (json.dumps(json.loads(line) | {"seeds": numbers}) for line, numbers in seeds.items())
    history.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(history, "".join(f"{line}\n" for line in lines))


def together(results: Mapping[Key, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one run for each seed, from the results of its claims."""
    runs: dict[int, dict[str, Any]] = {}
    for (*_, seed), found in results.items():
        run = runs.setdefault(seed, {"points": 0, "unsupported": {}, "unrefuted": {}})
        run["points"] += found["points"]
        run["unsupported"] |= found["unsupported"]
        run["unrefuted"] |= found["unrefuted"]
    return list(runs.values())


def table(runs: Iterable[Mapping[str, Any]]) -> tuple[str, bool]:
    """Return the rates over the runs, and whether they keep what the level promises."""
    runs = list(runs)
    verdicts = Counter(verdict for run in runs for verdict in set(run["unsupported"].values()))
    variants = Counter(verdict for run in runs for verdict in run["unrefuted"].values())
    by_point = Counter((name, verdict) for run in runs for name, verdict in run["unsupported"].items())
    alarms = verdicts["refuted"] + verdicts["inapplicable"]
    chance = float(binom.sf(alarms - 1, len(runs), FAMILY_LEVEL))
    lines = [
        f"{len(runs)} runs of {runs[0]['points'] if runs else 0} points:",
        f"  runs with a refuted point       {verdicts['refuted']}",
        f"  runs with a violated hypothesis {verdicts['inapplicable']}",
        f"  runs with an undecided point    {verdicts['inconclusive']}",
        f"  chance of as many alarms at the family level {FAMILY_LEVEL:g}: {chance:.2g}",
        f"  named mistakes supported {variants['supported']}, undecided {variants['inconclusive']}",
        *(f"  {name} {verdict}: {count}" for (name, verdict), count in by_point.most_common()),
    ]
    return "\n".join(lines), chance >= LEVEL and not variants["supported"]


def main() -> int:
    """Run the seeds that are missing and print the rates."""
    parser = argparse.ArgumentParser(prog="seeds", description=__doc__)
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="default: all")
    parser.add_argument("--profile", default="quick", choices=["quick", "standard"])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--history", type=Path, default=Path("seeds.jsonl"))
    given = parser.parse_args()
    versions = versions_of(plan_run(given.claims, find_profile(given.profile)))
    results = {
        key: found
        for key, found in load(given.history).items()
        if key[0] != given.profile or versions.get(key[1], key[2]) == key[2]
    }
    asked = {
        (given.profile, claim, version, number)
        for claim, version in versions.items()
        for number in range(1, given.seeds + 1)
    }
    for number in range(1, given.seeds + 1):
        missing = [
            claim for claim, version in versions.items() if (given.profile, claim, version, number) not in results
        ]
        if not missing:
            continue
        begun, seed = time.process_time(), BEFORE_FIRST + number
        found = summarise(verify(missing, profile=given.profile, seed=seed, budget=1e6))
        fresh = {(given.profile, claim, versions[claim], number): result for claim, result in found.items()}
        results |= fresh
        save(given.history, results)
        unsupported = together(fresh)[0]["unsupported"].items()
        said = ", ".join(f"{name} {verdict}" for name, verdict in unsupported) or "all supported"
        print(f"seed {seed}: {said}, {time.process_time() - begun:.0f} core-s", file=sys.stderr, flush=True)
    text, kept = table(together({key: found for key, found in results.items() if key in asked}))
    print(text)
    return int(not kept)


if __name__ == "__main__":
    raise SystemExit(main())
