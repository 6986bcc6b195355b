"""Run a profile under many seeds that are fixed beforehand, and count false alarms, misses and variants supported.

``python tests/seeds [--profile quick|standard] [--seeds N] [--history FILE.jsonl] [CLAIM...]``, or ``tox -e seeds``.
Every claim adds a line for each seed to the file, with its version. A repeated command goes on where it stopped, and
runs again only claims whose version has changed. Exit code 1 if runs refute more than their family level allows, at
1e-2, or a named mistake is supported.
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
from theory_check.verification.nights import versions_of
from theory_check.verification.plan import find_profile, plan_run
from theory_check.verification.run import verify

#: The seeds follow this one. It was never used to find a margin or a target.
BEFORE_FIRST = 20_261_126
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


def together(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one run for each seed, from the lines of its claims."""
    runs: dict[int, dict[str, Any]] = {}
    for line in lines:
        run = runs.setdefault(line["seed"], {"points": 0, "unsupported": {}, "unrefuted": {}})
        run["points"] += line["points"]
        run["unsupported"] |= line["unsupported"]
        run["unrefuted"] |= line["unrefuted"]
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
    lines = given.history.read_text().splitlines() if given.history.exists() else []
    done = {
        (run["seed"], run["claim"]): run
        for run in map(json.loads, lines)
        if run["profile"] == given.profile and versions.get(run["claim"]) == run["version"]
    }
    seeds = range(BEFORE_FIRST + 1, BEFORE_FIRST + 1 + given.seeds)
    for seed in seeds:
        missing = [claim for claim in versions if (seed, claim) not in done]
        if not missing:
            continue
        begun = time.process_time()
        found = summarise(verify(missing, profile=given.profile, seed=seed, budget=1e6))
        head = {"profile": given.profile, "seed": seed}
        fresh = {
            (seed, claim): head | {"claim": claim, "version": versions[claim]} | result
            for claim, result in found.items()
        }
        with given.history.open("a") as history:
            history.writelines(json.dumps(line) + "\n" for line in fresh.values())
        done |= fresh
        unsupported = together(fresh.values())[0]["unsupported"].items()
        said = ", ".join(f"{name} {verdict}" for name, verdict in unsupported) or "all supported"
        print(f"seed {seed}: {said}, {time.process_time() - begun:.0f} core-s", file=sys.stderr, flush=True)
    text, kept = table(together(line for (seed, _), line in done.items() if seed in seeds))
    print(text)
    return int(not kept)


if __name__ == "__main__":
    raise SystemExit(main())
